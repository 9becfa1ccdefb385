"""Folders that are held: a partner that makes its own a link to another's, at whatever moment, reaches nothing of the other's."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import Delivered, Recipient, Retry, Uncertain
from siphub.testing.folder_swaps import at_every_moment
from siphub.testing.record_keepers import new_package
from siphub_folder import Dropped, FolderDrop, FolderRecords, Place, Settings, first_there, put, remove_all

THEIRS = b"the other's"
WE = os.geteuid()
NOBODY = WE or 65534
"""Root may list everything, so it is somebody else for a moment."""


def mine(root: Path) -> Place | None:
    """Return my folder, looked up as the hub looks it up for each thing it does."""
    return Settings(root).folder(Recipient("", "2120000993", "A", "folder", "a"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root with my folder and another's, in which files lie that have the names of mine."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for name in ("1.json", "theirs"):
        (tmp_path / "b" / name).write_bytes(THEIRS)
    return tmp_path


def others(root: Path) -> dict[str, bytes]:
    """Return what lies in the other's folder."""
    return {file.name: file.read_bytes() for file in (root / "b").iterdir()}


def test_nothing_is_put_into_the_folder_that_a_link_leads_to(root: Path) -> None:
    """Whenever my folder becomes a link to the other's, what is for me lies in mine, or nowhere, and is tried again."""
    before = others(root)
    found = list(at_every_moment(root / "a", root / "b", lambda: put(b"mine", mine(root), "1.json")))
    assert (Retry("folder.outside") in found, found[-1]) == (True, Delivered("1.json"))
    assert set(found) <= {Retry("folder.outside"), Retry("folder.missing"), Delivered("1.json")}
    assert others(root) == before
    assert [file.name for file in (root / "a").iterdir()] == ["1.json"]


def test_nothing_is_read_in_the_folder_that_a_link_leads_to(root: Path) -> None:
    """Neither names nor files of the other's are taken for mine, nor is a file of the other's a sign that mine is there."""
    (root / "a" / "2.json").write_bytes(b"mine")
    names = set(at_every_moment(root / "a", root / "b", lambda: FolderDrop(mine(root)).names()))
    assert names <= {("2.json",), Retry("folder.outside")}
    read = [
        one.body if isinstance(one, Dropped) else one
        for one in at_every_moment(root / "a", root / "b", lambda: FolderDrop(mine(root)).read("1.json", 100))
    ]
    assert set(read) <= {None, Retry("folder.outside")}
    assert set(at_every_moment(root / "a", root / "b", lambda: first_there(["1.json"], mine(root)))) == {None}


def test_nothing_is_taken_away_in_the_folder_that_a_link_leads_to(root: Path) -> None:
    """What is taken away is mine; where it cannot be, that is said."""
    before = others(root)
    assert list(at_every_moment(root / "a", root / "b", lambda: remove_all(["1.json"], mine(root))))[-1]
    assert others(root) == before


def test_no_record_copy_is_put_or_settled_there(root: Path) -> None:
    """A registry that makes its folder a link to another's neither confirms by the other's files nor clears them away."""
    package, address = new_package(), Recipient("", "2120000993", "A", "folder", "a")
    (root / "b" / f"{package.package_id}.confirmed").write_text("KS 1\n")
    keeper, before = FolderRecords(Settings(root)), others(root)
    assert list(at_every_moment(root / "a", root / "b", lambda: keeper.offer(package, address)))[-1] == Delivered(package.metadata_name)
    told = list(at_every_moment(root / "a", root / "b", lambda: list(keeper.confirmations(address))))
    assert [one for one in told if one] == []
    assert others(root) == before


def test_a_folder_on_the_way_need_not_be_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given folders that the hub may go through and not list, as a partner's own may be, then what lies behind them is reached."""
    (root / "a" / "in").mkdir()
    monkeypatch.chdir(root)
    for folder in (root, root / "a", root / "a" / "in"):
        os.chown(folder, NOBODY, -1)
    (root / "a").chmod(0o300)
    os.seteuid(NOBODY)
    try:
        assert FolderDrop(Place(Path(), ("a",))).names() == Retry("folder.unreadable")
        assert put(b"1", Place(Path(), ("a", "in")), "1.json") == Delivered("1.json")
    finally:
        os.seteuid(WE)


def test_what_is_left_of_a_part_says_nothing_of_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a share that fails when the hub tidies up after a file has appeared, then it is delivered all the same."""

    def fails(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "unlink", fails)
    assert put(b"1", Place(root, ("a",)), f"{uuid4()}.json").__class__ is Delivered
    monkeypatch.setattr(os, "replace", fails)
    assert put(b"1", Place(root, ("a",)), "1.json") == Uncertain("folder.uncertain")


def test_what_a_dead_process_left_aside_is_taken_away(tmp_path: Path) -> None:
    """Given parts that are hours old and one that is being written, and files of others, then the next put takes our old part alone."""
    names = (f".{'a' * 24}.part", ".k3_x9abc.part", f".{'b' * 24}.part", ".norrby-1.xml.part")
    ours, older_hubs, young, theirs = (tmp_path / name for name in names)
    for file in (ours, older_hubs, young, theirs):
        file.write_bytes(b"x")
    for file in (ours, older_hubs, theirs):
        os.utime(file, (time.time() - 7200,) * 2)
    assert put(b"x", tmp_path, "1.json") == Delivered("1.json")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([young.name, theirs.name, "1.json"])


def test_a_share_that_fails_while_it_is_tidied_says_nothing_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a share that fails when the hub looks for what was left there, after a file has appeared, then it is delivered all the same."""

    def fails(handle: int) -> None:
        raise OSError(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fails)
        outcome = put(b"1", tmp_path, "1.json")
    assert outcome == Delivered("1.json")
