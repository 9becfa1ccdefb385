"""When to try again: jittered exponential, honouring what the partner asked for. Decided here, scheduled in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How patient to be. `base` doubles up to `cap`; after `limit` attempts, or after `patience`, the delivery is a dead letter."""

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=15)
    limit: int = 400
    patience: timedelta = timedelta(days=4)

    def next_at(
        self, attempts: int, now: datetime, asked: timedelta | None, chance: Random, since: datetime | None = None
    ) -> datetime | None:
        """Return when to try again, or None where it is time to give up.

        Args:
            attempts: How many have been made.
            now: The time, UTC.
            asked: What the partner's Retry-After said, if anything; it is a minimum.
            chance: Where the jitter comes from; half to whole of the step.
            since: Since when it is to be sent: whatever it waited for counts, an attempt or not.
        """
        if attempts >= self.limit or (since is not None and now - since >= self.patience):
            return None
        step = min(self.cap.total_seconds(), self.base.total_seconds() * 2 ** min(attempts - 1, 20))
        wait = timedelta(seconds=step * (0.5 + chance.random() / 2))
        return now + max(wait, asked or timedelta(0))
