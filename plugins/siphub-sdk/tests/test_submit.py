"""Hand-over to an access point by REST: what is posted, what each answer leads to, and the receipts both ways."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from siphub.contract import (
    Accepted,
    Cut,
    Http,
    Outcome,
    PluginContext,
    Receipt,
    Recipient,
    Rejected,
    Retry,
    SettingsError,
    Submission,
    Uncertain,
    parse_xml,
)
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.access_point import AccessPoint
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.partner import cuts, hangs, partner, says
from siphub.testing.samples import whole_cut
from siphub.testing.schematron import Schematrons
from siphub.testing.sdk_context import sdk_context
from siphub_sdk import Sdk, SdkReader, message_payload
from siphub_sdk.receipt import receipt_of
from siphub_sdk.settings import NAMES

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
FK, US = "0203:forsakringskassan.example", "0203:norrby.example"
SECRETS = (str(p.SUBJECT_NUMBER), "Provsdotter", "sjukpenning", "Stadshuset", "SN 2026-117", "Inbjudan", "Eva")


@pytest.fixture
def point(running: SdkSandbox) -> Iterator[AccessPoint]:
    """Give the access point in good health."""
    running.access_point.clear()
    yield running.access_point
    running.access_point.clear()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Return the folders of what comes."""
    for name in ("in", "done"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def make_adapter(running: SdkSandbox, folders: Path, point: AccessPoint) -> Iterator[Callable[..., Sdk]]:
    """Give what makes the adapter, set up for REST; other settings by name, another key as `key`."""
    http = Http(ca_file=running.ca_file)

    def make(key: str = point.key, **settings: str) -> Sdk:
        given = {
            "service": "",
            "token_url": "",
            "client_id": "",
            "hand_over": str(folders),
            "pmode": point.pmode,
            "submit_to": running.rest_backend,
        }
        context = sdk_context(running, http, **{**given, **settings})
        return Sdk(replace(context, secrets={"submit_key": key} if key else {}))

    yield make
    http.close()


@pytest.fixture
def adapter(make_adapter: Callable[..., Sdk]) -> Sdk:
    """Return the adapter."""
    return make_adapter()


@dataclass(frozen=True)
class Book:
    """The access point's book as the contract's witness."""

    running: SdkSandbox

    def bytes_seen(self) -> int:
        """Return how many bytes came."""
        return self.running.service.traffic.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often an envelope was taken under a messageId."""
        return len([entry for entry in self.running.access_point.ledger.effects() if entry.key == key])


class TestByRest(AdapterContract):
    """sdk keeps what adapters promise when it posts to an access point."""

    @pytest.fixture
    def under_test(self, adapter: Sdk, running: SdkSandbox, fk: Recipient, recipient: Callable[..., Recipient]) -> AdapterUnderTest:
        """Give the adapter with FK, and a functional address that the payload was not made for."""
        return AdapterUnderTest(adapter, fk, Book(running), recipient("sdk:annan:0203:forsakringskassan.example"), NAMES)

    def test_erase_leaves_nothing(self, under_test: AdapterUnderTest, key: str) -> None:
        """Told to erase what was posted, it has nothing of it on our side; the access point's copy is the access point's."""
        adapter: Any = under_test.adapter
        assert isinstance(sent(adapter, under_test.recipient, key)[1], Accepted)
        assert adapter.erase(key, under_test.recipient)


def sent(adapter: Sdk, fk: Recipient, key: str | None = None) -> tuple[str, Outcome]:
    """Make one attempt, and return its key and how it ended."""
    key = key or str(uuid4())
    return key, adapter.deliver(adapter.translate(CUT, fk), fk, key)


def test_the_envelope_is_posted_with_what_the_access_point_needs(adapter: Sdk, fk: Recipient, point: AccessPoint) -> None:
    """Given an invitation, then the body is its envelope, and the headers name the mode, the ids, the service, the action and the two organisations in Holodeck B2B's words, and nothing of the message."""
    key, outcome = sent(adapter, fk)
    assert outcome == Accepted(key)
    head = {name.removeprefix("x-holodeckb2b-"): value for name, value in point.heads[-1].items()}
    own = (
        "pmodeid",
        "messageid",
        "conversationid",
        "service",
        "action",
        "messageproperties",
        "payloadproperties",
        "containment",
        "content-type",
    )
    assert {name: head[name] for name in own} == {
        "pmodeid": "sdk-message",
        "messageid": key,
        "conversationid": str(CUT.document["case_id"]),
        "service": "[urn:fdc:digg.se:edelivery:process]bdx:noprocess",
        "action": "busdox-docid-qns::urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc",
        "messageproperties": f"originalSender=[iso6523-actorid-upis]{US},finalRecipient=[iso6523-actorid-upis]{FK}",
        "payloadproperties": "MimeType=text/xml",
        "containment": "ATTACHMENT",
        "content-type": "text/xml",
    }
    assert not [word for word in SECRETS if word in str(point.heads[-1])]
    found: Any = SdkReader().read(Submission(point.ledger.body(key), "application/xml"))
    assert found.content["message_id"] == key


@pytest.mark.reference
@pytest.mark.node
def test_what_is_posted_is_what_oasis_and_digg_say(
    adapter: Sdk, fk: Recipient, point: AccessPoint, reference: Path, schematrons: Schematrons
) -> None:
    """Given what was posted, then the OASIS XSD and Digg's schematron have nothing against it."""
    body = point.ledger.body(sent(adapter, fk)[0])
    schema = etree.XMLSchema(etree.parse(reference / "standards/sdk/xhe/XHE-1.0.xsd"))
    assert schema.validate(parse_xml(body)), schema.error_log
    assert not schematrons.broken(reference / "standards/sdk/DIGG-XHE-Business-Rules.scmt", body)


TABLE: list[tuple[Any, Outcome | None]] = [
    (says("202 Accepted", b""), None),
    (says("200 OK", b""), None),
    (says("400 Bad Request", b"", X_Error="201001032380"), Rejected("sdk.submission_refused", "the access point answered 400")),
    (says("401 Unauthorized"), Retry("partner.unauthorised")),
    (says("403 Forbidden"), Retry("partner.unauthorised")),
    (says("404 Not Found"), Retry("partner.not_found")),
    (says("307 Temporary Redirect", Location="https://127.0.0.1:9/"), Retry("partner.redirected")),
    (says("409 Conflict"), Uncertain("sdk.duplicate")),
    (says("413 Content Too Large"), Rejected("sdk.bv.too-long")),
    (says("429 Too Many Requests", Retry_After="7"), Uncertain("partner.http_429", timedelta(seconds=7))),
    (says("500 Internal Server Error"), Uncertain("partner.http_500")),
    (says("502 Bad Gateway"), Uncertain("partner.gateway")),
    (says("503 Service Unavailable"), Uncertain("partner.http_503")),
    (says("200 OK", b"<!doctype html><html>Log in</html>", "text/html"), Uncertain("partner.unexpected_body")),
    (cuts, Uncertain("partner.connection_cut")),
    (hangs, Uncertain("partner.timeout")),
]


@pytest.mark.parametrize(("answer", "outcome"), TABLE)
def test_each_answer_has_its_outcome(make_adapter: Callable[..., Sdk], fk: Recipient, answer: Any, outcome: Outcome | None) -> None:
    """Given each answer, then the attempt ends as the table says, no word of the answer goes on, and an attempt is one request."""
    with partner(answer) as one:
        key, found = sent(make_adapter(submit_to=one.url, timeout_seconds="0.5"), fk)
        assert found == (outcome or Accepted(key))
        assert len(one.connections) == 1


def test_where_nobody_listens_nothing_was_sent(make_adapter: Callable[..., Sdk], fk: Recipient) -> None:
    """Given an address where nobody listens, then the attempt may be repeated."""
    with partner(cuts) as one:
        url = one.url
    assert sent(make_adapter(submit_to=url), fk)[1] == Retry("partner.refused")


@pytest.mark.parametrize("kind", ["reset", "html"])
def test_an_answer_that_is_lost_is_a_persons_to_look_into(adapter: Sdk, fk: Recipient, point: AccessPoint, kind: Any) -> None:
    """Given a line that dies after the envelope was taken, then nobody can be asked, the access point has it once, and a repeat is refused there."""
    point.faults.add(Fault(kind, times=1, when="after"))
    key, outcome = sent(adapter, fk)
    assert isinstance(outcome, Uncertain)
    assert adapter.confirm(key, fk) is None
    assert sent(adapter, fk, key)[1] == Rejected("sdk.submission_refused", "the access point answered 400")
    assert len([entry for entry in point.ledger.effects() if entry.key == key]) == 1


def test_the_key_is_shown_to_the_access_point_alone(make_adapter: Callable[..., Sdk], fk: Recipient) -> None:
    """Given a redirect to another server, then the key is not shown there; without a key none is shown, and doctor says which."""
    with partner(says("202 Accepted", b"")) as other, partner(says("307 Temporary Redirect", Location=other.url)) as one:
        assert sent(make_adapter(submit_to=one.url, key="hemlig-nyckel"), fk)[1] == Retry("partner.redirected")
        assert b"Bearer hemlig-nyckel" in b"".join(one.connections)
        assert other.connections == []
        assert sent(make_adapter(submit_to=one.url, key=""), fk)[1] == Retry("partner.redirected")
        assert b"".join(one.connections).count(b"Authorization") == 1
        found = [check.what for check in make_adapter(submit_to=one.url, key="").check()]
    assert f"the hand-over posts to http://127.0.0.1:{one.port}, and shows it no key: the secret submit_key is not there" in found


def comes(folders: Path, body: bytes) -> Path:
    """Let the access point put a file there, some time ago."""
    file = folders / "in" / "1.xml"
    file.write_bytes(body)
    os.utime(file, (time.time() - 300,) * 2)
    return file


def test_the_recipients_receipt_comes_as_a_file(adapter: Sdk, fk: Recipient, point: AccessPoint, folders: Path) -> None:
    """Given a message that was posted, then its receipt is taken from the folder, as by the hand-over with files."""
    key, _ = sent(adapter, fk)
    point.accepts(key, folders / "in")
    [inbound] = adapter.poll(None)
    assert isinstance(inbound.content, Receipt)
    assert (inbound.content.key, inbound.content.kind) == (key, "received")
    adapter.settle(inbound.partner_id)
    assert list((folders / "in").iterdir()) == []


def answered(adapter: Sdk, fk: Recipient) -> bytes:
    """Return a message of FK's to us."""
    body = adapter.translate(CUT, fk).body.decode()
    for one, other in ((FK, "X"), (US, FK), ("X", US)):
        body = body.replace(one, other)
    return message_payload(body.encode(), str(uuid4()))


def test_our_receipt_is_posted_and_the_file_waits_for_that(adapter: Sdk, fk: Recipient, point: AccessPoint, folders: Path) -> None:
    """Given an answer of FK's while the access point is away, then the file stays, and moves on once the receipt has been posted, or had been."""
    comes(folders, answered(adapter, fk))
    for fault in (Fault("status", times=1, status=503), Fault("reset", times=1, when="after")):
        point.faults.add(fault)
        [inbound] = adapter.poll(None)
        adapter.settle(inbound.partner_id)
        assert [file.name for file in (folders / "in").iterdir()] == ["1.xml"]
    [inbound] = adapter.poll(None)
    adapter.settle(inbound.partner_id)
    assert [file.name for file in (folders / "done").iterdir()] == ["1.xml"]
    receipts = [point.ledger.body(entry.key) for entry in point.ledger.effects()]
    found = [one for body in receipts for one in parse_xml(body).iterfind(".//{*}ApplicationResponse")]
    read = [receipt_of(parse_xml(etree.tostring(one))) for one in found]
    assert [(one.message_id, one.sender, one.recipient, one.accepted) for one in read][-1] == (
        inbound.partner_id.partition("/")[0],
        US,
        FK,
        True,
    )


@pytest.mark.parametrize(
    "settings",
    [{"hand_over": ""}, {"pmode": "two words"}, {"submit_to": "https://ap.example/x?y=1"}, {"submit_to": "http://ap.example/restbackend"}],
    ids=["alone", "mode", "query", "plain"],
)
def test_wrong_settings_stop_the_start(make_adapter: Callable[..., Sdk], settings: dict[str, str]) -> None:
    """Given REST without the folder for what comes, a mode that is no id, an address with a query, or plain http to another machine, then the hub does not start."""
    with pytest.raises(SettingsError):
        make_adapter(**settings)


def test_doctor_says_what_is_missing(make_adapter: Callable[..., Sdk], folders: Path) -> None:
    """Given no mode and no folder for what comes, then doctor names both, and asks for no folder of what is sent."""
    (folders / "in").rmdir()
    wrong = [check.what for check in make_adapter(pmode="").check() if not check.ok]
    assert wrong == [
        "the setting pmode is missing: nothing can be sent over SDK",
        f"the folder {folders}/in of the hand-over can not be used",
    ]
