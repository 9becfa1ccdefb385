"""What an organisation may read of a case, and what an operator can and cannot do about what is held."""

from __future__ import annotations

import pytest

from siphub.errors import Conflict, Invalid, NotThere
from siphub.flow import directory as directories
from siphub.flow import operate, track
from siphub.model import people as p
from siphub.model.messages.consent import ConsentAmended, ConsentWithdrawn, Party
from siphub.testing.story import Story, until
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)


def called(world: World) -> Story:
    """Return a case in which two units have been called."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    return story


def test_an_organisation_sees_its_own_mailbox_of_a_case(world: World) -> None:
    """Given two organisations in a case, then each sees what it sent and what was addressed to it, cut as it was sent, and nothing else."""
    story = called(world)
    seen = track.mailbox(world.hub.ground, world.caller(p.REGION), str(story.case_id))
    assert seen["sent"] == []
    assert [found["message"]["type"] for found in seen["received"]] == ["meeting.summoned"]
    assert seen["received"][0]["message"]["recipients"] == [p.CARE_CENTRE]
    mine = track.mailbox(world.hub.ground, world.caller(p.MUNICIPALITY), str(story.case_id))
    assert [found["type"] for found in mine["sent"]] == ["sip.requested", "consent.given", "participants.approved", "meeting.summoned"]


def test_what_was_received_is_not_shown_again_once_the_consent_is_gone(world: World) -> None:
    """Given a unit that was reached, when its consent is taken back, then the hub no longer shows it what it was sent, but the notice."""
    story = called(world)
    message_id = str(story.sent[-1].message_id)
    region = world.caller(p.REGION)
    assert track.message(world.hub.ground, region, message_id)["deliveries"]
    story.withdrawn()
    assert world.settled(story)
    with pytest.raises(NotThere):
        track.message(world.hub.ground, region, message_id)
    seen = track.mailbox(world.hub.ground, region, str(story.case_id))
    assert [found["message"]["type"] for found in seen["received"]] == ["stop.notice"]


def test_what_a_wider_consent_added_is_not_shown_again_once_that_is_gone(world: World) -> None:
    """Given an agency that was told whom it is about, when only that scope is taken back, then it still reads the invitation, without it."""
    story = world.story()
    story.ready([p.FK])
    story.invited([p.FK])
    assert world.settled(story)
    agency, message_id = world.caller(p.FORSAKRINGSKASSAN), str(story.sent[-1].message_id)
    (before,) = track.message(world.hub.ground, agency, message_id)["deliveries"]
    assert "identity" in before["message"]["subject"]
    story.say(ConsentWithdrawn(extent="scopes", scopes=("information_exchange",), received_by=story.eva, at=story.now))
    (after,) = track.message(world.hub.ground, agency, message_id)["deliveries"]
    assert "subject" not in after["message"]
    assert after["message"]["content"] == before["message"]["content"]


@pytest.mark.parametrize("caller", [p.NEIGHBOUR, p.FORSAKRINGSKASSAN])
def test_whoever_is_not_in_it_reads_that_it_is_not_there(world: World, caller: str) -> None:
    """Given a case, then an organisation that has no part in it gets the answer of a case that does not exist."""
    story = called(world)
    answers = []
    for case_id in (str(story.case_id), "5b0f3f1e-7c64-4d7e-8f5c-000000000000"):
        with pytest.raises(NotThere) as refused:
            track.mailbox(world.hub.ground, world.caller(caller), case_id)
        answers.append((refused.value.code, refused.value.detail))
    assert answers[0] == answers[1]


def test_a_protected_person_stays_held_whoever_releases_it(world: World) -> None:
    """Given a kallelse about a protected person to a unit that is not cleared, when an operator releases it, then it is held again."""
    story = world.story()
    story.ready([p.HOME_CARE])
    content = story.kallelse()
    message = story.message(content, [p.HOME_CARE])
    assert message.subject is not None
    protected = message.model_copy(update={"subject": message.subject.model_copy(update={"protection": "protected_registration"})})
    assert world.send(protected).states == {p.HOME_CARE: ("held", "protected.not_cleared")}
    (row,) = [found for found in world.deliveries(story) if found.recipient == p.HOME_CARE]
    operate.operate(world.hub.ground, row.id, "release", by="test", channel="retry")
    assert until(lambda: [found.state for found in world.deliveries(story) if found.id == row.id] == ["held"])
    assert world.types(p.HOME_CARE, story) == []
    assert "delivery.protected.not_cleared" in [item.type for item in track.desk(world.hub.ground)]


def test_a_delivery_without_an_address_is_sent_when_it_has_one(world: World) -> None:
    """Given a unit without an address, then its delivery is held; when the directory has one and it is released, then it arrives."""
    story = world.story()
    full = world.directory()
    bare = full.model_copy(
        update={"units": tuple(unit.model_copy(update={"address": None}) if unit.id == p.HOME_CARE else unit for unit in full.units)}
    )
    directories.switch(world.hub.ground, bare, by="test")
    story.ready([p.HOME_CARE])
    assert story.summoned([p.HOME_CARE]).states == {p.HOME_CARE: ("held", "address.none")}
    (row,) = [found for found in world.deliveries(story) if found.recipient == p.HOME_CARE]
    with pytest.raises(Conflict) as refused:
        operate.operate(world.hub.ground, row.id, "release", by="test", channel="retry")
    assert refused.value.code == "delivery.no_address"
    directories.switch(world.hub.ground, full, by="test")
    operate.operate(world.hub.ground, row.id, "release", by="test", channel="retry")
    assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned"])
    assert track.desk(world.hub.ground) == ()


@pytest.mark.req(57)
def test_protection_that_becomes_known_later_holds_what_waits(world: World) -> None:
    """Given a kallelse that waits, when the person turns out to be protected, then it is held at its turn and the unit hears nothing."""
    story = world.story()
    story.ready([p.HOME_CARE])
    operate.switch(world.hub.ground, "stopped", by="test")
    story.summoned([p.HOME_CARE])
    told = story.message(story.sent[1].content)
    assert told.subject is not None
    world.send(told.model_copy(update={"subject": told.subject.model_copy(update={"protection": "confidentiality_flag"})}))
    operate.switch(world.hub.ground, "running", by="test")
    assert until(lambda: world.states(story, "meeting.summoned") == {p.HOME_CARE: "held"})
    assert world.types(p.HOME_CARE, story) == []


def test_a_refused_opening_leaves_no_key_behind(world: World) -> None:
    """Given a request whose owner is not the contact's own organisation, then it is refused, and no key was made for a case there is not."""
    story = world.story(owner=p.NEIGHBOUR)
    with pytest.raises(Invalid) as refused:
        story.requested()
    assert refused.value.code == "case.owner"
    assert world.hub.store.keys.case_key(p.NEIGHBOUR, str(story.case_id)) is None


def places(world: World, story: Story, organisation: str) -> dict[str, str]:
    """Return where each participant stands, as an organisation reads it."""
    seen = track.mailbox(world.hub.ground, world.caller(organisation), str(story.case_id))
    return {place["unit"]: place["state"] for found in seen["meetings"] for place in found["participants"]}


def test_the_convener_reads_where_participants_stand_and_nobody_else_does(world: World) -> None:
    """Given a call to two units, one answer and one chosen unit not called, then the convener reads each, and the region that takes part nothing."""
    story = called(world)
    story.approved((*UNITS, p.SOCIAL_SERVICES))
    assert places(world, story, p.MUNICIPALITY) == {
        p.HOME_CARE: "DELIVERED",
        p.CARE_CENTRE: "DELIVERED",
        p.SOCIAL_SERVICES: "APPROVED_BY_INDIVIDUAL",
    }
    story.responded(p.CARE_CENTRE, "delegate", substitute_name="Sara Substitut")
    assert world.settled(story)
    assert places(world, story, p.MUNICIPALITY)[p.CARE_CENTRE] == "DELEGATED"
    assert track.mailbox(world.hub.ground, world.caller(p.REGION), str(story.case_id))["meetings"] == []


def test_an_answer_the_convener_may_not_have_is_not_told_as_a_state_either(world: World) -> None:
    """Given an authority that may be told but may not tell, when it says perhaps, then its answer is withheld, and it stands as called (G1, K3)."""
    story = world.story()
    story.ready((*UNITS, p.FK))
    eva = {"obtained_by": story.eva, "obtained_on": story.now.date()}
    story.say(ConsentAmended.model_validate({**eva, "add_parties": (Party(party=p.FK, direction="to"),)}))
    story.summoned(UNITS)
    story.invited([p.FK])
    assert world.settled(story)
    assert story.responded(p.FK, "tentative").states == {p.CONTACT: ("withheld", "basis.direction_missing")}
    assert places(world, story, p.MUNICIPALITY)[p.FK] == "DELIVERED"


def test_how_every_consent_stands_is_told_without_content(world: World) -> None:
    """Given consents of which one is taken back, then what is permitted says how each scope stands towards each party."""
    story = called(world)
    story.withdrawn([p.CARE_CENTRE])
    (found,) = track.consent(world.hub.ground, str(story.case_id))
    stands = {(each.party, each.scope): each.state for each in found.standing}
    assert {stands[p.CARE_CENTRE, "meeting"], stands[p.HOME_CARE, "meeting"]} == {"WITHDRAWN", "ACTIVE"}
