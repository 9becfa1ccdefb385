"""Leases that ran out, looked at by a process that lacks the adapter's plugin: in service that is nobody's fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.cli.doctor import sending
from siphub.flow import sweep
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


def test_a_sweep_without_the_plugin_leaves_a_delivery_to_whoever_delivers(yard: Yard) -> None:
    """Given a lease that ran out, then a sweep without its plugin queues it anew, in doubt; where nobody has the plugin, doctor says so."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready([p.HOME_CARE])
    (claimed, *_) = yard.claim(yard.due())
    row = claimed[0]
    yard.clock.at += timedelta(minutes=2)
    settings = read({"data": yard.data, "mode": "test", "plugins": (), "broker_url": "memory://", "min_free_disk": 1})
    with build(settings, clock=yard.clock) as bare:
        assert sweep.expire_leases(bare.ground) >= 1
        assert any(one.level == "wrong" and "adapter wire" in one.what for one in sending(bare))
    with yard.ground.store.read() as work:
        found = work.deliveries.by_id(row.id)
    assert found is not None
    assert (found.state, found.reason, found.uncertain) == ("queued", "lease.expired", True)
