"""An access point's REST back-end in the sandbox, in the form of Holodeck B2B's: it takes envelopes, and answers with SDK's receipts as files.

It judges headers and envelope by itself, without the plugin, and refuses a messageId that it has had with 400, as Holodeck B2B refuses whatever
it cannot submit. Nothing is signed or sent on. It must never take an envelope whose headers name other parties or another id than it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

from siphub.contract import parse_xml
from siphub.errors import Refused
from siphub.sandbox.faults import Faults
from siphub.sandbox.ledger import NOTHING, Contents, Ledger

PATH: Final = ("restbackend", "submit")
MAX_BYTES: Final = 42 * 1024 * 1024
_HEAD: Final = "x-holodeckb2b-"
_X: Final = "{http://docs.oasis-open.org/bdxr/ns/XHE/1/%s}"
_HEADER: Final = f"./{_X % 'AggregateComponents'}Header/"
_ID: Final = f"{_X % 'BasicComponents'}ID"
_PARTY: Final = "{a}%s/{a}PartyIdentification/{b}ID".format(a=_X % "AggregateComponents", b=_X % "BasicComponents")
_PROPERTY: Final = re.compile(r"(originalSender|finalRecipient)=\[iso6523-actorid-upis\](0203:[A-Za-z0-9.-]+)")
_RECEIPT: Final = """<ApplicationResponse xmlns="urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
><cbc:CustomizationID>urn:fdc:digg.se:edelivery:messagetype:response:1</cbc:CustomizationID><cbc:ProfileID>bdx:noprocess</cbc:ProfileID
><cbc:ID>{own}</cbc:ID><cbc:IssueDate>2026-11-26</cbc:IssueDate><cbc:IssueTime>12:00:00.000Z</cbc:IssueTime
><cac:SenderParty><cbc:EndpointID schemeID="iso6523-actorid-upis">{sender}</cbc:EndpointID></cac:SenderParty
><cac:ReceiverParty><cbc:EndpointID schemeID="iso6523-actorid-upis">{recipient}</cbc:EndpointID></cac:ReceiverParty
><cac:DocumentResponse><cac:Response><cbc:ResponseCode>ACCEPTED</cbc:ResponseCode></cac:Response
><cac:DocumentReference><cbc:ID>{key}</cbc:ID></cac:DocumentReference></cac:DocumentResponse></ApplicationResponse>"""


class AccessPoint:
    """The access point's mind, without its lines.

    Args:
        folder: Where its ledger is written; None is memory only.
        key: What lets somebody in.
    """

    def __init__(self, folder: Path | None = None, key: str = "sandbox-submit-key") -> None:
        self.key, self.pmode, self.faults = key, "sdk-message", Faults()
        self.ledger = Ledger(folder / "access-point.jsonl" if folder else None)
        self.heads: list[Mapping[str, str]] = []
        self._parties: dict[str, tuple[str, str]] = {}

    def clear(self) -> None:
        """Let everything be in order again."""
        self.faults.clear()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Judge one submission; return 202, or 400 or 401 as Holodeck B2B and what stands before it do. Header names are in lower case."""
        self.heads.append(dict(headers))
        if headers.get("authorization") != f"Bearer {self.key}":
            return 401
        said = _said(body)
        key, conversation = headers.get(f"{_HEAD}messageid", ""), headers.get(f"{_HEAD}conversationid", "")
        properties = dict(_PROPERTY.findall(headers.get(f"{_HEAD}messageproperties", "")))
        named = (key, properties.get("originalSender"), properties.get("finalRecipient"))
        if headers.get(f"{_HEAD}pmodeid") != self.pmode or said is None or said != named or self.ledger.holds(key):
            self.ledger.record(key or "-", body, NOTHING, status=400, why="refused")
            return 400
        self._parties[key] = said[1:]
        self.ledger.record(key, body, Contents(None, key, conversation or None), status=202, why=None)
        return 202

    def accepts(self, key: str, folder: Path, parties: tuple[str, str] | None = None) -> Path:
        """Let the recipient's receipt for a message come, as a file in the folder that is shared with the hub.

        Args:
            key: Its messageId.
            folder: Where receipts come.
            parties: From whom to whom it was, where it did not come by REST.
        """
        sender, recipient = parties or self._parties[key]
        file = folder / f"{uuid4()}.xml"
        aside = file.with_suffix(".part")
        aside.write_text(_RECEIPT.format(own=uuid4(), sender=recipient, recipient=sender, key=key), "utf-8")
        return aside.replace(file)


def _said(body: bytes) -> tuple[str, str, str] | None:
    """Return what an envelope says of itself: its id, and from whom to whom; None where it is none."""
    try:
        root = parse_xml(body, max_bytes=MAX_BYTES)
    except Refused:
        return None
    found = [root.findtext(_HEADER + path, "") for path in (_ID, _PARTY % "FromParty", _PARTY % "ToParty")]
    return (found[0], found[1], found[2]) if all(found) else None
