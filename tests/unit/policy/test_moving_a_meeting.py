"""Who moves a meeting, and whom they may call to it by that: whoever may call no more keeps what it has called to, and widens it no further."""

from __future__ import annotations

from datetime import timedelta

import pytest

from siphub.model import Directory, UnitContact
from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import meeting as m
from siphub.testing import chapters
from siphub.testing.desk import Desk

VERA = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21")


def merging(directory: Directory, unit: UnitId) -> Directory:
    """Return a directory in which another unit of the organisation has taken over from this one."""
    heir = UnitId("SE2120009994-1999")
    old = next(found for found in directory.units if found.id == unit)
    closed = old.model_copy(update={"closed_on": p.DAY, "successor": heir})
    others = tuple(found for found in directory.units if found.id != unit)
    return directory.model_copy(update={"units": (*others, closed, old.model_copy(update={"id": heir}))})


@pytest.mark.parametrize("merged", [True, False])
def test_who_may_call_no_more_moves_its_meeting_and_calls_no_further_unit_by_that(prepared: Desk, *, merged: bool) -> None:
    """Given a meeting of a former coordinator's, when it is moved, then those with a place hear it, by an older number too, and nobody else is called."""
    story = prepared.story
    prepared.case = prepared.open.model_copy(update={"units": (*prepared.open.units, p.CARE_CENTRE)})
    chapters.coordinated_by(story, p.CARE_CENTRE, (p.CARE_CENTRE,))
    story.say(story.kallelse().model_copy(update={"convener": VERA}), [p.HOME_CARE], by=p.CARE_CENTRE)
    story.say(a.CoordinatorChanged(coordinator=story.convener, from_date=p.DAY, agreed_with_individual=True), by=p.CARE_CENTRE)
    if merged:
        prepared.directory = merging(prepared.directory, p.HOME_CARE)

    def moved(*to: UnitId | PersonRef, version: int = 2) -> str | None:
        meeting, respond_by = story.meeting(version, days=15), prepared.now + timedelta(days=1)
        content = m.MeetingRescheduled(meeting=meeting, supersedes=version - 1, convener=VERA, respond_by=respond_by)
        story.say(content, to, by=p.CARE_CENTRE)
        return prepared.last.code

    assert moved(p.HOME_CARE, p.SOCIAL_SERVICES) == "sender.role"
    assert moved(p.HOME_CARE, PersonRef("individual")) is None
    chapters.coordinated_by(story, p.CARE_CENTRE, (p.CARE_CENTRE,))
    assert moved(p.HOME_CARE, p.SOCIAL_SERVICES, version=3) is None
