"""Where units' answers lie, as their directory entries say, and where they lay before the directory was changed.

A place that no entry names any more is read by nobody, and so is what a partner puts there: it is remembered, so that somebody is told.
It must never take two ways to write one place for two places.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from posixpath import normpath
from typing import Final
from urllib.parse import unquote

from siphub.contract import PollsAddresses, Recipient, Retry
from siphub.flow.ground import Ground, snapshot
from siphub.model import Address, Directory, Unit
from siphub.store import Work

_USUAL_PORTS: Final = {"https": ":443", "http": ":80", "sftp": ":22"}
_LEFT: Final = "answers.left"
"""The switch that holds the places that are not asked any more."""


def place(unit: str, organisation: str, label: str, address: Address) -> Recipient:
    """Return whom an adapter reaches at an address, as it is told so."""
    return Recipient(unit, organisation, label, address.adapter, address.endpoint, address.mapping, dict(address.options))


def sources_of(unit: Unit, adapters: Mapping[str, object]) -> Iterator[tuple[Recipient, str]]:
    """Yield each place where answers of a unit lie, with whom its entry reaches; none where nothing is fetched."""
    adapter = adapters.get(unit.address.adapter) if unit.address is not None else None
    if unit.address is not None and isinstance(adapter, PollsAddresses):
        there = place(unit.id, unit.organisation, unit.public_label, unit.address)
        yield from ((there, name) for name in adapter.sources(there))


def plain_place(place: str) -> str:
    """Return a folder or an address in the one of the ways to write it that all of them have: two that are the same place are equal."""
    scheme, mark, rest = place.partition("://")
    if not mark:
        return _normal(place) if place.startswith("/") else place.rstrip("/")
    server, _, path = rest.partition("/")
    named = server.lower().removesuffix(_USUAL_PORTS.get(scheme.lower(), ":"))
    return f"{scheme.lower()}://{named}{_normal(unquote(path))}"


def _normal(path: str) -> str:
    return normpath(f"/{path.lstrip('/')}")


def inboxes(directory: Directory) -> dict[tuple[str, str], set[str]]:
    """Return where units are sent what is for them, by adapter and place, with their organisations."""
    found: dict[tuple[str, str], set[str]] = {}
    for unit in directory.units:
        if unit.address is not None:
            found.setdefault((unit.address.adapter, plain_place(unit.address.endpoint)), set()).add(unit.organisation)
    return found


def lies_with_what_is_sent(there: Recipient, name: str, places: Container[tuple[str, str]]) -> bool:
    """Say whether a source is a place to which something is sent, and not merely the entry's own, beside which an adapter knows what is whose."""
    return name != there.endpoint.rstrip("/") and (there.adapter, plain_place(name)) in places


@dataclass(frozen=True, slots=True)
class Left:
    """A place whose answers are not fetched any more, whom the entry that named it reached, and since when it names it no more."""

    there: Recipient
    name: str
    since: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other place."""
        return self.there.adapter, plain_place(self.name)


def left_behind(earlier: Directory, directory: Directory, adapters: Mapping[str, object]) -> tuple[Left, ...]:
    """Return the places that a directory has answers fetched from, and the one that follows it has not."""
    kept = _keys(directory, adapters)
    before = (Left(there, name) for unit in earlier.units for there, name in sources_of(unit, adapters))
    return tuple({one.key: one for one in before if one.key not in kept}.values())


def note_left(work: Work, left: Iterable[Left], directory: Directory, adapters: Mapping[str, object], *, by: str, now: datetime) -> None:
    """Remember places that are left behind with those that were before, but for those that answers are fetched from again; in the caller's transaction."""
    kept, before = _keys(directory, adapters), remembered(work)
    found = {one.key: one for one in (*(Left(one.there, one.name, now) for one in left), *before) if one.key not in kept}
    if before or found:
        work.switches.set(_LEFT, json.dumps([asdict(one) for one in found.values()], default=str), by, now)


def remembered(work: Work) -> tuple[Left, ...]:
    """Return the places that were left behind."""
    rows = json.loads(work.switches.get(_LEFT) or "[]")
    return tuple(Left(Recipient(**row["there"]), row["name"], datetime.fromisoformat(row["since"])) for row in rows)


def unread(ground: Ground) -> Iterator[tuple[Left, Retry | bool]]:
    """Look at each place that was left behind, and say whether something lies there that nobody reads, or why nobody can look."""
    adapters: Mapping[str, object] = ground.registry.adapters
    with ground.store.read() as work:
        kept, found = _keys(snapshot(work.directory.load()), adapters), remembered(work)
    for one in found:
        adapter = adapters.get(one.there.adapter)
        if one.key not in kept and isinstance(adapter, PollsAddresses):
            lies = adapter.fetch(one.name, one.there)
            yield one, lies if isinstance(lies, Retry) else next(iter(lies), None) is not None


def _keys(directory: Directory, adapters: Mapping[str, object]) -> frozenset[tuple[str, str]]:
    return frozenset((there.adapter, plain_place(name)) for unit in directory.units for there, name in sources_of(unit, adapters))
