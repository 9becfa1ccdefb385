"""What a unit hears when a case is called back: one notice, or at a partner where each thing stands by itself, one for each that stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from siphub.flow.letters import open_message
from siphub.model import people as p
from siphub.testing import chapters
from siphub.testing.story import Story
from siphub.testing.yard import Yard

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads; social services are reached where each thing stands by itself."""
    made = Yard(tmp_path / "hub", at={p.SOCIAL_SERVICES: "once"})
    made.wires["once"].recalls_each = True
    with made:
        yield made


def agreed(story: Story) -> None:
    """Hold the meeting, and agree on a plan."""
    story.held(UNITS)
    story.proposed(UNITS)
    for number, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{number}")
    story.established(UNITS)


def told(yard: Yard, story: Story, unit: str) -> list[tuple[str, str]]:
    """Return what a unit was told about, in order."""
    rows = [row for row in yard.of_case(story.owner, story.case_id) if row.recall and row.recipient == unit]
    with yard.ground.store.read() as work:
        stored = [work.messages.get(story.owner, row.message_row) for row in rows]
    seal = yard.ground.store.seal_of_case(story.owner, str(story.case_id))
    contents: list[Any] = [open_message(one, seal).content for one in stored if one is not None]
    return [(one.about, str(one.about_id)) for one in contents]


def test_a_plan_and_the_meeting_to_come_are_called_back_each(yard: Yard) -> None:
    """Given a meeting that was held, a plan, and a follow-up to come: one unit hears of the newest, the other of the plan and the follow-up."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready(UNITS)
    story.summoned(UNITS)
    agreed(story)
    chapters.followed_up(story, UNITS)
    assert yard.drain()
    story.withdrawn()
    plan, follow_up = ("plan", str(story.plan_id)), ("meeting", str(story.meeting_id))
    assert told(yard, story, p.HOME_CARE) == [follow_up]
    assert told(yard, story, p.SOCIAL_SERVICES) == [plan, follow_up]
    rows = [row for row in yard.of_case(story.owner, story.case_id) if row.recipient in UNITS and not row.recall]
    assert {row.state for row in rows if row.object_id} == {"recalled"}


def test_where_nothing_is_to_come_the_newest_is_called_back(yard: Yard) -> None:
    """Given a meeting that was held and nothing else, both hear of it: nobody is left without a word."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready(UNITS)
    story.summoned(UNITS)
    story.held(UNITS, outcome="no_plan")
    assert yard.drain()
    story.closed(UNITS)
    meeting = ("meeting", str(story.meeting_id))
    assert told(yard, story, p.HOME_CARE) == told(yard, story, p.SOCIAL_SERVICES) == [meeting]


def test_one_meeting_that_is_called_off_leaves_the_plan_alone(yard: Yard) -> None:
    """Given a plan and a follow-up that is called off, both hear of the follow-up only."""
    story = Story(yard.send, now=yard.clock.at)
    story.ready(UNITS)
    story.summoned(UNITS)
    agreed(story)
    chapters.followed_up(story, UNITS)
    assert yard.drain()
    story.cancelled(UNITS)
    follow_up = ("meeting", str(story.meeting_id))
    assert told(yard, story, p.HOME_CARE) == told(yard, story, p.SOCIAL_SERVICES) == [follow_up]
