"""FHIR's XML back to the form that JSON has: R4's elements by the table, with every value as it stands.

The contract's hardened parser sees the bytes first: no DTD, no entities, no network, bounded in size, depth and number of parts. A value that
is not of its type stays the text it is, for the checks to point at. It must never guess: what R4 has no element for is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from siphub.contract import Invalid, Problem
from siphub.contract.xml import parse_xml
from siphub_fhir.lens import Resource
from siphub_fhir.primitives import is_a_name
from siphub_fhir.r4 import RESOURCES, XHTML, Element, elements_of, is_resource, primitives
from siphub_fhir.xml_out import FHIR, MOST_DEEP, XHTML_NAMESPACE, is_attribute

_INTEGERS: Final = frozenset({"integer", "unsignedInt", "positiveInt"})
_BOOLEANS: Final = {"true": True, "false": False}
_INSTANCE: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_MOST: Final = 50
_LONGEST: Final = {"decimal": 64}
"""How many characters a number may have; an integer of R4 has 32 bits."""


def from_xml(body: bytes, decimal: Callable[[str], Any] = Decimal) -> Resource:
    """Return the resource that XML holds, as JSON has it.

    Args:
        body: The document as it came.
        decimal: What makes a number of a decimal's text; `Decimal` keeps its digits.

    Raises:
        BadBody: Hostile, or not well-formed (`xml.…`); a problem carries the position.
        TooLarge: Above the parser's limit.
        Invalid: `fhir.no_resource`, `fhir.unknown_type`, `fhir.unknown_element`, `fhir.element_order`, `fhir.too_many`, `fhir.xml_text`,
            `fhir.xml_attribute`, `fhir.empty`; problems carry JSON pointers and positions.
    """
    root = parse_xml(body, max_depth=MOST_DEEP)
    name = etree.QName(root)
    if name.namespace != FHIR:
        raise _refused([Problem("fhir.no_resource", "the root is no element of FHIR's namespace", pointer="", position=_position(root))])
    reading = _Reading(decimal)
    found = reading.resource(root, "")
    if reading.problems:
        raise _refused(reading.problems)
    return found


def _refused(problems: list[Problem]) -> Invalid:
    return Invalid("the FHIR document is not one we can read; the problems say where", problems=tuple(problems[:_MOST]))


def _position(node: etree._Element) -> str:
    return f"line {node.sourceline or 1} column 1"


@dataclass(slots=True)
class _Reading:
    decimal: Callable[[str], Any]
    problems: list[Problem] = field(default_factory=list)

    def resource(self, node: etree._Element, pointer: str) -> Resource:
        name = etree.QName(node).localname
        if not is_resource(name):
            self._say("fhir.unknown_type", "R4 has no such resourceType", f"{pointer}/resourceType", node)
            return {}
        return {"resourceType": name, **self._object(node, name, pointer)}

    def _say(self, code: str, detail: str, pointer: str, node: etree._Element) -> None:
        self.problems.append(Problem(code, detail, pointer=pointer, position=_position(node)))

    def _object(self, node: etree._Element, kind: str, pointer: str, also: str = "") -> Resource:
        """Return the elements of an object; `also` is an attribute that stands beside them and is read elsewhere."""
        known = elements_of(kind)
        found: Resource = {}
        for name, value in node.attrib.items():
            element = known.get(str(name))
            if element is not None and is_attribute(kind, element):
                found[str(name)] = value
            elif name != also and not str(name).startswith(_INSTANCE):
                self._say("fhir.xml_attribute", "FHIR has no such attribute here", pointer, node)
        self._refuse_text(node, pointer)
        last = -1
        for child in node:
            element = self._known(child, known, pointer)
            if element is None or is_attribute(kind, element):
                continue
            if element.place < last:
                self._say("fhir.element_order", "the element stands after one that R4 has behind it", f"{pointer}/{element.name}", child)
            last = element.place
            self._take(found, element, child, f"{pointer}/{element.name}")
        _pad(found)
        return found

    def _known(self, child: etree._Element, known: Any, pointer: str) -> Element | None:
        name = etree.QName(child)
        element = known.get(name.localname)
        wanted = XHTML_NAMESPACE if element is not None and element.kind == XHTML else FHIR
        if isinstance(element, Element) and name.namespace == wanted:
            return element
        shown = f"/{name.localname}" if is_a_name(name.localname) else ""
        self._say("fhir.unknown_element", "R4 has no such element here", f"{pointer}{shown}", child)
        return None

    def _refuse_text(self, node: etree._Element, pointer: str) -> None:
        if any(text and text.strip() for text in (node.text, *(child.tail for child in node))):
            self._say("fhir.xml_text", "FHIR has no text between elements", pointer, node)

    def _take(self, found: Resource, element: Element, child: etree._Element, pointer: str) -> None:
        """Put one element where JSON has it: the value under its name, and what stands beside a primitive under `_name`."""
        name, before = element.name, max(len(found.get(element.name, ())), len(found.get(f"_{element.name}", ()))) if element.many else 0
        if not element.many and (name in found or f"_{name}" in found):
            self._say("fhir.too_many", "the element stands more than once", pointer, child)
            return
        place = f"{pointer}/{before}" if element.many else pointer
        value, beside = self._value(element, child, place)
        for key, one in ((name, value), (f"_{name}", beside)):
            if not element.many and one is not None:
                found[key] = one
            elif element.many and (one is not None or key in found):
                found.setdefault(key, []).extend([None] * (before - len(found.get(key, ()))))
                found[key].append(one)

    def _value(self, element: Element, child: etree._Element, pointer: str) -> tuple[Any, Any]:
        if element.kind == XHTML:
            return _narrative(child), None
        if element.kind in RESOURCES or is_resource(element.kind):
            return self._within(child, pointer), None
        if not element.primitive:
            return self._object(child, element.kind, pointer), None
        beside = self._object(child, "Element", pointer, also="value") or None
        text = child.get("value")
        if beside is not None and element.bare:
            self._say("fhir.xml_attribute", "an id has nothing beside its value", pointer, child)
        if text is None and beside is None:
            self._say("fhir.empty", "the element has neither a value nor an extension", pointer, child)
        return None if text is None else self._typed(text, element.kind), beside

    def _within(self, child: etree._Element, pointer: str) -> Any:
        self._refuse_text(child, pointer)
        inner = list(child)
        if len(inner) != 1 or etree.QName(inner[0]).namespace != FHIR:
            self._say("fhir.no_resource", "one resource stands here, in FHIR's namespace", pointer, child)
            return {}
        return self.resource(inner[0], pointer)

    def _typed(self, text: str, kind: str) -> Any:
        """Return a number or a boolean where the text is one, and else the text."""
        if kind == "boolean":
            return _BOOLEANS.get(text, text)
        if kind not in _INTEGERS and kind != "decimal":
            return text
        if len(text) > _LONGEST.get(kind, 12) or not primitives()[kind].fullmatch(text):
            return text
        return int(text) if kind in _INTEGERS else self.decimal(text)


def _pad(found: Resource) -> None:
    """Make the two lists of a repeated primitive as long as each other, as JSON has them."""
    for name in [one for one in found if one.startswith("_") and isinstance(found[one], list)]:
        values, beside = found.get(name[1:]), found[name]
        if values is not None:
            for one in (values, beside):
                one.extend([None] * (max(len(values), len(beside)) - len(one)))


def _narrative(node: etree._Element) -> str:
    """Return the narrative as JSON has it: the div with its namespace, and none of those around it."""
    bare = etree.fromstring(etree.tostring(node, with_tail=False, encoding="utf-8"))
    etree.cleanup_namespaces(bare)
    return str(etree.tostring(bare, encoding="unicode", with_tail=False))
