"""The schema's revisions: upgrading by Alembic from inside the package, and saying what is wrong. It never changes a row's content.

Two chains of migrations stand beside each other, `migrations/content` and `migrations/keys`, one per database.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from siphub.errors import StoreError
from siphub.store.tables import metadata
from siphub.store.tables_keys import keys_metadata

if TYPE_CHECKING:
    from siphub.store.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 0x51_9B_0B  # any number, the same for every process that upgrades a PostgreSQL database


@dataclass(frozen=True, slots=True)
class Schema:
    """One database's tables, and the folder of its migrations."""

    name: str
    metadata: MetaData

    def config(self, connection: Connection | None = None) -> Config:
        """Return Alembic's configuration; nobody needs an alembic.ini."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", str(_MIGRATIONS / self.name).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["metadata"] = self.metadata
        return config

    def knows(self, number: str) -> bool:
        """Say whether this version of siphub knows a revision: a newer one it does not."""
        return number in {script.revision for script in ScriptDirectory.from_config(self.config()).walk_revisions()}

    def head(self) -> str | None:
        """Return the newest revision this version of siphub knows."""
        return ScriptDirectory.from_config(self.config()).get_current_head()


CONTENT = Schema("content", metadata)
KEYS = Schema("keys", keys_metadata)


def upgrade(database: Database, schema: Schema) -> None:
    """Bring a database to the newest revision, in one transaction; make its file where it is missing.

    Raises:
        StoreBusy: Another process kept the lock too long.
        StoreError: The database is at a revision that this version of siphub does not know.
    """
    database.create_file()
    with database.write(patient=True) as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        _refuse_unknown(connection, schema)
        command.upgrade(schema.config(connection), "head")


def _refuse_unknown(connection: Connection, schema: Schema) -> None:
    current = revision(connection)
    if current is not None and not schema.knows(current):
        raise StoreError(_newer(schema, current))


def _newer(schema: Schema, current: str) -> str:
    return f"the {schema.name} database is at revision {current}, which is newer than this siphub; install the newer one"


def revision(connection: Connection) -> str | None:
    """Return the revision a database is at, or None where nobody has upgraded it yet."""
    return MigrationContext.configure(connection).get_current_revision()


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
            return (_newer(schema, current),)
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
