"""An exception from secrecy through the flow: what is queued on one that is switched off meanwhile does not leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from siphub.errors import Refused
from siphub.model import BasisClaim
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

ON = {"exceptions": {p.MUNICIPALITY: ["osl_26_9"]}}


def called(world: World, story: Story) -> None:
    """Call the region's unit on an exception, without any consent."""
    basis = BasisClaim(code="osl_26_9", decided_by="Lena Läkare", decided_at=story.now)
    story.summoned([p.CARE_CENTRE], basis=basis)


def test_one_that_is_switched_on_carries_a_kallelse_to_the_other_huvudman(make_world: Callable[..., World]) -> None:
    """Given a municipality that has switched one on, when it calls on it, then the region's unit is reached, and the basis is on record."""
    with make_world(**ON) as world:
        story = world.story()
        story.requested()
        called(world, story)
        assert world.settled(story)
        assert world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]
        with world.hub.store.read() as work:
            rows = [row for row in world.deliveries(story) if row.message_type == "meeting.summoned"]
            attempts = [attempt for row in rows for attempt in work.attempts.of_delivery(row.owner, row.id)]
        assert {row.basis for row in rows} == {attempt.basis for attempt in attempts} == {"osl_26_9"}


def test_one_that_is_off_is_refused(make_world: Callable[..., World]) -> None:
    """Given that nobody has switched one on, when the municipality calls on it, then it hears that it is not switched on."""
    with make_world() as world:
        story = world.story()
        story.requested()
        with pytest.raises(Refused) as refused:
            called(world, story)
        assert refused.value.code == "basis.exception_off"


def test_switching_it_off_stops_what_is_queued(make_world: Callable[..., World]) -> None:
    """Given a kallelse on one, behind a partner that is down, when it is switched off and the partner comes back, then it is not sent."""
    world = make_world(**ON)
    with world:
        world.sandbox.fault(PARTNERS[p.CARE_CENTRE], Fault("status"))
        story = world.story()
        story.requested()
        called(world, story)
        assert until(lambda: world.states(story, "meeting.summoned") == {p.CARE_CENTRE: "queued"})
        world.given = {key: value for key, value in world.given.items() if key != "exceptions"}
        world.hub.stop()
        world.sandbox.clear()
        world.open()
        assert world.settled(story)
        assert world.types(p.CARE_CENTRE, story) == []
        assert [row.reason for row in world.deliveries(story) if row.recipient == p.CARE_CENTRE] == ["basis.exception_off"]
