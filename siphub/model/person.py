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


class NetworkContact(Value):
    """Somebody around the individual, before anybody is called: a person, or an organisation and whom the individual meets there (REQ-48).

    Its name and its ways to be reached are about another person: nobody but the individual reads them unless that person agreed (section 5.5).

    Args:
        kind: A private person, or an organisation.
        organisation: The organisation or its activity, as the individual says it.
        name: The person's name, or that of the person at the organisation.
        relation: What they are to the individual, in the individual's words.
        role: What they do for the individual.
        phone: Their number.
        email: Their e-mail address.
        wanted_at_meeting: Whether the individual wants them at the meeting; unknown as long as it has not been talked about.
        agrees_to_be_named: They agree that others read who they are.
        protection: Their own protection (G10).
    """

    kind: Literal["person", "organisation"]
    organisation: Line | None = None
    name: Line | None = None
    relation: Line | None = None
    role: Line | None = None
    phone: Phone | None = None
    email: Line | None = None
    wanted_at_meeting: Literal["yes", "no", "unknown"] = "unknown"
    agrees_to_be_named: bool = False
    protection: Protection | None = None


Network = Annotated[tuple[NetworkContact, ...], Field(min_length=1, max_length=50)]
"""The map of who is around the individual, as the individual and the contact have drawn it (kartläggning)."""


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
