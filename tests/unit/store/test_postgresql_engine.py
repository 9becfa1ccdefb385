"""How we speak to PostgreSQL: for no longer than we can wait, and what is not safe is never taken for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url

from siphub.errors import StoreBusy, StoreError, StoreLost
from siphub.store.engine import Database, _readable
from siphub.store.postgresql_engine import RESTED, words
from siphub.testing.postgresql import Postgres
from siphub.testing.story import until

QUICK = timedelta(seconds=1)


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """Return a database with one empty table, that is waited for as little as can be."""
    opened = Database(postgresql_url, busy_timeout=QUICK)
    with opened.write() as connection:
        connection.exec_driver_sql("CREATE TABLE word (text varchar)")
    yield opened
    opened.close()


def say(database: Database, word: str) -> None:
    """Write one word."""
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO word VALUES (%(word)s)", {"word": word})


def run(database: Database, *statements: str, patient: bool = False) -> int:
    """Say some statements in one transaction; return the number of the server's process."""
    with database.write(patient=patient) as connection:
        number = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() or 0)
        for statement in statements:
            connection.exec_driver_sql(statement.replace("MINE", str(number)))
    return number


def said(database: Database) -> list[str]:
    """Return the words that are there."""
    with database.read() as connection:
        return sorted(str(word) for (word,) in connection.exec_driver_sql("SELECT text FROM word"))


def test_several_hosts_are_read_as_libpq_writes_them() -> None:
    """Given a URL with two hosts, then both are tried and one that can be written is wanted; what else it says stands."""
    url = _readable("postgresql://hub:a%40b@one,two:5433/siphub?sslmode=verify-full")
    assert (url.query["host"], url.query["sslmode"], url.database, url.password) == (
        ("one:5432", "two:5433"),
        "verify-full",
        "siphub",
        "a@b",
    )
    assert words(url, 10)["target_session_attrs"] == "read-write"
    assert "target_session_attrs" not in words(_readable("postgresql://hub@one/siphub"), 10)
    assert "target_session_attrs" not in words(_readable("postgresql://hub@one,two/siphub?target_session_attrs=any"), 10)
    assert _readable("sqlite:///a,b.db") == make_url("sqlite:///a,b.db")


def test_what_the_url_says_counts_before_what_we_would_say() -> None:
    """Given a time to connect in the URL, then it is that; without one it is ours, and a dead line is noticed."""
    ours = words(_readable("postgresql://hub@one/siphub"), 10)
    assert (ours["connect_timeout"], ours["keepalives"], ours["tcp_user_timeout"]) == (5, 1, 20_000)
    assert "connect_timeout" not in words(_readable("postgresql://hub@one/siphub?connect_timeout=2"), 10)


@pytest.mark.node
def test_a_session_ends_by_itself_what_takes_too_long(database: Database) -> None:
    """Given a statement that takes longer than is waited, then it ends as busy, and nothing was written; a patient one may take its time."""
    with pytest.raises(StoreBusy):
        run(database, "INSERT INTO word VALUES ('late')", "SELECT pg_sleep(5)")
    assert said(database) == []
    run(database, "SELECT pg_sleep(2.5)", patient=True)
    with database.read() as connection:
        shown = connection.exec_driver_sql("SELECT current_setting('idle_in_transaction_session_timeout')").scalar()
    assert shown == "1min"
    with pytest.raises(StoreBusy):  # as impatient as before
        run(database, "SELECT pg_sleep(5)")


@pytest.mark.node
def test_a_line_that_is_cut_is_lost_and_the_next_transaction_has_another(database: Database) -> None:
    """Given a connection that the server ends within a transaction, then that is said as lost, and whoever asks again is answered."""
    with pytest.raises(StoreLost):
        run(database, "SELECT pg_terminate_backend(MINE)", "SELECT 1")
    say(database, "again")
    assert said(database) == ["again"]


@pytest.mark.node
def test_a_line_that_was_cut_while_it_rested_is_not_used(database: Database, postgresql: Postgres) -> None:
    """Given a connection that the server ended a moment after it was used, then the next transaction has another and nobody hears of it."""
    before = run(database)
    assert postgresql.run(f"SELECT pg_terminate_backend({before}, 10000)") == [(True,)]  # and waits until it is gone
    assert run(database) != before


@pytest.mark.node
def test_a_connection_is_asked_whether_it_lives_after_a_rest_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a connection that was used a moment ago, then it is used as it is; after a rest it is asked first."""
    asked: list[object] = []
    ping: Callable[[Any, Any], bool] = PGDialect_psycopg.do_ping

    def counted(dialect: PGDialect_psycopg, raw: object) -> bool:
        asked.append(raw)
        return ping(dialect, raw)

    monkeypatch.setattr(PGDialect_psycopg, "do_ping", counted)
    before = run(database)
    assert run(database) == before
    assert asked == []
    time.sleep(RESTED + 0.1)
    assert run(database) == before
    assert len(asked) == 1


@pytest.mark.node
def test_a_server_that_can_only_be_read_is_left(database: Database) -> None:
    """Given a primary that has become read-only under a connection, then writing is lost, and no connection to it is kept."""
    before = run(database)
    assert run(database) == before
    with pytest.raises(StoreLost):
        run(database, "SET TRANSACTION READ ONLY", "INSERT INTO word VALUES ('in vain')")
    assert run(database) != before


@pytest.mark.node
def test_a_commit_whose_wait_an_administrator_cancels_is_not_taken_for_safe(database: Database, postgresql: Postgres) -> None:
    """Given a commit that waits for a standby, when the wait is cancelled, then it is lost to us though its row can be read, and none is confirmed."""
    patient = Database(database.url.render_as_string(hide_password=False), busy_timeout=timedelta(seconds=60))
    ended: list[BaseException | None] = []

    def write() -> None:
        try:
            say(patient, "perhaps")
        except StoreError as error:
            ended.append(error)
        else:
            ended.append(None)

    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'"
    postgresql.configure(synchronous_standby_names="nobody")
    try:
        assert until(lambda: postgresql.run("SHOW synchronous_standby_names") == [("nobody",)])
        writer = threading.Thread(target=write)
        writer.start()
        assert until(lambda: postgresql.run(waiting))
        ((number,),) = postgresql.run(waiting)
        postgresql.run(f"SELECT pg_cancel_backend({number})")
        writer.join(30)
        assert [type(error) for error in ended] == [StoreLost]
        assert said(database) == ["perhaps"]
        with pytest.raises(StoreLost):
            database.confirm()
        began = time.monotonic()
        with pytest.raises(StoreLost):  # nothing more is begun that would wait on the server as well
            say(database, "not begun")
        assert time.monotonic() - began < QUICK.total_seconds()
    finally:
        postgresql.configure(synchronous_standby_names="")
    assert until(lambda: _confirmed(database), 30)
    say(database, "after")
    assert said(database) == ["after", "perhaps"]
    patient.close()


def _confirmed(database: Database) -> bool:
    try:
        database.confirm()
    except StoreLost:
        return False
    return True


@pytest.mark.node
def test_a_server_that_says_nothing_is_given_up(database: Database, postgresql: Postgres) -> None:
    """Given a server that holds its connections and says nothing, then no thread waits for ever, and whoever asks afterwards is answered."""
    say(database, "before")
    began = time.monotonic()
    with postgresql.frozen(), pytest.raises(StoreLost):
        say(database, "meanwhile")
    assert time.monotonic() - began < 60
    say(database, "after")
    assert said(database) == ["after", "before"]


def test_a_look_is_one_statement_outside_any_transaction_and_writes_nothing(database: Database) -> None:
    """Given a connection that was looked through, then no transaction was open in between, nothing can be written so, and the next one has its own."""
    say(database, "first")
    with database.look() as connection:
        raw: Any = connection.connection.dbapi_connection
        assert said_by(raw) == ["first"]
        assert raw.info.transaction_status == TransactionStatus.IDLE
        say(database, "second")
        assert said_by(raw) == ["first", "second"]
    with pytest.raises(StoreLost), database.look() as connection:
        connection.exec_driver_sql("INSERT INTO word VALUES ('third')")
    with database.read() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
        before = connection.exec_driver_sql("SELECT count(*) FROM word").scalar()
        say(database, "fourth")
        assert connection.exec_driver_sql("SELECT count(*) FROM word").scalar() == before == 2
    with database.write() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"
    assert said(database) == ["first", "fourth", "second"]


def said_by(raw: Any) -> list[str]:
    """Return the words that a driver's connection sees."""
    return sorted(word for (word,) in raw.execute("SELECT text FROM word"))
