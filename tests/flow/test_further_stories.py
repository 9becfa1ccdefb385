"""Stories beyond the acceptance scenarios, as people at municipalities, regions, schools and agencies would live them.

Each is acted out in a hub without threads whose clock is turned by hand. Who is right where they meet is LIFECYCLE's to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from siphub.errors import Invalid, Refused
from siphub.flow import directory as directories
from siphub.model import Agreement
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonNumber, UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import ending as e
from siphub.model.messages import meeting as m
from siphub.testing.clock import Hand
from siphub.testing.desk import ASSOCIATION, OUTSIDE, PRIVATE
from siphub.testing.story import ALL, SECRECY_ASSESSED, Story
from siphub.testing.yard import Yard

ADULT = PersonNumber("199001019802")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHILD = PersonNumber("201803019809")
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


def places(yard: Yard, story: Story) -> dict[str, str]:
    """Return where each unit's answer to the newest meeting stands."""
    return {found.unit: found.state for found in case(yard, story).meetings[-1].participants}


def yes(story: Story, *parties: Any, **more: Any) -> None:
    """Record an oral yes of the individual's to everything, for some parties, changed as told."""
    fields = {
        "scopes": ALL,
        "parties": tuple(c.Party(party=party) for party in parties),
        "mode": "oral",
        "given_by": c.GivenBy(kind="individual"),
        "capacity": c.Capacity(state="able"),
        "obtained_by": story.eva,
        "obtained_on": story.now.date(),
        "documented_in_record": True,
    }
    story.say(c.ConsentGiven.model_validate({**fields, **more}))


def refused(say: Callable[[], object]) -> str:
    """Say something that is not taken, and return the code."""
    with pytest.raises(Refused) as wrong:
        say()
    return wrong.value.code


def test_a_slip_in_the_year_makes_no_adult_of_a_child_and_kills_nobody(yard: Yard) -> None:
    """Given a child of eight whose own yes is dated 2040, and a death dated next year, then neither is taken, and the case goes on."""
    story = tale(yard, CHILD)
    story.requested()
    assert refused(lambda: yes(story, *UNITS, obtained_on=date(2040, 1, 1))) == "date.ahead"
    assert refused(lambda: yes(story, *UNITS)) == "consent.ground_missing"
    assert refused(lambda: story.say(e.SubjectDeceased(died_on=date(2027, 11, 20), reported_by=story.eva))) == "date.ahead"
    assert (case(yard, story).state, case(yard, story).grants) == ("REQUESTED", ())


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
    assert refused(lambda: story.withdrawn(by=SCHOOL)) == "sender.role"


def test_who_was_called_back_has_not_accepted_any_more(yard: Yard) -> None:
    """Given two acceptances and a change of mind during the meeting, when she says yes again, then both are called anew and asked anew.

    What came of the meeting cannot be told meanwhile, and whoever does not answer the second time is asked for on the convener's desk.
    """
    story = tale(yard)
    story.ready(UNITS)
    story.summoned(UNITS)
    sent(yard, story)
    for unit in UNITS:
        story.responded(unit)
    sent(yard, story, days=1)
    story.withdrawn()
    assert refused(lambda: story.held(UNITS)) == "case.wrong_state"
    story.consented(UNITS)
    story.approved(UNITS)
    story.summoned(UNITS)
    sent(yard, story)
    assert types(yard, p.HOME_CARE) == ["meeting.summoned", "stop.notice", "meeting.summoned"]
    story.responded(p.CARE_CENTRE)
    assert places(yard, story) == {p.HOME_CARE: "SENT", p.CARE_CENTRE: "ACCEPTED"}
    sent(yard, story, days=7)
    assert [kind for kind, _ in desk(yard, story)] == ["deadline.meeting.answer.passed"]


def test_a_meeting_moved_twice_is_answered_as_it_is_now(yard: Yard) -> None:
    """Given a meeting that is moved twice before anything leaves, then each unit is told of the last time alone, and only an answer to that counts.

    The convener forgot one unit the second time, so its name is on the desk until it is called to the new time.
    """
    story = tale(yard)
    story.ready(UNITS)
    story.summoned(UNITS)
    story.rescheduled(UNITS, 2)
    story.rescheduled([p.HOME_CARE], 3)
    assert desk(yard, story) == [("meeting.left_out", p.CONTACT)]
    story.say(story.kallelse().model_copy(update={"meeting": story.meeting(3, days=15)}), [p.CARE_CENTRE])
    assert desk(yard, story) == []
    sent(yard, story)
    assert [[each["content"]["meeting"]["version"] for each in got(yard, unit)] for unit in UNITS] == [[3], [3]]
    for version in (1, 2, 4):
        assert refused(partial(story.responded, p.HOME_CARE, version=version)) == "message.out_of_order"
    story.responded(p.HOME_CARE, version=3)
    assert places(yard, story) == {p.HOME_CARE: "ACCEPTED", p.CARE_CENTRE: "SENT"}


def test_an_association_is_bound_on_the_days_of_the_agreement(yard: Yard) -> None:
    """Given an agreement for December, then its party is called from the first of its days, and not before; moved to January it may say no."""
    first, last = date(2026, 12, 1), date(2026, 12, 31)
    agreement = Agreement(id="lokal-1", area="Norrby", valid_from=first, valid_until=last, parties=(p.MUNICIPALITY,), binds=(OUTSIDE,))
    base = yard.directory()
    directories.switch(yard.ground, base.model_copy(update={"agreements": (*base.agreements, agreement)}), by="test")
    story = tale(yard)
    story.ready((*UNITS, OUTSIDE))
    called = story.kallelse().model_copy(update={"duty_basis": "agreement:lokal-1"})
    early = called.model_copy(update={"meeting": story.meeting(days=7)})
    assert refused(lambda: story.say(early, [OUTSIDE])) == "duty.agreement_not_in_force"
    story.say(called.model_copy(update={"meeting": story.meeting(days=8)}), [OUTSIDE])
    story.responded(OUTSIDE, "decline")
    assert desk(yard, story) == [("meeting.duty_declined", p.CONTACT)]
    moved = m.MeetingRescheduled(meeting=story.meeting(2, days=40), supersedes=1, convener=story.convener, respond_by=story.now)
    story.say(moved, [OUTSIDE])
    story.responded(OUTSIDE, "decline", version=2)
    assert desk(yard, story) == []


def test_a_contractor_that_changes_owner_is_asked_for_anew(yard: Yard) -> None:
    """Given a kallelse that waits for a contractor, when another firm takes the unit over, then it is a unit of its own and hears nothing yet.

    The directory cannot say that the same unit is the new firm's: the individual agreed to the old one.
    """
    story = tale(yard)
    story.ready((*UNITS, PRIVATE))
    story.summoned((*UNITS, PRIVATE))
    yard.changes = {PRIVATE: {"organisation": ASSOCIATION}}
    with pytest.raises(Invalid) as wrong:
        yard.switch()
    assert [found.code for found in wrong.value.problems] == ["directory.unit_changed_hands"]
    yard.changes = {PRIVATE: {"closed_on": MONDAY.date(), "successor": OUTSIDE, "address": None}}
    yard.switch()
    sent(yard, story)
    assert desk(yard, story) == [("delivery.unit.moved_organisation", p.CONTACT)]
    assert types(yard, PRIVATE) == types(yard, OUTSIDE) == []
