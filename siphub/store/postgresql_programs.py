"""PostgreSQL's own programs, `pg_dump`, `pg_restore` and `psql`: the one place where they are run.

A password goes by the environment of the child and never on a command line. What a program says can quote rows, so of its words no error
of ours repeats more than one line, without what stands in quotes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from sqlalchemy.engine import URL

from siphub.errors import BackupError

_BLOCK: Final = 1 << 20
_QUOTED: Final = re.compile(r'"[^"]*"|\'[^\']*\'|\([^)]*\)=\([^)]*\)')


def dump(url: URL, file: Path) -> None:
    """Write a database into a file in PostgreSQL's custom format: one snapshot, taken while the database is in use.

    Raises:
        BackupError: `backup.program_missing`, `backup.program_failed`.
    """
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    words = ["--format=custom", "--no-owner", "--no-privileges", "--no-password", "--lock-wait-timeout=30000", f"--file={file}"]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's program, words of our own
        [_program("pg_dump"), *words, f"--dbname={_place(url)}"],
        env=_environment(url),
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
    )
    if done.returncode:
        raise _failed("pg_dump", done.stderr)


def load(url: URL, file: Path, closing: str) -> None:
    """Put a dump into an empty database, and say `closing` (SQL) behind it, in the same transaction: all of it happens, or nothing.

    Raises:
        BackupError: `backup.program_missing`, `backup.program_failed`; the database is as empty as it was.
    """
    restore, psql = _program("pg_restore"), _program("psql")
    with subprocess.Popen(  # noqa: S603 - as above
        [restore, "--no-owner", "--no-privileges", "--file=-", str(file)],
        env=_environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reading:
        words = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        with subprocess.Popen(  # noqa: S603
            [psql, *words, f"--dbname={_place(url)}"], env=_environment(url), stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as writing:
            _pour(reading, writing, closing)


def _pour(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes], closing: str) -> None:
    """Let one program's output be the other's input; only when the first has ended well does the second hear that it is to commit.

    It must never commit because it hears nothing more, as psql does by itself: whoever speaks to it may have been killed.
    """
    into, read, wrote = _pipe(writing.stdin), _Hearing(_pipe(reading.stderr)), _Hearing(_pipe(writing.stderr))
    try:
        into.write(b"BEGIN;\n")
        shutil.copyfileobj(_pipe(reading.stdout), into, _BLOCK)
        if reading.wait():
            writing.kill()
            raise _failed("pg_restore", read.said())
        into.write(f"{closing}\nCOMMIT;\n".encode())
        into.close()
    except BrokenPipeError:
        reading.kill()
    finally:
        with suppress(BrokenPipeError):  # what is left in hand is for nobody; said when the pipe is closed later, it would hide why
            into.close()
    if writing.wait():
        raise _failed("psql", wrote.said())


class _Hearing:
    """Takes in what a program says while others wait for it: with a full pipe that nobody empties it would stand still. The first MiB is kept."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._said = bytearray()
        self._thread = threading.Thread(target=self._hear, name="siphub-hearing", daemon=True)
        self._thread.start()

    def said(self) -> bytes:
        """Return what was said, once it has ended."""
        self._thread.join()
        return bytes(self._said)

    def _hear(self) -> None:
        with suppress(ValueError):  # closed by whoever does not want to know any more
            while some := self._pipe.readline(_BLOCK):
                self._said += some[: max(0, _BLOCK - len(self._said))]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BackupError("a program was started without its pipes", code="backup.program_failed")
    return pipe


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupError(
            f"{name} is not installed here, and PostgreSQL is backed up and restored with it; on Debian and Ubuntu: apt install postgresql-client",
            code="backup.program_missing",
        )
    return found


def _failed(program: str, said: bytes) -> BackupError:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    told = _QUOTED.sub("…", lines[0])[:300] if lines else "it did not say why"
    return BackupError(f"{program} failed: {told}", code="backup.program_failed")


def _place(url: URL) -> str:
    """Return the words libpq connects by, without the password: of several hosts to the primary, for a standby may have less."""
    from psycopg.conninfo import make_conninfo

    from siphub.store.postgresql_engine import CONNECT_TIMEOUT, primary

    _, said = url.get_dialect()().create_connect_args(url)
    said = {"connect_timeout": CONNECT_TIMEOUT, **primary(url), **said}
    return make_conninfo(**{name: str(value) for name, value in said.items() if isinstance(value, str | int) and name != "password"})


def _environment(url: URL) -> Mapping[str, str]:
    """Return the whole environment of such a program: nothing of the machine's own reaches it."""
    password = {"PGPASSWORD": str(url.password)} if url.password is not None else {}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PGAPPNAME": "siphub-backup", **password}
