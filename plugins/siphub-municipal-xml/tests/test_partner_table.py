"""What a municipality may answer, and what each answer leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Cut, Delivered, MappingError, Outcome, Recipient, Rejected, Retry, SettingsError, SystemClock, Uncertain
from siphub.mappings import Mappings, approve, begin, shipped
from siphub.model import sample
from siphub.sandbox import Fault, Sandbox
from siphub.testing.partner import cuts, hangs, partner, says
from siphub.testing.samples import cut_without, whole_cut
from siphub_municipal_xml import MunicipalXml

MakeRecipient = Callable[..., Recipient]
CUT: Cut = whole_cut(sample("meeting.summoned", maximal=True))

TABLE: list[tuple[str, dict[str, Any], Outcome]] = [
    ("200 OK", {}, Delivered()),
    ("201 Created", {}, Delivered()),
    ("202 Accepted", {}, Delivered()),
    ("400 Bad Request", {}, Rejected("partner.http_400", "the partner answered 400")),
    ("401 Unauthorized", {}, Retry("partner.unauthorised")),
    ("403 Forbidden", {}, Retry("partner.unauthorised")),
    ("404 Not Found", {}, Retry("partner.not_found")),
    ("409 Conflict", {}, Rejected("partner.http_409", "the partner answered 409")),
    ("413 Content Too Large", {}, Rejected("partner.http_413", "the partner answered 413")),
    ("415 Unsupported Media Type", {}, Rejected("partner.http_415", "the partner answered 415")),
    ("422 Unprocessable Content", {}, Rejected("partner.http_422", "the partner answered 422")),
    ("429 Too Many Requests", {"Retry_After": "7"}, Retry("partner.http_429", timedelta(seconds=7))),
    ("500 Internal Server Error", {}, Retry("partner.http_500")),
    ("502 Bad Gateway", {}, Uncertain("partner.gateway")),
    ("503 Service Unavailable", {}, Retry("partner.http_503")),
    ("307 Temporary Redirect", {"Location": "https://127.0.0.1:9/"}, Retry("partner.redirected")),
]


@pytest.mark.parametrize(("status", "headers", "outcome"), TABLE)
def test_each_answer_has_its_outcome(
    adapter: MunicipalXml, recipient: MakeRecipient, status: str, headers: dict[str, Any], outcome: Outcome
) -> None:
    """Each status a municipality may answer leads to the outcome of the table, after one request."""
    with partner(says(status, **headers)) as other:
        there = recipient(other.url)
        assert adapter.deliver(adapter.translate(CUT, there), there, str(uuid4())) == outcome
        assert other.requests == 1


def test_no_content_is_delivered(adapter: MunicipalXml, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """204 is as good as 200."""
    sandbox.fault("norrby", Fault("status", times=1, status=204))
    there = recipient(sandbox.endpoint("norrby"))
    assert adapter.deliver(adapter.translate(CUT, there), there, str(uuid4())) == Delivered()


def test_a_web_page_is_no_receipt(adapter: MunicipalXml, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """A 200 with a web page, as a login page or a proxy gives, is Uncertain; asked afterwards, the partner says it has nothing."""
    sandbox.fault("norrby", Fault("html", times=1))
    there, key = recipient(sandbox.endpoint("norrby")), str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, there), there, key) == Uncertain("partner.unexpected_body")
    assert adapter.confirm(key, there) == Retry("partner.not_there")


def test_silence_is_uncertain(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """A municipality that reads and never answers leaves it Uncertain when the time is over."""
    with partner(hangs) as other:
        there = recipient(other.url)
        assert adapter.deliver(adapter.translate(CUT, there), there, str(uuid4())) == Uncertain("partner.timeout")
        assert adapter.confirm(str(uuid4()), there) is None


def test_a_cut_connection_is_uncertain(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """A connection that is cut after the request is Uncertain."""
    with partner(cuts) as other:
        there = recipient(other.url)
        assert adapter.deliver(adapter.translate(CUT, there), there, str(uuid4())) == Uncertain("partner.connection_cut")


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_cut_connection_the_partner_is_asked(adapter: MunicipalXml, recipient: MakeRecipient, sandbox: Sandbox, when: str) -> None:
    """Cut before the partner took it: surely not there. Cut afterwards: Delivered. A repeat then leaves one message either way."""
    sandbox.fault("norrby", Fault("reset", times=1, when="before" if when == "before" else "after"))
    there, key = recipient(sandbox.endpoint("norrby")), str(uuid4())
    payload = adapter.translate(CUT, there)
    assert adapter.deliver(payload, there, key) == Uncertain("partner.connection_cut")
    assert adapter.confirm(key, there) == (Retry("partner.not_there") if when == "before" else Delivered())
    assert adapter.deliver(payload, there, key) == Delivered()
    [entry] = [entry for entry in sandbox.ledger("norrby").effects() if entry.key == key]
    assert sandbox.ledger("norrby").body(key) == payload.body
    assert (entry.message_type, entry.message_id) == ("meeting.summoned", CUT.message_id)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "403 Forbidden", "302 Found", "202 Accepted"])
def test_a_partner_that_cannot_say_is_not_believed(adapter: MunicipalXml, recipient: MakeRecipient, status: str) -> None:
    """Asked about a key, only 200 and 404 are answers."""
    with partner(says(status)) as other:
        assert adapter.confirm("k", recipient(other.url)) is None


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_a_page_is_no_answer_about_a_key(adapter: MunicipalXml, recipient: MakeRecipient, status: str) -> None:
    """A web page, whatever its status, says nothing about a key."""
    with partner(says(status, b"<html>hello</html>", "text/html")) as other:
        assert adapter.confirm("k", recipient(other.url)) is None


def test_an_api_key_is_sent_only_where_the_entry_names_it(adapter: MunicipalXml, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """With the named secret the delivery arrives; with another or none the municipality refuses and an administrator must act."""
    there = sandbox.endpoint("soderby")
    payload = adapter.translate(CUT, recipient(there))
    assert adapter.deliver(payload, recipient(there, secret="soderby"), str(uuid4())) == Delivered()
    assert adapter.deliver(payload, recipient(there, secret="old"), str(uuid4())) == Retry("partner.unauthorised")
    assert adapter.deliver(payload, recipient(there), str(uuid4())) == Retry("partner.unauthorised")


@pytest.mark.parametrize(
    ("endpoint", "options", "code"),
    [
        ("https://127.0.0.1:9/x", {"secret": "missing"}, "settings.secret_missing"),
        ("http://kommun.example/x", {}, "http.plain_refused"),
        ("https://user:word@127.0.0.1/x", {}, "http.bad_url"),
        ("folder/a", {}, "http.bad_url"),
    ],
)
def test_a_wrong_entry_is_tried_again(
    adapter: MunicipalXml, recipient: MakeRecipient, endpoint: str, options: dict[str, str], code: str
) -> None:
    """A directory entry that cannot be used sends nothing and is an outcome; the partner is not asked about the key either."""
    there = recipient(endpoint, **options)
    assert adapter.deliver(adapter.translate(CUT, there), there, str(uuid4())) == Retry(code)
    assert adapter.confirm("k", there) is None


def test_a_cut_arrives_as_it_was_cut(adapter: MunicipalXml, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """A municipality takes a cut without the person and the participants: the sandbox's schema has nothing against it."""
    there, key = recipient(sandbox.endpoint("norrby")), str(uuid4())
    cut = cut_without(
        sample("meeting.summoned", maximal=True), "/subject", "/author", "/content/participating_units", "/content/meeting/place"
    )
    payload = adapter.translate(cut, there)
    assert adapter.deliver(payload, there, key) == Delivered()
    body = sandbox.ledger("norrby").body(key).decode()
    assert "Provsdotter" not in body
    assert "deltagandeEnheter" not in body


@pytest.mark.parametrize(
    ("mapping", "made_by"), [(None, "municipal-sip@1.0"), ("1.0", "municipal-sip@1.0"), ("municipal-sip@1.0", "municipal-sip@1.0")]
)
def test_the_entry_names_the_pack(adapter: MunicipalXml, recipient: MakeRecipient, mapping: str | None, made_by: str) -> None:
    """Without a mapping, with a version or with a pack's whole name the same pack is used here, and the payload says which."""
    assert adapter.translate(CUT, recipient("https://x.example/", mapping)).mapping == made_by


def test_a_newer_version_changes_no_entry_that_names_none(
    make_context: Callable[..., Any], recipient: MakeRecipient, tmp_path: Path
) -> None:
    """Given 1.1 of the hub's own format approved beside 1.0, an entry without a mapping keeps 1.0 until a setting or its own mapping says 1.1."""
    origin, day = Mappings([shipped()], SystemClock()).load("municipal-sip", "1.0"), date(2026, 1, 1)
    approve(begin(origin, tmp_path, "municipal-sip", "1.1", owner="IT", today=day), by="Eva Kontakt", today=day)
    packs = Mappings([shipped(), tmp_path], SystemClock())
    there = recipient("https://norrby.example/in")
    asked = [
        MunicipalXml(replace(make_context(settings=given, secrets={}), mappings=packs)).pack_of(there) for given in ({}, {"version": "1.1"})
    ]
    assert asked == ["municipal-sip@1.0", "municipal-sip@1.1"]
    assert (
        MunicipalXml(replace(make_context(settings={}, secrets={}), mappings=packs)).pack_of(replace(there, mapping="1.1"))
        == "municipal-sip@1.1"
    )


def test_a_pack_that_wants_a_document_gets_it(make_context: Callable[..., object], recipient: MakeRecipient) -> None:
    """Where the entry names a pack that wants the message as PDF or text, then it is made from the very cut that is sent."""
    seen: list[tuple[Cut, str]] = []

    def render(cut: Cut, form: str) -> bytes:
        seen.append((cut, form))
        return b"%PDF"

    adapter = MunicipalXml(make_context(render=render))  # type: ignore[arg-type]  # the fixture gives a PluginContext
    payload = adapter.translate(CUT, recipient("https://x.example/", "lifecare-style@1.0"))
    assert payload.mapping == "lifecare-style@1.0"
    assert b"<Content>JVBERg==</Content>" in payload.body
    assert seen == [(CUT, "pdf")]


@pytest.mark.parametrize("mapping", ["9.9", "other@1.0", "@", "municipal-sip@"])
def test_a_pack_that_is_not_there_holds_the_delivery(adapter: MunicipalXml, recipient: MakeRecipient, mapping: str) -> None:
    """A directory entry that names a pack we do not have is a mapping error."""
    with pytest.raises(MappingError):
        adapter.translate(CUT, recipient("https://x.example/", mapping))


def test_an_invalid_translation_is_never_sent(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """A value that the schema refuses, here a telephone number in words, is a mapping error that does not repeat it."""
    document = sample("meeting.cancelled").to_document()
    document["content"]["phone"] = "ring grannen"
    with pytest.raises(MappingError) as caught:
        adapter.translate(Cut(document, "recall"), recipient("https://x.example/"))
    assert caught.value.code == "mapping.invalid_output"
    assert "grannen" not in str(caught.value)


def test_what_xml_cannot_carry_is_refused(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """A control character names its field and holds the delivery."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["content"]["agenda"][0] = "a\x01"
    with pytest.raises(MappingError, match="/content/agenda/0") as caught:
        adapter.translate(Cut(document, "consent"), recipient("https://x.example/"))
    assert caught.value.code == "mapping.unrepresentable"


def test_too_much_is_refused(adapter: MunicipalXml, recipient: MakeRecipient) -> None:
    """A document beyond what partners take is a mapping error, not an exception of the parser."""
    document = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["needs"] = ["å" * 10_000] * 500
    with pytest.raises(MappingError) as caught:
        adapter.translate(Cut(document, "consent"), recipient("https://x.example/"))
    assert caught.value.code == "mapping.too_large"


@pytest.mark.parametrize(
    "settings",
    [
        {"packs": "x"},
        {"timeout_seconds": "0"},
        {"timeout_seconds": "soon"},
        {"timeout_seconds": "nan"},
        {"root": "soon"},
        {"clients": "soon"},
        {"clients": "norrby soon"},
        {"clients": "norrby https://a.example/sip"},
        {"clients": "norrby https://a.example; norrby https://b.example"},
    ],
)
def test_wrong_settings_stop_the_start(make_context: Callable[..., object], settings: dict[str, str]) -> None:
    """A misspelt setting or a time-out that is none stops the start, and its value is not repeated."""
    with pytest.raises(SettingsError) as caught:
        MunicipalXml(make_context(settings=settings))  # type: ignore[arg-type]  # the fixture gives a PluginContext
    assert "soon" not in str(caught.value)


def test_check_says_what_is_wrong(make_context: Callable[..., object]) -> None:
    """A pack that is not there and an empty secret are found before anybody sends."""
    good = MunicipalXml(make_context())  # type: ignore[arg-type]  # the fixture gives a PluginContext
    assert [check.ok for check in good.check()] == [True]
    bad = MunicipalXml(make_context(settings={"pack": "nothing"}, secrets={"norrby": ""}))  # type: ignore[arg-type]  # the same
    assert [check.ok for check in bad.check()] == [False, False]
