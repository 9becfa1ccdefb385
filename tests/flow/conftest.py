"""A hub and its partners for every test of the flow; see `siphub.testing.world`.

The scenarios, which tell what the hub promises, run over the embedded broker and over RabbitMQ; the other tests over the embedded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.contract import Clock
from siphub.sandbox import Sandbox
from siphub.testing.clock import Hand
from siphub.testing.recorded import Recorded
from siphub.testing.world import PARTNERS, World

if TYPE_CHECKING:
    from siphub.testing.rabbitmq import Rabbit

OVER_RABBITMQ_TOO = frozenset({"test_scenarios", "test_people_scenarios", "test_doors"})
"""The files of scenarios."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario over both brokers."""
    if "broker_url" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in OVER_RABBITMQ_TOO:
        metafunc.parametrize("broker_url", ["memory", pytest.param("rabbitmq", marks=pytest.mark.node)], indirect=True)


@pytest.fixture
def broker_url(request: pytest.FixtureRequest) -> str:
    """Return where the hub's broker is: in its own process, unless the test is about another."""
    if getattr(request, "param", "memory") == "memory":
        return "memory://"
    rabbit: Rabbit = request.getfixturevalue("rabbitmq")
    return rabbit.url


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Return partner municipalities that listen on loopback."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path, sandbox: Sandbox, broker_url: str) -> Callable[..., World]:
    """Return what makes a world that is not open yet; further settings by name."""

    def make(plugins: Mapping[str, object] | None = None, clock: Clock | None = None, **given: Any) -> World:
        given = {"broker_url": broker_url, **given}
        return World(sandbox, tmp_path / "folders", tmp_path / "hub", given=given, plugins=plugins or {}, clock=clock)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> Iterator[World]:
    """Return a running hub and its partners."""
    with make_world() as running:
        yield running


@pytest.fixture
def make_recorded(tmp_path: Path, sandbox: Sandbox) -> Iterator[Callable[..., Recorded]]:
    """Return what opens a world whose organisations have registries; further settings by name. With `up=False` nobody is there yet."""
    opened: list[Recorded] = []

    def made(*, start: bool = True, up: bool = True, **more: Any) -> Recorded:
        own = {name: more.pop(name) for name in ("registries", "keeper", "plugins", "clock") if name in more}
        world = Recorded(sandbox, tmp_path / "folders", tmp_path / "hub", given=more, **own)
        for number in world.registries if up else ():
            world.registry(number).open()
        world.open(start=start)
        opened.append(world)
        return world

    yield made
    for world in opened:
        world.hub.stop()


@pytest.fixture
def hand() -> Hand:
    """Return the clock of a hub that stands still, on a Monday morning; the test turns it."""
    return Hand(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))


@pytest.fixture
def still(make_world: Callable[..., World], hand: Hand) -> Iterator[World]:
    """Return a hub whose workers and sweep have not begun: the test looks when it wants to."""
    world = make_world(clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()
