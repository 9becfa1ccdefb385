"""The rules of an XHE envelope in SDK: the OASIS XSD, Digg's schematron, and that envelope and message say the same of who writes to whom."""

from __future__ import annotations

from typing import Final

from lxml import etree

from siphub_sdk.rules.breach import Breach, Rules, Schema

NAMES: Final = {
    "x": "http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope",
    "xha": "http://docs.oasis-open.org/bdxr/ns/XHE/1/AggregateComponents",
    "xhb": "http://docs.oasis-open.org/bdxr/ns/XHE/1/BasicComponents",
    "ext": "http://docs.oasis-open.org/bdxr/ns/XHE/1/ExtensionComponents",
    "en": "http://www.w3.org/2001/04/xmlenc#",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "m": "urn:riv:infrastructure:messaging:MessageWithAttachments:3",
}
CUSTOMIZATION: Final = "urn:fdc:digg.se:edelivery:xhe:1"
ACTOR: Final = "iso6523-actorid-upis"
CRITERIA: Final = ("DOCUMENTID", "DOCUMENTID_SCHEME", "PROCESSID", "PROCESSID_SCHEME", "FEDERATIONID")
_SCHEMA: Final = Schema("xhe/XHE-1.0.xsd")
PARTIES: Final = tuple(f"xha:Header/xha:{side}Party/xha:PartyIdentification/xhb:ID" for side in ("From", "To"))
"""Where an envelope says who sends it and who is to have it."""
_PAYLOAD = "xha:Payloads/xha:Payload"
_UNUSED: Final = (
    "ext:XHEExtensions",
    "xhb:ProfileID",
    "xhb:ProfileExecutionID",
    "xha:Header/xha:BusinessScope/xha:ExternalReference",
    *(
        f"{_PAYLOAD}/{name}"
        for name in (
            "xhb:Description",
            "xhb:CustomizationID",
            "xhb:ProfileID",
            "xhb:ProfileExecutionID",
            "xhb:ValidationTypeCode",
            "xhb:InstanceEncryptionMethod",
            "xhb:InstanceHashValue",
            "xha:InstanceDecryptionInformationExternalReference",
            "xha:InstanceDecryptionKeyExternalReference",
            "xha:RelevantExternalReference",
        )
    ),
)
_TYPE = "xha:Header/xha:BusinessScope/xha:BusinessScopeCriterion[normalize-space(xhb:BusinessScopeCriterionTypeCode) = '{}']"
_TRUE = "(normalize-space(xhb:InstanceEncryptionIndicator) = 'true' or normalize-space(xhb:InstanceEncryptionIndicator) = '1')"

SCHEMATRON: Final[Rules] = (
    ("R1-XHE", " | ".join(_UNUSED)),
    (
        "R2-XHE",
        "descendant-or-self::*[not(*) and not(normalize-space()) and not(ancestor::xha:PayloadContent) and not(self::en:* or self::ds:*)]",
    ),
    ("R3-XHE", f"xhb:CustomizationID[normalize-space() != '{CUSTOMIZATION}']"),
    *((f"R{number}-XHE", f"self::*[not({_TYPE.format(name)})]") for number, name in enumerate(CRITERIA, 4)),
    ("R9-XHE", "xhb:XHEVersionID[normalize-space() != '1.0']"),
    ("R10-XHE", f"xha:Header/xha:FromParty/xha:PartyIdentification/xhb:ID[normalize-space(@schemeID) != '{ACTOR}']"),
    ("R11-XHE", f"xha:Header/xha:ToParty/xha:PartyIdentification/xhb:ID[normalize-space(@schemeID) != '{ACTOR}']"),
    ("R12-XHE", f"{_PAYLOAD}[{_TRUE} and not(xha:PayloadContent/en:EncryptedData)]"),
    ("R13-XHE", f"{_PAYLOAD}[not({_TRUE}) and xha:PayloadContent/en:EncryptedData]"),
    ("R14-XHE", "self::*[not(xhb:CustomizationID)]"),
    ("R14-XHE", "self::*[not(xha:Header/xha:BusinessScope/xha:BusinessScopeCriterion)]"),
    ("R14-XHE", "self::*[not(xha:Header/xha:FromParty)]"),
    ("R14-XHE", "self::*[count(xha:Header/xha:FromParty/xha:PartyIdentification) != 1]"),
    ("R14-XHE", "self::*[count(xha:Header/xha:ToParty/xha:PartyIdentification) != 1]"),
    ("R14-XHE", f"self::*[count({_PAYLOAD}) != 1]"),
    ("R14-XHE", f"{_PAYLOAD}[not(xhb:DocumentTypeCode)]"),
    ("R14-XHE", f"{_PAYLOAD}[not(xhb:ContentTypeCode)]"),
    ("R14-XHE", f"{_PAYLOAD}[not(xha:PayloadContent)]"),
)
"""Digg's rules by their own ids. Its R11 names ToParty and looks at FromParty once more; here it looks at ToParty."""

_HEADER = f"{_PAYLOAD}/xha:PayloadContent/m:messagePayload/m:message/m:messageHeader"
PROSE: Final[Rules] = (
    ("message-id", "xha:Header/xhb:ID[//m:messageHeader and . != /{0}/m:messageId]"),
    ("sender", "xha:Header/xha:FromParty/xha:PartyIdentification/xhb:ID[//m:messageHeader and . != /{0}/m:sender/m:senderID/m:extension]"),
    (
        "recipient",
        "xha:Header/xha:ToParty/xha:PartyIdentification/xhb:ID[//m:messageHeader and . != /{0}/m:recipient/m:recipientID/m:extension]",
    ),
    (
        "handling-service",
        (
            "self::*[//m:messageHeader and not(xha:Payloads/xha:Payload/xhb:HandlingServiceID = "
            "/{0}/m:recipient/m:attention/m:subOrganization/m:organizationId/m:extension)]"
        ),
    ),
)
"""What the specification asks of a message service besides: the envelope and the message in it name the same message and the same parties."""


def envelope_breaches(root: etree._Element) -> list[Breach]:
    """Return what is wrong with an envelope that is the root of its document; what the schema has against it alone, where it has anything."""
    prose = tuple((rule, path.format(f"x:XHE/{_HEADER}")) for rule, path in PROSE)
    return _SCHEMA.breaches(root) or _SCHEMA.broken((*SCHEMATRON, *prose), root, NAMES)
