"""The record: what became of attempts, many in one transaction. A worker that lost its claim leaves evidence and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, insert, select, update

from siphub.errors import StoreError
from siphub.store.columns import Moment
from siphub.store.history import append_events, event_of
from siphub.store.outbox import ring_successors
from siphub.store.rows import BLOCKING, DeliveryRow, OutcomeRow, Recorded
from siphub.store.tables import attempt, delivery, outbox

_new_state = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("this_id"),
        delivery.c.owner == bindparam("this_owner"),
        delivery.c.state == "sending",
        delivery.c.fence == bindparam("this_fence"),
    )
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        updated_at=bindparam("new_updated_at"),
        uncertain=bindparam("new_uncertain"),
        lease_until=None,
        waits=None,
        recall_pending=False,
        expired_leases=delivery.c.expired_leases + bindparam("new_lease_expired", type_=Integer),
        next_at=func.coalesce(bindparam("new_next_at", type_=Moment), delivery.c.next_at),
        pinned_mapping=func.coalesce(bindparam("new_pinned_mapping"), delivery.c.pinned_mapping),
        pinned_plugin=func.coalesce(bindparam("new_pinned_plugin"), delivery.c.pinned_plugin),
        pinned_hash=func.coalesce(bindparam("new_pinned_hash"), delivery.c.pinned_hash),
    )
)
_pins = ("pinned_mapping", "pinned_plugin", "pinned_hash")
_new_pins = (
    update(delivery)
    .where(delivery.c.id == bindparam("this_id"), delivery.c.owner == bindparam("this_owner"), delivery.c.fence == bindparam("this_fence"))
    .values({name: func.coalesce(delivery.c[name], bindparam(f"new_{name}")) for name in _pins})
)
_ended = (
    update(attempt)
    .where(
        attempt.c.delivery_id == bindparam("this_id"),
        attempt.c.owner == bindparam("this_owner"),
        attempt.c.fence == bindparam("this_fence"),
        attempt.c.finished_at.is_(None),
    )
    .values({name: bindparam(f"new_{name}") for name in ("finished_at", "payload_hash", "outcome", "code", "late")})
)


def record(connection: Connection, outcomes: Sequence[OutcomeRow], *, through_recall: bool) -> list[Recorded]:
    """Write outcomes; see `Work.record`. With `through_recall` those that a withdrawal has marked are written too."""
    if any(outcome.state == "sending" for outcome in outcomes):
        raise StoreError("an outcome ends an attempt: its state cannot be sending")
    rows = _locked(connection, outcomes)
    applied: list[tuple[OutcomeRow, DeliveryRow]] = []
    recorded = []
    for outcome in outcomes:
        row = rows.get(outcome.delivery_id)
        current = row is not None and row.state == "sending" and row.fence == outcome.fence
        recall = row is not None and current and row.recall_pending and not through_recall
        if row is not None and current and not recall:
            applied.append((outcome, rows.pop(outcome.delivery_id)))
        elif row is not None and not current:
            _keep_late(connection, outcome, row)
        recorded.append(Recorded(outcome.delivery_id, applied=current and not recall, recall_pending=recall))
    _apply(connection, applied)
    return recorded


def _locked(connection: Connection, outcomes: Sequence[OutcomeRow]) -> dict[str, DeliveryRow]:
    ids = sorted({outcome.delivery_id for outcome in outcomes})
    query = select(delivery).where(delivery.c.id.in_(ids)).order_by(delivery.c.id).with_for_update(key_share=True)
    return {row["id"]: DeliveryRow(**row) for row in connection.execute(query).mappings()} if ids else {}


def _apply(connection: Connection, applied: Sequence[tuple[OutcomeRow, DeliveryRow]]) -> None:
    if not applied:
        return
    connection.execute(_new_state, [_delivery_values(outcome, row) for outcome, row in applied])
    connection.execute(_ended, [_attempt_values(outcome, row, late=False) for outcome, row in applied])
    append_events(
        connection,
        [event_of(row, outcome.event, outcome.at, state=outcome.state, reason=outcome.reason) for outcome, row in applied],
    )
    again = [_bell(outcome, row) for outcome, row in applied if outcome.state == "queued"]
    if again:
        connection.execute(insert(outbox), again)
    ring_successors(connection, [row.id for outcome, row in applied if outcome.state not in BLOCKING])


def _this(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    return {"this_id": row.id, "this_owner": row.owner, "this_fence": outcome.fence}


def _delivery_values(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    names = ("state", "reason", "uncertain", "next_at", *_pins)
    counted = {"new_updated_at": outcome.at, "new_lease_expired": int(outcome.lease_expired)}
    return {**_this(outcome, row), **counted, **{f"new_{name}": getattr(outcome, name) for name in names}}


def _attempt_values(outcome: OutcomeRow, row: DeliveryRow, *, late: bool) -> dict[str, Any]:
    names = ("payload_hash", "outcome", "code")
    values = {f"new_{name}": getattr(outcome, name) for name in names}
    return {**_this(outcome, row), **values, "new_finished_at": outcome.at, "new_late": late}


def _bell(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    due = outcome.next_at or outcome.at
    return {"owner": row.owner, "delivery_id": row.id, "adapter": row.adapter, "endpoint": row.endpoint, "due_at": due, "granted": False}


def _keep_late(connection: Connection, outcome: OutcomeRow, row: DeliveryRow) -> None:
    """Keep what a worker says that lost its claim: on its own attempt, and in the history. Said twice, it is kept once.

    Where no later attempt has begun, a partner's receipt may have been quicker than the record: what was sent is pinned all the same.
    """
    if connection.execute(_ended, _attempt_values(outcome, row, late=True)).rowcount == 1:
        connection.execute(_new_pins, {**_this(outcome, row), **{f"new_{name}": getattr(outcome, name) for name in _pins}})
        event = event_of(row, "late_outcome", outcome.at, state=row.state, reason=outcome.code)
        append_events(connection, [{**event, "fence": outcome.fence}])
