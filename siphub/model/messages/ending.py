"""How a case ends without a plan running its course: the request taken back, something entered in error, the person deceased: A3 (LIFECYCLE section 2).

The last two are of the recall class: outward there is only the one stop notice.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from siphub.model import people as p
from siphub.model.envelope import Content, MessageType
from siphub.model.person import StaffMember


class RequestWithdrawn(Content):
    """The individual takes back their own request; nobody needs a reason."""

    withdrawn_on: date
    received_by: StaffMember


class EnteredInError(Content):
    """A message, or the whole case, should never have been: who was reached is told that no further messages come."""

    message_id: UUID
    extent: Literal["message", "case"]
    found_by: StaffMember
    found_on: date


class SubjectDeceased(Content):
    """The individual has died: everything stops at once, and nobody outside is told why."""

    died_on: date
    reported_by: StaffMember


_ORIGINAL = UUID("3f0c4d7e-0d5c-4f0e-9d0b-0a4f5b1f0001")
_EVA = StaffMember(name="Eva Kontakt", unit=p.CONTACT)

TYPES = (
    MessageType(
        name="sip.request.withdrawn",
        content=RequestWithdrawn,
        minimal=lambda: RequestWithdrawn(withdrawn_on=p.DAY, received_by=_EVA),
        maximal=lambda: RequestWithdrawn(withdrawn_on=date(2026, 11, 24), received_by=_EVA),
        internal=True,
    ),
    MessageType(
        name="message.entered_in_error",
        content=EnteredInError,
        minimal=lambda: EnteredInError(message_id=_ORIGINAL, extent="message", found_by=_EVA, found_on=p.DAY),
        maximal=lambda: EnteredInError(message_id=_ORIGINAL, extent="case", found_by=_EVA, found_on=p.DAY),
        subject="none",
        internal=True,
    ),
    MessageType(
        name="subject.deceased",
        content=SubjectDeceased,
        minimal=lambda: SubjectDeceased(died_on=p.DAY, reported_by=_EVA),
        maximal=lambda: SubjectDeceased(died_on=date(2026, 11, 22), reported_by=_EVA),
        internal=True,
    ),
)
