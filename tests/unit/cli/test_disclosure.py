"""`disclosure`: the table as an administrator reads it, and an administrator's expectations of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.policy.disclosure import rules

if TYPE_CHECKING:
    from tests.conftest import Done

Run = Callable[..., "Done"]
EXAMPLE = Path(__file__).resolve().parents[3] / "docs/disclosure-expectations.toml"


class TestTheTable:
    def test_one_type_for_one_kind_in_both_languages(self, siphub: Run) -> None:
        """Given a type and a kind, then its one rule is told: why, on which basis and with which consent in both languages, and the fields."""
        done = siphub("disclosure", "meeting.invited", "--to", "agency")
        lines = done.out.splitlines()
        assert (done.status, lines[0]) == (0, "meeting.invited to agency")
        assert "  sv: En myndighet bjuds in med så lite som möjligt; personnumret bara om samtycket omfattar informationsutbyte." in lines
        assert sum(line.startswith("  sv: ") for line in lines) == sum(line.startswith("  en: ") for line in lines) == 3
        assert "  with information_exchange also: subject.identity" in lines

    def test_what_a_party_says_only_on_a_consent_from_it(self, siphub: Run) -> None:
        """Given an answer to a call, then what its sender says only with a consent that goes from it is told apart, in lines and as facts (K3)."""
        lines = siphub("disclosure", "meeting.response").out.splitlines()
        assert "  with a consent that goes from the sender also: reason, subject, written_input_ref" in lines
        assert "  from whoever has no duty, only with such a consent: tentative" in lines
        (found,) = siphub("disclosure", "meeting.response", "--json").facts
        assert (found["shown_from"], found["from_only"]) == (["content.reason", "content.written_input_ref", "subject"], ["tentative"])
        assert not set(found["shown"]) & set(found["shown_from"])

    def test_all_of_it_as_facts(self, siphub: Run) -> None:
        """Given --json, then each rule stands there for each of its types and kinds, with its reason in both languages."""
        found = siphub("disclosure", "--json").facts
        assert len(found) == sum(len(rule.types) * len(rule.recipients) for rule in rules())
        assert all(one["why_sv"] and one["why_en"] and one["to_sv"] and one["bases"] for one in found)

    def test_the_command_behind_the_short_form(self, siphub: Run) -> None:
        """Given `disclosure show`, then it says what `disclosure` says."""
        assert siphub("disclosure", "show", "plan.closed", "--json").out == siphub("disclosure", "plan.closed", "--json").out

    def test_in_one_language(self, siphub: Run) -> None:
        """Given Swedish, then no sentence is in English."""
        assert "  en: " not in siphub("disclosure", "--language", "sv").out

    def test_nobody_is_a_sentence(self, siphub: Run) -> None:
        """Given a type that no rule lets go to a kind, then that is said in both languages."""
        lines = siphub("disclosure", "plan.established", "--to", "agency").out.splitlines()
        assert [line[:4] for line in lines] == ["sv: ", "en: "]

    @pytest.mark.parametrize("words", [["meeting.invitd"], ["--to", "agencies"], ["--language", "fi"]])
    def test_wrong_use(self, siphub: Run, words: list[str]) -> None:
        """Given a type, kind or language there is not, then exit 2."""
        done = siphub("disclosure", *words)
        assert (done.status, done.out) == (2, "")


class TestExpectations:
    def test_the_example_holds(self, siphub: Run) -> None:
        """Given the example of the documentation, then all of it holds."""
        done = siphub("disclosure", "test", EXAMPLE)
        assert (done.status, done.out.strip()) == (0, "All 13 expectations hold.")

    def test_what_does_not_hold_is_listed(self, siphub: Run, tmp_path: Path) -> None:
        """Given one that does not hold, then exit 1 with a list, and the same as JSON."""
        file = tmp_path / "mine.toml"
        file.write_text('[[expect]]\ntype = "meeting.invited"\nto = "agency"\nshown = ["subject"]\nbasis = ["statutory_duty"]\n')
        done = siphub("disclosure", "test", file)
        assert done.status == 1
        assert "the bases are consent" in done.out
        found = siphub("disclosure", "test", file, "--json")
        assert (found.status, found.facts["holds"]) == (1, False)
        assert [one["code"] for one in found.facts["failures"]] == ["basis", "shown"]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("[[expect]", "expectations.unreadable"),
            ("", "expectations.none"),
            ('[[expect]]\ntype = "meeting.invited"\n', "expectations.invalid"),
            ('[[expect]]\ntype = "meeting.invited"\nto = "agency"\nnot_show = ["subject"]\n', "expectations.invalid"),
        ],
    )
    def test_what_is_no_expectation_is_wrong_use(self, siphub: Run, tmp_path: Path, text: str, code: str) -> None:
        """Given a file that is no TOML, is empty, or has a misspelt word, then exit 2: nothing is overlooked."""
        file = tmp_path / "mine.toml"
        file.write_text(text)
        done = siphub("disclosure", "test", file)
        assert (done.status, done.out) == (2, "")
        assert code in done.err

    def test_a_file_that_is_not_there(self, siphub: Run, tmp_path: Path) -> None:
        """Given no such file, then exit 2."""
        assert siphub("disclosure", "test", tmp_path / "none.toml").status == 2

    def test_the_example_tests_something(self, siphub: Run, tmp_path: Path) -> None:
        """Given the example with one expectation turned round, then it does not hold."""
        file = tmp_path / "turned.toml"
        file.write_text(EXAMPLE.read_text("utf-8").replace("sent = false", "sent = true"))
        assert json.loads(siphub("disclosure", "test", file, "--json").out)["failures"][0]["code"] == "not_sent"
