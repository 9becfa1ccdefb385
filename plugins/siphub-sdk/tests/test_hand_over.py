"""Hand-over to an access point by folders: what lies there for it, what it puts there, and the receipts both ways."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from siphub.contract import (
    UNKNOWN_PARTY,
    Accepted,
    Cut,
    Draft,
    Inbound,
    PluginContext,
    Receipt,
    Recipient,
    Rejected,
    Retry,
    SettingsError,
    Submission,
    Unreadable,
    parse_xml,
)
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.folder_swaps import at_every_moment
from siphub.testing.samples import whole_cut
from siphub.testing.schematron import Schematrons
from siphub_folder import Folder
from siphub_sdk import MessageReceipt, Reason, Sdk, SdkReader, message_payload, receipt_xml
from siphub_sdk.payload import read_xml
from siphub_sdk.receipt import receipt_of
from siphub_sdk.settings import NAMES

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
FK, AF, US = "0203:forsakringskassan.example", "0203:arbetsformedlingen.example", "0203:norrby.example"
KEY = "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01"
VALUE = "//*[local-name()='value']"


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Return the folders that the hub and the access point share."""
    for name in ("out", "in", "done"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def adapter(make_context: MakeContext, folders: Path) -> Sdk:
    """Return the adapter, set up for the hand-over."""
    return Sdk(make_context(service="", token_url="", client_id="", hand_over=str(folders), access_point="AP0007-OPEN-TEST"))


@dataclass(frozen=True)
class OnDisk:
    """The folder `out` as the contract's witness."""

    folder: Path

    def bytes_seen(self) -> int:
        """Return how many bytes lie there."""
        return sum(file.stat().st_size for file in self.folder.iterdir())

    def effects(self, key: str) -> int:
        """Return how many files lie there under a key."""
        return len(list(self.folder.glob(f"{key}.*")))


class TestHandOver(AdapterContract):
    """sdk keeps what adapters promise when it hands over, too."""

    @pytest.fixture
    def under_test(self, adapter: Sdk, folders: Path, fk: Recipient, recipient: Callable[..., Recipient]) -> AdapterUnderTest:
        """Return the adapter with FK, and a functional address that the payload was not made for."""
        return AdapterUnderTest(adapter, fk, OnDisk(folders / "out"), recipient("sdk:annan:0203:forsakringskassan.example"), NAMES)


def sent(adapter: Sdk, fk: Recipient) -> str:
    """Hand an invitation over and return its messageId."""
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    return key


def envelope(file: Path) -> etree._Element:
    """Return the envelope in a file for the access point."""
    values = parse_xml(file.read_bytes()).xpath(VALUE)
    assert isinstance(values, list)
    [value] = values
    assert isinstance(value, etree._Element)
    return parse_xml(base64.b64decode(value.text or ""))


def comes(folders: Path, name: str, body: bytes) -> Path:
    """Let the access point put a file there, some time ago."""
    file = folders / "in" / name
    file.write_bytes(body)
    os.utime(file, (time.time() - 300,) * 2)
    return file


def answer(adapter: Sdk, fk: Recipient, text: str, **more: Any) -> bytes:
    """Return the message with which FK answers, in XML."""
    document = json.loads(adapter.translate(CUT, fk).body)
    attributes = document["data"]["attributes"]
    for one, other in (("sender", "recipient"), ("senderAttention", "recipientAttention")):
        attributes[one], attributes[other] = attributes[other], attributes[one]
    attributes["digitalDocument"] = [{"documentId": "svar", "documentName": "Svar", "index": "1", "contentTextBody": [text]}]
    return message_payload(json.dumps({"data": {"attributes": {**attributes, **more}}}).encode(), str(uuid4()))


def test_what_is_handed_over_reads_back(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given an invitation, then one file lies there: the request of an access point around an envelope around the message, all of one id."""
    key = sent(adapter, fk)
    [file] = (folders / "out").iterdir()
    assert file.name == f"{key}.xml"
    found = SdkReader().read(Submission(file.read_bytes(), "application/xml"))
    assert isinstance(found, Draft)
    assert found.content["message_id"] == key
    outside = parse_xml(file.read_bytes())
    outside.xpath(VALUE)[0].text = ""
    said = etree.tostring(outside, encoding="unicode") + "".join(
        str(node.text) for node in envelope(file).iter() if "MessageWithAttachments" not in str(node.tag)
    )
    assert not [word for word in (str(p.SUBJECT_NUMBER), "sjukpenning", "Stadshuset", "SN 2026-117", "Prov") if word in said]


@pytest.mark.reference
def test_the_request_has_the_shape_of_diggs_example(adapter: Sdk, reference: Path, folders: Path, fk: Recipient) -> None:
    """Given Digg's example of what an access point is handed, then ours has the same elements, attributes and fixed values, in their order."""

    def shape(root: etree._Element) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        return [(str(node.tag), tuple(sorted((str(name), str(value)) for name, value in node.attrib.items()))) for node in root.iter()]

    sent(adapter, fk)
    [file] = (folders / "out").iterdir()
    theirs = parse_xml((reference / "standards/sdk/example_xhe_unencrypted.xml").read_bytes())
    assert shape(parse_xml(file.read_bytes())) == shape(theirs)
    fixed = ("Role", "Service", "Action")
    for name in fixed:
        assert parse_xml(file.read_bytes()).findtext(f".//{{*}}{name}") == theirs.findtext(f".//{{*}}{name}")


@pytest.mark.reference
@pytest.mark.node
def test_the_envelope_is_what_oasis_and_digg_say(
    adapter: Sdk, reference: Path, folders: Path, fk: Recipient, schematrons: Schematrons
) -> None:
    """Given a message and a receipt handed over, then the OASIS XSD and Digg's schematron have nothing against either envelope."""
    sent(adapter, fk)
    comes(folders, "answer.xml", answer(adapter, fk, "Svar: ja"))
    for inbound in adapter.poll(None):
        adapter.settle(inbound.partner_id)
    schema = etree.XMLSchema(etree.parse(reference / "standards/sdk/xhe/XHE-1.0.xsd"))
    files = list((folders / "out").iterdir())
    assert len(files) == 2
    for file in files:
        written = envelope(file)
        assert schema.validate(written), schema.error_log
        assert not schematrons.broken(reference / "standards/sdk/DIGG-XHE-Business-Rules.scmt", etree.tostring(written))


def test_nothing_that_breaks_a_rule_is_handed_over(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given a message that would break a rule of SDK, here an empty text, then it is rejected by that rule's code, and no file appears."""
    payload = adapter.translate(CUT, fk)
    document = json.loads(payload.body)
    document["data"]["attributes"]["digitalDocument"][0]["contentTextBody"] = [" "]
    broken = type(payload)(json.dumps(document).encode(), payload.media_type, payload.plugin)
    assert adapter.deliver(broken, fk, str(uuid4())) == Rejected("sdk.bv.invariant")
    document["data"]["attributes"]["label"] = "\x01"
    broken = type(payload)(json.dumps(document).encode(), payload.media_type, payload.plugin)
    assert adapter.deliver(broken, fk, str(uuid4())) == Rejected("mapping.unrepresentable")
    assert list((folders / "out").iterdir()) == []


def test_without_the_folder_it_waits(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given a share that is not mounted, then the attempt may be repeated, and doctor says which folder."""
    (folders / "out").rmdir()
    assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Retry("folder.missing")
    assert [check.ok for check in adapter.check()] == [False, True, True]


def test_receipts_come_as_files(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given an accepting and a rejecting receipt, then each is the hub's receipt for its message, and moves on when it is stored."""
    keys = [sent(adapter, fk) for _ in range(2)]
    comes(folders, "1.xml", receipt_xml(MessageReceipt(keys[0], FK, US, _now())))
    comes(folders, "2.xml", receipt_xml(MessageReceipt(keys[1], FK, US, _now(), (Reason("BV", "not-found"),), accepted=False)))
    found = list(adapter.poll(None))
    said = [(one.content.key, one.content.kind, one.content.code) for one in found if isinstance(one.content, Receipt)]
    assert said == [(keys[0], "received", None), (keys[1], "rejected", "sdk.bv.not-found")]
    assert {one.organisation for one in found} == {p.FORSAKRINGSKASSAN}
    assert [one.partner_id for one in adapter.poll(None)] == [one.partner_id for one in found]
    for inbound in found:
        adapter.settle(inbound.partner_id)
        adapter.settle(inbound.partner_id)
    assert sorted(file.name for file in (folders / "done").iterdir()) == ["1.xml", "2.xml"]
    assert list(adapter.poll(None)) == []
    assert len(list((folders / "out").iterdir())) == 2


def test_a_receipt_is_of_whoever_sent_it(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given receipts for one message from AF, from somebody that the settings do not name, and from FK, then each is its sender's, and none hides another."""
    key = sent(adapter, fk)
    for name, sender in enumerate(("0203:arbetsformedlingen.example", "0203:annan.example", FK)):
        comes(folders, f"{name}.xml", receipt_xml(MessageReceipt(key, sender, US, _now())))
    found = list(adapter.poll(None))
    assert {one.organisation for one in found} == {p.ARBETSFORMEDLINGEN, UNKNOWN_PARTY, p.FORSAKRINGSKASSAN}
    assert len({one.partner_id for one in found}) == len(found) == 3


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_a_receipt_that_says_twice_is_no_refusal(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given a receipt that says the recipient has that message already, then it is no receipt of the first: that one was taken."""
    key = sent(adapter, fk)
    comes(folders, "1.xml", receipt_xml(MessageReceipt(key, FK, US, _now(), (Reason("BV", "duplicate"),), accepted=False)))
    assert list(adapter.poll(None)) == []
    assert [file.name for file in (folders / "done").iterdir()] == ["1.xml"]


def test_a_signature_that_is_not_right_is_an_alarm(adapter: Sdk, folders: Path, fk: Recipient, caplog: pytest.LogCaptureFixture) -> None:
    """Given a receipt that says SIG, then the log has an error beside the rejected delivery: no message's text is to blame."""
    comes(folders, "1.xml", receipt_xml(MessageReceipt(sent(adapter, fk), FK, US, _now(), (Reason("SIG"),), accepted=False)))
    [inbound] = adapter.poll(None)
    assert isinstance(inbound.content, Receipt)
    assert inbound.content.code == "sdk.sig"
    assert [record.levelname for record in caplog.records if "receipt.security" in record.getMessage()] == ["ERROR"]


def receipts(folders: Path) -> list[MessageReceipt]:
    """Return the receipts that lie there for the access point."""
    found = [envelope(file).find(".//{*}ApplicationResponse") for file in sorted((folders / "out").glob("receipt-*.xml"))]
    return [receipt_of(parse_xml(etree.tostring(one))) for one in found if one is not None]


def test_an_answer_is_taken_and_receipted(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given an answer of FK's, then it is given as FK's, and gets ACCEPTED when it is stored, not before."""
    comes(folders, "1.xml", answer(adapter, fk, "Svar: ja"))
    [inbound] = adapter.poll(None)
    assert inbound.organisation == p.FORSAKRINGSKASSAN
    assert isinstance(inbound.content, Submission)
    read = SdkReader().read(inbound.content)
    assert isinstance(read, Draft)
    assert read.content["type"] == "meeting.response"
    assert receipts(folders) == []
    adapter.settle(inbound.partner_id)
    [receipt] = receipts(folders)
    assert (receipt.accepted, receipt.message_id, receipt.sender, receipt.recipient) == (
        True,
        inbound.partner_id.partition("/")[0],
        US,
        FK,
    )
    assert [file.name for file in (folders / "done").iterdir()] == ["1.xml"]


@pytest.mark.parametrize(
    ("spoil", "kind", "detail"),
    [
        (lambda body: body, "BV", "not-found"),
        (lambda body: body.replace(b"iso6523-actorid-upis</tns:root>", b"annat</tns:root>"), "BV", "invariant"),
        (lambda body: body.replace(b"tns:label>", b"tns:rubrik>"), "SV", "structure"),
    ],
    ids=["not-found", "invariant", "structure"],
)
def test_what_breaks_a_rule_is_receipted_by_it(
    adapter: Sdk, make_context: MakeContext, folders: Path, fk: Recipient, spoil: Callable[[bytes], bytes], kind: str, detail: str
) -> None:
    """Given an envelope to a function we do not have, or with a message that breaks a rule, then it is given to the hub, and receipted as REJECTED by its class and detail."""
    other = Sdk(
        make_context(
            service="",
            hand_over=str(folders),
            access_point="AP1",
            senders=f"{p.FORSAKRINGSKASSAN} {FK} sdk:sip:0203:forsakringskassan.example FK",
        )
    )
    to = Recipient(p.CONTACT, p.MUNICIPALITY, "Norrby", "sdk", "sdk:finns:inte", None, {"participant": US})
    cut = Cut({**CUT.document, "owner": str(p.FORSAKRINGSKASSAN)}, CUT.basis)
    key = str(uuid4())
    assert other.deliver(other.translate(cut, to), to, key) == Accepted(key)
    file = folders / "out" / f"{key}.xml"
    comes(folders, "1.xml", spoil(etree.tostring(envelope(file))))
    file.unlink()
    [inbound] = adapter.poll(None)
    assert (inbound.content == Unreadable("sdk.bv.not-found")) is (detail == "not-found")
    adapter.settle(inbound.partner_id)
    [receipt] = receipts(folders)
    assert (receipt.message_id, receipt.accepted, receipt.recipient) == (key, False, FK)
    assert [(reason.kind, reason.detail) for reason in receipt.reasons] == [(kind, detail)]


def test_a_file_that_is_not_whole_is_left_alone_for_a_while(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given half a document, then it is looked at again until a minute has passed; then the hub is told, and nobody is answered."""
    body = answer(adapter, fk, "Svar: ja")
    (folders / "in" / "1.xml").write_bytes(body[:200])
    assert list(adapter.poll(None)) == []
    comes(folders, "1.xml", body[:200])
    [inbound] = adapter.poll(None)
    assert isinstance(inbound, Inbound)
    assert inbound.partner_id.startswith("file/")
    adapter.settle(inbound.partner_id)
    assert receipts(folders) == []
    assert [file.name for file in (folders / "done").iterdir()] == ["1.xml"]


@pytest.mark.parametrize(
    "settings",
    [{"hand_over": "in/here"}, {"service": "https://mt.example/v1", "hand_over": "/srv/sdk"}, {"access_point": "AP 7"}],
    ids=["relative", "both", "id"],
)
def test_wrong_settings_stop_the_start(make_context: MakeContext, settings: dict[str, str]) -> None:
    """Given a folder that is no whole path, a service and a hand-over at once, or an access point that is no id, then the hub does not start."""
    with pytest.raises(SettingsError):
        Sdk(make_context(**{"service": "", **settings}))


def test_check_says_what_is_missing(make_context: MakeContext, folders: Path) -> None:
    """Given a hand-over without an access point's id, then doctor names that setting, and none of a message service's."""
    found = [check.what for check in Sdk(make_context(service="", token_url="", client_id="", hand_over=str(folders))).check()]
    assert "the setting access_point is missing: nothing can be sent over SDK" in found
    assert not [what for what in found if "token" in what]


def test_a_file_that_cannot_be_read_keeps_no_other_back(
    adapter: Sdk, fk: Recipient, folders: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given one file that is not ours to read and one that is gone when it is opened, then what lies beside them is read, and the log says so."""
    key = sent(adapter, fk)
    shut, gone = comes(folders, "a.xml", b"<a/>"), comes(folders, "b.xml", b"<b/>")
    comes(folders, "c.xml", receipt_xml(MessageReceipt(key, FK, US, datetime(2026, 11, 26, 12, tzinfo=UTC))))
    reads = Folder.read

    def read(folder: Folder, name: str, most: int = -1) -> tuple[bytes, os.stat_result] | None:
        if name in {shut.name, gone.name}:
            raise PermissionError if name == shut.name else FileNotFoundError
        return reads(folder, name, most)

    monkeypatch.setattr(Folder, "read", read)
    assert [one.partner_id for one in adapter.poll(None)] == [f"{key}/ACCEPTED/{FK}"]
    assert caplog.text.count("inbound.unreadable") == 2


def test_folders_that_become_links_lead_nowhere(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given that `in`, `out` or `done` becomes a link to somebody else's folder at whatever moment, then nothing there is read, put or taken away."""
    key, other = sent(adapter, fk), folders / "other"
    other.mkdir()
    theirs = receipt_xml(MessageReceipt(key, FK, US, datetime(2026, 11, 26, 12, tzinfo=UTC)))
    (other / "theirs.xml").write_bytes(theirs)
    (folders / "out" / f"{key}.xml").rename(other / f"{key}.xml")
    before = {file.name: file.read_bytes() for file in other.iterdir()}
    assert set(at_every_moment(folders / "in", other, lambda: tuple(adapter.poll(None)))) == {()}
    assert set(at_every_moment(folders / "out", other, lambda: adapter.confirm(key, fk))) == {None}
    assert list(at_every_moment(folders / "out", other, lambda: adapter.erase(key, fk)))[-1] is True
    tried = list(at_every_moment(folders / "out", other, lambda: adapter.deliver(adapter.translate(CUT, fk), fk, key)))
    assert (Retry("folder.outside") in tried, tried[-1]) == (True, Accepted(key))
    assert {file.name: file.read_bytes() for file in other.iterdir()} == before
    (folders / "in").rmdir()
    (folders / "in").symlink_to(other)
    assert [check.ok for check in adapter.check() if "hand-over" in check.what] == [True, False, True]


def test_no_file_takes_the_place_of_another(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given an access point that uses a name again, before what had it is stored and after, then what came later is read too, and all of it stays in `done`."""
    first, second, third = (answer(adapter, fk, f"Svar: {said}") for said in ("ja", "nej", "kontakta oss"))
    comes(folders, "1.xml", first)
    [inbound] = adapter.poll(None)
    comes(folders, "1.xml", second)
    adapter.settle(inbound.partner_id)
    assert [file.read_bytes() for file in (folders / "in").iterdir()] == [second]
    assert [f"{receipt.message_id}/{receipt.recipient}" for receipt in receipts(folders)] == [inbound.partner_id.rpartition("/")[0]]
    for body in (second, third):
        comes(folders, "1.xml", body)
        [inbound] = adapter.poll(None)
        adapter.settle(inbound.partner_id)
    assert sorted(file.read_bytes() for file in (folders / "done").iterdir()) == sorted([second, third])


def test_an_id_is_its_senders(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given two organisations that use one messageId, then what each sends is taken and receipted; the same one's again is the same message."""
    first = answer(adapter, fk, "Svar: ja")
    for name, body in (("1.xml", first), ("2.xml", first.replace(FK.encode(), AF.encode())), ("3.xml", first)):
        comes(folders, name, body)
    found = list(adapter.poll(None))
    assert [one.organisation for one in found] == [p.FORSAKRINGSKASSAN, p.ARBETSFORMEDLINGEN, p.FORSAKRINGSKASSAN]
    assert (found[0].partner_id, len({one.partner_id for one in found})) == (found[2].partner_id, 2)
    for one in found:
        adapter.settle(one.partner_id)
    assert sorted(receipt.recipient for receipt in receipts(folders)) == sorted([FK, AF])


@pytest.mark.parametrize("broken", [ValueError, OverflowError, RecursionError, KeyError, AssertionError])
def test_one_file_that_breaks_us_harms_itself_alone(
    adapter: Sdk,
    fk: Recipient,
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: type[Exception],
) -> None:
    """Given a file on which reading itself breaks, whatever by, then the next one is read; the first is said by code, moves on and is not asked for again."""
    key = sent(adapter, fk)
    first = comes(folders, "1.xml", answer(adapter, fk, "Svar: ja"))
    comes(folders, "2.xml", receipt_xml(MessageReceipt(key, FK, US, datetime(2026, 11, 26, 12, tzinfo=UTC))))
    body = first.read_bytes()

    def breaking(found: bytes) -> Any:
        if found == body:
            raise broken
        return read_xml(found)

    monkeypatch.setattr("siphub_sdk.hand_over.read_xml", breaking)
    found = list(adapter.poll(None))
    assert {type(one.content) for one in found} == {Unreadable, Receipt}
    assert [one.owner for one in found if one.content == Unreadable("sdk.file_failed")] == [p.MUNICIPALITY]
    for inbound in found:
        adapter.settle(inbound.partner_id)
    assert list(adapter.poll(None)) == []
    assert receipts(folders) == []
    assert "sdk.file_failed" in caplog.text


def test_another_message_under_a_used_id_is_another(adapter: Sdk, folders: Path, fk: Recipient) -> None:
    """Given one organisation's messageId twice, with other words the second time, then both are given to the hub; a copy with other white space around it is the first again."""
    first = answer(adapter, fk, "Svar: ja")
    copy = first.replace(b"<tns:message>", b"\n  <tns:message>")
    assert copy != first
    for name, body in (("1.xml", first), ("2.xml", first.replace(b"Svar: ja", b"Svar: nej")), ("3.xml", copy)):
        comes(folders, name, body)
    found = [one.partner_id for one in adapter.poll(None)]
    assert found[0] == found[2] != found[1]
    assert [one.rpartition("/")[0] for one in found[:2]] == [found[0].rpartition("/")[0]] * 2
