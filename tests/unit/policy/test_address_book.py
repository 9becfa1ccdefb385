"""A directory beside an address book: what does not agree is said, once, and nothing of the directory is anything else's business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from siphub.contract import ListedAddress, ListedOrganisation
from siphub.model import Address, Directory, sample_directory
from siphub.model import people as p
from siphub.policy.address_book import Key, Listed, Remark, compare, further, name_of, of_organisation

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WHO, WHERE = "0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example"
LISTED = ListedAddress(WHO, WHERE, "FK SIP", p.FORSAKRINGSKASSAN, "Försäkringskassan")


def directory(name: str = "FK SIP") -> Directory:
    """Return the sample directory with FK reached over SDK."""
    found = sample_directory()
    there = Address(adapter="sdk", endpoint=WHERE, options={"participant": WHO})
    units = tuple(unit.model_copy(update={"address": there, "name": name}) if unit.id == p.FK else unit for unit in found.units)
    return found.model_copy(update={"units": units})


def found(book: Listed, key: Key = (WHO, WHERE), name: str = "FK SIP") -> tuple[Remark, ...]:
    """Compare FK's entry with a book."""
    return compare(directory(name), {p.FK: key}, book, NOW)


def only(book: Listed, key: Key = (WHO, WHERE), name: str = "FK SIP") -> tuple[str, bool, str, str]:
    """Return the one remark's code, whether it is wrong, and its two sides."""
    [remark] = found(book, key, name)
    assert (remark.unit, remark.participant, remark.address) == (p.FK, *key)
    return remark.code, remark.wrong, remark.was, remark.now


def test_an_entry_that_stands_in_the_book_is_not_spoken_of() -> None:
    """Given an entry whose address is in the book, in use and its organisation's, then there is nothing to say."""
    assert found(Listed([LISTED])) == ()


def test_an_address_that_is_gone() -> None:
    """Given an entry whose address nobody has, then it is gone."""
    assert only(Listed([])) == ("book.address_gone", True, "", "")


def test_an_address_that_is_somebody_elses() -> None:
    """Given an entry whose address stands under another participant, then it has moved, and to whom is said."""
    other = ListedAddress("0203:annan.example", WHERE, number=p.ARBETSFORMEDLINGEN)
    assert only(Listed([other])) == ("book.address_moved", True, WHO, "0203:annan.example")


def test_an_address_that_is_not_in_use() -> None:
    """Given an entry whose address the book says not to use, then that is said."""
    assert only(Listed([ListedAddress(WHO, WHERE, number=p.FORSAKRINGSKASSAN, active=False)])) == ("book.address_inactive", True, "", "")


def test_an_address_of_another_organisation() -> None:
    """Given an address whose organisation has another number than the unit's, then both are said; without a number there is nothing to compare."""
    other = ListedAddress(WHO, WHERE, number=p.ARBETSFORMEDLINGEN)
    assert only(Listed([other])) == ("book.organisation_differs", True, p.FORSAKRINGSKASSAN, p.ARBETSFORMEDLINGEN)
    assert found(Listed([ListedAddress(WHO, WHERE)])) == ()


def test_an_entry_that_does_not_say_whose_it_is() -> None:
    """Given an entry without a participant, then that is missing, whatever the book has."""
    assert only(Listed([LISTED]), ("", WHERE)) == ("book.participant_missing", True, "", "")


def test_an_address_that_stands_twice() -> None:
    """Given an address twice and not alike, then a person asks; the entry is not wrong by it."""
    assert only(Listed([ListedAddress(WHO, WHERE, number=p.FORSAKRINGSKASSAN, times=2)])) == ("book.address_twice", False, "", "")


@pytest.mark.parametrize(("name", "said"), [("FK SIP", True), ("Vårt eget namn", False), ("FK samverkan", False)])
def test_a_new_name_is_said_to_whoever_uses_the_old_one(name: str, said: bool) -> None:
    """Given an address that is called otherwise now, then an entry with its earlier name hears of it; one with its own name does not."""
    now = ListedAddress(WHO, WHERE, "FK samverkan", p.FORSAKRINGSKASSAN, "Försäkringskassan")
    book = Listed([now], labels={name_of((WHO, WHERE)): ("FK SIP", "FK samverkan")})
    remarks = [(one.code, one.wrong, one.was, one.now) for one in found(book, name=name)]
    assert remarks == ([("book.label_changed", False, "FK SIP", "FK samverkan")] if said else [])


def test_an_organisation_with_a_new_name() -> None:
    """Given an organisation that is called otherwise now, then an entry whose organisation has the earlier name hears of it."""
    now = ListedAddress(WHO, WHERE, "FK SIP", p.FORSAKRINGSKASSAN, "Socialförsäkringsmyndigheten")
    book = Listed([now], names={WHO: ("Försäkringskassan",)})
    assert only(book) == ("book.organisation_renamed", False, "Försäkringskassan", "Socialförsäkringsmyndigheten")


def test_what_is_wrong_comes_first() -> None:
    """Given several remarks, then those about entries that nothing arrives by stand first."""
    closed = ListedAddress(WHO, WHERE, "Ny", p.FORSAKRINGSKASSAN, "Försäkringskassan", active=False, times=2)
    book = Listed([closed], labels={name_of((WHO, WHERE)): ("FK SIP",)})
    entries: dict[str, Key] = {p.FK: (WHO, WHERE), p.HOME_CARE: (WHO, "sdk:borta")}
    said = [one.code for one in compare(directory(), entries, book, NOW)]
    assert said == ["book.address_inactive", "book.address_gone", "book.address_twice", "book.label_changed"]


def test_new_addresses_of_organisations_that_the_directory_has() -> None:
    """Given addresses that no entry has, then those of the directory's organisations are further ones, and news where they appeared of late."""
    new = ListedAddress(WHO, "sdk:ny", "Ny mottagning", p.FORSAKRINGSKASSAN, "Försäkringskassan")
    old = ListedAddress(WHO, "sdk:gammal", "Gammal mottagning", p.FORSAKRINGSKASSAN)
    closed = ListedAddress(WHO, "sdk:stängd", "", p.FORSAKRINGSKASSAN, active=False)
    strange = ListedAddress("0203:annan.example", "sdk:annan", "", "2021005489")
    since = {name_of((WHO, "sdk:ny")): NOW - timedelta(days=2), name_of((WHO, "sdk:gammal")): NOW - timedelta(days=31)}
    since[name_of(("0203:annan.example", "sdk:annan"))] = NOW
    book = Listed([LISTED, new, old, closed, strange], since=since)
    assert list(further(directory(), frozenset({(WHO, WHERE)}), book)) == [new, old]
    [remark] = found(book)
    assert (remark.code, remark.wrong, remark.unit, remark.address, remark.now) == (
        "book.address_new",
        False,
        "",
        "sdk:ny",
        "Ny mottagning",
    )


@pytest.mark.parametrize("sought", [p.FORSAKRINGSKASSAN, WHO, "säkringsk", "FÖRSÄKRINGSKASSAN"])
def test_an_organisation_is_found_by_number_participant_or_name(sought: str) -> None:
    """Given a number, a participant or a part of a name, then that organisation's addresses are found, and no other's."""
    ours, other = ListedOrganisation(WHO, p.FORSAKRINGSKASSAN, "Försäkringskassan"), ListedOrganisation("0203:a.example", "", "A")
    book = Listed([LISTED, ListedAddress("0203:a.example", "sdk:a")], [ours, other])
    assert of_organisation(book, sought) == ((ours,), (LISTED,))


def test_nothing_sought_finds_nothing() -> None:
    """Given a word that nobody has, or none, then nothing is found."""
    book = Listed([LISTED], [ListedOrganisation(WHO, "", "FK")])
    assert [of_organisation(book, sought) for sought in ("xyz", "")] == [((), ()), ((), ())]
