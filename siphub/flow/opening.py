"""One message and its case, opened once for those of its deliveries that were claimed together.

A message for several units is several deliveries, and opening it is much of what an attempt costs. The first sender that needs it reads and
opens it, after the claim, so what any of them reads is no older than its claim, and no permit outlives it by more than a permit's time. It
must never keep what was opened beyond the last of its deliveries, and never answer for one delivery with the error of another.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from siphub.flow.ground import Ground
from siphub.flow.letters import open_case, open_message
from siphub.model import Message
from siphub.model.case import SipCase
from siphub.store import DeliveryRow

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


class Opening:
    """A message that several senders are about to read; made by `openings`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._opened: Opened | None = None

    def expect(self, delivery_id: str) -> None:
        """Count a delivery among those that will read it."""
        self._waiting.add(delivery_id)

    def take(self, ground: Ground, row: DeliveryRow) -> Opened | None:
        """Return what `opened` does, with its errors; the first to come opens it, and with the last it is let go."""
        with self._lock:
            found = self._opened = self._opened or opened(ground, row)
            self._let_go(row.id)
        return found

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
    by_message: dict[tuple[str, str], Opening] = {}
    found: dict[str, Opening] = {}
    for row in rows:
        found[row.id] = by_message.setdefault((row.owner, row.message_row), Opening())
        found[row.id].expect(row.id)
    return found
