"""Leases that ran out, looked at by a process that lacks the adapter's plugin: in service that is nobody's fault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.flow import presence, sweep
from siphub.flow.presence import Presence
from siphub.hub import build
from siphub.model import people as p
from siphub.settings import read
from siphub.testing.story import Story
from siphub.testing.yard import Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads, whose partners are reached by the wire."""
    with Yard(tmp_path / "hub") as opened:
        yield opened


@pytest.mark.parametrize(("delivers", "state", "reason"), [(True, "queued", "lease.expired"), (False, "held", "send.leases")])
def test_a_sweep_without_the_plugin_leaves_a_delivery_to_whoever_delivers(yard: Yard, *, delivers: bool, state: str, reason: str) -> None:
    """Given a lease that ran out, then a sweep without its plugin holds it only where no process that was seen delivers for it either."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready([p.HOME_CARE])
    (claimed, *_) = yard.claim(yard.due())
    row = claimed[0]
    yard.clock.at += timedelta(minutes=2)
    worker = Presence(yard.ground, ("work",), ("wire",) if delivers else (), lambda: False)
    worker.start()
    try:
        until = time.monotonic() + 30
        while not presence.seen(yard.ground) and time.monotonic() < until:
            time.sleep(0.02)
        settings = read({"data": yard.data, "mode": "test", "plugins": (), "broker_url": "memory://", "min_free_disk": 1})
        with build(settings, clock=yard.clock) as bare:
            assert sweep.expire_leases(bare.ground) >= 1
    finally:
        worker.stop()
    with yard.ground.store.read() as work:
        found = work.deliveries.by_id(row.id)
    assert found is not None
    assert (found.state, found.reason, found.uncertain) == (state, reason, True)
