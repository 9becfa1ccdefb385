"""Several relays over one outbox, and how each hears of bells that another process has put there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from siphub.broker import Ack, Bell, topology_for
from siphub.broker.topology import queue_name
from siphub.contract import SystemClock
from siphub.errors import BrokerLost, Unroutable
from siphub.flow.deliver import claim
from siphub.flow.relay import IDLE, Relay, ring_once, seconds_until_due
from siphub.flow.wake import Wake
from siphub.store import BellRow, Store
from siphub.testing.clock import Hand
from siphub.testing.logs import heard_logs
from siphub.testing.store_rows import OWNER
from siphub.testing.story import until

if TYPE_CHECKING:
    from siphub.flow.ground import Ground
    from siphub.testing.world import World

MANY = 1200
"""Bells, more than two batches."""


class Ear:
    """A broker that keeps what it is given, once it is let."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.let = threading.Event()
        self.let.set()
        self.asked = threading.Event()
        self.down = False
        self.without: str | None = None

    def publish(self, bells: Sequence[Bell], _timeout: timedelta) -> None:
        """Keep them."""
        self.asked.set()
        assert self.let.wait(30)
        if self.down:
            raise BrokerLost("away")
        if self.without in {bell.adapter for bell in bells}:
            raise Unroutable("no queue")
        self.heard += [one for bell in bells for one in bell.deliveries]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Return what opens one more store on the same database, as another process would."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else f"sqlite:///{tmp_path / 'hub.db'}"
    opened: list[Store] = []

    def make() -> Store:
        opened.append(Store(url, f"sqlite:///{tmp_path / 'keys.db'}", bytes(range(32)), SystemClock()))
        if len(opened) == 1:
            opened[0].upgrade()
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def ear() -> Ear:
    """Return the broker."""
    return Ear()


@pytest.fixture
def make_ground(open_store: Callable[[], Store], ear: Ear, still: World) -> Callable[[], Ground]:
    """Return what makes the ground of one more process: its own store, the one broker."""
    return lambda: replace(still.hub.ground, store=open_store(), broker=cast("Any", ear), clock=SystemClock(), wake=Wake())


def bells(store: Store, number: int, due: datetime | None = None) -> set[str]:
    """Put bells in the outbox; return what they ring for."""
    ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(number)]
    with store.write() as work:
        work.outbox.ring([BellRow(OWNER, one, "folder") for one in ids], due or SystemClock().now())
    return set(ids)


def size(store: Store) -> int:
    """Return how many bells there are."""
    with store.read() as work:
        return work.outbox.size()


def test_a_bell_for_an_adapter_this_relay_has_not_keeps_no_other_from_being_rung(still: World) -> None:
    """Given a bell for an adapter of a plugin that is not enabled here, then it is rung in that adapter's queue, and the others in theirs."""
    ground, heard = still.hub.ground, list[str]()
    ground.broker.declare(topology_for(still.hub.registry.adapters))
    one, other = (f"00000000-0000-4000-8000-{n:012x}" for n in range(2))
    with ground.store.write() as work:
        work.outbox.ring([BellRow(OWNER, one, "elsewhere"), BellRow(OWNER, other, "folder")], ground.now())
    assert ring_once(ground) == len((one, other))

    def hear(bell: Bell, ack: Ack) -> None:
        heard.extend(bell.deliveries)
        ack.ack()

    for adapter in ("elsewhere", "folder"):
        ground.broker.consume(queue_name(adapter), hear, 1)
    assert until(lambda: set(heard) == {one, other})
    assert size(ground.store) == 0


def test_a_queue_that_cannot_be_made_keeps_no_other_from_being_rung(make_ground: Callable[[], Ground], ear: Ear) -> None:
    """Given an adapter whose queue is gone and cannot be made, then the others' bells are rung, and the workers here are told of its own."""
    ear.without, told = "municipal-xml", list[str]()
    ground = make_ground()
    one, other = (f"00000000-0000-4000-8000-{n:012x}" for n in range(2))
    with ground.store.write() as work:
        work.outbox.ring([BellRow(OWNER, one, "municipal-xml"), BellRow(OWNER, other, "folder")], ground.now())
    relay = Relay(ground, told.extend)
    relay.start()
    try:
        assert until(lambda: told == [one])
    finally:
        relay.stop()
    assert (ear.heard, relay.rings, size(ground.store)) == ([other], True, 0)


def test_a_bell_of_another_hub_is_said(still: World) -> None:
    """Given a bell for a delivery that this store has not, as when two hubs have one name at one broker, then the log says so."""
    ground = still.hub.ground
    with heard_logs() as heard:
        assert claim(ground, ["00000000-0000-4000-8000-000000000001"], ground.directory()) == []
    assert [line["count"] for line in heard.named("bells.strange")] == [1]


def test_two_relays_ring_everything(make_ground: Callable[[], Ground], ear: Ear) -> None:
    """Given many bells, when two relays ring at once, then each bell is rung, on PostgreSQL once, and none is left."""
    grounds = [make_ground(), make_ground()]
    wanted = bells(grounds[0].store, MANY)

    def all_of(ground: Ground) -> None:
        while ring_once(ground):
            pass

    with ThreadPoolExecutor(2) as two:
        list(two.map(all_of, grounds))
    assert (set(ear.heard), size(grounds[0].store)) == (wanted, 0)
    if grounds[0].store.shares_outbox:
        assert max(Counter(ear.heard).values()) == 1


def test_what_one_relay_holds_another_does_not_wait_for(make_ground: Callable[[], Ground], ear: Ear) -> None:
    """Given a relay that waits for the broker over a batch, then on PostgreSQL another rings the rest meanwhile; all is rung in the end."""
    one, other = make_ground(), make_ground()
    wanted = bells(one.store, 700)
    ear.let.clear()
    with ThreadPoolExecutor(2) as two:
        first = two.submit(ring_once, one)
        assert ear.asked.wait(30)
        second = two.submit(ring_once, other)
        time.sleep(0.2)
        ear.let.set()
        rung = (first.result(30), second.result(30))
    while ring_once(one):
        pass
    assert rung == ((500, 200) if one.store.shares_outbox else (500, 500))
    assert (set(ear.heard), size(one.store)) == (wanted, 0)


def test_a_broker_that_is_away_costs_no_bell(make_ground: Callable[[], Ground], ear: Ear) -> None:
    """Given a broker that is lost while it is rung, then every bell is still there, and free for any relay."""
    one, other = make_ground(), make_ground()
    wanted = bells(one.store, 20)
    ear.down = True
    with pytest.raises(BrokerLost):
        ring_once(one)
    ear.down = False
    assert (size(one.store), ring_once(other), set(ear.heard)) == (20, 20, wanted)


def test_a_relay_sleeps_until_the_next_bell_is_due(make_ground: Callable[[], Ground]) -> None:
    """Given bells in the future, then the relay sleeps until the first is due, never longer than it would by itself, and not at all hastily."""
    now = SystemClock().now()
    ground = replace(make_ground(), clock=Hand(now))
    assert seconds_until_due(ground) == IDLE
    bells(ground.store, 1, now + timedelta(hours=1))
    assert seconds_until_due(ground) == IDLE
    bells(ground.store, 1, now + timedelta(seconds=0.25))
    assert seconds_until_due(ground) == 0.25
    bells(ground.store, 1, now - timedelta(seconds=1))
    assert seconds_until_due(ground) == IDLE


class TestKnocks:
    def test_a_knock_is_heard_in_another_process(self, open_store: Callable[[], Store]) -> None:
        """Given a listener, when another store has written and knocks, then it is heard; when it stops, nothing is heard any more."""
        here, there = open_store(), open_store()
        heard = threading.Event()
        listening = there.listen(heard.set)
        time.sleep(0.5)
        heard.clear()
        bells(here, 1)
        here.knock()
        assert heard.wait(10)
        listening.stop()
        heard.clear()
        bells(here, 1)
        here.knock()
        assert not heard.wait(0.3)

    def test_a_process_that_ends_has_knocked(self, open_store: Callable[[], Store]) -> None:
        """Given a command that writes, knocks and ends, then the knock was heard all the same."""
        here, there = open_store(), open_store()
        heard = threading.Event()
        listening = there.listen(heard.set)
        time.sleep(0.5)
        heard.clear()
        with closing(here):
            bells(here, 1)
            here.knock()
        assert heard.wait(10)
        listening.stop()

    def test_a_relay_is_woken_by_another_process(self, make_ground: Callable[[], Ground], ear: Ear) -> None:
        """Given a relay that would sleep for a minute, when another process puts a bell there and says so, then it is rung at once."""
        mine, other = make_ground(), make_ground()
        other.wake = Wake(other.store.knock)
        mine.wake.rings = True
        listening = mine.store.listen(mine.wake.hear)
        relay = Relay(mine, idle=60.0)
        relay.start()
        time.sleep(0.5)
        wanted = bells(other.store, 3)
        other.wake.set()
        assert until(lambda: set(ear.heard) == wanted, 20)
        listening.stop()
        relay.stop()

    @pytest.mark.node
    def test_a_listener_comes_back(self, postgresql_url: str, tmp_path: Path) -> None:
        """Given a listener whose connection PostgreSQL has ended, then it listens again, and is told to look at once; so does who knocks."""
        store = Store(postgresql_url, f"sqlite:///{tmp_path / 'keys.db'}", bytes(range(32)), SystemClock())
        heard = threading.Event()
        listening = store.listen(heard.set)
        store.knock()
        assert heard.wait(10)
        heard.clear()
        with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = current_database()"
            )
        assert heard.wait(10)
        time.sleep(0.5)
        heard.clear()
        store.knock()
        assert heard.wait(10)
        listening.stop()
        store.close()
