"""The case as it is kept (sealed): who, in which state, under which grants, with which meetings and plan versions.

One value, replaced whole under the case lock; nothing else is state (LIFECYCLE section 1).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from siphub.model.base import Instant, Line, Phone, Text, Value
from siphub.model.identifiers import OrganisationNumber, PartyId, PersonRef, UnitId
from siphub.model.messages.consent import Direction, GivenBy, Mode, Scope
from siphub.model.messages.followup import ActivityState
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
    "OTHER_PLAN",
    "VOID",
]
"""`OTHER_PLAN` is a case of its own for a plan that is no SIP: after compulsory care, or by LSS (LIFECYCLE section 7)."""
ConsentState = Literal["NOT_ASKED", "ACTIVE", "WITHDRAWN", "EXPIRED", "REFUSED"]
"""What became of asking for one scope towards one party."""
ParticipantState = Literal[
    "APPROVED_BY_INDIVIDUAL",
    "SENT",
    "DELIVERED",
    "READ",
    "UNDELIVERABLE",
    "MANUAL_FALLBACK",
    "MANUAL_CONFIRMED",
    "ACCEPTED",
    "DECLINED",
    "TENTATIVE",
    "NEW_TIME_PROPOSED",
    "DELEGATED",
    "CONTACT_US",
    "ATTENDED",
    "ABSENT",
]
"""Where a participant stands (LIFECYCLE section 1). A case keeps that it was called, its answer, and whether it came; how far the call came is
the delivery's to say, and both are put together in `siphub.policy.standing`."""


class Grant(Value):
    """One thing the individual allows: a scope, towards one party, in one direction, from and until a time.

    The scope `participant` is not a consent: it says that the individual wants this unit at the table (guard G2).
    `rests_on` are the consents it comes from: whoever gave one of them can take it back. `noticed_at` is when the hub acted on its
    having run out; it stays afterwards, so that the reason given is that it ran out.
    """

    scope: Line
    party: PartyId
    direction: Direction
    since: Instant
    until: Instant | None = None
    rests_on: tuple[UUID, ...] = ()
    noticed_at: Instant | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether it has not run out."""
        return self.until is None or at < self.until


class ConsentChange(Value):
    """What a consent event did to one scope towards one party: an event of the consent's state table, and until when it holds from then on."""

    scope: Line
    party: PartyId
    event: Line
    until: Instant | None = None


class ConsentRecord(Value):
    """One consent event as history: which message, what was decided, by whom and on which ground, and who obtained it when (REQ-45).

    `documented_in_record` and `document_ref` say whether and where the individual's own record has it (REQ-43). `excluded_information` and
    `registered_at_af` are kept for whoever asks later, and decide nothing. A no is for every party, so it has no `changes`; its scopes say
    what it is a no to, none for all.
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
    documented_in_record: bool | None = None
    document_ref: Line | None = None
    excluded_information: Text | None = None
    registered_at_af: Literal["yes", "no", "unknown"] | None = None
    changes: tuple[ConsentChange, ...] = ()


class Shielded(Value):
    """Somebody protected, as any message of the case has named them: what must not be read (G10).

    Of staff the organisation's public label takes its place; nothing does for somebody of the individual's side, who has no `organisation`.
    """

    name: Line
    phone: Phone | None = None
    email: Line | None = None
    organisation: OrganisationNumber | None = None


class PlanConsent(Value):
    """The consent that a plan is made: a record of its own, without which there is no plan on any basis (section 3; SoL 10:8, HSL 16:4).

    Who gave it, how and when it was obtained is not known of one that was registered before this was kept.
    """

    message_id: UUID
    given_by: GivenBy | None = None
    mode: Mode | None = None
    obtained_by: UnitId
    obtained_on: date | None = None
    at: Instant
    until: Instant | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether it has not run out."""
        return self.until is None or at < self.until


class Participant(Value):
    """One unit's place at one version of a meeting. `state` is what messages have said: called (`SENT`), the newest answer, came or not."""

    unit: UnitId
    duty: bool
    state: ParticipantState = "SENT"


class MeetingRecord(Value):
    """The current version of a meeting: a SIP meeting, or a follow-up of the plan.

    `discharge` says that it is called by LUS 4:1, `assessed` that somebody is called to this version without a consent, so that it outlasts any,
    `recalled` that it rested on consents that are gone, and nobody has been called anew, `in_absence` that it was called to without the
    individual, who consented to that.
    """

    id: UUID
    version: int
    convener: UnitContact
    kind: Literal["sip", "follow_up"] = "sip"
    discharge: bool = False
    assessed: bool = False
    recalled: bool = False
    in_absence: bool = False
    starts_at: Instant | None = None
    respond_by: Instant | None = None
    evaluation_on: date | None = None
    state: Literal["planned", "held", "cancelled"] = "planned"
    participants: tuple[Participant, ...] = ()

    @property
    def stands(self) -> bool:
        """Say whether it is to be held, and somebody is called to it."""
        return self.state == "planned" and not self.recalled

    def participant(self, unit: str) -> Participant | None:
        """Return a unit's place, or None."""
        return next((found for found in self.participants if found.unit == unit), None)


class Planned(Value):
    """One activity as a draft or plan gives it to a unit; `digest` tells whether it is still the same, `status` how it goes (U2)."""

    activity: Line
    unit: UnitId
    digest: str
    status: ActivityState | None = None
    status_on: date | None = None


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
    established_on: date | None = None
    follow_up_on: date | None = None
    copies: tuple[PersonRef, ...] = ()


class DischargeRecord(Value):
    """A discharge from hospital: the notice that starts the clocks of LUS, and what stops them. `summoned_to` is the meeting that it was called to.

    `given_at` starts the kallelse clock (LUS 4:3), `sent_at` the payment clock (LUS 5:4). A revoked notice voids both.
    """

    admitting_unit: UnitId
    municipality: OrganisationNumber
    care_contact_unit: UnitId | None = None
    planned_discharge_on: date | None = None
    notice_id: UUID | None = None
    given_at: Instant | None = None
    sent_at: Instant | None = None
    ready_at: Instant | None = None
    revoked_at: Instant | None = None
    summoned_at: Instant | None = None
    summoned_to: UUID | None = None
    discharged_at: Instant | None = None
    interrupted_at: Instant | None = None


class Handover(Value):
    """Who coordinates from a day on, in Sweden, where that has been agreed before the day (A2)."""

    coordinator: UnitContact
    deputy: UnitContact | None = None
    from_date: date


class SipCase(Value):
    """A case. `version` counts every change, `consent_version` those that changed what is allowed.

    `needed` says that a huvudman has found a plan needed, which binds the others. `requesters` are the units that sent or received a request. `opened_by` is the type of its first message, `prepared`
    that the individual has put their own words down, `deputy` who may act in the coordinator's place, `handover` who coordinates from a later day. `blind` are the units that
    were told of an initiative and not whom it is for. `draft` is the next version of a plan that is in force, while units are asked for their word.
    `kept_from` are the guardians, by place and name, who may not know where the individual is.
    """

    case_id: UUID
    owner: OrganisationNumber
    state: CaseState
    resumes: CaseState | None = None
    version: int = 1
    consent_version: int = 1
    subject: Person | None = None
    needed: bool = False
    opened_by: Line | None = None
    requested_on: date | None = None
    answered_on: date | None = None
    prepared: bool = False
    closed_at: Instant | None = None
    contact: UnitId
    coordinator: UnitContact | None = None
    deputy: UnitContact | None = None
    handover: Handover | None = None
    phone: Phone | None = None
    requesters: tuple[UnitId, ...] = ()
    units: tuple[UnitId, ...] = ()
    blind: tuple[UnitId, ...] = ()
    people: tuple[CasePerson, ...] = ()
    kept_from: tuple[Line, ...] = ()
    shielded: tuple[Shielded, ...] = ()
    grants: tuple[Grant, ...] = ()
    consents: tuple[ConsentRecord, ...] = ()
    plan_consent: PlanConsent | None = None
    meetings: tuple[MeetingRecord, ...] = ()
    plan: PlanRecord | None = None
    draft: PlanRecord | None = None
    discharge: DischargeRecord | None = None

    @property
    def coordinating_unit(self) -> UnitId:
        """The coordinator's unit, or the contact as long as none is appointed (REQ-65)."""
        return self.coordinator.unit if self.coordinator else self.contact

    def coordinates(self, unit: str) -> bool:
        """Say whether a unit may do what is the coordinator's: its own unit, or the deputy's (G6)."""
        return unit == self.coordinating_unit or (self.deputy is not None and unit == self.deputy.unit)

    def drafted(self, plan_id: UUID, version: int) -> PlanRecord | None:
        """Return the plan or the draft of its next version that has this id and version, or None."""
        return next(
            (found for found in (self.plan, self.draft) if found is not None and (found.id, found.version) == (plan_id, version)), None
        )

    def person(self, ref: str) -> CasePerson | None:
        """Return somebody on the individual's side, or None."""
        return next((found for found in self.people if found.ref == ref), None)

    def meeting(self, meeting_id: UUID) -> MeetingRecord | None:
        """Return a meeting, or None."""
        return next((found for found in self.meetings if found.id == meeting_id), None)
