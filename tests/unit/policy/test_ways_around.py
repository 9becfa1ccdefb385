"""Ways around a rule by another message than the one it was written for: each is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from siphub.model import Person, UnitContact, sample
from siphub.model import people as p
from siphub.model.identifiers import PersonNumber, PersonRef, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import plan as pl
from siphub.model.person import CasePerson, PersonNumberIdentity
from siphub.policy import consent
from siphub.policy.deadlines import deadlines
from siphub.policy.refusal import Refusal
from siphub.testing import chapters
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
PLANNED = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
"""The units that the plan of an active case gives a part."""
GUARDIAN = PersonRef("guardian/1")
SOMEBODY_ELSE = Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))


def deputy_of(desk: Desk) -> UnitContact | None:
    """Return who stands in for the coordinator, as the case has it now."""
    return desk.open.deputy


@pytest.mark.parametrize(("unit", "told"), [(OUTSIDE, False), (p.FK, True)])
def test_whoever_was_not_told_who_it_is_cannot_try_numbers_in_its_answers(desk: Desk, unit: UnitId, *, told: bool) -> None:
    """Given a party invited without the number, when it names people in its answer, then right and wrong look alike (G15)."""
    story = desk.story
    scopes: tuple[c.Scope, ...] = ("meeting", "invite", "information_exchange") if told else ("meeting", "invite")
    story.ready(UNITS)
    story.consented([unit], scopes)
    story.approved([*UNITS, unit])
    story.summoned(UNITS)
    story.invited([unit])
    content = sample("meeting.response").content.model_copy(update={"meeting_id": story.meeting_id})
    right = story.message(content, [story.contact], by=unit)
    wrong = story.message(content, [story.contact], by=unit, subject=SOMEBODY_ELSE)
    wrongly = Refusal("case.not_there", "not_there") if told else Refusal("subject.not_told", "invalid", "/subject")
    assert (desk.send(wrong).refusal, desk.send(right).refusal) == (wrongly, None if told else wrongly)
    assert desk.send(story.message(content, [story.contact], by=unit, subject=None)).refusal is None


def test_a_notice_of_a_discharge_goes_to_whom_it_concerns_alone(desk: Desk) -> None:
    """Given an admission to units of the neighbour municipality, a provider of its own and another ward too, then these are told nothing (LUS 2:1)."""
    found = chapters.admitted(chapters.of_the_region(desk.story), (p.CONTACT, p.CARE_CENTRE, p.SOCIAL_SERVICES, PRIVATE, p.HOSPITAL))
    assert {unit for unit, (state, _) in found.states.items() if state == "queued"} == {p.CONTACT, p.CARE_CENTRE}
    assert {reason for state, reason in found.states.values() if state == "withheld"} == {"basis.none"}
    assert not {p.SOCIAL_SERVICES, PRIVATE} & set(desk.open.units)


@pytest.mark.parametrize("payer", ["municipality", "region"])
def test_a_private_provider_that_works_for_a_huvudman_is_concerned(desk: Desk, payer: str) -> None:
    """Given a provider in open care that a huvudman pays, then the admission reaches it."""
    units = (
        unit.model_copy(update={"care": "open", "financed_by": payer}) if unit.id == PRIVATE else unit for unit in desk.directory.units
    )
    desk.directory = desk.directory.model_copy(update={"units": tuple(units)})
    assert chapters.admitted(chapters.of_the_region(desk.story), (PRIVATE,)).states == {PRIVATE: ("queued", None)}


@pytest.mark.parametrize("unit", [p.FK, p.HOSPITAL, p.CONTACT, UnitId("SE2321009991-3999")])
def test_no_unit_outside_open_care_is_named_the_contact_of_a_discharge(desk: Desk, unit: UnitId) -> None:
    """Given a notice that names an agency, a ward, a municipality's unit or nobody known for the fast vårdkontakt, then it is refused, at any time."""
    story = chapters.of_the_region(desk.story)
    refused = Refusal("discharge.contact_unit", "invalid", "/content/care_contact_unit")
    content = d.InpatientAdmitted(
        admitting_unit=p.HOSPITAL,
        admitted_at=story.now,
        planned_discharge_on=story.now.date(),
        municipality=p.MUNICIPALITY,
        care_contact_unit=unit,
    )
    notice = chapters.ready_content(uuid4(), story.now).model_copy(update={"care_contact_unit": unit})
    for known in (False, True):
        if known:
            chapters.admitted(story)
            story.say(notice, [p.CONTACT], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE)
            assert desk.last.refusal == refused
        story.say(content, [p.CONTACT], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE)
        assert desk.last.refusal == refused


def test_a_kallelse_that_reaches_nobody_stops_no_clock(desk: Desk) -> None:
    """Given a kallelse by LUS that is withheld from everybody, then its time runs on; given one that leaves, then it has been sent (LUS 4:3)."""
    story = chapters.of_the_region(desk.story)
    chapters.admitted(story)
    chapters.ready_to_go_home(story, uuid4(), story.now)
    story.consented(UNITS)
    story.approved(UNITS)
    assert chapters.summoned_at_discharge(story, [p.SOCIAL_SERVICES]).states[p.SOCIAL_SERVICES][0] == "withheld"
    assert desk.open.discharge is not None
    assert desk.open.discharge.summoned_at is None
    chapters.summoned_at_discharge(story, [p.CONTACT], SECRECY_ASSESSED)
    assert desk.open.discharge.summoned_at == desk.now


def test_nobody_is_called_by_the_statute_when_the_discharge_was_interrupted(desk: Desk) -> None:
    """Given a discharge that ended in another way, when a kallelse by LUS comes, then there is nothing to call to."""
    story = chapters.of_the_region(desk.story)
    chapters.admitted(story)
    chapters.ready_to_go_home(story, uuid4(), story.now)
    story.say(d.ProcessInterrupted(interrupted_at=story.now, code="moved"), [p.CONTACT], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE)
    chapters.summoned_at_discharge(story, [p.CONTACT], SECRECY_ASSESSED)
    assert desk.last.code == "discharge.none"


def test_somebody_else_under_the_same_reference_inherits_nothing(desk: Desk) -> None:
    """Given a sister who is consented to, when her place is given to somebody else, then nothing is granted to them; the same sister keeps it."""
    story = desk.story
    story.requested()
    chapters.approved(story, UNITS)
    chapters.consented_for(story, chapters.SISTER, ("meeting", "copy_to_relative"))
    chapters.approved(story, UNITS)
    assert set(desk.scopes_of(chapters.SISTER)) == {"meeting", "copy_to_relative", "participant"}
    chapters.approved(story, UNITS, (CasePerson(ref=chapters.SISTER, name="Någon Annan", chosen=True),))
    assert desk.scopes_of(chapters.SISTER) == {}


def test_a_consent_in_error_is_taken_back_as_a_consent(desk: Desk) -> None:
    """Given a consent that should not have been, when its message is called back, then that is refused with the remedy; what it allowed would have stood."""
    story = desk.story
    story.requested()
    story.consented(UNITS)
    chapters.in_error(story, story.sent[-1])
    assert desk.last.refusal == Refusal("error.consent", "invalid", "/content/message_id")
    chapters.in_error(story, story.sent[0])
    assert desk.last.refusal is None


def test_a_guardian_reads_no_more_when_the_child_has_come_of_age(desk: Desk) -> None:
    """Given a guardian of a child, when the child turns eighteen, then letters do not go to the guardian any more, and still to the individual."""
    story = desk.story
    story.ready(UNITS)
    chapters.approved(story, UNITS, (CasePerson(ref=GUARDIAN, name="Maj Provsdotter"),))
    letters = desk.directory.units[0].address
    owners = (found.model_copy(update={"letters": letters}) for found in desk.directory.organisations)
    desk.directory = desk.directory.model_copy(update={"organisations": tuple(owners)})
    assert story.summoned(UNITS, also=(GUARDIAN,)).states[GUARDIAN] == ("queued", None)
    desk.later(timedelta(days=3 * 365))
    found = story.rescheduled((GUARDIAN, chapters.ME)).states
    assert found == {GUARDIAN: ("withheld", "person.not_in_case"), chapters.ME: ("queued", None)}


def test_a_deputy_goes_with_the_coordinator_they_stand_in_for(active: Desk) -> None:
    """Given a deputy, when a revised plan names a coordinator elsewhere, then the deputy is none any more; while it names the same unit, still."""
    story = active.story
    deputy = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21")
    change = a.CoordinatorChanged(coordinator=story.convener, from_date=story.now.date(), agreed_with_individual=True, deputy=deputy)
    story.say(change, UNITS)
    chapters.revised(story, UNITS, PLANNED)
    assert deputy_of(active) == deputy
    plan = story.plan(PLANNED, 3).model_copy(update={"coordinator": deputy.model_copy(update={"unit": p.HOME_CARE})})
    story.say(pl.PlanRevised(plan=plan, changes="Ny samordnare.", reason="changed-need", approved_by_individual=True), UNITS)
    assert (active.last.code, active.open.coordinating_unit, deputy_of(active)) == (None, p.HOME_CARE, None)


def test_a_follow_up_can_be_moved_after_the_plan_was_revised(active: Desk) -> None:
    """Given a follow-up that is planned, when the plan is revised before it, then it can still be moved."""
    story = active.story
    chapters.followed_up(story, UNITS)
    chapters.revised(story, UNITS, PLANNED)
    story.rescheduled(UNITS)
    assert (active.last.code, active.state) == (None, "ACTIVE")


def test_the_copy_of_a_plan_that_is_no_sip_can_be_handed_over(desk: Desk) -> None:
    """Given an LSS plan, whose copy the individual is to have, when it is handed over, then that is taken, and nothing is asked for any more."""
    message = sample("lss.established")
    desk.send(message)
    story = desk.story
    story.case_id, story.owner, story.contact = message.case_id, message.owner, message.sender.unit
    story.plan_id = desk.open.plan.id if desk.open.plan else story.plan_id
    assert [found.kind for found in deadlines(desk.open, desk.directory, desk.now)] == ["plan.copy"]
    chapters.copied(story)
    assert (desk.last.code, deadlines(desk.open, desk.directory, desk.now)) == (None, ())


def test_a_coordinator_of_a_unit_that_is_excluded_coordinates_no_more(active: Desk) -> None:
    """Given a coordinator elsewhere, when the individual excludes that unit, then the contact coordinates and has work; what others say is not told there."""
    story = active.story
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    story.withdrawn([p.CARE_CENTRE])
    assert (active.open.coordinating_unit, "coordinator.excluded" in active.last.work, active.state) == (story.contact, True, "ACTIVE")
    status = sample("activity.status").content.model_copy(update={"plan_id": story.plan_id, "plan_version": 1, "activity": "a1"})
    story.say(status, [p.CARE_CENTRE, story.contact], by=p.HOME_CARE)
    assert active.last.reached == {story.contact}
    story.say(pl.PlanRevised(plan=story.plan(UNITS, 2), changes="-", reason="other", approved_by_individual=True), UNITS, by=p.CARE_CENTRE)
    assert active.last.code == "plan.not_coordinator"


def test_whoever_takes_back_everything_keeps_the_coordinator_who_ends_it(active: Desk) -> None:
    """Given a coordinator elsewhere, when everything is taken back, then the coordinator has the work and can close the plan."""
    story = active.story
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    story.withdrawn()
    assert (active.open.coordinating_unit, active.last.work) == (p.CARE_CENTRE, ("consent.withdrawn",))


def test_the_coordinator_calls_off_a_meeting_whose_convener_is_gone(summoned: Desk) -> None:
    """Given a meeting that another unit has called, then the coordinator may call it off, and nothing else about it; another participant may not."""
    story = summoned.story
    story.cancelled(UNITS)
    story.meeting_id = uuid4()
    convener = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21")
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    story.say(story.kallelse().model_copy(update={"convener": convener}), [p.HOME_CARE], by=p.CARE_CENTRE)
    assert (summoned.last.code, summoned.state) == (None, "SUMMONED")
    story.say(a.CoordinatorChanged(coordinator=story.convener, from_date=p.DAY, agreed_with_individual=True), UNITS, by=p.CARE_CENTRE)
    off = sample("meeting.cancelled").content.model_copy(update={"meeting_id": story.meeting_id, "meeting_version": 1})
    moved = sample("meeting.rescheduled").content.model_copy(update={"meeting": story.meeting(2), "supersedes": 1})
    answers = []
    for content, by in ((off, p.HOME_CARE), (moved, p.CONTACT), (off, p.CONTACT)):
        story.say(content, (), by=by)
        answers.append(summoned.last.code)
    assert answers == ["sender.role", "sender.role", None]
    assert summoned.open.state == "PREPARING"


def test_a_part_of_a_consent_that_runs_out_before_anything_was_sent_suspends_nothing(desk: Desk) -> None:
    """Given a case that waits for a consent, when all there was runs out, then it waits on, and can still be called to by the statute."""
    story = desk.story
    story.requested()
    story.consented(UNITS, ("evaluation_survey",), valid_until=desk.now + timedelta(days=1))
    desk.later(timedelta(days=2))
    decided = consent.expired(desk.open, desk.now)
    assert decided is not None
    desk.case = decided.case
    story.summoned(UNITS, SECRECY_ASSESSED)
    assert (desk.last.code, desk.state) == (None, "SUMMONED")


@pytest.mark.parametrize("days", [None, 30])
def test_a_guardians_consent_runs_out_when_the_child_comes_of_age(desk: Desk, days: int | None) -> None:
    """Given a guardian's consent for a child of sixteen, with an end or without, then it runs out by itself at eighteen at the latest (FB 6:13)."""
    story = desk.story
    story.requested()
    chapters.approved(story, UNITS, (CasePerson(ref=GUARDIAN, name="Maj Provsdotter"),))
    content = c.ConsentGiven(
        scopes=("plan", "meeting", "information_exchange"),
        parties=tuple(c.Party(party=unit) for unit in UNITS),
        mode="oral",
        given_by=c.GivenBy(kind="guardian", ground="both_guardians", guardians=(GUARDIAN,)),
        capacity=c.Capacity(state="able"),
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
        valid_until=desk.now + timedelta(days=days) if days else None,
    )
    story.say(content)
    ends = {grant.until for grant in desk.open.grants if grant.scope == "meeting"}
    assert ends == {content.valid_until or datetime(2028, 1, 2, 23, tzinfo=UTC)}
    assert desk.open.plan_consent is not None
    assert {desk.open.plan_consent.until} == ends
    desk.later(timedelta(days=2 * 365))
    assert {found for found, _ in story.summoned(UNITS).states.values()} == {"withheld"}


@pytest.mark.parametrize("by", [p.CONTACT, p.HOSPITAL])
def test_the_kallelse_of_a_discharge_is_the_care_contacts_alone(desk: Desk, by: UnitId) -> None:
    """Given a discharge that is notified, when another unit calls by LUS 4:1, then it is refused, and so is another basis without consent (G16)."""
    story = chapters.of_the_region(desk.story)
    chapters.admitted(story)
    chapters.ready_to_go_home(story, uuid4(), story.now)
    desk.case = desk.open.model_copy(update={"units": (*desk.open.units, by)})
    theirs = Refusal("discharge.not_care_contact", "forbidden", "/sender")
    assert desk.refused(lambda: chapters.summoned_at_discharge(story, [p.CARE_CENTRE], SECRECY_ASSESSED, by=by)) == theirs
    other = story.kallelse().model_copy(update={"convener": story.convener.model_copy(update={"unit": p.CARE_CENTRE})})
    basis = Refusal("discharge.other_basis", "invalid", "/content/duty_basis")
    assert desk.refused(lambda: story.say(other, [p.CONTACT], by=p.CARE_CENTRE, basis=SECRECY_ASSESSED)) == basis
    absent = chapters.kallelse_at_discharge(story, p.CARE_CENTRE, (p.CONTACT,))
    away = Refusal("discharge.care_contact_absent", "invalid", "/content/participating_units")
    assert desk.refused(lambda: story.say(absent, [p.CONTACT], by=p.CARE_CENTRE, basis=SECRECY_ASSESSED)) == away
