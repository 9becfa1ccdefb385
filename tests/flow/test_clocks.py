"""Machines whose clocks differ by as much as docs/in-service.md allows: one takes messages and rings, the other delivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from siphub.hub import build
from siphub.model import people as p
from siphub.store import CLOCKS_APART
from siphub.testing.story import until

if TYPE_CHECKING:
    from siphub.testing.world import World


@dataclass(frozen=True)
class Behind:
    """The machine's clock, as one shows it that is behind."""

    by: timedelta

    def now(self) -> datetime:
        """Return the time it shows."""
        return datetime.now(UTC) - self.by


@pytest.mark.node
@pytest.mark.parametrize(("broker_url", "store_given"), [("rabbitmq", "postgresql")], indirect=True)
def test_a_worker_whose_clock_is_behind_delivers_at_once(make_world: Callable[..., World]) -> None:
    """Given a worker whose clock is three quarters behind of what clocks may be, then what is handed in does not wait to be rung again."""
    world = make_world(ring_timeout="10min")
    world.open(start=False)
    worker = build(world.hub.settings, clock=Behind(CLOCKS_APART * 0.75))
    try:
        worker.start(["work"])
        world.hub.start(["serve", "relay", "sweep"])
        assert until(lambda: worker.worker is not None and worker.worker.alive)
        story = world.story()
        story.ready((p.CONTACT,))
        story.summoned((p.CONTACT, p.CARE_CENTRE))
        assert world.settled(story)
        assert world.types(p.CONTACT, story)[-1] == "meeting.summoned"
    finally:
        worker.stop()
        world.hub.stop()
