"""A worker that stands still between its claim and its first byte, and wakes when the world has changed.

The worker is a process of `siphub up` on the data folder; the fault hook stops it with SIGSTOP when it is about to send. This process has a
hub on the same folder: it withdraws, or delivers in the other's place. What counts is what stands in the partner's ledger.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.model import people as p
from siphub.testing.aftermath import Aftermath, Withdrawal
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS

if TYPE_CHECKING:
    from siphub.hub import Hub
    from siphub.sandbox import Ledger
    from siphub.store import AttemptRow, DeliveryRow
    from siphub.testing.child import Child, Town

pytestmark = pytest.mark.chaos

PAST_THE_PERMIT = 1.3
"""Seconds; the permit is good for one."""


@dataclass
class Still:
    """A worker that stands still over one kallelse, and a hub beside it."""

    town: Town
    worker: Child
    hub: Hub
    story: Story

    @property
    def ledger(self) -> Ledger:
        """The book of the partner it was about to send to."""
        return self.town.world.sandbox.ledger(PARTNERS[p.HOME_CARE])

    @property
    def row(self) -> DeliveryRow:
        """The kallelse's delivery."""
        (row,) = [row for row in self.town.world.deliveries(self.story) if row.message_type == "meeting.summoned"]
        return row

    @property
    def attempts(self) -> tuple[AttemptRow, ...]:
        """Its attempts."""
        with self.hub.store.read() as work:
            return work.attempts.of_delivery(self.row.owner, self.row.id)

    def events(self) -> list[str]:
        """What happened to it."""
        with self.hub.store.read() as work:
            return [event.event for event in work.events.of_delivery(self.row.owner, self.row.id)]

    def aftermath(self, *withdrawn: str) -> Aftermath:
        """Return what is to be compared in the end."""
        withdrawals = [Withdrawal(self.story, frozenset(withdrawn))] if withdrawn else []
        return Aftermath(self.town.world, [self.story], withdrawals)


def can_be_written(data: Path) -> bool:
    """Say whether another process may write: a process stopped within a transaction of SQLite keeps everybody else from writing."""
    with closing(sqlite3.connect(data / "siphub.sqlite", timeout=0.3, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


@contextmanager
def standing_still(town: Town, point: str = "before_send") -> Iterator[Still]:
    """Have a worker claim a kallelse and stand still at a point; give it, with a hub beside it.

    Its other threads stand still with it, wherever they are. Should one of them be writing to the store at that moment, which SQLite lets
    nobody else do meanwhile, it is another story than the one told here: that worker is killed, and another begins anew.
    """
    for _ in range(5):
        story = town.begun([p.HOME_CARE])
        with town.look() as hub:
            worker = town.up(f"{point}:stop", sweep_every="1h")
            replace(story, send=town.world.send).summoned([p.HOME_CARE])
            assert worker.stopped(within=30)
            if can_be_written(town.world.data):
                still = Still(town, worker, hub, replace(story, send=town.world.send))
                assert still.row.state == "sending"
                yield still
                return
            worker.kill()
    pytest.fail("five workers in a row were stopped within a transaction")


@pytest.fixture
def patient(make_town: Callable[..., Town]) -> Town:
    """Return a town in which no lease runs out."""
    return make_town(lease="60s")


@pytest.fixture
def brisk(make_town: Callable[..., Town]) -> Town:
    """Return a town in which a lease runs out soon."""
    return make_town(lease="1500ms")


def test_a_worker_that_wakes_after_a_withdrawal_sends_nothing(patient: Town) -> None:
    """Given a worker stopped between claim and send, when all is withdrawn and it wakes, then not one byte has reached the partner."""
    with standing_still(patient) as still:
        still.story.withdrawn()
        time.sleep(PAST_THE_PERMIT)
        still.worker.wake()
        assert until(lambda: still.row.state == "withheld")
        assert still.aftermath().settled()
        assert (still.ledger.bytes_seen, still.ledger.entries()) == (0, ())
        assert [(found.number, found.outcome) for found in still.attempts] == [(1, "permit_expired")]
        assert still.events() == ["accept.queue", "claim.permit", "recall_pending", "outcome.retry_withdrawn"]
        assert still.aftermath(p.HOME_CARE).findings() == []


def test_a_worker_that_wakes_too_late_claims_again_and_delivers_once(patient: Town) -> None:
    """Given a worker stopped between claim and send, when it wakes past its permit, then it sends nothing on it, and once on a new claim."""
    with standing_still(patient) as still:
        time.sleep(PAST_THE_PERMIT)
        assert still.ledger.bytes_seen == 0
        still.worker.wake()
        assert until(lambda: still.row.state == "delivered")
        outcomes = [found.outcome for found in still.attempts]
        assert (outcomes[0], set(outcomes[1:-1]) <= {"permit_expired"}, outcomes[-1]) == ("permit_expired", True, "delivered")
        assert [(entry.accepted, entry.times) for entry in still.ledger.entries()] == [(True, 1)]
        assert still.aftermath().settled()
        assert still.aftermath().findings() == []


def test_a_worker_that_lost_its_claim_changes_nothing(brisk: Town) -> None:
    """Given a stopped worker whose lease ran out and whose delivery another made, when it wakes, then its word is kept and changes nothing."""
    with standing_still(brisk) as still:
        still.hub.start()
        assert until(lambda: still.row.state == "delivered")
        still.worker.wake()
        assert until(lambda: still.attempts[0].finished_at is not None)
        assert [(found.fence, found.outcome, found.late) for found in still.attempts] == [
            (1, "permit_expired", True),
            (2, "delivered", False),
        ]
        assert still.events()[-1] == "late_outcome"
        assert still.row.state == "delivered"
        assert [entry.times for entry in still.ledger.entries()] == [1]
        assert still.aftermath().settled()
        assert still.aftermath().findings() == []


def test_a_worker_that_had_delivered_before_it_lost_its_claim_is_one_effect(brisk: Town) -> None:
    """Given a worker stopped after the partner's answer, when another repeats it and the first wakes, then there is one effect, one key."""
    with standing_still(brisk, "after_send") as still:
        assert len(still.ledger.effects()) == 1
        still.hub.start()
        assert until(lambda: still.row.state == "delivered")
        still.worker.wake()
        assert until(lambda: still.attempts[0].finished_at is not None)
        assert [(found.fence, found.outcome, found.late) for found in still.attempts] == [(1, "delivered", True), (2, "delivered", False)]
        assert [entry.why for entry in still.ledger.entries()] == [None, "repeat"]
        assert still.aftermath().settled()
        assert still.aftermath().findings() == []


def test_a_silent_worker_whose_lease_runs_out_after_a_withdrawal_is_taken_for_one_that_sent(brisk: Town) -> None:
    """Given a stopped worker and a withdrawal, when its lease runs out, then the unit gets the notice alone, since nobody can know."""
    with standing_still(brisk) as still:
        still.story.withdrawn()
        still.hub.start()
        assert until(lambda: still.row.state == "recalled")
        still.worker.wake()
        assert until(lambda: still.attempts[0].finished_at is not None)
        assert still.aftermath().settled()
        assert [entry.message_type for entry in still.ledger.entries()] == ["stop.notice"]
        assert still.aftermath(p.HOME_CARE).findings() == []
