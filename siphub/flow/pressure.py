"""How much open work an organisation has, counted no more often than it could come near its limit: counting a backlog takes longer than a message.

It must never let more through than one process can take in between two counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Count = Callable[[str, int], int]
"""Returns how many unfinished deliveries an organisation has, counting no further than so many."""
FASTEST = 2000
"""More deliveries a second than this no process takes in."""
LONGEST = 60.0
"""A count is good for no longer than this, in seconds."""


class OpenWork:
    """What was counted last, for each organisation. Safe to share between threads."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def reaches(self, counted: Count, organisation: str, limit: int) -> bool:
        """Say whether an organisation has as many unfinished deliveries as it may have. Counts only where the last count may be outrun."""
        with self._lock:
            count, until = self._counted.get(organisation, (limit, float("-inf")))
        if time.monotonic() >= until:
            count = counted(organisation, limit)
            good = min(LONGEST, (limit - count) / FASTEST)
            with self._lock:
                self._counted[organisation] = (count, time.monotonic() + good)
        return count >= limit
