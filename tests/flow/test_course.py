"""The course of a case through the real flow: rebooked, followed up, handed over, gone astray, entered in error, ended (A7, U1 to U3, K7, A2, A3)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest

from siphub.errors import Conflict, Forbidden, Invalid, NotThere
from siphub.flow import directory as directories
from siphub.flow import notify, track
from siphub.model import Address, Agreement, Organisation, Unit
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.sandbox import Fault
from siphub.testing import chapters
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def desk_of(world: World, story: Story) -> list[str]:
    """Return what is to be done in a case."""
    return [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def active(world: World, units: tuple[UnitId, ...] = UNITS) -> Story:
    """Return a case with an established plan that every unit has."""
    story = world.story()
    story.ready(units)
    story.summoned(units)
    story.held(units)
    story.proposed(units)
    for index, unit in enumerate(units, start=1):
        story.confirmed(unit, f"a{index}")
    story.established(units)
    assert world.settled(story)
    assert case_of(world, story).state == "ACTIVE"
    return story


def test_a7_rebooked(world: World) -> None:
    """Given two acceptances and one partner that is down, when the meeting moves, then all are asked again and the old time reaches nobody late.

    Earlier answers are void; it is the same meeting with the next version, and no cancellation is sent.
    """
    units = (*UNITS, p.SOCIAL_SERVICES)
    story = world.story()
    world.sandbox.fault(PARTNERS[p.SOCIAL_SERVICES], Fault("status"))
    story.ready(units)
    story.summoned(units)
    assert until(lambda: all(world.states(story, "meeting.summoned")[unit] == "delivered" for unit in UNITS))
    for unit in UNITS:
        story.responded(unit)
    story.rescheduled(units)
    assert {found.state for found in case_of(world, story).meetings[0].participants} == {"SENT"}
    with pytest.raises(Conflict) as late:
        story.responded(p.HOME_CARE)
    assert late.value.code == "message.out_of_order"
    assert until(lambda: world.states(story, "meeting.summoned")[p.SOCIAL_SERVICES] in {"superseded", "recalled"})
    world.sandbox.clear()
    assert world.settled(story)
    assert world.types(p.SOCIAL_SERVICES, story) == ["meeting.rescheduled"]
    for unit in UNITS:
        assert world.types(unit, story) == ["meeting.summoned", "meeting.rescheduled"]
        ids = [set(re.findall(str(story.meeting_id).encode(), body)) for body in world.bodies(unit, story)]
        assert ids == [{str(story.meeting_id).encode()}] * 2
        assert b"avbokning" not in b"".join(world.bodies(unit, story))
    for unit in units:
        story.responded(unit, version=2)
    assert {found.state for found in case_of(world, story).meetings[0].participants} == {"ACCEPTED"}


@pytest.mark.req(83, 84, 85)
def test_a_plan_is_followed_up_and_goes_on(world: World) -> None:
    """Given an active plan, when it is followed up, then units report, are asked of their own part alone, and the next date stands."""
    story = active(world)
    chapters.followed_up(story, UNITS)
    assert case_of(world, story).state == "FOLLOW_UP"
    assert world.settled(story)
    assert b"a1" in world.bodies(p.HOME_CARE, story)[-1]
    assert b"<fraga" not in world.bodies(p.CARE_CENTRE, story)[-1]
    chapters.reported(story, p.HOME_CARE, "a1", "ongoing")
    story.responded(p.HOME_CARE)
    chapters.follow_up_held(story, UNITS)
    assert world.settled(story)
    case = case_of(world, story)
    assert case.state == "ACTIVE"
    assert case.plan is not None
    assert case.plan.follow_up_on == (story.now + timedelta(days=90)).date()
    assert [found.status for found in case.plan.activities] == ["ongoing", None]
    assert world.types(p.HOME_CARE, story)[-2:] == ["followup.summoned", "followup.held"]
    assert world.types(p.CONTACT, story)[-2:] == ["activity.status", "meeting.response"]


@pytest.mark.req(67, 86)
def test_only_the_coordinators_unit_calls_to_a_follow_up(world: World) -> None:
    """Given an active plan, when another unit calls to its follow-up, then it is refused (G6); a new coordinator's unit may, the old one not."""
    story = active(world)
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story)[-1] == "coordinator.changed"
    with pytest.raises(Forbidden) as refused:
        chapters.followed_up(story, UNITS)
    assert refused.value.code == "plan.not_coordinator"
    story.contact = p.CARE_CENTRE
    chapters.followed_up(story, UNITS)
    assert case_of(world, story).state == "FOLLOW_UP"


def test_a_follow_up_that_is_called_off_leaves_the_plan_as_it_is(world: World) -> None:
    """Given a follow-up, when it is called off, then the plan is active, and whoever was called gets the one stop notice."""
    story = active(world)
    chapters.followed_up(story, UNITS)
    assert world.settled(story)
    story.cancelled(UNITS)
    assert case_of(world, story).state == "ACTIVE"
    assert until(lambda: world.types(p.HOME_CARE, story)[-1] == "stop.notice")


@pytest.mark.req(86)
def test_a_follow_up_needs_the_consent_as_it_is_then(world: World) -> None:
    """Given an active plan, when the consent is withdrawn, then nobody can be called to a follow-up, and it resumes with a new consent (REQ-86)."""
    story = active(world)
    story.withdrawn()
    with pytest.raises((Conflict, Invalid)):
        chapters.followed_up(story, UNITS)
    story.consented(UNITS)
    story.approved(UNITS)
    assert case_of(world, story).state == "ACTIVE"
    chapters.followed_up(story, UNITS)
    assert case_of(world, story).state == "FOLLOW_UP"


def test_a_plan_that_is_revised_reaches_everybody_in_its_new_version(world: World) -> None:
    """Given an active plan, when it is revised, then each unit has the next version; a unit that lost its consent meanwhile has not."""
    story = active(world)
    story.withdrawn([p.CARE_CENTRE])
    assert world.settled(story)
    told = chapters.revised(story, UNITS, UNITS).states
    assert told[p.CARE_CENTRE][0] == "withheld"
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story)[-1] == "plan.revised"
    assert "plan.revised" not in world.types(p.CARE_CENTRE, story)


def test_a_message_gone_astray_comes_back_to_its_sender(world: World) -> None:
    """Given a kallelse to a unit that does not know the person, when it says so, then the delivery is rejected, with work for the sender (K7)."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    kallelse = story.sent[-1]
    chapters.misdirected(story, kallelse, p.HOME_CARE)
    assert world.states(story, "meeting.summoned")[p.HOME_CARE] == "rejected"
    assert "delivery.rejected.misdirected" in desk_of(world, story)
    assert world.settled(story)
    assert "message.misdirected" in world.types(p.CONTACT, story)
    with pytest.raises(NotThere):
        chapters.misdirected(story, kallelse, p.SOCIAL_SERVICES)


def test_a_sender_hears_that_its_message_went_astray_though_the_case_ends_meanwhile(world: World) -> None:
    """Given word of a misdirected kallelse that waits for its sender's partner, when the person has died, then it goes out all the same (K7)."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    world.sandbox.fault(PARTNERS[p.CONTACT], Fault("status"))
    chapters.misdirected(story, story.sent[-1], p.HOME_CARE)
    chapters.deceased(story)
    world.sandbox.clear()
    assert world.settled(story)
    assert "message.misdirected" in world.types(p.CONTACT, story)


@pytest.mark.req(39)
def test_a_message_passed_on_within_an_organisation_asks_for_a_consent(world: World) -> None:
    """Given a kallelse that home care passes on to a colleague unit, then nothing goes there before somebody has asked the individual (REQ-39)."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    chapters.forwarded(story, story.sent[-1], p.HOME_CARE, p.CONTACT)
    assert "participant.forwarded" in desk_of(world, story)
    with pytest.raises(Invalid) as other:
        chapters.forwarded(story, story.sent[-2], p.HOME_CARE, p.CARE_CENTRE)
    assert other.value.code == "forward.other_organisation"


def test_one_message_in_error_is_called_back_and_the_rest_stands(world: World) -> None:
    """Given a kallelse that should not have been, when its sender says so, then what waits is not sent and who was reached is told no more comes."""
    story = world.story()
    world.sandbox.fault(PARTNERS[p.CARE_CENTRE], Fault("status"))
    story.ready(UNITS)
    story.summoned(UNITS)
    assert until(lambda: world.states(story, "meeting.summoned")[p.HOME_CARE] == "delivered")
    chapters.in_error(story, story.sent[-1])
    assert until(lambda: world.states(story, "meeting.summoned")[p.CARE_CENTRE] in {"superseded", "withheld"})
    world.sandbox.clear()
    assert world.settled(story)
    assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])
    assert world.types(p.CARE_CENTRE, story) == []
    assert case_of(world, story).state == "SUMMONED"
    assert "message.in_error" in desk_of(world, story)


def test_a_case_in_error_is_void_and_stays_so(world: World) -> None:
    """Given a case that should never have been, when the coordinator's unit says so, then everybody is told, and nothing can be said in it."""
    story = active(world)
    chapters.in_error(story, story.sent[0], "case")
    assert case_of(world, story).state == "VOID"
    assert case_of(world, story).closed_at is not None
    for unit in UNITS:
        assert until(lambda unit=unit: world.types(unit, story)[-1] == "stop.notice")  # type: ignore[misc]  # the unit of this round
    with pytest.raises(Conflict):
        story.consented(UNITS)


def test_a_death_stops_everything_and_tells_nobody_why(world: World) -> None:
    """Given an active plan and a message that waits, when the person has died, then it is not sent, and the notice is the one of any other end."""
    story = active(world)
    world.sandbox.fault(PARTNERS[p.CARE_CENTRE], Fault("status"))
    chapters.revised(story, UNITS, UNITS)
    chapters.deceased(story)
    assert until(lambda: world.states(story, "plan.revised")[p.CARE_CENTRE] in {"superseded", "recalled", "withheld"})
    world.sandbox.clear()
    assert world.settled(story)
    assert "plan.revised" not in world.types(p.CARE_CENTRE, story)
    assert case_of(world, story).state == "CLOSED"
    assert until(lambda: world.types(p.HOME_CARE, story)[-1] == "stop.notice")
    assert "avliden" not in world.bodies(p.HOME_CARE, story)[-1].decode()


def test_a_request_taken_back_closes_the_case(world: World) -> None:
    """Given a request nobody has acted on, when the individual takes it back, then the case is closed, and nobody but the contact has heard of it."""
    story = world.story()
    story.requested()
    chapters.request_withdrawn(story)
    assert case_of(world, story).state == "CLOSED"
    assert world.settled(story)
    assert [world.types(unit, story) for unit in UNITS] == [[], []]


@pytest.mark.req(2)
def test_the_sender_hears_of_what_did_not_arrive(world: World) -> None:
    """Given a partner that refuses a kallelse, then its sender gets `delivery.failed` once, with a code and what to do (T4)."""
    story = world.story()
    world.sandbox.fault(PARTNERS[p.HOME_CARE], Fault("status", status=400))
    story.ready(UNITS)
    story.summoned(UNITS)
    assert until(lambda: world.states(story, "meeting.summoned")[p.HOME_CARE] == "rejected")
    assert until(lambda: world.types(p.CONTACT, story)[-1:] == ["delivery.failed"])
    assert world.settled(story)
    assert world.types(p.CONTACT, story).count("delivery.failed") == 1
    assert p.SUBJECT_NUMBER.encode() not in world.bodies(p.CONTACT, story)[-1]


def test_a_school_that_an_agreement_obliges_is_called_with_as_little_as_an_invited_party(world: World) -> None:
    """Given an agreement that binds a school, when it is called on it, then it gets a kallelse with the minimal fields, and only with consent.

    Called on the statute it has no duty, and a kallelse is not for it.
    """
    number, school = OrganisationNumber("8020009992"), UnitId("8020009992/skolan")
    base = world.directory()
    folder = world.folders / "skolan"
    folder.mkdir()
    agreement = Agreement(
        id="skolan-1", area="Barn", valid_from=p.DAY.replace(year=2020), parties=(p.REGION, p.MUNICIPALITY), binds=(school,)
    )
    wider = base.model_copy(
        update={
            "version": 2,
            "organisations": (*base.organisations, Organisation(number=number, name="Skolan", kind="school", public_label="Skolan")),
            "units": (
                *base.units,
                Unit(
                    id=school,
                    organisation=number,
                    name="Elevhälsan",
                    public_label="Skolan",
                    address=Address(adapter="folder", endpoint=str(folder)),
                ),
            ),
            "agreements": (*base.agreements, agreement),
        }
    )
    directories.switch(world.hub.ground, wider, by="test")
    story = world.story()
    story.ready((p.HOME_CARE, school))
    assert story.summoned((school,)).states[school] == ("withheld", "basis.none")
    kallelse = story.kallelse().model_copy(update={"duty_basis": "agreement:skolan-1", "agenda": ("Hemligt ämne",)})
    other = world.story()
    other.requested()
    other.consented((p.HOME_CARE,))
    other.approved((p.HOME_CARE, school))
    refused = other.say(kallelse.model_copy(update={"meeting": other.meeting()}), [school]).states
    assert refused[school] == ("withheld", "basis.consent_missing")
    story.cancelled([])
    story.meeting_id = uuid4()
    told = story.say(kallelse.model_copy(update={"meeting": story.meeting()}), [school, p.HOME_CARE]).states
    assert told == {school: ("queued", None), p.HOME_CARE: ("queued", None)}
    assert world.settled(story)
    document = next(json.loads(file.read_bytes()) for file in folder.glob("*.json"))
    assert document["type"] == "meeting.summoned"
    assert document["content"]["duty_basis"] == "agreement:skolan-1"
    assert set(document["content"]) == {"meeting", "purpose", "convener", "respond_by", "duty_holder", "duty_basis"}
    assert document["content"]["convener"]["name"] == "Norrby kommun"
    assert "Hemligt" not in json.dumps(document, ensure_ascii=False)
    places = {found.unit: found.duty for found in case_of(world, story).meetings[-1].participants}
    assert places == {school: True, p.HOME_CARE: True}


def test_the_word_that_something_did_not_arrive_is_no_message_to_tell_of_in_turn(world: World) -> None:
    """Given a sender that cannot be told either, then it is told once, a person has the rest, and the hub does not go on about its own words."""
    story = world.story()
    world.sandbox.fault(PARTNERS[p.CONTACT], Fault("status", status=400))
    story.requested()
    assert until(lambda: world.states(story, "delivery.failed").get(p.CONTACT) == "rejected")
    assert notify.tell_failures(world.hub.ground) == 0
    assert [row.message_type for row in world.deliveries(story)].count("delivery.failed") == 1
