"""What came in: submissions, cases, grants and messages. Whoever changes a case locks it first; nothing here decides whether it may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import and_, delete, func, select, update

from siphub.errors import StoreError
from siphub.store.columns import Moment, Topic, insert_missing, values_of
from siphub.store.prepared import adding, adding_missing, given, listed, prepared, with_lists
from siphub.store.rows import CaseRow, GrantRow, MessageRow, SubmissionRow
from siphub.store.tables import case_number, consent_grant, message, sip_case, submission

_SUBMISSION = prepared(select(submission).where(submission.c.owner == given("of"), submission.c.message_id == given("under")))
_ADD_SUBMISSION = adding_missing(submission)
_one_case = (sip_case.c.owner == given("of"), sip_case.c.case_id == given("under"))
_CASE = prepared(select(sip_case).where(*_one_case))
_LOCK_CASE = prepared(select(sip_case).where(*_one_case).with_for_update(key_share=True))
_SAVED = tuple(column.name for column in sip_case.c if column.name not in {"owner", "case_id", "erased_at", "key_gone_at"})
_saved = update(sip_case).where(*_one_case, sip_case.c.version == given("before")).values({name: given(f"new_{name}") for name in _SAVED})
_SAVE_CASE = prepared(_saved)
_SAVE_ENDED_CASE = prepared(_saved.values(ended_at=func.coalesce(sip_case.c.ended_at, given("new_ended_at", Moment))))
_CASES = with_lists(lambda sizes: select(sip_case).where(sip_case.c.owner == given("of"), sip_case.c.case_id.in_(listed("under", sizes))))
_MESSAGE = prepared(select(message).where(message.c.owner == given("of"), message.c.id == given("under")))
_MESSAGES = with_lists(lambda sizes: select(message).where(message.c.owner == given("of"), message.c.id.in_(listed("under", sizes))))
_ADD_MESSAGE = adding(message)
_grants_of_case = and_(consent_grant.c.owner == given("of"), consent_grant.c.case_id == given("within"))
_GRANTS = prepared(
    select(consent_grant).where(_grants_of_case).order_by(consent_grant.c.party, consent_grant.c.scope, consent_grant.c.direction)
)
_ADD_GRANT = adding(consent_grant)
_WHAT = ("party", "scope", "direction")
_DROP_GRANT = prepared(delete(consent_grant).where(_grants_of_case, *(consent_grant.c[name] == given(f"this_{name}") for name in _WHAT)))


def _by_owner(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield each owner of some (owner, id), with the ids."""
    for owner, mine in groupby(sorted(set(keys)), itemgetter(0)):
        yield owner, [one for _, one in mine]


class Submissions(Topic):
    """The ledger of what each authenticated organisation handed in: idempotency. It outlives content."""

    def find(self, organisation: str, message_id: str) -> SubmissionRow | None:
        """Return what this organisation handed in under this id; another organisation's is never seen."""
        return _SUBMISSION.row(SubmissionRow, self._connection, of=organisation, under=message_id)

    def add(self, row: SubmissionRow) -> bool:
        """Keep a submission and its answer; return False where there is one already (then `find` has it)."""
        return _ADD_SUBMISSION.run(self._connection, **values_of(row)) == 1


class Cases(Topic):
    """The cases. The five steps of every writer: lock, load, decide, save, commit."""

    def lock(self, owner: str, case_id: str) -> CaseRow | None:
        """Return a case, locked until the transaction ends. On SQLite the transaction itself is the lock."""
        return _LOCK_CASE.row(CaseRow, self._connection, of=owner, under=case_id)

    def get(self, owner: str, case_id: str) -> CaseRow | None:
        """Return a case without locking it: for reading only."""
        return _CASE.row(CaseRow, self._connection, of=owner, under=case_id)

    def many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], CaseRow]:
        """Return cases by (owner, case id), in one query for each owner and without locking them; those that are not there are missing."""
        found = (_CASES.rows(CaseRow, self._connection, {"under": ids}, of=owner) for owner, ids in _by_owner(keys))
        return {(row.owner, row.case_id): row for rows in found for row in rows}

    def find(self, case_id: str) -> tuple[CaseRow, ...]:
        """Return the cases under an id, whoever owns them: at most one in practice, but an id proves nothing."""
        return self._all(CaseRow, select(sip_case).where(sip_case.c.case_id == case_id).order_by(sip_case.c.owner))

    def add(self, row: CaseRow) -> bool:
        """Open a case; return False where another transaction was first (then `lock` it and decide anew)."""
        return insert_missing(self._connection, sip_case, values_of(row))

    def save(self, row: CaseRow) -> None:
        """Save a case as its next version. One that is over already keeps its `ended_at`; what the eraser has noted is the eraser's.

        Raises:
            StoreError: The stored version is not `row.version - 1`: somebody saved without the lock.
        """
        values = {f"new_{name}": getattr(row, name) for name in _SAVED}
        save = _SAVE_CASE if row.ended_at is None else _SAVE_ENDED_CASE
        if save.run(self._connection, of=row.owner, under=row.case_id, before=row.version - 1, **values) != 1:
            raise StoreError(f"case {row.case_id} is not at version {row.version - 1}: lock it before changing it")

    def note_number(self, owner: str, case_id: str, number: bytes) -> None:
        """Keep a registry number of a case, a keyed hash, once."""
        insert_missing(self._connection, case_number, {"owner": owner, "hash": number, "case_id": case_id})

    def by_number(self, owner: str, numbers: Sequence[bytes], limit: int) -> tuple[str, ...]:
        """Return the ids of up to `limit` cases of an owner that have one of these registry numbers, given as keyed hashes."""
        mine = (case_number.c.owner == owner, case_number.c.hash.in_(numbers))
        found = select(case_number.c.case_id).where(*mine).distinct().order_by(case_number.c.case_id).limit(limit)
        return tuple(self._connection.scalars(found))

    def bump(self, owner: str, case_id: str) -> CaseRow | None:
        """Raise version and consent version by one, and so lock the case: the first statement of a withdrawal. Return the case after it."""
        mine = (sip_case.c.owner == owner, sip_case.c.case_id == case_id)
        raised = {"version": sip_case.c.version + 1, "consent_version": sip_case.c.consent_version + 1}
        self._connection.execute(update(sip_case).where(*mine).values(raised))
        return self.get(owner, case_id)


class Grants(Topic):
    """What a person permits, unsealed: scopes, parties and times only. It is all of the consent that the claim reads."""

    def replace(self, owner: str, case_id: str, rows: Iterable[GrantRow]) -> None:
        """Make these the grants of the case, whose lock the caller holds."""
        before, after = set(self.of_case(owner, case_id)), set(rows)
        gone = [{f"this_{name}": getattr(row, name) for name in _WHAT} for row in before - after]
        _DROP_GRANT.each(self._connection, [{"of": owner, "within": case_id, **what} for what in gone])
        _ADD_GRANT.each(self._connection, [values_of(row) for row in after - before])

    def of_case(self, owner: str, case_id: str) -> tuple[GrantRow, ...]:
        """Return the grants of a case, expired ones too."""
        return _GRANTS.rows(GrantRow, self._connection, of=owner, within=case_id)

    def run_out(self, now: datetime, limit: int, skip: int = 0) -> tuple[tuple[str, str], ...]:
        """Return up to `limit` cases, as (owner, case id), in which a grant has run out and nobody has acted on it yet."""
        grant = consent_grant.c
        over = (grant.until.is_not(None), grant.noticed_at.is_(None), grant.until <= now)
        query = select(grant.owner, grant.case_id).where(*over).distinct().order_by(grant.owner, grant.case_id).limit(limit).offset(skip)
        return tuple((str(row.owner), str(row.case_id)) for row in self._connection.execute(query))


class Messages(Topic):
    """The accepted messages, sealed."""

    def add(self, row: MessageRow) -> None:
        """Keep a message.

        Raises:
            StoreError: Its sender has a message under this id already.
        """
        _ADD_MESSAGE.run(self._connection, **values_of(row))

    def get(self, owner: str, message_row: str) -> MessageRow | None:
        """Return a message by the store's own id."""
        return _MESSAGE.row(MessageRow, self._connection, of=owner, under=message_row)

    def find(self, owner: str, sender_organisation: str, message_id: str) -> MessageRow | None:
        """Return a message by the id its sender gave it."""
        mine = (message.c.message_id == message_id, message.c.sender_organisation == sender_organisation, message.c.owner == owner)
        return self._first(MessageRow, select(message).where(*mine))

    def by_message_id(self, message_id: str) -> tuple[MessageRow, ...]:
        """Return every message under a sender's id, whoever sent or owns it: the caller sees to who may know."""
        return self._all(
            MessageRow, select(message).where(message.c.message_id == message_id).order_by(message.c.received_at, message.c.id)
        )

    def of_case(self, owner: str, case_id: str) -> tuple[MessageRow, ...]:
        """Return the messages of a case, in the order of their `case_seq`."""
        mine = (message.c.owner == owner, message.c.case_id == case_id)
        return self._all(MessageRow, select(message).where(*mine).order_by(message.c.case_seq, message.c.id))

    def many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], MessageRow]:
        """Return messages by (owner, the store's own id), in one query for each owner; those that are not there are missing."""
        found = (_MESSAGES.rows(MessageRow, self._connection, {"under": ids}, of=owner) for owner, ids in _by_owner(keys))
        return {(row.owner, row.id): row for rows in found for row in rows}
