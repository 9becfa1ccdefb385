"""What must have happened by when, read from a case: the two clocks of a discharge, answers, meetings, copies, follow-ups, consents.

Pure: `deadlines(case, directory, now)` gives every deadline that stands; one that is met, or no longer asked for, is not among them, nor is
the answer of a unit that may not be spoken to.
Days are days in Sweden, and a deadline of days runs to the end of the last one. The law's own clocks are apart: the kallelse clock runs
from when the notice was *given* (LUS 4:3), the payment clock from when it was *sent* (LUS 5:4), and only the latter can be moved by an
agreement (LUS 4:5). It must never guess a time nobody gave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from siphub.model import Agreement, Directory
from siphub.model.case import DischargeRecord, MeetingRecord, PlanRecord, SipCase
from siphub.model.identifiers import UnitId
from siphub.policy.days import STOCKHOLM, after, at, day_of, end_of
from siphub.policy.grounds import comes_of_age
from siphub.policy.lifecycle import TERMINAL
from siphub.policy.moves import moved
from siphub.policy.notices import unanswered

Kind = Literal[
    "request.answer",
    "kallelse",
    "payment",
    "meeting.answer",
    "meeting.held",
    "meeting.soon",
    "plan.copy",
    "followup",
    "evaluation",
    "consent",
]
Place = tuple[UUID, str]
"""A unit's place at a meeting: the meeting's id and the unit."""
Weekends = Literal["count", "skip"]
"""Whether days on which offices are closed count in the clocks of LUS and of agreements."""

SUMMONS_DAYS = 3
"""LUS 4:3."""
PAYMENT_DAYS = 3
"""LUS 5:4; one more for a notice sent after noon."""
NOON = time(12)
ANSWER_DAYS = 5
"""Working days within which a request is answered: what "utan dröjsmål" is taken to be where no agreement says."""
COPY_DAYS = 7
"""Within how many days of the plan the individual has a copy."""

WARN: dict[Kind, timedelta] = {
    "request.answer": timedelta(days=1),
    "kallelse": timedelta(days=1),
    "payment": timedelta(days=1),
    "meeting.answer": timedelta(days=1),
    "meeting.held": timedelta(0),
    "meeting.soon": timedelta(days=7),
    "plan.copy": timedelta(days=2),
    "followup": timedelta(days=14),
    "evaluation": timedelta(days=14),
    "consent": timedelta(days=14),
}
"""How long before a deadline somebody is warned; of a consent it is what is usual, and `siphub.settings` may say otherwise."""
WEEK = timedelta(days=7)
"""How long before its end somebody is warned of a consent at the least, where it lasts longer than that."""
ACTED_ON: frozenset[Kind] = frozenset({"consent"})
"""What the hub itself acts on when its time comes, so that it is never overdue: a consent that runs out (LIFECYCLE section 4)."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that must have happened before `due_at`, UTC. `about` is an id, a unit's number or a day; `unit` is whose work it is."""

    kind: Kind
    about: str
    unit: UnitId
    due_at: datetime
    warn_at: datetime


def kallelse_due(given_at: datetime, *, weekends: Weekends = "count") -> datetime:
    """Return when the kallelse must have been sent: the end of the third day after the day the notice was given (LUS 4:3).

    The statute says "senast tre dagar efter det att en underrättelse har lämnats": we do not count the day of the notice itself, and the
    third day is there to its end.
    """
    return end_of(after(day_of(given_at), SUMMONS_DAYS, only_working=weekends == "skip"))


def payment_from(sent_at: datetime, days: int = PAYMENT_DAYS, *, weekends: Weekends = "count") -> datetime:
    """Return from when the municipality pays: the beginning of the third day after the day the notice was sent (LUS 5:4).

    Args:
        sent_at: When it was sent. After 12.00 in Sweden the day is one later; a notice sent at 12.00 sharp is not after it.
        days: How many days, where an agreement of region and municipality says otherwise (LUS 4:5).
        weekends: Whether days on which offices are closed count.
    """
    late = sent_at.astimezone(STOCKHOLM).time() > NOON
    return at(after(day_of(sent_at), days + late, only_working=weekends == "skip"), time())


def deadlines(
    case: SipCase,
    directory: Directory,
    now: datetime,
    weekends: Weekends = "count",
    silent: Collection[Place] = (),
    consent_warning: timedelta = WARN["consent"],
) -> tuple[Deadline, ...]:
    """Return every deadline that stands in a case, the first to come first.

    Args:
        case: The case as it is.
        directory: A snapshot: agreements, and units that were closed.
        now: The time, UTC: which units stand for those that were closed.
        weekends: The rule for days on which offices are closed, in the clocks of LUS and of agreements.
        silent: Places whose call was withheld or called back, or rests on nothing any more: nobody asks them for an answer.
        consent_warning: How long before a consent's end somebody is warned, where it lasts long enough.
    """
    case = moved(case, directory, day_of(now))
    found = (*_request(case, directory, weekends), *_discharge(case, directory, weekends), *_sip(case, directory, silent))
    if _planning(case):
        found = (*found, *_consents(case, now, consent_warning))
    return tuple(sorted(found, key=lambda deadline: (deadline.due_at, deadline.kind, deadline.about)))


def _deadline(kind: Kind, about: object, unit: UnitId, due_at: datetime) -> Deadline:
    return Deadline(kind, str(about), unit, due_at, due_at - WARN[kind])


def _request(case: SipCase, directory: Directory, weekends: Weekends) -> Iterator[Deadline]:
    """A request is answered without delay, a no as well: it stands until it is answered or the planning has begun (REQ-5)."""
    waits = case.opened_by == "sip.requested" and case.answered_on is None and case.requested_on is not None
    if not waits or case.requested_on is None or case.state not in {"REQUESTED", "CONSENT_REFUSED", "DECLINED_NO_NEED"}:
        return
    agreed = _shortest(_agreements(case, directory, case.requested_on, case.owner), "request_answer_days")
    last = (
        after(case.requested_on, ANSWER_DAYS, only_working=True)
        if agreed is None
        else after(case.requested_on, agreed, only_working=weekends == "skip")
    )
    yield _deadline("request.answer", case.case_id, case.contact, end_of(last))


def _discharge(case: SipCase, directory: Directory, weekends: Weekends) -> Iterator[Deadline]:
    """The two clocks of LUS. They rest on their own statute: no consent or want of one, and no end of the SIP, stops them."""
    known = case.discharge
    if case.state == "VOID" or known is None or known.notice_id is None:
        return
    if known.revoked_at is not None or known.interrupted_at is not None:
        return
    if known.given_at is not None and known.summoned_at is None:
        unit = known.care_contact_unit or case.contact
        yield _deadline("kallelse", known.notice_id, unit, kallelse_due(known.given_at, weekends=weekends))
    if known.sent_at is not None and known.discharged_at is None:
        days = _payment_days(case, known, known.sent_at, directory)
        yield _deadline("payment", known.notice_id, _in_municipality(case, known), payment_from(known.sent_at, days, weekends=weekends))


def _payment_days(case: SipCase, known: DischargeRecord, sent_at: datetime, directory: Directory) -> int:
    """Return what region and municipality have agreed on, or the statute's three days."""
    ward = directory.unit(known.admitting_unit)
    region = ward.organisation if ward is not None else known.admitting_unit.organisation
    agreed = _shortest(_agreements(case, directory, day_of(sent_at), region, known.municipality), "payment_days")
    return PAYMENT_DAYS if agreed is None else agreed


def _in_municipality(case: SipCase, known: DischargeRecord) -> UnitId:
    """Return the municipality's own unit in the case, which is to know from when it pays; the contact where there is none."""
    return next((unit for unit in (case.contact, *case.units) if unit.organisation == known.municipality), case.contact)


def _sip(case: SipCase, directory: Directory, silent: Collection[Place]) -> Iterator[Deadline]:
    """What the SIP itself asks for. A case that has ended asks for nothing, and a suspended one for nothing but a meeting by LUS 4:1."""
    if case.state in TERMINAL:
        return
    for meeting in case.meetings:
        if meeting.stands and (meeting.discharge or _planning(case)):
            yield from _meeting(meeting, silent)
    if not _planning(case):
        return
    yield from _soon(case, directory)
    yield from _evaluation(case)
    if case.plan is not None and case.plan.state == "established":
        yield from _plan(case, case.plan)


def _planning(case: SipCase) -> bool:
    return case.state not in TERMINAL and case.state != "SUSPENDED_NO_CONSENT"


def _consents(case: SipCase, now: datetime, warning: timedelta) -> Iterator[Deadline]:
    """Whoever coordinates asks for a new consent before one runs out: once for each day on which any does."""
    lasting = [(grant.since, grant.until) for grant in case.grants if grant.until is not None and grant.holds(now)]
    plan = case.plan_consent
    if plan is not None and plan.until is not None and plan.holds(now):
        lasting.append((plan.at, plan.until))
    ends: dict[date, Deadline] = {}
    for since, until in sorted(lasting, key=lambda each: (each[1], each[0])):
        day, warn_at = day_of(until), until - _lead(until - since, warning)
        ends.setdefault(day, Deadline("consent", day.isoformat(), case.coordinating_unit, until, warn_at))
    yield from ends.values()


def _lead(length: timedelta, warning: timedelta) -> timedelta:
    """Return how long before its end somebody is warned of a consent of this length: of a short one half-way, so that it is not at once."""
    return length / 2 if length <= WEEK else min(warning, max(WEEK, length / 2))


def _meeting(meeting: MeetingRecord, silent: Collection[Place]) -> Iterator[Deadline]:
    """Everybody who may be asked has answered before the meeting (G8), and the day after it somebody has said what came of it."""
    convener = meeting.convener.unit
    ends = [time for time in (meeting.respond_by, meeting.starts_at) if time is not None]
    if meeting.respond_by is not None:
        for unit in (found for found in unanswered(meeting) if (meeting.id, found) not in silent):
            yield _deadline("meeting.answer", f"{meeting.id}/{unit}", convener, min(ends))
    if meeting.starts_at is not None:
        yield _deadline("meeting.held", meeting.id, convener, end_of(day_of(meeting.starts_at)))


def _soon(case: SipCase, directory: Directory) -> Iterator[Deadline]:
    """An agreement may say within how many weeks of the request the meeting is: it stands until one is planned in time, or was held."""
    if case.requested_on is None:
        return
    for agreement in _agreements(case, directory, case.requested_on, case.owner):
        if agreement.meeting_weeks is None:
            continue
        due = end_of(case.requested_on + timedelta(weeks=agreement.meeting_weeks))
        if not any(_in_time(found, due) for found in case.meetings):
            yield _deadline("meeting.soon", f"agreement:{agreement.id}", case.coordinating_unit, due)


def _in_time(meeting: MeetingRecord, due: datetime) -> bool:
    if meeting.kind != "sip":
        return False
    return meeting.state == "held" or (meeting.stands and meeting.starts_at is not None and meeting.starts_at < due)


def _evaluation(case: SipCase) -> Iterator[Deadline]:
    """What was decided to be evaluated by a day is, at a follow-up."""
    if any(found.kind == "follow_up" and found.state == "held" for found in case.meetings):
        return
    for meeting in case.meetings:
        if meeting.state == "held" and meeting.evaluation_on is not None:
            yield _deadline("evaluation", meeting.id, case.coordinating_unit, end_of(meeting.evaluation_on))


def _plan(case: SipCase, plan: PlanRecord) -> Iterator[Deadline]:
    """The individual has a copy of the plan, and it is followed up when it says; once a follow-up is called to, the meeting's own stand."""
    if plan.established_on is not None and "individual" not in plan.copies:
        yield _deadline("plan.copy", plan.id, case.coordinating_unit, end_of(plan.established_on + timedelta(days=COPY_DAYS)))
    called = any(found.kind == "follow_up" and found.stands for found in case.meetings)
    if plan.follow_up_on is not None and not called:
        yield _deadline("followup", plan.id, case.coordinating_unit, end_of(plan.follow_up_on))


def _agreements(case: SipCase, directory: Directory, day: date, *parties: str) -> list[Agreement]:
    """Return the agreements that are in force between all these parties on a day and concern the person the case is about."""
    born = case.subject.identity.value.birth_date if case.subject is not None else None
    ages = {"everybody"} if born is None else {"everybody", "children" if day < comes_of_age(born) else "adults"}
    return [found for found in directory.agreements if found.holds(day) and found.concerns in ages and set(parties) <= set(found.parties)]


def _shortest(agreements: Iterable[Agreement], term: Literal["request_answer_days", "payment_days"]) -> int | None:
    """Return the shortest time that one of the agreements sets, or None where none does."""
    return min((days for found in agreements if (days := getattr(found, term)) is not None), default=None)
