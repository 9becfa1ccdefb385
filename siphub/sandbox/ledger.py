"""A partner's own book: what came, when, under which key, and what the partner did with it. Append-only.

It holds ids, hashes and sizes; the bodies are kept beside it, in memory only, for tests to look into. It must never write a body to disk.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that arrived whole.

    Args:
        received_at: When, in UTC.
        key: Its idempotency key.
        sha256: Of the body.
        size: Of the body, in bytes.
        accepted: Whether the partner has it now, from this request or an earlier one.
        effect: Whether this request had an effect: the first accepted one of its key.
        why: A code where it was refused, or `repeat`, or `key_reused` (the key came before with other bytes).
        times: How many times the key has come, this one included.
        message_type, message_id, case_id: As the XML says; None where it could not be read.
        status: What the partner answered, or meant to answer.
    """

    received_at: datetime
    key: str
    sha256: str
    size: int
    accepted: bool
    effect: bool
    why: str | None
    times: int
    message_type: str | None
    message_id: str | None
    case_id: str | None
    status: int

    def to_json(self) -> dict[str, object]:
        """Return the entry as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"received_at": self.received_at.isoformat()}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a body says about itself."""

    message_type: str | None = None
    message_id: str | None = None
    case_id: str | None = None


NOTHING = Contents()


@dataclass(slots=True)
class _Known:
    sha256: str
    body: bytes = field(repr=False)


class Ledger:
    """One partner's book. Safe to share between threads.

    Args:
        file: Where each line is written as JSON as well, so that another process can read it; None is memory only.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._known: dict[str, _Known] = {}
        self._bodies: list[bytes] = []
        self._times: dict[str, int] = {}
        self._seen = 0
        self._file = file

    @property
    def bytes_seen(self) -> int:
        """How many bytes of deliveries have come, request lines and headers included, also of those that were cut off."""
        with self._lock:
            return self._seen

    def saw(self, count: int) -> None:
        """Count bytes the moment they come."""
        with self._lock:
            self._seen += count
            self._write({"event": "bytes", "count": count, "bytes_seen": self._seen})

    def record(self, key: str, body: bytes, contents: Contents, *, status: int, why: str | None) -> Entry:
        """Write down a request that came whole, and say what it amounts to.

        A first request without `why` is accepted; a repeat has no second effect; the same key with other bytes is flagged and refused.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            known = self._known.get(key)
            if why is None and known is not None:
                why, status = ("repeat", status) if known.sha256 == digest else ("key_reused", 409)
            accepted, effect = why in {None, "repeat"}, why is None
            if effect:
                self._known[key] = _Known(digest, body)
            times = self._times[key] = self._times.get(key, 0) + 1
            now = datetime.now(UTC)
            ids = (contents.message_type, contents.message_id, contents.case_id)
            entry = Entry(now, key, digest, len(body), accepted, effect, why, times, *ids, status)
            self._entries.append(entry)
            self._bodies.append(body)
            self._write({"event": "entry", **entry.to_json()})
        return entry

    def entries(self) -> tuple[Entry, ...]:
        """Return everything that came whole, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def effects(self) -> tuple[Entry, ...]:
        """Return what the partner has taken: one entry for each accepted key."""
        return tuple(entry for entry in self.entries() if entry.effect)

    def holds(self, key: str) -> bool:
        """Say whether the partner has taken something under this key."""
        with self._lock:
            return key in self._known

    def body(self, key: str) -> bytes:
        """Return the bytes taken under a key; raises KeyError where there are none."""
        with self._lock:
            return self._known[key].body

    def bodies(self) -> tuple[bytes, ...]:
        """Return every body that came whole, refused ones too, in the order of `entries`."""
        with self._lock:
            return tuple(self._bodies)

    def _write(self, line: dict[str, object]) -> None:
        """Append one line; called under the lock. Written through to the system: it outlives a kill of this process."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
