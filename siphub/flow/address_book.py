"""A copy of an address book, kept in the data folder, and what of the directory does not agree with it.

A copy is replaced whole or not at all, and never by a book that has suddenly lost much of itself. It is public and can be fetched again, so it
is in no backup; each machine has its own. It must never change the directory.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from siphub.contract import AddressBook, BookError, Edition, ListedAddress, ListedOrganisation
from siphub.flow.ground import Ground
from siphub.flow.sources import place
from siphub.model import Directory
from siphub.policy.address_book import NEWS, Key, Listed, Remark, compare, name_of

FOLDER: Final = "address-books"
"""Where the copies are, in the data folder: `<name>.json` for each."""
_MOST_LOST: Final = 4
"""A copy that would lose more than one address in so many is kept."""
_FEW: Final = 5
"""So few addresses may go at once, however small the book is."""
_FORMER: Final = 5
_FOR_ALL: Final = 0o644
"""A copy is public: whoever runs the doctor may read it, whoever fetched it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a book.

    Args:
        source: Where it was fetched.
        fetched_at: When its content was fetched, UTC.
        confirmed_at: When the book last said that this is what it has, UTC.
        addresses: Every address.
        organisations: Every organisation.
        left_out: How many entries could not be read, by code.
        labels: Earlier names of addresses, newest first.
        names: Earlier names of organisations, by participant, newest first.
        since: When addresses appeared that the first copy did not have.
        kept: What the book wants to be given the next time.
    """

    source: str
    fetched_at: datetime
    confirmed_at: datetime
    addresses: tuple[ListedAddress, ...]
    organisations: tuple[ListedOrganisation, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def listed(self) -> Listed:
        """The book as what a directory is compared with."""
        return Listed(self.addresses, self.organisations, self.labels, self.names, self.since)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetch that is done: the copy there is now, the one before it (None the first time), and how many addresses came and went."""

    copy: Copy
    before: Copy | None
    came: int = 0
    went: int = 0


_COPIES: Final = TypeAdapter(Copy)


def book_of(ground: Ground, name: str) -> AddressBook:
    """Return an address book of an enabled plugin.

    Raises:
        BookError: `book.unknown`; none has it, or its settings name none.
    """
    books = ground.registry.address_books
    if name not in books:
        known = f"there is {', '.join(sorted(books))}" if books else "there is none"
        asking = sorted(found for found, adapter in ground.registry.adapters.items() if adapter.info.address_book == name)
        remedy = (
            f"set address_book in [plugin.{asking[0]}]"
            if asking
            else "for the SDK address book enable sdk, and set address_book in [plugin.sdk]"
        )
        raise BookError(f"no enabled plugin has an address book {name}: {known}; {remedy}", code="book.unknown")
    return books[name]


def copy_of(ground: Ground, name: str) -> Copy | None:
    """Return the copy of a book; None where there is none from where the settings say now.

    Raises:
        BookError: `book.copy_unreadable`; `book.unknown`.
    """
    source = book_of(ground, name).source
    try:
        found = _COPIES.validate_json(_file(ground, name).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise BookError("the copy of the address book cannot be read: fetch it anew with --force", code="book.copy_unreadable") from None
    return found if found.source == source else None


def fetch(ground: Ground, name: str, told: Callable[[str], None], *, force: bool = False) -> Fetched:
    """Fetch a book and keep it as the copy.

    Args:
        ground: What everything stands on.
        name: Which book.
        told: Called with a line for a person as it goes on.
        force: Fetch everything anew, and take also an empty book, or one that has lost much.

    Raises:
        BookError: It cannot be fetched; `book.empty`, `book.shrunk`: the copy stays as it is; `book.copy_unwritten`.
    """
    try:
        before = copy_of(ground, name)
    except BookError as error:
        if not force or error.code != "book.copy_unreadable":
            raise
        before = None
    source = book_of(ground, name).source
    edition = ground.registry.fetch_book(name, before.kept if before is not None and not force else {}, told)
    came, went = _moved(before, edition)
    if not force:
        _believable(before, edition, went)
    copy = _copied(source, edition, before, ground.now())
    _keep(_file(ground, name), _COPIES.dump_json(copy))
    return Fetched(copy, before, came, went)


def _moved(before: Copy | None, edition: Edition) -> tuple[int, int]:
    if before is None:
        return 0, 0
    old, new = _keys(before.addresses), _keys(edition.addresses)
    return len(new - old), len(old - new)


def _keys(addresses: Sequence[ListedAddress]) -> frozenset[Key]:
    return frozenset((one.participant, one.address) for one in addresses)


def _believable(before: Copy | None, edition: Edition, went: int) -> None:
    """Refuse a book that can hardly be the whole one.

    Raises:
        BookError: `book.empty`, `book.shrunk`.
    """
    if not edition.addresses:
        raise BookError("the address book has no address that can be read; --force takes it for the truth", code="book.empty")
    if before is not None and went > max(_FEW, len(before.addresses) // _MOST_LOST):
        raise BookError(
            f"{went} of {len(before.addresses)} addresses are not in the address book any more, which is hard to believe: the copy of "
            f"{before.confirmed_at:%Y-%m-%d} stays; ask who keeps the book, or take it with --force",
            code="book.shrunk",
        )


def _copied(source: str, edition: Edition, before: Copy | None, now: datetime) -> Copy:
    """Return the new copy, with what is remembered of the one before it."""
    same = before is not None and (before.addresses, before.organisations) == (tuple(edition.addresses), tuple(edition.organisations))
    labels = {name_of((one.participant, one.address)): one.label for one in edition.addresses}
    names = {one.participant: one.name for one in edition.organisations}
    return Copy(
        source=source,
        fetched_at=before.fetched_at if before is not None and same else now,
        confirmed_at=now,
        addresses=tuple(edition.addresses),
        organisations=tuple(edition.organisations),
        left_out=dict(edition.left_out),
        labels=_former(labels, _called(before), before.labels if before is not None else {}),
        names=_former(
            names,
            {one.participant: one.name for one in before.organisations} if before is not None else {},
            before.names if before is not None else {},
        ),
        since=_since(edition, before, now),
        kept=dict(edition.kept),
    )


def _called(copy: Copy | None) -> Mapping[str, str]:
    return {name_of((one.participant, one.address)): one.label for one in copy.addresses} if copy is not None else {}


def _former(now: Mapping[str, str], before: Mapping[str, str], former: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return earlier names, newest first, of what is there still and was called otherwise once."""
    found: dict[str, tuple[str, ...]] = {}
    for key, name in now.items():
        last = before.get(key, name)
        names = tuple(dict.fromkeys((*((last,) if last != name else ()), *former.get(key, ()))))
        if earlier := tuple(one for one in names if one and one != name)[:_FORMER]:
            found[key] = earlier
    return found


def _since(edition: Edition, before: Copy | None, now: datetime) -> dict[str, datetime]:
    """Return when addresses appeared, of those that are news still."""
    if before is None:
        return {}
    appeared = _keys(edition.addresses) - _keys(before.addresses)
    held = {name: at for name, at in before.since.items() if now - at < NEWS}
    return {**held, **{name_of(key): now for key in appeared}}


def _file(ground: Ground, name: str) -> Path:
    return ground.settings.data / FOLDER / f"{name}.json"


def _keep(file: Path, body: bytes) -> None:
    """Replace a file by a whole new one; whoever reads it meanwhile reads the old one or the new one.

    Raises:
        BookError: `book.copy_unwritten`.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
                os.fchmod(out.fileno(), _FOR_ALL)
            Path(aside).replace(file)
        except BaseException:  # whatever ends it: no half copy is left beside the whole one
            with contextlib.suppress(OSError):
                Path(aside).unlink()
            raise
    except OSError as error:
        raise BookError(f"the copy of the address book cannot be written ({error.strerror}): {file}", code="book.copy_unwritten") from None


def entries_of(ground: Ground, name: str, directory: Directory) -> Mapping[str, Key]:
    """Return the units of a directory whose addresses have to stand in a book, each with its participant and address."""
    books = {adapter for adapter, found in ground.registry.adapters.items() if found.info.address_book == name}
    places = [
        place(unit.id, unit.organisation, unit.public_label, unit.address)
        for unit in directory.units
        if unit.address is not None and unit.address.adapter in books
    ]
    keys = book_of(ground, name).keys(places)
    return {there.unit: key for there, key in zip(places, keys, strict=True)}


def remarks(ground: Ground, name: str, copy: Copy, directory: Directory) -> tuple[Remark, ...]:
    """Say what of a directory does not agree with a copy."""
    return compare(directory, entries_of(ground, name, directory), copy.listed, ground.now())
