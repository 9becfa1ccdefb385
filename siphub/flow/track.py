"""Reads only: what became of a message, what a unit's mailbox holds, what is permitted, what is stuck and why.

An organisation sees what it sent and what was addressed to it, frozen as sent, and nothing else (LIFECYCLE 5.6). Operators see states and codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from siphub.errors import NotThere, Sealed
from siphub.flow import standing
from siphub.flow.attempt import Held, cut_of
from siphub.flow.ground import Ground
from siphub.flow.letters import as_grants, granted_of, need_of, open_case, open_message
from siphub.model import Caller, Message
from siphub.model.case import SipCase
from siphub.policy.disclosure import Covered, judge
from siphub.policy.reasons import REASONS, told
from siphub.policy.standing import Consented
from siphub.store import UNSETTLED, AttemptRow, DeliveryRow, EventRow, GrantRow, MessageRow, ReceiptRow, RecordCopyRow, WorkItemRow


@dataclass(frozen=True, slots=True)
class Tracked:
    """A delivery as somebody may read of it: states and codes, no content.

    `waits` says why a queued delivery is not rung: `line` behind another to the same recipient in its case, `partner` because its partner
    does not answer or gets as much as it takes; None where nothing keeps it.
    """

    delivery: str
    message_id: str
    message_type: str
    case_id: str
    recipient: str
    adapter: str
    state: str
    reason: str | None
    text: str | None
    text_sv: str | None
    basis: str | None
    consent_version: int | None
    attempts: int
    at: datetime
    waits: str | None = None


def tracked(row: DeliveryRow) -> Tracked:
    """Return what may be read of a delivery."""
    sentence = told(row.reason, row.state)
    return Tracked(
        delivery=row.id,
        message_id=row.message_id,
        message_type=row.message_type,
        case_id=row.case_id,
        recipient=row.recipient,
        adapter=row.adapter,
        state=row.state,
        reason=row.reason,
        text=sentence.en if sentence else None,
        text_sv=sentence.sv if sentence else None,
        basis=row.basis,
        consent_version=row.consent_version,
        attempts=row.attempts,
        at=row.updated_at,
        waits=row.waits if row.state == "queued" else None,
    )


def message(ground: Ground, caller: Caller, message_id: str) -> Mapping[str, Any]:
    """Return a message as this caller's organisation has it: whole with its deliveries where it sent it, its own cut where it received it.

    Raises:
        NotThere: Not there, or not theirs: the same answer.
    """
    with ground.store.read() as work:
        rows = work.messages.by_message_id(message_id)
        deliveries = {row.id: work.deliveries.of_message(row.owner, row.id) for row in rows}
        grants = {row.id: work.grants.of_case(row.owner, row.case_id) for row in rows}
    for row in rows:
        if _sent_by(row, caller):
            if row.erased_at is not None:
                raise NotThere(REASONS["message.erased"].en, code="message.erased")
            return _as_sent(ground, row, deliveries[row.id])
    for row in rows:
        readable = [(found, _readable(ground, found, caller, grants[row.id])) for found in deliveries[row.id]]
        mine = [_as_received(ground, found, covered) for found, covered in readable if covered is not None]
        if mine:
            return {"message_id": message_id, "type": row.type, "deliveries": mine}
    raise NotThere(REASONS["message.not_there"].en, code="message.not_there")


def _sent_by(row: MessageRow, caller: Caller) -> bool:
    return row.channel != "hub" and caller.speaks_for(row.sender_unit, row.sender_organisation)


def _readable(ground: Ground, row: DeliveryRow, caller: Caller, grants: Sequence[GrantRow]) -> Covered | None:
    """Say how much may be read of what is addressed to them, was really sent, and is still covered: never more than was sent.

    Reading here is a disclosure of its own, judged like one. What they have lawfully received is in their own records; the hub does not
    show it again once the consent is gone, nor the part of it that a wider consent had added.
    """
    exceptions = ground.local.switched_on(row.sender_organisation)
    mine = caller.speaks_for(row.recipient, row.recipient_organisation) and row.state in {"delivered", "read", "awaiting_receipt"}
    judged = judge(need_of(row), as_grants(grants), row.asserted, ground.now(), exceptions) if mine else None
    if not isinstance(judged, Covered):
        return None
    basis = judged.basis if row.basis == "consent" else row.basis or ""
    return Covered(basis, granted_of(row) & judged.granted)


def _as_sent(ground: Ground, row: MessageRow, deliveries: Sequence[DeliveryRow]) -> Mapping[str, Any]:
    return {
        "message_id": row.message_id,
        "type": row.type,
        "message": _opened(ground, row).to_document() if row.erased_at is None else None,
        "recipients": [_line(found) for found in deliveries],
        "received_at": row.received_at.isoformat(),
    }


def _as_received(ground: Ground, found: DeliveryRow, covered: Covered) -> Mapping[str, Any]:
    try:
        cut = cut_of(ground, found, covered, ground.directory())
    except Sealed:
        raise NotThere("the content of this message has been erased", code="message.erased") from None
    document = None if isinstance(cut, Held) else dict(cut.document)
    return {
        "delivery": found.id,
        "recipient": found.recipient,
        "state": found.state,
        "basis": found.basis,
        "payload_sha256": found.pinned_hash,
        "message": document,
    }


def _line(found: DeliveryRow) -> Mapping[str, Any]:
    seen = tracked(found)
    return {
        "delivery": seen.delivery,
        "recipient": seen.recipient,
        "adapter": seen.adapter,
        "state": seen.state,
        "reason": seen.reason,
        "text": seen.text,
        "text_sv": seen.text_sv,
        "payload_sha256": found.pinned_hash,
    }


def _opened(ground: Ground, row: MessageRow) -> Message:
    try:
        return open_message(row, ground.store.seal_of_case(row.owner, row.case_id))
    except Sealed:
        raise NotThere("the content of this message has been erased", code="message.erased") from None


def mailbox(ground: Ground, caller: Caller, case_id: str) -> Mapping[str, Any]:
    """Return this organisation's own mailbox of a case: what it sent, what was addressed to it.

    Raises:
        NotThere: Not there, or not theirs.
    """
    with ground.store.read() as work:
        cases = work.cases.find(case_id)
        messages = [row for case in cases for row in work.messages.of_case(case.owner, case_id)]
        deliveries = [row for case in cases for row in work.deliveries.of_case(case.owner, case_id)]
        grants = {case.owner: work.grants.of_case(case.owner, case_id) for case in cases}
        items = [row for case in cases for row in work.work_items.of_case(case.owner, case_id)]
    sent = [row for row in messages if _sent_by(row, caller)]
    readable = [(row, _readable(ground, row, caller, grants[row.owner])) for row in deliveries]
    received = [(row, covered) for row, covered in readable if covered is not None]
    if not sent and not received:
        raise NotThere(REASONS["case.not_there"].en)
    if any(case.erased_at is not None for case in cases):
        raise NotThere(REASONS["message.erased"].en, code="message.erased")
    of_message = {row.id: [found for found in deliveries if found.message_row == row.id] for row in sent}
    return {
        "case_id": case_id,
        "sent": [_as_sent(ground, row, of_message[row.id]) for row in sent],
        "received": [_as_received(ground, row, covered) for row, covered in received],
        "meetings": [
            found for case in cases for found in standing.meetings(ground, case, caller, deliveries, items, [row for row, _ in received])
        ],
    }


def case_of(ground: Ground, owner: str, case_id: str) -> SipCase:
    """Return a case, opened. For decisions and the owner's own screens, never for an operator's.

    Raises:
        NotThere: There is no such case.
    """
    try:
        seal = ground.store.seal_of_case(owner, case_id)
    except Sealed:
        raise NotThere(REASONS["case.not_there"].en) from None
    with ground.store.read() as work:
        row = work.cases.get(owner, case_id)
    if row is None:
        raise NotThere(REASONS["case.not_there"].en)
    return open_case(row, seal)


@dataclass(frozen=True, slots=True)
class Permitted:
    """What is permitted in a case, to whom, and since when, and how everything asked for stands; no content."""

    case_id: str
    owner: str
    state: str
    consent_version: int
    grants: tuple[GrantRow, ...]
    standing: tuple[Consented, ...] = ()


def consent(ground: Ground, case_id: str) -> tuple[Permitted, ...]:
    """Return what is permitted in every case by that id, one for each owner.

    Raises:
        NotThere: There is none.
    """
    with ground.store.read() as work:
        cases = work.cases.find(case_id)
        grants = {row.owner: work.grants.of_case(row.owner, row.case_id) for row in cases}
    if not cases:
        raise NotThere(REASONS["case.not_there"].en)
    return tuple(
        Permitted(row.case_id, row.owner, row.state, row.consent_version, grants[row.owner], standing.consents(ground, row))
        for row in cases
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One consent event of a case, as the audit has it."""

    at: datetime
    type: str
    by: str
    version: str


def consent_history(ground: Ground, case_id: str) -> tuple[Change, ...]:
    """Return the consent events of a case, oldest first.

    Raises:
        NotThere: There is no such case.
    """
    with ground.store.read() as work:
        cases = work.cases.find(case_id)
        rows = [row for case in cases for row in work.audit.of_case(case.owner, case_id)]
    if not cases:
        raise NotThere(REASONS["case.not_there"].en)
    mine = [row for row in rows if row.facts.get("type", "").startswith(("consent.", "participants."))]
    return tuple(Change(row.at, row.facts["type"], row.actor, row.facts.get("version", "")) for row in mine)


def deliveries(ground: Ground, *, states: Sequence[str] | None = None, after: str | None = None, limit: int = 50) -> tuple[Tracked, ...]:
    """Return a page of deliveries, by id."""
    with ground.store.read() as work:
        return tuple(tracked(row) for row in work.deliveries.page(states=states, after=after, limit=limit))


def deliveries_of(ground: Ground, message_id: str) -> tuple[Tracked, ...]:
    """Return the deliveries of a message, by id; none where there is no such message."""
    with ground.store.read() as work:
        rows = [found for row in work.messages.by_message_id(message_id) for found in work.deliveries.of_message(row.owner, row.id)]
    return tuple(tracked(row) for row in sorted(rows, key=lambda row: row.id))


def record_copies(
    ground: Ground,
    *,
    states: Sequence[str] | None = None,
    organisation: str | None = None,
    case_id: str | None = None,
    older_than: timedelta = timedelta(0),
    after: str | None = None,
    limit: int = 50,
) -> tuple[RecordCopyRow, ...]:
    """Return a page of record copies, by their packages' ids: states and codes, no content.

    Args:
        ground: The rooms below.
        states: Only these states of a copy.
        organisation: Only what becomes this organisation's record.
        case_id: Only this case's.
        older_than: Only what was queued at least so long ago.
        after: The page behind this package.
        limit: At most so many.
    """
    with ground.store.read() as work:
        return work.record_copies.page(
            organisation=organisation, case_id=case_id, states=states, until=ground.now() - older_than, after=after, limit=limit
        )


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one delivery, without content."""

    delivery: Tracked
    attempts: tuple[AttemptRow, ...]
    events: tuple[EventRow, ...]
    receipts: tuple[ReceiptRow, ...] = ()
    key: str = ""
    """What the recipient knows it by: the name of its file, its Idempotency-Key, its messageId."""


def delivery(ground: Ground, named: str) -> History:
    """Return everything that happened to a delivery, named by its id or by the key that its recipient knows it by.

    Raises:
        NotThere: There is none of that name.
    """
    with ground.store.read() as work:
        row = work.deliveries.by_id(named) or work.deliveries.find_by_key(named)
        if row is None:
            raise NotThere("there is no such delivery", code="delivery.not_there")
        receipts = tuple(one for one in work.receipts.of_key(row.key) if one.organisation in {"", row.recipient_organisation})
        attempts, events = work.attempts.of_delivery(row.owner, row.id), work.events.of_delivery(row.owner, row.id)
        return History(tracked(row), attempts, events, receipts, row.key)


def counts(ground: Ground, states: Sequence[str] | None = None) -> Mapping[str, int]:
    """Return how many deliveries are in each state, or in each of some. Without `states` every delivery ever is read: for tests."""
    with ground.store.read() as work:
        return work.deliveries.counts(states=states)


def unsettled(ground: Ground) -> Mapping[str, int]:
    """Return how many deliveries are in each state that is not over, or ended badly: quick however many there ever were."""
    return dict.fromkeys(UNSETTLED, 0) | dict(counts(ground, UNSETTLED))


def desk(ground: Ground, owner: str | None = None) -> tuple[WorkItemRow, ...]:
    """Return the open work items."""
    with ground.store.read() as work:
        return tuple(work.work_items.open_items(owner))
