"""How we speak to PostgreSQL: never for longer than we can wait, and never taking for safe what is not.

    connecting      gives up after a few seconds, tries several hosts, and wants one that can be written
    a statement     ends by itself on the server, and where the server says nothing, here
    a commit        waits for the synchronous standby, where there is one; what has not ended in time may end yet, so its outcome is not known
    a dead line     is noticed by TCP, also while we wait for an answer

While commits do not end, as when the standby is away, nothing more is begun: each would leave a process waiting on the server, with its
locks. One probe at a time finds out when commits end again.
"""

from __future__ import annotations

import os
import secrets
import select
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel
from psycopg.errors import Diagnostic
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from siphub.errors import StoreLost

CONNECT_TIMEOUT: Final = 5
"""Seconds to wait for each host."""
KEPT: Final = 16
"""Connections that stay open for the next transaction, in each of a database's two pools: to read and to write."""
MOST: Final = 48
"""Connections that such a pool has at the most; who wants one more waits."""
IDLE_IN_TRANSACTION: Final = 60
"""Seconds after which the server ends a transaction in which nothing is said, and lets go of its locks: its process stands still."""
PROBE: Final = 300.0
"""Seconds that a probe may wait: each that gives up leaves a process on the server."""
RESTED: Final = 1.0
"""Seconds without use after which a connection is asked whether it lives, before it is used; to ask each time was one round trip in nine."""
_RESTS: Final = "rests since"
_LINE: Final[Mapping[str, int]] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_OURS: Final = secrets.token_hex(4)
READS: Final = "siphub_reads"
"""The execution option that says of a connection that its transactions are snapshots."""
LOST: Final = frozenset({"25006", "25P03", "57P01", "57P02", "57P03", "53100", "53200", "58030"})
"""PostgreSQL's codes for a server that goes, is not up, cannot be written, or has no room; and all of class 08."""
_SURE: Final = """
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
"""
"""Said in every session, so that neither the server's settings nor a change of them makes our commits less than that."""


class TookTooLong(psycopg.OperationalError):
    """The server has not answered in time, and the connection is given up."""


class CommitUnknown(psycopg.OperationalError):
    """Whether a commit is safe is not known: it has not ended in time, or the server has stopped waiting for its standby."""


class Bounded(psycopg.Connection[Any]):
    """A connection that never waits for ever. Times in seconds; None waits as long as the line lives."""

    patience: float | None = None
    commit_patience: float | None = None
    _warned = False

    def wait(self, gen: Any, *more: Any, **named: Any) -> Any:
        """Wait for an answer, until the time is up; who names a time of their own waits for that."""
        if self.patience is None or named.get("timeout") is not None:
            return super().wait(gen, *more, **named)
        return super().wait(_until(gen, time.monotonic() + self.patience, self.pgconn.finish), *more, **named)

    def commit(self) -> None:
        """Commit.

        Raises:
            CommitUnknown: It may have been, or may yet be.
        """
        kept, self.patience, self._warned = self.patience, self.commit_patience, False
        try:
            super().commit()
        except TookTooLong as error:
            raise CommitUnknown("the commit has not ended in time") from error
        finally:
            self.patience = kept
        if self._warned:  # as when an administrator cancels the wait for the standby: it is committed here, and perhaps nowhere else
            self.pgconn.finish()
            raise CommitUnknown("the server has warned about the commit")

    def hear(self, notice: Diagnostic) -> None:
        """Take what the server says beside its answers."""
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"


def _until(gen: Generator[Any, Any, Any], end: float, give_up: Callable[[], None]) -> Generator[Any, Any, Any]:
    """Do what a generator of psycopg's does, until the time is up; psycopg looks up every tenth of a second."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                give_up()
                raise TookTooLong("the server has not answered in time")
            wanted = gen.send(ready)
    except StopIteration as done:
        return done.value


def application() -> str:
    """Return what PostgreSQL shows this process's connections by: no other's, for every container has a process 1. A URL's name comes behind it."""
    return f"siphub {os.getpid()} {_OURS}"


def words(url: URL, patience: float) -> dict[str, Any]:
    """Return how to connect: what the URL says counts before what we would say."""
    options = {
        "lock_timeout": int(patience * 1000),
        "statement_timeout": int(patience * 1500),
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION * 1000,
        "timezone": "UTC",
    }
    ours: dict[str, Any] = {
        **_LINE,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    said = {name: value for name, value in {**ours, **primary(url)}.items() if name not in url.query}
    return {**said, "application_name": " ".join((application(), str(url.query.get("application_name", "")))).strip()}


def primary(url: URL) -> dict[str, str]:
    """Return how to find the primary: of several hosts it is the one that can be written."""
    several = "," in str(url.query.get("host", "")) or not isinstance(url.query.get("host", ""), str)
    return {"target_session_attrs": "read-write"} if several else {}


def make_engine(url: URL, patience: float, gate: Gate, *, read_only: bool) -> Engine:
    """Return an engine whose connections are bounded.

    Args:
        url: Where it is.
        patience: How long to wait for a lock or a commit, in seconds; for any other answer twice that.
        gate: Closed when a commit's outcome is not known.
        read_only: Its transactions are snapshots that write nothing.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=KEPT,
        max_overflow=MOST - KEPT,
        pool_timeout=patience,
        connect_args=words(url, patience),
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, positional: Any, named: Any) -> Bounded:
        made: Bounded = Bounded.connect(*positional, **named)
        made.add_notice_handler(made.hear)
        made.patience, made.commit_patience = 2 * patience, patience
        made.isolation_level = IsolationLevel.REPEATABLE_READ if read_only else IsolationLevel.READ_COMMITTED
        made.execute(_SURE)
        if read_only:
            made.execute("SET default_transaction_read_only = on")  # for a statement that is its own transaction
        made.commit()
        made.read_only = read_only
        return made

    @event.listens_for(engine, "checkin")
    def rest(_raw: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTS] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(raw: Any, record: ConnectionPoolEntry, _given: object) -> None:
        since = record.info.get(_RESTS)
        if since is None or (time.monotonic() - since <= RESTED and not _said_something(raw)):
            return
        try:
            engine.dialect.do_ping(raw)
        except psycopg.Error as error:
            raise InvalidatePoolError from error  # another connection is made, and those as old as this one are not used

    @event.listens_for(engine, "handle_error")
    def look(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, CommitUnknown):
            gate.close()
        if getattr(error, "sqlstate", None) == "25006":
            context.is_disconnect = True  # it was the primary once: every connection to it is in vain

    return engine.execution_options(**{READS: read_only})


def _said_something(raw: Any) -> bool:
    """Say whether the server has said something unasked on a connection, as when it leaves, or whether the line is at its end."""
    looking = select.poll()
    try:
        looking.register(raw.fileno(), select.POLLIN)
    except psycopg.Error:
        return True  # it is closed
    return bool(looking.poll(0))


_SAID: Final = """
SELECT current_setting('server_version'), current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
       current_setting('fsync'), current_setting('full_page_writes'),
       (SELECT count(*) FROM pg_stat_replication),
       (SELECT count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) FROM pg_stat_replication HAVING bool_and(sync_state IS NOT NULL)),
       current_setting('archive_mode'), last_archived_time, last_failed_time > coalesce(last_archived_time, '-infinity')
FROM pg_stat_archiver
"""


@dataclass(frozen=True, slots=True)
class Server:
    """What a PostgreSQL server says of itself, as far as it bears on what is promised.

    Args:
        version: Its version.
        standby_names: Whom a commit waits for; empty is nobody.
        commits: What a commit of ours waits for: `on`, `remote_apply`, or less.
        fsync: Whether it waits for its disk.
        whole_pages: Whether it can mend a page that a power cut has torn.
        standbys: How many standbys are connected.
        waited_for: How many of them a commit waits for; None where this user may not see that.
        archives: Whether it archives its log.
        archived_at: When it last did; None is never.
        archiving_fails: Whether its last attempt failed.
    """

    version: str
    standby_names: str
    commits: str
    fsync: bool
    whole_pages: bool
    standbys: int
    waited_for: int | None
    archives: bool
    archived_at: datetime | None
    archiving_fails: bool


def server(connection: Connection) -> Server:
    """Ask the server for what it says of itself."""
    version, names, commits, fsync, pages, standbys, waited_for, archives, archived_at, fails = connection.exec_driver_sql(_SAID).one()
    return Server(
        version=version,
        standby_names=names,
        commits=commits,
        fsync=fsync == "on",
        whole_pages=pages == "on",
        standbys=standbys,
        waited_for=waited_for,
        archives=archives != "off",
        archived_at=archived_at,
        archiving_fails=bool(fails),
    )


def lost(cause: BaseException | None) -> bool:
    """Say whether an error means that the server, or the line to it, is gone, so that it may be asked again later."""
    if not isinstance(cause, psycopg.Error):
        return False
    code = cause.sqlstate
    if code is None:
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return code in LOST or code.startswith("08")


@contextmanager
def patiently(connection: Connection) -> Iterator[None]:
    """Let a transaction's statements take as long as they need: for a migration, or a look through everything."""
    raw: Any = connection.connection.dbapi_connection
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    kept, raw.patience = raw.patience, None
    try:
        yield
    finally:
        raw.patience = kept


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Let a connection's transactions, of which there may be several, take as long as they need."""
    raw: Any = connection.connection.dbapi_connection
    kept = raw.patience, raw.commit_patience
    raw.patience = raw.commit_patience = None
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("RESET statement_timeout")
        connection.commit()
        raw.patience, raw.commit_patience = kept


@contextmanager
def unbegun(connection: Connection) -> Iterator[None]:
    """Let a connection's statements be transactions of their own."""
    raw: Any = connection.connection.dbapi_connection
    raw.autocommit = True
    try:
        yield
    finally:
        try:
            raw.autocommit = False
        except psycopg.Error:  # it is closed, or still at work
            connection.invalidate()


class Gate:
    """Keeps transactions from beginning while commits do not end. Its probe ends when the hub lets go of the database."""

    def __init__(self, url: URL, patience: float) -> None:
        self._words = ({**url.get_dialect()().create_connect_args(url)[1], **words(url, patience)}, patience)
        self._lock = threading.Lock()
        self._closed = False
        self._done = threading.Event()

    def pass_(self) -> None:
        """Do nothing while commits end.

        Raises:
            StoreLost: They did not when last heard of.
        """
        if self._closed:
            raise StoreLost("the database takes nothing for safe at present, as when its synchronous standby is away; nothing was written")

    def close(self) -> None:
        """Let nothing begin until a commit has ended."""
        with self._lock:
            if self._closed or self._done.is_set():
                return
            self._closed = True
        threading.Thread(target=self._probe_all, name="siphub-store-probe", daemon=True).start()

    def end(self) -> None:
        """Probe no more."""
        self._done.set()

    def _probe_all(self) -> None:
        while not self._done.is_set():
            try:
                self._probe()
                break
            except psycopg.Error:
                self._done.wait(1)
        self._closed = False

    def _probe(self) -> None:
        """Commit something, and wait for it for long."""
        named, patience = self._words
        with Bounded.connect(**{name: value for name, value in named.items() if name != "context"}) as probing:
            probing.add_notice_handler(probing.hear)
            probing.patience, probing.commit_patience = 2 * patience, PROBE
            probing.execute(EMPTY_COMMIT)


EMPTY_COMMIT: Final = "SELECT pg_logical_emit_message(true, 'siphub', '')"
"""Writes a word into the log and nothing else: its commit ends when everything before it is safe."""
