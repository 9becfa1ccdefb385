"""The acceptance scenarios about people who cannot simply say yes for themselves, through the whole flow (A12, A17)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from siphub.errors import Refused
from siphub.flow import directory as directories
from siphub.flow import operate, track
from siphub.flow.explain import foreseen
from siphub.model import people as p
from siphub.model.directory import Address
from siphub.model.identifiers import PersonNumber, PersonRef
from siphub.model.messages import consent as c
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.sandbox import Fault
from siphub.testing.story import SECRECY_ASSESSED, Story, until
from siphub.testing.world import PARTNERS, World

ADULT, CHILD = PersonNumber("199001019802"), PersonNumber("201803019809")
UNITS = (p.HOME_CARE, p.CARE_CENTRE)


def yes(story: Story, parties: tuple[Any, ...], *, scopes: tuple[c.Scope, ...], state: str = "unable", **given: Any) -> None:
    """Record a yes, in the name of somebody who cannot take a position unless it is said that they can."""
    content = c.ConsentGiven(
        scopes=scopes,
        parties=tuple(c.Party(party=party) for party in parties),
        mode="oral",
        given_by=c.GivenBy.model_validate(given),
        capacity=c.Capacity.model_validate({"state": state, "assessed_by": story.eva, "assessed_at": story.now}),
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
    )
    story.say(content)


def desk_of(world: World, story: Story) -> list[str]:
    """Return what is to be done in a case."""
    return [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def test_a17_she_cannot_say(world: World) -> None:
    """Given dementia and a daughter's yes, then it is not accepted, and a ground must be chosen; on secrecy assessed only care is reached.

    Later a god man with a mandate consents, and Försäkringskassan becomes possible.
    """
    story = world.story(person=ADULT)
    story.requested()
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            yes(story, (p.HOME_CARE, p.FK), scopes=("meeting", "information_exchange", "invite"), kind="relative", name="Dotter")
        assert refused.value.code == "consent.relative"
    with pytest.raises(Refused) as refused:
        yes(story, UNITS, scopes=("meeting",), kind="individual")
    assert refused.value.code == "consent.unable"
    assert desk_of(world, story) == ["basis.choose"]
    assert track.consent(world.hub.ground, str(story.case_id))[0].grants == ()

    basis = assessed(story)
    told = story.summoned(UNITS, basis=basis)
    assert {state for state, _ in told.states.values()} == {"queued"}
    told = story.invited([p.FK])
    assert told.states[p.FK] == ("withheld", "basis.consent_missing")
    assert world.settled(story)
    assert world.types(p.HOME_CARE, story) == world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]
    assert world.types(p.FK, story) == []

    yes(
        story,
        (*UNITS, p.FK),
        scopes=("meeting", "information_exchange", "invite"),
        kind="god_man",
        ground="mandate",
        name="Gode Gustavsson",
    )
    story.approved((*UNITS, p.FK))
    told = story.invited([p.FK])
    assert told.states[p.FK][0] == "queued"
    assert world.settled(story)
    assert world.types(p.FK, story) == ["meeting.invited"]


@pytest.fixture
def posting(make_world: Callable[..., World], tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """Give a world whose municipality leaves its letters in a folder, as documents."""
    outbox = tmp_path / "folders" / "letters"
    outbox.mkdir(parents=True)
    with make_world() as world:
        base = world.directory()
        letters = Address(adapter="folder", endpoint=str(outbox))
        organisations = tuple(
            found.model_copy(update={"letters": letters}) if found.number == p.MUNICIPALITY else found for found in base.organisations
        )
        directories.switch(world.hub.ground, base.model_copy(update={"organisations": organisations}), by="test")
        yield world, outbox


def posted(outbox: Path, to: PersonRef) -> list[dict[str, Any]]:
    """Return what was posted to a person."""
    found = [json.loads(file.read_bytes()) for file in sorted(outbox.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)]
    return [document for document in found if document["recipients"] == [to]]


def test_a12_a_child_with_two_guardians_one_with_whom_the_address_is_secret(posting: tuple[World, Path]) -> None:
    """Given a child of eight and two guardians, then both must say yes, or a ground must say why not; both hear of the meeting by letter.

    The one from whom the child's whereabouts are secret reads when it is, and neither place nor units; either of them can take it back.
    """
    world, outbox = posting
    mother, father = PersonRef("guardian/1"), PersonRef("guardian/2")
    story = world.story(person=CHILD)
    story.requested()
    people = (
        CasePerson(ref=mother, name="Mona Vårdnadshavare", address_lines=("Sjövägen 1", "123 45 Norrby")),
        CasePerson(ref=father, name="Frans Vårdnadshavare", address_lines=("Bergvägen 2", "987 65 Söderby"), address_secret=True),
    )
    story.say(rq.ParticipantsApproved(units=UNITS, approved_on=story.now.date(), approved_how="oral", people=people))
    scopes: tuple[c.Scope, ...] = ("plan", "meeting", "information_exchange")
    for given, code in (
        ({"kind": "individual"}, "consent.ground_missing"),
        ({"kind": "individual", "ground": "child_mature"}, "consent.too_young"),
        ({"kind": "guardian", "ground": "both_guardians", "guardians": (mother,)}, "consent.guardian_missing"),
        ({"kind": "guardian", "ground": "other_hindered", "guardians": (mother,)}, "consent.ground_incomplete"),
    ):
        with pytest.raises(Refused) as refused:
            yes(story, UNITS, scopes=scopes, state="able", **given)
        assert refused.value.code == code
    yes(story, UNITS, scopes=scopes, state="able", kind="guardian", ground="both_guardians", guardians=(mother, father))

    kallelse = story.kallelse().model_copy(update={"agenda": ("Skolan i Norrby",)})
    before = foreseen(world.hub.ground, story.message(kallelse, (*UNITS, mother, father)))
    assert [(one.code, one.recipient) for one in before.cautions if one.recipient] == [("guardian.read_through", father)]
    his_part = next(one.shown for one in before.recipients if one.shown.route.recipient == father)
    assert his_part.by_hand == ("/content/agenda",)
    assert set(his_part.by_hand) <= set(his_part.omitted)
    told = story.say(kallelse, (*UNITS, mother, father))
    assert {state for state, _ in told.states.values()} == {"queued"}
    assert world.settled(story)
    (hers,), (his,) = posted(outbox, mother), posted(outbox, father)
    assert hers["content"]["meeting"]["place"]["text"] == "Stadshuset, rum 3"
    assert his["content"]["meeting"]["starts_at"] == hers["content"]["meeting"]["starts_at"]
    text = json.dumps(his, ensure_ascii=False)
    secret = ["Stadshuset", "place", "Eva", "090-", "Biståndsenheten", "Hemtjänsten", "Vårdcentralen", "Norrby kommun", "agenda"]
    assert [word for word in (*secret, *UNITS, p.CONTACT, p.MUNICIPALITY) if word in text] == []
    [left] = [item for item in track.desk(world.hub.ground) if item.type == "guardian.read_through" and item.case_id == str(story.case_id)]
    assert left.unit == p.CONTACT, "the agenda may name a place, so somebody reads it through"

    story.withdrawn(person=father)
    assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])
    assert world.settled(story)
    assert [document["type"] for document in posted(outbox, mother)] == ["meeting.summoned"], "her own data rests on no consent"
    assert track.case_of(world.hub.ground, story.owner, str(story.case_id)).state == "SUSPENDED_NO_CONSENT"


def test_protected_staff_is_stood_in_for(world: World) -> None:
    """Given a unit that is down, a kallelse queued to it, and a convener said to be protected only then, then neither is ever told who it is.

    The number of the organisation's switchboard takes the convener's place; without one in the directory it is held.
    """
    name, number = "Kanarie Kanariesson", "070-174 06 99"
    world.sandbox.fault(PARTNERS[p.CARE_CENTRE], Fault("status"))
    story = world.story()
    story.ready(UNITS)
    convener = story.convener.model_copy(update={"name": name, "phone": number})
    story.say(story.kallelse().model_copy(update={"convener": convener}), [p.CARE_CENTRE])
    assert until(lambda: any(row.attempts for row in world.deliveries(story) if row.recipient == p.CARE_CENTRE))
    protected = convener.model_copy(update={"protection": "confidentiality_flag"})
    told = story.say(story.kallelse().model_copy(update={"convener": protected}), [p.HOME_CARE])
    assert told.states[p.HOME_CARE] == ("held", "protected.staff_no_switchboard")
    assert until(lambda: world.states(story, "meeting.summoned")[p.CARE_CENTRE] == "held")
    switch_board(world, "090-100 00 00")
    world.sandbox.clear()
    for row in world.deliveries(story):
        if row.state == "held":
            operate.operate(world.hub.ground, row.id, "release", by="test", channel="cli")
    assert world.settled(story)
    for unit in UNITS:
        (body,) = world.bodies(unit, story)
        text = body.decode()
        assert name not in text
        assert number not in text
        assert "090-100 00 00" in text


def switch_board(world: World, number: str) -> None:
    """Give every organisation of the world's directory a switchboard."""
    base = world.directory()
    organisations = tuple(found.model_copy(update={"phone": number}) for found in base.organisations)
    directories.switch(world.hub.ground, base.model_copy(update={"organisations": organisations}), by="test")


def assessed(story: Story) -> Any:
    """Return a basis that somebody at the contact's unit decided on now."""
    return SECRECY_ASSESSED.model_copy(update={"decided_by": "Lena Läkare", "decided_at": story.now})


def test_a_refusal_that_leaves_work_is_still_not_stored(world: World) -> None:
    """Given a relative's yes that was refused, then the audit has it, no message of it is kept, and the same id may be used for another."""
    story = world.story(person=ADULT)
    story.requested()
    with pytest.raises(Refused):
        yes(story, (p.HOME_CARE,), scopes=("meeting",), kind="relative")
    refused = story.sent[-1]
    with world.hub.store.read() as work:
        assert work.messages.by_message_id(str(refused.message_id)) == ()
        assert work.submissions.find(p.MUNICIPALITY, str(refused.message_id)) is None
        links = work.audit.of_case(story.owner, str(story.case_id))
    assert [(link.action, link.facts.get("code")) for link in links][-1] == ("message.refused", "consent.relative")
    story.send(story.message(c.ConsentRefused(obtained_by=story.eva, obtained_on=story.now.date()), message_id=refused.message_id))
    assert track.case_of(world.hub.ground, story.owner, str(story.case_id)).state == "CONSENT_REFUSED"
