"""What must have happened by a time, per case: replaced whole whenever its case is saved, looked for by the sweep. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, select, update

from siphub.store.columns import Topic, values_of
from siphub.store.prepared import adding, given, prepared
from siphub.store.rows import DeadlineRow
from siphub.store.tables import deadline

Mark = Literal["warned_at", "passed_at"]


_of_case = (deadline.c.case_id == given("within"), deadline.c.owner == given("of"))
_OF_CASE = prepared(select(deadline).where(*_of_case).order_by(deadline.c.due_at, deadline.c.kind, deadline.c.about))
_DROP = prepared(delete(deadline).where(*_of_case))
_ADD = adding(deadline)


class Deadlines(Topic):
    """The deadlines of the cases. Whoever changes a case's deadlines holds its lock."""

    def replace(self, owner: str, case_id: str, rows: Iterable[DeadlineRow]) -> tuple[DeadlineRow, ...]:
        """Make these the deadlines of the case; one that was there with the same kind, object, unit and times keeps its marks.

        Return those that were marked and are no more, or are others now: something was opened for them.
        """
        before = self.of_case(owner, case_id)
        known = {_what(row): row for row in before}
        new = [known.get(_what(row), row) for row in rows]
        if set(new) != set(before):
            _DROP.run(self._connection, of=owner, within=case_id)
            _ADD.each(self._connection, [values_of(row) for row in new])
        return tuple(row for row in before if row not in new and (row.warned_at or row.passed_at))

    def add(self, rows: Iterable[DeadlineRow]) -> None:
        """Add the first deadlines of a case that has none."""
        _ADD.each(self._connection, [values_of(row) for row in rows])

    def of_case(self, owner: str, case_id: str) -> tuple[DeadlineRow, ...]:
        """Return the deadlines of a case, the first to come first."""
        return _OF_CASE.rows(DeadlineRow, self._connection, of=owner, within=case_id)

    def due(self, now: datetime, limit: int, skip: int = 0) -> tuple[tuple[str, str], ...]:
        """Return the cases, as (owner, case id), that have a deadline which has passed or is near and is not marked so yet, first ones first.

        A case is there once for each of its deadlines; of those that have passed, and of those that are near, the first `skip` are left out.
        """
        passed = (deadline.c.passed_at.is_(None), deadline.c.due_at <= now)
        near = (deadline.c.warned_at.is_(None), deadline.c.passed_at.is_(None), deadline.c.warn_at <= now)
        # Two statements: SQLite uses a partial index only where its predicate stands there literally, and no index for an OR of two.
        found = (self._cases(by, where, limit, skip) for by, where in ((deadline.c.due_at, passed), (deadline.c.warn_at, near)))
        return tuple(case for cases in found for case in cases)

    def _cases(self, by: ColumnElement[Any], where: Iterable[ColumnElement[bool]], limit: int, skip: int) -> list[tuple[str, str]]:
        query = select(deadline.c.owner, deadline.c.case_id).where(*where).order_by(by).limit(limit).offset(skip)
        return [(str(row.owner), str(row.case_id)) for row in self._connection.execute(query)]

    def mark(self, row: DeadlineRow, mark: Mark, at: datetime) -> bool:
        """Note that the work item for it is open; return False where that is noted already, or the deadline is gone."""
        mine = (
            deadline.c.case_id == row.case_id,
            deadline.c.owner == row.owner,
            deadline.c.kind == row.kind,
            deadline.c.about == row.about,
            deadline.c[mark].is_(None),
        )
        return self._connection.execute(update(deadline).where(*mine).values({mark: at})).rowcount == 1


def _what(row: DeadlineRow) -> tuple[str, str, str, datetime, datetime]:
    return row.kind, row.about, row.unit, row.due_at, row.warn_at
