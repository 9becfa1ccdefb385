"""The steps of a discharge from hospital: D1 to D3, and who may call to the planning (LUS (2017:612) chapters 2 to 4; REQ-32; G16).

They move no SIP: they start and stop clocks, which `deadlines` reads from the case. Pure.
"""

from __future__ import annotations

from siphub.model import Content, Directory, Message
from siphub.model.case import DischargeRecord, MeetingRecord, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import discharge as d
from siphub.model.messages import meeting as m
from siphub.policy.lifecycle import TERMINAL
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, move


def may_be_contact(content: Content, directory: Directory) -> bool:
    """Say whether the unit that a notice names for the fast vårdkontakt, if any, can have one: open care that the region pays (LUS 2:1)."""
    named = content.care_contact_unit if isinstance(content, d.InpatientAdmitted | d.DischargeReady) else None
    return named is None or _open_care(named, directory)


def _open_care(unit: UnitId, directory: Directory) -> bool:
    found = directory.unit(unit)
    return found is not None and found.care == "open" and found.financed_by == "region"


def has_care_contact(unit: UnitId, case: SipCase, directory: Directory) -> bool:
    """Say whether the patient's fast vårdkontakt is at a unit: the one a notice names, or as long as none is named, any in open care."""
    known = case.discharge
    return known is not None and (unit == known.care_contact_unit or (known.care_contact_unit is None and _open_care(unit, directory)))


def concerns(unit: UnitId, case: SipCase, directory: Directory) -> bool:
    """Say whether a discharge is a unit's business: the municipality where the person lives and who works for one, and open care (LUS 2:1)."""
    found, known = directory.unit(unit), case.discharge
    if found is None or known is None:
        return False
    kind = directory.kind_of(unit)
    if kind == "private_provider":
        return found.financed_by == "municipality" or _open_care(unit, directory)
    return found.organisation == known.municipality or (kind == "region" and found.care != "inpatient")


def admission(message: Message, content: d.InpatientAdmitted) -> DischargeRecord:
    """Return the record an admission begins."""
    return DischargeRecord(
        admitting_unit=message.sender.unit,
        municipality=content.municipality,
        care_contact_unit=content.care_contact_unit,
        planned_discharge_on=content.planned_discharge_on,
    )


def admitted(asked: Asked, content: d.InpatientAdmitted) -> Refusal | Decision:
    """D1 in a case there is already: a new stay, with clocks of its own. A case that has ended takes none: the stay opens its own."""
    if asked.case.state in TERMINAL:
        return Refusal("case.wrong_state", "conflict", "/type")
    if not may_be_contact(content, asked.directory):
        return Refusal("discharge.contact_unit", "invalid", "/content/care_contact_unit")
    return move(asked, "inpatient", discharge=admission(asked.message, content))


def ready(asked: Asked, content: d.DischargeReady) -> Refusal | Decision:
    """D2: both clocks start; a changed notice takes the earlier one's place."""
    known = asked.case.discharge
    if known is None or known.discharged_at is not None or known.interrupted_at is not None:
        return _none()
    if not may_be_contact(content, asked.directory):
        return Refusal("discharge.contact_unit", "invalid", "/content/care_contact_unit")
    started = {
        "notice_id": content.notice_id,
        "given_at": content.given_at,
        "sent_at": asked.message.sent_at,
        "ready_at": content.ready_at,
        "revoked_at": None,
        "summoned_at": None,
        "summoned_to": None,
        "care_contact_unit": content.care_contact_unit or known.care_contact_unit,
    }
    return move(asked, "inpatient", discharge=known.model_copy(update=started))


def revoked(asked: Asked, content: d.DischargeReadyRevoked) -> Refusal | Decision:
    """D2 taken back: the clocks of that very notice are void, once."""
    known = asked.case.discharge
    if known is None:
        return _none()
    if known.notice_id != content.notice_id:
        return Refusal("discharge.no_such_notice", "conflict", "/content/notice_id")
    return move(asked, "inpatient", discharge=known.model_copy(update={"revoked_at": known.revoked_at or content.revoked_at}))


def discharged(asked: Asked, content: d.InpatientDischarged) -> Refusal | Decision:
    """D3: she is at home."""
    known = asked.case.discharge
    return (
        _none() if known is None else move(asked, "inpatient", discharge=known.model_copy(update={"discharged_at": content.discharged_at}))
    )


def interrupted(asked: Asked, content: d.ProcessInterrupted) -> Refusal | Decision:
    """D3, the other way: every clock stops."""
    known = asked.case.discharge
    return (
        _none()
        if known is None
        else move(asked, "inpatient", discharge=known.model_copy(update={"interrupted_at": content.interrupted_at}))
    )


def _none() -> Refusal:
    return Refusal("discharge.none", "conflict", "/type")


def may_call(asked: Asked, content: m.MeetingSummoned) -> Refusal | None:
    """G16: the kallelse of LUS 4:1 comes from the fast vårdkontakt's unit in region-financed open care, which takes part itself where needed."""
    known, sender = asked.case.discharge, asked.message.sender.unit
    stands = known is not None and known.notice_id is not None and known.revoked_at is None and known.interrupted_at is None
    if content.duty_basis != "LUS4:1":
        return Refusal("discharge.other_basis", "invalid", "/content/duty_basis") if stands and _without_consent(asked.message) else None
    if known is None or not stands:
        return _none()
    if not _open_care(sender, asked.directory) or not has_care_contact(sender, asked.case, asked.directory):
        return Refusal("discharge.not_care_contact", "forbidden", "/sender")
    if content.municipal_health_care and sender not in content.participating_units:
        return Refusal("discharge.care_contact_absent", "invalid", "/content/participating_units")
    return None


def _without_consent(message: Message) -> bool:
    """Say whether a kallelse rests on what the sender has assessed: at a discharge only the statute's own kallelse can, with its own rules."""
    return message.basis is not None and message.basis.code != "consent"


def called(asked: Asked, content: m.MeetingSummoned | object, *, leaves: bool) -> DischargeRecord | None:
    """Return the discharge as it follows from a kallelse: its clock stops when one by its own unit `leaves`, for somebody at least."""
    known = asked.case.discharge
    if known is None or known.summoned_at is not None or not leaves:
        return known
    if not isinstance(content, m.MeetingSummoned) or content.duty_basis != "LUS4:1":
        return known
    return known.model_copy(update={"summoned_at": asked.now, "summoned_to": content.meeting.id})


def called_off(case: SipCase, meeting: MeetingRecord) -> DischargeRecord | None:
    """Return the discharge as it follows from a meeting being called off: the kallelse clock that it had stopped runs again from its notice.

    Once the notice is revoked, or the patient is at home or stays for good, there is nothing left to plan.
    """
    known = case.discharge
    if known is None or known.summoned_to != meeting.id or known.revoked_at or known.discharged_at or known.interrupted_at:
        return known
    return known.model_copy(update={"summoned_at": None, "summoned_to": None})


def left_behind(case: SipCase) -> SipCase:
    """Return a case whose consents are gone, in which the meetings that rested on them alone are called back: nothing is asked of them any more.

    The clock of a kallelse by LUS 4:1 among them runs again.
    """
    gone = {found.id for found in case.meetings if found.state == "planned" and not found.assessed}
    if not gone:
        return case
    meetings = tuple(found.model_copy(update={"recalled": True}) if found.id in gone else found for found in case.meetings)
    kallelse = next((found for found in meetings if found.id in gone and found.discharge), None)
    discharge = called_off(case, kallelse) if kallelse is not None else case.discharge
    return case.model_copy(update={"meetings": meetings, "discharge": discharge})


def hospital(message: Message, case: SipCase | None, directory: Directory) -> bool:
    """Say whether a message comes from a ward, and, but for an admission, from the hospital of this very stay: a person may move between wards."""
    unit = directory.unit(message.sender.unit)
    if unit is None or unit.care != "inpatient":
        return False
    if message.type == "inpatient.admitted":
        return directory.kind_of(unit.id) in {"region", "private_provider"}
    known = case.discharge if case else None
    admitting = directory.unit(known.admitting_unit) if known else None
    return admitting is not None and admitting.organisation == unit.organisation
