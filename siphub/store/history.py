"""What happened to deliveries: attempts and events, what partners said, and what was fetched from them. Events are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from siphub.store.columns import Topic, insert_missing, values_of
from siphub.store.prepared import adding, given, prepared
from siphub.store.rows import AttemptRow, DeliveryRow, EventRow, ReceiptRow
from siphub.store.tables import attempt, delivery_event, inbound, receipt


def event_of(row: DeliveryRow, event: str, at: datetime, *, state: str, reason: str | None) -> dict[str, Any]:
    """Return the columns of an event about a delivery."""
    return {
        "owner": row.owner,
        "delivery_id": row.id,
        "at": at,
        "event": event,
        "state": state,
        "reason": reason,
        "fence": row.fence,
    }


_ADD_EVENT = adding(delivery_event, "id")
_OF_DELIVERY = prepared(
    select(delivery_event)
    .where(delivery_event.c.delivery_id == given("this"), delivery_event.c.owner == given("of"))
    .order_by(delivery_event.c.id)
)


def append_events(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Add events, in this order."""
    _ADD_EVENT.each(connection, events)


class Attempts(Topic):
    """The claims of deliveries; the claim opens an attempt, the record closes it."""

    def of_delivery(self, owner: str, delivery_id: str) -> tuple[AttemptRow, ...]:
        """Return the attempts of a delivery, first to last."""
        mine = (attempt.c.delivery_id == delivery_id, attempt.c.owner == owner)
        return self._all(AttemptRow, select(attempt).where(*mine).order_by(attempt.c.fence))


class Events(Topic):
    """What happened to a delivery, in order."""

    def append(self, row: EventRow) -> None:
        """Add an event; its id is given by the store."""
        append_events(self._connection, [{name: value for name, value in values_of(row).items() if name != "id"}])

    def of_delivery(self, owner: str, delivery_id: str) -> tuple[EventRow, ...]:
        """Return the events of a delivery, oldest first."""
        return _OF_DELIVERY.rows(EventRow, self._connection, of=owner, this=delivery_id)


class Receipts(Topic):
    """Partners' receipts. One may come before our own record of the attempt; it is kept until it can be matched."""

    def add(self, row: ReceiptRow) -> bool:
        """Keep a receipt; return False where the same one of the same organisation is there already."""
        return insert_missing(self._connection, receipt, values_of(row))

    def of_key(self, key: str) -> tuple[ReceiptRow, ...]:
        """Return the receipts for a delivery's key, oldest first."""
        return self._all(ReceiptRow, select(receipt).where(receipt.c.key == key).order_by(receipt.c.received_at, receipt.c.kind))

    def unmatched(self, limit: int = 100, skip: int = 0) -> tuple[ReceiptRow, ...]:
        """Return receipts that belong to no delivery yet, oldest first."""
        query = select(receipt).where(receipt.c.matched_at.is_(None)).order_by(receipt.c.received_at)
        return self._all(ReceiptRow, query.limit(limit).offset(skip))

    def mark_matched(self, row: ReceiptRow, owner: str, at: datetime) -> bool:
        """Note whose delivery a receipt is about; return False where that was done already."""
        mine = (receipt.c.key == row.key, receipt.c.adapter == row.adapter, receipt.c.kind == row.kind)
        open_yet = (receipt.c.organisation == row.organisation, receipt.c.matched_at.is_(None))
        return self._connection.execute(update(receipt).where(*mine, *open_yet).values(owner=owner, matched_at=at)).rowcount == 1


class Inbound(Topic):
    """What has been fetched from partners, so that nothing fetched twice has a second effect. The owner is the organisation polled for."""

    def seen(self, owner: str, adapter: str, partner_id: str) -> bool:
        """Say whether this was stored before."""
        mine = (inbound.c.owner == owner, inbound.c.adapter == adapter, inbound.c.partner_id == partner_id)
        return self._connection.scalar(select(inbound.c.partner_id).where(*mine)) is not None

    def refused(self, owner: str, adapter: str, partner_id: str) -> str | None:
        """Return the code with which something that was seen before was refused; None where it was taken."""
        mine = (inbound.c.owner == owner, inbound.c.adapter == adapter, inbound.c.partner_id == partner_id)
        code: str | None = self._connection.scalar(select(inbound.c.code).where(*mine))
        return code

    def add(self, owner: str, adapter: str, partner_id: str, at: datetime, code: str | None = None) -> bool:
        """Remember it, with the code where it was refused; return False where it was stored before."""
        values = {"owner": owner, "adapter": adapter, "partner_id": partner_id, "at": at, "code": code}
        return insert_missing(self._connection, inbound, values)

    def judged_anew(self, owner: str, adapter: str, partner_id: str, at: datetime, code: str | None) -> None:
        """Remember of what was refused before that it is taken now, or refused for another reason."""
        mine = (inbound.c.owner == owner, inbound.c.adapter == adapter, inbound.c.partner_id == partner_id, inbound.c.code.is_not(None))
        self._connection.execute(update(inbound).where(*mine).values(at=at, code=code))
