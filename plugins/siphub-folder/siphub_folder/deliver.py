"""One attempt to make a file, or files that belong together, visible, or gone again, and the one place where a file system's errors become outcomes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from siphub.contract import Delivered, Outcome, Retry, Uncertain, require_permit


def named(key: str, ending: str = "json") -> str:
    """Return the file name for a key; anything but letters, digits, hyphen and underscore is a mistake of the caller's.

    Raises:
        ValueError: The key could not be a file name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", key):
        raise ValueError("a key must be 1 to 128 letters, digits, hyphens or underscores")
    return f"{key}.{ending}"


def put(body: bytes, folder: Path | None, name: str) -> Outcome:
    """Write aside, make it durable, ask for the permit, and let it appear whole. A missing folder is not made: it may be an unmounted share.

    Raises:
        PermitExpired: Nothing has become visible.
    """
    return put_all({name: body}, folder)


def put_all(files: Mapping[str, bytes], folder: Path | None) -> Outcome:
    """Do the same with files that belong together: all are written aside before the first appears, and they appear in their order.

    Raises:
        PermitExpired: Nothing has become visible.
    """
    if folder is None:
        return Retry("folder.outside")
    parts: dict[str, str] = {}
    appearing = False
    try:
        for name, body in files.items():
            parts[name] = _written_aside(body, folder)
        require_permit()
        appearing = True
        for name, part in parts.items():
            Path(part).replace(folder / name)
        _make_durable(folder)
    except FileNotFoundError:
        return Uncertain("folder.uncertain") if appearing else Retry("folder.missing")
    except OSError:
        return Uncertain("folder.uncertain") if appearing else Retry("folder.unwritable")
    finally:
        for part in parts.values():
            Path(part).unlink(missing_ok=True)
    return Delivered(list(files)[-1])


def remove_all(names: Iterable[str], folder: Path | None) -> bool:
    """Take files away, in their order; say whether none of them is there any more. What somebody has collected is gone as well.

    A folder that is missing may be an unmounted share, so it says no.
    """
    if folder is None or not folder.is_dir():
        return False
    try:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        _make_durable(folder)
    except OSError:
        return False
    return True


def _written_aside(body: bytes, folder: Path) -> str:
    """Return where the bytes lie, on the disk and under a name that nobody collects; nothing is left where they could not all be written."""
    handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(handle, 0o640)
            os.fsync(handle)
    except OSError:
        Path(part).unlink(missing_ok=True)
        raise
    return part


def _make_durable(folder: Path) -> None:
    """Make the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
