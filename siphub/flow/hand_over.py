"""The hand-over: where no bell can be heard, the workers of this process are told of what is due without one.

Where nobody rings, a worker whose process has a relay is told by that. And a consumer can stand at a queue and hear nothing: a broker that
was told to delete a queue and to make it at one moment may keep the bells for whoever stood at the old one. So whoever is idle while what
was rung is left lying takes its place at the queue anew. Two workers told of the same delivery do no harm: the claim decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from siphub.flow import operate, presence
from siphub.observe import Log

if TYPE_CHECKING:
    from siphub.flow.deliver import Worker
    from siphub.flow.ground import Ground

EVERY: Final = 1.0
"""How often it is looked at, in seconds."""
BATCH: Final = 100
"""The most deliveries of one adapter that are handed over at a time."""


def needed(ground: Ground, worker: Worker) -> bool:
    """Say whether bells reach this worker no more: it does not stand at its queues, or no relay was seen that can ring."""
    if not worker.hears:
        return True
    return not any("relay" in process.parts and process.rings for process in presence.seen(ground))


def hand_over(ground: Ground, worker: Worker) -> int:
    """Tell the worker of what is due at its adapters; return of how many deliveries."""
    with ground.store.read() as work:
        due = [row.id for adapter in worker.adapters for row in work.deliveries.due(ground.now(), BATCH, adapter)]
    worker.offer(due)
    return len(due)


def left_lying(ground: Ground, worker: Worker, long: timedelta) -> Iterator[str]:
    """Give the adapters at which something that was rung has been due for so long, and this worker, which has nothing to do, has not heard it."""
    if worker.unread or operate.switched(ground) == "stopped":
        return
    now = ground.now()
    for adapter in worker.adapters:
        if worker.silence(adapter) > long.total_seconds():
            with ground.store.read() as work:
                unheard = work.deliveries.any_unheard(now, now - long, adapter)
            if unheard:
                yield adapter


class Patience:
    """Who has been deaf for so long, look after look, that nothing else explains it."""

    def __init__(self, long: timedelta) -> None:
        self._long = long.total_seconds()
        self._since: dict[str, float] = {}

    def deaf(self, lying: set[str]) -> Iterator[str]:
        """Give the adapters at which something has been lying all the time; those begin anew."""
        now = time.monotonic()
        self._since = {adapter: self._since.get(adapter, now) for adapter in lying}
        for adapter, since in tuple(self._since.items()):
            if now - since > self._long:
                del self._since[adapter]
                yield adapter


class HandOver:
    """The thread that looks whether it is needed. `relayed`: a relay of this process tells the worker where nobody rings."""

    def __init__(self, ground: Ground, worker: Worker, *, relayed: bool = False) -> None:
        self._ground = ground
        self._worker = worker
        self._relayed = relayed
        self._long = 2 * ground.settings.ring_timeout
        self._patience = Patience(self._long)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="siphub-hand-over", daemon=True)
        self._log = Log(worker="hand-over")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        silent = False
        while not self._stop.wait(EVERY):
            try:
                before, silent = silent, not self._relayed and needed(self._ground, self._worker)
                if silent and not before:
                    self._log.warning("bells.silent")
                if silent and before:  # a worker that has just begun stands at its queues soon
                    hand_over(self._ground, self._worker)
                if not silent:
                    self._stand_anew()
            except Exception as error:  # noqa: BLE001 - the store may be away for a while; the next look is in a second
                self._log.warning("bells.failed", exc_info=error)

    def _stand_anew(self) -> None:
        lying = set(left_lying(self._ground, self._worker, self._long)) if self._worker.hears else set()
        for adapter in self._patience.deaf(lying):
            self._log.warning("bells.unheard", adapter=adapter)
            self._worker.stand_anew(adapter)
            hand_over(self._ground, self._worker)
