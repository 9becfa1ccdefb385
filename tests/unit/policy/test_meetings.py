"""Meetings: who may call, move, call off and hold them; versions; answers (G5, G7, G11); one at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from siphub.model import BasisClaim, UnitContact
from siphub.model import people as p
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.policy.case import Recall, Supersede
from siphub.testing.desk import PRIVATE, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
HANNA = UnitContact(name="Hanna", unit=p.HOME_CARE, phone="090-765 43 21")


def places(desk: Desk) -> dict[str, str]:
    """Return the newest meeting's participants and their states."""
    return {found.unit: found.state for found in desk.open.meetings[-1].participants}


def another(desk: Desk, **more: object) -> m.MeetingSummoned:
    """Return a kallelse to a meeting with an id of its own."""
    meeting = desk.story.meeting().model_copy(update={"id": uuid4()})
    return desk.story.kallelse().model_copy(update={"meeting": meeting, **more})


def test_a_kallelse_gives_each_recipient_a_place(summoned: Desk) -> None:
    """Given three units that were called, then each has a place without an answer, and the case knows the convener's telephone."""
    assert places(summoned) == dict.fromkeys(UNITS, "SENT")
    assert summoned.open.phone == summoned.story.convener.phone


def test_the_sender_is_the_convener(prepared: Desk) -> None:
    """Given a call or a rebooking that names another unit as convener, then it is refused: nobody gets the answers by being named."""
    prepared.story.say(prepared.story.kallelse().model_copy(update={"convener": HANNA}), UNITS)
    assert prepared.last.code == "meeting.not_convener"
    prepared.story.summoned(UNITS)
    moved = m.MeetingRescheduled(meeting=prepared.story.meeting(2), supersedes=1, convener=HANNA, respond_by=prepared.now)
    prepared.story.say(moved, UNITS)
    assert (prepared.last.code, prepared.open.meetings[0].convener.unit) == ("meeting.not_convener", p.CONTACT)


@pytest.mark.parametrize("step", ["move", "call off", "hold", "call to"])
def test_only_its_convener_changes_a_meeting(summoned: Desk, step: str) -> None:
    """Given a meeting, when a unit that takes part in it moves, ends, holds or calls to it, then it is refused."""
    story = summoned.story
    before = summoned.open
    contents = {
        "move": m.MeetingRescheduled(meeting=story.meeting(2), supersedes=1, convener=HANNA, respond_by=summoned.now),
        "call off": m.MeetingCancelled(meeting_id=story.meeting_id, meeting_version=1, phone=HANNA.phone),
        "hold": m.MeetingHeld(
            meeting_id=story.meeting_id, meeting_version=1, held_on=p.DAY, attended_units=(), individual="present", outcome="no_plan"
        ),
        "call to": story.kallelse().model_copy(update={"convener": HANNA}),
    }
    story.say(contents[step], by=p.HOME_CARE)
    assert summoned.last.code in {"sender.role", "meeting.not_convener"}
    assert summoned.open == before


def test_one_meeting_is_planned_at_a_time(summoned: Desk) -> None:
    """Given a planned meeting, when anybody calls to another one, then that is refused; after the first is called off it is taken."""
    summoned.story.say(another(summoned), UNITS)
    assert summoned.last.code == "meeting.another_planned"
    summoned.story.say(another(summoned, convener=HANNA), UNITS, by=p.HOME_CARE)
    assert summoned.last.code == "sender.role"
    summoned.story.cancelled(UNITS)
    summoned.story.say(another(summoned), UNITS)
    assert [found.state for found in summoned.open.meetings] == ["cancelled", "planned"]


def test_a_meeting_left_behind_by_a_withdrawal_makes_way(summoned: Desk) -> None:
    """Given a meeting that was planned when all was withdrawn, when there is consent again and a new call, then the old one is called off."""
    summoned.story.withdrawn()
    summoned.story.consented(UNITS)
    summoned.story.approved(UNITS)
    assert summoned.state == "PREPARING"
    old = summoned.open.meetings[0]
    summoned.story.say(another(summoned), UNITS)
    assert [found.state for found in summoned.open.meetings] == ["cancelled", "planned"]
    assert summoned.last.effects == (Supersede(old.id, 2), Recall(old.id))


@pytest.mark.parametrize("step", ["cancelled", "summoned"])
def test_a_meeting_left_behind_can_be_called_off_or_called_to_again(summoned: Desk, step: str) -> None:
    """Given the same, when its convener calls it off or calls to it again, then that is taken."""
    summoned.story.withdrawn()
    summoned.story.consented(UNITS)
    getattr(summoned.story, step)(UNITS)
    assert summoned.last.code is None


def test_calling_off_an_old_meeting_does_not_end_the_new_one(summoned: Desk) -> None:
    """Given a meeting called off and a new one planned, when the old one is called off again, then the new one stands as it was."""
    summoned.story.cancelled(UNITS)
    summoned.story.say(another(summoned), UNITS)
    summoned.story.cancelled(UNITS)
    assert (summoned.last.code, summoned.state) == (None, "SUMMONED")
    assert [found.state for found in summoned.open.meetings] == ["cancelled", "planned"]


def test_a_meeting_that_was_held_cannot_be_called_off_or_moved(summoned: Desk) -> None:
    """Given a meeting that was held, then it is history."""
    summoned.story.held(UNITS, outcome="new_meeting")
    assert summoned.state == "PREPARING"
    summoned.story.cancelled(UNITS)
    assert summoned.last.code == "case.wrong_state"
    summoned.story.rescheduled(UNITS)
    assert summoned.last.code == "case.not_there"
    summoned.story.summoned(UNITS)
    assert summoned.last.code == "case.wrong_state"


def test_versions_follow_one_another(summoned: Desk) -> None:
    """Given version 1, when any message speaks of a version that does not follow, then it is out of order, and nothing changes (G7)."""
    story, before = summoned.story, summoned.open
    steps: tuple[Callable[[], object], ...] = (
        lambda: story.rescheduled(UNITS, version=3),
        lambda: story.cancelled(UNITS, version=2),
        lambda: story.held(UNITS, version=2),
        lambda: story.responded(p.HOME_CARE, version=2),
        lambda: story.say(story.kallelse().model_copy(update={"meeting": story.meeting(2)}), UNITS),
    )
    for out_of_order in steps:
        out_of_order()
        assert summoned.last.code == "message.out_of_order"
    assert summoned.open == before


def test_a_first_call_is_version_one(prepared: Desk) -> None:
    """Given no meeting, when a call speaks of version 2, then it is out of order."""
    prepared.story.say(prepared.story.kallelse().model_copy(update={"meeting": prepared.story.meeting(2)}), UNITS)
    assert prepared.last.code == "message.out_of_order"


def test_a_rebooking_voids_the_answers_and_asks_again(summoned: Desk) -> None:
    """Given two answers, when the meeting moves, then they are void, an answer to the old time is too late, one to the new counts (A7, G7)."""
    story = summoned.story
    story.responded(p.HOME_CARE)
    story.responded(p.CARE_CENTRE, "tentative")
    story.rescheduled(UNITS)
    assert places(summoned) == dict.fromkeys(UNITS, "SENT")
    assert summoned.last.effects == (Supersede(story.meeting_id, 2),)
    story.responded(p.HOME_CARE)
    assert summoned.last.code == "message.out_of_order"
    story.responded(p.HOME_CARE, version=2)
    assert places(summoned)[p.HOME_CARE] == "ACCEPTED"


def test_whoever_is_first_told_of_the_new_time_has_a_place_too(prepared: Desk) -> None:
    """Given a unit that was not called to the first version, when the rebooking goes to it, then it can answer."""
    prepared.story.summoned(UNITS[:2])
    prepared.story.rescheduled(UNITS)
    prepared.story.responded(p.CARE_CENTRE, version=2)
    assert prepared.last.code is None
    assert places(prepared)[p.CARE_CENTRE] == "ACCEPTED"


@pytest.mark.parametrize(
    ("response", "state", "work"),
    [
        ("accept", "ACCEPTED", ()),
        ("decline", "DECLINED", ("meeting.duty_declined",)),
        ("tentative", "TENTATIVE", ()),
        ("propose-new-time", "NEW_TIME_PROPOSED", ("meeting.propose-new-time",)),
        ("contact-us", "CONTACT_US", ("meeting.contact-us",)),
    ],
)
def test_an_answer_is_noted_and_what_needs_a_person_is_told(summoned: Desk, response: str, state: str, work: tuple[str, ...]) -> None:
    """Given each answer, then the place has its state, and the convener gets work where a person must act (G11)."""
    summoned.story.responded(p.HOME_CARE, response)
    assert (places(summoned)[p.HOME_CARE], summoned.last.work) == (state, work)
    assert places(summoned)[p.CARE_CENTRE] == "SENT"


@pytest.mark.parametrize("substitute", [{"substitute_name": "Kalle"}, {"substitute_unit": p.SOCIAL_SERVICES}])
@pytest.mark.parametrize("response", ["decline", "delegate"])
def test_a_no_with_a_substitute_is_not_escalated(summoned: Desk, response: str, substitute: dict[str, Any]) -> None:
    """Given a duty-bound unit that sends somebody else, then nobody is alarmed (G11)."""
    summoned.story.responded(p.HOME_CARE, response, **substitute)
    assert summoned.last.work == ()


def test_an_invited_party_owes_no_answer(prepared: Desk) -> None:
    """Given Försäkringskassan, invited, or even named in a kallelse by mistake, when it declines, then nothing is escalated."""
    prepared.story.consented([*UNITS, p.FK])
    prepared.story.approved([*UNITS, p.FK])
    prepared.story.summoned([*UNITS, p.FK])
    assert prepared.last.states[p.FK] == ("withheld", "basis.none")
    prepared.story.invited([p.FK])
    assert prepared.last.states[p.FK] == ("queued", None)
    prepared.story.responded(p.FK, "decline")
    assert (prepared.last.code, prepared.last.work, places(prepared)[p.FK]) == (None, (), "DECLINED")


def test_whoever_was_withheld_has_no_say(prepared: Desk) -> None:
    """Given a unit whose kallelse was withheld, when it answers all the same, then there is no such case for it."""
    prepared.story.summoned([*UNITS, PRIVATE])
    assert prepared.last.states[PRIVATE][0] == "withheld"
    message = prepared.story.message(
        m.MeetingResponse(
            meeting_id=prepared.story.meeting_id, meeting_version=1, response="accept", responder=m.Responder(name="Per", role="chef")
        ),
        [p.CONTACT],
        by=PRIVATE,
        sender={"unit": PRIVATE, "organisation": "5560009994"},
    )
    assert prepared.send(message).code == "case.not_there"


@pytest.mark.parametrize("end", ["held", "cancelled"])
def test_a_late_answer_is_passed_on_and_changes_nothing(summoned: Desk, end: str) -> None:
    """Given a meeting that was held or called off, when an answer to it comes, then who came stays who came, and nobody is alarmed."""
    getattr(summoned.story, end)(UNITS[:2])
    before = summoned.open.meetings
    summoned.story.responded(p.CARE_CENTRE, "decline")
    assert (summoned.last.code, summoned.last.work, summoned.open.meetings) == (None, (), before)


def test_who_came_is_who_is_named(summoned: Desk) -> None:
    """Given a meeting, when it was held with two of three, then two attended and one was absent."""
    summoned.story.held(UNITS[:2])
    assert places(summoned) == {p.HOME_CARE: "ATTENDED", p.SOCIAL_SERVICES: "ATTENDED", p.CARE_CENTRE: "ABSENT"}


def test_a_meeting_without_the_individual_needs_their_consent(prepared: Desk) -> None:
    """Given no consent to absence, when a call or a record says the individual is absent, then it is refused; with one, taken (G5)."""
    absent = prepared.story.kallelse().model_copy(update={"individual_attendance": "absent_consented"})
    prepared.story.say(absent, UNITS)
    assert prepared.last.code == "meeting.absence_not_consented"
    prepared.story.summoned(UNITS)
    held = m.MeetingHeld(
        meeting_id=prepared.story.meeting_id,
        meeting_version=1,
        held_on=p.DAY,
        attended_units=UNITS,
        individual="absent_consented",
        outcome="plan",
    )
    prepared.story.say(held, UNITS)
    assert prepared.last.code == "meeting.absence_not_consented"
    scopes: tuple[c.Scope, ...] = ("meeting_in_absence",)
    prepared.story.consented(UNITS[:1], scopes, valid_until=prepared.now + timedelta(days=1))
    taken = []
    for content in (absent, held):
        prepared.story.say(content, UNITS)
        taken.append(prepared.last.code)
    assert taken == [None, None]


# ── without consent ──


def test_a_kallelse_by_law_goes_to_care_and_to_nobody_else(desk: Desk) -> None:
    """Given a no to the plan, when secrecy was assessed, then care units are called on that basis, an agency is not, and no plan is possible (A16)."""
    story = desk.story
    story.requested()
    story.refused()
    story.summoned(UNITS)
    assert desk.last.code == "case.wrong_state"
    story.summoned([*UNITS, p.FK], SECRECY_ASSESSED)
    assert desk.state == "SUMMONED"
    assert desk.last.reached == set(UNITS)
    assert {route.basis for route in desk.last.routes if route.recipient != p.FK} == {"secrecy_assessed"}
    story.invited([p.FK])
    assert desk.last.states[p.FK] == ("withheld", "basis.consent_missing")
    story.held(UNITS)
    story.proposed(UNITS)
    assert desk.last.code == "plan.no_consent"


@pytest.mark.parametrize(
    ("code", "refused"),
    [("statutory_duty", "case.wrong_state"), *((code, "basis.exception_off") for code in ("osl_25_12", "osl_26_9", "osl_25_13"))],
)
def test_a_basis_that_does_not_hold_moves_nothing(desk: Desk, code: str, refused: str) -> None:
    """Given a basis that does not hold for a kallelse, or is not switched on, then it is no kallelse: the case stays where it is."""
    desk.story.requested()
    claim = BasisClaim.model_validate({"code": code, "decided_by": "Lena Läkare", "decided_at": p.NOON})
    desk.story.summoned(UNITS, claim)
    assert (desk.last.code, desk.state) == (refused, "REQUESTED")


def test_naming_consent_as_basis_is_no_way_round_it(desk: Desk) -> None:
    """Given no consent, when a kallelse says that it rests on one, then it is refused."""
    desk.story.requested()
    desk.story.summoned(UNITS, BasisClaim(code="consent"))
    assert desk.last.code == "case.wrong_state"
