"""The tutorial of docs/mappings.md, followed to the letter: a second municipality by files under mappings/ and a directory entry alone."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.hub import build
from siphub.model import people as p
from siphub.model import sample
from siphub.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Done

Siphub = Callable[..., "Done"]
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mappings.md").read_text("utf-8").partition("## Add a second municipality")[2]
UNIT = p.SOCIAL_SERVICES


def change(folder: Path, patch: str) -> None:
    """Do what a block of differences says: in each named file the lines with a minus become those with a plus."""
    for part in re.split(r"^--- ", patch, flags=re.MULTILINE)[1:]:
        name, _, lines = part.partition("\n")
        text = (folder / name).read_text("utf-8")
        for hunk in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", lines, re.MULTILINE):
            before, after = (re.sub(r"^.", "", side, flags=re.MULTILINE) for side in hunk)
            assert text.count(before) == 1, f"{name}: {before}"
            text = text.replace(before, after)
        (folder / name).write_text(text, "utf-8")


def addressed(file: Path, address: dict[str, str]) -> None:
    """Give Söderby's unit an address in a directory file, and take it from nobody."""
    directory = json.loads(file.read_text("utf-8"))
    next(unit for unit in directory["units"] if unit["id"] == UNIT)["address"] = address
    file.write_text(json.dumps(directory), "utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a hub that has been started once, in my-hub."""
    monkeypatch.chdir(tmp_path)
    build(Settings(data=Path("my-hub"), min_free_disk=1)).stop()
    return tmp_path


def typed(siphub: Siphub, line: str) -> Done:
    """Run a line of the page; what stands behind `||` is for people."""
    words = shlex.split(line.partition(" || ")[0])
    assert words[0] == "siphub"
    return siphub(*words[1:])


def test_a_second_municipality_needs_files_and_a_directory_entry_only(place: Path, siphub: Siphub) -> None:
    """Given the page's commands, differences and entry in its order, then Söderby gets its own form, reads back as the message, and can go back."""
    pack, directory = place / "my-hub/mappings/soderby-sip/1.0", place / "directory.json"
    directory.write_text(siphub("directory", "list", "--json", "--data", "my-hub").out, "utf-8")
    said: dict[str, Any] = {}
    for kind, block in re.findall(r"```(console|diff|json)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "diff":
            change(pack, block)
        elif kind == "json":
            addressed(directory, json.loads(f"{{{block}}}")["address"])
        else:
            for line in [line.removeprefix("$ ") for line in block.splitlines()]:
                said[line.split(" --")[0]] = done = typed(siphub, line)
                assert done.status == (" || " in line), done.err
    assert "valid, and comes back whole" in said["siphub mappings try soderby-sip@1.0"].out
    assert "annan lokal" in said["siphub mappings diff municipal-sip@1.0 soderby-sip@1.0"].out
    assert re.search(r"soderby-sip@1.0 +approved .* 1 +usable", said["siphub mappings list"].out)

    message = sample("meeting.summoned", maximal=True)
    (place / "message.json").write_bytes(message.to_json())
    translated = ("translate", "message.json", "--to", "municipal-xml", "--recipient", UNIT, "--data", "my-hub")
    theirs = siphub(*translated).out
    assert "<motesKallelse>" in theirs
    assert "<slag>annan lokal</slag>" in theirs
    assert "<utvarderas>20270301</utvarderas>" in theirs
    (place / "theirs.xml").write_text(theirs, "utf-8")
    back = siphub("read", "theirs.xml", "--from", "municipal-xml", "--data", "my-hub").facts
    assert back.get("content", {}).get("evaluation_on", back.get("content", {}).get("content", {}).get("evaluation_on")) == "2027-03-01"

    addressed(directory, {"adapter": "municipal-xml", "endpoint": "https://soderby.example/sip", "mapping": "municipal-sip@1.0"})
    assert siphub("directory", "import", "directory.json", "--data", "my-hub").status == 0
    ours = siphub(*translated).out
    assert "<kallelse>" in ours
    assert "<utvarderas>2027-03-01</utvarderas>" in ours


def test_nothing_but_data_was_added(place: Path, siphub: Siphub) -> None:
    """Given the tutorial's pack, then it holds no program: a manifest, sheets, a schema, a table and a page, and what the samples become."""
    made = siphub("mappings", "new", "soderby-sip", "--owner", "Söderby kommun", "--data", "my-hub", "--json").facts
    assert {file.suffix for file in Path(made["folder"]).rglob("*") if file.is_file()} == {".toml", ".xsl", ".xsd", ".csv", ".md"}
