"""The sandbox's SDK message service judges by rules of its own, keeps a book for each agency, and never takes one messageId twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract.http import Http, HttpAnswer
from siphub.sandbox import Fault
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox

FUNCTION = "urn:riv:infrastructure:messaging:functionalAddress"


def attributes() -> dict[str, Any]:
    """Return the attributes of a message to FK that is in order."""
    return {
        "type": "messages",
        "messageId": str(uuid4()),
        "conversationId": "5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001",
        "creationDateTime": "2026-11-23T11:00:00.000Z",
        "label": "Inbjudan till SIP-möte",
        "confidentiality": True,
        "sender": "0203:norrby.example",
        "recipient": "0203:forsakringskassan.example",
        "senderAttention": {
            "subOrganization": {"root": FUNCTION, "extension": "sdk:sip:0203:norrby.example"},
            "referenceId": [{"root": "dnr", "extension": "SN 1", "label": "Diarienummer"}],
        },
        "recipientAttention": {"subOrganization": {"root": FUNCTION, "extension": "sdk:sip:0203:forsakringskassan.example"}},
        "digitalDocument": [{"documentId": "1", "index": "1", "contentTextBody": ["Hej"]}],
    }


def body(found: dict[str, Any]) -> bytes:
    """Return a new message as it is sent."""
    return json.dumps({"data": {"type": "messages", "attributes": found}}).encode()


@pytest.fixture
def service() -> MessageService:
    """Return a message service without lines."""
    return MessageService()


def test_a_message_in_order_reaches_its_agency_once(service: MessageService) -> None:
    """Given a message to FK, then FK's book has it, AF's does not, and a second one under its id is refused as a duplicate."""
    found = attributes()
    assert service.take(body(found)).status == 201
    again = service.take(body({**found, "label": "Annat"}))
    assert (again.status, (again.document or {})["eventIssues"][0]["title"]) == (400, "duplicate")
    assert [entry.key for entry in service.agencies["fk"].invitations(found["conversationId"])] == [found["messageId"]]
    assert service.agencies["af"].taken() == ()
    assert service.status(found["messageId"]) == "WAITING_FOR_RECEIPT"


Wrong = Callable[[dict[str, Any]], object]
WRONG: list[tuple[str, Wrong]] = [
    ("type", lambda found: found.pop("type")),
    ("label", lambda found: found.pop("label")),
    ("label", lambda found: found.update(label="x" * 257)),
    ("label", lambda found: found.update(label="SIP 20100103-2380")),
    ("confidentiality", lambda found: found.update(confidentiality="true")),
    ("sender", lambda found: found.update(sender="norrby.example")),
    ("recipient", lambda found: found.pop("recipient")),
    ("messageId", lambda found: found.update(messageId="1")),
    ("conversationId", lambda found: found.update(conversationId="")),
    ("refToMessageId", lambda found: found.update(refToMessageId="x")),
    ("creationDateTime", lambda found: found.update(creationDateTime="2026-11-23T11:00:00Z")),
    ("creationDateTime", lambda found: found.update(creationDateTime="2026-11-23T12:00:00.000+01:00")),
    ("messageStatus", lambda found: found.update(messageStatus="ACCEPTED")),
    ("recipientAttention", lambda found: found.pop("recipientAttention")),
    ("senderAttention.subOrganization", lambda found: found["senderAttention"]["subOrganization"].update(root="x")),
    ("senderAttention.referenceId.root", lambda found: found["senderAttention"]["referenceId"][0].update(root="x")),
    ("senderAttention.referenceId", lambda found: found["senderAttention"]["referenceId"][0].pop("label")),
    ("senderAttention.attentionPerson", lambda found: found["senderAttention"].update(attentionPerson=[{"root": "x"}])),
    ("digitalDocument", lambda found: found.pop("digitalDocument")),
    ("digitalDocument", lambda found: found["digitalDocument"][0].pop("contentTextBody")),
    ("digitalDocument.documentId", lambda found: found["digitalDocument"][0].pop("documentId")),
    ("digitalDocument.index", lambda found: found["digitalDocument"][0].update(index="0")),
    ("digitalDocument.contentTextBody", lambda found: found["digitalDocument"][0].update(contentTextBody="Hej")),
    ("digitalDocument.contentFiles", lambda found: found["digitalDocument"][0].update(contentFiles=[{"fileName": "a"}])),
    (
        "digitalDocument.contentFiles",
        lambda found: found["digitalDocument"][0].update(contentFiles=[{"fileName": "a", "contentType": "image/jpeg", "content": "AAAA"}]),
    ),
    ("digitalDocument.0.documentName", lambda found: found["digitalDocument"][0].update(documentName=" ")),
]


@pytest.mark.parametrize(("where", "spoil"), WRONG)
def test_each_rule_refuses_what_breaks_it(service: MessageService, where: str, spoil: Wrong) -> None:
    """Given a message in order with one thing wrong, then it is refused, the place is named, and no agency gets it."""
    found = attributes()
    spoil(found)
    said = service.take(body(found))
    assert said.status == 400
    assert where in {issue["in"] for issue in (said.document or {})["eventIssues"]}
    assert service.agencies["fk"].taken() == ()


def test_what_is_no_message_is_refused(service: MessageService) -> None:
    """Given bytes that are no JSON, or another object, then they are refused."""
    for wrong in (b"", b"[]", b'{"data": []}', b'{"data": {"attributes": {}}}', b"[" * 100_000):
        assert service.take(wrong).status == 400


def test_receipts_come_and_say_why(service: MessageService) -> None:
    """Given receipts, then FK accepts, a function nobody has is not found, and an agency told to refuse refuses and has nothing."""
    accepted, nowhere, refused = attributes(), attributes(), attributes()
    nowhere["recipientAttention"]["subOrganization"]["extension"] = "sdk:annan"
    service.take(body(accepted))
    service.take(body(nowhere))
    said = [service.get(one["messageId"]).document or {} for one in (accepted, nowhere)]
    service.refuse("fk", "SIG", "security")
    service.take(body(refused))
    said.append(service.get(refused["messageId"]).document or {})
    shown = [one["data"]["attributes"] for one in said]
    assert [one["messageStatus"] for one in shown] == ["ACCEPTED", "REJECTED", "REJECTED"]
    assert [one["events"][0]["eventIssues"][0]["typeCode"] for one in shown[1:]] == ["BV", "SIG"]
    assert [entry.key for entry in service.agencies["fk"].taken()] == [accepted["messageId"]]


def test_a_receipt_takes_its_time(service: MessageService) -> None:
    """Given receipts that come after a while, then a message waits for its own until then, however often it is asked for."""
    service.receipt_after = 0.4
    found = attributes()
    service.take(body(found))
    service.get(found["messageId"])
    assert service.status(found["messageId"]) == "WAITING_FOR_RECEIPT"
    deadline = time.monotonic() + 20
    while service.status(found["messageId"]) != "ACCEPTED" and time.monotonic() < deadline:
        time.sleep(0.05)
        service.get(found["messageId"])
    assert service.status(found["messageId"]) == "ACCEPTED"


def test_lists_are_filtered_and_without_documents(service: MessageService) -> None:
    """Given messages in two statuses, then a filter picks by any field, the documents are left out, and nothing found is a 404."""
    ours = attributes()
    service.take(body(ours))
    answer = service.reply("fk", ours["messageId"], "Svar: ja")
    listed = service.listed({"messageStatus": "NEW"}).document or {}
    assert [one["id"] for one in listed["data"]] == [answer]
    assert "digitalDocument" not in listed["data"][0]["attributes"]
    by_function = service.listed({"recipientAttention.subOrganization.extension": "sdk:sip:0203:forsakringskassan.example"}).document or {}
    assert [one["id"] for one in by_function["data"]] == [ours["messageId"]]
    assert service.listed({"messageStatus": "ERROR"}).status == 404
    service.get(answer)
    assert service.status(answer) == "RETRIEVED"


def test_only_what_is_done_with_can_be_deleted(service: MessageService) -> None:
    """Given a message that waits for its receipt, then it cannot be deleted; after the receipt it can, once."""
    service.receipts = False
    found = attributes()
    service.take(body(found))
    assert service.delete(found["messageId"]).status == 400
    service.receipts = True
    service.get(found["messageId"])
    assert [service.delete(found["messageId"]).status for _ in range(2)] == [202, 404]


@pytest.fixture
def lines() -> Iterator[tuple[SdkSandbox, Http]]:
    """Return the service with its lines, and a client that trusts it."""
    with SdkSandbox() as sandbox:
        http = Http(ca_file=sandbox.ca_file)
        yield sandbox, http
        http.close()


def test_nobody_is_heard_without_a_token(lines: tuple[SdkSandbox, Http]) -> None:
    """Given no token, a made-up one or one that was forgotten, then the answer is 401, whatever is asked, and nothing is taken."""
    sandbox, http = lines
    answers = [
        http.post(f"{sandbox.url}/sdk/messages", body(attributes())),
        http.get(f"{sandbox.url}/sdk/messages", {"Authorization": "Bearer x"}),
        http.post(sandbox.token_url, b"grant_type=client_credentials", {"Authorization": "Basic eDp5"}),
    ]
    assert [answer.status for answer in answers if isinstance(answer, HttpAnswer)] == [401, 401, 401]
    assert sandbox.service.agencies["fk"].taken() == ()
    assert sandbox.service.traffic.bytes_seen > 0


def test_a_port_can_be_closed_and_opened_again(lines: tuple[SdkSandbox, Http]) -> None:
    """Given a service that stops listening and starts again, then it is where it was, with what it had."""
    sandbox, http = lines
    address = sandbox.url
    sandbox.stop_listening()
    assert not isinstance(http.get(f"{address}/sdk/messages"), HttpAnswer)
    sandbox.start()
    assert sandbox.url == address
    assert isinstance(http.get(f"{address}/sdk/messages"), HttpAnswer)


def test_faults_strike_what_they_are_for(lines: tuple[SdkSandbox, Http]) -> None:
    """Given a fault for tokens, then the next request for one meets it, and the one after does not."""
    sandbox, http = lines
    sandbox.service.token_faults.add(Fault("status", times=1, status=503))
    statuses = [http.post(sandbox.token_url, b"grant_type=client_credentials") for _ in range(2)]
    assert [answer.status for answer in statuses if isinstance(answer, HttpAnswer)] == [503, 401]
