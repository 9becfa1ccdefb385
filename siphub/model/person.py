"""People: who a SIP is about, and the staff around it. Nothing here shows itself in a repr."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from siphub.model.base import Line, Phone, Value
from siphub.model.identifiers import CoordinationNumber, PersonNumber, ReserveNumber, UnitId

Protection = Literal["confidentiality_flag", "protected_registration"]
"""sekretessmarkering · skyddad folkbokföring (REQ-57, guard G10)."""


class PersonNumberIdentity(Value):
    """A personnummer."""

    kind: Literal["personnummer"] = "personnummer"
    value: PersonNumber


class CoordinationNumberIdentity(Value):
    """A samordningsnummer."""

    kind: Literal["samordningsnummer"] = "samordningsnummer"
    value: CoordinationNumber


class ReserveNumberIdentity(Value):
    """A national reserve number."""

    kind: Literal["reservnummer"] = "reservnummer"
    value: ReserveNumber


Identity = Annotated[PersonNumberIdentity | CoordinationNumberIdentity | ReserveNumberIdentity, Field(discriminator="kind")]


class Person(Value):
    """The subject of a plan (den enskilde). `protection` stands on every person (G10)."""

    identity: Identity
    given_name: Line | None = None
    family_name: Line | None = None
    protection: Protection | None = None


class Author(Value):
    """Who wrote a message: name and role, never an identity number."""

    name: Line
    role: Line


class UnitContact(Value):
    """A person at a unit, reached by telephone: convener, coordinator, contact (REQ-19, REQ-54)."""

    name: Line
    unit: UnitId
    phone: Phone
    email: Line | None = None
    role: Line | None = None


class StaffMember(Value):
    """Somebody who did something on the unit's behalf: obtained a consent, assessed a need (REQ-25)."""

    name: Line
    unit: UnitId
