"""R4's structure, judged by the table of elements: names, lists, cardinality, choices, primitive formats, required codes, reference targets.

It says where: every finding has a JSON pointer to the element, also to one that is missing. What fhir.resources has no eye for (formats of
many primitives, codes, targets, choices) is seen here. It must never repeat a value, and never raise for any JSON whatever.

    fhir.unknown_type        R4 has no such resource
    fhir.unknown_element     R4 has no such element there
    fhir.required            a required element is missing
    fhir.choice_twice        one of several types (`value[x]`) stands twice
    fhir.wrong_value         a value is not of its type, or not one where a list must be
    fhir.id                  an id of a resource is not 1 to 64 of its alphabet
    fhir.empty               an element has neither a value nor anything in it
    fhir.code_unknown        a required binding: the code is not one of R4's
    fhir.actor_type          a reference to a type R4 does not allow there; fhir.addresses_type for CarePlan.addresses
    fhir.invariant           one of R4's rules; the detail begins with its key
    fhir.narrative           txt-1 and txt-2: the narrative is XHTML of the allowed elements, and says something
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from siphub.contract import Problem
from siphub_fhir.bundle import urls_of
from siphub_fhir.checks import type_of
from siphub_fhir.invariants import Around, broken
from siphub_fhir.lens import Resource
from siphub_fhir.narrative import narrative_problem
from siphub_fhir.primitives import is_a_name, is_sound
from siphub_fhir.r4 import RESOURCES, XHTML, Element, elements_of, is_resource

_DEEPEST: Final = 96
PATTERNS: Final = {"mimetypes": re.compile(r"[^\s/]+/\S.*"), "currencies": re.compile("[A-Z]{3}")}
"""The form of codes that R4 requires of a list that is kept by others."""


def structure_of(resource: Resource) -> Iterator[Problem]:
    """Yield what R4's structure and its rules have against a resource, a Bundle with all that is in it too."""
    entries = resource.get("entry")
    urls = {
        url: str(entry["resource"].get("resourceType"))
        for entry in (entries if isinstance(entries, list) else [])
        for url in urls_of(entry)
    }
    yield from _Judge(urls).resource(resource, "", None)


@dataclass(slots=True)
class _Judge:
    urls: Mapping[str, str]
    depth: int = 0

    def resource(self, value: Any, pointer: str, owner: Around | None) -> Iterator[Problem]:
        kind = value.get("resourceType") if isinstance(value, dict) else None
        if not is_resource(kind):
            yield Problem("fhir.unknown_type", "R4 has no such resourceType", pointer=f"{pointer}/resourceType")
            return
        around = Around.of(value, self.urls, owner)
        yield from self.object(value, str(kind), pointer, around)

    def object(self, value: Any, kind: str, pointer: str, around: Around) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem("fhir.wrong_value", "an element with elements of its own is an object", pointer=pointer)
            return
        if self.depth > _DEEPEST:
            yield Problem("fhir.too_deep", f"elements are nested deeper than {_DEEPEST}", pointer=pointer)
            return
        if not value:
            yield Problem("fhir.empty", "a value is never empty: leave it out", pointer=pointer)
        self.depth += 1
        known = elements_of(kind)
        yield from _strangers(value, kind, known, pointer)
        if not _complete(value, kind):
            yield from _missing(value, known, pointer)
        for name in _in_order(value, kind):
            element = known[name]
            beside = value.get(f"_{name}") if element.primitive else None
            if name in value or beside is not None:
                yield from self._element(element, kind, value.get(name), beside, (f"{pointer}/{name}", around))
        yield from broken(value, kind, pointer, around)
        self.depth -= 1

    def _element(self, element: Element, owner: str, value: Any, beside: Any, place: tuple[str, Around]) -> Iterator[Problem]:
        pointer, around = place
        if not element.many:
            yield from self._one(element, owner, value, beside, place)
            return
        for part in (value, beside):
            if part is not None and not isinstance(part, list):
                yield Problem("fhir.wrong_value", "an element that repeats is a list", pointer=pointer)
                return
        values, extras = value or [], beside or []
        if not values and not extras:
            yield Problem("fhir.empty", "a value is never empty: leave it out", pointer=pointer)
        for number in range(max(len(values), len(extras))):
            inner = values[number] if number < len(values) else None
            extra = extras[number] if number < len(extras) else None
            yield from self._one(element, owner, inner, extra, (f"{pointer}/{number}", around))

    def _one(self, element: Element, owner: str, value: Any, beside: Any, place: tuple[str, Around]) -> Iterator[Problem]:
        pointer, around = place
        if value is None and beside is None:
            yield Problem("fhir.empty", "a value is never empty: leave it out", pointer=pointer)
        elif element.kind == XHTML:
            yield from narrative_problem(value, pointer)
        elif element.primitive:
            yield from _primitive(element, owner, value, pointer)
            if beside is not None:
                yield from self.object(beside, "Element", pointer, around)
        elif element.kind in RESOURCES or is_resource(element.kind):
            yield from self.resource(value, pointer, around if element.name == "contained" else None)
        else:
            yield from self.object(value, element.kind, pointer, around)
            if isinstance(value, dict):
                yield from _bound(element, owner, value, pointer, around)


@dataclass(frozen=True, slots=True)
class _Form:
    """What of a type's elements every object of it is held to: their order, those required, and the choices by the names of their elements."""

    order: Mapping[str, int]
    names: tuple[str, ...]
    required: tuple[str, ...]
    choices: Mapping[str, str]
    required_choices: frozenset[str]


@cache
def _form(kind: str) -> _Form:
    known = elements_of(kind)
    return _Form(
        order={name: number for number, name in enumerate(known)},
        names=tuple(known),
        required=tuple(name for name, element in known.items() if element.least and element.choice is None),
        choices={name: element.choice for name, element in known.items() if element.choice is not None},
        required_choices=frozenset(element.choice for element in known.values() if element.least and element.choice is not None),
    )


def _in_order(value: Resource, kind: str) -> list[str]:
    """Return the names of the elements that an object has, in R4's order: most objects have few of the many there are."""
    form = _form(kind)
    places = {form.order.get(name.removeprefix("_"), -1) for name in value}
    return [form.names[place] for place in sorted(places) if place >= 0]


def _complete(value: Resource, kind: str) -> bool:
    """Say whether `_missing` has nothing to say of an object, without going through all that R4 has."""
    form = _form(kind)
    if not all(name in value or f"_{name}" in value for name in form.required):
        return False
    chosen = [form.choices[name] for name in {name.removeprefix("_") for name in value} if name in form.choices] if form.choices else []
    return len(chosen) == len(set(chosen)) and form.required_choices.issubset(chosen)


def _strangers(value: Resource, kind: str, known: Mapping[str, Element], pointer: str) -> Iterator[Problem]:
    """Yield elements that R4 has not: an underscore stands before the name of a primitive only."""
    for name in value:
        element = known.get(name.removeprefix("_"))
        if element is not None and not (name.startswith("_") and element.bare):
            continue
        if name == "resourceType" and is_resource(kind):
            continue
        shown = f"/{name}" if is_a_name(name) else ""
        yield Problem("fhir.unknown_element", "R4 has no such element here", pointer=f"{pointer}{shown}")


def _missing(value: Resource, known: Mapping[str, Element], pointer: str) -> Iterator[Problem]:
    """Yield required elements that are not there, and choices that stand twice."""
    chosen: dict[str, bool] = {}
    for name, element in known.items():
        there = name in value or f"_{name}" in value
        if element.choice is None:
            if element.least and not there:
                yield Problem("fhir.required", "a required element is missing", pointer=f"{pointer}/{name}")
            continue
        if there and chosen.get(element.choice):
            detail = f"{element.choice}[x] is of one type, not of two"
            yield Problem("fhir.choice_twice", detail, pointer=f"{pointer}/{name}")
        chosen[element.choice] = chosen.get(element.choice, False) or there
    for element in known.values():
        if element.least and element.choice is not None and chosen.pop(element.choice, True) is False:
            yield Problem("fhir.required", "a required element is missing", pointer=f"{pointer}/{element.choice}[x]")


def _primitive(element: Element, owner: str, value: Any, pointer: str) -> Iterator[Problem]:
    if value is None:
        return
    if isinstance(value, str) and not value.strip():
        yield Problem("fhir.empty", "a value is never empty: leave it out", pointer=pointer)
    elif not is_sound(value, element.kind):
        if element.kind == "id" and element.name == "id":
            yield Problem("fhir.id", "an id is 1 to 64 of A-Z, a-z, 0-9, hyphen and dot", pointer=pointer)
        else:
            yield Problem("fhir.wrong_value", f"the value is no {element.kind}", pointer=pointer)
    elif element.binding is not None and not _is_code(element, value):
        yield Problem("fhir.code_unknown", f"the code of {owner}.{element.name} is not one of R4's", pointer=pointer)


def _is_code(element: Element, value: Any) -> bool:
    if element.codes:
        return value in element.codes
    pattern = PATTERNS.get(str(element.binding))
    return pattern is None or pattern.fullmatch(str(value)) is not None


def _bound(element: Element, owner: str, value: Resource, pointer: str, around: Around) -> Iterator[Problem]:
    """Yield a concept without any of the codes it must have one of, and a reference to a type R4 does not allow there."""
    if element.codes:
        codings = value.get("coding") if element.kind == "CodeableConcept" else [value]
        codes = {str(one.get("code")) for one in codings if isinstance(one, dict)} if isinstance(codings, list) else set()
        if not codes & element.codes:
            yield Problem("fhir.code_unknown", f"{owner}.{element.name} has none of R4's codes", pointer=pointer)
    if element.targets:
        found = type_of(value, around.types)
        if found is not None and found not in element.targets:
            detail = f"{owner}.{element.name} takes {', '.join(sorted(element.targets))} only"
            if element.name == "addresses":
                yield Problem("fhir.addresses_type", detail, pointer=pointer)
            else:
                yield Problem("fhir.actor_type", detail, pointer=pointer)
