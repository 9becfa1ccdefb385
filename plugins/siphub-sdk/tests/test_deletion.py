"""What is deleted at the message service, when, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, PluginContext, Recipient, SettingsError
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.sdk import DELETE, MessageService
from siphub.testing.clock import Hand
from siphub.testing.partner import partner, says
from siphub.testing.samples import whole_cut
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
SCOPES = frozenset({"urn:sdk.api:sendMessages", "urn:sdk.api:getMessage", "urn:sdk.api:getMessageByFilter"})


def sent(adapter: Sdk, fk: Recipient) -> str:
    """Send an invitation and return its messageId."""
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    return key


def polled(adapter: Sdk, *recorded: str) -> None:
    """Poll, settle everything, and tell that the receipts of these messages are recorded."""
    for inbound in adapter.poll(None):
        adapter.settle(inbound.partner_id)
        if inbound.partner_id.partition("/")[0] in recorded:
            adapter.recorded(inbound.partner_id)


def aged(make_context: MakeContext, days: int, **settings: str) -> Sdk:
    """Return an adapter to which the invitation was handed in so many days ago."""
    context = make_context(**settings)
    clock = Hand()
    clock.at = datetime.fromisoformat(str(CUT.document["sent_at"])) + timedelta(days=days)
    object.__setattr__(context, "clock", clock)
    return Sdk(context)


@pytest.mark.parametrize(("refusal", "status"), [(None, "ACCEPTED"), (("BV", "not-found"), "REJECTED")])
def test_what_is_recorded_and_old_enough_is_deleted(
    make_context: MakeContext, service: MessageService, fk: Recipient, refusal: tuple[str, str] | None, status: str
) -> None:
    """Given two messages that have ended, of which one is recorded, then that one is deleted when it is as old as set, not a day before, and the other never."""
    if refusal:
        service.refuse("fk", *refusal)
    for days, left in ((0, 1), (29, 1), (30, 0)):
        adapter = aged(make_context, days, delete_after_days="30")
        mine, other = sent(adapter, fk), sent(adapter, fk)
        polled(adapter, mine)
        polled(adapter, mine)
        assert (service.kept(mine), service.kept(other)) == (left, 1)
        assert service.status(other) == status


@pytest.mark.parametrize("given", [{}, {"delete_after_days": ""}, {"delete_after_days": "never"}])
def test_unless_it_is_set_nothing_is_deleted_by_age(
    make_context: MakeContext, service: MessageService, fk: Recipient, given: dict[str, str]
) -> None:
    """Given no number of days, then what is recorded stays, however old it is."""
    adapter = aged(make_context, 5000, **given)
    key = sent(adapter, fk)
    polled(adapter, key)
    polled(adapter, key)
    assert service.kept(key) == 1


def test_what_others_sent_or_no_hub_made_is_never_deleted(make_context: MakeContext, service: MessageService, fk: Recipient) -> None:
    """Given an agency's answer, and a message of an official's that an odd service takes for recorded, then both stay, by age and with a case."""
    adapter = aged(make_context, 5000, delete_after_days="1")
    key = sent(adapter, fk)
    answer = service.reply("fk", key, "Svar: ja")
    service._kept[key].attributes["generatingSystem"] = {"root": "un-encoded", "extension": "webben", "label": "webben"}
    for one in (key, answer):
        polled(adapter, one)
        polled(adapter, one)
        assert not adapter.erase(one, fk)
    assert (service.kept(key), service.kept(answer)) == (1, 1)


def test_with_its_case_a_message_goes_whatever_its_age(
    make_context: MakeContext, service: MessageService, fk: Recipient, recipient: Any
) -> None:
    """Given a case that is erased, then its message is deleted and was never another's; one that the service still works on is asked for again; where nothing is ever to be deleted it stays, and that is all right."""
    adapter = Sdk(make_context())
    key = sent(adapter, fk)
    assert not adapter.erase(key, recipient("sdk:annan"))
    service.receipts = False
    waits = sent(adapter, fk)
    assert not adapter.erase(waits, fk)
    service.receipts = True
    assert [adapter.erase(one, fk) for one in (key, waits, key)] == [True] * 3
    assert (service.kept(key), service.kept(waits)) == (0, 0)
    keeps = Sdk(make_context(delete_after_days="never"))
    key = sent(keeps, fk)
    assert keeps.erase(key, fk)
    assert service.kept(key) == 1


@pytest.mark.parametrize("granted", [SCOPES, SCOPES | {DELETE}], ids=["without the scope", "with it"])
def test_without_the_scope_everything_else_goes_on(
    make_context: MakeContext, service: MessageService, fk: Recipient, granted: frozenset[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Given a client that may not delete, then it sends, polls and asks as ever, the log and doctor say why nothing is deleted, and with the scope they no longer do."""
    service.grants = granted
    may = DELETE in granted
    adapter = aged(make_context, 5000, delete_after_days="1")
    key = sent(adapter, fk)
    polled(adapter, key)
    polled(adapter, key)
    assert adapter.erase(key, fk) is may
    assert service.kept(key) == (0 if may else 1)
    told = [check.what for check in adapter.check() if not check.ok and "delete" in check.what]
    assert ["(sdk.token_refused): give the client the scope urn:sdk.api:deleteMessage" in what for what in told] == ([] if may else [True])
    assert ("delete.failed" in caplog.text) is not may


ANSWERS: list[tuple[str, bytes, str, str | None]] = [
    ("202 Accepted", b"", "application/json", None),
    ("200 OK", b"{}", "application/json", None),
    ("404 Not Found", b"", "application/json", "sdk.not_found_unproven"),
    ("404 Not Found", b"<html>hello</html>", "text/html", "partner.unexpected_body"),
    ("400 Bad Request", b"{}", "application/json", "sdk.delete_refused"),
    ("401 Unauthorized", b"", "application/json", "sdk.delete_forbidden"),
    ("403 Forbidden", b"", "application/json", "sdk.delete_forbidden"),
    ("429 Too Many Requests", b"", "application/json", "partner.http_429"),
    ("500 Internal Server Error", b"", "application/json", "partner.http_500"),
]


@pytest.mark.parametrize(("status", "body", "media_type", "code"), ANSWERS)
def test_each_answer_to_a_deletion_has_its_meaning(
    make_context: MakeContext, status: str, body: bytes, media_type: str, code: str | None
) -> None:
    """Given what a service may answer, then only that it is gone counts as gone, and what an administrator must do is told after a new start, until it is done."""
    with partner(says(status, body, media_type)) as other:
        context = make_context(service=other.url)
        adapter = Sdk(context)
        assert adapter._accounts.all[0].service.delete(str(uuid4())) == code
        adapter._accounts.all[0].deletion._said(code)
        told = [check.what for check in Sdk(context).check() if not check.ok and "delete" in check.what]
        assert len(told) == (1 if code == "sdk.delete_forbidden" else 0)
        adapter._accounts.all[0].deletion._said(None)
        assert not [check for check in Sdk(context).check() if not check.ok and "delete" in check.what]


@pytest.mark.parametrize(
    ("status", "gone"), [("SCHEDULED", False), ("SCHEDULED_FOR_RESEND", False), ("WAITING_FOR_RECEIPT", True), ("ACCEPTED", True)]
)
def test_what_the_service_has_yet_to_send_is_not_deleted_with_its_case(
    make_context: MakeContext, fk: Recipient, status: str, gone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a service that would delete in any status, then a message that it has not sent stays, and the log says so."""
    key = str(uuid4())
    attributes = {
        "messageId": key,
        "messageStatus": status,
        "generatingSystem": {"root": "un-encoded", "extension": "siphub"},
        "recipientAttention": {"subOrganization": {"extension": fk.endpoint}},
    }
    body = json.dumps({"data": {"type": "messages", "attributes": attributes}}).encode()
    with partner(says("200 OK", body, "application/json")) as other:
        assert Sdk(make_context(service=other.url)).erase(key, fk) is gone
    assert ("sdk.delete_early" in caplog.text) is not gone


def test_a_service_that_does_not_delete_now_is_not_asked_at_every_poll(
    make_context: MakeContext, service: MessageService, fk: Recipient
) -> None:
    """Given a refusal, then the polls after it take receipts and delete nothing more for an hour."""
    service.grants = SCOPES
    adapter = aged(make_context, 5000, delete_after_days="1")
    keys = [sent(adapter, fk) for _ in range(2)]
    polled(adapter, *keys)
    polled(adapter, *keys)
    service.grants = None
    polled(adapter, *keys)
    assert [service.kept(key) for key in keys] == [1, 1]
    service.ask_faults.add(Fault("status", times=1, status=500))
    assert not adapter.erase(keys[0], fk)


@pytest.mark.parametrize("text", ["0", "-1", "10000", "1.5", "alltid", "٣"])
def test_a_number_of_days_is_a_number(make_context: MakeContext, text: str) -> None:
    """Given something else than a number of days or never, then the hub does not start."""
    with pytest.raises(SettingsError):
        Sdk(make_context(delete_after_days=text))
