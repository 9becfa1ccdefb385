"""The databases underneath: how they are opened, who waits for whom, and what an error may say."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from siphub.errors import StoreBusy, StoreError
from siphub.store import Store, SubmissionRow
from siphub.store.engine import Database
from siphub.testing.store_rows import NOW, OWNER, OpenStore, line, new_case, new_message

WRITER = """
import sys
from datetime import UTC, datetime
from siphub.contract import SystemClock
from siphub.store import Store, SubmissionRow

store = Store(sys.argv[1], sys.argv[2], bytes(range(32)), SystemClock())
store.upgrade()
for number in range(int(sys.argv[4])):
    with store.write() as work:
        work.switches.get("sending")
        work.submissions.add(SubmissionRow(sys.argv[3], str(number), b"h", "o", "c", "{}", datetime.now(UTC)))
    store.keys.case_key(sys.argv[3], f"case-{number % 5}", create=True)
store.close()
"""


VISITOR = """
import sqlite3
import sys

for file, table in zip(sys.argv[1::2], sys.argv[2::2]):
    connection = sqlite3.connect(file)
    print(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    connection.close()
"""


def _visit(folder: Path) -> list[int]:
    """Come to both databases from another process, and leave them; return how many submissions and cases' keys were seen there."""
    seen = subprocess.run(
        [sys.executable, "-c", VISITOR, str(folder / "hub.db"), "submission", str(folder / "keys.db"), "case_key"],
        capture_output=True,
        check=True,
        text=True,
        timeout=100,
    )
    return [int(word) for word in seen.stdout.split()]


def _writers(folder: Path, names: list[str], number: int) -> list[subprocess.Popen[str]]:
    urls = [f"sqlite:///{folder / 'hub.db'}", f"sqlite:///{folder / 'keys.db'}"]
    commands = [[sys.executable, "-c", WRITER, *urls, name, str(number)] for name in names]
    return [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]


def test_two_processes_write_at_once(tmp_path: Path, open_store: OpenStore) -> None:
    """Given three processes that make the same databases and then write as fast as they can, none ever hears "database is locked"."""
    names = ["one", "two", "three"]
    for process in _writers(tmp_path, names, 100):
        _, words = process.communicate(timeout=100)
        assert (process.returncode, words) == (0, "")
    with open_store().read() as work:
        assert all(work.submissions.find(name, str(number)) for name in names for number in range(100))


def test_a_visitor_takes_nothing_along(tmp_path: Path, store: Store, open_store: OpenStore) -> None:
    """Given a store that was looked at before it was upgraded, as at a hub's start, when another process comes and goes, nothing is lost."""
    store.close()
    hub = open_store()
    assert not hub.keys_gone()
    hub.upgrade()
    open_store().upgrade()
    for number in range(1, 4):
        with hub.write() as work:
            assert work.submissions.add(SubmissionRow(OWNER, str(number), b"h", "o", "c", "{}", NOW))
        hub.keys.case_key(OWNER, f"case-{number}", create=True)
        assert _visit(tmp_path) == [number, number]


def test_threads_of_one_process_take_turns(store: Store, open_store: OpenStore) -> None:
    """Given threads on two stores over one file, every write goes through."""
    stores = [store, open_store()]

    def write(turn: int) -> None:
        for number in range(20):
            with stores[turn % 2].write() as work:
                work.inbound.add(OWNER, "folder", f"{turn}-{number}", NOW)

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as work:
        assert all(work.inbound.seen(OWNER, "folder", f"{turn}-{number}") for turn in range(6) for number in range(20))


def test_a_lock_that_does_not_come_is_store_busy(store: Store, open_store: OpenStore) -> None:
    """Given a writer that has only begun, another raises StoreBusy after its patience, in this process and as another process would."""
    impatient = open_store(patience=0.2)
    with store.write():
        with pytest.raises(StoreBusy), impatient.write():
            pass
        with pytest.raises(StoreBusy), _without_process_lock(impatient).write():
            pass


def _without_process_lock(store: Store) -> Database:
    """Return the database as another process would meet it: with SQLite's own lock only."""
    store._content._lock = None
    return store._content


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    """Given an open write, a read answers at once, with what stood before."""
    with store.write() as work:
        work.switches.set("sending", "stopped", "operator", NOW)
        with store.read() as reading:
            assert reading.switches.get("sending") is None


def test_connections_are_set_for_safety(store: Store) -> None:
    """Given any connection, it logs ahead, syncs fully, overwrites what it deletes and keeps references; a reader's cannot write."""
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    for database in (store._content, store._keys):
        for opened, query_only in ((database.write, 0), (database.read, 1)):
            with opened() as connection:
                found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in (*expected, "query_only")}
            assert found == {**expected, "query_only": query_only}


def test_files_are_their_users_own(store: Store, tmp_path: Path) -> None:
    """Given an upgraded store, its files and logs are readable by their user only."""
    line(store, 1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.db*")}
    assert {"hub.db", "keys.db"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_what_cannot_keep_a_promise_is_refused(url: str) -> None:
    """Given a database in memory, or one the store was never tried on, it is refused."""
    with pytest.raises(StoreError):
        Database(url)


def test_an_error_does_not_repeat_what_was_written(store: Store) -> None:
    """Given a statement the database refuses, neither the error nor its cause shows the values."""
    case = new_case()
    message = new_message(case)
    with pytest.raises(StoreError) as raised, store.write() as work:
        work.messages.add(message)
    words = f"{raised.value} {raised.value.__cause__}"
    assert message.message_id not in words
    assert "sealed case" not in words


def test_a_password_is_not_shown() -> None:
    """Given a URL with a password, the database's repr hides it."""
    database = Database("postgresql+psycopg://hub:secret@127.0.0.1/hub")
    assert "secret" not in repr(database)
    database.close()


def test_what_is_deleted_leaves_the_file(store: Store, tmp_path: Path) -> None:
    """Given a deleted row, its bytes are in no file once the log has been emptied."""
    with store.write() as work:
        work.plugin_state.put(OWNER, "folder", "k", b"findme-findme-findme", NOW)
    with store._content.write() as connection:
        connection.execute(text("DELETE FROM plugin_state"))
    assert store._content.checkpoint()
    assert b"findme" not in b"".join(path.read_bytes() for path in tmp_path.glob("hub.db*"))
