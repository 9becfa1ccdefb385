"""The directory as a value: organisations, their units, and where each unit is reached.

A snapshot is frozen; the store makes a new one when the directory is switched. It must never hold a secret: an address names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field

from siphub.model.base import Code, Line, Phone, Value
from siphub.model.identifiers import OrganisationNumber, UnitId

OrganisationKind = Literal["region", "municipality", "private_provider", "state_agency", "school", "other"]
PRINCIPALS: frozenset[str] = frozenset({"region", "municipality"})
"""The kinds that are a huvudman."""
_CARE: frozenset[str] = PRINCIPALS | {"private_provider"}
UnitKind = Literal[
    "primary_care",
    "psychiatry",
    "habilitation",
    "hospital_clinic",
    "inpatient",
    "home_care",
    "social_services",
    "housing_support",
    "family_support",
    "school_unit",
    "other",
]
"""What a unit does (REQ-11)."""
Days = Annotated[int, Field(ge=1, le=366)]


class Address(Value):
    """Where a unit is reached: an adapter's name and what that adapter understands.

    `options` are plain settings (`secret` names a secret by name); `mapping` is the pack version in use.
    """

    adapter: Code
    endpoint: Annotated[str, Field(min_length=1, max_length=500)]
    mapping: Annotated[str, Field(max_length=100)] | None = None
    options: Mapping[str, str] = Field(default_factory=dict)


class Organisation(Value):
    """An organisation. `public_label` is what outside parties may read; a unit's own name can reveal care (section 5).

    `letters` is where its letters to people go out, `records` where the copies for its journal or registry go, `phone` its switchboard.
    `code` is a municipality's kommunkod (four digits) or a region's länskod (two).
    """

    number: OrganisationNumber
    name: Line
    kind: OrganisationKind
    public_label: Line
    letters: Address | None = None
    records: Address | None = None
    phone: Phone | None = None
    code: Annotated[str, Field(pattern=r"^[0-9]{2}([0-9]{2})?$")] | None = None


class Unit(Value):
    """An addressable part of an organisation. `agency` is a short name shown for state agencies; `cleared` may receive protected persons.

    `care` and `financed_by` say whether it gives open or inpatient care, and who pays for it: a private provider's unit may be the region's
    (G16). One that is closed keeps its row: `closed_on` is its first day without work, `successor` the unit that has taken it over.
    """

    id: UnitId
    organisation: OrganisationNumber
    name: Line
    public_label: Line
    address: Address | None = None
    agency: Literal["fk", "af"] | None = None
    cleared: bool = False
    kind: UnitKind | None = None
    care: Literal["open", "inpatient"] | None = None
    financed_by: Literal["region", "municipality"] | None = None
    closed_on: date | None = None
    successor: UnitId | None = None

    def closed(self, day: date | None = None) -> bool:
        """Say whether it is closed on a day; where none is named, whether it ever closes."""
        return self.closed_on is not None and (day is None or self.closed_on <= day)


class Agreement(Value):
    """A local agreement between organisations: whom it binds to come, and the times it sets in place of the usual ones.

    `valid_from` and `valid_until` are days in Sweden, both included; without the latter it holds until further notice. `binds` names the
    organisations and units that get a duty by it, though no statute gives them one; `concerns` says for whom its times are.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    area: Line
    valid_from: date
    valid_until: date | None = None
    parties: tuple[OrganisationNumber, ...] = ()
    binds: tuple[UnitId | OrganisationNumber, ...] = ()
    concerns: Literal["everybody", "children", "adults"] = "everybody"
    summons_days: Days | None = None
    payment_days: Days | None = None
    meeting_weeks: Days | None = None
    request_answer_days: Days | None = None

    def holds(self, day: date) -> bool:
        """Say whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class Directory(Value):
    """All organisations, units and agreements at one moment."""

    version: int = 0
    organisations: tuple[Organisation, ...] = ()
    units: tuple[Unit, ...] = ()
    agreements: tuple[Agreement, ...] = ()

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

    @cached_property
    def any_closed(self) -> bool:
        """Say whether any unit is closed or will be: nothing has to be looked for where none is."""
        return any(unit.closed_on is not None for unit in self.units)

    def __copy__(self) -> Self:
        """Copy without what was looked up: a copy with other units must not answer from the old ones."""
        copied = super().__copy__()
        for name in ("_organisations", "_units", "_addresses", "_options", "any_closed"):
            copied.__dict__.pop(name, None)
        return copied

    def organisation(self, number: str) -> Organisation | None:
        """Return an organisation, or None."""
        return self._organisations.get(number)

    def unit(self, unit: str) -> Unit | None:
        """Return a unit, or None."""
        return self._units.get(unit)

    def agreement(self, agreement: str) -> Agreement | None:
        """Return an agreement, or None."""
        return next((found for found in self.agreements if found.id == agreement), None)

    def successors(self, unit: str, day: date | None = None) -> tuple[Unit, ...]:
        """Return a unit and those that took over from it, one after the other, as far as they are closed; none for one that is not known."""
        chain: list[Unit] = []
        found = self.unit(unit)
        while found is not None and found not in chain:
            chain.append(found)
            found = self.unit(found.successor) if found.closed(day) and found.successor is not None else None
        return tuple(chain)

    def current(self, unit: str, day: date | None = None) -> Unit | None:
        """Return the unit that stands for this one: itself while it is open, else its successor within the same organisation, or None.

        Args:
            unit: A unit, closed or not.
            day: The day it is asked about; where none is named, a unit with a closing day counts as closed.
        """
        chain = self.successors(unit, day)
        inside = len({found.organisation for found in chain}) == 1
        return chain[-1] if inside and not chain[-1].closed(day) else None

    def kind_of(self, unit: str) -> OrganisationKind | None:
        """Return what a unit counts as: the kind of its organisation, but for a school; None where the directory knows neither.

        A school is one whoever runs it: it is invited like any other, and has a duty by agreement alone (LIFECYCLE section 5.1).
        """
        found = self.unit(unit)
        organisation = self.organisation(found.organisation) if found else None
        if found is None or organisation is None:
            return None
        return "school" if found.kind == "school_unit" and organisation.kind in _CARE else organisation.kind

    def units_at(self, adapter: str, endpoint: str) -> frozenset[str]:
        """Return the units an address belongs to today; used to notice that it changed hands (section 3)."""
        return self._addresses.get((adapter, endpoint), frozenset())

    def options_at(self, adapter: str, endpoint: str) -> tuple[Mapping[str, str], ...]:
        """Return the options of every entry, of a unit or of an organisation's letters, that has this address."""
        return self._options.get((adapter, endpoint), ())

    def places(self) -> frozenset[tuple[str, str]]:
        """Return every address of a unit or of an organisation's letters, as adapter and endpoint."""
        return frozenset(self._options)

    @cached_property
    def _options(self) -> Mapping[tuple[str, str], tuple[Mapping[str, str], ...]]:
        found: dict[tuple[str, str], tuple[Mapping[str, str], ...]] = {}
        letters = (each.letters for each in self.organisations)
        for address in filter(None, (*(unit.address for unit in self.units), *letters)):
            place = (address.adapter, address.endpoint)
            found[place] = (*found.get(place, ()), address.options)
        return found
