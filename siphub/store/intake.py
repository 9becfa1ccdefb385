"""What intake asks of a case it has just locked, in one statement: what a statement costs is not what it looks up.

And, where a standard gives ids to what carries a message, what those have been used for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import and_, exists, literal, select

from siphub.store.columns import Topic, values_of
from siphub.store.prepared import adding_missing, given, listed, prepared, with_lists
from siphub.store.rows import NO_OWNER, SubmissionRow
from siphub.store.tables import deadline, submission, used_id, work_item
from siphub.store.tables_directory import directory_version

_directory = select(directory_version.c.version).where(directory_version.c.owner == NO_OWNER).scalar_subquery()
_work = (work_item.c.owner == given("of"), work_item.c.case_id == given("within"), work_item.c.closed_at.is_(None))
_deadlines = (deadline.c.case_id == given("within"), deadline.c.owner == given("of"))
_handed_in = and_(submission.c.owner == given("from_"), submission.c.message_id == given("under"))
_always = select(literal(1).label("one")).subquery()
_BESIDE = prepared(
    select(
        _directory.label("directory"),
        exists(select(work_item.c.id).where(*_work)).label("work"),
        exists(select(deadline.c.case_id).where(*_deadlines)).label("deadlines"),
        *submission.c,
    ).select_from(_always.outerjoin(submission, _handed_in))
)
_USED = with_lists(lambda sizes: select(used_id).where(used_id.c.owner == given("of"), used_id.c.hash.in_(listed("those", sizes))))
_USE = adding_missing(used_id)


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a case when a message comes: the directory's version, whether work is open and deadlines run, and what was handed in as it."""

    directory: int
    work: bool
    deadlines: bool
    submission: SubmissionRow | None


@dataclass(frozen=True, slots=True)
class UsedIdRow:
    """An id that a standard gives, used by `owner` for the submission `message_id`: keyed hashes of it and of what it stands for."""

    owner: str
    message_id: str
    hash: bytes
    means: bytes


class Intake(Topic):
    """The one look around before a message is judged, and the ledger of the ids that standards give."""

    def beside(self, owner: str, case_id: str, *, organisation: str, message_id: str) -> Beside:
        """Return what stands beside a case whose lock the caller holds, and what `organisation` has handed in under `message_id`."""
        found = _BESIDE.first(self._connection, of=owner, within=case_id, from_=organisation, under=message_id)
        version, work, deadlines, *handed_in = found or (0, False, False)
        return Beside(
            version or 0, bool(work), bool(deadlines), SubmissionRow(*handed_in) if handed_in and handed_in[0] is not None else None
        )

    def used_ids(self, organisation: str, hashes: Sequence[bytes]) -> dict[bytes, UsedIdRow]:
        """Return those of a standard's ids that this organisation has used, by their hashes; another organisation's are never seen."""
        found = _USED.rows(UsedIdRow, self._connection, {"those": hashes}, of=organisation) if hashes else ()
        return {row.hash: row for row in found}

    def use_ids(self, rows: Iterable[UsedIdRow]) -> bool:
        """Keep ids with their submission, which is there already; return False where one is used by now, waiting for whoever is using it.

        They are kept in one order, so that no two transactions wait for each other.
        """
        return all(_USE.run(self._connection, **values_of(row)) == 1 for row in sorted(rows, key=attrgetter("hash")))
