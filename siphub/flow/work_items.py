"""What a person must do: on the desk of one unit, with a time by which it should have been looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_OID, uuid4, uuid5

from siphub.store import DeliveryRow, Work, WorkItemRow

DUE: Final = timedelta(days=1)
"""How soon a person should have looked at a work item that names no time of its own."""
DUE_BY_PHONE: Final = timedelta(hours=1)
"""How soon somebody should have phoned a partner that cannot be called back by the adapter."""


def open_for(work: Work, row: DeliveryRow, now: datetime, reason: str | None = None) -> None:
    """Open a work item for a delivery that a person must look at; the same reason at the same attempt opens it once.

    One that was closed before the delivery came to be as it is (somebody released it, and it was held again) is followed by another.
    """
    kind = f"delivery.{reason or row.reason or row.state}"
    item_id = str(uuid5(NAMESPACE_OID, f"{row.id}/{kind}/{row.fence}"))
    found = work.work_items.get(row.owner, item_id)
    while found is not None and found.closed_at is not None and found.closed_at <= row.updated_at:
        item_id = str(uuid5(NAMESPACE_OID, f"{item_id}/again"))
        found = work.work_items.get(row.owner, item_id)
    if found is None:
        _open(work, item_id, (row.owner, row.case_id), kind, row.sender_unit, now, row.id, DUE)


def open_in_case(
    work: Work, case: tuple[str, str], kind: str, unit: str, now: datetime, *, delivery_id: str | None = None, due: timedelta = DUE
) -> None:
    """Open a work item in a case, given as (owner, case id)."""
    _open(work, str(uuid4()), case, kind, unit, now, delivery_id, due)


def _open(
    work: Work, item_id: str, case: tuple[str, str], kind: str, unit: str, now: datetime, delivery_id: str | None, due: timedelta
) -> None:
    work.work_items.open(
        WorkItemRow(
            owner=case[0], id=item_id, case_id=case[1], type=kind, unit=unit, opened_at=now, delivery_id=delivery_id, due_at=now + due
        )
    )
