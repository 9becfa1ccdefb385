"""`backup` and `restore`: what is copied is whole and apart, and what comes back is refused unless it fits, and sends nothing."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from siphub.cli.lock import only_one
from siphub.hub import build
from siphub.settings import Settings
from siphub.store.backup import MANIFEST
from siphub.testing.store_rows import NOW, OWNER
from tests.unit.cli.conftest import Place, open_case


def test_content_and_keys_lie_apart_and_the_master_key_in_neither(place: Place) -> None:
    """Given a hub, when it is backed up, then each backup is whole, nobody else's to read, and the master key is in none of them."""
    done = place.backup()
    assert done.status == 0
    assert "keys/master.key is in no backup" in done.err
    master = bytes.fromhex((place.data / "keys" / "master.key").read_text().strip())
    for what, file in (("content", "content.sqlite"), ("keys", "keys.sqlite")):
        found = place.newest(what)
        assert sorted(one.name for one in found.folder.iterdir()) == [file, MANIFEST]
        assert [stat.S_IMODE(one.stat().st_mode) for one in found.folder.iterdir()] == [0o600, 0o600]
        assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700
        held = found.file.read_bytes()
        assert master not in held
        assert master.hex().encode() not in held
    looked = place.siphub("restore", "--check", "--content", place.content, "--keys", place.keys, "--data", place.data)
    assert (looked.status, looked.out.count("whole, as of")) == (0, 2)


def test_the_doctor_says_how_old_the_backups_are(place: Place) -> None:
    """Given no backup, then a new one, then one that is too old, then the doctor says each."""

    def said() -> list[tuple[str, str]]:
        facts = place.siphub("doctor", "--data", place.data, "--json").facts
        return [
            (one["level"], one["what"]) for one in facts if "backup of the content" in one["what"] or "backed up the content" in one["what"]
        ]

    ((level, what),) = said()
    assert (level, "never backed up the content" in what) == ("look", True)
    place.backup()
    ((level, what),) = said()
    assert (level, what.startswith("the last backup of the content is 0:00:")) == ("ok", True)
    store = place.store()
    with store.write() as work:
        work.switches.set("backup.content", (datetime.now(UTC) - timedelta(days=3)).isoformat(), "test", NOW)
    store.close()
    ((level, what),) = said()
    assert (level, what.startswith("the last backup of the content is 3 days")) == ("wrong", True)


def test_a_restored_hub_sends_nothing_until_somebody_says_that_all_was_handed_in(place: Place) -> None:
    """Given a restore, then what waited is in doubt, each audit says so, and start is refused until it is said that nothing is missing."""
    place.backup()
    done = place.restore()
    assert done.status == 0, done.err
    assert "What happened since then is missing here: 0:00:" in done.out
    assert "siphub start --after-restore" in done.out
    new = place.tmp / "new"
    store = place.store(new)
    with store.read() as work:
        assert work.switches.get("sending") == "stopped"
        assert [row.uncertain for row in work.deliveries.page()] == [True]
        owners = work.audit.owners()
        assert OWNER in owners
        assert [work.audit.verify(owner) for owner in owners] == [None] * len(owners)
    store.close()
    refused = place.siphub("start", "--data", new)
    assert (refused.status, "restore.unsettled" in refused.err) == (1, True)
    doctor = place.siphub("doctor", "--data", new, "--json").facts
    assert [one["level"] for one in doctor if "brought back from a backup" in one["what"]] == ["wrong"]
    assert place.siphub("start", "--after-restore", "--data", new).status == 0
    assert place.siphub("stop", "--data", new).status == 0
    assert place.siphub("start", "--data", new).status == 0  # once settled it is a switch like any other


@pytest.mark.parametrize("what", ["content", "keys"])
def test_a_file_or_a_manifest_that_was_altered_is_refused(place: Place, what: str) -> None:
    """Given one byte that is another, in the copy or in its manifest, then nothing is restored."""
    place.backup()
    found = place.newest(what)
    held = found.file.read_bytes()
    found.file.write_bytes(held[:100] + bytes([held[100] ^ 1]) + held[101:])
    done = place.restore()
    assert (done.status, "backup.changed" in done.err) == (1, True)
    found.file.write_bytes(held)
    manifest = found.folder / MANIFEST
    manifest.write_text(manifest.read_text().replace(found.manifest.began_at.isoformat(), NOW.isoformat()))
    done = place.restore()
    assert (done.status, "backup.foreign" in done.err) == (1, True)
    manifest.write_text("{}")
    done = place.siphub("restore", f"--{what}", found.folder, "--into", place.tmp / "new")
    assert (done.status, "backup.changed" in done.err) == (1, True)
    assert not list((place.tmp / "new").glob("*.sqlite"))


def test_a_backup_goes_back_only_where_it_belongs(place: Place) -> None:
    """Given another hub's master key, a newer version's backup, another kind of database, or the wrong kind, then nothing is restored."""
    place.backup()
    content = place.newest("content")
    other = place.tmp / "other"
    build(Settings(data=other, min_free_disk=1)).stop()
    (other / "siphub.sqlite").unlink()
    done = place.siphub("restore", "--content", place.content, "--data", other)
    assert (done.status, "backup.foreign" in done.err) == (1, True)
    for changes, code in (
        ({"revision": "9999"}, "backup.newer"),
        ({"format": 2}, "backup.newer"),
        ({"dialect": "postgresql"}, "backup.other_database"),
    ):
        if "format" in changes:
            (content.folder / MANIFEST).write_text(json.dumps({**content.manifest.document(), **changes}))
        else:
            place.sign_again(content, **changes)
        done = place.restore()
        assert (done.status, code in done.err) == (1, True), changes
    done = place.siphub("restore", "--content", place.newest("keys").folder, "--into", place.tmp / "new")
    assert (done.status, "backup.wrong_kind" in done.err) == (1, True)
    done = place.siphub("restore", "--content", place.tmp / "new", "--into", place.tmp / "new")
    assert (done.status, "backup.not_there" in done.err) == (1, True)


def test_nothing_is_written_over_and_nothing_brought_back_under_a_running_hub(place: Place) -> None:
    """Given a hub that has been used, or one that runs, then a restore into its folder is refused; without its master key, everywhere."""
    place.backup()
    before = (place.data / "siphub.sqlite").read_bytes()
    done = place.siphub("restore", "--content", place.content, "--keys", place.keys, "--data", place.data)
    assert (done.status, "restore.in_use" in done.err, "--into" in done.err) == (1, True, True)
    assert (place.data / "siphub.sqlite").read_bytes() == before
    with only_one(place.data):
        done = place.siphub("restore", "--content", place.content, "--keys", place.keys, "--data", place.data)
        assert (done.status, "hub.running" in done.err) == (1, True)
    (place.tmp / "bare").mkdir()
    done = place.siphub("restore", "--content", place.content, "--keys", place.keys, "--into", place.tmp / "bare")
    assert (done.status, "settings.master_key" in done.err) == (2, True)
    assert place.siphub("restore", "--content", place.content, "--into", place.tmp / "no-such").status == 2
    done = place.siphub("restore", "--data", place.data)
    assert (done.status, "restore.nothing" in done.err) == (2, True)


def test_content_comes_back_to_the_keys_that_are_there(place: Place) -> None:
    """Given content that is lost and keys that are not, then the content alone comes back; without keys it does not, nor keys without content."""
    place.backup()
    (place.data / "siphub.sqlite").unlink()
    assert place.siphub("restore", "--content", place.content, "--data", place.data).status == 0
    done = place.restore("--content", place.content, into="no-keys", both=False)
    assert (done.status, "backup.keys_needed" in done.err) == (1, True)
    done = place.restore("--keys", place.keys, into="no-content", both=False)
    assert (done.status, "backup.content_needed" in done.err) == (1, True)


def test_what_was_erased_stays_erased_and_what_has_no_key_is_counted(place: Place) -> None:
    """Given keys older than the content, then that must be said; a key that was erased since is erased again, and a case opened since is counted."""
    store = place.store()
    with store.read() as work:
        ((owner, erased),) = work.erasure.cases(erased=False)
    place.siphub("backup", "--keys", place.keys, "--data", place.data)
    with store.write() as work:
        work.erasure.case(owner, erased, at=NOW, forget_at=NOW)
    store.forget_case(owner, erased)
    store.close()
    open_case(place)
    place.siphub("backup", "--content", place.content, "--data", place.data)
    done = place.restore()
    assert (done.status, "backup.keys_older" in done.err) == (1, True)
    done = place.restore("--older-keys", "--json")
    assert (done.status, done.facts["erased_again"], done.facts["without_key"]) == (0, 1, 1)
    store = place.store(place.tmp / "new")
    assert store.keys.case_key(owner, erased) is None
    store.close()


def test_keys_alone_come_back_to_the_content_that_is_there(place: Place) -> None:
    """Given keys that are lost and content that is not, then nothing is missing of the content, and sending goes on."""
    place.backup()
    (place.data / "keys.sqlite").unlink()
    done = place.siphub("restore", "--keys", place.keys, "--data", place.data)
    assert (done.status, done.out) == (0, "The keys are back. Nothing of the content was changed.\n")
    store = place.store()
    with store.read() as work:
        assert work.switches.get("sending") is None
        assert [row.uncertain for row in work.deliveries.page()] == [False]
    assert store.check() == ()
    store.close()


def test_a_restore_that_fails_leaves_nothing_behind(place: Place) -> None:
    """Given a copy that is no sound database though its hash fits, then it is refused, and the folder is as it was."""
    place.backup()
    found = place.newest("content")
    held = bytearray(found.file.read_bytes())
    held[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
    found.file.write_bytes(held)
    place.sign_again(found)
    done = place.restore()
    assert done.status == 1
    assert "backup.damaged" in done.err or "store.error" in done.err
    assert sorted(one.name for one in (place.tmp / "new").iterdir()) == ["keys", "up.lock"]


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_the_log_of_a_database_that_is_gone_keeps_a_restore_away(place: Place, ending: str) -> None:
    """Given a log that a hub that was killed has left, then nothing is restored beside it: SQLite would put it into the restored database."""
    place.backup()
    log = place.new() / f"siphub.sqlite{ending}"
    log.write_bytes(b"a log")
    done = place.restore()
    assert (done.status, "restore.log_left" in done.err, str(log) in done.err) == (1, True, True)
    assert (log.read_bytes(), list((place.tmp / "new").glob("*.sqlite"))) == (b"a log", [])
    log.rename(place.tmp / "moved away")
    assert place.restore().status == 0


def test_a_database_brought_back_by_other_means_is_made_safe_too(place: Place) -> None:
    """Given a database that its server brought back to a moment, then saying so stops sending and puts in doubt what waited; it may be said twice."""
    for _ in range(2):
        done = place.siphub("restore", "--restored-until", "2026-11-01T02:00:00+01:00", "--data", place.data, "--json")
        assert done.status == 0, done.err
        assert done.facts["missing"]["since"] == "2026-11-01T01:00:00+00:00"
    store = place.store()
    with store.read() as work:
        assert work.switches.get("sending") == "stopped"
        assert [row.uncertain for row in work.deliveries.page()] == [True]
    store.close()
    for time in ("yesterday", "2026-11-01T02:00:00", "2999-01-01T00:00:00Z"):
        done = place.siphub("restore", "--restored-until", time, "--data", place.data)
        assert (done.status, "restore.time" in done.err) == (2, True)


def test_old_backups_go_and_nobody_elses(place: Place) -> None:
    """Given three backups of a hub and one of another beside them, when two are kept, then the oldest is deleted and the other hub's is not."""
    other = place.tmp / "elsewhere" / "data"
    build(Settings(data=other, min_free_disk=1)).stop()
    assert place.siphub("backup", "--content", place.content, "--data", other).status == 0
    place.backup()
    place.backup()
    done = place.backup("--keep", 2, "--json")
    assert [one["deleted"] for one in done.facts] == [1, 1]
    assert len(place.backups(place.content)) == 3
    assert len(place.backups(place.keys)) == 2


def test_a_place_that_would_be_lost_as_well_is_refused(place: Place) -> None:
    """Given one folder for both, a folder inside the hub's own, none at all, or one that cannot be written, then nothing is backed up."""
    for named, status, code in (
        (("--content", place.content, "--keys", place.content), 2, "backup.same_place"),
        (("--content", place.content, "--keys", place.content / "keys"), 2, "backup.same_place"),
        (("--content", place.data / "backups"), 2, "backup.same_place"),
        ((), 2, "backup.nowhere"),
        (("--content", place.data.parent / "file"), 1, "backup.unwritable"),
    ):
        (place.data.parent / "file").write_text("")
        done = place.siphub("backup", *named, "--data", place.data)
        assert (done.status, code in done.err) == (status, True), done.err
    assert not place.content.exists()


def test_a_backup_that_is_half_made_is_none(place: Place) -> None:
    """Given what a backup leaves that was killed, then it is not taken for one."""
    place.backup()
    found = place.newest("content")
    found.folder.rename(found.folder.with_name(f".{found.folder.name}.part"))
    done = place.restore()
    assert (done.status, "backup.not_there" in done.err) == (1, True)


_STANDS = """
import sys
from siphub.cli import main
from siphub.store import backup

def stand(_):
    print("copied", flush=True)
    sys.stdin.read()

backup.digest = stand
main()
"""


def standing(place: Place) -> subprocess.Popen[bytes]:
    """Return a backup of the keys that stands still once it has copied them, in a process of its own."""
    words: list[str | Path] = [sys.executable, "-c", _STANDS, "backup", "--keys", place.keys, "--data", place.data]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"copied\n"
    return process


def test_what_a_killed_backup_has_left_goes_with_the_next_one(place: Place) -> None:
    """Given a backup that is killed when it has copied the keys, the next one deletes the copy; while it lived none did, and no other hub's."""
    other = place.keys / ".other-keys-20261126T020000.000000Z.part"
    other.mkdir(parents=True)
    killed = standing(place)
    place.backup()
    halves = list(place.keys.glob(".data-*.part"))
    assert [(half / "keys.sqlite").is_file() for half in halves] == [True]
    killed.kill()
    killed.communicate()
    place.backup()
    assert list(place.keys.glob(".*.part")) == [other]
    assert len(place.backups(place.keys)) == 2


def _busy(place: Place, ending: threading.Event) -> None:
    while not ending.is_set():
        open_case(place)


def copied_under_load(place: Place) -> None:
    """Back up, three times, while cases are opened."""
    ending = threading.Event()
    writer = threading.Thread(target=_busy, args=(place, ending))
    writer.start()
    try:
        for _ in range(3):
            assert place.backup().status == 0
    finally:
        ending.set()
        writer.join()


def test_a_backup_under_load_shows_one_moment_and_no_case_without_its_key(place: Place) -> None:
    """Given cases that are opened all the while, then each backup is whole, its references and audit hold, and every case in it can be opened."""
    copied_under_load(place)
    contents, keys = place.backups(place.content), place.backups(place.keys)
    sizes = []
    for number in range(3):
        done = place.restore("--content", contents[number], "--keys", keys[number], "--json", into=f"new-{number}", both=False)
        assert (done.status, done.facts["without_key"]) == (0, 0), done.err
        store = place.store(place.tmp / f"new-{number}")
        with store.read() as work:
            sizes.append(len(work.erasure.cases(erased=False)))
            assert [work.audit.verify(owner) for owner in work.audit.owners()] == [None] * len(work.audit.owners())
        store.close()
    assert sizes == sorted(set(sizes))  # something was opened in between
