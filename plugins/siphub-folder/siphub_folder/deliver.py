"""One attempt to make one file visible, and the one place where a file system's errors become outcomes."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from siphub.contract import Delivered, Outcome, Retry, Uncertain, require_permit


def named(key: str) -> str:
    """Return the file name for a key; anything but letters, digits, hyphen and underscore is a mistake of the caller's.

    Raises:
        ValueError: The key could not be a file name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", key):
        raise ValueError("a key must be 1 to 128 letters, digits, hyphens or underscores")
    return f"{key}.json"


def put(body: bytes, folder: Path | None, name: str) -> Outcome:
    """Write aside, make it durable, ask for the permit, and let it appear whole. A missing folder is not made: it may be an unmounted share.

    Raises:
        PermitExpired: Nothing has become visible.
    """
    if folder is None:
        return Retry("folder.outside")
    part, appearing = "", False
    try:
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(handle, 0o640)
            os.fsync(handle)
        require_permit()
        appearing = True
        Path(part).replace(folder / name)
        _make_durable(folder)
    except FileNotFoundError:
        return Uncertain("folder.uncertain") if appearing else Retry("folder.missing")
    except OSError:
        return Uncertain("folder.uncertain") if appearing else Retry("folder.unwritable")
    finally:
        if part:
            Path(part).unlink(missing_ok=True)
    return Delivered(name)


def _make_durable(folder: Path) -> None:
    """Make the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
