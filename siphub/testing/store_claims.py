"""What every store promises about claims, records and lines: the rules that keep a delivery from leaving without a basis, or twice at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from siphub.errors import StoreError
from siphub.store import CLOCKS_APART, DeliveryRow, GrantRow, Permitted, Refusal, Store
from siphub.testing.store_rows import (
    LEASE,
    NEIGHBOUR,
    NOW,
    OTHER,
    UNIT,
    add_line,
    bells,
    by_grants,
    change,
    claim,
    line,
    new_case,
    new_delivery,
    new_grant,
    new_message,
    outcome,
    silence,
    state,
    withdraw,
)


class ClaimPromises:
    """The claim and the record. Needs the fixture `store`: an upgraded, empty store."""

    # ── the claim ──

    def test_a_claim_takes_what_is_granted(self, store: Store) -> None:
        """Given a queued delivery and its grant, the claim gives it a fence, a lease and its basis, and opens an attempt."""
        case, (row,) = line(store, 1)
        (claimed,) = claim(store, row.id)
        assert claimed == state(store, row)
        assert (claimed.state, claimed.fence, claimed.attempts, claimed.lease_until) == ("sending", 1, 1, NOW + LEASE)
        assert (claimed.basis, claimed.granted, claimed.consent_version) == ("consent", "meeting", case.consent_version)
        with store.read() as work:
            (attempt,) = work.attempts.of_delivery(row.owner, row.id)
            events = [event.event for event in work.events.of_delivery(row.owner, row.id)]
        assert (attempt.fence, attempt.number, attempt.started_at, attempt.finished_at) == (1, 1, NOW, None)
        assert (attempt.basis, attempt.consent_version) == ("consent", case.consent_version)
        assert events == ["accept.queue", "claim.permit"]

    def test_a_claim_refuses_what_is_not_granted(self, store: Store) -> None:
        """Given no grant, the claim gives nothing out: the delivery gets the refusal's state, reason and event."""
        case, (row,) = line(store, 1)
        with store.write() as work:
            work.grants.replace(case.owner, case.case_id, [])
        assert claim(store, row.id) == []
        after = state(store, row)
        assert (after.state, after.reason, after.attempts, after.fence) == ("withheld", "consent.missing", 0, 0)
        with store.read() as work:
            assert work.attempts.of_delivery(row.owner, row.id) == ()
            last = work.events.of_delivery(row.owner, row.id)[-1]
        assert (last.event, last.state, last.reason) == ("claim.withhold", "withheld", "consent.missing")

    @pytest.mark.parametrize(
        ("party", "direction", "counts"),
        [
            (UNIT, "to", True),
            (UNIT, "both", True),
            (UNIT, "from", False),
            (NEIGHBOUR, "to", False),
            (f"SE{NEIGHBOUR}-SCHOOL", "to", False),
        ],
    )
    def test_the_claim_sees_the_grants_of_the_delivery_only(self, store: Store, party: str, direction: str, counts: bool) -> None:  # noqa: FBT001 - a truth table
        """Given a delivery to a unit, only grants to that unit and in that direction reach the verdict."""
        case, (row,) = line(store, 1)
        grant = new_grant(case, party=party, direction=direction)
        with store.write() as work:
            work.grants.replace(case.owner, case.case_id, [grant])
        assert _grants_seen(store, row) == ([grant] if counts else [])

    def test_what_goes_on_a_grant_of_either_direction_sees_them_all(self, store: Store) -> None:
        """Given a delivery that asks for a grant of either direction, grants of every direction to its party reach the verdict, and no others."""
        with store.write() as work:
            case, _ = add_line(work, 0)
            message = new_message(case)
            row = replace(new_delivery(message), direction="either")
            work.messages.add(message)
            work.deliveries.add([row])
            grants = [new_grant(case, scope=way, direction=way) for way in ("both", "from", "to")]
            work.grants.replace(case.owner, case.case_id, [*grants, new_grant(case, party=NEIGHBOUR)])
        assert _grants_seen(store, row) == grants

    def test_a_grant_to_an_agency_counts_for_its_units(self, store: Store) -> None:
        """Given a delivery that names its party's organisation, grants to unit and organisation both reach the verdict."""
        with store.write() as work:
            case, _ = add_line(work, 0)
            message = new_message(case)
            row = replace(new_delivery(message), party_organisation=NEIGHBOUR)
            work.messages.add(message)
            work.deliveries.add([row])
            grants = [new_grant(case), new_grant(case, scope="plan", party=NEIGHBOUR)]
            work.grants.replace(case.owner, case.case_id, grants)
        assert _grants_seen(store, row) == grants

    def test_another_owners_grant_does_not_count(self, store: Store) -> None:
        """Given two owners' cases under one id, a grant in the one is nothing in the other."""
        case, (row,) = line(store, 1)
        with store.write() as work:
            twin = new_case(OTHER, case.case_id)
            assert work.cases.add(twin)
            work.grants.replace(twin.owner, twin.case_id, [new_grant(twin)])
            work.grants.replace(case.owner, case.case_id, [])
        assert _grants_seen(store, row) == []

    def test_a_claim_reads_the_consent_version_of_its_moment(self, store: Store) -> None:
        """Given a change of the consent after intake, the claim records the version it was judged under."""
        case, (row,) = line(store, 1)
        with store.write() as work:
            work.cases.bump(case.owner, case.case_id)
        (claimed,) = claim(store, row.id)
        assert claimed.consent_version == case.consent_version + 1

    def test_nothing_is_claimed_twice(self, store: Store) -> None:
        """Given a claimed delivery, a second claim of it gets nothing and writes nothing."""
        _, (row,) = line(store, 1)
        claim(store, row.id)
        assert claim(store, row.id, row.id) == []
        assert state(store, row).fence == 1

    def test_what_is_not_due_is_left_alone(self, store: Store) -> None:
        """Given a delivery scheduled for later than two clocks may be apart, an early claim leaves it queued."""
        _, (row,) = line(store, 1)
        assert claim(store, row.id, now=NOW - CLOCKS_APART - timedelta(microseconds=1)) == []
        assert state(store, row).state == "queued"

    def test_what_is_due_by_a_clock_that_is_ahead_is_claimed(self, store: Store) -> None:
        """Given a delivery that another machine, whose clock is ahead, has made and rung at once, it is claimed at once."""
        _, (row,) = line(store, 1)
        assert [each.id for each in claim(store, row.id, now=NOW - CLOCKS_APART)] == [row.id]

    def test_the_stop_switch_stops_every_claim(self, store: Store) -> None:
        """Given the switch `sending` at `stopped`, nothing is claimed or refused; once it runs again, everything is."""
        _, (row,) = line(store, 1)
        with store.write() as work:
            work.switches.set("sending", "stopped", "operator", NOW)
        assert claim(store, row.id) == []
        with store.write() as work:
            work.switches.set("sending", "running", "operator", NOW)
        assert [each.id for each in claim(store, row.id)] == [row.id]

    def test_a_refusal_may_not_block_the_line(self, store: Store) -> None:
        """Given a verdict that would leave a refused delivery queued, the claim raises and writes nothing."""
        _, (row,) = line(store, 1)
        with pytest.raises(StoreError), store.write() as work:
            work.claim([row.id], now=NOW, lease=LEASE, accept=lambda *_: Refusal("queued", "no.reason"))
        assert state(store, row) == row

    def test_eight_workers_claim_each_delivery_once(self, store: Store) -> None:
        """Given eight threads that claim the same twenty deliveries, each delivery goes to exactly one of them."""
        ids = [line(store, 1)[1][0].id for _ in range(20)]
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.extend(row.id for row in claim(store, *ids))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == sorted(ids)

    def test_a_withdrawal_and_a_claim_never_both_win(self, store: Store) -> None:
        """Given a withdrawal and a claim at the same moment, the delivery is withheld, or it is being sent and marked: nothing between."""
        seen = set()
        for _ in range(25):
            case, (row,) = line(store, 1)
            threads = [threading.Thread(target=withdraw, args=(store, case)), threading.Thread(target=claim, args=(store, row.id))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            after = state(store, row)
            seen.add((after.state, after.recall_pending))
            assert after.consent_version in {None, case.consent_version}
        assert seen <= {("withheld", False), ("sending", True)}

    def test_no_withdrawal_begins_inside_a_claim(self, store: Store) -> None:
        """Given a claim that has read the grants, a withdrawal waits until its commit, and then finds the delivery being sent."""
        case, (row,) = line(store, 1)
        thread = threading.Thread(target=withdraw, args=(store, case))
        waited: list[bool] = []

        def accept(each: DeliveryRow, grants: Sequence[GrantRow], now: datetime) -> Permitted | Refusal:
            thread.start()
            thread.join(0.3)
            waited.append(thread.is_alive())
            return by_grants(each, grants, now)

        with store.write() as work:
            assert work.claim([row.id], now=NOW, lease=LEASE, accept=accept)
        thread.join()
        after = state(store, row)
        assert (waited, after.state, after.recall_pending) == ([True], "sending", True)

    def test_no_claim_reads_past_a_withdrawal(self, store: Store) -> None:
        """Given a withdrawal that has only raised the version yet, a claim waits for its commit and reads what it left."""
        case, (row,) = line(store, 1)
        thread = threading.Thread(target=claim, args=(store, row.id))
        with store.write() as work:
            work.cases.bump(case.owner, case.case_id)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
            work.grants.replace(case.owner, case.case_id, [])
        thread.join()
        after = state(store, row)
        assert (after.state, after.attempts) == ("withheld", 0)

    # ── the line ──

    def test_a_follower_added_while_its_head_ends_is_rung(self, store: Store) -> None:
        """Given a head whose outcome is written while a follower is being added, one of the two transactions rings the follower."""
        with store.write() as work:
            case, (head,) = add_line(work, 1)
        (sending,) = claim(store, head.id)
        silence(store)

        def end() -> None:
            with store.write() as work:
                work.record([outcome(sending)])

        thread = threading.Thread(target=end)
        with store.write() as work:
            message = new_message(case, 2)
            work.messages.add(message)
            follower = new_delivery(message, prev_id=head.id)
            work.deliveries.add([follower])
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join()
        assert bells(store) == [follower.id]

    def test_a_follower_waits_for_its_predecessor(self, store: Store) -> None:
        """Given three in a line, only the head is rung and claimed; the next is rung and claimable when the head has ended."""
        _, rows = line(store, 3)
        assert bells(store) == [rows[0].id]
        ids = [row.id for row in rows]
        for turn, row in enumerate(rows):
            (claimed,) = claim(store, *ids)
            assert claimed.id == row.id
            silence(store)
            assert claim(store, *ids) == []
            with store.write() as work:
                work.record([outcome(claimed)])
            assert bells(store) == ids[turn + 1 : turn + 2]

    @pytest.mark.parametrize("after", ["awaiting_receipt", "held", "withheld", "rejected", "superseded"])
    def test_every_way_out_rings_the_follower(self, store: Store, after: str) -> None:
        """Given a head that leaves the line without being sent, its follower is rung and can be claimed."""
        _, (head, follower) = line(store, 2)
        silence(store)
        with store.write() as work:
            assert work.deliveries.change(head.id, change(after, "queued"))
        assert bells(store) == [follower.id]
        assert [row.id for row in claim(store, follower.id)] == [follower.id]

    def test_a_refused_head_rings_its_follower(self, store: Store) -> None:
        """Given a head that the claim refuses, its follower is rung in the same transaction."""
        case, (head, follower) = line(store, 2)
        silence(store)
        with store.write() as work:
            work.grants.replace(case.owner, case.case_id, [])
        claim(store, head.id)
        assert bells(store) == [follower.id]

    def test_a_retry_keeps_the_line_waiting(self, store: Store) -> None:
        """Given a head to be tried again later, nobody is rung before that, and the follower stays behind it."""
        _, (head, follower) = line(store, 2)
        silence(store)
        (claimed,) = claim(store, head.id)
        with store.write() as work:
            work.record([outcome(claimed, "queued", after=timedelta(days=36500))])
            assert work.outbox.size() == 1
        assert bells(store) == []
        assert claim(store, head.id, follower.id) == []

    def test_one_line_has_one_in_flight(self, store: Store) -> None:
        """Given a follower being sent and its held head released, the head waits; the database itself refuses two in flight."""
        _, (head, follower) = line(store, 2)
        with store.write() as work:
            work.deliveries.change(head.id, change("held", "queued"))
        claim(store, follower.id)
        with store.write() as work:
            work.deliveries.change(head.id, change("queued", "held"))
        assert claim(store, head.id) == []
        with pytest.raises(StoreError), store.write() as work:
            work.deliveries.change(head.id, change("sending", "queued"))
        assert state(store, head).state == "queued"

    def test_lines_do_not_wait_for_each_other(self, store: Store) -> None:
        """Given two recipients of one case, both heads go at once."""
        with store.write() as work:
            case, (one,) = add_line(work, 1)
            _, (two,) = add_line(work, 1, recipient=f"SE{NEIGHBOUR}-WARD", case=case)
            work.grants.replace(case.owner, case.case_id, [new_grant(case), new_grant(case, party=two.recipient)])
        assert {row.id for row in claim(store, one.id, two.id)} == {one.id, two.id}


def _grants_seen(store: Store, row: DeliveryRow) -> Sequence[GrantRow]:
    seen: list[GrantRow] = []

    def accept(each: DeliveryRow, grants: Sequence[GrantRow], now: datetime) -> Permitted | Refusal:
        assert (each.id, now) == (row.id, NOW)
        seen.extend(grants)
        return by_grants(each, grants, now)

    with store.write() as work:
        work.claim([row.id], now=NOW, lease=LEASE, accept=accept)
    return seen
