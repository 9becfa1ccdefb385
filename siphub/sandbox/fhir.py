"""A partner's FHIR side: what it wants of a message Bundle, which it has had before, and what it answers.

It judges by a few rules of its own, as a vendor's server does, and knows nothing of the plugin that sends. A message is known by Bundle.id and
MessageHeader.id together, by the rules of reliable messaging:

| Bundle.id | MessageHeader.id | what happens |
|---|---|---|
| new | new | it is taken |
| seen | seen | the first answer again |
| new | seen | a resubmission: the first answer again, no second effect |
| seen | new | 409: two messages in one envelope |

It must never repeat a word of what was sent in an OperationOutcome.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from siphub.sandbox.ledger import NOTHING, Contents, Entry, Ledger

MEDIA_TYPE: Final = "application/fhir+json"
OPERATION: Final = "$process-message"
Resource = dict[str, Any]
Finding = tuple[str, str]
"""An issue code of R4, and a FHIRPath-like expression that says where."""

_REQUIRED: Final = {
    "Appointment": ("status", "participant"),
    "AppointmentResponse": ("appointment", "participantStatus"),
    "CarePlan": ("status", "intent", "subject"),
    "Communication": ("status",),
    "Consent": ("status", "scope", "category"),
    "Encounter": ("status", "class"),
    "Goal": ("lifecycleStatus", "description", "subject"),
    "MessageHeader": ("eventCoding", "source"),
    "RelatedPerson": ("patient",),
    "Task": ("status", "intent"),
}
_CODES: Final = {
    ("Appointment", "status"): {"proposed", "pending", "booked", "fulfilled", "cancelled"},
    ("AppointmentResponse", "participantStatus"): {"accepted", "declined", "tentative", "needs-action"},
    ("CarePlan", "status"): {"draft", "active", "on-hold", "revoked", "completed"},
    ("CareTeam", "status"): {"proposed", "active"},
    ("Communication", "status"): {"completed"},
    ("Encounter", "status"): {"in-progress", "finished"},
    ("Task", "status"): {"requested", "received", "accepted", "rejected", "in-progress", "completed", "cancelled", "failed"},
}
_ACTORS: Final = {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Device", "HealthcareService", "Location"}
_WORD: Final = 100
_TIMELESS: Final = {"proposed", "cancelled", "waitlist"}
_STATUS: Final = {"unreadable": HTTPStatus.BAD_REQUEST, "bundle_reused": HTTPStatus.CONFLICT, "fhir": HTTPStatus.UNPROCESSABLE_ENTITY}
_ISSUE: Final = {
    "unauthorised": "login",
    "media_type": "not-supported",
    "unreadable": "structure",
    "bundle_reused": "conflict",
    "key_reused": "conflict",
}


class FhirDesk:
    """Takes message Bundles for one partner. Safe to share between threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._bundles: set[str] = set()
        self._headers: set[str] = set()

    def take(self, key: str, body: bytes) -> tuple[Entry, Resource]:
        """Judge a Bundle that came whole, write it down, and return the entry with the answer."""
        try:
            bundle = json.loads(body)
            findings = list(findings_in(bundle))
        except (ValueError, RecursionError, TypeError, AttributeError):
            bundle, findings = {}, [("structure", "Bundle")]
        if findings:
            why = "fhir" if bundle else "unreadable"
            entry = self._ledger.record(key, body, NOTHING, status=_STATUS[why], why=why)
            return entry, outcome(*findings)
        ids = (str(bundle["id"]), str(bundle["entry"][0]["resource"]["id"]))
        with self._lock:
            entry = self._record(key or ids[1], body, bundle, ids)
        return entry, response(ids[1]) if entry.accepted else refusal(entry)

    def _record(self, key: str, body: bytes, bundle: Resource, ids: tuple[str, str]) -> Entry:
        """Write a sound Bundle down by the table of the module."""
        known = (ids[0] in self._bundles, ids[1] in self._headers)
        contents = contents_of(bundle)
        if known == (True, False):
            return self._ledger.record(key, body, contents, status=_STATUS["bundle_reused"], why="bundle_reused")
        repeat = known[1] and not self._ledger.holds(key)
        entry = self._ledger.record(key, body, contents, status=HTTPStatus.OK, why="repeat" if repeat else None)
        if entry.accepted:
            self._bundles.add(ids[0])
            self._headers.add(ids[1])
        return entry


def findings_in(bundle: Resource) -> Iterator[Finding]:
    """Yield what this partner has against a Bundle, as issue codes with the place."""
    entries = [one for one in _list(bundle.get("entry")) if isinstance(one, dict)]
    resources = [one["resource"] for one in entries if isinstance(one.get("resource"), dict)]
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message" or not isinstance(bundle.get("id"), str):
        yield "invariant", "Bundle.type"
    if not resources or len(resources) < len(_list(bundle.get("entry"))) or not all(isinstance(one.get("id"), str) for one in resources):
        yield "required", "Bundle.entry"
        return
    header = resources[0]
    if header.get("resourceType") != "MessageHeader" or not isinstance(header.get("eventCoding"), dict):
        yield "invariant", "Bundle.entry[0]"
        return
    types = {one.get("fullUrl"): resource.get("resourceType") for one, resource in zip(entries, resources, strict=True)}
    if len(types) != len(resources):
        yield "invariant", "Bundle.entry.fullUrl"
    if not header.get("focus"):
        yield "required", "MessageHeader.focus"
    for number, resource in enumerate(resources):
        yield from _findings(resource, f"Bundle.entry[{number}].resource", types)


def _findings(resource: Resource, where: str, types: dict[Any, Any]) -> Iterator[Finding]:
    kind = resource.get("resourceType")
    for name in _REQUIRED.get(str(kind), ()):
        if not resource.get(name):
            yield "required", f"{where}.{name}"
    for (owner, name), codes in _CODES.items():
        if kind == owner and name in resource and resource[name] not in codes:
            yield "code-invalid", f"{where}.{name}"
    if kind == "Appointment" and resource.get("status") not in _TIMELESS and not (resource.get("start") and resource.get("end")):
        yield "invariant", f"{where}.start"
    if kind == "Consent" and not (resource.get("policy") or resource.get("policyRule")):
        yield "invariant", f"{where}.policyRule"
    if kind == "Appointment":
        actors = [
            types.get((one.get("actor") or {}).get("reference"), "Device")
            for one in resource.get("participant") or []
            if isinstance(one, dict)
        ]
        if not set(actors) <= _ACTORS:
            yield "invariant", f"{where}.participant.actor"
    if not all(url in types for url in _references(resource)):
        yield "not-found", where


def _references(node: Any) -> Iterator[str]:
    """Yield every reference to an entry of the Bundle."""
    if isinstance(node, dict):
        url = node.get("reference")
        if isinstance(url, str) and url.startswith("urn:uuid:"):
            yield url
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def contents_of(bundle: Resource) -> Contents:
    """Return what a Bundle says about itself: the event, the message, the case; of a number with its owner before it, the number."""
    header = bundle["entry"][0]["resource"]
    cases = [
        one for one in _list(header.get("extension")) if isinstance(one, dict) and str(one.get("url")).endswith("/StructureDefinition/case")
    ]
    case = cases[0].get("valueIdentifier") if cases else None
    return Contents(
        *(_word(one, name) for one, name in ((header["eventCoding"], "code"), (bundle.get("identifier"), "value"), (case, "value")))
    )


def _word(node: Any, name: str) -> str | None:
    value = node.get(name) if isinstance(node, dict) else None
    return value.rpartition("/")[2] if isinstance(value, str) and value.isascii() and len(value) <= _WORD else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def outcome(*findings: Finding) -> Resource:
    """Return an OperationOutcome."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code, "expression": [where]} for code, where in findings[:20]],
    }


def refusal(entry: Entry) -> Resource:
    """Return the OperationOutcome for a request that was refused as a whole."""
    return outcome((_ISSUE.get(str(entry.why), "processing"), "Bundle"))


def response(header: str) -> Resource:
    """Return the answer to a message that was taken: always the same one for the same message."""
    own = str(uuid5(NAMESPACE_URL, f"sandbox/{header}"))
    said = {
        "resourceType": "MessageHeader",
        "id": own,
        "eventUri": "urn:siphub:sandbox:taken",
        "source": {"endpoint": "https://sandbox.example/fhir"},
        "response": {"identifier": header, "code": "ok"},
    }
    return {
        "resourceType": "Bundle",
        "id": str(uuid5(NAMESPACE_URL, f"sandbox/{header}/answer")),
        "type": "message",
        "entry": [{"fullUrl": f"urn:uuid:{own}", "resource": said}],
    }


def metadata(partner: str) -> Resource:
    """Return the CapabilityStatement of a partner."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "implementation": {"description": f"siphub sandbox: {partner}"},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE],
        "rest": [
            {
                "mode": "server",
                "operation": [
                    {"name": "process-message", "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"}
                ],
            }
        ],
    }
