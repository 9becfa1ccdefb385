"""The record: what became of attempts, many in one transaction. A worker that lost its claim leaves evidence and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, func, select, update

from siphub.errors import StoreError
from siphub.store.columns import Moment
from siphub.store.history import append_events, event_of
from siphub.store.outbox import ring_successors
from siphub.store.prepared import adding, given, listed, prepared, with_lists
from siphub.store.rows import BLOCKING, DeliveryRow, OutcomeRow, Recorded
from siphub.store.tables import attempt, delivery, outbox

_NEW_STATE = prepared(
    update(delivery)
    .where(
        delivery.c.id == given("this_id"),
        delivery.c.owner == given("this_owner"),
        delivery.c.state == "sending",
        delivery.c.fence == given("this_fence"),
    )
    .values(
        state=given("new_state"),
        reason=given("new_reason"),
        updated_at=given("new_updated_at"),
        uncertain=given("new_uncertain"),
        lease_until=None,
        waits=None,
        recall_pending=False,
        expired_leases=delivery.c.expired_leases + given("new_lease_expired", Integer),
        next_at=func.coalesce(given("new_next_at", Moment), delivery.c.next_at),
        pinned_mapping=func.coalesce(given("new_pinned_mapping"), delivery.c.pinned_mapping),
        pinned_plugin=func.coalesce(given("new_pinned_plugin"), delivery.c.pinned_plugin),
        pinned_hash=func.coalesce(given("new_pinned_hash"), delivery.c.pinned_hash),
    )
)
_pins = ("pinned_mapping", "pinned_plugin", "pinned_hash")
_NEW_PINS = prepared(
    update(delivery)
    .where(delivery.c.id == given("this_id"), delivery.c.owner == given("this_owner"), delivery.c.fence == given("this_fence"))
    .values({name: func.coalesce(delivery.c[name], given(f"new_{name}")) for name in _pins})
)
_ENDED = prepared(
    update(attempt)
    .where(
        attempt.c.delivery_id == given("this_id"),
        attempt.c.owner == given("this_owner"),
        attempt.c.fence == given("this_fence"),
        attempt.c.finished_at.is_(None),
    )
    .values({name: given(f"new_{name}") for name in ("finished_at", "payload_hash", "outcome", "code", "said", "late")})
)
_LOCKED = with_lists(
    lambda sizes: select(delivery).where(delivery.c.id.in_(listed("ids", sizes))).order_by(delivery.c.id).with_for_update(key_share=True)
)
_RING = adding(outbox, "id")


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
    found = _LOCKED.rows(DeliveryRow, connection, {"ids": ids}) if ids else ()
    return {row.id: row for row in found}


def _apply(connection: Connection, applied: Sequence[tuple[OutcomeRow, DeliveryRow]]) -> None:
    if not applied:
        return
    _NEW_STATE.each(connection, [_delivery_values(outcome, row) for outcome, row in applied])
    _ENDED.each(connection, [_attempt_values(outcome, row, late=False) for outcome, row in applied])
    append_events(
        connection,
        [event_of(row, outcome.event, outcome.at, state=outcome.state, reason=outcome.reason) for outcome, row in applied],
    )
    again = [_bell(outcome, row) for outcome, row in applied if outcome.state == "queued"]
    if again:
        _RING.each(connection, again)
    ring_successors(connection, [row.id for outcome, row in applied if outcome.state not in BLOCKING])


def _this(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    return {"this_id": row.id, "this_owner": row.owner, "this_fence": outcome.fence}


def _delivery_values(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    names = ("state", "reason", "uncertain", "next_at", *_pins)
    counted = {"new_updated_at": outcome.at, "new_lease_expired": int(outcome.lease_expired)}
    return {**_this(outcome, row), **counted, **{f"new_{name}": getattr(outcome, name) for name in names}}


def _attempt_values(outcome: OutcomeRow, row: DeliveryRow, *, late: bool) -> dict[str, Any]:
    names = ("payload_hash", "outcome", "code", "said")
    values = {f"new_{name}": getattr(outcome, name) for name in names}
    return {**_this(outcome, row), **values, "new_finished_at": outcome.at, "new_late": late}


def _bell(outcome: OutcomeRow, row: DeliveryRow) -> dict[str, Any]:
    due = outcome.next_at or outcome.at
    return {"owner": row.owner, "delivery_id": row.id, "adapter": row.adapter, "endpoint": row.endpoint, "due_at": due, "granted": False}


def _keep_late(connection: Connection, outcome: OutcomeRow, row: DeliveryRow) -> None:
    """Keep what a worker says that lost its claim: on its own attempt, and in the history. Said twice, it is kept once.

    Where no later attempt has begun, a partner's receipt may have been quicker than the record: what was sent is pinned all the same.
    """
    if _ENDED.run(connection, **_attempt_values(outcome, row, late=True)) == 1:
        _NEW_PINS.run(connection, **_this(outcome, row), **{f"new_{name}": getattr(outcome, name) for name in _pins})
        event = event_of(row, "late_outcome", outcome.at, state=row.state, reason=outcome.code)
        append_events(connection, [{**event, "fence": outcome.fence}])
