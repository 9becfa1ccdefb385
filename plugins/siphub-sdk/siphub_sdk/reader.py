"""The reader: SDK messages as XML or as a message service's JSON, to a message where one of our own is attached, else to a draft.

A draft carries the text, the conversation and the functional address it came from; an answer in the form we ask for is a
`meeting.response` that lacks only what SDK does not carry. It must never complete that by itself, nor read an attached message that was
fetched from an organisation with which there is no agreement.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

from siphub.contract import BadBody, Draft, Problem, ReaderInfo, Receipt, Submission, TooLarge
from siphub.model import Message, parse_message
from siphub_sdk.attachments import is_read
from siphub_sdk.message import MEDIA_TYPE, MESSAGE_TYPE, SdkMessage, draft_of, from_attributes, invalid
from siphub_sdk.payload import read_xml
from siphub_sdk.receipt import MessageReceipt
from siphub_sdk.translate import MAX_BYTES

_HEAD: Final = 4096
_NAMES: Final = (
    b"urn:riv:infrastructure:messaging:MessageWithAttachments:",
    b"http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope",
    b"http://org.ecodex.backend/1_1/",
    b"urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2",
)


class SdkReader:
    """Reads what comes by SDK, and what an access point hands over."""

    info: ReaderInfo = ReaderInfo(name="sdk", media_types=frozenset({"application/xml", "text/xml", MEDIA_TYPE}))

    def recognises(self, submission: Submission) -> bool:
        """Say whether the head of the document names one of SDK's namespaces; JSON is known by its media type alone."""
        if submission.media_type == MEDIA_TYPE:
            return True
        head = submission.body[:_HEAD].replace(b"\0", b"")
        return submission.media_type in self.info.media_types and any(name in head for name in _NAMES)

    def read(self, submission: Submission) -> Message | Draft | Receipt:
        """Read a document: a message, or the receipt of one.

        Raises:
            BadBody: It cannot be parsed, or is hostile; a problem carries the position.
            TooLarge: Above SDK's limit of 30 MB.
            Invalid: `sdk.sv.structure`, `sdk.bv.invariant`, `sdk.encrypted`, `sdk.unsupported_payload`, `sdk.invalid`, or what is wrong with an attached message; with pointers.
        """
        looks_like_json = submission.body.lstrip()[:1] == b"{"
        message = _from_json(submission.body) if looks_like_json or submission.media_type == MEDIA_TYPE else read_xml(submission.body)
        if isinstance(message, MessageReceipt):
            return message.as_receipt()
        return (_attached(message) if is_read(submission) else None) or draft_of(message)


def _from_json(body: bytes) -> SdkMessage:
    if len(body) > MAX_BYTES * 4 // 3:
        raise TooLarge("the message is larger than SDK's 30 MB")
    at = 0
    try:
        attributes = json.loads(body)
    except json.JSONDecodeError as error:
        at, attributes = error.pos, None
    except (ValueError, RecursionError):
        attributes = None
    if not isinstance(attributes, dict):
        detail = "this is not the JSON object of a message"
        raise BadBody(detail, problems=(Problem("body.unreadable", detail, position=f"byte {at}"),))
    return from_attributes(attributes)


def _attached(message: SdkMessage) -> Message | None:
    """Return the canonical message that is attached, where there is exactly one; it is judged like any other that is handed in."""
    own = [one for one in message.files if one.media_type == MESSAGE_TYPE]
    if not own:
        return None
    try:
        bodies = [base64.b64decode("".join(one.content.split()), validate=True) for one in own]
    except (binascii.Error, ValueError):
        bodies = []
    if len(bodies) != 1:
        raise invalid("/digitalDocument", detail="there must be one attached message, in base64")
    return parse_message(bodies[0])
