"""Sends whose end nobody knows: what a withdrawal, a new time or a person makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from siphub.flow import sweep, track
from siphub.flow.deliver import claim
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.clock import Hand
from siphub.testing.story import until
from siphub.testing.world import PARTNERS

if TYPE_CHECKING:
    from siphub.contract import Permit
    from siphub.store import DeliveryRow
    from siphub.testing.story import Story
    from siphub.testing.world import World

HOME = PARTNERS[p.HOME_CARE]


def _row(world: World, story: Story, message_type: str) -> DeliveryRow:
    (row,) = [row for row in world.deliveries(story) if row.message_type == message_type]
    return row


def test_a_doubt_outlives_a_later_attempt_that_surely_failed(world: World) -> None:
    """Given a kallelse whose answer was cut off and whose repeat met a 503, when all is withdrawn, then the unit that has it is called back."""
    story = world.story()
    story.ready([p.HOME_CARE])
    assert world.settled(story)
    world.sandbox.fault(HOME, Fault("reset", times=1, when="after"))
    world.sandbox.fault(HOME, Fault("status"))
    story.summoned([p.HOME_CARE])
    assert until(lambda: _row(world, story, "meeting.summoned").attempts >= 3)
    story.withdrawn()
    world.sandbox.clear()
    assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])
    assert world.settled(story)
    assert _row(world, story, "meeting.summoned").state == "recalled"


def test_a_unit_that_is_just_being_told_a_new_time_hears_of_a_withdrawal_once(world: World) -> None:
    """Given a kallelse delivered and a new time in flight, when all is withdrawn, then one notice follows, about the new time."""
    story = world.story()
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    assert world.settled(story)
    world.sandbox.fault(HOME, Fault("slow", times=1, seconds=0.5))
    story.rescheduled([p.HOME_CARE])
    assert until(lambda: _row(world, story, "meeting.rescheduled").state == "sending")
    story.withdrawn()
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story) == ["meeting.summoned", "meeting.rescheduled", "stop.notice"]
    assert b"<avserVersion>2<" in world.bodies(p.HOME_CARE, story)[-1]


@pytest.fixture
def still(make_world: Callable[..., World], hand: Hand) -> Iterator[World]:
    """Return a hub whose workers and whose clock stand still: the test claims, and turns the clock."""
    world = make_world(clock=hand, permit="30s", lease="60s")
    world.open(start=False)
    yield world
    world.hub.stop()


def test_an_answer_in_doubt_that_a_withdrawal_overtook_is_somebodys_work(still: World, hand: Hand) -> None:
    """Given a unit's answer claimed by a worker that fell silent, when the unit is removed, then it is held with a work item, not lost."""
    story = still.story(now=hand.at)
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    story.responded(p.HOME_CARE)
    ground = still.hub.ground
    for message_type in ("sip.requested", "meeting.response"):
        (claimed,) = claim(ground, [_row(still, story, message_type).id], ground.directory())
        assert claimed[0].message_type == message_type
        if message_type == "sip.requested":
            _deliver(still, claimed)
    story.withdrawn([p.HOME_CARE])
    hand.on(timedelta(minutes=1))
    assert sweep.expire_leases(ground) == 1
    row = _row(still, story, "meeting.response")
    assert (row.state, row.reason) == ("held", "send.uncertain")
    assert row.id in {item.delivery_id for item in track.desk(ground)}


def _deliver(world: World, claimed: tuple[DeliveryRow, Permit]) -> None:
    from siphub.flow.attempt import attempt
    from siphub.flow.deliver import record

    ground = world.hub.ground
    record(ground, [attempt(ground, claimed[0], claimed[1], ground.directory())])
