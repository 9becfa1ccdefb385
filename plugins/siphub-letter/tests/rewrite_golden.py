"""Writes golden/*.html anew: run it, read the difference, and only then keep it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

from siphub.contract import Recipient
from siphub.documents import render
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_folder import Settings
from siphub_letter import LetterAdapter

if __name__ == "__main__":
    folder = Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    there = Recipient("individual", "2120009994", "Norrby kommun", "letter", "out", options={"form": "html"})
    to = {"name": "Prov Provsdotter", "lines": ["Provgatan 1", "123 45 Norrby"]}
    for name, maximal in product(("meeting.summoned", "plan.established", "stop.notice"), (False, True)):
        cut = whole_cut(sample(name, maximal=maximal))
        letter = replace(cut, document={**cut.document, "recipients": ["individual"], "addressee": to})
        file = folder / f"{name}.{'maximal' if maximal else 'minimal'}.html"
        file.write_bytes(LetterAdapter(render, Settings()).translate(letter, there).body)
