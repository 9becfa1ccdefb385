"""One hub per data folder: a lock that the system lets go of when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siphub.errors import SiphubError

FILE = "up.lock"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises:
        SiphubError: `hub.running`; another process has it.
    """
    data.mkdir(parents=True, exist_ok=True)
    handle = os.open(data / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, data)
        yield
    finally:
        os.close(handle)


def _take(handle: int, data: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 20).decode("ascii", "replace").strip() or "another one"
        raise SiphubError(
            f"a hub is running on {data} already (process {holder}); stop it first, or choose another --data", code="hub.running"
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())


def running(data: Path) -> bool:
    """Say whether a hub is running on a data folder."""
    try:
        with only_one(data):
            return False
    except SiphubError:
        return True
