"""What bytes say: canonical JSON, or whatever an enabled reader recognises, and whether that is a whole message. It looks at no case."""

from __future__ import annotations

from siphub.contract import Draft, Reader, Receipt, Submission
from siphub.contract.xml import parse_xml
from siphub.errors import Invalid, Problem, UnsupportedMedia
from siphub.flow.ground import Ground
from siphub.model import Message, parse_message
from siphub.policy.reasons import REASONS


def read(ground: Ground, submission: Submission) -> Message:
    """Make a message of bytes: canonical JSON, or whatever an enabled reader recognises.

    Raises:
        BadBody: Unreadable bytes, with a position.
        Invalid: No valid message, with pointers; also a foreign document that lacks what nobody may invent.
        UnsupportedMedia: Nobody reads this media type.
    """
    return complete(understood(ground, submission))


def understood(ground: Ground, submission: Submission) -> Message | Draft | Receipt:
    """Return what bytes say, complete or not: canonical JSON, or whatever an enabled reader recognises; raises what `read` raises."""
    if submission.media_type in {"application/json", "application/vnd.siphub.message+json"}:
        return parse_message(submission.body)
    return _reader_for(ground, submission).read(submission)


def complete(found: Message | Draft | Receipt) -> Message:
    """Return what was read where it is a whole message.

    Raises:
        Invalid: It lacks what nobody may invent, or is a receipt.
    """
    match found:
        case Message():
            return found
        case Draft(missing=missing):
            problems = tuple(
                Problem("message.incomplete", "the document does not say this, and it is not invented", pointer=at) for at in missing
            )
            raise Invalid(REASONS["message.incomplete"].en, code="message.incomplete", problems=problems)
        case Receipt():
            raise Invalid(REASONS["message.is_receipt"].en, code="message.is_receipt")


def _reader_for(ground: Ground, submission: Submission) -> Reader:
    """Return the reader for some bytes; XML that nobody recognises is refused for what is wrong with it as XML, where something is."""
    try:
        return ground.registry.reader_for(submission)
    except UnsupportedMedia:
        if submission.media_type.endswith(("/xml", "+xml")):
            parse_xml(submission.body)
        raise
