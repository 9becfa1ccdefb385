"""Who is knocking: every door makes a Caller, and the policy decides on it alone (guard G13)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated organisation.

    Args:
        organisation: Its number.
        units: The units it may speak for; empty means every unit of the organisation.
        roles: `send`, `inbox`, `operate`, `ring`.
        channel: The door it came through, by its name in `hub.doors`.
    """

    organisation: str
    units: frozenset[str]
    roles: frozenset[str]
    channel: str

    def speaks_for(self, unit: str, organisation: str) -> bool:
        """Say whether this caller may send as that unit of that organisation."""
        return organisation == self.organisation and (not self.units or unit in self.units)
