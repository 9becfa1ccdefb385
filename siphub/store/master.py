"""The master key: one secret of 32 bytes above every other key, in a file of the folder of secrets and in no database.

It must never be replaced where it is gone: that would hide the loss.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from siphub.errors import SettingsError

FILE = "master.key"
_CODE = "settings.master_key"
_BYTES = 32


def make(file: Path) -> str:
    """Write a new master key to a file that is not there yet, readable by its user only; return it as hex.

    Raises:
        FileExistsError: The file is there.
    """
    text = secrets.token_hex(_BYTES)
    write_secret(file, text)
    return text


def read(given: str | None, folder: Path, *, fresh: bool) -> bytes:
    """Return the master key, or make one where nothing was ever sealed.

    Args:
        given: What the folder of secrets has, as hex; None where it has none.
        folder: The data folder's own secrets.
        fresh: The keys' database is this folder's own and not there yet.

    Raises:
        SettingsError: `settings.master_key`; there is none, or it is no key.
    """
    if given is None:
        given = _found(folder / FILE, fresh=fresh)
    try:
        key = bytes.fromhex(given)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise SettingsError(f"{FILE} cannot be read as 32 bytes in hex", code=_CODE)
    return key


def _found(file: Path, *, fresh: bool) -> str:
    try:
        if file.exists():
            return file.read_text("ascii").strip()
        if fresh:
            return make(file)
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"keys/{FILE} cannot be read as 32 bytes in hex", code=_CODE) from None
    raise SettingsError(
        f"{FILE} is gone, or was never made, and nothing can be opened without it: restore keys/{FILE} from its backup; "
        "for a new hub whose keys_url is set, siphub keys master makes one",
        code=_CODE,
    )


def write_secret(file: Path, text: str) -> None:
    """Write a line to a new file (mode 0600), and sync it.

    Raises:
        FileExistsError: The file is there.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
