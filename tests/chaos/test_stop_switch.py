"""`siphub stop` with several workers and partners that take their time: within a minute nothing is sent any more, and `start` goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.flow import records
from siphub.model import people as p
from siphub.sandbox import Fault, Sandbox
from siphub.testing.county import County
from siphub.testing.recorded import Recorded
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.chaos

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
CASES = 12
SLOW = 5.0
"""Seconds a partner takes; half of what the hub would wait."""
LIMIT = 60.0


def switched(data: Path, word: str) -> None:
    """Throw the switch, as an operator does."""
    siphub = str(Path(sys.executable).with_name("siphub"))
    subprocess.run([siphub, word, "--data", str(data), "--by", "eva"], check=True, capture_output=True, timeout=120)


def requests(world: World) -> int:
    """Return how many requests the partners have heard in all."""
    return sum(len(world.sandbox.ledger(partner).entries()) for partner in PARTNERS.values())


@pytest.mark.timeout(600)
def test_stop_ends_all_sending_within_a_minute(tmp_path: Path, write_result: Callable[..., None]) -> None:
    """Given two workers amid slow partners, when an operator stops the hub, then within a minute no attempt runs and none begins; `start` goes on."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as sandbox:
        given = {"broker_url": f"filesystem://{tmp_path / 'bells'}", "lease": "60s", "ring_timeout": "5s", "name": "stopped"}
        county = County(World(sandbox, tmp_path / "folders", tmp_path / "hub", given=given), tmp_path / "logs")
        with county:
            world = county.world
            stories = [Story(world.send) for _ in range(CASES)]
            for story in stories:
                story.ready(UNITS)
                story.summoned(UNITS)
            for partner in PARTNERS.values():
                sandbox.fault(partner, Fault("slow", seconds=SLOW))
            for part in ("relay", "work", "work", "sweep"):
                county.start(part)
            assert until(lambda: world.hub.counts().get("sending", 0) >= len(UNITS), 120)

            began = time.monotonic()
            switched(world.data, "stop")
            assert until(lambda: world.hub.counts().get("sending", 0) == 0, LIMIT)
            took = time.monotonic() - began
            heard, waiting = requests(world), county.in_flight()
            assert (waiting > 0, took < LIMIT) == (True, True)
            time.sleep(2)
            assert (requests(world), county.in_flight()) == (heard, waiting)

            sandbox.clear()
            switched(world.data, "start")
            assert until(lambda: county.in_flight() == 0, 180)
            assert world.hub.counts() == {"delivered": 4 * CASES}
            assert requests(world) == 4 * CASES
            assert county.stop() == [0] * 4
    write_result("stop", {"workers": 2, "a partner's seconds": SLOW, "waiting": waiting, "seconds until nothing was sent": round(took, 1)})


def test_record_copies_wait_too(tmp_path: Path) -> None:
    """Given a copy for a registry, when sending is stopped, then the registry is handed nothing; when it goes on, it is."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as sandbox:
        world = Recorded(sandbox, tmp_path / "folders", tmp_path / "hub")
        registry = world.registry(p.MUNICIPALITY).open()
        world.registry(p.REGION).open()
        world.open(start=False)
        world.story().requested()
        switched(world.data, "stop")
        assert (records.offer_due(world.hub.ground), registry.metadata()) == (0, [])
        switched(world.data, "start")
        assert records.offer_due(world.hub.ground) == len(registry.metadata()) == 1
        world.hub.stop()
