"""A 404 about a message: when it is the service's own word that it never took it, and when it may be that of whatever stands in front."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, Delivered, Outcome, PluginContext, Recipient, Retry, Uncertain
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.sdk import MessageService
from siphub.testing.partner import Partner, partner, says
from siphub.testing.samples import whole_cut
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
UNPROVEN, NEVER = Uncertain("sdk.not_found_unproven"), Retry("partner.not_there")
KEY, OTHER = "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01", "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a02"


def problem(**said: object) -> bytes:
    """Return a problem document that says 404."""
    return json.dumps({"type": "urn:problem-type:sdk:notFound", "title": "Not Found", "status": 404, **said}).encode()


def sent(adapter: Sdk, fk: Recipient) -> str:
    """Send an invitation and return its messageId."""
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    return key


FOREIGN: list[tuple[bytes, str, Outcome]] = [
    (b"", "application/json", UNPROVEN),
    (b"{}", "application/json", UNPROVEN),
    (b"[]", "application/json", UNPROVEN),
    (b'{"message": "no Route matched with those values"}', "application/json", UNPROVEN),
    (problem(type="about:blank", instance=f"/v1/sdk/messages/{KEY}"), "application/problem+json", UNPROVEN),
    (problem(type="about:blank", instance=KEY), "application/problem+json", UNPROVEN),
    (problem(instance=OTHER), "application/json", UNPROVEN),
    (problem(instance=f"/v2/sdk/messages/{KEY}"), "application/json", UNPROVEN),
    (problem(), "application/json", UNPROVEN),
    (problem(status=400, instance=KEY), "application/json", UNPROVEN),
    (b"404 page not found", "text/plain", Uncertain("partner.unexpected_body")),
    (b"<html>hello</html>", "text/html", Uncertain("partner.unexpected_body")),
]


@pytest.mark.parametrize(("body", "media_type", "outcome"), FOREIGN)
def test_a_404_that_may_be_anybodys_is_asked_again(
    make_context: MakeContext, fk: Recipient, body: bytes, media_type: str, outcome: Uncertain
) -> None:
    """Given a server that answers 404 to everything, and does not name the message in a problem document of the API's, then the message is in doubt, and is not gone either."""
    with partner(says("404 Not Found", body, media_type)) as other:
        adapter = Sdk(make_context(service=other.url))
        assert adapter.confirm(KEY, fk) == outcome
        assert not adapter.erase(KEY, fk)
        assert adapter._accounts.all[0].service.delete(KEY) == outcome.code


@pytest.mark.parametrize("named", [KEY, KEY.upper(), f"urn:uuid:{KEY}"])
def test_the_apis_problem_document_about_this_message_is_its_word(make_context: MakeContext, fk: Recipient, named: str) -> None:
    """Given a problem document of the API's whose instance is the messageId, then the service never took it, and one question is enough."""
    with partner(says("404 Not Found", problem(instance=named))) as other:
        assert Sdk(make_context(service=other.url)).confirm(KEY, fk) == NEVER
        assert other.requests == 1


def test_a_404_without_a_word_counts_where_the_service_shows_another_of_ours(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """Given a service whose 404 has no body, as the OpenAPI has it, then it counts while the service lists and shows another message that we sent: as never taken, and as deleted."""
    service.bare = True
    key = sent(adapter, fk)
    assert adapter.confirm(str(uuid4()), fk) == NEVER
    assert adapter.erase(str(uuid4()), fk)
    assert adapter.confirm(key, fk) == Delivered(key)


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_what_stands_in_front_never_says_that_a_message_is_not_there(
    adapter: Sdk, service: MessageService, fk: Recipient, times: int | None
) -> None:
    """Given a message that the service has, and a gateway that answers 404 once or always, then it is found, or in doubt, and never sent again or thought gone."""
    service.receipts = False
    key = sent(adapter, fk)
    service.ask_faults.add(Fault("status", times=times, status=404))
    assert adapter.confirm(key, fk) == (Accepted(key) if times else UNPROVEN)
    if times is None:
        assert not adapter.erase(key, fk)
    assert service.kept(key) == 1


def test_an_answer_is_not_asked_for_to_prove_anything(make_context: MakeContext, fk: Recipient) -> None:
    """Given a service that lists one message to us and one of another system's, then neither is asked for: an answer would count as retrieved."""
    asked = listing(make_context, fk, "0203:forsakringskassan.example")
    assert [path for path in asked if path.endswith(OTHER)] == []


def test_a_gateway_that_leads_to_the_list_alone_proves_nothing(make_context: MakeContext, fk: Recipient) -> None:
    """Given a gateway that has a way to the list and none to a single message, then a message is in doubt, though the list is the service's."""
    asked = listing(make_context, fk, "0203:norrby.example")
    assert [path for path in asked if path.endswith(OTHER)] != []


def listing(make_context: MakeContext, fk: Recipient, sender: str) -> list[str]:
    """Ask for a message where every list has one of a sender and every single one is 404, see that it is in doubt, and return what was asked."""
    one: Mapping[str, Any] = {"messageId": OTHER, "sender": sender}
    places: list[Partner] = []

    def answer(line: socket.socket) -> None:
        status = re.findall(r"messageStatus%5D=([A-Z_]+) ", asked(places[0])[-1] + " ")
        listed = [{"type": "messages", "attributes": {**one, "messageStatus": status[0]}}] if status else []
        says("200 OK", json.dumps({"data": listed}).encode())(line) if status else says("404 Not Found", b"")(line)

    with partner(answer) as other:
        places.append(other)
        assert Sdk(make_context(service=other.url)).confirm(KEY, fk) == UNPROVEN
        return asked(other)


def asked(one: Partner) -> list[str]:
    """Return the addresses that were asked for, in order."""
    return [found.decode() for seen in one.connections for found in re.findall(rb"^GET (\S+) HTTP", bytes(seen), re.MULTILINE)]


def test_a_404_to_a_deletion_is_looked_into(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """Given a gateway that answers a DELETE with 404, then the message is not gone while the service shows it, and is where it does not."""
    key = sent(adapter, fk)
    service.ask_faults.add(Fault("status", times=1, status=404))
    assert adapter._accounts.all[0].service.delete(key) == "sdk.delete_refused"
    assert service.kept(key) == 1
    assert adapter._accounts.all[0].service.delete(key) is None
    assert adapter._accounts.all[0].service.delete(key) is None
