"""Further chapters of a story: people and letters, going home from hospital, what comes after the plan, and how a case ends otherwise.

Each function says one message of the catalogue in a `Story`, as the people would. Like the story it must never look into the hub's decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from siphub.model import BasisClaim, Message, StaffMember
from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import ending as e
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import proposal as pr
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson, UnitContact
from siphub.testing.story import Answered, Story

ME = PersonRef("individual")
SISTER = PersonRef("relative/1")
BROTHER = PersonRef("relative/2")
SIBLINGS = (
    CasePerson(ref=ME, name="Prov Provsdotter", address_lines=("Provgatan 1", "123 45 Norrby")),
    CasePerson(ref=SISTER, name="Siv Provsdotter", address_lines=("Systergatan 2", "123 45 Norrby"), relation="syster", chosen=True),
    CasePerson(ref=BROTHER, name="Bror Provsson", relation="bror", objection=True),
)
ON_THE_STATUTE = BasisClaim(code="statutory_duty")

# ── people ──


def approved(story: Story, units: Sequence[UnitId], people: Sequence[CasePerson] = SIBLINGS) -> Answered:
    """N2, with the people on the individual's side."""
    content = rq.ParticipantsApproved(units=tuple(units), approved_on=story.now.date(), approved_how="oral", people=tuple(people))
    return story.say(content)


def consented_for(story: Story, person: PersonRef, scopes: Sequence[c.Scope]) -> Answered:
    """C1, for one person of the case."""
    content = c.ConsentGiven(
        scopes=tuple(scopes),
        parties=(c.Party(party=person, direction="to"),),
        mode="oral",
        given_by=story.own_word,
        capacity=c.Capacity(state="able"),
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
    )
    return story.say(content)


def answered(story: Story, to: Sequence[UnitId | PersonRef], decision: Literal["start", "decline"] = "start") -> Answered:
    """R3."""
    content = rq.RequestAnswered(
        decision=decision, reason="agreed", contact_name="Eva Kontakt", contact_phone="090-123 45 67", answered_on=story.now.date()
    )
    return story.say(content, to)


def initiated(story: Story, to: UnitId) -> Answered:
    """R2: the contact's unit takes the initiative towards a unit of the other huvudman."""
    content = pr.SipInitiated(
        initiator=story.eva,
        initiator_phone="090-123 45 67",
        receiving_unit=to,
        need_assessed_by=story.eva,
        need_assessed_at=story.now,
        basis="general",
        reason="Flera insatser måste hänga ihop.",
    )
    return story.say(content, [to])


# ── going home from hospital ──


def of_the_region(story: Story) -> Story:
    """Return the story as one that the region owns, with the care centre as contact: a discharge begins at the hospital."""
    story.owner, story.contact = p.REGION, p.CARE_CENTRE
    return story


def admitted(story: Story, to: Sequence[UnitId] = (p.CONTACT, p.CARE_CENTRE)) -> Answered:
    """D1, from the ward."""
    content = d.InpatientAdmitted(
        admitting_unit=p.HOSPITAL,
        admitted_at=story.now,
        planned_discharge_on=(story.now + timedelta(days=4)).date(),
        municipality=p.MUNICIPALITY,
        care_contact_unit=p.CARE_CENTRE,
    )
    return story.say(content, to, by=p.HOSPITAL, basis=ON_THE_STATUTE)


def ready_content(notice: UUID, given_at: datetime) -> d.DischargeReady:
    """Return the notice itself."""
    return d.DischargeReady(notice_id=notice, given_at=given_at, ready_at=given_at)


def ready_to_go_home(
    story: Story, notice: UUID, given_at: datetime, to: Sequence[UnitId] = (p.CONTACT, p.CARE_CENTRE), sent_at: datetime | None = None
) -> Answered:
    """D2, from the ward."""
    return story.say(ready_content(notice, given_at), to, by=p.HOSPITAL, basis=ON_THE_STATUTE, sent_at=sent_at or given_at)


def not_ready_after_all(story: Story, notice: UUID, at: datetime, to: Sequence[UnitId] = (p.CONTACT, p.CARE_CENTRE)) -> Answered:
    """D2, taken back."""
    content = d.DischargeReadyRevoked(notice_id=notice, revoked_at=at)
    return story.say(content, to, by=p.HOSPITAL, basis=ON_THE_STATUTE, sent_at=at)


def gone_home(story: Story, at: datetime, to: Sequence[UnitId] = (p.CONTACT, p.CARE_CENTRE)) -> Answered:
    """D3."""
    return story.say(d.InpatientDischarged(discharged_at=at), to, by=p.HOSPITAL, basis=ON_THE_STATUTE, sent_at=at)


def summoned_at_discharge(story: Story, units: Sequence[UnitId], basis: BasisClaim | None = None, by: UnitId = p.CARE_CENTRE) -> Answered:
    """K1 by LUS 4:1, from the fast vårdkontakt's unit."""
    return story.say(kallelse_at_discharge(story, by, (by, *units)), units, by=by, basis=basis)


def kallelse_at_discharge(story: Story, by: UnitId, taking_part: Sequence[UnitId]) -> m.MeetingSummoned:
    """Return the kallelse by LUS 4:1, where municipal health care is needed."""
    return m.MeetingSummoned(
        meeting=story.meeting(days=2),
        purpose="discharge",
        convener=UnitContact(name="Vera Vårdcentral", unit=by, phone="090-765 43 21"),
        duty_basis="LUS4:1",
        respond_by=story.now + timedelta(days=1),
        municipal_health_care=True,
        participating_units=tuple(taking_part),
    )


# ── after the plan ──


def followed_up(story: Story, units: Sequence[UnitId], version: int = 1) -> Answered:
    """U1: another meeting, of the plan."""
    story.meeting_id = uuid4()
    content = f.FollowUpSummoned(
        meeting=story.meeting(),
        plan_id=story.plan_id,
        plan_version=version,
        purpose="follow-up",
        convener=story.convener,
        duty_basis="SoL10:8",
        respond_by=story.now + timedelta(days=7),
        questions=(f.StatusQuestion(unit=units[0], activity="a1"),),
    )
    return story.say(content, units)


def reported(story: Story, unit: UnitId, activity: str, status: f.ActivityState, version: int = 1) -> Answered:
    """U2."""
    content = f.ActivityStatus(
        plan_id=story.plan_id,
        plan_version=version,
        activity=activity,
        status=status,
        status_on=story.now.date(),
        reporter=StaffMember(name="Hanna Hemtjänst", unit=unit),
    )
    return story.say(content, [story.contact], by=unit)


def follow_up_held(
    story: Story, units: Sequence[UnitId], decision: Literal["continue", "revise", "close"] = "continue", next_on: date | None = None
) -> Answered:
    """U3."""
    content = f.FollowUpHeld(
        meeting_id=story.meeting_id,
        meeting_version=1,
        plan_id=story.plan_id,
        plan_version=1,
        held_on=story.now.date(),
        attended_units=tuple(units),
        individual="present",
        goals=(f.GoalStatus(goal="g1", status="partly"),),
        activities=(f.ActivityOutcome(activity="a1", status="ongoing"),),
        decision=decision,
        next_follow_up_on=next_on or ((story.now + timedelta(days=90)).date() if decision == "continue" else None),
    )
    return story.say(content, units)


def revised(story: Story, to: Sequence[UnitId | PersonRef], units: Sequence[UnitId], version: int = 2) -> Answered:
    """P3."""
    content = pl.PlanRevised(
        plan=story.plan(units, version), changes="Ny tid för hemtjänsten.", reason="follow-up", approved_by_individual=True
    )
    return story.say(content, to)


def copied(story: Story, recipient: PersonRef = ME, version: int = 1) -> Answered:
    """P4: in hand."""
    content = a.PlanCopyDelivered(
        plan_id=story.plan_id, plan_version=version, recipient=recipient, channel="in_hand", delivered_on=story.now.date()
    )
    return story.say(content)


def coordinated_by(story: Story, unit: UnitId, to: Sequence[UnitId | PersonRef]) -> Answered:
    """A2."""
    content = a.CoordinatorChanged(
        coordinator=UnitContact(name="Vera Vårdcentral", unit=unit, phone="090-765 43 21"),
        from_date=story.now.date(),
        agreed_with_individual=True,
    )
    return story.say(content, to)


# ── astray, in error, at an end ──


def misdirected(story: Story, original: Message, unit: UnitId) -> Answered:
    """K7, felsänt."""
    return story.say(a.Misdirected(message_id=original.message_id, unit=unit, reason="not_our_unit"), [story.contact], by=unit)


def forwarded(story: Story, original: Message, unit: UnitId, new_unit: UnitId) -> Answered:
    """K7, vidaresänt."""
    return story.say(a.Forwarded(message_id=original.message_id, unit=unit, new_unit=new_unit), [story.contact], by=unit)


def in_error(story: Story, original: Message, extent: Literal["message", "case"] = "message") -> Answered:
    """A3."""
    content = e.EnteredInError(message_id=original.message_id, extent=extent, found_by=story.eva, found_on=story.now.date())
    return story.say(content)


def deceased(story: Story) -> Answered:
    """A3."""
    return story.say(e.SubjectDeceased(died_on=story.now.date(), reported_by=story.eva))


def request_withdrawn(story: Story) -> Answered:
    """The request taken back."""
    return story.say(e.RequestWithdrawn(withdrawn_on=story.now.date(), received_by=story.eva))
