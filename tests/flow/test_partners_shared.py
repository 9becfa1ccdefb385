"""What one process of the hub learns of a partner holds for the others: they share the store, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.contract import Delivered, Retry
from siphub.flow.attempt import attempt
from siphub.flow.bells import Ringing, refill
from siphub.flow.deliver import claim, record
from siphub.flow.ground import Ground
from siphub.flow.partners import Admission
from siphub.hub import Hub, build
from siphub.store import DeliveryRow, PartnerRow, Permitted
from siphub.testing.crowd import FAR
from siphub.testing.logs import heard_logs
from siphub.testing.story import Story, until
from siphub.testing.yard import Yard

PLACE = ("wire", f"wire:{FAR}")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads."""
    with Yard(tmp_path / "hub", given={"breaker_pause": "10s", "retry_cap": "15min"}) as running:
        yield running


@pytest.fixture
def other(yard: Yard) -> Iterator[Hub]:
    """Return another process's hub on the same store."""
    found = build(yard.hub.settings, plugins=yard.wires, clock=yard.clock)
    yield found
    found.stop()


def called(yard: Yard, number: int) -> list[DeliveryRow]:
    """Hand in kallelser for the far unit, and return their deliveries."""
    found = []
    for _ in range(number):
        story = Story(yard.send, now=yard.clock.at)
        story.ready((FAR,))
        story.summoned((FAR,))
        found += [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"]
    return found


def partner(ground: Ground) -> PartnerRow:
    """Return how the far partner stands."""
    with ground.store.read() as work:
        found = work.partners.get(PLACE)
    assert found is not None
    return found


def fail(ground: Ground, rows: list[DeliveryRow], times: int) -> None:
    """Let a process hear so many failures of the far partner."""
    for _ in range(times):
        ground.partners.heard(rows[0], Retry("partner.http_503"))
    ground.partners.flush()


def park(ground: Ground) -> int:
    """Let what has a bell and no room wait; return how many bells are left."""
    with ground.store.write() as work:
        bells = work.outbox.take(500)
        sifted = Ringing(ground).sift(work, bells)
        work.partners.park(sifted.parked())
        work.outbox.delete([bell.id for bell in sifted.wait])
    ground.partners.forget()
    return len([bell for bell in sifted.ring if bell.endpoint == PLACE[1]])


def test_failures_are_counted_together(yard: Yard, other: Hub) -> None:
    """Given failures heard by two processes, the breaker opens when there are enough of both, and both send nothing."""
    rows = called(yard, 3)
    fail(yard.ground, rows, 3)
    assert partner(other.ground).state == "closed"
    fail(other.ground, rows, 2)
    assert (partner(yard.ground).state, partner(yard.ground).failures) == ("open", 5)
    for ground in (yard.ground, other.ground):
        admission = Admission(ground.partners, ground.directory(), yard.clock.at)
        assert until(lambda: PLACE in admission.strict({PLACE}), 5)  # noqa: B023 - of this very ground
        with ground.store.read() as work:
            held = {PLACE: partner(ground)}
            assert not admission.admit([(row, Permitted("consent", "meeting")) for row in rows], held, work.partners.sending([PLACE])).go
    assert park(other.ground) == 0


def test_of_two_relays_one_sends_the_probe(yard: Yard, other: Hub) -> None:
    """Given a pause that is over and two relays that look at the same moment, one delivery is rung, and no other until it has ended."""
    rows = called(yard, 4)
    fail(yard.ground, rows, 5)
    assert park(yard.ground) == 0
    yard.clock.on(timedelta(minutes=1))
    rung, start = [], threading.Barrier(2)

    def look(ground: Ground) -> None:
        ground.partners.forget()
        start.wait()
        rung.append(refill(ground))

    relays = [threading.Thread(target=look, args=(ground,)) for ground in (yard.ground, other.ground)]
    for relay in relays:
        relay.start()
    for relay in relays:
        relay.join()
    assert sorted(rung) == [0, 1]
    assert partner(yard.ground).state == "half_open"
    other.ground.partners.forget()
    assert refill(other.ground) == 0


def test_an_answer_heard_by_one_closes_it_for_all(yard: Yard, other: Hub) -> None:
    """Given a breaker that is open, an answer to another process closes it, and both ring one, then more."""
    rows = called(yard, 6)
    fail(yard.ground, rows, 5)
    park(yard.ground)
    other.ground.partners.forget()
    other.ground.partners.heard(rows[0], Delivered())
    other.ground.partners.flush()
    assert (partner(yard.ground).state, partner(yard.ground).window) == ("closed", 1)
    yard.ground.partners.forget()
    assert [refill(yard.ground), refill(other.ground)] == [1, 0]
    with yard.ground.store.write() as work:
        row = work.partners.lock([PLACE])[PLACE]
        work.partners.save([replace(row, window=3)])
    for ground in (yard.ground, other.ground):
        ground.partners.forget()
    assert [refill(other.ground), refill(yard.ground)] == [2, 0]


def test_the_odd_word_of_a_plugin_keeps_no_outcome_from_being_recorded(yard: Yard) -> None:
    """Given an adapter that asks for a pause no clock can show, then that is logged and forgotten, and what comes after it is recorded."""
    ground, (odd, after) = yard.ground, called(yard, 2)
    ground.partners.heard(odd, Retry("partner.http_503", timedelta.max))
    with heard_logs() as heard:
        for row, permit in claim(ground, [odd.id], ground.directory()):
            record(ground, [attempt(ground, row, permit, ground.directory())])
    assert len(heard.named("partners.failed")) == 1
    with ground.store.read() as work:
        assert [row.state for row in (work.deliveries.by_id(odd.id),) if row is not None] == ["delivered"]
    fail(ground, [after], ground.settings.breaker_failures)
    assert partner(ground).state == "open"
