"""The legal codes that messages name, and the days on which each is law: data in `law.toml`, so that a new statute is a new row.

A code stands for one section of one statute. When a section is replaced it gets an end and the new one a code of its own: what was done
before keeps the code it was done under. It must never say what somebody's duty is; that is `duties`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class LegalCode:
    """One section. `valid_from` and `valid_until` are days in Sweden, both included; `verified`: read in the statute's own text."""

    name: str
    statute: str
    section: str
    valid_from: date
    valid_until: date | None
    verified: bool
    sv: str
    en: str


def _read() -> Mapping[str, LegalCode]:
    table = tomllib.loads((files("siphub.policy") / "law.toml").read_text("utf-8"))
    rows = [LegalCode(**{"valid_until": None, **row}) for row in table["code"]]
    return MappingProxyType({row.name: row for row in rows})


LAW: Mapping[str, LegalCode] = _read()
"""Every code, by its name."""


def code(name: str) -> LegalCode:
    """Return a legal code.

    Raises:
        KeyError: There is none by that name.
    """
    return LAW[name]


def in_force(name: str, day: date) -> bool:
    """Say whether a code is law on a day; one that is not known never is."""
    found = LAW.get(name)
    return found is not None and found.valid_from <= day and (found.valid_until is None or day <= found.valid_until)
