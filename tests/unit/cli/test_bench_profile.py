"""What the bench says of where time goes: each part of the work is known by a function that is there."""

from __future__ import annotations

import ast
from pathlib import Path

import siphub
from siphub.cli.bench.profile import PARTS

ROOT = Path(siphub.__file__).parent.parent


def test_each_part_of_the_work_is_a_function_that_is_there() -> None:
    """Given the parts, none is of a file or function that has moved: the bench would count it as something else without a word."""
    gone = []
    for file, function, _ in PARTS:
        found = [*ROOT.glob(file), *ROOT.glob(f"plugins/*/{file}")]
        defined = {
            node.name for path in found for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
        }
        if function not in defined:
            gone.append((file, function))
    assert gone == []
