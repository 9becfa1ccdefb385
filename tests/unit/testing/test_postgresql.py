"""The PostgreSQL that tests start: what it does when it is killed, followed, frozen, or left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from siphub.testing.postgresql import PATIENCE, Postgres, name_of, runs
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]

ORPHAN = """
import os, signal
from siphub.testing.postgresql import Postgres
with Postgres() as server:
    print(server._server.process.pid, server._folder, flush=True)
    signal.pause()
"""


@pytest.fixture
def table(postgresql_url: str) -> str:
    """Return the URL of a database with a table `kept` that has one row."""
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('one')")
    return postgresql_url


def words(url: str) -> list[str]:
    """Return the words of the table, in order."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM kept ORDER BY word")]


def test_what_was_committed_outlives_a_kill(postgresql: Postgres, table: str) -> None:
    """Given a committed row and one that is not, when the server is killed and started, then the first is there, at the same address."""
    with psycopg.connect(table) as connection:
        connection.execute("INSERT INTO kept VALUES ('two')")
        postgresql.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgresql.start()
    assert words(table) == ["one"]


def test_databases_do_not_meet_and_can_be_copied(postgresql: Postgres, table: str) -> None:
    """Given a database, another is empty, and a copy has what it has until it is dropped."""
    copy = postgresql.database(like=name_of(table))
    assert words(copy) == ["one"]
    with psycopg.connect(copy) as connection:
        connection.execute("INSERT INTO kept VALUES ('two')")
    assert words(table) == ["one"]
    postgresql.drop(copy)
    with pytest.raises(psycopg.OperationalError):
        words(copy)


def test_it_commits_to_disk_and_sorts_as_swedish_does(postgresql: Postgres) -> None:
    """Given the server, it syncs every commit, and its databases put å before ä before ö, and small before great."""
    assert {postgresql.run(f"SHOW {name}")[0][0] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert postgresql.run("SELECT string_agg(c, '' ORDER BY c) FROM unnest(ARRAY['ö','B','ä','b','å','z']) c") == [("bBzåäö",)]


def test_a_standby_has_what_the_primary_had_and_takes_over(postgresql: Postgres, table: str) -> None:
    """Given a standby, when the primary is killed and the standby promoted, then the row is there, and another can be written."""
    name = name_of(table)
    with Postgres(follows=postgresql) as standby:
        with psycopg.connect(table) as connection:
            connection.execute("INSERT INTO kept VALUES ('two')")
        assert until(lambda: words(standby.url(name)) == ["one", "two"], PATIENCE)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), psycopg.connect(standby.url(name)) as connection:
            connection.execute("INSERT INTO kept VALUES ('three')")
        postgresql.kill()
        try:
            standby.promote()
            with psycopg.connect(standby.url(name)) as connection:
                connection.execute("INSERT INTO kept VALUES ('three')")
            assert words(standby.url(name)) == ["one", "three", "two"]
        finally:
            postgresql.start()


def test_a_frozen_server_says_nothing_until_it_goes_on(postgresql: Postgres, table: str) -> None:
    """Given a server that is frozen, a statement waits, and is answered when the server goes on."""
    with psycopg.connect(table) as connection:
        with postgresql.frozen(), pytest.raises(psycopg.OperationalError):
            psycopg.connect(table, connect_timeout=2)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_nothing_is_left_where_the_test_run_is_killed() -> None:
    """Given a process that has started a server, when it is killed, then the server ends and its folder goes."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number, folder = process.stdout.readline().split()
        assert (Path(folder) / "data").exists()
        process.send_signal(signal.SIGKILL)
    assert until(lambda: not runs(int(number)) and not Path(folder).exists(), PATIENCE)
