"""What happens to a hub when RabbitMQ does not behave: nothing is lost, nothing arrives twice, and nobody has to do anything."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.logs import heard_logs
from siphub.testing.rabbitmq import SETTLED, Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
LONG = 60.0
"""Seconds that all may take on a busy machine, where a server starts again as well."""
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


def arrivals(world: World, stories: list[Story]) -> Counter[tuple[str, str, str]]:
    """Count what reached partners of these cases, by case, unit and type: every request they got, not only what had an effect."""
    cases = {str(story.case_id) for story in stories}
    entries = [(unit, entry) for unit, partner in PARTNERS.items() for entry in world.sandbox.ledger(partner).entries()]
    return Counter((entry.case_id or "", unit, entry.message_type or "") for unit, entry in entries if entry.case_id in cases)


def each_once(stories: list[Story], message_type: str) -> Counter[tuple[str, str, str]]:
    """Return what is to be there when each case's message has reached each unit once, and each request its contact."""
    asked = [(str(story.case_id), p.CONTACT, "sip.requested") for story in stories]
    return Counter(asked + [(str(story.case_id), unit, message_type) for story in stories for unit in UNITS])


def test_rabbitmq_killed_in_the_middle_of_a_stream(make_world: Callable[..., World], rabbitmq: Rabbit) -> None:
    """Given a stream of messages, when RabbitMQ is killed and comes back, then every message arrives once, and the hub rings again."""
    stories, stop = list[Story](), threading.Event()
    with heard_logs() as heard, make_world(broker_url=rabbitmq.url, sweep_every="1s", ring_timeout="5s") as world:

        def stream() -> None:
            while not stop.wait(0.05):
                story = world.story()
                story.ready(UNITS)
                story.summoned(UNITS)
                stories.append(story)

        sender = threading.Thread(target=stream)
        time.sleep(SETTLED)
        sender.start()
        try:
            assert until(lambda: len(stories) >= 5)
            rabbitmq.kill()
            assert until(lambda: heard.named("broker.lost"))
            before = len(stories)
            assert until(lambda: len(stories) >= before + 5)  # the hub takes messages all the while
            rabbitmq.start()
            assert until(lambda: world.hub.ready()["broker"] and world.hub.ready()["worker"], 30)
            after = len(stories)
            assert until(lambda: len(stories) >= after + 5)
        finally:
            stop.set()
            sender.join()
        assert all(world.settled(story, LONG) for story in stories)
        assert arrivals(world, stories) == each_once(stories, "meeting.summoned")
        assert {row.state for story in stories for row in world.deliveries(story)} == {"delivered"}
        assert len(heard.named("consumer.started")) == 2 * len(world.hub.registry.adapters)


def test_bells_that_were_deleted_are_rung_from_the_store(make_world: Callable[..., World], rabbitmq: Rabbit) -> None:
    """Given bells that wait in RabbitMQ, when somebody deletes the queues, then the next start of the hub delivers what they rang for."""
    world = make_world(broker_url=rabbitmq.url, ring_timeout="1h")
    others = set(rabbitmq.queues())
    world.open(start=False)
    world.hub.start(adapters=[])
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    mine = sorted(set(rabbitmq.queues()) - others)
    assert until(lambda: sum(rabbitmq.waiting(queue) or 0 for queue in mine))
    assert arrivals(world, [story]) == Counter()
    for queue in mine:
        rabbitmq.delete_queue(queue)
    world.again()
    with world.hub:
        assert world.settled(story, LONG)
        assert arrivals(world, [story]) == each_once([story], "meeting.summoned")


def test_queues_deleted_under_a_running_hub(make_world: Callable[..., World], rabbitmq: Rabbit) -> None:
    """Given deliveries that wait for their partners, when somebody deletes the queues, then the hub makes them again and each arrives."""
    others = set(rabbitmq.queues())
    with make_world(broker_url=rabbitmq.url) as world:
        for partner in PARTNERS.values():
            world.sandbox.fault(partner, Fault("status"))
        stories = [world.story() for _ in range(3)]
        for story in stories:
            story.ready(UNITS)
            story.summoned(UNITS)
        mine = sorted(set(rabbitmq.queues()) - others)
        assert mine
        for queue in mine:
            rabbitmq.delete_queue(queue)
        world.sandbox.clear()
        assert all(world.settled(story, LONG) for story in stories)
        assert {(story.case_id, unit): world.types(unit, story) for story in stories for unit in UNITS} == {
            (story.case_id, unit): ["meeting.summoned"] for story in stories for unit in UNITS
        }
        assert until(lambda: world.hub.ready()["broker"], LONG)
        assert set(mine) <= set(rabbitmq.queues())
