"""Who may say what: guards G13 to G15, and the roles of G6 and G14 (LIFECYCLE section 3).

"Not yours" and "not there" are the same answer. A caller's word about itself is never believed; its credentials and the directory are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from siphub.model import Caller, Directory, Message
from siphub.model.case import MeetingRecord, PlanRecord, SipCase
from siphub.model.directory import PRINCIPALS
from siphub.model.identifiers import UnitId
from siphub.model.messages.followup import ActivityStatus, FollowUpHeld
from siphub.model.messages.meeting import MeetingCancelled, MeetingHeld, MeetingRescheduled, MeetingResponse
from siphub.model.messages.plan import CommitmentConfirmed, CommitmentRejected
from siphub.policy import discharges, otherplans
from siphub.policy.lifecycle import OPENING
from siphub.policy.refusal import Refusal

Role = Literal[
    "anybody",
    "principal",
    "requester",
    "contact",
    "summoner",
    "convener",
    "participant",
    "coordinator",
    "recipient",
    "hospital",
    "planner",
    "hub",
]
CARE: frozenset[str] = PRINCIPALS | {"private_provider"}
"""The kinds of organisation that give care and support, under their own or a huvudman's duty."""

PERMITTING: frozenset[str] = frozenset({"consent.given", "consent.refused", "consent.amended"})
"""What of the individual's consent a region or municipality alone says (G14); that it is taken back any unit of care in the case hands in (C4)."""

ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "sip.requested": "principal",
        "sip.proposed": "anybody",
        "sip.initiated": "principal",
        "sip.request.answered": "contact",
        "sip.request.withdrawn": "requester",
        "need.assessed": "principal",
        "participants.approved": "contact",
        "consent.given": "principal",
        "consent.refused": "principal",
        "consent.amended": "principal",
        "consent.withdrawn": "principal",
        "meeting.summoned": "summoner",
        "meeting.invited": "summoner",
        "meeting.response": "participant",
        "meeting.rescheduled": "convener",
        "meeting.cancelled": "convener",
        "meeting.held": "convener",
        "plan.proposed": "coordinator",
        "plan.commitment.confirmed": "participant",
        "plan.commitment.rejected": "participant",
        "plan.established": "coordinator",
        "plan.revised": "coordinator",
        "plan.closed": "coordinator",
        "plan.copy.delivered": "coordinator",
        "coordinator.changed": "coordinator",
        "followup.summoned": "coordinator",
        "followup.held": "convener",
        "activity.status": "participant",
        "message.misdirected": "recipient",
        "message.forwarded": "recipient",
        "message.entered_in_error": "anybody",
        "subject.deceased": "principal",
        "inpatient.admitted": "hospital",
        "inpatient.discharge_ready": "hospital",
        "inpatient.discharge_ready.revoked": "hospital",
        "inpatient.discharged": "hospital",
        "process.interrupted": "hospital",
        "splptlrv.established": "planner",
        "lss.established": "planner",
        "meeting.reminder": "hub",
        "delivery.failed": "hub",
        "ack.transport": "recipient",
        "ack.received": "recipient",
        "nack": "recipient",
        "ack.read": "recipient",
        "stop.notice": "hub",
    }
)
"""Message type → the role its sender must have in the case (G6, G14). A type without a row can be sent by nobody."""


def admit(message: Message, case: SipCase | None, caller: Caller, directory: Directory) -> Refusal | None:
    """Return why this caller may not send this message in this case, or None.

    The role is judged before the person, so that nobody without a role learns by trying whom the case is about.

    Args:
        message: What is said.
        case: The case it names, under its owner, or None where there is none.
        caller: Who authenticated.
        directory: A snapshot.
    """
    unit = directory.unit(message.sender.unit)
    if (
        unit is None
        or unit.organisation != message.sender.organisation
        or not caller.speaks_for(message.sender.unit, message.sender.organisation)
    ):
        return Refusal("sender.not_yours", "forbidden", "/sender")
    if case is None:
        return _opens(message, directory)
    if message.sender.unit not in case.units:
        return Refusal("case.not_there", "not_there")
    refusal = _role(message, case, directory)
    if refusal is None and message.subject is not None and not _told_who(message.sender.unit, case, directory):
        return Refusal("subject.not_told", "invalid", "/subject")
    if refusal is None and message.subject is not None and case.subject is not None and message.subject.identity != case.subject.identity:
        return Refusal("case.not_there", "not_there")
    return refusal


def _told_who(unit: UnitId, case: SipCase, directory: Directory) -> bool:
    """Say whether a unit may name the person: care may, and whoever else a consent has ever let have the number; others could only guess.

    A care unit that was told of an initiative, and not for whom, may when it has been called to the meeting.
    """
    called = any(found.participant(unit) is not None for found in case.meetings)
    if directory.kind_of(unit) in CARE and (called or unit not in case.blind):
        return True
    names = {unit, unit.organisation}
    granted = {(found.scope, found.party) for found in case.grants}
    said = {(found.scope, found.party) for record in case.consents for found in record.changes}
    return any(("information_exchange", name) in granted | said for name in names)


def _opens(message: Message, directory: Directory) -> Refusal | None:
    """Judge the first message: it fixes the owner, a huvudman that sends it or receives it (G15)."""
    if message.type not in OPENING:
        return Refusal("case.not_there", "not_there")
    receiving = getattr(message.content, "receiving_unit", None)
    if receiving is not None and (directory.unit(receiving) is None or receiving not in message.recipients):
        return Refusal("recipient.unknown", "invalid", "/content/receiving_unit")
    if not discharges.may_be_contact(message.content, directory):
        return Refusal("discharge.contact_unit", "invalid", "/content/care_contact_unit")
    if message.owner not in _owners(message, directory):
        return Refusal("case.owner", "invalid", "/owner")
    return _opener(message, directory)


def _owners(message: Message, directory: Directory) -> frozenset[str]:
    """Return the huvudmän whose case this may be.

    Who asks or proposes opens the case of the unit it asks; who takes the initiative, notifies or plans, its own. A private provider, which is
    no huvudman, opens that of a huvudman it writes to.
    """
    asked = message.type in {"sip.requested", "sip.proposed"}
    units = message.recipients if asked or directory.kind_of(message.sender.unit) not in PRINCIPALS else (message.sender.unit,)
    if asked:
        units = (getattr(message.content, "receiving_unit", message.sender.unit),)
    found = (directory.unit(unit) for unit in units)
    return frozenset(unit.organisation for unit in found if unit is not None and directory.kind_of(unit.id) in PRINCIPALS)


def _opener(message: Message, directory: Directory) -> Refusal | None:
    """Say whether this kind of unit may open a case with this type."""
    kind = directory.kind_of(message.sender.unit)
    match ROLES[message.type]:
        case "principal":
            allowed = kind in CARE
        case "hospital":
            allowed = discharges.hospital(message, None, directory)
        case "planner":
            allowed = otherplans.may_make(message, directory)
        case _:
            allowed = True
    return None if allowed else Refusal("sender.role", "forbidden", "/sender")


def _role(message: Message, case: SipCase, directory: Directory) -> Refusal | None:
    role = ROLES.get(message.type, "hub")
    if role == "participant":
        return _participates(message, case)
    if role in _HELD and _HELD[role](message, case, directory):
        return None
    return Refusal("plan.not_coordinator" if role == "coordinator" else "sender.role", "forbidden", "/sender")


def _cares(message: Message, _: SipCase, directory: Directory) -> bool:
    """Say whether the sender gives care; what is consented to a region or municipality alone says."""
    return directory.kind_of(message.sender.unit) in (PRINCIPALS if message.type in PERMITTING else CARE)


def _requested(message: Message, case: SipCase, directory: Directory) -> bool:
    """Say whether a request is the sender's to take back: it sent or received it, or is the owner's; whoever was only called is not."""
    mine = message.sender.organisation == case.owner or message.sender.unit in {*case.requesters, case.contact}
    return mine and _cares(message, case, directory)


def _summons(message: Message, case: SipCase, directory: Directory) -> bool:
    """Say whether the sender may call to a meeting: the contact, the coordinator's unit or its deputy's, the fast vårdkontakt's (K1, K2).

    Who calls by LUS 4:1 is G16's to say, with an answer of its own.
    """
    sender, by_discharge = message.sender.unit, getattr(message.content, "duty_basis", None) == "LUS4:1"
    calls = sender == case.contact or case.coordinates(sender) or by_discharge or discharges.has_care_contact(sender, case, directory)
    return calls and _cares(message, case, directory)


def _has_part(unit: UnitId, plan_id: UUID, *plans: PlanRecord | None) -> bool:
    """Say whether a plan, or the draft of its next version, gives a unit something to do."""
    return any(plan is not None and plan.id == plan_id and any(found.unit == unit for found in plan.activities) for plan in plans)


def _convenes(message: Message, case: SipCase, directory: Directory) -> bool:
    """Say whether a meeting is the sender's own; the coordinator may call off anybody's, or a convener that is gone would stop the case.

    Whoever has called to a meeting may move it when it calls nobody any more, but not call further units to it by that.
    """
    content = message.content
    named = content.meeting_id if isinstance(content, MeetingCancelled | MeetingHeld | FollowUpHeld) else None
    meeting_id = named or getattr(content, "meeting", None)
    meeting = case.meeting(getattr(meeting_id, "id", meeting_id)) if meeting_id is not None else None
    calls_off = isinstance(content, MeetingCancelled) and case.coordinates(message.sender.unit)
    if meeting is None or calls_off:
        return True
    further = isinstance(content, MeetingRescheduled) and _calls_further(message, meeting, directory)
    return meeting.convener.unit == message.sender.unit and (not further or _summons(message, case, directory))


def _calls_further(message: Message, meeting: MeetingRecord, directory: Directory) -> bool:
    """Say whether a message goes to a unit without a place at a meeting; whom another unit has taken over has that one's."""
    units = (unit for unit in message.recipients if isinstance(unit, UnitId))
    chains = ((unit, *(found.id for found in directory.successors(unit))) for unit in units)
    return any(all(meeting.participant(unit) is None for unit in chain) for chain in chains)


def _participates(message: Message, case: SipCase) -> Refusal | None:
    """A response is for one's own place at the meeting, a commitment for one's own unit (G14); anything else is "not there"."""
    content, sender = message.content, message.sender.unit
    if isinstance(content, MeetingResponse):
        meeting = case.meeting(content.meeting_id)
        mine = meeting is not None and meeting.participant(sender) is not None
    elif isinstance(content, CommitmentConfirmed | CommitmentRejected):
        mine = content.unit == sender and _has_part(sender, content.plan_id, case.plan, case.draft)
    elif isinstance(content, ActivityStatus):
        mine = _has_part(sender, content.plan_id, case.plan)
    else:
        mine = False
    return None if mine else Refusal("case.not_there", "not_there")


_HELD: Mapping[Role, Callable[[Message, SipCase, Directory], bool]] = MappingProxyType(
    {
        "anybody": lambda _message, _case, _directory: True,
        "principal": _cares,
        "requester": _requested,
        "summoner": _summons,
        "contact": lambda message, case, _: message.sender.unit == case.contact or case.coordinates(message.sender.unit),
        "convener": _convenes,
        "coordinator": lambda message, case, _: case.coordinates(message.sender.unit),
        "recipient": lambda message, _case, _directory: getattr(message.content, "unit", None) == message.sender.unit,
        "hospital": discharges.hospital,
        "planner": lambda message, case, directory: otherplans.may_make(message, directory) and case.coordinates(message.sender.unit),
    }
)
"""Role → whether the sender has it in the case. A part of one's own is `_participates`; what is the hub's nobody has."""
