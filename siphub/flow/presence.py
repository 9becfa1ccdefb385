"""Says that this process is there: a row in the store, written every few seconds, so that doctor and the other processes know.

With each it hears whether the store was brought back from a backup meanwhile: whoever does that looks for processes first, and one may begin just then.

It must never be a lock, nor decide anything about a delivery: a process that is not seen may still run, and one that is seen may be dead.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from siphub import __version__
from siphub.errors import SiphubError
from siphub.flow.ground import Ground
from siphub.flow.missing import Missing
from siphub.observe import Log
from siphub.store import NO_OWNER, ProcessRow

BEAT: Final = timedelta(seconds=5)
"""How often a process says that it is there."""
LOST: Final = 4 * BEAT
"""A process that was silent for longer counts as gone."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was seen not long ago."""

    parts: tuple[str, ...]
    adapters: tuple[str, ...]
    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    rings: bool


def seen(ground: Ground) -> tuple[Process, ...]:
    """Return the processes that were seen within `LOST`, oldest first."""
    with ground.store.read() as work:
        rows = work.processes.seen(ground.now() - LOST)
    return tuple(
        Process(
            parts=tuple(row.parts.split(",")),
            adapters=tuple(filter(None, row.adapters.split(","))),
            name=row.name,
            host=row.host,
            pid=row.pid,
            version=row.version,
            started_at=row.started_at,
            seen_at=row.seen_at,
            rings=row.rings,
        )
        for row in rows
    )


class Presence:
    """The thread that says so. `rings` is asked each time: whether the relay of this process can ring, where it has one."""

    def __init__(self, ground: Ground, parts: Collection[str], adapters: Sequence[str], rings: Callable[[], bool]) -> None:
        self._ground = ground
        self._rings = rings
        self._id = str(uuid4())
        self._parts, self._adapters = ",".join(parts), ",".join(adapters)
        self._started = ground.now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="siphub-presence", daemon=True)
        self._log = Log(worker="presence")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and take the row away."""
        self._stop.set()
        if not self._thread.is_alive():
            return
        self._thread.join(timeout=5)
        try:
            with self._ground.store.write() as work:
                work.processes.leave(self._id)
        except SiphubError as error:
            self._log.warning("presence.failed", code=error.code)

    def _run(self) -> None:
        while True:
            try:
                self._say()
            except Exception as error:  # noqa: BLE001 - the store may be away for a while; whoever looks sees that we were silent
                self._log.warning("presence.failed", exc_info=error)
            if self._stop.wait(BEAT.total_seconds()):
                return

    def _say(self) -> None:
        row = ProcessRow(
            owner=NO_OWNER,
            id=self._id,
            parts=self._parts,
            adapters=self._adapters,
            name=self._ground.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            started_at=self._started,
            seen_at=self._ground.now(),
            rings=self._rings(),
        )
        with self._ground.store.write() as work:
            work.processes.note(row)
            self._ground.missing = Missing.read(work)  # the database may have been brought back since this process began
