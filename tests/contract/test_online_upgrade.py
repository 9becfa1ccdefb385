"""The schema goes forward under a hub that takes messages, on PostgreSQL: nobody waits for long, and what was stopped half-way goes on."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command

from siphub.contract import SystemClock
from siphub.errors import SettingsError, StoreBusy
from siphub.hub import build
from siphub.settings import read
from siphub.store import Store, schema
from siphub.store.schema import CONTENT, Patience, upgrade
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.store_rows import line
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]

OLD = "0007"
NEWER = ["0008", "0009", "0010", "0011", "0012", "0013", "0014", "0015"]
LONG = 60.0
"""Seconds for a busy machine."""
QUICK = Patience(lock=0.3, pause=0.1)


@pytest.fixture
def old(postgresql: Postgres) -> Iterator[tuple[Store, str]]:
    """Return a store whose content is at an older revision, and the words of an administrator's connection to it."""
    urls = postgresql.database(), postgresql.database()
    store = Store(*urls, bytes(32), SystemClock())
    upgrade(store._keys, schema.KEYS)
    with store._content.connect() as connection:
        command.upgrade(CONTENT.config(connection), OLD)
        connection.commit()
    yield store, postgresql.admin(name_of(urls[0]))
    store.close()
    for url in urls:
        postgresql.drop(url)


@contextmanager
def held(words: str, statement: str) -> Iterator[psycopg.Connection]:
    """Hold what a statement locks for as long as the block lasts."""
    with psycopg.connect(words) as connection:
        connection.execute(statement)
        yield connection
        connection.rollback()


def revision(words: str) -> str:
    """Return the content's revision."""
    with psycopg.connect(words) as connection:
        [(found,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(found)


def waits(words: str, query: str) -> bool:
    """Say whether somebody's statement that begins so waits."""
    with psycopg.connect(words) as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND wait_event_type = 'Lock'"
        return connection.execute(asked, [f"{query}%"]).fetchone() != (0,)


def test_deliveries_are_written_while_an_index_waits_for_its_turn(old: tuple[Store, str]) -> None:
    """Given a transaction that has written deliveries and stays open, an upgrade waits for it, and everybody else goes on meanwhile."""
    store, words = old
    line(store, 1)
    written, stop = list[int](), threading.Event()

    def write() -> None:
        while not stop.is_set():
            line(store, 1)
            written.append(1)

    with ThreadPoolExecutor(2) as threads:
        with held(words, "UPDATE delivery SET position = position"):
            running = threads.submit(store.upgrade)
            assert until(lambda: waits(words, "CREATE INDEX CONCURRENTLY"), LONG)
            writer = threads.submit(write)
            try:
                assert until(lambda: len(written) >= 5, LONG)
                assert not running.done()
            finally:
                stop.set()
        steps = running.result(timeout=LONG)
        writer.result(timeout=LONG)
    assert [(step.schema, step.revision) for step in steps] == [("content", one) for one in NEWER]
    assert (revision(words), store.check()) == (CONTENT.head(), ())


def test_a_lock_that_does_not_come_is_tried_again(old: tuple[Store, str]) -> None:
    """Given a table that somebody keeps, an upgrade gives its wait up soon, lets others by, and goes on when it is free."""
    store, words = old
    with ThreadPoolExecutor(1) as threads:
        with held(words, "LOCK TABLE delivery IN SHARE UPDATE EXCLUSIVE MODE"):
            running = threads.submit(upgrade, store._content, CONTENT, QUICK)
            assert until(lambda: waits(words, "ALTER TABLE"), 30)
            assert until(lambda: not waits(words, "ALTER TABLE"), 30)
            assert not running.done()
            assert revision(words) == OLD
        running.result(timeout=60)
    assert revision(words) == CONTENT.head()


def test_an_upgrade_does_not_try_for_ever(old: tuple[Store, str]) -> None:
    """Given a table that is never free, an upgrade ends with StoreBusy, and has changed nothing; the next one goes through."""
    store, words = old
    with held(words, "LOCK TABLE delivery IN SHARE UPDATE EXCLUSIVE MODE"), pytest.raises(StoreBusy):
        upgrade(store._content, CONTENT, Patience(lock=0.1, pause=0.01, tries=2))
    assert revision(words) == OLD
    store.upgrade()
    assert store.check() == ()


def test_an_index_that_was_left_half_built_is_built_anew(old: tuple[Store, str]) -> None:
    """Given an index that a killed upgrade has left invalid, the next upgrade makes it whole."""
    store, words = old
    name = ["ix_delivery_unsettled"]
    with psycopg.connect(words, autocommit=True) as connection:
        connection.execute("CREATE INDEX ix_delivery_unsettled ON delivery (state, id)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", name)
        store.upgrade()
        found = connection.execute("SELECT indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = %s::regclass", name)
        [(valid, definition)] = found.fetchall()
    assert (valid, "WHERE" in definition) == (True, True)


def test_upgrades_take_turns(old: tuple[Store, str]) -> None:
    """Given three upgrades at once, each ends, and one of them has done it."""
    store, words = old
    with ThreadPoolExecutor(3) as threads:
        ends = [threads.submit(upgrade, store._content, CONTENT, QUICK) for _ in range(3)]
        assert all([step.revision for step in end.result(timeout=60)] in ([], NEWER) for end in ends)
    assert (revision(words), store.check()) == (CONTENT.head(), ())


def test_production_does_not_upgrade_by_itself(old: tuple[Store, str], tmp_path: Path) -> None:
    """Given databases of the version before, a hub in production says what to run instead of starting; a test hub upgrades."""
    store, words = old
    given = {"data": tmp_path, "database_url": _url(store), "keys_url": _url(store, keys=True), "min_free_disk": 1, "plugins": ()}
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "master.key").write_text("00" * 32)
    with pytest.raises(SettingsError, match="siphub db upgrade") as raised:
        build(read({**given, "mode": "production"}))
    assert (raised.value.code, revision(words)) == ("store.behind", OLD)
    build(read({**given, "mode": "test"})).stop()
    assert revision(words) == CONTENT.head()


def _url(store: Store, *, keys: bool = False) -> str:
    database = store._keys if keys else store._content
    return database._url.render_as_string(hide_password=False)


FOLDER = Path(schema.__file__).parent / "migrations"
NEW = [file for name in ("content", "keys") for file in sorted((FOLDER / name).glob("*.py")) if (name, file.name[:4]) > ("content", OLD)]
FORBIDDEN = {"create_index", "drop_index", "drop_column", "alter_column", "create_foreign_key", "create_unique_constraint", "rename_table"}
"""What would lock a table that is there against writing, or take from an older version what it uses."""


@pytest.mark.parametrize("file", NEW, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_migrations_only_expand(file: Path) -> None:
    """Given a migration newer than the rule, its upgrade locks no table for long and takes nothing away that an older version uses."""
    tree = ast.parse(file.read_text("utf-8"))
    [upward] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    called = {node.func.attr for node in ast.walk(upward) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert not called & FORBIDDEN, f"use siphub.store.online, or leave it to the version after next; see docs/postgresql.md: {file.name}"
    said = " ".join(node.value for node in ast.walk(upward) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    assert not [word for word in ("UPDATE ", "DELETE ", "LOCK ") if word in said], file.name
