"""The claim: the moment at which it is decided, under a lock no withdrawal can pass, that a delivery may leave.

One transaction, READ COMMITTED on PostgreSQL, *separate statements* in this order: the cases' rows for sharing; then deliveries with grants
for update; then the predecessors; then the verdicts; then the writes. Joining the lock and the grants into one statement leaks: after
waiting it still reads the old grants. Always case before delivery, always sorted. No I/O, plugin or unsealing in here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from siphub.errors import StoreBusy, StoreError
from siphub.store.columns import exactly, values_of
from siphub.store.history import append_events, event_of
from siphub.store.outbox import ring_successors
from siphub.store.partners import Partners
from siphub.store.prepared import Prepared, adding, given, listed, prepared, with_lists
from siphub.store.rows import BLOCKING, CLOCKS_APART, NO_OWNER, Accept, AttemptRow, ClaimedRow, DeliveryRow, GrantRow, Permitted, Refusal
from siphub.store.rows_partners import Admit, Admitted, PartnerRow, Place
from siphub.store.tables import attempt, consent_grant, delivery, sip_case
from siphub.store.tables_operation import switch

_DELIVERY = tuple(column.name for column in delivery.c)
_GRANT = tuple(column.name for column in consent_grant.c)
_satisfies = and_(
    consent_grant.c.owner == delivery.c.owner,
    consent_grant.c.case_id == delivery.c.case_id,
    or_(consent_grant.c.party == delivery.c.party, consent_grant.c.party == delivery.c.party_organisation),
    or_(delivery.c.direction == exactly("either"), consent_grant.c.direction.in_([exactly("both"), delivery.c.direction])),
)
_in_case = and_(sip_case.c.owner == delivery.c.owner, sip_case.c.case_id == delivery.c.case_id)
_SENDING = prepared(select(switch.c.value).where(switch.c.owner == NO_OWNER, switch.c.name == "sending"))


def _lock(sizes: Mapping[str, int]) -> Select[Any]:
    of_deliveries = select(delivery.c.case_id, delivery.c.owner).where(delivery.c.id.in_(listed("ids", sizes))).distinct()
    mine = tuple_(sip_case.c.case_id, sip_case.c.owner).in_(of_deliveries)
    return select(sip_case.c.case_id).where(mine).order_by(sip_case.c.case_id, sip_case.c.owner).with_for_update(read=True)


def _read(sizes: Mapping[str, int]) -> Select[Any]:
    columns: list[Any] = [*delivery.c, sip_case.c.consent_version, *consent_grant.c]
    due = (delivery.c.id.in_(listed("ids", sizes)), delivery.c.state == "queued", delivery.c.next_at <= given("now"))
    joined = delivery.join(sip_case, _in_case).outerjoin(consent_grant, _satisfies)
    query = select(*columns).select_from(joined).where(*due).order_by(delivery.c.id, consent_grant.c.scope)
    return query.with_for_update(of=delivery, key_share=True)


def _blocking(sizes: Mapping[str, int]) -> Select[Any]:
    return select(delivery.c.id).where(delivery.c.id.in_(listed("ids", sizes)), delivery.c.state.in_(sorted(BLOCKING)))


def _in_flight(sizes: Mapping[str, int]) -> Select[Any]:
    # Two plain lists, not one of triples: SQLite finds the triples by reading everything in flight.
    mine = (delivery.c.owner.in_(listed("owners", sizes)), delivery.c.case_id.in_(listed("cases", sizes)))
    return select(delivery.c.owner, delivery.c.case_id, delivery.c.recipient).where(delivery.c.state == exactly("sending"), *mine)


_LOCK_CASES, _CANDIDATES, _BLOCKING, _IN_FLIGHT = (with_lists(make) for make in (_lock, _read, _blocking, _in_flight))


@dataclass(slots=True)
class Candidate:
    """A queued delivery as the claim read it, with what its parties are granted."""

    delivery: DeliveryRow
    consent_version: int
    grants: list[GrantRow] = field(default_factory=list)

    @property
    def line(self) -> tuple[str, str, str]:
        """The line it stands in: one at a time."""
        return (self.delivery.owner, self.delivery.case_id, self.delivery.recipient)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whom the partners have room for: asked when everything else has been, so that no lock on a partner is held for long."""

    partners: Partners
    asked: Admit

    def pass_on(self, permitted: Sequence[tuple[Candidate, Permitted]]) -> list[tuple[Candidate, Permitted]]:
        """Return those who may go; who must wait for its partner, which may be another one by now, is marked so.

        The partners that must be looked at, and those at which somebody waits though nothing is to be said of them, are locked at once and in
        order: two claims that locked first the ones and then the others could each wait for the other.
        """
        strict = set(self.asked.strict({_place(each, verdict) for each, verdict in permitted}))
        others = [one for one in permitted if _place(*one) not in strict]
        freely = self._admitted(others, {}, {})
        there = {each.delivery.id: _place(each, verdict) for each, verdict in permitted}
        rows = self.partners.lock({*strict, *(there[one] for one in freely.wait)})
        watched = [one for one in permitted if _place(*one) in strict]
        strictly = self._admitted(watched, {place: rows[place] for place in strict}, self.partners.sending(strict))
        self.partners.save(strictly.changed)
        by_place: dict[Place, list[str]] = {}
        for one in (*freely.wait, *strictly.wait):
            by_place.setdefault(there[one], []).append(one)
        self.partners.park(by_place)
        go = {*freely.go, *strictly.go}
        return [(each, verdict) for each, verdict in permitted if each.delivery.id in go]

    def _admitted(
        self, some: Sequence[tuple[Candidate, Permitted]], rows: Mapping[Place, PartnerRow], sending: Mapping[Place, int]
    ) -> Admitted:
        if not some:
            return Admitted(())
        return self.asked.admit([(each.delivery, verdict) for each, verdict in some], rows, sending)


def _place(each: Candidate, verdict: Permitted) -> Place:
    return (verdict.adapter or each.delivery.adapter, verdict.endpoint or each.delivery.endpoint)


def claim(
    connection: Connection, ids: Iterable[str], *, now: datetime, lease: timedelta, accept: Accept, gate: Gate | None = None
) -> list[ClaimedRow]:
    """Claim the deliveries that may leave now; see `Work.claim`."""
    wanted = sorted(set(ids))
    if not wanted or _stopped(connection):
        return []
    lock_cases(connection, wanted)
    candidates = read_candidates(connection, wanted, now)
    judged = [(each, accept(each.delivery, each.grants, now)) for each in _unblocked(connection, candidates)]
    permitted = [(each, verdict) for each, verdict in judged if isinstance(verdict, Permitted)]
    if gate is not None and permitted:
        permitted = gate.pass_on(permitted)
    claimed = _send(connection, permitted, now, now + lease)
    _refuse(connection, [(each, verdict) for each, verdict in judged if isinstance(verdict, Refusal)], now)
    return claimed


def _stopped(connection: Connection) -> bool:
    found = _SENDING.first(connection)
    return found is not None and found[0] == "stopped"


def lock_cases(connection: Connection, ids: Sequence[str]) -> None:
    """Share the cases' rows, in order: while we hold them no withdrawal can begin. Nothing is read from this statement."""
    _LOCK_CASES.all(connection, {"ids": ids})


def read_candidates(connection: Connection, ids: Sequence[str], now: datetime) -> list[Candidate]:
    """Return the deliveries that are queued and due, locked, by id, with the grants as they stand under the lock.

    Whoever made or rang one may have a clock that is a little ahead: a bell that was taken for too early is not rung again for long.
    """
    candidates: dict[str, Candidate] = {}
    width = len(_DELIVERY)
    for found in _CANDIDATES.all(connection, {"ids": ids}, now=now + CLOCKS_APART):
        row, version = dict(zip(_DELIVERY, found, strict=False)), found[width]
        each = candidates.get(row["id"]) or candidates.setdefault(row["id"], Candidate(DeliveryRow(**row), version))
        grant = dict(zip(_GRANT, found[width + 1 :], strict=True))
        if grant["scope"] is not None:
            each.grants.append(GrantRow(**grant))
    return list(candidates.values())


def _unblocked(connection: Connection, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those whose turn it is: no queued or sending predecessor, nothing of their line in flight, one of each line."""
    if not candidates:
        return []
    blocking = _still_blocking(connection, [each.delivery.prev_id for each in candidates if each.delivery.prev_id])
    _send_back(connection, [each.delivery for each in candidates if each.delivery.prev_id in blocking and each.delivery.waits is None])
    taken = lines_in_flight(connection, {each.line for each in candidates})
    free = []
    for each in sorted(candidates, key=lambda each: (each.delivery.position, each.delivery.id)):
        if each.delivery.prev_id not in blocking and each.line not in taken:
            taken.add(each.line)
            free.append(each)
    return free


def _send_back(connection: Connection, rows: Sequence[DeliveryRow]) -> None:
    """Mark what was rung before its turn: it has no bell any more, and is rung when its predecessor ends."""
    if rows:
        connection.execute(update(delivery).where(delivery.c.id.in_(sorted(row.id for row in rows))).values(waits="line"))


def _still_blocking(connection: Connection, ids: Sequence[str]) -> set[str]:
    if not ids:
        return set()
    return {str(found[0]) for found in _BLOCKING.all(connection, {"ids": sorted(set(ids))})}


def lines_in_flight(connection: Connection, lines: Collection[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Return those of the lines (owner, case, recipient) that have a delivery being sent."""
    lists = {"owners": sorted({owner for owner, _, _ in lines}), "cases": sorted({case_id for _, case_id, _ in lines})}
    found = _IN_FLIGHT.all(connection, lists) if lines else ()
    return {(str(owner), str(case_id), str(recipient)) for owner, case_id, recipient in found}.intersection(lines)


_REFUSED = ("state", "reason", "updated_at")
_SENT = (*_REFUSED, "adapter", "endpoint", "fence", "attempts", "lease_until", "consent_version", "basis", "granted")
_one_queued = update(delivery).where(
    delivery.c.id == given("this_id"), delivery.c.owner == given("this_owner"), delivery.c.state == "queued"
)
_SEND = prepared(_one_queued.values({name: given(f"new_{name}") for name in _SENT}))
_REFUSE = prepared(_one_queued.values({name: given(f"new_{name}") for name in _REFUSED}))
_ATTEMPT = adding(attempt)


def _write(connection: Connection, statement: Prepared, rows: Sequence[DeliveryRow], names: Iterable[str]) -> None:
    changes = [{"this_id": row.id, "this_owner": row.owner, **{f"new_{name}": getattr(row, name) for name in names}} for row in rows]
    statement.each(connection, changes)


def _send(connection: Connection, permitted: Sequence[tuple[Candidate, Permitted]], now: datetime, until: datetime) -> list[ClaimedRow]:
    """Mark them as being sent, under a new fence, and open an attempt for each."""
    rows = [_claimed(each, verdict, now, until) for each, verdict in permitted]
    if rows:
        try:
            _write(connection, _SEND, rows, _SENT)
        except IntegrityError as error:
            raise StoreBusy("another worker claimed in the same line at the same moment; nothing was claimed; try again") from error
        _ATTEMPT.each(connection, [_attempt(row, now) for row in rows])
        append_events(connection, [event_of(row, "claim.permit", now, state="sending", reason=None) for row in rows])
    return [ClaimedRow(row) for row in rows]


def _claimed(each: Candidate, verdict: Permitted, now: datetime, until: datetime) -> DeliveryRow:
    return replace(
        each.delivery,
        state="sending",
        reason=None,
        fence=each.delivery.fence + 1,
        attempts=each.delivery.attempts + 1,
        lease_until=until,
        consent_version=each.consent_version,
        basis=verdict.basis,
        granted=verdict.granted,
        adapter=verdict.adapter or each.delivery.adapter,
        endpoint=verdict.endpoint or each.delivery.endpoint,
        updated_at=now,
    )


def _attempt(row: DeliveryRow, now: datetime) -> dict[str, Any]:
    opened = AttemptRow(row.owner, row.id, row.fence, row.attempts, now, None, row.basis, row.consent_version, None, None, None, late=False)
    return values_of(opened)


def _refuse(connection: Connection, refused: Sequence[tuple[Candidate, Refusal]], now: datetime) -> None:
    """Give them the state and reason of their refusal, and ring whoever waited for them."""
    if not refused:
        return
    if any(verdict.state in BLOCKING for _, verdict in refused):
        raise StoreError("a refusal at the claim must end the delivery's turn: it cannot leave it queued or sending")
    rows = [replace(each.delivery, state=verdict.state, reason=verdict.reason, updated_at=now) for each, verdict in refused]
    _write(connection, _REFUSE, rows, _REFUSED)
    append_events(
        connection,
        [event_of(row, verdict.event, now, state=row.state, reason=row.reason) for row, (_, verdict) in zip(rows, refused, strict=True)],
    )
    ring_successors(connection, [row.id for row in rows])
