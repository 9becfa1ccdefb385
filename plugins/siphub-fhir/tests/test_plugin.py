"""The plugin as the hub finds it, and its pages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pluggy

import siphub_fhir
from siphub.contract import hooks
from siphub_fhir.answers import ISSUES
from siphub_fhir.entry import VALUES
from siphub_fhir.message import FORMS
from siphub_fhir.settings import NAMES
from siphub_fhir.translate import PLUGIN
from siphub_fhir.vocabulary import BASE

HERE = Path(__file__).parents[1]
PAGE = (HERE.parents[1] / "docs" / "fhir.md").read_text("utf-8")


def test_the_hub_finds_it_by_its_name() -> None:
    """The entry point fhir leads to this package."""
    [point] = [point for point in entry_points(group="siphub") if point.name == "fhir"]
    assert point.load() is siphub_fhir


def test_its_hooks_give_one_adapter_and_one_reader(make_context: Callable[..., Any]) -> None:
    """Asked by the hub, the plugin gives what it is named for."""
    assert [one.info.name for one in siphub_fhir.siphub_adapters(make_context())] == ["fhir"]
    assert [one.info.name for one in siphub_fhir.siphub_readers(make_context())] == ["fhir"]


def test_its_hooks_are_those_of_the_contract() -> None:
    """The hub's own manager takes the plugin: no misspelt hook, no argument that the contract does not have."""
    manager = pluggy.PluginManager("siphub")
    manager.add_hookspecs(hooks)
    manager.register(siphub_fhir)
    manager.check_pending()
    assert {"siphub_adapters", "siphub_readers"} == {one.name for one in manager.get_hookcallers(siphub_fhir) or []}


def test_payloads_name_the_version_that_made_them() -> None:
    """The name in a payload is the distribution's, with its version."""
    assert f"siphub-fhir@{version('siphub-fhir')}" == PLUGIN


def test_every_rule_of_quality_has_a_status_and_a_reason() -> None:
    """quality.toml says of each rule done, todo or exempt, and why."""
    rules = tomllib.loads((HERE / "quality.toml").read_text("utf-8"))
    assert rules
    assert all(rule["status"] in {"done", "todo", "exempt"} and rule["why"] for rule in rules.values())


def test_the_operators_page_lists_every_setting() -> None:
    """README.md has a row for each setting of the datasheet."""
    page = (HERE / "README.md").read_text("utf-8")
    assert all(f"| `{name}` |" in page for name in NAMES)


def test_the_page_lists_every_message_type() -> None:
    """docs/fhir.md has a row for each type that leaves; its lists of extensions and codes are generated."""
    assert all(f"| `{name}` |" in PAGE for name in FORMS)
    assert BASE in PAGE


def test_the_page_says_of_each_issue_code_what_it_means() -> None:
    """docs/fhir.md has a row for every issue code, in order, with what the table in the code says."""
    rows = re.findall(r"^\| `([a-z-]+)` \| .+? \| (is .+?) \|$", PAGE, re.MULTILINE)
    said = {"refused": "partner.fhir_refused", "administrator": "partner.unauthorised", "transient": "partner.fhir_transient"}
    found = [(code, outcome) for code, outcome in rows if code in ISSUES]
    assert [code for code, _ in found] == list(ISSUES)
    assert all(said.get(ISSUES[code], "is delivered") in outcome for code, outcome in found)


def test_the_page_says_which_forms_and_formats_there_are() -> None:
    """docs/fhir.md names every value of the options that choose what is sent, and no option the code does not have."""
    rows = re.findall(r"^\| `(form|format)` \| (.+?) \| ", PAGE, re.MULTILINE)
    assert {(name, value) for name, values in rows for value in re.findall("`([a-z]+)`", values)} == {
        (name, value) for name, values in VALUES.items() for value in values
    }
