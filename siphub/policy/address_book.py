"""What of a directory does not agree with an address book: values in, remarks out.

The directory is its administrator's: a remark proposes, and nothing here changes an entry, adds one or takes one away. What a book says of
an organisation is compared with the entries that have its addresses; legal basis, agreements, options and whoever is cleared are none of its business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from siphub.contract import ListedAddress, ListedOrganisation
from siphub.model import Directory, Unit

Key = tuple[str, str]
"""A participant and an address: the two together name an address."""
NEWS: Final = timedelta(days=30)
"""How long an address that has appeared since an earlier copy counts as new."""
WRONG: Final = frozenset(
    {"book.address_gone", "book.address_inactive", "book.address_moved", "book.organisation_differs", "book.participant_missing"}
)
"""The remarks about entries that nothing arrives by, or at somebody else; the others are for information."""
NO_KEYS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at. `unit` is empty where it is about an address that no entry has; `was` and `now` are the two sides of a difference."""

    code: str
    detail: str
    unit: str = ""
    participant: str = ""
    address: str = ""
    was: str = ""
    now: str = ""

    @property
    def wrong(self) -> bool:
        """Say whether it is about an entry that nothing arrives by, or at somebody else."""
        return self.code in WRONG


@dataclass(frozen=True, slots=True)
class Listed:
    """A book as it was once, and what is remembered of earlier ones.

    Args:
        addresses: Every address.
        organisations: Every organisation.
        labels: What an address was called in earlier editions, by `name_of` its key.
        names: What an organisation was called, by participant.
        since: When an address was seen first, where an earlier edition did not have it.
    """

    addresses: Sequence[ListedAddress]
    organisations: Sequence[ListedOrganisation] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=lambda: NO_KEYS)
    names: Mapping[str, Sequence[str]] = field(default_factory=lambda: NO_KEYS)
    since: Mapping[str, datetime] = field(default_factory=dict)


def name_of(key: Key) -> str:
    """Return a key as one text: neither part has a blank."""
    return " ".join(key)


def compare(directory: Directory, entries: Mapping[str, Key], book: Listed, now: datetime) -> tuple[Remark, ...]:
    """Say what does not agree: first what is wrong with entries, then what has been renamed, then what is new.

    Args:
        directory: The directory.
        entries: The units whose addresses have to stand in the book, each with its participant and address.
        book: The book.
        now: When it is, aware.
    """
    by_key = {(one.participant, one.address): one for one in book.addresses}
    found = [
        remark
        for unit_id, key in entries.items()
        if (unit := directory.unit(unit_id)) is not None
        for remark in _of_entry(directory, unit, key, by_key, book)
    ]
    ordered = sorted(found, key=lambda remark: not remark.wrong)
    return (*ordered, *_news(directory, frozenset(entries.values()), book, now))


def _of_entry(directory: Directory, unit: Unit, key: Key, by_key: Mapping[Key, ListedAddress], book: Listed) -> Iterator[Remark]:
    participant, address = key
    listed = by_key.get(key)
    about = {"unit": unit.id, "participant": participant, "address": address}
    if not participant:
        yield Remark("book.participant_missing", "the entry does not say whose address it is: the option participant is missing", **about)
    elif listed is None:
        yield _not_there(about, by_key)
    else:
        yield from _differences(directory, unit, listed, book, about)


def _not_there(about: Mapping[str, str], by_key: Mapping[Key, ListedAddress]) -> Remark:
    others = sorted(participant for participant, address in by_key if address == about["address"])
    if not others:
        return Remark("book.address_gone", "this address is not in the book: ask whose it is before anything is sent there", **about)
    why = "this address is another participant's in the book: ask before the entry is changed"
    return Remark("book.address_moved", why, was=about["participant"], now=", ".join(others), **about)


def _differences(directory: Directory, unit: Unit, listed: ListedAddress, book: Listed, about: Mapping[str, str]) -> Iterator[Remark]:
    if not listed.active:
        yield Remark("book.address_inactive", "the book says that this address is not to be used now", **about)
    if listed.number and listed.number != unit.organisation:
        why = "the address belongs to another organisation than the unit"
        yield Remark("book.organisation_differs", why, was=unit.organisation, now=listed.number, **about)
    if listed.times > 1:
        why = f"the address stands in the book {listed.times} times, and not alike: ask its organisation which is meant"
        yield Remark("book.address_twice", why, **about)
    key = name_of((listed.participant, listed.address))
    former = {name for name in book.labels.get(key, ()) if name != listed.label}
    if unit.name in former:
        yield Remark("book.label_changed", "the book calls this address otherwise now", was=unit.name, now=listed.label, **about)
    organisation = directory.organisation(unit.organisation)
    earlier = {name for name in book.names.get(listed.participant, ()) if name != listed.organisation}
    if organisation is not None and organisation.name in earlier:
        why = "the book calls this organisation otherwise now"
        yield Remark("book.organisation_renamed", why, was=organisation.name, now=listed.organisation, **about)


def _news(directory: Directory, known: frozenset[Key], book: Listed, now: datetime) -> Iterator[Remark]:
    """Yield the addresses that have appeared of late at organisations which the directory has."""
    for one in further(directory, known, book):
        seen = book.since.get(name_of((one.participant, one.address)))
        if seen is not None and now - seen < NEWS:
            why = f"a new address of {one.organisation or one.number}: {one.label or 'without a name'}"
            yield Remark("book.address_new", why, participant=one.participant, address=one.address, now=one.label)


def further(directory: Directory, known: frozenset[Key], book: Listed) -> Iterator[ListedAddress]:
    """Yield the addresses that can be used, of organisations that the directory has, and that none of its entries has."""
    for one in book.addresses:
        if one.active and directory.organisation(one.number) is not None and (one.participant, one.address) not in known:
            yield one


def of_organisation(book: Listed, sought: str) -> tuple[tuple[ListedOrganisation, ...], tuple[ListedAddress, ...]]:
    """Return the organisations in a book that have a number, a participant or a name (a part of it will do), and their addresses."""
    word = sought.casefold()
    organisations = tuple(
        one for one in book.organisations if word and (sought in {one.number, one.participant} or word in one.name.casefold())
    )
    participants = {one.participant for one in organisations}
    return organisations, tuple(one for one in book.addresses if one.participant in participants)
