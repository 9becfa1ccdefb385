"""A municipality that collects files: its address is a folder, and what is there is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Cut, Delivered, Permit, PermitExpired, Recipient, Retry, Uncertain, permitted
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_municipal_xml import MunicipalXml

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
CUT: Cut = whole_cut(sample("meeting.summoned", maximal=True))
MakeRecipient = Callable[..., Recipient]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root with one municipality's folder."""
    (tmp_path / "norrby").mkdir()
    return tmp_path


@pytest.fixture
def adapter(make_context: Callable[..., Any], root: Path) -> MunicipalXml:
    """Give the adapter over that root."""
    return MunicipalXml(make_context(settings={"root": str(root)}))


def test_a_file_is_there_whole_under_the_keys_name(adapter: MunicipalXml, recipient: MakeRecipient, root: Path) -> None:
    """One file with the municipality's XML, named after the key alone; a repeat is the same file, and asked about it is found."""
    there = recipient(str(root / "norrby"))
    payload = adapter.translate(CUT, there)
    for _ in range(2):
        assert adapter.deliver(payload, there, KEY) == Delivered(f"{KEY}.xml")
    [file] = (root / "norrby").iterdir()
    assert (file.name, file.read_bytes()) == (f"{KEY}.xml", payload.body)
    assert adapter.confirm(KEY, there) == Delivered(f"{KEY}.xml")
    file.unlink()
    assert adapter.confirm(KEY, there) is None


def test_after_the_permit_nothing_becomes_visible(adapter: MunicipalXml, recipient: MakeRecipient, root: Path) -> None:
    """A permit that has run out leaves the folder as it was."""
    there = recipient(str(root / "norrby"))
    with permitted(Permit(0.0)), pytest.raises(PermitExpired):
        adapter.deliver(adapter.translate(CUT, there), there, KEY)
    assert list((root / "norrby").iterdir()) == []


@pytest.mark.parametrize(
    ("place", "options", "outcome", "said"),
    [
        ("nobody", {}, Retry("folder.missing"), "folder.missing"),
        ("../elsewhere", {}, Retry("folder.outside"), "folder.outside"),
        ("norrby", {"secret": "x"}, None, "a folder has no secret"),
    ],
)
def test_an_entry_that_cannot_be_used_is_said(
    adapter: MunicipalXml, recipient: MakeRecipient, root: Path, place: str, options: dict[str, str], outcome: Retry | None, said: str
) -> None:
    """A folder that is missing or outside the root is tried again and not made; doctor says so, and which option makes no sense there."""
    there = recipient(f"{root}/{place}", **options)
    if outcome is not None:
        assert adapter.deliver(adapter.translate(CUT, there), there, KEY) == outcome
        assert adapter.confirm(KEY, there) == Uncertain(outcome.code)
    [wrong] = [check.what for check in adapter.check_address(there) if not check.ok]
    assert said in wrong
    assert not (root.parent / "elsewhere").exists()


def test_a_folder_in_order_is_said(adapter: MunicipalXml, recipient: MakeRecipient, root: Path) -> None:
    """Doctor says of the address what it gets, and of the root's folders whether they can be written."""
    assert [check.ok for check in adapter.check_address(recipient(str(root / "norrby")))] == [True, True, True]
    assert any("norrby can be written" in check.what for check in adapter.check())
