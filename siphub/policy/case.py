"""What a message does to a case: `decide(case, message, caller, directory, now)` gives a refusal, or the case that follows and its effects.

Pure, and the only place where a case changes (HOUSE, "State, and who writes it"). It never decides who may see a message: that is
`disclosure`; here it is only who takes part, what is allowed, and which state follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from siphub.model import Caller, Content, Directory, Message
from siphub.model.case import CaseState, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.policy import consent, lifecycle, meetings, plans
from siphub.policy.authority import admit
from siphub.policy.days import day_of
from siphub.policy.moves import moved
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Effect, Narrowed, NoteReceipt, OpenWork, Recall, Step, Supersede, move

__all__ = ["Decision", "Effect", "Narrowed", "NoteReceipt", "OpenWork", "Recall", "Supersede", "decide"]


def decide(case: SipCase | None, message: Message, caller: Caller, directory: Directory, now: datetime) -> Refusal | Decision:
    """Decide what a message does.

    Args:
        case: The case under lock, or None where its owner has none by that id.
        message: A valid message.
        caller: Who authenticated, and through which door.
        directory: A snapshot.
        now: The time, UTC.
    """
    day = day_of(now)
    case = moved(case, directory, day) if case is not None else None
    refusal = admit(message, case, caller, directory)
    if refusal is not None:
        return refusal
    if case is None:
        return Decision(moved(_opened(message), directory, day))
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


def _requested(asked: Asked, _: Content) -> Refusal | Decision:
    return move(asked, asked.message.type)


def _need(asked: Asked, content: rq.NeedAssessed) -> Refusal | Decision:
    """N1. One huvudman's yes binds both; whether the individual agrees is for the consent to say."""
    if content.needed:
        return move(asked, "need.assessed:yes", needed=True)
    return Refusal("need.binding", "conflict", "/content/needed") if asked.case.needed else move(asked, "need.assessed:no")


def _participants(asked: Asked, content: rq.ParticipantsApproved) -> Refusal | Decision:
    grants = consent.choose_participants(asked.case.grants, content.units, asked.now)
    people = content.people or asked.case.people
    silent = _silenced(asked.case.people, people)
    grants = tuple(grant for grant in grants if grant.party not in silent)
    return move(asked, "participants.approved", *consent.narrowing(asked.case.grants, grants, Narrowed()), grants=grants, people=people)


def _silenced(before: Sequence[CasePerson], after: Sequence[CasePerson]) -> frozenset[str]:
    """Return who of the people named before is not named any more, or is objected to now: nothing is granted to them any longer."""
    kept = {person.ref for person in after if not person.objection}
    return frozenset({person.ref for person in (*before, *after)} - kept)


def _consent(asked: Asked, content: Content) -> Refusal | Decision:
    change = consent.change(asked.case, asked.message, content, asked.directory, asked.now)
    if isinstance(change, Refusal):
        return change
    effects: list[Effect] = list(consent.narrowing(asked.case.grants, change.grants, Narrowed()))
    resumes, was_suspended = asked.case.resumes, asked.case.state == "SUSPENDED_NO_CONSENT"
    changed = {"grants": change.grants, "plan_consent": change.plan, "consents": (*asked.case.consents, change.record)}
    if change.work is not None:
        effects.append(OpenWork(change.work, asked.case.coordinating_unit))
    after = move(asked, change.event, *effects, **changed)
    if isinstance(after, Refusal):
        return after
    if after.case.state == "SUSPENDED_NO_CONSENT" and not was_suspended:
        work = OpenWork("consent.withdrawn", asked.case.coordinating_unit)
        return Decision(consent.suspended(asked.case, after.case), (*after.effects, work))
    if was_suspended and change.event == "consent.given:enough" and resumes is not None:
        return Decision(after.case.model_copy(update={"state": _resumed(resumes), "resumes": None}), after.effects)
    return after


def _resumed(state: CaseState) -> CaseState:
    return "PREPARING" if state in {"REQUESTED", "CONSENT_REFUSED"} else state


_RECEIPTS: Mapping[type[Content], Literal["received", "read", "rejected"]] = MappingProxyType(
    {r.TransportReceipt: "received", r.Received: "received", r.Read: "read", r.NotReceived: "rejected"}
)


def _receipt(asked: Asked, content: r.Received | r.Read | r.NotReceived | r.TransportReceipt) -> Refusal | Decision:
    code = content.code if isinstance(content, r.NotReceived) else None
    return move(asked, "receipt", NoteReceipt(content.message_id, _RECEIPTS[type(content)], code))


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
        "meeting.summoned": meetings.called,
        "meeting.invited": meetings.called,
        "meeting.response": meetings.responded,
        "meeting.rescheduled": meetings.rescheduled,
        "meeting.cancelled": meetings.cancelled,
        "meeting.held": meetings.held,
        "plan.proposed": plans.planned,
        "plan.established": plans.planned,
        "plan.revised": plans.planned,
        "plan.commitment.confirmed": plans.committed,
        "plan.commitment.rejected": plans.committed,
        "plan.closed": plans.closed,
        "ack.transport": _receipt,
        "ack.received": _receipt,
        "nack": _receipt,
        "ack.read": _receipt,
    }
)
"""Message type → its step. A type without one is refused, whoever sends it."""
