"""The store on SQLite keeps StoreContract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.contract import SystemClock
from siphub.store import Store
from siphub.testing.store import StoreContract


class TestOnSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = Store(f"sqlite:///{tmp_path / 'hub.db'}", f"sqlite:///{tmp_path / 'keys.db'}", bytes(range(32)), SystemClock())
        store.upgrade()
        yield store
        store.close()
