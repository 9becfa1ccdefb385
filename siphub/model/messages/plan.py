"""The plan: proposed, confirmed piece by piece, established, revised, closed: P0 to P3, A1 (LIFECYCLE section 2; REQ-70 to REQ-87)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from siphub.model import people as p
from siphub.model.base import Code, Line, Phone, Text, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.model.person import Protection, UnitContact

PlanVersion = Annotated[int, Field(ge=1, le=10_000)]
ItemId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]


class Goal(Value):
    """A goal, in the individual's own words (REQ-71)."""

    id: ItemId
    text: Text


class Responsible(Value):
    """Who answers for an activity (REQ-75). A unit for region, municipality and other; the individual's own and relatives' work has none."""

    kind: Literal["region", "municipality", "other", "individual", "relative"]
    unit: UnitId | None = None
    name: Line | None = None

    @model_validator(mode="after")
    def _unit(self) -> Responsible:
        if self.kind in {"region", "municipality"} and self.unit is None:
            message = "an activity of a region or municipality names the responsible unit"
            raise ValueError(message)
        return self


class Activity(Value):
    """An insats: what, when, until when, who, and towards which goals (REQ-72 to REQ-76)."""

    id: ItemId
    what: Text
    when: Line
    ends_on: date | None = None
    responsible: Responsible
    goals: tuple[ItemId, ...] = ()
    follow_up: Line | None = None


class OverallResponsible(Value):
    """The huvudman with the overall responsibility: exactly one (REQ-75)."""

    kind: Literal["region", "municipality"]
    organisation: OrganisationNumber


class MainResponsible(Value):
    """Main responsible person and unit (REQ-26)."""

    name: Line
    unit: UnitId
    protection: Protection | None = None


class Plan(Value):
    """One version of the plan document (REQ-70 to REQ-80).

    `coordinator_chosen_by` says whether the individual chose the coordinator alone, or together with the units (REQ-65, REQ-66);
    `care_contacts` are the fasta vårdkontakter found at the meeting, of whom there may be several (REQ-20). `questions_to` is whom the individual turns to with questions or when things get worse (REQ-80); `original_holder` is who keeps the
    original of a child's plan (LIFECYCLE 5.8).
    """

    id: UUID
    version: PlanVersion
    made_on: date
    needs: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    goals: Annotated[tuple[Goal, ...], Field(max_length=100)] = ()
    activities: Annotated[tuple[Activity, ...], Field(min_length=1, max_length=200)]
    overall_responsible: OverallResponsible
    main_responsible: MainResponsible | None = None
    coordinator: UnitContact | None = None
    coordinator_chosen_by: Literal["individual", "jointly"] | None = None
    care_contacts: Annotated[tuple[UnitContact, ...], Field(max_length=20)] = ()
    follow_up_on: date | None = None
    crisis_plan: Text | None = None
    housing: Text | None = None
    notes: Text | None = None
    questions_to: UnitContact | None = None
    original_holder: UnitId | None = None

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Plan:
        goals = {goal.id for goal in self.goals}
        if len(goals) != len(self.goals) or len({a.id for a in self.activities}) != len(self.activities):
            message = "goals and activities have ids of their own"
            raise ValueError(message)
        if any(set(activity.goals) - goals for activity in self.activities):
            message = "an activity names a goal the plan does not have"
            raise ValueError(message)
        return self


class PlanProposed(Content):
    """P0: a draft, for each unit to confirm its own activities."""

    plan: Plan


class CommitmentConfirmed(Content):
    """P2: a unit stands by its activities."""

    plan_id: UUID
    plan_version: PlanVersion
    activities: Annotated[tuple[ItemId, ...], Field(min_length=1)]
    unit: UnitId
    comment: Text | None = None


class CommitmentRejected(Content):
    """P2: a unit does not stand by activities the draft gives it."""

    plan_id: UUID
    plan_version: PlanVersion
    activities: Annotated[tuple[ItemId, ...], Field(min_length=1)]
    unit: UnitId
    comment: Text | None = None


class PlanEstablished(Content):
    """P1: the plan as agreed at the meeting."""

    plan: Plan


class PlanRevised(Content):
    """P3: the next version; never without the individual's approval."""

    plan: Plan
    changes: Text
    reason: Code
    approved_by_individual: Literal[True]


class PlanClosed(Content):
    """A1: the plan has ended. The reason is for the record; outward there is only `no_further_messages`."""

    plan_id: UUID | None = None
    plan_version: PlanVersion | None = None
    reason: Literal["goals-met", "no-need", "individual-request", "consent-withdrawn", "moved", "deceased", "other"]
    closed_on: date
    closed_by: Line
    phone: Phone


_ID = UUID("9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001")
_EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")


def _plan(version: int = 1) -> Plan:
    return Plan(
        id=_ID,
        version=version,
        made_on=p.DAY,
        activities=(Activity(id="a1", what="Hemtjänst", when="varje dag", responsible=Responsible(kind="municipality", unit=p.HOME_CARE)),),
        overall_responsible=OverallResponsible(kind="municipality", organisation=p.MUNICIPALITY),
        coordinator=_EVA,
        follow_up_on=date(2027, 3, 1),
    )


def _full_plan(version: int = 1) -> Plan:
    return Plan(
        id=_ID,
        version=version,
        made_on=p.DAY,
        needs=("Stöd att komma ut", "Trygghet på natten"),
        goals=(Goal(id="g1", text="Handla själv igen."), Goal(id="g2", text="Sova hela natten.")),
        activities=(
            Activity(
                id="a1",
                what="Hemtjänst följer med till affären",
                when="tisdagar",
                ends_on=date(2027, 6, 30),
                responsible=Responsible(kind="municipality", unit=p.HOME_CARE, name="Hanna Hemtjänst"),
                goals=("g1",),
                follow_up="vid uppföljningsmötet",
            ),
            Activity(
                id="a2", what="Medicinöversyn", when="i december", responsible=Responsible(kind="region", unit=p.CARE_CENTRE), goals=("g2",)
            ),
            Activity(id="a3", what="Promenad", when="varje dag", responsible=Responsible(kind="individual"), goals=("g1", "g2")),
            Activity(id="a4", what="Telefonsamtal på kvällen", when="söndagar", responsible=Responsible(kind="relative", name="Siv")),
        ),
        overall_responsible=OverallResponsible(kind="region", organisation=p.REGION),
        main_responsible=MainResponsible(name="Eva Kontakt", unit=p.CONTACT),
        coordinator=UnitContact(
            name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67", email="eva.kontakt@example.org", role="biståndshandläggare"
        ),
        coordinator_chosen_by="jointly",
        care_contacts=(
            UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21", role="fast vårdkontakt"),
            UnitContact(name="Lars Läkare", unit=p.HOSPITAL, phone="090-765 43 22"),
        ),
        follow_up_on=date(2027, 3, 1),
        crisis_plan="Ring vårdcentralen, annars 112.",
        housing="Egen lägenhet med hiss.",
        notes="Vill bli kallad Prov.",
        questions_to=UnitContact(name="Hanna Hemtjänst", unit=p.HOME_CARE, phone="090-123 45 68"),
        original_holder=p.CONTACT,
    )


TYPES = (
    MessageType(
        name="plan.proposed",
        content=PlanProposed,
        minimal=lambda: PlanProposed(plan=_plan()),
        maximal=lambda: PlanProposed(plan=_full_plan()),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        classification="sensitive",
    ),
    MessageType(
        name="plan.commitment.confirmed",
        content=CommitmentConfirmed,
        minimal=lambda: CommitmentConfirmed(plan_id=_ID, plan_version=1, activities=("a1",), unit=p.HOME_CARE),
        maximal=lambda: CommitmentConfirmed(
            plan_id=_ID, plan_version=2, activities=("a1", "a2"), unit=p.HOME_CARE, comment="Vi börjar på måndag."
        ),
        to=(p.CONTACT,),
        sent_by="participant",
    ),
    MessageType(
        name="plan.commitment.rejected",
        content=CommitmentRejected,
        minimal=lambda: CommitmentRejected(plan_id=_ID, plan_version=1, activities=("a1",), unit=p.HOME_CARE),
        maximal=lambda: CommitmentRejected(
            plan_id=_ID, plan_version=2, activities=("a1", "a2"), unit=p.HOME_CARE, comment="Tisdagar går inte."
        ),
        to=(p.CONTACT,),
        sent_by="participant",
    ),
    MessageType(
        name="plan.established",
        content=PlanEstablished,
        minimal=lambda: PlanEstablished(plan=_plan()),
        maximal=lambda: PlanEstablished(plan=_full_plan()),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        classification="sensitive",
    ),
    MessageType(
        name="plan.revised",
        content=PlanRevised,
        minimal=lambda: PlanRevised(plan=_plan(2), changes="Ny tid för hemtjänsten.", reason="changed-need", approved_by_individual=True),
        maximal=lambda: PlanRevised(
            plan=_full_plan(2), changes="Ny tid för hemtjänsten.", reason="changed-need", approved_by_individual=True
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        classification="sensitive",
    ),
    MessageType(
        name="plan.closed",
        content=PlanClosed,
        minimal=lambda: PlanClosed(reason="no-need", closed_on=p.DAY, closed_by="Eva Kontakt", phone="090-123 45 67"),
        maximal=lambda: PlanClosed(
            plan_id=_ID, plan_version=1, reason="goals-met", closed_on=p.DAY, closed_by="Eva Kontakt", phone="090-123 45 67"
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        subject="none",
    ),
)
