"""Consent given, refused, amended and withdrawn: C1 to C4 (LIFECYCLE sections 2, 4 and 6; REQ-38 to REQ-47).

All four are for the hub alone: nobody else is told, beyond the notices the hub derives.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from siphub.model import people as p
from siphub.model.base import Instant, Line, Text, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import PartyId, PersonRef
from siphub.model.person import StaffMember

Scope = Literal[
    "plan", "meeting", "information_exchange", "preparation", "meeting_in_absence", "copy_to_relative", "invite", "evaluation_survey"
]
Direction = Literal["to", "from", "both"]
Mode = Literal["oral", "written"]
Giver = Literal["individual", "guardian", "god_man", "forvaltare", "framtidsfullmakt", "relative"]
Ground = Literal[
    "adult",
    "both_guardians",
    "other_hindered",
    "board_decision",
    "shelter_guardian",
    "child_12_14",
    "child_15",
    "child_mature",
    "mandate",
]
Measure = Literal["counselling", "structured_programme", "contact_person", "family_treatment", "other_open_measure", "placement"]
Scopes = Annotated[tuple[Scope, ...], Field(min_length=1, max_length=8)]


class Party(Value):
    """Whom a consent covers, and which way information may go: a unit, a relative of the case, or a state agency as a whole."""

    party: PartyId
    direction: Direction = "both"


class BoardDecision(Value):
    """A decision of the social welfare board that one guardian's consent is enough for a measure (FB 6:13 a)."""

    ref: Line
    decided_on: date
    measure: Line


class GivenBy(Value):
    """Who gave it and on which ground (section 6).

    Which grounds fit whom, and what must be said with each, is for `siphub.policy.grounds`: it can tell the sender what to do instead.
    A relative can be written here and is always refused: that a relative said yes is heard, and never taken for a consent.

    Args:
        kind: Who gave it.
        ground: On which ground; an adult needs none.
        name: Their name.
        guardians: The guardians who said yes.
        cannot_wait: Why it cannot wait for the guardian who is hindered.
        board_decision: The board's decision.
        matter: What the guardian at a shelter decides in.
        measure: Which of the municipality's measures it is for; such a consent is never for a placement.
        suitability_by: Who found it suitable that the child decides.
        representative: Which of the case's representatives.
    """

    kind: Giver
    ground: Ground | None = None
    name: Line | None = None
    guardians: Annotated[tuple[PersonRef, ...], Field(max_length=10)] = ()
    cannot_wait: Line | None = None
    board_decision: BoardDecision | None = None
    matter: Line | None = None
    measure: Measure | None = None
    suitability_by: StaffMember | None = None
    representative: PersonRef | None = None


class Capacity(Value):
    """Whether the person can take a position."""

    state: Literal["able", "supported", "unable"]
    assessed_by: StaffMember | None = None
    assessed_at: Instant | None = None


class ConsentGiven(Content):
    """C1: a yes, to whom, for what, which way, and until when. Oral is enough (REQ-42)."""

    decision: Literal["permit"] = "permit"
    scopes: Scopes
    parties: Annotated[tuple[Party, ...], Field(min_length=1, max_length=200)]
    mode: Mode
    given_by: GivenBy
    capacity: Capacity
    obtained_by: StaffMember
    obtained_on: date
    documented_in_record: bool
    valid_until: Instant | None = None
    excluded_information: Text | None = None
    document_ref: Line | None = None
    registered_at_af: Literal["yes", "no", "unknown"] | None = None


class ConsentRefused(Content):
    """C2: a no. It is a value, and it is effective (REQ-45)."""

    decision: Literal["deny"] = "deny"
    obtained_by: StaffMember
    obtained_on: date
    scopes: tuple[Scope, ...] = ()


class ConsentAmended(Content):
    """C3: units or scopes added or taken away. Takes effect before anything is sent to an added unit (REQ-39)."""

    add_parties: tuple[Party, ...] = ()
    remove_parties: tuple[PartyId, ...] = ()
    add_scopes: tuple[Scope, ...] = ()
    remove_scopes: tuple[Scope, ...] = ()
    obtained_by: StaffMember
    obtained_on: date
    reason: Text | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> ConsentAmended:
        if not (self.add_parties or self.remove_parties or self.add_scopes or self.remove_scopes):
            message = "an amendment changes something"
            raise ValueError(message)
        return self


class ConsentWithdrawn(Content):
    """C4: a yes taken back, wholly, for some parties or for some scopes; never with a reason (REQ-44).

    `by` is who took it back, where it was not the individual: a guardian or representative of the case.
    """

    extent: Literal["all", "parties", "scopes"] = "all"
    parties: tuple[PartyId, ...] = ()
    scopes: tuple[Scope, ...] = ()
    by: PersonRef | None = None
    received_by: StaffMember
    at: Instant

    @model_validator(mode="after")
    def _extent(self) -> ConsentWithdrawn:
        if (self.extent == "parties") != bool(self.parties) or (self.extent == "scopes") != bool(self.scopes):
            message = "parties are named when the extent is parties, scopes when it is scopes"
            raise ValueError(message)
        return self


_EVA = StaffMember(name="Eva Kontakt", unit=p.CONTACT)

TYPES = (
    MessageType(
        name="consent.given",
        content=ConsentGiven,
        minimal=lambda: ConsentGiven(
            scopes=("meeting",),
            parties=(Party(party=p.HOME_CARE),),
            mode="oral",
            given_by=GivenBy(kind="individual", ground="child_mature"),
            capacity=Capacity(state="able"),
            obtained_by=_EVA,
            obtained_on=p.DAY,
            documented_in_record=True,
        ),
        maximal=lambda: ConsentGiven(
            scopes=("plan", "meeting", "information_exchange", "invite"),
            parties=(
                Party(party=p.HOME_CARE),
                Party(party=p.CARE_CENTRE, direction="to"),
                Party(party=p.SOCIAL_SERVICES, direction="from"),
                Party(party=p.FORSAKRINGSKASSAN),
            ),
            mode="written",
            given_by=GivenBy(kind="god_man", ground="mandate", name="Gode Gustavsson"),
            capacity=Capacity(state="supported", assessed_by=_EVA, assessed_at=p.NOON),
            obtained_by=_EVA,
            obtained_on=p.DAY,
            documented_in_record=True,
            valid_until=p.NOON.replace(year=2027),
            excluded_information="Inte om min tidigare sjukdom.",
            document_ref="journal 2026-17",
            registered_at_af="unknown",
        ),
        internal=True,
    ),
    MessageType(
        name="consent.refused",
        content=ConsentRefused,
        minimal=lambda: ConsentRefused(obtained_by=_EVA, obtained_on=p.DAY),
        maximal=lambda: ConsentRefused(obtained_by=_EVA, obtained_on=p.DAY, scopes=("plan", "information_exchange")),
        internal=True,
    ),
    MessageType(
        name="consent.amended",
        content=ConsentAmended,
        minimal=lambda: ConsentAmended(add_parties=(Party(party=p.SOCIAL_SERVICES),), obtained_by=_EVA, obtained_on=p.DAY),
        maximal=lambda: ConsentAmended(
            add_parties=(Party(party=p.SOCIAL_SERVICES, direction="to"),),
            remove_parties=(p.CARE_CENTRE, p.FORSAKRINGSKASSAN),
            add_scopes=("plan",),
            remove_scopes=("invite",),
            obtained_by=_EVA,
            obtained_on=p.DAY,
            reason="Byte av vårdcentral.",
        ),
        internal=True,
    ),
    MessageType(
        name="consent.withdrawn",
        content=ConsentWithdrawn,
        minimal=lambda: ConsentWithdrawn(received_by=_EVA, at=p.NOON),
        maximal=lambda: ConsentWithdrawn(
            extent="parties", parties=(p.HOME_CARE, p.FORSAKRINGSKASSAN), by=PersonRef("individual"), received_by=_EVA, at=p.NOON
        ),
        internal=True,
    ),
)
