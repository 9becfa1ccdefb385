"""Plans: never without consent, never final without every unit's word for just that, and always somebody who can go on with it (G3, G6)."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from siphub.model import UnitContact
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import plan as pl
from siphub.policy.case import Recall, Supersede
from siphub.policy.endings import OWED
from siphub.testing import chapters
from siphub.testing.desk import Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


@pytest.fixture
def drafting(summoned: Desk) -> Desk:
    """Give a case whose meeting was held."""
    summoned.story.held(UNITS)
    return summoned


@pytest.fixture
def proposed(drafting: Desk) -> Desk:
    """Give a case with a draft that gives three units a part each."""
    drafting.story.proposed(UNITS)
    assert drafting.last.reached == set(UNITS)
    return drafting


def confirm(desk: Desk, *units: UnitId, version: int = 1) -> None:
    """Let units confirm their parts."""
    for unit in units:
        desk.story.confirmed(unit, f"a{UNITS.index(unit) + 1}", version)
        assert desk.last.code is None


def establish(desk: Desk, plan: pl.Plan) -> str | None:
    """Send a plan as agreed; return the refusal's code."""
    desk.story.say(pl.PlanEstablished(plan=plan), UNITS)
    return desk.last.code


@pytest.mark.parametrize("step", ["proposed", "established", "revised"])
def test_no_plan_without_consent_to_a_plan(active: Desk, step: str) -> None:
    """Given the consent to a plan taken back and the rest left, then no draft, no plan and no revision is taken (LIFECYCLE 3)."""
    active.story.refused(("plan",))
    plan = active.story.plan(UNITS, 2)
    contents = {
        "proposed": pl.PlanProposed(plan=plan),
        "established": pl.PlanEstablished(plan=plan),
        "revised": pl.PlanRevised(plan=plan, changes="Ny tid.", reason="follow-up", approved_by_individual=True),
    }
    active.story.say(contents[step], UNITS)
    assert active.last.code == "plan.no_consent"


def test_no_other_basis_makes_a_plan(drafting: Desk) -> None:
    """Given no consent to a plan, when a draft states another basis, then it is refused all the same."""
    drafting.story.refused(("plan",))
    drafting.story.say(pl.PlanProposed(plan=drafting.story.plan(UNITS)), UNITS, basis=SECRECY_ASSESSED)
    assert drafting.last.code == "plan.no_consent"


def test_a_plan_is_final_when_every_unit_has_given_its_word(proposed: Desk) -> None:
    """Given a draft, when two of three have confirmed, then it is not final; with the third it is."""
    plan = proposed.story.plan(UNITS)
    confirm(proposed, *UNITS[:2])
    assert establish(proposed, plan) == "plan.commitments_missing"
    confirm(proposed, UNITS[2])
    assert establish(proposed, plan) is None
    assert proposed.state == "ACTIVE"


def test_a_confirmed_draft_is_not_a_licence_for_another_plan(proposed: Desk) -> None:
    """Given a draft everybody confirmed, when the plan gives a unit something else, or something more, then it is not confirmed."""
    confirm(proposed, *UNITS)
    plan = proposed.story.plan(UNITS)
    first = plan.activities[0]
    other = plan.model_copy(update={"activities": (first.model_copy(update={"what": "Något annat"}), *plan.activities[1:])})
    more = plan.model_copy(update={"activities": (*plan.activities, first.model_copy(update={"id": "a9"}))})
    moved = plan.model_copy(
        update={"activities": (first.model_copy(update={"responsible": plan.activities[1].responsible}), *plan.activities[1:])}
    )
    assert [establish(proposed, changed) for changed in (other, more, moved)] == ["plan.commitments_missing"] * 3


def test_a_word_is_given_for_each_activity_and_the_newest_counts(proposed: Desk) -> None:
    """Given a confirmation that is taken back, then the plan is not final, and the coordinator is told."""
    confirm(proposed, *UNITS)
    content = pl.CommitmentRejected(plan_id=proposed.story.plan_id, plan_version=1, activities=("a1",), unit=p.HOME_CARE)
    proposed.story.say(content, [p.CONTACT], by=p.HOME_CARE)
    assert proposed.last.work == ("plan.commitment_rejected",)
    assert establish(proposed, proposed.story.plan(UNITS)) == "plan.commitments_missing"


@pytest.mark.req(76)
def test_one_confirmed_activity_does_not_stand_for_the_other(drafting: Desk) -> None:
    """Given a unit with two activities, when it confirms one, then the plan is not final; when it confirms the other, it is."""
    plan = drafting.story.plan((p.HOME_CARE,))
    plan = plan.model_copy(update={"activities": (*plan.activities, plan.activities[0].model_copy(update={"id": "a2"}))})
    drafting.story.say(pl.PlanProposed(plan=plan), UNITS)
    drafting.story.confirmed(p.HOME_CARE, "a1")
    assert establish(drafting, plan) == "plan.commitments_missing"
    drafting.story.confirmed(p.HOME_CARE, "a2")
    assert establish(drafting, plan) is None


def test_a_unit_speaks_for_its_own_activities_only(proposed: Desk) -> None:
    """Given a draft, when a unit confirms another's activity, one that is not there, or in another's name, then it is refused (G14)."""
    story = proposed.story
    for activities in (("a2",), ("a1", "a2"), ("a9",)):
        content = pl.CommitmentConfirmed(plan_id=story.plan_id, plan_version=1, activities=activities, unit=p.HOME_CARE)
        story.say(content, [p.CONTACT], by=p.HOME_CARE)
        assert proposed.last.code == "plan.activity_unknown"
    borrowed = pl.CommitmentConfirmed(plan_id=story.plan_id, plan_version=1, activities=("a2",), unit=p.SOCIAL_SERVICES)
    story.say(borrowed, [p.CONTACT], by=p.HOME_CARE)
    assert proposed.last.code == "case.not_there"
    assert proposed.open.plan is not None
    assert proposed.open.plan.commitments == ()


def test_a_new_draft_must_be_confirmed_anew(proposed: Desk) -> None:
    """Given a confirmed draft, when a second version is proposed, then earlier words are void, and late ones out of order."""
    confirm(proposed, *UNITS)
    proposed.story.proposed(UNITS, 2)
    assert proposed.last.effects == (Supersede(proposed.story.plan_id, 2),)
    proposed.story.confirmed(p.HOME_CARE, "a1")
    assert proposed.last.code == "message.out_of_order"
    assert establish(proposed, proposed.story.plan(UNITS, 2)) == "plan.commitments_missing"
    confirm(proposed, *UNITS, version=2)
    assert establish(proposed, proposed.story.plan(UNITS, 2)) is None


def test_an_agencys_part_needs_no_confirmation_because_it_cannot_be_asked(drafting: Desk) -> None:
    """Given a plan in which Försäkringskassan does something, when the care units have confirmed, then it is final: nobody is stuck (REQ-75)."""
    plan = drafting.story.plan((p.HOME_CARE,))
    responsible = pl.Responsible(kind="other", unit=p.FK)
    agencys = pl.Activity(id="fk", what="Handlägga sjukpenning", when="i december", responsible=responsible, goals=("g1",))
    plan = plan.model_copy(update={"activities": (*plan.activities, agencys)})
    drafting.story.say(pl.PlanProposed(plan=plan), [p.HOME_CARE, p.FK])
    assert drafting.last.states[p.FK] == ("withheld", "basis.none")
    assert establish(drafting, plan) == "plan.commitments_missing"
    drafting.story.confirmed(p.HOME_CARE, "a1")
    assert establish(drafting, plan) is None


@pytest.mark.req(64)
def test_plan_versions_follow_one_another(active: Desk) -> None:
    """Given version 1, when a revision skips one, repeats one or speaks of another plan, then it is out of order; version 2 is taken."""
    plan = active.story.plan(UNITS, 2)

    def revise(changed: pl.Plan) -> str | None:
        content = pl.PlanRevised(plan=changed, changes="Ny tid.", reason="follow-up", approved_by_individual=True)
        active.story.say(content, UNITS)
        return active.last.code

    wrong = (plan.model_copy(update=change) for change in ({"version": 3}, {"version": 1}, {"id": uuid4()}))
    assert [revise(changed) for changed in wrong] == ["message.out_of_order"] * 3
    assert revise(plan) is None
    assert active.last.effects == (Supersede(plan.id, 2),)


def revised(desk: Desk, plan: pl.Plan) -> str | None:
    """Send the next version of a plan; return the refusal's code."""
    desk.story.say(pl.PlanRevised(plan=plan, changes="Ny tid.", reason="follow-up", approved_by_individual=True), UNITS)
    return desk.last.code


def words(desk: Desk) -> set[tuple[str, str]]:
    """Return who has said yes to which activity of the plan there is."""
    return {(found.unit, found.activity) for found in desk.open.plan.commitments if found.confirmed} if desk.open.plan else set()


def others(plan: pl.Plan) -> dict[str, pl.Plan]:
    """Return plans that give home care something else, something more, another unit's part, or nothing any more."""
    first, second, third = plan.activities
    changed = {
        "else": (first.model_copy(update={"what": "Något annat"}), second, third),
        "more": (*plan.activities, first.model_copy(update={"id": "a9"})),
        "moved": (first, second.model_copy(update={"responsible": first.responsible}), third),
        "less": (second, third),
    }
    return {name: plan.model_copy(update={"activities": parts}) for name, parts in changed.items()}


@pytest.mark.req(76)
@pytest.mark.parametrize(("change", "activity"), [("else", "a1"), ("more", "a9"), ("moved", "a2"), ("less", None)])
def test_a_revision_gives_nobody_what_they_have_not_confirmed(active: Desk, change: str, activity: str | None) -> None:
    """Given a plan, when its revision gives a unit something new or other, then it waits for that unit's word; what is as it was stands."""
    plan = others(active.story.plan(UNITS, 2))[change]
    if activity is None:
        assert revised(active, plan) is None
        return
    assert revised(active, plan) == "plan.commitments_missing"
    before = active.open.plan
    active.story.say(pl.PlanProposed(plan=plan), UNITS)
    assert (active.last.code, active.last.effects, active.state) == (None, (), "ACTIVE")
    assert active.open.plan == before
    assert revised(active, plan) == "plan.commitments_missing"
    active.story.confirmed(p.HOME_CARE, activity, 2)
    assert revised(active, plan) is None
    assert active.open.draft is None
    assert words(active) >= {(p.HOME_CARE, activity), (p.CARE_CENTRE, "a3")}
    assert revised(active, plan.model_copy(update={"version": 3})) is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_unit_that_says_no_to_what_it_had_is_not_given_it_anew(active: Desk, version: int) -> None:
    """Given a part that is as it was, when its unit says no to it in the plan or in the draft of the next, then the revision waits."""
    story = active.story
    story.proposed(UNITS, 2)
    no = pl.CommitmentRejected(plan_id=story.plan_id, plan_version=version, activities=("a1",), unit=p.HOME_CARE)
    story.say(no, [p.CONTACT], by=p.HOME_CARE)
    assert active.last.work == ("plan.commitment_rejected",)
    assert revised(active, story.plan(UNITS, 2)) == "plan.commitments_missing"
    story.confirmed(p.HOME_CARE, "a1", 2)
    assert revised(active, story.plan(UNITS, 2)) is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_newer_draft_does_not_take_a_no_away(active: Desk, version: int) -> None:
    """Given a no to a part that is as it was, when later drafts have it so, or another in between, then the revision waits for a yes."""
    story = active.story
    story.proposed(UNITS, 2)
    no = pl.CommitmentRejected(plan_id=story.plan_id, plan_version=version, activities=("a1",), unit=p.HOME_CARE)
    story.say(no, [p.CONTACT], by=p.HOME_CARE)
    story.proposed(UNITS, 3)
    assert revised(active, story.plan(UNITS, 3)) == "plan.commitments_missing"
    story.say(pl.PlanProposed(plan=others(story.plan(UNITS, 4))["else"]), UNITS)
    story.proposed(UNITS, 5)
    assert revised(active, story.plan(UNITS, 5)) == "plan.commitments_missing"
    story.confirmed(p.HOME_CARE, "a1", 5)
    assert revised(active, story.plan(UNITS, 5)) is None


@pytest.mark.parametrize("version", [1, 2])
def test_the_newest_word_on_a_part_counts_whichever_version_it_names(active: Desk, version: int) -> None:
    """Given a plan and a draft with the same part, when a unit says yes of one and then no of the other, then it has said no of both."""
    story = active.story
    story.proposed(UNITS, 2)
    story.confirmed(p.HOME_CARE, "a1", 3 - version)
    no = pl.CommitmentRejected(plan_id=story.plan_id, plan_version=version, activities=("a1",), unit=p.HOME_CARE)
    story.say(no, [p.CONTACT], by=p.HOME_CARE)
    assert active.last.code is None
    assert (p.HOME_CARE, "a1") not in words(active)
    assert revised(active, story.plan(UNITS, 2)) == "plan.commitments_missing"


def test_a_word_on_a_part_that_is_another_in_the_draft_is_no_word_on_the_plan(active: Desk) -> None:
    """Given a draft that gives a unit something else, when the unit says no to that, then what it has stays confirmed."""
    story = active.story
    story.say(pl.PlanProposed(plan=others(story.plan(UNITS, 2))["else"]), UNITS)
    no = pl.CommitmentRejected(plan_id=story.plan_id, plan_version=2, activities=("a1",), unit=p.HOME_CARE)
    story.say(no, [p.CONTACT], by=p.HOME_CARE)
    assert (p.HOME_CARE, "a1") in words(active)
    story.proposed(UNITS, 3)
    assert revised(active, story.plan(UNITS, 3)) is None


def test_how_a_part_goes_does_not_make_it_another(active: Desk) -> None:
    """Given a unit that has said how its part goes, when the plan is revised with that part as it was, then it stands."""
    chapters.reported(active.story, p.HOME_CARE, "a1", "done")
    assert active.last.code is None
    assert revised(active, active.story.plan(UNITS, 2)) is None


def test_the_plan_stands_while_its_next_version_is_drafted(active: Desk) -> None:
    """Given a draft beside a plan, then status and copies are of the plan, words of either, and only the draft's own version becomes the next."""
    story = active.story
    late = "message.out_of_order"
    said: list[tuple[Callable[[], object], str | None]] = [
        (lambda: story.proposed(UNITS, 1), late),
        (lambda: story.proposed(UNITS, 3), None),
        (lambda: story.proposed(UNITS, 2), late),
        (lambda: chapters.reported(story, p.HOME_CARE, "a1", "done"), None),
        (lambda: chapters.copied(story), None),
        (lambda: story.confirmed(p.HOME_CARE, "a1", 1), None),
        (lambda: story.confirmed(p.HOME_CARE, "a1", 2), late),
        (lambda: story.confirmed(p.HOME_CARE, "a1", 3), None),
    ]
    for say, code in said:
        say()
        assert active.last.code == code
    assert revised(active, story.plan(UNITS, 2)) == "message.out_of_order"
    assert revised(active, story.plan(UNITS, 3)) is None
    assert active.last.effects == (Supersede(story.plan_id, 3),)


def test_a_draft_is_made_while_a_follow_up_is_called_to_and_outlasts_a_withdrawal(active: Desk) -> None:
    """Given a follow-up that is called to, when the next version is drafted, then it stays called to; after a new consent the draft goes on."""
    story = active.story
    chapters.followed_up(story, UNITS)
    plan = others(story.plan(UNITS, 2))["else"]
    story.say(pl.PlanProposed(plan=plan), UNITS)
    assert active.last.reached == set(UNITS)
    assert active.state == "FOLLOW_UP"
    story.withdrawn()
    story.confirmed(p.HOME_CARE, "a1", 2)
    assert active.last.code == "case.wrong_state"
    story.consented(UNITS)
    story.approved(UNITS)
    assert active.state == "ACTIVE"
    story.confirmed(p.HOME_CARE, "a1", 2)
    assert revised(active, plan) is None


def test_closing_ends_the_draft_too(active: Desk) -> None:
    """Given a draft beside a plan, when the plan is closed, then neither is sent any more and no draft is left."""
    active.story.proposed(UNITS, 4)
    active.story.closed(UNITS)
    assert active.last.effects[-3:] == (Supersede(active.story.plan_id, 2), Supersede(active.story.plan_id, 5), Recall(None, OWED))
    assert active.open.draft is None


def test_only_a_draft_becomes_a_plan(drafting: Desk) -> None:
    """Given no draft, when a plan comes, then it is refused."""
    assert establish(drafting, drafting.story.plan((p.CONTACT,))) == "case.wrong_state"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"coordinator": None}, "plan.coordinator_missing"),
        ({"follow_up_on": None}, "plan.coordinator_missing"),
        ({"coordinator": UnitContact(name="Fia", unit=p.FK, phone="0771-524 524")}, "plan.coordinator_missing"),
        ({"coordinator": UnitContact(name="Per", unit=UnitId("SE2321009991-3999"), phone="0771-524 524")}, "plan.coordinator_missing"),
        ({"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.FORSAKRINGSKASSAN)}, "plan.overall_responsible"),
        ({"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.MUNICIPALITY)}, "plan.overall_responsible"),
    ],
)
def test_a_plan_names_who_coordinates_and_who_answers_for_the_whole(proposed: Desk, change: dict[str, object], code: str) -> None:
    """Given a confirmed draft, when the plan lacks a coordinator at a huvudman, a follow-up, or one overall responsible, it is refused (G3)."""
    confirm(proposed, *UNITS)
    assert establish(proposed, proposed.story.plan(UNITS).model_copy(update=change)) == code


def test_a_coordinator_outside_the_case_would_leave_it_to_nobody(drafting: Desk) -> None:
    """Given a plan whose coordinator's unit has never been in the case, then it is refused: nobody could revise or close it."""
    drafting.case = drafting.open.model_copy(update={"units": (p.CONTACT, *UNITS[:2])})
    drafting.story.proposed([p.CONTACT])
    outside = UnitContact(name="Vera", unit=p.CARE_CENTRE, phone="090-1")
    plan = drafting.story.plan((p.CONTACT,)).model_copy(update={"coordinator": outside.model_copy(update={"phone": "090-12345"})})
    assert establish(drafting, plan) == "plan.coordinator_outside"


def test_whoever_is_appointed_coordinates_from_then_on(proposed: Desk) -> None:
    """Given a coordinator at the care centre, then it closes the plan and its former contact cannot; confirmations go to it (G6)."""
    confirm(proposed, *UNITS)
    vera = UnitContact(name="Vera", unit=p.CARE_CENTRE, phone="090-12345")
    assert establish(proposed, proposed.story.plan(UNITS).model_copy(update={"coordinator": vera})) is None
    content = pl.CommitmentConfirmed(plan_id=proposed.story.plan_id, plan_version=1, activities=("a1",), unit=p.HOME_CARE)
    proposed.story.say(content, [p.CONTACT, p.CARE_CENTRE], by=p.HOME_CARE)
    assert proposed.last.states == {p.CONTACT: ("withheld", "basis.none"), p.CARE_CENTRE: ("queued", None)}
    proposed.story.closed(UNITS)
    assert proposed.last.code == "plan.not_coordinator"
    closing = pl.PlanClosed(reason="no-need", closed_on=p.DAY, closed_by="Vera", phone="090-12345")
    proposed.story.say(closing, UNITS, by=p.CARE_CENTRE)
    assert proposed.state == "CLOSED"


def test_closing_ends_everything_on_whatever_basis(active: Desk) -> None:
    """Given an active plan, when it is closed, then no grant is left, nothing waits any more, everybody is told, and again changes nothing (G12)."""
    story = active.story
    story.closed(UNITS)
    effects = active.last.effects
    assert effects == (Supersede(story.meeting_id, 2), Supersede(story.plan_id, 2), Recall(None, OWED))
    assert (active.state, active.open.grants) == ("CLOSED", ())
    before = active.open
    story.closed(UNITS)
    assert active.last.code is None
    assert active.open == before.model_copy(update={"version": before.version + 1})


def test_closing_after_a_meeting_that_found_no_plan_needed_still_ends_the_consent(summoned: Desk) -> None:
    """Given a case that ended with its meeting, when it is closed or the consent withdrawn, then nothing is granted any more."""
    summoned.story.held(UNITS, outcome="no_plan")
    assert summoned.last.reached == set(UNITS)
    routes = summoned.last.routes
    assert all(summoned.holds(route) for route in routes)
    summoned.story.withdrawn()
    assert (summoned.last.code, summoned.state) == (None, "CLOSED")
    assert not any(summoned.holds(route) for route in routes)
