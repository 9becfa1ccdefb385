"""The rules of a receipt: Digg's profile of UBL's ApplicationResponse, by its XSD with the imports mended, and by its schematron.

What the schematron forbids by R1-APP the XSD does not know, but for one attribute: the scheme of an id that is no address.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from siphub_sdk.rules.breach import Breach, Rules, Schema

NAMES: Final = {
    "app": "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_SCHEMA: Final = Schema("receipt/Response-2.1.xsd")
CUSTOMIZATION: Final = "urn:fdc:digg.se:edelivery:messagetype:response:1"
PROFILE: Final = "bdx:noprocess"

SCHEMATRON: Final[Rules] = (
    ("R1-APP", ".//cbc:*[@schemeID and not(self::cbc:EndpointID)]"),
    ("R2-APP", "descendant-or-self::*[not(*) and not(normalize-space())]"),
    ("R3-APP", f"self::*[normalize-space(cbc:CustomizationID) != '{CUSTOMIZATION}']"),
    ("R4-APP", f"self::*[normalize-space(cbc:ProfileID) != '{PROFILE}']"),
    ("R5-APP", "cac:DocumentResponse/cac:Response/cbc:ResponseCode[normalize-space() != 'REJECTED' and normalize-space() != 'ACCEPTED']"),
    (
        "R6-APP",
        (
            "cac:DocumentResponse/cac:LineResponse/cac:Response/cbc:ResponseCode"
            "[normalize-space() != 'SV' and normalize-space() != 'BV' and normalize-space() != 'SIG']"
        ),
    ),
    ("R7-APP", "cac:DocumentResponse/cac:Response[normalize-space(cbc:ResponseCode) = 'ACCEPTED' and //cac:LineResponse]"),
    ("R8-APP", "cac:DocumentResponse/cac:Response[normalize-space(cbc:ResponseCode) = 'REJECTED' and not(//cac:LineResponse)]"),
    ("R9-APP", "cac:DocumentResponse/cac:LineResponse/cac:Response[not(cac:Status)]"),
    ("R9-APP", "cac:SenderParty[not(cbc:EndpointID/@schemeID)] | cac:ReceiverParty[not(cbc:EndpointID/@schemeID)]"),
)
"""What Digg's rules say beyond its XSD, by their own ids."""


def receipt_breaches(root: etree._Element) -> list[Breach]:
    """Return what is wrong with a receipt that is the root of its document; what the schema has against it alone, where it has anything."""
    return _SCHEMA.breaches(root) or _SCHEMA.broken(SCHEMATRON, root, NAMES)
