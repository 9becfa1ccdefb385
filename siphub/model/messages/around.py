"""What is said around the meeting and the plan: a reminder, a message gone astray, a copy handed over, another coordinator, what failed.

K6, K7, P4, A2 and T4 (LIFECYCLE section 2). None of them repeats what the message it speaks of said.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from siphub.model import people as p
from siphub.model.base import Code, Instant
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages.meeting import Version
from siphub.model.messages.plan import PlanVersion
from siphub.model.person import UnitContact


class MeetingReminder(Content):
    """K6: the hub reminds who has not answered; it says which meeting and what is missing, nothing more."""

    meeting_id: UUID
    meeting_version: Version
    missing: Literal["response"] = "response"
    respond_by: Instant


class Misdirected(Content):
    """K7, felsänt: it came to the wrong place. The sender hears of it; the recipient is told nothing more about the case."""

    message_id: UUID
    unit: UnitId
    reason: Literal["not_our_unit", "unknown_person", "moved", "other"]


class Forwarded(Content):
    """K7, vidaresänt: another unit of the same organisation will take part instead. The sender hears which; a consent names units, so it asks anew."""

    message_id: UUID
    unit: UnitId
    new_unit: UnitId


class PlanCopyDelivered(Content):
    """P4: the individual, or a relative who was to have one, has a copy of the plan in hand (REQ-81, REQ-82)."""

    plan_id: UUID
    plan_version: PlanVersion
    recipient: PersonRef
    channel: Literal["paper", "digital_mail", "journal", "in_hand"]
    delivered_on: date


class CoordinatorChanged(Content):
    """A2: another coordinator, agreed with the individual (REQ-17). `deputy` may act in the coordinator's place (G6)."""

    coordinator: UnitContact
    from_date: date
    agreed_with_individual: Literal[True]
    deputy: UnitContact | None = None


class DeliveryFailed(Content):
    """T4: the hub tells the sender that a message did not reach somebody, why, and what to do instead."""

    message_id: UUID
    recipient: UnitId | PersonRef
    reason: Code
    fallback: Literal["phone", "letter", "ask_consent", "correct_address", "none"]


_MEETING = UUID("7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001")
_PLAN = UUID("9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001")
_ORIGINAL = UUID("3f0c4d7e-0d5c-4f0e-9d0b-0a4f5b1f0001")
_EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")
_EVA_FULL = UnitContact(
    name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67", email="eva.kontakt@example.org", role="biståndshandläggare"
)
_VERA = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21", role="fast vårdkontakt")

TYPES = (
    MessageType(
        name="meeting.reminder",
        content=MeetingReminder,
        minimal=lambda: MeetingReminder(meeting_id=_MEETING, meeting_version=1, respond_by=p.NOON + timedelta(days=7)),
        maximal=lambda: MeetingReminder(meeting_id=_MEETING, meeting_version=2, respond_by=p.NOON + timedelta(days=7)),
        to=(p.HOME_CARE, p.FK),
        subject="none",
        classification="open-logistics",
        sent_by="hub",
    ),
    MessageType(
        name="message.misdirected",
        content=Misdirected,
        minimal=lambda: Misdirected(message_id=_ORIGINAL, unit=p.HOME_CARE, reason="not_our_unit"),
        maximal=lambda: Misdirected(message_id=_ORIGINAL, unit=p.HOME_CARE, reason="moved"),
        to=(p.CONTACT,),
        subject="none",
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="message.forwarded",
        content=Forwarded,
        minimal=lambda: Forwarded(message_id=_ORIGINAL, unit=p.HOME_CARE, new_unit=p.CONTACT),
        maximal=lambda: Forwarded(message_id=_ORIGINAL, unit=p.HOME_CARE, new_unit=p.CONTACT),
        to=(p.CONTACT,),
        subject="none",
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="plan.copy.delivered",
        content=PlanCopyDelivered,
        minimal=lambda: PlanCopyDelivered(
            plan_id=_PLAN, plan_version=1, recipient=PersonRef("individual"), channel="paper", delivered_on=p.DAY
        ),
        maximal=lambda: PlanCopyDelivered(
            plan_id=_PLAN, plan_version=2, recipient=PersonRef("relative/1"), channel="in_hand", delivered_on=p.DAY
        ),
        internal=True,
    ),
    MessageType(
        name="coordinator.changed",
        content=CoordinatorChanged,
        minimal=lambda: CoordinatorChanged(coordinator=_EVA, from_date=p.DAY, agreed_with_individual=True),
        maximal=lambda: CoordinatorChanged(coordinator=_VERA, from_date=p.DAY, agreed_with_individual=True, deputy=_EVA_FULL),
        to=(p.HOME_CARE, p.CARE_CENTRE),
    ),
    MessageType(
        name="delivery.failed",
        content=DeliveryFailed,
        minimal=lambda: DeliveryFailed(message_id=_ORIGINAL, recipient=p.HOME_CARE, reason="retry.exhausted", fallback="phone"),
        maximal=lambda: DeliveryFailed(message_id=_ORIGINAL, recipient=PersonRef("relative/1"), reason="address.none", fallback="letter"),
        to=(p.CONTACT,),
        subject="none",
        classification="open-logistics",
        sent_by="hub",
    ),
)
