"""What the hub says by itself: the reminder of a call, and that a message did not arrive; each word of it, and nothing of the person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from siphub.model import Message, parse_message
from siphub.model import people as p
from siphub.model.case import MeetingRecord
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages.around import DeliveryFailed, MeetingReminder
from siphub.policy.notices import failure, fallback, reminder, unanswered
from siphub.policy.recall import AUTHOR
from siphub.testing import chapters
from siphub.testing.desk import Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
NOTICE = UUID("3f0c4d7e-0d5c-4f0e-9d0b-0a4f5b1f0077")
LOST = UUID("3f0c4d7e-0d5c-4f0e-9d0b-0a4f5b1f0078")


def meeting(desk: Desk, **changes: Any) -> MeetingRecord:
    """Return the case's one meeting, changed."""
    (found,) = desk.open.meetings
    return found.model_copy(update=changes)


def from_the_hub(message: Message, desk: Desk, name: str, to: tuple[UnitId, ...]) -> None:
    """Hold a message against the envelope of everything that the hub says by itself in a case."""
    assert parse_message(message.to_json()) == message
    assert (message.type, message.message_id, message.sent_at, message.recipients) == (name, NOTICE, desk.now, to)
    assert (message.case_id, message.owner, message.author) == (desk.open.case_id, p.MUNICIPALITY, AUTHOR)
    assert (message.sender.unit, message.sender.organisation) == (p.CONTACT, p.MUNICIPALITY)
    assert (message.classification, message.ack_requested, message.subject) == ("open-logistics", False, None)


def test_whoever_has_not_given_a_final_answer_is_reminded(summoned: Desk) -> None:
    """Given three units of which one comes and one says perhaps, then it and the silent one have not answered; who declines has (K6)."""
    assert unanswered(meeting(summoned)) == UNITS
    summoned.story.responded(p.HOME_CARE)
    summoned.story.responded(p.CARE_CENTRE, "tentative")
    assert unanswered(meeting(summoned)) == (p.SOCIAL_SERVICES, p.CARE_CENTRE)
    summoned.story.responded(p.SOCIAL_SERVICES, "decline")
    assert unanswered(meeting(summoned)) == (p.CARE_CENTRE,)


@pytest.mark.parametrize("basis", [None, SECRECY_ASSESSED])
def test_a_reminder_names_the_meeting_and_the_last_day_to_answer(summoned: Desk, basis: Any) -> None:
    """Given a call, then its reminder says which meeting and by when, on what the call rested on, to those named; without them there is none."""
    known = meeting(summoned)
    message = reminder(summoned.open, known, UNITS[1:], basis, message_id=NOTICE, now=summoned.now)
    assert message is not None
    from_the_hub(message, summoned, "meeting.reminder", UNITS[1:])
    expected = MeetingReminder(meeting_id=summoned.story.meeting_id, meeting_version=1, respond_by=summoned.now + timedelta(days=7))
    assert (message.content, message.basis) == (expected, basis)
    assert reminder(summoned.open, known, (), basis, message_id=NOTICE, now=summoned.now) is None
    open_ended = meeting(summoned, respond_by=None)
    assert reminder(summoned.open, open_ended, UNITS, basis, message_id=NOTICE, now=summoned.now) is None


@pytest.mark.parametrize(
    ("recipient", "reason", "code"),
    [
        (p.HOME_CARE, "adapter.down", "adapter.down"),
        (chapters.SISTER, "adapter.down", "adapter.down"),
        (p.HOME_CARE, "HTTP 503: Åter_senare", "http-503:--ter_senare"),
        (p.HOME_CARE, "x" * 65, "x" * 64),
    ],
)
def test_the_sender_hears_what_did_not_arrive_and_why(summoned: Desk, recipient: Any, reason: str, code: str) -> None:
    """Given a message that did not reach somebody, then its sender is told which, whom, a reason that is a code, and what can be done (T4)."""
    message = failure(summoned.open, p.CARE_CENTRE, LOST, str(recipient), reason, message_id=NOTICE, now=summoned.now)
    from_the_hub(message, summoned, "delivery.failed", (p.CARE_CENTRE,))
    instead = fallback(str(recipient), reason)
    assert message.content == DeliveryFailed(message_id=LOST, recipient=recipient, reason=code, fallback=instead)
    assert isinstance(message.content, DeliveryFailed)
    assert type(message.content.recipient) is type(recipient)
    assert message.basis is None


@pytest.mark.parametrize(
    ("recipient", "reason", "instead"),
    [
        (p.HOME_CARE, "address.none", "correct_address"),
        (p.HOME_CARE, "recipient.unknown", "correct_address"),
        (p.HOME_CARE, "misdirected", "correct_address"),
        (p.HOME_CARE, "unit.closed", "correct_address"),
        (PersonRef("guardian/1"), "address.letters_none", "correct_address"),
        (p.HOME_CARE, "basis.consent_missing", "ask_consent"),
        (PersonRef("relative/1"), "participant.not_approved", "ask_consent"),
        (p.HOME_CARE, "send.uncertain", "phone"),
        (PersonRef("individual"), "send.uncertain", "letter"),
    ],
)
def test_what_can_be_done_instead(recipient: str, reason: str, instead: str) -> None:
    """Given why a message did not arrive, then the address is corrected, the consent asked for, a unit phoned, or a person written to."""
    assert fallback(str(recipient), reason) == instead
