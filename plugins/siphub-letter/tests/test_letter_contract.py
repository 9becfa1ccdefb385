"""The contract of adapters, against an outbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Recipient
from siphub.documents import render
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub_folder import Settings
from siphub_letter import LetterAdapter


@dataclass(frozen=True)
class Outbox:
    """An outbox as the contract's witness."""

    path: Path

    def bytes_seen(self) -> int:
        """Return the size of every file that is visible."""
        return sum(file.stat().st_size for file in self.path.glob("[!.]*"))

    def effects(self, key: str) -> int:
        """Return how many letters a key has; its note is none."""
        return len(list(self.path.glob(f"{key}.pdf")))


class TestLetter(AdapterContract):
    """Letter keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> AdapterUnderTest:
        """Give the adapter over one outbox, and a recipient whose outbox is missing."""
        (tmp_path / "a").mkdir()

        def to(endpoint: str) -> Recipient:
            return Recipient("individual", "2120009994", "Norrby kommun", "letter", endpoint)

        return AdapterUnderTest(LetterAdapter(render, Settings(tmp_path)), to("a"), Outbox(tmp_path / "a"), to("missing"), ("root",))
