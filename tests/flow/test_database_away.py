"""A database that is away for a moment is nobody's work: what has not begun to be sent waits, and goes out when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Cut, Outcome, Payload, Recipient
from siphub.errors import SiphubError, StoreBusy, StoreLost
from siphub.model import people as p
from siphub.testing.story import Story
from siphub.testing.yard import Wire, Yard


@dataclass
class Leaning(Wire):
    """A wire that needs the store, as one does that keeps a token there: once it is away, before the first byte or after it."""

    away: SiphubError | None = None
    late: bool = False

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Find the store away."""
        if not self.late:
            self._need()
        return super().translate(cut, recipient)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Send it, and find the store away then."""
        outcome = super().deliver(payload, recipient, key)
        if self.late:
            self._need()
        return outcome

    def _need(self) -> None:
        error, self.away = self.away, None
        if error is not None:
            raise error


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub whose wire leans on the store."""
    yard = Yard(tmp_path / "hub")
    yard.wires = {"wire": Leaning(yard.clock, "wire")}
    with yard:
        yield yard


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("error", [StoreLost("away"), StoreBusy("busy")])
def test_what_could_not_be_prepared_is_tried_again(yard: Yard, error: SiphubError, late: bool) -> None:
    """Given a store that is away before the first byte, or after it, then nothing is held for a person, and the partner has it once."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready([p.HOME_CARE])
    assert yard.drain()
    wire = yard.wires["wire"]
    assert isinstance(wire, Leaning)
    wire.away, wire.late = error, late
    story.summoned([p.HOME_CARE])
    yard.work()
    (row,) = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"]
    assert (row.state, row.reason, row.uncertain) == ("queued", error.code, late)
    assert yard.drain()
    (row,) = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.summoned"]
    assert (row.state, row.attempts) == ("delivered", 2)
    assert len({took.key for took in wire.took if took.message_id == row.message_id}) == 1
