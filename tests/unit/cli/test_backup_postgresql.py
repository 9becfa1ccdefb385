"""`backup` and `restore` on PostgreSQL: whole or not at all, and safe whenever it breaks off."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.contract import SystemClock
from siphub.errors import BackupError
from siphub.flow import restored
from siphub.hub import open_store
from siphub.settings import read
from siphub.store import Store, What, stage
from siphub.store.backup import Backup
from siphub.store.postgresql_programs import _environment, _place
from siphub.testing.postgresql import Postgres as Server
from siphub.testing.store_rows import add_line
from siphub.testing.story import until
from tests.unit.cli.conftest import open_case

if TYPE_CHECKING:
    from siphub.testing.postgresql import Postgres
    from tests.unit.cli.conftest import Place


@pytest.mark.node
def test_on_postgresql_a_dump_comes_back_whole_or_not_at_all(on_postgresql: Place, postgresql_url: str, postgresql: object) -> None:
    """Given a dump that is cut off, then the database is as empty as before; the whole one comes back, stopped in the same transaction."""
    place = on_postgresql
    assert place.backup().status == 0
    from siphub.testing.postgresql import Postgres

    assert isinstance(postgresql, Postgres)
    new = place.tmp / "new"
    (new / "keys").mkdir(parents=True)
    empty = postgresql.database()
    (new / "siphub.toml").write_text(f'database_url = "{empty}"\n')
    found = place.newest("content")
    whole = found.file.read_bytes()
    found.file.write_bytes(whole[: len(whole) - 2000])
    place.sign_again(found)
    done = place.restore()
    assert (done.status, "backup.program_failed" in done.err) == (1, True), done.err
    store = place.store(new)
    assert store.empty("content")
    store.close()
    found.file.write_bytes(whole)
    place.sign_again(found)
    stage(
        Backup.at(place.content, "content"),
        empty,
        {"sending": "stopped", "restored": "2026-11-01T01:00:00+00:00/2026-11-02T01:00:00+00:00"},
    )
    store = place.store(new)
    with store.read() as work:
        assert work.switches.get("sending") == "stopped"
        assert len(work.deliveries.page()) == 1
    store.close()
    refused = place.restore()
    assert (refused.status, "restore.in_use" in refused.err) == (1, True)
    postgresql.drop(empty)


@pytest.mark.node
def test_on_postgresql_a_process_that_is_connected_keeps_a_restore_away(on_postgresql: Place, postgresql_url: str) -> None:
    """Given a hub's process on another machine, which holds no lock here, then a restore is refused as long as it is connected."""
    import psycopg

    for process in (os.getpid(), 999_999):  # a process of another machine may have the number of this one
        with psycopg.connect(postgresql_url, application_name=f"siphub {process}"):
            done = on_postgresql.siphub("restore", "--restored-until", "2026-11-01T02:00:00Z", "--data", on_postgresql.data)
            assert (done.status, "hub.running" in done.err) == (1, True)
    assert on_postgresql.siphub("restore", "--restored-until", "2026-11-01T02:00:00Z", "--data", on_postgresql.data).status == 0


@pytest.mark.node
def test_a_name_in_the_url_hides_no_process_from_a_restore(on_postgresql: Place, postgresql_url: str) -> None:
    """Given a URL that gives connections a name, then they bear it behind ours, and a restore sees another process and not itself."""
    named = f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}application_name=region"
    (on_postgresql.data / "siphub.toml").write_text(f'database_url = "{named}"\n')
    store = on_postgresql.store()
    with store.read() as work:
        work.switches.get("sending")
        assert store.others() == 0
    script = "import sys; from siphub.store.engine import Database; d = Database(sys.argv[1]); d.time(); print(d.others(), flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", script, named], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert int(other.stdout.readline()) >= 1
    assert store.others() >= 1
    store.close()
    done = on_postgresql.siphub("restore", "--restored-until", "2026-11-01T02:00:00Z", "--data", on_postgresql.data)
    assert (done.status, "hub.running" in done.err) == (1, True)
    other.communicate()
    assert on_postgresql.siphub("restore", "--restored-until", "2026-11-01T02:00:00Z", "--data", on_postgresql.data).status == 0


@pytest.mark.node
def test_postgresqls_programs_must_be_there_and_see_no_password_on_their_command_line(
    on_postgresql: Place, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a machine without pg_dump, then it is said what to install; a password goes by the environment alone."""
    store = on_postgresql.store()
    url = store._content.url
    assert "s3cret" not in _place(url)
    assert "s3cret" in _environment(url)["PGPASSWORD"]
    store.close()
    monkeypatch.setenv("PATH", os.fspath(on_postgresql.tmp))
    done = on_postgresql.backup()
    assert (done.status, "backup.program_missing" in done.err, "postgresql-client" in done.err) == (1, True, True)
    assert on_postgresql.backups(on_postgresql.content) == []
    assert list(on_postgresql.content.glob(".*.part")) == []


def test_what_is_no_switch_never_reaches_sql(tmp_path: Path) -> None:
    """Given a value with a quote in it, then no SQL is made of it."""
    from siphub.store.staging import _switching

    with pytest.raises(ValueError, match="codes and times"):
        _switching({"sending": "x'); DROP TABLE switch; --"})
    assert _switching({}) == ""
    assert issubclass(BackupError, Exception)


@pytest.mark.node
def test_a_restore_that_ended_between_loading_and_looking_through_lets_nothing_be_sent(on_postgresql: Place, postgresql: Postgres) -> None:
    """Given a restore that was killed when the content was loaded, then no start sends what is not in doubt; what is missing is done by its time."""
    place = on_postgresql
    assert place.backup().status == 0
    new, empty = place.new(), postgresql.database()
    (new / "siphub.toml").write_text(f'database_url = "{empty}"\n')
    settings = read({"data": new})

    def opening(elsewhere: Mapping[What, str]) -> Store:
        if elsewhere:
            raise KeyboardInterrupt
        return open_store(settings, SystemClock())

    keys, content = place.newest("keys"), place.newest("content")
    with pytest.raises(KeyboardInterrupt):
        restored.restore(opening, content, keys, now=datetime.now(UTC), by="test")
    assert place.siphub("restore", "--keys", place.keys, "--data", new).status == 0
    refused = place.siphub("start", "--after-restore", "--data", new)
    assert (refused.status, "restore.unfinished" in refused.err) == (1, True)
    until = content.manifest.began_at.isoformat(timespec="seconds")
    assert f"siphub restore --restored-until {until}" in refused.err
    assert place.siphub("restore", "--restored-until", until, "--data", new).status == 0
    store = place.store(new)
    with store.read() as work:
        assert [row.uncertain for row in work.deliveries.page()] == [True]
        assert work.switches.get("sending") == "stopped"
    store.close()
    assert place.siphub("start", "--after-restore", "--data", new).status == 0
    postgresql.drop(empty)


@pytest.mark.node
def test_a_backup_is_of_the_primary_wherever_it_stands_in_the_url(on_postgresql: Place, postgresql_url: str, postgresql: Postgres) -> None:
    """Given two hosts of which the first is a standby that has fallen behind, then the backup holds what only the primary has, and goes back there."""
    place = on_postgresql
    new, empty = place.new(), postgresql.database()

    def both(url: str) -> str:
        return url.replace("@127.0.0.1", f"@127.0.0.1:{standby.port},127.0.0.1")

    with Server(follows=postgresql) as standby:
        standby.run("SELECT pg_wal_replay_pause()")
        open_case(place)
        for folder, url in ((place.data, postgresql_url), (new, empty)):
            (folder / "siphub.toml").write_text(f'database_url = "{both(url)}"\n')
        assert place.backup().status == 0
        standby.run("SELECT pg_wal_replay_resume()")
        done = place.restore()
        assert done.status == 0, done.err
        store = place.store(new)
        with store.read() as work:
            assert len(work.deliveries.page()) == 2
        store.close()
    postgresql.drop(empty)


@pytest.mark.node
def test_a_restore_that_is_killed_while_it_loads_leaves_the_database_empty(on_postgresql: Place, postgresql: Postgres) -> None:
    """Given a restore that is killed when half of the content has been said to the server, then none of it is there."""
    place = on_postgresql
    assert place.backup().status == 0
    new, empty, programs = place.new(), postgresql.database(), place.tmp / "programs"
    (new / "siphub.toml").write_text(f'database_url = "{empty}"\n')
    programs.mkdir()
    killing = programs / "pg_restore"
    # What it says of the last table, and all behind it, never comes; whoever listens is killed.
    killing.write_text(
        f'#!/bin/sh\n{shutil.which("pg_restore")} "$@" | sed "/COPY public.switch/,\\$d"\nexec >&-\nsleep 2\nkill -9 $PPID\n'
    )
    killing.chmod(0o700)
    siphub = Path(sys.executable).with_name("siphub")
    words = [str(word) for word in (siphub, "restore", "--content", place.content, "--keys", place.keys, "--into", new)]
    done = subprocess.run(words, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert until(lambda: postgresql.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'siphub-backup'") == [(0,)])
    store = place.store(new)
    assert store.empty("content")
    store.close()
    postgresql.drop(empty)


@pytest.mark.node
@pytest.mark.parametrize("program", ["pg_restore", "psql"])
def test_a_program_that_has_much_to_say_does_not_stand_still(on_postgresql: Place, postgresql: Postgres, program: str) -> None:
    """Given a program that says more than a pipe holds before it begins, and as much content, then the restore goes on to its end."""
    place = on_postgresql
    store = place.store()
    with store.write() as work:
        for _ in range(200):
            add_line(work, 1)
    store.close()
    assert place.backup().status == 0
    new, empty, programs = place.new(), postgresql.database(), place.tmp / "programs"
    (new / "siphub.toml").write_text(f'database_url = "{empty}"\n')
    programs.mkdir()
    wordy = programs / program
    wordy.write_text(f'#!/bin/sh\nyes "warning: of this there is more" | head -n 20000 >&2\nexec {shutil.which(program)} "$@"\n')
    wordy.chmod(0o700)
    siphub = Path(sys.executable).with_name("siphub")
    words = [str(word) for word in (siphub, "restore", "--content", place.content, "--keys", place.keys, "--into", new)]
    done = subprocess.run(words, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, check=False, timeout=60)
    assert done.returncode == 0
    postgresql.drop(empty)
