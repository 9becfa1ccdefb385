"""What the sandbox's SDK message service demands of a new message: the rules of the SDK API and of SDK's content specification, as code.

Written from the specification, apart from the plugin, so that both can be wrong only in different ways. Problems name fields and codes,
never values.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_BYTES: Final = 30 * 1024 * 1024
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}Z")
_ORGANISATION = re.compile(r"0203:[A-Za-z0-9.-]+")
_FUNCTION = "urn:riv:infrastructure:messaging:functionalAddress"
_ROOTS = frozenset(
    {"dnr", "1.2.752.129.2.1.3.1", "1.2.752.129.2.1.3.3", "1.2.752.74.9.1", "1.3.88", "unregistred"},
)
_PERSON_NUMBER = re.compile(r"(?<!\d)(?:19|20)?\d{6}[-+ ]?\d{4}(?!\d)")
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong: SDK's class (SV schema, BV business rule), a detail code, and where."""

    kind: str
    detail: str
    where: str


def attributes_in(body: bytes) -> Mapping[str, Any] | None:
    """Return `data.attributes` of a new message, or None where the body is no such JSON."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = document.get("data") if isinstance(document, dict) else None
    attributes = data.get("attributes") if isinstance(data, dict) and data.get("type") == "messages" else None
    return attributes if isinstance(attributes, dict) else None


def issues_of(attributes: Mapping[str, Any], takes: frozenset[str] = frozenset({"application/pdf"})) -> list[Issue]:
    """Return everything that is wrong with the attributes of a new message; empty means that it may be taken. `takes` are media types of files."""
    return [
        *_required(attributes),
        *_heads(attributes),
        *_sides(attributes),
        *_documents(attributes.get("digitalDocument"), takes),
        *_empty(attributes),
    ]


def _required(attributes: Mapping[str, Any]) -> Iterator[Issue]:
    for name, kind in (("confidentiality", bool), ("label", str), ("sender", str), ("recipient", str)):
        if not isinstance(attributes.get(name), kind):
            yield Issue("SV", "structure", name)
    if attributes.get("type") != "messages":
        yield Issue("SV", "structure", "type")


def _heads(attributes: Mapping[str, Any]) -> Iterator[Issue]:
    for name in ("messageId", "conversationId", "refToMessageId"):
        if name in attributes and not _matches(_UUID, attributes[name]):
            yield Issue("BV", "invariant", name)
    if "creationDateTime" in attributes and not _matches(_INSTANT, attributes["creationDateTime"]):
        yield Issue("BV", "invariant", "creationDateTime")
    label = attributes.get("label")
    if isinstance(label, str) and (not 0 < len(label) <= _LONGEST or _PERSON_NUMBER.search(label)):
        yield Issue("BV", "invariant", "label")
    if attributes.get("messageStatus") is not None:
        yield Issue("BV", "invariant", "messageStatus")


def _sides(attributes: Mapping[str, Any]) -> Iterator[Issue]:
    for name in ("sender", "recipient"):
        if not _matches(_ORGANISATION, attributes.get(name)):
            yield Issue("BV", "invariant", name)
    for name in ("senderAttention", "recipientAttention"):
        attention = attributes.get(name)
        function = attention.get("subOrganization") if isinstance(attention, dict) else None
        if not isinstance(attention, dict) or not isinstance(function, dict):
            yield Issue("SV", "structure", name)
            continue
        if function.get("root") != _FUNCTION or not _short(function.get("extension")):
            yield Issue("BV", "invariant", f"{name}.subOrganization")
        yield from _references(name, attention.get("referenceId", []))
        yield from () if "attentionPerson" not in attention else _persons(name, attention["attentionPerson"])


def _references(name: str, references: object) -> Iterator[Issue]:
    for one in references if isinstance(references, list) else [None]:
        if not isinstance(one, dict) or not all(_short(one.get(part)) for part in ("root", "extension", "label")):
            yield Issue("SV", "structure", f"{name}.referenceId")
        elif one["root"] not in _ROOTS:
            yield Issue("BV", "invariant", f"{name}.referenceId.root")


def _persons(name: str, persons: object) -> Iterator[Issue]:
    for one in persons if isinstance(persons, list) else [None]:
        if not isinstance(one, dict) or not all(isinstance(one.get(part), str) for part in ("root", "extension", "label")):
            yield Issue("SV", "structure", f"{name}.attentionPerson")


def _documents(documents: object, takes: frozenset[str]) -> Iterator[Issue]:
    if not isinstance(documents, list) or not documents:
        yield Issue("SV", "structure", "digitalDocument")
        return
    for one in documents:
        if not isinstance(one, dict) or not _short(one.get("documentId")):
            yield Issue("SV", "structure", "digitalDocument.documentId")
            continue
        texts, files = one.get("contentTextBody", []), one.get("contentFiles", [])
        if not isinstance(texts, list) or not isinstance(files, list) or not all(isinstance(text, str) for text in texts):
            yield Issue("SV", "structure", "digitalDocument.contentTextBody")
        elif not texts and not files:
            yield Issue("BV", "invariant", "digitalDocument")
        elif not all(_is_file(file) for file in files):
            yield Issue("SV", "structure", "digitalDocument.contentFiles")
        elif any(file["contentType"] not in takes for file in files):
            yield Issue("BV", "not-supported", "digitalDocument.contentFiles")
        if not re.fullmatch(r"[1-9]\d*", str(one.get("index", "1"))):
            yield Issue("BV", "invariant", "digitalDocument.index")


def _is_file(file: object) -> bool:
    if not isinstance(file, dict) or not all(isinstance(file.get(name), str) for name in ("fileName", "contentType", "content")):
        return False
    try:
        return bool(base64.b64decode(file["content"], validate=True))
    except binascii.Error:
        return False


def _empty(value: object, where: str = "") -> Iterator[Issue]:
    """No element may be there and be empty (SDK's schematron)."""
    if isinstance(value, str) and not value.strip():
        yield Issue("BV", "invariant", where)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from _empty(part, f"{where}.{name}".removeprefix("."))


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _short(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST
