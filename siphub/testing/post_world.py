"""A world in which every unit is reached by the adapter `post`, which writes down what arrives: for tests with many deliveries.

See `siphub.testing.post_process` for that adapter, and for the same hub in a process of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from siphub.broker import topology_for
from siphub.flow.relay import ring_once
from siphub.model import Address
from siphub.model.identifiers import UnitId
from siphub.testing.post_process import PostPlugin
from siphub.testing.story import Story, until
from siphub.testing.world import World

LONG = 120.0
"""Seconds that many deliveries may take on a busy machine."""


@dataclass
class PostWorld(World):
    """The world. Its plugin is made by itself."""

    def open(self, *, start: bool = True) -> None:
        """Build the hub, as every world does."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "poison").touch()
        (self.data / "arrived").touch()
        self.plugins = {"post": PostPlugin(self.data)}
        self.given = {"plugins": (), **self.given}
        super().open(start=start)

    def address(self, unit: UnitId) -> Address:
        """Return a place of the unit's own."""
        return Address(adapter="post", endpoint=f"post:{unit}")

    def arrivals(self) -> Counter[str]:
        """Return how often each idempotency key has arrived."""
        return Counter((self.data / "arrived").read_text().split())

    def asked(self, cases: int) -> list[Story]:
        """Hand in the request of so many cases: one delivery each, to the contact."""
        stories = [self.story() for _ in range(cases)]
        for story in stories:
            story.requested()
        return stories

    def rung(self) -> int:
        """Ring all that is to be rung, here and now, where no relay runs; return how many deliveries that was."""
        count = 0
        self.hub.ground.broker.declare(topology_for(self.hub.registry.adapters))
        while found := ring_once(self.hub.ground):
            count += found
        return count

    def keys(self, stories: list[Story], states: frozenset[str] = frozenset()) -> list[str]:
        """Return the keys of the deliveries of some cases, those in some states or all."""
        return [row.key for story in stories for row in self.deliveries(story) if not states or row.state in states]

    def open_deliveries(self) -> int:
        """Count what is queued or being sent, of all cases."""
        counts: dict[str, Any] = dict(self.hub.counts())
        return sum(counts.get(state, 0) for state in ("queued", "sending"))

    def all_settled(self, within: float = LONG) -> bool:
        """Wait until nothing is queued or being sent."""
        return until(lambda: self.open_deliveries() == 0, within)
