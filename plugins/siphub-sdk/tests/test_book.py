"""The SDK address book over real lines: every page is fetched, nothing is believed that is no whole book, and nobody else is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import siphub_sdk
from siphub.contract import BookError, Edition, ListedAddress, ListedCode, PluginContext, Recipient, SettingsError
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.sandbox.sdk_book import SYSTEM, AddressBookService, address, organisation
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.partner import partner, says
from siphub_sdk import SdkAddressBook
from siphub_sdk.listed import joined, plain, read

FK = "0203:forsakringskassan.example"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def service(running: SdkSandbox) -> Iterator[AddressBookService]:
    """Give the sandbox's book, in good health."""
    running.book.clear()
    yield running.book
    running.book.clear()


@pytest.fixture
def book(running: SdkSandbox, make_context: Callable[..., PluginContext], service: AddressBookService) -> SdkAddressBook:
    """Give the plugin's address book, set up for the sandbox."""
    assert service is running.book
    [found] = siphub_sdk.siphub_address_books(make_context(address_book=f"{running.address_book}/"))
    return found


def fetched(book: SdkAddressBook, kept: dict[str, Any] | None = None) -> Edition:
    """Fetch the book."""
    return book.fetch(kept or {}, lambda _: None)


def refusal(book: SdkAddressBook) -> str:
    """Return the code the book is refused with."""
    with pytest.raises(BookError) as caught:
        fetched(book)
    return caught.value.code


def test_every_page_of_every_resource_is_fetched(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a book of several pages, then all of it comes, joined: whose an address is, what it is for, and whether it is in use."""
    told: list[str] = []
    edition = book.fetch({}, told.append)
    assert edition.addresses[0] == ListedAddress(
        FK,
        "sdk:sip:0203:forsakringskassan.example",
        "Försäkringskassan SIP",
        p.FORSAKRINGSKASSAN,
        "Försäkringskassan",
        codes=(ListedCode(SYSTEM, "sip", "Samordnad individuell plan"),),
    )
    assert [one.label for one in edition.addresses if not one.active] == ["Avvecklad mottagning"]
    assert (len(edition.addresses), len(edition.organisations), edition.left_out, edition.unchanged) == (5, 3, {}, False)
    assert service.asked == [200] * 6
    assert told[-1] == "addresses: page 3, 5 so far"


def test_what_has_not_changed_is_not_sent_again(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a book that was fetched, then its pages are asked for by their ETags; a change on one page brings that page alone."""
    first = fetched(book)
    again = fetched(book, json.loads(json.dumps(first.kept)))
    assert (again.unchanged, again.addresses, again.left_out) == (True, first.addresses, {})
    assert service.asked[6:] == [304] * 6
    service.content["addresses"][2]["attributes"]["name"] = "Nytt namn"
    changed = fetched(book, dict(first.kept))
    assert service.asked[12:] == [304, 304, 304, 304, 200, 304]
    assert (changed.unchanged, changed.addresses[2].label) == (False, "Nytt namn")


def test_a_book_without_etags_is_fetched_whole(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a server that knows no conditional requests, then everything is fetched each time, and is right each time."""
    service.validators = False
    first = fetched(book)
    again = fetched(book, dict(first.kept))
    assert (service.asked, again.addresses) == ([200] * 12, first.addresses)


def test_a_page_kept_by_another_reading_is_fetched_anew(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given pages that another version kept, or that are none, then none of them is used."""
    kept: dict[str, Any] = {url: {**page, "reading": 0} for url, page in fetched(book).kept.items()}
    assert fetched(book, kept).addresses == fetched(book, dict.fromkeys(kept, "x")).addresses
    assert service.asked == [200] * 18


def test_nothing_is_sent_that_lets_us_in(make_context: Callable[..., PluginContext]) -> None:
    """Given a secret and a token endpoint, then a request for the book has neither, nor any word of the hub's but its name."""
    page = json.dumps({"data": [], "links": {}, "meta": {}}).encode()
    with partner(says("200 OK", page, "application/vnd.api+json")) as there:
        [book] = siphub_sdk.siphub_address_books(make_context(address_book=f"{there.url}/api"))
        fetched(book)
        sent = b"".join(there.connections).lower()
    assert b"get /inbox/api/organizations" in sent
    assert b"authorization" not in sent
    assert b"cookie" not in sent


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("https://annan.example/addressbook/api/addresses?page=2", "book.other_server"),
        ("http://127.0.0.1/addressbook/api/addresses", "book.other_server"),
        ("//annan.example/x", "book.other_server"),
        ("file:///etc/passwd", "book.other_server"),
        ("https://a:b@127.0.0.1/x", "book.other_server"),
        ("x" * 2001, "book.unreadable"),
        (7, "book.unreadable"),
        ({"href": ["x"]}, "book.unreadable"),
        ("https://[::1/x", "book.unreadable"),
    ],
)
def test_a_link_elsewhere_is_not_followed(book: SdkAddressBook, service: AddressBookService, link: object, code: str) -> None:
    """Given a page whose next one is at another server, or nowhere, then the whole book is refused, and nobody else is asked."""
    service.twist = lambda _resource, _number, document: {**document, "links": {"next": link}}
    assert refusal(book) == code
    assert service.asked == [200]


def test_pages_that_go_round_end(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given pages that lead back to one that was fetched, or on without an end, then the book is refused after finitely many."""
    service.twist = lambda resource, _number, document: {**document, "links": {"next": f"{resource}?page%5Bnumber%5D=1"}}
    assert refusal(book) == "book.loop"
    assert len(service.asked) == 2
    service.twist = lambda resource, number, _document: {
        "data": [],
        "links": {"next": {"href": f"{resource}?page%5Bnumber%5D={number + 1}"}},
    }
    book.most_pages = 20
    assert refusal(book) == "book.too_many_pages"
    assert len(service.asked) == 2 + 20


@pytest.mark.parametrize(
    "made", [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": 7, "links": {}}', b"\xff", b"[" * 50_000], ids=range(8)
)
def test_what_is_no_page_is_refused(book: SdkAddressBook, service: AddressBookService, made: bytes) -> None:
    """Given bytes that are no JSON:API document with a list, then the book is refused."""
    service.twist = lambda *_: made
    assert refusal(book) == "book.unreadable"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=401), "book.refused"),
        (Fault("status", status=403), "book.refused"),
        (Fault("status", status=404), "book.not_found"),
        (Fault("status", status=410), "book.not_found"),
        (Fault("status", status=302), "book.redirected"),
        (Fault("status", status=304), "book.unavailable"),
        (Fault("status", status=500), "book.unavailable"),
        (Fault("status", status=503, retry_after=0), "book.unavailable"),
        (Fault("html"), "book.unreadable"),
        (Fault("reset"), "book.unreachable"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
def test_each_failure_has_its_code(book: SdkAddressBook, service: AddressBookService, fault: Fault, code: str) -> None:
    """Given a server that does not give the book, then the refusal says why, whatever was answered before."""
    service.faults.add(fault)
    assert refusal(book) == code


def test_what_passes_is_asked_for_again(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a line that breaks and a server that asks to wait, each once, then the book comes all the same."""
    service.faults.add(Fault("reset", times=1))
    service.faults.add(Fault("status", times=1, status=429, retry_after=0))
    assert len(fetched(book).addresses) == 5
    assert service.faults.waiting() == ()


def test_a_page_beyond_all_bounds_is_refused(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a page larger than a whole address book's pages can be, then it is refused, and no more of it is read."""
    service.twist = lambda *_: b'{"data": ["' + b"x" * (17 * 1024 * 1024) + b'"]}'
    assert refusal(book) == "book.too_large"


def test_codes_may_be_somewhere_else(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given an address book whose code systems are at another place, then addresses have their codes without names."""
    del service.content["codesystems"]
    assert fetched(book).addresses[0].codes == (ListedCode(SYSTEM, "sip"),)


def test_an_empty_book_is_told_as_it_is(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given a book without addresses, then the edition has none; whether that is believed is the hub's to say."""
    service.content["addresses"] = []
    assert fetched(book).addresses == ()


def test_hostile_and_broken_entries(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given entries that are none or hold what no terminal should get, then those are left out and counted, and texts are plain lines."""
    entries: list[Any] = [
        address("1", "sdk:a", "\x1b[2J Rad\n\n tvâ \u202e\u0000" + "x" * 2000, "sip"),
        address("9", "sdk:b", "Ingens"),
        address("1", "sdk med blanksteg", "x"),
        address("1", "sdk:\x1b[2J", "x"),
        address("1", "x" * 257, "x"),
        address("1", "", "x"),
        {"type": "addresses", "id": "1"},
        {"attributes": {"identifier": 7}},
        {"attributes": {"identifier": "sdk:c", "name": ["x"], "codes": 7, "participantIdentifier": f"iso6523-actorid-upis::{FK}"}},
        "x",
    ]
    service.content["addresses"] = entries
    service.content["organizations"].append(organisation("9x", "norrby.example", "x", "x"))
    edition = fetched(book)
    assert [(one.address, one.participant) for one in edition.addresses] == [("sdk:a", FK), ("sdk:c", FK)]
    label = edition.addresses[0].label
    assert label.startswith("[2J Rad tvâ x")
    assert (len(label), label.isprintable()) == (256, True)
    assert edition.left_out == {"book.addresses_unreadable": 7, "book.organizations_unreadable": 1, "book.organisation_unknown": 1}


def test_what_says_no_id_owns_nothing(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given an organisation without an id, then it is left out, and an address that names nobody is not its."""
    unnamed = {**organisation("1", "0203:annan.example", "x", "Annan"), "id": None}
    service.content["organizations"].append(unnamed)
    service.content["addresses"] = [{"type": "addresses", "id": "x", "attributes": {"identifier": "sdk:a"}}]
    edition = fetched(book)
    assert edition.addresses == ()
    assert edition.left_out == {"book.organizations_unreadable": 1, "book.organisation_unknown": 1}


def test_a_part_of_an_organisation_takes_part_as_the_one_above_it(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given parts of an organisation, one in the other, then their addresses are its own participant's; a circle takes part as nobody."""

    def part(identity: str, parent: str, **attributes: str) -> dict[str, Any]:
        relation = {"parent": {"data": {"type": "organizations", "id": parent}}}
        return {"type": "organizations", "id": identity, "attributes": {"type": "UO", **attributes}, "relationships": relation}

    own = part("5", "1", name="Del", participantIdentifier=FK)
    service.content["organizations"] = [
        part("6", "5", name="Enhet"),
        own,
        *service.content["organizations"],
        part("7", "8"),
        part("8", "7"),
    ]
    service.content["addresses"] = [address("6", "sdk:enhet", "Enhet"), address("5", "sdk:del", "Del"), address("7", "sdk:ingen", "Ingen")]
    edition = fetched(book)
    assert [(one.address, one.participant, one.number, one.organisation) for one in edition.addresses] == [
        ("sdk:enhet", FK, p.FORSAKRINGSKASSAN, "Försäkringskassan"),
        ("sdk:del", FK, p.FORSAKRINGSKASSAN, "Försäkringskassan"),
    ]
    assert sorted(one.name for one in edition.organisations) == ["Arbetsförmedlingen", "Försäkringskassan", "Norrby kommun"]
    assert edition.left_out == {"book.organisation_unknown": 1}


def test_an_address_that_stands_twice(book: SdkAddressBook, service: AddressBookService) -> None:
    """Given an address twice alike, then it is one; given it twice and not alike, then it is counted, and in use only where both say so."""
    entries = service.content["addresses"]
    service.content["addresses"] = [entries[0], entries[0], entries[1], address("1", entries[1]["id"], "Annat", status="closed")]
    assert [(one.times, one.active) for one in fetched(book).addresses] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("attributes", "active"),
    [
        ({}, True),
        ({"status": "Active"}, True),
        ({"status": "CLOSED"}, False),
        ({"active": False}, False),
        ({"active": True}, True),
        ({"validTo": "2026-11-25"}, False),
        ({"validTo": "2026-11-26T23:59:59Z"}, True),
        ({"validFrom": "2026-12-01"}, False),
        ({"validFrom": "snart", "validTo": 7}, True),
    ],
)
def test_when_an_address_is_in_use(attributes: dict[str, Any], active: bool) -> None:
    """Given what a book may say of an address's life, then it is in use on the day or not; what says nothing is no end."""
    owner = read("organizations", organisation("1", FK, p.FORSAKRINGSKASSAN, "FK"))
    entry = read("addresses", {"attributes": {"identifier": "a", "participantIdentifier": FK, **attributes}})
    assert owner is not None
    assert entry is not None
    [found], _, _ = joined([owner], [entry], [], NOW)
    assert found.active is active


@pytest.mark.parametrize(
    ("written", "number"),
    [("2021005521", "2021005521"), ("202100-5521", "2021005521"), ("162021005521", "2021005521"), ("2021005522", ""), ("", ""), (7, "")],
)
def test_how_organisation_numbers_are_written(written: object, number: str) -> None:
    """Given an organisation number as registers write it, then it is ten digits; what is none is left empty, and the organisation stays."""
    found = read("organizations", {"id": "1", "attributes": {"participantIdentifier": FK, "organizationNumber": written, "name": "FK"}})
    assert found is not None
    assert found["number"] == number


def test_a_participant_may_be_written_with_its_scheme() -> None:
    """Given an organisation whose participant has the scheme before it, then it is the same as without; another scheme is not read."""
    for written, participant in ((f"iso6523-actorid-upis::{FK}", FK), (FK, FK), ("0007:2021005521", None)):
        found = read("organizations", {"id": "1", "attributes": {"participantIdentifier": written, "name": "FK"}})
        assert (found["participant"] if found is not None else None) == participant


def test_a_text_is_one_line_of_what_is_seen() -> None:
    """Given control and format characters, lone surrogates and what is no text, then nothing of them is left."""
    assert plain("a\tb\r\nc\u2028d\ufeff\ud800\u200d") == "a b c d"
    assert plain(["a"]) == ""


def test_how_entries_and_the_book_name_an_address(book: SdkAddressBook) -> None:
    """Given a directory entry, then its key is its participant and endpoint; given an address, then an entry for it names both again."""
    entry = Recipient("", "", "", "sdk", "sdk:a", None, {"participant": FK})
    bare = Recipient("", "", "", "sdk", "sdk:a")
    assert book.keys([entry, bare]) == [(FK, "sdk:a"), ("", "sdk:a")]
    assert book.entry(ListedAddress(FK, "sdk:a")) == ("sdk:a", {"participant": FK})


def test_without_the_setting_there_is_no_book(make_context: Callable[..., PluginContext]) -> None:
    """Given no setting, then the plugin has no address book; given one that is no https address, then the start ends with its name."""
    assert siphub_sdk.siphub_address_books(make_context()) == []
    for wrong in ("http://bok.example/api", "ftp://bok.example", "https://bok.example/?x=1"):
        with pytest.raises(SettingsError, match="address_book"):
            siphub_sdk.siphub_address_books(make_context(address_book=wrong))
