"""The pages about the policy are made from its tables: states, reasons, and who may see what."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from siphub.model import CATALOGUE
from siphub.policy.disclosure import rules
from siphub.policy.lifecycle import CASE, CONSENT, DELIVERY, PARTICIPANT
from siphub.policy.reasons import REASONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Load the script that writes the generated parts."""
    spec = importlib.util.spec_from_file_location("generate_for_policy", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["states", "reasons", "disclosure", "terms"])
def test_a_page_about_the_policy_says_what_its_tables_say(generate: ModuleType, name: str) -> None:
    """Given a page made from the policy, when it is rendered anew, then not a letter of it changes, and something in it is generated."""
    page = (ROOT / f"docs/{name}.md").read_text("utf-8")
    assert "<!-- generated: " in page
    assert generate.rendered(page) == page


def test_every_event_has_its_row() -> None:
    """Given the four state tables, then the page has a diagram for each and a row for every event."""
    page = (ROOT / "docs/states.md").read_text("utf-8")
    assert page.count("stateDiagram-v2") == 4
    assert [event for event in (*CASE, *DELIVERY, *CONSENT, *PARTICIPANT) if f"| `{event}` |" not in page] == []


def test_every_reason_has_its_row() -> None:
    """Given the reasons, then each stands on the page in both languages."""
    page = (ROOT / "docs/reasons.md").read_text("utf-8")
    assert [code for code, reason in REASONS.items() if not {f"| `{code}` |", reason.en, reason.sv} <= _parts(page)] == []


def _parts(page: str) -> set[str]:
    cells = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {part for first, *rest in cells for part in (f"{first} |", *(cell.removesuffix(" |") for cell in rest))}


def test_a_type_stands_on_the_page_exactly_where_a_rule_is_for_it() -> None:
    """Given the catalogue, then the page names each type that a rule is for, and no table names one that never leaves."""
    tables = [line for line in (ROOT / "docs/disclosure.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    named = {name for name in CATALOGUE for line in tables if f"`{name}`" in line.split(" | ")[0]}
    assert named == {name for rule in rules() for name in rule.types}


def test_every_rule_stands_on_the_page_with_its_reason() -> None:
    """Given the rules, then each has its reason on the page, in both languages."""
    page = (ROOT / "docs/disclosure.md").read_text("utf-8")
    assert [rule.types for rule in rules() if f"{rule.why['en']}<br>{rule.why['sv']}" not in page] == []
