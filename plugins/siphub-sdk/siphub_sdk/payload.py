"""messagePayload XML (MessageWithAttachments 3.0), alone or in an XHE envelope, alone or handed over in an access point's submitRequest.

Reading takes also the older `Message` of version 2, which Digg's own envelope example still carries. Writing makes of the SDK API's JSON
the XML that an access point takes; signing and encrypting are its work, never ours. An encrypted payload is refused by its own code.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from siphub.contract import MappingError, Refused
from siphub.contract.xml import parse_xml, serialise_xml
from siphub_sdk.message import File, Party, SdkMessage, invalid, participant
from siphub_sdk.receipt import ROOT as RECEIPT
from siphub_sdk.receipt import MessageReceipt, receipt_of
from siphub_sdk.rules import envelope_breaches, message_breaches, refuse_breaches
from siphub_sdk.rules.envelope import NAMES, PARTIES

NAMESPACE: Final = "urn:riv:infrastructure:messaging:MessageWithAttachments:3"
_OLDER: Final = "urn:riv:infrastructure:messaging:MessageWithAttachments:2"
_XHE: Final = "http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope"
_SOAP: Final = ("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")
_ENCRYPTED: Final = "{http://www.w3.org/2001/04/xmlenc#}EncryptedData"
LARGEST: Final = 42 * 1024 * 1024
"""30 MB of message, and base64's third around it."""
_ACTOR: Final = "iso6523-actorid-upis"


def read_xml(body: bytes) -> SdkMessage | MessageReceipt:
    """Read a document whose root is one of those above: a message, or the receipt of one.

    Raises:
        BadBody: It cannot be parsed, or is hostile; a problem carries the position.
        TooLarge: Above SDK's limit.
        Invalid: `sdk.sv.structure` or `sdk.bv.invariant` with the rules it breaks; `sdk.encrypted`, `sdk.unsupported_payload` or
            `sdk.invalid`, with pointers.
    """
    root = parse_xml(body, max_bytes=LARGEST)
    return _by_root(_handed_over(root) if etree.QName(root).namespace in _SOAP else root)


def _by_root(root: etree._Element) -> SdkMessage | MessageReceipt:
    if root.tag == RECEIPT:
        return receipt_of(root)
    return _enveloped(root) if root.tag == f"{{{_XHE}}}XHE" else _message(root)


def envelope_in(body: bytes) -> etree._Element | None:
    """Return the XHE envelope that a document is or holds, unjudged; None where there is none that can be read."""
    try:
        root = parse_xml(body, max_bytes=LARGEST)
        found = _handed_over(root) if etree.QName(root).namespace in _SOAP else root
    except Refused:
        return None
    return found if found.tag == f"{{{_XHE}}}XHE" else None


def _handed_over(root: etree._Element) -> etree._Element:
    """Return the root of the document that an access point's request holds."""
    values = root.xpath("//*[local-name()='payload'][@payloadId='cid:message']/*[local-name()='value']")
    if not isinstance(values, list) or len(values) != 1 or not etree.iselement(values[0]):
        raise invalid(
            "/Envelope/Body/submitRequest/payload", code="sdk.unsupported_payload", detail="there is not exactly one message in it"
        )
    try:
        inner = base64.b64decode("".join((values[0].text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        inner = b""
    if not inner:
        raise invalid("/Envelope/Body/submitRequest/payload/value", detail="it is not base64")
    return parse_xml(inner, max_bytes=LARGEST)


def _enveloped(root: etree._Element) -> SdkMessage | MessageReceipt:
    refuse_breaches(envelope_breaches(root))
    at = "/XHE/Payloads/Payload/PayloadContent"
    if root.find(f".//{_ENCRYPTED}") is not None:
        raise invalid(at, code="sdk.encrypted", detail="it is encrypted, and the message service has to open it first")
    content = root.xpath("./*[local-name()='Payloads']/*/*[local-name()='PayloadContent']/*")
    if len(content) != 1 or content[0].tag == root.tag:
        raise invalid(at, code="sdk.unsupported_payload", detail="it is no XML message")
    return _as_enveloped(_by_root(deepcopy(content[0])), *(root.findtext(path, "", NAMES).strip() for path in PARTIES))


def _as_enveloped(found: SdkMessage | MessageReceipt, sender: str, recipient: str) -> SdkMessage | MessageReceipt:
    """Hold what is in an envelope to the parties of the envelope, which is what the access point has looked at.

    For version 3 the rules have done so. A message of version 2 that names other parties, as Digg's own example does, is nobody's: its text
    can be read, and counts for no organisation. A receipt that does is refused.
    """
    if isinstance(found, MessageReceipt):
        if (found.sender, found.recipient) != (sender, recipient):
            raise invalid("/XHE/Header", code="sdk.bv.invariant", detail="its envelope and its receipt name different parties")
        return found
    if (found.sender.participant, found.recipient.participant) == (sender, recipient):
        return found
    return replace(found, sender=replace(found.sender, participant=None), recipient=replace(found.recipient, participant=None))


def _message(root: etree._Element) -> SdkMessage:
    name = etree.QName(root)
    if (name.namespace, name.localname) == (NAMESPACE, "messagePayload"):
        refuse_breaches(message_breaches(root))
    found = [root] if (name.namespace, name.localname) == (_OLDER, "Message") else root.xpath("./*[local-name()='message']")
    if name.namespace not in {NAMESPACE, _OLDER} or len(found) != 1:
        raise invalid("/messagePayload", code="sdk.unsupported_payload", detail="it is no messagePayload of SDK")
    head = _only(found[0], "messageHeader")
    documents = _only(found[0], "messageBody").xpath("./*[local-name()='documents']")
    if not documents:
        raise invalid("/messagePayload/message/messageBody/documents")
    return SdkMessage(
        message_id=_child(head, "messageId"),
        conversation_id=_child(head, "conversationId"),
        created_at=_child(head, "creationDateTime"),
        ref_to_message_id=_child(head, "refToMessageId") or None,
        label=_child(head, "label") or None,
        sender=_party(_only(head, "sender"), "senderID"),
        recipient=_party(_only(head, "recipient"), "recipientID"),
        texts=tuple(found for one in documents for text in _children(one, "ContentText") if (found := _child(text, "characterSequence"))),
        files=tuple(
            File(_child(part, "fileName"), _child(part, "contentType").lower(), _child(part, "content"))
            for one in documents
            for part in _children(one, "ContentFiles")
        ),
    ).checked(lambda field: f"/messagePayload/message/messageHeader/{_PLACES.get(field, field)}")


_PLACES: Final[Mapping[str, str]] = {"senderAttention": "sender/attention", "recipientAttention": "recipient/attention"}


def _party(side: etree._Element, identifier: str) -> Party:
    organisation = _only(side, identifier)
    attention = next(iter(_children(side, "attention")), None)
    function = next(iter(_children(attention, "subOrganization")), None) if attention is not None else None
    address = next(iter(_children(function, "organizationId")), None) if function is not None else None
    references = [_only(one, "referenceId") for one in _children(attention, "reference")] if attention is not None else []
    persons = _children(attention, "person") if attention is not None else []
    return Party(
        participant=participant(_child(organisation, "root"), _child(organisation, "extension")),
        address=_child(address, "extension") if address is not None else "",
        label=_child(function, "label") or None if function is not None else None,
        persons=tuple(label for one in persons if (label := _child(one, "label"))),
        references=tuple({"root": _child(one, "root"), "value": _child(one, "extension")} for one in references),
    )


def _children(node: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in node if etree.QName(one).localname == name]


def _only(node: etree._Element, name: str) -> etree._Element:
    found = _children(node, name)
    if len(found) != 1:
        raise invalid(f"/{etree.QName(node).localname}/{name}", detail="it must be there exactly once")
    return found[0]


def _child(node: etree._Element, name: str) -> str:
    return next((str(one.text or "").strip() for one in _children(node, name)), "")


# ── writing ──


def message_payload(body: bytes, message_id: str) -> bytes:
    """Return a translated message as messagePayload XML.

    Args:
        body: What `Sdk.translate` made.
        message_id: The delivery's key.

    Raises:
        MappingError: `mapping.unrepresentable`: it holds a character that XML cannot carry.
    """
    return serialise_xml(payload_element(body, message_id))


def payload_element(body: bytes, message_id: str) -> etree._Element:
    """Return the same as an element."""
    attributes: Mapping[str, Any] = json.loads(body)["data"]["attributes"]
    root = etree.Element(f"{{{NAMESPACE}}}messagePayload", nsmap={"tns": NAMESPACE})
    try:
        message = _put(root, "message")
        _head(_put(message, "messageHeader"), attributes, message_id)
        _documents(_put(message, "messageBody"), attributes["digitalDocument"])
    except ValueError:
        raise MappingError("a text of this message holds a character that XML cannot carry", code="mapping.unrepresentable") from None
    return root


def _head(head: etree._Element, attributes: Mapping[str, Any], message_id: str) -> None:
    _put(head, "creationDateTime", attributes["creationDateTime"])
    _put(head, "messageId", message_id)
    _put(head, "conversationId", attributes["conversationId"])
    _put(head, "label", attributes["label"])
    _put(head, "confidentiality", "true" if attributes["confidentiality"] else "false")
    _identifier(_put(head, "generatingSystem"), attributes["generatingSystem"])
    for side, attention in (("recipient", "recipientAttention"), ("sender", "senderAttention")):
        node = _put(head, side)
        _identifier(_put(node, f"{side}ID"), {"root": _ACTOR, "extension": attributes[side]})
        _attention(_put(node, "attention"), attributes[attention])


def _attention(node: etree._Element, attention: Mapping[str, Any]) -> None:
    function = attention["subOrganization"]
    where = _put(node, "subOrganization")
    _identifier(_put(where, "organizationId"), function)
    _labelled(where, function)
    for reference in attention.get("referenceId", ()):
        at = _put(node, "reference")
        _identifier(_put(at, "referenceId"), reference)
        _labelled(at, reference)


def _documents(node: etree._Element, documents: Iterable[Mapping[str, Any]]) -> None:
    for document in documents:
        at = _put(node, "documents")
        _put(at, "documentID", document["documentId"])
        _put(at, "documentName", document["documentName"])
        _put(at, "index", document["index"])
        for file in document.get("contentFiles", ()):
            part = _put(at, "ContentFiles")
            for name in ("fileName", "contentType", "content"):
                _put(part, name, file[name])
        for text in document["contentTextBody"]:
            _put(_put(at, "ContentText"), "characterSequence", text)


def _identifier(node: etree._Element, value: Mapping[str, Any]) -> None:
    _put(node, "root", value["root"])
    _put(node, "extension", value["extension"])


def _labelled(node: etree._Element, value: Mapping[str, Any]) -> None:
    if value.get("label"):
        _put(node, "label", value["label"])


def _put(node: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(node, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child
