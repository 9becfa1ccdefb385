"""The two chains, each with a world outside of its own: the hub, and the bare chain that it is compared with.

Both are there at the same time and are measured in turn, so that whatever else the machine does meets both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from siphub.cli.bench.cases import UNITS, directory_at, made, path_of, plan_template, withdrawal_template
from siphub.cli.bench.child import Child
from siphub.model import people as p

Keeps = Literal["sqlite", "postgresql"]
REST: Final = 0.5
"""Seconds for which a case of the hub rests when its plan has arrived everywhere. The next version may not overtake what the hub has yet to record:
nobody writes two within milliseconds, and an overtaken delivery is another, longer way through the hub."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where chains keep things: a folder, and for PostgreSQL a database for each chain and the broker between processes."""

    keeps: Keeps
    folder: Path
    hub_database: str = ""
    bare_database: str = ""
    broker: str = "memory://"

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """What each process of the hub is: all of it in one as `siphub up` runs it, or each part in one of its own. The first one listens."""
        return (("serve", "relay", "work", "sweep"),) if self.keeps == "sqlite" else (("serve",), ("relay",), ("work",), ("sweep",))


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain at work: the world outside, and the chain's own processes."""

    outside: Child
    processes: tuple[Child, ...]

    def spent(self) -> float:
        """Return the processor time of the chain's own processes so far, in seconds."""
        return sum(process.spent() for process in self.processes)

    def full(self, **told: Any) -> dict[str, Any]:
        """Run at full load, and say also what processor time a delivery has cost, in seconds."""
        before = self.spent()
        found = self.outside.ask(do="full", **told)
        return {**found, "cost": (self.spent() - before) / max(1, found["all"])}


@contextmanager
def hub_on(place: Place, cases: int) -> Iterator[Chain]:
    """Give a hub with so many cases whose plan may be proposed."""
    from siphub.cli.bench.measured import settings_of
    from siphub.flow import directory as directories
    from siphub.hub import add_key, build

    told = {"data": str(place.folder / "hub"), "broker": place.broker, "database": place.hub_database}
    with Child("outside", place.folder / "partners-of-hub.log") as outside:
        partner = outside.hear()["port"]
        with build(settings_of(told)) as hub:
            directories.switch(hub.ground, directory_at(partner), by="bench")
            key = add_key(hub.store, hub.ground.clock, organisation=p.MUNICIPALITY, name="bench", roles=("send",))
        with ExitStack() as stack:
            processes = tuple(
                stack.enter_context(Child("measured", place.folder / f"hub-{number}.log")) for number in range(len(place.parts))
            )
            ports = [process.ask(parts=parts, **told)["port"] for process, parts in zip(processes, place.parts, strict=True)]
            _begin(outside, ports[0], key, made(ports[0], key, cases), rest=REST)
            yield Chain(outside, processes)


@contextmanager
def bare_on(place: Place, cases: int) -> Iterator[Chain]:
    """Give a bare chain; it knows of no cases, but is handed the same messages."""
    told: dict[str, Any] = {"paths": {unit: path_of(unit) for unit in UNITS}, "database": place.bare_database, "broker": place.broker}
    with ExitStack() as stack:
        outside = stack.enter_context(Child("outside", place.folder / "partners-of-bare.log"))
        told["partner"] = outside.hear()["port"]
        if place.keeps == "sqlite":
            alone = stack.enter_context(Child("bare", place.folder / "bare.log"))
            processes: tuple[Child, ...] = (alone,)
            port = alone.ask(role="alone", **{**told, "database": str(place.folder / "bare.sqlite")})["port"]
        else:
            intake, worker = (stack.enter_context(Child("bare", place.folder / f"bare-{role}.log")) for role in ("intake", "worker"))
            processes = (intake, worker)
            port = intake.ask(role="intake", **told)["port"]
            worker.ask(role="worker", **told)
        _begin(outside, port, "none", [f"bare-{number}" for number in range(cases)], rest=0.0)
        yield Chain(outside, processes)


def _begin(outside: Child, port: int, key: str, ids: list[str], *, rest: float) -> None:
    outside.ask(
        do="begin",
        port=port,
        key=key,
        cases=ids,
        rest=rest,
        recipients=len(UNITS),
        template=plan_template(),
        withdrawal=withdrawal_template(),
    )
    outside.ask(do="settle")
