"""What wakes the relay, in this process or in others. It must never be waited for within a transaction, nor set before the commit."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Wake:
    """An event that is set when there is something to ring.

    Args:
        elsewhere: Tells the relays of other processes. Used unless this process `rings` itself.
    """

    def __init__(self, elsewhere: Callable[[], None] | None = None) -> None:
        self._elsewhere = elsewhere
        self._event = threading.Event()
        self.rings = False

    def set(self) -> None:
        """Say that there is something to ring."""
        self._event.set()
        if self._elsewhere is not None and not self.rings:
            self._elsewhere()

    def hear(self) -> None:
        """Hear from another process that there is."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is set, or for so long, and clear it."""
        self._event.wait(seconds)
        self._event.clear()
