"""What happens after the plan: the follow-up is called and held, units say how their activities go: U1 to U3 (LIFECYCLE section 2; REQ-83 to REQ-88)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from siphub.model import people as p
from siphub.model.base import Code, Instant, Line, Text, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId
from siphub.model.messages.meeting import ASSUMED_LENGTH, Attendance, DutyBasis, Held, Meeting, Place, Version
from siphub.model.messages.plan import ItemId, PlanVersion
from siphub.model.person import StaffMember, UnitContact

ActivityState = Literal["planned", "ongoing", "done", "not_done", "interrupted", "cancelled"]
"""planerad · pågående · utförd · inte utförd · avbruten · inställd: the national activity statuses."""


class StatusQuestion(Value):
    """What a unit is asked to report on one of its activities before the follow-up; shown to that unit only."""

    unit: UnitId
    activity: ItemId
    text: Line | None = None


class FollowUpSummoned(Content):
    """U1: the coordinator's unit calls to a follow-up of the plan, in agreement with the individual (REQ-86)."""

    meeting: Meeting
    plan_id: UUID
    plan_version: PlanVersion
    purpose: Code
    convener: UnitContact
    duty_holder: Literal["principal"] = "principal"
    duty_basis: DutyBasis
    respond_by: Instant
    questions: Annotated[tuple[StatusQuestion, ...], Field(max_length=200)] = ()
    coordinator: UnitContact | None = None
    participating_units: tuple[UnitId, ...] = ()
    agenda: tuple[Line, ...] = ()
    interpreter_language: Line | None = None
    individual_attendance: Attendance | None = None
    relatives_present: Annotated[int, Field(ge=0, le=20)] | None = None


class ActivityStatus(Content):
    """U2: how one activity goes, said by the unit that answers for it (REQ-85)."""

    plan_id: UUID
    plan_version: PlanVersion
    activity: ItemId
    status: ActivityState
    status_on: date
    reporter: StaffMember
    reason: Code | None = None
    outcome: Text | None = None


class GoalStatus(Value):
    """How far a goal has been reached, in the individual's view."""

    goal: ItemId
    status: Literal["reached", "partly", "not_reached", "not_relevant"]
    comment: Text | None = None


class ActivityOutcome(Value):
    """How an activity stands at the follow-up."""

    activity: ItemId
    status: ActivityState


class FollowUpHeld(Held):
    """U3: the follow-up took place: goals and activities, and whether the plan goes on, is revised or ends (REQ-83)."""

    meeting_id: UUID
    meeting_version: Version
    plan_id: UUID
    plan_version: PlanVersion
    attended_units: tuple[UnitId, ...]
    individual: Literal["present", "absent_consented", "represented_by"]
    goals: Annotated[tuple[GoalStatus, ...], Field(max_length=100)] = ()
    activities: Annotated[tuple[ActivityOutcome, ...], Field(max_length=200)] = ()
    decision: Literal["continue", "revise", "close"]
    next_follow_up_on: date | None = None
    individual_rating: Annotated[int, Field(ge=1, le=5)] | None = None

    @model_validator(mode="after")
    def _next(self) -> FollowUpHeld:
        if self.decision == "continue" and self.next_follow_up_on is None:
            message = "a plan that goes on has a date for the next follow-up"
            raise ValueError(message)
        return self


_MEETING = UUID("7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a002")
_PLAN = UUID("9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001")
_EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")
_EVA_FULL = UnitContact(
    name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67", email="eva.kontakt@example.org", role="biståndshandläggare"
)
_HANNA = StaffMember(name="Hanna Hemtjänst", unit=p.HOME_CARE)
_TIME = p.NOON + timedelta(days=100)
_ANSWER = p.NOON + timedelta(days=90)

TYPES = (
    MessageType(
        name="followup.summoned",
        content=FollowUpSummoned,
        minimal=lambda: FollowUpSummoned(
            meeting=Meeting(id=_MEETING, version=1, starts_at=_TIME, place=Place(kind="home")),
            plan_id=_PLAN,
            plan_version=1,
            purpose="follow-up",
            convener=_EVA,
            duty_basis="SoL10:8",
            respond_by=_ANSWER,
        ),
        maximal=lambda: FollowUpSummoned(
            meeting=Meeting(
                id=_MEETING, version=1, starts_at=_TIME, ends_at=_TIME + ASSUMED_LENGTH, place=Place(kind="other", text="Stadshuset, rum 3")
            ),
            plan_id=_PLAN,
            plan_version=2,
            purpose="follow-up",
            convener=_EVA_FULL,
            duty_basis="agreement:barn-2024.1",
            respond_by=_ANSWER,
            questions=(
                StatusQuestion(unit=p.HOME_CARE, activity="a1", text="Hur har affärsbesöken gått?"),
                StatusQuestion(unit=p.CARE_CENTRE, activity="a2"),
            ),
            coordinator=_EVA_FULL,
            participating_units=(p.HOME_CARE, p.CARE_CENTRE),
            agenda=("Målen", "Nästa steg"),
            interpreter_language="finska",
            individual_attendance="attends",
            relatives_present=1,
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
    ),
    MessageType(
        name="activity.status",
        content=ActivityStatus,
        minimal=lambda: ActivityStatus(plan_id=_PLAN, plan_version=1, activity="a1", status="ongoing", status_on=p.DAY, reporter=_HANNA),
        maximal=lambda: ActivityStatus(
            plan_id=_PLAN,
            plan_version=2,
            activity="a1",
            status="interrupted",
            status_on=p.DAY,
            reporter=_HANNA,
            reason="moved",
            outcome="Handlade själv tre gånger.",
        ),
        to=(p.CONTACT,),
        sent_by="participant",
        subject="optional",
    ),
    MessageType(
        name="followup.held",
        content=FollowUpHeld,
        minimal=lambda: FollowUpHeld(
            meeting_id=_MEETING,
            meeting_version=1,
            plan_id=_PLAN,
            plan_version=1,
            held_on=p.DAY,
            attended_units=(p.HOME_CARE,),
            individual="present",
            decision="close",
        ),
        maximal=lambda: FollowUpHeld(
            meeting_id=_MEETING,
            meeting_version=2,
            plan_id=_PLAN,
            plan_version=2,
            held_on=p.DAY,
            starts_at=p.NOON,
            ends_at=p.NOON + timedelta(minutes=45),
            attended_units=(p.HOME_CARE, p.CARE_CENTRE),
            individual="represented_by",
            goals=(GoalStatus(goal="g1", status="reached", comment="Går till affären själv."), GoalStatus(goal="g2", status="partly")),
            activities=(ActivityOutcome(activity="a1", status="done"), ActivityOutcome(activity="a2", status="ongoing")),
            decision="continue",
            next_follow_up_on=date(2027, 9, 1),
            individual_rating=4,
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        classification="sensitive",
    ),
)
