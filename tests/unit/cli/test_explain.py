"""`explain`: what became of a message, or would, for each recipient: in Swedish and in English, in codes for whoever searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.policy.foresight import MANY
from siphub.policy.reasons import REASONS
from siphub.testing.story import Story

if TYPE_CHECKING:
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
StoryAt = Callable[["Door"], Story]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)
NOBODYS = "00000000-0000-4000-8000-000000000000"


def pieces(out: str) -> dict[str, list[str]]:
    """Return what was printed: each head with the sentences below it."""
    found: dict[str, list[str]] = {}
    for line in out.splitlines():
        if line.startswith("  "):
            found[list(found)[-1]].append(line.strip())
        else:
            found[line] = []
    return found


def piece(out: str, word: str) -> tuple[str, list[str]]:
    """Return the one piece whose head has a word."""
    return next((head, lines) for head, lines in pieces(out).items() if word in head)


class TestWhatWasHandedIn:
    def test_who_got_it_and_on_which_basis_in_both_languages(self, run: Run, called: Story) -> None:
        """Given a kallelse that arrived, then it is said in Swedish and in English on which basis, and why the rule is so."""
        done = run("explain", called.sent[-1].message_id)
        assert done.status == 0
        head, lines = piece(done.out, p.HOME_CARE)
        assert "delivered through folder on the basis consent (consent version " in head
        assert lines[0].startswith("sv: Det har kommit fram, på samtycke från den enskilde")
        assert lines[0].endswith("vilka andra som kommer bara med samtycke.")
        assert lines[1].startswith("en: It has arrived, on consent from the individual")
        assert lines[1].endswith("who else comes only with consent.")

    def test_who_did_not_and_why_in_both_languages(self, run: Run, called: Story) -> None:
        """Given a kallelse to a unit nobody consented to, then it is said in both languages that it is not sent, why, and what to do."""
        head, lines = piece(run("explain", called.sent[-1].message_id).out, p.CARE_CENTRE)
        reason = REASONS["basis.consent_missing"]
        [one] = [row for row in run("deliveries", "list", "--json").facts if row["recipient"] == p.CARE_CENTRE]
        assert head.endswith(f"withheld [basis.consent_missing], delivery {one['delivery']}")
        assert lines == [f"sv: Det skickas inte. {reason.sv}", f"en: It is not sent. {reason.en}"]

    @pytest.mark.parametrize(("language", "said"), [("sv", ["sv"]), ("en", ["en"]), ("both", ["sv", "en"])])
    def test_in_one_language(self, run: Run, called: Story, language: str, said: Sequence[str]) -> None:
        """Given a language, then only its sentences are printed."""
        found = pieces(run("explain", called.sent[-1].message_id, "--language", language).out)
        assert {tuple(line[:2] for line in lines) for lines in found.values()} == {tuple(said)}

    def test_in_no_language_there_is(self, run: Run, door: Door) -> None:
        """Given a language there is not, then exit 2."""
        done = run("explain", NOBODYS, "--language", "fi")
        assert (done.status, done.out) == (2, "")
        assert "language.unknown" in done.err

    def test_as_facts(self, run: Run, called: Story) -> None:
        """Given --json, then the same as JSON, with a sentence in each language."""
        found = {one["recipient"]: one for one in run("explain", called.sent[-1].message_id, "--json").facts}
        assert (found[p.HOME_CARE]["state"], found[p.HOME_CARE]["kind"]) == ("delivered", "duty")
        withheld, reason = found[p.CARE_CENTRE], REASONS["basis.consent_missing"]
        assert (withheld["reason"], withheld["text"]) == ("basis.consent_missing", reason.en)
        assert (withheld["text_sv"], withheld["text_en"]) == (f"Det skickas inte. {reason.sv}", f"It is not sent. {reason.en}")

    def test_what_is_for_the_hub_alone(self, run: Run, called: Story) -> None:
        """Given a consent, then it is said in both languages that nobody receives it."""
        lines = run("explain", called.sent[1].message_id).out.splitlines()
        assert lines == ["  sv: Meddelandet stannar här: ingen får det.", "  en: The message is for the hub alone: nobody receives it."]

    @pytest.mark.parametrize("what", [NOBODYS, "no-id"])
    def test_a_message_that_is_not_there(self, run: Run, door: Door, what: str) -> None:
        """Given an id nobody has used, or none, then exit 1."""
        done = run("explain", what)
        assert (done.status, done.out) == (1, "")
        assert "message.not_there" in done.err

    @pytest.mark.parametrize("words", [[], [NOBODYS, "--dry-run", "x"]])
    def test_one_of_the_two_is_needed(self, run: Run, door: Door, words: Sequence[str]) -> None:
        """Given neither an id nor a file, or both, then exit 2."""
        assert run("explain", *words).status == 2


class TestWhatWasNot:
    @pytest.fixture
    def dry(self, run: Run, tmp_path: Path) -> Callable[..., Done]:
        """Return the dry run of a message."""

        def ask(message: Any, *words: str) -> Done:
            file = tmp_path / f"{uuid4()}.json"
            file.write_bytes(message.to_json())
            return run("explain", "--dry-run", file, *words)

        return ask

    @pytest.fixture
    def ready(self, door: Door, story_at: StoryAt) -> Story:
        """Return a case in which two units and Försäkringskassan are consented to and chosen."""
        story = story_at(door)
        story.ready((*UNITS, p.FK))
        return story

    def test_who_would_get_it_as_what_and_why(self, dry: Callable[..., Done], run: Run, called: Story) -> None:
        """Given a kallelse nobody has sent, then each unit's kind, basis and reason are told in both languages, and nothing is stored."""
        again = called.message(called.kallelse(), UNITS)
        done = dry(again)
        assert done.status == 0
        _, lines = piece(done.out, "Hemtjänsten (SE2120009994-1002) would receive it on the basis consent, through folder")
        assert lines[0].startswith("sv: Det skulle skickas, på samtycke från den enskilde. Den som är skyldig att komma")
        assert lines[0].endswith("Mottagaren är: skyldig enligt lag att delta.")
        assert run("explain", again.message_id).status == 1

    def test_the_fields_are_named_in_words(self, dry: Callable[..., Done], ready: Story) -> None:
        """Given an invitation to Försäkringskassan, then what it would see and not see is told in words of both languages."""
        _, lines = piece(dry(ready.message(invitation(ready), [p.FK])).out, "would receive it on the basis consent")
        told = {line.rpartition(": ")[0]: line.rpartition(": ")[2].split(", ") for line in lines}
        assert {"Mötet", "Syfte"} <= set(told["sv: skulle se"])
        assert "Skrivet av" in told["sv: skulle inte se"]
        assert {"meeting", "purpose"} <= set(told["en: would see"])
        assert {"author", "sender (unit)"} <= set(told["en: would not see"])

    def test_the_fields_are_pointers_as_facts(self, dry: Callable[..., Done], ready: Story) -> None:
        """Given --json, then what would be seen and not is JSON pointers that never meet."""
        one = dry(ready.message(invitation(ready), [p.FK]), "--json").facts["recipients"][0]
        assert {"/author", "/sender/unit", "/content/convener/unit"} <= set(one["omitted"])
        assert {"/content/meeting", "/content/convener/phone", "/sender/organisation"} <= set(one["shown"])
        assert set(one["shown"]) & set(one["omitted"]) == set()
        assert (one["kind"], one["receives"], sorted(one["why"])) == ("agency", True, ["en", "sv"])

    def test_an_invitation_is_minimal_on_purpose(self, dry: Callable[..., Done], ready: Story) -> None:
        """Given an invitation, then it is said that what is left out is left out on purpose (G4)."""
        _, lines = piece(dry(ready.message(invitation(ready), [p.FK])).out, "[invitation.minimal]")
        assert lines == [f"sv: {REASONS['invitation.minimal'].sv}", f"en: {REASONS['invitation.minimal'].en}"]

    def test_what_is_missing_is_named(self, dry: Callable[..., Done], door: Door, story_at: StoryAt) -> None:
        """Given a consent to some of what an invitation needs, and a case where nobody may be invited yet, then the missing scopes and the state are said."""
        story = story_at(door)
        story.ready((p.FK,), ("invite", "information_exchange"))
        message = story.message(invitation(story), [p.FK])
        out = dry(message).out
        assert "(2021005521/sip) would not receive it [basis.scope_missing] (lacks meeting)" in out
        assert "The hub would not take it as the case stands, REQUESTED [case.wrong_state]" in out
        found = dry(message, "--json").facts
        assert (found["state"], found["recipients"][0]["lacks"]) == ("REQUESTED", ["meeting"])
        nobody = story.message(invitation(story), [p.AF])
        assert "[basis.consent_missing] (lacks invite, meeting, participant)" in dry(nobody).out

    def test_what_the_hub_would_refuse(self, dry: Callable[..., Done], called: Story) -> None:
        """Given a second version out of order, then exit 1 and why the hub would not take it, in both languages."""
        message = called.message(called.kallelse().model_copy(update={"meeting": called.meeting(version=7)}), UNITS)
        reason = REASONS["message.out_of_order"]
        done = dry(message)
        assert done.status == 1
        assert piece(done.out, "[message.out_of_order]")[1] == [f"sv: {reason.sv}", f"en: {reason.en}"]
        found = dry(message, "--json")
        assert (found.status, found.facts["accepted"], found.facts["code"]) == (1, False, "message.out_of_order")
        assert (found.facts["text_sv"], found.facts["text_en"]) == (reason.sv, reason.en)

    def test_the_first_message_of_a_case(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given a request in a case nobody has opened, then the contact would receive it."""
        (tmp_path / "m.json").write_text(siphub("sample", "sip.requested", "--fresh").out)
        found = run("explain", "--dry-run", tmp_path / "m.json", "--json").facts
        assert [(one["recipient"], one["receives"], one["basis"]) for one in found["recipients"]] == [(p.CONTACT, True, "own_message")]

    def test_many_are_called(self, dry: Callable[..., Done], ready: Story) -> None:
        """Given as many called as are many, then somebody should ask whether all are needed (REQ-49); one fewer is no caution."""
        many = [UnitId(f"{p.HOME_CARE[:-4]}{1002 + index}") for index in range(MANY)]
        assert "meeting.many_participants" in dry(ready.message(ready.kallelse(), many)).out
        assert "meeting.many_participants" not in dry(ready.message(ready.kallelse(), many[1:])).out

    def test_many_have_been_called(self, run: Run, ready: Story) -> None:
        """Given many who are called, then the message is taken all the same, and whoever asks what became of it is told to look at it (REQ-49)."""
        many = [UnitId(f"{p.HOME_CARE[:-4]}{1002 + index}") for index in range(MANY)]
        ready.summoned(many)
        shown = run("explain", ready.sent[-1].message_id)
        said = REASONS["meeting.many_participants"]
        assert piece(shown.out, "Look at [meeting.many_participants]")[1] == [f"sv: {said.sv}", f"en: {said.en}"]
        assert shown.out.count("meeting.many_participants") == 1
        entries = run("explain", ready.sent[-1].message_id, "--json").facts
        assert {caution["code"] for entry in entries for caution in entry["cautions"]} == {"meeting.many_participants"}
        assert len(entries) == MANY

    @pytest.mark.parametrize(("days", "code"), [(-1, "meeting.answer_date"), (15, "meeting.respond_late")])
    def test_nobody_could_be_reminded_in_time(self, dry: Callable[..., Done], ready: Story, days: int, code: str) -> None:
        """Given a last day for answering that is past, or after the meeting, then that is told (G8)."""
        kallelse = ready.kallelse().model_copy(update={"respond_by": ready.now + timedelta(days=days)})
        assert code in dry(ready.message(kallelse, UNITS)).out
        assert code not in dry(ready.message(ready.kallelse(), UNITS)).out

    def test_a_duty_that_is_declined(self, dry: Callable[..., Done], called: Story) -> None:
        """Given a no from a unit that is obliged to come, then it is told what work that makes (G11)."""
        content = m.MeetingResponse(
            meeting_id=called.meeting_id, meeting_version=1, response="decline", responder=m.Responder(name="Hanna", role="enhetschef")
        )
        found = dry(called.message(content, [called.contact], by=p.HOME_CARE), "--json").facts
        assert [one["code"] for one in found["cautions"]] == ["meeting.duty_declined"]

    def test_closing_is_told_to_those_who_were_sent_something(self, dry: Callable[..., Done], called: Story) -> None:
        """Given a plan or meeting that is called off, then those who were sent something would get the stop notice, and nobody else anything."""
        content = pl.PlanClosed(reason="no-need", closed_on=called.now.date(), closed_by="Eva Kontakt", phone="090-123 45 67")
        found = {one["recipient"]: one for one in dry(called.message(content, (p.HOME_CARE, p.CARE_CENTRE)), "--json").facts["recipients"]}
        assert (found[p.HOME_CARE]["basis"], found[p.HOME_CARE]["receives"]) == ("recall", True)
        assert (found[p.CARE_CENTRE]["reason"], found[p.CARE_CENTRE]["receives"]) == ("recall.never_sent", False)


def invitation(story: Story) -> m.MeetingInvited:
    """Return an invitation to the story's meeting."""
    kallelse = story.kallelse()
    return m.MeetingInvited(meeting=kallelse.meeting, purpose="sip", convener=kallelse.convener, respond_by=kallelse.respond_by)
