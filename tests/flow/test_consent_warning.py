"""The coordinator is warned before a consent runs out, and the warning goes away by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from siphub.flow import track
from siphub.flow.expiry import expire_consents
from siphub.flow.timers import look_at_deadlines
from siphub.model import people as p
from siphub.testing import chapters
from siphub.testing.clock import Hand
from siphub.testing.story import Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
DAY = timedelta(days=1)
NEAR = "deadline.consent.near"


@pytest.fixture
def story(still: World, hand: Hand) -> Story:
    """Give a case in which everything is consented to for sixty days, and the coordinator is elsewhere."""
    found = still.story(now=hand.at)
    found.requested()
    found.consented(UNITS, valid_until=hand.at + 60 * DAY)
    found.approved(UNITS)
    found.summoned(UNITS)
    chapters.coordinated_by(found, p.CARE_CENTRE, UNITS)
    return found


def desk(world: World) -> list[tuple[str, str]]:
    """Look, and return what is open about consents, and whose it is."""
    expire_consents(world.hub.ground)
    look_at_deadlines(world.hub.ground)
    return [(item.type, item.unit) for item in track.desk(world.hub.ground) if "consent" in item.type]


def test_the_coordinator_is_warned_once(still: World, story: Story, hand: Hand) -> None:
    """Given a consent for sixty days, when two weeks are left, then the coordinator is warned, with its end as the time; looked at again, still once."""
    hand.at += 46 * DAY - timedelta(seconds=1)
    assert desk(still) == []
    hand.at += timedelta(seconds=1)
    assert desk(still) == desk(still) == [(NEAR, p.CARE_CENTRE)]
    [item] = [found for found in track.desk(still.hub.ground) if found.type == NEAR]
    assert item.due_at == story.now + 60 * DAY


@pytest.mark.parametrize(
    ("happens", "left"),
    [
        (lambda story: story.consented(UNITS, valid_until=story.now + 90 * DAY), []),
        (lambda story: story.consented(UNITS), []),
        (lambda story: story.withdrawn(), [("consent.withdrawn", p.CARE_CENTRE)]),
        (lambda story: story.closed(UNITS), []),
    ],
    ids=["extended", "renewed", "withdrawn", "closed"],
)
def test_the_warning_goes_away_by_itself(
    still: World, story: Story, hand: Hand, happens: Callable[[Story], object], left: list[tuple[str, str]]
) -> None:
    """Given a warning, when the consent is extended, renewed or withdrawn, or the case ends, then the warning is settled, by nobody's hand."""
    hand.at += 50 * DAY
    assert desk(still) == [(NEAR, p.CARE_CENTRE)]
    story.now = hand.at
    story.contact = p.CARE_CENTRE if left == [] else story.contact
    happens(story)
    assert desk(still) == left
    with still.hub.store.read() as work:
        [done] = [item for item in work.work_items.of_case(story.owner, str(story.case_id)) if item.type == NEAR]
    assert (done.closed_by, done.how) == ("hub", "settled")


def test_a_consent_that_runs_out_is_no_more_warned_of(still: World, story: Story, hand: Hand) -> None:
    """Given a warning that nobody heeded, when the consent runs out, then what follows takes its place, and nothing is said to be late."""
    hand.at += 50 * DAY
    assert desk(still) == [(NEAR, p.CARE_CENTRE)]
    hand.at += 10 * DAY
    assert desk(still) == [("consent.expired", p.CARE_CENTRE)]
    with still.hub.store.read() as work:
        assert [row for row in work.deadlines.of_case(story.owner, str(story.case_id)) if row.kind == "consent"] == []


def test_a_sweep_that_looks_before_it_acts_says_nothing_is_late(still: World, story: Story, hand: Hand) -> None:
    """Given a consent that has run out unnoticed, when the deadlines are looked at first, then no work says that it is late."""
    hand.at += 60 * DAY
    look_at_deadlines(still.hub.ground)
    assert [item.type for item in track.desk(still.hub.ground) if "consent" in item.type] == []
