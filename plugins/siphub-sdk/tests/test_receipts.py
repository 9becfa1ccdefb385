"""SDK's receipts as documents: Digg's five are read, ours hold to every rule of Digg's, and each reason leads to one code."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from lxml import etree

from siphub.contract import Receipt, Refused, Submission, parse_xml
from siphub.testing.schematron import Schematrons
from siphub_sdk import MessageReceipt, Reason, SdkReader, receipt_xml
from siphub_sdk.outcomes import DETAILS
from siphub_sdk.receipt import receipt_of

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WHO = ("0203:forsakringskassan.example", "0203:norrby.example")
RULES = "standards/sdk/DIGG-AppRes-Business-Rules.scmt"


def rejected(*reasons: Reason) -> MessageReceipt:
    """Return a receipt that rejects a message."""
    return MessageReceipt(str(uuid4()), *WHO, AT, reasons, accepted=False)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("AP-Accepterat", "received", None),
        ("RE-AnnatFel", "rejected", "sdk.bv"),
        ("RE-SCHFel", "rejected", "sdk.bv"),
        ("RE-SIG", "rejected", "sdk.sig"),
        ("RE-XSDFel", "rejected", "sdk.sv"),
    ],
)
def test_diggs_five_receipts_are_read(reference: Path, name: str, kind: str, code: str | None) -> None:
    """Given each of Digg's examples, then it is a receipt for the message it names, with its class, and without the words beside it."""
    submission = Submission((reference / f"standards/sdk/Kvittens_{name}.xml").read_bytes(), "application/xml")
    assert SdkReader().recognises(submission)
    found = SdkReader().read(submission)
    assert isinstance(found, Receipt)
    assert (found.key, found.kind, found.at, found.code) == ("id-from-xhe-12354689", kind, datetime(2021, 4, 15, 12, 0, tzinfo=UTC), code)


@pytest.mark.reference
def test_the_reasons_of_a_receipt_are_read_in_full(reference: Path) -> None:
    """Given Digg's example with two reasons, then both places are there; a detail that is none of SDK's words is left out."""
    found = receipt_of(parse_xml((reference / "standards/sdk/Kvittens_RE-SCHFel.xml").read_bytes()))
    assert found.reasons == (Reason("BV", None, "/Nyttolast/Typkod"), Reason("BV", None, "/Nyttolast/Rad[4]/Datum"))
    assert (found.sender, found.recipient) == ("0203:myndighetA.org", "0203:myndighetB.org")


@pytest.mark.parametrize(
    "receipt",
    [MessageReceipt(str(uuid4()), *WHO, AT), rejected(Reason("SIG")), rejected(Reason("BV", "not-found"), Reason("SV", "structure", "/a"))],
)
def test_what_we_write_reads_back(receipt: MessageReceipt) -> None:
    """Given a receipt, accepting or rejecting, then what is written reads back as it was, and has one id however often it is written."""
    written = receipt_xml(receipt)
    assert receipt_of(parse_xml(written)) == receipt
    assert receipt_xml(receipt) == written
    assert UUID(parse_xml(written).findtext("{*}ID", "")).version == 5


@pytest.mark.reference
@pytest.mark.node
def test_what_we_write_is_what_digg_says(reference: Path, schematrons: Schematrons) -> None:
    """Given an accepting receipt, and rejecting ones with every class and detail, then the corrected XSD and Digg's own schematron have nothing against it."""
    schema = etree.XMLSchema(etree.parse(reference / "standards/sdk/kvittens-fixed/Response-2.1.xsd"))
    every = [Reason("SV"), Reason("SIG", "security"), *(Reason("BV", detail) for detail in DETAILS)]
    for receipt in (MessageReceipt(str(uuid4()), *WHO, AT), rejected(*every), rejected(Reason("SIG"))):
        written = receipt_xml(receipt)
        assert schema.validate(etree.fromstring(written)), schema.error_log
        assert not schematrons.broken(reference / RULES, written, *(f"R{number}-APP" for number in range(2, 10)))
        assert not etree.fromstring(written).xpath("//*[@schemeID][local-name() != 'EndpointID']")  # R1-APP


def test_each_reason_has_its_code() -> None:
    """Given each class with each detail, then the code says both; with none it says the class."""
    for kind, detail in product(("SV", "BV", "SIG"), DETAILS):
        assert rejected(Reason(kind, detail)).code == f"sdk.{kind.lower()}.{detail}"
    assert rejected(Reason("SIG")).code == "sdk.sig"
    assert rejected().code == "sdk.rejected"


def test_white_space_hides_no_contradiction() -> None:
    """Given ACCEPTED with blanks around it and a reason beneath, or REJECTED without any, then it is refused as it would be without blanks."""
    for receipt, word, other in (
        (rejected(Reason("BV")), b"REJECTED", b" ACCEPTED "),
        (MessageReceipt(str(uuid4()), *WHO, AT), b"ACCEPTED", b" REJECTED "),
    ):
        with pytest.raises(Refused) as caught:
            SdkReader().read(Submission(receipt_xml(receipt).replace(word, other), "application/xml"))
        assert caught.value.code == "sdk.bv.invariant"


@pytest.mark.parametrize(
    ("day", "time", "at"),
    [
        ("2026-11-26", "24:00:00", datetime(2026, 11, 27, tzinfo=UTC)),
        ("2026-11-26+01:00", "12:00:00.1234567", datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-26", "00:30:00+01:00", datetime(2026, 11, 25, 23, 30, tzinfo=UTC)),
        ("-2026-01-01", "12:00:00Z", None),
        ("12026-01-01", "12:00:00Z", None),
        ("9999-12-31", "23:59:59-14:00", None),
        ("9999-12-31", "24:00:00", None),
        ("0001-01-01", "00:00:00+14:00", None),
        ("1999-12-31", "23:59:59Z", None),
        ("2200-01-01", "00:00:00Z", None),
    ],
)
def test_whatever_time_the_schema_allows_is_read_or_refused(day: str, time: str, at: datetime | None) -> None:
    """Given a receipt with a day and a time that the XSD takes, then its time is that one, or it is refused by a code: nothing else happens."""
    body = receipt_xml(MessageReceipt(str(uuid4()), *WHO, AT)).replace(b"2026-11-26", day.encode()).replace(b"12:00:00Z", time.encode())
    if at is not None:
        assert receipt_of(parse_xml(body)).at == at
        return
    with pytest.raises(Refused) as caught:
        receipt_of(parse_xml(body))
    assert caught.value.code == "sdk.invalid"
    assert caught.value.problems[0].pointer == "/ApplicationResponse/IssueDate"
