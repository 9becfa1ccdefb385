"""Workers without a relay in their process, while nobody rings: they hear of what is due without a bell, and two at once do no harm."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from siphub.flow import operate
from siphub.flow.hand_over import left_lying, needed
from siphub.hub import Hub, build
from siphub.model import people as p
from siphub.store import ProcessRow
from siphub.testing.logs import heard_logs
from siphub.testing.ports import closed_port
from siphub.testing.world import PARTNERS, World

if TYPE_CHECKING:
    from siphub.broker import Broker, Consumer, OnBell, OnRestored
    from siphub.flow.deliver import Worker

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Give a broker's URL at which nobody listens."""
    with closed_port() as port:
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@pytest.fixture
def world(make_world: Callable[..., World], nowhere: str) -> Iterator[World]:
    """Return a hub of which nothing has begun, and whose broker is away."""
    world = make_world(broker_url=nowhere)
    world.open(start=False)
    yield world
    world.hub.stop()


def worker_of(world: World) -> Hub:
    """Return a process with nothing but a worker."""
    hub = build(world.settings())
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


@pytest.mark.parametrize(
    ("unread", "silence", "sending", "rung", "lying"),
    [
        (0, 1, "running", True, ["municipal-xml"]),
        (1, 1, "running", True, []),
        (0, 0, "running", True, []),
        (0, 1, "stopped", True, []),
        (0, 1, "running", False, []),
    ],
)
def test_what_is_left_lying(world: World, *, unread: int, silence: int, sending: str, rung: bool, lying: list[str]) -> None:
    """Given a delivery that was rung and that nobody claims, then it is left lying only where an idle worker should have heard it."""
    ground = world.hub.ground
    story = world.story()
    story.ready(UNITS)
    if sending == "stopped":
        operate.switch(ground, "stopped", by="test")
    with ground.store.write() as work:
        assert work.outbox.size()
        if rung:
            work.outbox.delete([bell.id for bell in work.outbox.take(100)])
    facts = {"unread": unread, "adapters": ("municipal-xml", "folder"), "silence": lambda _, __: float(silence)}
    standing = cast("Worker", type("Standing", (), facts)())
    assert list(left_lying(ground, standing, timedelta(milliseconds=1))) == lying


class Deafening:
    """A broker that can keep the bells of all who stand at its queues now, as RabbitMQ 3.10 may after a queue was deleted and made again."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._kept = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def consume(self, queue: str, on_bell: OnBell, prefetch: int, on_restored: OnRestored | None = None) -> Consumer:
        kept = self._kept
        return self._broker.consume(queue, lambda bell, ack: None if kept.is_set() else on_bell(bell, ack), prefetch, on_restored)

    def keep(self) -> None:
        """Let those who stand there hear nothing from now on."""
        kept, self._kept = self._kept, threading.Event()
        kept.set()


def test_whoever_hears_nothing_takes_its_place_anew(make_world: Callable[..., World]) -> None:
    """Given a consumer that is given bells and does not hear them, then everything arrives once, it hears from then on, and that was said."""
    world = make_world()
    world.open(start=False)
    broker = Deafening(world.hub.ground.broker)
    world.hub.ground.broker = cast("Broker", broker)
    with heard_logs() as heard, world.hub:
        world.hub.start()
        before = world.story()
        before.ready(UNITS)
        assert world.settled(before, 60)
        assert heard.named("bells.unheard") == []
        broker.keep()
        story = world.story()
        story.ready(UNITS)
        story.summoned(UNITS)
        assert world.settled(story, 60)
        assert {row.state for row in world.deliveries(story)} == {"delivered"}
        assert [one["adapter"] for one in heard.named("bells.unheard")] == ["municipal-xml"]
        later = world.story()
        later.ready(UNITS)
        assert world.settled(later, 60)
        assert len(heard.named("bells.unheard")) == 1
