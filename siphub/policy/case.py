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
from siphub.model.case import CaseState, Grant, SipCase
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import discharge as d
from siphub.model.messages import otherplan as o
from siphub.model.messages import proposal as pr
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.policy import consent, discharges, endings, followups, lifecycle, meetings, otherplans, owed, plans
from siphub.policy.authority import admit
from siphub.policy.days import day_of
from siphub.policy.local import EXCEPTIONS, STRICT, LocalRules
from siphub.policy.moves import moved
from siphub.policy.protection import kept_from, learnt, remembered
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Effect, Narrowed, NoteReceipt, OpenWork, Recall, Retract, Step, Supersede, move

__all__ = ["Decision", "Effect", "Narrowed", "NoteReceipt", "OpenWork", "Recall", "Retract", "Supersede", "decide"]


def decide(
    case: SipCase | None, message: Message, caller: Caller, directory: Directory, now: datetime, local: LocalRules = STRICT
) -> Refusal | Decision:
    """Decide what a message does.

    Args:
        case: The case under lock, or None where its owner has none by that id.
        message: A valid message.
        caller: Who authenticated, and through which door.
        directory: A snapshot.
        now: The time, UTC.
        local: What this installation has chosen where the law leaves a choice.
    """
    day = day_of(now)
    case = moved(case, directory, day) if case is not None else None
    refusal = admit(message, case, caller, directory) or _switched_off(message, local) or _only_proposes(message, local)
    if refusal is not None:
        return refusal
    if case is None:
        return Decision(moved(learnt(_opened(message), message, directory), directory, day))
    case = learnt(_knowing(case, message), message, directory)
    step = _STEPS.get(message.type)
    if step is None:
        return Refusal("sender.role", "forbidden", "/type")
    decided = step(Asked(case, message, directory, now, caller, local), message.content)
    if isinstance(decided, Refusal):
        return decided
    return _versioned(case, Decision(moved(decided.case, directory, day), decided.effects), now)


def _switched_off(message: Message, local: LocalRules) -> Refusal | None:
    """Refuse a message on an exception from secrecy that its sender has not switched on: it would move the case and reach nobody."""
    stated = message.basis.code if message.basis is not None else None
    off = stated in EXCEPTIONS and stated not in local.switched_on(message.sender.organisation)
    return Refusal("basis.exception_off", "invalid", "/basis/code") if off else None


def _only_proposes(message: Message, local: LocalRules) -> Refusal | None:
    """Refuse a relative's request where relatives may propose and not ask (REQ-29)."""
    theirs = isinstance(message.content, rq.SipRequested) and message.content.requester.kind == "relative"
    refused = theirs and local.relative_requests == "proposal"
    return Refusal("request.relative_proposes", "invalid", "/content/requester/kind") if refused else None


def _versioned(before: SipCase, decision: Decision, now: datetime) -> Decision:
    ended = decision.case.state in lifecycle.TERMINAL and before.state not in lifecycle.TERMINAL
    counted = {
        "version": before.version + 1,
        "consent_version": before.consent_version + (decision.case.grants != before.grants),
        "closed_at": now if ended else before.closed_at,
    }
    return Decision(decision.case.model_copy(update=counted), (*decision.effects, *owed.opened(before, decision.case, now)))


def _knowing(case: SipCase, message: Message) -> SipCase:
    """Keep who the case is about as the first message that names the person says it (G15)."""
    return case if case.subject is not None or message.subject is None else case.model_copy(update={"subject": message.subject})


def _opened(message: Message) -> SipCase:
    """Return the case that a first message begins."""
    content, sender = message.content, message.sender
    receiving = getattr(content, "receiving_unit", None)
    contact: UnitId = receiving or sender.unit
    begun: dict[str, object] = {}
    match content:
        case rq.SipRequested():
            begun = {"requested_on": content.requested_on, "prepared": content.preparation is not None}
        case pr.SipProposed():
            begun = {"requested_on": content.proposed_on}
        case pr.SipInitiated():
            contact = sender.unit if sender.organisation == message.owner else content.receiving_unit
            begun = {"needed": True, "blind": () if contact == content.receiving_unit else (content.receiving_unit,)}
        case d.InpatientAdmitted():
            contact = content.care_contact_unit or sender.unit
            begun = {"discharge": discharges.admission(message, content)}
        case o.CompulsoryCarePlan() | o.LssPlan():
            begun = {"plan": otherplans.record(content)}
        case _:
            pass
    case = SipCase(
        case_id=message.case_id,
        owner=message.owner,
        state=lifecycle.OPENING[message.type],
        opened_by=message.type,
        subject=message.subject,
        contact=contact,
        requesters=_distinct(sender.unit, receiving) if message.type.startswith("sip.") else (),
        units=_distinct(sender.unit, contact, receiving),
    )
    return case.model_copy(update=begun)


def _requested(asked: Asked, content: Content) -> Refusal | Decision:
    """R1 and R2 in a case there is already: asked again, or by the other huvudman as well, whose finding that a plan is needed binds too."""
    sender, receiving = asked.message.sender.unit, getattr(content, "receiving_unit", None)
    prepared = asked.case.prepared or (isinstance(content, rq.SipRequested) and content.preparation is not None)
    needed = asked.case.needed or isinstance(content, pr.SipInitiated)
    requesters = _distinct(*asked.case.requesters, sender, receiving)
    return move(asked, asked.message.type, prepared=prepared, needed=needed, requesters=requesters)


def _distinct(*units: UnitId | None) -> tuple[UnitId, ...]:
    """Return units in their order, each once."""
    return tuple(dict.fromkeys(unit for unit in units if unit is not None))


def _answered(asked: Asked, content: rq.RequestAnswered) -> Refusal | Decision:
    """R3: that there is an answer ends the wait for it; what it says decides nothing, the assessment and the consent do."""
    return move(asked, "sip.request.answered", answered_on=content.answered_on)


def _need(asked: Asked, content: rq.NeedAssessed) -> Refusal | Decision:
    """N1. One huvudman's yes binds both; whether the individual agrees is for the consent to say."""
    if content.needed:
        return move(asked, "need.assessed:yes", needed=True)
    return Refusal("need.binding", "conflict", "/content/needed") if asked.case.needed else move(asked, "need.assessed:no")


def _participants(asked: Asked, content: rq.ParticipantsApproved) -> Refusal | Decision:
    people = remembered(asked.case, content.people) or asked.case.people
    coming: tuple[UnitId | PersonRef, ...] = (*content.units, *consent.relatives_coming(people, asked.local))
    grants = consent.choose_participants(asked.case.grants, coming, asked.now)
    silent = _silenced(asked.case.people, people)
    grants = tuple(grant for grant in grants if grant.party not in silent)
    changed = {"grants": grants, "people": people, "kept_from": kept_from(asked.case, people)}
    return move(asked, "participants.approved", *consent.narrowing(asked.case.grants, grants, Narrowed()), **changed)


def _silenced(before: Sequence[CasePerson], after: Sequence[CasePerson]) -> frozenset[str]:
    """Return who of the people named before is not named any more, is somebody else now, or is objected to: nothing is granted to them any longer."""
    names = {person.ref: person.name for person in before}
    kept = {person.ref for person in after if not person.objection and names.get(person.ref, person.name) == person.name}
    return frozenset({person.ref for person in (*before, *after)} - kept)


def _consent(asked: Asked, content: Content) -> Refusal | Decision:
    change = consent.change(asked.case, asked.message, content, asked.directory, asked.now)
    if isinstance(change, Refusal):
        return change
    effects: list[Effect] = list(consent.narrowing(asked.case.grants, change.grants, Narrowed()))
    was_suspended = asked.case.state == "SUSPENDED_NO_CONSENT"
    changed: dict[str, object] = {"grants": change.grants, "plan_consent": change.plan, "consents": (*asked.case.consents, change.record)}
    if _excludes(asked.case, asked.case.coordinating_unit, change.grants):
        changed |= {"coordinator": None, "deputy": None}
        effects.append(OpenWork("coordinator.excluded", asked.case.contact))
    if asked.case.handover is not None and _excludes(asked.case, asked.case.handover.coordinator.unit, change.grants):
        changed |= {"handover": None}
        effects.append(OpenWork("coordinator.excluded", asked.case.coordinating_unit))
    if change.work is not None:
        effects.append(OpenWork(change.work, asked.case.coordinating_unit))
    event = change.event
    if was_suspended and event == "consent.given:enough":
        event, changed["resumes"] = f"consent.given:back_to_{_resumed(asked.case).lower()}", None
    after = move(asked, event, *effects, **changed)
    if isinstance(after, Refusal):
        return after
    if after.case.state == "SUSPENDED_NO_CONSENT" and not was_suspended:
        work = OpenWork("consent.withdrawn", asked.case.coordinating_unit)
        return Decision(consent.suspended(asked.case, after.case), (*after.effects, work))
    return after


def _excludes(case: SipCase, unit: str, after: Sequence[Grant]) -> bool:
    """Say whether the individual has just taken everything from a coordinator's unit, and not from everybody: then the contact coordinates."""
    before, left = ({grant.party for grant in grants if grant.scope != consent.PARTICIPANT} for grants in (case.grants, after))
    return unit != case.contact and unit in before and unit not in left and bool(left)


def _resumed(case: SipCase) -> CaseState:
    """Return where a suspended case goes on; who was called by LUS 4:1 meanwhile is still called, and may now plan more than the discharge."""
    state = case.resumes if case.resumes in lifecycle.RESUMED else "PREPARING"
    called = any(found.discharge and found.stands for found in case.meetings)
    return "SUMMONED" if called and state == "PREPARING" else state


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
        "sip.initiated": _requested,
        "sip.request.answered": _answered,
        "sip.request.withdrawn": endings.request_withdrawn,
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
        "plan.copy.delivered": followups.copied,
        "coordinator.changed": followups.coordinated,
        "activity.status": followups.reported,
        "followup.summoned": meetings.called,
        "followup.held": followups.held,
        "message.misdirected": endings.misdirected,
        "message.forwarded": endings.forwarded,
        "message.entered_in_error": endings.in_error,
        "subject.deceased": endings.deceased,
        "inpatient.admitted": discharges.admitted,
        "inpatient.discharge_ready": discharges.ready,
        "inpatient.discharge_ready.revoked": discharges.revoked,
        "inpatient.discharged": discharges.discharged,
        "process.interrupted": discharges.interrupted,
        "splptlrv.established": otherplans.established,
        "lss.established": otherplans.established,
        "ack.transport": _receipt,
        "ack.received": _receipt,
        "nack": _receipt,
        "ack.read": _receipt,
    }
)
"""Message type → its step. A type without one is refused, whoever sends it."""
