"""The databases go forward while messages come in: each is accepted, and none waits for long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic import command

from siphub.store.schema import CONTENT
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.story import until
from siphub.testing.world import World

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"
LONG = 60.0
"""Seconds for a busy machine; where messages waited for the upgrade, none would come, however long one waits."""


@pytest.mark.node
@pytest.mark.timeout(180)
@pytest.mark.parametrize("store_given", ["postgresql"], indirect=True)
def test_messages_are_accepted_during_an_upgrade(
    make_world: Callable[..., World], postgresql: Postgres, store_urls: tuple[str, str]
) -> None:
    """Given a hub on the schema of the version before, when it is upgraded under a stream of messages, then each is accepted and delivered.

    Somebody's open transaction keeps the upgrade from ending until five more messages have come.
    """
    taken, stop = list[int](), threading.Event()
    words = postgresql.admin(name_of(store_urls[0]))
    with make_world() as world:
        with world.hub.store._content.connect() as connection:
            command.downgrade(CONTENT.config(connection), "0007")

        def hand_in() -> None:
            while not stop.is_set():
                world.story().requested()
                taken.append(1)

        with ThreadPoolExecutor(2) as threads, psycopg.connect(words, autocommit=True) as watching:
            sender = threads.submit(hand_in)
            with psycopg.connect(words) as other:
                other.execute("UPDATE delivery SET position = position WHERE false")
                upgrade = threads.submit(world.hub.store.upgrade)
                try:
                    assert until(lambda: watching.execute(WAITING).fetchone() == (1,), LONG)
                    before = len(taken)
                    assert until(lambda: len(taken) >= before + 5, LONG)
                    assert not upgrade.done()
                finally:
                    other.rollback()
                    stop.set()
            assert [step.revision for step in upgrade.result(timeout=LONG)] == ["0008", "0009", "0010", "0011"]
            sender.result(timeout=LONG)
        assert world.hub.store.check() == ()
        assert world.hub.counts().keys() <= {"delivered", "queued", "sending"}
        assert until(lambda: world.hub.counts() == {"delivered": len(taken)}, LONG)
