"""Rows to test a store with: a case, its messages and deliveries, made up and free of any person. `line` puts a whole line into a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from siphub.store import CaseRow, Change, DeliveryRow, GrantRow, MessageRow, OutcomeRow, Permitted, Refusal, Store, Work

OWNER = "2120000993"
OTHER = "2321000990"
NEIGHBOUR = "2120000985"
UNIT = f"SE{NEIGHBOUR}-HOME"
NOW = datetime(2026, 1, 12, 9, 30, 0, 123456, tzinfo=UTC)
LEASE = timedelta(seconds=60)

OpenStore = Callable[..., Store]
"""What opens one more store on a test's own files."""


def new_case(owner: str = OWNER, case_id: str = "") -> CaseRow:
    """Return a case at version 1."""
    return CaseRow(owner, case_id or str(uuid4()), 1, 1, 0, "SUMMONED", b"sealed case", NOW, NOW)


def new_message(case: CaseRow, seq: int = 1) -> MessageRow:
    """Return a message of a case."""
    unit = f"SE{case.owner}-CARE"
    return MessageRow(
        case.owner, str(uuid4()), str(uuid4()), case.owner, unit, case.case_id, seq, "meeting.summoned", "1.0", b"sealed", NOW, "api"
    )


def new_delivery(message: MessageRow, recipient: str = UNIT, prev_id: str | None = None) -> DeliveryRow:
    """Return a queued delivery of a message, resting on a consent `to` its recipient."""
    return DeliveryRow(
        owner=message.owner,
        id=str(uuid4()),
        case_id=message.case_id,
        message_row=message.id,
        message_id=message.message_id,
        message_type=message.type,
        sender_organisation=message.sender_organisation,
        sender_unit=message.sender_unit,
        recipient=recipient,
        recipient_organisation=NEIGHBOUR,
        recipient_kind="duty_bound",
        adapter="folder",
        endpoint="folder:home",
        position=message.case_seq,
        prev_id=prev_id,
        bases="consent",
        scopes="meeting",
        party=recipient,
        next_at=NOW,
        queued_at=NOW,
        key=str(uuid4()),
        created_at=NOW,
        updated_at=NOW,
    )


def new_grant(case: CaseRow, *, scope: str = "meeting", party: str = UNIT, direction: str = "to") -> GrantRow:
    """Return a grant until further notice."""
    return GrantRow(case.owner, case.case_id, scope, party, direction, None, NOW)


def add_line(work: Work, length: int, *, recipient: str = UNIT, case: CaseRow | None = None) -> tuple[CaseRow, list[DeliveryRow]]:
    """Put a case into the store, with one grant and a line of deliveries to one recipient, and return them."""
    mine = case or new_case()
    if work.cases.add(mine):
        work.grants.replace(mine.owner, mine.case_id, [new_grant(mine, party=recipient)])
    rows: list[DeliveryRow] = []
    for seq in range(1, length + 1):
        message = new_message(mine, seq)
        work.messages.add(message)
        rows.append(new_delivery(message, recipient, work.deliveries.line_tail(mine.owner, mine.case_id, recipient)))
        work.deliveries.add(rows[-1:])
    added = {row.id for row in rows}
    return mine, [row for row in work.deliveries.of_case(mine.owner, mine.case_id) if row.id in added]


def line(store: Store, length: int, *, recipient: str = UNIT) -> tuple[CaseRow, list[DeliveryRow]]:
    """Do the same in a transaction of its own."""
    with store.write() as work:
        return add_line(work, length, recipient=recipient)


def by_grants(row: DeliveryRow, grants: Sequence[GrantRow], now: datetime) -> Permitted | Refusal:
    """Answer the claim as a policy would: permit where the one scope asked for is granted and has not run out."""
    granted = {grant.scope for grant in grants if grant.until is None or grant.until > now}
    if row.scopes in granted:
        return Permitted("consent", ",".join(sorted(granted)))
    return Refusal("withheld", "consent.missing")


def claim(store: Store, *ids: str, now: datetime = NOW) -> list[DeliveryRow]:
    """Claim deliveries in a transaction of its own."""
    with store.write() as work:
        return [row.delivery for row in work.claim(ids, now=now, lease=LEASE, accept=by_grants)]


def outcome(row: DeliveryRow, state: str = "delivered", *, after: timedelta | None = None, code: str | None = None) -> OutcomeRow:
    """Return the outcome of a claimed delivery's attempt; `after` says when to try again."""
    at = NOW + timedelta(seconds=1)
    return OutcomeRow(
        delivery_id=row.id,
        fence=row.fence,
        at=at,
        state=state,
        outcome=state,
        event=f"outcome.{state}",
        code=code,
        payload_hash="abc123",
        next_at=None if after is None else at + after,
        pinned_hash="abc123",
    )


def change(to_state: str, *from_states: str, event: str = "operator.test") -> Change:
    """Return a change between states."""
    return Change(from_states=frozenset(from_states), to_state=to_state, event=event, at=NOW)


def withdraw(store: Store, case: CaseRow) -> None:
    """Withdraw all grants of a case as HOUSE tells it: bump first, then grants, then queued → withheld and sending → marked."""
    with store.write() as work:
        work.cases.bump(case.owner, case.case_id)
        work.grants.replace(case.owner, case.case_id, [])
        ids = [row.id for row in work.deliveries.lock_case(case.owner, case.case_id)]
        work.deliveries.change_all(ids, replace(change("withheld", "queued", event="withdraw.withhold"), reason="consent.withdrawn"))
        work.deliveries.change_all(ids, replace(change("sending", "sending", event="withdraw.mark"), recall_pending=True))


def state(store: Store, row: DeliveryRow) -> DeliveryRow:
    """Return a delivery as it stands now."""
    with store.read() as work:
        found = work.deliveries.get(row.owner, row.id)
    assert found is not None
    return found


def bells(store: Store) -> list[str]:
    """Return the ids of the deliveries that are due to be rung, oldest bell first."""
    with store.read() as work:
        return [bell.delivery_id for bell in work.outbox.take(1000)]


def silence(store: Store) -> None:
    """Forget every bell."""
    with store.write() as work:
        work.outbox.delete([bell.id for bell in work.outbox.take(1000)])
