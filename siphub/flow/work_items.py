"""What a person must do: on the desk of one unit, with a time by which it should have been looked at; and how it is settled again.

What may be opened, and what settles it, is `siphub.policy.work`. It must never say anything of the person, nor keep more than codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_OID, uuid4, uuid5

from siphub.errors import Invalid, NotThere
from siphub.flow.ground import Ground
from siphub.model.case import SipCase
from siphub.policy import owed
from siphub.policy.reasons import REASONS
from siphub.policy.work import DELIVERY, UNDONE, settles, work_type
from siphub.store import DeadlineRow, DeliveryRow, Work, WorkItemRow

_HOW: Final = re.compile(r"[a-z0-9][a-z0-9._:-]{0,63}")


def open_for(work: Work, row: DeliveryRow, now: datetime, reason: str | None = None) -> None:
    """Open a work item for a delivery that a person must look at; the same reason at the same attempt opens it once.

    One that was closed before the delivery came to be as it is (somebody released it, and it was held again) is followed by another.
    """
    kind = f"{DELIVERY}{reason or row.reason or row.state}"
    item_id = str(uuid5(NAMESPACE_OID, f"{row.id}/{kind}/{row.fence}"))
    found = work.work_items.get(row.owner, item_id)
    while found is not None and found.closed_at is not None and found.closed_at <= row.updated_at:
        item_id = str(uuid5(NAMESPACE_OID, f"{item_id}/again"))
        found = work.work_items.get(row.owner, item_id)
    if found is None:
        _open(work, item_id, (row.owner, row.case_id), kind, row.sender_unit, now, delivery_id=row.id)


def open_in_case(
    work: Work, case: tuple[str, str], kind: str, unit: str, now: datetime, *, delivery_id: str | None = None, code: str | None = None
) -> None:
    """Open a work item in a case, given as (owner, case id); with the code of what was refused, where something was."""
    _open(work, str(uuid4()), case, kind, unit, now, delivery_id=delivery_id, code=code)


def open_for_deadline(work: Work, row: DeadlineRow, stage: str, now: datetime) -> None:
    """Open the work item of a deadline that is near or has passed, once; one that is near is due when the deadline is.

    Where the deadline had been met and stands again, or is another unit's now, the item that was closed is followed by another.
    """
    item_id, found = _newest(work, row, stage)
    if found is None:
        due = row.due_at if stage == "near" else None
        _open(work, item_id, (row.owner, row.case_id), f"deadline.{row.kind}.{stage}", row.unit, now, due_at=due)


def close_for_deadline(work: Work, row: DeadlineRow, stage: str, now: datetime) -> None:
    """Close the work item of a deadline, where it is open: what was asked for is done, or not asked for any more."""
    item_id, found = _newest(work, row, stage)
    if found is not None:
        work.work_items.close(row.owner, item_id, by="hub", how="settled", at=now)


def _newest(work: Work, row: DeadlineRow, stage: str) -> tuple[str, WorkItemRow | None]:
    """Return the open work item of a deadline, or the id that the next one gets: the same however often it is looked at."""
    item_id = str(uuid5(NAMESPACE_OID, f"{row.case_id}/{row.kind}/{row.about}/{row.due_at.isoformat()}/{stage}"))
    found = work.work_items.get(row.owner, item_id)
    while found is not None and found.closed_at is not None:
        item_id = str(uuid5(NAMESPACE_OID, f"{item_id}/again"))
        found = work.work_items.get(row.owner, item_id)
    return item_id, found


def open_items(work: Work, case: tuple[str, str]) -> tuple[WorkItemRow, ...]:
    """Return what is open in a case, given as (owner, case id)."""
    return tuple(item for item in work.work_items.of_case(*case) if item.closed_at is None)


def settle(work: Work, items: Sequence[WorkItemRow], message_type: str, now: datetime) -> None:
    """Close those of these work items that a message has settled, and those whose delivery nobody has to look at any more."""
    for item in items:
        if settles(message_type, item.type) or _undone(work, item):
            work.work_items.close(item.owner, item.id, by="hub", how="settled", at=now)


def settle_delivery(work: Work, row: DeliveryRow, now: datetime) -> None:
    """Close the work items about a delivery of which its recipient has just said what became of it."""
    for item in open_items(work, (row.owner, row.case_id)):
        if item.delivery_id == row.id and item.type.startswith(DELIVERY):
            work.work_items.close(item.owner, item.id, by="hub", how="settled", at=now)


def settle_owed(work: Work, items: Iterable[WorkItemRow], case: SipCase, now: datetime) -> None:
    """Close those of these work items that the case has asked for, and does not ask for any more."""
    settled = owed.KINDS - owed.asked_for(case, now)
    for item in items:
        if item.type in settled:
            work.work_items.close(item.owner, item.id, by="hub", how="settled", at=now)


def _undone(work: Work, item: WorkItemRow) -> bool:
    if item.delivery_id is None or not item.type.startswith(DELIVERY):
        return False
    row = work.deliveries.by_id(item.delivery_id)
    return row is not None and row.state in UNDONE


def close(ground: Ground, item_id: str, *, how: str, by: str, channel: str) -> None:
    """Note that a person has settled a work item.

    Raises:
        Invalid: `work.how`; how it was settled is a code, never a text: nothing of the person is kept here.
        NotThere: `work.not_there`; there is no such open work item.
    """
    if not _HOW.fullmatch(how):
        raise Invalid(REASONS["work.how"].en, code="work.how")
    with ground.store.write() as work:
        found = _open_item(work.work_items.open_items(), item_id)
        if not work.work_items.close(found.owner, found.id, by=by, how=how, at=ground.now()):
            raise NotThere(REASONS["work.not_there"].en, code="work.not_there")
        work.audit.append(found.owner, by, channel, "work_item.closed", {"item": found.id, "how": how, "case_id": found.case_id})


def show(ground: Ground, item_id: str) -> WorkItemRow:
    """Return one open work item.

    Raises:
        NotThere: `work.not_there`; there is no such open work item.
    """
    with ground.store.read() as work:
        return _open_item(work.work_items.open_items(), item_id)


def answer(ground: Ground, item: WorkItemRow) -> str | None:
    """Return what the partner last said against the delivery that a work item is about, or None where it said nothing."""
    if item.delivery_id is None:
        return None
    with ground.store.read() as work:
        attempts = work.attempts.of_delivery(item.owner, item.delivery_id)
    return next((one.said for one in reversed(attempts) if one.said), None)


def _open_item(items: Iterable[WorkItemRow], item_id: str) -> WorkItemRow:
    found = next((item for item in items if item.id == item_id), None)
    if found is None:
        raise NotThere(REASONS["work.not_there"].en, code="work.not_there")
    return found


def _open(
    work: Work,
    item_id: str,
    case: tuple[str, str],
    kind: str,
    unit: str,
    now: datetime,
    *,
    delivery_id: str | None = None,
    due_at: datetime | None = None,
    code: str | None = None,
) -> None:
    due = due_at or now + work_type(kind).due  # raises for a kind nobody has described
    item = WorkItemRow(owner=case[0], id=item_id, case_id=case[1], type=kind, unit=unit, opened_at=now, delivery_id=delivery_id, due_at=due)
    work.work_items.open(replace(item, note_code=code))
