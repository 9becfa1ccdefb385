"""A resource as XML: the other of R4's two forms, written from the table of elements, with every value as it stands.

fhir.resources can write XML too, but writes `1.10` as `1.1` and `.120` as `.120000`, and leaves out ids and extensions of repeated
primitives: what is signed or hashed would be another thing. It is written as text, because a tree of elements costs three times as much, and a
test holds it to the bytes that lxml would write. It must never change a value, and never write what R4 has no element for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.entities import html5
from itertools import zip_longest
from typing import Any, Final

from lxml import etree

from siphub.contract import BadBody, Invalid, Problem
from siphub.contract.xml import parse_xml
from siphub_fhir.lens import Resource
from siphub_fhir.r4 import RESOURCES, XHTML, Element, elements_of, is_resource

FHIR: Final = "http://hl7.org/fhir"
XHTML_NAMESPACE: Final = "http://www.w3.org/1999/xhtml"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
_OF_XML: Final = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL: Final = re.compile('[&<>"\t\n\r\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
MOST_DEEP: Final = 64
"""How deep elements may be nested, both ways."""


class _UnsayableError(Exception):
    """R4 has no such form; the steps to the place are added on the way up, the innermost first."""

    def __init__(self, code: str, detail: str, *steps: str) -> None:
        super().__init__(code)
        self.code, self.detail, self.steps = code, detail, list(steps)


def to_xml(resource: Resource) -> bytes:
    """Return a resource as XML in UTF-8; the same resource always gives the same bytes.

    Numbers may be `decimal.Decimal`, which keeps their digits; a float is written as JSON writes it.

    Raises:
        Invalid: `fhir.unknown_type`, `fhir.unknown_element`, `fhir.wrong_value`, `fhir.text` or `fhir.narrative`: R4 has no such form;
            the problem carries the JSON pointer.
    """
    try:
        kind = _type_of(resource)
        return (_DECLARATION + _object(kind, resource, kind, 1, f' xmlns="{FHIR}"')).encode()
    except _UnsayableError as error:
        problem = Problem(error.code, error.detail, pointer="".join(f"/{step}" for step in reversed(error.steps)))
    raise Invalid("the resource cannot be written as R4's XML; the problem says where", problems=(problem,))


def _type_of(resource: Any) -> str:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not is_resource(kind):
        raise _UnsayableError("fhir.unknown_type", "R4 has no such resourceType", "resourceType")
    return str(kind)


@dataclass(frozen=True, slots=True)
class _Part:
    """An element as XML writes it: what `Element` says of it, found out once."""

    name: str
    beside: str
    """The name of what stands beside a primitive; none of JSON's where that cannot be."""
    kind: str
    place: int
    many: bool
    primitive: bool
    attribute: bool
    inner: bool
    """Whether any resource stands in it."""


@cache
def _parts(kind: str) -> Mapping[str, _Part]:
    """Return the elements of a type by the names JSON has for them, `_name` for what stands beside a primitive; `place` is their order in XML."""
    found: dict[str, _Part] = {}
    for place, (name, element) in enumerate(elements_of(kind).items()):
        beside = "" if element.bare else f"_{name}"
        inner, attribute = element.kind in RESOURCES, is_attribute(kind, element)
        part = _Part(name, beside, element.kind, place, element.many, element.primitive, attribute, inner)
        found[name] = part
        if beside:
            found[beside] = part
    return found


def is_attribute(owner: str, element: Element) -> bool:
    """Say whether XML writes an element as an attribute: the id of what is no resource, and the url of an extension."""
    return (element.name == "id" and element.kind == "string") or (owner == "Extension" and element.name == "url")


def _object(tag: str, value: Any, kind: str, depth: int, attributes: str = "") -> str:
    """Return an element with what is in an object, in R4's order."""
    if not isinstance(value, dict):
        raise _UnsayableError("fhir.wrong_value", "an element with elements of its own is an object")
    if depth > MOST_DEEP:
        raise _UnsayableError("fhir.too_deep", f"elements are nested deeper than {MOST_DEEP}")
    inside: list[str] = []
    for part in _chosen(value, _parts(kind)):
        one, beside = value.get(part.name), value.get(part.beside)
        try:
            if part.attribute:
                attributes += f' {part.name}="{_said(one)}"'
            elif part.many:
                inside += _each(part, _list(one), _list(beside), depth)
            elif part.name in value or beside is not None:
                inside.append(_one(part, one, beside, depth))
        except _UnsayableError as error:
            error.steps.append(part.name)
            raise
    return f"<{tag}{attributes}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{attributes}/>"


def _chosen(value: Resource, known: Mapping[str, _Part]) -> Iterator[_Part]:
    """Yield what an object has, each element once, in R4's order."""
    found: dict[int, _Part] = {}
    for name in value:
        part = known.get(name)
        if part is not None:
            found[part.place] = part
        elif name != "resourceType":
            raise _UnsayableError("fhir.unknown_element", "R4 has no such element here", name)
    for place in sorted(found):
        yield found[place]


def _each(part: _Part, values: list[Any], extras: list[Any], depth: int) -> list[str]:
    written: list[str] = []
    try:
        for one, beside in zip_longest(values, extras):
            written.append(_one(part, one, beside, depth))
    except _UnsayableError as error:
        error.steps.append(str(len(written)))
        raise
    return written


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _UnsayableError("fhir.wrong_value", "an element that repeats is a list")
    return value


def _one(part: _Part, value: Any, beside: Any, depth: int) -> str:
    name = part.name
    if part.primitive:
        if part.kind == XHTML:
            return str(etree.tostring(_narrative(value), encoding="unicode", with_tail=False))
        attributes = "" if value is None else f' value="{_said(value)}"'
        return f"<{name}{attributes}/>" if beside is None else _object(name, beside, "Element", depth + 1, attributes)
    if not part.inner:
        return _object(name, value, part.kind, depth + 1)
    kind = _type_of(value)
    return f"<{name}>{_object(kind, value, kind, depth + 2)}</{name}>"


def _said(value: Any) -> str:
    """Return a primitive as an attribute's value."""
    if not isinstance(value, str):
        if isinstance(value, (dict, list)) or value is None:
            raise _UnsayableError("fhir.wrong_value", "a primitive is one value")
        value = json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)
    if _SPECIAL.search(value) is None:
        return str(value)
    if _FORBIDDEN.search(value):
        raise _UnsayableError("fhir.text", "the text holds a character that FHIR cannot carry")
    return str(value.translate(_ESCAPES))


def narrative_of(value: Any, pointer: str) -> etree._Element:
    """Return the narrative as elements. XHTML's named characters become the characters: XML without a DTD does not know them.

    Raises:
        Invalid: `fhir.wrong_value`, `fhir.narrative`; the problem carries the pointer.
    """
    try:
        return _narrative(value)
    except _UnsayableError as error:
        problem = Problem(error.code, error.detail, pointer=pointer)
    raise Invalid("the narrative is none of R4's", problems=(problem,))


def _narrative(value: Any) -> etree._Element:
    if not isinstance(value, str):
        raise _UnsayableError("fhir.wrong_value", "a narrative is a text")
    plain = value
    if "&" in plain:
        plain = _ENTITY.sub(lambda found: found[0] if found[1] in _OF_XML else html5.get(found[1], found[0]), plain)
    try:
        root = parse_xml(plain.strip().encode("utf-8", "surrogatepass"), max_depth=MOST_DEEP)
    except BadBody:
        raise _UnsayableError("fhir.narrative", "the narrative is no well-formed XHTML") from None
    if root.tag != f"{{{XHTML_NAMESPACE}}}div":
        raise _UnsayableError("fhir.narrative", "the narrative is one div of XHTML")
    return root
