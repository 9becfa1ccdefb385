"""What a message does to a case: `decide(case, message, caller, directory, now)` gives a refusal, or the case that follows and its effects.

Pure, and the only place where a case changes (HOUSE, "State, and who writes it"). It never decides who may see a message: that is
`disclosure`; here it is only who takes part, what is allowed, and which state follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from siphub.model import Caller, Content, Directory, Message
from siphub.model.case import CaseState, Commitment, MeetingRecord, Participant, ParticipantState, PlanRecord, SipCase
from siphub.model.directory import PRINCIPALS
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.policy import consent, lifecycle
from siphub.policy.authority import admit
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
    if case.subject is None and message.subject is not None:
        case = case.model_copy(update={"subject": message.subject})
    step = _STEPS.get(message.type)
    if step is None:
        return Refusal("sender.role", "forbidden", "/type")
    decided = step(Asked(case, message, directory, now), message.content)
    return decided if isinstance(decided, Refusal) else _versioned(case, decided)


def _versioned(before: SipCase, decision: Decision) -> Decision:
    consent_version = before.consent_version + (decision.case.grants != before.grants)
    return Decision(decision.case.model_copy(update={"version": before.version + 1, "consent_version": consent_version}), decision.effects)


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


def _requested(asked: Asked, _: rq.SipRequested) -> Refusal | Decision:
    return _move(asked, "sip.requested")


def _need(asked: Asked, content: rq.NeedAssessed) -> Refusal | Decision:
    return _move(asked, "need.assessed:yes" if content.needed and content.individual_agrees else "need.assessed:no")


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
        work = OpenWork("consent.withdrawn", asked.case.coordinator.unit if asked.case.coordinator else asked.case.contact)
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
    record = known or MeetingRecord(id=content.meeting.id, version=1, convener=content.convener)
    duty = isinstance(content, m.MeetingSummoned)
    added = tuple(Participant(unit=unit, duty=duty) for unit in asked.message.recipients if not record.participant(unit))
    record = record.model_copy(update={"participants": (*record.participants, *added)})
    assessed = asked.message.basis is not None and asked.message.basis.code != "consent"
    event = "meeting.summoned:no-consent" if duty and assessed else asked.message.type
    return _move(asked, event, meetings=_with(asked.case, record), phone=content.convener.phone)


def _rescheduled(asked: Asked, content: m.MeetingRescheduled) -> Refusal | Decision:
    known = asked.case.meeting(content.meeting.id)
    if known is None or known.state != "planned":
        return Refusal("case.not_there", "not_there")
    if content.supersedes != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/supersedes")
    asked_again = tuple(found.model_copy(update={"state": "SENT"}) for found in known.participants)
    record = known.model_copy(update={"version": content.meeting.version, "participants": asked_again, "convener": content.convener})
    supersede = Supersede(known.id, content.meeting.version)
    return _move(asked, "meeting.rescheduled", supersede, meetings=_with(asked.case, record), phone=content.convener.phone)


def _cancelled(asked: Asked, content: m.MeetingCancelled) -> Refusal | Decision:
    known = asked.case.meeting(content.meeting_id)
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    record = known.model_copy(update={"state": "cancelled"})
    effects = (Supersede(known.id, known.version + 1), Recall(known.id))
    return _move(asked, "meeting.cancelled", *effects, meetings=_with(asked.case, record))


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
    """K3. An answer to an earlier version is void (G7); a duty-bound no without a substitute is escalated (G11)."""
    sender = asked.message.sender.unit
    known = asked.case.meeting(content.meeting_id)
    mine = known.participant(sender) if known else None
    if known is None or mine is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
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
    units = tuple(dict.fromkeys(activity.responsible.unit for activity in plan.activities if activity.responsible.unit))
    proposed = isinstance(content, pl.PlanProposed)
    record = PlanRecord(
        id=plan.id,
        version=plan.version,
        state="proposed" if proposed else "established",
        units=units,
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
    """G3, and P2 before P1: a coordinator at a huvudman, a date for follow-up, and every other unit's word for its part."""
    plan = content.plan
    if plan.coordinator is None or plan.follow_up_on is None or asked.directory.kind_of(plan.coordinator.unit) not in PRINCIPALS:
        return Refusal("plan.coordinator_missing", "invalid", "/content/plan/coordinator")
    if isinstance(content, pl.PlanRevised):
        return None
    asked_for = {activity.responsible.unit for activity in plan.activities if activity.responsible.unit} - {asked.message.sender.unit}
    confirmed = {found.unit for found in asked.case.plan.commitments if found.confirmed} if asked.case.plan else set()
    return None if asked_for <= confirmed else Refusal("plan.commitments_missing", "conflict", "/content/plan/activities")


def _committed(asked: Asked, content: pl.CommitmentConfirmed | pl.CommitmentRejected) -> Refusal | Decision:
    known = asked.case.plan
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.plan_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/plan_version")
    confirmed = isinstance(content, pl.CommitmentConfirmed)
    others = tuple(found for found in known.commitments if found.unit != content.unit)
    record = known.model_copy(update={"commitments": (*others, Commitment(unit=content.unit, confirmed=confirmed))})
    effects = () if confirmed else (OpenWork("plan.commitment_rejected", asked.case.contact),)
    return _move(asked, asked.message.type, *effects, plan=record)


def _closed(asked: Asked, _: pl.PlanClosed) -> Refusal | Decision:
    """A1: always possible, and a second time it changes nothing (G12). What is not sent by now is not sent any more."""
    if asked.case.state == "CLOSED":
        return Decision(asked.case)
    plan = asked.case.plan.model_copy(update={"state": "closed"}) if asked.case.plan else None
    return _move(asked, "plan.closed", Narrowed(), Recall(None), plan=plan, grants=())


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
