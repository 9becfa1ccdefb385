"""The contract of drops, against a folder; and what a file system may hold that is no file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Retry
from siphub.testing.drops import DropContract, DropUnderTest
from siphub_folder import FolderDrop


@dataclass(frozen=True)
class Collector:
    """Whoever collects from the folder."""

    path: Path

    def files(self) -> dict[str, bytes]:
        """Return every file."""
        return {file.name: file.read_bytes() for file in self.path.iterdir() if file.is_file()}

    def leave(self, name: str, body: bytes) -> None:
        """Put a file there."""
        (self.path / name).write_bytes(body)

    def garble(self, name: str) -> None:
        """Put a folder there."""
        (self.path / name).mkdir()


class TestFolderDrop(DropContract):
    """A folder keeps what drops promise."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> DropUnderTest:
        """Give a folder, and one that is missing."""
        (tmp_path / "a").mkdir()
        return DropUnderTest(FolderDrop(tmp_path / "a"), Collector(tmp_path / "a"), FolderDrop(tmp_path / "missing"))


def test_a_link_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    """A link is not followed, and a pipe is not waited for."""
    (tmp_path / "aside").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "aside" / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "aside" / "pipe")
    drop = FolderDrop(tmp_path / "aside")
    assert drop.names() == ()
    assert [drop.read(name, 10) for name in ("link", "pipe")] == [None, None]


def test_outside_the_root_nothing_is_done() -> None:
    """An endpoint that leads outside the root is tried again until it is corrected, whatever is asked for."""
    drop = FolderDrop(None)
    assert {drop.put({"a": b""}), drop.names(), drop.read("a", 1), drop.remove(["a"])} == {Retry("folder.outside")}
    assert [check.ok for check in drop.check()] == [False]


def test_a_file_in_the_folders_place_cannot_be_looked_at(tmp_path: Path) -> None:
    """Given a file where a folder should be, then nobody can look, and nothing is said to be missing."""
    (tmp_path / "a").write_text("")
    drop = FolderDrop(tmp_path / "a")
    assert drop.names() == drop.read("b", 1) == Retry("folder.unreadable")
