"""Databases on SQLite as an upgrade leaves them, without a row: made by the migrations once in a process, and copied from then on.

For tests of what comes after an upgrade. It must never replace a database that is there, nor be given to a test of the upgrade itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from siphub.contract import SystemClock
from siphub.settings import Settings
from siphub.store import Store, What

FILES: Mapping[What, str] = {"content": "siphub.sqlite", "keys": "keys.sqlite"}
"""What a hub calls them in its data folder."""


def lay_content(settings: Settings) -> None:
    """Do the upgrade of a hub's content before its first start; nothing where that is on PostgreSQL, or has been done.

    The keys are left to that start: by their file a hub sees that it is the first.
    """
    if not settings.database_url:
        settings.data.mkdir(parents=True, exist_ok=True)
        lay(settings.data / FILES["content"], "content")


def lay(file: Path, what: What) -> None:
    """Put an upgraded database where there is no file yet, readable by its user only."""
    with suppress(FileExistsError), os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(_upgraded()[what])


@cache
def _upgraded() -> Mapping[What, bytes]:
    with TemporaryDirectory() as folder:
        files = {what: Path(folder) / name for what, name in FILES.items()}
        store = Store(f"sqlite:///{files['content']}", f"sqlite:///{files['keys']}", bytes(32), SystemClock())
        store.upgrade()
        store.close()
        return {what: file.read_bytes() for what, file in files.items()}
