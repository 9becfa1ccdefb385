"""What the source documents ask for and no other story tells: the request, the need, the kallelse and the plan, as the forms describe them.

Each test holds rows of docs/requirements.md. Paper is held by tests/unit/documents.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest

from siphub.errors import Conflict, Forbidden, Invalid
from siphub.flow import directory as directories
from siphub.flow import track
from siphub.flow.explain import foreseen
from siphub.model import Organisation, Unit
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.directory import OrganisationKind, UnitKind
from siphub.model.identifiers import UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import proposal as pr
from siphub.model.messages import request as rq
from siphub.model.person import StaffMember, UnitContact
from siphub.testing import chapters
from siphub.testing.chapters import BROTHER, SIBLINGS, SISTER
from siphub.testing.story import ALL, SECRECY_ASSESSED, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
VERA = UnitContact(name="Vera Vårdcentral", unit=p.CARE_CENTRE, phone="090-765 43 21", role="fast vårdkontakt")
BO = UnitContact(name="Bo Bistånd", unit=p.CONTACT, phone="090-123 45 99", role="biståndsbedömare")


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def desk_of(world: World, story: Story) -> list[str]:
    """Return what is to be done in a case."""
    return [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def sent_of(world: World, story: Story) -> list[str]:
    """Return the types of what the owner has sent in a case, as its own mailbox has them."""
    box = track.mailbox(world.hub.ground, world.caller(story.owner), str(story.case_id))
    return [found["message"]["type"] for found in box["sent"]]


def drafting(world: World, units: tuple[UnitId, ...] = UNITS) -> Story:
    """Return a case whose meeting was held."""
    story = world.story()
    story.ready(units)
    story.summoned(units)
    story.held(units)
    return story


def final(story: Story, units: tuple[UnitId, ...] = UNITS, **changed: object) -> object:
    """Propose the story's plan with something else in it, let every unit confirm it, and establish it."""
    plan = pl.Plan.model_validate({**dict(story.plan(units)), **changed})
    story.say(pl.PlanProposed(plan=plan), units)
    for found in plan.activities:
        if found.responsible.unit in units:
            story.confirmed(found.responsible.unit, found.id)
    return story.say(pl.PlanEstablished(plan=plan), units)


def need(story: Story, *, agrees: bool = True) -> None:
    """Say N1: a plan is needed, on the general rule."""
    content = rq.NeedAssessed(
        needed=True, assessed_by=story.eva, assessed_at=story.now, eligibility_basis="general", individual_agrees=agrees
    )
    story.say(content)


def ask(story: Story, kind: str = "individual", **more: object) -> Any:
    """Say R1, by somebody who may be reached by telephone."""
    requester = rq.Requester.model_validate({"kind": kind, "name": "Siv Provsdotter", "phone": "070-174 06 06"})
    fields = {"requester": requester, "receiving_unit": story.contact, "requested_on": story.now.date(), **more}
    return story.say(rq.SipRequested.model_validate(fields), [story.contact])


# ── the need and the initiative ──


@pytest.mark.req(3, 6, 8, 25, 45)
def test_the_need_and_the_agreement_are_on_record_before_there_is_a_plan(world: World) -> None:
    """Given a need that is assessed and agreed to, then who found it, on which basis, and who obtained the consent can be read before any plan."""
    story = world.story()
    story.requested()
    need(story)
    story.consented(UNITS)
    assessed = next(found for found in story.sent if found.type == "need.assessed")
    kept = track.message(world.hub.ground, world.caller(story.owner), str(assessed.message_id))["message"]["content"]
    assert (kept["assessed_by"]["name"], kept["eligibility_basis"], kept["individual_agrees"]) == ("Eva Kontakt", "general", True)
    case = case_of(world, story)
    assert (case.needed, case.plan) == (True, None)
    assert case.plan_consent is not None
    record = case.consents[0]
    assert (record.obtained_by_name, record.obtained_by, record.obtained_on) == ("Eva Kontakt", p.CONTACT, story.now.date())


@pytest.mark.req(7, 8)
def test_what_was_offered_and_declined_is_on_record_and_is_no_error(world: World) -> None:
    """Given a need the individual does not agree to, when the answer is no, then both are kept, nothing leaves, and nobody has work with it."""
    story = world.story()
    story.requested()
    need(story, agrees=False)
    story.refused()
    assert world.settled(story)
    assert case_of(world, story).state == "CONSENT_REFUSED"
    assert sent_of(world, story) == ["sip.requested", "need.assessed", "consent.refused"]
    assert [world.types(unit, story) for unit in UNITS] == [[], []]
    assert desk_of(world, story) == []


@pytest.mark.req(8, 30)
def test_a_huvudman_takes_the_initiative_and_the_other_hears_of_the_need_and_not_of_whom(world: World) -> None:
    """Given an initiative of the municipality, then the region's unit is told that a plan is needed, by whom, and nothing of the person."""
    story = world.story()
    assert chapters.initiated(story, p.CARE_CENTRE).states == {p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    assert world.types(p.CARE_CENTRE, story) == ["sip.initiated"]
    body = world.bodies(p.CARE_CENTRE, story)[0]
    assert b"Eva Kontakt" in body
    assert story.person.encode() not in body
    assert case_of(world, story).needed


@pytest.mark.req(29, 31)
def test_others_may_propose_and_are_answered_and_bind_nobody(world: World) -> None:
    """Given a proposal by an association, then it waits to be answered, the answer says that it came, and the contact may find no need."""
    story = world.story()
    proposer = pr.Proposer(kind="other", name="Anhörigföreningen", phone="090-11 22 33")
    story.say(pr.SipProposed(proposer=proposer, receiving_unit=p.CONTACT, proposed_on=story.now.date(), basis="general"), [p.CONTACT])
    assert not case_of(world, story).needed
    told = chapters.answered(story, [p.CARE_CENTRE], "decline").states
    assert told == {p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    assert b"decline" not in world.bodies(p.CARE_CENTRE, story)[0]
    content = rq.NeedAssessed(
        needed=False, assessed_by=story.eva, assessed_at=story.now, eligibility_basis="general", individual_agrees=True
    )
    story.say(content)
    assert case_of(world, story).state == "DECLINED_NO_NEED"


@pytest.mark.req(29, "relatives-initiative")
@pytest.mark.parametrize(("rule", "taken"), [("request", True), ("proposal", False)])
def test_whether_a_relative_may_ask_is_a_setting(make_world: Callable[..., World], rule: str, taken: bool) -> None:
    """Given the setting for relatives' requests, then a relative's request is taken, or refused with the advice to propose; a proposal always is."""
    with make_world(relative_requests=rule) as world:
        story = world.story()
        if taken:
            assert ask(story, "relative").states == {p.CONTACT: ("queued", None)}
        else:
            with pytest.raises(Invalid) as refused:
                ask(story, "relative")
            assert refused.value.code == "request.relative_proposes"
            assert ask(story, "individual").states == {p.CONTACT: ("queued", None)}
        proposer = pr.Proposer(kind="relative", name="Siv Provsdotter", phone="070-174 06 06")
        proposal = pr.SipProposed(proposer=proposer, receiving_unit=p.CONTACT, proposed_on=story.now.date(), basis="general")
        assert world.story().say(proposal, [p.CONTACT]).states == {p.CONTACT: ("queued", None)}


# ── the request ──


@pytest.mark.req(24, 28, 33, 35)
def test_a_request_reaches_the_contact_with_who_asks_and_who_wrote_it_down(world: World) -> None:
    """Given a request that staff wrote down, then the contact reads who asks and how to reach them, who wrote it, and which interpreter is needed."""
    story = world.story()
    ask(story, recorded_by=StaffMember(name="Bo Bistånd", unit=p.CONTACT), receiving_contact="Eva Kontakt", interpreter_language="finska")
    assert world.settled(story)
    body = world.bodies(p.CONTACT, story)[0].decode()
    for said in ("Siv Provsdotter", "070-174 06 06", "Bo Bistånd", "Eva Kontakt", "finska", story.person):
        assert said in body


@pytest.mark.req(28, 33)
def test_whoever_asks_can_be_reached() -> None:
    """Given a requester, then a telephone number or an e-mail address is enough, and neither is refused."""
    named = {"kind": "individual", "name": "Prov Provsdotter"}
    assert rq.Requester.model_validate({**named, "phone": "070-174 06 05"}).email is None
    assert rq.Requester.model_validate({**named, "email": "prov@example.org"}).phone is None
    with pytest.raises(ValueError, match="a telephone number or an e-mail address"):
        rq.Requester.model_validate(named)


# ── consent ──


@pytest.mark.req(42, 43)
def test_a_consent_that_is_not_in_the_journal_is_somebodys_work(world: World) -> None:
    """Given an oral consent that nobody has written into the journal, then it counts at once, and the coordinator is told; one with a reference not."""
    story = world.story()
    story.requested()
    story.consented(UNITS)
    assert "consent.undocumented" not in desk_of(world, story)
    known = next(found.content for found in story.sent if found.type == "consent.given")
    assert isinstance(known, c.ConsentGiven)
    story.say(known.model_copy(update={"document_ref": "journal 2026-17"}))
    story.say(known.model_copy(update={"documented_in_record": False}))
    assert "consent.undocumented" in desk_of(world, story)
    records = [(found.documented_in_record, found.document_ref) for found in case_of(world, story).consents]
    assert records == [(True, None), (True, "journal 2026-17"), (False, None)]
    story.approved(UNITS)
    assert set(story.summoned(UNITS).states.values()) == {("queued", None)}


@pytest.mark.req(15, 44)
def test_any_unit_of_the_huvudmen_in_the_case_takes_a_withdrawal_in_one_message(world: World) -> None:
    """Given an individual who tells home care, and not the coordinator, then one message without a reason stops everything at once."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.withdrawn(by=p.HOME_CARE)
    case = case_of(world, story)
    assert (case.state, case.grants) == ("SUSPENDED_NO_CONSENT", ())
    assert "reason" not in c.ConsentWithdrawn.model_fields


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


@pytest.mark.req(46, 60, 61, 62)
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


@pytest.mark.req(9)
def test_a_kallelse_rests_on_what_is_law_on_the_day_of_the_meeting(world: World) -> None:
    """Given a section that was replaced, when a kallelse rests on it, then it is refused; on the one in its place it is taken."""
    story = world.story()
    story.ready(UNITS)
    with pytest.raises(Invalid) as refused:
        story.say(full(story, duty_basis="SoL2:7"), UNITS)
    assert refused.value.code == "duty.basis_not_in_force"
    assert set(story.say(full(story, duty_basis="SoL10:8"), UNITS).states.values()) == {("queued", None)}


# ── the plan ──


@pytest.mark.req(5)
def test_units_of_one_organisation_make_a_plan(world: World) -> None:
    """Given a contact and home care of the same municipality and nobody else, then there is a plan, and home care has it."""
    story = drafting(world, (p.HOME_CARE,))
    final(story, (p.HOME_CARE,))
    assert world.settled(story)
    assert case_of(world, story).state == "ACTIVE"
    assert world.types(p.HOME_CARE, story)[-1] == "plan.established"


@pytest.mark.req(63)
def test_there_is_no_plan_before_the_meeting(world: World) -> None:
    """Given a meeting that is called and not held, when a plan is proposed, then it is refused; after the meeting it is taken."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    with pytest.raises(Conflict) as early:
        story.proposed(UNITS)
    assert early.value.code == "case.wrong_state"
    story.held(UNITS)
    assert set(story.proposed(UNITS).states.values()) == {("queued", None)}


@pytest.mark.req(64)
def test_of_two_drafts_written_at_once_the_second_is_refused(world: World) -> None:
    """Given two drafts of the same version, then the second is out of order, and its writer sends it as the next version."""
    story = drafting(world)
    story.proposed(UNITS)
    with pytest.raises(Conflict) as late:
        story.proposed(UNITS)
    assert late.value.code == "message.out_of_order"
    story.proposed(UNITS, version=2)
    assert case_of(world, story).plan.version == 2  # type: ignore[union-attr]  # it was proposed


@pytest.mark.req(1, 4, 20, 21, 23, 26, 69, 70, 71, 72, 73, 74, 75, 76, 78, 80, "plan-responsibility", "coordinator-appointed")
def test_a_plan_says_all_that_the_source_documents_ask_for(world: World) -> None:
    """Given a plan with needs, goals, everybody's activities and all who answer for it, then each unit reads the whole of it."""
    story = drafting(world)
    activities = (
        _activity(
            "a1", "Hemtjänst följer med till affären", "municipality", unit=p.HOME_CARE, ends_on=date(2027, 6, 30), follow_up="på mötet"
        ),
        _activity("a2", "Medicinöversyn", "region", unit=p.CARE_CENTRE),
        _activity("a3", "Cirkel i studieförbundet", "other", name="Studieförbundet"),
        _activity("a4", "Promenad varje dag", "individual"),
        _activity("a5", "Ringer på söndagar", "relative", name="Siv"),
    )
    final(
        story,
        activities=activities,
        needs=("Stöd att komma ut",),
        goals=(pl.Goal(id="g1", text="Handla själv igen, och gå på bio."),),
        main_responsible=pl.MainResponsible(name="Hanna Hemtjänst", unit=p.HOME_CARE),
        overall_responsible=pl.OverallResponsible(kind="municipality", organisation=p.MUNICIPALITY),
        coordinator=BO,
        coordinator_chosen_by="individual",
        care_contacts=(VERA, UnitContact(name="Lars Läkare", unit=p.HOSPITAL, phone="090-765 43 22", role="fast vårdkontakt")),
        questions_to=VERA,
    )
    assert world.settled(story)
    for unit in UNITS:
        assert world.types(unit, story)[-1] == "plan.established"
        body = world.bodies(unit, story)[-1].decode()
        said = (
            "Stöd att komma ut",
            "gå på bio",
            "Hanna Hemtjänst",
            "Bo Bistånd",
            "biståndsbedömare",
            "den enskilde",
            "Lars Läkare",
            "Vera Vårdcentral",
            "2027-06-30",
            "på mötet",
        )
        assert [words for words in (*said, *(found.what for found in activities)) if words not in body] == []
    assert case_of(world, story).coordinator == BO


def _activity(key: str, what: str, kind: str, *, ends_on: date | None = None, follow_up: str | None = None, **who: object) -> pl.Activity:
    responsible = pl.Responsible.model_validate({"kind": kind, **who})
    return pl.Activity(id=key, what=what, when="varje vecka", responsible=responsible, goals=("g1",), ends_on=ends_on, follow_up=follow_up)


LACKING: dict[str, dict[str, object]] = {
    "plan.coordinator_missing": {"coordinator": None},
    "plan.goals_missing": {
        "goals": (),
        "activities": (_activity("a1", "Stöd", "municipality", unit=p.HOME_CARE).model_copy(update={"goals": ()}),),
    },
    "plan.needs_missing": {"needs": ()},
    "plan.activity_without_goal": {
        "activities": (_activity("a1", "Stöd", "municipality", unit=p.HOME_CARE).model_copy(update={"goals": ()}),)
    },
    "plan.responsible": {"activities": (_activity("a1", "Stöd", "other"),)},
    "plan.overall_responsible": {"overall_responsible": pl.OverallResponsible(kind="region", organisation=p.MUNICIPALITY)},
}


@pytest.mark.req(4, 65, 66, 71, 72, 75, 78, 92)
@pytest.mark.parametrize("code", LACKING)
def test_a_draft_may_leave_open_what_a_plan_may_not(world: World, code: str) -> None:
    """Given a plan that lacks one thing, then it is taken as a draft and refused as the plan, with a code that says which."""
    story = drafting(world, (p.HOME_CARE,))
    with pytest.raises(Invalid) as refused:
        final(story, (p.HOME_CARE,), **LACKING[code])
    assert refused.value.code == code
    assert case_of(world, story).state == "IN_REVIEW"


@pytest.mark.req(66)
@pytest.mark.parametrize("unit", [p.FK, p.AF])
def test_an_agencys_staff_is_no_coordinator(world: World, unit: UnitId) -> None:
    """Given a plan whose coordinator works at an agency, then it is refused."""
    story = drafting(world, (p.HOME_CARE,))
    with pytest.raises(Invalid) as refused:
        final(story, (p.HOME_CARE,), coordinator=UnitContact(name="Filip Kassa", unit=unit, phone="0771-11 22 33"))
    assert refused.value.code == "plan.coordinator_missing"


@pytest.mark.req(77)
def test_no_agency_is_sent_a_plan(world: World) -> None:
    """Given Försäkringskassan, invited with consent to all there is, then the plan is withheld from it: it is no application."""
    story = world.story()
    everybody = (*UNITS, p.FK)
    story.ready(everybody)
    story.summoned(UNITS)
    story.invited([p.FK])
    story.held(UNITS)
    told = story.proposed(UNITS)
    assert set(told.states.values()) == {("queued", None)}
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    established = story.say(pl.PlanEstablished(plan=story.plan(UNITS)), everybody).states
    assert established[p.FK] == ("withheld", "basis.none")
    assert world.settled(story)
    assert world.types(p.FK, story) == ["meeting.invited"]


# ── the coordinator ──


@pytest.mark.req(17, 18, 65, 67, "coordinator-appointed")
def test_there_is_one_coordinator_at_a_time_and_who_was_it_before_is_kept(world: World) -> None:
    """Given a case without a coordinator, then its contact coordinates; when two are appointed after another, the last one does, and both are on record."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert case_of(world, story).coordinator is None
    assert case_of(world, story).coordinating_unit == p.CONTACT
    chapters.coordinated_by(story, p.HOME_CARE, UNITS)
    story.contact = p.HOME_CARE
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    case = case_of(world, story)
    assert (case.contact, case.coordinating_unit) == (p.CONTACT, p.CARE_CENTRE)
    box = track.mailbox(world.hub.ground, world.caller(story.owner), str(story.case_id))
    kept = [
        found["message"]["content"]["coordinator"]["unit"] for found in box["sent"] if found["message"]["type"] == "coordinator.changed"
    ]
    assert kept == [p.HOME_CARE, p.CARE_CENTRE]
    story.contact = p.CONTACT
    story.held(UNITS)
    with pytest.raises(Forbidden) as refused:
        story.proposed(UNITS)
    assert refused.value.code == "plan.not_coordinator"
