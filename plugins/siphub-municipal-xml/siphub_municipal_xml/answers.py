"""What a municipality has for us is fetched from where its entry says: answers as `<name>.xml`, receipts as `<key>.receipt`.

Where answers lie both are taken; beside what we put for the municipality receipts alone. Files are taken in the order of their names, when
they are whole: one that is not, and young, is left for later. It must never make of a file more than it says, nor let one fill the memory.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import Final

from siphub.contract import BadBody, Clock, Inbound, Log, Receipt, Recipient, Refused, Retry, Submission, Unreadable, parse_xml
from siphub_folder import Dropped
from siphub_municipal_xml.receipt_file import ENDING, MOST, is_whole, receipt_in
from siphub_municipal_xml.shelves import UNDATED, Shelf
from siphub_municipal_xml.translate import MAX_BYTES, MEDIA_TYPE

ROUND: Final = 100
"""How many things of one place are taken at a time: others wait for their turn too."""
PATIENCE: Final = timedelta(seconds=10)
"""How long one place is read at a time, as one line may be slow: what lies behind comes first the next time."""
LONGEST: Final = 200
"""The longest name, in bytes of UTF-8: beside it there is room for a note."""
XML: Final = ".xml"
_WHOLE_AFTER: Final = timedelta(minutes=1)
"""How old a file is that will not become whole any more."""

ShelfAt = Callable[[str, Recipient], Shelf]


class Answers:
    """The answers of all municipalities. Of each file it remembers the id until it is cleared away, and whether it could not be."""

    def __init__(self, shelf_at: ShelfAt, clock: Clock, log: Log, patience: timedelta = PATIENCE) -> None:
        self._shelf_at, self._clock, self._log, self._patience = shelf_at, clock, log, patience
        self._last: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._left: set[tuple[str, str]] = set()
        self._lock = Lock()

    def fetch(self, source: str, recipient: Recipient) -> Iterator[Inbound] | Retry:
        """Return what lies at a place, or why it cannot be asked."""
        shelf = self._shelf_at(source, recipient)
        names = shelf.names()
        if isinstance(names, Retry):
            return names
        beside = source == recipient.endpoint.rstrip("/")
        wanted = [name for name in names if _wanted(name, beside=beside)]
        return self._whole(shelf, source, recipient, _from_behind(self._last.pop(source, ""), wanted), frozenset(names))

    def taken(self, source: str, recipient: Recipient, partner_id: str, refused: str | None) -> None:
        """Clear away what was fetched from a place and is unchanged since, or say beside it why it was refused."""
        name = self._names.get((source, partner_id))
        shelf = self._shelf_at(source, recipient)
        if name is None or not self._same(shelf, name, partner_id):
            return
        same = partial(self._same, shelf, name, partner_id)
        left = shelf.remove(name) if refused is None else shelf.refuse(name, refused, same)
        with self._lock:
            if left is not None:
                self._left.add((source, partner_id))
            else:
                self._left.discard((source, partner_id))
                self._names.pop((source, partner_id), None)
        if left is not None:
            self._log.warning("inbound.not_cleared", adapter="municipal-xml", code=left.code)

    def _same(self, shelf: Shelf, name: str, partner_id: str) -> bool:
        found = shelf.read(name, _most(name))
        return isinstance(found, Dropped) and _id(name, found) == partner_id

    def _whole(self, shelf: Shelf, source: str, recipient: Recipient, wanted: Sequence[str], there: frozenset[str]) -> Iterator[Inbound]:
        given, until = 0, time.monotonic() + self._patience.total_seconds()
        for name in wanted:
            if name is not wanted[0] and time.monotonic() > until:
                return
            self._last[source] = name
            found = None if shelf.passed_over(name, there) else shelf.read(name, _most(name))
            if isinstance(found, Retry):
                self._log.warning("inbound.unreadable", adapter="municipal-xml", code=found.code)
                continue
            content = self._content(name, found) if found is not None else None
            if found is None or content is None:
                continue
            partner_id = _id(name, found)
            with self._lock:
                self._names[source, partner_id] = name
                given += (source, partner_id) not in self._left  # what could not be cleared away keeps nothing behind it waiting
            yield Inbound(partner_id, content, owner=recipient.organisation)
            if given == ROUND:
                break
        self._last.pop(source, None)

    def _content(self, name: str, found: Dropped) -> Submission | Receipt | Unreadable | None:
        """Return what a file is to the hub; None where it is not whole yet."""
        if name.lower().endswith(ENDING):
            return self._receipt(name, found)
        if not found.whole:
            return Unreadable("body.too_large")
        try:
            parse_xml(found.body)
        except Refused as error:
            if isinstance(error, BadBody) and self._is_young(found.written_at):
                return None
        return Submission(found.body, MEDIA_TYPE)

    def _receipt(self, name: str, found: Dropped) -> Receipt | Unreadable | None:
        if not found.whole:
            return Unreadable("receipt.too_large")
        if is_whole(found.body):
            now = self._clock.now()
            return receipt_in(name, found.body, now if found.written_at == UNDATED else min(found.written_at, now))
        return None if self._is_young(found.written_at) else Unreadable("receipt.half")

    def _is_young(self, written_at: datetime) -> bool:
        """Say whether a file may still be being written, by somebody who does not write aside and rename."""
        return abs(self._clock.now() - written_at) < _WHOLE_AFTER


def _from_behind(last: str, names: Sequence[str]) -> list[str]:
    """Return names from behind the one that was looked at last, and then those before it; where they are in an order of their own, in that."""
    at = bisect_right(names, last) if names == sorted(names) else 0
    return [*names[at:], *names[:at]]


def _wanted(name: str, *, beside: bool) -> bool:
    return len(name.encode()) <= LONGEST and name.lower().endswith(ENDING if beside else (ENDING, XML))


def _most(name: str) -> int:
    return MOST if name.lower().endswith(ENDING) else MAX_BYTES


def _id(name: str, found: Dropped) -> str:
    """Return an id that the same file always gets, and one put there anew does not: it says nothing of the name, which may say anything."""
    return sha256(b"\0".join([name.encode(), found.written_at.isoformat().encode(), found.body])).hexdigest()[:32]
