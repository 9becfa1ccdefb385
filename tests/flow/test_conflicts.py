"""PostgreSQL takes a transaction back, because it and another waited for each other: intake decides anew, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from siphub.errors import StoreConflict
from siphub.flow import accept
from siphub.model import people as p
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.story import Story, until
from siphub.testing.world import World

pytestmark = [pytest.mark.node, pytest.mark.timeout(180), pytest.mark.parametrize("store_given", ["postgresql"], indirect=True)]

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
ONE = "SELECT id FROM delivery ORDER BY id LIMIT 1 FOR UPDATE"
UNITS = (p.HOME_CARE,)


@contextmanager
def colliding(words: str, times: int) -> Iterator[None]:
    """Let another transaction take a delivery, wait until somebody wants it, and then want that one's case: so many times.

    It is the more patient one, so that it is never the one that gives way. It locks the cases' table, not the row: who comes again at once may
    overtake whoever waits for a row, and would be taken back once more than it was told.
    """
    ready = threading.Event()

    def collide() -> None:
        with psycopg.connect(words) as other, psycopg.connect(words, autocommit=True) as watching:
            other.execute("SET LOCAL deadlock_timeout = '60s'")
            other.execute(ONE)
            ready.set()
            for _ in range(times):
                assert until(lambda: watching.execute(WAITING).fetchone() == (1,), 30)
                with other.transaction(force_rollback=True):  # which lets go of the case, and keeps the delivery
                    other.execute("LOCK TABLE sip_case IN EXCLUSIVE MODE")

    thread = threading.Thread(target=collide)
    thread.start()
    ready.wait(30)
    yield
    thread.join()


@pytest.fixture
def summoned(make_world: Callable[..., World]) -> Iterator[tuple[World, Story]]:
    """Return a hub that stands still, and a case in which a unit waits for its kallelse."""
    world = make_world()
    world.open(start=False)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    yield world, story
    world.hub.stop()


def test_a_message_is_decided_anew(summoned: tuple[World, Story], postgresql: Postgres, store_urls: tuple[str, str]) -> None:
    """Given an intake that is taken back twice, when the consent is withdrawn, then the third goes through, and once."""
    world, story = summoned
    before = len(world.deliveries(story))
    with colliding(postgresql.admin(name_of(store_urls[0])), accept.CONFLICTS):
        story.withdrawn(UNITS)
    assert world.states(story, "meeting.summoned") == {p.HOME_CARE: "withheld"}
    assert len(world.deliveries(story)) == before + len(world.states(story, "consent.withdrawn"))


def test_a_message_is_not_decided_for_ever(summoned: tuple[World, Story], postgresql: Postgres, store_urls: tuple[str, str]) -> None:
    """Given an intake that is taken back again and again, then the sender is told to come again, and nothing is stored."""
    world, story = summoned
    before = world.deliveries(story)
    with colliding(postgresql.admin(name_of(store_urls[0])), accept.CONFLICTS + 1), pytest.raises(StoreConflict):
        story.withdrawn(UNITS)
    assert world.deliveries(story) == before
