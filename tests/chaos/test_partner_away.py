"""One partner is away for 72 simulated hours with a backlog waiting, and the others notice nothing (A8): a small dose here, 100 000 by `make chaos`.

Two hubs take turns in one run, one with the backlog and one without, so that what else the machine does strikes both alike. The backlog is
the store's own rows, copied from a case that intake took (`siphub.testing.backlog`); what is measured goes through intake.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import pytest

from siphub.contract import Retry
from siphub.model import people as p
from siphub.testing.backlog import load, model_of
from siphub.testing.clock import Hand
from siphub.testing.crowd import FAR, NEAR, Crowd, Quarter
from siphub.testing.story import Story, until
from siphub.testing.yard import Yard

WEEKEND = timedelta(hours=72)
FULL = 100_000
"""From so many on the dose is the whole one, and its ratio is judged; less is too little to say anything of a ninety-ninth percentile."""
MOST_SLOWER = 1.5
TOGETHER, PROBED = 4, 0.7
"""The clock is turned once for so many messages, and the probe that falls due then has so many seconds to end: in 72 real hours it would meet
one message in thousands, and not every one."""
SENDERS = 16
WORD = "wire"


@dataclass
class Turns:
    """One of the two hubs: it runs in its windows and rests in the other's."""

    yard: Yard
    crowd: Crowd
    windows: list[list[float]] = field(default_factory=list)

    @property
    def quarter(self) -> Quarter:
        """The hub with its partners."""
        return Quarter(self.yard, self.crowd)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the hub run for a while."""
        self.yard.again()
        self.yard.hub.start()
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Let the hub stop."""
        self.yard.hub.stop()

    def window(self, number: int, step: timedelta) -> None:
        """Measure from handing in until the partner that is well has it, so many times; the clock goes on a step each time."""
        seconds = []
        with self.running():
            stories = [Story(self.yard.send, now=self.yard.clock.at.replace(microsecond=0)) for _ in range(number)]
            for story in stories:
                story.ready((NEAR,))
            for place, story in enumerate(stories):
                if place % TOGETHER == 0:
                    self.yard.clock.on(step * min(TOGETHER, number - place))
                    time.sleep(PROBED)
                began = time.monotonic()
                story.summoned((NEAR,))
                message = str(story.sent[-1].message_id)
                assert until(lambda: message in self.crowd.came, 60)  # noqa: B023 - of this very story
                seconds.append(self.crowd.came[message] - began)
        self.windows.append(seconds)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def store(request: pytest.FixtureRequest) -> str:
    """Return the store that both hubs stand on."""
    return str(request.param)


@pytest.fixture
def new_database(store: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], str | None]]:
    """Return what gives each hub a database of its own, of the same kind; None is a SQLite file among the hub's data."""
    with ExitStack() as ends:

        def give() -> str | None:
            if store == "sqlite":
                return None
            server = request.getfixturevalue("postgresql")
            url = str(server.database())
            ends.callback(server.drop, url)
            return url

        yield give


@pytest.fixture
def make_hub(tmp_path: Path, new_database: Callable[[], str | None]) -> Iterator[Callable[..., Turns]]:
    """Return what makes one of the hubs, on its own data."""
    with ExitStack() as ends:

        def make(name: str, clock: Hand) -> Turns:
            given: dict[str, Any] = {
                "open_limit": 10_000_000,
                "senders": SENDERS,
                "retry_base": "2s",
                "retry_cap": "15min",
                "permit": "30s",
                "lease": "24h",
                "ring_timeout": "1h",
            }
            if url := new_database():
                given["database_url"] = url
            yard = Yard(tmp_path / name, clock=clock, given=given)
            crowd = Crowd(clock, keeps=False)
            yard.wires[WORD] = crowd
            yard.open()
            turns = Turns(yard, crowd)
            ends.callback(turns.rest)
            return turns

        yield make


def p99(seconds: Sequence[float]) -> float:
    """Return the ninety-ninth percentile."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]


def upper_bound(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]], seed: int = 1) -> float:
    """Return the upper 95 % bound of the ratio of two p99, by drawing whole windows anew."""
    chance, ratios = Random(seed), []
    for _ in range(2000):
        drawn = [p99([each for window in chance.choices(windows, k=len(windows)) for each in window]) for windows in (one, other)]
        ratios.append(drawn[0] / drawn[1])
    return sorted(ratios)[int(len(ratios) * 0.95)]


def memory() -> float:
    """Return what this process, hubs and partners and test together, holds in memory, in MiB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def test_the_bound_of_a_ratio_is_one_where_nothing_differs() -> None:
    """Given windows that are alike, the bound is near one; given one side twice as slow, it is at least two."""
    windows = [[0.01 + 0.0001 * (n % 7) for n in range(50)] for _ in range(10)]
    slow = [[2 * each for each in window] for window in windows]
    assert 1.0 <= upper_bound(windows, windows) < 1.1
    assert upper_bound(slow, windows) >= 2.0


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_the_others_do_not_notice_a_partner_that_is_away(
    make_hub: Callable[..., Turns],
    store: str,
    request: pytest.FixtureRequest,
    write_result: Callable[[str, Mapping[str, object]], None],
) -> None:
    """Given a backlog for a partner that is away, the others' p99 stays, a pause costs one attempt, memory is bounded, and all arrives in order.

    On its return the partner is sent one, then more, and never more at once than its share.
    """
    number, rounds, samples = (int(request.config.getoption(f"--away-{word}")) for word in ("backlog", "windows", "samples"))
    clock = Hand()
    busy, calm = make_hub("away", clock), make_hub("calm", clock)
    began = time.monotonic()

    away_at = clock.at
    busy.crowd.says[FAR] = Retry("partner.http_503")
    cases = backlog(busy, number)
    loaded, before = time.monotonic(), memory()
    asked = busy.crowd.asked[FAR]
    step = WEEKEND / (2 * rounds * samples)
    peak = before
    for turn in range(rounds):
        for hub in (busy, calm) if turn % 2 else (calm, busy):
            hub.window(samples, step)
            peak = max(peak, memory())
    probes = busy.crowd.asked[FAR] - asked
    assert abs(clock.at - away_at - WEEKEND) < timedelta(seconds=1), "longer, and what waits is given up"
    bound = upper_bound(busy.windows, calm.windows)
    seconds = [[each for window in hub.windows for each in window] for hub in (busy, calm)]

    returned = time.monotonic()
    most, per_second, peak_back = come_back(busy, number)
    assert wrong(busy, cases) == []
    assert most <= SENDERS * 3 // 4
    assert probes <= rounds * samples + rounds
    figures = {
        "store": store,
        "waiting": number,
        "samples": len(seconds[0]),
        "p99 with": f"{p99(seconds[0]) * 1000:.0f} ms",
        "p99 without": f"{p99(seconds[1]) * 1000:.0f} ms",
        "median ratio": f"{median(seconds[0]) / median(seconds[1]):.2f}",
        "p99 ratio, upper 95 %": f"{bound:.2f}",
        "attempts in 72 h": probes,
        "MiB before": f"{before:.0f}",
        "MiB most": f"{max(peak, peak_back):.0f}",
        "at once on return": most,
        "most in a second": per_second,
        "seconds to load, watch, return": f"{loaded - began:.0f}, {returned - loaded:.0f}, {time.monotonic() - returned:.0f}",
    }
    write_result("partner-away", figures)
    assert max(peak, peak_back) <= before + 200, figures
    assert median(seconds[0]) <= 5 * median(seconds[1]), figures
    if number >= FULL:
        assert bound <= MOST_SLOWER, figures


def backlog(busy: Turns, number: int) -> list[UUID]:
    """Let one kallelse through intake, and so many copies of it follow; return their cases when all of it waits."""
    with busy.running():
        (story,) = busy.quarter.calls(1, (FAR,))
        model = model_of(busy.yard.ground, story, FAR)
        cases = list(load(busy.yard.ground, model, number - 1))
        heads = len(cases) + 1
        assert until(lambda: settled(busy, heads), 1800)
    return cases


def settled(busy: Turns, heads: int) -> bool:
    """Say whether all that waits for the partner is without a bell, but the few that are tried again later."""
    with busy.yard.ground.store.read() as work:
        waiting = sum(work.partners.waiting().values())
        later = heads - waiting
        return later <= busy.crowd.asked[FAR] and not work.outbox.take(1)


def come_back(busy: Turns, number: int) -> tuple[int, int, float]:
    """Let the partner be well again; return the most that was sent to it at once and in a second, and the most memory, once all has arrived."""
    busy.crowd.says.clear()
    busy.crowd.at_once.clear()
    busy.crowd.takes[FAR] = 0.005
    busy.crowd.came.clear()
    busy.yard.clock.on(timedelta(hours=1))
    peak = 0.0
    with busy.running():
        while busy.crowd.got(FAR) < number:
            got = busy.crowd.got(FAR)
            assert until(lambda: busy.crowd.got(FAR) > got, 120), f"{got} of {number} have arrived, and no more come"  # noqa: B023
            peak = max(peak, memory())
            time.sleep(0.5)
    at_once = busy.crowd.at_once[FAR]
    assert all(each <= 1 + place for place, each in enumerate(at_once[:50])), at_once[:50]
    seconds: dict[int, int] = {}
    for when in busy.crowd.came.values():
        seconds[int(when)] = seconds.get(int(when), 0) + 1
    return max(at_once), max(seconds.values()), peak


def wrong(busy: Turns, cases: Sequence[UUID]) -> list[str]:
    """Say of which cases a kallelse has not arrived, or not in the order in which they stand in its line, or which arrived twice."""
    took = [one for one in busy.crowd.took if one.unit == FAR]
    order = {one.message_id: place for place, one in enumerate(took)}
    found = [] if len(order) == len(took) else [f"{len(took) - len(order)} arrived twice"]
    for case_id in cases:
        rows = [row for row in busy.yard.of_case(p.MUNICIPALITY, case_id) if row.recipient == FAR]
        places = [order.get(row.message_id, -1) for row in rows]
        states = {row.state for row in rows}
        if -1 in places or places != sorted(places) or states != {"delivered"}:
            found.append(f"{case_id}: {places}, {states}")
    return found
