"""What a migration may do while intake goes on: indexes that are built beside the work, and the settings of a table.

On PostgreSQL an index is built outside the transaction and keeps nobody waiting; one that a killed upgrade has left half built is built
anew. On SQLite, where there is one process, it is built at once. It must never lock a table against writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

_VALID = sa.text(
    "SELECT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname = :name AND pg_table_is_visible(indexrelid)"
)


def create_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None, unique: bool = False) -> None:
    """Build an index, partial with `where`. May be done again."""
    predicate = None if where is None else sa.text(where)
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, list(columns), unique=unique, sqlite_where=predicate)
        return
    with op.get_context().autocommit_block():
        # It waits for transactions that are older than itself, and nobody waits for it: there is no hurry.
        op.execute("SET lock_timeout = 0")
        valid = op.get_bind().scalar(_VALID, {"name": name})
        if valid is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        if not valid:
            op.create_index(name, table, list(columns), unique=unique, postgresql_where=predicate, postgresql_concurrently=True)
        op.execute("RESET lock_timeout")


def drop_index(name: str, table: str) -> None:
    """Take an index away. May be done again."""
    if op.get_bind().dialect.name != "postgresql":
        op.drop_index(name, table)
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.execute("RESET lock_timeout")


def set_storage(table: str, settings: Mapping[str, object]) -> None:
    """Set a table's storage parameters on PostgreSQL; nothing on SQLite. None takes one back."""
    if op.get_bind().dialect.name != "postgresql":
        return
    given = ", ".join(f"{name} = {value}" for name, value in settings.items() if value is not None)
    back = ", ".join(name for name, value in settings.items() if value is None)
    if given:
        op.execute(f"ALTER TABLE {table} SET ({given})")
    if back:
        op.execute(f"ALTER TABLE {table} RESET ({back})")
