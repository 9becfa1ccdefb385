"""The store as the hub sees it: two databases (content and keys), their upgrade, their check, and transactions over the content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from siphub.errors import Sealed
from siphub.store.backup import Backup, What, take
from siphub.store.engine import BUSY_TIMEOUT, Database
from siphub.store.keys import KeyStore, Recognised
from siphub.store.knocks import Knocker, Listening, listen
from siphub.store.rows import NO_OWNER
from siphub.store.schema import CONTENT, KEYS, Schema, Step, behind, empty, problems, upgrade
from siphub.store.unit import Work

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from siphub.contract import Clock
    from siphub.store.postgresql_engine import Server
    from siphub.store.sealing import Seal

KEYS_OF_CONTENT: Final = "keys"
"""The switch that holds nothing, sealed: only the keys that this content was first used with open it."""


class Store:
    """The truth about cases, messages and deliveries.

    Args:
        url: The content's database, `sqlite:///path` or `postgresql+psycopg://…`.
        keys_url: The keys' database, another one.
        master_key: 32 bytes; without it nothing can be opened.
        clock: The clock port.
        busy_timeout: How long to wait for a lock before StoreBusy.
    """

    def __init__(self, url: str, keys_url: str, master_key: bytes, clock: Clock, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> None:
        self._content = Database(url, busy_timeout=busy_timeout)
        self._keys = Database(keys_url, busy_timeout=busy_timeout)
        self._clock = clock
        self.keys = KeyStore(self._keys, master_key, clock)
        self._knocker = Knocker(self._content)

    @property
    def dialect(self) -> str:
        """Which database it is: `sqlite` or `postgresql`."""
        return self._content.dialect

    def __repr__(self) -> str:
        return f"Store({self._content!r}, keys={self._keys!r})"

    def upgrade(self) -> tuple[Step, ...]:
        """Bring both databases to the newest revision; make them where they are missing. Return the migrations that were run.

        Safe to call from several processes at once, and while a hub runs on them.
        """
        return (*upgrade(self._keys, KEYS), *upgrade(self._content, CONTENT))

    def behind(self) -> bool:
        """Say whether a database in use by several processes, so one on PostgreSQL, is older than this version."""
        both = ((self._keys, KEYS), (self._content, CONTENT))
        return any(behind(database, schema) is not None for database, schema in both if database.dialect == "postgresql")

    def recognise(self) -> Recognised:
        """Say whether the keys' database was never used before, was used under this master key, or under another; see `KeyStore`."""
        return self.keys.recognise()

    def same_keys(self) -> bool:
        """Say whether these keys are those that the content was first used with; the first to ask says which these are.

        A second machine with keys of its own, or keys made anew where they were lost, would seal what nobody else can open.
        """
        with self.read() as work:
            kept = work.switches.get(KEYS_OF_CONTENT)
        seal = self.seal_of_owner(NO_OWNER)
        if kept is None:
            mark = seal.seal("switch", KEYS_OF_CONTENT, b"").hex()
            with self.write() as work:
                kept = work.switches.settle(KEYS_OF_CONTENT, mark, "first start", self._clock.now())
        try:
            seal.open("switch", KEYS_OF_CONTENT, bytes.fromhex(kept))
        except Sealed:
            return False
        return True

    def keys_gone(self) -> bool:
        """Say whether this content has been used, and there is no database of keys, or an empty one; to be asked before `upgrade` makes one."""
        if self.empty("content") or not self.empty("keys"):
            return False
        with self.read() as work:
            return work.switches.get(KEYS_OF_CONTENT) is not None

    def apart(self) -> Literal["apart", "same server", "same database"]:
        """Say how far the keys are from the content: in a database on another server (or in another file), or not."""
        (server, database), (keys_server, keys_database) = self._content.place(), self._keys.place()
        if (server, database) == (keys_server, keys_database):
            return "same database"
        return "same server" if server == keys_server != "file" else "apart"

    def check(self) -> tuple[str, ...]:
        """Say in words what is wrong with the databases; empty means nothing. Reads every page of a SQLite file."""
        found = (*problems(self._content, CONTENT), *problems(self._keys, KEYS))
        return found or self.keys.problems()

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Work]:
        """Open a write transaction: commits on success, rolls back on an exception. Do not open another one inside it.

        Raises:
            StoreBusy: A lock was not to be had in time; nothing was written.
            StoreLost: The database is gone, or did not answer in time; whether it was written is not known.
            StoreError: The database refused; nothing was written.
        """
        with self._content.write(patient=patient) as connection:
            yield Work(connection, self._clock)

    @contextmanager
    def read(self, *, patient: bool = False) -> Iterator[Work]:
        """Open a read-only snapshot: what it shows does not change while it is open. With `patient` it may take as long as it needs."""
        with self._content.read(patient=patient) as connection:
            yield Work(connection, self._clock)

    @contextmanager
    def look(self) -> Iterator[Work]:
        """Open for reading with one statement, for less than `read` costs; a second one may find what the first did not."""
        with self._content.look() as connection:
            yield Work(connection, self._clock)

    def confirm(self) -> None:
        """Return once whatever has been read of the content is as safe as a commit of our own; see `Database.confirm`.

        Raises:
            StoreLost: It is not safe, or that is not known.
        """
        self._content.confirm()

    def keyed_hash(self, purpose: str, body: bytes) -> bytes:
        """Return a keyed hash of `body`, 32 bytes, for one purpose: such as `credential` or `idempotency/<organisation>`."""
        return self.keys.keyed_hash(purpose, body)

    def seal_of_case(self, owner: str, case_id: str, *, create: bool = False) -> Seal:
        """Return the seal of a case. Fetch it before the transaction; with `create` a new key is committed first.

        Raises:
            Sealed: There is no key, or it was erased.
        """
        return self.keys.seal_of_case(owner, case_id, create=create)

    def seals_of_cases(self, cases: Collection[tuple[str, str]]) -> dict[tuple[str, str], Seal]:
        """Return the seals of cases, given as (owner, case id), at once; those that `seal_of_case` would refuse are missing."""
        return self.keys.seals_of_cases(cases)

    def seal_of_owner(self, owner: str) -> Seal:
        """Return the seal for what belongs to an owner and to no case, such as a plugin's state."""
        return self.keys.seal_of_owner(owner)

    def forget_case(self, owner: str, case_id: str) -> None:
        """Erase a case's key, and let what was erased of its content leave the database's log as well. May be called again.

        Raises:
            StoreBusy: The key is erased, but a reader kept a log from being emptied; forget again.
        """
        self.keys.forget_case(owner, case_id)
        self._content.empty_log()

    def back_up(self, what: What, place: Path, *, hub: str) -> Backup:
        """Copy the content or the keys into a new folder below `place`, while they are in use; for both, copy the content first.

        Raises:
            BackupError: It could not be made; nothing was left.
        """
        database, schema = self._part(what)
        return take(database, schema, place, hub=hub, mac=self.backup_mac)

    def backup_mac(self, body: bytes) -> bytes:
        """Return the keyed hash by which a backup's manifest is known to be ours, 32 bytes."""
        return self.keyed_hash("backup", body)

    def empty(self, what: What) -> bool:
        """Say whether there is nothing in one of the databases, or no database."""
        return empty(self._part(what)[0])

    def url(self, what: What) -> str:
        """Return where one of the databases is, with its password."""
        return self._part(what)[0].url.render_as_string(hide_password=False)

    def kind(self, what: What) -> str:
        """Return what one of the databases is: `sqlite` or `postgresql`."""
        return self._part(what)[0].dialect

    def knows(self, what: What, revision: str) -> bool:
        """Say whether this version of siphub knows a revision of one of the databases."""
        return self._part(what)[1].knows(revision)

    def time(self) -> datetime | None:
        """Return the time by the clock of the content's PostgreSQL server, or None on SQLite."""
        return self._content.time()

    def server(self, what: What) -> Server | None:
        """Return what the PostgreSQL server of one of the databases says of itself, or None where it is on SQLite."""
        return self._part(what)[0].server()

    def others(self) -> int:
        """Return how many connections other processes of a hub have to a PostgreSQL database of ours; 0 on SQLite, which cannot say."""
        return self._content.others() + (self._keys.others() if self._keys.url != self._content.url else 0)

    def settle_keys(self) -> tuple[int, int]:
        """After a restore: erase again the keys of cases whose content is erased. Return how many, and how many other cases have no key."""
        again = sum(map(self.keys.forget_all, self._cases(erased=True)))
        if again:
            self._keys.empty_log()
        return again, sum(map(self.keys.without_key, self._cases(erased=False)))

    def _cases(self, *, erased: bool) -> Iterator[tuple[tuple[str, str], ...]]:
        after = ""
        while True:
            with self.read() as work:
                page = work.erasure.cases(erased=erased, after=after)
            if not page:
                return
            yield page
            after = page[-1][1]

    def _part(self, what: What) -> tuple[Database, Schema]:
        return (self._content, CONTENT) if what == "content" else (self._keys, KEYS)

    @property
    def shares_outbox(self) -> bool:
        """Whether rows that one relay has locked are skipped by the others, so that it may publish before it deletes, in one transaction."""
        return self._content.dialect == "postgresql"

    def knock(self) -> None:
        """Let relays in other processes look for bells soon; returns at once. Call it after the commit that put them there."""
        self._knocker.knock()

    def listen(self, on_knock: Callable[[], None]) -> Listening:
        """Call `on_knock`, in a thread of its own, whenever another process may have put bells there; return what stops that."""
        return listen(self._content, on_knock)

    def close(self) -> None:
        """Let go of every connection."""
        self._knocker.close()
        self._content.close()
        self._keys.close()
