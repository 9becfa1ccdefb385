"""Going home from hospital: admitted, ready, not ready after all, discharged, interrupted: D1 to D3 (LIFECYCLE section 2; REQ-32).

They rest on a statute of their own, LUS (2017:612) 2:1 to 2:4, start and stop deadlines, are minimal, and are never spread under the
consent to a SIP.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from siphub.model import people as p
from siphub.model.base import Instant, Line
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import OrganisationNumber, UnitId


class InpatientAdmitted(Content):
    """D1, inskrivningsmeddelande: within 24 hours, because the person is thought to need care or support afterwards.

    `municipality` is where the person lives, `care_contact_unit` the open care unit that has, or is to appoint, the fast vårdkontakt.
    """

    admitting_unit: UnitId
    admitted_at: Instant
    planned_discharge_on: date
    municipality: OrganisationNumber
    care_contact_unit: UnitId | None = None
    reason: Line | None = None


class DischargeReady(Content):
    """D2, underrättelse om utskrivningsklar: starts the clocks. `given_at` is when the notice was given, `ready_at` from when she is ready."""

    notice_id: UUID
    given_at: Instant
    ready_at: Instant
    care_contact_unit: UnitId | None = None


class DischargeReadyRevoked(Content):
    """D2, taken back: the clocks of that notice are void."""

    notice_id: UUID
    revoked_at: Instant


class InpatientDischarged(Content):
    """D3, utskrivningsmeddelande."""

    discharged_at: Instant


class ProcessInterrupted(Content):
    """D3, avbrott: the planning of the discharge has ended in another way."""

    interrupted_at: Instant
    code: Literal["moved", "deceased", "no_need", "other"]


_NOTICE = UUID("1e7b3f52-0b43-4c0a-8f0e-9b53b6a2d001")
_TO = (p.CONTACT, p.CARE_CENTRE)

TYPES = (
    MessageType(
        name="inpatient.admitted",
        content=InpatientAdmitted,
        minimal=lambda: InpatientAdmitted(
            admitting_unit=p.HOSPITAL, admitted_at=p.NOON, planned_discharge_on=date(2026, 11, 27), municipality=p.MUNICIPALITY
        ),
        maximal=lambda: InpatientAdmitted(
            admitting_unit=p.HOSPITAL,
            admitted_at=p.NOON,
            planned_discharge_on=date(2026, 11, 27),
            municipality=p.MUNICIPALITY,
            care_contact_unit=p.CARE_CENTRE,
            reason="Behov av stöd hemma.",
        ),
        to=_TO,
        sent_by="hospital",
    ),
    MessageType(
        name="inpatient.discharge_ready",
        content=DischargeReady,
        minimal=lambda: DischargeReady(notice_id=_NOTICE, given_at=p.NOON, ready_at=p.NOON),
        maximal=lambda: DischargeReady(
            notice_id=_NOTICE, given_at=p.NOON, ready_at=p.NOON + timedelta(hours=3), care_contact_unit=p.CARE_CENTRE
        ),
        to=_TO,
        sent_by="hospital",
    ),
    MessageType(
        name="inpatient.discharge_ready.revoked",
        content=DischargeReadyRevoked,
        minimal=lambda: DischargeReadyRevoked(notice_id=_NOTICE, revoked_at=p.NOON),
        maximal=lambda: DischargeReadyRevoked(notice_id=_NOTICE, revoked_at=p.NOON + timedelta(hours=5)),
        to=_TO,
        sent_by="hospital",
    ),
    MessageType(
        name="inpatient.discharged",
        content=InpatientDischarged,
        minimal=lambda: InpatientDischarged(discharged_at=p.NOON),
        maximal=lambda: InpatientDischarged(discharged_at=p.NOON + timedelta(days=2)),
        to=_TO,
        sent_by="hospital",
    ),
    MessageType(
        name="process.interrupted",
        content=ProcessInterrupted,
        minimal=lambda: ProcessInterrupted(interrupted_at=p.NOON, code="other"),
        maximal=lambda: ProcessInterrupted(interrupted_at=p.NOON + timedelta(days=1), code="no_need"),
        to=_TO,
        sent_by="hospital",
    ),
)
