"""Rows that go both ways: where a field of ours stands in a FHIR resource, once, for writing and for reading.

A table of rows is the mapping; what writes it is what reads it, so the two cannot drift apart. A field that is not there is left out on the
other side: nothing is filled in, and no empty value is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from siphub_fhir.vocabulary import extension, number_in, numbering

Resource = dict[str, Any]


class Writes(Protocol):
    """What a row needs to write: references to units and staff, which become entries of their own."""

    def unit(self, unit: str) -> Resource:
        """Return a reference to a unit."""

    def staff(self, person: Mapping[str, Any]) -> Resource:
        """Return a reference to somebody at a unit."""

    def addressee(self, name: str) -> Resource:
        """Return a reference to a unit, or to a person of the case."""

    def identifier(self, name: str, *numbers: str) -> Resource:
        """Return the identifier of something of the message's case or owner."""


class Reads(Protocol):
    """What a row needs to read: what a reference leads to."""

    def unit(self, reference: Any) -> Any:
        """Return the id of the unit a reference leads to."""

    def staff(self, reference: Any) -> Any:
        """Return name, unit, telephone, e-mail and role of somebody, as far as they are there."""

    def addressee(self, reference: Any) -> Any:
        """Return the unit or the person of the case a reference leads to."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field: its dotted path on our side, and how it is put into and got out of a resource. `get` gives None where there is nothing."""

    path: str
    put: Callable[[Resource, Any, Writes], None]
    get: Callable[[Resource, Reads], Any]
    first: str = field(init=False)
    further: str = field(init=False)
    """The steps of the path after the first, dotted; empty where there are none."""

    def __post_init__(self) -> None:
        first, _, further = self.path.partition(".")
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "further", further)


def write(source: Mapping[str, Any], resource: Resource, rows: Sequence[Row], out: Writes) -> Resource:
    """Put every field that is there into a resource, and return it."""
    for row in rows:
        value = source.get(row.first)
        if row.further and value is not None:
            value = find(value, row.further)
        if value is not None:
            row.put(resource, value, out)
    return resource


def read(resource: Resource, rows: Sequence[Row], back: Reads) -> Resource:
    """Return the fields that stand in a resource, nested as their paths say."""
    found: Resource = {}
    for row in rows:
        value = row.get(resource, back)
        if value is not None:
            place(found, row.path, value)
    return found


def find(source: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    for step in path.split("."):
        if not isinstance(source, Mapping):
            return None
        source = source.get(step)
    return source


def place(target: Resource, path: str, value: Any) -> None:
    """Put a value at a dotted path, making what is needed on the way."""
    *steps, last = path.split(".")
    for step in steps:
        target = target.setdefault(step, {})
    target[last] = value


def at(resource: Any, where: str) -> Any:
    """Return what stands at a place in a resource: dotted, `[]` for the first of a list. None where it is not there or of another shape."""
    for step in where.split("."):
        name = step.removesuffix("[]")
        resource = resource.get(name) if isinstance(resource, dict) else None
        if step.endswith("[]"):
            resource = resource[0] if isinstance(resource, list) and resource else None
    return resource


def _home(resource: Resource, where: str) -> tuple[Resource, str]:
    """Return the object that holds the last step, made on the way."""
    *steps, last = where.split(".")
    for step in steps:
        name = step.removesuffix("[]")
        resource = resource.setdefault(name, [{}])[0] if step.endswith("[]") else resource.setdefault(name, {})
    return resource, last


def plain(path: str, where: str, to: Callable[[Any], Any] | None = None, back: Callable[[Any], Any] = lambda value: value) -> Row:
    """Return a row for an element of its own, turned by `to` on the way out and by `back` on the way in."""
    here = "." not in where

    def put(resource: Resource, value: Any, _: Writes) -> None:
        value = value if to is None else to(value)
        if here:
            resource[where] = value
            return
        home, last = _home(resource, where)
        home[last] = value

    def get(resource: Resource, _: Reads) -> Any:
        value = at(resource, where)
        return None if value is None else back(value)

    return Row(path, put, get)


def coded(path: str, where: str, code_system: str) -> Row:
    """Return a row for a code of a system of ours; codes of other systems there are not read."""

    def put(resource: Resource, value: Any, _: Writes) -> None:
        home, last = _home(resource, f"{where}.coding")
        home[last] = [{"system": code_system, "code": value}]

    def get(resource: Resource, _: Reads) -> Any:
        return code_in(at(resource, where), code_system)

    return Row(path, put, get)


def code_in(concept: Any, code_system: str) -> str | None:
    """Return the code of one system in a CodeableConcept, or None."""
    for coding in concept.get("coding") or [] if isinstance(concept, dict) else []:
        if isinstance(coding, dict) and coding.get("system") == code_system and isinstance(coding.get("code"), str):
            return str(coding["code"])
    return None


def extensions(element: Any, url: str) -> Iterator[Resource]:
    """Yield the extensions of an element with one URL."""
    for one in (element.get("extension") or []) if isinstance(element, dict) else []:
        if isinstance(one, dict) and one.get("url") == url:
            yield one


def _value_of(one: Resource) -> Any:
    return next((value for key, value in one.items() if key.startswith("value")), None)


def _as_it_is(value: Any, _: Any) -> Any:
    return value


def _sides(kind: str) -> tuple[Callable[[Any, Writes], Any], Callable[[Any, Reads], Any]]:
    """Return how a value is written and read for a kind: a FHIR type, `unit`, `staff`, `addressee`, or `sid:<numbering>`."""
    if kind == "unit":
        return (lambda value, out: out.unit(value)), (lambda value, back: back.unit(value))
    if kind == "staff":
        return (lambda value, out: out.staff(value)), (lambda value, back: back.staff(value))
    if kind == "addressee":
        return (lambda value, out: out.addressee(value)), (lambda value, back: back.addressee(value))
    name = kind.partition(":")[2]
    if kind.startswith("sid:"):
        return (lambda value, out: out.identifier(name, value)), (lambda value, _: number_in(value.get("value")))
    if kind.startswith("system:"):
        return (lambda value, _: {"system": name, "value": value}), (lambda value, _: value.get("value"))
    return _as_it_is, _as_it_is


def _name_of(kind: str) -> str:
    """Return the element that holds an extension's value of a kind, such as `valueCode`."""
    found = "Reference" if kind in {"unit", "staff", "addressee"} else "Identifier" if ":" in kind else kind
    return f"value{found[0].upper()}{found[1:]}"


def ext(path: str, name: str, kind: str, *, inner: bool = False) -> Row:
    """Return a row for an extension of ours with one value; `inner` names a part of a complex one."""
    url, (to, back), holds = (name if inner else extension(name)), _sides(kind), _name_of(kind)

    def put(resource: Resource, value: Any, out: Writes) -> None:
        one = {"url": url, holds: value if to is _as_it_is else to(value, out)}
        resource.setdefault("extension", []).append(one)

    def get(resource: Resource, reads: Reads) -> Any:
        one = next(extensions(resource, url), None)
        value = None if one is None else _value_of(one)
        return None if value is None else back(value, reads)

    return Row(path, put, get)


def exts(path: str, name: str, kind: str, *, inner: bool = False) -> Row:
    """Return a row for a list: one extension for each, in order. An empty list is the same as none."""
    url, (to, back), holds = (name if inner else extension(name)), _sides(kind), _name_of(kind)

    def put(resource: Resource, values: Any, out: Writes) -> None:
        for value in values:
            resource.setdefault("extension", []).append({"url": url, holds: to(value, out)})

    def get(resource: Resource, reads: Reads) -> Any:
        found = [back(value, reads) for one in extensions(resource, url) if (value := _value_of(one)) is not None]
        return found or None

    return Row(path, put, get)


def parts(path: str, name: str, rows: Sequence[Row], *, many: bool = False) -> Row:
    """Return a row for a complex extension: an object of ours, or with `many` a list of them, part by part."""
    url = extension(name)

    def put(resource: Resource, values: Any, out: Writes) -> None:
        for value in values if many else [values]:
            inner = write(value, {}, rows, out)
            if inner:
                resource.setdefault("extension", []).append({"url": url, **inner})

    def get(resource: Resource, back: Reads) -> Any:
        found = [read(one, rows, back) for one in extensions(resource, url)]
        if not found:
            return None
        return found if many else found[0]

    return Row(path, put, get)


def pointed(path: str, where: str, kind: str, numbers: str) -> Row:
    """Return a row for a reference, among others in a list, to something of one type that stands elsewhere and has a number of ours."""

    def put(resource: Resource, value: Any, out: Writes) -> None:
        resource.setdefault(where, []).append({"type": kind, "identifier": out.identifier(numbers, value)})

    def get(resource: Resource, _: Reads) -> Any:
        found = [one for one in resource.get(where) or [] if one.get("type") == kind]
        return number_in(at(found[0], "identifier.value")) if found else None

    return Row(path, put, get)


def numbered(path: str, *names: str) -> Row:
    """Return a row for a resource's own number: written in the first of some numberings, and read in any of them."""
    systems = {numbering(name) for name in names}

    def put(resource: Resource, value: Any, out: Writes) -> None:
        resource["identifier"] = [out.identifier(names[0], value)]

    def get(resource: Resource, _: Reads) -> Any:
        found = [one for one in resource.get("identifier") or [] if one.get("system") in systems]
        return number_in(found[0].get("value")) if found else None

    return Row(path, put, get)


def whole_number(text: Any) -> Any:
    """Return a text of digits as a number, and anything else as it is: the model says what is wrong with it."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9 else text  # noqa: PLR2004 - beyond any version
