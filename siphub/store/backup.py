"""Backups: one database as it is at one moment, in a folder of its own, with a manifest that says what it is and proves it unchanged.

    FOLDER/<hub>-content-20261126T020000Z/   content.sqlite or content.dump, and manifest.json
    FOLDER/<hub>-keys-20261126T020001Z/      keys.sqlite or keys.dump, and manifest.json

The manifest is written last and the folder takes its name last: what has its name is whole. What a killed backup has left, `.NAME.part`, a
copy like any other, is deleted by the next one, which sees by the lock on FOLDER/.lock that nobody works on it. Content and keys are never in one backup, and
the master key is in none: the manifest carries a hash keyed with it, so that another hub's backup, or an altered one, is not taken for ours.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from siphub import __version__
from siphub.errors import BackupError, StoreError
from siphub.store import postgresql_programs as programs
from siphub.store.schema import Schema, revision

if TYPE_CHECKING:
    from siphub.store.engine import Database

What = Literal["content", "keys"]
Mac = Callable[[bytes], bytes]
"""Gives the hash, keyed with the master key, of some bytes: 32 bytes."""
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
_BLOCK: Final = 1 << 20
_SUFFIX: Final = {"sqlite": "sqlite", "postgresql": "dump"}
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. It holds names, times and hashes, and nothing about anybody.

    Args:
        what: `content` or `keys`.
        hub: The hub's name.
        dialect: `sqlite` or `postgresql`.
        revision: The schema's revision.
        siphub: The version that made it.
        began_at: When it was begun: whatever was committed before is in it.
        ended_at: When it was whole: nothing that was committed after is in it.
        file: The file's name.
        size: The file's size, bytes.
        sha256: Its hash, hexadecimal.
        mac: The hash of all the rest, keyed with the master key, hexadecimal.
        format: The manifest's own version.
    """

    what: What
    hub: str
    dialect: str
    revision: str
    siphub: str
    began_at: datetime
    ended_at: datetime
    file: str
    size: int
    sha256: str
    mac: str = ""
    format: int = FORMAT

    def signed(self, mac: Mac) -> Self:
        """Return the manifest with its keyed hash."""
        return replace(self, mac=mac(self._rest()).hex())

    def _rest(self) -> bytes:
        rest = {name: value for name, value in self.document().items() if name != "mac"}
        return json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()

    def is_signed(self, mac: Mac) -> bool:
        """Say whether the keyed hash is that of this master key over this manifest."""
        return self.mac == mac(self._rest()).hex()

    def document(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, document: Any) -> Self:
        """Return the manifest from JSON values.

        Raises:
            BackupError: `backup.newer`; made by a version that writes another form. `backup.changed`; it is no manifest.
        """
        try:
            if document["format"] > FORMAT:
                raise BackupError(
                    "the backup was made by a newer siphub, in a form this one does not know: install the newer one", code="backup.newer"
                )
            times = {name: datetime.fromisoformat(document[name]) for name in ("began_at", "ended_at")}
            return cls(**{**document, **times})
        except (KeyError, TypeError, ValueError):
            raise BackupError(
                f"{MANIFEST} is not what a backup's manifest looks like: it was altered, or is another program's", code="backup.changed"
            ) from None


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that lies in a folder."""

    folder: Path
    manifest: Manifest

    @property
    def file(self) -> Path:
        """The database's copy."""
        return self.folder / self.manifest.file

    @classmethod
    def at(cls, place: Path, what: What) -> Self:
        """Return the backup in a folder; where it is a folder of backups, the newest of its kind.

        Raises:
            BackupError: `backup.not_there`; there is none. `backup.wrong_kind`; it is one of the other kind.
        """
        if (place / MANIFEST).is_file():
            found = cls(place, _read(place / MANIFEST))
            if found.manifest.what != what:
                raise BackupError(f"{place} is a backup of the {found.manifest.what}, not of the {what}", code="backup.wrong_kind")
            return found
        # What cannot be read stands in the way: it may be the newest, and an older one would be taken for it.
        found_there = [cls(file.parent, _read(file)) for file in _manifests(place)]
        mine = sorted((one for one in found_there if one.manifest.what == what), key=lambda one: one.manifest.began_at)
        if not mine:
            raise BackupError(f"there is no backup of the {what} in {place}", code="backup.not_there")
        return mine[-1]

    def verify(self, mac: Mac) -> None:
        """Read the whole file, and compare it with the manifest.

        Raises:
            BackupError: `backup.foreign`; another master key's, or the manifest was altered. `backup.changed`; the file was.
        """
        if not self.manifest.is_signed(mac):
            raise BackupError(
                f"the manifest in {self.folder} does not fit keys/master.key: it is another hub's backup, or it was altered; "
                "put the master key back that belongs to it, or take another backup",
                code="backup.foreign",
            )
        try:
            whole = (self.file.stat().st_size, digest(self.file)) == (self.manifest.size, self.manifest.sha256)
        except OSError as error:
            raise BackupError(f"{self.file}: {error.strerror}", code="backup.changed") from None
        if not whole:
            raise BackupError(f"{self.file} is not as it was made: it was altered, or cut off; take another backup", code="backup.changed")


def _read(file: Path) -> Manifest:
    try:
        return Manifest.of(json.loads(file.read_bytes()))
    except (OSError, ValueError):
        raise BackupError(f"{file} cannot be read as a backup's manifest", code="backup.changed") from None


def _manifests(place: Path) -> list[Path]:
    """Return the manifests of what lies in a folder and is whole: what is half made has a name that begins with a point."""
    return sorted(place.glob(f"[!.]*/{MANIFEST}"))


def take(database: Database, schema: Schema, place: Path, *, hub: str, mac: Mac) -> Backup:
    """Copy one database into a new folder below `place`, while it is in use; first delete what this hub's killed backups have left there.

    Raises:
        BackupError: `backup.unwritable`, `backup.no_room`, `backup.program_missing`, `backup.program_failed`; nothing was made.
    """
    if database.dialect == "sqlite" and not Path(database.file()).exists():
        raise BackupError(f"there is no database of the {schema.name} here", code="backup.nothing")
    what: What = "keys" if schema.name == "keys" else "content"
    began = datetime.now(UTC)
    name = f"{hub}-{what}-{began:%Y%m%dT%H%M%S.%fZ}"
    file = f"{what}.{_SUFFIX[database.dialect]}"
    with _working(place, hub), _folder(place / f".{name}.part") as part:
        if database.dialect == "sqlite":
            _copy_sqlite(Path(database.file()), part / file)
        else:
            programs.dump(database.url, part / file)
        with database.read() as connection:
            at = revision(connection)
        size, sha256 = (part / file).stat().st_size, digest(part / file)
        manifest = Manifest(what, hub, database.dialect, at or "", __version__, began, datetime.now(UTC), file, size, sha256).signed(mac)
        _write(part / MANIFEST, json.dumps(manifest.document(), indent=2).encode() + b"\n")
        sync(part / file)
        sync(part)
        part.rename(place / name)
    sync(place)
    return Backup(place / name, manifest)


@contextmanager
def _working(place: Path, hub: str) -> Iterator[None]:
    """Show others that a backup is being made in this folder, for as long as this process lives; what the dead have left is deleted first."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(place, error) from error
    try:
        # Where the file system knows no locks nobody can be told to be dead, and nothing is deleted.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(place, hub)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _clear(place: Path, hub: str) -> None:
    left = re.compile(rf"\.{re.escape(hub)}-(content|keys)-\d{{8}}T\d{{6}}\.\d{{6}}Z\.part")
    for part in place.iterdir():
        if left.fullmatch(part.name):
            shutil.rmtree(part, ignore_errors=True)


def _unwritable(place: Path, error: OSError) -> BackupError:
    return BackupError(f"{place} takes no backup: {error.strerror}", code="backup.unwritable")


@contextmanager
def _folder(part: Path) -> Iterator[Path]:
    """Give a new folder that is gone again if anything fails."""
    try:
        part.mkdir(mode=0o700)
        yield part
    except OSError as error:
        raise _unwritable(part.parent, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy in one step, which shows one moment and keeps no writer waiting; the copy is one file, without a log beside it."""
    room, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    if free < room + room // 10:
        raise BackupError(
            f"{target.parent.parent} has {free // 2**20} MiB left, and the database is {room // 2**20} MiB: make room",
            code="backup.no_room",
        )
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            if new.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise BackupError("the database is damaged, and so would be its backup: siphub db check says more", code="backup.damaged")
    except sqlite3.Error as error:
        raise StoreError(f"the database could not be copied ({type(error).__name__})") from error


def _write(file: Path, body: bytes) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with file.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def prune(place: Path, hub: str, what: What, keep: int, mac: Mac) -> tuple[Backup, ...]:
    """Delete all but the newest `keep` backups of this kind and hub; return those deleted. Another master key's are never touched."""
    mine = []
    for file in _manifests(place):
        with suppress(BackupError):
            one = Backup(file.parent, _read(file))
            if (one.manifest.hub, one.manifest.what) == (hub, what) and one.manifest.is_signed(mac):
                mine.append(one)
    mine.sort(key=lambda one: one.manifest.began_at)
    gone = tuple(mine[:-keep])
    for one in gone:
        shutil.rmtree(one.folder)
    return gone
