"""What commands share: how they are asked for data and JSON, and how they say things. Facts go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from siphub.errors import Problem, SiphubError

Data = Annotated[
    Path | None, typer.Option("--data", metavar="FOLDER", help="The hub's folder; siphub-data unless the settings say otherwise.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Languages = Annotated[str, typer.Option("--language", metavar="sv|en|both", help="In which language sentences are printed.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the audit.")]

NO, WRONG_USE = 1, 2


def group(name: str, about: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


def facts(document: object) -> None:
    """Print one JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    """Return what JSON has no form for: times and ids as text, values with fields as objects."""
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print rows in columns, or the sentence that says there are none."""
    shown = [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
    if not shown:
        print(empty)
        return
    widths = [max(len(cell) for cell in column) for column in zip(tuple(head), *shown, strict=True)]
    for row in (tuple(head), tuple("-" * width for width in widths), *shown):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def aside(text: str) -> None:
    """Say something to the person, beside the facts."""
    print(text, file=sys.stderr, flush=True)


def complain(error: SiphubError) -> None:
    """Say an error of ours: a line with the code, and one for each problem."""
    aside(f"siphub: {error.code}: {error}")
    for problem in getattr(error, "problems", ()):
        aside(f"  {place(problem)} {problem.code}: {problem.detail}")


def place(problem: Problem) -> str:
    """Return where a problem is: a pointer, a position, or the whole."""
    if problem.pointer is not None:
        return problem.pointer or "(the whole message)"
    return problem.position or "-"


def refuse(code: str, detail: str, *, status: int = NO) -> typer.Exit:
    """Say why not, and return what to raise."""
    aside(f"siphub: {code}: {detail}")
    return typer.Exit(status)


def languages_of(language: str) -> tuple[str, ...]:
    """Return the languages that were asked for, Swedish first."""
    from siphub.policy.wording import LANGUAGES

    asked = tuple(each for each in LANGUAGES if language in {each, "both"})
    if not asked:
        raise refuse("language.unknown", "the languages are sv, en and both", status=WRONG_USE)
    return asked


def body_of(file: Path) -> bytes:
    """Return what is in a file; `-` is stdin."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise refuse("file.unreadable", f"{file}: {error.strerror}", status=WRONG_USE) from None


def problems_as_facts(problems: Iterable[Problem]) -> list[Mapping[str, str]]:
    """Return problems as JSON values."""
    from dataclasses import asdict

    return [{name: value for name, value in asdict(one).items() if value is not None} for one in problems]
