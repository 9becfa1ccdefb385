"""The directory as a value: organisations, their units, and where each unit is reached.

A snapshot is frozen; the store makes a new one when the directory is switched. It must never hold a secret: an address names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field

from siphub.model.base import Code, Line, Value
from siphub.model.identifiers import OrganisationNumber, UnitId

OrganisationKind = Literal["region", "municipality", "private_provider", "state_agency", "school", "other"]
PRINCIPALS: frozenset[str] = frozenset({"region", "municipality"})
"""The kinds that are a huvudman."""


class Organisation(Value):
    """An organisation. `public_label` is what outside parties may read; a unit's own name can reveal care (section 5)."""

    number: OrganisationNumber
    name: Line
    kind: OrganisationKind
    public_label: Line


class Address(Value):
    """Where a unit is reached: an adapter's name and what that adapter understands.

    `options` are plain settings (`secret` names a secret by name); `mapping` is the pack version in use.
    """

    adapter: Code
    endpoint: Annotated[str, Field(min_length=1, max_length=500)]
    mapping: Annotated[str, Field(max_length=100)] | None = None
    options: Mapping[str, str] = Field(default_factory=dict)


class Unit(Value):
    """An addressable part of an organisation. `agency` is a short name shown for state agencies; `cleared` may receive protected persons."""

    id: UnitId
    organisation: OrganisationNumber
    name: Line
    public_label: Line
    address: Address | None = None
    agency: Literal["fk", "af"] | None = None
    cleared: bool = False


class Directory(Value):
    """All organisations and units at one moment."""

    version: int = 0
    organisations: tuple[Organisation, ...] = ()
    units: tuple[Unit, ...] = ()

    @cached_property
    def _organisations(self) -> Mapping[str, Organisation]:
        return {organisation.number: organisation for organisation in self.organisations}

    @cached_property
    def _units(self) -> Mapping[str, Unit]:
        return {unit.id: unit for unit in self.units}

    @cached_property
    def _addresses(self) -> Mapping[tuple[str, str], frozenset[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for unit in self.units:
            if unit.address is not None:
                found.setdefault((unit.address.adapter, unit.address.endpoint), set()).add(unit.id)
        return {key: frozenset(units) for key, units in found.items()}

    def __copy__(self) -> Self:
        """Copy without what was looked up: a copy with other units must not answer from the old ones."""
        copied = super().__copy__()
        for name in ("_organisations", "_units", "_addresses"):
            copied.__dict__.pop(name, None)
        return copied

    def organisation(self, number: str) -> Organisation | None:
        """Return an organisation, or None."""
        return self._organisations.get(number)

    def unit(self, unit: str) -> Unit | None:
        """Return a unit, or None."""
        return self._units.get(unit)

    def kind_of(self, unit: str) -> OrganisationKind | None:
        """Return the kind of the organisation a unit belongs to, or None where the directory knows neither."""
        found = self.unit(unit)
        organisation = self.organisation(found.organisation) if found else None
        return organisation.kind if organisation else None

    def units_at(self, adapter: str, endpoint: str) -> frozenset[str]:
        """Return the units an address belongs to today; used to notice that it changed hands (section 3)."""
        return self._addresses.get((adapter, endpoint), frozenset())
