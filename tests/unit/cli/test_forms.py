"""`siphub forms`: the paper forms at the command line, blank and filled in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.documents import FORMS, blank
from siphub.model import sample

if TYPE_CHECKING:
    from tests.conftest import Done

Siphub = Callable[..., "Done"]


def test_the_list_names_every_form(siphub: Siphub) -> None:
    """Given `forms list`, then each form is there with what it is, for people and for programs."""
    assert [line.split()[0] for line in siphub("forms", "list").out.splitlines()[2:]] == list(FORMS)
    assert [row["name"] for row in siphub("forms", "list", "--json").facts] == list(FORMS)


@pytest.mark.parametrize("form", ["text", "html", "pdf"])
def test_a_form_is_printed_to_a_file(siphub: Siphub, tmp_path: Path, form: str) -> None:
    """Given a name, a format and a file, then the blank form is in the file, and nothing is said."""
    done = siphub("forms", "print", "consent", "--format", form, "--output", str(tmp_path / "out"))
    assert (done.status, done.out, done.err) == (0, "", "")
    assert (tmp_path / "out").read_bytes() == blank("consent", form)  # type: ignore[arg-type]  # one of the three


def test_a_form_is_printed_to_stdout(siphub: Siphub) -> None:
    """Given no file, then the form goes to stdout."""
    done = siphub("forms", "print", "leaflet", "--format", "text")
    assert done.out.startswith("Om din samordnade individuella plan")


def test_a_form_is_for_a_county(siphub: Siphub) -> None:
    """Given a county's name, then the form says that it is for those who live there."""
    assert "För dig som bor i Östergötland." in siphub("forms", "print", "leaflet", "--format", "text", "--area", "Östergötland").out


def test_a_form_is_filled_in_from_a_copy(siphub: Siphub, tmp_path: Path) -> None:
    """Given what a recipient got of a kallelse, with fields missing, then what it says is written, and there are lines for the rest."""
    document = sample("meeting.summoned", maximal=True).to_document()
    del document["content"]["coordinator"]
    (tmp_path / "copy.json").write_text(json.dumps(document))
    done = siphub("forms", "print", "leaflet", "--format", "text", "--from", str(tmp_path / "copy.json"))
    assert "Dag: måndag 7 december 2026" in done.out
    assert "Namn:\n\n...." in done.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["certificate"], "form.unknown"),
        (["plan", "--output", "nowhere/plan.pdf"], "file.unwritable"),
        (["plan", "--from", "missing.json"], "file.unreadable"),
        (["plan", "--from", "broken.json"], "file.unreadable"),
        (["plan", "--from", "list.json"], "file.unreadable"),
    ],
)
def test_wrong_use_is_said_with_a_code(
    siphub: Siphub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: str
) -> None:
    """Given a form that is not there, or a file that cannot be written or read, then exit 2 and one line with the code."""
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text("{")
    Path("list.json").write_text("[]")
    done = siphub("forms", "print", *words)
    assert (done.status, done.out) == (2, "")
    assert f"siphub: {code}: " in done.err
