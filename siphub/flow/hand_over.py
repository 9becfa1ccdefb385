"""The hand-over: where no bell can be heard, the workers of this process are told of what is due without one.

For a worker whose process has no relay; one that has is told by it. Two workers told of the same delivery do no harm: the claim decides.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from siphub.flow import presence
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


class HandOver:
    """The thread that looks whether it is needed."""

    def __init__(self, ground: Ground, worker: Worker) -> None:
        self._ground = ground
        self._worker = worker
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
                before, silent = silent, needed(self._ground, self._worker)
                if silent and not before:
                    self._log.warning("bells.silent")
                if silent and before:  # a worker that has just begun stands at its queues soon
                    hand_over(self._ground, self._worker)
            except Exception as error:  # noqa: BLE001 - the store may be away for a while; the next look is in a second
                self._log.warning("bells.failed", exc_info=error)
