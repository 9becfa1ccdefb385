"""The page of requirements is true: each row stands once, lives where it says, and is held by a test that is there."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_REASONS = 6
"""At most so many rows may be held by no test."""


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_for_requirements", ROOT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> ModuleType:
    """Return the script that reads the table."""
    return _loaded("requirements")


def test_every_row_stands_once(table: ModuleType) -> None:
    """Given the table, then it has the rows 1 to 94, each once and in order, and the five contradictions, each with what can be chosen."""
    keys = [row.key for row in table.rows()]
    assert [key for key in keys if isinstance(key, int)] == list(table.ROWS)
    named = [row for row in table.rows() if isinstance(row.key, str)]
    assert len({row.key for row in named}) == len(named) == 5
    assert all(row.how for row in named)


def test_every_row_lives_somewhere(table: ModuleType) -> None:
    """Given a row, then it says where it lives, and each of those places is there."""
    assert [row.key for row in table.rows() if not row.lives] == []
    assert [(row.key, place) for row in table.rows() for place in row.lives if not table.there(place)] == []


def test_every_row_is_held_by_a_test_or_says_why_not(table: ModuleType) -> None:
    """Given a row, then a test names it in its marker, or the row has a reason, and not both; at most six have one."""
    held = table.held()
    assert [row.key for row in table.rows() if (row.reason is None) != bool(held.get(row.key))] == []
    assert sum(row.reason is not None for row in table.rows()) <= MOST_REASONS


def test_most_rows_are_held_by_the_flow_or_by_a_form(table: ModuleType) -> None:
    """Given what a row asks of behaviour or of paper, then a test of the whole flow or of the documents holds it; few rest on a part alone."""
    whole = ("tests/flow/", "tests/e2e/", "tests/unit/documents/")
    apart = [key for key, names in table.held().items() if not any(name.startswith(whole) for name in names)]
    assert len(apart) <= 4, apart


def test_no_test_holds_what_nobody_asks_for(table: ModuleType) -> None:
    """Given the markers, then each names a row, and the test it stands at is there, by the name the page gives it."""
    held = table.held()
    assert set(held) <= {row.key for row in table.rows()}
    for name in {name for names in held.values() for name in names}:
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        assert test.rpartition("::")[2] in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
        assert test.rpartition("::")[2].startswith("test_"), name


def test_the_page_says_what_the_table_and_the_tests_say(table: ModuleType) -> None:
    """Given the page, when it is rendered anew, then not a letter of it changes, and it has a line for each row."""
    page = (ROOT / "docs/requirements.md").read_text("utf-8")
    assert _loaded("generate").rendered(page) == page
    assert [row.key for row in table.rows() if f"\n| {row.key} | " not in page and f"\n| `{row.key}` | " not in page] == []


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("siphub.policy.law", True),
        ("siphub.policy.law.LAW", True),
        ("siphub.policy.flaw", False),
        ("siphub.policy.law.FLAW", False),
        ("siphub.model.case.SipCase.plan_consent", True),
        ("siphub.model.case.SipCase.plan_consent.mode", True),
        ("siphub.model.case.SipCase.plan_consents", False),
        ("plan.established/plan.activities.responsible.unit", True),
        ("plan.established/plan.activities.responsible.units", False),
        ("plan.founded/plan", False),
        ("setting relatives", True),
        ("setting relations", False),
        ("form leaflet", True),
        ("reason plan.no_consent", True),
        ("reason plan.no", False),
        ("deadline kallelse", True),
        ("command siphub forms print", True),
        ("command siphub forms", True),
        ("command siphub form", False),
        ("page law.md", True),
        ("place nowhere", False),
        ("nowhere", False),
    ],
)
def test_a_place_is_there_or_it_is_not(table: ModuleType, place: str, known: bool) -> None:
    """Given a place that is there, and its misspelt neighbour, then the one is found and the other not."""
    assert table.there(place) is known


def test_a_marker_is_found_wherever_a_test_stands(table: ModuleType) -> None:
    """Given tests in a file and in a class, one of them without the marker, then each row is found with its test's name."""
    source = "@pytest.mark.req(1, 'a')\ndef test_a(): ...\nclass TestB:\n    @pytest.mark.slow\n    @pytest.mark.req(2)\n    def test_b(self): ...\n    def test_c(self): ...\n"
    assert list(table.marked(ast.parse(source))) == [("test_a", 1), ("test_a", "a"), ("TestB::test_b", 2)]
