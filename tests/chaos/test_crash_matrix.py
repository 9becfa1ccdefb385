"""kill -9 at each point of a delivery's way that exists on memory:// and SQLite.

The hub is a real process of `siphub up`; its partners live in the test's process and survive it. The fault hook kills it with SIGKILL at a
point, it comes up again on the same data folder, and the sender hands in again what was not answered. Then nothing is lost, nothing is
doubled, and every delivery has come to an end.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.flow import operate
from siphub.flow.ground import POINTS
from siphub.model import people as p
from siphub.testing.aftermath import Aftermath, Collector, Withdrawal
from siphub.testing.story import Story, until

if TYPE_CHECKING:
    from siphub.store import DeliveryRow
    from siphub.testing.child import Town

pytestmark = pytest.mark.chaos

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
KILLED: Mapping[str, int] = {
    "after_commit": 4,
    "before_publish": 1,
    "before_delete": 1,
    "after_consume": 2,
    "before_send": 3,
    "after_send": 2,
    "after_record": 2,
}
"""Where the hub is killed, and at which passage."""
ABSENT: Mapping[str, str] = {
    "after_publish": "memory:// has no confirms: a bell is taken the moment it is published, so there is nothing between `after publish` "
    "and `after confirm`, and the moment after both is before_delete",
}
"""RELIABILITY's points that do not exist on memory:// and SQLite, and why."""


def test_every_point_is_either_killed_at_or_known_to_be_absent() -> None:
    """Given the crash points of the flow, then each is in the matrix, or in the list of those that do not exist here."""
    assert sorted([*KILLED, *ABSENT]) == sorted(POINTS)


@pytest.mark.parametrize(("point", "nth"), KILLED.items())
def test_a_hub_killed_at_a_point_loses_nothing_and_doubles_nothing(town: Town, point: str, nth: int) -> None:
    """Given a case with five messages, when the hub is killed at a point and comes back, then each partner has each message once."""
    dying = town.up(f"{point}:kill:{nth}")
    story = Story(town.send)
    story.ready(UNITS)
    story.summoned(UNITS)
    story.responded(p.HOME_CARE)
    town.revive(dying)
    with town.look():
        after = Aftermath(town.world, [story])
        assert after.settled()
        assert town.ends == [-signal.SIGKILL]
        assert after.findings() == []
        assert town.answered_otherwise() == []
        assert after.states() == {"delivered": 5}
    if point == "after_send":
        assert after.repeats() >= 1
    if point == "after_commit":
        assert [found.message.type for found in town.handed if found.repeated] == [town.handed[nth - 1].message.type]


def invited_and_killed(town: Town, point: str, shelf: Path | None) -> tuple[Aftermath, DeliveryRow]:
    """Invite an agency that is reached by files, with a hub that is killed over it and comes back; return how it ended.

    With a shelf the agency collects its files at once.
    """
    story = town.begun([p.FK])
    after = Aftermath(town.world, [story], shelves={p.FK: shelf} if shelf else {})
    with ExitStack() as ends:
        if shelf:
            ends.enter_context(Collector(Path(town.world.address(p.FK).endpoint), shelf))
        dying = town.up(f"{point}:kill")
        story.invited([p.FK])
        town.revive(dying)
        with town.look():
            assert after.settled()
            (row,) = [row for row in town.world.deliveries(story) if row.recipient == p.FK]
            assert town.ends == [-signal.SIGKILL]
            assert after.findings() == []
    return after, row


@pytest.mark.parametrize(
    ("point", "collects", "state", "files"),
    [
        ("after_send", True, "held", 1),
        ("after_send", False, "delivered", 1),
        ("after_record", True, "delivered", 1),
    ],
)
def test_a_partner_that_cannot_recognise_a_repeat_gets_one_file_or_a_person_looks(
    town: Town, tmp_path: Path, point: str, collects: bool, state: str, files: int
) -> None:
    """Given an agency reached by files, when the hub is killed over its file, then it has one file at most, and a doubt is held."""
    after, row = invited_and_killed(town, point, tmp_path / "shelf" if collects else None)
    assert (row.state, after.effects(row)) == (state, files)


def test_a_person_who_has_asked_the_partner_can_have_the_held_file_sent(town: Town) -> None:
    """Given a file held in doubt that never arrived, when a person has asked the agency and orders a retry, then it is sent, once."""
    after, row = invited_and_killed(town, "before_send", None)
    assert (row.state, row.reason, after.effects(row)) == ("held", "send.uncertain", 0)
    with town.look() as hub:
        operate.operate(hub.ground, row.id, "retry", by="2120009994", channel="cli")
        assert until(lambda: after.settled() and after.effects(row) == 1)
        assert after.findings() == []
        assert after.states() == {"delivered": 2}


def test_a_notice_in_doubt_becomes_a_persons_call(town: Town) -> None:
    """Given an agency reached by files and a withdrawal, when the hub is killed over the notice, then the notice is held for a person."""
    story = town.begun([p.FK])
    after = Aftermath(town.world, [story], [Withdrawal(story, frozenset({p.FK}))])
    with town.look() as hub:
        hub.start()
        replace(story, send=town.world.send).invited([p.FK])
        assert after.settled()
    dying = town.up("before_send:kill")
    story.withdrawn([p.FK])
    town.revive(dying)
    with town.look():
        assert after.settled()
        assert town.ends == [-signal.SIGKILL]
        assert after.findings() == []
        states = [(row.message_type, row.state, after.effects(row)) for row in town.world.deliveries(story) if row.recipient == p.FK]
        assert states == [("meeting.invited", "recalled", 1), ("stop.notice", "held", 0)]
