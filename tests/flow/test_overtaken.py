"""Things that happen at the same moment, or twice, or in the wrong order: nothing is lost, nobody is forgotten, nobody stands in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest

from siphub.broker import Ack, Bell, Consumer
from siphub.contract import (
    Accepted,
    AdapterInfo,
    Delivered,
    Inbound,
    Outcome,
    Payload,
    Permit,
    Receipt,
    Recipient,
    Rejected,
    Retry,
    Uncertain,
    hookimpl,
)
from siphub.errors import Busy, Conflict
from siphub.flow import attempt as attempts
from siphub.flow import deliver, expiry, operate, receipts, sweep, track
from siphub.flow.relay import Relay
from siphub.model import Address
from siphub.model import people as p
from siphub.store import Change, DeliveryRow, OutcomeRow
from siphub.testing import chapters
from siphub.testing.clock import Hand
from siphub.testing.small_plugins import Box, adapting, objecting
from siphub.testing.story import Story, until
from siphub.testing.world import World


class Told(Box):
    """An adapter that can recognise a repeat, and answers as told, Delivered in the end."""

    def __init__(self, name: str = "told") -> None:
        super().__init__(name)
        self.info = AdapterInfo(name=name, media_type="application/json", idempotent=True)
        self.answers: list[Outcome] = []
        self.objection: str | None = None

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take it, and answer as told."""
        super().deliver(payload, recipient, key)
        return self.answers.pop(0) if self.answers else Delivered()


@dataclass
class Reached(World):
    """A world in which home care is reached by the adapter `told`."""

    def address(self, unit: Any) -> Address:
        """Return the address of home care, and the world's for everybody else."""
        return Address(adapter="told", endpoint="told:home-care") if unit == p.HOME_CARE else super().address(unit)


@pytest.fixture
def told() -> Told:
    """Return the adapter."""
    return Told()


@pytest.fixture
def hand() -> Hand:
    """Return a clock that a test turns."""
    return Hand()


@pytest.fixture
def still(make_world: Callable[..., World], told: Told, hand: Hand) -> Iterator[World]:
    """Return a hub whose workers stand still, with a clock that stands still too."""
    made = make_world()
    given = {"permit": "30s", "lease": "60s", "open_limit": 2}
    plugins = {"told": adapting(told), "against": objecting(lambda _cut, _recipient: told.objection)}
    world = Reached(made.sandbox, made.folders, made.data, given=given, plugins=plugins, clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()


def called(world: World, **more: Any) -> tuple[Story, DeliveryRow]:
    """Return a case with one kallelse that waits."""
    story = world.story(now=world.hub.ground.now().replace(microsecond=0))
    story.ready([p.HOME_CARE])
    story.say(story.kallelse(), [p.HOME_CARE], **more)
    return story, newest(world, story)


def newest(world: World, story: Story, message_type: str = "meeting.summoned") -> DeliveryRow:
    """Return the newest delivery of a type."""
    return [row for row in world.deliveries(story) if row.message_type == message_type][-1]


def claim(world: World, row: DeliveryRow) -> tuple[DeliveryRow, Permit]:
    """Claim one delivery."""
    (claimed,) = deliver.claim(world.hub.ground, [row.id], world.hub.ground.directory())
    return claimed


def send(world: World, row: DeliveryRow) -> None:
    """Claim, attempt and record one delivery, as a worker does."""
    ground = world.hub.ground
    claimed, permit = claim(world, row)
    deliver.record(ground, [attempts.attempt(ground, claimed, permit, ground.directory())])


def test_a_receipt_in_flight_does_not_hide_a_withdrawal(still: World, told: Told) -> None:
    """Given a send in flight, when all is withdrawn and then the partner's receipt overtakes our record, then the unit is called back."""
    story, row = called(still)
    ground = still.hub.ground
    told.answers = [Accepted()]
    claimed, permit = claim(still, row)
    outcome = attempts.attempt(ground, claimed, permit, ground.directory())
    story.withdrawn()
    receipts.note(ground, "told", Receipt(row.key, "received", ground.now()))
    deliver.record(ground, [outcome])
    assert newest(still, story).state == "recalled"
    assert newest(still, story, "stop.notice").recipient == p.HOME_CARE


def in_flight(world: World, told: Told, answer: Outcome) -> tuple[Story, OutcomeRow]:
    """Return a case consented to for an hour, with a kallelse that was sent and answered so, and what is to be recorded of it."""
    story = world.story(now=world.hub.ground.now().replace(microsecond=0))
    story.requested()
    story.consented([p.HOME_CARE], valid_until=story.now + timedelta(hours=1))
    story.approved([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    told.answers = [answer]
    claimed, permit = claim(world, newest(world, story))
    return story, attempts.attempt(world.hub.ground, claimed, permit, world.hub.ground.directory())


Overtakes = Callable[[Story], object]
WITHDRAWN, RAN_OUT, OVER = ("withheld", "withdrawn"), ("withheld", "basis.consent_expired"), ("superseded", "superseded")


@pytest.mark.parametrize(
    ("overtakes", "hours", "becomes"),
    [
        pytest.param([Story.withdrawn], 0, WITHDRAWN, id="consent taken back"),
        pytest.param([], 2, RAN_OUT, id="consent ran out"),
        pytest.param([chapters.deceased], 0, OVER, id="the individual died"),
        pytest.param([partial(Story.cancelled, units=[p.HOME_CARE])], 0, OVER, id="the meeting was called off"),
        pytest.param([Story.withdrawn, chapters.deceased], 0, WITHDRAWN, id="taken back, then died"),
        pytest.param([partial(Story.cancelled, units=[p.HOME_CARE]), Story.withdrawn], 0, WITHDRAWN, id="called off, then taken back"),
    ],
)
def test_what_is_overtaken_in_flight_and_does_not_arrive_says_by_what(
    still: World, told: Told, hand: Hand, overtakes: list[Overtakes], hours: int, becomes: tuple[str, str]
) -> None:
    """Given a send in flight that fails, then it ends as if it had waited when it was overtaken: "taken back" is said of what was taken back alone."""
    story, outcome = in_flight(still, told, Retry("partner.http_503"))
    for overtake in overtakes:
        overtake(story)
    hand.on(timedelta(hours=hours))
    assert expiry.expire_consents(still.hub.ground) == (hours > 0)
    deliver.record(still.hub.ground, [outcome])
    row = newest(still, story)
    assert (row.state, row.reason) == becomes
    assert not [row for row in still.deliveries(story) if row.message_type == "stop.notice"]


def test_what_arrives_after_its_consent_ran_out_is_called_back_for_that(still: World, told: Told, hand: Hand) -> None:
    """Given a send in flight that arrives, when its consent runs out meanwhile, then it is called back, and the reason is not that it was taken back."""
    story, outcome = in_flight(still, told, Accepted())
    hand.on(timedelta(hours=2))
    assert expiry.expire_consents(still.hub.ground) == 1
    deliver.record(still.hub.ground, [outcome])
    assert (newest(still, story).state, newest(still, story).reason) == ("recalled", "basis.consent_expired")
    assert newest(still, story, "stop.notice").recipient == p.HOME_CARE


def test_a_sweep_that_looked_before_a_withdrawal_does_not_hide_it(still: World, hand: Hand) -> None:
    """Given a lease that ran out, when a withdrawal comes between the sweep's look and its change, then the unit is called back."""
    story, row = called(still)
    claim(still, row)
    hand.at += timedelta(seconds=61)
    story.withdrawn()
    late = Change(
        from_states=frozenset({"sending"}),
        to_state="queued",
        event="lease.expired",
        at=hand.at,
        fence=1,
        uncertain=True,
        lease_expired=True,
    )
    with still.hub.store.write() as work:
        assert not work.deliveries.change(row.id, late)
    assert sweep.expire_leases(still.hub.ground) == 1
    assert newest(still, story).state == "recalled"
    assert newest(still, story, "stop.notice").recipient == p.HOME_CARE


@pytest.mark.parametrize("what", ["superseded", "expired"])
def test_a_doubt_outlives_what_was_decided_since(still: World, told: Told, hand: Hand, what: str) -> None:
    """Given a send in doubt that was then superseded, or grew too old, when the meeting is called off, then the unit is told."""
    story, row = called(still, expires_at=hand.at + timedelta(hours=1) if what == "expired" else None)
    told.answers = [Uncertain("partner.silent")]
    send(still, row)
    assert newest(still, story).uncertain
    if what == "superseded":
        send(still, newest(still, story, "sip.requested"))
        story.rescheduled([p.HOME_CARE])
    else:
        hand.at += timedelta(hours=2)
        sweep.expire_messages(still.hub.ground)
    assert newest(still, story).state == what
    story.cancelled([p.HOME_CARE], version=2 if what == "superseded" else 1)
    assert newest(still, story).state == "recalled"
    notices = [row for row in still.deliveries(story) if row.message_type == "stop.notice"]
    assert [row.recipient for row in notices] == [p.HOME_CARE]


@pytest.mark.parametrize("answer", [Accepted(), Uncertain("partner.silent")])
def test_a_withdrawal_reaches_what_was_taken_care_of_by_hand(still: World, told: Told, answer: Outcome) -> None:
    """Given a kallelse that is or may be at the partner, and that a person took care of, when all is withdrawn, then somebody phones, once."""
    story, row = called(still)
    told.answers = [answer]
    send(still, row)
    operate.operate(still.hub.ground, row.id, "handled", by="operator", channel="retry")
    story.withdrawn()
    story.cancelled([p.HOME_CARE])
    calls = [item for item in track.desk(still.hub.ground) if item.type == "recall.phone"]
    assert [(item.delivery_id, item.unit) for item in calls] == [(row.id, p.CONTACT)]


def test_a_retry_never_calls_to_a_meeting_that_was_called_off(still: World, told: Told) -> None:
    """Given a kallelse that the partner rejected, and the meeting called off since, then a retry is refused, and its preview says why."""
    story, row = called(still)
    told.answers = [Rejected("partner.full")]
    send(still, row)
    story.cancelled([p.HOME_CARE])
    with pytest.raises(Conflict) as refused:
        operate.operate(still.hub.ground, row.id, "retry", by="operator", channel="retry")
    assert refused.value.code == "delivery.outdated"
    seen = operate.preview(still.hub.ground, row.id)
    assert (seen.allowed, seen.reason) == (False, "superseded")


@pytest.mark.parametrize("again", [True, False])
def test_a_retry_never_calls_back_what_was_agreed_anew(still: World, told: Told, again: bool) -> None:
    """Given a stop notice that the partner rejected, and the meeting called again under a new consent since, then a retry of the notice is refused."""
    story, row = called(still)
    send(still, row)
    story.withdrawn()
    told.answers = [Rejected("partner.full")]
    send(still, newest(still, story, "stop.notice"))
    notice = newest(still, story, "stop.notice")
    story.consented([p.HOME_CARE])
    if again:
        story.approved([p.HOME_CARE])
        story.summoned([p.HOME_CARE])
        with pytest.raises(Conflict) as refused:
            operate.operate(still.hub.ground, notice.id, "retry", by="operator", channel="retry")
        assert refused.value.code == "delivery.outdated"
    assert (notice.state, operate.preview(still.hub.ground, notice.id).allowed) == ("rejected", not again)


def test_what_is_held_again_is_somebodys_work_again(still: World, told: Told) -> None:
    """Given a delivery that a plugin objected to and a person released, when it is objected to again, then a person is told again."""
    story, row = called(still)
    told.objection = "partner.closed_today"
    ground = still.hub.ground
    for _ in range(3):
        deliver.object_to(ground, row.id, ground.directory())
        assert (newest(still, story).state, newest(still, story).reason) == ("held", "objection")
        assert [item.type for item in track.desk(ground)] == ["delivery.objection"]
        operate.operate(ground, row.id, "release", by="operator", channel="retry")
        assert track.desk(ground) == ()


def test_what_the_claim_finds_too_old_is_somebodys_work(still: World, hand: Hand) -> None:
    """Given a kallelse that grew too old in the queue, when the claim finds it before the sweep does, then a person is told all the same."""
    story, row = called(still, expires_at=hand.at + timedelta(hours=1))
    hand.at += timedelta(hours=2)
    assert deliver.claim(still.hub.ground, [row.id], still.hub.ground.directory()) == []
    assert newest(still, story).state == "expired"
    assert [item.type for item in track.desk(still.hub.ground)] == ["delivery.message.expired"]


def test_a_withdrawal_never_waits_for_what_it_stops(still: World) -> None:
    """Given an organisation with too much on its way, then a new time is refused for now, and a withdrawal is taken."""
    story, row = called(still)
    with pytest.raises(Busy) as refused:
        story.rescheduled([p.HOME_CARE])
    assert refused.value.code == "hub.too_much_open"
    story.withdrawn()
    assert newest(still, story).state == "withheld"
    assert row.id == newest(still, story).id


def test_one_that_cannot_be_opened_keeps_no_neighbour_from_being_asked_about(still: World) -> None:
    """Given a delivery whose case can no longer be opened, when plugins are asked about it, then it is held, and nothing is raised."""
    story, row = called(still)
    still.hub.store.keys.forget_case(story.owner, str(story.case_id))
    deliver.object_to(still.hub.ground, row.id, still.hub.ground.directory())
    assert newest(still, story).state == "held"


class Queue:
    """A broker in one list: it hands its consumer what a test rings, and can break once."""

    def __init__(self) -> None:
        self.on_bell: Callable[[Bell, Ack], None] = lambda _bell, _ack: None
        self.published: list[Bell] = []
        self.breaks = 0

    def consume(self, _queue: str, on_bell: Callable[[Bell, Ack], None], _prefetch: int, _on_restored: object) -> Consumer:
        """Remember who listens."""
        self.on_bell = on_bell
        return cast("Consumer", Standing())

    def publish(self, bells: Sequence[Bell], _timeout: timedelta) -> None:
        """Keep them, or break in a way nobody foresaw."""
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError
        self.published += bells


class Standing:
    """A consumer that stands."""

    alive = True

    def stop(self, _timeout: timedelta) -> None:
        """Go."""


class Acked:
    """Says when it was acked."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def ack(self) -> None:
        """Note it."""
        self.done.set()

    def requeue(self) -> None:
        """Do nothing."""


def test_every_bell_of_a_delivery_rung_twice_is_acked(still: World, told: Told) -> None:
    """Given two bells for one delivery, taken at once, then it is sent once and both bells are acked: none is held for ever."""
    story, row = called(still)
    queue = Queue()
    ground = replace(still.hub.ground, broker=cast("Any", queue))
    worker = deliver.Worker(ground, ["told"])
    worker.start()
    bells = [Acked(), Acked()]
    try:
        with still.hub.store.write():  # the claimer waits, so that it takes the two together
            queue.on_bell(Bell("told", ("0b8f7a2e-0000-4000-8000-000000000000",)), Acked())
            time.sleep(0.1)
            for bell in bells:
                queue.on_bell(Bell("told", (row.id,)), bell)
        assert all(bell.done.wait(5) for bell in bells)
    finally:
        worker.stop()
    assert (newest(still, story).state, newest(still, story).attempts, len(told.sent)) == ("delivered", 1, 1)


def test_a_relay_outlives_what_nobody_foresaw(still: World) -> None:
    """Given a broker that breaks in a way nobody foresaw, then the relay is still there afterwards, and rings."""
    called(still)
    queue = Queue()
    queue.breaks = 1
    relay = Relay(replace(still.hub.ground, broker=cast("Any", queue)), lambda _ids: None)
    relay.start()
    try:
        assert until(lambda: queue.published)
        assert relay.alive
    finally:
        relay.stop()
    assert not relay.alive


class Partner(Box):
    """An adapter that is polled."""

    def __init__(self, name: str, *, away: bool) -> None:
        super().__init__(name)
        self.away = away
        self.polled = 0

    def poll(self, _cursor: str | None) -> Iterable[Inbound]:
        """Have nothing to say, or fail to say it."""
        self.polled += 1
        if self.away:
            raise RuntimeError
        return ()

    def settle(self, partner_id: str) -> None:
        """Forget it."""

    @hookimpl
    def siphub_adapters(self) -> Iterable[Any]:
        """Offer itself."""
        return [self]


def test_a_partner_that_cannot_be_polled_keeps_no_other_from_being_heard(make_world: Callable[..., World]) -> None:
    """Given two partners to poll, when the first one breaks, then the other is polled in the same sweep."""
    away, there = Partner("aaa-away", away=True), Partner("zzz-there", away=False)
    with make_world(plugins={"aaa-away": away, "zzz-there": there}):
        assert until(lambda: away.polled >= 2)
        assert there.polled
