"""A hub and its partners for every test of the flow; see `siphub.testing.world`.

The scenarios, which tell what the hub promises, run on the embedded hub (SQLite, a broker inside) and on one as in service (PostgreSQL,
RabbitMQ). Of the other tests those where transactions meet run on both stores, and the rest on SQLite: `--store postgresql` takes them too.
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

IN_SERVICE_TOO = frozenset({"test_scenarios", "test_people_scenarios", "test_doors"})
"""The files of scenarios."""
ON_POSTGRESQL_TOO = frozenset({"test_overtaken", "test_uncertain", "test_expiry", "test_sources"})
"""The files in which a withdrawal, a doubt, a time-out or another process meets a delivery or an answer."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario on both hubs, and what transactions decide on both stores."""
    module = metafunc.module.__name__.rpartition(".")[2]
    in_service = pytest.param("rabbitmq", "postgresql", marks=pytest.mark.node)
    if "broker_url" in metafunc.fixturenames and module in IN_SERVICE_TOO:
        ids = ["embedded", "in service"]
        metafunc.parametrize(("broker_url", "store_given"), [("memory", "sqlite"), in_service], indirect=True, ids=ids)
    elif "store_given" in metafunc.fixturenames and module in ON_POSTGRESQL_TOO:
        metafunc.parametrize("store_given", ["sqlite", pytest.param("postgresql", marks=pytest.mark.node)], indirect=True)


@pytest.fixture
def broker_url(request: pytest.FixtureRequest) -> str:
    """Return where the hub's broker is: in its own process, unless the test is about another."""
    if getattr(request, "param", "memory") == "memory":
        return "memory://"
    rabbit: Rabbit = request.getfixturevalue("rabbitmq")
    return rabbit.url


@pytest.fixture
def store_given(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the settings that say where the hub's databases are: in its data folder, unless the test or the run says PostgreSQL."""
    if getattr(request, "param", request.config.getoption("--store")) == "sqlite":
        return {}
    content, keys = request.getfixturevalue("store_urls")
    return {"database_url": content, "keys_url": keys}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Return partner municipalities that listen on loopback."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path, sandbox: Sandbox, broker_url: str, store_given: Mapping[str, str]) -> Callable[..., World]:
    """Return what makes a world that is not open yet; further settings by name."""

    def make(plugins: Mapping[str, object] | None = None, clock: Clock | None = None, **given: Any) -> World:
        given = {"broker_url": broker_url, **store_given, **given}
        return World(sandbox, tmp_path / "folders", tmp_path / "hub", given=given, plugins=plugins or {}, clock=clock)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> Iterator[World]:
    """Return a running hub and its partners."""
    with make_world() as running:
        yield running


@pytest.fixture
def make_recorded(tmp_path: Path, sandbox: Sandbox, store_given: Mapping[str, str]) -> Iterator[Callable[..., Recorded]]:
    """Return what opens a world whose organisations have registries; further settings by name. With `up=False` nobody is there yet."""
    opened: list[Recorded] = []

    def made(*, start: bool = True, up: bool = True, **more: Any) -> Recorded:
        own = {name: more.pop(name) for name in ("registries", "keeper", "plugins", "clock") if name in more}
        world = Recorded(sandbox, tmp_path / "folders", tmp_path / "hub", given={**store_given, **more}, **own)
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
