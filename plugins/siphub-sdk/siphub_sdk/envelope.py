"""The XHE envelope around a message or a receipt, and around that what an access point is handed: Domibus' `submitRequest`, as in Digg's example.

Written unsigned and unencrypted: the access point signs with its own key, encrypts with the recipient's, and sends. What stands in an
envelope can be read by every access point on the way, so nothing of a message goes there but its id and its functional address.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lxml import etree

from siphub.contract.xml import serialise_xml
from siphub_sdk.rules.envelope import ACTOR, CUSTOMIZATION, NAMES

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_EBMS = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
_BACKEND = "http://org.ecodex.backend/1_1/"
_SCHEME: Final = "busdox-docid-qns"
_PROCESS: Final = "bdx:noprocess"
_PROCESS_SCHEME: Final = "urn:fdc:digg.se:edelivery:process"
_PARTY_TYPE: Final = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap"
_PART: Final = "cid:message"
FEDERATION: Final = "urn:fdc:digg.se:edelivery:federation:sdk"


@dataclass(frozen=True, slots=True)
class Kind:
    """One of SDK's two kinds of document: its id in the network, and the name of its root."""

    document_id: str
    root: str


MESSAGE: Final = Kind(
    "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc",
    "Q{urn:riv:infrastructure:messaging:MessageWithAttachments:3}messagePayload",
)
RECEIPT: Final = Kind(
    "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse"
    "##fdc:digg.se:edelivery:messagetype:response:1::2.1::tm-base-ext-sigenc",
    "Q{urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2}ApplicationResponse",
)


@dataclass(frozen=True, slots=True)
class Posting:
    """What stands on the envelope of one document.

    Args:
        kind: What is in it.
        id: Its own id: a message's messageId.
        at: When it was made, as SDK has times.
        sender: `0203:domain`.
        recipient: `0203:domain`.
        function: The recipient's functional address, for a message.
        conversation: The thread, for a message.
    """

    kind: Kind
    id: str
    at: str
    sender: str
    recipient: str
    function: str | None = None
    conversation: str = ""


def envelope_xml(posting: Posting, content: etree._Element) -> bytes:
    """Return the envelope with a document in it."""
    spaces = {"x": NAMES["x"], "xha": NAMES["xha"], "xhb": NAMES["xhb"]}
    root = etree.Element(f"{{{NAMES['x']}}}XHE", nsmap=spaces)
    _basic(root, "XHEVersionID", "1.0")
    _basic(root, "CustomizationID", CUSTOMIZATION)
    header = _part(root, "Header")
    _basic(header, "ID", posting.id)
    _basic(header, "CreationDateTime", posting.at)
    scope = _part(header, "BusinessScope")
    for name, value in _criteria(posting.kind).items():
        criterion = _part(scope, "BusinessScopeCriterion")
        _basic(criterion, "BusinessScopeCriterionTypeCode", name)
        _basic(criterion, "BusinessScopeCriterionValue", value)
    for name, party in (("FromParty", posting.sender), ("ToParty", posting.recipient)):
        _basic(_part(_part(header, name), "PartyIdentification"), "ID", party).set("schemeID", ACTOR)
    payload = _part(_part(root, "Payloads"), "Payload")
    _basic(payload, "DocumentTypeCode", posting.kind.root)
    _basic(payload, "ContentTypeCode", "application/xml")
    if posting.function is not None:
        _basic(payload, "HandlingServiceID", posting.function)
    _basic(payload, "InstanceEncryptionIndicator", "false")
    _part(payload, "PayloadContent").append(content)
    return serialise_xml(root)


def _criteria(kind: Kind) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "FEDERATIONID": FEDERATION,
            "PROCESSID": _PROCESS,
            "PROCESSID_SCHEME": _PROCESS_SCHEME,
            "DOCUMENTID": kind.document_id,
            "DOCUMENTID_SCHEME": _SCHEME,
        }
    )


def service() -> tuple[str, str]:
    """Return the AS4 service of everything in SDK, and its type."""
    return _PROCESS, _PROCESS_SCHEME


def action(kind: Kind) -> str:
    """Return the AS4 action of one of SDK's two kinds of document."""
    return f"{_SCHEME}::{kind.document_id}"


def submit_request(posting: Posting, envelope: bytes, access_point: str) -> bytes:
    """Return what an access point takes: the envelope in base64, and above it who sends to whom.

    Args:
        posting: The same as the envelope's.
        envelope: What `envelope_xml` wrote.
        access_point: The id of our own access point in the network, `AP0007-OPEN-TEST` for instance.
    """
    root = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"soap": _SOAP, "eb": _EBMS, "ws": _BACKEND})
    user = _eb(_eb(etree.SubElement(root, f"{{{_SOAP}}}Header"), "Messaging"), "UserMessage")
    _eb(_eb(user, "MessageInfo"), "MessageId", posting.id)
    origin = _eb(_eb(user, "PartyInfo"), "From")
    _eb(origin, "PartyId", access_point).set("type", _PARTY_TYPE)
    _eb(origin, "Role", f"{_EBMS}initiator")
    collaboration = _eb(user, "CollaborationInfo")
    name, kind = service()
    _eb(collaboration, "Service", name).set("type", kind)
    _eb(collaboration, "Action", action(posting.kind))
    properties = _eb(user, "MessageProperties")
    for name, party in (("originalSender", posting.sender), ("finalRecipient", posting.recipient)):
        one = _eb(properties, "Property", party)
        one.set("name", name)
        one.set("type", ACTOR)
    part = _eb(_eb(user, "PayloadInfo"), "PartInfo")
    part.set("href", _PART)
    _eb(_eb(part, "PartProperties"), "Property", "text/xml").set("name", "MimeType")
    request = etree.SubElement(etree.SubElement(root, f"{{{_SOAP}}}Body"), f"{{{_BACKEND}}}submitRequest")
    payload = etree.SubElement(request, "payload", {"payloadId": _PART, "contentType": "text/xml"})
    etree.SubElement(payload, "value").text = base64.b64encode(envelope).decode("ascii")
    return serialise_xml(root)


def _eb(node: etree._Element, name: str, text: str | None = None) -> etree._Element:
    return _put(node, _EBMS, name, text)


def _part(node: etree._Element, name: str) -> etree._Element:
    return _put(node, NAMES["xha"], name, None)


def _basic(node: etree._Element, name: str, text: str) -> etree._Element:
    return _put(node, NAMES["xhb"], name, text)


def _put(node: etree._Element, space: str, name: str, text: str | None) -> etree._Element:
    child = etree.SubElement(node, f"{{{space}}}{name}")
    child.text = text
    return child
