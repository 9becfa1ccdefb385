"""What each step of a plan leaves of the case and asks for, whole, and each way in which one is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from siphub.model import people as p
from siphub.model.case import Commitment, PlanRecord
from siphub.model.messages import plan as pl
from siphub.policy.case import Decision, decide
from siphub.policy.endings import OWED
from siphub.policy.refusal import Refusal
from siphub.policy.step import OpenWork, Recall, Supersede
from siphub.testing import chapters
from siphub.testing.desk import PRIVATE, Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
LATE = Refusal("message.out_of_order", "conflict", "/content/plan/version")
MISSING = Refusal("plan.commitments_missing", "conflict", "/content/plan/activities")


@pytest.fixture
def drafting(summoned: Desk) -> Desk:
    """Give a case whose meeting was held and which is to have a plan."""
    summoned.story.held(UNITS)
    assert summoned.state == "DRAFTING"
    return summoned


@pytest.fixture
def proposed(drafting: Desk) -> Desk:
    """Give a case with a draft."""
    drafting.story.proposed(UNITS)
    return drafting


@pytest.fixture
def confirmed(proposed: Desk) -> Desk:
    """Give a case with a draft that every unit stands by."""
    for index, unit in enumerate(UNITS, start=1):
        proposed.story.confirmed(unit, f"a{index}")
    return proposed


def record(desk: Desk) -> PlanRecord:
    """Return the case's plan."""
    assert desk.open.plan is not None
    return desk.open.plan


def establish(desk: Desk, version: int = 1, **changes: object) -> None:
    """Establish the story's plan, changed."""
    desk.story.say(pl.PlanEstablished(plan=desk.story.plan(UNITS, version).model_copy(update=changes)), UNITS)


def propose(desk: Desk, version: int = 1, **changes: object) -> None:
    """Propose the story's plan, changed."""
    desk.story.say(pl.PlanProposed(plan=desk.story.plan(UNITS, version).model_copy(update=changes)), UNITS)


def test_a_draft_gives_each_unit_its_part(drafting: Desk) -> None:
    """Given a draft, then the case knows who is asked for what, and has neither a coordinator nor a day of its own yet (P0)."""
    changed, effects = drafting.did(lambda: propose(drafting))
    plan = record(drafting)
    assert set(changed) == {"state", "plan"}
    assert changed["state"] == "IN_REVIEW"
    assert [(found.activity, found.unit, found.status) for found in plan.activities] == [
        ("a1", UNITS[0], None),
        ("a2", UNITS[1], None),
        ("a3", UNITS[2], None),
    ]
    assert plan == PlanRecord(
        id=drafting.story.plan_id,
        version=1,
        state="proposed",
        activities=plan.activities,
        follow_up_on=drafting.story.plan(UNITS).follow_up_on,
    )
    assert len({found.digest for found in plan.activities}) == 3
    assert effects == (Supersede(plan.id, 1),)


def test_another_draft_asks_anew(confirmed: Desk) -> None:
    """Given a draft that all stand by, when the next comes, then what was said of the first is void, and the first is not sent any more."""
    changed, effects = confirmed.did(lambda: propose(confirmed, 2))
    assert (record(confirmed).version, record(confirmed).commitments) == (2, ())
    assert (set(changed), effects) == ({"plan"}, (Supersede(record(confirmed).id, 2),))


def test_an_established_plan_keeps_what_was_said(confirmed: Desk) -> None:
    """Given a draft that all stand by, when it is established, then it has its day, its coordinator, and every word that was given (P1)."""
    before = record(confirmed)
    changed, effects = confirmed.did(lambda: establish(confirmed))
    assert changed["plan"] == before.model_copy(update={"state": "established", "established_on": confirmed.now.date()})
    assert (changed["state"], changed["coordinator"], set(changed)) == (
        "ACTIVE",
        confirmed.story.convener,
        {"state", "plan", "coordinator"},
    )
    assert effects == (Supersede(before.id, 1),)


def test_a_revised_plan_is_the_next_version(active: Desk) -> None:
    """Given a plan, when it is revised, then the next version takes its place and earlier ones that wait are not sent (P3)."""
    before = record(active)
    changed, effects = active.did(lambda: chapters.revised(active.story, UNITS, UNITS))
    assert changed == {"plan": before.model_copy(update={"version": 2})}
    assert effects == (Supersede(before.id, 2),)
    for version in (2, 4):
        assert active.refused(lambda version=version: chapters.revised(active.story, UNITS, UNITS, version)) == LATE  # type: ignore[misc]  # bound here


@pytest.mark.parametrize("left", [None, timedelta(0)])
def test_no_plan_without_the_consent_to_one(confirmed: Desk, left: timedelta | None) -> None:
    """Given a consent to a plan that is not there, or runs out just now, then nothing is proposed or established (SoL 10:8)."""
    permitted = confirmed.open.plan_consent
    assert permitted is not None
    kept = None if left is None else permitted.model_copy(update={"until": confirmed.now + left})
    confirmed.case = confirmed.open.model_copy(update={"plan_consent": kept})
    refusal = Refusal("plan.no_consent", "invalid", "/type")
    assert confirmed.refused(lambda: propose(confirmed, 2)) == refusal
    assert confirmed.refused(lambda: establish(confirmed)) == refusal


def test_versions_follow(proposed: Desk) -> None:
    """Given a draft, then the same or an earlier version, another plan, and an established version nobody saw are refused."""
    assert proposed.refused(lambda: propose(proposed)) == LATE
    assert proposed.refused(lambda: propose(proposed, 2, id=uuid4())) == LATE
    assert proposed.refused(lambda: establish(proposed, 2)) == LATE
    assert proposed.refused(lambda: establish(proposed, id=uuid4())) == LATE
    propose(proposed, 3)
    assert (proposed.last.code, record(proposed).version) == (None, 3)
    assert proposed.refused(lambda: propose(proposed, 2)) == LATE


def test_nothing_is_revised_that_is_not_there(drafting: Desk) -> None:
    """Given a case without a plan, when one is revised, then that is refused."""
    assert drafting.refused(lambda: chapters.revised(drafting.story, UNITS, UNITS)) == LATE


def test_nothing_is_final_before_all_have_said_yes(proposed: Desk) -> None:
    """Given a draft, then it is final only when each unit that was asked stands by just its part, by its newest word (P2 before P1)."""
    story = proposed.story
    assert proposed.refused(lambda: establish(proposed)) == MISSING
    for index, unit in enumerate(UNITS, start=1):
        assert proposed.refused(lambda: establish(proposed)) == MISSING
        story.confirmed(unit, f"a{index}")
    reject(proposed, p.HOME_CARE, "a1")
    assert proposed.refused(lambda: establish(proposed)) == MISSING
    story.confirmed(p.HOME_CARE, "a1")
    other = story.plan(UNITS).activities
    changed = (other[0].model_copy(update={"what": "Någonting annat"}), *other[1:])
    assert proposed.refused(lambda: establish(proposed, activities=changed)) == MISSING
    moved = (other[0].model_copy(update={"responsible": other[1].responsible}), *other[1:])
    assert proposed.refused(lambda: establish(proposed, activities=moved)) == MISSING
    establish(proposed)
    assert proposed.state == "ACTIVE"


def test_who_cannot_be_asked_is_not_waited_for(drafting: Desk) -> None:
    """Given parts of the sender's own unit and of an agency, then a plan needs nobody's word before it is established."""
    units = (p.CONTACT, p.FK)
    activities = drafting.story.plan(units).activities
    other = activities[1].responsible.model_copy(update={"kind": "other"})
    parts = (activities[0], activities[1].model_copy(update={"responsible": other}))
    propose(drafting)
    establish(drafting, activities=parts)
    assert (drafting.last.code, drafting.state) == (None, "ACTIVE")
    assert [found.unit for found in record(drafting).activities] == [p.CONTACT, p.FK]


def test_a_plan_nobody_was_asked_about_is_not_final(drafting: Desk) -> None:
    """Given no draft, or one without them, when a plan with other units' parts is established, then their word is missing."""
    assert drafting.refused(lambda: establish(drafting)) == MISSING
    propose(drafting, activities=())
    assert drafting.refused(lambda: establish(drafting)) == MISSING


def test_a_coordinator_from_outside_coordinates_nothing(confirmed: Desk) -> None:
    """Given a plan whose coordinator's unit is not in the case, then it is refused: nobody could revise it afterwards."""
    outside = confirmed.story.convener.model_copy(update={"unit": p.HOSPITAL})
    refusal = Refusal("plan.coordinator_outside", "invalid", "/content/plan/coordinator/unit")
    assert confirmed.refused(lambda: establish(confirmed, coordinator=outside)) == refusal


def test_our_own_plan_has_all_of_it(confirmed: Desk) -> None:
    """Given a plan of ours without needs, then it is refused; one that came from elsewhere is taken, with work for the coordinator (G3)."""
    refusal = Refusal("plan.needs_missing", "invalid", "/content/plan/needs")
    assert confirmed.refused(lambda: establish(confirmed, needs=())) == refusal
    for channel, taken in (("reader", True), ("poll", True), ("submit", False)):
        message = confirmed.story.message(pl.PlanEstablished(plan=confirmed.story.plan(UNITS).model_copy(update={"needs": ()})), UNITS)
        caller = replace(confirmed.caller_for(message), channel=channel)
        decided = decide(confirmed.open, message, caller, confirmed.directory, confirmed.now)
        assert isinstance(decided, Decision) == taken
        if isinstance(decided, Decision):
            assert decided.effects == (Supersede(confirmed.story.plan_id, 1), OpenWork("plan.incomplete", p.CONTACT))


def test_what_the_statute_asks_for_is_asked_of_everybody(confirmed: Desk) -> None:
    """Given a plan from elsewhere that names no huvudman, then it is refused like one of ours (SoL 10:8)."""
    wrong = pl.OverallResponsible(kind="region", organisation=p.MUNICIPALITY)
    plan = confirmed.story.plan(UNITS).model_copy(update={"overall_responsible": wrong})
    message = confirmed.story.message(pl.PlanEstablished(plan=plan), UNITS)
    caller = replace(confirmed.caller_for(message), channel="reader")
    decided = decide(confirmed.open, message, caller, confirmed.directory, confirmed.now)
    assert decided == Refusal("plan.overall_responsible", "invalid", "/content/plan/overall_responsible")


def test_a_new_coordinator_keeps_no_deputy_of_the_former(active: Desk) -> None:
    """Given a deputy, when a revised plan names a coordinator at another unit, then the deputy goes; at the same unit, the deputy stays."""
    deputy = active.story.convener.model_copy(update={"name": "Dag Deputy"})
    active.case = active.open.model_copy(update={"deputy": deputy})
    chapters.revised(active.story, UNITS, UNITS)
    assert active.open.deputy == deputy
    elsewhere = active.story.convener.model_copy(update={"unit": p.CARE_CENTRE})
    plan = active.story.plan(UNITS, 3).model_copy(update={"coordinator": elsewhere})
    changed, _ = active.did(
        lambda: active.story.say(
            pl.PlanRevised(plan=plan, changes="Ny samordnare.", reason="follow-up", approved_by_individual=True), UNITS
        )
    )
    assert (changed["coordinator"], changed["deputy"]) == (elsewhere, None)


class TestCommitments:
    @pytest.mark.parametrize("yes", [True, False])
    def test_the_newest_word_of_a_unit_counts(self, proposed: Desk, yes: bool) -> None:
        """Given a word for an activity, when the unit says the same or the other, then that stands alone; a no is the coordinator's work (P2)."""
        proposed.story.confirmed(p.HOME_CARE, "a1")
        proposed.story.confirmed(p.CARE_CENTRE, "a3")
        before = record(proposed)
        changed, effects = proposed.did(lambda: proposed.story.confirmed(p.HOME_CARE, "a1") if yes else reject(proposed, p.HOME_CARE, "a1"))
        said = (Commitment(unit=p.CARE_CENTRE, activity="a3", confirmed=True), Commitment(unit=p.HOME_CARE, activity="a1", confirmed=yes))
        assert changed == {"plan": before.model_copy(update={"commitments": said})}
        assert effects == (() if yes else (OpenWork("plan.commitment_rejected", p.CONTACT),))

    def test_a_word_for_one_of_two_leaves_the_other(self, drafting: Desk) -> None:
        """Given a unit with two activities, when it says yes to both, twice over, and no to one, then its yes to the other stands."""
        activities = drafting.story.plan((p.HOME_CARE, p.HOME_CARE)).activities
        propose(drafting, activities=activities)
        both = pl.CommitmentConfirmed(plan_id=drafting.story.plan_id, plan_version=1, activities=("a1", "a2", "a1"), unit=p.HOME_CARE)
        drafting.story.say(both, [p.CONTACT], by=p.HOME_CARE)
        reject(drafting, p.HOME_CARE, "a2")
        assert [(found.activity, found.confirmed) for found in record(drafting).commitments] == [("a1", True), ("a2", False)]

    def test_a_word_is_for_what_the_plan_gives_the_unit(self, proposed: Desk) -> None:
        """Given another version, another unit's activity, or no plan, then the word is refused."""
        late = Refusal("message.out_of_order", "conflict", "/content/plan_version")
        assert proposed.refused(lambda: proposed.story.confirmed(p.HOME_CARE, "a1", version=2)) == late
        unknown = Refusal("plan.activity_unknown", "invalid", "/content/activities")
        assert proposed.refused(lambda: proposed.story.confirmed(p.HOME_CARE, "a2")) == unknown
        assert proposed.refused(lambda: proposed.story.confirmed(p.HOME_CARE, "a9")) == unknown
        proposed.case = proposed.open.model_copy(update={"plan": None})
        assert proposed.refused(lambda: proposed.story.confirmed(p.HOME_CARE, "a1")) == Refusal("case.not_there", "not_there")


def reject(desk: Desk, unit: Any, activity: str) -> None:
    """Say no to an activity."""
    content = pl.CommitmentRejected(plan_id=desk.story.plan_id, plan_version=1, activities=(activity,), unit=unit)
    desk.story.say(content, [p.CONTACT], by=unit)


def test_a_closed_plan_allows_nothing_and_stops_everything(active: Desk) -> None:
    """Given an active case, when its plan is closed, then no grant is left and all who were told are told once; again, then nothing changes (A1, G12)."""
    plan, version = record(active), active.open.consent_version
    stops = Supersede(active.story.meeting_id, 2), Supersede(plan.id, 2), Recall(None, OWED)
    changed = active.did(lambda: active.story.closed(UNITS))
    closed = plan.model_copy(update={"state": "closed"})
    assert changed == (
        {"state": "CLOSED", "plan": closed, "grants": (), "consent_version": version + 1, "closed_at": active.now},
        stops,
    )
    active.later(timedelta(hours=1))
    assert active.did(lambda: active.story.closed(UNITS)) == ({}, stops)


def test_a_case_without_a_plan_can_be_closed(prepared: Desk) -> None:
    """Given a case without plan or meeting, then it can be closed (G12)."""
    changed, effects = prepared.did(lambda: prepared.story.closed([]))
    assert (changed["state"], effects) == ("CLOSED", (Recall(None, OWED),))
    assert "plan" not in changed


def test_a_unit_of_a_private_provider_is_asked_as_well(drafting: Desk) -> None:
    """Given a part of a private provider of care, then the plan is final only with its word."""
    activities = drafting.story.plan((PRIVATE,)).activities
    assert drafting.refused(lambda: establish(drafting, activities=activities)) == MISSING
