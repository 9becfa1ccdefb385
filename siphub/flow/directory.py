"""The directory of organisations, units and addresses: read from a file, checked, switched in one transaction.

A directory that would lose an address in use, or names an adapter this hub lacks, is told so before it is switched.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection

from pydantic import ValidationError

from siphub.errors import Invalid, Problem
from siphub.flow.ground import Ground, snapshot
from siphub.model import Directory
from siphub.model.reading import problems_of
from siphub.store import OrganisationRow, UnitRow


def parse(body: bytes) -> Directory:
    """Read a directory file, TOML or JSON: `organisations` and `units` as in docs/directory.md.

    Raises:
        Invalid: `directory.unreadable`, or one problem for each field.
    """
    try:
        if body.lstrip().startswith(b"{"):
            return Directory.model_validate_json(body)
        # TOML gives Python values; the strict model reads JSON, so that both forms are judged alike.
        return Directory.model_validate_json(_json(tomllib.loads(body.decode("utf-8"))))
    except ValidationError as error:
        problems = problems_of(error.errors(include_url=False, include_input=False, include_context=False))
        raise Invalid("the directory is not valid; the problems say where", code="directory.invalid", problems=problems) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise Invalid("the directory is neither TOML nor JSON in UTF-8", code="directory.unreadable") from None


def _json(table: object) -> bytes:
    import json

    return json.dumps(table, default=str).encode()


def check(directory: Directory, adapters: Collection[str]) -> tuple[Problem, ...]:
    """Return what is wrong with a directory before it is switched to; empty means nothing."""
    known = {organisation.number for organisation in directory.organisations}
    problems = [
        Problem("directory.organisation_missing", "the unit's organisation is not in the directory", pointer=f"/units/{index}/organisation")
        for index, unit in enumerate(directory.units)
        if unit.organisation not in known
    ]
    problems += [
        Problem("directory.adapter_missing", "this hub has no such adapter enabled", pointer=f"/units/{index}/address/adapter")
        for index, unit in enumerate(directory.units)
        if unit.address is not None and unit.address.adapter not in adapters
    ]
    problems += [
        Problem("directory.unit_twice", "this unit stands twice", pointer=f"/units/{index}/id")
        for index, unit in enumerate(directory.units)
        if any(earlier.id == unit.id for earlier in directory.units[:index])
    ]
    shared = [
        Problem(
            "directory.address_shared",
            "two units have the same address: an answer or a file could reach the wrong one",
            pointer=f"/units/{index}/address",
        )
        for index, unit in enumerate(directory.units)
        if unit.address is not None and len(directory.units_at(unit.address.adapter, unit.address.endpoint)) > 1
    ]
    return tuple(problems + shared)


def switch(ground: Ground, directory: Directory, *, by: str) -> int:
    """Put a checked directory in the old one's place; return its version.

    Raises:
        Invalid: `directory.invalid`, with the problems `check` finds.
    """
    problems = check(directory, ground.registry.adapters)
    if problems:
        raise Invalid("the directory was not switched; the problems say why", code="directory.invalid", problems=problems)
    organisations = [
        OrganisationRow(found.number, found.number, found.name, found.kind, found.public_label) for found in directory.organisations
    ]
    units = [
        UnitRow(
            owner=unit.organisation,
            id=unit.id,
            organisation=unit.organisation,
            name=unit.name,
            public_label=unit.public_label,
            adapter=unit.address.adapter if unit.address else "",
            endpoint=unit.address.endpoint if unit.address else "",
            mapping=unit.address.mapping if unit.address else None,
            options=dict(unit.address.options) if unit.address else {},
            agency=unit.agency,
            cleared=unit.cleared,
        )
        for unit in directory.units
    ]
    with ground.store.write() as work:
        version = work.directory.replace(organisations, units)
        work.audit.append("-", by, "cli", "directory.switched", {"version": str(version)})
    return version


def current(ground: Ground) -> Directory:
    """Return the directory as it is in the store."""
    with ground.store.read() as work:
        return snapshot(work.directory.load())
