"""Putting a backup back: whole, or not at all, and in a form that no hub can begin to work on before it has been looked through.

On SQLite the copy lies beside its place under another name until `finish`. On PostgreSQL the dump is loaded in one transaction, in which
the switch that ends all sending is thrown as well: a process that connects the moment after finds it thrown.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from siphub.errors import BackupError
from siphub.store import postgresql_programs as programs
from siphub.store.backup import Backup, sync
from siphub.store.rows import NO_OWNER

_BESIDE: Final = ".restoring"
_LOGS: Final = ("-wal", "-journal")
_WORD: Final = re.compile(r"[A-Za-z0-9.:+/_-]+")


@dataclass(frozen=True, slots=True)
class Staged:
    """A database that has been brought back, and where it is to be looked through before `finish`."""

    url: str = field(repr=False)
    place: str = field(repr=False)

    def finish(self) -> None:
        """Give it its name. Its connections must be closed."""
        if self.url == self.place:
            return
        here, there = _file(self.url), _file(self.place)
        sync(here)
        here.rename(there)
        sync(there.parent)

    def leave(self) -> None:
        """Take away what lies beside its place; what PostgreSQL has loaded stays."""
        if self.url != self.place:
            _clear(_file(self.url))


def stage(backup: Backup, place: str, switches: Mapping[str, str]) -> Staged:
    """Bring a backup back, to be looked through; `place` is empty, and of the same kind of database.

    Args:
        backup: Verified already.
        place: The URL of where it goes.
        switches: What PostgreSQL must have switched at the moment at which others can see the content.

    Raises:
        BackupError: `backup.unwritable`, `backup.program_missing`, `backup.program_failed`, `restore.log_left`; nothing was changed.
    """
    if backup.manifest.dialect == "postgresql":
        programs.load(make_url(place), backup.file, _switching(switches))
        return Staged(place, place)
    _refuse_a_left_log(_file(place))
    target = Path(f"{_file(place)}{_BESIDE}")
    _clear(target)
    try:
        with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out, backup.file.open("rb") as body:
            shutil.copyfileobj(body, out, 1 << 20)
    except OSError as error:
        _clear(target)
        raise BackupError(f"{target}: {error.strerror}", code="backup.unwritable") from error
    return Staged(make_url(place).set(database=str(target)).render_as_string(hide_password=False), place)


def _switching(switches: Mapping[str, str]) -> str:
    """Return the SQL that sets switches."""
    if not all(_WORD.fullmatch(word) for words in switches.items() for word in words):
        raise ValueError("a switch's name and value are codes and times")
    rows = ", ".join(f"('{NO_OWNER}', '{name}', '{value}', 'restore', now())" for name, value in switches.items())
    return (
        "RESET search_path;\n"
        f"INSERT INTO switch (owner, name, value, by, at) VALUES {rows}\n"
        "ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value, by = excluded.by, at = excluded.at;\n"
        if rows
        else ""
    )


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")


def _refuse_a_left_log(file: Path) -> None:
    """SQLite puts into a database whatever log lies beside it, and cannot tell that it is another's: it would undo the stop and the doubt."""
    for name in (Path(f"{file}{ending}") for ending in _LOGS):
        if name.exists():
            raise BackupError(
                f"{name} is the log of a database that is gone, and SQLite would take it for that of the one brought back: move it away",
                code="restore.log_left",
            )


def _clear(file: Path) -> None:
    """Take away a half-made copy, with the files that SQLite keeps beside it."""
    for name in (file, *(Path(f"{file}{ending}") for ending in (*_LOGS, "-shm"))):
        name.unlink(missing_ok=True)
