"""A meeting that went with the consent: everybody hears that no more comes, so nothing is asked of it, until somebody is called to it anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from siphub.model import people as p
from siphub.policy.consent import expired
from siphub.policy.deadlines import deadlines
from siphub.policy.owed import asked_for
from siphub.testing import chapters
from siphub.testing.desk import Desk
from siphub.testing.story import ALL, SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


def kinds(desk: Desk) -> set[str]:
    """Return the kinds of deadlines that stand."""
    return {found.kind for found in deadlines(desk.open, desk.directory, desk.now)}


def run_out(desk: Desk) -> None:
    """Let every consent end by itself."""
    desk.later(timedelta(days=2))
    decided = expired(desk.open, desk.now)
    assert decided is not None
    desk.case = decided.case


@pytest.mark.parametrize("end", [lambda desk: desk.story.withdrawn(), lambda desk: desk.story.refused(), run_out])
def test_nobody_answers_for_a_meeting_that_went_with_the_consent(desk: Desk, end: Callable[[Desk], object]) -> None:
    """Given a meeting on consent, when no consent is left and one comes back, then no answer, report or date is due of it until it is called to."""
    story = desk.story
    story.requested()
    story.consented(UNITS, valid_until=desk.now + timedelta(days=1))
    story.approved(UNITS)
    story.summoned(UNITS)
    asked = {"meeting.answer", "meeting.held"}
    assert asked <= kinds(desk)
    assert "meeting.soon" not in kinds(desk)
    end(desk)
    story.consented(UNITS)
    story.approved(UNITS)
    assert (desk.state, asked & kinds(desk), "meeting.soon" in kinds(desk)) == ("PREPARING", set(), True)
    story.summoned(UNITS)
    assert desk.last.code is None
    assert asked <= kinds(desk)
    assert "meeting.soon" not in kinds(desk)


def test_a_follow_up_that_went_with_the_consent_is_to_be_called_to(active: Desk) -> None:
    """Given a follow-up that was called to, when the consent goes and comes back, then the plan is to be followed up as before it."""
    before = kinds(active)
    assert "followup" in before
    chapters.followed_up(active.story, UNITS)
    assert "followup" not in kinds(active)
    active.story.withdrawn()
    active.story.consented(UNITS)
    assert (active.state, kinds(active)) == ("ACTIVE", before)


def test_nobody_sees_to_an_absence_from_a_meeting_that_went_with_the_consent(desk: Desk) -> None:
    """Given a meeting without the individual, when everything is taken back and all but the absence is given again, then nothing is asked for."""
    desk.story.ready(UNITS, (*ALL, "meeting_in_absence"))
    desk.story.say(desk.story.kallelse().model_copy(update={"individual_attendance": "absent_consented"}), UNITS)
    desk.story.withdrawn()
    desk.story.consented(UNITS)
    assert (desk.state, desk.last.work, asked_for(desk.open, desk.now)) == ("PREPARING", (), frozenset())


def test_a_meeting_that_some_are_called_to_without_consent_still_stands(desk: Desk) -> None:
    """Given a kallelse on an assessment, when the individual takes everything back, then it is not called back, and what is asked of it stands."""
    desk.story.ready(UNITS)
    desk.story.summoned(UNITS, SECRECY_ASSESSED)
    desk.story.withdrawn()
    assert [found.recalled for found in desk.open.meetings] == [False]
    desk.story.consented(UNITS)
    assert {"meeting.answer", "meeting.held"} <= kinds(desk)
