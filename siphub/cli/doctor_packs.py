"""What `doctor` says of the mapping packs: whether each can be used, for how long, and whether it is what was approved on this hub."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from siphub.cli.doctor import Finding, look, ok, until, wrong

if TYPE_CHECKING:
    from siphub.mappings import Approvals, Mappings, Shelved


def mapping_packs(data: Path | None) -> Iterator[Finding]:
    """Look at every pack that lies there; where the store cannot be read, which is said elsewhere, at all but its approval."""
    from siphub.cli.hubs import settings_for
    from siphub.contract import SystemClock
    from siphub.mappings import Mappings, shipped

    shelves = Mappings([shipped(), settings_for(data).data / "mappings"], SystemClock(), approvals=_approvals(data))
    for one in shelves.shelves():
        yield from _said(shelves, one, f" --data {shlex.quote(str(data))}" if data else "")


def _approvals(data: Path | None) -> Approvals | None:
    from siphub.cli.packs import approvals_noted
    from siphub.errors import SiphubError

    try:
        return approvals_noted(data)
    except SiphubError:
        return None


def _said(shelves: Mappings, one: Shelved, of: str) -> Iterator[Finding]:
    from siphub.errors import Busy, MappingError

    name, manifest = f"mapping pack {one.name}", one.manifest
    if manifest is None:
        yield wrong(f"{name}: {one.problem}")
        return
    if manifest.status == "draft" or (manifest.status == "retired" and not manifest.valid_on(shelves.today())):
        yield look(f"{name} is {manifest.status}: it is not used")
        return
    try:
        shelves.load(manifest.id, manifest.version)
    except (Busy, MappingError) as error:
        yield wrong(f"{name}: {error} [{error.code}]")
        return
    if shelves.standing(one) == "elsewhere":
        yield look(
            f"{name} was not approved on this hub, so that nobody would see it changed since: read it, and run "
            f"siphub mappings approve {shlex.quote(str(one.folder))} --by NAME --as-it-is{of}"
        )
    if manifest.status == "retired":
        yield look(f"{name} is retired: only an address that names it gets it")
        return
    end = manifest.valid_to
    yield ok(f"{name} is in order") if end is None else until(name, datetime(end.year, end.month, end.day, tzinfo=UTC))
