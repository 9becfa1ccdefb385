"""One resource for each of R4's rules, which breaks that rule, and where it must be pointed at; and why some of them are not refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.mappings.fhir_sound import object_of, sound

_Broken = tuple[Any, str]


def _of(kind: str, *without: str, **changed: Any) -> Any:
    """Return a sound resource with elements changed, and some taken away."""
    return {name: value for name, value in {**sound(kind), **changed}.items() if name not in without}


def _valued(kind: str, **value: Any) -> _Broken:
    """Return a resource with an extension whose value is of a data type."""
    return _of("Basic", extension=[{"url": "https://x.example/e", f"value{kind}": value}], code={"text": "a"}), f"/extension/0/value{kind}"


def _repeated(**repeat: Any) -> _Broken:
    return _valued("Timing", repeat=repeat)[0], "/extension/0/valueTiming/repeat"


def _contained(**changed: Any) -> _Broken:
    inner = {"resourceType": "Organization", "id": "o", "name": "a", **changed}
    return _of("Patient", contained=[inner], managingOrganization={"reference": "#o"}), "/contained"


def _entry(**changed: Any) -> Any:
    return {**object_of("Bundle.entry"), **changed}


_TWICE: Final = _entry(fullUrl="https://x.example/Basic/1")
_UCUM: Final = "http://unitsofmeasure.org"
BROKEN: Final[Mapping[str, _Broken]] = {
    "age-1": _valued("Age", value=-1, system=_UCUM, code="a"),
    "app-1": (_of("Appointment", participant=[{"status": "accepted"}]), "/participant/0"),
    "app-2": (_of("Appointment", "end", status="proposed"), "/start"),
    "app-3": (_of("Appointment", "start", "end", status="booked"), "/start"),
    "app-4": (_of("Appointment", status="booked", cancelationReason={"text": "a"}), "/cancelationReason"),
    "apr-1": (_of("AppointmentResponse", "actor"), "/actor"),
    "att-1": _valued("Attachment", data="YQ=="),
    "bdl-1": (_of("Bundle", total=1), "/total"),
    "bdl-2": (_of("Bundle", entry=[_entry(search={"mode": "match"})]), "/entry"),
    "bdl-3": (_of("Bundle", type="transaction", entry=[_entry()]), "/entry"),
    "bdl-4": (_of("Bundle", entry=[_entry(response={"status": "200"})]), "/entry"),
    "bdl-5": (_of("Bundle", entry=[{"fullUrl": "https://x.example/Basic/1"}]), "/entry/0"),
    "bdl-7": (_of("Bundle", entry=[_TWICE, _TWICE]), "/entry/1/fullUrl"),
    "bdl-8": (_of("Bundle", entry=[_entry(fullUrl="https://x.example/Basic/1/_history/2")]), "/entry/0/fullUrl"),
    "bdl-9": (_of("Bundle", type="document", timestamp="2026-01-01T10:00:00Z", entry=[{"resource": sound("Composition")}]), "/identifier"),
    "bdl-10": (
        _of("Bundle", type="document", identifier={"system": "urn:x", "value": "a"}, entry=[{"resource": sound("Composition")}]),
        "/timestamp",
    ),
    "bdl-11": (
        _of("Bundle", type="document", identifier={"system": "urn:x", "value": "a"}, timestamp="2026-01-01T10:00:00Z", entry=[_entry()]),
        "/entry",
    ),
    "bdl-12": (_of("Bundle", type="message", entry=[_entry()]), "/entry/0"),
    "cnt-3": _valued("Count", value=1.5, system=_UCUM, code="1"),
    "cpl-3": (_of("CarePlan", activity=[{"detail": {"status": "scheduled"}, "reference": {"reference": "Task/1"}}]), "/activity/0"),
    "cpt-2": _valued("ContactPoint", value="1"),
    "ctm-1": (
        _of(
            "CareTeam",
            contained=[{"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/1"}}],
            participant=[{"member": {"reference": "#r"}, "onBehalfOf": {"reference": "Organization/1"}}],
        ),
        "/participant/0",
    ),
    "dis-1": _valued("Distance", value=1, system="https://x.example", code="a"),
    "dom-2": _contained(contained=[{"resourceType": "Basic", "id": "b", "code": {"text": "a"}}]),
    "dom-3": (_of("Patient", contained=[{"resourceType": "Organization", "id": "o", "name": "a"}]), "/contained"),
    "dom-4": _contained(meta={"versionId": "1"}),
    "dom-5": _contained(meta={"security": [{"code": "a"}]}),
    "drq-1": _valued("DataRequirement", type="Patient", codeFilter=[{"path": "a", "searchParam": "b"}]),
    "drq-2": _valued("DataRequirement", type="Patient", dateFilter=[{"path": "a", "searchParam": "b"}]),
    "drt-1": _valued("Duration", value=1, code="h"),
    "ele-1": (_of("Patient", name=[{}]), "/name/0"),
    "exp-1": _valued("Expression", language="text/fhirpath"),
    "ext-1": (_of("Patient", extension=[{"url": "https://x.example/e"}]), "/extension/0"),
    "gol-1": (_of("Goal", target=[{"detailString": "a"}]), "/target/0"),
    "inv-1": (_of("Task", authoredOn="2026-01-02T10:00:00Z", lastModified="2026-01-02T10:00:00+01:00"), "/lastModified"),
    "org-1": (_of("Organization", "name"), ""),
    "org-2": (_of("Organization", address=[{"use": "home"}]), "/address"),
    "org-3": (_of("Organization", telecom=[{"use": "home", "system": "phone", "value": "1"}]), "/telecom"),
    "pat-1": (_of("Patient", contact=[{"gender": "female"}]), "/contact/0"),
    "per-1": _valued("Period", start="2026-02", end="2026-01-31"),
    "ppc-1": (_of("Consent", "policyRule"), "/policyRule"),
    "ppc-2": (_of("Consent", "patient", scope={"coding": [{"system": "something", "code": "patient-privacy"}]}), "/patient"),
    "ppc-3": (_of("Consent", "patient", scope={"coding": [{"system": "something", "code": "research"}]}), "/patient"),
    "ppc-4": (_of("Consent", "patient", scope={"coding": [{"system": "something", "code": "adr"}]}), "/patient"),
    "ppc-5": (_of("Consent", "patient", scope={"coding": [{"system": "something", "code": "treatment"}]}), "/patient"),
    "prr-1": (_of("ServiceRequest", orderDetail=[{"text": "a"}]), "/code"),
    "qty-3": _valued("Quantity", value=1, code="mg"),
    "rat-1": _valued("Ratio", numerator={"value": 1}),
    "ref-1": (_of("Patient", managingOrganization={"reference": "#nobody"}), "/managingOrganization"),
    "rng-2": _valued("Range", low={"value": 2}, high={"value": 1}),
    "tim-1": _repeated(duration=1),
    "tim-2": _repeated(period=1),
    "tim-4": _repeated(duration=-1, durationUnit="h"),
    "tim-5": _repeated(period=-1, periodUnit="h"),
    "tim-6": _repeated(periodMax=1),
    "tim-7": _repeated(durationMax=1),
    "tim-8": _repeated(countMax=1),
    "tim-9": _repeated(offset=1, when=["C"]),
    "tim-10": _repeated(timeOfDay=["10:00:00"], when=["MORN"]),
    "trd-1": _valued("TriggerDefinition", type="data-added", data=[{"type": "Patient"}], timingDate="2026-01-01"),
    "trd-2": _valued("TriggerDefinition", type="named-event", name="a", condition={"language": "text/fhirpath", "expression": "a"}),
    "trd-3": _valued("TriggerDefinition", type="named-event"),
    "txt-1": (
        _of("Patient", text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml" onclick="x">a</div>'}),
        "/text/div",
    ),
    "txt-2": (_of("Patient", text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"> </div>'}), "/text/div"),
}
"""Each rule of the resources that are read and of their data types, by R4's key."""

WHY_NOT: Final[Mapping[str, str]] = {}
"""Why a defect is not refused, or not at its place, by the element or the rule."""
