"""One message and its case, opened once for those of its deliveries that were claimed together.

A message for several units is several deliveries, and reading and opening it is much of what an attempt costs. The first sender that needs
anything reads what the whole claim needs, sealed, and the first that needs a message opens it: after the claim, so what any of them reads is
no older than its claim. It must never keep what was opened beyond the last of its deliveries, and never answer for one delivery with the
error of another.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from siphub.flow.ground import Ground
from siphub.flow.letters import open_case, open_message
from siphub.model import Message
from siphub.model.case import SipCase
from siphub.store import CaseRow, DeliveryRow, MessageRow, Seal

Opened = tuple[Message, SipCase]
"""A message and its case, as they stood when they were read."""


def opened(ground: Ground, row: DeliveryRow) -> Opened | None:
    """Return a delivery's message and its case, or None where either is gone.

    Raises:
        Sealed: The case's key was erased, or the bytes were altered.
    """
    seal = ground.store.seal_of_case(row.owner, row.case_id)
    with ground.store.read() as work:
        stored = work.messages.get(row.owner, row.message_row)
        kept = work.cases.get(row.owner, row.case_id)
    if stored is None or kept is None:
        return None
    return open_message(stored, seal), open_case(kept, seal)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A message and its case as the store has them, and what opens them."""

    message: MessageRow
    case: CaseRow
    seal: Seal


class _Reading:
    """What the deliveries of one claim need of the store, read at once when the first of them is attempted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[tuple[str, str], tuple[str, str]] = {}
        self._found: dict[tuple[str, str], _Sealed] | None = None

    def expect(self, row: DeliveryRow) -> None:
        """Count a delivery's message and case among what is to be read."""
        self._wanted[row.owner, row.message_row] = (row.owner, row.case_id)

    def take(self, ground: Ground, row: DeliveryRow) -> _Sealed | None:
        """Return a delivery's message and case and forget them, or None where one of them, or the key, is not there."""
        with self._lock:
            if self._found is None:
                self._found = self._read(ground)
            return self._found.pop((row.owner, row.message_row), None)

    def _read(self, ground: Ground) -> dict[tuple[str, str], _Sealed]:
        seals = ground.store.seals_of_cases(set(self._wanted.values()))
        with ground.store.read() as work:
            messages, cases = work.messages.many(self._wanted), work.cases.many(seals)
        return {
            key: _Sealed(messages[key], cases[case], seals[case]) for key, case in self._wanted.items() if key in messages and case in cases
        }


class Opening:
    """A message that several senders are about to read; made by `openings`."""

    def __init__(self, reading: _Reading) -> None:
        self._reading = reading
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._opened: Opened | None = None

    def expect(self, delivery_id: str) -> None:
        """Count a delivery among those that will read it."""
        self._waiting.add(delivery_id)

    def take(self, ground: Ground, row: DeliveryRow) -> Opened | None:
        """Return what `opened` does, with its errors; the first to come opens it, and with the last it is let go."""
        with self._lock:
            found = self._opened = self._opened or self._open(ground, row)
            self._let_go(row.id)
        return found

    def _open(self, ground: Ground, row: DeliveryRow) -> Opened | None:
        """Open what was read for the claim; what is not in it is asked for by itself, which says why."""
        found = self._reading.take(ground, row)
        if found is None:
            return opened(ground, row)
        return open_message(found.message, found.seal), open_case(found.case, found.seal)

    def leave(self, delivery_id: str) -> None:
        """Count a delivery as done with, whether it has read anything or not."""
        with self._lock:
            self._let_go(delivery_id)

    def _let_go(self, delivery_id: str) -> None:
        self._waiting.discard(delivery_id)
        if not self._waiting:
            self._opened = None


def openings(rows: Iterable[DeliveryRow]) -> dict[str, Opening]:
    """Return for each of some deliveries, by id, what it shares with the others of its message."""
    reading = _Reading()
    by_message: dict[tuple[str, str], Opening] = {}
    found: dict[str, Opening] = {}
    for row in rows:
        reading.expect(row)
        found[row.id] = by_message.setdefault((row.owner, row.message_row), Opening(reading))
        found[row.id].expect(row.id)
    return found
