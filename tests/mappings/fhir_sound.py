"""Sound instances of R4's types, built from the table of elements: the least that R4 takes, and one value for any element."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.r4 import RESOURCES, XHTML, Element, elements_of, is_resource

READ: Final = (
    "Bundle",
    "MessageHeader",
    "Patient",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "HealthcareService",
    "Location",
    "Appointment",
    "AppointmentResponse",
    "CarePlan",
    "CareTeam",
    "Goal",
    "ServiceRequest",
    "Task",
    "Communication",
    "Consent",
    "Encounter",
    "Provenance",
    "OperationOutcome",
)
"""The resources that the reader takes something from, or that stand in a message of ours."""

_PRIMITIVES: Final[Mapping[str, Any]] = {
    "base64Binary": "YQ==",
    "boolean": True,
    "canonical": "https://x.example/1",
    "code": "a",
    "date": "2026-01-01",
    "dateTime": "2026-01-01T10:00:00Z",
    "decimal": 1.5,
    "id": "a-1",
    "instant": "2026-01-01T10:00:00Z",
    "integer": 1,
    "markdown": "a",
    "oid": "urn:oid:1.2.3",
    "positiveInt": 1,
    "string": "a",
    "time": "10:00:00",
    "unsignedInt": 1,
    "uri": "https://x.example/1",
    "url": "https://x.example/1",
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>',
}
_CODES: Final = {"mimetypes": "text/plain", "currencies": "SEK", "all-types": "Patient", "resource-types": "Patient"}
_UCUM: Final = {"system": "http://unitsofmeasure.org", "code": "a", "value": 1}
_LEAST: Final[Mapping[str, Mapping[str, Any]]] = {
    "Age": _UCUM,
    "Appointment": {"start": "2026-01-01T10:00:00Z", "end": "2026-01-01T11:00:00Z"},
    "Appointment.participant": {"actor": {"reference": "Patient/1"}},
    "AppointmentResponse": {"actor": {"reference": "Patient/1"}},
    "Bundle": {"type": "collection"},
    "Bundle.entry": {"resource": {"resourceType": "Basic", "code": {"text": "a"}}},
    "Consent": {"policyRule": {"text": "a"}, "patient": {"reference": "Patient/1"}},
    "Count": {**_UCUM, "code": "1"},
    "DataRequirement.codeFilter": {"path": "a"},
    "DataRequirement.dateFilter": {"path": "a"},
    "Distance": _UCUM,
    "Duration": _UCUM,
    "Expression": {"expression": "a"},
    "Goal.target": {"measure": {"text": "a"}},
    "Extension": {"valueString": "a"},
    "Organization": {"name": "a"},
    "Patient.contact": {"name": {"text": "a"}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Reference": {"reference": "Patient/1"},
    "TriggerDefinition": {"type": "named-event", "name": "a"},
}
"""What R4's rules want besides the required elements."""

NEEDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Appointment.cancelationReason": {"status": "cancelled"},
    "Attachment.data": {"contentType": "text/plain"},
    "Bundle.total": {"type": "searchset"},
    "CarePlan.activity.detail": {"reference": None},
    "CarePlan.activity.reference": {"detail": None},
    "ContactPoint.value": {"system": "phone"},
    "DataRequirement.codeFilter.searchParam": {"path": None},
    "DataRequirement.dateFilter.searchParam": {"path": None},
    "Extension.extension": {"valueString": None},
    "Quantity.code": {"system": "https://x.example"},
    "ServiceRequest.orderDetail": {"code": {"text": "a"}},
    "Timing.repeat.countMax": {"count": 1},
    "Timing.repeat.duration": {"durationUnit": "h"},
    "Timing.repeat.durationMax": {"duration": 1, "durationUnit": "h"},
    "Timing.repeat.offset": {"when": ["MORN"]},
    "Timing.repeat.period": {"periodUnit": "d"},
    "Timing.repeat.periodMax": {"period": 1, "periodUnit": "d"},
    "TriggerDefinition.condition": {"data": [{"type": "Patient"}]},
}
"""What must stand beside an element, by R4's rules; None is what must not."""

AROUND: Final[Mapping[str, Mapping[str, Any]]] = {
    "Bundle.entry.request": {"type": "batch"},
    "Bundle.entry.response": {"type": "batch-response"},
    "Bundle.entry.search": {"type": "searchset"},
}
"""What the whole resource must have for an element, by R4's rules."""

_VALUES: Final[Mapping[str, Any]] = {f"{kind}.system": _UCUM["system"] for kind in ("Age", "Count", "Distance", "Duration")} | {
    "Age.code": "a",
    "Count.code": "1",
    "Count.value": 1,
    "TriggerDefinition.type": "named-event",
}
"""Values that R4's rules want."""


def sound(kind: str) -> Any:
    """Return the least instance of a resource."""
    return {"resourceType": kind, **object_of(kind)}


def object_of(kind: str) -> Any:
    """Return the least object of a type that is not empty."""
    found: dict[str, Any] = {}
    for element in elements_of(kind).values():
        if element.least and (element.choice is None or not any(one.startswith(element.choice) for one in found)):
            found[element.name] = [value_of(element)] if element.many else value_of(element)
    found |= copy.deepcopy(dict(_LEAST.get(kind, {})))
    return found or _something(kind)


def _something(kind: str) -> Any:
    """Return an object with one element: the first primitive that needs nothing beside it, or else the first of all."""
    own = [
        one
        for one in elements_of(kind).values()
        if one.name not in {"id", "extension", "modifierExtension", "meta", "language", "implicitRules"}
    ]
    element = next((one for one in own if one.primitive and f"{kind}.{one.name}" not in NEEDS), own[0] if own else None)
    if element is None:
        return {"id": "a"}
    return {element.name: [value_of(element)] if element.many else value_of(element)}


def value_of(element: Element, owner: str = "") -> Any:
    """Return one sound value for an element of a type."""
    if f"{owner}.{element.name}" in _VALUES:
        return _VALUES[f"{owner}.{element.name}"]
    if element.kind in RESOURCES or is_resource(element.kind):
        return {"resourceType": "Basic", "code": {"text": "a"}}
    if element.primitive:
        return _code(element) if element.binding else _PRIMITIVES[XHTML if element.kind == XHTML else element.kind]
    if element.kind == "Reference" and element.targets:
        return {"reference": f"{min(element.targets)}/1"}
    if element.kind == "CodeableConcept" and element.codes:
        return {"coding": [{"code": min(element.codes)}]}
    return object_of(element.kind)


def _code(element: Element) -> Any:
    name = element.binding or ""
    return _CODES[name] if name in _CODES else min(element.codes) if element.codes else "a"
