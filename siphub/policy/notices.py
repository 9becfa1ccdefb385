"""What the hub says by itself to those who take part: that an answer is missing (K6), that a message did not arrive (T4).

Built in one place, from the case and codes alone; like the recall text it says nothing of the person. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from siphub.model import BasisClaim, Message, Sender, model_of
from siphub.model.case import MeetingRecord, SipCase
from siphub.model.envelope import Content
from siphub.model.identifiers import UnitId, person_ref
from siphub.model.messages.around import DeliveryFailed, MeetingReminder
from siphub.policy.recall import AUTHOR

UNANSWERED = frozenset({"SENT", "TENTATIVE"})
"""States of a participant who has not given a final answer."""
_NO_CODE = re.compile(r"[^a-z0-9._:-]")
Fallback = Literal["phone", "letter", "ask_consent", "correct_address", "none"]


def unanswered(meeting: MeetingRecord) -> tuple[UnitId, ...]:
    """Return the units that were called to a meeting and have not given a final answer."""
    return tuple(found.unit for found in meeting.participants if found.state in UNANSWERED)


def reminder(
    case: SipCase, meeting: MeetingRecord, units: Sequence[UnitId], basis: BasisClaim | None, *, message_id: UUID, now: datetime
) -> Message | None:
    """Return the reminder of a meeting for those who have not answered, or None where there is nobody, or no date to answer by.

    `basis` is what the call they have not answered rested on.
    """
    if meeting.respond_by is None or not units:
        return None
    content = MeetingReminder(meeting_id=meeting.id, meeting_version=meeting.version, respond_by=meeting.respond_by)
    return _from_the_hub(case, "meeting.reminder", content, units, message_id, now).model_copy(update={"basis": basis})


def failure(case: SipCase, unit: UnitId, original: UUID, recipient: str, reason: str, *, message_id: UUID, now: datetime) -> Message:
    """Return what the sender's unit hears of a message that did not arrive.

    Args:
        case: The case; its id, owner and contact are used.
        unit: The unit that sent the message.
        original: The message's id.
        recipient: Whom it did not reach.
        reason: Why, a code.
        message_id: The notice's own id.
        now: The time, UTC.
    """
    content = DeliveryFailed(
        message_id=original,
        recipient=person_ref(recipient) or UnitId(recipient),
        reason=_NO_CODE.sub("-", reason.lower())[:64],
        fallback=fallback(recipient, reason),
    )
    return _from_the_hub(case, "delivery.failed", content, (unit,), message_id, now)


def fallback(recipient: str, reason: str) -> Fallback:
    """Return what a person can do instead."""
    if reason.startswith(("address.", "recipient.", "misdirected", "unit.")):
        return "correct_address"
    if reason.startswith(("basis.", "participant.")):
        return "ask_consent"
    return "letter" if person_ref(recipient) is not None else "phone"


def _from_the_hub(case: SipCase, name: str, content: Content, to: Sequence[UnitId], message_id: UUID, now: datetime) -> Message:
    return model_of(name)(
        message_id=message_id,
        type=name,
        case_id=case.case_id,
        owner=case.owner,
        sent_at=now,
        sender=Sender(unit=case.contact, organisation=case.owner),
        author=AUTHOR,
        recipients=tuple(to),
        classification="open-logistics",
        ack_requested=False,
        content=content,
    )
