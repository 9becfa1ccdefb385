"""What intake asks before the lock, and what it must not take from there: a repeat gets its answer whatever keeps new messages out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.errors import Busy, Conflict, Invalid
from siphub.model import Message
from siphub.model import people as p
from siphub.testing.story import Story
from siphub.testing.world import Told
from siphub.testing.yard import Yard

UNITS = (p.HOME_CARE, p.CARE_CENTRE)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads."""
    with Yard(tmp_path) as made:
        yield made


@pytest.fixture
def handed(yard: Yard) -> tuple[Story, Message, Told]:
    """Return a case, the last message that was taken in it, and what that was answered."""
    kept: list[tuple[Message, Told]] = []

    def send(message: Message) -> Told:
        kept.append((message, yard.send(message)))
        return kept[-1][1]

    story = Story(send)
    story.ready(UNITS)
    story.summoned(UNITS)
    return (story, *kept[-1])


def _adapters(yard: Yard, unit: str, version: int) -> set[str]:
    with yard.ground.store.read() as work:
        return {row.adapter for row in work.deliveries.page(limit=500) if (row.recipient, row.object_version) == (unit, version)}


@pytest.mark.parametrize(
    ("given", "error", "code"),
    [({"min_free_disk": 1 << 60}, Busy, "hub.low_disk"), ({"mode": "production"}, Invalid, "identity.wrong_mode")],
)
def test_what_keeps_a_message_out_does_not_keep_it_from_its_answer(
    yard: Yard, handed: tuple[Story, Message, Told], given: dict[str, object], error: type[Exception], code: str
) -> None:
    """Given a hub that takes nothing more, the message it has gets its answer again, another body under its id is refused, and a new one is told why."""
    story, message, told = handed
    yard.given = given
    yard.again()
    again = yard.send(message).answer
    assert again is not None
    assert told.answer is not None
    assert (again.repeated, again.recipients) == (True, told.answer.recipients)
    with pytest.raises(Conflict):
        yard.send(message.model_copy(update={"ack_requested": False}))
    with pytest.raises(error) as refused:
        story.proposed(UNITS)
    assert getattr(refused.value, "code", None) == code


def test_a_message_goes_by_the_directory_that_was_switched_to_last(yard: Yard, handed: tuple[Story, Message, Told]) -> None:
    """Given a switch by another process a moment ago, the next message is decided by the new directory, and by no remembered one."""
    story, _, _ = handed
    assert _adapters(yard, p.HOME_CARE, 1) == {"wire"}
    remembered = yard.ground.directory.seen()
    yard.at[p.HOME_CARE] = "once"
    yard.switch()
    assert yard.ground.directory.seen() is remembered
    story.rescheduled(UNITS)
    assert _adapters(yard, p.HOME_CARE, 2) == {"once"}
