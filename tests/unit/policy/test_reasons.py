"""Every reason has a code that is used, a sentence in two languages, and nothing of a person."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from siphub.flow.operate import Action
from siphub.policy.reasons import REASONS, Reason, told

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    file
    for folder in ("policy", "flow")
    for file in sorted((ROOT / "siphub" / folder).glob("*.py"))
    if file.name not in {"reasons.py", "lifecycle.py"}
]
GUARDS = {f"G{number}" for number in range(1, 17)}
PUT_TOGETHER = {f"operator.{action}" for action in get_args(Action)}
"""Codes that the flow makes of two words."""
TAKES_A_CODE = {"Refusal", "Held", "Withheld", "Shortcoming"}
STATES = {"withheld", "held", "expired", "gave_up", "superseded", "rejected"}
REFUSES = {"Invalid", "Conflict", "Forbidden", "NotThere", "Busy"}
FOR_THE_SYSTEM = {
    "adapter.no_bell",
    "caller.role",
    "delivery.wrong_state",
    "delivery.outdated",
    "delivery.refused_for_good",
    "delivery.no_address",
    "delivery.not_there",
    "directory.invalid",
    "directory.unreadable",
    "partner.answers",
    "partner.not_there",
    "partner.probed",
    "restore.unfinished",
    "restore.unsettled",
    "work_item.how",
    "work_item.not_there",
}
"""What an operator at the command line, or a partner's system, is told in words of its own."""
FOR_THE_RECORD = {"message.erased"}
"""What `track` says of what is gone, in a sentence of its own."""
CODE_WORDS = {
    "en": "scope direction adapter plugin payload mapping translation lease permit hub basis directory operator delivery queue snapshot "
    "pointer id enum null kallelse vårdkontakt huvudman",
    "sv": "scope riktning adapter adaptern plugin insticksprogram payload mappning översättning hubb hub testhub katalogen operatör leverans kö "
    "ögonblicksbild pekare id underrättelseid ärende-id",
}
"""Words of the system, not of care."""
WITHOUT_A_COLON = {"recall.never_sent"}
"""Where what to do, which is nothing, is a part of the sentence."""


def texts(tree: ast.AST) -> set[str]:
    """Return every plain text in a module but its docstrings' sentences."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """Yield the codes a module gives as a reason: to a refusal of ours, to a withheld or a held delivery, or as `reason`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                yield from _in_call(node)
            case ast.Tuple(elts=[ast.Constant(value=str(state)), code, *_]) if state in STATES:
                yield from _texts(code)


def _in_call(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    for word in call.keywords:
        if word.arg == "reason" or (word.arg == "code" and name in REFUSES):
            yield from _texts(word.value)
    # The store has a Refusal of its own, with the state first and the reason second.
    place = 1 if name == "Refusal" and len(call.args) > 1 and set(_texts(call.args[0])) & STATES else 0
    if name in TAKES_A_CODE:
        yield from chain.from_iterable(_texts(value) for value in call.args[place : place + 1])


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the text an expression is, either way of a condition too."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one), *_texts(other))


def test_every_code_that_is_given_has_its_sentence() -> None:
    """Given policy and flow, then each code they refuse, withhold or hold with is listed."""
    found = {(file.name, code) for file in FILES for code in reasons_in(ast.parse(file.read_text("utf-8")))}
    assert len(found) > 70
    assert {(name, code) for name, code in found if code not in {*REASONS, *FOR_THE_SYSTEM, *FOR_THE_RECORD}} == set()


@pytest.mark.parametrize(
    "source",
    [
        'Refusal("x.y", "invalid")',
        'Refusal("withheld", "x.y")',
        'Held("x.y")',
        'Withheld("x.y")',
        'Shortcoming("x.y", "/a", statutory=True)',
        'change(reason="x.y" if hold else None)',
        'state, reason = "held", "x.y"',
        'state = ("held", gone) if gone else ("withheld", "x.y" if person else "x.y")',
        'raise Busy("later", code="x.y")',
    ],
)
def test_the_codes_are_found_however_they_are_given(source: str) -> None:
    """Given each way a code is given in the code, then it is found."""
    assert set(reasons_in(ast.parse(source))) == {"x.y"}


def test_every_listed_code_is_given_somewhere() -> None:
    """Given the list, then each of its codes is used in policy or flow."""
    used = {text for file in FILES for text in texts(ast.parse(file.read_text("utf-8")))} | PUT_TOGETHER
    assert set(REASONS) - used == set()


def test_every_guard_has_a_reason() -> None:
    """Given the guards of the life cycle, then each has a code and so a sentence in both languages."""
    assert {reason.guard for reason in REASONS.values()} - {None} == GUARDS


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_is_a_sentence_in_two_languages(code: str) -> None:
    """Given a reason, then its code is a code, and it says one thing in English and in Swedish, short, with a guard that exists."""
    reason = REASONS[code]
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", code)
    assert reason.en != reason.sv
    assert all(re.fullmatch(r"[A-ZÅÄÖ][^.]*\.", text) for text in (reason.en, reason.sv))
    assert max(len(reason.en), len(reason.sv)) <= 200
    assert reason.guard is None or reason.guard in GUARDS
    assert not re.search(r"\d{6}|[{}%]", reason.en + reason.sv)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_is_said_in_words_of_care(code: str) -> None:
    """Given a reason, then neither sentence has a word that only those who built the system know, nor a code."""
    reason = REASONS[code]
    for language, text in (("en", reason.en), ("sv", reason.sv)):
        said = set(re.findall(r"[\w-]+", text.lower()))
        assert said & set(CODE_WORDS[language].split()) == set()
        assert "_" not in text


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_says_what_to_do(code: str) -> None:
    """Given a reason, then after what happened comes what to do next, behind a colon or for some as the sentence itself."""
    reason = REASONS[code]
    assert ": " in reason.en or code in WITHOUT_A_COLON
    assert (": " in reason.en) == (": " in reason.sv)


class TestWhatIsNotListed:
    def test_a_code_of_the_list_is_its_sentence(self) -> None:
        """Given a code of the list, then its own sentence is told, whatever the state."""
        assert told("withdrawn", "withheld") is REASONS["withdrawn"]
        assert told(None, "queued") is None

    def test_a_recipients_system_said_no_in_its_own_words(self) -> None:
        """Given a code an adapter gave for a no, then a coordinator is told that their system said no, with the code."""
        assert told("fk.unknown_person", "rejected") == Reason(
            "The recipient's system said no (code fk.unknown_person): phone them, and tell your system administrator.",
            "Mottagarens system sade nej (kod fk.unknown_person): ring dem och säg till systemförvaltaren.",
        )

    @pytest.mark.parametrize("state", ["queued", "held", "rejected", "gave_up"])
    def test_in_every_state_it_has_a_sentence(self, state: str) -> None:
        """Given an unlisted code in any state, then it has a sentence in both languages."""
        found = told("partner.http_503", state)
        assert found is not None
        assert "(code partner.http_503)" in found.en
        assert "(kod partner.http_503)" in found.sv

    @pytest.mark.parametrize("code", ["19121212-1212", "191212121212", "Tolvan Tolvansson", "", "x" * 65])
    def test_what_may_be_about_a_person_is_not_repeated(self, code: str) -> None:
        """Given a code with room for a name or a number, then it is not said."""
        assert told(code, "rejected") == Reason(
            "The recipient's system said no: phone them, and tell your system administrator.",
            "Mottagarens system sade nej: ring dem och säg till systemförvaltaren.",
        )
