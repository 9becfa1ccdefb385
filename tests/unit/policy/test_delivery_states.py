"""The delivery's state table, walked whole, and that what the flow does to deliveries stands in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from siphub.policy.lifecycle import AWAITING, BLOCKING, DELIVERY, FINAL, HELD, QUEUED, SENDING, after

ROOT = Path(__file__).resolve().parents[3]
STATES = ("", HELD, QUEUED, SENDING, AWAITING, *sorted(FINAL))
LEAD_ON = frozenset({QUEUED, SENDING, HELD, AWAITING})
NOTED = {"late_outcome"}
"""Events that are written down and change nothing: evidence with an old fencing number."""


@pytest.mark.parametrize(("state", "event"), list(product(STATES, DELIVERY)))
def test_a_state_follows_exactly_where_the_table_says_so(state: str, event: str) -> None:
    """Given a delivery in each state, when each event comes, then the table's state follows, or the event cannot happen."""
    assert after(state, event) == DELIVERY[event].get(state)
    assert after(state, event) in {None, *STATES[1:]}


def test_every_state_is_reached() -> None:
    """Given the table, when events follow one another from nothing, then every state is reached."""
    reached = {""}
    while more := {then for steps in DELIVERY.values() for before, then in steps.items() if before in reached} - reached:
        reached |= more
    assert reached == set(STATES)


@pytest.mark.parametrize("state", sorted(LEAD_ON))
def test_no_delivery_waits_for_ever_without_a_way_out(state: str) -> None:
    """Given a state that is not final, then some event leads on from it, and a person can end it where no machine will."""
    ways = {event: steps[state] for event, steps in DELIVERY.items() if state in steps and steps[state] != state}
    assert any(then in FINAL for then in ways.values())
    assert state == SENDING or "operator.handled" in ways


def test_only_a_claim_that_was_permitted_sends() -> None:
    """Given the table, then nothing but the claim's permit leads to sending, and only from the queue (G1)."""
    assert {event: steps for event, steps in DELIVERY.items() if SENDING in steps.values()} == {
        "claim.permit": {QUEUED: SENDING},
        "recall_pending": {SENDING: SENDING},
    }


def test_what_was_called_back_or_seen_to_stays_so() -> None:
    """Given a delivery that was recalled or handled by hand, then nothing happens to it any more."""
    assert not [event for event, steps in DELIVERY.items() if {"recalled", "handled_manually"} & set(steps)]


def test_what_has_no_basis_comes_back_through_the_queue_alone() -> None:
    """Given a withheld delivery, then it is queued, and so judged, again, or called back if it may have arrived; it is never just sent."""
    assert {then for steps in DELIVERY.values() for before, then in steps.items() if before == "withheld"} == {QUEUED, "recalled"}


def test_a_receipt_never_makes_less_of_what_is_known() -> None:
    """Given a delivery that was read, then no later receipt makes it merely delivered or refused."""
    assert [after("read", event) for event in ("receipt.received", "receipt.read", "receipt.rejected")] == ["read", "read", None]


def test_what_waits_for_an_answer_or_a_person_keeps_nobody_waiting() -> None:
    """Given the states that keep a successor waiting, then an answer or a person outstanding is not among them."""
    assert {QUEUED, SENDING} == BLOCKING


def events_in(folder: str) -> Iterator[tuple[str, str]]:
    """Yield every event the code gives a delivery as plain text, with its place."""
    for file in sorted((ROOT / folder).glob("*.py")):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            given = [word.value for word in call.keywords if word.arg == "event"]
            given += call.args[1:2] if isinstance(call.func, ast.Name) and call.func.id == "event_of" else []
            for value in given:
                for text in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield text.value, f"{file.name}:{call.lineno}"


def test_every_event_the_code_writes_stands_in_the_table() -> None:
    """Given flow and store, then each event they write for a delivery has a row."""
    found = [*events_in("siphub/flow"), *events_in("siphub/store")]
    assert len(found) >= 10
    assert [place for event, place in found if event not in {*DELIVERY, *NOTED}] == []


def changes_in(folder: str) -> Iterator[tuple[str, frozenset[str], str, str]]:
    """Yield every change written out with its event, the states it expects, the state it gives, and its place."""
    for file in sorted((ROOT / folder).glob("*.py")):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            words = {word.arg: word.value for word in call.keywords}
            states, to, event = words.get("from_states"), words.get("to_state"), words.get("event")
            if isinstance(states, ast.Call) and isinstance(to, ast.Constant) and isinstance(event, ast.Constant):
                yield str(event.value), frozenset(ast.literal_eval(states.args[0])), str(to.value), f"{file.name}:{call.lineno}"


def test_every_change_the_flow_writes_out_is_one_of_the_table() -> None:
    """Given the changes the flow makes in plain words, then the table has each of them, from each state it expects."""
    found = list(changes_in("siphub/flow"))
    assert found
    assert [place for event, states, to, place in found if {after(state, event) for state in states} != {to}] == []
