"""A directory file that is not filled in everywhere, and what is missing to reach each region and municipality.

An organisation whose `number` is "" is left out, with its units; a unit may name its organisation by code instead of number; a unit's id
that is "" is `<number>/sip`, and an address without adapter and endpoint is none. Pure; it guesses no number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from siphub.errors import Problem
from siphub.model import Directory, Organisation
from siphub.model.principals import ONE, Principal, principals

_POINTER: Final = re.compile(r"/(organisations|units)/(\d+)(.*)", re.DOTALL)
_EMPTY: Final = {"adapter": "", "endpoint": ""}
ORGANISATION, UNIT, ADDRESS = "its organisation number", "a unit that is open", "an address of one of its units"
USABLE = "an address that can be used"
"""What it lacks whose addresses all have something wrong."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What of a file is filled in: the table to validate, and the place each kept row has in the file."""

    table: Mapping[str, Any]
    kept: Mapping[str, Sequence[int]] = field(default_factory=dict)
    left_out: int = 0

    def placed(self, problem: Problem) -> Problem:
        """Return a problem with its pointer as the file counts."""
        found = _POINTER.fullmatch(problem.pointer or "")
        if found is None or found[1] not in self.kept:
            return problem
        return replace(problem, pointer=f"/{found[1]}/{self.kept[found[1]][int(found[2])]}{found[3]}")


def filled(table: Mapping[str, Any]) -> Filled:
    """Return what is filled in. A file that is none of this sort comes back as it was, for the model to judge."""
    organisations, units = table.get("organisations", []), table.get("units", [])
    if not (_rows(organisations) and _rows(units)):
        return Filled(table)
    filled_last = sorted(organisations, key=lambda row: row.get("number") != "")
    numbers = {row["code"]: row.get("number") for row in filled_last if row.get("code")}
    kept = {
        "organisations": _places(organisations, lambda row: row.get("number") != ""),
        "units": _places(units, lambda row: numbers.get(row.get("organisation"), row.get("organisation")) != ""),
    }
    rows = {
        "organisations": [organisations[place] for place in kept["organisations"]],
        "units": [_unit(units[place], numbers) for place in kept["units"]],
    }
    return Filled({**table, **{name: rows[name] for name in rows if name in table}}, kept, len(organisations) - len(rows["organisations"]))


def _rows(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(row, dict) for row in found)


def _places(rows: Sequence[Mapping[str, Any]], wanted: Callable[[Mapping[str, Any]], bool]) -> list[int]:
    return [place for place, row in enumerate(rows) if wanted(row)]


def _unit(row: Mapping[str, Any], numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    organisation = numbers.get(row.get("organisation", ""), row.get("organisation"))
    found = {**row, "organisation": organisation} if organisation is not None else dict(row)
    if found.get("id") == "":
        found["id"] = f"{organisation}/sip"
    if found.get("address") == _EMPTY:
        del found["address"]
    return found


@dataclass(frozen=True, slots=True)
class Lacking:
    """A region, municipality or other organisation that nothing can be sent to, and what is missing, in words."""

    code: str
    name: str
    kind: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a directory reaches: which of the country's principals, and what is missing for the others and for its own organisations."""

    reached: tuple[Principal, ...]
    lacking: tuple[Lacking, ...]
    unknown: tuple[Lacking, ...]

    def count(self, kind: str) -> tuple[int, int]:
        """Return how many of a kind are reached, and how many there are."""
        return sum(one.kind == kind for one in self.reached), sum(one.kind == kind for one in principals())


def reach_of(directory: Directory, day: date, unusable: Collection[str] = frozenset()) -> Reach:
    """Say how far a directory reaches on a day in Sweden; a unit in `unusable` has an address at which it cannot be reached as it is.

    `lacking` are its own organisations without a way to them, `unknown` the principals of the country that it does not name.
    An organisation without a code is known by its name.
    """
    by_code = {found.code or _code_of(found): found for found in directory.organisations}
    reached, unknown = [], []
    for one in principals():
        found = by_code.get(one.code) or by_code.get(ONE.get(one.code, ""))
        if found is None:
            unknown.append(Lacking(one.code, one.name, one.kind, (ORGANISATION, UNIT, ADDRESS)))
        elif not tuple(_missing(directory, found, day, unusable)):
            reached.append(one)
    lacking = tuple(_lacking(directory, day, unusable))
    return Reach(tuple(reached), lacking, tuple(unknown))


def _code_of(organisation: Organisation) -> str:
    same = (one.code for one in principals() if (one.name, one.kind) == (organisation.name, organisation.kind))
    return next(same, organisation.number)


def _lacking(directory: Directory, day: date, unusable: Collection[str]) -> Iterator[Lacking]:
    for found in directory.organisations:
        missing = tuple(_missing(directory, found, day, unusable))
        if missing:
            yield Lacking(found.code or "", found.name, found.kind, missing)


def _missing(directory: Directory, organisation: Organisation, day: date, unusable: Collection[str]) -> Iterable[str]:
    units = [unit for unit in directory.units if unit.organisation == organisation.number and not unit.closed(day)]
    if not units:
        yield UNIT
    addressed = [unit for unit in units if unit.address]
    if not addressed:
        yield ADDRESS
    elif all(unit.id in unusable for unit in addressed):
        yield USABLE
