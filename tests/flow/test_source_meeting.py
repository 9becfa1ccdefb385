"""What the source documents ask for of the meeting: who takes part, what a kallelse says, and how the individual takes part.

Each test holds rows of docs/requirements.md. Paper is held by tests/unit/documents.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest

from siphub.errors import Invalid
from siphub.flow import directory as directories
from siphub.flow import track
from siphub.flow.explain import foreseen
from siphub.model import Organisation, Unit
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.directory import OrganisationKind, UnitKind
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import request as rq
from siphub.model.person import UnitContact
from siphub.testing import chapters
from siphub.testing.chapters import BROTHER, SIBLINGS, SISTER
from siphub.testing.story import ALL, SECRECY_ASSESSED, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
BO = UnitContact(name="Bo Bistånd", unit=p.CONTACT, phone="090-123 45 99", role="biståndsbedömare")


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def desk_of(world: World, story: Story) -> list[str]:
    """Return what is to be done in a case."""
    return [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def ask(story: Story, kind: str = "individual", **more: object) -> Any:
    """Say R1, by somebody who may be reached by telephone."""
    requester = rq.Requester.model_validate({"kind": kind, "name": "Siv Provsdotter", "phone": "070-174 06 06"})
    fields = {"requester": requester, "receiving_unit": story.contact, "requested_on": story.now.date(), **more}
    return story.say(rq.SipRequested.model_validate(fields), [story.contact])


# ── who takes part ──


@pytest.mark.req(48, 50, 51)
def test_nobody_is_called_whom_the_individual_has_not_chosen(world: World) -> None:
    """Given a consent to two units, when the individual chooses one, then just that one may be called; another list for another individual."""
    mine, theirs = world.story(), world.story()
    for story, chosen in ((mine, p.HOME_CARE), (theirs, p.CARE_CENTRE)):
        story.requested()
        story.consented(UNITS)
        story.approved([chosen])
        told = story.summoned(UNITS).states
        assert told[chosen] == ("queued", None)
        assert [told[unit] for unit in UNITS if unit != chosen] == [("withheld", "participant.not_approved")]


@pytest.mark.req(27, 49, 52)
def test_a_dozen_units_may_come_and_whoever_calls_them_is_asked_whether_all_are_needed(world: World) -> None:
    """Given twelve units, when they are called, then each has its copy and its own place, and the dry run asks whether all are needed."""
    whole = world.directory()
    more = tuple(UnitId(f"SE2120009994-11{number:02}") for number in range(10))
    fields = {"organisation": p.MUNICIPALITY, "public_label": "Norrby kommun"}
    added = tuple(
        Unit.model_validate({**fields, "id": unit, "name": f"Enhet {unit[-2:]}", "address": world.address(unit)}) for unit in more
    )
    directories.switch(world.hub.ground, whole.model_copy(update={"units": (*whole.units, *added)}), by="test")
    story = world.story()
    units = (*UNITS, *more)
    story.ready(units)
    kallelse = story.message(story.kallelse().model_copy(update={"participating_units": units}), units)
    assert "meeting.many_participants" in [found.code for found in foreseen(world.hub.ground, kallelse).cautions]
    few = story.message(story.kallelse(), UNITS)
    assert "meeting.many_participants" not in [found.code for found in foreseen(world.hub.ground, few).cautions]
    assert set(world.send(kallelse).states.values()) == {("queued", None)}
    assert world.settled(story)
    assert len(case_of(world, story).meetings[0].participants) == 12
    assert list(world.states(story, "meeting.summoned").values()) == ["delivered"] * 12
    assert [world.types(unit, story) for unit in more] == [["meeting.summoned"]] * 10


@pytest.mark.req(16, 47, "relatives-presence")
@pytest.mark.parametrize(("rule", "state"), [("opt_in", "withheld"), ("not_objecting", "queued")])
def test_whether_a_relative_nobody_chose_may_come_is_a_setting(make_world: Callable[..., World], rule: str, state: str) -> None:
    """Given a relative the individual neither chose nor objected to, then the setting decides whether they are invited; an objection always wins."""
    with make_world(relatives=rule) as world:
        story = world.story()
        story.requested()
        story.consented(UNITS)
        unasked = tuple(found.model_copy(update={"chosen": False}) for found in SIBLINGS)
        chapters.approved(story, UNITS, unasked)
        chapters.consented_for(story, SISTER, ("meeting",))
        story.summoned(UNITS)
        content = m.MeetingInvited(
            meeting=story.meeting(), purpose="sip", convener=story.convener, respond_by=story.now + timedelta(days=7)
        )
        told = story.say(content, [SISTER, BROTHER]).states
        assert (told[SISTER][0], told[BROTHER]) == (state, ("withheld", "person.not_in_case"))


@pytest.mark.req(11, 22)
def test_the_directory_knows_every_kind_of_unit_and_organisation(world: World) -> None:
    """Given an organisation of each kind and a unit of each kind, when the directory is switched, then each is what it was said to be."""
    whole = world.directory()
    numbers = ("5560360793", "5566778899", "5564300142", "2021003054", "5567037485", "5561034249")
    organisations = tuple(
        Organisation.model_validate({"number": number, "name": kind, "kind": kind, "public_label": kind})
        for number, kind in zip(numbers, get_args(OrganisationKind), strict=True)
    )
    units = tuple(
        Unit(id=UnitId(f"SE2120009994-12{number:02}"), organisation=p.MUNICIPALITY, name=kind, public_label="Norrby kommun", kind=kind)
        for number, kind in enumerate(get_args(UnitKind))
    )
    changed = {"organisations": (*whole.organisations, *organisations), "units": (*whole.units, *units)}
    directories.switch(world.hub.ground, whole.model_copy(update=changed), by="test")
    known = world.hub.ground.directory()
    assert [found.kind for found in map(known.organisation, numbers) if found] == list(get_args(OrganisationKind))
    assert [found.kind for found in (known.unit(unit.id) for unit in units) if found] == list(get_args(UnitKind))


@pytest.mark.req("discharge-initiator")
@pytest.mark.parametrize("kind", ["primary_care", "psychiatry"])
def test_the_fasta_vardkontakten_is_in_whatever_open_care_the_notice_names(world: World, kind: str) -> None:
    """Given a notice that names a unit of primary care, or of open psychiatric care, then that one calls by LUS, and no other of the region's."""
    whole = world.directory()
    units = tuple(found.model_copy(update={"kind": kind}) if found.id == p.CARE_CENTRE else found for found in whole.units)
    directories.switch(world.hub.ground, whole.model_copy(update={"units": units}), by="test")
    story = chapters.of_the_region(world.story())
    chapters.admitted(story)
    chapters.ready_to_go_home(story, uuid4(), story.now)
    told = chapters.summoned_at_discharge(story, [p.CONTACT], basis=SECRECY_ASSESSED).states
    assert told == {p.CONTACT: ("queued", None)}


# ── the kallelse ──


def full(story: Story, **changed: object) -> m.MeetingSummoned:
    """Return a kallelse that says all that the leaflet has lines for."""
    said = {
        **dict(story.kallelse()),
        "convener": story.convener,
        "coordinator": BO,
        "participating_units": UNITS,
        "interpreter_language": "finska",
        "evaluation_on": date(2027, 3, 1),
        "relatives_present": 1,
        "individual_attendance": "attends",
    }
    return m.MeetingSummoned.model_validate({**said, **changed})


@pytest.mark.req(18, 19, 24, 53, 54, 55, 56, 58, 59, 60, "coordinator-appointed")
def test_a_kallelse_says_what_the_leaflet_has_lines_for(world: World) -> None:
    """Given a kallelse with all of it, then a unit reads when and where, contact person, coordinator, units, interpreter, evaluation and company."""
    story = world.story()
    story.ready(UNITS)
    story.say(full(story), UNITS)
    assert world.settled(story)
    body = world.bodies(p.HOME_CARE, story)[0].decode()
    for said in ("Stadshuset, rum 3", "Eva Kontakt", "090-123 45 67", "Bo Bistånd", "090-123 45 99", *UNITS, "finska", "2027-03-01"):
        assert said in body
    assert case_of(world, story).coordinator is None
    assert case_of(world, story).meetings[0].evaluation_on == date(2027, 3, 1)


@pytest.mark.req(57)
@pytest.mark.parametrize("kind", ["home", "other", "video"])
def test_the_meeting_is_where_the_individual_wants_it(world: World, kind: str) -> None:
    """Given a meeting at home, elsewhere or by video, then the kallelse says which, and no field of it holds an address of the individual."""
    story = world.story()
    story.ready(UNITS)
    place = m.Place.model_validate({"kind": kind, "text": "Biblioteket" if kind == "other" else None})
    story.say(full(story, meeting=story.meeting().model_copy(update={"place": place})), UNITS)
    assert world.settled(story)
    word = {"home": "hemma", "other": "annan", "video": "video"}[kind]
    assert word in world.bodies(p.HOME_CARE, story)[0].decode().lower()


@pytest.mark.req(15, 46, 60, 61, 62)
def test_an_individual_who_stays_away_has_said_yes_to_that_and_told_what_they_want(world: World) -> None:
    """Given an individual who will not come, then it takes a consent of its own, and somebody is told where nothing was prepared."""
    story = world.story()
    ask(story)
    story.consented(UNITS)
    story.approved(UNITS)
    with pytest.raises(Invalid) as refused:
        story.say(full(story, individual_attendance="absent_consented"), UNITS)
    assert refused.value.code == "meeting.absence_not_consented"
    story.consented(UNITS, (*ALL, "meeting_in_absence"))
    story.say(full(story, individual_attendance="absent_consented"), UNITS)
    assert "meeting.absent_unprepared" in desk_of(world, story)
    prepared = world.story()
    prepared.ready(UNITS, (*ALL, "meeting_in_absence"))
    prepared.say(full(prepared, individual_attendance="absent_consented"), UNITS)
    assert "meeting.absent_unprepared" not in desk_of(world, prepared)


@pytest.mark.req(24, 60, 62)
@pytest.mark.parametrize(("individual", "consented"), [("present", True), ("represented_by", True), ("absent_consented", False)])
def test_how_the_individual_took_part_is_told_after_the_meeting(world: World, individual: str, consented: bool) -> None:
    """Given a meeting, then whether the individual was there, or represented, and had an interpreter is told; absence only with a consent to it."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    held = {"meeting_id": story.meeting_id, "meeting_version": 1, "held_on": story.now.date(), "attended_units": UNITS, "outcome": "plan"}
    content = m.MeetingHeld.model_validate({**held, "individual": individual, "interpreter_used": True})
    if not consented:
        with pytest.raises(Invalid) as refused:
            story.say(content, UNITS)
        assert refused.value.code == "meeting.absence_not_consented"
        return
    story.say(content, UNITS)
    assert world.settled(story)
    body = world.bodies(p.HOME_CARE, story)[-1].decode()
    assert {"present": "närvarande", "represented_by": "företräddes"}[individual] in body
    assert "<tolkAnlitades>true</tolkAnlitades>" in body


@pytest.mark.req(9)
def test_a_kallelse_rests_on_what_is_law_on_the_day_of_the_meeting(world: World) -> None:
    """Given a section that was replaced, when a kallelse rests on it, then it is refused; on the one in its place it is taken."""
    story = world.story()
    story.ready(UNITS)
    with pytest.raises(Invalid) as refused:
        story.say(full(story, duty_basis="SoL2:7"), UNITS)
    assert refused.value.code == "duty.basis_not_in_force"
    assert set(story.say(full(story, duty_basis="SoL10:8"), UNITS).states.values()) == {("queued", None)}
