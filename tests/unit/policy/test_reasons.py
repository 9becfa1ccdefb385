"""Every reason has a code that is used, a sentence in two languages, and nothing of a person."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from siphub.flow.operate import Action
from siphub.policy.reasons import REASONS

ROOT = Path(__file__).resolve().parents[3]
FILES = [file for folder in ("policy", "flow") for file in sorted((ROOT / "siphub" / folder).glob("*.py")) if file.name != "reasons.py"]
GUARDS = {f"G{number}" for number in range(1, 17)}
PUT_TOGETHER = {f"operator.{action}" for action in get_args(Action)}
"""Codes that the flow makes of two words."""


def texts(tree: ast.AST) -> set[str]:
    """Return every plain text in a module but its docstrings' sentences."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """Yield the codes a module gives as a reason: to a refusal of ours, to a withheld or a held delivery, or as `reason`."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        named = [word.value for word in call.keywords if word.arg == "reason"]
        # The store has a Refusal of its own, with the state first and the reason second.
        place = 1 if name == "Refusal" and len(call.args) > 1 and _text(call.args[0]) in {"withheld", "held", "expired"} else 0
        first = call.args[place : place + 1] if name in {"Refusal", "Held", "Withheld"} else []
        yield from (text for value in [*named, *first] if (text := _text(value)) is not None)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_code_that_is_given_has_its_sentence() -> None:
    """Given policy and flow, then each code they give as a reason is listed."""
    found = {(file.name, code) for file in FILES for code in reasons_in(ast.parse(file.read_text("utf-8")))}
    assert len(found) > 30
    assert {(name, code) for name, code in found if code not in REASONS} == set()


def test_every_listed_code_is_given_somewhere() -> None:
    """Given the list, then each of its codes is used in policy or flow."""
    used = {text for file in FILES for text in texts(ast.parse(file.read_text("utf-8")))} | PUT_TOGETHER
    assert set(REASONS) - used == set()


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_is_a_sentence_in_two_languages(code: str) -> None:
    """Given a reason, then its code is a code, and it says one thing in English and in Swedish, with a guard that exists."""
    reason = REASONS[code]
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", code)
    assert reason.en != reason.sv
    assert all(re.fullmatch(r"[A-ZÅÄÖ][^.]*\.", text) for text in (reason.en, reason.sv))
    assert reason.guard is None or reason.guard in GUARDS
    assert not re.search(r"\d{6}|[{}%]", reason.en + reason.sv)
