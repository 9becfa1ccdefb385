"""Plans that are no SIP, and the initiative of one huvudman towards another, through the real flow (LIFECYCLE section 7; R2)."""

from __future__ import annotations

from typing import Any

import pytest

from siphub.errors import Conflict, Forbidden, Refused
from siphub.flow import track
from siphub.model import people as p
from siphub.model import sample
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId
from siphub.testing import chapters
from siphub.testing.story import SECRECY_ASSESSED, Story, until
from siphub.testing.world import World

UNITS = (p.CONTACT, p.CARE_CENTRE)


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def planned(story: Story, name: str, by: UnitId, to: tuple[UnitId, ...], **more: Any) -> Any:
    """Hand in one of the two plans, on the maker's own assessment of secrecy unless another basis is given."""
    content = sample(name).content.model_copy(update=more.pop("change", {}))
    return story.say(content, to, by=by, **{"basis": SECRECY_ASSESSED, **more})


def test_a_plan_after_compulsory_care_travels_without_any_consent(world: World) -> None:
    """Given a plan by LPT 7 a §, when the ward hands it in on its own assessment, then it reaches the duty-bound alone, in a case of its own.

    No SIP can be made of that case, no consent be recorded in it, and the next version follows the first.
    """
    story = chapters.of_the_region(world.story())
    told = planned(story, "splptlrv.established", p.HOSPITAL, (*UNITS, p.FK)).states
    assert {unit: told[unit][0] for unit in (*UNITS, p.FK)} == {**dict.fromkeys(UNITS, "queued"), p.FK: "withheld"}
    assert world.settled(story)
    assert case_of(world, story).state == "OTHER_PLAN"
    assert world.types(p.CONTACT, story) == ["splptlrv.established"]
    assert {row.basis for row in world.deliveries(story) if row.recipient in UNITS} == {"secrecy_assessed"}
    story.contact = p.CARE_CENTRE
    with pytest.raises(Conflict):
        story.consented(UNITS)
    story.contact = p.HOSPITAL
    with pytest.raises(Conflict):
        story.summoned(UNITS, basis=SECRECY_ASSESSED)
    with pytest.raises(Conflict) as twice:
        planned(story, "splptlrv.established", p.HOSPITAL, UNITS)
    assert twice.value.code == "message.out_of_order"
    told = planned(story, "splptlrv.established", p.HOSPITAL, UNITS, change={"version": 2}).states
    assert told == dict.fromkeys(UNITS, ("queued", None))
    with pytest.raises(Forbidden):
        planned(story, "splptlrv.established", p.CARE_CENTRE, UNITS, change={"version": 3})


def test_a_plan_that_is_no_sip_needs_the_makers_assessment(world: World) -> None:
    """Given the same plan without a stated basis, or on a consent, then nobody gets it."""
    for basis in (None, SECRECY_ASSESSED.model_copy(update={"code": "consent"})):
        story = chapters.of_the_region(world.story())
        told = planned(story, "splptlrv.established", p.HOSPITAL, UNITS, basis=basis).states
        assert {state for state, _ in told.values()} == {"withheld"}


def test_an_lss_plan_is_the_municipalitys_and_reaches_the_region(world: World) -> None:
    """Given a plan by LSS 10 §, then the municipality makes it, the region's unit has it, and the hospital could not have made it."""
    story = world.story()
    told = planned(story, "lss.established", p.CONTACT, (p.CARE_CENTRE,)).states
    assert told == {p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    assert world.types(p.CARE_CENTRE, story) == ["lss.established"]
    other = chapters.of_the_region(world.story())
    with pytest.raises(Forbidden):
        planned(other, "lss.established", p.HOSPITAL, UNITS)
    story.closed((p.CARE_CENTRE,))
    assert case_of(world, story).state == "CLOSED"
    assert until(lambda: world.types(p.CARE_CENTRE, story)[-1] == "stop.notice")


def test_an_initiative_tells_the_other_huvudman_everything_but_whom_it_is_for(world: World) -> None:
    """Given a municipality that takes the initiative, then the region's unit hears that a plan is needed, and neither for whom nor why.

    Its finding binds the other; after a consent the unit is called like any other.
    """
    story = world.story()
    told = chapters.initiated(story, p.CARE_CENTRE).states
    assert told == {p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    body = world.bodies(p.CARE_CENTRE, story)[0]
    assert p.SUBJECT_NUMBER.encode() not in body
    assert b"Prov" not in body
    assert "hänga ihop" not in body.decode()
    case = case_of(world, story)
    assert (case.state, case.needed, case.contact) == ("REQUESTED", True, p.CONTACT)
    story.consented((p.CARE_CENTRE,))
    with pytest.raises(Conflict) as binding:
        story.say(sample("need.assessed").content.model_copy(update={"needed": False}), by=p.CARE_CENTRE)
    assert binding.value.code == "need.binding"
    story.approved((p.CARE_CENTRE,))
    assert story.summoned((p.CARE_CENTRE,)).states == {p.CARE_CENTRE: ("queued", None)}


def test_who_was_only_told_of_an_initiative_cannot_find_out_whom_it_is_for(world: World) -> None:
    """Given a unit that was told of an initiative, when it guesses the person's number, then right and wrong guesses are answered alike."""
    story = world.story()
    chapters.initiated(story, p.CARE_CENTRE)
    answers = []
    for number in (p.SUBJECT_NUMBER, "201001042397"):
        guess = Story(world.send, owner=story.owner, contact=story.contact, case_id=story.case_id, person=type(p.SUBJECT_NUMBER)(number))
        try:
            guess.say(sample("need.assessed").content, by=p.CARE_CENTRE)
            answers.append("taken")
        except Refused as refused:
            answers.append(refused.code)
    assert answers == ["subject.not_told"] * 2
