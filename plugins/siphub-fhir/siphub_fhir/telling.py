"""Narratives: what a resource says, in Swedish, for whoever sees nothing but `text`.

Made of the elements of the resource itself, and of nothing else: a word in it is a label of ours, the Swedish word for a code that stands in
an element, or what an element says, escaped. What a cut left out is therefore in no narrative. It must never carry markup of anybody's, and
never tell what the resource does not hold; a test takes every narrative apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Final

from siphub_fhir.lens import Resource, at
from siphub_fhir.vocabulary import BASE, CODES, EXTENSIONS, PERSON_SYSTEMS, PROTECTION, Extension
from siphub_fhir.words import HEADINGS, STATUSES, STOCKHOLM, on_the_clock

_OPEN: Final = '<div xmlns="http://www.w3.org/1999/xhtml" lang="sv" xml:lang="sv"><p><b>'
_OURS: Final = {f"{BASE}/CodeSystem/{row.system}": row.system for row in CODES.values()}
_TOLD: Final = {f"{BASE}/StructureDefinition/{one.name}": one for one in EXTENSIONS.values() if one.label and "/" not in one.name}
_PARTS: Final = {
    whole.name: {name.partition("/")[2]: one for name, one in EXTENSIONS.items() if one.label and name.startswith(f"{whole.name}/")}
    for whole in _TOLD.values()
    if whole.kind == "complex"
}
_NUMBERS: Final = {system: kind.capitalize() for kind, system in PERSON_SYSTEMS.items()}
_PROTECTED: Final = {code: CODES["protection", name].sv for name, code in PROTECTION.items()}
Line = tuple[str, str]
"""A label, which may be empty, and a text that is already escaped."""


def narrative_of(resource: Resource) -> Resource:
    """Return the narrative of a resource. Its status is `extensions` where an extension of ours is told in it, and `generated` otherwise."""
    kind = resource["resourceType"]
    told = list(_extensions(resource)) if "extension" in resource else []
    lines = [*_LINES[kind](resource), *told] if kind in _LINES else told
    # An activity's extensions are told in the lines of its CarePlan.
    status = "extensions" if told or (kind == "CarePlan" and "activity" in resource) else "generated"
    paragraphs = "".join([f"<p>{label}: {text}</p>" if label else f"<p>{text}</p>" for label, text in lines])
    return {"status": status, "div": f"{_OPEN}{_heading(kind, resource)}</b></p>{paragraphs}</div>"}


def _plain(value: Any) -> str:
    return escape(str(value), quote=False)


def _code(concept: Any) -> str | None:
    """Return the Swedish word of the first code of ours in a CodeableConcept or Coding, or the code itself where it is a sender's own."""
    for coding in (concept.get("coding") or [concept]) if isinstance(concept, dict) else []:
        system = _OURS.get(coding.get("system"))
        if system is not None:
            return _word(system, coding["code"])
    return None


def _word(system: str, code: str) -> str:
    known = CODES.get((system, code))
    return _plain(code if known is None else known.sv)


def _heading(kind: str, resource: Resource) -> str:
    where = _NAMED_BY.get(kind)
    return (_code(at(resource, where)) if where else None) or HEADINGS[kind]


_NAMED_BY: Final = {
    "Appointment": "serviceType[]",
    "Communication": "category[]",
    "Consent": "category[]",
    "MessageHeader": "eventCoding",
    "Task": "code",
}


def _extensions(element: Resource) -> Iterator[Line]:
    """Yield what the extensions of an element say, those of one kind joined."""
    found: dict[str, list[str]] = {}
    for one in element["extension"]:
        known = _TOLD.get(one["url"])
        text = None if known is None else _value(known, one)
        if known is not None and text is not None:
            found.setdefault(known.label, []).append(text)
    return ((label, "; ".join(texts)) for label, texts in found.items())


def _value(known: Extension, one: Resource) -> str | None:
    if known.kind == "complex":
        return _complex(_PARTS[known.name], one)
    show = _SHOWN.get(known.kind)
    value = one[_HOLDS[known.name]]
    return _word(known.codes, value) if known.kind == "code" else _plain(value) if show is None else show(value)


def _period(period: Resource) -> str:
    return "–".join(on_the_clock(period[name]) if name in period else "" for name in ("start", "end"))


_SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    "instant": on_the_clock,
    "boolean": lambda value: "ja" if value else "nej",
    "Period": _period,
    "Identifier": lambda value: _plain(value["value"]),
}
"""How a value of a type is told, where it is not told as it stands."""
_HOLDS: Final = {one.name: f"value{one.kind[:1].upper()}{one.kind[1:]}" for one in EXTENSIONS.values()}


def _complex(parts: dict[str, Extension], one: Resource) -> str | None:
    texts = []
    for part in one["extension"]:
        known = parts.get(part["url"])
        if known is not None:
            text = _value(known, part) or ""
            texts.append(text if known.label == "-" else f"{known.label} {text}")
    return ", ".join(texts) or None


def _status(resource: Resource, name: str = "status") -> Iterator[Line]:
    if resource.get(name) in STATUSES:
        yield "Status", STATUSES[resource[name]]


def _texts(resource: Resource, *rows: tuple[str, str]) -> Iterator[Line]:
    """Yield what stands at some places: texts as they are, instants on the clock."""
    for label, where in rows:
        value = at(resource, where)
        if value is not None:
            yield label, on_the_clock(value) if value[:1].isdigit() else _plain(value)


def _telecom(resource: Resource) -> Iterator[Line]:
    for point in resource.get("telecom", ()):
        yield ("Telefon" if point["system"] == "phone" else "E-post"), _plain(point["value"])


def _protection(resource: Resource) -> Iterator[Line]:
    for one in resource.get("meta", {}).get("security", ()):
        yield "Skydd", _PROTECTED[one["code"]]


def _patient(resource: Resource) -> Iterator[Line]:
    yield from _person_name(resource)
    for one in resource.get("identifier", ()):
        yield _NUMBERS[one["system"]], _plain(one["value"])
    yield from _protection(resource)


def _person_name(resource: Resource) -> Iterator[Line]:
    name = at(resource, "name[]") or {}
    parts = [name["text"]] if "text" in name else [*name.get("given", ()), *([name["family"]] if "family" in name else [])]
    if parts:
        yield "Namn", _plain(" ".join(parts))


def _numbered(resource: Resource) -> Iterator[Line]:
    yield "", _plain(resource["identifier"][0]["value"])


def _related(resource: Resource) -> Iterator[Line]:
    kind = _code(at(resource, "relationship[]"))
    if kind is not None:
        yield "Relation", kind
    yield from _person_name(resource)
    yield from _telecom(resource)
    yield from _protection(resource)


def _role(resource: Resource) -> Iterator[Line]:
    if "organization" in resource:
        yield "Namn", _plain(resource["organization"]["display"])
    if "code" in resource:
        yield "Roll", _plain(resource["code"][0]["text"])
    yield from _telecom(resource)
    yield from _protection(resource)


def _location(resource: Resource) -> Iterator[Line]:
    kind = _code(at(resource, "type[]"))
    if kind is not None:
        yield "", kind
    yield from _texts(resource, ("", "name"))


def _appointment(resource: Resource) -> Iterator[Line]:
    yield from _status(resource)
    zone = next((one["valueString"] for one in resource.get("extension", ()) if one["url"].endswith("/zone")), STOCKHOLM)
    for label, name in (("Börjar", "start"), ("Slutar", "end")):
        if name in resource:
            yield label, on_the_clock(resource[name]) if zone == STOCKHOLM else _plain(resource[name])
    purpose = _code(at(resource, "reasonCode[]"))
    if purpose is not None:
        yield "Syfte", purpose


def _response(resource: Resource) -> Iterator[Line]:
    yield from _status(resource, "participantStatus")


def _communication(resource: Resource) -> Iterator[Line]:
    yield from _texts(resource, ("Sänt", "sent"))
    reason = _code(at(resource, "reasonCode[]"))
    if reason is not None:
        yield "Orsak", reason


def _task(resource: Resource) -> Iterator[Line]:
    yield from _status(resource)
    for label, where in (("Läge", "businessStatus"), ("Orsak", "statusReason"), ("Syfte", "reasonCode")):
        word = _code(resource.get(where))
        if word is not None:
            yield label, word
    yield from _texts(resource, ("Begärd", "authoredOn"), ("Ändrad", "lastModified"), ("Orsak", "reasonCode.text"), ("", "description"))
    yield from _texts(resource, ("Kommentar", "note[].text"), ("Resultat", "output[].valueString"))
    for one in resource.get("input", ()):
        yield _code(one["type"]) or "Underlag", _plain(one["valueString"])


def _encounter(resource: Resource) -> Iterator[Line]:
    yield from _status(resource)
    yield from _texts(resource, ("Inskriven", "period.start"), ("Utskriven", "period.end"), ("Orsak", "reasonCode[].text"))


def _team(resource: Resource) -> Iterator[Line]:
    yield from _status(resource)
    yield from _texts(resource, ("Från", "period.start"))
    roles = [word for one in resource.get("participant", ()) if (word := _code(at(one, "role[]")))]
    if roles:
        yield "Roller", ", ".join(roles)


def _goal(resource: Resource) -> Iterator[Line]:
    yield "", _plain(resource["description"]["text"])
    yield from _status(resource, "lifecycleStatus")


def _plan(resource: Resource) -> Iterator[Line]:
    yield from _texts(resource, ("", "title"))
    yield from _status(resource)
    yield from _texts(resource, ("Gjord", "created"))
    for one in resource.get("activity", ()):
        yield "Insats", _activity(one["detail"])
    yield from _texts(resource, ("Anteckning", "note[].text"))


def _activity(detail: Resource) -> str:
    """Return what is done, when, until when, by which kind of party; there are many of them in a plan, so it takes the short way."""
    timing = detail.get("scheduledTiming")
    when = timing["code"]["text"] if timing else detail.get("scheduledString")
    end = timing["repeat"]["boundsPeriod"]["end"] if timing else detail["scheduledPeriod"]["end"] if "scheduledPeriod" in detail else None
    told = [_plain(detail["description"])] if "description" in detail else []
    if when is not None:
        told.append(f"när: {_plain(when)}")
    if end is not None:
        told.append(f"till: {_plain(end)}")
    told.append(STATUSES[detail["status"]])
    for extension in detail.get("extension", ()):
        known = _TOLD.get(extension["url"])
        if known is not None:
            told.append(f"{known.label}: {_value(known, extension)}")
    return "; ".join(told)


def _provenance(resource: Resource) -> Iterator[Line]:
    yield "", _code(resource["activity"]) or ""
    yield "Sänt", on_the_clock(resource["recorded"])


def _consent(resource: Resource) -> Iterator[Line]:
    yield from _status(resource)
    period = at(resource, "provision.period")
    if period:
        yield "Gäller", _period(period)


_LINES: Final[dict[str, Callable[[Resource], Iterator[Line]]]] = {
    "Appointment": _appointment,
    "AppointmentResponse": _response,
    "CarePlan": _plan,
    "CareTeam": _team,
    "Communication": _communication,
    "Consent": _consent,
    "Encounter": _encounter,
    "Goal": _goal,
    "HealthcareService": _numbered,
    "Location": _location,
    "Organization": _numbered,
    "Patient": _patient,
    "Practitioner": _person_name,
    "PractitionerRole": _role,
    "Provenance": _provenance,
    "RelatedPerson": _related,
    "Task": _task,
}
