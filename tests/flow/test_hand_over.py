"""Workers without a relay in their process, while nobody rings: they hear of what is due without a bell, and two at once do no harm."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from siphub.flow.hand_over import needed
from siphub.hub import Hub, build
from siphub.model import people as p
from siphub.settings import read
from siphub.store import ProcessRow
from siphub.testing.world import PARTNERS, QUICK, World

if TYPE_CHECKING:
    from siphub.flow.deliver import Worker

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


@pytest.fixture
def nowhere() -> str:
    """Return a broker's URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"amqp://guest:guest@127.0.0.1:{port}/"


@pytest.fixture
def world(make_world: Callable[..., World], nowhere: str) -> Iterator[World]:
    """Return a hub of which nothing has begun, and whose broker is away."""
    world = make_world(broker_url=nowhere)
    world.open(start=False)
    yield world
    world.hub.stop()


def worker_of(world: World) -> Hub:
    """Return a process with nothing but a worker."""
    given = {**QUICK, **world.given, "data": world.data, "mode": "test", "ca_file": world.sandbox.ca_file}
    hub = build(read(given))
    hub.start(["work"])
    return hub


def test_two_workers_deliver_while_the_broker_is_away(world: World) -> None:
    """Given a broker that is away and two processes that only work, then each delivery arrives, and at its partner once."""
    workers = [worker_of(world), worker_of(world)]
    try:
        stories = [world.story() for _ in range(6)]
        for story in stories:
            story.ready(UNITS)
            story.summoned(UNITS)
        assert all(world.settled(story, 60) for story in stories)
    finally:
        for hub in workers:
            hub.stop()
    entries = [entry for partner in PARTNERS.values() for entry in world.sandbox.ledger(partner).entries()]
    assert {row.state for story in stories for row in world.deliveries(story)} == {"delivered"}
    assert set(Counter((entry.message_id, entry.key) for entry in entries).values()) == {1}


@pytest.mark.parametrize(
    ("hears", "parts", "rings", "wanted"),
    [
        (True, "relay", True, False),
        (False, "relay", True, True),
        (True, "relay", False, True),
        (True, "serve,relay,work,sweep", True, False),
        (True, "sweep", False, True),
    ],
)
def test_when_it_is_needed(world: World, hears: bool, parts: str, rings: bool, wanted: bool) -> None:
    """Given a worker at its queues, then it is needed while no relay is seen that can ring; given one that hears nothing, then always."""
    ground = world.hub.ground
    row = ProcessRow("-", "1", parts, "", ground.name, "host", 1, "1", ground.now(), ground.now(), rings=rings)
    with ground.store.write() as work:
        work.processes.note(row)
    standing = cast("Worker", type("Standing", (), {"hears": hears}))
    assert needed(ground, standing) is wanted
    with ground.store.write() as work:
        work.processes.leave("1")
        work.processes.note(replace(row, seen_at=ground.now().replace(year=2020)))
    assert needed(ground, standing) is True
