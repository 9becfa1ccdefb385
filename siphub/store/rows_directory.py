"""The rows of the directory: organisations, units, agreements, a snapshot of them all, and who may hand in. Frozen, like every row; they name no person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation of the directory; `owner` is its own number. `letters` and `records` are addresses, `switchboard` its telephone, `code` its kommunkod or länskod."""

    owner: str
    number: str
    name: str
    kind: str
    public_label: str
    letters: Mapping[str, object] | None = None
    records: Mapping[str, object] | None = None
    switchboard: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit of the directory and its address. `options` are the address's further settings, never secrets."""

    owner: str
    id: str
    organisation: str
    name: str
    public_label: str
    adapter: str
    endpoint: str
    mapping: str | None
    options: Mapping[str, str]
    agency: str | None
    cleared: bool
    kind: str | None = None
    care: str | None = None
    financed_by: str | None = None
    closed_on: date | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """A local agreement of the directory; `owner` is its first party. `terms` are the times it sets and for whom, by name."""

    owner: str
    id: str
    area: str
    valid_from: date
    valid_until: date | None
    parties: tuple[str, ...]
    binds: tuple[str, ...]
    terms: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class DirectoryRows:
    """One snapshot of the directory; `version` rises by one with every replacement."""

    version: int
    organisations: tuple[OrganisationRow, ...]
    units: tuple[UnitRow, ...]
    agreements: tuple[AgreementRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """An API key of an organisation, as a keyed hash. `units` empty: all units of the organisation."""

    owner: str
    name: str
    key_hash: bytes = field(repr=False)
    units: tuple[str, ...]
    roles: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
