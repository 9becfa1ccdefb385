"""The databases go forward while messages come in: each is accepted, and none waits for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from alembic import command

from siphub.contract import SystemClock
from siphub.store import Store
from siphub.store.schema import CONTENT, Schema, upgrade
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.story import until
from siphub.testing.world import World

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"
LONG = 60.0
"""Seconds for a busy machine; where messages waited for the upgrade, none would come, however long one waits."""
NEXT = """
import sqlalchemy as sa
from alembic import op
from siphub.store.online import create_index, drop_index
revision, down_revision, branch_labels, depends_on = "9999", "THIS", None, None

def upgrade():
    op.execute("DELETE FROM schema_floor")
    op.execute("INSERT INTO schema_floor (owner, revision) VALUES ('-', 'THIS')")
    op.create_table("next_version", sa.Column("owner", sa.String(), primary_key=True))
    op.add_column("attempt", sa.Column("next_version", sa.String(), nullable=True))
    create_index("ix_delivery_next_version", "delivery", ["state", "updated_at"])

def downgrade():
    drop_index("ix_delivery_next_version", "delivery")
    op.drop_column("attempt", "next_version")
    op.drop_table("next_version")
"""
"""What the next version's migration may look like: the hub that runs meanwhile is of this one, which knows nothing of it. THIS is its revision."""


@dataclass(frozen=True, slots=True)
class Next(Schema):
    """The content as the next version of siphub knows it: with one migration more, in a folder of its own."""

    folder: Path = Path()

    def folders(self) -> tuple[Path, ...]:
        """Return our folder and the one beside it."""
        return (*Schema.folders(self), self.folder)


@pytest.fixture
def following(tmp_path: Path, store_urls: tuple[str, str]) -> Iterator[Next]:
    """Return the next version's content, and take what it did to the database back: the next test gets the same one."""
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "9999_next.py").write_text(NEXT.replace("THIS", str(CONTENT.head())), "utf-8")
    schema = Next("content", CONTENT.metadata, folder)
    yield schema
    store = Store(*store_urls, bytes(32), SystemClock())
    try:
        with store._content.connect() as connection:
            command.downgrade(schema.config(connection), str(CONTENT.head()))
            connection.commit()
    finally:
        store.close()


@pytest.mark.node
@pytest.mark.timeout(180)
@pytest.mark.parametrize("store_given", ["postgresql"], indirect=True)
def test_messages_are_accepted_during_an_upgrade(
    make_world: Callable[..., World], postgresql: Postgres, store_urls: tuple[str, str], following: Next
) -> None:
    """Given a hub, when the next version upgrades its database under a stream of messages, then each is accepted and delivered.

    Somebody's open transaction keeps the upgrade from ending until five more messages have come.
    """
    taken, stop = list[int](), threading.Event()
    words = postgresql.admin(name_of(store_urls[0]))
    with make_world() as world:

        def hand_in() -> None:
            while not stop.is_set():
                world.story().requested()
                taken.append(1)

        with ThreadPoolExecutor(2) as threads, psycopg.connect(words, autocommit=True) as watching:
            sender = threads.submit(hand_in)
            with psycopg.connect(words) as other:
                other.execute("UPDATE delivery SET position = position WHERE false")
                upgraded = threads.submit(upgrade, world.hub.store._content, following)
                try:
                    assert until(lambda: watching.execute(WAITING).fetchone() == (1,), LONG)
                    before = len(taken)
                    assert until(lambda: len(taken) >= before + 5, LONG)
                    assert not upgraded.done()
                finally:
                    other.rollback()
                    stop.set()
            assert [step.revision for step in upgraded.result(timeout=LONG)] == ["9999"]
            sender.result(timeout=LONG)
        assert world.hub.store.check() == ()
        assert world.hub.counts().keys() <= {"delivered", "queued", "sending"}
        assert until(lambda: world.hub.counts() == {"delivered": len(taken)}, LONG)
