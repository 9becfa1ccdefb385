"""A message is opened once for those of its deliveries that were claimed together, after the claim, and kept for nobody beyond them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from siphub.errors import Sealed
from siphub.flow.letters import case_row, open_case
from siphub.flow.opening import Opening, openings
from siphub.model import people as p
from siphub.model.case import Shielded
from siphub.store import DeliveryRow
from siphub.testing.story import Story
from siphub.testing.yard import Yard

UNITS = [p.HOME_CARE, p.CARE_CENTRE]


@dataclass
class Scene:
    """A kallelse to two units, claimed, and not opened yet."""

    yard: Yard
    story: Story
    claimed: list[tuple[DeliveryRow, Any]]
    shared: dict[str, Opening]

    @property
    def rows(self) -> list[DeliveryRow]:
        """What was claimed."""
        return [row for row, _ in self.claimed]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a kallelse that was claimed for two units at once."""
    with Yard(tmp_path) as yard:
        story = Story(yard.send, now=yard.clock.at)
        story.ready(UNITS)
        yard.drain()
        story.summoned(UNITS)
        claimed = yard.claim(yard.due())
        assert {row.recipient for row, _ in claimed} == set(UNITS)
        yield Scene(yard, story, claimed, openings(row for row, _ in claimed))


def test_it_is_opened_once(scene: Scene) -> None:
    """Given two deliveries of one message, when two senders take it at one moment, then both get the very same."""
    together = threading.Barrier(2)

    def taken(row: DeliveryRow) -> Any:
        together.wait(5)
        return scene.shared[row.id].take(scene.yard.ground, row)

    with ThreadPoolExecutor(2) as senders:
        first, second = senders.map(taken, scene.rows)
    assert first is second
    assert first[0].type == "meeting.summoned"


def test_it_is_let_go_with_the_last(scene: Scene) -> None:
    """Given one that was sent and one whose sender ended before it read, when both are done with, then nothing holds the person's case."""
    first, second = scene.rows
    found: Any = scene.shared[first.id].take(scene.yard.ground, first)
    case = weakref.ref(found[1])
    del found
    assert case() is not None
    scene.shared[second.id].leave(second.id)
    assert case() is None


def test_an_attempt_that_never_read_it_lets_go_of_it_too(scene: Scene) -> None:
    """Given an adapter that is not there any more, when an attempt ends without having opened anything, then its sibling's case is let go."""
    (first, _), (second, permit) = scene.claimed
    found: Any = scene.shared[first.id].take(scene.yard.ground, first)
    case = weakref.ref(found[1])
    del found
    outcome = scene.yard.attempt(replace(second, adapter="gone"), permit, scene.shared[second.id])
    assert (outcome.state, case()) == ("held", None)


def test_it_is_read_after_the_claim(scene: Scene) -> None:
    """Given a member of staff who becomes known as protected after the claim, when both are sent, then their name is in neither."""
    name = scene.story.kallelse().convener.name
    protect(scene, name)
    for row, permit in scene.claimed:
        scene.yard.attempt(row, permit, scene.shared[row.id])
    sent = [took for took in scene.yard.wires["wire"].took if took.message_id == scene.rows[0].message_id]
    assert len(sent) == len(UNITS)
    assert not [took for took in sent if name.encode() in took.body]


def test_a_key_that_is_gone_is_each_ones_own_error(scene: Scene) -> None:
    """Given a case whose key was erased after the claim, when its deliveries are attempted, then each is held for it, and nothing leaves."""
    before = len(scene.yard.wires["wire"].took)
    scene.yard.ground.store.forget_case(scene.rows[0].owner, scene.rows[0].case_id)
    outcomes = [scene.yard.attempt(row, permit, scene.shared[row.id]) for row, permit in scene.claimed]
    assert [(one.state, one.code) for one in outcomes] == [("held", Sealed("").code)] * len(UNITS)
    assert len(scene.yard.wires["wire"].took) == before


def test_what_a_claim_needs_is_read_at_once(scene: Scene) -> None:
    """Given two messages claimed together, when all their deliveries are attempted, then messages, cases and keys were asked for once each."""
    asked: list[str] = []
    store = scene.yard.ground.store
    two_cases(scene)
    for database in (store._content, store._keys):
        event.listen(database._reader, "before_cursor_execute", lambda *told: asked.append(told[2]))
    outcomes = [scene.yard.attempt(row, permit, scene.shared[row.id]) for row, permit in scene.claimed]
    assert {one.state for one in outcomes} == {"delivered"}
    for table in ("message", "sip_case", "case_key"):
        assert sum(f"FROM {table}" in statement for statement in asked) == 1, table


def test_a_case_that_cannot_be_opened_keeps_no_other_from_being_sent(scene: Scene) -> None:
    """Given two messages of two cases claimed together, when the key of one case was erased, then those of the other are sent all the same."""
    gone, other = scene.rows[0].case_id, two_cases(scene)
    scene.yard.ground.store.forget_case(scene.rows[0].owner, gone)
    outcomes = {row.id: scene.yard.attempt(row, permit, scene.shared[row.id]).state for row, permit in scene.claimed}
    assert {(row.case_id, outcomes[row.id]) for row in scene.rows} == {(gone, "held"), (other, "delivered")}


def two_cases(scene: Scene) -> str:
    """Claim a kallelse of another case too, as if all had been claimed together; return that case's id."""
    story = Story(scene.yard.send, now=scene.yard.clock.at)
    story.ready(UNITS)
    scene.yard.work()
    story.summoned(UNITS)
    scene.claimed += [(row, permit) for row, permit in scene.yard.claim(scene.yard.due()) if row.case_id == str(story.case_id)]
    scene.shared.update(openings(scene.rows))
    return str(story.case_id)


def protect(scene: Scene, name: str) -> None:
    """Let the case know that somebody of staff is protected."""
    ground, row = scene.yard.ground, scene.rows[0]
    seal = ground.store.seal_of_case(row.owner, row.case_id)
    with ground.store.write() as work:
        kept = work.cases.lock(row.owner, row.case_id)
        assert kept is not None
        case = open_case(kept, seal)
        known = case.model_copy(update={"version": case.version + 1, "shielded": (Shielded(name=name, organisation=case.owner),)})
        work.cases.save(case_row(known, seal, seq=kept.seq, opened_at=kept.opened_at, now=ground.now()))
