"""The alias table of terms: what sources call by other words is found, and what may mean two things is both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from siphub.broker.topology import QUEUE_PREFIX
from siphub.model.terms import OTHER_SIPS, meant_by, terms

ROOT = Path(__file__).resolve().parents[3]
CODE = {word for file in (ROOT / "siphub").glob("**/*.py") for word in re.findall(r"[a-z][a-z_.]+", file.read_text("utf-8"))}


@pytest.mark.req(93)
@pytest.mark.parametrize(
    ("word", "codes"),
    [
        # landsting/region
        ("landsting", ["region"]),
        ("Landstinget", ["region"]),
        ("region", ["region"]),
        # samordnare/huvudansvarig
        ("samordnare", ["coordinator"]),
        ("huvudansvarig", ["main_responsible", "coordinator"]),
        # utvärdering/uppföljning
        ("uppföljning", ["follow_up"]),
        ("utvärdering", ["evaluation", "follow_up"]),
        # kallelse/inbjudan
        ("kallelse", ["meeting.summoned", "meeting.invited"]),
        ("inbjudan", ["meeting.invited", "meeting.summoned"]),
        # brukare/patient/enskild
        ("brukare", ["subject"]),
        ("patient", ["subject"]),
        ("enskild", ["subject"]),
        ("den enskilde", ["subject"]),
        ("fullmäktige", []),
    ],
)
def test_a_word_is_what_it_may_mean(word: str, codes: list[str]) -> None:
    """Given a word of the sources, then it is the terms it may mean, our own use of it first, and nothing where nobody knows it (REQ-93)."""
    assert [term.code for term in meant_by(word)] == codes


def test_every_term_is_a_word_of_the_code() -> None:
    """Given the terms, then each code stands somewhere in the code, once in the table, with a word in each language."""
    codes = [term.code for term in terms()]
    assert len(codes) == len(set(codes))
    for term in terms():
        assert set(term.seen_in.split(", ") if term.seen_in else [term.code]) <= CODE
        assert term.sv
        assert term.en
        assert term.sv not in term.aliases
        assert bool(term.note_sv) == bool(term.note_en)


@pytest.mark.req(94)
def test_sip_is_this_plan_and_no_other() -> None:
    """Given the other meanings of SIP, then the page on terms tells them apart, and what we name carries siphub, not sip (REQ-94)."""
    page = (ROOT / "docs/terms.md").read_text("utf-8")
    assert all(other in page for other in OTHER_SIPS)
    assert QUEUE_PREFIX.startswith("siphub.")
    assert [
        folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir() and not folder.name.startswith(("siphub-", "."))
    ] == []
