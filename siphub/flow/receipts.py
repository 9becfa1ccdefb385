"""Answers from partners: a receipt finds its delivery by the key, or by message and unit; an early one is kept until its send is recorded.

It must never lose a word a partner said, and never believe one about somebody else's delivery: what another organisation than the recipient's
says of it (G14) is kept, audited and shown, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from siphub.contract import Receipt
from siphub.errors import NotThere
from siphub.flow import records
from siphub.flow.ground import Ground
from siphub.flow.work_items import open_for, open_in_case, settle_delivery
from siphub.model import Caller, Directory
from siphub.observe import Log
from siphub.policy.lifecycle import DELIVERY, after
from siphub.policy.reasons import REASONS
from siphub.store import NO_OWNER, Change, DeliveryRow, ReceiptRow, Work

if TYPE_CHECKING:
    from siphub.flow.withdraw import Line

_EVENTS: Mapping[str, str] = MappingProxyType({"received": "receipt.received", "read": "receipt.read", "rejected": "receipt.rejected"})


def note(ground: Ground, adapter: str, receipt: Receipt, organisation: str | None = None) -> bool:
    """Take a partner's receipt; return whether it met its delivery. Kept in any case, once.

    Args:
        ground: The rooms below.
        adapter: The adapter it came through; it must be the delivery's.
        receipt: What the partner said.
        organisation: Whose word it is; None where the adapter cannot tell (`Inbound.organisation`).
    """
    directory = ground.directory()
    with ground.store.write() as work:
        return _note(work, adapter, receipt, organisation, directory, ground.now())


def _note(work: Work, adapter: str, receipt: Receipt, organisation: str | None, directory: Directory, now: datetime) -> bool:
    row = ReceiptRow(
        NO_OWNER,
        adapter,
        receipt.key,
        receipt.kind,
        receipt.code,
        receipt.at,
        now,
        organisation=organisation or "",
        reference=receipt.reference,
    )
    new = work.receipts.add(row)
    delivery = _of(work, row)
    if delivery is None:
        return False
    if new:
        _take(work, delivery, row, directory, now)
    return _is_the_recipients(row, delivery)


def _of(work: Work, row: ReceiptRow) -> DeliveryRow | None:
    """Return the delivery that a receipt is about, where it went through that adapter and may have been sent."""
    delivery = work.deliveries.find_by_key(row.key)
    return delivery if delivery is not None and delivery.adapter == row.adapter and delivery.attempts > 0 else None


def _is_the_recipients(row: ReceiptRow, delivery: DeliveryRow) -> bool:
    """Say whether a receipt is of the organisation that its delivery went to, wherever the unit belongs today."""
    return row.organisation in {"", delivery.recipient_organisation}


def _take(work: Work, delivery: DeliveryRow, row: ReceiptRow, directory: Directory, now: datetime) -> bool:
    """Let a receipt do what it does to its delivery; return False where that was done already."""
    if not work.receipts.mark_matched(row, delivery.owner, now):
        return False
    if _is_the_recipients(row, delivery):
        _apply(work, delivery, row.kind, row.code, directory, now)
        return True
    facts = {"delivery": delivery.id, "adapter": row.adapter, "kind": row.kind, "code": "receipt.not_theirs", "case_id": delivery.case_id}
    work.audit.append(delivery.owner, row.organisation, "poll", "receipt.not_theirs", facts)
    open_in_case(work, (delivery.owner, delivery.case_id), "inbound.not_theirs", delivery.sender_unit, now, delivery_id=delivery.id)
    Log(delivery_id=delivery.id, adapter=row.adapter).error("receipt.not_theirs", code="receipt.not_theirs", organisation=row.organisation)
    return True


def note_of_unit(line: Line, message_id: str, unit: str, kind: str, code: str | None, caller: Caller) -> None:
    """Take a unit's word about a message that was sent to it (T1 to T3, G14).

    Raises:
        NotThere: No such message was sent to that unit in this case: the same answer as for one that does not exist.
    """
    mine = [row for row in line.before if row.message_id == message_id and unit in {row.recipient, line.unit_of(row)} and row.attempts > 0]
    if not mine:
        raise NotThere(REASONS["case.not_there"].en)
    for row in mine:
        _apply(line.work, row, kind, code, line.directory, line.now)
        facts = {"delivery": row.id, "kind": kind, "case_id": row.case_id}
        line.work.audit.append(row.owner, caller.organisation, caller.channel, "receipt.noted", facts)


def _apply(work: Work, row: DeliveryRow, kind: str, code: str | None, directory: Directory, now: datetime) -> None:
    event = _EVENTS[kind]
    state = after(row.state, event)
    if state is None or state == row.state:
        return
    change = Change(
        from_states=frozenset(DELIVERY[event]),
        to_state=state,
        event=event,
        at=now,
        reason=code if kind == "rejected" else None,
        uncertain=False,
    )
    changed = work.deliveries.change(row.id, change)
    if changed:
        settle_delivery(work, row, now)
    if changed and kind == "rejected":
        open_for(work, row, now, reason=f"rejected.{code or 'unknown'}")
    elif changed:
        records.queue_received(work, [row], directory, now)


def match(work: Work, row: ReceiptRow, directory: Directory, now: datetime) -> bool:
    """Give a kept receipt to its delivery, now that the send has been recorded; return False where it is not that delivery's."""
    delivery = _of(work, row)
    return delivery is not None and _take(work, delivery, row, directory, now)
