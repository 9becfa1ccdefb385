"""Reads what the source documents ask for: docs/requirements.toml, where each row lives, and which tests hold it.

A place in the table is a dotted Python name, `TYPE/field.path` of a message, or one of `setting`, `form`, `reason`, `deadline`, `command`,
`page` and a name. A test holds a row by `@pytest.mark.req(NUMBER)`, found by reading the tests, which are not imported. It must never take
a place or a test for granted: what is not there is said.
"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/requirements.toml"
ROWS = range(1, 95)
"""The rows of the source documents' table; its numbers are stable."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number, or its name where two source documents contradict one another.

    Args:
        key: What tests name in their marker.
        asks: What is asked, in our own words.
        lives: Where it lives.
        how: What is chosen, and where; of a contradiction.
        reason: Why no test holds it.
    """

    key: int | str
    asks: str
    lives: tuple[str, ...]
    how: str | None = None
    reason: str | None = None


def rows(table: Path = TABLE) -> tuple[Row, ...]:
    """Return the rows and, after them, the contradictions, as the table has them."""
    read = tomllib.loads(table.read_text("utf-8"))
    return tuple(Row(**{**found, "lives": tuple(found["lives"])}) for found in (*read["row"], *read["contradiction"]))


@cache
def held(root: Path = ROOT) -> Mapping[int | str, tuple[str, ...]]:
    """Return the tests that hold each row, as pytest names them; read once."""
    found: dict[int | str, list[str]] = {}
    for file in sorted([*root.glob("tests/**/test_*.py"), *root.glob("plugins/*/tests/**/test_*.py")]):
        text = file.read_text("utf-8")
        for name, key in marked(ast.parse(text)) if "pytest.mark.req" in text else ():
            found.setdefault(key, []).append(f"{file.relative_to(root)}::{name}")
    return MappingProxyType({key: tuple(names) for key, names in found.items()})


def marked(tree: ast.Module) -> Iterator[tuple[str, int | str]]:
    """Yield each test of a file with each row that its marker names."""
    for node, outer in _tests(tree):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.req":
                yield from ((f"{outer}{node.name}", argument.value) for argument in decorator.args if isinstance(argument, ast.Constant))  # type: ignore[misc]  # a number or a name, and the page's test refuses what is neither


def _tests(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from ((inner, f"{node.name}::") for inner in node.body if isinstance(inner, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            yield node, ""


def asked() -> Iterator[tuple[str, ...]]:
    """Yield the page's line for each row."""
    names = held()
    for row in rows():
        if isinstance(row.key, int):
            yield str(row.key), row.asks, _listed(row.lives), row.reason or _listed(names.get(row.key, ()))


def contradicted() -> Iterator[tuple[str, ...]]:
    """Yield the page's line for each contradiction."""
    names = held()
    for row in rows():
        if isinstance(row.key, str):
            yield f"`{row.key}`", row.asks, row.how or "", _listed(row.lives), _listed(names.get(row.key, ()))


def _listed(words: Iterable[str]) -> str:
    return "<br>".join(f"`{word}`" for word in words)


def there(place: str) -> bool:
    """Say whether a place is there."""
    word, _, rest = place.partition(" ")
    if rest:
        return rest in _names(word) if word != "command" else f"### `{rest}`\n" in (ROOT / "docs/cli.md").read_text("utf-8")
    kind, _, path = place.partition("/")
    if path:
        from siphub.model import CATALOGUE

        return kind in CATALOGUE and _has({CATALOGUE[kind].content}, path.split("."))
    return _importable(place.split("."))


def _names(word: str) -> frozenset[str]:
    from siphub.documents import FORMS
    from siphub.policy.deadlines import WARN
    from siphub.policy.reasons import REASONS
    from siphub.settings import Settings

    known: Mapping[str, frozenset[str]] = {
        "setting": frozenset(Settings.model_fields),
        "form": frozenset(FORMS),
        "reason": frozenset(REASONS),
        "deadline": frozenset(WARN),
        "page": frozenset(file.name for file in (ROOT / "docs").glob("*.md")),
    }
    return known.get(word, frozenset())


def _has(values: set[Any], path: list[str]) -> bool:
    """Say whether any of these kinds of value has a field by this path."""
    if not path:
        return True
    below = {kind for value in values for kind in _kinds(_annotation(value, path[0]))}
    return any(_annotation(value, path[0]) is not None for value in values) and _has(below, path[1:])


def _annotation(value: Any, name: str) -> Any:
    field = getattr(value, "model_fields", {}).get(name)
    return field.annotation if field is not None else None


def _kinds(annotation: Any) -> set[Any]:
    """Return the kinds of value an annotation speaks of, whatever is around them."""
    inner = get_args(annotation)
    return {annotation} if not inner else {kind for part in inner for kind in _kinds(part)}


def _importable(names: list[str]) -> bool:
    """Say whether a dotted name leads to a module, to what is in it, or to a field of a value in it."""
    for length in range(len(names), 0, -1):
        if not all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names):
            return False
        try:
            found: Any = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        return _reaches(found, names[length:])
    return False


def _reaches(found: Any, names: list[str]) -> bool:
    if not names:
        return True
    if _annotation(found, names[0]) is not None:
        return _has({found}, names)
    return hasattr(found, names[0]) and _reaches(getattr(found, names[0]), names[1:])
