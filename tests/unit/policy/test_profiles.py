"""What a message may leave open as a draft, and what it must say before it is final (guard G3, REQ-92)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from siphub.model import CATALOGUE, sample
from siphub.model import people as p
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.policy.profiles import Shortcoming, before_final, shortcomings
from siphub.policy.reasons import REASONS
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk, wide_directory

DIRECTORY = wide_directory()


def plan(**change: Any) -> pl.Plan:
    """Return the fullest sample plan, changed."""
    content = sample("plan.established", maximal=True).content
    assert isinstance(content, pl.PlanEstablished)
    return content.plan.model_copy(update=change)


def activity(kind: str, **who: Any) -> pl.Activity:
    """Return an activity that somebody answers for."""
    said: dict[str, Any] = {"kind": kind, "unit": who.get("unit"), "name": who.get("name")}
    responsible = pl.Responsible.model_construct(**said)
    return pl.Activity.model_construct(
        id="a1", what="Stöd", when="varje dag", responsible=responsible, goals=("g1",), ends_on=None, follow_up=None
    )


AT = {
    "plan.coordinator_missing": "/content/plan/coordinator",
    "plan.goals_missing": "/content/plan/goals",
    "plan.needs_missing": "/content/plan/needs",
    "plan.activity_without_goal": "/content/plan/activities/0/goals",
    "plan.overall_responsible": "/content/plan/overall_responsible",
}
"""What is missing → where it would stand."""

UNTIED = activity("municipality", unit=p.HOME_CARE).model_copy(update={"goals": ()})
"""What a unit does, towards no goal."""


def codes(found: pl.Plan) -> list[str]:
    """Return what a plan lacks."""
    return [each.code for each in shortcomings(found, DIRECTORY)]


def test_the_fullest_sample_of_every_type_is_final() -> None:
    """Given the fullest sample of each type, then nothing is missing before it is final."""
    assert {name: before_final(sample(name, maximal=True), DIRECTORY) for name in CATALOGUE} == dict.fromkeys(CATALOGUE, ())


@pytest.mark.req(75, 92)
@pytest.mark.parametrize(
    ("change", "code", "statutory"),
    [
        ({"coordinator": None}, "plan.coordinator_missing", False),
        ({"follow_up_on": None}, "plan.coordinator_missing", False),
        ({"goals": (), "activities": ()}, "plan.goals_missing", False),
        ({"needs": ()}, "plan.needs_missing", False),
        ({"activities": (UNTIED,)}, "plan.activity_without_goal", False),
        ({"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.MUNICIPALITY)}, "plan.overall_responsible", True),
        (
            {"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.FORSAKRINGSKASSAN)},
            "plan.overall_responsible",
            True,
        ),
    ],
)
def test_each_thing_that_is_missing_is_named(change: dict[str, Any], code: str, statutory: bool) -> None:
    """Given a whole plan, when one thing is taken away, then just that is missing, and it is said whether the statute itself asks for it."""
    assert shortcomings(plan(), DIRECTORY) == ()
    found = shortcomings(plan(**change), DIRECTORY)
    assert found == (Shortcoming(code, AT[code], statutory=statutory),)
    assert found[0].code in REASONS
    for name, content in (("plan.proposed", pl.PlanProposed), ("plan.established", pl.PlanEstablished)):
        message = sample(name, maximal=True).model_copy(update={"content": content(plan=plan(**change))})
        assert before_final(message, DIRECTORY) == found


@pytest.mark.req(66)
def test_a_coordinator_works_at_a_huvudman() -> None:
    """Given a coordinator at an agency or a private provider, then the plan has none (REQ-66)."""
    coordinator = plan().coordinator
    assert coordinator is not None
    for unit in (p.FK, PRIVATE, OUTSIDE):
        assert codes(plan(coordinator=coordinator.model_copy(update={"unit": unit}))) == ["plan.coordinator_missing"]


@pytest.mark.req(4, 23, 75)
@pytest.mark.parametrize(
    ("kind", "who", "answered"),
    [
        ("region", {"unit": p.CARE_CENTRE}, True),
        ("region", {"unit": p.HOME_CARE}, False),
        ("region", {"unit": PRIVATE}, True),
        ("municipality", {"unit": p.HOME_CARE}, True),
        ("municipality", {"unit": p.CARE_CENTRE}, False),
        ("municipality", {"unit": PRIVATE}, True),
        ("municipality", {"unit": p.FK}, False),
        ("other", {"unit": p.FK}, True),
        ("other", {"unit": OUTSIDE}, True),
        ("other", {"unit": "SE2120009994-9999"}, False),
        ("other", {"name": "Föreningen"}, True),
        ("other", {}, False),
        ("individual", {}, True),
        ("relative", {}, True),
        ("region", {}, False),
        ("region", {"name": "Vårdcentralen"}, True),
    ],
)
def test_every_activity_has_somebody_who_answers_for_it(kind: str, who: dict[str, Any], answered: bool) -> None:
    """Given activities of each kind, then each is answered for by what the plan says it is; a private provider acts for either huvudman (REQ-75)."""
    assert codes(plan(activities=(activity(kind, **who),))) == ([] if answered else ["plan.responsible"])


@pytest.mark.parametrize(("kind", "answered"), [("municipality", True), ("other", True), ("region", False)])
def test_a_municipalitys_school_may_answer_as_the_municipality_or_as_another(kind: str, *, answered: bool) -> None:
    """Given an activity at a school that the municipality runs, then the plan may say municipality or other, and not region."""
    units = tuple(unit.model_copy(update={"kind": "school_unit"}) if unit.id == p.HOME_CARE else unit for unit in DIRECTORY.units)
    found = shortcomings(plan(activities=(activity(kind, unit=p.HOME_CARE),)), DIRECTORY.model_copy(update={"units": units}))
    assert [lack.code for lack in found] == ([] if answered else ["plan.responsible"])


def test_what_the_individual_and_relatives_do_themselves_needs_no_goal() -> None:
    """Given activities towards no goal, then those of units are asked for one (REQ-72), and the individual's own and a relative's are not."""
    own = tuple(activity(kind).model_copy(update={"goals": ()}) for kind in ("individual", "relative"))
    found = shortcomings(plan(activities=(*own, UNTIED)), DIRECTORY)
    assert [(each.code, each.pointer) for each in found] == [("plan.activity_without_goal", "/content/plan/activities/2/goals")]


def test_every_activity_that_lacks_somebody_is_pointed_at() -> None:
    """Given three activities of which two have nobody, then each of these is pointed at by its place."""
    found = plan(activities=(activity("other"), activity("individual"), activity("other")))
    assert [each.pointer for each in shortcomings(found, DIRECTORY)] == [
        "/content/plan/activities/0/responsible",
        "/content/plan/activities/2/responsible",
    ]
    assert all(each.statutory is True for each in shortcomings(found, DIRECTORY))


def test_a_call_says_where_and_is_answered_before() -> None:
    """Given calls without a place, or to be answered after the meeting, then both are said, of kallelse, inbjudan, rebooking and follow-up."""
    for name in ("meeting.summoned", "meeting.invited", "meeting.rescheduled", "followup.summoned"):
        message = sample(name, maximal=True)
        content: Any = message.content
        nowhere = content.meeting.model_copy(update={"place": m.Place(kind="other")})
        vague = message.model_copy(update={"content": content.model_copy(update={"meeting": nowhere})})
        assert before_final(vague, DIRECTORY) == (Shortcoming("meeting.place_missing", "/content/meeting/place/text", statutory=False),)
        at_home = content.meeting.model_copy(update={"place": m.Place(kind="home")})
        assert before_final(message.model_copy(update={"content": content.model_copy(update={"meeting": at_home})}), DIRECTORY) == ()
        late = content.model_copy(update={"respond_by": content.meeting.starts_at + timedelta(seconds=1)})
        lacks = (Shortcoming("meeting.respond_late", "/content/respond_by", statutory=False),)
        assert before_final(message.model_copy(update={"content": late}), DIRECTORY) == lacks
        just = content.model_copy(update={"respond_by": content.meeting.starts_at})
        assert before_final(message.model_copy(update={"content": just}), DIRECTORY) == ()


def test_our_own_plan_is_refused_and_a_foreign_one_is_taken_with_work() -> None:
    """Given a plan without needs, when it comes by the API, then it is refused; by a reader, it is taken, and the coordinator has something to do."""
    for channel, code in (("api", "plan.needs_missing"), ("submit", "plan.needs_missing"), ("reader", None), ("poll", None)):
        desk = Desk()
        story = desk.story
        story.ready((p.HOME_CARE,))
        story.summoned((p.HOME_CARE,))
        story.held((p.HOME_CARE,))
        bare = story.plan((p.CONTACT,)).model_copy(update={"needs": ()})
        desk.send(story.message(pl.PlanProposed(plan=bare), (p.HOME_CARE,)))
        message = story.message(pl.PlanEstablished(plan=bare), (p.HOME_CARE,))
        caller = desk.caller_for(message)
        decided = desk.ask(message, type(caller)(caller.organisation, caller.units, caller.roles, channel))
        if code is not None:
            assert getattr(decided, "code", None) == code
        else:
            assert "plan.incomplete" in [getattr(effect, "type", None) for effect in getattr(decided, "effects", ())]
