"""Each line of the hub is broken in each way, under load, and made whole: it recovers by itself, nothing is lost, and nobody gets anything twice.

The hub is as in service, on RabbitMQ and PostgreSQL. The lines go to the broker, to the database, and to the partners.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import SystemClock
from siphub.errors import Refused, SiphubError, StoreError
from siphub.model import Address, Message
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.sandbox import Sandbox
from siphub.store import Store
from siphub.testing.line import Line
from siphub.testing.postgresql import Postgres
from siphub.testing.rabbitmq import Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, Told, World

pytestmark = [pytest.mark.chaos, pytest.mark.node, pytest.mark.timeout(900)]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
WITHIN = 30.0
"""Seconds after the line is whole in which every queue has its consumers again."""
LONG = 120.0
MID_FRAME = 1_001
"""After so many bytes a line is cut: no frame of AMQP, PostgreSQL or TLS ends there but by chance."""


@dataclass
class LinkedWorld(World):
    """A world whose partners are reached by a line."""

    partner: Line = field(default_factory=lambda: Line(0))

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached: partners by way of the line."""
        found = super().address(unit)
        port = self.sandbox.endpoint(PARTNERS[unit]).split("/")[2].rpartition(":")[2] if unit in PARTNERS else ""
        return found.model_copy(update={"endpoint": found.endpoint.replace(f":{port}/", f":{self.partner.port}/")}) if port else found

    def send(self, message: Message) -> Told:
        """Hand a message in until it is accepted, with the same bytes each time, as a careful sender does."""
        until_when = time.monotonic() + LONG
        while True:
            try:
                return super().send(message)
            except Refused:
                raise
            except SiphubError:
                assert time.monotonic() < until_when, "the hub takes nothing"
                time.sleep(0.1)


class Stream:
    """Cases handed in one after another by a thread, until told to stop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.stories = list[Story]()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                story = self._world.story(self._world.send)
                story.ready(UNITS)
                story.summoned(UNITS)
                self.stories.append(story)
        except BaseException as error:  # noqa: BLE001 - it is raised where the stream ends
            self._error = error

    def reaches(self, count: int) -> bool:
        """Wait until so many cases have been handed in."""
        return until(lambda: len(self.stories) >= count or self._error is not None, LONG)

    def end(self) -> list[Story]:
        """Stop, and return the cases."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.stories


@pytest.fixture
def lines(rabbitmq: Rabbit, postgresql: Postgres, tmp_path: Path) -> Iterator[tuple[LinkedWorld, Mapping[str, Line]]]:
    """Give a hub that runs, and its three lines."""
    url = postgresql.database()
    with ExitStack() as ends:
        ends.callback(postgresql.drop, url)
        sandbox = ends.enter_context(Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox"))
        port = int(sandbox.endpoint(PARTNERS[p.CONTACT]).split("/")[2].rpartition(":")[2])
        found = {"broker": Line(rabbitmq.port), "database": Line(postgresql.port), "partner": Line(port)}
        for line in found.values():
            ends.enter_context(line)
        given: dict[str, Any] = {
            "broker_url": rabbitmq.url.replace(f":{rabbitmq.port}/", f":{found['broker'].port}/"),
            "database_url": url.replace(f":{postgresql.port}/", f":{found['database'].port}/"),
            "sweep_every": "500ms",
            "ring_timeout": "5s",
            "lease": "4s",
        }
        world = LinkedWorld(sandbox, tmp_path / "folders", tmp_path / "hub", given, partner=found["partner"])
        with world:
            yield world, found


def _cut(line: Line) -> None:
    line.cut_after(MID_FRAME)
    assert until(lambda: line.cut_done, WITHIN)


BREAKS: Mapping[str, Callable[[Line], None]] = {"down": Line.down, "silent": Line.silent, "slow": Line.slow, "cut in a frame": _cut}


@pytest.mark.slow
@pytest.mark.parametrize("link", ["broker", "database", "partner"])
def test_a_broken_line_mends_by_itself(
    lines: tuple[LinkedWorld, Mapping[str, Line]],
    link: str,
    rabbitmq: Rabbit,
    link_seconds: float,
    write_result: Callable[..., None],
) -> None:
    """Given a stream of messages, when a line is down, silent, slow or cut, then all goes on once it is whole, and every effect is there once."""
    world, found = lines
    assert until(lambda: world.hub.ready()["worker"], WITHIN)
    queues = [name for name in rabbitmq.queues() if name.startswith(f"{world.hub.ground.name}.")]
    assert len(queues) == len(world.hub.registry.adapters)
    for name, breaks in BREAKS.items():
        stream = Stream(world)
        assert stream.reaches(1)
        breaks(found[link])
        time.sleep(link_seconds)
        found[link].back()
        began = time.monotonic()
        # Both sides say so: the broker may not know yet that a consumer is gone, nor the hub.
        assert until(lambda: world.hub.ready()["worker"] and all(rabbitmq.consumers(queue) for queue in queues), WITHIN), (link, name)
        consumers = time.monotonic() - began
        assert stream.reaches(len(stream.stories) + 1), (link, name)
        stories = stream.end()
        assert all(world.settled(story, LONG) for story in stories), (link, name)
        effects = [world.types(unit, story).count("meeting.summoned") for story in stories for unit in UNITS]
        lost, twice = effects.count(0), sum(count > 1 for count in effects)
        assert (lost, twice, sum(effects)) == (0, 0, len(UNITS) * len(stories)), (link, name)
        deliveries = [row for story in stories for row in world.deliveries(story)]
        assert {row.state for row in deliveries} == {"delivered"}, (link, name)
        what = f"{link} {name}" + ("" if name == "cut in a frame" else f" for {link_seconds:g} s")
        write_result("links", {"what": what, "deliveries": len(deliveries), "lost": lost, "twice": twice, "seconds": f"{consumers:.1f}"})


def test_a_database_behind_a_silent_line_is_given_up_in_time(postgresql: Postgres, tmp_path: Path) -> None:
    """Given a line to the database that takes connections and swallows everything, then a statement fails in seconds, with our error."""
    url = postgresql.database()
    with Line(postgresql.port, state="silent") as line:
        keys = f"sqlite:///{tmp_path / 'keys.sqlite'}"
        store = Store(url.replace(f":{postgresql.port}/", f":{line.port}/"), keys, bytes(range(32)), SystemClock())
        began = time.monotonic()
        with pytest.raises(StoreError), store.read() as work:
            work.switches.get("sending")
        assert time.monotonic() - began < 30
        store.close()
    postgresql.drop(url)
