"""kill -9 of the right process at each of RELIABILITY's seven points, on RabbitMQ, over SQLite and PostgreSQL.

One round is one hub's life with at least two hundred deliveries in flight at every kill. At each point the process that passes it dies
five times: `serve` with the message stored and its sender unanswered, the relay around the broker's confirm, the worker around the
partner's answer. Then all that was handed in is compared with what the partners hold.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.flow import operate
from siphub.flow.ground import POINTS
from siphub.hub import Part
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.testing.aftermath import Aftermath
from siphub.testing.county import County
from siphub.testing.story import Story
from siphub.testing.world import PARTNERS, World

if TYPE_CHECKING:
    from siphub.store import DeliveryRow
    from siphub.testing.postgresql import Postgres
    from siphub.testing.rabbitmq import Rabbit

pytestmark = [pytest.mark.chaos, pytest.mark.node]

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
CELLS: tuple[tuple[str, Part, int], ...] = (
    ("after_commit", "serve", 6),
    ("before_publish", "relay", 1),
    ("after_publish", "relay", 1),
    ("before_delete", "relay", 1),
    ("after_consume", "work", 3),
    ("before_send", "work", 4),
    ("after_send", "work", 4),
    ("after_record", "work", 1),
)
"""Point, the process that dies there, and at which passage at the latest."""
KILLS = 5
"""How often it dies there in one life at most: all that the suite takes; a longer dose has as many at each point as there are rounds."""
SHORT = 10
"""The rounds of the suite's own dose."""
LEAST = 200
"""Deliveries in flight at each kill."""
LIVE = 4
"""Senders that hand cases in over HTTP while `serve` is killed."""
CASE = 4
"""Messages of one case: none of them is sent before the one before it is answered."""


@dataclass
class Life:
    """One hub's life: what was killed, and with how much in flight."""

    county: County
    chance: random.Random
    kills: int
    stories: list[Story] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    least: int = 10**9

    def begin(self) -> None:
        """Hand in what will be in flight; nothing of the hub runs yet that would ring or deliver."""
        for _ in range(LEAST // 4 + 12 * self.kills):  # each has four deliveries, and some arrive in between
            self.stories.append(self.called(Story(self.county.world.send)))

    @staticmethod
    def called(story: Story) -> Story:
        """Act a case out as far as its kallelse: four deliveries."""
        story.ready(UNITS)
        story.summoned(UNITS)
        return story

    def die(self, part: Part, point: str, latest: int) -> None:
        """Start a process that kills itself at a point, and wait until it has."""
        fault = f"{point}:kill:{self.chance.randint(1, latest)}"
        process = self.county.serve(fault) if part == "serve" else self.county.start(part, fault=fault)
        assert self.county.gone(process) == -signal.SIGKILL, process.said()
        self.least = min(self.least, self.county.in_flight())
        self.killed[point] += 1

    def run(self) -> None:
        """Die at every point, and let the hub go on in between with whatever else it needs."""
        self.begin()
        with ThreadPoolExecutor(LIVE) as senders:
            first, *others = CELLS
            point, part, latest = first
            # Each kill uses up what passes the point, and what other senders had stored by then: a repeat passes it no more.
            cases = self.kills * (latest + LIVE - 1) // CASE + 1
            live = [Story(self.county.send) for _ in range(cases)]
            self.stories += live
            handing = [senders.submit(self._when_served, story) for story in live]
            for _ in range(self.kills):
                self.die(part, point, latest)
            self.county.serve()
            for each in handing:
                each.result()
        for point, part, latest in others:
            if part == "work" and not self.helped():
                self.county.start("relay")
                self.county.start("sweep")
            for _ in range(self.kills):
                self.die(part, point, latest)
        self.county.start("work")

    def _when_served(self, story: Story) -> None:
        while self.county.serving is None:
            time.sleep(0.01)
        self.called(story)

    def helped(self) -> bool:
        """Say whether a relay that does not die runs."""
        return any(process.part == "relay" for process in self.county.running)


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Return what makes a database for each hub, and gives the setting `database_url`: nothing on SQLite, where it is in the data folder."""
    if request.param == "sqlite":
        yield str
        return
    server: Postgres = request.getfixturevalue("postgresql")
    made = list[str]()

    def make() -> str:
        made.append(server.database())
        return made[-1]

    yield make
    for url in made:
        server.drop(url)


@pytest.fixture
def make_county(tmp_path: Path, rabbitmq: Rabbit, make_database: Callable[[], str]) -> Iterator[Callable[..., County]]:
    """Return what makes a county whose leases are short, on a data folder of its own."""
    sandbox = Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox")

    def make(name: str) -> County:
        given: dict[str, Any] = {
            "broker_url": rabbitmq.url,
            "lease": "3s",
            "permit": "2900ms",
            "senders": 2,
            "database_url": make_database(),
            "name": f"chaos-{name}",
        }
        return County(World(sandbox, tmp_path / "folders", tmp_path / name, given=given), tmp_path / f"logs-{name}")

    with sandbox:
        yield make


def test_every_point_there_is_is_in_the_matrix() -> None:
    """Given the crash points of the flow, then each is killed at in this matrix, none is absent on RabbitMQ."""
    assert sorted(point for point, _, _ in CELLS) == sorted(POINTS)


@pytest.mark.timeout(14400)
def test_a_part_killed_at_a_point_loses_nothing_and_doubles_nothing(
    make_county: Callable[..., County],
    request: pytest.FixtureRequest,
    chaos_rounds: int,
    chaos_seed: int,
    write_result: Callable[..., None],
) -> None:
    """Given two hundred deliveries in flight, when each part is killed at each point, five times a round, then each partner has each once.

    Repeats carry the same key and bytes; what was held, because three workers died over it, arrives when a person orders a retry.
    """
    began = time.monotonic()
    store = request.node.callspec.params["make_database"]
    total, killed, least = Counter[str](), Counter[str](), 10**9
    repeats = messages = held = lost = doubled = 0
    for number, kills in enumerate(lives(chaos_rounds)):
        with make_county(f"{store}-{number}") as county:
            life = Life(county, random.Random(f"{chaos_seed}/{store}/{number}"), kills)
            life.run()
            after = Aftermath(county.world, life.stories)
            where = f"seed {chaos_seed}, {store}, round {number}, killed {dict(life.killed)}"
            assert after.settled(120), f"{where}: {after.open()} on their way"
            tried = [row for row in rows_of(county, life) if row.state == "held" and row.reason == "send.leases"]
            assert all(row.expired_leases >= 3 for row in tried), where
            held += len(tried)
            for row in tried:
                operate.operate(county.world.hub.ground, row.id, "retry", by="test", channel="cli")
            assert after.settled(120), where
            assert after.findings() == [], where
            assert county.answered_otherwise() == [], where
            assert life.least >= LEAST, where
            assert after.states() == {"delivered": 4 * len(life.stories)}, where
            assert county.stop() == [0] * 4, where
            effects = [after.effects(row) for row in rows_of(county, life)]
            lost += effects.count(0)
            doubled += sum(found > 1 for found in effects)
            total += after.states()
            killed += life.killed
            least = min(least, life.least)
            repeats = max(repeats, after.repeats())  # the partners' books go on from round to round
            messages += 4 * len(life.stories)
    assert set(killed) == set(POINTS)
    assert repeats > 0
    figures = {"seed": chaos_seed, "store": f"{store}, RabbitMQ", "kills at each point": min(killed.values()), "points": len(killed)}
    figures |= {"messages": messages, "deliveries": total.total(), "least in flight": least, "repeats at partners": repeats}
    figures |= {"held for a person, then sent": held, "lost": lost, "doubled": doubled}
    write_result("crash-matrix", {**figures, "seconds": round(time.monotonic() - began)})


def lives(rounds: int) -> list[int]:
    """Return how many kills at each point each life has: one life for the suite, as many as it takes for a longer dose."""
    total = rounds if rounds > SHORT else min(rounds, KILLS)
    return [min(KILLS, total - done) for done in range(0, total, KILLS)]


def rows_of(county: County, life: Life) -> list[DeliveryRow]:
    """Return every delivery of a life."""
    return [row for story in life.stories for row in county.world.deliveries(story)]
