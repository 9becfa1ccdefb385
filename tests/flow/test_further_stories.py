"""Stories beyond the acceptance scenarios, as people at municipalities, regions, schools and agencies would live them.

Each is acted out in a hub without threads whose clock is turned by hand. Who is right where they meet is LIFECYCLE's to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.errors import Refused
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonNumber, UnitId
from siphub.testing.clock import Hand
from siphub.testing.story import SECRECY_ASSESSED, Story
from siphub.testing.yard import Yard

ADULT = PersonNumber("199001019802")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UNITS = (p.HOME_CARE, p.CARE_CENTRE)
SCHOOL = p.SOCIAL_SERVICES


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Give a hub whose clock stands on a Monday morning."""
    with Yard(tmp_path / "hub", clock=Hand(MONDAY)) as running:
        yield running


def tale(yard: Yard, person: PersonNumber = ADULT) -> Story:
    """Return a new case, at the time the hub has."""
    return Story(yard.send, person=person, now=yard.clock.at)


def sent(yard: Yard, *stories: Story, days: int = 0) -> None:
    """Let days pass, and everything be sent that can be."""
    yard.clock.on(timedelta(days=days))
    assert yard.drain()
    for story in stories:
        story.now = yard.clock.at


def case(yard: Yard, story: Story) -> SipCase:
    """Return a case as it stands."""
    found = yard.case(story.owner, story.case_id)
    assert found is not None
    return found


def got(yard: Yard, unit: UnitId) -> list[dict[str, Any]]:
    """Return the messages a unit holds, oldest first."""
    return [json.loads(took.body.split(b" ", 2)[2]) for took in yard.wires["wire"].took if took.unit == unit]


def types(yard: Yard, unit: UnitId) -> list[str]:
    """Return the types of the messages a unit holds, oldest first."""
    return [str(document["type"]) for document in got(yard, unit)]


def desk(yard: Yard, story: Story) -> list[tuple[str, str]]:
    """Return the open work of a case, each with whose it is."""
    with yard.ground.store.read() as work:
        items = work.work_items.of_case(story.owner, str(story.case_id))
    return [(item.type, item.unit) for item in items if item.closed_at is None]


def test_a_municipal_school_is_a_school(yard: Yard) -> None:
    """Given a school that the municipality runs, then no assessment reaches it, a consent invites it with the least, and its no is nobody's work.

    Nor can its nurse register the consent: that is for a unit with the duty.
    """
    yard.changes = {SCHOOL: {"kind": "school_unit"}}
    yard.switch()
    story = tale(yard)
    story.requested()
    basis = SECRECY_ASSESSED.model_copy(update={"decided_at": story.now})
    assert story.summoned([SCHOOL], basis=basis).states[SCHOOL] == ("withheld", "basis.none")
    story.consented((*UNITS, SCHOOL))
    story.approved((*UNITS, SCHOOL))
    assert story.summoned([SCHOOL]).states[SCHOOL] == ("withheld", "basis.none")
    assert story.invited([SCHOOL]).states[SCHOOL] == ("queued", None)
    sent(yard, story)
    (inbjudan,) = got(yard, SCHOOL)
    assert "subject" not in inbjudan
    assert "unit" not in inbjudan["content"]["convener"]
    story.responded(SCHOOL, "decline")
    assert "meeting.duty_declined" not in dict(desk(yard, story))
    with pytest.raises(Refused) as refused:
        story.withdrawn(by=SCHOOL)
    assert refused.value.code == "sender.role"
