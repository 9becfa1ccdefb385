"""The neutral XML of a message: what stands between canonical JSON and a mapping pack's stylesheets.

XSLT cannot read JSON, so a document becomes XML by one rule that knows no field: an object is an element with one child per field, a list an
element with one `item` per part, and `is` says what is not text. Nothing is lost on the way there and back, and what XML 1.0 cannot carry
is refused by name. It must never decide what a field means: the stylesheets do, and the pack's code tables do.

    <message xmlns="urn:siphub:canonical:1" is="object">
      <type>meeting.summoned</type>  <ack_requested is="boolean">true</ack_requested>  <recipients is="array"><item>…</item></recipients>

A stylesheet marks an element whose text is a code with `codes="table"` in the same namespace; `to_partner` and `from_partner` translate it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from lxml import etree

from siphub.contract.xml import parse_xml, serialise_xml
from siphub.errors import MappingError

if TYPE_CHECKING:
    from siphub.contract.context import MappingPack

NAMESPACE = "urn:siphub:canonical:1"
"""The namespace of the neutral XML and of the `codes` mark."""

_CODES = f"{{{NAMESPACE}}}codes"
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_KINDS = "object, array, number, boolean or null"


def to_partner(pack: MappingPack, document: Mapping[str, object]) -> bytes:
    """Return a document in the partner's XML: neutral XML, the pack's `out` sheet, then its code tables. Not yet validated.

    Raises:
        MappingError: `mapping.unrepresentable`, or what the pack says: an unknown field or code, a broken sheet.
    """
    return _translated(pack.transform("out", document_to_xml(document)), pack.code)


def from_partner(pack: MappingPack, body: bytes) -> dict[str, object]:
    """Return the document that a partner's valid XML stands for: the pack's `in` sheet, then its code tables.

    Raises:
        BadBody: The XML cannot be parsed.
        MappingError: What the pack says, or `mapping.broken` where the sheet's own result is not neutral XML.
    """
    return document_from_xml(_translated(pack.transform("in", body), pack.canonical))


def document_to_xml(document: Mapping[str, object]) -> bytes:
    """Return the neutral XML of a document of plain JSON values.

    Raises:
        MappingError: `mapping.unrepresentable`, with the pointer of a text, a key or a value that XML 1.0 cannot carry.
    """
    return f'<message xmlns="{NAMESPACE}" is="object">{"".join(_fields(document, ""))}</message>'.encode()


def document_from_xml(body: bytes) -> dict[str, object]:
    """Return the document that neutral XML stands for.

    Raises:
        BadBody: It cannot be parsed.
        MappingError: `mapping.broken`, it is not neutral XML.
    """
    value = _value_of(parse_xml(body), "")
    if not isinstance(value, dict):
        raise _broken("", "the root must be an object")
    return value


def _fields(document: Mapping[str, object], pointer: str) -> Iterator[str]:
    for name, value in document.items():
        if not _FIELD.fullmatch(name):
            raise _unrepresentable(pointer, "has a key that is no XML name")
        yield _element(name, value, f"{pointer}/{name}")


def _element(name: str, value: object, pointer: str) -> str:
    match value:
        case str():
            return f"<{name}>{_text(value, pointer)}</{name}>"
        case bool():
            return f'<{name} is="boolean">{"true" if value else "false"}</{name}>'
        case int():
            return f'<{name} is="number">{value}</{name}>'
        case None:
            return f'<{name} is="null"/>'
        case Mapping():
            return f'<{name} is="object">{"".join(_fields(value, pointer))}</{name}>'
        case list() | tuple():
            items = "".join(_element("item", item, f"{pointer}/{place}") for place, item in enumerate(value))
            return f'<{name} is="array">{items}</{name}>'
        case _:
            raise _unrepresentable(pointer, "is neither text, whole number, boolean, null, list nor object")


def _text(text: str, pointer: str) -> str:
    if _NOT_XML.search(text):
        raise _unrepresentable(pointer, "holds a character that XML 1.0 cannot carry")
    return text.translate(_ESCAPES)


def _value_of(element: etree._Element, pointer: str) -> object:
    kind = element.get("is")
    text = element.text or ""
    match kind:
        case None if len(element) == 0:
            return text
        case "object":
            return _object_of(element, pointer)
        case "array":
            return [_value_of(item, f"{pointer}/{place}") for place, item in enumerate(element)]
        case "number" if re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
            return int(text)
        case "boolean" if text.strip() in {"true", "1", "false", "0"}:
            return text.strip() in {"true", "1"}
        case "null":
            return None
        case _:
            raise _broken(pointer, f"its kind must be {_KINDS}, and its text must fit")


def _object_of(element: etree._Element, pointer: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for child in element:
        name = etree.QName(child).localname
        if name in found:
            raise _broken(f"{pointer}/{name}", "stands twice")
        found[name] = _value_of(child, f"{pointer}/{name}")
    return found


def _translated(body: bytes, translate: Callable[[str, str], str]) -> bytes:
    """Replace every marked code and take the marks away."""
    root = parse_xml(body)
    for element in root.xpath("//*[@c:codes]", namespaces={"c": NAMESPACE}):
        element.text = translate(element.attrib.pop(_CODES), element.text or "")
    etree.cleanup_namespaces(root)
    return serialise_xml(root)


def _unrepresentable(pointer: str, what: str) -> MappingError:
    return MappingError(f"{pointer or 'the document'} {what}", code="mapping.unrepresentable")


def _broken(pointer: str, what: str) -> MappingError:
    return MappingError(f"the stylesheet's result is not neutral XML at {pointer or 'its root'}: {what}", code="mapping.broken")
