"""RabbitMQ restarted, killed, purged, its queues deleted, its virtual host deleted and made anew (SCENARIOS A14): everything arrives, once.

And with nothing rung again from the store, a restart or a kill of RabbitMQ alone loses no bell that it has confirmed: that judges the
confirms, and not the store.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from siphub.flow import sweep
from siphub.flow.ground import Ground
from siphub.hub import build
from siphub.sandbox import Sandbox
from siphub.testing.post_world import PostWorld
from siphub.testing.rabbitmq import SETTLED, VHOST, Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS

pytestmark = [pytest.mark.chaos, pytest.mark.node, pytest.mark.timeout(600)]
WITHIN = 30.0
"""Seconds after which every queue has its consumers again."""


@pytest.fixture
def make_world(tmp_path: Path, rabbitmq: Rabbit) -> Iterator[Callable[..., PostWorld]]:
    """Return what makes a world over RabbitMQ; its hub stands still, and is stopped at the end."""
    made = list[PostWorld]()
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as sandbox:

        def make(**given: object) -> PostWorld:
            name = f"hub-{len(made)}"
            # No worker dies here, so a lease that runs out would only tell that the machine is slow.
            world = PostWorld(sandbox, tmp_path / "folders", tmp_path / name, {"broker_url": rabbitmq.url, "lease": "2min", **given})
            world.open(start=False)
            made.append(world)
            return world

        yield make
        for world in made:
            world.hub.stop()


def never_again(ground: Ground) -> None:
    """Let nothing be rung again from the store: what RabbitMQ loses stays lost."""
    ground.rings_again = False


def mute(world: PostWorld) -> None:
    """Build the world's hub anew, one that rings nothing again."""
    given = world.hub.settings
    world.hub.stop()
    world.hub = build(given, plugins=world.plugins, before=never_again)


def queue_of(rabbitmq: Rabbit, before: set[str]) -> str:
    """Return the one queue of `post` that has come since."""
    (queue,) = [name for name in set(rabbitmq.queues()) - before if name.endswith(".post")]
    return queue


def told(world: PostWorld, stories: list[Story]) -> dict[str, int]:
    """Count what the partners were told of some cases: what never came, and what came more than once."""
    arrived = world.arrivals()
    times = [arrived[key] for key in world.keys(stories)]
    return {"deliveries": len(times), "lost": times.count(0), "twice": sum(count > 1 for count in times)}


class TestWithNothingRungAgain:
    def test_no_confirmed_bell_is_lost_by_a_restart_or_a_kill(
        self, make_world: Callable[..., PostWorld], rabbitmq: Rabbit, bells: int, write_result: Callable[..., None]
    ) -> None:
        """Given bells that RabbitMQ has confirmed, when it is restarted, and when it is killed, then each is still there and is heard."""
        world, before = make_world(ring_window=bells), set(rabbitmq.queues())
        mute(world)
        world.hub.start(adapters=[])  # the queue is made
        queue = queue_of(rabbitmq, before)
        world.hub.stop()
        mute(world)
        stories = []
        for _ in range(bells):
            stories += world.asked(1)
            world.rung()  # one bell for each delivery
        time.sleep(SETTLED)
        there = {"rung": rabbitmq.waiting(queue)}
        rabbitmq.stop()
        rabbitmq.start()
        assert until(lambda: rabbitmq.waiting(queue) is not None, WITHIN)
        there["restarted"] = rabbitmq.waiting(queue)
        rabbitmq.kill()
        rabbitmq.start()
        assert until(lambda: rabbitmq.waiting(queue) is not None, WITHIN)
        there["killed"] = rabbitmq.waiting(queue)
        assert there == {"rung": bells, "restarted": bells, "killed": bells}
        mute(world)
        world.hub.start()
        assert world.all_settled()
        found = told(world, stories)
        assert (found["lost"], found["twice"]) == (0, 0)
        write_result("links", {"what": "bells confirmed, nothing rung again", **found, "seconds": "-"})

    def test_what_is_lost_stays_lost_and_the_store_mends_it(self, make_world: Callable[..., PostWorld], rabbitmq: Rabbit) -> None:
        """Given bells that somebody purged, then with nothing rung again no delivery leaves, and the next hub that does ring delivers all."""
        world, before = make_world(ring_timeout="1s"), set(rabbitmq.queues())
        world.hub.start(adapters=[])
        queue = queue_of(rabbitmq, before)
        mute(world)
        stories = world.asked(5)
        world.rung()
        rabbitmq.delete_queue(queue)
        mute(world)
        world.hub.start()
        assert until(lambda: world.hub.ready()["worker"], WITHIN)
        time.sleep(2)  # twice the time after which a bell would be rung again
        assert sweep.ring_again(world.hub.ground) == 0
        assert not world.arrivals()
        world.again()
        assert world.all_settled()
        assert world.arrivals() == Counter(world.keys(stories))


def _restart(rabbitmq: Rabbit, _: str) -> None:
    rabbitmq.stop()
    rabbitmq.start()


def _kill(rabbitmq: Rabbit, _: str) -> None:
    rabbitmq.kill()
    rabbitmq.start()


def _purge(rabbitmq: Rabbit, queue: str) -> None:
    rabbitmq.purge(queue)


def _delete(rabbitmq: Rabbit, queue: str) -> None:
    rabbitmq.delete_queue(queue)


def _vhost(rabbitmq: Rabbit, _: str) -> None:
    rabbitmq.control("delete_vhost", VHOST)
    rabbitmq.restore()


EVENTS: Mapping[str, Callable[[Rabbit, str], None]] = {
    "queue purged": _purge,
    "queue deleted": _delete,
    "restarted": _restart,
    "killed": _kill,
    "virtual host deleted": _vhost,
}
"""What happens to the broker, the gentle before the rough: one hub lives through all of it."""


@pytest.mark.slow
def test_a14_the_broker_is_wiped(
    make_world: Callable[..., PostWorld], rabbitmq: Rabbit, bells: int, write_result: Callable[..., None]
) -> None:
    """Given deliveries open, when the broker is wiped in every way, then each arrives once, and within thirty seconds the consumers are back."""
    world, before = make_world(ring_timeout="2s"), set(rabbitmq.queues())
    world.hub.start()
    queue = queue_of(rabbitmq, before)
    each = max(20, bells // len(EVENTS))
    for name, happens in EVENTS.items():
        (world.data / "poison").write_text("* slow\n")
        stories = world.asked(each)
        still_open = world.open_deliveries()
        happens(rabbitmq, queue)
        began = time.monotonic()
        assert until(lambda: world.hub.ready()["worker"] and rabbitmq.consumers(queue) == 1, WITHIN), name
        seconds = time.monotonic() - began
        (world.data / "poison").write_text("")
        assert world.all_settled(), name
        found = told(world, stories)
        assert found == {"deliveries": each, "lost": 0, "twice": 0}, name
        assert {row.state for story in stories for row in world.deliveries(story)} == {"delivered"}
        assert still_open > 0, name
        write_result("links", {"what": name, **found, "seconds": f"{seconds:.1f}"})
