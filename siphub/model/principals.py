"""Every region and municipality of Sweden, from the directory file that ships with siphub: code, name and kind, and nothing of how to reach them.

Municipalities and counties are those of 2026; a region is called what it calls itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

FILE: Final = "sweden.toml"
"""The directory file, beside this module."""
COUNTY_DIGITS: Final = 2
ONE: Final[Mapping[str, str]] = MappingProxyType({"09": "0980", "0980": "09"})
"""Gotland is region and municipality in one organisation: whoever reaches one of the two reaches the other."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A region or a municipality. `code` is its länskod (two digits) or kommunkod (four), whose first two are the county's."""

    code: str
    name: str
    kind: Literal["region", "municipality"]

    @property
    def county(self) -> str:
        """The code of its county."""
        return self.code[:COUNTY_DIGITS]


def principals_file() -> bytes:
    """Return the directory file: every principal, with empty numbers and addresses to fill in."""
    return (files("siphub.model") / FILE).read_bytes()


@cache
def principals() -> tuple[Principal, ...]:
    """Return all of them, by county, the region first."""
    table = tomllib.loads(principals_file().decode("utf-8"))
    return tuple(Principal(row["code"], row["name"], row["kind"]) for row in table["organisations"])
