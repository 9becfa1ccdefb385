"""From a cut to the SDK API's JSON for a new message, but for its messageId, which the delivery's key gives.

Pure: settings, cut and recipient decide every byte. The conversation is the case: one conversationId for everything that is sent about it.
It must never take a value from anywhere but the cut, the recipient's directory entry and the owner's own settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from siphub.contract import Cut, MappingError, Payload, Recipient
from siphub_sdk.settings import PARTICIPANT, SdkSender, SdkSettings
from siphub_sdk.wording import text_of

MEDIA_TYPE: Final = "application/json"
MAX_BYTES: Final = 30 * 1024 * 1024
"""SDK's limit for a whole message."""
PLUGIN: Final = "siphub-sdk@0.1.0"
"""What a payload says it was made by; a test keeps it at the distribution's version."""
GENERATING_SYSTEM: Final = "siphub"
FUNCTIONAL_ADDRESS: Final = "urn:riv:infrastructure:messaging:functionalAddress"
IDENTITY_ROOTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "personnummer": ("1.2.752.129.2.1.3.1", "Personnummer"),
        "samordningsnummer": ("1.2.752.129.2.1.3.3", "Samordningsnummer"),
        "reservnummer": ("1.2.752.74.9.1", "Nationell reservidentitet"),
    }
)
_LONGEST = 256


def translated(
    cut: Cut, recipient: Recipient, settings: SdkSettings, further: Sequence[tuple[str, str]] = (), files: Sequence[Mapping[str, str]] = ()
) -> Payload:
    """Return the payload for a cut, with further lines of text beneath our reference, and with files attached.

    Raises:
        MappingError: `sdk.no_sender`, `sdk.no_participant`, `sdk.too_long`, `sdk.unsupported_kind`, `mapping.unmapped`; the delivery is held.
    """
    sender = settings.senders.get(str(cut.document.get("owner")))
    if sender is None:
        raise MappingError("the owner of this case is not among the plugin's senders", code="sdk.no_sender")
    participant = recipient.options.get("participant", "")
    if not PARTICIPANT.fullmatch(participant):
        raise MappingError("the directory entry has no option participant of the form 0203:domain", code="sdk.no_participant")
    attributes = _attributes(cut, recipient, participant, sender, further)
    if files:
        attributes["digitalDocument"][0]["contentFiles"] = [dict(file) for file in files]
    document = {"data": {"type": "messages", "attributes": attributes}}
    return Payload(json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass"), MEDIA_TYPE, plugin=PLUGIN)


def _attributes(cut: Cut, recipient: Recipient, participant: str, sender: SdkSender, further: Sequence[tuple[str, str]]) -> dict[str, Any]:
    text = text_of(cut, further, sender.label)
    return {
        "type": "messages",  # the OpenAPI asks for it here too, by a misplaced `required`
        "creationDateTime": _instant(str(cut.document["sent_at"])),
        "conversationId": str(cut.document["case_id"]),
        "label": text.label,
        "confidentiality": True,
        "generatingSystem": {"root": "un-encoded", "extension": GENERATING_SYSTEM, "label": GENERATING_SYSTEM},
        "sender": sender.participant,
        "recipient": participant,
        "senderAttention": {"subOrganization": _function(sender.address, sender.label), "referenceId": _ours(cut)},
        "recipientAttention": {"subOrganization": _function(recipient.endpoint, recipient.label), **_theirs(cut)},
        "digitalDocument": [
            {"documentId": f"siphub-{cut.message_id}", "documentName": text.label, "index": "1", "contentTextBody": [text.body]}
        ],
    }


def _instant(text: str) -> str:
    """Return a time as SDK wants it: UTC, with a fraction and a Z."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _function(address: str, label: str) -> dict[str, str]:
    if len(address) > _LONGEST or len(label) > _LONGEST:
        raise MappingError(f"a functional address and its label have at most {_LONGEST} characters", code="sdk.too_long")
    return {"root": FUNCTIONAL_ADDRESS, "extension": address, **({"label": label} if label else {})}


def _ours(cut: Cut) -> list[dict[str, str]]:
    """Return what the recipient is to repeat when it answers: our registry number, and the case."""
    number = cut.document.get("registry_number")
    registered = [{"root": "dnr", "extension": number, "label": "Diarienummer"}] if isinstance(number, str) else []
    return [*registered, {"root": "unregistred", "extension": str(cut.document["case_id"]), "label": "SIP-ärende"}]


def _theirs(cut: Cut) -> dict[str, list[dict[str, str]]]:
    """Return what the recipient finds its own case by: the person's number, and only where the cut has it."""
    subject = cut.document.get("subject")
    identity = subject.get("identity") if isinstance(subject, Mapping) else None
    if not isinstance(identity, Mapping):
        return {}
    root, label = IDENTITY_ROOTS[str(identity["kind"])]
    return {"referenceId": [{"root": root, "extension": str(identity["value"]), "label": label}]}


def made_here(attributes: Mapping[str, Any]) -> bool:
    """Say whether a message says that this hub made it."""
    system = attributes.get("generatingSystem")
    return isinstance(system, Mapping) and system.get("extension") == GENERATING_SYSTEM
