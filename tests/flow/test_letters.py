"""A person of a case is reached by letter, through the whole flow: from the answer to a request to paper in the mail room's outbox."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from siphub.flow import directory as directories
from siphub.model import people as p
from siphub.model.directory import Address
from siphub.model.identifiers import PersonRef
from siphub.model.messages.request import ParticipantsApproved
from siphub.model.person import CasePerson
from siphub.testing.world import World


@pytest.fixture
def posting(make_world: Callable[..., World], tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """Give a world whose municipality has an outbox for letters."""
    outbox = tmp_path / "letters" / "norrby"
    outbox.mkdir(parents=True)
    letters = Address(adapter="letter", endpoint="norrby")
    named = {"plugins": ["folder", "municipal-xml", "letter"], "plugin": {"letter": {"root": str(outbox.parent)}}}
    world = make_world()
    world.given |= named
    with world:
        directory = world.directory()
        organisations = tuple(
            one.model_copy(update={"letters": letters}) if one.number == p.MUNICIPALITY else one for one in directory.organisations
        )
        directories.switch(world.hub.ground, directory.model_copy(update={"organisations": organisations, "version": 2}), by="test")
        yield world, outbox


def letters_in(outbox: Path) -> dict[str, str]:
    """Return what each letter in the outbox says, by the type its note gives."""
    found = {}
    for note in outbox.glob("*.json"):
        told = json.loads(note.read_bytes())
        pages = PdfReader(io.BytesIO((outbox / told["letter"]).read_bytes())).pages
        found[told["message_type"]] = " ".join("\n".join(page.extract_text() for page in pages).split())
    return found


def test_the_individual_gets_the_kallelse_on_paper(posting: tuple[World, Path]) -> None:
    """Given an individual with an address, when the meeting is called, then a letter with that address lies in the outbox.

    It calls units by their names, and the note beside it names nobody.
    """
    world, outbox = posting
    story = world.story()
    units = (p.HOME_CARE, p.CARE_CENTRE)
    story.ready(units)
    prov = CasePerson(ref=PersonRef("individual"), name="Prov Provsdotter", address_lines=("Provgatan 1", "123 45 Norrby"))
    story.say(ParticipantsApproved(units=units, approved_on=story.now.date(), approved_how="oral", people=(prov,)))
    told = story.say(story.kallelse(), recipients=(*units, PersonRef("individual")))
    assert told.states["individual"] == ("queued", None)
    assert world.settled(story)
    letter = letters_in(outbox)["meeting.summoned"]
    assert letter.startswith("Prov Provsdotter Provgatan 1 123 45 Norrby Kallelse till SIP-möte Du är välkommen")
    assert "Biståndsenheten" in letter
    assert p.CONTACT not in letter
    outside = "".join(note.name + note.read_text("utf-8") for note in outbox.glob("*.json"))
    assert "Prov" not in outside
    assert p.SUBJECT_NUMBER not in outside
