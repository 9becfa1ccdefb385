"""Knocks: how a process that has put something in the outbox wakes the relays of other processes, and how these hear it.

On PostgreSQL by NOTIFY, sent after the commit by a thread of its own: within the writing transaction it would take a lock of the whole
database at each commit. On SQLite a relay looks at the file's change counter, which costs nearly nothing. A knock may get lost, so whoever
listens also looks by itself now and then. It must never keep a transaction waiting.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from siphub.observe import Log
from siphub.store.engine import mapped_errors

if TYPE_CHECKING:
    from siphub.store.engine import Database

CHANNEL = "siphub_bells"
REST = 0.005
"""Seconds between two knocks: what comes meanwhile is one knock."""
LOOK = 0.02
"""How often the change counter of an SQLite file is looked at, in seconds."""
PAUSE = 1.0
"""Seconds until a lost connection is tried again."""
TURN = 0.5
"""Seconds after which a listener looks whether it should stop."""
FAREWELL = 2.0

log = Log(worker="knocks")


class Knocker:
    """Knocks at other processes, soon after it was asked to, and never in the asking thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = threading.Event()
        self._closed = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def knock(self) -> None:
        """Let those who listen look soon. Nothing on SQLite: the change itself is seen."""
        if self._database.dialect != "postgresql":
            return
        with self._lock:
            if self._closed:
                return
            self._wanted.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="siphub-knocker", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Send what was asked for, and go."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wanted.set()
        if thread is not None:
            thread.join(FAREWELL)

    def _run(self) -> None:
        while not self._closed or self._wanted.is_set():
            self._wanted.wait()
            try:
                with mapped_errors(), self._database.autocommit() as raw:
                    self._knock_over(raw)
            except Exception as error:  # whatever it was: a thread that is gone wakes nobody ever again
                log.warning("knock.failed", exc_info=error)
                if self._closed:
                    return
                self._wanted.set()
                time.sleep(PAUSE)

    def _knock_over(self, raw: Any) -> None:
        """Knock over one connection, for as long as it holds."""
        while True:
            self._wanted.wait()
            self._wanted.clear()
            raw.execute(f"NOTIFY {CHANNEL}")
            if self._closed:
                return
            time.sleep(REST)


class Listening(Protocol):
    """Somebody who listens, in a thread of its own."""

    def stop(self) -> None:
        """Listen no more."""


def listen(database: Database, on_knock: Callable[[], None]) -> Listening:
    """Call `on_knock` whenever another process has knocked, or may have; return what stops that."""
    return _Listener(database, on_knock, _hear_notices if database.dialect == "postgresql" else _watch_file)


class _Listener:
    """A thread that attends, and does so again a while after it could not."""

    def __init__(
        self, database: Database, on_knock: Callable[[], None], attend: Callable[[Any, Callable[[], None], threading.Event], None]
    ) -> None:
        self._database = database
        self._on_knock = on_knock
        self._attend = attend
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="siphub-listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with mapped_errors(), self._database.autocommit() as raw:
                    self._on_knock()  # whatever was said while nobody listened
                    self._attend(raw, self._on_knock, self._stop)
            except Exception as error:  # as above: a thread that is gone hears nothing ever again
                log.warning("knock.deaf", exc_info=error)
                self._stop.wait(PAUSE)


def _hear_notices(raw: Any, on_knock: Callable[[], None], stop: threading.Event) -> None:
    raw.execute(f"LISTEN {CHANNEL}")
    on_knock()
    while not stop.is_set():
        for _ in raw.notifies(timeout=TURN, stop_after=1):
            on_knock()
    with suppress(Exception):
        raw.execute(f"UNLISTEN {CHANNEL}")


def _watch_file(raw: sqlite3.Connection, on_knock: Callable[[], None], stop: threading.Event) -> None:
    seen = None
    while not stop.wait(LOOK):
        found = raw.execute("PRAGMA data_version").fetchone()[0]
        if found != seen:
            seen = found
            on_knock()
