"""What a route says: what it is about, whose it is, as what it is got, and where it goes on which day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from siphub.model import Address, Directory
from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.model.samples import sample
from siphub.policy.routing import Route, about, address_of, route
from siphub.testing.desk import Desk, wide_directory
from siphub.testing.story import SECRECY_ASSESSED

HERE = Address(adapter="folder", endpoint="here")
THERE = Address(adapter="folder", endpoint="there")
POST = Address(adapter="letter", endpoint="post")
SUCCESSOR = UnitId("SE2120009994-1003")
STRANGER = UnitId("SE2120009994-9999")
INDIVIDUAL = PersonRef("individual")
CLOSES = p.DAY + timedelta(days=1)
"""The day from which home care is closed."""


def closing(successor: UnitId | None = SUCCESSOR) -> Directory:
    """Return the directory with home care closed from tomorrow, and who takes over, and a place for the municipality's letters."""
    base = wide_directory()
    old = base.unit(p.HOME_CARE)
    assert old is not None
    new = old.model_copy(update={"id": SUCCESSOR, "name": "Hemtjänsten norr", "address": THERE})
    ending = {"closed_on": CLOSES, "successor": successor, "address": HERE}
    units = (*(found.model_copy(update=ending) if found.id == p.HOME_CARE else found for found in base.units), new)
    posting = tuple(found.model_copy(update={"letters": POST} if found.number == p.MUNICIPALITY else {}) for found in base.organisations)
    return base.model_copy(update={"units": units, "organisations": posting})


@pytest.mark.parametrize(
    ("name", "meeting", "version"),
    [
        ("meeting.invited", "meeting.id", "meeting.version"),
        ("meeting.rescheduled", "meeting.id", "meeting.version"),
        ("meeting.held", "meeting_id", "meeting_version"),
        ("followup.summoned", "meeting.id", "meeting.version"),
        ("followup.held", "meeting_id", "meeting_version"),
        ("meeting.reminder", "meeting_id", "meeting_version"),
        ("plan.revised", "plan.id", "plan.version"),
        ("splptlrv.established", "plan_id", "version"),
        ("lss.established", "plan_id", "version"),
        ("stop.notice", "about_id", "about_version"),
    ],
)
def test_what_a_message_is_about(name: str, meeting: str, version: str) -> None:
    """Given each kind of message, then it is about the meeting or the plan that it names, in that version."""
    message = sample(name)

    def at(path: str) -> object:
        found: object = message.content
        for step in path.split("."):
            found = getattr(found, step)
        return found

    assert at(meeting) is not None
    assert about(message) == (at(meeting), at(version))


@pytest.mark.parametrize("name", ["sip.requested", "consent.given", "message.forwarded"])
def test_some_messages_are_about_neither_meeting_nor_plan(name: str) -> None:
    """Given a message that names neither, then it is about nothing that has versions."""
    assert about(sample(name)) is None


@pytest.mark.parametrize(
    ("day", "address"),
    [(None, HERE), (p.DAY, HERE), (CLOSES, THERE), (CLOSES + timedelta(days=30), THERE)],
    ids=["any", "before", "from", "later"],
)
def test_whoever_takes_over_is_reached_from_its_day(day: date | None, address: Address) -> None:
    """Given a unit that closes tomorrow, then it is reached at its own address today, and its successor from tomorrow; asked of no day, its own."""
    assert address_of(p.HOME_CARE, p.MUNICIPALITY, closing(), day) == address


def test_a_person_is_reached_by_the_owners_letters() -> None:
    """Given the individual, then the owner's place for letters is the address; without one, or without an owner that is known, there is none."""
    assert address_of(INDIVIDUAL, p.MUNICIPALITY, closing()) == POST
    assert address_of(INDIVIDUAL, p.REGION, closing()) is None
    assert address_of(INDIVIDUAL, "2120009999", closing()) is None
    assert address_of(STRANGER, p.MUNICIPALITY, closing()) is None


def told(desk: Desk, unit: str, *, days: int = 0) -> Route:
    """Return the route of the newest message to somebody, so many days on."""
    return route(desk.story.sent[-1], unit, desk.open, desk.directory, desk.now + timedelta(days=days))


def test_a_call_goes_to_the_successor_from_its_day_and_to_the_unit_before(prepared: Desk) -> None:
    """Given a unit that closes tomorrow, then today's kallelse is its own, and tomorrow's its successor's."""
    prepared.directory = closing()
    prepared.story.summoned([p.HOME_CARE], SECRECY_ASSESSED)
    today, tomorrow = told(prepared, p.HOME_CARE), told(prepared, p.HOME_CARE, days=1)
    assert (today.recipient, today.state, today.address) == (p.HOME_CARE, "queued", HERE)
    assert (tomorrow.recipient, tomorrow.state, tomorrow.address) == (SUCCESSOR, "queued", THERE)


def test_a_unit_that_closes_for_good_is_reached_until_then(prepared: Desk) -> None:
    """Given a unit that closes tomorrow and nobody takes over, then it is reached today, and from tomorrow somebody must act."""
    prepared.directory = closing(successor=None)
    prepared.story.summoned([p.HOME_CARE], SECRECY_ASSESSED)
    assert (told(prepared, p.HOME_CARE).state, told(prepared, p.HOME_CARE).reason) == ("queued", None)
    gone = told(prepared, p.HOME_CARE, days=1)
    assert (gone.recipient, gone.organisation, gone.state, gone.reason) == (p.HOME_CARE, p.MUNICIPALITY, "held", "unit.closed")


def test_whose_a_recipient_is(prepared: Desk) -> None:
    """Given a person, a unit, one that another organisation runs under its old number, and one nobody knows, then each route says whose it is."""
    elsewhere = tuple(
        found.model_copy(update={"organisation": p.REGION}) if found.id == p.HOME_CARE else found for found in wide_directory().units
    )
    prepared.directory = wide_directory().model_copy(update={"units": elsewhere})
    prepared.story.summoned([p.HOME_CARE])
    assert told(prepared, INDIVIDUAL).organisation == prepared.open.owner
    assert told(prepared, p.CARE_CENTRE).organisation == p.REGION
    assert told(prepared, p.HOME_CARE).organisation == p.REGION
    assert told(prepared, STRANGER).organisation == p.MUNICIPALITY
    assert told(prepared, str(STRANGER)).organisation == ""


def test_as_what_somebody_gets_it(prepared: Desk) -> None:
    """Given whom a rule is for, whom none is for, and whom nobody knows, then the route names the rule's kind, their own, and `outside`."""
    prepared.story.summoned([p.HOME_CARE])
    assert told(prepared, p.HOME_CARE).kind == "duty"
    assert told(prepared, p.FK).kind == "agency"
    assert told(prepared, STRANGER).kind == "outside"


def test_a_person_without_a_place_for_letters_waits_for_somebody(prepared: Desk) -> None:
    """Given a kallelse to the individual, when the owner has nowhere to leave letters, then it is held for that; with a place it is queued."""
    prepared.story.summoned([p.HOME_CARE])
    assert (told(prepared, INDIVIDUAL).state, told(prepared, INDIVIDUAL).reason) == ("held", "address.letters_none")
    prepared.directory = closing()
    assert (told(prepared, INDIVIDUAL).state, told(prepared, INDIVIDUAL).address) == ("queued", POST)


@pytest.mark.parametrize(("response", "state"), [("accept", "queued"), ("tentative", "withheld")])
def test_what_an_agency_answers_decides_what_its_answer_rests_on(desk: Desk, response: str, state: str) -> None:
    """Given a consent to an agency and not from it, then its yes reaches the convener, and a perhaps, which says more, does not."""
    desk.story.requested()
    given = sample("consent.given").content.model_copy(
        update={
            "scopes": ("meeting", "information_exchange", "invite"),
            "parties": (c.Party(party=p.FK, direction="to"),),
            "given_by": desk.story.own_word,
            "obtained_by": desk.story.eva,
        }
    )
    desk.story.say(given)
    desk.story.approved([p.FK])
    desk.story.invited([p.FK])
    answer = m.MeetingResponse.model_validate(
        {"meeting_id": desk.story.meeting_id, "meeting_version": 1, "response": response, "responder": {"name": "Fia", "role": "utredare"}}
    )
    desk.story.say(answer, [p.CONTACT], by=p.FK)
    assert told(desk, p.CONTACT).state == state


def test_protected_staff_with_a_stand_in_hold_nothing(prepared: Desk) -> None:
    """Given a protected convener whose organisation has a switchboard, then the kallelse is queued, with or without the case knowing of them before."""
    numbered = tuple(found.model_copy(update={"phone": "090-000 00 00"}) for found in wide_directory().organisations)
    prepared.directory = wide_directory().model_copy(update={"organisations": numbered})
    shielded = prepared.story.convener.model_copy(update={"protection": "confidentiality_flag"})
    prepared.story.say(prepared.story.kallelse().model_copy(update={"convener": shielded}), (p.HOME_CARE, p.SOCIAL_SERVICES))
    assert prepared.open.shielded
    assert [(found.state, found.reason) for found in prepared.last.routes] == [("queued", None)] * 2
