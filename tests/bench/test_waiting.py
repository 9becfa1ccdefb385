"""What a backlog for one partner costs the questions that are asked for everybody else, on both stores; the whole dose by `make bench`.

The backlog is rows of one case, marked as waiting as the relay marks them; its followers stand in line behind them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import SystemClock
from siphub.flow.sweep import SLICE
from siphub.store import BellRow, DeliveryRow, Store, Work
from siphub.testing.store_rows import NOW, OWNER, new_case, new_delivery, new_message

AWAY, NEAR = ("folder", "folder:away"), ("folder", "folder:near")
LIVE = 250
TIMES = 30
MOST = 5.0
"""How many times slower a question may be; what is measured is far below, and a busy machine is not what is asked about."""
JUDGED = frozenset({"take", "ring again", "load", "expired"})
"""What is asked all the time. `due` is asked only while the broker is down, and `forgotten` reads fifty rows wherever they lie on the disk."""
QUESTIONS: Mapping[str, Callable[[Work], object]] = {
    "take": lambda work: work.outbox.take(500),
    "due": lambda work: work.deliveries.due(NOW, 200),
    "ring again": lambda work: work.deliveries.ring_again(NOW, timedelta(days=1), 200),
    "forgotten": lambda work: work.deliveries.ring_forgotten(str(uuid4()), SLICE),
    "load": lambda work: work.partners.load(NEAR, NOW, 500),
    "expired": lambda work: work.deliveries.expired(NOW, 200),
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """Return an empty store."""
    urls = (f"sqlite:///{tmp_path / 'hub.db'}", f"sqlite:///{tmp_path / 'keys.db'}")
    if request.param == "postgresql":
        urls = request.getfixturevalue("store_urls")
    found = Store(*urls, bytes(range(32)), SystemClock())
    found.upgrade()
    yield found
    found.close()


def fill(store: Store, number: int, place: tuple[str, str], *, waits: bool, every: int) -> None:
    """Add deliveries of one case to as many recipients, one in `every` with a follower; those that wait have no bell."""
    case = new_case()
    message = new_message(case)
    with store.write() as work:
        work.cases.add(case)
        work.messages.add(message)
    row = replace(new_delivery(message), adapter=place[0], endpoint=place[1])
    for start in range(0, number, 2000):
        rows: list[DeliveryRow] = []
        for each in range(start, min(number, start + 2000)):
            head = replace(row, id=str(uuid4()), key=str(uuid4()), recipient=f"SE{OWNER}-{each}")
            rows.append(head)
            if each % every == 0:
                rows.append(replace(head, id=str(uuid4()), key=str(uuid4()), prev_id=head.id, position=2))
        with store.write() as work:
            work.deliveries.add(rows)
            if waits:
                work.partners.park({place: [one.id for one in rows if one.prev_id is None]})
                work.outbox.delete([bell.id for bell in work.outbox.take(10_000) if bell.endpoint == place[1]])


def asked(store: Store) -> dict[str, float]:
    """Return how long each question takes, in microseconds: the quick tenth of many, for what else the machine does slows the rest."""
    found = {}
    for name, ask in QUESTIONS.items():
        seconds = []
        for _ in range(TIMES):
            with store.write() as work:
                began = time.perf_counter()
                ask(work)
                seconds.append(time.perf_counter() - began)
        found[name] = sorted(seconds)[TIMES // 10] * 1e6
    return found


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_a_backlog_costs_the_others_nothing(
    store: Store, request: pytest.FixtureRequest, write_result: Callable[[str, Mapping[str, object]], None]
) -> None:
    """Given bells of a partner that is well, the questions asked for all take as long with another's backlog as without."""
    number = int(request.config.getoption("--away-backlog"))
    fill(store, LIVE, NEAR, waits=False, every=1)
    before = asked(store)
    fill(store, number, AWAY, waits=True, every=10)
    with store.write() as work:
        assert sum(work.partners.waiting().values()) == number
        assert {bell.endpoint for bell in work.outbox.take(10_000)} == {NEAR[1]}
    after = asked(store)
    with store.write() as work:
        began = time.perf_counter()
        work.partners.lock([AWAY])
        assert work.partners.ring(AWAY, NOW, 16) == 16
        ringing = (time.perf_counter() - began) * 1e6
    figures = {name: f"{before[name]:.0f} → {after[name]:.0f} µs" for name in QUESTIONS}
    write_result("waiting", {"store": request.node.callspec.params["store"], "waiting": number, **figures, "ring 16": f"{ringing:.0f} µs"})
    slower = {name: after[name] / before[name] for name in JUDGED}
    assert max(slower.values()) <= MOST, slower


def test_a_bell_knows_its_partner(store: Store) -> None:
    """Given a bell as somebody rings it by hand, it has an endpoint, for the relay parts bells by it."""
    with store.write() as work:
        work.outbox.ring([BellRow(OWNER, "d1", *NEAR[:1], endpoint=NEAR[1])])
        assert [(bell.adapter, bell.endpoint, bell.granted) for bell in work.outbox.take(9)] == [(*NEAR, False)]
