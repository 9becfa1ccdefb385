"""The lists of a message service that clears nothing out: they are read all the same, in bounded memory, and doctor says when they near the end."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, PluginContext, Receipt, Recipient, Submission, Unreadable
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.sdk import MessageService, Said
from siphub.testing.samples import whole_cut
from siphub_sdk import Sdk
from siphub_sdk import service as services
from siphub_sdk.listing import LIST_BYTES, Listed, read_list
from siphub_sdk.translate import FUNCTIONAL_ADDRESS

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
FK, US = (
    ("0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example", "FK"),
    ("0203:norrby.example", "sdk:sip:0203:norrby.example"),
)
SOME_ONE, ELSEWHERE = ("0203:okand.example", "sdk:x", "Okänd"), ("0203:norrby.example", "sdk:annan:inkorg")
MIB = 1024 * 1024


def sent(adapter: Sdk, fk: Recipient) -> str:
    """Send an invitation and return its messageId."""
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    return key


def polled(adapter: Sdk) -> dict[str, type]:
    """Poll, settle everything, and return what came."""
    found = list(adapter.poll(None))
    for inbound in found:
        adapter.settle(inbound.partner_id)
    return {inbound.partner_id.partition("/")[0]: type(inbound.content) for inbound in found}


def accepted_before(service: MessageService, adapter: Sdk, fk: Recipient, many: int, **of: Any) -> None:
    """Let the service have as many accepted messages of an organisation's."""
    document = json.loads(adapter.translate(CUT, fk).body)
    attributes: dict[str, Any] = document["data"]["attributes"]
    attributes.update(of)
    for _ in range(many):
        attributes["messageId"] = str(uuid4())
        assert service.take(json.dumps(document).encode()).status == 201


@pytest.fixture
def service(service: MessageService) -> MessageService:
    """Give the message service with nothing in it."""
    service._kept.clear()
    service.heads.clear()
    return service


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "does not"])
def test_receipts_and_answers_are_heard_however_much_lies_there(
    adapter: Sdk, fk: Recipient, service: MessageService, monkeypatch: pytest.MonkeyPatch, *, filters: bool
) -> None:
    """Given 1300 accepted messages of other functions and 1800 that others have read, at a service that filters by address or does not, then the next receipt and the next answer are heard."""
    other = {
        "senderAttention": {"subOrganization": {"root": FUNCTIONAL_ADDRESS, "extension": "sdk:annan:0203:norrby.example", "label": "Annan"}}
    }
    accepted_before(service, adapter, fk, 1300, generatingSystem={"root": "un-encoded", "extension": "annat", "label": "annat"}, **other)
    for _ in range(1800):
        service.get(service.write(sender=SOME_ONE, recipient=ELSEWHERE, text="Annat ärende"))
    lists = service.listed
    if not filters:
        monkeypatch.setattr(service, "listed", lambda given: lists(given) if len(given) == 1 else Said(400))
    assert len(json.dumps(dict(lists({"messageStatus": "ACCEPTED"}).document or {}))) > MIB
    assert len(json.dumps(dict(lists({"messageStatus": "RETRIEVED"}).document or {}))) > MIB
    key, answer = sent(adapter, fk), service.write(sender=FK, recipient=US, text="Svar: ja", messageStatus="RETRIEVED")
    assert polled(adapter) == {key: Receipt, answer: Submission}
    assert polled(adapter) == {}


def test_our_own_are_heard_however_many_they_are(adapter: Sdk, fk: Recipient, service: MessageService) -> None:
    """Given 1300 messages of our own that were accepted, whose list is longer than an ordinary answer may be, then each receipt is heard once."""
    accepted_before(service, adapter, fk, 1300)
    key = sent(adapter, fk)
    found = polled(adapter)
    assert (found[key], len(found)) == (Receipt, 1301)
    assert polled(adapter) == {}


@pytest.mark.parametrize("sender", [["0203:norrby.example"], {"x": 1}, None, 5, True])
def test_one_message_without_a_sender_keeps_no_other_from_being_heard(
    adapter: Sdk, fk: Recipient, service: MessageService, sender: object
) -> None:
    """Given an ended message of ours whose sender is no text, then it alone cannot be read, once, and the receipt behind it is heard."""
    broken, key = sent(adapter, fk), sent(adapter, fk)
    service.get(broken)
    service._kept[broken].attributes["sender"] = sender
    found = list(adapter.poll(None))
    assert {one.partner_id: type(one.content) for one in found} == {f"{broken}/ACCEPTED": Unreadable, f"{key}/ACCEPTED": Receipt}
    assert [(one.content, one.owner) for one in found if one.partner_id.startswith(broken)] == [(Unreadable("sdk.invalid"), p.MUNICIPALITY)]
    for one in found:
        adapter.settle(one.partner_id)
    assert polled(adapter) == {}


def test_of_a_list_that_is_too_long_what_came_is_heard(
    adapter: Sdk, fk: Recipient, service: MessageService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a list that is longer than is read of one, then what stands before the cut is heard, the log says which list it was, and doctor what to do."""
    keys = [sent(adapter, fk) for _ in range(10)]
    polled(adapter)
    size = len(json.dumps(dict(service.listed({"messageStatus": "ACCEPTED"}).document or {}), ensure_ascii=False).encode())
    monkeypatch.setattr(services, "LIST_BYTES", size // 2)
    fresh = Sdk(adapter._context)
    with caplog.at_level("WARNING"):
        found = polled(fresh)
    assert set(found) < set(keys)
    assert len(found) in {4, 5}
    assert "'code': 'sdk.list_too_long', 'status': 'ACCEPTED'" in caplog.text
    [said] = [check.what for check in fresh.check() if not check.ok]
    assert said.startswith("the message service's list in ACCEPTED is too long to be read to its end: ")


@pytest.mark.parametrize(("room", "ok"), [(0.7, True), (0.8, False)])
def test_doctor_says_how_near_the_end_the_lists_are(
    adapter: Sdk, fk: Recipient, service: MessageService, monkeypatch: pytest.MonkeyPatch, room: float, *, ok: bool
) -> None:
    """Given lists, then doctor says what the longest takes of what is read of one, and warns while there is room yet."""
    for _ in range(3):
        sent(adapter, fk)
    service.write(sender=FK, recipient=US, text="Svar: ja")
    polled(adapter)
    size = len(json.dumps(dict(service.listed({"messageStatus": "ACCEPTED"}).document or {}), ensure_ascii=False).encode())
    monkeypatch.setattr(services, "LIST_BYTES", int(size / room))
    [found] = [check for check in adapter.check() if "longest list" in check.what]
    assert found.ok is ok
    assert found.what.startswith(f"the message service's longest list, in ACCEPTED, takes {room:.0%}".replace("%", " %"))


def test_doctor_says_that_a_list_is_not_given(adapter: Sdk, service: MessageService) -> None:
    """Given a service that gives no list, then doctor names each that it does not."""
    service.ask_faults.add(Fault("status", status=500))
    wrong = [check.what for check in adapter.check() if not check.ok]
    assert len(wrong) == 7
    assert wrong[0] == "the message service does not list its messages in NEW: receipts or answers are not heard"


def test_a_long_list_costs_its_bytes_and_no_more() -> None:
    """Given ten thousand messages of others, then reading them takes little more memory than their bytes, and none of them is kept."""
    one = {"attributes": {"messageId": str(uuid4()), "label": "Inbjudan till möte", "sender": "0203:okand.example", "more": ["x"] * 60}}
    body = json.dumps({"meta": {}, "data": [one] * 10_000}, ensure_ascii=False).encode()
    seen = 0

    def wanted(_: Mapping[str, Any]) -> bool:
        nonlocal seen
        seen += 1
        return False

    tracemalloc.start()
    try:
        found = read_list(body, wanted, cut=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == Listed((), len(body))
    assert seen == 10_000
    assert peak < len(body) * 2.5
    assert len(body) < LIST_BYTES


ONE: Mapping[str, Any] = {"type": "messages", "attributes": {"messageId": "1", "label": 'å "]}'}}


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (json.dumps({"data": [ONE, ONE]}), 2),
        (json.dumps({"meta": {"data": [1]}, "data": [ONE], "links": {"self": None}}, indent=1), 1),
        ('{"data":[]}', 0),
        (' { "data" : [ ] , "x" : 1 } ', 0),
        (json.dumps({"data": [ONE, 5, None, {"attributes": {"messageId": 5}}, [ONE]]}), 1),
        ("{}", None),
        ("", None),
        ("[]", None),
        ('{"data":{}}', None),
        ('{"data":null}', None),
        ('{"meta":1}', None),
        ('{"data":[],"data":[]}', None),
        ('{"data":[1,]}', None),
        ('{"data":[1 2]}', None),
        ('{"data":[1]', None),
        ('{"data":[{"attributes":', None),
        ("<html>Log in</html>", None),
        ("[" * 100_000, None),
        ('{"data":[' + "[" * 100_000, None),
    ],
)
def test_only_a_list_is_a_list(body: str, kept: int | None) -> None:
    """Given a document, then it is read where it is JSON with one list `data`; anything else is none, and breaks nothing."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        found = read_list(body.encode(encoding), lambda _: True, cut=False)
        assert (None if found is None else len(found.messages)) == kept
        assert found is None or (found.whole, found.messages[:1]) == (True, (ONE["attributes"],) * min(kept or 0, 1))


def test_wherever_a_list_is_cut_what_stands_before_is_read() -> None:
    """Given a list that ends anywhere, within a letter too, then its whole messages are read, and it is never taken for all of it."""
    body = json.dumps({"data": [ONE, ONE, ONE]}, ensure_ascii=False).encode()
    many = {cut: read_list(body[:cut], lambda _: True, cut=True) for cut in range(len(body))}
    counts = [0 if found is None else len(found.messages) for found in many.values()]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3}
    assert not any(found.whole for found in many.values() if found is not None)
