"""A worker that is told to stop: what it has not begun others get at once, what it is sending it finishes, and nothing waits for a lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from siphub.broker import Ack, Bell, Consumer
from siphub.contract import AdapterInfo, Delivered, Outcome, Payload, Recipient
from siphub.flow import deliver
from siphub.flow.deliver import Left
from siphub.model import Address
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.store import DeliveryRow
from siphub.testing.small_plugins import Box, adapting
from siphub.testing.story import until
from siphub.testing.world import World


class Slow(Box):
    """An adapter whose partner answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.info = AdapterInfo(name="slow", media_type="application/json", idempotent=True)
        self.begun = threading.Event()
        self.answer = threading.Event()

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take it, and let it wait."""
        super().deliver(payload, recipient, key)
        self.begun.set()
        self.answer.wait(30)
        return Delivered()


class Rung:
    """A bell's answer."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def ack(self) -> None:
        """Note it."""
        self.said.append("ack")

    def requeue(self) -> None:
        """Note it."""
        self.said.append("requeue")


class Bells:
    """A broker that hands its consumer what a test rings."""

    def __init__(self) -> None:
        self.on_bell: Callable[[Bell, Ack], None]
        self.alive = True
        self.stopped = threading.Event()

    def consume(self, _queue: str, on_bell: Callable[[Bell, Ack], None], _prefetch: int, _on_restored: object) -> Consumer:
        """Remember who listens."""
        self.on_bell = on_bell
        return cast("Consumer", self)

    def stop(self, _timeout: timedelta) -> None:
        """Be the consumer that stops."""
        self.stopped.set()

    def ring(self, *rows: DeliveryRow) -> Rung:
        """Ring one bell."""
        rung = Rung()
        self.on_bell(Bell("slow", tuple(row.id for row in rows)), rung)
        return rung


REACHED = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
"""Units with a partner each: one alone is not given every sender."""


@dataclass
class Reached(World):
    """A world in which some units are reached by the adapter `slow`."""

    def address(self, unit: Any) -> Address:
        """Return the address of these units, and the world's for everybody else."""
        return Address(adapter="slow", endpoint=f"slow:{unit}") if unit in REACHED else super().address(unit)


@pytest.fixture
def slow() -> Slow:
    """Return the adapter."""
    return Slow()


@pytest.fixture
def still(make_world: Callable[..., World], slow: Slow) -> Iterator[World]:
    """Return a hub whose own threads stand still, with one sender and leases that outlast the test."""
    made = make_world()
    given = {"senders": 1, "lease": "5min", "permit": "1min"}
    world = Reached(made.sandbox, made.folders, made.data, given=given, plugins={"slow": adapting(slow)})
    world.open(start=False)
    yield world
    slow.answer.set()
    world.hub.stop()


@pytest.fixture
def bells() -> Bells:
    """Return the broker."""
    return Bells()


@pytest.fixture
def worker(still: World, bells: Bells) -> deliver.Worker:
    """Return a worker at its queue."""
    found = deliver.Worker(replace(still.hub.ground, broker=cast("Any", bells)), ["slow"])
    found.start()
    return found


def called(world: World, unit: UnitId = p.HOME_CARE) -> DeliveryRow:
    """Return a kallelse that waits."""
    story = world.story()
    story.ready([unit])
    story.summoned([unit])
    (row,) = [row for row in world.deliveries(story) if row.message_type == "meeting.summoned"]
    return row


def now(world: World, row: DeliveryRow) -> DeliveryRow:
    """Return a delivery as it is now."""
    with world.hub.store.read() as work:
        found = work.deliveries.by_id(row.id)
    assert found is not None
    return found


def states(world: World, rows: list[DeliveryRow]) -> list[str]:
    """Return their states, in alphabetical order."""
    return sorted(now(world, row).state for row in rows)


def test_what_was_claimed_and_not_begun_is_given_back_at_once(still: World, slow: Slow, bells: Bells, worker: deliver.Worker) -> None:
    """Given three claims of which one is being sent, when the worker is told to stop, then the two are queued again before the one has ended.

    They have bells again, nothing of them has left, and the one is finished and recorded before the worker goes.
    """
    rows = [called(still, unit) for unit in REACHED]
    rung = bells.ring(*rows)
    assert slow.begun.wait(30)
    assert until(lambda: states(still, rows) == ["sending"] * 3)
    with ThreadPoolExecutor(1) as other:
        stopping = other.submit(worker.stop, timedelta(seconds=30))
        assert until(lambda: states(still, rows) == ["queued", "queued", "sending"])
        assert not stopping.done()
        slow.answer.set()
        assert stopping.result(60) == Left(returned=2, sending=0)
    assert states(still, rows) == ["delivered", "queued", "queued"]
    assert (len(slow.sent), rung.said[0], bells.stopped.is_set()) == (1, "ack", True)
    back = [row for row in rows if now(still, row).state == "queued"]
    with still.hub.store.read() as work:
        attempts = [work.attempts.of_delivery(row.owner, row.id) for row in back]
        waiting = {bell.delivery_id for bell in work.outbox.take(500)}
    assert [(found[0].outcome, found[0].code) for found in attempts] == [("permit_expired", "hub.stopping")] * 2
    assert {row.id for row in back} <= waiting
    assert all(row.next_at <= still.hub.ground.now() and row.expired_leases == 0 for row in [now(still, one) for one in back])


def test_what_does_not_end_in_time_is_said(still: World, slow: Slow, bells: Bells, worker: deliver.Worker) -> None:
    """Given a partner that does not answer, when the time is up, then the worker goes and says so; the delivery keeps its lease."""
    row = called(still)
    rung = bells.ring(row)
    assert slow.begun.wait(30)
    assert worker.stop(timedelta(milliseconds=100)) == Left(returned=0, sending=1)
    assert (now(still, row).state, now(still, row).lease_until is not None, rung.said) == ("sending", True, [])


def test_bells_that_nobody_has_read_go_back_to_the_broker(still: World, slow: Slow, bells: Bells, worker: deliver.Worker) -> None:
    """Given a claimer that waits for the store, when the worker is told to stop, then the bells behind it are given back, and later ones too."""
    first, second = called(still), called(still)
    slow.answer.set()
    with ThreadPoolExecutor(1) as other:
        with still.hub.store.write():
            busy = bells.ring(first)
            assert until(lambda: worker.unread == 0)
            time.sleep(0.1)  # it may still look for more
            unread = bells.ring(second)
            stopping = other.submit(worker.stop, timedelta(seconds=5))
            assert until(bells.stopped.is_set)
        stopping.result(60)
    assert unread.said == ["requeue"]
    assert bells.ring(second).said == ["requeue"]
    assert (now(still, second).state, busy.said) == ("queued", ["ack"])
