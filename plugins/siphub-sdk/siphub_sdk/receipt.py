"""SDK's receipt of a message (meddelandekvittens): Digg's profile of UBL's ApplicationResponse, read and written.

ACCEPTED says that the recipient's system has the message, REJECTED why not: for each reason its class (SV, BV, SIG), a detail and a place.
The text beside a reason is never read: whoever wrote it may have repeated content. It must never write anything of a message but its id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from lxml import etree

from siphub.contract import Receipt
from siphub.contract.xml import serialise_xml
from siphub_sdk import outcomes
from siphub_sdk.instants import instant
from siphub_sdk.message import invalid
from siphub_sdk.rules import receipt_breaches, refuse_breaches
from siphub_sdk.rules.receipt import CUSTOMIZATION, NAMES, PROFILE

ROOT: Final = f"{{{NAMES['app']}}}ApplicationResponse"
_ACTOR = "iso6523-actorid-upis"
_ZONE: Final = re.compile(r"(?:Z|[+-]\d\d:\d\d)$")
_NOWHERE = "NA"
"""What stands for a place where there is none, by the specification."""
_TEXTS = {"SV": "The document does not hold to the schema", "BV": "The document breaks a rule", "SIG": "The signature is not right"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message was rejected. `detail` is one of SDK's words or nothing; `where` an XPath or a pointer."""

    kind: str
    detail: str | None = None
    where: str = _NOWHERE


@dataclass(frozen=True, slots=True)
class MessageReceipt:
    """One receipt: `message_id` is the id in the envelope of the message, `sender` whoever got it, `recipient` whoever sent it."""

    message_id: str
    sender: str
    recipient: str
    at: datetime
    reasons: Sequence[Reason] = ()
    accepted: bool = True

    @property
    def code(self) -> str | None:
        """The code of the reason that decides, `sdk.bv.not-found` for instance; None where it is accepted."""
        if self.accepted:
            return None
        return outcomes.deciding(outcomes.code_for(one.kind, one.detail) for one in self.reasons) or "sdk.rejected"

    def as_receipt(self) -> Receipt:
        """Return it as the hub has receipts."""
        return Receipt(self.message_id.lower(), "received" if self.accepted else "rejected", self.at, self.code)


def receipt_of(root: etree._Element) -> MessageReceipt:
    """Read a receipt that is the root of its document.

    Raises:
        Invalid: `sdk.sv.structure` or `sdk.bv.invariant`, with the rules it breaks; `sdk.invalid` where it says no sane time.
    """
    refuse_breaches(receipt_breaches(root))
    lines = root.findall("cac:DocumentResponse/cac:LineResponse", NAMES)
    return MessageReceipt(
        message_id=_text(root, "cac:DocumentResponse/cac:DocumentReference/cbc:ID"),
        sender=_text(root, "cac:SenderParty/cbc:EndpointID"),
        recipient=_text(root, "cac:ReceiverParty/cbc:EndpointID"),
        at=_issued(root),
        reasons=tuple(_reason(line) for line in lines),
        accepted=_text(root, "cac:DocumentResponse/cac:Response/cbc:ResponseCode") == "ACCEPTED",
    )


def _reason(line: etree._Element) -> Reason:
    detail = _text(line, "cac:Response/cac:Status/cbc:StatusReasonCode")
    where = _text(line, "cac:LineReference/cbc:LineID")
    return Reason(_text(line, "cac:Response/cbc:ResponseCode"), detail if detail in outcomes.DETAILS else None, where)


def _text(node: etree._Element, path: str) -> str:
    return " ".join((node.findtext(path, "", NAMES)).split())


def _issued(root: etree._Element) -> datetime:
    """Return when it was issued; a time without a zone is taken for UTC, as SDK's times are."""
    day, time = _text(root, "cbc:IssueDate"), _text(root, "cbc:IssueTime")
    zoned = time if _ZONE.search(time) else f"{time}Z"
    found = instant(f"{_ZONE.sub('', day)}T{zoned}")
    if found is None:
        raise invalid(
            "/ApplicationResponse/IssueDate", detail="the receipt does not say when it was issued: this is no day and time of our age"
        )
    return found


def receipt_xml(receipt: MessageReceipt) -> bytes:
    """Write a receipt. What is said of a message has one id, so that a receipt that is written twice is one."""
    root = etree.Element(ROOT, nsmap={None: NAMES["app"], "cac": NAMES["cac"], "cbc": NAMES["cbc"]})
    at = receipt.at.astimezone(UTC)
    said = f"{receipt.message_id}/{receipt.accepted}"
    for name, text in (
        ("CustomizationID", CUSTOMIZATION),
        ("ProfileID", PROFILE),
        ("ID", str(uuid5(NAMESPACE_OID, said))),
        ("IssueDate", f"{at:%Y-%m-%d}"),
        ("IssueTime", f"{at:%H:%M:%S}Z"),
    ):
        _basic(root, name, text)
    for name, party in (("SenderParty", receipt.sender), ("ReceiverParty", receipt.recipient)):
        _basic(_part(root, name), "EndpointID", party).set("schemeID", _ACTOR)
    response = _part(root, "DocumentResponse")
    _basic(_part(response, "Response"), "ResponseCode", "ACCEPTED" if receipt.accepted else "REJECTED")
    _basic(_part(response, "DocumentReference"), "ID", receipt.message_id)
    for reason in receipt.reasons:
        _line(_part(response, "LineResponse"), reason)
    return serialise_xml(root)


def _line(line: etree._Element, reason: Reason) -> None:
    _basic(_part(line, "LineReference"), "LineID", reason.where)
    response = _part(line, "Response")
    _basic(response, "ResponseCode", reason.kind)
    status = _part(response, "Status")
    if reason.detail:
        _basic(status, "StatusReasonCode", reason.detail)
    _basic(status, "StatusReason", _TEXTS[reason.kind])


def _part(node: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(node, f"{{{NAMES['cac']}}}{name}")


def _basic(node: etree._Element, name: str, text: str) -> etree._Element:
    child = etree.SubElement(node, f"{{{NAMES['cbc']}}}{name}")
    child.text = text
    return child
