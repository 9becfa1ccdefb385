"""What compares partners with the hub after a crash is itself put to the proof: each promise is broken once, and it is seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.contract.http import Http
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.store import Change, DeliveryRow
from siphub.testing.aftermath import Aftermath, Collector, Withdrawal
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.chaos


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a running hub and its partners, all in this process."""
    with (
        Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as sandbox,
        World(sandbox, tmp_path / "folders", tmp_path / "hub") as running,
    ):
        yield running


@pytest.fixture
def story(world: World) -> Story:
    """Return a case in which a unit was called and an agency invited, and both were reached."""
    story = world.story()
    story.ready([p.HOME_CARE, p.FK])
    story.summoned([p.HOME_CARE])
    story.invited([p.FK])
    assert Aftermath(world, [story]).settled()
    assert Aftermath(world, [story]).findings() == []
    return story


def _row(world: World, story: Story, message_type: str) -> DeliveryRow:
    (row,) = [row for row in world.deliveries(story) if row.message_type == message_type]
    return row


def _post(world: World, story: Story, key: str) -> None:
    """Send what the unit has once more, as the hub never would."""
    http = Http(ca_file=world.sandbox.ca_file)
    body = world.bodies(p.HOME_CARE, story)[0]
    http.post(world.address(p.HOME_CARE).endpoint, body, {"Idempotency-Key": key, "Content-Type": "application/xml"})
    http.close()


def _change(world: World, row: DeliveryRow, state: str) -> None:
    now: datetime = world.hub.ground.now()
    change = Change(from_states=frozenset({row.state}), to_state=state, event="test", at=now)
    with world.hub.store.write() as work:
        assert work.deliveries.change(row.id, change)


def _findings(world: World, story: Story) -> str:
    return "; ".join(Aftermath(world, [story]).findings())


def test_a_message_sent_again_under_another_key_is_seen(world: World, story: Story) -> None:
    """Given a kallelse that a partner has under two keys, then it is said to have it twice, and under a key that is no delivery's."""
    _post(world, story, "another-key")
    assert "its partner has it 2 times" in _findings(world, story)
    assert "under a key that is no delivery's" in _findings(world, story)


def test_a_request_without_an_attempt_of_ours_is_seen(world: World, story: Story) -> None:
    """Given a repeat that no attempt accounts for, then it is seen, although it had no effect."""
    _post(world, story, _row(world, story, "meeting.summoned").key)
    assert "heard of it 2 times, in 1 attempts" in _findings(world, story)


def test_a_delivery_that_never_arrived_is_seen(world: World, story: Story) -> None:
    """Given an invitation that counts as delivered, when its file is gone, then it is said not to be there."""
    row = _row(world, story, "meeting.invited")
    (Path(row.endpoint) / f"{row.key}.json").unlink()
    assert "counts as delivered and its partner does not have it" in _findings(world, story)


def test_a_file_that_came_twice_is_seen(world: World, story: Story, tmp_path: Path) -> None:
    """Given an agency that collects its files, when one is there again after it was collected, then it is said to have it twice."""
    row = _row(world, story, "meeting.invited")
    file, kept = Path(row.endpoint) / f"{row.key}.json", tmp_path / "kept"
    shutil.copy(file, kept)
    with Collector(Path(row.endpoint), tmp_path / "shelf"):
        assert until(lambda: not file.exists())
    shutil.copy(kept, file)
    after = Aftermath(world, [story], shelves={p.FK: tmp_path / "shelf"})
    assert [finding for finding in after.findings() if "its partner has it 2 times" in finding]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("gave_up", "its partner has it, and it counts as gave_up"),
        ("withheld", "its partner has it, and it counts as withheld"),
        ("held", "nobody has been asked to look at it"),
        ("awaiting_receipt", "which is no end"),
    ],
)
def test_a_state_that_does_not_fit_is_seen(world: World, story: Story, state: str, sentence: str) -> None:
    """Given a kallelse that a partner has, when the hub believes something else of it, then it is seen."""
    _change(world, _row(world, story, "meeting.summoned"), state)
    assert sentence in _findings(world, story)


def test_a_unit_that_is_not_called_back_is_seen(world: World, story: Story) -> None:
    """Given a withdrawal that the hub was never told of, then whatever rests on that consent is seen, and that no notice came."""
    after = Aftermath(world, [story], [Withdrawal(story, frozenset({p.HOME_CARE}))])
    found = "; ".join(after.findings())
    assert "was sent something that has been withdrawn, and was not called back" in found
    assert "was claimed or sent on a consent that had been withdrawn" in found


def test_what_comes_after_the_notice_is_seen(world: World, story: Story) -> None:
    """Given a unit that has had its notice, when it is sent something more, then it is seen."""
    story.withdrawn([p.HOME_CARE])
    after = Aftermath(world, [story], [Withdrawal(story, frozenset({p.HOME_CARE}))])
    assert after.settled()
    assert after.findings() == []
    _post(world, story, "another-key")
    assert "heard something after the notice" in "; ".join(after.findings())
