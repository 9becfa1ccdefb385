"""The words of a SIP: what each is called in the code, in Swedish and in English, and by which other words it arrives (REQ-93).

Data in `terms.toml`. It must never decide what a document means: a word that may mean two things has two terms, and a person or a mapping
with the whole document before it chooses.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

OTHER_SIPS: Final = ("Session Initiation Protocol", "Submission Information Package")
"""What the acronym SIP stands for elsewhere: telephony, and e-archives (E-ARK, FGS); never for anything here (REQ-94)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing and its words. `seen_in` names where it stands in the code, where that is not the code itself."""

    code: str
    sv: str
    en: str
    aliases: tuple[str, ...] = ()
    seen_in: str = ""
    note_sv: str = ""
    note_en: str = ""


@cache
def terms() -> tuple[Term, ...]:
    """Return every term, read once."""
    rows = tomllib.loads((files("siphub.model") / "terms.toml").read_text("utf-8"))["term"]
    return tuple(Term(**{**row, "aliases": tuple(row.get("aliases", ()))}) for row in rows)


def meant_by(word: str) -> tuple[Term, ...]:
    """Return what a word may mean, our own word for a thing before another's; empty where nobody here knows it."""
    said = word.strip().casefold()
    own = [term for term in terms() if said in {term.code, term.sv.casefold(), term.en.casefold()}]
    return (*own, *(term for term in terms() if term not in own and said in {alias.casefold() for alias in term.aliases}))
