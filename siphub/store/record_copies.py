"""The record copies: which message must still reach which organisation's journal or registry, and which of them it has confirmed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, select, update

from siphub.store.columns import Topic, exactly, one_of, values_of
from siphub.store.prepared import adding_missing, given, prepared
from siphub.store.rows import RecordCopyRow, UnconfirmedRow
from siphub.store.tables import record_copy

_ADD = adding_missing(record_copy)
_of_case = (record_copy.c.owner == given("of"), record_copy.c.case_id == given("within"))
_OF_CASE = prepared(select(record_copy).where(*_of_case).order_by(record_copy.c.offered_at, record_copy.c.id))
_OF_MESSAGE = prepared(select(record_copy).where(*_of_case, record_copy.c.message_row == given("message")))
_OPEN = ("failed", "offered", "refused")
"""The states in which a copy waits to be handed over, as the index for it has them."""
_NOT_THERE = (*_OPEN, "withdrawn", "taken_back")
"""Those in which its registry is not known to have it."""


class RecordCopies(Topic):
    """One row per message and organisation whose record it becomes."""

    def add(self, rows: Iterable[RecordCopyRow]) -> None:
        """Queue copies; one that is there already stays as it is."""
        for row in rows:
            _ADD.run(self._connection, **values_of(row))

    def find(self, package_id: str) -> RecordCopyRow | None:
        """Return a copy by its package's id."""
        return self._first(RecordCopyRow, select(record_copy).where(record_copy.c.id == package_id))

    def of_case(self, owner: str, case_id: str) -> tuple[RecordCopyRow, ...]:
        """Return the copies of a case, oldest first."""
        return _OF_CASE.rows(RecordCopyRow, self._connection, of=owner, within=case_id)

    def of_message(self, owner: str, case_id: str, message_row: str) -> tuple[RecordCopyRow, ...]:
        """Return the copies of one message of a case, in no order."""
        return _OF_MESSAGE.rows(RecordCopyRow, self._connection, of=owner, within=case_id, message=message_row)

    def page(
        self,
        *,
        organisation: str | None = None,
        case_id: str | None = None,
        states: Collection[str] | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[RecordCopyRow, ...]:
        """Return up to `limit` copies by id, from behind the id `after`; with `until` those that were queued by then."""
        wanted = {record_copy.c.organisation: organisation, record_copy.c.case_id: case_id}
        query = select(record_copy).where(*(column == value for column, value in wanted.items() if value is not None))
        if states is not None:
            query = query.where(record_copy.c.state.in_(sorted(states)))
        if until is not None:
            query = query.where(record_copy.c.offered_at <= until)
        if after is not None:
            query = query.where(record_copy.c.id > after)
        return self._all(RecordCopyRow, query.order_by(record_copy.c.id).limit(limit))

    def due(self, organisation: str, now: datetime, limit: int) -> tuple[RecordCopyRow, ...]:
        """Return an organisation's copies that could be handed over now, longest waiting first."""
        mine = (record_copy.c.organisation == organisation, one_of(record_copy.c.state, _OPEN), record_copy.c.next_at <= now)
        return self._all(RecordCopyRow, select(record_copy).where(*mine).order_by(record_copy.c.next_at).limit(limit))

    def take(self, row: RecordCopyRow, until: datetime) -> bool:
        """Begin an attempt, counted, so that nobody else begins one before `until`; return False where somebody was quicker."""
        mine = (*self._as_read(row), one_of(record_copy.c.state, _OPEN))
        statement = update(record_copy).where(*mine).values(attempts=row.attempts + 1, next_at=until)
        return self._connection.execute(statement).rowcount == 1

    def end(self, row: RecordCopyRow, state: str, *, reason: str | None, next_at: datetime, package_hash: str | None) -> bool:
        """End the attempt that `row` is at; return False where it is confirmed already, or another attempt has begun."""
        values = {"state": state, "reason": reason, "next_at": next_at, "hash": package_hash or row.hash}
        mine = (*self._as_read(row), one_of(record_copy.c.state, _OPEN))
        return self._connection.execute(update(record_copy).where(*mine).values(values)).rowcount == 1

    def confirm(self, row: RecordCopyRow, reference: str, at: datetime) -> bool:
        """Note that the registry has it; return False where that was noted before."""
        mine = (record_copy.c.id == row.id, record_copy.c.owner == row.owner, record_copy.c.state != exactly("confirmed"))
        values = {"state": "confirmed", "reason": None, "confirmed_at": at, "reference": reference}
        return self._connection.execute(update(record_copy).where(*mine).values(values)).rowcount == 1

    def drop(self, row: RecordCopyRow) -> bool:
        """Forget a copy that may not be made any more; return False where another attempt at it has begun or ended meanwhile."""
        mine = (*self._as_read(row), one_of(record_copy.c.state, _OPEN))
        return self._connection.execute(delete(record_copy).where(*mine)).rowcount == 1

    def withdraw(self, row: RecordCopyRow, now: datetime) -> bool:
        """Note that a copy that may lie at its registry may not be made any more; return False where the registry surely has it."""
        mine = (record_copy.c.id == row.id, record_copy.c.owner == row.owner, one_of(record_copy.c.state, _NOT_THERE))
        values = {"state": "withdrawn", "reason": "withdrawn", "next_at": now}
        return self._connection.execute(update(record_copy).where(*mine).values(values)).rowcount == 1

    def withdrawn(self, organisation: str, now: datetime, limit: int) -> tuple[RecordCopyRow, ...]:
        """Return an organisation's withdrawn copies that are to be taken away now, longest waiting first."""
        mine = (
            record_copy.c.organisation == organisation,
            record_copy.c.state != exactly("confirmed"),  # the words of the index of what is unconfirmed
            record_copy.c.state == exactly("withdrawn"),
            record_copy.c.next_at <= now,
        )
        return self._all(RecordCopyRow, select(record_copy).where(*mine).order_by(record_copy.c.next_at).limit(limit))

    def withdrawn_elsewhere(self, organisations: Collection[str], now: datetime, limit: int) -> tuple[RecordCopyRow, ...]:
        """Return withdrawn copies of organisations that are not among these, longest waiting first."""
        mine = (
            record_copy.c.state != exactly("confirmed"),
            record_copy.c.state == exactly("withdrawn"),
            record_copy.c.organisation.not_in(sorted(organisations)),
            record_copy.c.next_at <= now,
        )
        return self._all(RecordCopyRow, select(record_copy).where(*mine).order_by(record_copy.c.next_at).limit(limit))

    def taken_away(self, row: RecordCopyRow, state: str, *, reason: str, next_at: datetime) -> bool:
        """Note what came of taking a withdrawn copy away; return False where something else has been noted since `row` was read."""
        mine = (
            record_copy.c.id == row.id,
            record_copy.c.owner == row.owner,
            record_copy.c.state == exactly("withdrawn"),
            record_copy.c.reason == row.reason,
            record_copy.c.next_at == row.next_at,
        )
        values = {"state": state, "reason": reason, "next_at": next_at}
        return self._connection.execute(update(record_copy).where(*mine).values(values)).rowcount == 1

    def unconfirmed(self) -> tuple[UnconfirmedRow, ...]:
        """Return whose copies are unconfirmed, how many, and since when."""
        never = func.sum(case((record_copy.c.state == "sent", 0), else_=1)).label("never_sent")
        since = func.min(record_copy.c.offered_at).label("since")
        query = (
            select(record_copy.c.organisation, func.count().label("copies"), since, never)
            .where(record_copy.c.state != exactly("confirmed"), record_copy.c.state != exactly("taken_back"))
            .group_by(record_copy.c.organisation)
            .order_by(record_copy.c.organisation)
        )
        return self._all(UnconfirmedRow, query)

    @staticmethod
    def _as_read(row: RecordCopyRow) -> tuple[ColumnElement[bool], ...]:
        return (record_copy.c.id == row.id, record_copy.c.owner == row.owner, record_copy.c.attempts == row.attempts)
