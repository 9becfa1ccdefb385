"""Who runs on this store: a row for each process, written again and again while it lives. It tells nothing about a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from siphub.store.columns import Topic, insert_missing, values_of
from siphub.store.rows_operation import ProcessRow
from siphub.store.tables_operation import process

KEPT = timedelta(days=1)
"""How long a process that fell silent is remembered."""


class Processes(Topic):
    """The processes of a hub, on whichever machine."""

    def note(self, row: ProcessRow) -> None:
        """Note that a process lives, and forget those that were last seen a day before."""
        values = values_of(row)
        if not insert_missing(self._connection, process, values):
            self._connection.execute(update(process).where(process.c.id == row.id, process.c.owner == row.owner).values(values))
        else:
            self._connection.execute(delete(process).where(process.c.seen_at < row.seen_at - KEPT))

    def leave(self, process_id: str) -> None:
        """Forget a process that ends."""
        self._connection.execute(delete(process).where(process.c.id == process_id))

    def seen(self, since: datetime) -> tuple[ProcessRow, ...]:
        """Return the processes that were seen at or after a time, oldest first."""
        return self._all(ProcessRow, select(process).where(process.c.seen_at >= since).order_by(process.c.started_at, process.c.id))
