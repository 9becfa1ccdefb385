"""What every store promises about partners: what waits for one is marked and forgotten by nobody, and what is said of one holds for all."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from siphub.store import Admitted, DeliveryRow, Move, PartnerRow, Permitted, Place, Store
from siphub.testing.store_rows import (
    LEASE,
    NEIGHBOUR,
    NOW,
    bells,
    by_grants,
    change,
    claim,
    line,
    new_delivery,
    new_message,
    outcome,
    silence,
    state,
)

PLACE = ("folder", "folder:home")
ELSEWHERE = ("folder", "folder:ward")


@dataclass
class OnlyOne:
    """Lets one delivery of each claim through, and the others wait."""

    seen: Mapping[Place, int] | None = None

    def strict(self, places: Collection[Place]) -> Collection[Place]:
        """Look at all."""
        return places

    def admit(
        self, permitted: Sequence[tuple[DeliveryRow, Permitted]], rows: Mapping[Place, PartnerRow], sending: Mapping[Place, int]
    ) -> Admitted:
        """Let the first go where nothing is being sent, and pay for it."""
        self.seen = sending
        go, *wait = [row.id for row, _ in permitted]
        if sending:
            return Admitted([], [go, *wait])
        return Admitted([go], wait, [replace(row, tokens=0.5, tokens_at=NOW) for row in rows.values()])


@dataclass
class Away:
    """Lets nobody through; it looks at one partner, and then waits a moment for somebody else to look at another."""

    looked_at: Place
    meeting: threading.Barrier

    def strict(self, places: Collection[Place]) -> Collection[Place]:
        """Look at the one."""
        return [place for place in places if place == self.looked_at]

    def admit(
        self,
        permitted: Sequence[tuple[DeliveryRow, Permitted]],
        rows: Mapping[Place, PartnerRow],
        sending: Mapping[Place, int],  # noqa: ARG002
    ) -> Admitted:
        """Let all wait."""
        if rows:
            with suppress(threading.BrokenBarrierError):
                self.meeting.wait(1)
        return Admitted([], [row.id for row, _ in permitted])


def park(store: Store, *rows: DeliveryRow, place: Place = PLACE) -> None:
    """Let deliveries wait without a bell, and forget the bells there are."""
    with store.write() as work:
        work.partners.park({place: [row.id for row in rows]})
    silence(store)


def rung(store: Store, limit: int, place: Place = PLACE) -> int:
    """Ring what waits."""
    with store.write() as work:
        work.partners.lock([place])
        return work.partners.ring(place, NOW, limit)


class PartnerPromises:
    """Partners, and what waits for them. Needs the fixture `store`: an upgraded, empty store."""

    def test_what_waits_for_a_partner_is_looked_past(self, store: Store) -> None:
        """Given deliveries that wait for their partner, no query for due deliveries or lost bells sees them, and its row says that some wait."""
        heads = [line(store, 1)[1][0] for _ in range(3)]
        park(store, *heads[:2])
        with store.write() as work:
            assert [row.id for row in work.deliveries.due(NOW, 9)] == [heads[2].id]
            assert work.deliveries.ring_again(NOW + LEASE, timedelta(0), 9) == 1
            assert work.partners.waiting() == {PLACE: 2}
            assert work.partners.waiting([ELSEWHERE]) == work.partners.waiting([]) == {}
            (row,) = work.partners.notable()
            assert (row.place, row.waiting, row.state) == (PLACE, True, "closed")
            assert work.partners.forgotten() == ()

    def test_they_are_rung_longest_due_first_and_granted(self, store: Store) -> None:
        """Given more that waits than there is room for, those due longest are rung, and their bells say that there is room for them."""
        heads = [line(store, 1)[1][0] for _ in range(3)]
        with store.write() as work:
            for minutes, row in enumerate(reversed(heads)):
                again = replace(change("queued", "queued"), next_at=NOW - timedelta(minutes=9 - minutes))
                work.deliveries.change(row.id, again)
        park(store, *heads)
        assert rung(store, 2) == 2
        assert bells(store) == [heads[2].id, heads[1].id]
        with store.read() as work:
            assert {bell.granted for bell in work.outbox.take(9)} == {True}
            assert {bell.endpoint for bell in work.outbox.take(9)} == {PLACE[1]}
        assert rung(store, 2) == 1
        assert rung(store, 2) == 0

    def test_only_a_partners_own_are_rung(self, store: Store) -> None:
        """Given deliveries that wait for one partner, another's room rings none of them."""
        _, (row,) = line(store, 1)
        park(store, row)
        assert rung(store, 9, ELSEWHERE) == 0
        assert rung(store, 9) == 1

    def test_what_is_not_queued_any_more_is_neither_marked_nor_rung(self, store: Store) -> None:
        """Given a delivery that was claimed or withdrawn meanwhile, it is not marked; one that was marked and ended is not rung."""
        _, (sent,) = line(store, 1)
        _, (gone,) = line(store, 1)
        (claimed,) = claim(store, sent.id)
        park(store, gone, claimed)
        with store.write() as work:
            work.deliveries.change(gone.id, change("superseded", "queued"))
        assert state(store, sent).waits is None
        assert rung(store, 9) == 0

    def test_what_comes_back_to_the_queue_waits_for_nobody(self, store: Store) -> None:
        """Given an attempt to be repeated and a delivery a person queues again, neither is marked; the latter is queued as of then."""
        _, (row,) = line(store, 1)
        park(store, row)
        (claimed,) = claim(store, row.id)
        with store.write() as work:
            work.record([outcome(claimed, "queued", after=timedelta(0))])
        assert (state(store, row).waits, state(store, row).queued_at) == (None, NOW)
        later = NOW + timedelta(days=1)
        with store.write() as work:
            work.deliveries.change(row.id, replace(change("held", "queued"), at=later))
            work.deliveries.change(row.id, replace(change("queued", "held"), at=later))
        assert (state(store, row).waits, state(store, row).queued_at) == (None, later)

    def test_what_is_out_to_a_partner_is_counted(self, store: Store) -> None:
        """Given deliveries being sent, rung, waiting, behind others and due later, only the first two are out; the count goes no further than asked."""
        lines = [line(store, 2)[1] for _ in range(4)]
        heads = [rows[0] for rows in lines]
        claim(store, heads[0].id)
        park(store, heads[1])
        with store.write() as work:
            later = replace(change("queued", "queued"), next_at=NOW + timedelta(hours=1))
            work.deliveries.change(heads[2].id, later)
        with store.read() as work:
            load = work.partners.load(PLACE, NOW, 9)
            assert (load.sending, load.unclaimed) == (1, 1)
            assert work.partners.load(PLACE, NOW, 0).unclaimed == 0
            assert work.partners.load(ELSEWHERE, NOW, 9) == replace(load, sending=0, unclaimed=0)

    def test_a_follower_is_marked_until_its_turn(self, store: Store) -> None:
        """Given a line, those behind are marked and looked past; when the first ends the next one's mark goes, and it is rung."""
        _, (one, two, three) = line(store, 3)
        assert [state(store, row).waits for row in (one, two, three)] == [None, "line", "line"]
        (claimed,) = claim(store, one.id)
        silence(store)
        with store.write() as work:
            work.record([outcome(claimed)])
        assert [state(store, row).waits for row in (two, three)] == [None, "line"]
        assert bells(store) == [two.id]

    def test_two_of_a_line_added_together_stand_in_line(self, store: Store) -> None:
        """Given a line of two put in at once, only the first is rung, and the second is marked."""
        case, _ = line(store, 0)
        first, second = new_message(case, 1), new_message(case, 2)
        head = new_delivery(first)
        with store.write() as work:
            work.messages.add(first)
            work.messages.add(second)
            work.deliveries.add([head, new_delivery(second, prev_id=head.id)])
        assert bells(store) == [head.id]
        with store.read() as work:
            assert [row.waits for row in work.deliveries.of_case(case.owner, case.case_id)] == [None, "line"]

    def test_what_is_rung_before_its_turn_goes_back_into_the_line(self, store: Store) -> None:
        """Given a follower that a person queued anew, a claim before its turn sends it back, where it counts as no bell; its turn comes."""
        _, (one, two) = line(store, 2)
        with store.write() as work:
            work.deliveries.change(two.id, change("held", "queued"))
            work.deliveries.change(two.id, change("queued", "held"))
        assert state(store, two).waits is None
        assert claim(store, two.id) == []
        assert state(store, two).waits == "line"
        (claimed,) = claim(store, one.id)
        silence(store)
        with store.write() as work:
            assert work.partners.load(PLACE, NOW, 9).unclaimed == 0
            work.record([outcome(claimed)])
        assert bells(store) == [two.id]

    def test_a_claim_lets_wait_whom_the_partner_has_no_room_for(self, store: Store) -> None:
        """Given one that may go, the others of the claim stay queued without a bell, and what was paid is written down."""
        heads = [line(store, 1)[1][0] for _ in range(3)]
        asked = OnlyOne()
        with store.write() as work:
            (claimed,) = work.claim([row.id for row in heads], now=NOW, lease=LEASE, accept=by_grants, admit=asked)
        assert asked.seen == {}
        with store.read() as work:
            row = work.partners.get(PLACE)
            assert work.partners.waiting() == {PLACE: 2}
        assert row is not None
        assert (row.tokens, row.tokens_at, row.waiting) == (0.5, NOW, True)
        assert [state(store, each).attempts for each in heads if each.id != claimed.delivery.id] == [0, 0]
        with store.write() as work:
            others = [each.id for each in heads if each.id != claimed.delivery.id]
            assert work.claim(others, now=NOW, lease=LEASE, accept=by_grants, admit=asked) == []
        assert asked.seen == {PLACE: 1}

    def test_who_goes_to_a_successor_waits_at_its_partner(self, store: Store) -> None:
        """Given a delivery that goes to its unit's successor, whose partner has no room, it waits there, and not at the place it was made for."""
        _, (row,) = line(store, 1)
        asked = Away(ELSEWHERE, threading.Barrier(1))
        with store.write() as work:
            assert (
                work.claim([row.id], now=NOW, lease=LEASE, accept=lambda *_: Permitted("consent", "meeting", *ELSEWHERE), admit=asked) == []
            )
        silence(store)
        with store.read() as work:
            assert [place.place for place in work.partners.all() if place.waiting] == [ELSEWHERE]
            assert work.partners.waiting() == {ELSEWHERE: 1}
        assert state(store, row).place == ELSEWHERE
        assert [rung(store, 9), rung(store, 9, ELSEWHERE)] == [0, 1]
        assert bells(store) == [row.id]

    def test_two_claims_that_look_at_each_others_partners_do_not_wait_for_each_other(self, store: Store) -> None:
        """Given claims of which each looks at the partner at which the other lets a delivery wait, then both are done, and none is taken back."""
        meeting, failed = threading.Barrier(2), list[BaseException]()

        def claim_both(looked_at: Place, home: str, ward: str) -> None:
            at = {home: PLACE, ward: ELSEWHERE}
            try:
                with store.write() as work:
                    asked = Away(looked_at, meeting)
                    work.claim(at, now=NOW, lease=LEASE, accept=lambda row, *_: Permitted("consent", "meeting", *at[row.id]), admit=asked)
            except BaseException as error:  # noqa: BLE001 - asserted below
                failed.append(error)

        ids = [line(store, 1)[1][0].id for _ in range(4)]
        with store.write() as work:
            work.partners.lock([PLACE, ELSEWHERE])
        claims = [threading.Thread(target=claim_both, args=(place, *some)) for place, some in ((PLACE, ids[:2]), (ELSEWHERE, ids[2:]))]
        for thread in claims:
            thread.start()
        for thread in claims:
            thread.join()
        assert failed == []
        with store.read() as work:
            assert work.partners.waiting() == {PLACE: 2, ELSEWHERE: 2}

    def test_whoever_looks_at_a_partner_holds_it(self, store: Store) -> None:
        """Given one that reads a partner and then writes it, another's change comes before or after, never in between."""
        count, started = 8, threading.Barrier(8)

        def fail() -> None:
            started.wait()
            with store.write() as work:
                row = work.partners.lock([PLACE])[PLACE]
                work.partners.save([replace(row, failures=row.failures + 1)])

        threads = [threading.Thread(target=fail) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as work:
            assert [row.failures for row in work.partners.all()] == [count]

    def test_nothing_that_waits_is_forgotten_between_marking_and_ringing(self, store: Store) -> None:
        """Given one who marks and one who rings until nothing is left, at the same time, whatever is marked at the end is said to wait."""
        heads = [line(store, 1)[1][0] for _ in range(12)]

        def ring() -> None:
            with store.write() as work:
                row = work.partners.lock([PLACE])[PLACE]
                if not work.partners.ring(PLACE, NOW, 3):
                    work.partners.save([replace(row, waiting=work.partners.any_waiting(PLACE))])

        ringers = [threading.Thread(target=ring) for _ in range(12)]
        for thread, row in zip(ringers, heads, strict=True):
            thread.start()
            park(store, row)
        for thread in ringers:
            thread.join()
        with store.read() as work:
            assert work.partners.forgotten() == ()

    def test_what_has_waited_too_long_is_found(self, store: Store) -> None:
        """Given deliveries queued for different times, those that wait for their partner since before are found, longest first, and no others."""
        _, (old,) = line(store, 1)
        _, (bell,) = line(store, 1)
        park(store, old)
        with store.read() as work:
            assert [row.id for row in work.deliveries.out_of_patience(NOW, 9)] == [old.id]
            assert work.deliveries.out_of_patience(NOW - timedelta(seconds=1), 9) == ()
        assert state(store, bell).waits is None

    def test_what_follows_its_unit_waits_for_the_old_partner_no_more(self, store: Store) -> None:
        """Given a delivery that waits for a partner whose unit has a successor elsewhere, it is rung there."""
        case, (row,) = line(store, 1)
        park(store, row)
        with store.write() as work:
            work.deliveries.follow(Move(row.owner, case.case_id, row.recipient, f"SE{NEIGHBOUR}-WARD", *ELSEWHERE, NOW))
        assert (state(store, row).waits, state(store, row).place) == (None, ELSEWHERE)
        assert bells(store) == [row.id]
