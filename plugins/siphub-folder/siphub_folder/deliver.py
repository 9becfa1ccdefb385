"""One attempt to make a file, or files that belong together, visible, or gone again, and the one place where a file system's errors become outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from siphub.contract import Delivered, Outcome, Retry, Uncertain, require_permit
from siphub_folder.held import Folder, Place, code_of


def named(key: str, ending: str = "json") -> str:
    """Return the file name for a key; anything but letters, digits, hyphen and underscore is a mistake of the caller's.

    Raises:
        ValueError: The key could not be a file name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", key):
        raise ValueError("a key must be 1 to 128 letters, digits, hyphens or underscores")
    return f"{key}.{ending}"


def put(body: bytes, folder: Place | Path | None, name: str) -> Outcome:
    """Write aside, make it durable, ask for the permit, and let it appear whole. A missing folder is not made: it may be an unmounted share.

    Raises:
        PermitExpired: Nothing has become visible.
    """
    return put_all({name: body}, folder)


def put_all(files: Mapping[str, bytes], folder: Place | Path | None) -> Outcome:
    """Do the same with files that belong together: all are written aside before the first appears, and they appear in their order.

    Raises:
        PermitExpired: Nothing has become visible.
    """
    if folder is None:
        return Retry("folder.outside")
    try:
        with Place.of(folder).held() as held:
            return _put(files, held)
    except OSError as error:
        return Retry(code_of(error, "folder.unwritable"))


def remove_all(names: Iterable[str], folder: Place | Path | None) -> bool:
    """Take files away, in their order; say whether none of them is there any more. What somebody has collected is gone as well.

    A folder that is missing may be an unmounted share, so it says no.
    """
    return removed(names, folder) is None


def removed(names: Iterable[str], folder: Place | Path | None) -> Retry | None:
    """Do the same, and say why one of them may be there still."""
    if folder is None:
        return Retry("folder.outside")
    try:
        with Place.of(folder).held() as held:
            for name in names:
                held.remove(name)
            held.make_durable()
    except OSError as error:
        return Retry(code_of(error, "folder.unwritable"))
    return None


def first_there(names: Iterable[str], folder: Place | Path | None) -> str | None:
    """Return the first of these files that lies there; None where none does, or nobody can look."""
    if folder is None:
        return None
    try:
        with Place.of(folder).held() as held:
            return next((name for name in names if held.stat(name) is not None), None)
    except OSError:
        return None


def _put(files: Mapping[str, bytes], folder: Folder) -> Outcome:
    """Put files into a folder that is held; until the first appears an error is raised, from then on it is a doubt."""
    parts: dict[str, str] = {}
    try:
        for name, body in files.items():
            parts[name] = folder.write_aside(body)
        require_permit()
        done = _shown(parts, folder)
        folder.tidy()
        return done
    finally:
        with suppress(OSError):  # what is left of a part is nobody's, and must not say of a file that is there that it is not
            for part in parts.values():
                folder.remove(part)


def _shown(parts: Mapping[str, str], folder: Folder) -> Outcome:
    try:
        for name, part in parts.items():
            folder.rename(part, name)
        folder.make_durable()
    except OSError:
        return Uncertain("folder.uncertain")
    return Delivered(list(parts)[-1])
