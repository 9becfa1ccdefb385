"""The ledger of what reading drops: each element of R4's definitions in what is read, tried one at a time.

A plan and a meeting with everything around them are read; then one element is taken away, added or changed. Where the draft is the same
whatever the element says, it is dropped, and `fhir_dropped` says why. The same is done with every Bundle of ours.
`python -m tests.mappings.fhir_ledger` writes docs/fhir-ledger.md; with `--check` nothing is written, and the answer is no (1) where the page
is another.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from siphub.contract import Recipient, Refused
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir.foreign import draft_of
from siphub_fhir.message import FORMS, bundle_of, document_of
from siphub_fhir.r4 import Element, elements_of
from siphub_fhir.records import message_of
from siphub_fhir.rest import resource_of, transaction_of
from siphub_fhir.settings import FhirSettings
from tests.mappings.fhir_dropped import FOREIGN, OURS, RECORDS
from tests.mappings.fhir_sound import object_of, value_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "fhir-ledger.md"
_INHERITED: Final = frozenset({"id", "extension"})
"""Of what is no resource: they identify or extend, and stand in every element."""


def _at(kind: str, name: str, /, **elements: Any) -> Any:
    return {"fullUrl": f"https://x.example/{kind}/{name}", "resource": {"resourceType": kind, "id": name, **elements}}


def _to(kind: str, name: str) -> Any:
    return {"reference": f"https://x.example/{kind}/{name}"}


_PEOPLE: Final = [
    _at("Patient", "p", name=[{"family": "Provsdotter", "given": ["Prov"]}]),
    _at("PractitionerRole", "r", practitioner=_to("Practitioner", "d")),
    _at("Practitioner", "d", name=[{"text": "Doktor"}]),
    _at("RelatedPerson", "k", patient=_to("Patient", "p"), name=[{"text": "Siv"}]),
    _at("Organization", "o", name="Norrby"),
    _at("PractitionerRole", "q", code=[{"text": "läkare"}]),
    _at("Location", "l", name="Stadshuset"),
]
_DETAIL: Final = {"status": "scheduled", "description": "Träna", "goal": [_to("Goal", "g")], "performer": [_to("RelatedPerson", "k")]}
_PLAN: Final = _at(
    "CarePlan",
    "c",
    status="active",
    intent="plan",
    subject=_to("Patient", "p"),
    author=_to("Organization", "o"),
    careTeam=[_to("CareTeam", "t")],
    goal=[_to("Goal", "g")],
    contributor=[_to("PractitionerRole", "q")],
    activity=[{"detail": _DETAIL}, {"reference": _to("ServiceRequest", "s")}, {"detail": {"status": "scheduled", "code": {"text": "Gå"}}}],
)
_GOAL: Final = _at("Goal", "g", lifecycleStatus="active", description={"text": "Orka"}, subject=_to("Patient", "p"))
_TEAM: Final = _at("CareTeam", "t", participant=[{"member": _to("PractitionerRole", "r"), "role": [{"text": "samordnare"}]}])
_REQUEST: Final = _at(
    "ServiceRequest",
    "s",
    status="active",
    intent="order",
    code={"text": "Besök"},
    subject=_to("Patient", "p"),
    performer=[_to("PractitionerRole", "r")],
)
_CONSENT: Final = _at("Consent", "n", **object_of("Consent"))
_MEETING: Final = _at(
    "Appointment",
    "a",
    status="booked",
    start="2026-12-07T11:00:00Z",
    end="2026-12-07T12:00:00Z",
    participant=[
        {"status": "accepted", "actor": _to("Practitioner", "d"), "type": [{"text": "deltagare"}]},
        {"status": "accepted", "actor": _to("Patient", "p")},
        {"status": "accepted", "actor": _to("Location", "l")},
    ],
)
_OURS: Final = "https://siphub.example/fhir"
_CASE: Final = "2120009994/5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001"


def _our(name: str, number: str) -> Any:
    return {"identifier": {"system": f"{_OURS}/sid/{name}", "value": f"{_CASE}/{number}"}}


def _in(code: str) -> Any:
    return {"coding": [{"system": f"{_OURS}/CodeSystem/category", "code": code}]}


_RESPONSE: Final = _at(
    "AppointmentResponse",
    "x",
    appointment=_our("meeting", "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"),
    participantStatus="tentative",
    actor=_to("Practitioner", "d"),
    start="2026-12-07T11:00:00Z",
)
_PLAN_OF_OURS: Final = _our("plan", "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001")
_TASKS: Final = (
    ("sip-request", {"status": "requested", "for": _to("Patient", "p")}),
    ("sip-proposal", {"status": "requested"}),
    ("sip-request", {"status": "accepted"}),
    ("plan-commitment", {"status": "accepted", "focus": _PLAN_OF_OURS}),
    ("report-activity-status", {"status": "cancelled", "focus": _PLAN_OF_OURS, "owner": _to("PractitionerRole", "r")}),
)
_NEWS: Final = [
    _at("Communication", "y", status="completed", category=[_in(code)], subject=_to("Patient", "p"), about=[{"type": kind, **about}])
    for code, kind, about in (
        ("message-misdirected", "MessageHeader", _our("message", "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a002")),
        ("meeting-held", "Appointment", _our("meeting", "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001")),
    )
]
_HEADER: Final = _at("MessageHeader", "h", **object_of("MessageHeader"))


def _bundle(*entries: Any) -> Any:
    return {"resourceType": "Bundle", "type": "message", "timestamp": "2026-12-01T10:00:00Z", "entry": copy.deepcopy([_HEADER, *entries])}


WHOLE: Final = _bundle(_PLAN, _GOAL, _TEAM, _REQUEST, _CONSENT, *_PEOPLE)
MEETING: Final = _bundle(_MEETING, *_PEOPLE)
ANSWER: Final = _bundle(_RESPONSE, *_PEOPLE)
TASKS: Final = [_bundle(_at("Task", "z", intent="order", code=_in(code), **more), *_PEOPLE) for code, more in _TASKS]
NEWS: Final = [_bundle(one, *_PEOPLE) for one in _NEWS]
PLACES: Final[Sequence[tuple[str, Any, str]]] = [
    ("Bundle", WHOLE, ""),
    ("MessageHeader", WHOLE, "/entry/0/resource"),
    ("CarePlan", WHOLE, "/entry/1/resource"),
    ("CarePlan.activity", WHOLE, "/entry/1/resource/activity/0"),
    ("CarePlan.activity", WHOLE, "/entry/1/resource/activity/1"),
    ("CarePlan.activity.detail", WHOLE, "/entry/1/resource/activity/2/detail"),
    ("CarePlan.activity.detail", WHOLE, "/entry/1/resource/activity/0/detail"),
    ("Goal", WHOLE, "/entry/2/resource"),
    ("CareTeam", WHOLE, "/entry/3/resource"),
    ("CareTeam.participant", WHOLE, "/entry/3/resource/participant/0"),
    ("ServiceRequest", WHOLE, "/entry/4/resource"),
    ("Consent", WHOLE, "/entry/5/resource"),
    ("Patient", WHOLE, "/entry/6/resource"),
    ("PractitionerRole", WHOLE, "/entry/7/resource"),
    ("PractitionerRole", WHOLE, "/entry/11/resource"),
    ("Practitioner", WHOLE, "/entry/8/resource"),
    ("RelatedPerson", WHOLE, "/entry/9/resource"),
    ("Organization", WHOLE, "/entry/10/resource"),
    ("Appointment", MEETING, "/entry/1/resource"),
    ("Appointment.participant", MEETING, "/entry/1/resource/participant/0"),
    ("Location", MEETING, "/entry/8/resource"),
    ("AppointmentResponse", ANSWER, "/entry/1/resource"),
    *(("Task", document, "/entry/1/resource") for document in TASKS),
    *(("Communication", document, "/entry/1/resource") for document in NEWS),
]
"""Each type that something is taken from: a document that has one, and where; some stand there in several shapes."""


@cache
def foreign() -> tuple[tuple[str, str], ...]:
    """Return each element of what is read of others, and what becomes of it: taken, dropped, or the code that it is refused with."""
    rows: list[tuple[str, str]] = []
    for kind in dict.fromkeys(kind for kind, _, _ in PLACES):
        places = [(document, pointer) for one, document, pointer in PLACES if one == kind]
        for element in elements_of(kind).values():
            if "." in kind and element.name in _INHERITED:
                continue
            found = [_becomes(kind, document, pointer, element) for document, pointer in places]
            rows.append((f"{kind}.{element.name}", next((one for one in found if one != "dropped"), "dropped")))
    return tuple(rows)


def _becomes(kind: str, document: Any, pointer: str, element: Element) -> str:
    there = [_draft(_changed(document, pointer, element, value)) for value in _values(kind, element)]
    if set(there) == {"fhir.modifier_unknown"}:
        return there[0]
    return "taken" if len({*there, _draft(document), _draft(_changed(document, pointer, element, None))}) > 1 else "dropped"


_SAID: Final[Mapping[str, Any]] = {
    "Annotation": {"text": "ord"},
    "BackboneElement": {"id": "a"},
    "CodeableConcept": {"text": "ord"},
    "HumanName": {"text": "Någon", "family": "Annan", "given": ["Nils"]},
    "Identifier": {"system": "http://electronichealth.se/identifier/personnummer", "value": "201001032380"},
    "Meta": {"security": [{"system": "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "code": "sekretessmarkering"}]},
    "Reference": {"display": "Någon"},
    "Timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "wk"}},
    "id": "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001",
}
"""Values of some types that are ours to read, where a sound one might not be."""


_OF_OURS: Final[Mapping[str, Any]] = {
    "Communication.reasonCode": {"coding": [{"system": f"{_OURS}/CodeSystem/code", "code": "not_our_unit"}]},
    "Task.basedOn": _our("message", "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a002"),
    "Task.partOf": _our("message", "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a002"),
    "Task.businessStatus": {"coding": [{"system": "http://snomed.info/sct", "code": "385660001"}]},
    "Task.input": {"type": {"coding": [{"system": f"{_OURS}/CodeSystem/preparation", "code": "my_contacts"}]}, "valueString": "ord"},
    "Task.output": {"type": {"text": "ord"}, "valueString": "ord"},
    "Task.reasonCode": {"coding": [{"system": f"{_OURS}/CodeSystem/purpose", "code": "sip"}]},
    "Task.requester": _to("RelatedPerson", "k"),
    "Task.statusReason": {"coding": [{"system": f"{_OURS}/CodeSystem/reason", "code": "busy"}]},
    "Task.authoredOn": "2026-12-01",
}
"""Values of some elements of answers and news, where one that is sound is not in our words."""


def _values(kind: str, element: Element) -> list[Any]:
    """Return values that an element may have: one in our words, every code, both booleans, else one that is ours to read, or a sound one."""
    if f"{kind}.{element.name}" in _OF_OURS:
        return [_OF_OURS[f"{kind}.{element.name}"]]
    if element.codes and element.kind == "code":
        return sorted(element.codes)
    if element.kind == "boolean":
        return [True, False]
    return [_SAID[element.kind] if element.kind in _SAID else value_of(element)]


def _changed(document: Any, pointer: str, element: Element, value: Any) -> Any:
    found = copy.deepcopy(document)
    node = found
    for step in pointer.split("/")[1:]:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node.pop(element.name, None)
    if value is not None:
        node[element.name] = [value] if element.many else value
    return found


def _draft(document: Any) -> str:
    try:
        draft = draft_of(document)
    except Refused as refused:
        return refused.problems[0].code
    return json.dumps([draft.content, draft.missing], sort_keys=True)


@cache
def ours() -> tuple[str, ...]:
    """Return each element of our Bundles that is not read: without it the message is the same, wherever it stands."""
    read: set[str] = set()
    seen: set[str] = set()
    there, settings = (
        Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message"),
        FhirSettings(),
    )
    for name in FORMS:
        bundle = bundle_of(whole_cut(sample(name, maximal=True)), there, settings.source, settings.careplan_profile)
        message = document_of(bundle)
        for path, pointer in list(elements_in(bundle)):
            seen.add(path)
            if path not in read and _without(bundle, pointer) != message:
                read.add(path)
    return tuple(sorted(one for one in seen - read if one.rpartition(".")[0] not in seen - read))


def records() -> Iterator[tuple[str, str, str]]:
    """Yield each field that a transaction or a single resource of ours does not carry: the form, the field, and one type it is of."""
    there, settings = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir"), FhirSettings()
    found: dict[tuple[str, str], str] = {}
    for name in FORMS:
        message = sample(name, maximal=True)
        bundle = bundle_of(whole_cut(message), there, settings.source, settings.careplan_profile)
        for form, record in (("transaction", transaction_of(bundle, there.unit)), ("resource", resource_of(bundle, there.unit).resource)):
            back = dict(leaves(document_of(message_of(record))))
            for pointer, value in leaves(message.to_document()):
                if back.get(pointer) != value:
                    found.setdefault((form, pointer), name)
    yield from ((form, pointer, name) for (form, pointer), name in found.items())


def leaves(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document with its pointer."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in parts:
        yield from leaves(value, f"{pointer}/{name}")
    if not isinstance(node, (dict, list)):
        yield pointer, node


def elements_in(bundle: Any) -> Iterator[tuple[str, str]]:
    """Yield each element in the resources of a Bundle and of the Bundle itself: its path by R4's types, and its pointer."""
    for name in bundle:
        if name not in {"resourceType", "entry"}:
            yield f"Bundle.{name}", f"/{name}"
    for number, entry in enumerate(bundle["entry"]):
        kind = entry["resource"]["resourceType"]
        yield from _elements(entry["resource"], kind, f"/entry/{number}/resource")


def _elements(node: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if name == "resourceType":
            continue
        here = f"{path}.{name}"
        if name == "extension":
            for number, one in enumerate(value):
                yield f"{here}({one['url'].rpartition('/')[2]})", f"{pointer}/extension/{number}"
            continue
        yield here, f"{pointer}/{name}"
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, dict) and "reference" not in one:
                yield from _elements(one, here, f"{pointer}/{name}/{number}" if isinstance(value, list) else f"{pointer}/{name}")


def _without(bundle: Any, pointer: str) -> Any:
    """Return the message of a Bundle without one element; the element is put back."""
    node, steps = bundle, pointer.split("/")[1:]
    for step in steps[:-1]:
        node = node[int(step)] if isinstance(node, list) else node[step]
    last: Any = int(steps[-1]) if isinstance(node, list) else steps[-1]
    value = node.pop(last)
    try:
        return document_of(bundle)
    except Refused:
        return None
    finally:
        if isinstance(node, list):
            node.insert(last, value)
        else:
            node[last] = value


def reason(table: Mapping[str, tuple[str, ...]], element: str) -> str | None:
    """Return why an element is dropped: by its own name, or by that of all of its type's elements (`Consent.*`)."""
    kind = element.rpartition(".")[0]
    by_name = {name: why for why, names in table.items() for name in names}
    return by_name.get(element, by_name.get(f"*.{element.rpartition('.')[2]}", by_name.get(f"{kind}.*")))


def page() -> str:
    """Return the page."""
    own = "\n".join(f"| `{one}` | {reason(OURS, one)} |" for one in ours())
    rows = [(one, found, reason(FOREIGN, one) if found == "dropped" else None) for one, found in foreign()]
    taken = ", ".join(f"`{one}`" for one, found, _ in rows if found == "taken")
    refused = "\n".join(f"| `{one}` | `{found}` |" for one, found, _ in rows if found not in {"taken", "dropped"})
    dropped: dict[str, list[str]] = {}
    for one, _, why in rows:
        if why is not None:
            dropped.setdefault(why, []).append(f"`{one}`")
    left = "\n".join(f"| {why} | {', '.join(names)} |" for why, names in dropped.items())
    kept = "\n".join(f"| {form} | `{pointer}` | {RECORDS.get(pointer)} |" for form, pointer, _ in records())
    return _HEAD.format(records=kept, own=own, taken=taken, refused=refused, left=left)


_HEAD: Final = """# What reading FHIR drops

Each element of R4's definitions in what the reader `fhir` takes something from, tried one at a time: taken away, added or changed.
Where what is read stays the same, the element is dropped.
Made by `python -m tests.mappings.fhir_ledger`; a test fails when this page is another than the code, and when something is dropped without a reason.

## From our own messages

Every sample of every type comes back as it was, so nothing of a message is dropped.
These elements of our Bundles are not read, because they are made of others.

| element | why |
| --- | --- |
{own}

## From what we write for servers without messaging

A transaction of ours becomes the message it was made of, and a single resource the message but for this.

| form | field of the message | where it stands, and is not sent |
| --- | --- | --- |
{records}

## From what others write

Taken: {taken}.

| refused, because it may turn the meaning round | code |
| --- | --- |
{refused}

| why it is dropped | elements |
| --- | --- |
{left}
"""


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.read_text("utf-8") == text else 1)
    PAGE.write_text(text, "utf-8")
