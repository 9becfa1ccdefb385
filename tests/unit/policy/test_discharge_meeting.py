"""The meeting that LUS 4:1 asks for, beside a SIP that has stopped or goes on: called, moved, held, and what a later yes makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from siphub.model import BasisClaim
from siphub.model import people as p
from siphub.model.case import CaseState, DischargeRecord
from siphub.model.messages import discharge as d
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.policy.consent import expired
from siphub.policy.deadlines import deadlines
from siphub.testing import chapters
from siphub.testing.desk import Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
DISCHARGE = (p.CONTACT, p.HOME_CARE)


def in_hospital(desk: Desk) -> None:
    """Let the person of a case be in hospital and ready to go home; the fast vårdkontakt is at the care centre."""
    stay = DischargeRecord(
        admitting_unit=p.HOSPITAL,
        municipality=p.MUNICIPALITY,
        care_contact_unit=p.CARE_CENTRE,
        notice_id=uuid4(),
        given_at=desk.now,
        sent_at=desk.now,
    )
    units = tuple(dict.fromkeys((*desk.open.units, p.CARE_CENTRE, p.HOSPITAL)))
    desk.case = desk.open.model_copy(update={"units": units, "discharge": stay})


def called(desk: Desk) -> None:
    """Call to a planning of the discharge, on what the care centre has assessed."""
    desk.story.meeting_id = uuid4()
    chapters.summoned_at_discharge(desk.story, [*DISCHARGE, p.FK], basis=SECRECY_ASSESSED)


def stands(desk: Desk) -> tuple[str | None, str]:
    """Return what was said of the newest message, and the case's state."""
    return desk.last.code, desk.state


def held(desk: Desk, outcome: str = "plan", version: int = 1) -> None:
    """Hold the planning, by its convener."""
    fields = {"meeting_id": desk.story.meeting_id, "meeting_version": version, "held_on": p.DAY, "attended_units": DISCHARGE}
    desk.story.say(m.MeetingHeld.model_validate({**fields, "individual": "present", "outcome": outcome}), DISCHARGE, by=p.CARE_CENTRE)


def asked_for(desk: Desk) -> set[str]:
    """Return the kinds of deadlines that stand."""
    return {found.kind for found in deadlines(desk.open, desk.directory, desk.now)}


def plan_is_possible(desk: Desk) -> list[str | None]:
    """Return what is said of a draft, a plan and a revision."""
    story, version = desk.story, desk.open.plan.version if desk.open.plan else 0
    revised = pl.PlanRevised(plan=story.plan(UNITS, version + 1), changes="-", reason="other", approved_by_individual=True)
    codes = []
    for content in (
        pl.PlanProposed(plan=story.plan(UNITS, version + 1)),
        pl.PlanEstablished(plan=story.plan(UNITS, max(1, version))),
        revised,
    ):
        story.say(content, UNITS, basis=SECRECY_ASSESSED)
        codes.append(desk.last.code)
    return codes


@pytest.fixture
def suspended(active: Desk) -> Desk:
    """Give a case whose individual has taken back everything, and is in hospital."""
    active.story.withdrawn()
    in_hospital(active)
    assert active.state == "SUSPENDED_NO_CONSENT"
    return active


def test_who_said_no_to_a_plan_is_still_planned_for_at_a_discharge(suspended: Desk) -> None:
    """Given a suspended case, when the care centre calls by LUS 4:1, then the duty-bound are called, nobody else, and the SIP stays stopped."""
    called(suspended)
    assert (suspended.last.code, suspended.state, suspended.open.resumes) == (None, "SUSPENDED_NO_CONSENT", "ACTIVE")
    assert suspended.last.reached == set(DISCHARGE)
    assert {route.basis for route in suspended.last.routes if route.state == "queued"} == {"secrecy_assessed"}
    assert asked_for(suspended) == {"payment", "meeting.answer", "meeting.held"}
    assert plan_is_possible(suspended) == ["plan.no_consent"] * 3


def test_no_other_call_is_possible_in_a_suspended_case(suspended: Desk) -> None:
    """Given a suspended case, when it is called to by consent or another section, or invited to, then it is refused."""
    story = suspended.story
    story.meeting_id = uuid4()
    story.summoned(UNITS)
    assert suspended.last.code == "case.wrong_state"
    story.summoned(UNITS, SECRECY_ASSESSED)
    assert suspended.last.code == "discharge.other_basis"
    chapters.summoned_at_discharge(story, DISCHARGE)
    assert suspended.last.code == "case.wrong_state"
    story.invited((p.FK,))
    assert suspended.last.code == "case.wrong_state"
    story.closed(())
    called(suspended)
    assert suspended.last.code == "case.wrong_state"


@pytest.mark.parametrize("outcome", ["plan", "no_plan", "new_meeting"])
def test_the_planning_is_moved_answered_and_held_and_the_sip_stays_where_it_was(suspended: Desk, outcome: str) -> None:
    """Given a planning beside a suspended SIP, when it runs its course, then no step of it moves the SIP, and another can be called to."""
    story = suspended.story
    called(suspended)
    convener = chapters.kallelse_at_discharge(story, p.CARE_CENTRE, DISCHARGE).convener
    moved = m.MeetingRescheduled(meeting=story.meeting(2, days=3), supersedes=1, convener=convener, respond_by=suspended.now)
    story.say(moved, DISCHARGE, by=p.CARE_CENTRE)
    assert suspended.last.code is None
    story.responded(p.HOME_CARE, version=2)
    assert suspended.last.code is None
    held(suspended, outcome, version=2)
    assert (suspended.last.code, suspended.state, suspended.open.resumes) == (None, "SUSPENDED_NO_CONSENT", "ACTIVE")
    assert asked_for(suspended) == {"payment"}
    called(suspended)
    assert suspended.last.code is None


def test_a_meeting_that_rested_on_consent_is_not_held_in_a_suspended_case(summoned: Desk) -> None:
    """Given a meeting called with consent, when all is taken back, then it can be called off, and neither moved nor held."""
    story = summoned.story
    story.withdrawn()
    story.rescheduled(UNITS)
    assert summoned.last.code == "case.wrong_state"
    story.held(UNITS)
    assert summoned.last.code == "case.wrong_state"
    story.cancelled(UNITS)
    assert summoned.last.code is None


def drafting(desk: Desk) -> None:
    """Come as far as a plan can be drafted."""
    desk.story.summoned(UNITS)
    desk.story.held(UNITS)


def in_review(desk: Desk) -> None:
    """Come as far as units are asked for their word."""
    drafting(desk)
    desk.story.proposed(UNITS)


def established(desk: Desk) -> None:
    """Come as far as there is a plan."""
    in_review(desk)
    for index, unit in enumerate(UNITS, start=1):
        desk.story.confirmed(unit, f"a{index}")
    desk.story.established(UNITS)


COURSES: dict[CaseState, Callable[[Desk], object]] = {
    "PREPARING": lambda _: None,
    "DRAFTING": drafting,
    "IN_REVIEW": in_review,
    "ACTIVE": established,
}


@pytest.mark.parametrize("state", COURSES)
def test_a_later_yes_takes_the_sip_on_and_leaves_the_planning(prepared: Desk, state: CaseState) -> None:
    """Given a planning called while a SIP was suspended, when consent is given again, then the SIP goes on where it was; no plan without its own yes."""
    COURSES[state](prepared)
    assert prepared.state == state
    prepared.story.withdrawn()
    in_hospital(prepared)
    called(prepared)
    planning = prepared.story.meeting_id
    prepared.story.consented(UNITS, ("meeting", "information_exchange"))
    back = "SUMMONED" if state == "PREPARING" else state
    assert (prepared.last.code, prepared.state, prepared.open.resumes) == (None, back, None)
    assert set(plan_is_possible(prepared)) == {"plan.no_consent"}
    chapters.followed_up(prepared.story, UNITS)
    assert prepared.last.code is not None
    prepared.story.meeting_id = planning
    held(prepared)
    assert stands(prepared) == (None, "DRAFTING" if state == "PREPARING" else state)


def followed_up(desk: Desk) -> None:
    """Come as far as a follow-up is called to."""
    established(desk)
    desk.story.meeting_id = uuid4()
    chapters.followed_up(desk.story, UNITS)


RUNNING: dict[CaseState, Callable[[Desk], object]] = {
    **{state: act for state, act in COURSES.items() if state != "PREPARING"},
    "FOLLOW_UP": followed_up,
}


@pytest.mark.parametrize("basis", [None, SECRECY_ASSESSED], ids=["consent", "assessed"])
@pytest.mark.parametrize("state", RUNNING)
def test_a_discharge_is_planned_beside_a_sip_that_goes_on(prepared: Desk, state: CaseState, basis: BasisClaim | None) -> None:
    """Given a plan being made or in force, when she is to go home from hospital, then the kallelse is possible, and nothing of it moves the SIP."""
    RUNNING[state](prepared)
    before = prepared.open.meetings
    in_hospital(prepared)
    prepared.story.meeting_id = uuid4()
    chapters.summoned_at_discharge(prepared.story, DISCHARGE, basis=basis)
    assert stands(prepared) == (None, state)
    assert prepared.last.reached == ({p.HOME_CARE} if basis is None else set(DISCHARGE))
    assert prepared.open.meetings[:-1] == before
    planning = prepared.story.meeting_id
    called(prepared)
    assert stands(prepared) == ("meeting.another_planned", state)
    prepared.story.meeting_id = planning
    held(prepared)
    assert stands(prepared) == (None, state)
    assert prepared.open.meetings[:-1] == before


def test_a_follow_up_and_the_planning_of_a_discharge_stand_beside_each_other(suspended: Desk) -> None:
    """Given a planning beside a SIP that goes on, when a follow-up is called to, then both stand, and calling the planning off leaves the follow-up."""
    called(suspended)
    planning = suspended.story.meeting_id
    suspended.story.consented(UNITS)
    suspended.story.meeting_id = uuid4()
    chapters.followed_up(suspended.story, UNITS)
    assert stands(suspended) == (None, "FOLLOW_UP")
    assert {found.id for found in suspended.open.meetings if found.state == "planned"} == {planning, suspended.story.meeting_id}
    off = m.MeetingCancelled(meeting_id=planning, meeting_version=1, phone="090-765 43 21")
    suspended.story.say(off, DISCHARGE, by=p.CARE_CENTRE)
    assert stands(suspended) == (None, "FOLLOW_UP")
    assert "kallelse" in asked_for(suspended)


def test_a_no_while_the_planning_is_called_to_leaves_it(prepared: Desk) -> None:
    """Given a planning that was called to while a SIP was prepared, when the individual says no, then it is held all the same."""
    in_hospital(prepared)
    called(prepared)
    assert prepared.state == "SUMMONED"
    prepared.story.refused()
    assert (prepared.state, prepared.open.resumes) == ("SUSPENDED_NO_CONSENT", "PREPARING")
    held(prepared)
    assert stands(prepared) == (None, "SUSPENDED_NO_CONSENT")
    prepared.later(timedelta(days=1))
    prepared.story.consented(UNITS)
    assert prepared.state == "PREPARING"


# ── called off ──


def called_off(desk: Desk, meeting_id: UUID | None = None) -> None:
    """Call a planning off, by its convener."""
    off = m.MeetingCancelled(meeting_id=meeting_id or desk.story.meeting_id, meeting_version=1, phone="090-765 43 21")
    desk.story.say(off, DISCHARGE, by=p.CARE_CENTRE)
    assert desk.last.code is None


def clock(desk: Desk) -> datetime | None:
    """Return when the kallelse clock runs out, or None where it stands still."""
    return next((found.due_at for found in deadlines(desk.open, desk.directory, desk.now) if found.kind == "kallelse"), None)


def run_out(desk: Desk) -> None:
    """Let every consent end by itself."""
    desk.later(timedelta(days=1))
    decided = expired(desk.open, desk.now)
    assert decided is not None
    desk.case = decided.case


@pytest.mark.req(32)
def test_a_planning_that_is_called_off_was_not_called_to(suspended: Desk) -> None:
    """Given a kallelse that met its clock, when it is called off, then the clock runs again from the same notice, until the next kallelse."""
    due = clock(suspended)
    assert due is not None
    for _ in range(2):
        called(suspended)
        assert clock(suspended) is None
        suspended.later(timedelta(days=1))
        called_off(suspended)
        assert clock(suspended) == due
        called_off(suspended)
        assert clock(suspended) == due


def test_a_planning_that_was_held_keeps_its_clock_when_another_is_called_off(suspended: Desk) -> None:
    """Given a planning that was held, when a second one is called off, then the clock stays met."""
    called(suspended)
    held(suspended)
    called(suspended)
    called_off(suspended)
    assert clock(suspended) is None


@pytest.mark.req(32)
@pytest.mark.parametrize("end", [lambda desk: desk.story.withdrawn(), run_out])
def test_a_kallelse_on_consent_goes_with_the_consent(desk: Desk, end: Callable[[Desk], object]) -> None:
    """Given a kallelse by LUS 4:1 on consent, when no consent is left, then its clock runs again, another is possible, and it does not come back."""
    desk.story.requested()
    desk.story.consented(UNITS, valid_until=desk.now + timedelta(days=1))
    desk.story.approved(UNITS)
    in_hospital(desk)
    due = clock(desk)
    chapters.summoned_at_discharge(desk.story, [p.HOME_CARE])
    assert (stands(desk), clock(desk)) == ((None, "SUMMONED"), None)
    end(desk)
    assert (desk.state, desk.open.resumes, clock(desk)) == ("SUSPENDED_NO_CONSENT", "PREPARING", due)
    assert asked_for(desk) == {"kallelse", "payment"}
    desk.story.consented(UNITS)
    assert desk.state == "PREPARING"
    desk.story.withdrawn()
    called(desk)
    assert (stands(desk), clock(desk)) == ((None, "SUSPENDED_NO_CONSENT"), None)


def test_a_planning_beside_a_plan_that_rested_on_consent_goes_with_it(active: Desk) -> None:
    """Given a planning on consent beside a plan, when the consent ends and comes back, then the plan goes on, and the planning is to be called to."""
    in_hospital(active)
    due = clock(active)
    active.story.meeting_id = uuid4()
    chapters.summoned_at_discharge(active.story, [p.HOME_CARE])
    assert (stands(active), clock(active)) == ((None, "ACTIVE"), None)
    active.story.withdrawn()
    assert (active.state, clock(active)) == ("SUSPENDED_NO_CONSENT", due)
    active.story.consented(UNITS)
    assert (active.state, clock(active)) == ("ACTIVE", due)


@pytest.mark.parametrize(("basis", "stays"), [(SECRECY_ASSESSED, True), (None, False)])
def test_the_newest_version_of_a_planning_says_what_it_rests_on(prepared: Desk, basis: BasisClaim | None, *, stays: bool) -> None:
    """Given a planning on consent, when it is moved on an assessment or on consent again, then only the former outlasts the consent."""
    story = prepared.story
    in_hospital(prepared)
    chapters.summoned_at_discharge(story, [p.HOME_CARE], basis=None if stays else SECRECY_ASSESSED)
    convener = chapters.kallelse_at_discharge(story, p.CARE_CENTRE, DISCHARGE).convener
    moved = m.MeetingRescheduled(meeting=story.meeting(2, days=3), supersedes=1, convener=convener, respond_by=prepared.now)
    story.say(moved, [p.HOME_CARE], by=p.CARE_CENTRE, basis=basis)
    assert prepared.last.code is None
    story.withdrawn()
    assert (clock(prepared) is None) == stays


def test_a_planning_that_somebody_is_called_to_without_consent_stands(prepared: Desk) -> None:
    """Given a kallelse by LUS 4:1 on consent, when one more unit is called to it on an assessment and the consent ends, then its clock stays met."""
    in_hospital(prepared)
    chapters.summoned_at_discharge(prepared.story, [p.HOME_CARE])
    chapters.summoned_at_discharge(prepared.story, [p.CONTACT], basis=SECRECY_ASSESSED)
    prepared.story.withdrawn()
    assert (prepared.state, clock(prepared)) == ("SUSPENDED_NO_CONSENT", None)
    held(prepared)
    assert stands(prepared) == (None, "SUSPENDED_NO_CONSENT")


@pytest.mark.parametrize("over", ["revoked_at", "discharged_at", "interrupted_at"])
def test_what_needs_no_planning_any_more_is_not_asked_for_again(suspended: Desk, over: str) -> None:
    """Given a kallelse in time, when the notice is revoked, she is at home or stays, and it is called off then, then no clock runs."""
    called(suspended)
    stay = suspended.open.discharge
    assert stay is not None
    suspended.case = suspended.open.model_copy(update={"discharge": stay.model_copy(update={over: suspended.now})})
    called_off(suspended)
    assert clock(suspended) is None


def test_another_meeting_that_is_called_off_starts_no_clock(summoned: Desk) -> None:
    """Given a SIP meeting and a stay whose kallelse was sent elsewhere, when that meeting is called off, then the clock stays met."""
    in_hospital(summoned)
    stay = summoned.open.discharge
    assert stay is not None
    met = stay.model_copy(update={"summoned_at": summoned.now, "summoned_to": uuid4()})
    summoned.case = summoned.open.model_copy(update={"discharge": met})
    summoned.story.cancelled(UNITS)
    assert summoned.open.discharge == met
    assert clock(summoned) is None


# ── what the hospital says of a SIP that has stopped or ended ──


def admitted_again(desk: Desk) -> None:
    """D1."""
    chapters.admitted(desk.story, [p.CARE_CENTRE])


def ready(desk: Desk) -> None:
    """D2."""
    chapters.ready_to_go_home(desk.story, uuid4(), desk.now)


def not_ready(desk: Desk) -> None:
    """D2, taken back."""
    stay = desk.open.discharge
    assert stay is not None
    assert stay.notice_id is not None
    chapters.not_ready_after_all(desk.story, stay.notice_id, desk.now)


def at_home(desk: Desk) -> None:
    """D3."""
    chapters.gone_home(desk.story, desk.now)


def interrupted(desk: Desk) -> None:
    """D3, the other way."""
    desk.story.say(
        d.ProcessInterrupted(interrupted_at=desk.now, code="other"), [p.CARE_CENTRE], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE
    )


WRONG, NONE = "case.wrong_state", "discharge.none"
ENDINGS: dict[str, tuple[Callable[[Desk], object], dict[Callable[[Desk], None], str | None]]] = {
    "suspended": (lambda _: None, {}),
    "closed": (lambda desk: desk.story.closed(()), {admitted_again: WRONG}),
    "dead": (lambda desk: chapters.deceased(desk.story), {admitted_again: WRONG, ready: NONE}),
    "void": (
        lambda desk: chapters.in_error(desk.story, desk.story.sent[0], "case"),
        dict.fromkeys((admitted_again, ready, not_ready, at_home, interrupted), WRONG),
    ),
}
CLOCKS: dict[Callable[[Desk], None], set[str]] = {
    admitted_again: set(),
    ready: {"kallelse", "payment"},
    not_ready: set(),
    at_home: {"kallelse"},
    interrupted: set(),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("notice", CLOCKS)
def test_a_notice_of_a_discharge_is_the_statutes_and_moves_no_sip(suspended: Desk, ending: str, notice: Callable[[Desk], None]) -> None:
    """Given a SIP that has stopped or ended while she is in hospital, when the ward says something, then clocks follow, and the SIP stays as it is."""
    end, refused = ENDINGS[ending]
    end(suspended)
    assert suspended.last.code is None
    before = suspended.open
    notice(suspended)
    assert suspended.last.code == refused.get(notice)
    assert (suspended.state, suspended.open.grants, suspended.open.plan) == (before.state, before.grants, before.plan)
    if suspended.last.code is None:
        assert suspended.last.reached == {*suspended.story.sent[-1].recipients}
        running = CLOCKS[notice] if ending != "dead" else set()
        assert asked_for(suspended) & {"kallelse", "payment"} == running
