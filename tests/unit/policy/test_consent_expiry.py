"""Consents that run out by themselves: what follows for the case, once, and what stays (LIFECYCLE sections 1 and 4)."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from siphub.model import people as p
from siphub.model.case import CaseState
from siphub.policy import consent, lifecycle
from siphub.policy.case import Decision, Narrowed, OpenWork
from siphub.testing.desk import Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
DAY = timedelta(days=1)


def look(desk: Desk) -> Decision | None:
    """Do what the sweep does."""
    decided = consent.expired(desk.open, desk.now)
    if decided is not None:
        desk.case = decided.case
    return decided


@pytest.fixture
def lasting(desk: Desk) -> Desk:
    """Give a case in which everything was consented to for thirty days, and three units were called."""
    desk.story.requested()
    desk.story.consented(UNITS, valid_until=desk.now + 30 * DAY)
    desk.story.approved(UNITS)
    desk.story.summoned(UNITS)
    assert desk.state == "SUMMONED"
    return desk


def test_before_the_end_nothing_has_run_out(lasting: Desk) -> None:
    """Given a consent for thirty days, when it is looked at a moment before its end, then nothing follows."""
    lasting.later(30 * DAY - timedelta(microseconds=1))
    assert look(lasting) is None


def test_when_all_has_run_out_the_case_is_suspended(lasting: Desk) -> None:
    """Given a consent for thirty days, when it ends, then the case is suspended, what rests on it is called back, the coordinator told."""
    version = lasting.open.version, lasting.open.consent_version
    lasting.later(30 * DAY)
    decided = look(lasting)
    assert decided is not None
    assert decided.effects == (Narrowed("basis.consent_expired"), OpenWork("consent.expired", p.CONTACT))
    assert (lasting.state, lasting.open.resumes) == ("SUSPENDED_NO_CONSENT", "PREPARING")
    assert (lasting.open.version, lasting.open.consent_version) == (version[0] + 1, version[1] + 1)


def test_it_is_acted_on_once(lasting: Desk) -> None:
    """Given a consent that ran out and was acted on, when it is looked at again and again, then nothing follows."""
    lasting.later(30 * DAY)
    assert look(lasting) is not None
    lasting.later(DAY)
    assert look(lasting) is None


def test_what_is_left_keeps_the_case_going(lasting: Desk) -> None:
    """Given that one unit's consent has no end, when the others' run out, then the case goes on, and they alone are without."""
    lasting.story.consented(UNITS[:1])
    lasting.later(30 * DAY)
    decided = look(lasting)
    assert decided is not None
    assert lasting.state == "SUMMONED"
    assert Narrowed("basis.consent_expired") in decided.effects
    assert "meeting" in lasting.scopes_of(UNITS[0])
    assert "meeting" not in lasting.scopes_of(UNITS[1])


def test_a_later_refusal_says_that_it_ran_out(lasting: Desk) -> None:
    """Given a consent that ran out and was acted on, when somebody is called on it, then the reason is that, and not that there was none."""
    lasting.story.consented(UNITS[:1])
    lasting.later(30 * DAY)
    look(lasting)
    lasting.story.summoned(UNITS[1:2])
    assert lasting.last.states == {UNITS[1]: ("withheld", "basis.consent_expired")}


def test_consent_given_anew_takes_the_case_up_again(lasting: Desk) -> None:
    """Given a case suspended because all ran out, when consent is given again, then it goes on, and whom the individual chose is chosen still."""
    lasting.later(30 * DAY)
    look(lasting)
    lasting.story.consented(UNITS)
    assert lasting.state == "PREPARING"
    assert "participant" in lasting.scopes_of(UNITS[0])
    assert look(lasting) is None


def test_without_the_consent_to_a_plan_there_is_no_plan(lasting: Desk) -> None:
    """Given that the consent to a plan alone runs out, when a plan is proposed, then it is refused (LIFECYCLE 3)."""
    lasting.story.consented(UNITS, ("meeting", "information_exchange"))
    lasting.story.held(UNITS)
    lasting.later(30 * DAY)
    look(lasting)
    lasting.story.proposed(UNITS)
    assert (lasting.state, lasting.last.code) == ("DRAFTING", "plan.no_consent")


@pytest.mark.parametrize("event", ["consent.expired:part", "consent.expired:all"])
@pytest.mark.parametrize("state", get_args(CaseState))
def test_a_state_follows_exactly_where_the_table_says_so(lasting: Desk, state: CaseState, event: str) -> None:
    """Given a case in each state, when some or all of its consents run out, then the table's state follows; a void case is left alone."""
    if event.endswith("part"):
        lasting.story.consented(UNITS[:1])
    lasting.later(30 * DAY)
    lasting.case = lasting.open.model_copy(update={"state": state})
    decided = look(lasting)
    expected = lifecycle.CASE[event].get(state)
    assert (decided.case.state if decided else None) == expected
