"""What people do and what must be provable: work items, and an audit chain for each owner. Ids, codes and versions only."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import select, update

from siphub.errors import StoreError
from siphub.store.columns import Topic, insert_missing, values_of
from siphub.store.prepared import adding, given, prepared
from siphub.store.rows import AuditRow, WorkItemRow
from siphub.store.tables import audit, audit_head, work_item

_FACT = re.compile(r"[A-Za-z0-9._:,/@+*=-]{0,200}")
_START = "0" * 64


_OF_CASE = prepared(
    select(work_item)
    .where(work_item.c.owner == given("of"), work_item.c.case_id == given("within"))
    .order_by(work_item.c.opened_at, work_item.c.id)
)
_HEAD = prepared(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.owner == given("of")).with_for_update(key_share=True))
_NEW_HEAD = prepared(update(audit_head).where(audit_head.c.owner == given("of")).values(seq=given("new_seq"), hash=given("new_hash")))
_ADD_LINK = adding(audit)


class WorkItems(Topic):
    """What a person must do."""

    def open(self, row: WorkItemRow) -> None:
        """Open a work item."""
        self._insert(work_item, values_of(row))

    def close(self, owner: str, item_id: str, *, by: str, how: str, at: datetime, note_code: str | None = None) -> bool:
        """Close a work item; return False where it is closed already, or not there. A code that it was opened with stays, unless another is given."""
        mine = (work_item.c.id == item_id, work_item.c.owner == owner, work_item.c.closed_at.is_(None))
        values = {"closed_at": at, "closed_by": by, "how": how, **({} if note_code is None else {"note_code": note_code})}
        return self._connection.execute(update(work_item).where(*mine).values(values)).rowcount == 1

    def get(self, owner: str, item_id: str) -> WorkItemRow | None:
        """Return one work item."""
        return self._first(WorkItemRow, select(work_item).where(work_item.c.id == item_id, work_item.c.owner == owner))

    def open_items(self, owner: str | None = None) -> tuple[WorkItemRow, ...]:
        """Return what is open, oldest first; of all owners where none is named."""
        query = select(work_item).where(work_item.c.closed_at.is_(None)).order_by(work_item.c.opened_at, work_item.c.id)
        return self._all(WorkItemRow, query if owner is None else query.where(work_item.c.owner == owner))

    def of_case(self, owner: str, case_id: str) -> tuple[WorkItemRow, ...]:
        """Return the work items of a case, oldest first, closed ones too."""
        return _OF_CASE.rows(WorkItemRow, self._connection, of=owner, within=case_id)


def link_hash(row: AuditRow) -> str:
    """Return the hash of a link: SHA-256, hexadecimal, of canonical JSON of everything in it but the hash itself."""
    content = {name: value for name, value in values_of(row).items() if name != "hash"}
    content["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


class Audit(Topic):
    """One chain of links per owner; each holds the hash of the one before. Append last in a transaction: it locks the owner's chain."""

    def append(self, owner: str, actor: str, channel: str, action: str, facts: Mapping[str, str]) -> AuditRow:
        """Add a link. A fact called `case_id` files it under that case.

        Raises:
            StoreError: A fact is not an id, a code or a version: it has other characters than those, or more than 200 of them.
        """
        wrong = [name for name, value in facts.items() if not (_FACT.fullmatch(name) and _FACT.fullmatch(value))]
        if wrong:
            raise StoreError(f"{len(wrong)} audit fact(s) are not ids, codes or versions; nothing else goes into the audit")
        seq, previous = self._head(owner)
        link = AuditRow(owner, seq + 1, self._clock.now(), actor, channel, action, facts.get("case_id"), dict(facts), previous, "")
        row = AuditRow(**{**values_of(link), "hash": link_hash(link)})
        _ADD_LINK.run(self._connection, **values_of(row))
        _NEW_HEAD.run(self._connection, of=owner, new_seq=row.seq, new_hash=row.hash)
        return row

    def _head(self, owner: str) -> tuple[int, str]:
        """Return number and hash of the owner's last link, locked; the first append makes what is locked."""
        found = _HEAD.first(self._connection, of=owner)
        if found is None:
            insert_missing(self._connection, audit_head, {"owner": owner, "seq": 0, "hash": _START})
            found = _HEAD.first(self._connection, of=owner)
        return (int(found[0]), str(found[1])) if found is not None else (0, _START)

    def verify(self, owner: str) -> int | None:
        """Return the number of the first link that is altered, missing or out of place, or None where the chain holds."""
        previous, seq = _START, 0
        query = select(audit).where(audit.c.owner == owner).order_by(audit.c.seq)
        for found in self._connection.execute(query.execution_options(yield_per=1000)).mappings():
            row, seq = AuditRow(**found), seq + 1
            if row.seq != seq or row.prev_hash != previous or row.hash != link_hash(row):
                return seq
            previous = row.hash
        head = self._connection.execute(select(audit_head).where(audit_head.c.owner == owner)).first()
        if head is None:
            return None if seq == 0 else 1
        return None if (head.seq, head.hash) == (seq, previous) else seq + (head.seq > seq)

    def of_case(self, owner: str, case_id: str) -> tuple[AuditRow, ...]:
        """Return the links about a case, oldest first."""
        return self._all(AuditRow, select(audit).where(audit.c.owner == owner, audit.c.case_id == case_id).order_by(audit.c.seq))

    def of_action(self, owner: str, action: str) -> tuple[AuditRow, ...]:
        """Return the links that say one thing was done, oldest first; the whole chain is gone through."""
        return self._all(AuditRow, select(audit).where(audit.c.owner == owner, audit.c.action == action).order_by(audit.c.seq))

    def owners(self) -> tuple[str, ...]:
        """Return whose chains there are."""
        return tuple(self._connection.scalars(select(audit_head.c.owner).order_by(audit_head.c.owner)))
