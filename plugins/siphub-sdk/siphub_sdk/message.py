"""An SDK message as a value, whether it came as JSON from a message service or as messagePayload XML, and what a draft of it is.

What SDK itself requires is required here, field by field, with a pointer. It must never repeat content in an error, and never take a
sender's identity for more than what the message says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from siphub.contract import Draft, Invalid, Problem
from siphub_sdk.instants import plain, swedish_day
from siphub_sdk.numbers import names_a_person
from siphub_sdk.replies import case_numbers, numbers_of_ours, registry_number, understood

MEDIA_TYPE: Final = "application/vnd.siphub.sdk-message+json"
"""The attributes of one message as a message service gives them; the name is ours, because the SDK API has none."""
MESSAGE_TYPE: Final = "application/vnd.siphub.message+json"
"""An attachment of this type is a whole canonical message of siphub's own."""

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[\w./: -]{1,60}")
_ACTOR = "iso6523-actorid-upis"
_ENVELOPE = ("/case_id", "/owner", "/sender", "/recipients")


@dataclass(frozen=True, slots=True, repr=False)
class Party:
    """One side: its organisation where the message names one in SDK's own scheme, and its functional address."""

    participant: str | None
    address: str
    label: str | None = None
    persons: tuple[str, ...] = ()
    references: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """An attachment, its content still as base64."""

    name: str
    media_type: str
    content: str


@dataclass(frozen=True, slots=True, repr=False)
class SdkMessage:
    """One message. Ids are as they came; its time too."""

    message_id: str
    conversation_id: str
    created_at: str
    sender: Party
    recipient: Party
    ref_to_message_id: str | None = None
    label: str | None = None
    texts: tuple[str, ...] = ()
    files: tuple[File, ...] = field(default=())

    def checked(self, where: Callable[[str], str]) -> SdkMessage:
        """Return it, when it is what SDK says a message is.

        Args:
            where: Makes the pointer of a problem from a field's name in the SDK API.

        Raises:
            Invalid: `sdk.invalid`, with a problem for each field.
        """
        ids = {"messageId": self.message_id, "conversationId": self.conversation_id, "refToMessageId": self.ref_to_message_id}
        wrong = [name for name, value in ids.items() if value is not None and not UUID.fullmatch(value)]
        wrong += [] if plain(self.created_at) else ["creationDateTime"]
        wrong += [name for name, party in (("senderAttention", self.sender), ("recipientAttention", self.recipient)) if not party.address]
        if wrong:
            raise invalid(*(where(name) for name in wrong))
        return self


def invalid(*pointers: str, code: str = "sdk.invalid", detail: str = "this is missing, or not what SDK says it is") -> Invalid:
    """Return the refusal of a message, one problem for each pointer."""
    return Invalid(f"the SDK message is refused: {detail}", code=code, problems=tuple(Problem(code, detail, pointer=at) for at in pointers))


def draft_of(message: SdkMessage) -> Draft:
    """Return what a message means for a SIP: an answer where it is one that is understood, else its text for a person to read."""
    text = "\n\n".join(message.texts)
    number, cases, ours = their_number(message), our_cases(message), our_numbers(message)
    content: dict[str, Any] = {
        "message_id": message.message_id.lower(),
        "conversation_id": message.conversation_id.lower(),
        "sent_at": plain(message.created_at),
        **({"causation_id": message.ref_to_message_id.lower()} if message.ref_to_message_id else {}),
        **({"registry_number": number} if number else {}),
        **({"cases": cases} if cases else {}),
        **({"our_numbers": ours} if ours else {}),
        "sdk": _carried(message, text),
    }
    # What was written at no time of ours is for a person: "den 4:e" has no month, and a SIP no such year.
    day = swedish_day(message.created_at)
    reply = None if day is None else understood(text, day)
    if reply is None:
        return Draft(content, ("/type", "/author", *_ENVELOPE, "/content"))
    name = next(iter(message.sender.persons), "") or message.sender.label or message.sender.address
    who = {"name": name[:200], "role": "via SDK"}
    remark = reply.remark or ("bilaga" if message.files else "")
    answer = {"type": "meeting.response", "author": who, "content": {**reply.content, "responder": who}}
    said = {"remark": remark, "proposed_days": list(reply.days)}
    missing = (*_ENVELOPE, "/content/meeting_id", "/content/meeting_version", *(("/content/proposed_times",) if reply.days else ()))
    return Draft({**content, **answer, **{name: value for name, value in said.items() if value}}, missing)


def their_number(message: SdkMessage) -> str | None:
    """Return the sender's own registry number: from its reference, else from a text that names one; None where it is no sane one, or a person's, by whatever day its clock says."""
    given = [one["value"] for one in message.sender.references if one["root"] == "dnr"]
    found = given[0] if given else registry_number("\n".join(message.texts))
    return found if found and _NUMBER.fullmatch(found) and not names_a_person(found) else None


def our_cases(message: SdkMessage) -> list[str]:
    """Return the ids of cases that a message repeats, as ours stand in every reference and text we send."""
    references = [one["value"] for party in (message.recipient, message.sender) for one in party.references]
    said = case_numbers("\n".join(message.texts))
    return list(dict.fromkeys([*(value.lower() for value in references if UUID.fullmatch(value)), *said]))


def our_numbers(message: SdkMessage) -> list[str]:
    """Return the registry numbers that a message gives as ours: in the reference of its recipient, or in its text."""
    references = [one["value"] for one in message.recipient.references if one["root"] == "dnr" and one["value"]]
    return list(dict.fromkeys([*references, *numbers_of_ours("\n".join(message.texts))]))


def _carried(message: SdkMessage, text: str) -> dict[str, Any]:
    """Return what has no place in a SIP message and must not be lost."""
    said = {"label": message.label, "text": text}
    return {
        **{name: value for name, value in said.items() if value},
        "sender": _shown(message.sender),
        "recipient": _shown(message.recipient),
        "files": [{"name": one.name, "media_type": one.media_type} for one in message.files],
    }


def _shown(party: Party) -> dict[str, Any]:
    plain = {"participant": party.participant, "address": party.address, "label": party.label}
    return {**{name: value for name, value in plain.items() if value}, "references": [dict(one) for one in party.references]}


def participant(root: str, extension: str) -> str | None:
    """Return an organisation's id where it is given in SDK's scheme; another scheme names nobody we know."""
    return extension if root == _ACTOR and extension.startswith("0203:") else None


# ── from the SDK API's JSON ──


def from_attributes(attributes: Mapping[str, Any]) -> SdkMessage:
    """Read the attributes of a message as the SDK API has them.

    Raises:
        Invalid: `sdk.invalid`, with pointers.
    """
    documents = [one for one in _list(attributes.get("digitalDocument")) if isinstance(one, Mapping)]
    files = [one for document in documents for one in _list(document.get("contentFiles")) if isinstance(one, Mapping)]
    return SdkMessage(
        message_id=_text(attributes.get("messageId")),
        conversation_id=_text(attributes.get("conversationId")),
        created_at=_text(attributes.get("creationDateTime")),
        ref_to_message_id=_text(attributes.get("refToMessageId")) or None,
        label=_text(attributes.get("label")) or None,
        sender=_party(attributes.get("sender"), attributes.get("senderAttention")),
        recipient=_party(attributes.get("recipient"), attributes.get("recipientAttention")),
        texts=tuple(_text(text) for document in documents for text in _list(document.get("contentTextBody"))),
        files=tuple(File(_text(one.get("fileName")), _text(one.get("contentType")).lower(), _text(one.get("content"))) for one in files),
    ).checked(lambda name: f"/{name}")


def _party(organisation: object, attention: object) -> Party:
    given = attention if isinstance(attention, Mapping) else {}
    function = given.get("subOrganization")
    function = function if isinstance(function, Mapping) else {}
    persons = [one for one in _list(given.get("attentionPerson")) if isinstance(one, Mapping)]
    references = [one for one in _list(given.get("referenceId")) if isinstance(one, Mapping)]
    return Party(
        participant=participant(_ACTOR, _text(organisation)),
        address=_text(function.get("extension")),
        label=_text(function.get("label")) or None,
        persons=tuple(_text(one.get("label")) for one in persons),
        references=tuple({"root": _text(one.get("root")), "value": _text(one.get("extension"))} for one in references),
    )


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
