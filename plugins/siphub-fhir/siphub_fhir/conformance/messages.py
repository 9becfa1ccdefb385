"""A MessageDefinition for every message type with a form, and the CapabilityStatement that names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from siphub_fhir.conformance.heading import PUBLISHED, VERSION, canonical, heading
from siphub_fhir.lens import Resource
from siphub_fhir.message import FORMS, INWARD, MESSAGE_TYPES
from siphub_fhir.vocabulary import CODES

_EN: Final = "Sends and takes the messages of a coordinated individual plan (SIP); it hands over and answers no query."
_SV: Final = "Sänder och tar emot meddelandena i en samordnad individuell plan (SIP); den lämnar över och besvarar inga frågor."
_PROCESS: Final = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"


def message_definitions() -> Iterator[Resource]:
    """Yield the MessageDefinitions. A Consent is in focus wherever the disclosure rests on one."""
    for name, form in FORMS.items():
        row = CODES["message-type", name]
        focus = {form.resource: "1", **form.beside, "Consent": "1"}
        named = heading("MessageDefinition", name, row.en, row.sv)
        yield named | {
            "eventCoding": {"system": MESSAGE_TYPES, "code": name, "display": row.en},
            "category": "notification" if form.resource == "Communication" else "consequence",
            "focus": [{"code": kind, "min": int(kind == form.resource), "max": most} for kind, most in focus.items()],
            "responseRequired": "always",
        }


def capability_statement(url: str | None = None) -> Resource:
    """Return the CapabilityStatement: of the software, or of the hub whose FHIR interface has this URL.

    Args:
        url: The base of that interface, such as `https://hub.example/fhir`.
    """
    instance = {"implementation": {"description": _EN, "url": url}} if url else {}
    endpoint = [
        {
            "protocol": {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"},
            "address": f"{url}/$process-message",
        }
    ]
    supported = [
        {"mode": mode, "definition": canonical("MessageDefinition", name)}
        for mode, left_out in (("sender", INWARD), ("receiver", frozenset()))
        for name in FORMS
        if name not in left_out
    ]
    return heading("CapabilityStatement", "siphub", _EN, _SV) | {
        "kind": "instance" if url else "capability",
        "software": {"name": "siphub-fhir", "version": VERSION, "releaseDate": PUBLISHED},
        **instance,
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml"],
        "rest": [{"mode": "server", "operation": [{"name": "process-message", "definition": _PROCESS}]}],
        "messaging": [{**({"endpoint": endpoint} if url else {}), "documentation": _EN, "supportedMessage": supported}],
    }
