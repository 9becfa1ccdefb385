"""When to try again: jittered exponential, honouring what the partner asked for. Decided here, scheduled in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How patient to be. `base` doubles up to `cap`; after `limit` attempts the delivery is a dead letter."""

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=15)
    limit: int = 400

    def next_at(self, attempts: int, now: datetime, asked: timedelta | None, chance: Random) -> datetime | None:
        """Return when to try again, or None where it is time to give up.

        Args:
            attempts: How many have been made.
            now: The time, UTC.
            asked: What the partner's Retry-After said, if anything; it is a minimum.
            chance: Where the jitter comes from; half to whole of the step.
        """
        if attempts >= self.limit:
            return None
        step = min(self.cap.total_seconds(), self.base.total_seconds() * 2 ** min(attempts - 1, 20))
        wait = timedelta(seconds=step * (0.5 + chance.random() / 2))
        return now + max(wait, asked or timedelta(0))
