"""The schema's revisions: upgrading by Alembic from inside the package, and saying what is wrong. It never changes a row's content.

Two chains of migrations stand beside each other, `migrations/content` and `migrations/keys`, one per database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from siphub.errors import StoreBusy, StoreError
from siphub.store.tables_directory import content_metadata
from siphub.store.tables_keys import keys_metadata
from siphub.store.tables_operation import schema_floor

if TYPE_CHECKING:
    from alembic.config import Config

    from siphub.store.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 0x51_9B_0B  # any number, the same for every process that upgrades a PostgreSQL database
_version = Table("alembic_version", MetaData(), Column("version_num", String()))
"""Alembic's own table: one row, once there has been an upgrade."""
_alembic = threading.Lock()  # Alembic keeps the migration that runs in a global: two of one process would take each other's


@dataclass(frozen=True, slots=True)
class Schema:
    """One database's tables, and the folder of its migrations."""

    name: str
    metadata: MetaData

    def folders(self) -> tuple[Path, ...]:
        """Return where the migrations lie, each in a file that is named after its revision."""
        return (_MIGRATIONS / self.name,)

    def config(self, connection: Connection | None = None) -> Config:
        """Return Alembic's configuration; nobody needs an alembic.ini."""
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", "\n".join(map(str, self.folders())).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["metadata"] = self.metadata
        return config

    def knows(self, number: str) -> bool:
        """Say whether this version of siphub knows a revision: a newer one it does not."""
        return number in _numbers(self)

    def steps(self, before: str | None) -> tuple[Step, ...]:
        """Return the migrations behind a revision, in order."""
        if before == self.head() or (before is not None and not self.knows(before)):
            return ()
        from alembic.script import ScriptDirectory

        found = ScriptDirectory.from_config(self.config()).walk_revisions("base", "head")
        return tuple(
            Step(self.name, one.revision, (one.doc or "").strip())
            for one in reversed([one for one in found if before is None or one.revision > before])
        )

    def head(self) -> str | None:
        """Return the newest revision this version of siphub knows."""
        return max(_numbers(self), default=None)


@lru_cache(maxsize=8)
def _numbers(schema: Schema) -> frozenset[str]:
    """Return the revisions of a chain, by its files' names: Alembic runs each file to know it, and a start has nothing to upgrade."""
    return frozenset(file.name.partition("_")[0] for folder in schema.folders() for file in folder.glob("[0-9]*_*.py"))


@dataclass(frozen=True, slots=True)
class Patience:
    """How an upgrade on PostgreSQL waits, in seconds: for one lock, between two tries of so many, and for another upgrade to end."""

    lock: float = 2.0
    pause: float = 1.0
    tries: int = 60
    turn: float = 3600.0


CONTENT = Schema("content", content_metadata)
KEYS = Schema("keys", keys_metadata)


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that was run: which database's, its number, and what it says of itself."""

    schema: str
    revision: str
    what: str


def upgrade(database: Database, schema: Schema, patience: Patience = Patience()) -> tuple[Step, ...]:
    """Bring a database to the newest revision; make its file where it is missing. Return what was done.

    On SQLite in one transaction. On PostgreSQL each migration is one, waits shortly for its locks, and is tried again, so that whoever
    writes waits shortly too; one upgrade runs at a time, and the others wait until it has ended.

    Raises:
        StoreBusy: A lock was not to be had; run it again, and it goes on where it stopped.
        StoreError: The database is at a revision that this version of siphub does not know.
    """
    database.create_file()
    if database.dialect == "sqlite":
        with database.write(patient=True) as connection:
            before = revision(connection)
            if before != schema.head() and not _ahead(connection, schema):
                _migrate(connection, schema)
    else:
        with database.read() as connection:
            before, newer = revision(connection), _ahead(connection, schema)
        if not newer and before != schema.head():
            with _alone(database, patience):
                before = _online(database, schema, patience)
    return schema.steps(before)


@contextmanager
def _alone(database: Database, patience: Patience) -> Iterator[None]:
    """Hold the lock of upgrades. It is asked for again and again: who waits for it in a statement keeps an index from being built."""
    key = {"key": _UPGRADE_LOCK}
    with database.connect() as connection:
        holder = connection.execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + patience.turn
        while not holder.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            if time.monotonic() > until:
                raise StoreBusy("another process has been upgrading the database for too long; look at it, and run siphub db upgrade again")
            time.sleep(patience.pause)
        try:
            yield
        finally:
            holder.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _online(database: Database, schema: Schema, patience: Patience) -> str | None:
    """Run what is left to run, and return from which revision."""
    with database.connect() as connection:
        before = revision(connection)
    for left in reversed(range(patience.tries)):
        try:
            with database.connect() as connection, _short_locks(connection, patience.lock):
                _migrate(connection, schema)
            break
        except StoreBusy:
            if not left:
                raise
            time.sleep(patience.pause)
    return before


def _migrate(connection: Connection, schema: Schema) -> None:
    from alembic import command

    with _alembic:
        command.upgrade(schema.config(connection), "head")


@contextmanager
def _short_locks(connection: Connection, seconds: float) -> Iterator[None]:
    connection.execute(text(f"SET lock_timeout = {int(seconds * 1000)}"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("RESET lock_timeout"))
        connection.commit()


def _ahead(connection: Connection, schema: Schema) -> bool:
    """Say whether a database is at a revision that this version does not know and can work on: then it is left as it is.

    Raises:
        StoreError: It cannot work on it.
    """
    current = revision(connection)
    if current is None or schema.knows(current):
        return False
    if not _workable(connection, schema):
        raise StoreError(_newer(schema, current))
    return True


def _workable(connection: Connection, schema: Schema) -> bool:
    """Say whether this version can work on a schema that is newer than it knows."""
    return schema is CONTENT and schema.knows(connection.scalar(select(schema_floor.c.revision)) or "")


def _newer(schema: Schema, current: str) -> str:
    return f"the {schema.name} database is at revision {current}, which is newer than this siphub; install the newer one"


def behind(database: Database, schema: Schema) -> tuple[str | None, str | None] | None:
    """Return a database's revision and the newest one, where the first is older; None where it is not, or where nothing is there yet."""
    with database.read() as connection:
        current = revision(connection)
    return (current, schema.head()) if current is not None and schema.knows(current) and current != schema.head() else None


def revision(connection: Connection) -> str | None:
    """Return the revision a database is at, or None where nobody has upgraded it yet."""
    return connection.scalar(select(_version.c.version_num)) if inspect(connection).has_table(_version.name) else None


def empty(database: Database) -> bool:
    """Say whether there is nothing in a database, or no database."""
    if database.dialect == "sqlite" and not Path(database.file()).exists():
        return True
    with database.read() as connection:
        return not inspect(connection).get_table_names()


def problems(database: Database, schema: Schema) -> tuple[str, ...]:
    """Say in words what is wrong with a database: its revision, its tables and indexes, and on SQLite its pages and references."""
    with database.read(patient=True) as connection:
        current, head = revision(connection), schema.head()
        if current is not None and not schema.knows(current):
            return () if _workable(connection, schema) else (_newer(schema, current),)
        if current != head:
            return (f"the {schema.name} database is at revision {current or 'none'} and should be at {head}: run siphub db upgrade",)
        return (*_missing(connection, schema), *(_damage(connection, schema) if database.dialect == "sqlite" else ()))


def _missing(connection: Connection, schema: Schema) -> tuple[str, ...]:
    found = inspect(connection)
    tables = set(found.get_table_names())
    words = [f"the {schema.name} database has no table {table.name}" for table in schema.metadata.sorted_tables if table.name not in tables]
    for table in schema.metadata.sorted_tables:
        there = (
            {index["name"] for index in found.get_indexes(table.name)} if table.name in tables else {index.name for index in table.indexes}
        )
        words += [
            f"the {schema.name} database has no index {index.name}"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
            if index.name not in there
        ]
    return tuple(words)


def _damage(connection: Connection, schema: Schema) -> tuple[str, ...]:
    pages = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    words = (
        []
        if pages == ["ok"]
        else [f"the {schema.name} database is damaged: {len(pages)} finding(s) of SQLite's integrity check; restore it"]
    )
    strays = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if strays:
        words.append(f"the {schema.name} database has {len(strays)} row(s) that point at nothing; restore it")
    return tuple(words)
