"""The mail room's side of a letter: what lies in an outbox, and what stands in a PDF."""

from __future__ import annotations

import io
import json
from itertools import product
from pathlib import Path

import pytest
from pypdf import PdfReader

from siphub.documents import render
from siphub.model import CATALOGUE, sample
from siphub.sandbox import Letter, MailRoom
from siphub.sandbox.pdf_text import text_of
from siphub.testing.samples import whole_cut


def squeezed(text: str) -> str:
    """Return a text without what depends on where its lines are broken."""
    return "".join(text.split()).replace("-", "")


@pytest.mark.parametrize(("name", "maximal"), [*product(sorted(CATALOGUE), (False, True))])
def test_the_text_of_a_pdf_is_all_of_it(name: str, maximal: bool) -> None:
    """Given any message as a PDF, then its text is what another reader finds in it, and words that are broken at a line's end are whole."""
    pdf = render(whole_cut(sample(name, maximal=maximal)), "pdf")
    text = text_of(pdf)
    assert squeezed(text) == squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))
    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert "Slag av meddelande" in " ".join(text.split())


def test_what_is_no_pdf_of_ours_is_refused() -> None:
    """Given a PDF whose pages are written otherwise, then nothing is said of it: an empty text would look like a harmless letter."""
    with pytest.raises(ValueError, match="not written as the hub writes them"):
        text_of(b"%PDF-1.7\n1 0 obj\n<</Type/Page/Contents[2 0 R]>>\nendobj\n")


def test_a_letter_is_what_its_note_says(tmp_path: Path) -> None:
    """Given a letter with its note, a note whose letter is not there yet, and a file being written, then there is one letter."""
    note = {"letter": "a.pdf", "message_id": "m", "message_type": "stop.notice", "case": "c", "recipient": "relative/1"}
    for name, file in (("a.json", "a.pdf"), ("b.json", "b.pdf"), (".c.json", "a.pdf")):
        (tmp_path / name).write_text(json.dumps({**note, "letter": file}))
    (tmp_path / "a.pdf").write_bytes(b"hemligt")
    [letter] = MailRoom(tmp_path).letters()
    assert letter == Letter("m", "stop.notice", "c", "relative/1", b"hemligt")
    assert "hemligt" not in repr(letter)
