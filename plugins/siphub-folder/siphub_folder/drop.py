"""A drop: a place where one side puts files and the other collects them. What a folder of ours and a server elsewhere have in common.

Whoever puts a file there never shows it half, and whoever reads it takes one that is there for whole. A name is a file's own name: no
path, no leading dot (those are files being written, and nobody's). It must never follow a link, nor say "not there" of what it could not
look at: that is a Retry with a code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from siphub.contract import Check, Outcome, Retry
from siphub_folder.deliver import put_all, removed
from siphub_folder.held import Folder, Place, code_of

_LONGEST: Final = 255
_SAID: Final = {
    "folder.outside": (
        "its folder does not lie below the root that the settings of its adapter give, or a link leads to it, or they give none (folder.outside)"
    ),
    "folder.missing": "its folder is not there: make it, or mount the share (folder.missing)",
}
"""What is said of a folder that cannot be held."""


@dataclass(frozen=True, slots=True, repr=False)
class Dropped:
    """A file as it was read: at most so many of its bytes as were asked for, and when it was last written, UTC, by the other side's clock."""

    body: bytes
    written_at: datetime
    whole: bool = True
    """False where it is longer than was asked for."""

    def __repr__(self) -> str:
        return f"Dropped({len(self.body)} bytes)"


class Drop(Protocol):
    """One such place. Every call is one bounded attempt: no loop, no sleep. Safe to use from several threads."""

    def put(self, files: Mapping[str, bytes]) -> Outcome:
        """Put files there that belong together: all are written aside before the first appears, and they appear in their order, durable.

        A file of the same name is replaced. Delivered carries the last name; Retry: none of them has become visible; Uncertain: some may.

        Raises:
            PermitExpired: None of them has become visible.
            ValueError: A name that is none.
        """

    def names(self) -> tuple[str, ...] | Retry:
        """Return the names of the files that lie there, in order, or why nobody can look. Names of files being written are left out."""

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return a file, at most `limit` bytes of it; None where there is none, or something that is no file; Retry where nobody can look.

        Raises:
            ValueError: A name that is none.
        """

    def remove(self, names: Iterable[str]) -> Retry | None:
        """Take files away, in their order; None where none of them is there any more, also where somebody else has taken it.

        Raises:
            ValueError: A name that is none.
        """

    def check(self) -> Iterable[Check]:
        """Look whether files can be put there, and say so in words. Leaves nothing behind, and never raises."""


class FolderDrop:
    """A folder on this machine, or on a share that is mounted here. `folder` is None where an endpoint leads outside the root, or there is none."""

    def __init__(self, folder: Place | Path | None) -> None:
        self._place = None if folder is None else Place.of(folder)

    def put(self, files: Mapping[str, bytes]) -> Outcome:
        """Put files there; see `Drop`."""
        return put_all({plain(name): body for name, body in files.items()}, self._place)

    def names(self) -> tuple[str, ...] | Retry:
        """Return the names of the files; see `Drop`."""
        if self._place is None:
            return Retry("folder.outside")
        try:
            with self._place.held() as folder:
                return tuple(sorted(filter(is_plain, folder.names())))
        except OSError as error:
            return Retry(code_of(error, "folder.unreadable"))

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return a file; see `Drop`."""
        if self._place is None:
            return Retry("folder.outside")
        try:
            with self._place.held() as folder:
                return _read(folder, plain(name), limit)
        except OSError as error:
            return Retry(code_of(error, "folder.unreadable"))

    def remove(self, names: Iterable[str]) -> Retry | None:
        """Take files away; see `Drop`."""
        return removed(map(plain, names), self._place)

    def check(self) -> Iterable[Check]:
        """Say whether files can be put there; see `Drop`."""
        try:
            if self._place is None:
                code, ok = "folder.outside", False
            else:
                with self._place.held() as folder:
                    code, ok = "", folder.can_be_written()
        except OSError as error:
            code, ok = code_of(error, "folder.missing"), False
        yield Check(ok=ok, what=_SAID.get(code, f"its folder can {'' if ok else 'not '}be written"))


def is_plain(name: str) -> bool:
    """Say whether a name is a file's own: no path, no leading dot, nothing that is not printed, and at most 255 bytes."""
    return bool(name) and not name.startswith(".") and "/" not in name and name.isprintable() and len(name.encode()) <= _LONGEST


def plain(name: str) -> str:
    """Return a name that is one.

    Raises:
        ValueError: It is none (`is_plain`). It is not repeated.
    """
    if not is_plain(name):
        raise ValueError("a file's name must be its own: without a path, a leading dot, and characters that cannot be seen")
    return name


def _read(folder: Folder, name: str, limit: int) -> Dropped | None:
    try:
        found = folder.read(name, limit + 1)
    except FileNotFoundError:
        return None
    if found is None:
        return None
    body, about = found
    return Dropped(body[:limit], datetime.fromtimestamp(about.st_mtime, UTC), len(body) <= limit)
