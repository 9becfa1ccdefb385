"""Erasing: what is personal goes from its rows, what is a state, a code or an id stays. Who may be erased is decided above.

The content goes in one transaction, with the audit link that says so; the case's key goes from its own database afterwards, and that it has
is noted here. So whatever is erased is audited, and a key that was left by a crash is found again by `unfinished`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, exists, func, or_, select, update

from siphub.store.columns import Topic
from siphub.store.rows import CaseRow
from siphub.store.tables import (
    case_number,
    consent_grant,
    deadline,
    delivery,
    message,
    outbox,
    receipt,
    record_copy,
    sip_case,
    submission,
    work_item,
)
from siphub.store.tables_operation import plugin_state

_ids_in_state = (plugin_state.c.plugin == "fhir", or_(plugin_state.c.key.startswith("bundle/"), plugin_state.c.key.startswith("header/")))
_ended = (sip_case.c.ended_at.is_not(None), sip_case.c.erased_at.is_(None))
_unconfirmed = exists(
    select(record_copy.c.id).where(
        record_copy.c.owner == sip_case.c.owner,
        record_copy.c.case_id == sip_case.c.case_id,
        record_copy.c.state != "confirmed",
        record_copy.c.state != "taken_back",
    )
)


class Erasure(Topic):
    """What the eraser looks for and what it does, in the store."""

    def candidates(self, owner: str, ended_before: datetime, limit: int, skip: int = 0) -> tuple[CaseRow, ...]:
        """Return an owner's cases that are over since long enough and wait for no confirmation, longest over first."""
        mine = (sip_case.c.owner == owner, *_ended, sip_case.c.ended_at <= ended_before, ~_unconfirmed)
        return self._all(CaseRow, select(sip_case).where(*mine).order_by(sip_case.c.ended_at).limit(limit).offset(skip))

    def waiting(self) -> dict[str, tuple[int, datetime]]:
        """Return how many cases of each owner are over and not erased, and since when the first of them is."""
        query = select(sip_case.c.owner, func.count(), func.min(sip_case.c.ended_at)).where(*_ended).group_by(sip_case.c.owner)
        return {str(owner): (int(number), since) for owner, number, since in self._connection.execute(query.order_by(sip_case.c.owner))}

    def case(self, owner: str, case_id: str, *, at: datetime, forget_at: datetime) -> int:
        """Erase the content of a case whose lock the caller holds; return how many messages it had. Its key is another database's.

        Deliveries, their events and attempts, record copies and work items stay: they are states and codes. What handed-in messages were
        answered stays until `forget_at`, so that a repeat still gets its answer.
        """
        mine = (owner, case_id)
        ids = select(delivery.c.id).where(*self._in(delivery, mine))
        keys = list(self._connection.scalars(select(delivery.c.key).where(*self._in(delivery, mine))))
        self._connection.execute(delete(outbox).where(outbox.c.delivery_id.in_(ids)))
        for table in (consent_grant, deadline, case_number):
            self._connection.execute(delete(table).where(*self._in(table, mine)))
        self._forget_words(keys, case_id)
        closed = {"closed_at": at, "closed_by": "hub", "how": "erased"}
        self._connection.execute(update(work_item).where(*self._in(work_item, mine), work_item.c.closed_at.is_(None)).values(closed))
        handed_in = (submission.c.case_owner == owner, submission.c.case_id == case_id)
        self._connection.execute(update(submission).where(*handed_in).values(forget_at=forget_at))
        self._connection.execute(update(sip_case).where(*self._in(sip_case, mine)).values(sealed=b"", erased_at=at))
        # Nobody is told any more of what did not arrive: there is nothing left to tell it by.
        untold = (
            *self._in(delivery, mine),
            delivery.c.state.in_(["awaiting_receipt", "expired", "gave_up", "rejected"]),
            delivery.c.told_at.is_(None),
        )
        self._connection.execute(update(delivery).where(*untold).values(told_at=at))
        unerased = (*self._in(message, mine), message.c.erased_at.is_(None))
        return self._connection.execute(update(message).where(*unerased).values(sealed=b"", erased_at=at)).rowcount

    def _forget_words(self, keys: Sequence[str], case_id: str) -> None:
        """Delete what partners said of these deliveries, and what plugins keep under a name of theirs or of the case."""
        for start in range(0, len(keys), 100):
            some = keys[start : start + 100]
            self._connection.execute(delete(receipt).where(receipt.c.key.in_(some)))
            self._connection.execute(delete(plugin_state).where(or_(*(plugin_state.c.key.contains(key, autoescape=True) for key in some))))
        self._connection.execute(delete(plugin_state).where(plugin_state.c.key.contains(case_id, autoescape=True)))

    def message(self, owner: str, message_row: str, at: datetime) -> bool:
        """Erase the content of one message; return False where it is gone already."""
        mine = (message.c.id == message_row, message.c.owner == owner, message.c.erased_at.is_(None))
        return self._connection.execute(update(message).where(*mine).values(sealed=b"", erased_at=at)).rowcount == 1

    def cases(self, *, erased: bool, after: str = "", limit: int = 1000) -> tuple[tuple[str, str], ...]:
        """Return up to `limit` cases whose content is erased, or is not, as (owner, case id), in order of their ids, from behind `after`."""
        mine = (sip_case.c.erased_at.is_not(None) if erased else sip_case.c.erased_at.is_(None), sip_case.c.case_id > after)
        query = select(sip_case.c.owner, sip_case.c.case_id).where(*mine).order_by(sip_case.c.case_id, sip_case.c.owner).limit(limit)
        return tuple((str(row.owner), str(row.case_id)) for row in self._connection.execute(query))

    def unfinished(self, limit: int, skip: int = 0) -> tuple[CaseRow, ...]:
        """Return cases whose content is erased and whose key may still be there, longest first."""
        left = (sip_case.c.erased_at.is_not(None), sip_case.c.key_gone_at.is_(None))
        return self._all(CaseRow, select(sip_case).where(*left).order_by(sip_case.c.erased_at).limit(limit).offset(skip))

    def finish(self, owner: str, case_id: str, at: datetime) -> bool:
        """Note that a case's key is gone too; return False where that was noted before."""
        mine = (*self._in(sip_case, (owner, case_id)), sip_case.c.erased_at.is_not(None), sip_case.c.key_gone_at.is_(None))
        return self._connection.execute(update(sip_case).where(*mine).values(key_gone_at=at)).rowcount == 1

    def old_submissions(self, now: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Return the answers that have been kept long enough after their content was erased, as (organisation, message id)."""
        old = (submission.c.forget_at.is_not(None), submission.c.forget_at <= now)
        rows = self._connection.execute(select(submission.c.owner, submission.c.message_id).where(*old).limit(limit))
        return tuple((str(row.owner), str(row.message_id)) for row in rows)

    def forget_submissions(self, now: datetime, limit: int) -> int:
        """Delete such answers, and with each the ids of a standard's that it was given under; return how many."""
        found = self.old_submissions(now, limit)
        for owner, message_id in found:
            self._connection.execute(delete(submission).where(submission.c.owner == owner, submission.c.message_id == message_id))
        return len(found)

    def ids_in_state(self, limit: int) -> tuple[tuple[str, str], ...]:
        """Return ids of FHIR messages as they were kept before revision 0009, as (organisation, key): nobody reads them any more."""
        rows = self._connection.execute(select(plugin_state.c.owner, plugin_state.c.key).where(*_ids_in_state).limit(limit))
        return tuple((str(row.owner), str(row.key)) for row in rows)

    def forget_ids_in_state(self, limit: int) -> int:
        """Delete such ids; return how many."""
        found = self.ids_in_state(limit)
        for owner, key in found:
            mine = (plugin_state.c.owner == owner, plugin_state.c.plugin == "fhir", plugin_state.c.key == key)
            self._connection.execute(delete(plugin_state).where(*mine))
        return len(found)

    @staticmethod
    def _in(table: Table, case: tuple[str, str]) -> tuple[ColumnElement[bool], ...]:
        columns = table.c
        return (columns.owner == case[0], columns.case_id == case[1])
