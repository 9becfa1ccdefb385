"""What every store promises about outcomes, fences, changes of state and bells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from siphub.errors import StoreError
from siphub.store import BellRow, CaseRow, DeliveryRow, Store, Work
from siphub.testing.store_rows import (
    LEASE,
    NOW,
    OWNER,
    bells,
    change,
    claim,
    line,
    new_case,
    new_delivery,
    new_message,
    outcome,
    silence,
    state,
    withdraw,
)

LATER = NOW + timedelta(minutes=5)


class RecordPromises:
    """The record, guarded changes, what the sweep finds, and the outbox."""

    # ── the record ──

    def test_a_record_ends_the_attempt(self, store: Store) -> None:
        """Given a claimed delivery, its outcome gives it state and pins, closes the attempt, and frees the lease."""
        _, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        with store.write() as work:
            (recorded,) = work.record([replace(outcome(claimed), pinned_mapping="m@1", pinned_plugin="p@1", said="required at Task.owner")])
        after = state(store, row)
        assert (recorded.applied, recorded.recall_pending) == (True, False)
        assert (after.state, after.lease_until, after.uncertain) == ("delivered", None, False)
        assert (after.pinned_mapping, after.pinned_plugin, after.pinned_hash) == ("m@1", "p@1", "abc123")
        with store.read() as work:
            (attempt,) = work.attempts.of_delivery(row.owner, row.id)
        assert (attempt.outcome, attempt.payload_hash, attempt.late) == ("delivered", "abc123", False)
        assert attempt.said == "required at Task.owner"
        assert attempt.finished_at == NOW + timedelta(seconds=1)

    def test_fifty_outcomes_are_one_record(self, store: Store) -> None:
        """Given fifty claimed deliveries with different outcomes, one record gives each its own."""
        rows = claim(store, *(line(store, 1)[1][0].id for _ in range(50)))
        states = ["delivered", "rejected", "held", "awaiting_receipt", "gave_up"]
        with store.write() as work:
            recorded = work.record([outcome(row, states[turn % 5]) for turn, row in enumerate(rows)])
        assert [each.delivery_id for each in recorded] == [row.id for row in rows]
        assert all(each.applied for each in recorded)
        assert [state(store, row).state for row in rows] == [states[turn % 5] for turn in range(50)]

    def test_pins_outlive_an_outcome_without_them(self, store: Store) -> None:
        """Given pinned versions, a later outcome that has none leaves them."""
        _, (row,) = line(store, 1)
        (first,) = claim(store, row.id)
        with store.write() as work:
            work.record([outcome(first, "queued", after=timedelta(0))])
        (second,) = claim(store, row.id, now=LATER)
        with store.write() as work:
            work.record([replace(outcome(second), pinned_hash=None)])
        assert (state(store, row).pinned_hash, second.fence, second.attempts) == ("abc123", 2, 2)

    def test_a_stale_fence_changes_nothing(self, store: Store) -> None:
        """Given a worker that lost its claim to another, its outcome is kept on its own attempt and changes nothing."""
        _, (row,) = line(store, 1)
        (lost,) = claim(store, row.id)
        with store.write() as work:
            assert work.deliveries.change(row.id, change("queued", "sending", event="lease.expired"))
        (current,) = claim(store, row.id)
        before = state(store, row)
        with store.write() as work:
            (late,) = work.record([outcome(lost, "rejected", code="partner.no")])
            (again,) = work.record([outcome(lost, "rejected", code="partner.no")])
        assert not any((late.applied, late.recall_pending, again.applied, again.recall_pending))
        assert state(store, row) == before == replace(current, lease_until=before.lease_until)
        with store.read() as work:
            first, second = work.attempts.of_delivery(row.owner, row.id)
            events = [(event.event, event.fence) for event in work.events.of_delivery(row.owner, row.id)]
        assert (first.late, first.outcome, first.code) == (True, "rejected", "partner.no")
        assert (second.late, second.finished_at) == (False, None)
        assert events.count(("late_outcome", lost.fence)) == 1

    def test_an_outcome_after_the_lease_is_evidence_only(self, store: Store) -> None:
        """Given a delivery the sweep has taken back, the old worker's success does not make it delivered."""
        _, (row,) = line(store, 1)
        (lost,) = claim(store, row.id)
        with store.write() as work:
            work.deliveries.change(row.id, change("held", "sending", event="lease.hold"))
            (late,) = work.record([outcome(lost)])
        assert not late.applied
        assert state(store, row).state == "held"

    def test_a_receipt_quicker_than_the_record_loses_no_pins(self, store: Store) -> None:
        """Given a receipt that settles a delivery before its attempt is recorded, what was sent is pinned all the same, and nothing else changes."""
        _, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        with store.write() as work:
            assert work.deliveries.change(row.id, change("delivered", "sending", event="receipt.received"))
        before = state(store, row)
        with store.write() as work:
            (late,) = work.record([replace(outcome(claimed, "awaiting_receipt"), pinned_plugin="p@1")])
        assert not late.applied
        assert state(store, row) == replace(before, pinned_hash="abc123", pinned_plugin="p@1")

    def test_a_withdrawal_in_between_is_told(self, store: Store) -> None:
        """Given a withdrawal while a delivery is being sent, the group's record leaves it to `record_one`, which writes it."""
        case, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        withdraw(store, case)
        with store.write() as work:
            (told,) = work.record([outcome(claimed)])
        assert (told.applied, told.recall_pending, state(store, row).state) == (False, True, "sending")
        with store.write() as work:
            work.cases.lock(case.owner, case.case_id)
            done = work.record_one(outcome(claimed))
        after = state(store, row)
        assert (done.applied, after.state, after.recall_pending) == (True, "delivered", False)

    def test_an_outcome_of_an_unknown_delivery_is_nothing(self, store: Store) -> None:
        """Given an outcome for a delivery that is not there, nothing is applied and its neighbours are."""
        _, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        with store.write() as work:
            nobody, mine = work.record([replace(outcome(claimed), delivery_id="nobody"), outcome(claimed)])
        assert (nobody.applied, mine.applied) == (False, True)

    def test_sending_is_no_outcome(self, store: Store) -> None:
        """Given an outcome whose state is `sending`, the record raises."""
        _, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        with pytest.raises(StoreError), store.write() as work:
            work.record([outcome(claimed, "sending")])

    # ── guarded changes ──

    def test_a_change_needs_the_expected_state(self, store: Store) -> None:
        """Given a delivery in another state, or under another fence, a change leaves it alone and writes no event."""
        _, (row,) = line(store, 1)
        with store.write() as work:
            assert not work.deliveries.change(row.id, change("delivered", "sending"))
            assert not work.deliveries.change(row.id, replace(change("held", "queued"), fence=1))
            assert len(work.events.of_delivery(row.owner, row.id)) == 1
            assert work.deliveries.change_all([row.id, "nobody"], change("held", "queued")) == (row.id,)

    def test_what_waits_about_one_thing_is_found(self, store: Store) -> None:
        """Given deliveries of a case about two things, some of them over, then those about one that still wait are found, by id, and nobody else's."""
        case, other = new_case(), new_case()
        with store.write() as work:
            for mine in (case, other):
                work.cases.add(mine)
            wanted = [self._about(work, case, seq, "plan") for seq in (1, 2, 3)]
            self._about(work, case, 4, "meeting")
            self._about(work, other, 1, "plan")
            work.deliveries.change(wanted[1].id, change("rejected", "queued"))
        with store.write() as work:
            found = work.deliveries.lock_unsent(case.owner, case.case_id, "plan", {"queued", "held", "sending"})
            assert [row.id for row in found] == sorted([wanted[0].id, wanted[2].id])
            assert work.deliveries.lock_unsent(case.owner, case.case_id, "nothing", {"queued"}) == ()

    @staticmethod
    def _about(work: Work, case: CaseRow, seq: int, what: str) -> DeliveryRow:
        message = new_message(case, seq)
        work.messages.add(message)
        row = replace(new_delivery(message, prev_id=None), object_id=what, object_version=seq)
        work.deliveries.add([row])
        return row

    def test_a_lost_lease_is_counted(self, store: Store) -> None:
        """Given a lease that has run out, the sweep finds the delivery, and the change counts the loss and rings it."""
        _, (row,) = line(store, 1)
        claim(store, row.id)
        silence(store)
        with store.write() as work:
            assert work.deliveries.expired_leases(NOW + LEASE - timedelta(microseconds=1), 10) == ()
            assert [each.id for each in work.deliveries.expired_leases(NOW + LEASE, 10)] == [row.id]
            work.deliveries.change(row.id, replace(change("queued", "sending"), lease_expired=True, uncertain=True))
        after = state(store, row)
        assert (after.expired_leases, after.uncertain, after.lease_until) == (1, True, None)
        assert bells(store) == [row.id]

    def test_what_the_sweep_finds(self, store: Store) -> None:
        """Given an expired, an awaiting and a due delivery, each is found by its own question, and a blocked one by none."""
        _, (due, blocked) = line(store, 2)
        _, (waiting,) = line(store, 1)
        with store.write() as work:
            work.deliveries.change(waiting.id, change("awaiting_receipt", "queued"))
            assert [row.id for row in work.deliveries.due(NOW, 10)] == [due.id]
            assert [row.id for row in work.deliveries.due(NOW, 10, adapter="folder")] == [due.id]
            assert work.deliveries.due(NOW, 10, adapter="fhir") == ()
            assert [row.id for row in work.deliveries.awaiting(NOW, 10)] == [waiting.id]
            assert work.deliveries.awaiting(NOW, 10, skip=1) == ()
            here, elsewhere = waiting.place, ("folder", "folder:elsewhere")
            assert [row.id for row in work.deliveries.awaiting(NOW, 10, at=[here, elsewhere])] == [waiting.id]
            assert [row.id for row in work.deliveries.awaiting(NOW, 10, not_at=[elsewhere, ("fhir", here[1])])] == [waiting.id]
            assert work.deliveries.awaiting(NOW, 10, at=[elsewhere]) == work.deliveries.awaiting(NOW, 10, at=[]) == ()
            assert work.deliveries.awaiting(NOW, 10, not_at=[here]) == ()
            assert [row.id for row in work.deliveries.awaiting(NOW, 10, adapter=here[0])] == [waiting.id]
            assert work.deliveries.awaiting(NOW, 10, adapter="fax") == ()
            assert work.deliveries.expired(LATER, 10) == ()
        assert blocked.prev_id == due.id

    def test_a_lost_bell_is_rung_again_once(self, store: Store) -> None:
        """Given a due delivery whose bell was lost, it is rung again after the time-out, and not again before the next one."""
        _, (head, _follower) = line(store, 2)
        wait = timedelta(seconds=30)
        with store.write() as work:
            assert work.deliveries.ring_again(NOW + wait, wait, 10) == 0
        silence(store)
        with store.write() as work:
            assert work.deliveries.ring_again(NOW + wait - timedelta(microseconds=1), wait, 10) == 0
            assert work.deliveries.ring_again(NOW + wait, wait, 10) == 1
        assert bells(store) == [head.id]
        silence(store)
        with store.write() as work:
            assert work.deliveries.ring_again(NOW + wait * 1.5, wait, 10) == 0
            assert work.deliveries.ring_again(NOW + wait * 2, wait, 10) == 1

    def test_counts_and_pages(self, store: Store) -> None:
        """Given five deliveries, they are counted by state, counted no further than asked, and paged by id."""
        _, rows = line(store, 5)
        with store.write() as work:
            work.deliveries.change(rows[0].id, change("held", "queued"))
            assert work.deliveries.counts() == {"held": 1, "queued": 4}
            assert work.deliveries.counts(OWNER) == {"held": 1, "queued": 4}
            assert work.deliveries.counts("nobody") == {}
            assert (work.deliveries.open_work(OWNER, 100), work.deliveries.open_work(OWNER, 3)) == (4, 3)
            ids = sorted(row.id for row in rows)
            first = work.deliveries.page(limit=2)
            rest = work.deliveries.page(after=first[-1].id, limit=10)
            assert [row.id for row in (*first, *rest)] == ids
            assert [row.id for row in work.deliveries.page(states={"held"}, owner=OWNER)] == [rows[0].id]

    # ── the outbox ──

    def test_bells_wait_for_their_time(self, store: Store) -> None:
        """Given a bell for now and one for later, only the first is taken; what is deleted is gone, and numbers are never used again."""
        soon, later = BellRow(OWNER, "a", "folder"), BellRow(OWNER, "b", "folder")
        with store.write() as work:
            work.outbox.ring([later], at=NOW + timedelta(days=36500))
            work.outbox.ring([soon])
            (taken,) = work.outbox.take(10)
            assert (taken.delivery_id, work.outbox.size()) == ("a", 2)
            work.outbox.delete([taken.id])
            work.outbox.ring([soon])
            (second,) = work.outbox.take(10)
        assert second.id > taken.id
