"""What to look at before a message is sent, and as what a recipient gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from siphub.model import Caller, Message, sample
from siphub.model import people as p
from siphub.model.directory import Agreement
from siphub.model.identifiers import PersonRef
from siphub.model.messages.meeting import MeetingSummoned
from siphub.model.messages.plan import PlanProposed
from siphub.model.person import CasePerson
from siphub.policy.case import Decision, decide
from siphub.policy.foresight import Caution, cautions, giver_of, standing
from siphub.policy.routing import route, shown
from siphub.testing import chapters
from siphub.testing.desk import OUTSIDE, Desk

BOUND = Agreement(id="OMBUD-1", area="Umeå", valid_from=date(2020, 1, 1), binds=(OUTSIDE,))
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


def carries_all(_adapter: str, _message_type: str) -> bool:
    """Say yes."""
    return True


def told(
    desk: Desk, content: Any, to: Any = UNITS, carries: Any = carries_all, now: datetime | None = None, called: int = 3
) -> list[Caution]:
    """Return what to look at before the contact sends this to a meeting with so many called."""
    message, now = desk.story.message(content, to), now or desk.now
    decision = decide(desk.open, message, caller_of(message), desk.directory, now)
    assert isinstance(decision, Decision)
    meetings = (meeting.model_copy(update={"participants": meeting.participants[:1] * called}) for meeting in decision.case.meetings)
    decision = replace(decision, case=decision.case.model_copy(update={"meetings": tuple(meetings)}))
    found = [shown(message, unit, decision.case, desk.directory, now) for unit in to]
    return list(cautions(message, decision, found, carries, desk.directory, now))


def looked_at(desk: Desk, content: Any, to: Any = UNITS, carries: Any = carries_all, **more: Any) -> list[str]:
    """Return the codes of what to look at before the contact sends this."""
    return [caution.code for caution in told(desk, content, to, carries, **more)]


def caller_of(message: Message) -> Caller:
    """Return a caller that may speak for the sender."""
    return Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "submit")


def kallelse(desk: Desk, **changes: object) -> MeetingSummoned:
    """Return the story's kallelse, changed."""
    return desk.story.kallelse().model_copy(update=changes)


def test_nothing_to_look_at(prepared: Desk) -> None:
    """Given a kallelse to three units that may know, in good time, then there is nothing to look at."""
    assert looked_at(prepared, kallelse(prepared)) == []


def test_absent_and_unprepared(desk: Desk) -> None:
    """Given an individual who will be absent and has told nobody what they want, then that is told (REQ-61)."""
    story = desk.story
    story.ready(UNITS, ("plan", "meeting", "information_exchange", "invite", "meeting_in_absence"))
    absent = kallelse(desk, individual_attendance="absent_consented")
    assert looked_at(desk, absent) == []
    desk.case = desk.open.model_copy(update={"prepared": False})
    assert looked_at(desk, absent) == ["meeting.absent_unprepared"]


def test_a_way_that_cannot_carry_it(prepared: Desk) -> None:
    """Given an adapter that does not take kallelser, then it is told for each recipient that would be sent one."""

    def no(adapter: str, message_type: str) -> bool:
        return (adapter, message_type) != (way, "meeting.summoned")

    unit = prepared.directory.unit(p.CARE_CENTRE)
    assert unit is not None
    assert unit.address is not None
    way = unit.address.adapter
    assert looked_at(prepared, kallelse(prepared), carries=no) == ["adapter.kind_unsupported"] * 3
    assert told(prepared, kallelse(prepared), (p.CARE_CENTRE,), no) == [Caution("adapter.kind_unsupported", p.CARE_CENTRE)]
    assert looked_at(prepared, kallelse(prepared), to=(p.FK,), carries=no) == []


@pytest.mark.parametrize(("duty_basis", "stands"), [("agreement:OMBUD-1", "bound"), ("SoL10:8", "outside"), ("agreement:OTHER", "outside")])
def test_a_duty_by_agreement_is_told_apart(prepared: Desk, duty_basis: str, stands: str) -> None:
    """Given a kallelse on an agreement that binds a unit, then the unit is obliged by that agreement, and on any other basis it is not."""
    directory = prepared.directory.model_copy(update={"agreements": (BOUND,)})
    message = prepared.story.message(kallelse(prepared, duty_basis=duty_basis), (OUTSIDE,))
    found = route(message, OUTSIDE, prepared.open, directory, prepared.now)
    assert standing(message, found, directory, prepared.now) == stands


def test_other_messages_are_for_what_the_rule_says(prepared: Desk) -> None:
    """Given a message that calls nobody, then a recipient is what the disclosure rule takes it for."""
    message = next(found for found in prepared.story.sent if found.type == "sip.requested")
    found = route(message, p.CONTACT, prepared.open, prepared.directory, prepared.now)
    assert standing(message, found, prepared.directory, prepared.now) == "contact"


@pytest.mark.parametrize(("from_day", "stands"), [(0, "bound"), (1, "outside")])
def test_a_call_is_judged_by_the_day_it_calls_to(prepared: Desk, from_day: int, stands: str) -> None:
    """Given an agreement that begins on the day of the meeting, or on the day after, then a call sent today is by agreement, or is not."""
    starts = prepared.story.meeting().starts_at.date()
    later = BOUND.model_copy(update={"valid_from": starts + timedelta(days=from_day)})
    directory = prepared.directory.model_copy(update={"agreements": (later,)})
    message = prepared.story.message(kallelse(prepared, duty_basis="agreement:OMBUD-1"), (OUTSIDE,))
    found = route(message, OUTSIDE, prepared.open, directory, prepared.now)
    assert standing(message, found, directory, prepared.now) == stands


def test_whose_consent_it_is(desk: Desk) -> None:
    """Given a consent by the individual, then it is theirs, also beside a no, which nobody gives; given none, then nobody is named."""
    desk.story.requested()
    assert giver_of(desk.open) == "somebody"
    desk.story.consented(UNITS)
    desk.story.refused(("evaluation_survey",))
    assert giver_of(desk.open) == "individual"


def test_answers_by_a_day_that_is_past(prepared: Desk) -> None:
    """Given a last day for answering that has just passed, then it is told; at the moment before, it is not (G8)."""
    last = prepared.story.kallelse().respond_by
    assert looked_at(prepared, kallelse(prepared), now=last - timedelta(seconds=1)) == []
    assert looked_at(prepared, kallelse(prepared), now=last) == ["meeting.answer_date"]


def test_what_a_call_lacks_before_it_is_final(prepared: Desk) -> None:
    """Given a kallelse whose last day for answering is after the meeting, then that is told before it is sent."""
    late = prepared.story.meeting().starts_at + timedelta(days=1)
    assert looked_at(prepared, kallelse(prepared, respond_by=late)) == ["meeting.respond_late"]


def test_many_at_one_table(prepared: Desk) -> None:
    """Given seven who are called on, then nothing is said; from eight on it is asked whether all are needed (REQ-49)."""
    assert looked_at(prepared, kallelse(prepared), called=7) == []
    assert looked_at(prepared, kallelse(prepared), called=8) == ["meeting.many_participants"]


def test_an_invitation_says_little(prepared: Desk) -> None:
    """Given an invitation, then it is told that it goes out with the minimal fields (G4)."""
    prepared.story.invited((p.FK,))
    content = prepared.story.sent[-1].content
    assert looked_at(prepared, content, to=(p.FK,)) == ["invitation.minimal"]


def test_a_guardians_free_texts_are_read_through(prepared: Desk) -> None:
    """Given a guardian from whom the address is secret, when a call with an agenda goes to them, then it is told whose texts to read through."""
    ref = PersonRef("guardian/1")
    chapters.approved(prepared.story, UNITS, (CasePerson(ref=ref, name="Vera Vårdnadshavare", address_secret=True),))
    found = sample("meeting.summoned", maximal=True).content
    assert isinstance(found, MeetingSummoned)
    spoken = kallelse(prepared, agenda=found.agenda)
    assert told(prepared, spoken, (ref, *UNITS))[:1] == [Caution("guardian.read_through", ref)]
    assert told(prepared, kallelse(prepared), (ref,)) == []
    message = prepared.story.message(spoken, (ref,))
    by_hand = shown(message, ref, prepared.open, prepared.directory, prepared.now).by_hand
    assert by_hand == ("/content/agenda",)


def test_what_a_plan_lacks_is_told_by_the_directory(active: Desk) -> None:
    """Given a draft whose coordinator is at no huvudman, then that is told before it is sent (REQ-66)."""
    outside = active.story.convener.model_copy(update={"unit": OUTSIDE})
    plan = active.story.plan(UNITS, 2).model_copy(update={"coordinator": outside})
    assert "plan.coordinator_missing" in looked_at(active, PlanProposed(plan=plan))


def test_the_work_it_would_open_is_told_in_words() -> None:
    """Given a plan from elsewhere that lacks something, then the work item it would open is told, in both languages."""
    said = Caution("plan.incomplete").said
    assert said.en != said.sv
    assert said.en.endswith(".")
