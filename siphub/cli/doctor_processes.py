"""What `doctor` says of a hub's processes: whether every part is there, under one name and in one version, and fits the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from siphub.cli.doctor import Finding, look, ok, wrong
from siphub.store import CLOCKS_APART

if TYPE_CHECKING:
    from siphub.flow.presence import Process
    from siphub.hub import Hub

_WHY_CLOCKS: Final = "a lease that one machine gives ends by the clock of another; let a time service set them all"


def processes(hub: Hub) -> Iterator[Finding]:
    """Look at the processes that were seen within the last seconds, on whichever machine, and at the name they share."""
    from siphub.flow import presence

    yield from _kept_name(hub)
    yield from _servers_clock(hub)
    found = presence.seen(hub.ground)
    if not found:
        return
    problems = [*_names(hub, found), *_parts(hub, found), *_versions(found), *_clocks(hub, found), *_database(hub, found)]
    yield from problems
    if not problems:
        yield ok(f"{len(found)} process(es) of this hub run, and every part is there: siphub processes lists them")


def _servers_clock(hub: Hub) -> Iterator[Finding]:
    before, there, after = hub.ground.now(), hub.store.time(), hub.ground.now()
    apart = max(before - there, there - after) if there is not None else timedelta()
    if apart > CLOCKS_APART:
        yield wrong(f"the clocks of this machine and of the database's server are {_seconds(apart)} apart: {_WHY_CLOCKS}")


def _clocks(hub: Hub, found: Sequence[Process]) -> Iterator[Finding]:
    """One that is behind cannot be told from one that was not heard for a while; seen from its own machine the others are ahead."""
    ahead = {one.host: one.seen_at - hub.ground.now() for one in found}
    for host in sorted(host for host, by in ahead.items() if by > CLOCKS_APART):
        yield wrong(f"the clock of {host} is {_seconds(ahead[host])} ahead of this machine's: {_WHY_CLOCKS}")


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"


def _kept_name(hub: Hub) -> Iterator[Finding]:
    from siphub.hub import kept_name

    kept, said = kept_name(hub.store, hub.settings, hub.ground.clock), hub.settings.name
    if said and said != kept:
        yield look(
            f"the setting name is {said}, and a process without that setting rings the queues of {kept}, the name of the first start: "
            "give every process of this hub the same setting"
        )


def _names(hub: Hub, found: Sequence[Process]) -> Iterator[Finding]:
    for name in sorted({one.name for one in found} - {hub.ground.name}):
        hosts = ", ".join(sorted({one.host for one in found if one.name == name}))
        yield wrong(
            f"processes on {hosts} ring the queues of {name}, and here the setting name says {hub.ground.name}: "
            "they do not hear each other; give every process of this hub the same name"
        )


def _parts(hub: Hub, found: Sequence[Process]) -> Iterator[Finding]:
    from siphub.hub import PARTS

    there = {part for one in found for part in one.parts}
    yield from (wrong(f"no process of this hub was seen that does {part}: siphub {part} starts one") for part in PARTS if part not in there)
    if "work" in there:
        served = {name for one in found for name in one.adapters}
        for name in sorted(set(hub.registry.adapters) - served):
            yield wrong(f"no worker delivers for the adapter {name}: siphub work --adapter {name} starts one")
    if "relay" in there and not any(one.rings for one in found):
        yield wrong("no relay reaches the broker: the workers find by themselves what is due, and more slowly")


def _versions(found: Sequence[Process]) -> Iterator[Finding]:
    versions = sorted({one.version for one in found})
    if len(versions) > 1:
        yield look(f"processes of the versions {', '.join(versions)} run side by side: finish the upgrade")


def _database(hub: Hub, found: Sequence[Process]) -> Iterator[Finding]:
    if len(found) > 1 and hub.store.dialect == "sqlite":
        yield look(f"{len(found)} processes share an SQLite database and write one at a time: several want PostgreSQL, see database_url")
