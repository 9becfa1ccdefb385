"""The neutral XML of a message: what stands between canonical JSON and a mapping pack's stylesheets.

XSLT cannot read JSON, so a document becomes XML by one rule that knows no field: an object is an element with one child per field, a list an
element with one `item` per part, and `is` says what is not text. Nothing is lost on the way there and back, and what XML 1.0 cannot carry
is refused by name. It must never decide what a field means: the stylesheets do, and the pack's code tables do.

    <message xmlns="urn:siphub:canonical:1" is="object">
      <type>meeting.summoned</type>  <ack_requested is="boolean">true</ack_requested>  <recipients is="array"><item>…</item></recipients>

A stylesheet marks an element whose text is a code with `codes="table"` in the same namespace; `to_partner` and `from_partner` translate it.
Where the partner wants a second code beside the word, `out` adds `beside="table attribute"`, and `in` hands back what stood there with
`beside="table code"`: the two must agree.

A pack may want more than the message: `local-times` gives every moment an attribute `local`, in Swedish time without a zone
(`2026-11-23T12:00:00`); `text` and `pdf` give the root a child `rendered form="pdf" media_type="application/pdf"`, the message as a document
for people in base64.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

from lxml import etree

from siphub.contract.xml import parse_xml
from siphub.errors import MappingError

if TYPE_CHECKING:
    from siphub.contract.context import MappingPack

NAMESPACE = "urn:siphub:canonical:1"
"""The namespace of the neutral XML and of the `codes` mark."""

NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})
Form = Literal["pdf", "text"]
MEDIA_TYPES: Final[Mapping[Form, str]] = MappingProxyType({"pdf": "application/pdf", "text": "text/plain"})
"""The forms in which a pack may want a document for people, and their media types; text is UTF-8."""

_STOCKHOLM = ZoneInfo("Europe/Stockholm")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_CODES = f"{{{NAMESPACE}}}codes"
_BESIDE = f"{{{NAMESPACE}}}beside"
_ITEM = f"{{{NAMESPACE}}}item"
_MARKED = etree.XPath("//*[@c:codes]", namespaces={"c": NAMESPACE})
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = "object, array, number, boolean or null"


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """What a pack makes of a document: the partner's bytes, and what the pack's schema says against them; no problems means valid."""

    body: bytes
    problems: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Written({len(self.body)} bytes, {len(self.problems)} problems)"


def written(pack: MappingPack, document: Mapping[str, object], rendered: Mapping[str, bytes] = NOTHING) -> Written:
    """Return a document in the partner's XML, validated: neutral XML, the pack's `out` sheet, its code tables, its schema.

    Args:
        pack: The pack.
        document: A cut, or a whole message, in the canonical JSON shape.
        rendered: The same as a document for people, in each form that the pack wants (`forms_wanted`).

    Raises:
        MappingError: `mapping.unsupported_type`, the pack has no form for such a message; `mapping.not_rendered`;
            `mapping.unrepresentable`; or what the pack says: an unknown field or code, a broken sheet.
    """
    if not pack.carries(str(document.get("type", ""))):
        raise MappingError(f"{pack.id}@{pack.version} has no form for a message of this type", code="mapping.unsupported_type")
    missing = forms_wanted(pack) - set(rendered)
    if missing:
        raise MappingError(
            f"{pack.id}@{pack.version} wants the message as {min(missing)}, and it was not made", code="mapping.not_rendered"
        )
    neutral = document_to_tree(document, rendered, local_times="local-times" in pack.wants)
    return Written(*pack.write(neutral))


def to_partner(pack: MappingPack, document: Mapping[str, object], rendered: Mapping[str, bytes] = NOTHING) -> bytes:
    """Return a document in the partner's XML, whatever its schema says of it; the same arguments and errors as `written`."""
    return written(pack, document, rendered).body


def forms_wanted(pack: MappingPack) -> frozenset[Form]:
    """Return the forms in which a pack wants the message as a document for people: some of `text` and `pdf`."""
    return frozenset(form for form in MEDIA_TYPES if form in pack.wants)


def put_words(pack: MappingPack, root: etree._Element) -> None:
    """Put the partner's words in the place of every marked code of ours, and take the marks away: the step between a sheet and the schema.

    Raises:
        MappingError: `mapping.unmapped`.
    """
    _translate(partial(_word, pack), root)


def from_partner(pack: MappingPack, body: bytes) -> dict[str, object]:
    """Return the document that a partner's valid XML stands for: the pack's `in` sheet, then its code tables.

    Raises:
        BadBody: The XML cannot be parsed.
        MappingError: What the pack says, `mapping.contradiction` where a word and the code beside it do not agree, or `mapping.broken`
            where the sheet's own result is not neutral XML.
    """
    root = parse_xml(pack.transform("in", body))
    _translate(partial(_canonical, pack), root)
    return _document_of(root)


def document_to_xml(document: Mapping[str, object], rendered: Mapping[str, bytes] = NOTHING, *, local_times: bool = False) -> bytes:
    """Return the neutral XML of a document of plain JSON values, with documents for people at its end, and Swedish times, where asked for.

    Raises:
        MappingError: `mapping.unrepresentable`, with the pointer of a text, a key or a value that XML 1.0 cannot carry.
    """
    return etree.tostring(document_to_tree(document, rendered, local_times=local_times), encoding="UTF-8", xml_declaration=False)


def document_to_tree(
    document: Mapping[str, object], rendered: Mapping[str, bytes] = NOTHING, *, local_times: bool = False
) -> etree._Element:
    """Return the root of the same; the same errors."""
    root = etree.Element(f"{{{NAMESPACE}}}message", {"is": "object"}, {None: NAMESPACE})
    try:
        _fields(root, document, local_times)
    except _Odd as odd:
        what = str(odd)
    else:
        what = ""
    if what:
        raise MappingError(f"{_where(document, '') or 'the document'} {what}", code="mapping.unrepresentable")
    for form, media_type in MEDIA_TYPES.items():
        if form in rendered:
            made = etree.SubElement(root, f"{{{NAMESPACE}}}rendered", {"form": form, "media_type": media_type})
            made.text = b64encode(rendered[form]).decode()
    return root


def document_from_xml(body: bytes) -> dict[str, object]:
    """Return the document that neutral XML stands for.

    Raises:
        BadBody: It cannot be parsed.
        MappingError: `mapping.broken`, it is not neutral XML.
    """
    return _document_of(parse_xml(body))


def _document_of(root: etree._Element) -> dict[str, object]:
    value = _value_of(root, "")
    if not isinstance(value, dict):
        raise _broken("", "the root must be an object")
    return value


def _fields(parent: etree._Element, document: Mapping[str, object], local_times: bool) -> None:  # noqa: FBT001 - it goes along
    for name, value in document.items():
        tag = _tag(name)
        if tag is None:
            raise _Odd("has a key that is no XML name")
        _fill(etree.SubElement(parent, tag), value, local_times)


@lru_cache(maxsize=4096)
def _tag(name: str) -> str | None:
    """Return an element's name for a field, or None where the field's name is none."""
    return f"{{{NAMESPACE}}}{name}" if _FIELD.fullmatch(name) else None


def _fill(element: etree._Element, value: object, local_times: bool) -> None:  # noqa: FBT001 - it goes along
    match value:
        case str():
            if _NOT_XML.search(value):
                raise _Odd("holds a character that XML 1.0 cannot carry")
            element.text = value
            if local_times and _MOMENT.fullmatch(value) and (local := _local(value)):
                element.set("local", local)
        case dict() | Mapping():
            element.set("is", "object")
            _fields(element, value, local_times)
        case list() | tuple():
            element.set("is", "array")
            for item in value:
                _fill(etree.SubElement(element, _ITEM), item, local_times)
        case bool():
            element.set("is", "boolean")
            element.text = "true" if value else "false"
        case int():
            element.set("is", "number")
            element.text = str(value)
        case None:
            element.set("is", "null")
        case _:
            raise _Odd("is neither text, whole number, boolean, null, list nor object")


def _local(moment: str) -> str | None:
    """Return a moment in Swedish time, or None for a text that looks like one and is none: people may write anything in a free text."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(_STOCKHOLM):%Y-%m-%dT%H:%M:%S}"
    except (ValueError, OverflowError):
        return None


class _Odd(Exception):
    """A value has no neutral XML; where it stands is looked for only then, because to know it all along costs a tenth of a translation."""


def _where(value: object, pointer: str) -> str | None:
    """Return the pointer of the first value that has no neutral XML, or None."""
    if isinstance(value, Mapping):
        strange = any(_tag(name) is None for name in value)
        within = (_where(part, f"{pointer}/{name}") for name, part in value.items())
    elif isinstance(value, list | tuple):
        strange, within = False, (_where(part, f"{pointer}/{place}") for place, part in enumerate(value))
    else:
        odd = isinstance(value, str) and _NOT_XML.search(value) is not None
        return pointer if odd or not isinstance(value, str | int | None) else None
    return next((found for found in within if found is not None), pointer if strange else None)


def _value_of(element: etree._Element, pointer: str) -> object:
    kind = element.get("is")
    text = element.text or ""
    if kind in {"object", "array"} and any(part and part.strip() for part in (text, *(child.tail for child in element))):
        raise _broken(pointer, "there is text beside its fields, which would be lost")
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


def _translate(translate: Callable[[etree._Element, str, str], None], root: etree._Element) -> None:
    """Replace every marked code and take the marks away."""
    for element in _MARKED(root):
        translate(element, element.attrib.pop(_CODES), element.attrib.pop(_BESIDE, ""))
    etree.cleanup_namespaces(root)


def _word(pack: MappingPack, element: etree._Element, table: str, beside: str) -> None:
    """Put the partner's word in the place of a code of ours, and its code of another table beside it."""
    ours = element.text or ""
    element.text = pack.code(table, ours)
    second, _, attribute = beside.partition(" ")
    if second:
        element.set(attribute, pack.code(second, ours))


def _canonical(pack: MappingPack, element: etree._Element, table: str, beside: str) -> None:
    """Put our code in the place of the partner's word, where what stood beside it says the same."""
    element.text = pack.canonical(table, element.text or "")
    second, _, theirs = beside.partition(" ")
    if second and pack.code(second, element.text) != theirs:
        raise MappingError(f"a word and the code beside it, of the table {second}, do not say the same", code="mapping.contradiction")


def _broken(pointer: str, what: str) -> MappingError:
    return MappingError(f"the stylesheet's result is not neutral XML at {pointer or 'its root'}: {what}", code="mapping.broken")
