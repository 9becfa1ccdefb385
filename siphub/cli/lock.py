"""One hub per data folder: a lock that the system lets go of when the process ends, however it ends.

`siphub up` has a folder for itself. The processes of a hub in parts share it with each other, and not with an `up`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siphub.errors import SettingsError, SiphubError

FILE = "up.lock"
STARTING = "starting.lock"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder's lock, alone.

    Raises:
        SiphubError: `hub.running`; another process has it.
    """
    with _held(data, fcntl.LOCK_EX) as handle:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield


@contextmanager
def shared(data: Path) -> Iterator[None]:
    """Hold the folder's lock together with others that share it.

    Raises:
        SiphubError: `hub.running`; a process has it alone.
    """
    with _held(data, fcntl.LOCK_SH):
        yield


@contextmanager
def one_at_a_time(data: Path) -> Iterator[None]:
    """Wait for whoever else is just coming up on the folder: of several that come first at once, one makes the keys."""
    handle = _opened(data, STARTING)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _held(data: Path, kind: int) -> Iterator[int]:
    handle = _opened(data, FILE)
    try:
        _take(handle, data, kind)
        yield handle
    finally:
        os.close(handle)


def _opened(data: Path, name: str) -> int:
    """Open one of the lock files, made where it is missing.

    Raises:
        SettingsError: `settings.data_folder`; this user cannot.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        return os.open(data / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"{data / name} cannot be written ({error.strerror}): the folder belongs to the user that the hub runs as, and whatever another "
            "user's command has made in it must be given to that user with chown",
            code="settings.data_folder",
        ) from None


def _take(handle: int, data: Path, kind: int) -> None:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError:
        alone = kind == fcntl.LOCK_SH
        named = os.read(handle, 20).decode("ascii", "replace").strip() if alone or _is_alone(handle) else ""
        raise SiphubError(
            f"a hub is running on {data} already ({f'process {named}' if named else 'in several processes'}); "
            "stop it first, or choose another --data",
            code="hub.running",
        ) from None


def _is_alone(handle: int) -> bool:
    """Say whether the lock we did not get alone could not even be shared: then one process has it alone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def running(data: Path) -> bool:
    """Say whether a hub is running on a data folder, in one process or in several.

    Raises:
        SettingsError: `settings.data_folder`; it cannot be told.
    """
    try:
        with only_one(data):
            return False
    except SettingsError:
        raise
    except SiphubError:
        return True
