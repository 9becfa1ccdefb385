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
from uuid import uuid4

import pytest

from siphub.contract import Accepted
from siphub.errors import Invalid, Refused
from siphub.flow import directory as directories
from siphub.model import Agreement, Person
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import CoordinationNumber, PersonNumber, PersonRef, ReserveNumber, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import ending as e
from siphub.model.messages import meeting as m
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson, CoordinationNumberIdentity, PersonNumberIdentity, ReserveNumberIdentity
from siphub.policy.deadlines import deadlines
from siphub.testing import chapters
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
    assert case(yard, story).state == "REQUESTED"


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


MOTHER, FATHER = PersonRef("guardian/1"), PersonRef("guardian/2")
BOTH = c.GivenBy(kind="guardian", ground="both_guardians", guardians=(MOTHER, FATHER))


def of_two_guardians(yard: Yard, person: PersonNumber) -> Story:
    """Return a child's case in which both guardians have said yes and the units are called."""
    story = tale(yard, person)
    story.requested()
    chapters.approved(story, UNITS, [CasePerson(ref=MOTHER, name="Mona Mamma"), CasePerson(ref=FATHER, name="Frans Pappa")])
    yes(story, *UNITS, given_by=BOTH)
    story.summoned(UNITS)
    return story


def test_a_father_of_two_takes_back_the_one_childs_consent(yard: Yard) -> None:
    """Given siblings with the same guardians, when one guardian takes back the one child's consent, then the other child's plan goes on.

    What he has taken back the mother cannot give alone, unless she says why it cannot wait for him.
    """
    older, younger = of_two_guardians(yard, p.SUBJECT_NUMBER), of_two_guardians(yard, CHILD)
    sent(yard, older, younger)
    older.withdrawn(person=FATHER)
    sent(yard, older, younger)
    assert [case(yard, story).state for story in (older, younger)] == ["SUSPENDED_NO_CONSENT", "SUMMONED"]
    stops = [each["case_id"] for each in got(yard, p.HOME_CARE) if each["type"] == "stop.notice"]
    assert stops == [str(older.case_id)]
    alone = BOTH.model_copy(update={"guardians": (MOTHER,)})
    assert refused(lambda: yes(older, *UNITS, given_by=alone)) == "consent.guardian_missing"
    hindered = alone.model_copy(update={"ground": "other_hindered", "cannot_wait": "Utskrivning i morgon."})
    yes(older, *UNITS, given_by=hindered)
    assert case(yard, older).state == "PREPARING"


def test_a_child_comes_of_age_between_consent_and_meeting(yard: Yard) -> None:
    """Given guardians' consent for somebody who turns eighteen before the meeting, then on that day it ends, and her own word takes its place."""
    yard.clock.at = datetime(2036, 2, 20, 9, 0, tzinfo=UTC)
    story = of_two_guardians(yard, CHILD)
    sent(yard, story, days=9)
    assert case(yard, story).state == "SUMMONED"
    sent(yard, story, days=1)
    assert (case(yard, story).state, desk(yard, story)) == ("SUSPENDED_NO_CONSENT", [("consent.expired", p.CONTACT)])
    assert types(yard, p.CARE_CENTRE) == ["meeting.summoned", "stop.notice"]
    assert refused(lambda: yes(story, *UNITS, given_by=BOTH)) == "consent.not_a_child"
    yes(story, *UNITS)
    assert (case(yard, story).state, desk(yard, story)) == ("PREPARING", [])


def test_she_is_protected_while_ten_messages_wait(yard: Yard) -> None:
    """Given ten kallelser that wait, when she turns out to have a protected registration, then none leaves, and each is somebody's work."""
    story = tale(yard)
    story.ready(UNITS)
    for _ in range(5):
        story.summoned(UNITS)
    person = Person(identity=PersonNumberIdentity(value=ADULT), protection="protected_registration")
    story.say(rq.ParticipantsApproved(units=UNITS, approved_on=story.now.date(), approved_how="oral"), subject=person)
    sent(yard, story)
    assert desk(yard, story) == [("delivery.protected.not_cleared", p.CONTACT)] * 10
    assert types(yard, p.HOME_CARE) == types(yard, p.CARE_CENTRE) == []


def test_a_consent_that_names_one_agency_invites_no_other(yard: Yard) -> None:
    """Given a consent that names Försäkringskassan by its number, for thirteen days, then Arbetsförmedlingen hears nothing.

    Försäkringskassan asks to be phoned; when the consent has run out the new time does not reach it any more.
    """
    story = tale(yard)
    story.requested()
    story.consented(UNITS)
    yes(story, p.FORSAKRINGSKASSAN, valid_until=story.now + timedelta(days=13))
    story.approved((*UNITS, p.FK, p.AF))
    assert story.invited([p.FK, p.AF]).states == {p.FK: ("queued", None), p.AF: ("withheld", "basis.consent_missing")}
    sent(yard, story)
    story.responded(p.FK, "contact-us")
    assert desk(yard, story) == [("meeting.contact-us", p.CONTACT)]
    assert refused(lambda: story.responded(p.AF)) == "case.not_there"
    sent(yard, story, days=13)
    assert story.rescheduled((*UNITS, p.FK)).states[p.FK] == ("withheld", "basis.consent_expired")
    sent(yard, story)
    assert (types(yard, p.FK), types(yard, p.AF)) == (["meeting.invited", "stop.notice"], [])


@pytest.mark.parametrize(
    ("friday", "call_by", "pays_from"),
    [
        (datetime(2026, 10, 23, 9, 59, tzinfo=UTC), datetime(2026, 10, 26, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
        (datetime(2026, 10, 23, 10, 1, tzinfo=UTC), datetime(2026, 10, 26, 23, 0, tzinfo=UTC), datetime(2026, 10, 26, 23, 0, tzinfo=UTC)),
        (datetime(2027, 3, 26, 10, 59, tzinfo=UTC), datetime(2027, 3, 29, 22, 0, tzinfo=UTC), datetime(2027, 3, 28, 22, 0, tzinfo=UTC)),
        (datetime(2027, 3, 26, 11, 1, tzinfo=UTC), datetime(2027, 3, 29, 22, 0, tzinfo=UTC), datetime(2027, 3, 29, 22, 0, tzinfo=UTC)),
    ],
    ids=["October 11.59", "October 12.01", "March 11.59", "March 12.01"],
)
def test_ready_on_the_friday_before_the_clocks_change(yard: Yard, friday: datetime, call_by: datetime, pays_from: datetime) -> None:
    """Given a notice just before or after noon on the Friday before a change of the clocks, then both days end at midnight in Sweden."""
    yard.clock.at = friday
    story = chapters.of_the_region(tale(yard))
    chapters.admitted(story)
    chapters.ready_to_go_home(story, uuid4(), friday)
    due = {found.kind: found.due_at for found in deadlines(case(yard, story), yard.ground.directory(), friday)}
    assert due == {"kallelse": call_by, "payment": pays_from}


def test_the_plan_is_closed_while_its_revision_waits_for_a_word(yard: Yard) -> None:
    """Given a draft of the next version, when the plan is closed, then the word that comes late changes nothing, and each unit is told once."""
    story = tale(yard)
    story.ready(UNITS)
    story.summoned(UNITS)
    story.held(UNITS)
    story.proposed(UNITS)
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    story.established(UNITS)
    story.proposed(UNITS, 2)
    sent(yard, story)
    story.closed(UNITS)
    assert refused(lambda: story.confirmed(p.HOME_CARE, "a1", 2)) == "message.out_of_order"
    assert refused(lambda: chapters.revised(story, UNITS, UNITS)) == "case.wrong_state"
    sent(yard, story)
    assert [types(yard, unit)[-2:] for unit in UNITS] == [["plan.proposed", "stop.notice"]] * 2
    assert case(yard, story).state == "CLOSED"


def test_a_death_that_was_registered_by_mistake(yard: Yard) -> None:
    """Given a death that was none, then the case stays closed, the slip is somebody's work, and a new case for her goes its way."""
    story = tale(yard)
    story.ready(UNITS)
    story.summoned(UNITS)
    sent(yard, story)
    chapters.deceased(story)
    chapters.in_error(story, story.sent[-1])
    assert (case(yard, story).state, desk(yard, story)) == ("CLOSED", [("message.in_error", p.CONTACT)])
    assert refused(lambda: story.consented(UNITS)) == "case.wrong_state"
    sent(yard, story)
    anew = tale(yard)
    anew.ready(UNITS)
    anew.summoned(UNITS)
    sent(yard, anew)
    assert types(yard, p.HOME_CARE) == ["meeting.summoned", "stop.notice", "meeting.summoned"]


def test_it_is_read_before_it_is_received(yard: Yard) -> None:
    """Given a partner that answers later, when staff has read the kallelse before its system says that it came, then it is read, and stays so."""
    yard.answer(lambda _: Accepted())
    story = tale(yard)
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    kallelse = story.sent[-1].message_id
    sent(yard, story)
    seen = r.Read(message_id=kallelse, unit=p.HOME_CARE, at=story.now, reader_role="undersköterska")
    came = r.Received(message_id=kallelse, unit=p.HOME_CARE, at=story.now)
    for receipt in (seen, came):
        story.say(receipt, by=p.HOME_CARE)
        states = {row.message_type: row.state for row in yard.of_case(story.owner, story.case_id)}
        assert states["meeting.summoned"] == "read"


def test_two_units_have_changed_rooms(yard: Yard) -> None:
    """Given two kallelser that wait, when the two units' addresses are swapped, then nothing goes to either room before somebody has looked."""
    story = tale(yard)
    story.ready(UNITS)
    story.summoned(UNITS)
    one, other = (yard.address(unit) for unit in UNITS)
    yard.changes = {p.HOME_CARE: {"address": other}, p.CARE_CENTRE: {"address": one}}
    yard.switch()
    sent(yard, story)
    assert desk(yard, story) == [("delivery.address.unit_changed", p.CONTACT)] * 2
    assert types(yard, p.HOME_CARE) == types(yard, p.CARE_CENTRE) == []


@pytest.mark.parametrize("number", ["19900101+9802", "900101+9802", "9001019802"])
def test_a_number_without_its_century_is_never_completed(number: str) -> None:
    """Given a number as it is written for somebody over a hundred, or without its century, then it is refused, and a person fills it in."""
    with pytest.raises(ValueError, match="no personnummer is written like this"):
        PersonNumber(number)


@pytest.mark.parametrize(
    "identity",
    [
        CoordinationNumberIdentity(value=CoordinationNumber("199002709815")),
        ReserveNumberIdentity(value=ReserveNumber("17010101AA11")),
    ],
    ids=["samordningsnummer", "reservnummer"],
)
def test_somebody_without_a_personnummer(yard: Yard, identity: Any) -> None:
    """Given another number than a personnummer, then it arrives as it is, and so does every letter and sign of the agenda.

    When she gets a personnummer it is another person for the case, which is answered as not there (G15): a new case begins.
    """
    words = "Åsa och Zoë: e\u0301l, ö, 🧓🏽 — 2 ½ h"
    known = Person(identity=identity)
    story = tale(yard)
    story.send = lambda message: yard.send(message.model_copy(update={"subject": known if message.subject else None}))
    story.ready(UNITS)
    story.say(story.kallelse().model_copy(update={"agenda": (words,)}), UNITS)
    sent(yard, story)
    (kallelse,) = got(yard, p.HOME_CARE)
    assert kallelse["content"]["agenda"] == [words]
    assert kallelse["subject"]["identity"] == identity.model_dump()
    story.send = yard.send
    assert refused(lambda: story.rescheduled(UNITS)) == "case.not_there"


def test_another_coordinates_from_the_first_of_the_month(yard: Yard) -> None:
    """Given a coordinator from December, then the participants hear of it in November, and until then only the old one's unit ends the plan."""
    story = tale(yard)
    story.ready(UNITS)
    vera = story.convener.model_copy(update={"unit": p.CARE_CENTRE})
    story.summoned(UNITS)
    story.say(a.CoordinatorChanged(coordinator=vera, from_date=date(2026, 12, 1), agreed_with_individual=True), UNITS)
    sent(yard, story, days=1)
    assert types(yard, p.HOME_CARE) == ["meeting.summoned", "coordinator.changed"]
    theirs = Story(yard.send, case_id=story.case_id, contact=p.CARE_CENTRE, person=ADULT)
    assert refused(lambda: theirs.closed(UNITS)) == "plan.not_coordinator"
    sent(yard, story, days=7)
    assert refused(lambda: story.closed(UNITS)) == "plan.not_coordinator"
    theirs.closed(UNITS)
