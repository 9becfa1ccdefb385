"""What must have happened by when: the clocks of LUS to the second, and everything else a case may owe somebody."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from siphub.model import Agreement, Directory
from siphub.model import people as p
from siphub.model.case import DischargeRecord, MeetingRecord, Participant, PlanRecord, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.person import UnitContact
from siphub.policy.days import STOCKHOLM, day_of, end_of
from siphub.policy.deadlines import WARN, Deadline, Weekends, deadlines, kallelse_due, payment_from
from siphub.testing.desk import Desk, wide_directory

NOTICE = uuid4()
MEETING = uuid4()
PLAN = uuid4()
EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")


def swedish(text: str) -> datetime:
    """Return a clock time in Sweden."""
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


def case(**changes: Any) -> SipCase:
    """Return a requested case with changes."""
    desk = Desk()
    desk.story.requested()
    return desk.open.model_copy(update=changes)


def bare(*agreements: Agreement) -> Directory:
    """Return a directory with these agreements and no others."""
    return wide_directory().model_copy(update={"agreements": agreements})


def agreement(**terms: Any) -> Agreement:
    """Return an agreement between the region and the municipality, in force all year."""
    fields = {"id": "avtal", "area": "Allt", "valid_from": date(2026, 1, 1), "parties": (p.REGION, p.MUNICIPALITY)}
    return Agreement.model_validate({**fields, **terms})


def standing(of: SipCase, *agreements: Agreement, weekends: Weekends = "count") -> dict[str, Deadline]:
    """Return the deadlines that stand, by kind."""
    return {found.kind: found for found in deadlines(of, bare(*agreements), p.NOON, weekends)}


# ── the clocks of LUS ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "weekends", "due"),
    [
        ("2026-11-23T08:00", "count", "2026-11-27T00:00"),
        ("2026-11-23T00:00", "count", "2026-11-27T00:00"),
        ("2026-11-23T23:59", "count", "2026-11-27T00:00"),
        ("2026-11-20T16:00", "count", "2026-11-24T00:00"),
        ("2026-11-20T16:00", "skip", "2026-11-26T00:00"),
        ("2026-11-21T16:00", "skip", "2026-11-26T00:00"),
        ("2026-12-23T10:00", "count", "2026-12-27T00:00"),
        ("2026-12-23T10:00", "skip", "2026-12-31T00:00"),
        ("2026-03-27T10:00", "count", "2026-03-31T00:00"),
        ("2026-10-23T10:00", "count", "2026-10-27T00:00"),
    ],
)
def test_the_kallelse_is_due_at_the_end_of_the_third_day(given: str, weekends: Weekends, due: str) -> None:
    """Given a notice, whenever in its day, then the kallelse may be sent until the third day after it has ended (LUS 4:3)."""
    assert kallelse_due(swedish(given), weekends=weekends) == swedish(due)


@pytest.mark.parametrize(
    ("sent", "weekends", "days", "pays"),
    [
        ("2026-11-23T08:00", "count", 3, "2026-11-26T00:00"),
        ("2026-11-23T12:00", "count", 3, "2026-11-26T00:00"),
        ("2026-11-23T12:00:00.000001", "count", 3, "2026-11-27T00:00"),
        ("2026-11-23T23:59:59", "count", 3, "2026-11-27T00:00"),
        ("2026-07-23T11:59", "count", 3, "2026-07-26T00:00"),
        ("2026-07-23T12:01", "count", 3, "2026-07-27T00:00"),
        ("2026-11-20T09:00", "count", 3, "2026-11-23T00:00"),
        ("2026-11-20T09:00", "skip", 3, "2026-11-25T00:00"),
        ("2026-11-20T13:00", "skip", 3, "2026-11-26T00:00"),
        ("2026-11-23T08:00", "count", 5, "2026-11-28T00:00"),
        ("2026-11-23T13:00", "count", 5, "2026-11-29T00:00"),
        ("2026-03-27T09:00", "count", 3, "2026-03-30T00:00"),
        ("2026-10-24T09:00", "count", 3, "2026-10-27T00:00"),
    ],
)
def test_the_municipality_pays_from_the_third_day_or_the_fourth(sent: str, weekends: Weekends, days: int, pays: str) -> None:
    """Given a notice sent before noon, at noon sharp, or after it, then the municipality pays from the third or the fourth day (LUS 5:4)."""
    assert payment_from(swedish(sent), days, weekends=weekends) == swedish(pays)


def notice(**changes: Any) -> DischargeRecord:
    """Return a notice given and sent on the 23rd, before noon."""
    fields = {
        "admitting_unit": p.HOSPITAL,
        "municipality": p.MUNICIPALITY,
        "care_contact_unit": p.CARE_CENTRE,
        "notice_id": NOTICE,
        "given_at": p.NOON - timedelta(hours=1),
        "sent_at": p.NOON - timedelta(hours=1),
        "ready_at": p.NOON,
    }
    return DischargeRecord.model_validate({**fields, **changes})


def on_discharge(*agreements: Agreement, weekends: Weekends = "count", **changes: Any) -> dict[str, Deadline]:
    """Return the clocks of a case with a discharge."""
    found = standing(case(discharge=notice(**changes), opened_by="inpatient.admitted", requested_on=None), *agreements, weekends=weekends)
    assert {each.about for each in found.values()} <= {str(NOTICE)}
    return found


def test_two_clocks_run_apart() -> None:
    """Given a notice given in the evening and sent next morning, then each clock runs from its own time, each on its own unit's desk."""
    found = on_discharge(given_at=swedish("2026-11-23T20:00"), sent_at=swedish("2026-11-24T13:00"))
    assert (found["kallelse"].due_at, found["kallelse"].unit) == (swedish("2026-11-27T00:00"), p.CARE_CENTRE)
    assert (found["payment"].due_at, found["payment"].unit) == (swedish("2026-11-28T00:00"), p.CONTACT)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, {"kallelse", "payment"}),
        ({"revoked_at": p.NOON}, set()),
        ({"interrupted_at": p.NOON}, set()),
        ({"summoned_at": p.NOON}, {"payment"}),
        ({"discharged_at": p.NOON}, {"kallelse"}),
        ({"notice_id": None}, set()),
        ({"given_at": None}, {"payment"}),
        ({"sent_at": None}, {"kallelse"}),
    ],
)
def test_what_stops_a_clock(changes: dict[str, Any], left: set[str]) -> None:
    """Given what may happen after the notice, then that and no other clock stops; a revoked notice voids both."""
    assert set(on_discharge(**changes)) == left


def test_a_notice_given_again_starts_anew() -> None:
    """Given a revoked notice and another, then both clocks run from the new one's times."""
    again = uuid4()
    record = notice(notice_id=again, given_at=p.NOON + timedelta(days=2), sent_at=p.NOON + timedelta(days=2))
    found = standing(case(discharge=record))
    assert {found[kind].about for kind in ("kallelse", "payment")} == {str(again)}
    assert found["kallelse"].due_at == kallelse_due(p.NOON + timedelta(days=2))


@pytest.mark.parametrize(
    ("agreements", "days"),
    [
        ((), 3),
        ((agreement(payment_days=6),), 6),
        ((agreement(payment_days=6), agreement(id="b", payment_days=5)), 5),
        ((agreement(payment_days=6, valid_until=date(2026, 11, 22)),), 3),
        ((agreement(payment_days=6, parties=(p.REGION, p.NEIGHBOUR)),), 3),
        ((agreement(payment_days=6, concerns="adults"),), 3),
        ((agreement(payment_days=6, concerns="children"),), 6),
        ((agreement(summons_days=9, meeting_weeks=9),), 3),
    ],
)
def test_only_an_agreement_of_both_moves_the_payment(agreements: tuple[Agreement, ...], days: int) -> None:
    """Given agreements, then one in force between this region and this municipality moves the payment, and none moves the kallelse."""
    found = on_discharge(*agreements)
    assert found["payment"].due_at == payment_from(p.NOON - timedelta(hours=1), days)
    assert found["kallelse"].due_at == kallelse_due(p.NOON)


def test_the_weekend_rule_is_a_value() -> None:
    """Given a notice on a Friday, then the rule decides whether Saturday and Sunday count, in both clocks."""
    friday = swedish("2026-11-20T10:00")
    for weekends in ("count", "skip"):
        found = on_discharge(weekends=weekends, given_at=friday, sent_at=friday)
        assert found["kallelse"].due_at == kallelse_due(friday, weekends=weekends)
        assert found["payment"].due_at == payment_from(friday, weekends=weekends)
    assert kallelse_due(friday, weekends="skip") > kallelse_due(friday)


def test_without_a_unit_of_the_municipality_the_contact_knows_of_the_payment() -> None:
    """Given a case with no unit of the person's municipality, then both clocks are on the contact's desk where nobody else is named."""
    found = standing(case(discharge=notice(municipality=p.NEIGHBOUR, care_contact_unit=None)))
    assert {found[kind].unit for kind in ("kallelse", "payment")} == {p.CONTACT}


@pytest.mark.parametrize(
    ("state", "runs"),
    [("SUSPENDED_NO_CONSENT", True), ("CONSENT_REFUSED", True), ("CLOSED", True), ("DECLINED_NO_NEED", True), ("VOID", False)],
)
def test_the_statutes_clocks_need_no_consent(state: str, *, runs: bool) -> None:
    """Given a case without consent, or whose SIP has ended, then the clocks of LUS run on; one entered in error owes nothing."""
    assert ({"kallelse", "payment"} <= set(standing(case(discharge=notice(), state=state)))) == runs


# ── the request ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("agreements", "weekends", "due"),
    [
        ((), "count", "2026-12-01T00:00"),
        ((agreement(request_answer_days=10),), "count", "2026-12-04T00:00"),
        ((agreement(request_answer_days=10),), "skip", "2026-12-08T00:00"),
        ((agreement(request_answer_days=10, parties=(p.REGION,)),), "count", "2026-12-01T00:00"),
    ],
)
def test_a_request_is_answered_within_five_working_days_or_as_agreed(
    agreements: tuple[Agreement, ...], weekends: Weekends, due: str
) -> None:
    """Given a request of Monday the 23rd, then it is answered by the end of Monday the 30th, or as the owner has agreed."""
    found = standing(case(requested_on=p.DAY), *agreements, weekends=weekends)["request.answer"]
    assert (found.due_at, found.unit) == (swedish(due), p.CONTACT)
    assert found.warn_at == found.due_at - timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"state": "CONSENT_REFUSED"}, True),
        ({"state": "DECLINED_NO_NEED"}, True),
        ({"state": "PREPARING"}, False),
        ({"state": "CLOSED"}, False),
        ({"answered_on": p.DAY}, False),
        ({"requested_on": None}, False),
        ({"opened_by": "sip.initiated"}, False),
    ],
)
def test_a_no_is_an_answer_to_be_given_too(changes: dict[str, Any], *, stands: bool) -> None:
    """Given a request, then its answer is owed until it is given or the planning has begun, whatever the need was found to be."""
    assert ("request.answer" in standing(case(**{"requested_on": p.DAY, **changes}))) == stands


# ── meetings ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

STARTS = p.NOON + timedelta(days=14)
RESPOND = p.NOON + timedelta(days=7)


def meeting(**changes: Any) -> MeetingRecord:
    """Return a planned meeting with three participants, of whom one has answered."""
    participants = (
        Participant(unit=p.HOME_CARE, duty=True),
        Participant(unit=p.CARE_CENTRE, duty=True, state="ACCEPTED"),
        Participant(unit=p.FK, duty=False, state="TENTATIVE"),
    )
    fields = {"id": MEETING, "version": 1, "convener": EVA, "starts_at": STARTS, "respond_by": RESPOND, "participants": participants}
    return MeetingRecord.model_validate({**fields, **changes})


def met(**changes: Any) -> list[tuple[str, str, datetime]]:
    """Return what a case with this meeting owes."""
    found = deadlines(case(state="SUMMONED", meetings=(meeting(**changes),)), bare(), p.NOON)
    return [(each.kind, each.about, each.due_at) for each in found]


def test_everybody_answers_and_somebody_reports() -> None:
    """Given a planned meeting, then whoever has given no final answer owes one, and the convener the word of what came of it."""
    held = ("meeting.held", str(MEETING), end_of(day_of(STARTS)))
    answers = [("meeting.answer", f"{MEETING}/{unit}", RESPOND) for unit in (p.FK, p.HOME_CARE)]
    assert met() == [*answers, held]
    assert met(participants=()) == [held]
    assert met(state="held") == met(state="cancelled") == []
    assert met(respond_by=None) == [held]
    assert met(starts_at=None) == answers


def test_a_unit_that_may_not_be_spoken_to_owes_no_answer() -> None:
    """Given a place whose call was withheld or called back, then its answer is not among the deadlines, at that meeting alone."""
    of = case(state="SUMMONED", meetings=(meeting(),))

    def answers(*silent: tuple[UUID, str]) -> list[str]:
        found = deadlines(of, bare(), p.NOON, silent=silent)
        return [each.about for each in found if each.kind == "meeting.answer"]

    assert answers((MEETING, p.FK), (PLAN, p.HOME_CARE)) == [f"{MEETING}/{p.HOME_CARE}"]
    assert answers((MEETING, p.FK), (MEETING, p.HOME_CARE)) == []


def test_an_answer_after_the_meeting_helps_nobody() -> None:
    """Given a date to answer by that is after the meeting, then the answer is due before the meeting (G8)."""
    assert {due for kind, _, due in met(respond_by=STARTS + timedelta(days=1)) if kind == "meeting.answer"} == {STARTS}


def test_nobody_is_warned_of_the_report_before_the_day_is_over() -> None:
    """Given a planned meeting, then its report has no time before it is late."""
    [held] = deadlines(case(state="SUMMONED", meetings=(meeting(participants=()),)), bare(), p.NOON)
    assert held.warn_at == held.due_at


def soon(*meetings: MeetingRecord, **terms: Any) -> bool:
    """Say whether the agreed time for the meeting stands."""
    return "meeting.soon" in standing(case(state="PREPARING", requested_on=p.DAY, meetings=meetings), agreement(meeting_weeks=3, **terms))


@pytest.mark.parametrize(
    ("meetings", "stands"),
    [
        ((), True),
        ((meeting(),), False),
        ((meeting(starts_at=p.NOON + timedelta(days=21)),), False),
        ((meeting(starts_at=p.NOON + timedelta(days=22)),), True),
        ((meeting(starts_at=None),), True),
        ((meeting(state="cancelled"),), True),
        ((meeting(state="held", starts_at=p.NOON + timedelta(days=40)),), False),
        ((meeting(kind="follow_up"),), True),
    ],
)
def test_the_agreed_weeks_stand_until_a_meeting_is_planned_in_time(meetings: tuple[MeetingRecord, ...], *, stands: bool) -> None:
    """Given three weeks agreed, then they stand until a SIP meeting within them is planned, or one was held."""
    assert soon(*meetings) is stands


@pytest.mark.req(12)
def test_the_agreed_weeks_are_for_those_the_agreement_concerns() -> None:
    """Given an agreement on children and one on adults, then a child's case has the one's weeks alone, and nobody's without a request."""
    assert soon(concerns="children")
    assert not soon(concerns="adults")
    assert not soon(parties=(p.REGION, p.NEIGHBOUR))
    found = standing(case(state="PREPARING", requested_on=p.DAY), agreement(meeting_weeks=3))["meeting.soon"]
    assert (found.about, found.due_at) == ("agreement:avtal", swedish("2026-12-15T00:00"))
    assert "meeting.soon" not in standing(case(state="PREPARING", requested_on=None), agreement(meeting_weeks=3))


@pytest.mark.parametrize(("day", "child"), [(date(2028, 1, 2), True), (date(2028, 1, 3), False)])
def test_a_child_is_one_until_its_eighteenth_birthday(day: date, *, child: bool) -> None:
    """Given somebody born on the 3rd of January 2010, then the agreement on children concerns them until that day in 2028."""
    found = standing(case(state="PREPARING", requested_on=day), agreement(meeting_weeks=3, concerns="children"))
    assert ("meeting.soon" in found) is child


# ── the plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def plan(**changes: Any) -> PlanRecord:
    """Return an established plan with a date for its follow-up."""
    fields = {"id": PLAN, "version": 1, "state": "established", "established_on": p.DAY, "follow_up_on": p.DAY + timedelta(days=90)}
    return PlanRecord.model_validate({**fields, **changes})


def planned(*meetings: MeetingRecord, case_state: str = "ACTIVE", **changes: Any) -> set[str]:
    """Return the kinds of what a case with this plan owes."""
    return set(standing(case(state=case_state, plan=plan(**changes), meetings=meetings)))


def test_a_plan_is_handed_over_and_followed_up() -> None:
    """Given an established plan, then the individual has a copy within seven days, and it is followed up on its day, by the coordinator."""
    found = standing(case(state="ACTIVE", plan=plan()))
    assert found["plan.copy"].due_at == swedish("2026-12-01T00:00")
    assert found["followup"].due_at == swedish("2027-02-22T00:00")
    assert found["followup"].warn_at == found["followup"].due_at - WARN["followup"]
    assert {each.unit for each in found.values()} == {p.CONTACT}


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"copies": ("individual",)}, {"followup"}),
        ({"copies": ("relative/1",)}, {"plan.copy", "followup"}),
        ({"follow_up_on": None}, {"plan.copy"}),
        ({"established_on": None}, {"followup"}),
        ({"state": "proposed"}, set()),
        ({"state": "closed"}, set()),
    ],
)
def test_what_a_plan_owes_no_more(changes: dict[str, Any], left: set[str]) -> None:
    """Given what may have been done, then what is left is owed and no more."""
    assert planned(**changes) == left


def test_a_follow_up_that_is_called_is_a_meeting() -> None:
    """Given a follow-up that is called to, then the meeting's own deadlines stand in its place."""
    follow_up = meeting(kind="follow_up", participants=())
    assert planned(follow_up, case_state="FOLLOW_UP", copies=("individual",)) == {"meeting.held"}


def test_what_was_to_be_evaluated_is_at_a_follow_up() -> None:
    """Given a day for the evaluation, then it stands from the meeting that set it until a follow-up was held."""
    first = meeting(state="held", evaluation_on=date(2027, 3, 1))
    kept = case(state="DRAFTING", meetings=(first,))
    assert standing(kept)["evaluation"].due_at == swedish("2027-03-02T00:00")
    assert met(evaluation_on=date(2027, 3, 1), participants=())[0][0] == "meeting.held"
    held = meeting(id=uuid4(), kind="follow_up", state="held")
    assert "evaluation" not in standing(case(state="ACTIVE", meetings=(first, held)))


@pytest.mark.parametrize("state", ["SUSPENDED_NO_CONSENT", "CLOSED", "VOID"])
def test_a_case_that_rests_asks_for_nothing(state: str) -> None:
    """Given a case that is suspended or has ended, then nothing of the SIP is owed."""
    assert standing(case(state=state, plan=plan(), meetings=(meeting(),), requested_on=p.DAY), agreement(meeting_weeks=3)) == {}


# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_they_come_in_order_and_once() -> None:
    """Given a case that owes much, then what comes first is first, each stands once, and nobody is warned after it is due."""
    full = case(state="SUMMONED", discharge=notice(), plan=plan(), meetings=(meeting(),), requested_on=p.DAY)
    found = deadlines(full, bare(agreement(meeting_weeks=1)), p.NOON)
    assert [each.due_at for each in found] == sorted(each.due_at for each in found)
    assert len({(each.kind, each.about) for each in found}) == len(found) == 8
    assert all(each.warn_at <= each.due_at for each in found)


def test_a_closed_units_deadlines_are_its_successors() -> None:
    """Given a coordinator's unit that was merged, then what is owed is on its successor's desk."""
    directory = bare()
    merged = UnitId("SE2120009994-1003")
    closed = {"closed_on": p.DAY, "successor": merged}
    old = directory.unit(p.CONTACT)
    assert old is not None
    units = (
        *(each for each in directory.units if each.id != p.CONTACT),
        old.model_copy(update=closed),
        old.model_copy(update={"id": merged}),
    )
    found = deadlines(case(state="ACTIVE", plan=plan()), directory.model_copy(update={"units": units}), p.NOON)
    assert {each.unit for each in found} == {merged}
