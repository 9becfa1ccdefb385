"""The acceptance stories that the spine carries, through the real flow: intake, store, bells, claim, TLS, partners' ledgers."""

from __future__ import annotations

import re
import threading
from functools import partial

import pytest

from siphub.contract import Submission
from siphub.errors import Conflict, Invalid
from siphub.flow import track
from siphub.model import Message
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.story import CANARY, SECRECY_ASSESSED, Story, until
from siphub.testing.world import PARTNERS, World

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


@pytest.mark.req(1, 42, 52, 76, 79)
def test_a1_short_a_plan_made_together(world: World) -> None:
    """Given a request and an oral consent, when three units are called, one wants a new time and all confirm, then the plan reaches them all."""
    story = world.story()
    story.ready(UNITS)
    assert set(story.summoned(UNITS).states.values()) == {("queued", None)}
    assert world.settled(story)
    story.responded(p.HOME_CARE)
    story.responded(p.CARE_CENTRE)
    story.responded(p.SOCIAL_SERVICES, "propose-new-time")
    story.rescheduled(UNITS)
    for unit in UNITS:
        story.responded(unit, version=2)
    story.held(UNITS, version=2)
    story.proposed(UNITS)
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    assert set(story.established(UNITS).states.values()) == {("queued", None)}
    assert world.settled(story)
    expected = ["meeting.summoned", "meeting.rescheduled", "meeting.held", "plan.proposed", "plan.established"]
    assert {unit: world.types(unit, story) for unit in UNITS} == dict.fromkeys(UNITS, expected)
    answers = ["meeting.response"] * 6 + ["plan.commitment.confirmed"] * 3
    assert world.types(p.CONTACT, story) == ["sip.requested", *answers]
    assert {row.state for row in world.deliveries(story)} == {"delivered"}
    case = track.case_of(world.hub.ground, story.owner, str(story.case_id))
    assert case.state == "ACTIVE"
    assert {found.state for found in case.meetings[0].participants} == {"ATTENDED"}
    assert track.desk(world.hub.ground) == ()


@pytest.mark.req(34, 36, 68, 90)
def test_a1_the_individuals_own_words_reach_the_contact_and_nobody_else(world: World) -> None:
    """Given the five texts of the request form, when the case runs to a plan, then they are in the contact's ledger alone."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    story.held(UNITS)
    story.proposed(UNITS)
    assert world.settled(story)
    assert sum(CANARY.encode() in body for body in world.bodies(p.CONTACT, story)) == 1
    assert not [body for unit in UNITS for body in world.bodies(unit, story) if b"Kanarie" in body]


@pytest.mark.req(7, 38, 40, 41, 45)
@pytest.mark.parametrize("scopes", [None, ("meeting",)])
def test_a2_no(world: World, scopes: tuple[str, ...] | None) -> None:
    """Given a no, or a yes to the meeting alone, then no plan is possible, nothing leaves, and the sender is told why."""
    story = world.story()
    story.requested()
    if scopes is None:
        story.refused()
    else:
        story.consented(UNITS, ("meeting",))
    story.approved(UNITS)
    with pytest.raises(Conflict) as wrong:
        story.summoned(UNITS)
    assert wrong.value.code == "case.wrong_state"
    with pytest.raises(Invalid) as no_plan:
        story.proposed(UNITS)
    assert no_plan.value.code == "plan.no_consent"
    assert world.settled(story)
    assert [world.types(unit, story) for unit in UNITS] == [[], [], []]
    case = track.case_of(world.hub.ground, story.owner, str(story.case_id))
    assert [record.decision for record in case.consents] == (["deny"] if scopes is None else ["permit"])
    assert case.state == ("CONSENT_REFUSED" if scopes is None else "REQUESTED")


@pytest.mark.req(39, 40)
def test_a2_a_meeting_consent_that_names_only_some_withholds_the_others_with_a_reason(world: World) -> None:
    """Given a consent that names two of three units, then the third is withheld, and the answer says why."""
    story = world.story()
    story.requested()
    story.consented(UNITS[:2])
    story.approved(UNITS)
    told = story.summoned(UNITS).states
    assert told[p.CARE_CENTRE] == ("withheld", "basis.consent_missing")
    assert world.settled(story)
    assert world.types(p.CARE_CENTRE, story) == []
    assert world.types(p.HOME_CARE, story) == ["meeting.summoned"]


@pytest.mark.req(44, 89)
def test_a3_withdrawn_while_in_the_queue(world: World) -> None:
    """Given kallelser behind partners that are down and one that was reached, when all is withdrawn, then none is sent, one is called back."""
    story = world.story()
    for unit in (p.SOCIAL_SERVICES, p.CARE_CENTRE):
        world.sandbox.fault(PARTNERS[unit], Fault("down"))
    story.ready(UNITS)
    story.summoned(UNITS)
    assert until(lambda: world.states(story, "meeting.summoned").get(p.HOME_CARE) == "delivered")
    assert until(lambda: all(row.attempts for row in world.deliveries(story) if row.recipient in {p.SOCIAL_SERVICES, p.CARE_CENTRE}))
    story.withdrawn()
    # What is in flight meets the fault before the partners are well again.
    assert until(lambda: "sending" not in world.states(story, "meeting.summoned").values())
    world.sandbox.clear()
    assert world.settled(story)
    assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])
    uncertain = {row.recipient for row in world.deliveries(story) if row.message_type == "stop.notice"} - {p.HOME_CARE}
    for unit in (p.SOCIAL_SERVICES, p.CARE_CENTRE):
        assert "meeting.summoned" not in world.types(unit, story)
        assert unit in uncertain or world.types(unit, story) == []
    summoned = world.states(story, "meeting.summoned")
    assert summoned[p.HOME_CARE] == "recalled"
    assert set(summoned.values()) <= {"withheld", "recalled"}
    case = track.case_of(world.hub.ground, story.owner, str(story.case_id))
    assert (case.state, case.resumes) == ("SUSPENDED_NO_CONSENT", "PREPARING")
    assert "consent.withdrawn" in [item.type for item in track.desk(world.hub.ground)]


def test_a3_the_recall_text_is_that_of_a_plain_cancellation(world: World) -> None:
    """Given one meeting cancelled and another whose consent is withdrawn, then the notices differ in ids and times only."""
    cancelled, withdrawn, closed = world.story(), world.story(), world.story()
    for story in (cancelled, withdrawn, closed):
        story.ready(UNITS)
        story.summoned(UNITS)
        assert world.settled(story)
    cancelled.cancelled(UNITS)
    withdrawn.withdrawn()
    closed.closed(UNITS)
    notices = []
    for story in (cancelled, withdrawn, closed):
        assert until(partial(_has_two, world, story))
        notices.append(plain(world.bodies(p.HOME_CARE, story)[-1]))
    assert notices[0] == notices[1] == notices[2]
    assert b"inga fler meddelanden" in notices[0]


def test_a3_the_content_of_what_was_withheld_is_sealed_to_its_sender(world: World) -> None:
    """Given a kallelse withheld after a withdrawal, then only its sender can read it: to the unit it never reached it is not there."""
    story = world.story()
    world.sandbox.fault(PARTNERS[p.CARE_CENTRE], Fault("status"))
    story.ready(UNITS)
    story.summoned([p.CARE_CENTRE])
    story.withdrawn()
    assert world.settled(story)
    message_id = str(next(found.message_id for found in story.sent if found.type == "meeting.summoned"))
    mine = track.message(world.hub.ground, world.caller(p.MUNICIPALITY), message_id)
    assert [line["state"] for line in mine["recipients"]] == ["withheld"]
    with pytest.raises(Exception, match="no such message"):
        track.message(world.hub.ground, world.caller(p.REGION), message_id)


@pytest.mark.req(39, 89)
def test_a4_one_unit_removed(world: World) -> None:
    """Given three units with pending kallelser, when one is removed, then only its delivery is withheld and nobody else hears a thing."""
    story = world.story()
    for unit in UNITS:
        world.sandbox.fault(PARTNERS[unit], Fault("status"))
    story.ready(UNITS)
    story.summoned(UNITS)
    story.withdrawn([p.SOCIAL_SERVICES])
    # An attempt that was in flight must have met the fault before the partner is well again: what is in flight may still arrive.
    assert until(lambda: world.states(story, "meeting.summoned")[p.SOCIAL_SERVICES] == "withheld")
    world.sandbox.clear()
    assert world.settled(story)
    assert world.types(p.SOCIAL_SERVICES, story) == []
    assert world.types(p.HOME_CARE, story) == world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]
    assert world.states(story, "meeting.summoned")[p.SOCIAL_SERVICES] == "withheld"
    assert track.case_of(world.hub.ground, story.owner, str(story.case_id)).state == "SUMMONED"


def test_a4_a_reached_unit_that_is_removed_gets_the_notice_alone(world: World) -> None:
    """Given three units that were reached, when one is removed, then that one gets the stop notice and the others nothing."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.withdrawn([p.SOCIAL_SERVICES])
    assert until(lambda: world.types(p.SOCIAL_SERVICES, story) == ["meeting.summoned", "stop.notice"])
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story) == world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]


@pytest.mark.req(52)
def test_a9_sent_twice(world: World) -> None:
    """Given one kallelse handed in fifty times at once, then it has one effect, fifty equal answers, and one delivery per recipient."""
    story = world.story()
    story.ready(UNITS)
    summons: list[object] = []
    kallelse = _kallelse(story)
    body = kallelse.to_json()

    def hand_in() -> None:
        answer = world.hub.accept(Submission(body, "application/json"), world.caller(p.MUNICIPALITY))
        summons.append((answer.message_id, answer.recipients))

    threads = [threading.Thread(target=hand_in) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(summons) == 50
    assert len({repr(found) for found in summons}) == 1
    assert world.settled(story)
    assert [world.types(unit, story) for unit in UNITS] == [["meeting.summoned"]] * 3
    assert len([row for row in world.deliveries(story) if row.message_type == "meeting.summoned"]) == 3
    changed = kallelse.model_copy(update={"registry_number": "SN 1"})
    with pytest.raises(Conflict) as reused:
        world.hub.accept(Submission(changed.to_json(), "application/json"), world.caller(p.MUNICIPALITY))
    assert reused.value.code == "message.id_reused"


def test_another_organisations_message_id_is_not_revealed(world: World) -> None:
    """Given a message id that one organisation has used, when another uses it for a case of its own, then it is simply taken."""
    mine, theirs = world.story(), world.story(owner=p.NEIGHBOUR, contact=p.SOCIAL_SERVICES)
    mine.requested()
    told = theirs.say(
        mine.sent[0].content.model_copy(update={"receiving_unit": p.SOCIAL_SERVICES}),
        [p.SOCIAL_SERVICES],
        message_id=mine.sent[0].message_id,
    )
    assert told.states[p.SOCIAL_SERVICES] == ("queued", None)


@pytest.mark.req(41)
def test_a16_a_kallelse_without_consent_where_secrecy_does_not_hinder(world: World) -> None:
    """Given a no to a plan and a recorded assessment, then the duty-bound are called on that basis, FK is not, and no plan is possible."""
    story = world.story()
    story.requested()
    story.refused()
    told = story.summoned((*UNITS, p.FK), basis=SECRECY_ASSESSED).states
    assert {unit: told[unit][0] for unit in UNITS} == dict.fromkeys(UNITS, "queued")
    assert told[p.FK][0] == "withheld"
    assert world.settled(story)
    assert {row.basis for row in world.deliveries(story) if row.recipient in UNITS} == {"secrecy_assessed"}
    assert world.types(p.FK, story) == []
    with pytest.raises(Invalid, match="consented to a plan"):
        story.proposed(UNITS)


def _has_two(world: World, story: Story) -> bool:
    return len(world.bodies(p.HOME_CARE, story)) == 2


def _kallelse(story: Story) -> Message:
    """Return a kallelse of the story that has not been handed in."""
    return story.message(story.kallelse(), UNITS)


def plain(body: bytes) -> bytes:
    """Return a body without ids and times."""
    body = re.sub(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", b"ID", body)
    return re.sub(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z", b"TIME", body)
