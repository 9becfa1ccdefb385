"""People: who a SIP is about, and the staff around it. Nothing here shows itself in a repr."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from siphub.model.base import Line, Phone, Value
from siphub.model.identifiers import CoordinationNumber, PersonNumber, PersonRef, ReserveNumber, UnitId

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
    protection: Protection | None = None


class UnitContact(Value):
    """A person at a unit, reached by telephone: convener, coordinator, contact (REQ-19, REQ-54)."""

    name: Line
    unit: UnitId
    phone: Phone
    email: Line | None = None
    role: Line | None = None
    protection: Protection | None = None


class StaffMember(Value):
    """Somebody who did something on the unit's behalf: obtained a consent, assessed a need (REQ-25)."""

    name: Line
    unit: UnitId
    protection: Protection | None = None


class CasePerson(Value):
    """Somebody on the individual's side, or the individual, as a case knows them: reached by letter (REQ-16, REQ-58, REQ-82).

    Args:
        ref: Their place in this case.
        name: Their name, for the letter.
        address_lines: Street, postal code and town as they are printed; never for somebody who is protected.
        phone: Their number.
        relation: What they are to the individual, in the individual's words.
        protection: Their own protection (G10).
        chosen: The individual has chosen that this relative takes part (REQ-47).
        objection: The individual does not want this relative to be told anything; it outweighs everything else.
        address_secret: The individual's whereabouts are secret to this guardian, who sees neither place nor units (section 5.8).
        agrees_to_be_named: They agree that others of the plan read their name (section 5.5).
    """

    ref: PersonRef
    name: Line
    address_lines: Annotated[tuple[Line, ...], Field(max_length=6)] = ()
    phone: Phone | None = None
    relation: Line | None = None
    protection: Protection | None = None
    chosen: bool = False
    objection: bool = False
    address_secret: bool = False
    agrees_to_be_named: bool = False

    @model_validator(mode="after")
    def _keeps_itself(self) -> CasePerson:
        if self.protection is not None and self.address_lines:
            message = "no address is kept of somebody who is protected"
            raise ValueError(message)
        if self.address_secret and self.ref.kind != "guardian":
            message = "only a guardian can be one from whom the address is secret"
            raise ValueError(message)
        return self
