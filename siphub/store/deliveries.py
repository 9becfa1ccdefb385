"""The deliveries: adding them in line, finding them, and changing their state under a guard. The claim and the record have files of their own.

Every change of state writes an event and rings whoever waited, in the same transaction. Nothing here knows which change is allowed: the
caller says which states it expects, and a delivery in another state is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from siphub.store.columns import Topic, exactly, one_of, values_of
from siphub.store.history import append_events, event_of
from siphub.store.outbox import ring_deliveries, ring_successors
from siphub.store.prepared import Prepared, adding, given, listed, prepared, with_lists
from siphub.store.rows import BLOCKING, UNSETTLED, Change, DeliveryRow, Move
from siphub.store.tables import delivery, outbox

_before = delivery.alias("before")
_line = delivery.alias("line")
_queued = delivery.c.state == exactly("queued")
_head = or_(_before.c.id.is_(None), _before.c.state.not_in(sorted(BLOCKING)))
_in_outbox = exists(select(outbox.c.id).where(outbox.c.delivery_id == delivery.c.id))
_with_predecessor = delivery.outerjoin(_before, and_(_before.c.id == delivery.c.prev_id, _before.c.owner == delivery.c.owner))

_ACCEPTED = {"queued": "accept.queue", "held": "accept.hold", "withheld": "accept.withhold"}
"""The states a delivery may begin in, and the event that says so."""

_FOLLOWS = frozenset({"gave_up", "held", "queued"})
"""The states in which nothing has gone out that may have arrived: a delivery goes where its recipient went."""


_ADD = adding(delivery)
_BY_ID = prepared(select(delivery).where(delivery.c.id == given("this")))
_of_case = (delivery.c.owner == given("of"), delivery.c.case_id == given("within"))
_OF_CASE = prepared(select(delivery).where(*_of_case).order_by(delivery.c.position, delivery.c.recipient, delivery.c.id))
_of_message = (delivery.c.owner == given("of"), delivery.c.message_row == given("message"))
_OF_MESSAGE = prepared(select(delivery).where(*_of_message).order_by(delivery.c.recipient, delivery.c.id))
_LOCK_CASE = prepared(select(delivery).where(*_of_case).order_by(delivery.c.id).with_for_update(key_share=True))
_LOCK_UNSENT = with_lists(
    lambda sizes: (
        select(delivery)
        .where(*_of_case, delivery.c.object_id == given("about"), delivery.c.state.in_(listed("states", sizes)))
        .order_by(delivery.c.id)
        .with_for_update(key_share=True)
    )
)


def _shared(these: Sequence[Any]) -> Select[Any]:
    """Return the query for the states of these deliveries, locked FOR SHARE.

    A recorder that is just ending one of them either sees what is put behind it, and rings that, or we see its new state.
    """
    query = select(delivery.c.recipient, delivery.c.id, delivery.c.state).where(delivery.c.id.in_(these))
    return query.order_by(delivery.c.id).with_for_update(read=True)


def _last(recipient: BindParameter[str]) -> ScalarSelect[str]:
    mine = (_line.c.owner == given("of"), _line.c.case_id == given("within"), _line.c.recipient == recipient)
    backwards = (_line.c.position.desc(), _line.c.created_at.desc(), _line.c.id.desc())
    return select(_line.c.id).where(*mine).order_by(*backwards).limit(literal_column("1")).scalar_subquery()


_STATES = with_lists(lambda sizes: _shared(listed("ids", sizes)))
_TAILS = with_lists(lambda sizes: _shared([_last(recipient) for recipient in listed("recipients", sizes)]))


@cache
def _expected(*, ends: bool, fenced: bool) -> Prepared:
    """Return the query for deliveries that are as a change expects, locked; what a withdrawal has marked is never, where their attempt ends.

    That ends only by `record_one`, under the case's lock: nobody else would call it back.
    """
    ended = (or_(delivery.c.state != "sending", delivery.c.recall_pending.is_(False)),) if ends else ()
    under = (delivery.c.fence == given("fence"),) if fenced else ()
    return with_lists(
        lambda sizes: (
            select(delivery)
            .where(delivery.c.id.in_(listed("ids", sizes)), delivery.c.state.in_(listed("states", sizes)), *ended, *under)
            .order_by(delivery.c.id)
            .with_for_update(key_share=True)
        )
    )


@cache
def _change(names: tuple[str, ...], *, counts: bool) -> Prepared:
    """Return the update of these columns; `counts` one more lease that has run out."""
    values: dict[str, Any] = {name: given(f"new_{name}") for name in names}
    counted = {"expired_leases": delivery.c.expired_leases + 1} if counts else {}
    return with_lists(lambda sizes: update(delivery).where(delivery.c.id.in_(listed("ids", sizes))).values({**values, **counted}))


_open = (delivery.c.sender_organisation == given("of"), one_of(delivery.c.state, ["queued", "sending"]))
_OPEN = prepared(select(func.count()).select_from(select(delivery.c.id).where(*_open).limit(given("at_most", Integer)).subquery()))


def _due(now: datetime) -> Select[Any]:
    """Return the query for deliveries that could be claimed now: queued, due, first in their line, and waiting for nobody."""
    due = (_queued, delivery.c.waits.is_(None), delivery.c.next_at <= now, _head)
    return select(delivery).select_from(_with_predecessor).where(*due).order_by(delivery.c.next_at)


def _in_states(states: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Return what keeps to some states, and to the index of those that are not settled where it has them all."""
    if set(states) <= set(UNSETTLED):
        return (one_of(delivery.c.state, sorted(states)), one_of(delivery.c.state, UNSETTLED))
    return (delivery.c.state.in_(sorted(states)),)


@dataclass(frozen=True, slots=True)
class Tail:
    """The last delivery of a recipient's line in a case, and whether whatever comes next waits for it."""

    id: str
    blocks: bool


class Deliveries(Topic):
    """One row per message and recipient."""

    # ── adding ──

    def add(self, rows: Sequence[DeliveryRow], tails: Mapping[str, Tail] | None = None) -> None:
        """Add deliveries, and ring those that are queued and first in their line. The caller holds the case lock and has set `prev_id`.

        Args:
            rows: The deliveries.
            tails: What `line_tails` has just said, where each `prev_id` comes from there.
        """
        if not rows:
            return
        found = self._states(row.prev_id for row in rows if row.prev_id) if tails is None else tails.values()
        blocked = {each.id for each in found if each.blocks} | {row.id for row in rows if row.state in BLOCKING}
        waits = {row.id: "line" if row.prev_id in blocked else None for row in rows}
        added = [{**values_of(row), "queued_at": row.queued_at or row.created_at, "waits": waits[row.id]} for row in rows]
        _ADD.each(self._connection, added)
        append_events(
            self._connection, [event_of(row, _ACCEPTED[row.state], row.created_at, state=row.state, reason=row.reason) for row in rows]
        )
        ring_deliveries(self._connection, [row.id for row in rows if row.state == "queued" and row.prev_id not in blocked])

    def _states(self, ids: Iterable[str]) -> list[Tail]:
        wanted = sorted(set(ids))
        found = _STATES.all(self._connection, {"ids": wanted}) if wanted else ()
        return [Tail(str(delivery_id), state in BLOCKING) for _, delivery_id, state in found]

    def line_tails(self, owner: str, case_id: str, recipients: Collection[str]) -> dict[str, Tail]:
        """Return, for each recipient that has one, the last delivery of its line in the case: its id is the next one's `prev_id`.

        The caller holds the case lock; on PostgreSQL what is found keeps its state until the transaction ends.
        """
        wanted = sorted(recipients)
        found = _TAILS.all(self._connection, {"recipients": wanted}, of=owner, within=case_id) if wanted else ()
        return {str(recipient): Tail(str(delivery_id), state in BLOCKING) for recipient, delivery_id, state in found}

    def line_tail(self, owner: str, case_id: str, recipient: str) -> str | None:
        """Return the id of the last delivery of one line, or None."""
        found = self.line_tails(owner, case_id, [recipient]).get(recipient)
        return found.id if found is not None else None

    # ── finding ──

    def get(self, owner: str, delivery_id: str) -> DeliveryRow | None:
        """Return one delivery of an owner."""
        return self._first(DeliveryRow, select(delivery).where(delivery.c.id == delivery_id, delivery.c.owner == owner))

    def by_id(self, delivery_id: str) -> DeliveryRow | None:
        """Return a delivery by its id alone: for workers and operators."""
        return _BY_ID.row(DeliveryRow, self._connection, this=delivery_id)

    def find_by_key(self, key: str) -> DeliveryRow | None:
        """Return the delivery sent under an idempotency key."""
        return self._first(DeliveryRow, select(delivery).where(delivery.c.key == key))

    def of_message(self, owner: str, message_row: str) -> tuple[DeliveryRow, ...]:
        """Return the deliveries of a message, by recipient."""
        return _OF_MESSAGE.rows(DeliveryRow, self._connection, of=owner, message=message_row)

    def of_case(self, owner: str, case_id: str) -> tuple[DeliveryRow, ...]:
        """Return the deliveries of a case, in order."""
        return _OF_CASE.rows(DeliveryRow, self._connection, of=owner, within=case_id)

    def lock_case(self, owner: str, case_id: str) -> tuple[DeliveryRow, ...]:
        """Return the deliveries of a case, locked, by id: what a withdrawal looks at, after it has locked the case."""
        return _LOCK_CASE.rows(DeliveryRow, self._connection, of=owner, within=case_id)

    def lock_unsent(self, owner: str, case_id: str, object_id: str, states: Collection[str]) -> tuple[DeliveryRow, ...]:
        """Return the deliveries about an object that are in one of these states, locked, by id; the caller has locked the case."""
        return _LOCK_UNSENT.rows(DeliveryRow, self._connection, {"states": sorted(states)}, of=owner, within=case_id, about=object_id)

    def page(
        self, *, owner: str | None = None, states: Collection[str] | None = None, after: str | None = None, limit: int = 50
    ) -> tuple[DeliveryRow, ...]:
        """Return up to `limit` deliveries by id, from behind the id `after`."""
        query = select(delivery).order_by(delivery.c.id).limit(limit)
        if owner is not None:
            query = query.where(delivery.c.owner == owner)
        if states is not None:
            query = query.where(*_in_states(states))
        if after is not None:
            query = query.where(delivery.c.id > after)
        return self._all(DeliveryRow, query)

    # ── counting ──

    def counts(self, owner: str | None = None, states: Collection[str] | None = None) -> dict[str, int]:
        """Return how many deliveries are in each state. Reads every delivery ever, unless told which `states`, all of them in `UNSETTLED`."""
        query = select(delivery.c.state, func.count()).group_by(delivery.c.state).order_by(delivery.c.state)
        if owner is not None:
            query = query.where(delivery.c.owner == owner)
        if states is not None:
            query = query.where(*_in_states(states))
        return {str(state): int(number) for state, number in self._connection.execute(query)}

    def open_work(self, sender_organisation: str, at_most: int) -> int:
        """Return how many of an organisation's deliveries are queued or being sent, counting no further than `at_most`."""
        found = _OPEN.first(self._connection, of=sender_organisation, at_most=at_most)
        return int(found[0]) if found else 0

    # ── what the sweep looks for ──

    def expired_leases(self, now: datetime, limit: int, skip: int = 0) -> tuple[DeliveryRow, ...]:
        """Return deliveries whose worker has been silent for too long, longest first."""
        gone = (delivery.c.state == exactly("sending"), delivery.c.lease_until <= now)
        return self._all(DeliveryRow, select(delivery).where(*gone).order_by(delivery.c.lease_until).limit(limit).offset(skip))

    def expired(self, now: datetime, limit: int) -> tuple[DeliveryRow, ...]:
        """Return unsent deliveries (queued or held) that are past their `expires_at`."""
        past = (one_of(delivery.c.state, ["held", "queued"]), delivery.c.expires_at.is_not(None), delivery.c.expires_at <= now)
        return self._all(DeliveryRow, select(delivery).where(*past).order_by(delivery.c.expires_at).limit(limit))

    def untold(self, limit: int, skip: int = 0) -> tuple[DeliveryRow, ...]:
        """Return deliveries that ended without arriving and whose sender has not been told, oldest first; never a word about such a word itself."""
        failed = (
            one_of(delivery.c.state, ["expired", "gave_up", "rejected"]),
            delivery.c.told_at.is_(None),
            delivery.c.message_type != exactly("delivery.failed"),
        )
        return self._all(DeliveryRow, select(delivery).where(*failed).order_by(delivery.c.updated_at).limit(limit).offset(skip))

    def mark_told(self, delivery_id: str, at: datetime, states: Collection[str] = ("expired", "gave_up", "rejected")) -> bool:
        """Note that the sender is told of a delivery that failed; return False where that was done, or it is in none of these states any more."""
        open_yet = (one_of(delivery.c.state, sorted(states)), delivery.c.told_at.is_(None))
        query = update(delivery).where(delivery.c.id == delivery_id, *open_yet).values(told_at=at)
        return self._connection.execute(query).rowcount == 1

    def awaiting(
        self,
        before: datetime,
        limit: int,
        skip: int = 0,
        *,
        at: Collection[tuple[str, str]] | None = None,
        not_at: Collection[tuple[str, str]] = (),
        adapter: str | None = None,
    ) -> tuple[DeliveryRow, ...]:
        """Return deliveries that have waited for a receipt since `before` and whose sender has not been told, longest first.

        `at` are the places they went to, as adapter and endpoint, where not every one is meant but for those in `not_at`; `adapter` is whose alone.
        """
        place = tuple_(delivery.c.adapter, delivery.c.endpoint)
        there = [place.in_(sorted(at))] if at is not None else [place.not_in(sorted(not_at))] if not_at else []
        whose = [delivery.c.adapter == adapter] if adapter is not None else []
        late = (delivery.c.updated_at <= before, delivery.c.told_at.is_(None))
        waiting = (delivery.c.state == exactly("awaiting_receipt"), *late, *whose, *there)
        return self._all(DeliveryRow, select(delivery).where(*waiting).order_by(delivery.c.updated_at).limit(limit).offset(skip))

    def due(self, now: datetime, limit: int, adapter: str | None = None) -> tuple[DeliveryRow, ...]:
        """Return deliveries that could be claimed now: what is handed to local workers while the broker is down."""
        query = _due(now) if adapter is None else _due(now).where(delivery.c.adapter == adapter)
        return self._all(DeliveryRow, query.limit(limit))

    def out_of_patience(self, before: datetime, limit: int) -> tuple[DeliveryRow, ...]:
        """Return deliveries that wait for their partner and have been queued since `before`, longest first."""
        waiting = (_queued, delivery.c.waits == exactly("partner"), delivery.c.queued_at <= before)
        return self._all(DeliveryRow, select(delivery).where(*waiting).order_by(delivery.c.queued_at).limit(limit))

    def ring_forgotten(self, start: str, limit: int) -> int:
        """Ring those of the next `limit` deliveries from the id `start` on that wait behind a predecessor whose turn is over; return how many.

        There should be none. Looked at in slices, from a start by chance, because all of them may be many.
        """
        behind = (_queued, delivery.c.waits == exactly("line"), delivery.c.id >= start)
        some = select(delivery.c.id).where(*behind).order_by(delivery.c.id).limit(limit)
        query = select(delivery.c.id).select_from(_with_predecessor).where(delivery.c.id.in_(some), _queued, _head)
        ids = list(self._connection.scalars(query.with_for_update(of=delivery, skip_locked=True)))
        if ids:
            self._connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(waits=None))
            ring_deliveries(self._connection, ids)
        return len(ids)

    def ring_again(self, now: datetime, older_than: timedelta, limit: int) -> int:
        """Ring deliveries whose bell seems lost: due, unclaimed and not rung for `older_than`; return how many."""
        heard = func.coalesce(delivery.c.rung_at, delivery.c.next_at) > now - older_than
        query = _due(now).with_only_columns(delivery.c.id).where(~heard, ~_in_outbox).limit(limit)
        ids = list(self._connection.scalars(query.with_for_update(of=delivery, skip_locked=True, key_share=True)))
        if ids:
            self._connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(rung_at=now))
            ring_deliveries(self._connection, ids)
        return len(ids)

    def any_unheard(self, now: datetime, before: datetime, adapter: str) -> bool:
        """Say whether something of an adapter has been due since `before`, was rung, and is not claimed."""
        lying = (delivery.c.adapter == adapter, delivery.c.next_at <= before, ~_in_outbox)
        return self._connection.scalar(_due(now).with_only_columns(delivery.c.id).where(*lying).limit(1)) is not None

    # ── changing ──

    def doubt(self, protected: Collection[str]) -> dict[str, int]:
        """Mark whatever waits as perhaps sent already: by a hub that this store, brought back from a backup, knows nothing of.

        What is held for one of the reasons `protected` cannot have been sent. Return how many of each owner. What is being sent is left to
        the sweep, to which it is uncertain as soon as its lease has run out.
        """
        waits = (one_of(delivery.c.state, ["held", "queued"]), delivery.c.uncertain.is_(False))
        may_be = (*waits, func.coalesce(delivery.c.reason, "").not_in(sorted(protected)))
        query = select(delivery.c.owner, func.count()).where(*may_be).group_by(delivery.c.owner).order_by(delivery.c.owner)
        found = {str(owner): int(number) for owner, number in self._connection.execute(query)}
        self._connection.execute(update(delivery).where(*may_be).values(uncertain=True))
        return found

    def change(self, delivery_id: str, change: Change) -> bool:
        """Change one delivery, if it is as the change expects; return whether it was."""
        return bool(self.change_all([delivery_id], change))

    def change_all(self, ids: Collection[str], change: Change) -> tuple[str, ...]:
        """Change every one of these deliveries that is as the change expects; write events, ring successors. Return the ids changed."""
        if not ids:
            return ()
        lists = {"ids": sorted(ids), "states": sorted(change.from_states)}
        expected = _expected(ends=change.to_state != "sending", fenced=change.fence is not None)
        fence = {} if change.fence is None else {"fence": change.fence}
        rows = expected.rows(DeliveryRow, self._connection, lists, **fence)
        changed = [row.id for row in rows]
        if changed:
            values = _changed(change)
            named = {f"new_{name}": value for name, value in values.items()}
            _change(tuple(values), counts=change.lease_expired).run(self._connection, {"ids": changed}, **named)
            append_events(
                self._connection, [event_of(row, change.event, change.at, state=change.to_state, reason=change.reason) for row in rows]
            )
            self._ring_after(changed, change)
        return tuple(changed)

    def follow(self, move: Move) -> None:
        """Let a unit's successor stand in its place in a case: what waits for the one goes to the other. The caller holds the case's lock.

        The successor's grants count for whatever was made for the unit. What was sent, or may have been, keeps the recipient it went to;
        what was made for both is sent once.
        """
        case = (delivery.c.owner == move.owner, delivery.c.case_id == move.case_id)
        self._connection.execute(update(delivery).where(*case, delivery.c.party == move.unit).values(party=move.successor))
        waiting = (*case, delivery.c.recipient == move.unit, delivery.c.state.in_(sorted(_FOLLOWS)), delivery.c.uncertain.is_(False))
        theirs = (_before.c.owner == move.owner, _before.c.case_id == move.case_id, _before.c.recipient == move.successor)
        both = delivery.c.message_row.in_(select(_before.c.message_row).where(*theirs))
        self.change_all(list(self._connection.scalars(select(delivery.c.id).where(*waiting, both))), _once(move.at))
        rows = self._all(DeliveryRow, select(delivery).where(*waiting).order_by(delivery.c.id).with_for_update(key_share=True))
        if not rows:
            return
        there = {} if move.endpoint is None else {"adapter": move.adapter, "endpoint": move.endpoint}
        ids = [row.id for row in rows]
        self._connection.execute(
            update(delivery).where(delivery.c.id.in_(ids)).values(recipient=move.successor, updated_at=move.at, **there)
        )
        away = [row.id for row in rows if row.waits == "partner"]
        self._connection.execute(update(delivery).where(delivery.c.id.in_(away)).values(waits=None))
        ring_deliveries(self._connection, away)  # the partner they waited for is not theirs any more
        append_events(self._connection, [event_of(row, "unit.followed", move.at, state=row.state, reason=row.reason) for row in rows])

    def _ring_after(self, changed: Sequence[str], change: Change) -> None:
        if change.to_state == "queued":
            ring_deliveries(self._connection, changed)
        elif change.to_state not in BLOCKING:
            ring_successors(self._connection, changed)


def _once(at: datetime) -> Change:
    return Change(from_states=_FOLLOWS, to_state="superseded", event="supersede", at=at, reason="superseded")


def _changed(change: Change) -> dict[str, ColumnElement[Any] | object]:
    """Return the columns a change sets."""
    values: dict[str, ColumnElement[Any] | object] = {
        "state": change.to_state,
        "reason": change.reason,
        "updated_at": change.at,
        "waits": None,
    }
    for name in ("next_at", "uncertain", "recall_pending", "adapter", "endpoint"):
        if getattr(change, name) is not None:
            values[name] = getattr(change, name)
    if change.to_state != "sending":
        values["lease_until"] = None
    if change.to_state in {"queued", "rejected"}:
        values["told_at"] = None  # what is tried again may fail again, and a no is more than a silence
    if change.to_state == "queued" and "sending" not in change.from_states:
        values["queued_at"] = change.at
    return values
