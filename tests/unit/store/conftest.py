"""A store on SQLite in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.contract import SystemClock
from siphub.store import Store
from siphub.testing.databases import lay
from siphub.testing.store_rows import OpenStore


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """Return what opens a store on the test's files; each call is another one on the same files."""
    opened: list[Store] = []

    def build(*, master: bytes = bytes(range(32)), patience: float = 10.0) -> Store:
        url, keys_url = f"sqlite:///{tmp_path / 'hub.db'}", f"sqlite:///{tmp_path / 'keys.db'}"
        opened.append(Store(url, keys_url, master, SystemClock(), busy_timeout=timedelta(seconds=patience)))
        return opened[-1]

    yield build
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore, tmp_path: Path) -> Store:
    """Return an empty, upgraded store."""
    lay(tmp_path / "hub.db", "content")
    lay(tmp_path / "keys.db", "keys")
    return open_store()
