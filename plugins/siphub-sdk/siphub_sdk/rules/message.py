"""The rules of a messagePayload, MessageWithAttachments 3.0: Digg's XSD, its schematron, and what the content specification adds in prose."""

from __future__ import annotations

from typing import Final

from lxml import etree

from siphub_sdk.rules.breach import Breach, Rules, Schema

_NAMES: Final = {"m": "urn:riv:infrastructure:messaging:MessageWithAttachments:3"}
_SCHEMA: Final = Schema("message/infrastructure_messaging_MessageWithAttachments_3.0.xsd")
_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z"
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.[0-9]{1,3}Z\Z"

SCHEMATRON: Final[Rules] = (
    ("verifyNonEmptyElements", ".//*[not(normalize-space())]"),
    ("conversationIdMustExist", ".//m:messageHeader[count(m:conversationId) != 1]"),
    ("recipientIdvalue", ".//m:recipientID/m:root[. != 'iso6523-actorid-upis']"),
    ("senderIdvalue", ".//m:senderID/m:root[. != 'iso6523-actorid-upis']"),
    ("creationDateTime", f".//m:creationDateTime[not(re:test(., '{_INSTANT}'))]"),
    ("MessageId", f".//m:messageId[not(re:test(., '{_UUID}'))]"),
    ("conversationId", f".//m:conversationId[not(re:test(., '{_UUID}'))]"),
    ("refToMessageId", f".//m:refToMessageId[not(re:test(., '{_UUID}'))]"),
    ("subjectlabel", ".//m:messageHeader/m:label[string-length() > 256]"),
    ("contentFiles", ".//m:ContentFiles/m:content[not(re:test(., '^[a-zA-Z0-9+/]'))]"),
    ("subOrgRoot", ".//m:subOrganization/m:organizationId/m:root[. != 'urn:riv:infrastructure:messaging:functionalAddress']"),
)
"""The patterns of Digg's MessageConstraints, by their own ids."""
PROSE: Final[Rules] = (
    ("text-or-file", ".//m:messageBody[not(m:documents/m:ContentText or m:documents/m:ContentFiles)]"),
    ("base64", r".//m:ContentFiles/m:content[not(re:test(., '^[a-zA-Z0-9+/\s]+={0,2}\s*\Z'))]"),
)
"""What the specification says besides: at least one text or file, and content that is base64."""


def message_breaches(root: etree._Element) -> list[Breach]:
    """Return what is wrong with a messagePayload that is the root of its document; what the schema has against it alone, where it has anything."""
    return _SCHEMA.breaches(root) or _SCHEMA.broken((*SCHEMATRON, *PROSE), root, _NAMES)
