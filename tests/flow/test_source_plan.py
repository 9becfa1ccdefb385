"""What the source documents ask for of the plan and of its coordinator.

Each test holds rows of docs/requirements.md. Paper is held by tests/unit/documents.
"""

from __future__ import annotations

import threading
from datetime import date

import pytest

from siphub.errors import Conflict, Forbidden, Invalid
from siphub.flow import track
from siphub.model import Message
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import plan as pl
from siphub.model.messages.around import CoordinatorChanged
from siphub.model.person import UnitContact
from siphub.testing import chapters
from siphub.testing.story import Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
VERA = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21", role="fast vårdkontakt")
BO = UnitContact(name="Bo Bistånd", unit=p.CONTACT, phone="090-123 45 99", role="biståndsbedömare")


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def drafting(world: World, units: tuple[UnitId, ...] = UNITS) -> Story:
    """Return a case whose meeting was held."""
    story = world.story()
    story.ready(units)
    story.summoned(units)
    story.held(units)
    return story


def final(story: Story, units: tuple[UnitId, ...] = UNITS, **changed: object) -> object:
    """Propose the story's plan with something else in it, let every unit confirm it, and establish it."""
    plan = pl.Plan.model_validate({**dict(story.plan(units)), **changed})
    story.say(pl.PlanProposed(plan=plan), units)
    for found in plan.activities:
        if found.responsible.unit in units:
            story.confirmed(found.responsible.unit, found.id)
    return story.say(pl.PlanEstablished(plan=plan), units)


# ── the plan ──


@pytest.mark.req(5)
def test_units_of_one_organisation_make_a_plan(world: World) -> None:
    """Given a contact and home care of the same municipality and nobody else, then there is a plan, and home care has it."""
    story = drafting(world, (p.HOME_CARE,))
    final(story, (p.HOME_CARE,))
    assert world.settled(story)
    assert case_of(world, story).state == "ACTIVE"
    assert world.types(p.HOME_CARE, story)[-1] == "plan.established"


@pytest.mark.req(63)
def test_there_is_no_plan_before_the_meeting(world: World) -> None:
    """Given a meeting that is called and not held, when a plan is proposed, then it is refused; after the meeting it is taken."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    with pytest.raises(Conflict) as early:
        story.proposed(UNITS)
    assert early.value.code == "case.wrong_state"
    story.held(UNITS)
    assert set(story.proposed(UNITS).states.values()) == {("queued", None)}


@pytest.mark.req(64)
def test_of_two_drafts_written_at_once_the_second_is_refused(world: World) -> None:
    """Given a coordinator and a deputy who write the same version at the same moment, then one is taken and the other is out of order.

    Whoever was late sends it again as the next version.
    """
    story = drafting(world)
    deputy = UnitContact(name="Hanna Hemtjänst", unit=p.HOME_CARE, phone="090-123 45 68")
    appointed = {"coordinator": story.convener, "from_date": story.now.date(), "agreed_with_individual": True, "deputy": deputy}
    story.say(CoordinatorChanged.model_validate(appointed), UNITS)
    drafts = [story.message(pl.PlanProposed(plan=story.plan(UNITS)), UNITS, by=unit) for unit in (p.CONTACT, p.HOME_CARE)]
    said: list[str] = []

    def write(draft: Message) -> None:
        try:
            world.send(draft)
            said.append("taken")
        except Conflict as late:
            said.append(late.code)

    threads = [threading.Thread(target=write, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["message.out_of_order", "taken"]
    story.proposed(UNITS, version=2)
    plan = case_of(world, story).plan
    assert plan is not None
    assert plan.version == 2


@pytest.mark.req(1, 4, 20, 21, 23, 26, 69, 70, 71, 72, 73, 74, 75, 76, 78, 80, "plan-responsibility", "coordinator-appointed")
def test_a_plan_says_all_that_the_source_documents_ask_for(world: World) -> None:
    """Given a plan with needs, goals, everybody's activities and all who answer for it, then each unit reads the whole of it."""
    story = drafting(world)
    activities = (
        _activity(
            "a1", "Hemtjänst följer med till affären", "municipality", unit=p.HOME_CARE, ends_on=date(2027, 6, 30), follow_up="på mötet"
        ),
        _activity("a2", "Medicinöversyn", "region", unit=p.CARE_CENTRE),
        _activity("a3", "Cirkel i studieförbundet", "other", name="Studieförbundet"),
        _activity("a4", "Promenad varje dag", "individual"),
        _activity("a5", "Ringer på söndagar", "relative", name="Siv"),
    )
    final(
        story,
        activities=activities,
        needs=("Stöd att komma ut",),
        goals=(pl.Goal(id="g1", text="Handla själv igen, och gå på bio."),),
        main_responsible=pl.MainResponsible(name="Hanna Hemtjänst", unit=p.HOME_CARE),
        overall_responsible=pl.OverallResponsible(kind="municipality", organisation=p.MUNICIPALITY),
        coordinator=BO,
        coordinator_chosen_by="individual",
        care_contacts=(VERA, UnitContact(name="Lars Läkare", unit=p.HOSPITAL, phone="090-765 43 22", role="fast vårdkontakt")),
        questions_to=VERA,
    )
    assert world.settled(story)
    for unit in UNITS:
        assert world.types(unit, story)[-1] == "plan.established"
        body = world.bodies(unit, story)[-1].decode()
        said = (
            "Stöd att komma ut",
            "gå på bio",
            "Hanna Hemtjänst",
            "Bo Bistånd",
            "biståndsbedömare",
            "den enskilde",
            "Lars Läkare",
            "Vera Vårdcentral",
            "2027-06-30",
            "på mötet",
        )
        assert [words for words in (*said, *(found.what for found in activities)) if words not in body] == []
    assert case_of(world, story).coordinator == BO


def _activity(key: str, what: str, kind: str, *, ends_on: date | None = None, follow_up: str | None = None, **who: object) -> pl.Activity:
    responsible = pl.Responsible.model_validate({"kind": kind, **who})
    return pl.Activity(id=key, what=what, when="varje vecka", responsible=responsible, goals=("g1",), ends_on=ends_on, follow_up=follow_up)


LACKING: dict[str, dict[str, object]] = {
    "plan.coordinator_missing": {"coordinator": None},
    "plan.goals_missing": {
        "goals": (),
        "activities": (_activity("a1", "Stöd", "municipality", unit=p.HOME_CARE).model_copy(update={"goals": ()}),),
    },
    "plan.needs_missing": {"needs": ()},
    "plan.activity_without_goal": {
        "activities": (_activity("a1", "Stöd", "municipality", unit=p.HOME_CARE).model_copy(update={"goals": ()}),)
    },
    "plan.responsible": {"activities": (_activity("a1", "Stöd", "other"),)},
    "plan.overall_responsible": {"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.MUNICIPALITY)},
}


@pytest.mark.req(4, 65, 66, 71, 72, 75, 78, 92)
@pytest.mark.parametrize("code", LACKING)
def test_a_draft_may_leave_open_what_a_plan_may_not(world: World, code: str) -> None:
    """Given a plan that lacks one thing, then it is taken as a draft and refused as the plan, with a code that says which."""
    story = drafting(world, (p.HOME_CARE,))
    with pytest.raises(Invalid) as refused:
        final(story, (p.HOME_CARE,), **LACKING[code])
    assert refused.value.code == code
    assert case_of(world, story).state == "IN_REVIEW"


@pytest.mark.req(66)
@pytest.mark.parametrize("unit", [p.FK, p.AF])
def test_an_agencys_staff_is_no_coordinator(world: World, unit: UnitId) -> None:
    """Given a plan whose coordinator works at an agency, then it is refused."""
    story = drafting(world, (p.HOME_CARE,))
    with pytest.raises(Invalid) as refused:
        final(story, (p.HOME_CARE,), coordinator=UnitContact(name="Filip Kassa", unit=unit, phone="0771-11 22 33"))
    assert refused.value.code == "plan.coordinator_missing"


@pytest.mark.req(77)
def test_no_agency_is_sent_a_plan(world: World) -> None:
    """Given Försäkringskassan, invited with consent to all there is, then the plan is withheld from it: it is no application."""
    story = world.story()
    everybody = (*UNITS, p.FK)
    story.ready(everybody)
    story.summoned(UNITS)
    story.invited([p.FK])
    story.held(UNITS)
    told = story.proposed(UNITS)
    assert set(told.states.values()) == {("queued", None)}
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    established = story.say(pl.PlanEstablished(plan=story.plan(UNITS)), everybody).states
    assert established[p.FK] == ("withheld", "basis.none")
    assert world.settled(story)
    assert world.types(p.FK, story) == ["meeting.invited"]


# ── the coordinator ──


@pytest.mark.req(17, 18, 65, 67, "coordinator-appointed")
def test_there_is_one_coordinator_at_a_time_and_who_was_it_before_is_kept(world: World) -> None:
    """Given a case without a coordinator, then its contact coordinates; when two are appointed after another, the last one does, and both are on record."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert case_of(world, story).coordinator is None
    assert case_of(world, story).coordinating_unit == p.CONTACT
    chapters.coordinated_by(story, p.HOME_CARE, UNITS)
    story.contact = p.HOME_CARE
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    case = case_of(world, story)
    assert (case.contact, case.coordinating_unit) == (p.CONTACT, p.CARE_CENTRE)
    box = track.mailbox(world.hub.ground, world.caller(story.owner), str(story.case_id))
    kept = [
        found["message"]["content"]["coordinator"]["unit"] for found in box["sent"] if found["message"]["type"] == "coordinator.changed"
    ]
    assert kept == [p.HOME_CARE, p.CARE_CENTRE]
    story.contact = p.CONTACT
    story.held(UNITS)
    with pytest.raises(Forbidden) as refused:
        story.proposed(UNITS)
    assert refused.value.code == "plan.not_coordinator"


@pytest.mark.req(67)
def test_only_the_coordinators_unit_revises_and_closes(world: World) -> None:
    """Given a plan whose coordinator is at the care centre, when the former contact revises or closes it, then it is refused; the coordinator may."""
    story = drafting(world)
    final(story, coordinator=VERA)
    with pytest.raises(Forbidden) as not_revised:
        chapters.revised(story, UNITS, UNITS)
    with pytest.raises(Forbidden) as not_closed:
        story.closed(UNITS)
    assert not_revised.value.code == not_closed.value.code == "plan.not_coordinator"
    story.contact = p.CARE_CENTRE
    chapters.revised(story, UNITS, UNITS)
    story.closed(UNITS)
    assert case_of(world, story).state == "CLOSED"
