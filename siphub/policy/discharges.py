"""The steps of a discharge from hospital: D1 to D3, and who may call to the planning (LUS (2017:612) chapters 2 to 4; REQ-32; G16).

They move no SIP: they start and stop clocks, which `deadlines` reads from the case. Pure.
"""

from __future__ import annotations

from siphub.model import Directory, Message
from siphub.model.case import DischargeRecord, SipCase
from siphub.model.messages import discharge as d
from siphub.model.messages import meeting as m
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, move


def admission(message: Message, content: d.InpatientAdmitted) -> DischargeRecord:
    """Return the record an admission begins."""
    return DischargeRecord(
        admitting_unit=message.sender.unit,
        municipality=content.municipality,
        care_contact_unit=content.care_contact_unit,
        planned_discharge_on=content.planned_discharge_on,
    )


def admitted(asked: Asked, content: d.InpatientAdmitted) -> Refusal | Decision:
    """D1 in a case there is already: a new stay, with clocks of its own."""
    return move(asked, "inpatient", discharge=admission(asked.message, content))


def ready(asked: Asked, content: d.DischargeReady) -> Refusal | Decision:
    """D2: both clocks start; a changed notice takes the earlier one's place."""
    known = asked.case.discharge
    if known is None or known.discharged_at is not None or known.interrupted_at is not None:
        return _none()
    started = {
        "notice_id": content.notice_id,
        "given_at": content.given_at,
        "sent_at": asked.message.sent_at,
        "ready_at": content.ready_at,
        "revoked_at": None,
        "summoned_at": None,
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
    if content.duty_basis != "LUS4:1":
        return None
    known, sender = asked.case.discharge, asked.message.sender.unit
    if known is None or known.notice_id is None or known.revoked_at is not None:
        return _none()
    unit = asked.directory.unit(sender)
    open_care = unit is not None and unit.care == "open" and unit.financed_by == "region"
    if not open_care or known.care_contact_unit not in {None, sender}:
        return Refusal("discharge.not_care_contact", "forbidden", "/sender")
    if content.municipal_health_care and sender not in content.participating_units:
        return Refusal("discharge.care_contact_absent", "invalid", "/content/participating_units")
    return None


def called(asked: Asked, content: m.MeetingSummoned | object) -> DischargeRecord | None:
    """Return the discharge as it follows from a kallelse: the kallelse clock stops when it is sent in time, by its own unit."""
    known = asked.case.discharge
    on_discharge = isinstance(content, m.MeetingSummoned) and content.duty_basis == "LUS4:1"
    return known.model_copy(update={"summoned_at": known.summoned_at or asked.now}) if known is not None and on_discharge else known


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
