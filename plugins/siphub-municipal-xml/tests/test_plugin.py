"""The plugin as the hub finds it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest

import siphub_municipal_xml
from siphub.contract import Submission, SystemClock
from siphub.contract.neutral import to_partner
from siphub.mappings import Mappings, begin, shipped
from siphub.model import sample
from siphub_municipal_xml.translate import PLUGIN

HERE = Path(__file__).parents[1]


def test_the_hub_finds_it_by_its_name() -> None:
    """The entry point municipal-xml leads to this package."""
    [point] = [point for point in entry_points(group="siphub") if point.name == "municipal-xml"]
    assert point.load() is siphub_municipal_xml


def test_its_hooks_give_one_adapter_and_one_reader(make_context: Callable[..., Any]) -> None:
    """Asked by the hub, the plugin gives what it is named for."""
    assert [one.info.name for one in siphub_municipal_xml.siphub_adapters(make_context())] == ["municipal-xml"]
    assert [one.info.name for one in siphub_municipal_xml.siphub_readers(make_context())] == ["municipal-xml"]


def test_payloads_name_the_version_that_made_them() -> None:
    """The name in a payload is the distribution's, with its version."""
    assert f"siphub-municipal-xml@{version('siphub-municipal-xml')}" == PLUGIN


def test_every_rule_of_quality_has_a_status_and_a_reason() -> None:
    """quality.toml says of each rule done, todo or exempt, and why."""
    rules = tomllib.loads((HERE / "quality.toml").read_text("utf-8"))
    assert rules
    assert all(rule["status"] in {"done", "todo", "exempt"} and rule["why"] for rule in rules.values())


def test_the_operators_page_lists_every_setting() -> None:
    """README.md has a row for each setting of the datasheet, and for the options of the way back."""
    page = (HERE / "README.md").read_text("utf-8")
    names = ("pack", "version", "timeout_seconds", "root", "clients", "logins", "receipt", "answers")
    assert all(f"| `{name}` |" in page for name in names)


@pytest.mark.parametrize("version", ["2", "2.0.1.7"])
def test_a_version_of_one_number_or_of_four_is_read(make_context: Callable[..., Any], tmp_path: Path, version: str) -> None:
    """Whatever version a manifest may have, a document in its namespace is recognised and read by it."""
    clock = SystemClock()
    begin(
        Mappings([shipped()], clock).load("municipal-sip"), tmp_path, "norrby-sip", version, owner="Norrby kommun", today=date(2026, 1, 1)
    )
    packs = Mappings([tmp_path], clock, drafts=True)
    message = sample("nack")
    submission = Submission(to_partner(packs.load("norrby-sip"), message.to_document()), "application/xml")
    reader = siphub_municipal_xml.MunicipalXmlReader(replace(make_context(), mappings=packs))
    assert reader.recognises(submission)
    assert reader.read(submission) == message
