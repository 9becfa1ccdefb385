"""The table of work items: everything that is opened stands in it, every deadline has its two, and every sentence says what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.model.messages import CATALOGUE
from siphub.policy.deadlines import ACTED_ON, WARN
from siphub.policy.lifecycle import DELIVERY, HELD
from siphub.policy.owed import KINDS
from siphub.policy.reasons import REASONS
from siphub.policy.work import ENDED, UNDONE, WORK, settles, work_type

SOURCE = Path(__file__).parents[3] / "siphub"
OPENS = {"OpenWork": 0, "open_in_case": 2}
"""What opens a work item in a case → the place of its kind among the arguments."""
BUILT = frozenset({"meeting.propose-new-time", "meeting.contact-us", "plan.to_revise", "plan.to_close"}) | KINDS
"""Kinds that the code puts together from a word of the message, and those that a case asks for as it stands."""


def calls() -> Iterator[ast.Call]:
    """Yield every call in the hub's code."""
    for file in SOURCE.rglob("*.py"):
        yield from (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))


def opened() -> Iterator[str]:
    """Yield every kind of work item that the code names."""
    for call in calls():
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        place = OPENS.get(name)
        named = [call.args[place]] if place is not None and len(call.args) > place else []
        named += [word.value for word in call.keywords if word.arg in {"opens", "work"}]
        yield from (
            part.value
            for each in named
            for part in ast.walk(each)
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and not isinstance(each, ast.JoinedStr)
        )
        if name == "open_for":
            yield from (
                f"delivery.{word.value.value}"
                for word in call.keywords
                if word.arg == "reason" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
            )


def test_whatever_is_opened_is_described() -> None:
    """Given every place in the code that opens a work item, then its kind stands in the table, by its own name."""
    found = set(opened())
    assert {"consent.withdrawn", "basis.choose", "recall.phone", "delivery.objection"} <= found
    assert [kind for kind in {*found, *BUILT} if kind not in WORK] == []


def test_whatever_is_described_is_opened() -> None:
    """Given the table, then no kind of a case stands there that nothing opens."""
    of_cases = {kind for kind in WORK if not kind.startswith(("delivery.", "deadline."))}
    assert of_cases == {kind for kind in {*opened(), *BUILT} if not kind.startswith("delivery.")}


def test_every_deadline_has_its_two() -> None:
    """Given the deadlines, then each has a kind for when it has passed, and one for when it is near, if there is a time before.

    What the hub acts on by itself when its time comes is never late.
    """
    stages = {f"deadline.{kind}.{stage}" for kind, warn in WARN.items() for stage in ("near", "passed") if warn or stage == "passed"}
    stages -= {f"deadline.{kind}.passed" for kind in ACTED_ON}
    assert {kind for kind in WORK if kind.startswith("deadline.")} == stages
    assert "deadline.meeting.held.near" not in WORK


def test_what_is_not_in_the_table_is_a_bug() -> None:
    """Given a kind nobody has described, then asking for it raises; a partner's own reason is in a family of its own."""
    for unknown in ("meeting.sung", "deadline.kallelse.soon", "delivery", "delivery."):
        with pytest.raises(KeyError):
            work_type(unknown)
    assert work_type("delivery.http.404") is WORK["delivery.*"]
    assert work_type("delivery.rejected.SCHEMA-7") is WORK["delivery.rejected.*"]
    assert work_type("delivery.objection") is WORK["delivery.objection"]


def test_every_sentence_is_whole() -> None:
    """Given the table, then each kind says in both languages what to do, whose it is, and has a time."""
    for kind, found in WORK.items():
        assert found.en.endswith("."), kind
        assert found.sv.endswith("."), kind
        assert found.en != found.sv, kind
        assert found.whose, kind
        assert found.due.total_seconds() > 0, kind


def test_what_settles_is_a_message() -> None:
    """Given what settles work items, then each is a type of message, and a case that ends settles all that is not done by hand."""
    assert {name for found in WORK.values() for name in found.settled_by} <= set(CATALOGUE)
    of_cases = {kind for kind in WORK if not kind.startswith(("delivery.", "deadline."))}
    for ending in ENDED:
        by_hand = {"recall.phone", "inbound.unread", "inbound.not_theirs", "inbound.unthreaded", "guardian.read_through"}
        assert {kind for kind in of_cases if not settles(ending, kind)} == by_hand


def test_a_delivery_that_is_held_is_never_done_with() -> None:
    """Given the states in which nobody has to look at a delivery, then none is one in which something waits."""
    states = {state for steps in DELIVERY.values() for state in steps.values()}
    assert states >= UNDONE
    assert not UNDONE & {HELD, "queued", "sending", "rejected", "gave_up", "expired"}


def test_a_reasons_sentence_is_the_work_items() -> None:
    """Given a delivery stopped for a reason, then its work item says what the reason says."""
    for kind, found in WORK.items():
        code = kind.removeprefix("delivery.")
        if kind.startswith("delivery.") and not kind.endswith("*"):
            assert (found.en, found.sv) == (REASONS[code].en, REASONS[code].sv)


@pytest.mark.parametrize("kind", sorted({*KINDS, *(found for found in WORK if found.startswith("deadline."))}))
def test_what_closes_without_a_message_says_how(kind: str) -> None:
    """Given work that closes by how the case stands, or when nothing is to be done in time any more, then the table says in words what closes it."""
    assert work_type(kind).settled, "a person reads it in docs/work-items.md"
