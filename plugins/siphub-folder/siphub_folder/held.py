"""A folder below a root, held while something is done in it, so that nobody can put another in its place meanwhile.

Partners may write below the root. What a path led to when it was looked at may be a link to another partner's folder when it is opened, so
no path is opened below a root: the root is, each name below it from the one above without following a link, and then every file from the
folder that is held. Links in the root's own path are the administrator's, and are followed. It must never open a file by more than its name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

_THROUGH: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
"""How a folder is held: where the system can, without the right to list it, which nobody needs who only puts files there."""
_LINK: Final = frozenset({errno.ELOOP, errno.EMLINK})
"""What systems say of a link that was not to be followed."""
_PART: Final = re.compile(r"\.([0-9a-f]{24}|[a-z0-9_]{8})\.part")
_EVERY: Final = 3600.0
"""How often a folder is looked through for what was left written aside, and how old that is then, in seconds: writing takes far less."""
_tidied: Final[dict[tuple[int, int], float]] = {}
"""When this process has last looked through a folder, by its device and number."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder is: a root, and the names that lead to it from there. Nothing is looked at before it is held."""

    root: Path
    below: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Self | Path) -> Self:
        """Return a place as it is, and one for a path that is the administrator's as a whole."""
        return cls(folder) if isinstance(folder, Path) else folder

    @contextmanager
    def held(self) -> Iterator[Folder]:
        """Hold the folder.

        Raises:
            OSError: It is not there, is none, cannot be reached, or a link below the root leads to it (`code_of`).
        """
        handle = os.open(self.root, _THROUGH)
        try:
            for name in self.below:
                above, handle = handle, _below(handle, name)
                os.close(above)
            yield Folder(handle)
        finally:
            os.close(handle)


class Folder:
    """A folder that is held. Names are files' own, and whoever calls has looked at them. Errors are the file system's: OSError."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def names(self) -> list[str]:
        """Return the names of the files in it, in no order. A link is no file."""
        with self._opened() as handle, os.scandir(handle) as found:
            return [one.name for one in found if one.is_file(follow_symlinks=False)]

    def stat(self, name: str) -> os.stat_result | None:
        """Return what is known of a file; None where there is none, or something else of that name."""
        try:
            found = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def is_free(self, name: str) -> bool:
        """Say whether nothing has that name, not even a link."""
        try:
            os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return True
        return False

    def read(self, name: str, most: int = -1) -> tuple[bytes, os.stat_result] | None:
        """Return at most so many of a file's bytes, and what is known of that very file; None where something else has that name.

        Raises:
            FileNotFoundError: Nothing has that name.
        """
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._handle)
        except OSError as error:
            if error.errno in _LINK:
                return None
            raise
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(most), found
        finally:
            os.close(handle)

    def write_aside(self, body: bytes) -> str:
        """Return under which name the bytes lie, durable, which nobody collects; nothing is left where they could not all be written."""
        part = f".{token_hex(12)}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self._handle)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fchmod(handle, 0o640)
                os.fsync(handle)
        except OSError:
            self.remove(part)
            raise
        return part

    def tidy(self) -> None:
        """Take away what was written aside over an hour ago by whoever has died since; once an hour, and where we may look."""
        with suppress(OSError):  # whatever is wrong here says nothing of what has just been put there
            found, now = os.fstat(self._handle), time.monotonic()
            here = (found.st_dev, found.st_ino)
            if here in _tidied and now < _tidied[here] + _EVERY:
                return
            _tidied[here] = now
            for name in filter(_PART.fullmatch, self.names()):
                part = self.stat(name)
                if part is not None and time.time() - part.st_mtime > _EVERY:
                    self.remove(name)

    def rename(self, name: str, new: str, to: Folder | None = None) -> None:
        """Give a file another name, here or in another folder that is held; one that has that name there is replaced."""
        os.replace(name, new, src_dir_fd=self._handle, dst_dir_fd=(to or self)._handle)  # noqa: SLF001 - another of its own kind

    def remove(self, name: str) -> None:
        """Take a file away, or what a link is; where there is none it is gone already."""
        try:
            os.unlink(name, dir_fd=self._handle)
        except FileNotFoundError:
            return

    def make_durable(self) -> None:
        """Make names survive a power cut."""
        with self._opened() as handle:
            os.fsync(handle)

    def can_be_written(self) -> bool:
        """Say whether files can be put there."""
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._handle)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the same folder for what a handle that it is only held by cannot do."""
        handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._handle)
        try:
            yield handle
        finally:
            os.close(handle)


def code_of(error: OSError, otherwise: str) -> str:
    """Return the code for why a folder could not be held, or something not be done in it."""
    if error.errno in _LINK:
        return "folder.outside"
    return "folder.missing" if isinstance(error, FileNotFoundError) else otherwise


def _below(above: int, name: str) -> int:
    """Open the folder of that name in one that is held; a link is told from a file, which systems call alike."""
    try:
        return os.open(name, _THROUGH | os.O_NOFOLLOW, dir_fd=above)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a link leads there") from None
        raise
