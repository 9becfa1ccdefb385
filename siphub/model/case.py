"""The case as it is kept (sealed): who, in which state, under which grants, with which meetings and plan versions.

One value, replaced whole under the case lock; nothing else is state (LIFECYCLE section 1).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from siphub.model.base import Instant, Line, Phone, Text, Value
from siphub.model.identifiers import OrganisationNumber, PersonRef, UnitId
from siphub.model.messages.consent import Direction, GivenBy, Mode, Scope
from siphub.model.person import CasePerson, Person, UnitContact

CaseState = Literal[
    "REQUESTED",
    "DECLINED_NO_NEED",
    "CONSENT_REFUSED",
    "PREPARING",
    "SUMMONED",
    "DRAFTING",
    "IN_REVIEW",
    "ACTIVE",
    "FOLLOW_UP",
    "CLOSED",
    "SUSPENDED_NO_CONSENT",
    "VOID",
]
ParticipantState = Literal[
    "SENT", "ACCEPTED", "DECLINED", "TENTATIVE", "NEW_TIME_PROPOSED", "DELEGATED", "CONTACT_US", "ATTENDED", "ABSENT"
]


class Grant(Value):
    """One thing the individual allows: a scope, towards one party, in one direction, from and until a time.

    The scope `participant` is not a consent: it says that the individual wants this unit at the table (guard G2).
    `rests_on` are the consents it comes from: whoever gave one of them can take it back. `noticed_at` is when the hub acted on its
    having run out; it stays afterwards, so that the reason given is that it ran out.
    """

    scope: Line
    party: UnitId | OrganisationNumber | PersonRef
    direction: Direction
    since: Instant
    until: Instant | None = None
    rests_on: tuple[UUID, ...] = ()
    noticed_at: Instant | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether it has not run out."""
        return self.until is None or at < self.until


class ConsentRecord(Value):
    """One consent event as history: which message, what was decided, by whom and on which ground, and who obtained it when (REQ-45).

    `excluded_information` and `registered_at_af` are kept for whoever asks later, and decide nothing.
    """

    message_id: UUID
    decision: Literal["permit", "deny", "amend", "withdraw"]
    at: Instant
    obtained_by: UnitId
    obtained_by_name: Line | None = None
    obtained_on: date | None = None
    mode: Mode | None = None
    scopes: tuple[Scope, ...] = ()
    given_by: GivenBy | None = None
    until: Instant | None = None
    taken_back_by: PersonRef | None = None
    excluded_information: Text | None = None
    registered_at_af: Literal["yes", "no", "unknown"] | None = None


class PlanConsent(Value):
    """The consent that a plan is made: a record of its own, without which there is no plan on any basis (section 3; SoL 10:8, HSL 16:4)."""

    message_id: UUID
    given_by: GivenBy
    mode: Mode
    obtained_by: UnitId
    obtained_on: date
    at: Instant
    until: Instant | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether it has not run out."""
        return self.until is None or at < self.until


class Participant(Value):
    """One unit's place at one version of a meeting."""

    unit: UnitId
    duty: bool
    state: ParticipantState = "SENT"


class MeetingRecord(Value):
    """The current version of a meeting."""

    id: UUID
    version: int
    convener: UnitContact
    state: Literal["planned", "held", "cancelled"] = "planned"
    participants: tuple[Participant, ...] = ()

    def participant(self, unit: str) -> Participant | None:
        """Return a unit's place, or None."""
        return next((found for found in self.participants if found.unit == unit), None)


class Planned(Value):
    """One activity as a draft or plan gives it to a unit; `digest` tells whether it is still the same."""

    activity: Line
    unit: UnitId
    digest: str


class Commitment(Value):
    """What a unit said of one activity that a draft gives it."""

    unit: UnitId
    activity: Line
    confirmed: bool


class PlanRecord(Value):
    """The current version of the plan, and who stands by it."""

    id: UUID
    version: int
    state: Literal["proposed", "established", "closed"]
    activities: tuple[Planned, ...] = ()
    commitments: tuple[Commitment, ...] = ()


class SipCase(Value):
    """A case. `version` counts every change, `consent_version` those that changed what is allowed.

    `needed` says that a huvudman has found a plan needed, which binds the others.
    """

    case_id: UUID
    owner: OrganisationNumber
    state: CaseState
    resumes: CaseState | None = None
    version: int = 1
    consent_version: int = 1
    subject: Person | None = None
    needed: bool = False
    contact: UnitId
    coordinator: UnitContact | None = None
    phone: Phone | None = None
    units: tuple[UnitId, ...] = ()
    people: tuple[CasePerson, ...] = ()
    grants: tuple[Grant, ...] = ()
    consents: tuple[ConsentRecord, ...] = ()
    plan_consent: PlanConsent | None = None
    meetings: tuple[MeetingRecord, ...] = ()
    plan: PlanRecord | None = None

    @property
    def coordinating_unit(self) -> UnitId:
        """The coordinator's unit, or the contact as long as none is appointed (REQ-65)."""
        return self.coordinator.unit if self.coordinator else self.contact

    def person(self, ref: str) -> CasePerson | None:
        """Return somebody on the individual's side, or None."""
        return next((found for found in self.people if found.ref == ref), None)

    def meeting(self, meeting_id: UUID) -> MeetingRecord | None:
        """Return a meeting, or None."""
        return next((found for found in self.meetings if found.id == meeting_id), None)
