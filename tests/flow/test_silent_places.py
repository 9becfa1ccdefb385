"""Nobody is asked to phone about a unit that may no longer be spoken to: its answer is expected no more, and the work for it goes away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from siphub.flow import expiry, operate, track
from siphub.flow.timers import look_at_deadlines
from siphub.model import people as p
from siphub.model.messages import consent as c
from siphub.testing.clock import Hand
from siphub.testing.story import SECRECY_ASSESSED, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
NEAR = timedelta(days=6, minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def story(still: World, hand: Hand) -> Story:
    """Give a new case."""
    return still.story(now=hand.at)


def asked(world: World, story: Story) -> set[str]:
    """Return of which units the case expects an answer."""
    with world.hub.store.read() as work:
        rows = work.deadlines.of_case(story.owner, str(story.case_id))
    return {row.about.partition("/")[2] for row in rows if row.kind == "meeting.answer"}


def desk(world: World) -> list[str]:
    """Look at the deadlines, and return the kinds of what is open about answers."""
    look_at_deadlines(world.hub.ground)
    return [item.type for item in track.desk(world.hub.ground) if item.type.startswith("deadline.meeting.answer")]


def sent(world: World, story: Story) -> None:
    """Let the hub's workers send what waits, and stop again."""
    world.hub.start()
    assert world.settled(story)
    world.hub.stop()
    world.open(start=False)


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize(
    "ends",
    [
        lambda story: story.withdrawn([p.CARE_CENTRE]),
        lambda story: story.approved([p.HOME_CARE]),
        lambda story: story.say(
            c.ConsentAmended(remove_parties=(p.CARE_CENTRE,), obtained_by=story.eva, obtained_on=story.now.date()),
        ),
    ],
    ids=["withdrawn", "excluded", "amended"],
)
def test_nobody_phones_a_unit_that_is_to_hear_no_more(
    still: World, story: Story, hand: Hand, ends: Callable[[Story], object], *, arrived: bool
) -> None:
    """Given two units called, when the individual leaves one out with the time near, then its work item goes in that moment and stays away."""
    story.ready(UNITS)
    story.summoned(UNITS)
    if arrived:
        sent(still, story)
    hand.at += NEAR
    assert desk(still) == ["deadline.meeting.answer.near"] * 2
    story.now = hand.at
    ends(story)
    assert asked(still, story) == {p.HOME_CARE}
    assert desk(still) == ["deadline.meeting.answer.near"]
    hand.at += DAY
    assert desk(still) == ["deadline.meeting.answer.passed"]


def test_a_unit_that_was_never_told_owes_no_answer(still: World, story: Story) -> None:
    """Given a kallelse that is withheld from a unit without a consent, then no answer of that unit is waited for, and of the other's it is."""
    story.ready([p.HOME_CARE])
    assert story.summoned(UNITS).states[p.CARE_CENTRE][0] == "withheld"
    assert asked(still, story) == {p.HOME_CARE}


def test_whoever_is_called_anew_is_asked_anew(still: World, story: Story) -> None:
    """Given a unit that was left out, when it is consented to again, then it is asked only when it has been called again."""
    story.ready(UNITS)
    story.summoned(UNITS)
    story.withdrawn([p.CARE_CENTRE])
    story.consented([p.CARE_CENTRE])
    story.approved(UNITS)
    assert asked(still, story) == {p.HOME_CARE}
    story.summoned([p.CARE_CENTRE])
    assert asked(still, story) == set(UNITS)


def test_whom_a_person_has_told_is_not_phoned_either(still: World, story: Story) -> None:
    """Given a unit that somebody called by hand, when the individual leaves it out, then no answer of that unit is waited for."""
    story.ready(UNITS)
    story.summoned(UNITS)
    (row,) = [row for row in still.deliveries(story) if row.recipient == p.CARE_CENTRE]
    operate.operate(still.hub.ground, row.id, "handled", by="eva", channel="cli")
    assert asked(still, story) == set(UNITS)
    story.withdrawn([p.CARE_CENTRE])
    assert still.states(story, "meeting.summoned")[p.CARE_CENTRE] == "handled_manually"
    assert asked(still, story) == {p.HOME_CARE}


def test_a_consent_that_runs_out_ends_the_wait(still: World, story: Story, hand: Hand) -> None:
    """Given a consent for one of two units that runs out, when the sweep notices, then no answer of that unit is waited for."""
    story.ready(UNITS)
    story.consented([p.CARE_CENTRE], valid_until=hand.at + DAY)
    story.summoned(UNITS)
    assert asked(still, story) == set(UNITS)
    hand.at += DAY
    assert expiry.expire_consents(still.hub.ground) == 1
    assert asked(still, story) == {p.HOME_CARE}


def test_a_duty_that_needs_no_consent_stands(still: World, story: Story) -> None:
    """Given a kallelse because secrecy does not hinder, when everything is withdrawn before the plan, then who was called so still answers."""
    story.requested()
    story.refused()
    story.summoned(UNITS, basis=SECRECY_ASSESSED)
    assert asked(still, story) == set(UNITS)
