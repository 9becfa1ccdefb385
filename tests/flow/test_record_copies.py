"""Record copies on their way: a registry that answers as told, two sweeps at once, confirmations true and false."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from siphub.contract import Check, Confirmation, Delivered, Outcome, PluginError, Recipient, RecordPackage, Rejected, Retry, Uncertain
from siphub.flow import operate, records
from siphub.model import people as p
from siphub.store import RecordCopyRow
from siphub.testing.clock import Hand
from siphub.testing.recorded import Recorded
from siphub.testing.small_plugins import giving, plugin

WEEK = timedelta(days=7)
MakeRecorded = Callable[..., Recorded]


class Told:
    """A record keeper that answers as told, Delivered in the end."""

    name = "told"

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.got: list[RecordPackage] = []
        self.said: list[Confirmation] = []
        self.settled: list[str] = []
        self.locked = False
        self.stuck = ""

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Take it, and answer as told."""
        self.got.append(package)
        answer = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Say what was told."""
        return list(self.said)

    def settle(self, package_id: str, address: Recipient) -> None:
        """Remember, or fail where nothing can be taken away, or one cannot."""
        if self.locked or package_id == self.stuck:
            raise PluginError(self.name, "it cannot be taken away", code="folder.unwritable")
        self.settled.append(package_id)

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Hold nothing."""


def _told(make: MakeRecorded, *answers: Outcome | Exception, **more: Any) -> tuple[Recorded, Told, Hand, RecordCopyRow]:
    keeper, hand = Told(*answers), Hand()
    plugins = {"told": plugin(siphub_record_keepers=giving(keeper))}
    world = make(start=False, keeper="told", registries=(p.MUNICIPALITY,), plugins=plugins, clock=hand, **more)
    story = world.story()
    story.requested()
    (copy,) = world.copies(story)
    return world, keeper, hand, copy


def _again(world: Recorded, copy: RecordCopyRow) -> RecordCopyRow:
    with world.hub.store.read() as work:
        found = work.record_copies.find(copy.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("answer", "state", "reason", "within"),
    [
        (Retry("folder.missing"), "offered", "folder.missing", timedelta(hours=1)),
        (Retry("partner.busy", timedelta(hours=2)), "offered", "partner.busy", timedelta(hours=2)),
        (Uncertain("partner.timeout"), "failed", "partner.timeout", timedelta(hours=1)),
        (Rejected("registry.closed"), "refused", "registry.closed", timedelta(days=1)),
        (ValueError("a bug"), "failed", "plugin.failed", timedelta(hours=1)),
    ],
)
def test_what_is_not_there_is_offered_until_it_is(
    make_recorded: MakeRecorded, answer: Outcome | Exception, state: str, reason: str, within: timedelta
) -> None:
    """Given an answer other than yes, then the copy waits for its time, and is handed over then: the same package, under the same name."""
    world, keeper, hand, copy = _told(make_recorded, answer)
    assert records.offer_due(world.hub.ground) == 0
    assert (_again(world, copy).state, _again(world, copy).reason) == (state, reason)
    assert records.offer_due(world.hub.ground) == 0
    assert len(keeper.got) == 1
    hand.at += within
    assert records.offer_due(world.hub.ground) == 1
    assert [each.metadata for each in keeper.got] == [keeper.got[0].metadata] * 2
    assert (_again(world, copy).state, _again(world, copy).attempts) == ("sent", 2)
    hand.at += WEEK
    assert records.offer_due(world.hub.ground) == 0


def test_a_copy_never_gives_up(make_recorded: MakeRecorded) -> None:
    """Given a registry that is away for more attempts than any delivery would get, the copy is still offered."""
    world, keeper, hand, copy = _told(make_recorded, *[Retry("folder.missing")] * 5, retry_limit=2)
    for _ in range(5):
        assert records.offer_due(world.hub.ground) == 0
        hand.at += timedelta(hours=1)
    assert records.offer_due(world.hub.ground) == 1
    assert (_again(world, copy).attempts, len(keeper.got)) == (6, 6)


def test_an_attempt_that_nobody_ended_is_made_again(make_recorded: MakeRecorded) -> None:
    """Given a sweep that died with a copy in hand, then it is not offered at the same time, and offered again when the attempt is late."""
    world, keeper, hand, copy = _told(make_recorded)
    with world.hub.store.write() as work:
        assert work.record_copies.take(copy, hand.now() + records.ATTEMPT)
    assert (records.offer_due(world.hub.ground), keeper.got) == (0, [])
    hand.at += records.ATTEMPT
    assert (records.offer_due(world.hub.ground), len(keeper.got)) == (1, 1)


def test_a_copy_that_cannot_be_made_keeps_no_other_waiting(make_recorded: MakeRecorded) -> None:
    """Given the first of three copies, of a case whose key is gone, the others are handed over in the same round; where the registry fails, none."""
    world, keeper, hand, copy = _told(make_recorded)
    for _ in range(2):
        hand.at += timedelta(seconds=1)
        world.story().requested()
    world.hub.store.keys.forget_case(copy.owner, copy.case_id)
    keeper.answers.append(Uncertain("partner.timeout"))
    assert (records.offer_due(world.hub.ground), len(keeper.got)) == (0, 1)
    assert _again(world, copy).reason == "store.sealed"
    assert (records.offer_due(world.hub.ground), len(keeper.got)) == (1, 2)


def test_two_sweeps_at_once_hand_a_package_over_once(make_recorded: MakeRecorded) -> None:
    """Given a dozen copies and four sweeps that begin together, then each package is offered once."""
    world, keeper, _, _ = _told(make_recorded)
    for _ in range(11):
        world.story().requested()
    together = threading.Barrier(4)

    def sweep() -> None:
        together.wait()
        records.offer_due(world.hub.ground)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.package_id for each in keeper.got) == sorted({each.package_id for each in keeper.got})
    assert len(keeper.got) == 12


def test_a_confirmation_counts_once_and_only_for_what_was_handed_over(make_recorded: MakeRecorded) -> None:
    """Given confirmations before the offer, of nothing, with a reference that is none, and true ones twice, then one counts, and is settled again and again."""
    world, keeper, hand, copy = _told(make_recorded)
    true = Confirmation(copy.id, "KS 1", hand.now())
    keeper.said = [true, Confirmation("nothing", "KS 1", hand.now())]
    assert (records.collect(world.hub.ground), keeper.settled) == (0, [])
    records.offer_due(world.hub.ground)
    keeper.said = [Confirmation(copy.id, "a\x00b", hand.now())]
    assert records.collect(world.hub.ground) == 0
    keeper.said = [true, true]
    assert records.collect(world.hub.ground) == 1
    assert records.collect(world.hub.ground) == 0
    assert keeper.settled == [copy.id] * 4
    after = _again(world, copy)
    assert (after.state, after.reference, after.hash) == ("confirmed", "KS 1", sha256(keeper.got[0].metadata).hexdigest())
    with world.hub.store.read() as work:
        assert [link.action for link in work.audit.of_case(copy.owner, copy.case_id)] == ["message.accepted", "record.confirmed"]


def test_what_cannot_be_cleared_away_keeps_no_confirmation_from_counting(make_recorded: MakeRecorded) -> None:
    """Given a registry where nothing can be taken away, then every confirmation counts all the same, and each is settled once that can be done."""
    world, keeper, hand, copy = _told(make_recorded)
    world.story().requested()
    records.offer_due(world.hub.ground)
    handed = sorted({one.package_id for one in keeper.got})
    keeper.said, keeper.locked = [Confirmation(one, "KS 1", hand.now()) for one in handed], True
    assert (records.collect(world.hub.ground), len(handed)) == (2, 2)
    assert _again(world, copy).state == "confirmed"
    assert (records.collect(world.hub.ground), keeper.settled) == (0, [])
    keeper.locked = False
    assert (records.collect(world.hub.ground), sorted(keeper.settled)) == (0, handed)


def test_one_package_that_cannot_be_cleared_away_keeps_no_other_there(make_recorded: MakeRecorded) -> None:
    """Given three confirmed packages, the first of which is locked, when they are settled, then the two others are gone after one round."""
    world, keeper, hand, _ = _told(make_recorded)
    world.story().requested()
    world.story().requested()
    records.offer_due(world.hub.ground)
    first, *others = sorted({package.package_id for package in keeper.got})
    keeper.stuck = first
    keeper.said = [Confirmation(package_id, "KS 1", hand.now()) for package_id in (first, *others)]
    assert records.collect(world.hub.ground) == 3
    assert sorted(keeper.settled) == others


def test_a_stop_in_the_middle_of_a_round_ends_it(make_recorded: MakeRecorded) -> None:
    """Given four copies that are due, when all sending is stopped while the first is handed over, then no further one is."""
    world, keeper, _, _ = _told(make_recorded)
    for _ in range(3):
        world.story().requested()
    take = keeper.offer

    def offer(package: RecordPackage, address: Recipient) -> Outcome:
        operate.switch(world.hub.ground, "stopped", by="test")
        return take(package, address)

    keeper.offer = offer  # type: ignore[method-assign]  # for this one test
    records.offer_due(world.hub.ground)
    assert len(keeper.got) == 1
    assert records.offer_due(world.hub.ground) == 0
    operate.switch(world.hub.ground, "running", by="test")
    keeper.offer = take  # type: ignore[method-assign]
    records.offer_due(world.hub.ground)
    assert len({package.package_id for package in keeper.got}) == 4


def test_another_organisations_registry_confirms_nothing_of_ours(make_recorded: MakeRecorded) -> None:
    """Given a confirmation of our package from the region's registry, then it does not count."""
    world, keeper, hand, copy = _told(make_recorded)
    records.offer_due(world.hub.ground)
    theirs = Recipient("", p.REGION, "R", "told", "elsewhere")
    assert not records._collected(world.hub.ground, Confirmation(copy.id, "KS 1", hand.now()), theirs)
    assert (_again(world, copy).state, keeper.settled) == ("sent", [])


def test_a_copy_of_what_is_erased_is_dropped(make_recorded: MakeRecorded) -> None:
    """Given a copy queued by a late receipt for a message that is gone, then it is dropped, and nobody waits for its confirmation."""
    world, keeper, hand, copy = _told(make_recorded)
    with world.hub.store.write() as work:
        work.erasure.message(copy.owner, copy.message_row, hand.now())
    assert (records.offer_due(world.hub.ground), keeper.got) == (0, [])
    with world.hub.store.read() as work:
        assert work.record_copies.find(copy.id) is None
        assert work.audit.of_case(copy.owner, copy.case_id)[-1].facts["reason"] == "message.erased"
