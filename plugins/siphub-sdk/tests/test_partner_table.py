"""What a message service may answer, and what each answer leads to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import (
    Accepted,
    Cut,
    Delivered,
    Inbound,
    MappingError,
    Outcome,
    PluginContext,
    Receipt,
    Recipient,
    Rejected,
    Retry,
    SettingsError,
    Submission,
    Uncertain,
)
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox import Fault
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.partner import cuts, hangs, partner, says
from siphub.testing.samples import whole_cut
from siphub_sdk import MessageReceipt, Reason, Sdk
from siphub_sdk.outcomes import DETAILS, code_in

MakeContext = Callable[..., PluginContext]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))


def events(kind: str, title: str = "") -> bytes:
    """Return a problem document."""
    issue = {"typeCode": kind, "title": title, "detail": "201001032380 Prov Provsdotter"}
    return json.dumps({"title": "Bad Request", "status": 400, "eventIssues": [issue]}).encode()


TABLE: list[tuple[str, bytes, dict[str, Any], Outcome | None]] = [
    ("201 Created", b"", {}, None),
    ("200 OK", b"{}", {}, None),
    ("202 Accepted", b"{}", {}, None),
    ("204 No Content", b"", {}, None),
    ("400 Bad Request", b"{}", {}, Rejected("partner.http_400", "the partner answered 400")),
    ("400 Bad Request", events("BV", "not-found"), {}, Rejected("sdk.bv.not-found", "the message service answered 400")),
    ("400 Bad Request", events("SV", "structure"), {}, Rejected("sdk.sv.structure", "the message service answered 400")),
    ("400 Bad Request", events("MESSAGE_EXCHANGE_ERROR"), {}, Rejected("sdk.exchange_error", "the message service answered 400")),
    ("400 Bad Request", events("BV", "duplicate"), {}, Uncertain("sdk.duplicate")),
    ("409 Conflict", b"{}", {}, Uncertain("sdk.duplicate")),
    ("401 Unauthorized", b"", {}, Retry("partner.unauthorised")),
    ("403 Forbidden", b"", {}, Retry("partner.unauthorised")),
    ("404 Not Found", b"", {}, Retry("partner.not_found")),
    ("413 Content Too Large", b"{}", {}, Rejected("sdk.bv.too-long")),
    ("422 Unprocessable Content", b"{}", {}, Rejected("partner.http_422", "the partner answered 422")),
    ("408 Request Timeout", b"", {}, Uncertain("partner.http_408")),
    ("425 Too Early", b"{}", {}, Uncertain("partner.http_425")),
    ("429 Too Many Requests", b"{}", {"Retry_After": "7"}, Uncertain("partner.http_429", timedelta(seconds=7))),
    ("503 Service Unavailable", b"{}", {}, Uncertain("partner.http_503")),
    ("503 Service Unavailable", b"{}", {"Retry_After": "60"}, Uncertain("partner.http_503", timedelta(minutes=1))),
    ("500 Internal Server Error", b"{}", {}, Uncertain("partner.http_500")),
    ("502 Bad Gateway", b"{}", {"Retry_After": "9"}, Uncertain("partner.gateway", timedelta(seconds=9))),
    ("307 Temporary Redirect", b"", {"Location": "https://127.0.0.1:9/"}, Retry("partner.redirected")),
]


@pytest.mark.parametrize(("status", "body", "headers", "outcome"), TABLE)
def test_each_answer_has_its_outcome(
    make_context: MakeContext, fk: Recipient, status: str, body: bytes, headers: dict[str, Any], outcome: Outcome | None
) -> None:
    """Each answer to a new message leads to the outcome of the table, after one request; no outcome repeats the service's words."""
    key = str(uuid4())
    with partner(says(status, body, **headers)) as other:
        adapter = Sdk(make_context(service=other.url))
        found = adapter.deliver(adapter.translate(CUT, fk), fk, key)
        assert found == (outcome or Accepted(key))
        assert other.requests == 1
    assert "Prov" not in repr(found)


@pytest.mark.parametrize(("answer", "code"), [(hangs, "partner.timeout"), (cuts, "partner.connection_cut")])
def test_a_line_that_breaks_is_uncertain(make_context: MakeContext, fk: Recipient, answer: Any, code: str) -> None:
    """Silence and a cut connection leave it Uncertain, for a message and for a question about a key: it is asked again."""
    with partner(answer) as other:
        adapter = Sdk(make_context(service=other.url, timeout_seconds="0.3"))
        assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Uncertain(code)
        assert adapter.confirm(str(uuid4()), fk) == Uncertain(code)


@pytest.mark.parametrize(("status", "fetched"), [(401, 1), (403, 0)])
def test_a_token_that_is_not_taken_is_fetched_anew_and_one_that_is_not_enough_is_kept(
    adapter: Sdk, service: MessageService, fk: Recipient, status: int, fetched: int
) -> None:
    """Given 401, then the next attempt has a new token; given 403, which says that the token holds and is for something else, then the one we have."""
    payload = adapter.translate(CUT, fk)
    assert isinstance(adapter.deliver(payload, fk, str(uuid4())), Accepted)
    service.heads.clear()
    service.faults.add(Fault("status", times=1, status=status))
    assert adapter.deliver(payload, fk, str(uuid4())) == Retry("partner.unauthorised")
    assert isinstance(adapter.deliver(payload, fk, str(uuid4())), Accepted)
    assert len([head for head in service.heads if "/token" in head.splitlines()[0]]) == fetched


ASKED: list[tuple[str, bytes, dict[str, Any], Outcome | None]] = [
    ("401 Unauthorized", b"", {}, Uncertain("partner.unauthorised")),
    ("403 Forbidden", b"{}", {}, Uncertain("partner.unauthorised")),
    ("408 Request Timeout", b"", {}, Uncertain("partner.http_408")),
    ("425 Too Early", b"", {}, Uncertain("partner.http_425")),
    ("429 Too Many Requests", b"{}", {"Retry_After": "7"}, Uncertain("partner.http_429", timedelta(seconds=7))),
    ("500 Internal Server Error", b"{}", {}, Uncertain("partner.http_500")),
    ("502 Bad Gateway", b"<html>", {}, Uncertain("partner.gateway")),
    ("503 Service Unavailable", b"{}", {"Retry_After": "60"}, Uncertain("partner.http_503", timedelta(minutes=1))),
    ("200 OK", b"{}", {}, None),
    ("400 Bad Request", b"{}", {}, None),
    ("307 Temporary Redirect", b"", {"Location": "https://127.0.0.1:9/"}, None),
]


@pytest.mark.parametrize(("status", "body", "headers", "outcome"), ASKED)
def test_each_answer_to_a_question_has_its_meaning(
    make_context: MakeContext, fk: Recipient, status: str, body: bytes, headers: dict[str, Any], outcome: Outcome | None
) -> None:
    """Asked about a message, one that cannot answer now is asked again, not before Retry-After; else a person asks. What a 404 says is in test_absence."""
    with partner(says(status, body, **headers)) as other:
        assert Sdk(make_context(service=other.url)).confirm(str(uuid4()), fk) == outcome
        assert other.requests == 1


def test_a_web_page_is_no_answer(make_context: MakeContext, fk: Recipient) -> None:
    """A login page instead of an answer is Uncertain for a message, and says nothing about a key."""
    with partner(says("200 OK", b"<html>hello</html>", "text/html")) as other:
        adapter = Sdk(make_context(service=other.url))
        assert adapter.confirm(str(uuid4()), fk) is None
        assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Uncertain("partner.unexpected_body")


def test_without_a_service_nothing_is_sent(make_context: MakeContext, fk: Recipient) -> None:
    """A service that is not up is a Retry for the message, and is asked about a key again."""
    adapter = Sdk(make_context(service="https://127.0.0.1:9/v1"))
    assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Retry("partner.refused")
    assert adapter.confirm(str(uuid4()), fk) == Uncertain("partner.refused")
    assert list(adapter.poll(None)) == []


# ── tokens ──


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=503), "sdk.token_refused"),
        (Fault("status", status=400), "sdk.token_refused"),
        (Fault("html"), "sdk.token_refused"),
        (Fault("reset"), "partner.connection_cut"),
    ],
    ids=["503", "400", "html", "reset"],
)
def test_without_a_token_nothing_is_sent(
    make_context: MakeContext, service: MessageService, fk: Recipient, fault: Fault, code: str
) -> None:
    """Where no token is to be had, the message surely did not leave: Retry, and the service saw no byte of it."""
    service.token_faults.add(fault)
    adapter, before = Sdk(make_context()), service.traffic.bytes_seen
    assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Retry(code)
    assert adapter.confirm(str(uuid4()), fk) == Uncertain(code)
    assert service.traffic.bytes_seen == before


def test_a_wrong_secret_is_a_refused_token(make_context: MakeContext, service: MessageService, fk: Recipient) -> None:
    """A secret that the service does not know, or none at all, is told by check and stops the sending."""
    for secret, code in (("wrong", "sdk.token_refused"), ("", "settings.secret_missing")):
        adapter = Sdk(make_context(secret=secret))
        assert adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4())) == Retry(code)
        assert [check.what for check in adapter.check() if not check.ok] == [f"the message service gives no token: {code}"]


def test_a_token_is_kept_and_replaced_when_it_is_not_taken(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """One token carries many messages; one that the service has forgotten costs one attempt that sent nothing, and is fetched anew."""
    payload = adapter.translate(CUT, fk)
    assert isinstance(adapter.deliver(payload, fk, str(uuid4())), Accepted)
    service.token_faults.add(Fault("status", times=1, status=503))
    assert isinstance(adapter.deliver(payload, fk, str(uuid4())), Accepted)
    service.token_faults.clear()
    service.forget_tokens()
    assert adapter.deliver(payload, fk, str(uuid4())) == Retry("partner.unauthorised")
    assert isinstance(adapter.deliver(payload, fk, str(uuid4())), Accepted)


# ── asking, receipts, answers ──


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_cut_line_the_service_is_asked(adapter: Sdk, service: MessageService, fk: Recipient, when: Any) -> None:
    """Cut before the service took it: surely not there. Cut afterwards: there, under the key as messageId."""
    service.faults.add(Fault("reset", times=1, when=when))
    service.receipts = False
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Uncertain("partner.connection_cut")
    assert adapter.confirm(key, fk) == (Retry("partner.not_there") if when == "before" else Accepted(key))
    service.receipts = True
    assert adapter.confirm(key, fk) == (Retry("partner.not_there") if when == "before" else Delivered(key))


def test_what_was_refused_by_receipt_is_known_as_refused(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """Asked about a message that came back REJECTED, the answer is that, with SDK's code."""
    service.refuse("fk", "BV", "not-found")
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    assert adapter.confirm(key, fk) == Rejected("sdk.bv.not-found")


def test_a_message_to_somebody_else_proves_nothing(adapter: Sdk, service: MessageService, fk: Recipient, recipient: Any) -> None:
    """What the service has under a key, but for another functional address, is no proof that this one was told."""
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    assert adapter.confirm(key, recipient("sdk:annan")) is None


def receipts_for(adapter: Sdk, key: str) -> list[tuple[str, str | None]]:
    """Poll once and return what was said about a key."""
    found = [inbound.content for inbound in adapter.poll(None)]
    return [(one.kind, one.code) for one in found if isinstance(one, Receipt) and one.key == key]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (None, ("received", None)),
        (("BV", "not-found"), ("rejected", "sdk.bv.not-found")),
        (("SV", "structure"), ("rejected", "sdk.sv.structure")),
        (("SIG", "security"), ("rejected", "sdk.sig.security")),
        (("?", "?"), ("rejected", "sdk.rejected")),
    ],
)
def test_receipts_are_fetched(
    adapter: Sdk, service: MessageService, fk: Recipient, refusal: tuple[str, str] | None, said: tuple[str, str | None]
) -> None:
    """A message that waits says nothing yet; then ACCEPTED is a receipt, and REJECTED one with SDK's code."""
    service.receipts = False
    if refusal:
        service.refuse("fk", *refusal)
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    assert receipts_for(adapter, key) == []
    service.receipts = True
    assert receipts_for(adapter, key) == [said]
    assert [one.organisation for one in adapter.poll(None) if one.partner_id.startswith(key)] == [p.FORSAKRINGSKASSAN]


@pytest.mark.parametrize(("kind", "detail"), [*product(("SV", "BV", "SIG"), DETAILS), ("BV", "MESSAGE_EXCHANGE_ERROR")])
def test_each_rejection_leads_to_its_code_by_every_way(
    adapter: Sdk, service: MessageService, fk: Recipient, kind: str, detail: str
) -> None:
    """Given a rejection of each class and detail, then the polled receipt and the question after an uncertain send say the same code, which README.md has a row for; that the recipient has it already is neither."""
    service.refuse("fk", kind, detail)
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    expected = f"sdk.{kind.lower()}.{detail}" if detail in DETAILS else f"sdk.{kind.lower()}"
    twice = detail in {"duplicate", "multiple-matches"} and kind != "SIG"
    assert adapter.confirm(key, fk) == (Accepted(key) if twice else Rejected(expected))
    assert receipts_for(adapter, key) == ([] if twice else [("rejected", expected)])
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    assert f"`sdk.bv.{detail}`" in page or f"`sdk.{kind.lower()}.{detail}`" in page or f"`sdk.{kind.lower()}`" in page


def test_what_is_there_twice_is_said_once(adapter: Sdk, service: MessageService, fk: Recipient, caplog: pytest.LogCaptureFixture) -> None:
    """Given a rejection because the recipient has the message already, then the log says so at the first poll, and no poll gives a receipt."""
    service.refuse("fk", "BV", "duplicate")
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    counts = [0]
    for _ in range(2):
        assert receipts_for(adapter, key) == []
        counts.append(caplog.text.count("receipt.duplicate"))
    assert counts[0] < counts[1] == counts[2]


@pytest.mark.parametrize(
    ("codes", "decides"),
    [
        ((), ""),
        (("sdk.bv.duplicate",), "sdk.bv.duplicate"),
        (("sdk.bv.duplicate", "sdk.sv.structure"), "sdk.sv.structure"),
        (("sdk.bv.multiple-matches", "sdk.sig"), "sdk.sig"),
        (("sdk.bv.not-found", "sdk.bv.duplicate"), "sdk.bv.not-found"),
    ],
)
def test_what_is_wrong_outweighs_what_is_there(codes: tuple[str, ...], decides: str) -> None:
    """Given several reasons, then the first that says more than that the message is there decides, by both ways alike."""
    reasons = [Reason(*(code.upper().split(".")[1:2]), *code.split(".")[2:]) for code in codes]
    issues = [{"typeCode": one.kind, "title": one.detail or ""} for one in reasons]
    assert code_in({"eventIssues": issues}) == decides
    assert MessageReceipt(str(uuid4()), "0203:a.example", "0203:b.example", NOW, reasons, accepted=False).code == (
        decides or "sdk.rejected"
    )


def test_what_was_settled_is_not_fetched_again_and_stays_at_the_service(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """Settling, once or twice, leaves it out of later polls; nothing is deleted, so that a question about it is still answered."""
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    [first] = [inbound for inbound in adapter.poll(None) if inbound.partner_id.startswith(key)]
    assert receipts_for(adapter, key) != []
    adapter.settle(first.partner_id)
    adapter.settle(first.partner_id)
    assert receipts_for(adapter, key) == []
    assert adapter.confirm(key, fk) == Delivered(key)


def test_an_answer_is_fetched_whole_and_its_organisation_is_the_settings_word(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """An answer comes with its text, as the organisation that the settings give to its sender; an unknown sender is nobody."""
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    answers = [service.reply("fk", key, "Svar: ja"), service.reply("fk", key, "Svar: ja", participant="0203:annan.example")]
    found = {inbound.partner_id: inbound for inbound in adapter.poll(None)}
    assert [found[answer].organisation for answer in answers] == [p.FORSAKRINGSKASSAN, None]
    content = found[answers[0]].content
    assert isinstance(content, Submission)
    assert json.loads(content.body)["digitalDocument"][0]["contentTextBody"] == ["Svar: ja"]
    assert answers[0] in {inbound.partner_id for inbound in adapter.poll(None)}  # RETRIEVED, and not settled: it comes again


def test_what_is_for_other_clients_of_the_service_is_left_alone(adapter: Sdk, service: MessageService) -> None:
    """A message to another function, and a receipt for what another system sent, are nobody's business here."""
    sender = ("0203:arbetsformedlingen.example", "sdk:sip", "AF")
    other = service.write(sender=sender, recipient=("0203:norrby.example", "sdk:bygglov:0203:norrby.example"), text="Hej")
    service.write(sender=sender, recipient=("0203:norrby.example", "sdk:sip:0203:norrby.example"), text="Hej")
    assert other not in {inbound.partner_id for inbound in adapter.poll(None)}


def test_a_service_that_cannot_be_asked_is_asked_again_later(adapter: Sdk, service: MessageService, fk: Recipient) -> None:
    """A poll that fails, in the list or at one message, loses nothing: the next one brings it."""
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    answer = service.reply("fk", key, "Svar: ja")
    service.ask_faults.add(Fault("status", times=1, status=503))
    assert answer not in {inbound.partner_id for inbound in adapter.poll(None)}
    service.ask_faults.add(Fault("status", status=500))
    assert list(adapter.poll(None)) == []
    service.ask_faults.clear()
    assert answer in {inbound.partner_id for inbound in adapter.poll(None)}


def test_a_poll_comes_no_more_often_than_set(make_context: MakeContext, service: MessageService, fk: Recipient) -> None:
    """With a minute between polls, the second finds nothing, because nobody is asked."""
    adapter = Sdk(make_context(poll_seconds="60"))
    adapter.deliver(adapter.translate(CUT, fk), fk, str(uuid4()))
    first: list[Inbound] = list(adapter.poll(None))
    assert first
    assert list(adapter.poll(None)) == []


def test_the_receipt_of_an_organisation_that_is_not_named_is_the_services_word(
    make_context: MakeContext, service: MessageService, fk: Recipient
) -> None:
    """Given an organisation that the settings do not name, then the status of our own message is its recipient's word; doctor says what is missing, or wrong."""
    adapter = Sdk(make_context(agencies=""))
    key = str(uuid4())
    adapter.deliver(adapter.translate(CUT, fk), fk, key)
    assert [one.organisation for one in adapter.poll(None) if one.partner_id.startswith(key)] == [None]
    for agencies, ok in (
        ("", False),
        (f"0203:forsakringskassan.example {p.ARBETSFORMEDLINGEN}", False),
        (f"0203:forsakringskassan.example {p.FORSAKRINGSKASSAN}", True),
    ):
        [check] = Sdk(make_context(agencies=agencies)).check_address(fk)
        assert check.ok is ok
        assert f"gives 0203:forsakringskassan.example the number {p.FORSAKRINGSKASSAN}" in check.what


# ── what cannot be translated, and settings ──


def test_what_cannot_be_addressed_or_said_is_held(make_context: MakeContext, adapter: Sdk, fk: Recipient, recipient: Any) -> None:
    """No participant in the entry, no sender for the owner, a kind or a purpose without words: a mapping error each, without content."""
    invited = sample("meeting.invited").to_document()
    odd = {**invited, "content": {**invited["content"], "purpose": "hemlig"}}
    wrong: list[tuple[Sdk, Cut, Recipient, str]] = [
        (adapter, CUT, recipient(participant=""), "sdk.no_participant"),
        (Sdk(make_context(senders="")), CUT, fk, "sdk.no_sender"),
        (adapter, Cut({name: part for name, part in invited.items() if name != "owner"}, "consent"), fk, "sdk.no_sender"),
        (adapter, whole_cut(sample("meeting.summoned")), fk, "sdk.unsupported_kind"),
        (adapter, Cut(odd, "consent"), fk, "mapping.unmapped"),
        (adapter, CUT, recipient("x" * 257), "sdk.too_long"),
    ]
    for one, cut, there, code in wrong:
        with pytest.raises(MappingError) as caught:
            one.translate(cut, there)
        assert caught.value.code == code
        assert "hemlig" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"servce": "x"},
        {"service": "ftp://x"},
        {"token_url": "https://a@b/"},
        {"senders": "2120009994 norrby"},
        {"senders": "2120009995 0203:norrby.example sdk:sip Norrby"},
        {"agencies": "0203:af.example"},
        {"agencies": "af.example 2021002114"},
        {"timeout_seconds": "-7"},
        {"poll_seconds": "nan"},
    ],
)
def test_wrong_settings_stop_the_start(make_context: MakeContext, settings: dict[str, str]) -> None:
    """A misspelt setting or one that cannot be used stops the start, and its value is not repeated."""
    with pytest.raises(SettingsError) as caught:
        Sdk(make_context(**settings))
    assert not [value for value in settings.values() if value in str(caught.value)]


def test_check_says_what_is_missing(make_context: MakeContext, running: SdkSandbox) -> None:
    """Every setting without which nothing can be sent is named before anybody sends, and a service that gives a token is praised."""
    bare = Sdk(make_context(service="", token_url="", client_id="", senders="", agencies=""))
    said = "\n".join(check.what for check in bare.check() if not check.ok)
    assert all(name in said for name in ("service", "token_url", "client_id", "senders", "agencies"))
    assert {check.ok for check in Sdk(make_context()).check()} == {True}
