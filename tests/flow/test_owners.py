"""On whose behalf an adapter acts: it is told wherever it acts, and what concerns one owner of a hub changes nothing for another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from siphub.contract import Accepted, AdapterInfo, Cut, Inbound, Outcome, Payload, Receipt, Recipient, Uncertain
from siphub.flow import attempt as attempts
from siphub.flow import deliver, retention, track
from siphub.flow.letters import recipient_of
from siphub.flow.poll import poll_once
from siphub.model import Address
from siphub.model import people as p
from siphub.store import DeliveryRow
from siphub.testing.clock import Hand
from siphub.testing.small_plugins import OwnPlugin
from siphub.testing.story import Story
from siphub.testing.world import World

DECIDED = {owner: {"keep": "30 d", "decision": "KS 2026/117"} for owner in (p.MUNICIPALITY, p.NEIGHBOUR)}


@dataclass
class Post(OwnPlugin):
    """An adapter that notes for whom it acts, answers as told, and gives what lies at it."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    lies: list[Inbound] = field(default_factory=list)
    recorded_ids: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    info: AdapterInfo = field(default_factory=lambda: AdapterInfo(name="post", media_type="text/plain", receipts="later"))

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Say which message it is."""
        self.asked.append(("translate", recipient.owner))
        return Payload(cut.message_id.encode(), "text/plain", plugin="post@1")

    def refusal(self, recipient: Recipient) -> None:
        """Refuse nothing."""
        self.asked.append(("refusal", recipient.owner))

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Answer as told."""
        self.asked.append(("deliver", recipient.owner))
        return self.answers.pop(0) if self.answers else Accepted()

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Have it."""
        self.asked.append(("confirm", recipient.owner))
        return Accepted()

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Take it away, but not for whoever keeps everything."""
        self.asked.append(("erase", recipient.owner))
        return recipient.owner not in self.kept

    def poll(self, cursor: str | None) -> Iterable[Inbound]:
        """Give what lies there."""
        return list(self.lies)

    def settle(self, partner_id: str) -> None:
        """Keep it all."""

    def recorded(self, partner_id: str) -> None:
        """Note it."""
        self.recorded_ids.append(partner_id)


@dataclass
class Posted(World):
    """A world in which FK is reached by the post."""

    def address(self, unit: Any) -> Address:
        """Return the post's address for FK."""
        return Address(adapter="post", endpoint="post:fk") if unit == p.FK else super().address(unit)


@pytest.fixture
def post() -> Post:
    """Return the adapter."""
    return Post()


@pytest.fixture
def hand() -> Hand:
    """Return a clock that a test turns."""
    return Hand()


@pytest.fixture
def still(make_world: Callable[..., World], post: Post, hand: Hand) -> Iterator[World]:
    """Return a hub whose workers stand still."""
    made = make_world()
    given = {"permit": "30s", "lease": "60s", "retention": DECIDED}
    world = Posted(made.sandbox, made.folders, made.data, given=given, plugins={"post": post}, clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()


def invited(world: World, **more: Any) -> tuple[Story, DeliveryRow]:
    """Return a case with an invitation to FK."""
    story = world.story(now=world.hub.ground.now(), **more)
    story.ready([p.FK])
    story.invited([p.FK])
    return story, newest(world, story)


def theirs(world: World) -> tuple[Story, DeliveryRow]:
    """Return the neighbour's."""
    return invited(world, owner=p.NEIGHBOUR, contact=p.SOCIAL_SERVICES)


def newest(world: World, story: Story) -> DeliveryRow:
    """Return the newest delivery to FK."""
    return [row for row in world.deliveries(story) if row.recipient == p.FK][-1]


def send(world: World, story: Story) -> None:
    """Claim, attempt and record the newest delivery to FK."""
    ground = world.hub.ground
    for row, permit in deliver.claim(ground, [newest(world, story).id], ground.directory()):
        deliver.record(ground, [attempts.attempt(ground, row, permit, ground.directory())])


def test_an_adapter_is_told_for_whom_it_acts_wherever_it_acts(still: World, post: Post, hand: Hand) -> None:
    """Given the cases of two owners with one agency, then the adapter is told the owner of each when it translates, refuses, sends, asks and erases; a directory is looked at for nobody."""
    assert {owner for _, owner in post.asked} == {""}
    for make, owner in ((invited, p.MUNICIPALITY), (theirs, p.NEIGHBOUR)):
        story, row = make(still)
        post.asked, post.answers = [], [Uncertain("partner.reset")]
        send(still, story)
        hand.at += timedelta(minutes=10)
        send(still, story)
        assert newest(still, story).state == "awaiting_receipt"
        registry = still.hub.ground.registry
        assert registry.erase(row.key, recipient_of(newest(still, story), still.hub.ground.directory()))
        assert [what for what, _ in post.asked] == ["refusal", "translate", "deliver", "refusal", "translate", "confirm", "erase"]
        assert {told for _, told in post.asked} == {owner}


@pytest.mark.parametrize("kind", ["received", "rejected"])
def test_a_receipt_at_one_owners_place_is_no_word_about_anothers_delivery(still: World, post: Post, kind: Any) -> None:
    """Given a receipt from the right organisation that lies at another owner's place, then it changes nothing and is shown to both, nothing may be deleted for it, and the one at the owner's own place counts."""
    story, row = invited(still)
    send(still, story)
    ground = still.hub.ground
    stray = Receipt(row.key, kind, ground.now(), "BV.not-found")
    post.lies = [Inbound("stray", stray, organisation=p.FORSAKRINGSKASSAN, owner=p.NEIGHBOUR)]
    poll_once(ground, "post", post)
    assert newest(still, story).state == "awaiting_receipt"
    desk = [(item.type, item.owner, item.unit) for item in track.desk(ground)]
    shown = [("inbound.not_theirs", p.MUNICIPALITY, p.CONTACT), ("inbound.not_theirs", p.NEIGHBOUR, p.NEIGHBOUR)]
    assert sorted(desk) == sorted(shown)
    own = Receipt(row.key, "received", ground.now())
    post.lies = [Inbound("own", own, organisation=p.FORSAKRINGSKASSAN, owner=p.MUNICIPALITY)]
    poll_once(ground, "post", post)
    assert (newest(still, story).state, post.recorded_ids) == ("delivered", ["own"])
    post.lies = [Inbound("again", own, organisation=p.FORSAKRINGSKASSAN, owner=p.NEIGHBOUR)]
    poll_once(ground, "post", post)
    assert post.recorded_ids == ["own"]


def test_one_owners_place_that_clears_nothing_away_keeps_no_others_from_being_cleared(still: World, post: Post, hand: Hand) -> None:
    """Given erased cases of two owners with one agency, and a place that takes away nothing for the first, then the other's case is done with."""
    cases = [invited(still)[0], theirs(still)[0]]
    for story in cases:
        send(still, story)
        story.closed([p.FK])
        with still.hub.store.write() as work:
            work.erasure.case(story.owner, str(story.case_id), at=hand.at, forget_at=hand.at + timedelta(days=90))
    for kept, expected in (({p.MUNICIPALITY}, [False, True]), (set[str](), [True, True])):
        post.kept = set(kept)
        retention.finish(still.hub.ground)
        with still.hub.store.read() as work:
            rows = [work.cases.get(story.owner, str(story.case_id)) for story in cases]
        assert [row is not None and row.key_gone_at is not None for row in rows] == expected
