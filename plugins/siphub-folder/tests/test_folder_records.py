"""The contract of record keepers, against a folder; and what a registry may do wrong in one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import Recipient, Retry
from siphub.testing.record_keepers import REFERENCE, KeeperUnderTest, RecordKeeperContract, new_package
from siphub_folder import Dropped, DropRecords, FolderDrop, FolderRecords
from siphub_folder.settings import Settings

BAD = {
    "half-written": b"KS 2026/11",
    "empty": b"",
    "only a line's end": b"\n",
    "too long": b"K" * 201 + b"\n",
    "odd characters": b"KS \x00 2026\n",
    "an escape": b"\x1b[31mKS\n",
    "not UTF-8": b"\xff\xfe\n",
}
"""What a confirmation may hold that is none."""


@dataclass(frozen=True)
class Desk:
    """A registry that works from a folder."""

    path: Path

    def packages(self) -> list[tuple[bytes, bytes]]:
        """Return the whole packages: those with metadata."""
        return [(file.with_suffix(".pdf").read_bytes(), file.read_bytes()) for file in sorted(self.path.glob("*.json"))]

    def names(self) -> list[str]:
        """Return every name in the folder."""
        return [file.name for file in self.path.iterdir()]

    def confirm(self, package_id: str, reference: str) -> None:
        """Put a confirmation there."""
        (self.path / f"{package_id}.confirmed").write_text(f"{reference}\n", "utf-8")

    def garble(self) -> None:
        """Put everything there that a confirmation is not."""
        for body in BAD.values():
            (self.path / f"{uuid4()}.confirmed").write_bytes(body)
        (self.path / "notes.confirmed").write_text("KS 1\n")
        (self.path / f"{str(uuid4()).upper()}.confirmed").write_text("KS 1\n")
        (self.path / f"{uuid4()}.confirmed").mkdir()
        (self.path / f"{uuid4()}.confirmed").symlink_to(self.path / "notes.confirmed")


def _to(endpoint: str) -> Recipient:
    return Recipient("", "2120000993", "A", "folder", endpoint)


class TestFolderRecords(RecordKeeperContract):
    """Folder keeps what record keepers promise."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> KeeperUnderTest:
        """Give the keeper over one folder, and an address whose folder is missing."""
        (tmp_path / "a").mkdir()
        return KeeperUnderTest(FolderRecords(Settings(tmp_path)), _to("a"), Desk(tmp_path / "a"), _to("missing"))


@pytest.fixture
def keeper(tmp_path: Path) -> FolderRecords:
    """Make the keeper over a root with one registry's folder."""
    (tmp_path / "a").mkdir()
    return FolderRecords(Settings(tmp_path))


def test_metadata_comes_last(keeper: FolderRecords, tmp_path: Path) -> None:
    """Given a folder in which the document cannot appear, then no metadata appears either."""
    package = new_package()
    (tmp_path / "a" / package.pdf_name).mkdir()
    keeper.offer(package, _to("a"))
    assert [file.name for file in (tmp_path / "a").iterdir()] == [package.pdf_name]


@pytest.mark.parametrize("endpoint", ["..", "/", "a/../../b"])
def test_no_package_leaves_the_root(keeper: FolderRecords, endpoint: str) -> None:
    """An address outside the root is tried again until it is corrected."""
    assert keeper.offer(new_package(), _to(endpoint)) == Retry("folder.outside")


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_bad_confirmation_is_none_until_it_is_good(keeper: FolderRecords, tmp_path: Path, body: bytes) -> None:
    """Given a bad confirmation of a real package, then it is left out, and read once the registry has written it properly."""
    package = new_package()
    keeper.offer(package, _to("a"))
    file = tmp_path / "a" / f"{package.package_id}.confirmed"
    file.write_bytes(body)
    assert list(keeper.confirmations(_to("a"))) == []
    file.write_text(f"  {REFERENCE} \r\nand more\n", "utf-8")
    assert [told.reference for told in keeper.confirmations(_to("a"))] == [REFERENCE]


def test_a_confirmed_package_is_not_put_there_again(keeper: FolderRecords, tmp_path: Path) -> None:
    """Given a package that the registry has taken and confirmed, an offer of it again leaves nothing to be taken."""
    package, desk = new_package(), Desk(tmp_path / "a")
    desk.confirm(package.package_id, REFERENCE)
    keeper.offer(package, _to("a"))
    assert desk.packages() == []


class SlowDrop(FolderDrop):
    """A folder over a slow line."""

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Read a file, and take some time over it."""
        time.sleep(0.05)
        return super().read(name, limit)


def test_a_registry_that_confirms_much_over_a_slow_line_is_read_bit_by_bit(tmp_path: Path) -> None:
    """Given more confirmations than can be read in the time that the hub gives, then some are told each time, and settling makes way for the rest."""
    keeper, left = DropRecords("slow", lambda _: SlowDrop(tmp_path), timedelta(milliseconds=20)), {str(uuid4()) for _ in range(3)}
    for package_id in left:
        Desk(tmp_path).confirm(package_id, REFERENCE)
    for _ in range(3):
        told = [one.package_id for one in keeper.confirmations(_to("a"))]
        assert len(told) == 1
        keeper.settle(told[0], _to("a"))
        left -= set(told)
    assert left == set()


def test_confirmations_that_stay_keep_none_behind_them_waiting(tmp_path: Path) -> None:
    """Given a place where nothing can be taken away, or that holds another's, then each time what lies behind is read, and all in the end."""
    keeper, there = DropRecords("slow", lambda _: SlowDrop(tmp_path), timedelta(milliseconds=20)), {str(uuid4()) for _ in range(3)}
    for package_id in there:
        Desk(tmp_path).confirm(package_id, REFERENCE)
    told = [one.package_id for _ in range(6) for one in keeper.confirmations(_to("a"))]
    assert told == [*sorted(there), *sorted(there)]
    for _ in range(2):
        assert next(iter(keeper.confirmations(_to("a")))).package_id == told.pop(0)


def test_a_package_is_named_by_a_uuid(keeper: FolderRecords) -> None:
    """An id that is no UUID is a mistake of the caller's, and settling it touches nothing."""
    with pytest.raises(ValueError, match="UUID"):
        keeper.offer(replace(new_package(), package_id="../x"), _to("a"))
    keeper.settle("../x", _to("a"))
