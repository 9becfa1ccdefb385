"""Partners: how each stands, and the deliveries that wait at one without a bell.

A delivery without a bell is in no outbox and in no broker, and no query that looks for due deliveries reads past it. Whoever marks one or
takes marks away holds the partner's row, so that none is forgotten between the two. Order of locks: case, delivery, partner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update

from siphub.store.columns import Topic, exactly, insert_missing, values_of
from siphub.store.outbox import ring_deliveries
from siphub.store.rows import NO_OWNER
from siphub.store.rows_partners import Load, PartnerRow, Place
from siphub.store.tables import delivery, partner

_queued = delivery.c.state == exactly("queued")
_parked = delivery.c.waits == exactly("partner")
_rung = delivery.c.waits.is_(None)
_notable = or_(partner.c.state != "closed", partner.c.failures > 0, partner.c.window.is_not(None), partner.c.waiting)


def _at(place: Place) -> ColumnElement[bool]:
    return and_(delivery.c.adapter == place[0], delivery.c.endpoint == place[1])


def _one(place: Place) -> ColumnElement[bool]:
    return and_(partner.c.owner == NO_OWNER, partner.c.adapter == place[0], partner.c.endpoint == place[1])


class Partners(Topic):
    """One row per endpoint that something is to be said of."""

    # ── how they stand ──

    def all(self) -> tuple[PartnerRow, ...]:
        """Return every row, by adapter and endpoint."""
        return self._all(PartnerRow, select(partner).order_by(partner.c.adapter, partner.c.endpoint))

    def notable(self) -> tuple[PartnerRow, ...]:
        """Return those that fail, are held back, or have deliveries waiting."""
        return self._all(PartnerRow, select(partner).where(_notable).order_by(partner.c.adapter, partner.c.endpoint))

    def get(self, place: Place) -> PartnerRow | None:
        """Return how one stands, or None where nothing was ever to be said of it."""
        return self._first(PartnerRow, select(partner).where(_one(place)))

    def lock(self, places: Iterable[Place]) -> dict[Place, PartnerRow]:
        """Return these, made where they are missing, locked in order until the commit."""
        found = {}
        for place in sorted(set(places)):
            query = select(partner).where(_one(place)).with_for_update()
            row = self._first(PartnerRow, query)
            if row is None:
                fresh = PartnerRow(adapter=place[0], endpoint=place[1])
                insert_missing(self._connection, partner, values_of(fresh))
                row = self._first(PartnerRow, query) or fresh
            found[place] = row
        return found

    def save(self, rows: Iterable[PartnerRow]) -> None:
        """Write rows that are locked."""
        for row in rows:
            self._connection.execute(update(partner).where(_one(row.place)).values(values_of(row)))

    # ── what is out to them ──

    def sending(self, places: Collection[Place]) -> Mapping[Place, int]:
        """Return how many deliveries are being sent to each of these, by every process; one that has none is left out."""
        if not places:
            return {}
        query = select(delivery.c.adapter, delivery.c.endpoint, func.count())
        query = query.where(delivery.c.state == exactly("sending"), delivery.c.lease_until.is_not(None))
        counted = self._connection.execute(query.group_by(delivery.c.adapter, delivery.c.endpoint))
        return {(adapter, endpoint): number for adapter, endpoint, number in counted if (adapter, endpoint) in places}

    def load(self, place: Place, now: datetime, at_most: int) -> Load:
        """Return what is out to one: being sent, and rung and not claimed yet, the latter counted no further than `at_most`."""
        some = select(delivery.c.id).where(_queued, _rung, _at(place), delivery.c.next_at <= now).limit(at_most).subquery()
        unclaimed = self._connection.scalar(select(func.count()).select_from(some)) or 0
        return Load(self.sending([place]).get(place, 0), unclaimed)

    def waiting(self, places: Collection[Place] | None = None) -> Mapping[Place, int]:
        """Return how many deliveries wait without a bell, by partner: of these, or of all."""
        query = select(delivery.c.adapter, delivery.c.endpoint, func.count()).where(_queued, _parked)
        if places is not None:
            query = query.where(or_(*map(_at, sorted(places)))) if places else query.where(literal(value=False))
        counted = self._connection.execute(query.group_by(delivery.c.adapter, delivery.c.endpoint))
        return {(adapter, endpoint): number for adapter, endpoint, number in counted}

    # ── without a bell ──

    def park(self, ids: Mapping[Place, Collection[str]]) -> None:
        """Let queued deliveries wait at a partner without a bell, and go to that one. The caller forgets what bells there are in the same transaction.

        Whoever has locked partners before has locked all of these with them.
        """
        wanted = [one for found in ids.values() for one in found]
        if not wanted:
            return
        # The partners' rows first, but never waiting for a delivery while they are held: one that somebody else holds keeps its mark, and is
        # rung again if it was not claimed.
        free = select(delivery.c.id).where(delivery.c.id.in_(sorted(wanted)), _queued).order_by(delivery.c.id)
        held = set(self._connection.scalars(free.with_for_update(skip_locked=True)))
        for row in self.lock(ids).values():
            if not row.waiting:
                self._connection.execute(update(partner).where(_one(row.place)).values(waiting=True))
        for (adapter, endpoint), theirs in ids.items():
            there = {"adapter": adapter, "endpoint": endpoint, "waits": "partner"}
            self._connection.execute(update(delivery).where(delivery.c.id.in_(sorted(held.intersection(theirs)))).values(there))

    def ring(self, place: Place, now: datetime, limit: int) -> int:
        """Ring up to `limit` of the deliveries that wait at a partner, longest due first; return how many. The caller holds its row.

        Where fewer are found nothing waits there any more.
        """
        query = select(delivery.c.id).where(_queued, _parked, _at(place), delivery.c.next_at <= now)
        query = query.order_by(delivery.c.next_at).limit(limit).with_for_update(skip_locked=True)
        ids: Sequence[str] = list(self._connection.scalars(query))
        if ids:
            self._connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(waits=None, rung_at=now))
            ring_deliveries(self._connection, ids, granted=True)
        return len(ids)

    def any_waiting(self, place: Place) -> bool:
        """Say whether any delivery waits at a partner without a bell."""
        return self._connection.scalar(select(delivery.c.id).where(_queued, _parked, _at(place)).limit(1)) is not None

    def forgotten(self) -> tuple[Place, ...]:
        """Return the partners at which deliveries wait though their row does not say so: there should be none."""
        said = {row.place for row in self.all() if row.waiting}
        return tuple(sorted(set(self.waiting()) - said))
