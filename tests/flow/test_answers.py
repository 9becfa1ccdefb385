"""What comes to the convener of an authority's answer, where the individual lets that authority be told things and not tell any (K3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from siphub.flow.letters import granted_of, need_of
from siphub.model import people as p
from siphub.model.messages.consent import ConsentAmended, Party
from siphub.testing.story import Story
from siphub.testing.yard import Yard

OWN: Mapping[str, Any] = {"reason": "other", "written_input_ref": "brev 7"}


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads."""
    with Yard(tmp_path / "hub") as made:
        yield made


@pytest.fixture
def story(yard: Yard) -> Story:
    """Return a story in which an authority is invited that may be told and may not tell."""
    made = Story(yard.send, now=yard.clock.at)
    made.ready((p.HOME_CARE, p.FK))
    narrowed(made)
    made.summoned([p.HOME_CARE])
    made.invited([p.FK])
    assert yard.drain()
    return made


def narrowed(story: Story) -> None:
    """Let the authority be told, and tell nothing of its own."""
    change = {"add_parties": (Party(party=p.FK, direction="to"),), "obtained_by": story.eva, "obtained_on": story.now.date()}
    story.say(ConsentAmended.model_validate(change))


def heard(yard: Yard) -> list[dict[str, Any]]:
    """Return what came to the convener of each answer, in order: the answer, and what only its sender could say."""
    bodies = (json.loads(took.body.split(b" ", 2)[2]) for wire in yard.wires.values() for took in wire.took if took.unit == p.CONTACT)
    answers = [body for body in bodies if body["type"] == "meeting.response"]
    return [{key: one["content"][key] for key in ("response", *OWN) if key in one["content"]} for one in answers]


def test_whether_an_authority_comes_is_heard_and_why_is_not(yard: Yard, story: Story) -> None:
    """Given its no, then the convener has that and nothing of its own; its perhaps is withheld; after a wider consent both come whole."""
    assert story.responded(p.FK, "decline", **OWN).states == {p.CONTACT: ("queued", None)}
    assert story.responded(p.FK, "tentative", **OWN).states == {p.CONTACT: ("withheld", "basis.direction_missing")}
    assert yard.drain()
    assert heard(yard) == [{"response": "decline"}]
    story.consented([p.FK])
    for word in ("decline", "tentative"):
        story.responded(p.FK, word, **OWN)
    assert yard.drain()
    assert heard(yard)[1:] == [{"response": "decline", **OWN}, {"response": "tentative", **OWN}]


def test_an_answer_is_cut_by_the_consent_there_is_when_it_leaves(yard: Yard, story: Story) -> None:
    """Given answers that wait, when the consent is narrowed before they leave, then the no leaves without its reason, and the perhaps stays (G1)."""
    story.consented([p.FK])
    for word in ("decline", "tentative"):
        assert story.responded(p.FK, word, **OWN).states == {p.CONTACT: ("queued", None)}
    narrowed(story)
    assert yard.drain()
    assert heard(yard) == [{"response": "decline"}]
    answers = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.response"]
    assert [row.state for row in answers] == ["delivered", "withheld"]


def test_an_answer_goes_with_the_consent(yard: Yard, story: Story) -> None:
    """Given an answer that waits, when the consent to its sender is taken back, then it is withheld, and its convener needs no notice of it."""
    story.responded(p.FK, "decline")
    story.withdrawn([p.FK])
    assert yard.drain()
    assert heard(yard) == []
    assert [row.recipient for row in yard.of_case(story.owner, story.case_id) if row.message_type == "stop.notice"] == [p.FK]


def test_an_answer_that_an_earlier_version_sent_reads_as_it_was_sent(yard: Yard, story: Story) -> None:
    """Given the row of an answer from before a consent of any direction carried one, then its consent went from the sender, and it was whole."""
    story.responded(p.FK, "decline")
    assert yard.drain()
    (row,) = [row for row in yard.of_case(story.owner, story.case_id) if row.message_type == "meeting.response"]
    assert row.direction == need_of(row).direction == "either"
    assert sorted(granted_of(row)) == ["meeting"]
    before = replace(row, direction="from")
    assert need_of(before).direction == "from"
    assert sorted(granted_of(before)) == ["from", "meeting"]
    assert not granted_of(replace(before, granted=None))
    assert need_of(replace(row, direction="to")).direction == "to"
