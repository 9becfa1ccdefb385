"""The store on SQLite keeps StoreContract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.contract import SystemClock
from siphub.store import Store
from siphub.testing.databases import lay
from siphub.testing.store import StoreContract


class TestOnSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        content, keys = tmp_path / "hub.db", tmp_path / "keys.db"
        lay(content, "content")
        lay(keys, "keys")
        store = Store(f"sqlite:///{content}", f"sqlite:///{keys}", bytes(range(32)), SystemClock())
        yield store
        store.close()
