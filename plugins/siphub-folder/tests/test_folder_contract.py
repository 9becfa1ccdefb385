"""The contract of adapters, against a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Recipient
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub_folder import FolderAdapter
from siphub_folder.settings import Settings


@dataclass(frozen=True)
class Folder:
    """A recipient's folder as the contract's witness."""

    path: Path

    def bytes_seen(self) -> int:
        """Return the size of every file that is visible."""
        return sum(file.stat().st_size for file in self.path.glob("[!.]*"))

    def effects(self, key: str) -> int:
        """Return how many files a key has."""
        return len(list(self.path.glob(f"{key}*")))


class TestFolder(AdapterContract):
    """Folder keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> AdapterUnderTest:
        """Give the adapter over one folder, and a recipient whose folder is missing."""
        (tmp_path / "a").mkdir()

        def to(endpoint: str) -> Recipient:
            return Recipient("2321000016/a", "2321000016", "A", "folder", endpoint)

        return AdapterUnderTest(FolderAdapter(Settings(tmp_path)), to("a"), Folder(tmp_path / "a"), to("missing"), ("root",))
