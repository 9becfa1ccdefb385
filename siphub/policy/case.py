"""What a message does to a case: `decide(case, message, caller, directory, now)` gives a refusal, or the case that follows and its effects.

Pure, and the only place where a case changes (HOUSE, "State, and who writes it"). It never decides who may see a message: that is
`disclosure`; here it is only who takes part, what is allowed, and which state follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from siphub.model import Caller, Content, Directory, Message
from siphub.model.case import CaseState, Commitment, MeetingRecord, Participant, ParticipantState, Planned, PlanRecord, SipCase
from siphub.model.directory import PRINCIPALS
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.policy import consent, lifecycle
from siphub.policy.authority import admit
from siphub.policy.disclosure import DUTY_BOUND, bases_of
from siphub.policy.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Supersede:
    """Undelivered earlier versions of this meeting or plan are not sent any more."""

    object_id: UUID
    below_version: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Everybody who has been sent something about this case (or only about this object) gets the one stop notice."""

    object_id: UUID | None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Something that was allowed is not any more: withhold what no longer holds, recall what was sent."""


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A person must act: see docs/work-items.md. `unit` is whose work it is."""

    type: str
    unit: str


@dataclass(frozen=True, slots=True)
class NoteReceipt:
    """The sender's unit says what became of a message that was sent to it."""

    message_id: UUID
    kind: Literal["received", "read", "rejected"]
    code: str | None = None


Effect = Supersede | Recall | Narrowed | OpenWork | NoteReceipt


@dataclass(frozen=True, slots=True)
class Decision:
    """The case that follows, and what else must happen in the same transaction."""

    case: SipCase
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One message before its case: what every step below looks at."""

    case: SipCase
    message: Message
    directory: Directory
    now: datetime


Step = Callable[[Asked, Any], Refusal | Decision]


def decide(case: SipCase | None, message: Message, caller: Caller, directory: Directory, now: datetime) -> Refusal | Decision:
    """Decide what a message does.

    Args:
        case: The case under lock, or None where its owner has none by that id.
        message: A valid message.
        caller: Who authenticated, and through which door.
        directory: A snapshot.
        now: The time, UTC.
    """
    refusal = admit(message, case, caller, directory)
    if refusal is not None:
        return refusal
    if case is None:
        return Decision(_opened(message))
    case = _knowing(case, message)
    step = _STEPS.get(message.type)
    if step is None:
        return Refusal("sender.role", "forbidden", "/type")
    decided = step(Asked(case, message, directory, now), message.content)
    return decided if isinstance(decided, Refusal) else _versioned(case, decided)


def _versioned(before: SipCase, decision: Decision) -> Decision:
    consent_version = before.consent_version + (decision.case.grants != before.grants)
    return Decision(decision.case.model_copy(update={"version": before.version + 1, "consent_version": consent_version}), decision.effects)


def _knowing(case: SipCase, message: Message) -> SipCase:
    """Keep who the case is about as the first message that names the person says it, and any protection a later one adds (G10, G15)."""
    named = message.subject
    if named is None or (case.subject is not None and (case.subject.protection is not None or named.protection is None)):
        return case
    known = case.subject.model_copy(update={"protection": named.protection}) if case.subject else named
    return case.model_copy(update={"subject": known})


def _opened(message: Message) -> SipCase:
    receiving = UnitId(getattr(message.content, "receiving_unit", message.sender.unit))
    return SipCase(
        case_id=message.case_id,
        owner=message.owner,
        state=lifecycle.OPENING[message.type],
        subject=message.subject,
        contact=receiving,
        units=tuple(dict.fromkeys((message.sender.unit, receiving))),
    )


def _move(asked: Asked, event: str, *effects: Effect, **changes: object) -> Refusal | Decision:
    """Follow the state table, or refuse."""
    after = lifecycle.case_after(asked.case.state, event)
    if after is None:
        return Refusal("case.wrong_state", "conflict", "/type")
    return Decision(asked.case.model_copy(update={"state": after, **changes}), effects)


def _requested(asked: Asked, _: Content) -> Refusal | Decision:
    return _move(asked, asked.message.type)


def _need(asked: Asked, content: rq.NeedAssessed) -> Refusal | Decision:
    """N1. One huvudman's yes binds both; whether the individual agrees is for the consent to say."""
    if content.needed:
        return _move(asked, "need.assessed:yes", needed=True)
    return Refusal("need.binding", "conflict", "/content/needed") if asked.case.needed else _move(asked, "need.assessed:no")


def _participants(asked: Asked, content: rq.ParticipantsApproved) -> Refusal | Decision:
    grants = consent.choose_participants(asked.case.grants, content.units, asked.now)
    return _move(asked, "participants.approved", *consent.narrowing(asked.case.grants, grants, Narrowed()), grants=grants)


def _consent(asked: Asked, content: Content) -> Refusal | Decision:
    change = consent.change(asked.case, asked.message, content, asked.directory, asked.now)
    if isinstance(change, Refusal):
        return change
    effects: list[Effect] = list(consent.narrowing(asked.case.grants, change.grants, Narrowed()))
    resumes, suspended = asked.case.resumes, asked.case.state == "SUSPENDED_NO_CONSENT"
    moved = _move(asked, change.event, *effects, grants=change.grants, consents=(*asked.case.consents, change.record))
    if isinstance(moved, Refusal):
        return moved
    if moved.case.state == "SUSPENDED_NO_CONSENT" and not suspended:
        work = OpenWork("consent.withdrawn", asked.case.coordinating_unit)
        back: CaseState = "PREPARING" if asked.case.state == "SUMMONED" else asked.case.state
        return Decision(moved.case.model_copy(update={"resumes": back}), (*moved.effects, work))
    if suspended and change.event == "consent.given:enough" and resumes is not None:
        return Decision(moved.case.model_copy(update={"state": _resumed(resumes), "resumes": None}), moved.effects)
    return moved


def _resumed(state: CaseState) -> CaseState:
    return "PREPARING" if state in {"REQUESTED", "CONSENT_REFUSED"} else state


def _called(asked: Asked, content: m.MeetingSummoned | m.MeetingInvited) -> Refusal | Decision:
    """K1 and K2: a first version, or further participants to the version there is."""
    if content.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
    absent = isinstance(content, m.MeetingSummoned) and content.individual_attendance == "absent_consented"
    if absent and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual_attendance")
    known = asked.case.meeting(content.meeting.id)
    if content.meeting.version != (known.version if known else 1):
        return Refusal("message.out_of_order", "conflict", "/content/meeting/version")
    if known and (known.convener.unit != asked.message.sender.unit or known.state != "planned"):
        return Refusal("meeting.not_convener", "forbidden", "/content/meeting/id")
    others = tuple(found for found in asked.case.meetings if found.state == "planned" and found.id != content.meeting.id)
    if others and asked.case.state == "SUMMONED":
        return Refusal("meeting.another_planned", "conflict", "/content/meeting/id")
    record = _with_participants(asked, known or MeetingRecord(id=content.meeting.id, version=1, convener=content.convener))
    basis = asked.message.basis.code if asked.message.basis is not None else "consent"
    assessed = basis != "consent" and basis in bases_of(asked.message.type)
    event = f"{asked.message.type}:no-consent" if assessed else asked.message.type
    meetings = (*(found for found in asked.case.meetings if found not in {*others, known}), *(_called_off(found) for found in others), record)
    return _move(asked, event, meetings=meetings, phone=content.convener.phone)


def _with_participants(asked: Asked, record: MeetingRecord) -> MeetingRecord:
    """Give every recipient a place; only a huvudman's or care provider's unit can be duty-bound, and an invitation binds nobody."""
    binds = not isinstance(asked.message.content, m.MeetingInvited)
    new = (unit for unit in asked.message.recipients if record.participant(unit) is None)
    added = (Participant(unit=unit, duty=binds and asked.directory.kind_of(unit) in DUTY_BOUND) for unit in new)
    return record.model_copy(update={"participants": (*record.participants, *added)})


def _called_off(record: MeetingRecord) -> MeetingRecord:
    return record.model_copy(update={"state": "cancelled"})


def _rescheduled(asked: Asked, content: m.MeetingRescheduled) -> Refusal | Decision:
    known = asked.case.meeting(content.meeting.id)
    if known is None or known.state != "planned":
        return Refusal("case.not_there", "not_there")
    if content.supersedes != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/supersedes")
    if content.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
    asked_again = tuple(found.model_copy(update={"state": "SENT"}) for found in known.participants)
    record = known.model_copy(update={"version": content.meeting.version, "participants": asked_again, "convener": content.convener})
    supersede = Supersede(known.id, content.meeting.version)
    meetings = _with(asked.case, _with_participants(asked, record))
    return _move(asked, "meeting.rescheduled", supersede, meetings=meetings, phone=content.convener.phone)


def _cancelled(asked: Asked, content: m.MeetingCancelled) -> Refusal | Decision:
    known = asked.case.meeting(content.meeting_id)
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if known.state == "held":
        return Refusal("case.wrong_state", "conflict", "/content/meeting_id")
    effects = (Supersede(known.id, known.version + 1), Recall(known.id))
    if known.state == "cancelled":
        return Decision(asked.case, effects)
    return _move(asked, "meeting.cancelled", *effects, meetings=_with(asked.case, _called_off(known)))


def _held(asked: Asked, content: m.MeetingHeld) -> Refusal | Decision:
    known = asked.case.meeting(content.meeting_id)
    if known is None or known.state != "planned":
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if content.individual == "absent_consented" and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
    attended = tuple(
        found.model_copy(update={"state": "ATTENDED" if found.unit in content.attended_units else "ABSENT"}) for found in known.participants
    )
    record = known.model_copy(update={"state": "held", "participants": attended})
    return _move(asked, f"meeting.held:{content.outcome}", meetings=_with(asked.case, record))


_ANSWERS: Mapping[str, ParticipantState] = MappingProxyType(
    {
        "accept": "ACCEPTED",
        "decline": "DECLINED",
        "tentative": "TENTATIVE",
        "propose-new-time": "NEW_TIME_PROPOSED",
        "delegate": "DELEGATED",
        "contact-us": "CONTACT_US",
    }
)


def _responded(asked: Asked, content: m.MeetingResponse) -> Refusal | Decision:
    """K3. An answer to an earlier version is void (G7); a duty-bound no without a substitute is escalated (G11).

    One that comes after the meeting was held or called off is passed on, and changes nothing.
    """
    sender = asked.message.sender.unit
    known = asked.case.meeting(content.meeting_id)
    mine = known.participant(sender) if known else None
    if known is None or mine is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if known.state != "planned":
        return _move(asked, "meeting.response")
    answered = mine.model_copy(update={"state": _ANSWERS[content.response]})
    record = known.model_copy(update={"participants": tuple(answered if found.unit == sender else found for found in known.participants)})
    effects: list[Effect] = []
    if content.response == "decline" and mine.duty and content.substitute_unit is None and content.substitute_name is None:
        effects.append(OpenWork("meeting.duty_declined", known.convener.unit))
    if content.response in {"propose-new-time", "contact-us"}:
        effects.append(OpenWork(f"meeting.{content.response}", known.convener.unit))
    return _move(asked, "meeting.response", *effects, meetings=_with(asked.case, record))


def _planned(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | Decision:
    """P0, P1 and P3: never without the individual's consent to a plan, whatever the basis (LIFECYCLE section 3)."""
    plan, known = content.plan, asked.case.plan
    if not consent.has(asked.case.grants, "plan", asked.now):
        return Refusal("plan.no_consent", "invalid", "/type")
    refusal = _plan_version(asked, content) or (None if isinstance(content, pl.PlanProposed) else _final(asked, content))
    if refusal is not None:
        return refusal
    proposed = isinstance(content, pl.PlanProposed)
    record = PlanRecord(
        id=plan.id,
        version=plan.version,
        state="proposed" if proposed else "established",
        activities=_given(plan),
        commitments=() if proposed or known is None else known.commitments,
    )
    coordinator = plan.coordinator if plan.coordinator and not proposed else asked.case.coordinator
    return _move(asked, asked.message.type, Supersede(plan.id, plan.version), plan=record, coordinator=coordinator)


def _plan_version(asked: Asked, content: pl.PlanProposed | pl.PlanEstablished | pl.PlanRevised) -> Refusal | None:
    known, plan = asked.case.plan, content.plan
    if known is None:
        follows = not isinstance(content, pl.PlanRevised)
    elif isinstance(content, pl.PlanProposed):
        follows = known.id == plan.id and known.version < plan.version
    else:
        follows = known.id == plan.id and known.version + isinstance(content, pl.PlanRevised) == plan.version
    return None if follows else Refusal("message.out_of_order", "conflict", "/content/plan/version")


def _final(asked: Asked, content: pl.PlanEstablished | pl.PlanRevised) -> Refusal | None:
    """G3, and P2 before P1: a coordinator at a huvudman, a date for follow-up, and every other unit's word for its part.

    The coordinator's unit must be in the case already: otherwise nobody could revise or close it afterwards.
    """
    plan = content.plan
    if plan.coordinator is None or plan.follow_up_on is None or asked.directory.kind_of(plan.coordinator.unit) not in PRINCIPALS:
        return Refusal("plan.coordinator_missing", "invalid", "/content/plan/coordinator")
    if plan.coordinator.unit not in asked.case.units:
        return Refusal("plan.coordinator_outside", "invalid", "/content/plan/coordinator/unit")
    overall = asked.directory.organisation(plan.overall_responsible.organisation)
    if overall is None or overall.kind != plan.overall_responsible.kind:
        return Refusal("plan.overall_responsible", "invalid", "/content/plan/overall_responsible")
    if isinstance(content, pl.PlanRevised) or _confirmed(asked, _given(plan)):
        return None
    return Refusal("plan.commitments_missing", "conflict", "/content/plan/activities")


def _given(plan: pl.Plan) -> tuple[Planned, ...]:
    """Return what a plan gives to units, each with a digest that changes when the activity does."""
    return tuple(
        Planned(activity=found.id, unit=found.responsible.unit, digest=sha256(found.model_dump_json().encode()).hexdigest())
        for found in plan.activities
        if found.responsible.unit is not None
    )


def _confirmed(asked: Asked, given: Sequence[Planned]) -> bool:
    """Say whether every other unit that can be asked stands by just this; agencies and others cannot be sent a draft, so they are not asked."""
    known = asked.case.plan
    proposed = set(known.activities) if known else set()
    stood_by = {(found.unit, found.activity) for found in known.commitments if found.confirmed} if known else set()
    mine = asked.message.sender.unit
    others = [found for found in given if found.unit != mine and asked.directory.kind_of(found.unit) in DUTY_BOUND]
    return all(found in proposed and (found.unit, found.activity) in stood_by for found in others)


def _committed(asked: Asked, content: pl.CommitmentConfirmed | pl.CommitmentRejected) -> Refusal | Decision:
    known = asked.case.plan
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.plan_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/plan_version")
    if not set(content.activities) <= {found.activity for found in known.activities if found.unit == content.unit}:
        return Refusal("plan.activity_unknown", "invalid", "/content/activities")
    confirmed = isinstance(content, pl.CommitmentConfirmed)
    others = (found for found in known.commitments if found.unit != content.unit or found.activity not in content.activities)
    said = (Commitment(unit=content.unit, activity=activity, confirmed=confirmed) for activity in dict.fromkeys(content.activities))
    record = known.model_copy(update={"commitments": (*others, *said)})
    effects = () if confirmed else (OpenWork("plan.commitment_rejected", asked.case.coordinating_unit),)
    return _move(asked, asked.message.type, *effects, plan=record)


def _closed(asked: Asked, _: pl.PlanClosed) -> Refusal | Decision:
    """A1: always possible, and a second time it changes nothing (G12). What is not sent by now is not sent any more, on whatever basis."""
    plan = asked.case.plan.model_copy(update={"state": "closed"}) if asked.case.plan else None
    waiting = tuple(Supersede(found.id, found.version + 1) for found in (*asked.case.meetings, *((plan,) if plan else ())))
    return _move(asked, "plan.closed", Narrowed(), *waiting, Recall(None), plan=plan, grants=())


_RECEIPTS: Mapping[type[Content], Literal["received", "read", "rejected"]] = MappingProxyType(
    {r.TransportReceipt: "received", r.Received: "received", r.Read: "read", r.NotReceived: "rejected"}
)


def _receipt(asked: Asked, content: r.Received | r.Read | r.NotReceived | r.TransportReceipt) -> Refusal | Decision:
    code = content.code if isinstance(content, r.NotReceived) else None
    return _move(asked, "receipt", NoteReceipt(content.message_id, _RECEIPTS[type(content)], code))


def _with(case: SipCase, record: MeetingRecord) -> tuple[MeetingRecord, ...]:
    return (*(found for found in case.meetings if found.id != record.id), record)


_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "sip.requested": _requested,
        "sip.proposed": _requested,
        "need.assessed": _need,
        "participants.approved": _participants,
        "consent.given": _consent,
        "consent.refused": _consent,
        "consent.amended": _consent,
        "consent.withdrawn": _consent,
        "meeting.summoned": _called,
        "meeting.invited": _called,
        "meeting.response": _responded,
        "meeting.rescheduled": _rescheduled,
        "meeting.cancelled": _cancelled,
        "meeting.held": _held,
        "plan.proposed": _planned,
        "plan.established": _planned,
        "plan.revised": _planned,
        "plan.commitment.confirmed": _committed,
        "plan.commitment.rejected": _committed,
        "plan.closed": _closed,
        "ack.transport": _receipt,
        "ack.received": _receipt,
        "nack": _receipt,
        "ack.read": _receipt,
    }
)
"""Message type → its step. A type without one is refused, whoever sends it."""
