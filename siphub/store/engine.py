"""Engines: how the store speaks to SQLite and PostgreSQL, and the one place where their errors become ours.

On SQLite a process writes one transaction at a time, behind a lock of its own: SQLite's busy handler is unfair, and a transaction that
begins as a reader and turns writer fails with "database is locked" that no time-out cures. So every writer begins IMMEDIATE.
It must never put a row's content into an error.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from siphub.errors import StoreBusy, StoreConflict, StoreError, StoreLost

if TYPE_CHECKING:
    from siphub.store.postgresql_engine import Gate, Server

BUSY_TIMEOUT = timedelta(seconds=10)
_CHECKPOINT_TRIES = 100
_BUSY_CODES = frozenset({"53300", "55P03", "57014"})  # PostgreSQL: connections, lock, time-out
_CONFLICT_CODES = frozenset({"40001", "40P01"})  # PostgreSQL: serialisation, deadlock


_HOSTS = re.compile(r"(?P<begin>postgresql[^:/?]*://(?:[^@/?]*@)?)(?P<hosts>[^/?@,]+(?:,[^/?@,]+)+)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?")


class _Lock:
    """A lock that can be kept in a weak dictionary."""

    def __init__(self) -> None:
        self.held = threading.Lock()


_locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
_locks_guard = threading.Lock()


def _process_lock(path: str) -> _Lock:
    """Return the lock of one database file, the same for every store of this process."""
    with _locks_guard:
        lock = _locks.get(path)
        if lock is None:
            lock = _locks[path] = _Lock()
        return lock


def _busy(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(cause, "sqlstate", None) in _BUSY_CODES


def _lost(error: BaseException, cause: BaseException | None) -> bool:
    """Say whether the server or the line to it is gone. SQLite has neither."""
    if isinstance(cause, sqlite3.Error):
        return False
    from siphub.store.postgresql_engine import lost

    return (isinstance(error, DBAPIError) and error.connection_invalidated) or lost(cause)


def _unhurried(connection: Connection) -> AbstractContextManager[None]:
    if connection.dialect.name != "postgresql":
        return nullcontext()
    from siphub.store.postgresql_engine import unhurried

    return unhurried(connection)


def _bounded(connection: Connection, *, patient: bool) -> AbstractContextManager[None]:
    """Let a patient transaction on PostgreSQL take its time, and its connection be as impatient as before when it is over."""
    if not patient or connection.dialect.name != "postgresql":
        return nullcontext()
    from siphub.store.postgresql_engine import patiently

    return patiently(connection)


def _unbegun(connection: Connection) -> AbstractContextManager[None]:
    """Let statements on PostgreSQL be transactions of their own; what is said by the driver's cursor on SQLite is."""
    if connection.dialect.name != "postgresql":
        return nullcontext()
    from siphub.store.postgresql_engine import unbegun

    return unbegun(connection)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn what the database raises into errors of ours, keeping the cause.

    Raises:
        StoreBusy: A lock or a connection was not to be had in time; nothing was written.
        StoreConflict: Two transactions waited for each other; nothing was written.
        StoreLost: The server, or the line to it, is gone, or did not answer in time; what was being committed may be written or not.
        StoreError: Anything else.
    """
    try:
        yield
    except NoFreeConnection as error:
        raise StoreBusy("every connection to the database is in use; try again") from error
    except (DBAPIError, sqlite3.Error) as error:  # the second from what we say to SQLite while connecting
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlstate", None) in _CONFLICT_CODES:
            raise StoreConflict(
                "another transaction held what this one needed, and waited for it; nothing was written; try again"
            ) from error
        if _busy(cause):
            raise StoreBusy("the database did not give its lock in time; nothing was written; try again") from error
        if _lost(error, cause):
            raise StoreLost("the database cannot be reached, or did not answer in time; whether it was written is not known") from error
        raise StoreError(f"the database refused a statement ({type(error).__name__}); nothing was written") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database could not be used ({type(error).__name__}); nothing was written") from error


def _wal(cursor: sqlite3.Cursor, patience: float) -> None:
    """Switch to write-ahead logging; the switch itself does not wait for other connections, so we do."""
    until = time.monotonic() + patience
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
            raise StoreError("the database cannot use write-ahead logging; put it in a file on a local disk")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _sqlite_engine(url: URL, patience: float, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=8,
        max_overflow=56,
        pool_timeout=patience,
        connect_args={"isolation_level": None, "timeout": patience, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: object) -> None:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
        _wal(cursor, patience)
        for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", f"query_only={'ON' if read_only else 'OFF'}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _readable(url: str) -> URL:
    try:
        return make_url(_HOSTS.sub(_as_query, url))
    except ArgumentError:
        raise StoreError("the database's URL cannot be read; write it as postgresql://user:password@host/database") from None


def _as_query(found: re.Match[str]) -> str:
    """Return a URL that names several hosts, as libpq writes them, in the way SQLAlchemy reads."""
    hosts = "&".join(f"host={host if ':' in host else f'{host}:5432'}" for host in found["hosts"].split(","))
    more = f"&{found['query']}" if found["query"] else ""
    return f"{found['begin']}{found['path']}?{hosts}{more}"


class Database:
    """One database with an engine for writing and one for reading.

    Args:
        url: `sqlite:///path` or `postgresql://…`, with several hosts as `one,two:5433`.
        busy_timeout: How long to wait for a lock, or on PostgreSQL for a commit; for any other answer of its twice that.
    """

    def __init__(self, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> None:
        named = _readable(url)
        self._url = named.set(drivername="postgresql+psycopg") if named.drivername == "postgresql" else named
        self._patience = busy_timeout.total_seconds()
        self.dialect = self._url.get_backend_name()
        if self.dialect not in {"sqlite", "postgresql"}:
            raise StoreError(f"the store speaks SQLite and PostgreSQL, not {self.dialect}")
        self._lock: _Lock | None = None
        if self.dialect == "sqlite":
            self._lock = _process_lock(self.file())
        self._gate: Gate | None = None
        try:
            self._writer, self._reader = self._engines()
        except ModuleNotFoundError:
            raise StoreError("PostgreSQL needs its driver: pip install 'siphub[postgresql]'") from None

    def _engines(self) -> tuple[Engine, Engine]:
        if self.dialect == "sqlite":
            return _sqlite_engine(self._url, self._patience, read_only=False), _sqlite_engine(self._url, self._patience, read_only=True)
        from siphub.store.postgresql_engine import Gate, make_engine

        gate = self._gate = Gate(self._url, self._patience)
        return make_engine(self._url, self._patience, gate, read_only=False), make_engine(self._url, self._patience, gate, read_only=True)

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)})"

    @property
    def url(self) -> URL:
        """Where it is, with the password: for the programs that copy it."""
        return self._url

    def file(self) -> str:
        """Return the path of a SQLite database's file."""
        name = self._url.database
        if not name or name == ":memory:":
            raise StoreError("the store needs a database file: an in-memory database forgets what it promised")
        return str(Path(name).resolve())

    def create_file(self) -> None:
        """Make the database file where there is none, readable by its user only; SQLite's log files inherit that. Nothing on PostgreSQL.

        A file that is there is not opened: closing it would drop every lock this process has on it, and the next process to leave the
        database would take itself for the last one and delete the log that this one goes on writing to (sqlite.org/howtocorrupt.html).
        """
        if self.dialect == "sqlite":
            with self._alone(), suppress(FileExistsError):
                os.close(os.open(self.file(), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        if not self._lock.held.acquire(timeout=self._patience):
            raise StoreBusy("another thread kept the database's lock too long; nothing was written; try again")
        try:
            yield
        finally:
            self._lock.held.release()

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Connection]:
        """Open a write transaction: commits on success, rolls back on an exception.

        Args:
            patient: Its statements may take as long as they need.

        Raises:
            StoreBusy: The lock was not to be had in time; nothing was written.
            StoreLost: The server, or the line to it, is gone; whether it was written is not known.
        """
        if self._gate is not None:
            self._gate.pass_()
        with mapped_errors(), self._alone(), self._writer.begin() as connection, _bounded(connection, patient=patient):
            yield connection

    @contextmanager
    def read(self, *, patient: bool = False) -> Iterator[Connection]:
        """Open a read-only snapshot; with `patient` its statements may take as long as they need."""
        with mapped_errors(), self._reader.begin() as connection, _bounded(connection, patient=patient):
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Open for reading with one statement, which is its own transaction: beginning and ending one would cost two round trips more."""
        with mapped_errors(), self._reader.connect() as connection, _unbegun(connection):
            yield connection

    def confirm(self) -> None:
        """Return once whatever has been read here is as safe as a commit of our own.

        On PostgreSQL a commit that its server has, and its synchronous standby has not yet, can be read by others as soon as nobody waits
        for it any more. On SQLite what can be read is safe.

        Raises:
            StoreLost: It is not safe, or that is not known.
        """
        if self.dialect == "postgresql":
            from siphub.store.postgresql_engine import EMPTY_COMMIT

            with self.write() as connection:
                connection.exec_driver_sql(EMPTY_COMMIT)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection whose transactions are the caller's own, and as long as they need: for upgrades."""
        with mapped_errors(), self._writer.connect() as connection, _unhurried(connection):
            yield connection

    def place(self) -> tuple[str, str]:
        """Return which server it is on, and which of its databases it is: the same words for the same one, whatever the URL says."""
        if self.dialect == "sqlite":
            return "file", self.file()
        with self.read() as connection:
            found = connection.exec_driver_sql("SELECT system_identifier::text, current_database()::text FROM pg_control_system()").one()
        return str(found[0]), str(found[1])

    def others(self) -> int:
        """Return how many connections other processes of a hub have to this PostgreSQL database; 0 on SQLite, where nobody can say."""
        if self.dialect != "postgresql":
            return 0
        from siphub.store.postgresql_engine import application

        theirs = "datname = current_database() AND application_name LIKE 'siphub %' AND left(application_name, length(:mine)) != :mine"
        with self.read() as connection:
            query = text(f"SELECT count(*) FROM pg_stat_activity WHERE {theirs}")  # noqa: S608 - fixed words
            return int(connection.scalar(query, {"mine": application()}) or 0)

    def time(self) -> datetime | None:
        """Return the time by the PostgreSQL server's clock, or None on SQLite."""
        if self.dialect != "postgresql":
            return None
        with self.read() as connection:
            at: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return at

    def server(self) -> Server | None:
        """Return what the PostgreSQL server says of itself, or None on SQLite."""
        if self.dialect != "postgresql":
            return None
        from siphub.store.postgresql_engine import server

        with self.read() as connection:
            return server(connection)

    @contextmanager
    def autocommit(self) -> Iterator[Any]:
        """Give the driver's own connection, outside any transaction: to listen, and to tell others. It is thrown away where that failed."""
        with self._writer.connect() as connection:
            raw: Any = connection.connection.driver_connection
            if self.dialect == "postgresql":
                raw.autocommit = True
            try:
                yield raw
            finally:
                connection.invalidate()

    def checkpoint(self) -> bool:
        """Empty SQLite's write-ahead log, so that what was deleted is in no file; return whether it is empty. True on PostgreSQL."""
        if self.dialect != "sqlite":
            return True
        with mapped_errors(), self._alone():
            raw = self._writer.raw_connection()
            try:
                cursor = raw.cursor()
                busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                cursor.close()
                return not busy
            finally:
                raw.close()

    def empty_log(self) -> None:
        """Empty SQLite's write-ahead log, and wait a moment for readers that keep it from that.

        Raises:
            StoreBusy: They still do; what was deleted is gone from the database, and not yet from its log.
        """
        for _ in range(_CHECKPOINT_TRIES):
            if self.checkpoint():
                return
            time.sleep(0.02)
        raise StoreBusy("a reader kept the database's log from being emptied; what was deleted may still stand in it; try again")

    def close(self) -> None:
        """Let go of every connection."""
        if self._gate is not None:
            self._gate.end()
        self._writer.dispose()
        self._reader.dispose()
