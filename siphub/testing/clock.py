"""A clock that a test turns, in the place of the machine's: days pass without waiting for them. It moves when it is told, and only then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Hand:
    """A clock port; `at` is the time it shows, aware, and is set by hand."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.at

    def on(self, time: timedelta) -> None:
        """Turn it on."""
        self.at += time
