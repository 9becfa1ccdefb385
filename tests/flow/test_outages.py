"""A partner away for a weekend (A8) and a broker that is wiped (A14), with a shortened load: nothing is lost, nothing doubled, nobody else waits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from statistics import median

import pytest

from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.clock import Hand
from siphub.testing.rabbitmq import SETTLED, Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

CASES = 40
AWAY, NEAR = p.SOCIAL_SERVICES, p.HOME_CARE
UNITS = (AWAY, NEAR)
WEEKEND = timedelta(hours=72)
STEP = timedelta(hours=6)


def called(world: World) -> Story:
    """Return a case whose kallelse has just been handed in."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    return story


def seconds_to_arrive(world: World) -> float:
    """Return how long a kallelse to the unit that is well takes from intake to delivered, in real seconds."""
    story = world.story()
    story.ready(UNITS)
    began = time.monotonic()
    story.summoned(UNITS)
    assert until(lambda: world.states(story, "meeting.summoned")[NEAR] == "delivered")
    return time.monotonic() - began


def attempts(world: World, stories: list[Story]) -> int:
    """Return how many attempts have been made at the unit that is away."""
    return sum(row.attempts for story in stories for row in world.deliveries(story) if row.recipient == AWAY)


@pytest.mark.timeout(240)
def test_a8_a_weekend_without_the_municipality(make_world: Callable[..., World]) -> None:
    """Given a partner that answers 503 for 72 hours while messages wait for it, then the others do not wait, and nothing is lost.

    It is probed once after each pause, whatever waits; when it is back, everything arrives once, in order for each case, without a storm.
    """
    hand = Hand()
    with make_world(clock=hand, retry_base="2s", retry_cap="15min", lease="60s", ring_timeout="1s") as world:
        before = median(seconds_to_arrive(world) for _ in range(5))
        world.sandbox.fault(PARTNERS[AWAY], Fault("status"))
        stories = [called(world) for _ in range(CASES)]
        for story in stories:
            story.rescheduled(UNITS)
        assert until(world.resting, 60)
        rounds = []
        for _ in range(WEEKEND // STEP):
            hand.at += STEP
            asked = attempts(world, stories)
            assert until(lambda: attempts(world, stories) > asked and world.resting(), 60)  # noqa: B023 - asked in this very round
            rounds.append(attempts(world, stories) - asked)
        during = median(seconds_to_arrive(world) for _ in range(5))
        assert during <= max(5 * before, 1.0), f"{before:.3f} s before, {during:.3f} s while one partner is away"
        assert rounds == [1] * (WEEKEND // STEP)
        assert {world.states(story, "meeting.summoned")[AWAY] for story in stories} == {"superseded"}
        assert {world.states(story, "meeting.rescheduled")[NEAR] for story in stories} == {"delivered"}

        taken = len(world.sandbox.ledger(PARTNERS[AWAY]).entries())
        world.sandbox.clear()
        hand.at += STEP
        assert until(lambda: all(world.settled(story, 0.1) for story in stories), 60)
        for story in stories:
            assert world.types(AWAY, story) == ["meeting.rescheduled"]
            assert world.types(NEAR, story) == ["meeting.summoned", "meeting.rescheduled"]
        requests = len(world.sandbox.ledger(PARTNERS[AWAY]).entries()) - taken
        assert requests <= CASES + 15, requests  # each once, and the few probes of this test itself


@pytest.mark.node
@pytest.mark.timeout(240)
def test_a14_the_broker_is_wiped(make_world: Callable[..., World], rabbitmq: Rabbit) -> None:
    """Given open deliveries behind partners that are down, when every queue is deleted, then all are rung from the store and arrive once."""
    others = set(rabbitmq.queues())
    with make_world(broker_url=rabbitmq.url, sweep_every="200ms", ring_timeout="2s") as world:
        for unit in UNITS:
            world.sandbox.fault(PARTNERS[unit], Fault("status"))
        stories = [called(world) for _ in range(CASES)]
        time.sleep(SETTLED)
        mine = sorted(set(rabbitmq.queues()) - others)
        assert mine
        for queue in mine:
            rabbitmq.delete_queue(queue)
        world.sandbox.clear()
        assert until(lambda: all(world.settled(story, 0.1) for story in stories), 90)
        for story in stories:
            assert Counter(world.types(AWAY, story)) == Counter(world.types(NEAR, story)) == Counter(["meeting.summoned"])
