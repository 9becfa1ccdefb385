"""One bad delivery among fifty that a worker holds: its neighbours arrive, it ends held, and somebody is asked to look."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from siphub.flow import track
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.store import DeliveryRow
from siphub.testing.logs import heard_logs
from siphub.testing.post_world import LONG, PostWorld
from siphub.testing.rabbitmq import Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

pytestmark = [pytest.mark.chaos, pytest.mark.node, pytest.mark.timeout(300)]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
SETTINGS = {"senders": 25, "lease": "5s", "ring_timeout": "5s", "retry_base": "200ms", "retry_cap": "1s", "plugins": ()}
"""Twenty-five senders make a prefetch of fifty."""


@pytest.fixture
def world(tmp_path: Path, rabbitmq: Rabbit) -> Iterator[PostWorld]:
    """Give a world over RabbitMQ, whose hub stands still."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as sandbox:
        world = PostWorld(sandbox, tmp_path / "folders", tmp_path / "hub", {**SETTINGS, "broker_url": rabbitmq.url})
        world.open(start=False)
        yield world
        world.hub.stop()


def called(world: World, cases: int) -> list[Story]:
    """Return cases whose kallelse to each unit is rung and lies at the broker, with everything before it delivered."""
    stories = [world.story() for _ in range(cases)]
    world.hub.start()
    for story in stories:
        story.ready(UNITS)
    assert all(world.settled(story, LONG) for story in stories)
    world.hub.stop()
    world.open(start=False)
    world.hub.start(adapters=[])
    for story in stories:
        story.summoned(UNITS)
    assert until(lambda: not _unrung(world), LONG)
    world.hub.stop()
    world.open(start=False)
    return stories


def _unrung(world: World) -> int:
    with world.hub.store.read() as work:
        return len(work.outbox.take(1))


@contextmanager
def supervised(world: World) -> Iterator[Callable[[], int]]:
    """Run the hub in a process that is started again whenever it dies; give what counts how often it has died."""
    deaths = 0
    process: subprocess.Popen[str]

    def start() -> subprocess.Popen[str]:
        order = {"data": str(world.data), "settings": {**_plain(world), "mode": "test"}}
        process = subprocess.Popen([sys.executable, "-m", "siphub.testing.post_process"], stdin=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return process

    def look() -> int:
        nonlocal deaths, process
        if process.poll() is not None:
            deaths += 1
            _end(process)
            process = start()
        return deaths

    process = start()
    try:
        yield look
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def _plain(world: World) -> dict[str, Any]:
    return {"sweep_every": "100ms", "min_free_disk": 1, **world.given}


def rows_of(world: World, stories: list[Story]) -> list[DeliveryRow]:
    """Return the calls of these cases."""
    return [row for story in stories for row in world.deliveries(story) if row.message_type == "meeting.summoned"]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "dies"), [("kill", True), ("hang", False), ("raise", False)])
def test_a_payload_that_breaks_its_worker_is_held_and_its_neighbours_arrive(world: PostWorld, what: str, dies: bool) -> None:
    """Given fifty bells in a worker's hands, one of them for a payload that kills, hangs or breaks whoever sends it, then the others arrive."""
    stories = called(world, 18)
    poisoned = stories[7]
    (poison,) = [row for row in rows_of(world, [poisoned]) if row.recipient == p.HOME_CARE]
    (world.data / "poison").write_text(f"{poisoned.case_id} {p.HOME_CARE} {what}\n")
    assert len(rows_of(world, stories)) == 54
    with supervised(world) as look:
        deadline = time.monotonic() + LONG
        while any(row.state in {"queued", "sending"} for row in rows_of(world, stories)) and time.monotonic() < deadline:
            look()
            time.sleep(0.2)
        assert (look() > 0) == dies
    found = {row.id: row for row in rows_of(world, stories)}
    ended = found.pop(poison.id)
    assert Counter(row.state for row in found.values()) == {"delivered": 53}
    assert (ended.state, ended.reason, ended.expired_leases) == ("held", "send.leases", 3)
    arrived = world.arrivals()
    assert {row.key for row in found.values()} <= arrived.keys()
    assert ended.key not in arrived
    assert [item.delivery_id for item in track.desk(world.hub.ground) if item.type == "delivery.send.leases"] == [poison.id]


def test_bytes_that_are_no_bell_leave_their_neighbours_alone(world: PostWorld, rabbitmq: Rabbit) -> None:
    """Given twenty messages that are no bell among fifty bells in one queue, then every delivery arrives, and each poison is told and gone."""
    before = set(rabbitmq.queues())
    stories = called(world, 18)
    (queue,) = [name for name in set(rabbitmq.queues()) - before if name.endswith(".post")]
    bells = rabbitmq.waiting(queue) or 0
    for number in range(20):
        rabbitmq.put(queue, b"\xff not a bell" * number)
    assert bells > 0
    with heard_logs() as heard:
        world.hub.start()
        assert all(world.settled(story, LONG) for story in stories)
        assert {row.state for row in rows_of(world, stories)} == {"delivered"}
        assert until(lambda: len(heard.named("bell.poisoned")) == 20, LONG)
    assert until(lambda: rabbitmq.waiting(queue) == 0, LONG)
