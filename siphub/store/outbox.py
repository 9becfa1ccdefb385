"""What is to be rung: a table of its own, so that the relay never locks a row that the claim wants. It carries ids and routing words only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, Connection, delete, func, insert, literal, select, update

from siphub.store.columns import Topic, exactly
from siphub.store.prepared import given, listed, with_lists
from siphub.store.rows import BellRow
from siphub.store.tables import delivery, outbox

_FROM_DELIVERY = ["owner", "delivery_id", "adapter", "endpoint", "due_at", "granted"]
_BELL = (delivery.c.owner, delivery.c.id, delivery.c.adapter, delivery.c.endpoint, delivery.c.next_at, literal(value=False))


def _theirs(sizes: Mapping[str, int]) -> tuple[ColumnElement[bool], ...]:
    return (delivery.c.prev_id.in_(listed("finished", sizes)), delivery.c.prev_id.is_not(None), delivery.c.state == exactly("queued"))


# A mark that somebody else's lock keeps us from taking away does no harm: the bell is what counts.
_BEHIND = with_lists(
    lambda sizes: select(delivery.c.id).where(*_theirs(sizes), delivery.c.waits == exactly("line")).with_for_update(skip_locked=True)
)
_STEP_UP = with_lists(lambda sizes: update(delivery).where(delivery.c.id.in_(listed("ids", sizes))).values(waits=None))
_RING_SUCCESSORS = with_lists(lambda sizes: insert(outbox).from_select(_FROM_DELIVERY, select(*_BELL).where(*_theirs(sizes))))
_RING = with_lists(
    lambda sizes: insert(outbox).from_select(
        _FROM_DELIVERY,
        select(*_BELL[:-1], given("granted", Boolean))
        .where(delivery.c.id.in_(listed("ids", sizes)), delivery.c.state == "queued")
        .order_by(delivery.c.next_at, delivery.c.position),
    )
)
_DELETE = with_lists(lambda sizes: delete(outbox).where(outbox.c.id.in_(listed("ids", sizes))))


def ring_successors(connection: Connection, finished: Sequence[str]) -> None:
    """Ring whoever waited for these deliveries, in the transaction that ended their turn. Waits for no lock on the successors."""
    if finished:
        behind = [found[0] for found in _BEHIND.all(connection, {"finished": finished})]
        if behind:
            _STEP_UP.run(connection, {"ids": behind})
        _RING_SUCCESSORS.run(connection, {"finished": finished})


def ring_deliveries(connection: Connection, ids: Sequence[str], *, granted: bool = False) -> None:
    """Ring these deliveries at their `next_at`, those of them that are queued. `granted`: there is room for them, whoever else waits."""
    if ids:
        _RING.run(connection, {"ids": ids}, granted=granted)


class Outbox(Topic):
    """The bells to be rung. A bell too many does no harm; the claim knows better."""

    def ring(self, bells: Iterable[BellRow], at: datetime | None = None) -> None:
        """Put bells in, to be rung at a time, or at once."""
        due = at or self._clock.now()
        names = ("owner", "delivery_id", "adapter", "endpoint", "granted")
        rows = [{**{name: getattr(bell, name) for name in names}, "due_at": due} for bell in bells]
        self._insert(outbox, *rows)

    def take(self, limit: int) -> tuple[BellRow, ...]:
        """Return the bells that are due, oldest first.

        In a write transaction on PostgreSQL they are locked and what others have taken is skipped: publish, then delete in the same
        transaction. On SQLite take in a read and delete afterwards, so that no lock is held while publishing.
        """
        columns = (outbox.c.id, outbox.c.owner, outbox.c.delivery_id, outbox.c.adapter, outbox.c.endpoint, outbox.c.granted)
        due = select(*columns).where(outbox.c.due_at <= self._clock.now())
        query = due.order_by(outbox.c.due_at, outbox.c.id).limit(limit)
        if self._connection.get_execution_options().get("siphub_reads"):
            return self._all(BellRow, query)
        return self._all(BellRow, query.with_for_update(skip_locked=True))

    def next_due(self) -> datetime | None:
        """Return when the first bell is due, which may be past, or None where there is none."""
        first: datetime | None = self._connection.scalar(select(func.min(outbox.c.due_at)))
        return first

    def delete(self, ids: Sequence[int]) -> None:
        """Forget bells that have been rung."""
        if ids:
            _DELETE.run(self._connection, {"ids": ids})

    def size(self) -> int:
        """Return how many bells there are, due or not."""
        return self._connection.scalar(select(func.count()).select_from(outbox)) or 0
