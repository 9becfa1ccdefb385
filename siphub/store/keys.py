"""The keys, in a database of their own: each owner's key wrapped by the master key, each case's key wrapped by its owner's.

Content and keys never share a file, so that a copy of the one is worthless without the other, and erasing a case's key erases the case,
in backups of the content too. It must never keep a case's key, and never let any key reach a repr, a log or an error.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, delete, func, inspect, select, tuple_, update

from siphub.errors import Sealed, StoreError
from siphub.store.columns import insert_missing
from siphub.store.engine import Database
from siphub.store.prepared import given, listed, prepared, with_lists
from siphub.store.rows import NO_OWNER
from siphub.store.sealing import KEY_BYTES, Seal, place, unwrap, wrap
from siphub.store.tables_keys import case_key, master_mark, owner_key

if TYPE_CHECKING:
    from siphub.contract import Clock

Recognised = Literal["first", "known", "other"]
"""Whether a keys' database was never used before, was used under this master key, or under another."""
OTHER_MASTER = (
    "the master key does not open this keys' database, which was first used with another one: put that one in the folder of secrets"
)


def _derive(key: bytes, purpose: str) -> bytes:
    """Return a key for one purpose: knowing it tells nothing about the key above, or about another purpose's."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"siphub/{purpose}".encode()).derive(key)


def never_marked(url: str) -> bool:
    """Return whether no hub has ever used a keys' database: it has no tables yet, or knows no master key and no owner."""
    database = Database(url)
    try:
        with database.read() as connection:
            tables = set(inspect(connection).get_table_names())
            used = [table for table in (master_mark, owner_key) if table.name in tables]
            return not any(connection.execute(select(table).limit(1)).first() for table in used)
    finally:
        database.close()


def _owners(connection: Connection) -> tuple[str, ...]:
    return tuple(connection.scalars(select(owner_key.c.owner).order_by(owner_key.c.owner)))


def _case_aad(owner: str, case_id: str) -> bytes:
    return place("case_key", f"{owner}\x00{case_id}")


_WRAPPED = prepared(
    select(case_key.c.wrapped, owner_key.c.wrapped)
    .select_from(case_key.outerjoin(owner_key, owner_key.c.owner == case_key.c.owner))
    .where(case_key.c.owner == given("of"), case_key.c.case_id == given("under"))
)
_MANY_WRAPPED = with_lists(
    lambda sizes: (
        select(case_key.c.case_id, case_key.c.wrapped, owner_key.c.wrapped)
        .select_from(case_key.outerjoin(owner_key, owner_key.c.owner == case_key.c.owner))
        .where(case_key.c.owner == given("of"), case_key.c.case_id.in_(listed("under", sizes)))
    )
)


class KeyStore:
    """Makes, finds and forgets keys.

    Args:
        database: The keys' own database.
        master_key: 32 bytes, from the composition root.
        clock: For when a key was made or forgotten.
    """

    def __init__(self, database: Database, master_key: bytes, clock: Clock) -> None:
        if len(master_key) != KEY_BYTES:
            raise StoreError(f"the master key must be {KEY_BYTES} bytes")
        self._database = database
        self._clock = clock
        self._master = _derive(master_key, "owner-keys")
        self._hashing = _derive(master_key, "hashes")
        self._mark = _derive(master_key, "mark")
        self._unwrapped: dict[bytes, bytes] = {}
        self._hash_keys: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return "KeyStore(…)"

    def keyed_hash(self, purpose: str, body: bytes) -> bytes:
        """Return HMAC-SHA-256 of `body` under a key for this purpose alone (`idempotency/<owner>`, `credential`, …): 32 bytes."""
        key = self._hash_keys.get(purpose)
        if key is None:
            key = self._hash_keys[purpose] = _derive(self._hashing, purpose)
        return hmac.digest(key, body, "sha256")

    def case_key(self, owner: str, case_id: str, *, create: bool = False) -> bytes | None:
        """Return a case's key, 32 bytes, or None where there is none. A new key is committed before it is returned.

        Raises:
            Sealed: It cannot be unwrapped; or, with `create`, it was forgotten, and a forgotten case takes no new content.
        """
        key = self._find(owner, case_id)
        if key is None and create:
            self._make(owner, case_id)
            key = self._find(owner, case_id)
            if key is None:
                raise Sealed("the key of this case was erased; nothing can be sealed for it any more")
        return key

    def seal_of_case(self, owner: str, case_id: str, *, create: bool = False) -> Seal:
        """Return the seal of a case.

        Raises:
            Sealed: There is no key, or it was erased.
        """
        key = self.case_key(owner, case_id, create=create)
        if key is None:
            raise Sealed("there is no key for this case: it was erased, or never made")
        return Seal(key)

    def seals_of_cases(self, cases: Collection[tuple[str, str]]) -> dict[tuple[str, str], Seal]:
        """Return the seals of cases, given as (owner, case id), in one query for each owner.

        Those without a key, or with one that cannot be unwrapped, are missing: `seal_of_case` says why.
        """
        found: dict[tuple[str, str], Seal] = {}
        with self._database.look() as connection:
            for owner, mine in groupby(sorted(set(cases)), itemgetter(0)):
                for case_id, wrapped, above in _MANY_WRAPPED.all(connection, {"under": [case_id for _, case_id in mine]}, of=owner):
                    if wrapped is not None and above is not None:
                        with suppress(Sealed):
                            found[owner, case_id] = Seal(unwrap(wrapped, _case_aad(owner, case_id), self._opened(owner, above)))
        return found

    def seal_of_owner(self, owner: str) -> Seal:
        """Return the seal of what belongs to an owner and to no case, such as a plugin's state; made when first asked for."""
        with self._database.read() as connection:
            key = self._owner_key(connection, owner)
        if key is None:
            with self._database.write() as connection:
                key = self._create_owner(connection, owner)
        return Seal(_derive(key, "owner-seal"))

    def forget_case(self, owner: str, case_id: str) -> bool:
        """Erase a case's key: its content can never be opened again, and nothing new can be sealed for it. Return whether there was one.

        Raises:
            StoreBusy: The key is erased, but a reader kept SQLite's log from being emptied; forget again.
        """
        values = {"owner": owner, "case_id": case_id, "wrapped": None, "created_at": self._clock.now(), "forgotten_at": self._clock.now()}
        with self._database.write() as connection:
            had = self._blank(connection, owner, case_id)
            if not had:
                insert_missing(connection, case_key, values)
        self._database.empty_log()
        return had

    def forget_owner(self, owner: str) -> int:
        """Erase an owner's key and the keys of all its cases; return how many cases' keys there were.

        Raises:
            StoreBusy: The keys are erased, but a reader kept SQLite's log from being emptied; forget again.
        """
        with self._database.write() as connection:
            ids = connection.scalars(select(case_key.c.case_id).where(case_key.c.owner == owner, case_key.c.wrapped.is_not(None))).all()
            for case_id in ids:
                self._blank(connection, owner, case_id)
            connection.execute(delete(owner_key).where(owner_key.c.owner == owner))
        self._unwrapped.clear()
        self._database.empty_log()
        return len(ids)

    def recognise(self) -> Recognised:
        """Say whose master key this database knows; one that was never used knows ours from now on. Of two that come at once one is first."""
        values = {"owner": NO_OWNER, "mark": self._mark, "created_at": self._clock.now()}
        with self._database.write() as connection:
            if self._marked(connection) is None:
                opened = [not self._problem(connection, owner) for owner in _owners(connection)]
                if not all(opened):
                    return "other"
                if insert_missing(connection, master_mark, values) and not opened:
                    return "first"
            return "known" if self._marked(connection) == self._mark else "other"

    def _marked(self, connection: Connection) -> bytes | None:
        return connection.scalar(select(master_mark.c.mark).where(master_mark.c.owner == NO_OWNER))

    def forget_all(self, cases: Collection[tuple[str, str]]) -> int:
        """Erase the keys of many cases, given as (owner, case id), those of them that are there; return how many."""
        with self._database.write() as connection:
            return sum(self._blank(connection, owner, case_id) for owner, case_id in cases)

    def without_key(self, cases: Collection[tuple[str, str]]) -> int:
        """Return how many of these cases have no key, or one that was erased."""
        mine = tuple_(case_key.c.owner, case_key.c.case_id).in_(sorted(cases))
        query = select(func.count()).select_from(case_key).where(mine, case_key.c.wrapped.is_not(None))
        with self._database.read() as connection:
            return len(cases) - (connection.scalar(query) or 0)

    def problems(self) -> tuple[str, ...]:
        """Say whether the master key opens the owners' keys, in words."""
        with self._database.read() as connection:
            if self._marked(connection) not in {None, self._mark}:
                return (OTHER_MASTER,)
            return tuple(text for owner in _owners(connection) for text in self._problem(connection, owner))

    def _problem(self, connection: Connection, owner: str) -> tuple[str, ...]:
        try:
            self._owner_key(connection, owner)
        except Sealed:
            return (f"the master key does not open the key of organisation {owner}: it is another key, or the keys' file was altered",)
        return ()

    def _find(self, owner: str, case_id: str) -> bytes | None:
        with self._database.look() as connection:
            found = _WRAPPED.first(connection, of=owner, under=case_id)
        if found is None or found[0] is None:
            return None
        wrapped, above = found
        if above is None:
            raise Sealed("the key of this case stands without its owner's key")
        return unwrap(wrapped, _case_aad(owner, case_id), self._opened(owner, above))

    def _make(self, owner: str, case_id: str) -> None:
        with self._database.write() as connection:
            above = self._create_owner(connection, owner)
            wrapped = wrap(AESGCM.generate_key(KEY_BYTES * 8), _case_aad(owner, case_id), above)
            values = {"owner": owner, "case_id": case_id, "wrapped": wrapped, "created_at": self._clock.now(), "forgotten_at": None}
            insert_missing(connection, case_key, values)

    def _owner_key(self, connection: Connection, owner: str) -> bytes | None:
        wrapped: bytes | None = connection.scalar(select(owner_key.c.wrapped).where(owner_key.c.owner == owner))
        return self._opened(owner, wrapped) if wrapped is not None else None

    def _opened(self, owner: str, wrapped: bytes) -> bytes:
        """Return an owner's key from its wrapped bytes."""
        # Remembered by the wrapped bytes, not by name: what another process forgets or makes anew is never answered from memory.
        key = self._unwrapped.get(wrapped)
        if key is None:
            key = self._unwrapped[wrapped] = unwrap(wrapped, place("owner_key", owner), self._master)
        return key

    def _create_owner(self, connection: Connection, owner: str) -> bytes:
        wrapped = wrap(AESGCM.generate_key(KEY_BYTES * 8), place("owner_key", owner), self._master)
        insert_missing(connection, owner_key, {"owner": owner, "wrapped": wrapped, "created_at": self._clock.now()})
        key = self._owner_key(connection, owner)
        if key is None:
            raise StoreError("an owner's key was erased while it was being made; try again")
        return key

    def _blank(self, connection: Connection, owner: str, case_id: str) -> bool:
        mine = (case_key.c.owner == owner, case_key.c.case_id == case_id, case_key.c.wrapped.is_not(None))
        statement = update(case_key).where(*mine).values(wrapped=None, forgotten_at=self._clock.now())
        return connection.execute(statement).rowcount == 1
