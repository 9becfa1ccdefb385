"""The folder adapter: one whole file under the key's name, or nothing at all, and an honest word about it."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import siphub_folder
from siphub.contract import (
    Adapter,
    ChecksAddresses,
    Confirms,
    Cut,
    Delivered,
    Outcome,
    Payload,
    Permit,
    PluginContext,
    Recipient,
    Retry,
    SystemClock,
    Uncertain,
    permitted,
)
from siphub.errors import PermitExpired
from siphub_folder import FolderAdapter
from siphub_folder.settings import Settings

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
CUT = Cut(
    {"type": "meeting.summoned", "message_id": "m", "content": MappingProxyType({"place": "Rådhuset", "at": ("a", 1, None, True)})},
    "consent",
)
BODY = FolderAdapter(Settings()).translate(CUT, Recipient("u", "o", "l", "folder", "x"))


def to(endpoint: str | Path) -> Recipient:
    """Make a recipient with an endpoint."""
    return Recipient(unit="2321000016/a", organisation="2321000016", label="A", adapter="folder", endpoint=str(endpoint))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root with one recipient's folder."""
    (tmp_path / "a").mkdir()
    return tmp_path


@pytest.fixture
def adapter(root: Path) -> FolderAdapter:
    """Make the adapter over that root."""
    return FolderAdapter(Settings(root))


def test_the_hook_offers_an_adapter_that_keeps_the_contract(root: Path) -> None:
    """Asked by the hub, the plugin gives one adapter named folder, which can also confirm."""
    tools: dict[str, Any] = dict.fromkeys(["http", "mappings", "state", "render"])
    [adapter] = siphub_folder.siphub_adapters(
        PluginContext(plugin="folder", clock=SystemClock(), log=logging.getLogger("folder"), settings={"root": str(root)}, **tools)  # type: ignore[arg-type]  # this plugin uses none of them
    )
    assert isinstance(adapter, Adapter)
    assert isinstance(adapter, Confirms)
    assert adapter.info.name == "folder"


def test_the_datasheet_says_what_the_adapter_says() -> None:
    """The docstring's table and `info` are the same."""
    info = FolderAdapter.info
    lines = (siphub_folder.__doc__ or "").splitlines()
    sheet = {line[4:16].strip(): line[16:].partition(":")[0].strip() for line in lines if line.startswith("    ")}
    assert sheet == {
        "name": info.name,
        "kinds": ", ".join(sorted(info.kinds)) or "all",
        "media type": info.media_type,
        "receipts": info.receipts,
        "idempotent": "yes" if info.idempotent else "no",
        "ordered": "yes" if info.ordered else "no",
        "recall": {"message": "by a further message", "none": "no", "native": "native"}[info.recall],
        "max bytes": str(info.max_bytes),
        "mapping": info.mapping or "none",
        "settings": "root",
    }


def test_a_message_becomes_one_whole_file(root: Path, adapter: FolderAdapter) -> None:
    """Given a recipient's folder, when a message is delivered, then its cut is there as UTF-8 JSON under the key's name, and nothing else."""
    assert adapter.deliver(BODY, to("a"), KEY) == Delivered(f"{KEY}.json")
    [file] = (root / "a").iterdir()
    assert file.name == f"{KEY}.json"
    assert json.loads(file.read_bytes()) == {
        "type": "meeting.summoned",
        "message_id": "m",
        "content": {"place": "Rådhuset", "at": ["a", 1, None, True]},
    }
    assert "Rådhuset".encode() in file.read_bytes()
    assert oct(file.stat().st_mode & 0o777) == "0o640"


def test_the_same_cut_gives_the_same_bytes(adapter: FolderAdapter) -> None:
    """The order in which a document was built does not show."""
    turned = Cut(dict(reversed(list(CUT.document.items()))), "consent")
    assert adapter.translate(turned, to("a")).body == BODY.body


def test_a_repeat_under_the_same_key_leaves_one_file(root: Path, adapter: FolderAdapter) -> None:
    """Two attempts, one file."""
    assert adapter.deliver(BODY, to("a"), KEY) == adapter.deliver(BODY, to(root / "a"), KEY)
    assert len(list((root / "a").iterdir())) == 1


def test_an_expired_permit_leaves_nothing(root: Path, adapter: FolderAdapter) -> None:
    """Given a permit that has run out, then no file becomes visible and none is left aside."""
    with permitted(Permit(until=time.monotonic() - 1)), pytest.raises(PermitExpired):
        adapter.deliver(BODY, to("a"), KEY)
    assert list((root / "a").iterdir()) == []


@pytest.mark.parametrize(
    ("endpoint", "outcome"),
    [
        ("missing", Retry("folder.missing")),
        ("a-file", Retry("folder.unwritable")),
        ("..", Retry("folder.outside")),
        ("/", Retry("folder.outside")),
        ("a/../../b", Retry("folder.outside")),
        ("a-link", Retry("folder.outside")),
    ],
)
def test_what_cannot_be_written_is_tried_again(root: Path, adapter: FolderAdapter, endpoint: str, outcome: Outcome) -> None:
    """A missing folder is not made, a file is no folder, and no endpoint leads out of the root, by a link neither."""
    (root / "a-file").write_text("")
    (root / "a-link").symlink_to("/")
    assert adapter.deliver(BODY, to(endpoint), KEY) == outcome
    assert adapter.confirm(KEY, to(endpoint)) is None
    assert sorted(one.name for one in root.iterdir()) == ["a", "a-file", "a-link"]


def test_a_link_to_another_partners_folder_leads_nowhere(tmp_path: Path) -> None:
    """A partner that makes its folder a link to another's gets nothing of it, and is sent nothing there; a root that is a link is the root."""
    (tmp_path / "there" / "a").mkdir(parents=True)
    (tmp_path / "there" / "b").mkdir()
    (tmp_path / "root").symlink_to("there")
    adapter = FolderAdapter(Settings(tmp_path / "root"))
    for endpoint in ("a", tmp_path / "root" / "a", tmp_path / "there" / "a", "b/../a", tmp_path / "root" / "b" / ".." / "a"):
        assert adapter.deliver(BODY, to(endpoint), KEY) == Delivered(f"{KEY}.json")
    (tmp_path / "there" / "b").rmdir()
    (tmp_path / "there" / "b").symlink_to("a")
    for endpoint in ("b", tmp_path / "root" / "b", "b/c"):
        assert adapter.deliver(BODY, to(endpoint), "1" * 8) == Retry("folder.outside")
    assert [one.name for one in (tmp_path / "there" / "a").iterdir()] == [f"{KEY}.json"]


@pytest.mark.parametrize("endpoint", ["a", "whole"])
def test_without_a_root_nothing_is_put_anywhere(root: Path, endpoint: str) -> None:
    """A directory that somebody imports must not say which part of this machine is written: without a root it is tried again, and nothing is lost."""
    free, there = FolderAdapter(Settings()), to(root / "a" if endpoint == "whole" else endpoint)
    assert free.deliver(BODY, there, KEY) == Retry("folder.outside")
    assert free.confirm(KEY, there) is None
    assert [(one.ok, "(folder.outside)" in one.what) for one in free.check_address(there)] == [(False, True)]
    assert list((root / "a").iterdir()) == []
    [check] = free.check()
    assert (check.ok, "no folder gets a file" in check.what) == (True, True)


def test_what_an_entry_makes_of_a_folder_is_said(root: Path, adapter: FolderAdapter) -> None:
    """Of a folder that can be written, one that is missing, and one outside the root."""
    said = {name: [(one.ok, one.what.rpartition("(")[2]) for one in adapter.check_address(to(name))] for name in ("a", "missing", "..")}
    assert said == {"a": [(True, "its folder can be written")], "missing": [(False, "folder.missing)")], "..": [(False, "folder.outside)")]}
    assert isinstance(adapter, ChecksAddresses)


def test_a_rename_that_fails_is_uncertain_and_can_be_asked_about(root: Path, adapter: FolderAdapter) -> None:
    """From the rename on nobody knows: `confirm` says Delivered while the file is there and nothing once it is not."""
    (root / "a" / f"{KEY}.json").mkdir()
    assert adapter.deliver(BODY, to("a"), KEY) == Uncertain("folder.uncertain")
    assert adapter.confirm(KEY, to("a")) is None
    (root / "a" / f"{KEY}.json").rmdir()
    assert adapter.deliver(BODY, to("a"), KEY) == adapter.confirm(KEY, to("a")) == Delivered(f"{KEY}.json")
    (root / "a" / f"{KEY}.json").unlink()
    assert adapter.confirm(KEY, to("a")) is None


@pytest.mark.parametrize("key", ["", "../a", "a/b", ".a", "a" * 129, "a\n", "å"])
def test_a_key_that_is_no_name_is_a_mistake(root: Path, adapter: FolderAdapter, key: str) -> None:
    """A key can never name a file elsewhere."""
    with pytest.raises(ValueError, match="key"):
        adapter.deliver(BODY, to("a"), key)
    assert list((root / "a").iterdir()) == []


def test_check_says_what_can_be_written(root: Path, adapter: FolderAdapter) -> None:
    """Of each folder below the root, and of a missing root."""
    assert [(check.ok, check.what) for check in adapter.check()] == [(True, f"{root / 'a'} can be written")]
    assert [check.ok for check in FolderAdapter(Settings(root / "missing")).check()] == [False]


@pytest.mark.parametrize("settings", [{"rot": "/srv"}, {"root": "srv"}])
def test_settings_that_are_wrong_are_refused(settings: dict[str, str]) -> None:
    """A misspelt setting or a relative root stops the start."""
    with pytest.raises(ValueError, match=r"root|setting"):
        Settings.read(settings)


def test_nothing_of_a_payload_shows() -> None:
    """A payload's repr gives size and type."""
    assert repr(Payload(b"hemligt", "application/json", plugin="p")) == "Payload(7 bytes of application/json)"
