"""People who are reached by letter: A1 whole, the individual's copy, the relative who was wished for and the one who was not, and who is protected."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from pypdf import PdfReader

from siphub.flow import directory as directories
from siphub.flow import operate, track
from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import meeting as m
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.testing import chapters
from siphub.testing.chapters import BROTHER, ME, SIBLINGS, SISTER
from siphub.testing.story import CANARY, Story, until
from siphub.testing.world import World

CARE: tuple[UnitId, ...] = (p.HOME_CARE, p.CARE_CENTRE)
AGENCIES: tuple[UnitId, ...] = (p.FK, p.AF)


def text_of(pdf: bytes) -> str:
    """Return what a letter says, on one line."""
    return " ".join("\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def letters(world: World, story: Story, person: PersonRef) -> dict[str, str]:
    """Return a person's letters: type → text, the newest of each."""
    return {letter.message_type: text_of(letter.body) for letter in world.letters(story) if letter.recipient == person}


@pytest.mark.req(10, 13, 15, 16, 47, 58, 79, 81, 82)
def test_a1_a_plan_made_together(world: World) -> None:
    """Given a request and an oral consent naming home care, primary care, FK and AF, then the four are called or invited, and a plan is made.

    Three accept, one proposes a new time and the meeting moves. Copies reach all covered units, the individual by letter, and the one relative
    who was wished for; the relative who was objected to hears nothing, and the individual's own words reach the contact alone.
    """
    story = world.story()
    story.requested()
    story.consented((*CARE, *AGENCIES))
    chapters.approved(story, (*CARE, *AGENCIES))
    chapters.consented_for(story, SISTER, ("meeting", "copy_to_relative"))
    chapters.answered(story, [ME])
    assert set(story.summoned(CARE, also=[ME]).states.values()) == {("queued", None)}
    assert set(story.invited((*AGENCIES,)).states.values()) == {("queued", None)}
    told = story.say(story.sent[-1].content, [SISTER, BROTHER]).states
    assert told == {SISTER: ("queued", None), BROTHER: ("withheld", "person.not_in_case")}
    assert world.settled(story)
    for unit in (p.HOME_CARE, p.CARE_CENTRE, p.AF):
        story.responded(unit)
    story.responded(p.FK, "propose-new-time")
    story.rescheduled((*CARE, *AGENCIES))
    for unit in (*CARE, *AGENCIES):
        story.responded(unit, version=2)
    story.held(CARE, version=2)
    story.proposed(CARE)
    for index, unit in enumerate(CARE, start=1):
        story.confirmed(unit, f"a{index}")
    told = story.established(CARE, also=[ME, SISTER, BROTHER]).states
    assert {who: state for who, (state, _) in told.items()} == {
        **dict.fromkeys((*CARE, ME, SISTER), "queued"),
        BROTHER: "withheld",
    }
    assert world.settled(story)

    case = track.case_of(world.hub.ground, story.owner, str(story.case_id))
    assert case.state == "ACTIVE"
    assert {found.unit: found.duty for found in case.meetings[0].participants} == {
        **dict.fromkeys(CARE, True),
        **dict.fromkeys(AGENCIES, False),
    }
    for unit in CARE:
        assert world.types(unit, story) == ["meeting.summoned", "meeting.rescheduled", "meeting.held", "plan.proposed", "plan.established"]
    for unit in AGENCIES:
        assert world.types(unit, story) == ["meeting.invited", "meeting.rescheduled"]
    mine, hers = letters(world, story, ME), letters(world, story, SISTER)
    assert set(mine) == {"sip.request.answered", "meeting.summoned", "plan.established"}
    assert set(hers) == {"meeting.invited", "plan.established"}
    assert letters(world, story, BROTHER) == {}
    assert "Provgatan 1" in mine["plan.established"]
    assert "Systergatan 2" in hers["plan.established"]
    for text in (mine["plan.established"], hers["plan.established"]):
        assert "Handla själv igen." in text
        assert "Stöd i vardagen" in text
    assert "Hemtjänsten, Norrby kommun" in mine["plan.established"]
    assert "Hemtjänsten" not in hers["meeting.invited"]
    assert "Norrby kommun" in hers["meeting.invited"]
    everything = [text for letter in (mine, hers) for text in letter.values()]
    assert not [text for text in everything if "Kanarie" in text or CANARY in text]
    assert {row.state for row in world.deliveries(story) if row.recipient != BROTHER} == {"delivered"}
    chapters.copied(story)
    assert track.case_of(world.hub.ground, story.owner, str(story.case_id)).plan.copies == (ME,)  # type: ignore[union-attr]  # it was established


@pytest.mark.req(16, 82)
def test_a_relative_is_told_only_what_the_individual_wishes(world: World) -> None:
    """Given a relative chosen for the meeting alone, when the plan is established, then there is no copy for them (REQ-82); chosen for it, there is."""
    story = world.story()
    story.requested()
    story.consented(CARE)
    chapters.approved(story, CARE)
    chapters.consented_for(story, SISTER, ("meeting",))
    story.summoned(CARE)
    story.held(CARE)
    story.proposed(CARE)
    for index, unit in enumerate(CARE, start=1):
        story.confirmed(unit, f"a{index}")
    assert story.established(CARE, also=[SISTER]).states[SISTER] == ("withheld", "basis.scope_missing")
    chapters.consented_for(story, SISTER, ("copy_to_relative",))
    assert chapters.revised(story, [SISTER], CARE).states[SISTER] == ("queued", None)
    assert world.settled(story)
    assert set(letters(world, story, SISTER)) == {"plan.revised"}


@pytest.mark.req(47, 58)
def test_a_relative_who_is_objected_to_hears_nothing_more(world: World) -> None:
    """Given a relative who was invited, when the individual objects to them, then they get the one notice, and nothing after it."""
    story = world.story()
    story.requested()
    story.consented(CARE)
    chapters.approved(story, CARE)
    chapters.consented_for(story, SISTER, ("meeting",))
    story.summoned(CARE)
    invitation = m.MeetingInvited(meeting=story.meeting(), purpose="sip", convener=story.convener, respond_by=story.now + timedelta(days=7))
    story.say(invitation, [SISTER])
    assert world.settled(story)
    angry = tuple(found.model_copy(update={"objection": True}) if found.ref == SISTER else found for found in SIBLINGS)
    chapters.approved(story, CARE, angry)
    assert until(lambda: set(letters(world, story, SISTER)) == {"meeting.invited", "stop.notice"})
    assert story.rescheduled([*CARE, SISTER]).states[SISTER] == ("withheld", "person.not_in_case")


@pytest.mark.req(31, 47)
def test_whoever_is_objected_to_gets_the_receipt_a_stranger_gets_and_nothing_else(world: World) -> None:
    """Given a brother who asked for a plan and is objected to, then his receipt reads like the sister's, and he never hears of anything again (R3)."""
    story = world.story()
    story.requested()
    story.consented(CARE)
    chapters.approved(story, CARE)
    assert chapters.answered(story, [SISTER, BROTHER], "decline").states == dict.fromkeys((SISTER, BROTHER), ("queued", None))
    invitation = m.MeetingInvited(meeting=story.meeting(), purpose="sip", convener=story.convener, respond_by=story.now + timedelta(days=7))
    assert story.say(invitation, [BROTHER]).states[BROTHER] == ("withheld", "person.not_in_case")
    story.summoned(CARE)
    story.closed(CARE)
    assert world.settled(story)
    his, hers = letters(world, story, BROTHER), letters(world, story, SISTER)
    assert set(his) == set(hers) == {"sip.request.answered"}
    window = {"Siv Provsdotter Systergatan 2 123 45 Norrby": "", "Bror Provsson": "", "närstående 1": "", "närstående 2": ""}
    assert _without(his["sip.request.answered"], window) == _without(hers["sip.request.answered"], window)


@pytest.mark.req(31)
@pytest.mark.parametrize(
    ("end", "becomes"),
    [
        pytest.param(lambda story: story.closed(CARE), "delivered", id="the plan is closed"),
        pytest.param(chapters.request_withdrawn, "delivered", id="the request is taken back"),
        pytest.param(chapters.deceased, "superseded", id="the individual has died"),
        pytest.param(lambda story: chapters.in_error(story, story.sent[0], "case"), "superseded", id="the case was an error"),
    ],
)
def test_who_asked_is_answered_though_the_case_ends_meanwhile(world: World, end: Callable[[Story], object], becomes: str) -> None:
    """Given answers that wait for an outbox, when the case ends, then they go out once there is one (R3); after a death or an error none does."""
    story = world.story()
    story.requested()
    story.consented(CARE)
    whole = world.directory()
    bare = tuple(found.model_copy(update={"letters": None}) for found in whole.organisations)
    directories.switch(world.hub.ground, whole.model_copy(update={"organisations": bare}), by="test")
    chapters.approved(story, CARE)
    waits = ("held", "address.letters_none")
    assert chapters.answered(story, [ME, SISTER], "decline").states == dict.fromkeys((ME, SISTER), waits)
    end(story)
    directories.switch(world.hub.ground, whole, by="test")
    for row in world.deliveries(story):
        if row.message_type == "sip.request.answered" and row.state == "held":
            operate.operate(world.hub.ground, row.id, "release", by="test", channel="cli")
    assert world.settled(story)
    assert world.states(story, "sip.request.answered") == dict.fromkeys((ME, SISTER), becomes)
    assert len(world.letters(story)) == 2 * (becomes == "delivered")


def _without(text: str, words: dict[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return " ".join(text.split())


@pytest.mark.req(57)
def test_a_letter_to_somebody_protected_is_handed_over_by_hand(world: World) -> None:
    """Given an individual who is protected, when the plan's letter is due, then it is held, with work, and no address is kept at all (G10)."""
    story = world.story()
    story.requested()
    story.consented(CARE)
    me = CasePerson(ref=ME, name="Prov Provsdotter", protection="protected_registration")
    chapters.approved(story, CARE, (me,))
    told = story.summoned(CARE, also=[ME]).states
    assert told[ME] == ("held", "protected.not_cleared")
    assert world.settled(story)
    assert world.letters(story) == []
    assert "delivery.protected.not_cleared" in [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]
    with pytest.raises(ValueError, match="no address is kept"):
        CasePerson(ref=ME, name="Prov", protection="protected_registration", address_lines=("Provgatan 1",))


@pytest.mark.req(2, 81)
def test_without_an_outbox_a_letter_waits_for_a_person(world: World) -> None:
    """Given an owner without letters in the directory, when a letter is due, then it is held with a reason; with an outbox it goes when released."""
    story = world.story()
    whole = world.directory()
    bare = tuple(found.model_copy(update={"letters": None}) for found in whole.organisations)
    directories.switch(world.hub.ground, whole.model_copy(update={"organisations": bare}), by="test")
    story.ready(CARE)
    assert story.summoned(CARE, also=[ME]).states[ME] == ("held", "address.letters_none")
    assert world.settled(story)
    directories.switch(world.hub.ground, whole, by="test")
    held = next(row for row in world.deliveries(story) if row.recipient == ME)
    operate.operate(world.hub.ground, held.id, "release", by="test", channel="cli")
    assert until(lambda: set(letters(world, story, ME)) == {"meeting.summoned"})


@pytest.mark.req(31)
def test_who_asks_for_another_gets_the_neutral_receipt_and_the_individual_the_answer(world: World) -> None:
    """Given an answer to the individual and to a relative who asked, then the relative's says that it was received, and nothing else (R3)."""
    story = world.story()
    story.requested()
    story.approved(CARE)
    siblings = (*SIBLINGS[:2],)
    chapters.approved(story, CARE, siblings)
    chapters.answered(story, [ME, SISTER], "decline")
    assert world.settled(story)
    mine, hers = letters(world, story, ME)["sip.request.answered"], letters(world, story, SISTER)["sip.request.answered"]
    assert "Eva Kontakt" in mine
    assert "Eva" not in hers
    assert "decline" not in hers
    assert "Provsdotter" in hers.replace("Siv Provsdotter", "Provsdotter")  # her own name, in the window
    assert rq.RequestAnswered.model_fields["receipt"].default == "received"
