"""A resource as XML: the other of R4's two forms, written from the table of elements, with every value as it stands.

fhir.resources can write XML too, but writes `1.10` as `1.1` and `.120` as `.120000`, and leaves out ids and extensions of repeated
primitives: what is signed or hashed would be another thing. It must never change a value, and never write what R4 has no element for.
"""

from __future__ import annotations

import json
import re
from html.entities import html5
from typing import Any, Final

from lxml import etree

from siphub.contract import BadBody, Invalid, Problem
from siphub.contract.xml import parse_xml, serialise_xml
from siphub_fhir.lens import Resource
from siphub_fhir.r4 import RESOURCES, XHTML, Element, elements_of, is_resource

FHIR: Final = "http://hl7.org/fhir"
XHTML_NAMESPACE: Final = "http://www.w3.org/1999/xhtml"
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
_OF_XML: Final = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
MOST_DEEP: Final = 64
"""How deep elements may be nested, both ways."""


def to_xml(resource: Resource) -> bytes:
    """Return a resource as XML in UTF-8; the same resource always gives the same bytes.

    Numbers may be `decimal.Decimal`, which keeps their digits; a float is written as JSON writes it.

    Raises:
        Invalid: `fhir.unknown_type`, `fhir.unknown_element`, `fhir.wrong_value`, `fhir.text` or `fhir.narrative`: R4 has no such form;
            the problem carries the JSON pointer.
    """
    if not is_resource(resource.get("resourceType")):
        raise _unsayable("fhir.unknown_type", "R4 has no such resourceType", "/resourceType")
    root = etree.Element(f"{{{FHIR}}}{resource['resourceType']}", nsmap={None: FHIR})
    _fill(root, resource, resource["resourceType"], "", 1)
    return serialise_xml(root)


def _unsayable(code: str, detail: str, pointer: str) -> Invalid:
    return Invalid("the resource cannot be written as R4's XML; the problem says where", problems=(Problem(code, detail, pointer=pointer),))


def _fill(node: etree._Element, value: Any, kind: str, pointer: str, depth: int) -> None:
    """Write the elements of an object in R4's order."""
    if not isinstance(value, dict):
        raise _unsayable("fhir.wrong_value", "an element with elements of its own is an object", pointer)
    if depth > MOST_DEEP:
        raise _unsayable("fhir.too_deep", f"elements are nested deeper than {MOST_DEEP}", pointer)
    known = elements_of(kind)
    for name in value:
        element = known.get(name.removeprefix("_"))
        beside = name.startswith("_") and element is not None and element.bare
        if (element is None or beside) and name != "resourceType":
            raise _unsayable("fhir.unknown_element", "R4 has no such element here", f"{pointer}/{name}")
    for name, element in known.items():
        beside = value.get(f"_{name}") if element.primitive else None
        if name in value or beside is not None:
            _element(node, element, kind, value.get(name), beside, f"{pointer}/{name}", depth)


def _element(node: etree._Element, element: Element, owner: str, value: Any, beside: Any, pointer: str, depth: int) -> None:
    if is_attribute(owner, element):
        _set(node, element.name, value, pointer)
    elif not element.many:
        _one(node, element, value, beside, pointer, depth)
    else:
        values, extras = _list(value, pointer), _list(beside, pointer)
        for number in range(max(len(values), len(extras))):
            inner = values[number] if number < len(values) else None
            extra = extras[number] if number < len(extras) else None
            _one(node, element, inner, extra, f"{pointer}/{number}", depth)


def is_attribute(owner: str, element: Element) -> bool:
    """Say whether XML writes an element as an attribute: the id of what is no resource, and the url of an extension."""
    return (element.name == "id" and element.kind == "string") or (owner == "Extension" and element.name == "url")


def _list(value: Any, pointer: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _unsayable("fhir.wrong_value", "an element that repeats is a list", pointer)
    return value


def _one(node: etree._Element, element: Element, value: Any, beside: Any, pointer: str, depth: int) -> None:
    if element.kind == XHTML:
        node.append(narrative_of(value, pointer))
        return
    child = etree.SubElement(node, f"{{{FHIR}}}{element.name}")
    if element.primitive:
        if value is not None:
            _set(child, "value", value, pointer)
        if beside is not None:
            _fill(child, beside, "Element", pointer, depth + 1)
    elif element.kind in RESOURCES:
        kind = value.get("resourceType") if isinstance(value, dict) else None
        if not is_resource(kind):
            raise _unsayable("fhir.unknown_type", "R4 has no such resourceType", f"{pointer}/resourceType")
        _fill(etree.SubElement(child, f"{{{FHIR}}}{kind}"), value, str(kind), pointer, depth + 2)
    else:
        _fill(child, value, element.kind, pointer, depth + 1)


def _set(node: etree._Element, name: str, value: Any, pointer: str) -> None:
    if isinstance(value, (dict, list)) or value is None:
        raise _unsayable("fhir.wrong_value", "a primitive is one value", pointer)
    try:
        node.set(name, value if isinstance(value, str) else _text_of(value))
    except ValueError:
        raise _unsayable("fhir.text", "the text holds a character that FHIR cannot carry", pointer) from None


def _text_of(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)


def narrative_of(value: Any, pointer: str) -> etree._Element:
    """Return the narrative as elements. XHTML's named characters become the characters: XML without a DTD does not know them."""
    if not isinstance(value, str):
        raise _unsayable("fhir.wrong_value", "a narrative is a text", pointer)
    plain = _ENTITY.sub(lambda found: found[0] if found[1] in _OF_XML else html5.get(found[1], found[0]), value)
    try:
        root = parse_xml(plain.strip().encode("utf-8", "surrogatepass"), max_depth=MOST_DEEP)
    except BadBody:
        raise _unsayable("fhir.narrative", "the narrative is no well-formed XHTML", pointer) from None
    if root.tag != f"{{{XHTML_NAMESPACE}}}div":
        raise _unsayable("fhir.narrative", "the narrative is one div of XHTML", pointer)
    return root
