"""One delivery at a time: the claim judges again, the permit runs out, a lost claim changes nothing, an unknown end stays unknown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import (
    UNKNOWN_PARTY,
    Accepted,
    AdapterInfo,
    Cut,
    Delivered,
    Outcome,
    Payload,
    Permit,
    Receipt,
    Recipient,
    Rejected,
    Retry,
    Uncertain,
)
from siphub.flow import attempt as attempts
from siphub.flow import carriers, deliver, operate, receipts, sweep, track
from siphub.model import CATALOGUE, Address, Directory
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.store import DeliveryRow
from siphub.testing.clock import Hand
from siphub.testing.small_plugins import OwnPlugin
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World
from siphub_fhir import Fhir


@dataclass
class Wire(OwnPlugin):
    """An adapter that keeps what it is given, checks nothing itself, and answers as told."""

    answers: list[Outcome | BaseException] = field(default_factory=list)
    took: list[tuple[str, bytes]] = field(default_factory=list)
    note: bytes = b""
    info: AdapterInfo = field(default_factory=lambda: AdapterInfo(name="wire", media_type="text/plain", idempotent=True))

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Say which message it is."""
        return Payload(cut.message_id.encode() + self.note, "text/plain", plugin="wire@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Keep it, and answer as told, Delivered in the end."""
        self.took.append((key, payload.body))
        answer = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class Wired(World):
    """A world in which home care is reached by the wire."""

    def address(self, unit: Any) -> Address:
        """Return the wire's address for home care."""
        return Address(adapter="wire", endpoint="wire:home-care") if unit == p.HOME_CARE else super().address(unit)


@pytest.fixture
def wire() -> Wire:
    """Return an adapter that keeps what it is given."""
    return Wire()


@pytest.fixture
def hand() -> Hand:
    """Return a clock that a test turns."""
    return Hand()


@pytest.fixture
def still(make_world: Callable[..., World], wire: Wire, hand: Hand) -> Iterator[World]:
    """Return a hub whose workers stand still, with a clock that stands still too."""
    made = make_world()
    world = Wired(made.sandbox, made.folders, made.data, given={"permit": "30s", "lease": "60s"}, plugins={"wire": wire}, clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()


def called(world: World, unit: str = p.HOME_CARE, **more: Any) -> tuple[Story, DeliveryRow]:
    """Return a case with one kallelse that waits."""
    story = world.story(now=world.hub.ground.now())
    story.requested()
    story.consented([unit], **more)  # type: ignore[list-item]  # a unit's id
    story.approved([unit])  # type: ignore[list-item]
    story.summoned([unit])  # type: ignore[list-item]
    return story, newest(world, story)


def newest(world: World, story: Story, message_type: str = "meeting.summoned") -> DeliveryRow:
    """Return the newest delivery of a type."""
    return [row for row in world.deliveries(story) if row.message_type == message_type][-1]


def send(world: World, row: DeliveryRow) -> list[Any]:
    """Claim, attempt and record one delivery, as a worker does; return what was claimed."""
    ground = world.hub.ground
    claimed = deliver.claim(ground, [row.id], ground.directory())
    outcomes = [attempts.attempt(ground, found, permit, ground.directory()) for found, permit in claimed]
    if outcomes:
        deliver.record(ground, outcomes)
    return claimed


def test_a_type_the_adapter_does_not_carry_is_held_at_intake(still: World, wire: Wire) -> None:
    """Given an adapter whose datasheet lists invitations only, when a kallelse comes in, then it is held with the reason and is a person's work."""
    wire.info = replace(wire.info, kinds=frozenset({"meeting.invited"}))
    story, row = called(still)
    assert (row.state, row.reason) == ("held", "adapter.kind_unsupported")
    assert send(still, row) == []
    assert wire.took == []
    with still.hub.store.read() as work:
        items = [(item.type, item.delivery_id) for item in work.work_items.open_items(story.owner)]
    assert items == [("delivery.adapter.kind_unsupported", row.id)]


def test_a_type_the_adapter_no_longer_carries_is_held_at_the_attempt(still: World, wire: Wire) -> None:
    """Given a queued kallelse, when the adapter's datasheet has lost that type before the attempt, then not a byte is sent and it is held."""
    story, row = called(still)
    assert row.state == "queued"
    wire.info = replace(wire.info, kinds=frozenset({"meeting.invited"}))
    send(still, row)
    assert (newest(still, story).state, newest(still, story).reason) == ("held", "adapter.kind_unsupported")
    assert wire.took == []


def test_every_type_without_a_form_in_fhir_is_held(still: World, wire: Wire) -> None:
    """Given the FHIR adapter's datasheet, each type of `siphub sample --list` that it does not carry is held with the reason, at intake and at an attempt."""
    _, row = called(still)
    wire.info = replace(wire.info, kinds=Fhir.info.kinds)
    ground = still.hub.ground
    [(found, permit)] = deliver.claim(ground, [row.id], ground.directory())
    left = sorted(set(CATALOGUE) - Fhir.info.kinds)
    assert {"consent.given", "consent.amended", "consent.refused", "consent.withdrawn"} <= set(left)
    for name in left:
        outcome = attempts.attempt(ground, replace(found, message_type=name), permit, ground.directory())
        assert (outcome.state, outcome.reason) == ("held", "adapter.kind_unsupported"), name
        assert carriers.why_not(ground, "wire", name) == "adapter.kind_unsupported", name
    assert {carriers.why_not(ground, "wire", name) for name in Fhir.info.kinds} == {None}
    assert wire.took == []


def test_a_notice_of_the_hub_asks_the_adapter_too(still: World, wire: Wire) -> None:
    """Given a kallelse that arrived, when it is called back over an adapter that carries no stop notice, then the notice is a person's work."""
    story, row = called(still)
    wire.info = replace(wire.info, kinds=frozenset({"meeting.summoned"}))
    send(still, row)
    story.cancelled([p.HOME_CARE])
    notice = newest(still, story, "stop.notice")
    assert (notice.state, notice.reason) == ("held", "adapter.kind_unsupported")


@pytest.mark.req(89)
def test_a_consent_that_ran_out_in_the_queue_is_noticed_at_the_claim(still: World, wire: Wire, hand: Hand) -> None:
    """Given a consent valid for an hour, when the kallelse is claimed after two, then it is withheld and not a byte is sent."""
    story, row = called(still, valid_until=hand.at + timedelta(hours=1))
    hand.at += timedelta(hours=2)
    assert send(still, row) == []
    assert (newest(still, story).state, newest(still, story).reason) == ("withheld", "basis.consent_expired")
    assert wire.took == []


def test_an_expired_permit_sends_nothing(still: World, wire: Wire) -> None:
    """Given an adapter that checks nothing itself, when the permit has run out before the first byte, then it is not even asked."""
    story, row = called(still)
    ground = still.hub.ground
    ((claimed, _),) = deliver.claim(ground, [row.id], ground.directory())
    outcome = attempts.attempt(ground, claimed, Permit(time.monotonic() - 0.001), ground.directory())
    assert (outcome.outcome, outcome.state, wire.took) == ("permit_expired", "queued", [])
    deliver.record(ground, [outcome])
    send(still, newest(still, story))
    assert len(wire.took) == 1
    assert newest(still, story).state == "delivered"


def test_an_outcome_under_an_old_fence_changes_nothing(still: World, hand: Hand) -> None:
    """Given a worker that slept past its lease and another that delivered, then the first one's word is kept as evidence only."""
    story, row = called(still)
    ground = still.hub.ground
    ((first, permit),) = deliver.claim(ground, [row.id], ground.directory())
    hand.at += timedelta(minutes=2)
    assert sweep.expire_leases(ground) == 1
    send(still, newest(still, story))
    assert newest(still, story).state == "delivered"
    late = attempts._by_outcome(ground, first, Rejected("partner.http_400"))
    deliver.record(ground, [late])
    assert newest(still, story).state == "delivered"
    history = track.delivery(ground, row.id)
    assert [(found.fence, found.late, found.outcome) for found in history.attempts] == [(1, True, "rejected"), (2, False, "delivered")]
    assert permit is not None


def test_three_leases_without_a_word_are_a_persons_work(still: World, hand: Hand) -> None:
    """Given a worker that dies each time, then the third time the delivery is held and somebody is told."""
    story, row = called(still)
    ground = still.hub.ground
    for _ in range(3):
        assert deliver.claim(ground, [row.id], ground.directory())
        hand.at += timedelta(minutes=2)
        sweep.expire_leases(ground)
    assert (newest(still, story).state, newest(still, story).reason) == ("held", "send.leases")
    assert [item.type for item in track.desk(ground)] == ["delivery.send.leases"]


def test_an_uncertain_send_is_repeated_under_the_same_key_where_that_does_no_harm(still: World, wire: Wire, hand: Hand) -> None:
    """Given a partner that knows its keys, when an attempt ends without a word, then the same bytes go again under the same key."""
    story, row = called(still)
    wire.answers = [Uncertain("partner.timeout")]
    send(still, row)
    assert newest(still, story).uncertain
    hand.at += timedelta(minutes=20)
    send(still, newest(still, story))
    assert newest(still, story).state == "delivered"
    assert len(wire.took) == 2
    assert len(set(wire.took)) == 1


def test_after_an_uncertain_send_other_bytes_are_held(still: World, wire: Wire, hand: Hand) -> None:
    """Given an attempt whose end is not known, when the translation has changed since, then a person decides."""
    story, row = called(still)
    wire.answers = [Uncertain("partner.timeout")]
    send(still, row)
    wire.note = b" changed"
    hand.at += timedelta(minutes=20)
    send(still, newest(still, story))
    assert (newest(still, story).state, newest(still, story).reason, len(wire.took)) == ("held", "send.changed", 1)


def test_after_a_definite_failure_a_new_translation_is_sent_and_its_hash_kept(still: World, wire: Wire, hand: Hand) -> None:
    """Given a partner that surely did not take it, when the mapping has changed since, then the new bytes are sent and pinned."""
    story, row = called(still)
    wire.answers = [Retry("partner.http_503")]
    send(still, row)
    first = newest(still, story).pinned_hash
    wire.note = b" changed"
    hand.at += timedelta(minutes=20)
    send(still, newest(still, story))
    assert newest(still, story).state == "delivered"
    assert newest(still, story).pinned_hash != first


def test_a_partner_that_cannot_recognise_a_repeat_is_not_sent_one(still: World, wire: Wire) -> None:
    """Given a partner without keys and without a way to ask, when an attempt ends without a word, then the delivery is held."""
    wire.info = AdapterInfo(name="wire", media_type="text/plain", idempotent=False)
    story, row = called(still)
    wire.answers = [Uncertain("partner.timeout")]
    send(still, row)
    assert (newest(still, story).state, newest(still, story).reason) == ("held", "send.uncertain")
    assert [item.type for item in track.desk(still.hub.ground)] == ["delivery.send.uncertain"]


@pytest.mark.req(2)
@dataclass
class Asked(Wire):
    """A wire that does not recognise a repeat, and says what it has."""

    says: list[Outcome | None] = field(default_factory=list)

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Say the next thing."""
        return self.says.pop(0)


@pytest.fixture
def asked(make_world: Callable[..., World], hand: Hand) -> Iterator[tuple[World, Asked]]:
    """Give a hub whose workers stand still, and its wire to a partner that can be asked."""
    wire, made = Asked(info=AdapterInfo(name="wire", media_type="text/plain", idempotent=False)), make_world()
    world = Wired(made.sandbox, made.folders, made.data, given={"permit": "30s", "lease": "60s"}, plugins={"wire": wire}, clock=hand)
    world.open(start=False)
    yield world, wire
    world.hub.stop()


def test_a_partner_that_cannot_be_asked_now_is_asked_again_when_it_said(asked: tuple[World, Asked], hand: Hand) -> None:
    """Given a send in doubt and a partner that asks to be left alone, then it is neither sent to nor asked before that, and never sent to until it has answered."""
    world, wire = asked
    story, _ = called(world)
    wire.answers = [Uncertain("partner.http_503", timedelta(hours=1))]
    for says in ([], [Uncertain("partner.http_429", timedelta(hours=2))], [Uncertain("partner.refused")]):
        wire.says = list(says)
        wait = next((one.after for one in (*wire.answers, *says) if isinstance(one, Uncertain)), None)
        send(world, newest(world, story))
        found = newest(world, story)
        assert (found.state, found.uncertain, len(wire.took)) == ("queued", True, 1)
        if wait is not None:
            assert found.next_at is not None
            assert found.next_at - hand.at >= wait
        hand.at += timedelta(hours=3)
    wire.says = [Retry("partner.not_there")]
    send(world, newest(world, story))
    assert (newest(world, story).state, len(wire.took)) == ("delivered", 2)
    assert len(set(wire.took)) == 1


def test_who_is_asked_first_is_sent_other_bytes_only_where_none_arrived(asked: tuple[World, Asked], hand: Hand) -> None:
    """Given a send in doubt whose translation has changed since, then a partner that has it keeps what it got, and one that has not gets the new."""
    world, wire = asked
    for says, took in ((Accepted(), 1), (Retry("partner.not_there"), 2)):
        wire.took.clear()
        wire.note = b""
        story, row = called(world)
        wire.answers = [Uncertain("partner.timeout")]
        send(world, row)
        first = newest(world, story).pinned_hash
        wire.note, wire.says = b" changed", [says]
        hand.at += timedelta(minutes=20)
        send(world, newest(world, story))
        found = newest(world, story)
        assert (found.state, len(wire.took)) == ("awaiting_receipt" if took == 1 else "delivered", took)
        assert (found.pinned_hash == first) is (took == 1)


def test_retry_after_is_honoured_and_the_last_attempt_is_a_dead_letter(
    make_world: Callable[..., World], wire: Wire, hand: Hand, tmp_path: Path
) -> None:
    """Given a partner that asks for an hour and never takes it, then nothing is tried before that, and after the limit a person must act."""
    made = make_world()
    world = Wired(made.sandbox, made.folders, tmp_path / "hub", given={"retry_limit": 2}, plugins={"wire": wire}, clock=hand)
    world.open(start=False)
    try:
        story, row = called(world)
        wire.answers = [Retry("partner.http_503", timedelta(hours=1)), Retry("partner.http_503")]
        send(world, row)
        hand.at += timedelta(minutes=59)
        assert send(world, newest(world, story)) == []
        hand.at += timedelta(minutes=2)
        send(world, newest(world, story))
        assert (newest(world, story).state, newest(world, story).reason, len(wire.took)) == ("gave_up", "retry.exhausted", 2)
        assert [item.type for item in track.desk(world.hub.ground)] == ["delivery.retry.exhausted"]
    finally:
        world.hub.stop()


def test_a_plugin_that_breaks_does_not_take_the_worker_with_it(still: World, wire: Wire) -> None:
    """Given an adapter that raises in the middle of a send, then the end is unknown, and nothing of the exception's text is kept."""
    story, row = called(still)
    wire.answers = [RuntimeError("Prov Provsdotter 201001032380")]
    send(still, row)
    assert newest(still, story).uncertain
    history = track.delivery(still.hub.ground, row.id)
    assert [found.code for found in history.attempts] == ["plugin.failed"]
    assert "Prov" not in repr(history)


@pytest.mark.parametrize("bug", [RuntimeError, SystemExit])
def test_a_plugin_that_breaks_three_times_on_one_delivery_is_not_asked_again(
    still: World, wire: Wire, hand: Hand, bug: type[BaseException]
) -> None:
    """Given an adapter that raises on one delivery, or wants to leave the process, then after three turns it is held, and a person looks."""
    story, row = called(still)
    wire.answers = [bug("s3cret") for _ in range(3)]
    for turn in range(3):
        assert newest(still, story).state == "queued", turn
        send(still, newest(still, story))
        hand.at += timedelta(minutes=20)
    found = newest(still, story)
    assert (found.id, found.state, found.reason, found.expired_leases, found.uncertain) == (row.id, "held", "send.leases", 3, True)
    assert [item.type for item in track.desk(still.hub.ground)] == ["delivery.send.leases"]


def test_what_was_there_twice_when_a_worker_died_is_tried_apart(still: World, hand: Hand) -> None:
    """Given deliveries whose lease ran out together, they are tried again at once; when it happens again, each a tenth of a lease apart."""
    ground = still.hub.ground
    ids = [called(still)[1].id for _ in range(4)]
    due = list[list[float]]()
    for _ in range(2):
        assert len(deliver.claim(ground, ids, ground.directory())) == 4
        hand.at += ground.settings.lease
        assert sweep.expire_leases(ground) == 4
        with ground.store.read() as work:
            rows = [row for row in map(work.deliveries.by_id, ids) if row is not None]
        due.append(sorted(round((row.next_at - ground.now()) / ground.settings.lease, 3) for row in rows))
        hand.at += ground.settings.lease
    assert due == [[0, 0, 0, 0], [0, 0.1, 0.2, 0.3]]


def test_a_withdrawal_that_overtakes_a_send_calls_it_back(still: World, wire: Wire) -> None:
    """Given a delivery in flight, when the consent goes before its end is recorded, then a delivered one is called back at once."""
    story, row = called(still)
    ground = still.hub.ground
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    outcome = attempts.attempt(ground, claimed, permit, ground.directory())
    story.withdrawn()
    assert newest(still, story).recall_pending
    deliver.record(ground, [outcome])
    assert newest(still, story).state == "recalled"
    send(still, newest(still, story, "stop.notice"))
    assert len(wire.took) == 2


def test_a_withdrawal_that_overtakes_a_failed_send_withholds_it(still: World, wire: Wire) -> None:
    """Given a delivery in flight that does not arrive, when the consent goes meanwhile, then it is withheld and there is nothing to call back."""
    story, row = called(still)
    ground = still.hub.ground
    wire.answers = [Retry("partner.http_503")]
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    outcome = attempts.attempt(ground, claimed, permit, ground.directory())
    story.withdrawn()
    deliver.record(ground, [outcome])
    assert newest(still, story).state == "withheld"
    assert [found for found in still.deliveries(story) if found.message_type == "stop.notice"] == []


def test_a_receipt_that_comes_before_our_record_is_kept(still: World, wire: Wire) -> None:
    """Given a receipt that overtakes the record of its send, then it is not lost: the delivery ends delivered."""
    story, row = called(still)
    ground = still.hub.ground
    wire.answers = [Accepted()]
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    outcome = attempts.attempt(ground, claimed, permit, ground.directory())
    receipts.note(ground, "wire", Receipt(row.key, "received", ground.now()))
    deliver.record(ground, [outcome])
    sweep.match_receipts(ground)
    assert newest(still, story).state == "delivered"


@pytest.mark.parametrize("organisation", [p.FORSAKRINGSKASSAN, UNKNOWN_PARTY], ids=["another", "nobody known"])
@pytest.mark.parametrize("kind", ["received", "read", "rejected"])
@pytest.mark.parametrize("early", [False, True], ids=["late", "early"])
def test_a_receipt_of_another_organisation_changes_nothing(still: World, wire: Wire, kind: Any, organisation: str, *, early: bool) -> None:
    """G14. Given a receipt for a delivery by whoever it did not go to, before or after its send is recorded, then it is kept, audited and shown, once, and the recipient's own still counts."""
    story, row = called(still)
    ground = still.hub.ground
    wire.answers = [Accepted()]
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    outcome = attempts.attempt(ground, claimed, permit, ground.directory())
    for _ in range(2 if early else 0):
        assert not receipts.note(ground, "wire", Receipt(row.key, kind, ground.now(), "BV.not-found"), organisation)
    deliver.record(ground, [outcome])
    for _ in range(0 if early else 2):
        assert not receipts.note(ground, "wire", Receipt(row.key, kind, ground.now(), "BV.not-found"), organisation)
    sweep.match_receipts(ground)
    assert newest(still, story).state == "awaiting_receipt"
    assert [(item.type, item.unit, item.delivery_id) for item in track.desk(ground)] == [("inbound.not_theirs", row.sender_unit, row.id)]
    with still.hub.store.read() as work:
        said = [entry for entry in work.audit.of_case(row.owner, row.case_id) if entry.action == "receipt.not_theirs"]
        assert [(entry.actor, entry.facts["delivery"], entry.facts["kind"]) for entry in said] == [(organisation, row.id, kind)]
        assert [found.organisation for found in work.receipts.of_key(row.key)] == [organisation]
    assert receipts.note(ground, "wire", Receipt(row.key, kind, ground.now(), "BV.not-found"), row.recipient_organisation)
    assert newest(still, story).state == {"received": "delivered"}.get(kind, kind)


def test_a_receipt_that_waits_for_its_delivery_waits_with_whose_it_is(still: World) -> None:
    """Given two receipts for a key that nobody knows yet, of the recipient and before it of somebody else, then both are kept, and each does what it does when the delivery is there."""
    story, row = called(still)
    ground = still.hub.ground
    for organisation in (p.FORSAKRINGSKASSAN, row.recipient_organisation):
        assert not receipts.note(ground, "wire", Receipt(row.key, "received", ground.now()), organisation)
    assert newest(still, story).state == "queued"
    send(still, row)
    sweep.match_receipts(ground)
    assert newest(still, story).state == "delivered"
    assert [item.type for item in track.desk(ground)] == ["inbound.not_theirs"]


def test_a_receipt_for_something_unknown_is_kept_and_shown(still: World) -> None:
    """Given a receipt for a key nobody sent, then it is kept as unmatched and changes nothing."""
    assert not receipts.note(still.hub.ground, "wire", Receipt("0b8f7a2e-0000-4000-8000-000000000000", "read", still.hub.ground.now()))
    with still.hub.store.read() as work:
        assert len(work.receipts.unmatched(10)) == 1


def test_an_address_that_changed_hands_is_held(still: World, wire: Wire) -> None:
    """Given a kallelse on its way to an address, when that address belongs to another unit by then, then it is held."""
    story, row = called(still)
    base = still.directory()
    moved = tuple(
        unit.model_copy(update={"address": Address(adapter="wire", endpoint="wire:home-care")})
        if unit.id == p.SOCIAL_SERVICES
        else unit.model_copy(update={"address": None})
        if unit.id == p.HOME_CARE
        else unit
        for unit in base.units
    )
    from siphub.flow import directory as directories

    directories.switch(still.hub.ground, Directory(organisations=base.organisations, units=moved), by="test")
    assert send(still, row) == []
    assert (newest(still, story).state, newest(still, story).reason, wire.took) == ("held", "address.unit_changed", [])


def test_the_one_switch_ends_all_sending(still: World, wire: Wire) -> None:
    """Given the switch thrown, then nothing can be claimed by any worker, until it is thrown back."""
    story, row = called(still)
    operate.switch(still.hub.ground, "stopped", by="test")
    assert send(still, row) == []
    operate.switch(still.hub.ground, "running", by="test")
    send(still, row)
    assert (newest(still, story).state, len(wire.took)) == ("delivered", 1)


def test_one_of_a_line_is_in_flight_at_a_time(still: World, wire: Wire) -> None:
    """Given a kallelse and its rebooking to one unit, then the second waits until the first has ended, in whatever order they are claimed."""
    story, row = called(still)
    ground = still.hub.ground
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    story.rescheduled([p.HOME_CARE])
    later = newest(still, story, "meeting.rescheduled")
    assert deliver.claim(ground, [later.id], ground.directory()) == []
    deliver.record(ground, [attempts.attempt(ground, claimed, permit, ground.directory())])
    assert send(still, later)
    assert [body for _, body in wire.took] == [row.message_id.encode(), later.message_id.encode()]


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault("slow", times=1, seconds=0.2), "delivered"),
        (Fault("status", times=2, status=503), "delivered"),
        (Fault("reset", times=1, when="before"), "delivered"),
        (Fault("reset", times=1, when="after"), "delivered"),
        (Fault("html", times=1, when="before"), "delivered"),
        (Fault("down", times=2), "delivered"),
        (Fault("status", status=400), "rejected"),
    ],
    ids=["slow", "503", "reset-before", "reset-after", "html", "down", "400"],
)
def test_each_fault_of_a_partner_ends_in_a_named_state(world: World, fault: Fault, state: str) -> None:
    """Given a partner at which something goes wrong, then the delivery ends where it should, and the partner has one effect at the most."""
    story = world.story()
    world.sandbox.fault(PARTNERS[p.HOME_CARE], fault)
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    assert until(lambda: newest(world, story).state == state)
    assert world.types(p.HOME_CARE, story) == (["meeting.summoned"] if state == "delivered" else [])
    assert len({(entry.key, entry.sha256) for entry in world.sandbox.ledger(PARTNERS[p.HOME_CARE]).entries()}) <= 1


def test_a_rejecting_receipt_is_a_persons_work(still: World, wire: Wire) -> None:
    """Given a partner that took it and says later that it will not handle it, then the delivery is rejected and somebody is told the code."""
    story, row = called(still)
    wire.answers = [Accepted()]
    send(still, row)
    assert newest(still, story).state == "awaiting_receipt"
    receipts.note(still.hub.ground, "wire", Receipt(row.key, "rejected", still.hub.ground.now(), code="BV.not-found"))
    assert (newest(still, story).state, newest(still, story).reason) == ("rejected", "BV.not-found")
    assert [item.type for item in track.desk(still.hub.ground)] == ["delivery.rejected.BV.not-found"]


def test_what_an_operator_holds_is_on_a_desk_until_it_is_released(still: World) -> None:
    """Given a delivery that an operator holds, then it is somebody's work, so that nobody forgets it there; released, it is nobody's any more."""
    _, row = called(still)
    ground = still.hub.ground
    operate.operate(ground, row.id, "hold", by="eva", channel="cli")
    assert [(item.type, item.delivery_id) for item in track.desk(ground)] == [("delivery.operator.hold", row.id)]
    operate.operate(ground, row.id, "release", by="eva", channel="cli")
    assert track.desk(ground) == ()
