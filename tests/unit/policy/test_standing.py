"""Where a consent and a participant stand, folded from what has happened, and that the fold never says more than the grants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.policy import consent
from siphub.policy.lifecycle import ANSWERS, consent_after, participant_after
from siphub.policy.standing import Call, _folded, consent_standing, consents_standing, participant_standing
from siphub.testing.desk import Desk

SCOPES: tuple[c.Scope, ...] = ("meeting", "information_exchange")
SIV = PersonRef("relative/1")


def stands(desk: Desk, party: str = p.HOME_CARE, scope: str = "meeting") -> str:
    """Return where a scope stands towards a party."""
    return consent_standing(desk.open, scope, party, desk.now)


def amended(desk: Desk, **more: Any) -> None:
    """Amend the consent."""
    desk.story.say(c.ConsentAmended.model_validate({"obtained_by": desk.story.eva, "obtained_on": p.DAY, **more}))


class TestConsent:
    def test_nobody_has_asked(self, desk: Desk) -> None:
        """Given a case without a consent, then nothing has been asked of anybody."""
        desk.story.requested()
        assert stands(desk) == "NOT_ASKED"
        assert consents_standing(desk.open, desk.now) == ()

    def test_a_chosen_unit_shows_what_is_still_to_be_asked(self, desk: Desk) -> None:
        """Given a unit that is chosen and a consent not asked for, then the scopes a call and a plan need stand as not asked."""
        desk.story.requested()
        desk.story.approved([p.HOME_CARE])
        assert [(found.scope, found.state) for found in consents_standing(desk.open, desk.now)] == [
            ("information_exchange", "NOT_ASKED"),
            ("meeting", "NOT_ASKED"),
            ("plan", "NOT_ASKED"),
        ]

    def test_what_was_said_is_listed_for_everybody_who_was_named(self, desk: Desk) -> None:
        """Given a yes to one unit for two scopes, a yes for a day to another, and a no to a third scope, then each stands towards each."""
        desk.story.requested()
        desk.story.consented([p.HOME_CARE], SCOPES)
        desk.story.consented([p.CARE_CENTRE], ("meeting",), valid_until=desk.now + timedelta(days=1))
        desk.story.refused(("evaluation_survey",))
        desk.later(timedelta(days=1))
        listed = [(found.party, found.scope, found.state) for found in consents_standing(desk.open, desk.now)]
        assert listed == sorted(listed)
        assert set(listed) == {
            (p.HOME_CARE, "meeting", "ACTIVE"),
            (p.HOME_CARE, "information_exchange", "ACTIVE"),
            (p.HOME_CARE, "evaluation_survey", "REFUSED"),
            (p.CARE_CENTRE, "meeting", "EXPIRED"),
            (p.CARE_CENTRE, "information_exchange", "NOT_ASKED"),
            (p.CARE_CENTRE, "evaluation_survey", "REFUSED"),
        }

    def test_a_no_is_for_everybody(self, desk: Desk) -> None:
        """Given a yes to one unit and then a no to the meeting, then the meeting is refused to it and to everybody, and nothing else."""
        desk.story.requested()
        desk.story.consented([p.HOME_CARE], SCOPES)
        desk.story.refused(["meeting"])
        assert [stands(desk), stands(desk, p.CARE_CENTRE), stands(desk, scope="information_exchange")] == ["REFUSED", "REFUSED", "ACTIVE"]

    def test_extended_and_narrowed_stay_active(self, desk: Desk) -> None:
        """Given a yes both ways, when it is narrowed to one way and widened again, then it is active, and the history says what was done."""
        desk.story.requested()
        desk.story.consented([p.HOME_CARE], SCOPES)
        amended(desk, add_parties=(c.Party(party=p.HOME_CARE, direction="to"),))
        amended(desk, add_parties=(c.Party(party=p.HOME_CARE),))
        assert stands(desk) == "ACTIVE"
        events = [change.event for record in desk.open.consents for change in record.changes if change.scope == "meeting"]
        assert events == ["consent.given", "consent.amended:narrowed", "consent.amended:extended"]

    def test_what_ran_out_has_expired_also_before_anybody_notices(self, desk: Desk) -> None:
        """Given a yes for a time, when the time is over, then it has expired, and a later yes makes it active."""
        desk.story.requested()
        desk.story.consented([p.HOME_CARE], SCOPES, valid_until=desk.now + timedelta(days=1))
        assert stands(desk) == "ACTIVE"
        desk.later(timedelta(days=1))
        assert stands(desk) == "EXPIRED"
        desk.story.consented([p.HOME_CARE], SCOPES)
        assert stands(desk) == "ACTIVE"

    def test_an_agency_that_was_named_covers_its_unit(self, desk: Desk) -> None:
        """Given a yes that names an agency, then it stands for the agency's unit; taking it back stands for it as well."""
        desk.story.requested()
        desk.story.consented([p.FORSAKRINGSKASSAN], SCOPES)
        assert stands(desk, p.FK) == "ACTIVE"
        desk.story.withdrawn([p.FK])
        assert (stands(desk, p.FK), stands(desk, p.AF)) == ("WITHDRAWN", "NOT_ASKED")

    def test_an_objection_takes_a_relatives_back_and_an_end_ends_all(self, desk: Desk) -> None:
        """Given a relative and a unit with a consent, when the relative is objected to and the case closed, then one is withdrawn and one over."""
        story = desk.story
        story.requested()
        siv = CasePerson(ref=SIV, name="Siv Provsdotter", chosen=True)

        def chosen(person: CasePerson) -> None:
            story.say(rq.ParticipantsApproved(units=(p.HOME_CARE,), approved_on=p.DAY, approved_how="oral", people=(person,)))

        chosen(siv)
        story.consented([p.HOME_CARE], SCOPES)
        desk.send(
            story.message(
                c.ConsentGiven.model_validate(
                    {**dict(_yes(desk)), "scopes": ("copy_to_relative",), "parties": (c.Party(party=SIV, direction="to"),)}
                )
            )
        )
        assert stands(desk, SIV, "copy_to_relative") == "ACTIVE"
        chosen(siv.model_copy(update={"chosen": False, "objection": True}))
        assert stands(desk, SIV, "copy_to_relative") == "WITHDRAWN"
        story.closed([])
        assert stands(desk) == "EXPIRED"


def _yes(desk: Desk) -> c.ConsentGiven:
    return c.ConsentGiven(
        scopes=("meeting",),
        parties=(c.Party(party=p.HOME_CARE),),
        mode="oral",
        given_by=desk.story.own_word,
        capacity=c.Capacity(state="able"),
        obtained_by=desk.story.eva,
        obtained_on=p.DAY,
        documented_in_record=True,
    )


PARTIES = (p.HOME_CARE, p.CARE_CENTRE)


def noticed(desk: Desk) -> None:
    """Let the sweep notice what ran out."""
    ran_out = consent.expired(desk.open, desk.now)
    desk.case = ran_out.case if ran_out is not None else desk.case


STEPS: dict[str, Callable[[Desk], object]] = {
    "yes": lambda desk: desk.story.consented(PARTIES, SCOPES),
    "yes to one": lambda desk: desk.story.consented(PARTIES[:1], SCOPES[:1]),
    "yes for a day": lambda desk: desk.story.consented(PARTIES, SCOPES, valid_until=desk.now + timedelta(days=1)),
    "no": lambda desk: desk.story.refused(),
    "no to the meeting": lambda desk: desk.story.refused(SCOPES[:1]),
    "add": lambda desk: amended(desk, add_parties=(c.Party(party=p.CARE_CENTRE, direction="to"),)),
    "add a scope": lambda desk: amended(desk, add_scopes=SCOPES[1:]),
    "take a party away": lambda desk: amended(desk, remove_parties=PARTIES[1:]),
    "take a scope away": lambda desk: amended(desk, remove_scopes=SCOPES[:1]),
    "withdraw": lambda desk: desk.story.withdrawn(),
    "withdraw one": lambda desk: desk.story.withdrawn(PARTIES[:1]),
    "choose": lambda desk: desk.story.approved(PARTIES),
    "wait": lambda desk: desk.later(timedelta(hours=20)),
    "notice": noticed,
}


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=10))
def test_the_history_and_the_grants_say_the_same(names: list[str]) -> None:
    """Given any order of yes, no, changes and time, then what the history folds to is active exactly where a grant is in force."""
    desk = Desk()
    desk.story.requested()
    for name in names:
        STEPS[name](desk)
        for party in PARTIES:
            for scope in SCOPES:
                live = scope in desk.scopes_of(party)
                assert (_folded(desk.open, scope, party, desk.now) == "ACTIVE") == live
                assert (consent_standing(desk.open, scope, party, desk.now) == "ACTIVE") == live


def call(
    state: str, position: int = 1, *, unit: UnitId = p.HOME_CARE, version: int = 1, kind: str = "meeting.summoned", **more: Any
) -> Call:
    """Return what became of a call."""
    return Call(unit, kind, None, version, position, state, **more)


class TestParticipant:
    def place(self, desk: Desk, *calls: Call, unit: UnitId = p.HOME_CARE) -> str | None:
        """Return where a unit stands before the meeting, given what became of its calls."""
        meeting = desk.open.meetings[-1]
        mine = [replace(found, object_id=str(meeting.id)) for found in calls]
        return participant_standing(desk.open, meeting, unit, mine)

    def test_nobody_named_stands_nowhere(self, summoned: Desk) -> None:
        """Given a unit nobody has named, and one that is chosen and not called, then they stand nowhere, and as approved."""
        assert self.place(summoned, unit=p.HOSPITAL) is None
        summoned.story.approved([p.HOSPITAL])
        assert self.place(summoned, unit=p.HOSPITAL) == "APPROVED_BY_INDIVIDUAL"

    @pytest.mark.parametrize(
        ("state", "stands"),
        [
            ("queued", "SENT"),
            ("sending", "SENT"),
            ("awaiting_receipt", "SENT"),
            ("delivered", "DELIVERED"),
            ("read", "READ"),
            ("held", "UNDELIVERABLE"),
            ("rejected", "UNDELIVERABLE"),
            ("gave_up", "UNDELIVERABLE"),
            ("withheld", "UNDELIVERABLE"),
            ("expired", "UNDELIVERABLE"),
            ("superseded", "UNDELIVERABLE"),
            ("recalled", "UNDELIVERABLE"),
            ("handled_manually", "MANUAL_CONFIRMED"),
        ],
    )
    def test_how_far_the_call_came(self, summoned: Desk, state: str, stands: str) -> None:
        """Given a call in each state a delivery can be in, then the participant stands there, and an answer outweighs it."""
        assert self.place(summoned, call(state)) == stands
        summoned.story.responded(p.HOME_CARE, "tentative")
        assert self.place(summoned, call(state)) == "TENTATIVE"

    def test_somebody_has_taken_it_on(self, summoned: Desk) -> None:
        """Given a call that was rejected, when a person has closed its work item, then somebody has taken it on by hand."""
        assert self.place(summoned, call("rejected", by_hand=True)) == "MANUAL_FALLBACK"
        assert self.place(summoned, call("delivered", by_hand=True)) == "DELIVERED"

    def test_the_newest_call_of_this_version_counts(self, summoned: Desk) -> None:
        """Given calls of other versions, to others, and other messages about the meeting, then the newest call of this version counts alone."""
        others = (call("read", 9, version=2), call("read", 8, unit=p.CARE_CENTRE), call("read", 7, kind="meeting.reminder"))
        assert self.place(summoned, call("read", 1), call("delivered", 2), *others) == "DELIVERED"

    def test_a_new_time_asks_everybody_anew(self, summoned: Desk) -> None:
        """Given an answer, when the meeting is moved, then the participant stands as called again (G7)."""
        summoned.story.responded(p.HOME_CARE)
        assert self.place(summoned) == "ACCEPTED"
        summoned.story.rescheduled([p.HOME_CARE])
        assert self.place(summoned, call("read", 1)) == "SENT"

    def test_whether_it_came_outweighs_all(self, summoned: Desk) -> None:
        """Given a meeting that was held, then who came attended and who did not was absent, whatever they had answered."""
        summoned.story.responded(p.HOME_CARE, "decline")
        summoned.story.held([p.HOME_CARE])
        assert [self.place(summoned, call("gave_up"), unit=unit) for unit in (p.HOME_CARE, p.CARE_CENTRE)] == ["ATTENDED", "ABSENT"]

    @pytest.mark.parametrize("ending", ["held", "cancelled"])
    def test_an_answer_that_comes_too_late_is_passed_on_and_changes_nothing(self, summoned: Desk, ending: str) -> None:
        """Given a meeting that was held or called off, when an answer comes, then it is taken, and the place is as it was."""
        getattr(summoned.story, ending)([p.HOME_CARE])
        before = summoned.open.meetings
        summoned.story.responded(p.HOME_CARE)
        assert (summoned.last.code, summoned.open.meetings) == (None, before)


def test_what_is_not_in_a_table_changes_nothing() -> None:
    """Given events where they mean nothing, then nothing follows: taking back what was never given, answering after the meeting."""
    assert consent_after("NOT_ASKED", "consent.withdrawn") is None
    assert [participant_after("ATTENDED", f"answer.{word}") for word in ANSWERS] == [None] * len(ANSWERS)
