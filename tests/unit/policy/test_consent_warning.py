"""A consent that runs out is warned of in time: when, whose work it is, and what ends the wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from siphub.model import people as p
from siphub.policy.deadlines import Deadline, deadlines
from siphub.testing import chapters
from siphub.testing.desk import Desk

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
DAY = timedelta(days=1)


def warnings(desk: Desk, warning: timedelta = 14 * DAY) -> list[Deadline]:
    """Return the ends of consents that stand."""
    return [found for found in deadlines(desk.open, desk.directory, desk.now, consent_warning=warning) if found.kind == "consent"]


def lasting(desk: Desk, length: timedelta) -> datetime:
    """Let everything be consented to for so long, and return its end."""
    until = desk.now + length
    desk.story.requested()
    desk.story.consented(UNITS, valid_until=until)
    desk.story.approved(UNITS)
    return until


@pytest.mark.parametrize(
    ("length", "lead"),
    [
        (2 * DAY, DAY),
        (7 * DAY, 3.5 * DAY),
        (7 * DAY + timedelta(seconds=1), 7 * DAY),
        (10 * DAY, 7 * DAY),
        (20 * DAY, 10 * DAY),
        (28 * DAY, 14 * DAY),
        (365 * DAY, 14 * DAY),
    ],
)
def test_a_warning_comes_in_time(desk: Desk, length: timedelta, lead: timedelta) -> None:
    """Given a consent with an end, then the coordinator is warned two weeks before; at least a week where it lasts longer, else half-way."""
    until = lasting(desk, length)
    [found] = warnings(desk)
    assert (found.due_at, found.warn_at, found.unit) == (until, until - lead, p.CONTACT)
    assert found.about == until.date().isoformat()


def test_how_long_before_is_a_value(desk: Desk) -> None:
    """Given an area that wants sixty days, then a long consent has them."""
    until = lasting(desk, 365 * DAY)
    assert [found.warn_at for found in warnings(desk, 60 * DAY)] == [until - 60 * DAY]


def test_each_day_on_which_something_ends_is_one_warning(desk: Desk) -> None:
    """Given consents that end on two days, and one on the same day an hour later, then there are two warnings, for the first end of each day."""
    until = lasting(desk, 30 * DAY)
    desk.story.consented([p.FK], ("meeting", "invite"), valid_until=until + timedelta(hours=1))
    desk.story.consented([p.AF], ("meeting", "invite"), valid_until=until + 5 * DAY)
    assert [found.due_at for found in warnings(desk)] == [until, until + 5 * DAY]


def test_a_consent_without_an_end_is_not_warned_of(desk: Desk) -> None:
    """Given a consent until further notice, then nobody is warned of anything."""
    desk.story.ready(UNITS)
    assert warnings(desk) == []


@pytest.mark.parametrize(
    "happens",
    [
        lambda desk: desk.story.consented(UNITS),
        lambda desk: desk.story.withdrawn(),
        lambda desk: desk.story.refused(),
        lambda desk: desk.story.closed(UNITS),
        lambda desk: chapters.deceased(desk.story),
        lambda desk: desk.later(30 * DAY),
    ],
    ids=["renewed", "withdrawn", "refused", "closed", "deceased", "run out"],
)
def test_what_ends_the_wait(desk: Desk, happens: Callable[[Desk], object]) -> None:
    """Given a consent for thirty days, when it is renewed, taken back or has run out, or the case ends, then there is nothing to warn of."""
    lasting(desk, 30 * DAY)
    assert len(warnings(desk)) == 1
    happens(desk)
    assert warnings(desk) == []


def test_an_extended_consent_is_warned_of_at_its_new_end(desk: Desk) -> None:
    """Given a consent for thirty days, when it is given again for ninety, then that end is warned of, and the first is not."""
    until = lasting(desk, 30 * DAY)
    desk.story.consented(UNITS, valid_until=until + 60 * DAY)
    assert [found.due_at for found in warnings(desk)] == [until + 60 * DAY]


def test_the_consent_to_a_plan_is_warned_of_too(desk: Desk) -> None:
    """Given a consent to a plan that ends, when the units are then consented to without an end, then the plan's own end is still warned of."""
    until = lasting(desk, 30 * DAY)
    desk.story.consented(UNITS, ("meeting", "information_exchange", "invite"))
    grants = tuple(grant for grant in desk.open.grants if grant.scope != "plan")
    desk.case = desk.open.model_copy(update={"grants": grants})
    assert [found.due_at for found in warnings(desk)] == [until]
