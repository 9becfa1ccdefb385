"""What the source documents ask for before anybody is called: the need, the initiative, the request and the consent.

Each test holds rows of docs/requirements.md. Paper is held by tests/unit/documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from siphub.errors import Invalid
from siphub.flow import track
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.messages import consent as c
from siphub.model.messages import proposal as pr
from siphub.model.messages import request as rq
from siphub.model.person import NetworkContact, StaffMember
from siphub.testing import chapters
from siphub.testing.story import CANARY, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)


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


def need(story: Story, basis: str = "general", *, agrees: bool = True) -> None:
    """Say N1: a plan is needed."""
    said = {"assessed_by": story.eva, "assessed_at": story.now, "eligibility_basis": basis, "individual_agrees": agrees}
    story.say(rq.NeedAssessed.model_validate({"needed": True, **said}))


def ask(story: Story, kind: str = "individual", **more: object) -> Any:
    """Say R1, by somebody who may be reached by telephone."""
    requester = rq.Requester.model_validate({"kind": kind, "name": "Siv Provsdotter", "phone": "070-174 06 06"})
    fields = {"requester": requester, "receiving_unit": story.contact, "requested_on": story.now.date(), **more}
    return story.say(rq.SipRequested.model_validate(fields), [story.contact])


# ── the need and the initiative ──


@pytest.mark.req(3, 6, 8, 25, 45)
@pytest.mark.parametrize("basis", ["general", "discharge", "local"])
def test_the_need_and_the_agreement_are_on_record_before_there_is_a_plan(world: World, basis: str) -> None:
    """Given a need that is assessed and agreed to, then who found it, on which basis, and who obtained the consent can be read before any plan."""
    story = world.story()
    story.requested()
    need(story, basis)
    story.consented(UNITS)
    assessed = next(found for found in story.sent if found.type == "need.assessed")
    kept = track.message(world.hub.ground, world.caller(story.owner), str(assessed.message_id))["message"]["content"]
    assert (kept["assessed_by"]["name"], kept["eligibility_basis"], kept["individual_agrees"]) == ("Eva Kontakt", basis, True)
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


@pytest.mark.req(8, 29, 30)
@pytest.mark.parametrize("theirs", ["municipality", "region"])
def test_a_huvudman_takes_the_initiative_and_the_other_hears_of_the_need_and_not_of_whom(world: World, theirs: str) -> None:
    """Given an initiative of either huvudman, then the other's unit is told that a plan is needed, by whom, and nothing of the person."""
    story = world.story() if theirs == "municipality" else chapters.of_the_region(world.story())
    other = p.CARE_CENTRE if theirs == "municipality" else p.CONTACT
    assert chapters.initiated(story, other).states == {other: ("queued", None)}
    assert world.settled(story)
    assert world.types(other, story) == ["sip.initiated"]
    body = world.bodies(other, story)[0]
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


@pytest.mark.req(15, 24, 28, 30, 33, 35)
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


@pytest.mark.req(41)
def test_that_a_plan_is_made_is_consented_to_by_itself(world: World) -> None:
    """Given a yes to the meeting and the exchange of information, then there is a meeting and no plan, until there is a yes to that too."""
    story = world.story()
    story.ready(UNITS, ("meeting", "information_exchange"))
    assert set(story.summoned(UNITS).states.values()) == {("queued", None)}
    story.held(UNITS)
    with pytest.raises(Invalid) as refused:
        story.proposed(UNITS)
    assert refused.value.code == "plan.no_consent"
    story.consented(UNITS, ("plan",))
    assert set(story.proposed(UNITS).states.values()) == {("queued", None)}


@pytest.mark.req(39)
def test_a_unit_that_is_added_is_consented_to_before_it_is_told_anything(world: World) -> None:
    """Given a meeting, when a unit is added that the consent does not name, then it hears nothing until the consent is amended."""
    story = world.story()
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    story.approved(UNITS)
    assert story.summoned([p.CARE_CENTRE]).states == {p.CARE_CENTRE: ("withheld", "basis.consent_missing")}
    added = (c.Party(party=p.CARE_CENTRE),)
    story.say(c.ConsentAmended(add_parties=added, obtained_by=story.eva, obtained_on=story.now.date()))
    story.approved(UNITS)
    assert story.summoned([p.CARE_CENTRE]).states == {p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    assert world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]


@pytest.mark.req(48, 49)
def test_the_map_of_the_network_reaches_the_contact_and_calls_nobody(world: World) -> None:
    """Given a map of who is around the individual, then the contact alone reads it, names nobody who has not agreed, and no one on it is called."""
    story = world.story()
    network = (
        NetworkContact(kind="person", name=CANARY, phone="070-174 06 99", relation="mellansyster", wanted_at_meeting="yes"),
        NetworkContact(kind="organisation", organisation="Hemtjänsten", role="stöd i hemmet", wanted_at_meeting="yes"),
    )
    ask(story, network=network)
    story.consented(UNITS)
    story.say(rq.ParticipantsApproved(units=(p.CARE_CENTRE,), approved_on=story.now.date(), approved_how="oral", network=network))
    assert story.summoned(UNITS).states == {p.HOME_CARE: ("withheld", "participant.not_approved"), p.CARE_CENTRE: ("queued", None)}
    assert world.settled(story)
    [request] = world.bodies(p.CONTACT, story)
    assert b"mellansyster" in request
    assert not [word for word in (CANARY, "070-174 06 99") if word.encode() in request]
    assert not [body for unit in UNITS for body in world.bodies(unit, story) if b"mellansyster" in body]


@pytest.mark.req(36, 90)
def test_the_preparation_is_shown_to_those_it_is_shared_with_and_to_nobody_else(world: World) -> None:
    """Given a yes to sharing the preparation with home care alone, then its kallelse says where that is kept, and the care centre's does not.

    When the individual takes that scope back, the next kallelse says it to nobody, and nothing is called off.
    """
    story = world.story()
    story.requested()
    story.consented(UNITS)
    story.consented((p.HOME_CARE,), ("preparation",))
    story.approved(UNITS)
    kallelse = story.kallelse().model_copy(update={"preparation_ref": CANARY})
    assert set(story.say(kallelse, UNITS).states.values()) == {("queued", None)}
    assert world.settled(story)
    assert {unit: any(CANARY.encode() in body for body in world.bodies(unit, story)) for unit in UNITS} == {
        p.HOME_CARE: True,
        p.CARE_CENTRE: False,
    }
    story.say(c.ConsentAmended(remove_scopes=("preparation",), obtained_by=story.eva, obtained_on=story.now.date()))
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story) == ["meeting.summoned"]
    story.say(kallelse, UNITS)
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story) == ["meeting.summoned"] * 2
    assert sum(CANARY.encode() in body for unit in UNITS for body in world.bodies(unit, story)) == 1
