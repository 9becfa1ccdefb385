"""Whose turn it is: what a look of the sweep cannot do now must not keep it from what it can.

A look takes a bounded number, those that have waited longest. What it leaves undone, such as a case that cannot be opened, is still there the
next time, and would fill that look too: it is passed over until all behind it has been looked at. Each process remembers this for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Turn:
    """How many of the rows of one question are passed over the next time; `over` where it need not be asked any more."""

    skip: int = 0
    over: bool = False

    def end(self, *, found: int, left: int, limit: int) -> None:
        """Note that of `found` rows, where `limit` were asked for, `left` could not be done. Behind the last one it begins anew."""
        self.skip = self.skip + left if found >= limit else 0


@dataclass(slots=True)
class Turns:
    """The turns of every look. Each look is one thread's."""

    _turns: dict[str, Turn] = field(default_factory=dict)

    def of(self, look: str) -> Turn:
        """Return the turn of a look."""
        return self._turns.setdefault(look, Turn())
