"""What an entry says of its answers: which servers and folders they may lie at, how it acknowledges, and what of that cannot be used."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from siphub.contract import Recipient, Retry
from siphub.mappings import shipped
from siphub.sandbox import Fault, Sandbox
from siphub.testing import municipal_places as places
from siphub.testing.municipal_places import Web
from siphub.testing.partner import partner, says
from siphub_municipal_xml import MunicipalXml

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
YES = (shipped() / "municipal-sip" / "1.0" / "golden" / "meeting.response.minimal.xml").read_bytes()
MakeRecipient = Callable[..., Recipient]
Place = places.Place[MunicipalXml]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=500), "partner.http_500"),
        (Fault("status", status=401), "partner.unauthorised"),
        (Fault("status", status=404), "partner.not_found"),
        (Fault("html"), "partner.unexpected_body"),
        (Fault("reset"), "partner.connection_cut"),
    ],
)
def test_a_list_that_does_not_come_is_a_value(make_place: Callable[[str], Place], sandbox: Sandbox, fault: Fault, code: str) -> None:
    """Whatever the server says instead of a list, it is never that nothing lies there."""
    place = make_place("web")
    place.other.put("1.xml", YES)
    sandbox.fault("soderby", fault)
    assert place.adapter.fetch(place.other.source, place.recipient) == Retry(code)


@pytest.mark.parametrize("listed", [b"[]", b"{}", b'{"answers": [1]}', b'{"answers": ["../x"]}', b"{", b"[" * 100_000])
def test_a_list_that_is_none_is_said(make_place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch, listed: bytes) -> None:
    """A list with anything but names is no list."""
    place = make_place("web")
    assert isinstance(place.other, Web)
    monkeypatch.setattr(place.other.sandbox.partners["soderby"].tray, "listed", lambda: listed)
    assert place.adapter.fetch(place.other.source, place.recipient) == Retry("answers.no_list")


def test_what_lets_us_in_is_shown_for_answers_to_its_own_server_only(make_place: Callable[[str], Place]) -> None:
    """An entry whose answers lie at a server that its key is not for is refused, and nothing is asked there."""
    place = make_place("web")
    other = replace(place.recipient, options={**place.recipient.options, "answers": "https://127.0.0.1:9/answers"})
    refusal = place.adapter.refusal(other)
    assert refusal is not None
    assert refusal.code == "address.origin_refused"
    assert place.adapter.fetch("https://127.0.0.1:9/answers", other) == Retry("address.origin_refused")


@pytest.mark.parametrize(
    ("endpoint", "options", "said"),
    [
        ("https://x.example/sip", {"receipt": "maybe"}, "status, file or business"),
        ("https://x.example/sip", {"receipt": "file"}, "by the option answers"),
        ("https://x.example/sip", {"answers": "svar"}, "a whole https address"),
        ("https://x.example/sip", {"answers": "https://x.example/sip/"}, "somewhere else"),
        ("https://x.example/sip", {"answers": "/srv/svar"}, "same kind of place"),
        ("/srv/norrby", {"answers": "../soderby"}, "a name below the entry's own"),
        ("/srv/norrby", {"answers": "https://x.example/svar"}, "same kind of place"),
        ("/srv/norrby", {"answers": "/srv/norrby/"}, "somewhere else"),
    ],
)
def test_an_option_that_cannot_be_used_sends_nothing(
    adapter: MunicipalXml, recipient: MakeRecipient, endpoint: str, options: dict[str, str], said: str
) -> None:
    """A wrong option is refused with a code and a sentence, names no source, and nothing is sent that could not be acknowledged as meant."""
    there = recipient(endpoint, **options)
    refusal = adapter.refusal(there)
    assert refusal is not None
    assert (refusal.code, said in refusal.detail) == ("settings.option_wrong", True)
    assert any(said in check.what for check in adapter.check_address(there) if not check.ok)
    assert adapter.sources(there) == ()
    payload: Any = None
    assert adapter.deliver(payload, there, KEY) == Retry("settings.option_wrong")
    assert adapter.confirm(KEY, there) is None


@pytest.mark.parametrize(
    ("mapping", "options", "said"),
    [
        (None, {"receipt": "file"}, [(True, "when <key>.receipt says so")]),
        (
            None,
            {"receipt": "business", "answers": "svar"},
            [(True, "when a receipt message"), (True, "fetched from"), (True, "can be written")],
        ),
        ("lifecare-style@1.0", {"receipt": "business"}, [(True, "when a receipt message"), (False, "no form for a receipt")]),
        (None, {"answers": "elsewhere"}, [(True, "when its file is there"), (True, "fetched from"), (False, "folder.missing")]),
    ],
)
def test_how_an_entry_is_acknowledged_is_said(
    make_place: Callable[[str], Place], mapping: str | None, options: dict[str, str], said: list[tuple[bool, str]]
) -> None:
    """Doctor says of an entry what counts as delivered, where answers are fetched, and what of that cannot be."""
    place = make_place("folder")
    there = replace(place.recipient, mapping=mapping, options=options)
    found = list(place.adapter.check_address(there))[2:]
    assert [check.ok for check in found] == [ok for ok, _ in said]
    assert all(words in check.what for check, (_, words) in zip(found, said, strict=True))


def test_a_query_stays_behind_the_names(make_context: Callable[..., Any], recipient: MakeRecipient) -> None:
    """Given addresses with a query, as for a tenant, then keys and names go behind the path, and nothing is asked of the collection itself."""
    adapter = MunicipalXml(make_context(settings={"timeout_seconds": "2"}, secrets={}))
    bodies = iter([b'{"answers": ["1.xml"]}', YES, YES, b"", b""])

    def one_by_one(line: socket.socket) -> None:
        says("200 OK", next(bodies), "application/json")(line)

    with partner(one_by_one) as other:
        answers = f"{other.url}/answers?tenant=norrby"
        there = recipient(f"{other.url}?tenant=norrby", answers=answers)
        assert adapter.refusal(there) is None
        [source] = adapter.sources(there)
        found = adapter.fetch(source, there)
        assert not isinstance(found, Retry)
        [inbound] = found
        adapter.taken(source, there, inbound.partner_id, "case.not_there")
        adapter.confirm(KEY, there)
        lines = [line for seen in other.connections for line in bytes(seen).split(b"\r\n") if line.endswith(b"HTTP/1.1")]
    assert [line.decode() for line in lines] == [
        "GET /inbox/answers?tenant=norrby HTTP/1.1",
        "GET /inbox/answers/1.xml?tenant=norrby HTTP/1.1",
        "GET /inbox/answers/1.xml?tenant=norrby HTTP/1.1",
        "DELETE /inbox/answers/1.xml?tenant=norrby&refused=case.not_there HTTP/1.1",
        f"GET /inbox/{KEY}?tenant=norrby HTTP/1.1",
    ]
