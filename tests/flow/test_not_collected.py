"""A receipt that does not come: somebody phones, nothing is sent twice, and a late word still counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from siphub.contract import Accepted, AdapterInfo, Delivered, Outcome, Payload, Receipt, Recipient
from siphub.errors import Conflict
from siphub.flow import attempt as attempts
from siphub.flow import deliver, notify, operate, receipts, track
from siphub.flow.letters import open_message
from siphub.flow.sweep import sweep
from siphub.model import Address, Message
from siphub.model import people as p
from siphub.model.messages.around import DeliveryFailed
from siphub.store import Change, DeliveryRow
from siphub.testing.clock import Hand
from siphub.testing.small_plugins import Box, adapting
from siphub.testing.story import Story
from siphub.testing.world import World

WITHIN = timedelta(days=5)
SECOND = timedelta(seconds=1)


class Later(Box):
    """An adapter whose receipts come later, if they come."""

    def __init__(self) -> None:
        super().__init__("later")
        self.info = AdapterInfo(name="later", media_type="application/json", receipts="later", idempotent=True)
        self.answer: Outcome = Accepted()
        self.keys: list[str] = []

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take it, and answer as told."""
        self.keys.append(key)
        return self.answer


@dataclass
class Reached(World):
    """A world in which home care is reached by the adapter `later`."""

    def address(self, unit: Any) -> Address:
        """Return the address of home care, and the world's for everybody else."""
        return Address(adapter="later", endpoint="later:home-care") if unit == p.HOME_CARE else super().address(unit)


@pytest.fixture
def later() -> Later:
    """Return the adapter."""
    return Later()


@pytest.fixture
def hand() -> Hand:
    """Return a clock that a test turns."""
    return Hand()


@pytest.fixture
def still(make_world: Callable[..., World], later: Later, hand: Hand) -> Iterator[World]:
    """Return a hub whose workers stand still."""
    made = make_world()
    given = {"permit": "30s", "lease": "60s"}
    world = Reached(made.sandbox, made.folders, made.data, given=given, plugins={"later": adapting(later)}, clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()


def sent(world: World) -> tuple[Story, DeliveryRow]:
    """Return a case whose kallelse has been sent, and waits for its receipt."""
    story, ground = world.story(now=world.hub.ground.now().replace(microsecond=0)), world.hub.ground
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    row = newest(world, story)
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    deliver.record(ground, [attempts.attempt(ground, claimed, permit, ground.directory())])
    return story, newest(world, story)


def newest(world: World, story: Story, message_type: str = "meeting.summoned") -> DeliveryRow:
    """Return the newest delivery of a type."""
    return [row for row in world.deliveries(story) if row.message_type == message_type][-1]


def opened(world: World, row: DeliveryRow) -> Message:
    """Return a delivery's message."""
    with world.hub.store.read() as work:
        stored = work.messages.get(row.owner, row.message_row)
    assert stored is not None
    return open_message(stored, world.hub.store.seal_of_case(row.owner, row.case_id))


def desk(world: World) -> list[str]:
    """Return what is open about deliveries."""
    return [item.type for item in track.desk(world.hub.ground) if item.type.startswith("delivery.")]


def overdue(world: World, hand: Hand) -> tuple[Story, DeliveryRow]:
    """Return a case whose kallelse has waited too long, and whose sender has been told."""
    story, row = sent(world)
    hand.at += WITHIN
    sweep(world.hub.ground)
    assert desk(world) == ["delivery.send.not_collected"]
    return story, row


def test_what_nobody_collects_is_somebodys_work_once_and_is_not_sent_again(still: World, hand: Hand, later: Later) -> None:
    """Given a kallelse without a receipt, when five days have gone, then its sender phones and is told why, once; the partner gets nothing more."""
    story, row = sent(still)
    assert row.state == "awaiting_receipt"
    hand.at += WITHIN - SECOND
    sweep(still.hub.ground)
    assert desk(still) == []
    hand.at += SECOND
    sweep(still.hub.ground)
    hand.at += 3 * WITHIN
    sweep(still.hub.ground)
    assert desk(still) == ["delivery.send.not_collected"]
    (item,) = (found for found in track.desk(still.hub.ground) if found.type == "delivery.send.not_collected")
    assert (item.unit, item.delivery_id) == (p.CONTACT, row.id)
    told = [found for found in still.deliveries(story) if found.message_type == "delivery.failed"]
    assert [found.recipient for found in told] == [p.CONTACT]
    content = opened(still, told[0]).content
    assert isinstance(content, DeliveryFailed)
    assert (str(content.message_id), content.recipient, content.reason, content.fallback) == (
        row.message_id,
        p.HOME_CARE,
        "send.not_collected",
        "phone",
    )
    assert (newest(still, story).state, newest(still, story).reason) == ("awaiting_receipt", "send.not_collected")
    assert later.keys == [row.key]
    with pytest.raises(Conflict):
        operate.operate(still.hub.ground, row.id, "retry", by="eva", channel="cli")


@pytest.mark.parametrize("kind", ["received", "read"])
def test_a_late_receipt_counts_and_closes_the_work(still: World, hand: Hand, kind: Any) -> None:
    """Given a kallelse whose sender was asked to phone, when its receipt comes after all, then it has arrived, and nobody phones."""
    story, row = overdue(still, hand)
    assert receipts.note(still.hub.ground, "later", Receipt(row.key, kind, hand.at))
    assert newest(still, story).state == {"received": "delivered", "read": "read"}[kind]
    assert desk(still) == []


def test_a_late_no_is_told_as_what_it_is(still: World, hand: Hand) -> None:
    """Given the same, when the partner turns it away after all, then the sender hears that too, and the work is about the no."""
    story, row = overdue(still, hand)
    receipts.note(still.hub.ground, "later", Receipt(row.key, "rejected", hand.at, code="BV.not-found"))
    assert desk(still) == ["delivery.rejected.BV.not-found"]
    assert notify.tell_failures(still.hub.ground) == 1
    assert [found.message_type for found in still.deliveries(story)].count("delivery.failed") == 2


def test_what_a_person_has_seen_to_is_over(still: World, hand: Hand) -> None:
    """Given the same, when the sender says that it is seen to, or all is withdrawn, then nothing is open about it."""
    story, row = overdue(still, hand)
    operate.operate(still.hub.ground, row.id, "handled", by="eva", channel="cli")
    assert (newest(still, story).state, desk(still)) == ("handled_manually", [])
    other, _ = overdue(still, hand)
    other.withdrawn()
    assert (newest(still, other).state, desk(still)) == ("recalled", [])


def test_what_arrived_in_time_is_nobodys_work(still: World, hand: Hand, later: Later) -> None:
    """Given a receipt at once, then nobody is told anything however long it is ago."""
    later.answer = Delivered()
    story, row = sent(still)
    hand.at += 10 * WITHIN
    assert (row.state, notify.tell_overdue(still.hub.ground), desk(still)) == ("delivered", 0, [])
    assert "delivery.failed" not in {found.message_type for found in still.deliveries(story)}


def test_the_hubs_own_word_that_is_not_collected_is_work_alone(still: World, hand: Hand) -> None:
    """Given a sender that does not collect the word of a failure either, then there is work for a person, and no word about the word."""
    story, row = overdue(still, hand)
    failed = newest(still, story, "delivery.failed")
    with still.hub.store.write() as work:
        for state, event in (("sending", "claim.permit"), ("awaiting_receipt", "outcome.accepted")):
            came_from = frozenset({"queued", "sending"})
            assert work.deliveries.change(failed.id, Change(from_states=came_from, to_state=state, event=event, at=hand.at))
    hand.at += WITHIN
    assert notify.tell_overdue(still.hub.ground) == 1
    assert desk(still) == ["delivery.send.not_collected"] * 2
    assert [found.message_type for found in still.deliveries(story)].count("delivery.failed") == 1
    assert row.id != failed.id
