"""Whose a document is that comes in an envelope: that of whom both name, and of nobody where they differ."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from siphub.contract import Draft, Receipt, Recipient, Refused, Submission, parse_xml
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_sdk import MessageReceipt, Sdk, SdkReader, message_payload, receipt_xml
from siphub_sdk.envelope import MESSAGE, Posting, envelope_xml

CUT = whole_cut(sample("meeting.invited", maximal=True))
FK, US = "0203:forsakringskassan.example", "0203:norrby.example"
KEY = "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01"


def in_envelope(content: bytes, sender: str, recipient: str) -> Submission:
    """Return a document in an envelope that names these parties."""
    posting = Posting(MESSAGE, KEY, "2026-11-26T12:00:00.000Z", sender, recipient, "sdk:sip:0203:norrby.example")
    return Submission(envelope_xml(posting, parse_xml(content)), "application/xml")


def test_a_receipt_is_its_envelopes_senders() -> None:
    """Given a receipt in an envelope, then it counts where both name the same parties, and is refused where another sent it."""
    receipt = receipt_xml(MessageReceipt(KEY, FK, US, datetime(2026, 11, 26, 12, tzinfo=UTC)))
    assert isinstance(SdkReader().read(in_envelope(receipt, FK, US)), Receipt)
    for parties in (("0203:annan.example", US), (FK, "0203:annan.example")):
        with pytest.raises(Refused) as caught:
            SdkReader().read(in_envelope(receipt, *parties))
        assert caught.value.code == "sdk.bv.invariant"


def test_a_message_of_the_older_version_is_its_envelopes_senders(adapter: Sdk, fk: Recipient) -> None:
    """Given version 2 in an envelope, whose rules we have not, then it is the sender's where the envelope says so too, and else nobody's."""
    body = message_payload(adapter.translate(CUT, fk).body, KEY)
    older = parse_xml(body.replace(b"MessageWithAttachments:3", b"MessageWithAttachments:2"))[0]
    older.tag = str(older.tag).replace("}message", "}Message")
    content = etree.tostring(older)
    for sender, believed in ((US, US), ("0203:annan.example", None)):
        found = SdkReader().read(in_envelope(content, sender, FK))
        assert isinstance(found, Draft)
        said: Any = found.content["sdk"]
        assert said["sender"].get("participant") == believed
