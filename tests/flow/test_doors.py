"""A11, behind someone's back: an invitation to Försäkringskassan for a person whose consent does not name it, from every way in.

`hub.doors` lists the ways in. A door without a case here fails the suite: nobody can add one and forget this.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from siphub.contract import AdapterInfo, Cut, Delivered, Inbound, Outcome, Payload, Recipient, Submission
from siphub.errors import NotThere
from siphub.flow import operate, poll
from siphub.hub import DOORS, add_key
from siphub.model import Message
from siphub.model import people as p
from siphub.testing.samples import whole_cut
from siphub.testing.small_plugins import OwnPlugin
from siphub.testing.story import Story, until
from siphub.testing.world import World
from siphub.web import serve

UNITS = (p.HOME_CARE, p.CARE_CENTRE)


@dataclass
class Letterbox(OwnPlugin):
    """An adapter whose partners hand in what is put into it: a real one, small."""

    waiting: list[Inbound] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    info = AdapterInfo(name="letterbox", media_type="application/json")

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Carry nothing."""
        return Payload(b"{}", "application/json", plugin="letterbox@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take everything."""
        return Delivered()

    def poll(self, cursor: str | None) -> Iterable[Inbound]:
        """Return what has not been settled."""
        return [found for found in self.waiting if found.partner_id not in self.settled]

    def settle(self, partner_id: str) -> None:
        """Do not hand it out again."""
        self.settled.append(partner_id)


@dataclass
class Doorway:
    """A world with every door open."""

    world: World
    letterbox: Letterbox
    url: str
    key: str
    key_file: Path

    def hand_in(self, message: Message, door: str) -> None:
        """Hand a message in through one door, as its sender would."""
        {"api": self._api, "reader": self._reader, "submit": self._submit, "poll": self._poll}[door](message)

    def _post(self, body: bytes, media_type: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.key}", "content-type": media_type}
        return httpx2.post(f"{self.url}/v1/messages", content=body, headers=headers, timeout=30)

    def _api(self, message: Message) -> None:
        assert self._post(message.to_json(), "application/json").status_code == 202

    def _reader(self, message: Message) -> None:
        adapter = self.world.hub.registry.adapter("municipal-xml")
        xml = adapter.translate(whole_cut(message), Recipient("u", "o", "l", "municipal-xml", "https://localhost/")).body
        answer = self._post(xml, "application/xml")
        assert answer.status_code == 202, answer.text

    def _submit(self, message: Message) -> None:
        command = [str(Path(sys.executable).with_name("siphub")), "submit", "-", "--url", self.url, "--key-file", str(self.key_file)]
        done = subprocess.run(command, input=message.to_json(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def _poll(self, message: Message) -> None:
        found = Inbound(
            str(message.message_id), Submission(message.to_json(), "application/json"), organisation=message.sender.organisation
        )
        self.letterbox.waiting.append(found)
        poll.poll_once(self.world.hub.ground, "letterbox", self.letterbox)
        # The hub's own sweep may have been quicker.
        assert until(lambda: found.partner_id in self.letterbox.settled)


@pytest.fixture
def doorway(make_world: Callable[..., World], tmp_path: Path) -> Iterator[Doorway]:
    """Return a running hub with its API, a partner that is polled, and a key for the municipality."""
    letterbox = Letterbox()
    with make_world({"letterbox": letterbox}) as world:
        server = serve(world.hub, "127.0.0.1", 0)
        key = add_key(world.hub.store, world.hub.ground.clock, organisation=p.MUNICIPALITY, name="doors", roles=["send", "inbox"])
        key_file = tmp_path / "doors.key"
        key_file.write_text(key)
        try:
            yield Doorway(world, letterbox, server.url, key, key_file)
        finally:
            server.stop()


def ready(world: World, door: str) -> Story:
    """Return a case with a consent that does not name Försäkringskassan, though the individual would have it at the table."""
    story = world.story()
    story.requested()
    story.consented(UNITS)
    story.approved((*UNITS, p.FK))
    assert door
    return story


def invitation(story: Story) -> Message:
    """Return the invitation, not handed in."""
    made: list[Message] = []
    story.send = made.append  # type: ignore[assignment]  # kept instead of sent
    story.invited([p.FK])
    return made[0]


def nothing_left(world: World, story: Story) -> None:
    """See that the invitation is withheld with its reason, and that the agency's folder is empty."""
    assert world.settled(story)
    rows = [row for row in world.deliveries(story) if row.recipient == p.FK]
    assert [(row.state, row.reason) for row in rows] == [("withheld", "basis.consent_missing")]
    assert world.files(p.FK, story) == []


@pytest.mark.req(13, 40)
@pytest.mark.parametrize("door", ["api", "reader", "submit", "poll"])
def test_a11_behind_someones_back(doorway: Doorway, door: str) -> None:
    """Given a consent that does not name FK, when it is invited through a door, then it hears nothing and the sender is told why."""
    story = ready(doorway.world, door)
    doorway.hand_in(invitation(story), door)
    nothing_left(doorway.world, story)


def test_a11_by_replaying_what_was_withheld(doorway: Doorway) -> None:
    """Given a withheld invitation, when an operator retries it, then the claim judges it again and withholds it again."""
    world, story = doorway.world, ready(doorway.world, "retry")
    doorway.hand_in(invitation(story), "api")
    (row,) = [found for found in world.deliveries(story) if found.recipient == p.FK]
    assert not operate.preview(world.hub.ground, row.id).allowed
    assert operate.operate(world.hub.ground, row.id, "retry", by="test", channel="retry") == "queued"
    assert until(lambda: world.deliveries(story)[-1].state == "withheld")
    nothing_left(world, story)


def test_a11_by_replaying_a_dead_letter_after_a_withdrawal(doorway: Doorway) -> None:
    """Given a lawful invitation held before it was sent, when the consent goes and an operator retries it, then nothing leaves."""
    world, story = doorway.world, ready(doorway.world, "retry")
    story.consented([p.FK])
    operate.switch(world.hub.ground, "stopped", by="test")
    send, message = story.send, invitation(story)
    doorway.hand_in(message, "api")
    (row,) = [found for found in world.deliveries(story) if found.recipient == p.FK]
    assert row.state == "queued"
    story.send = world.send
    story.withdrawn([p.FORSAKRINGSKASSAN])
    operate.switch(world.hub.ground, "running", by="test")
    assert operate.operate(world.hub.ground, row.id, "retry", by="test", channel="retry") == "queued"
    assert until(lambda: world.deliveries(story)[-1].state == "withheld")
    assert world.files(p.FK, story) == []
    assert send is not None


def test_every_door_has_its_case() -> None:
    """Given the list of doors, then each has a case in this file: a new one fails here until it has."""
    assert {door.name for door in DOORS} == {"api", "reader", "submit", "poll", "retry"}


@pytest.mark.req(10, 13, 55)
def test_with_a_consent_that_names_it_the_agency_is_invited_with_the_minimum(doorway: Doorway) -> None:
    """Given a consent that names FK, then FK gets an inbjudan: its own question, no participants, no unit's name, no narrative."""
    world, story = doorway.world, ready(doorway.world, "api")
    story.consented([p.FORSAKRINGSKASSAN], ("meeting", "invite"))
    doorway.hand_in(invitation(story), "api")
    assert world.settled(story)
    (document,) = world.files(p.FK, story)
    assert document["type"] == "meeting.invited"
    assert document["content"]["convener"] == {"name": "Norrby kommun", "phone": "090-123 45 67"}
    assert document["content"]["questions"] == [{"unit": p.FK, "text": f"Fråga till {p.FK}"}]
    assert document["recipients"] == [p.FK]
    assert "subject" not in document
    assert p.CONTACT not in str(document)


def test_who_is_not_in_the_case_hears_that_it_is_not_there(doorway: Doorway) -> None:
    """Given a case of two municipalities, when a third unit writes into it, then the answer is the same as for a case that does not exist."""
    story = ready(doorway.world, "api")
    stranger = doorway.world.story(case_id=story.case_id)
    answers = []
    for asked in (stranger, doorway.world.story()):
        with pytest.raises(NotThere) as refused:
            asked.withdrawn(by=p.SOCIAL_SERVICES)
        answers.append((refused.value.code, refused.value.detail, refused.value.problems))
    assert answers[0] == answers[1]


def test_one_answer_that_breaks_keeps_no_other_from_being_taken(doorway: Doorway) -> None:
    """Given two answers of which the first breaks the hub's reading of it, then the second is taken, and the first is asked for again."""
    world, story = doorway.world, ready(doorway.world, "poll")
    message = invitation(story)
    whole = Inbound(str(message.message_id), Submission(message.to_json(), "application/json"), organisation=p.MUNICIPALITY)
    doorway.letterbox.waiting += [Inbound("unread", Broken(), organisation=p.MUNICIPALITY), whole]
    assert until(lambda: whole.partner_id in doorway.letterbox.settled)
    assert "unread" not in doorway.letterbox.settled
    nothing_left(world, story)


class Broken(Submission):
    """A submission whose bytes cannot be had."""

    def __init__(self) -> None:
        super().__init__(b"", "application/json")

    def __getattribute__(self, name: str) -> object:
        if name == "body":
            raise RuntimeError("a plugin's bug")
        return super().__getattribute__(name)
