"""StoreContract: what every store promises, whatever database is under it. Subclass it in a test file that gives the fixture `store`.

The store is upgraded and empty; its clock is the machine's. The promises about claims and records have files of their own.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from siphub.errors import Sealed, StoreError
from siphub.store import (
    NO_OWNER,
    CredentialRow,
    ProcessRow,
    ReceiptRow,
    Store,
    SubmissionRow,
    Work,
    WorkItemRow,
)
from siphub.testing.store_claims import ClaimPromises
from siphub.testing.store_directory import DirectoryPromises
from siphub.testing.store_erasure import ErasurePromises
from siphub.testing.store_intake import IntakePromises
from siphub.testing.store_partners import PartnerPromises
from siphub.testing.store_records import RecordPromises
from siphub.testing.store_rows import NEIGHBOUR, NOW, OTHER, OWNER, UNIT, add_line, line, new_case, new_delivery, new_grant, new_message


def _submission(organisation: str = OWNER, message_id: str = "m1") -> SubmissionRow:
    return SubmissionRow(organisation, message_id, b"hash", OWNER, "case", '{"state":"queued"}', NOW)


def _fail_after(work: Work) -> None:
    work.submissions.add(_submission())
    raise ZeroDivisionError


class StoreContract(ClaimPromises, RecordPromises, DirectoryPromises, ErasurePromises, IntakePromises, PartnerPromises):
    """Everything a store promises."""

    # ── transactions ──

    def test_an_exception_leaves_nothing_behind(self, store: Store) -> None:
        """Given a transaction that raises after its writes, none of them stands."""
        with pytest.raises(ZeroDivisionError), store.write() as work:
            _fail_after(work)
        with store.read() as work:
            assert work.submissions.find(OWNER, "m1") is None

    def test_a_read_cannot_write(self, store: Store) -> None:
        """Given a read transaction, a write in it raises."""
        with pytest.raises(StoreError), store.read() as work:
            work.submissions.add(_submission())

    def test_a_read_sees_one_moment(self, store: Store) -> None:
        """Given a commit between two readings of one read transaction, both show the same."""
        with store.read() as reading:
            assert reading.submissions.find(OWNER, "m1") is None
            with store.write() as work:
                work.submissions.add(_submission())
            assert reading.submissions.find(OWNER, "m1") is None

    def test_a_naive_time_is_refused(self, store: Store) -> None:
        """Given a time without an offset, the store does not guess what it means."""
        with pytest.raises(StoreError), store.write() as work:
            work.submissions.add(replace(_submission(), at=datetime(2026, 1, 1)))  # noqa: DTZ001 - what is refused

    def test_a_healthy_store_has_no_problems(self, store: Store) -> None:
        """Given an upgraded store, upgrading again changes nothing and its check finds nothing."""
        store.upgrade()
        assert store.check() == ()

    # ── submissions, cases, grants, messages ──

    def test_a_submission_is_its_organisations_own(self, store: Store) -> None:
        """Given an id used by two organisations, each finds its own; a second use by the same one is not stored."""
        with store.write() as work:
            assert work.submissions.add(_submission())
            assert work.submissions.add(_submission(OTHER))
            assert not work.submissions.add(replace(_submission(), answer="{}"))
            assert work.submissions.find(OWNER, "m1") == _submission()
            assert work.submissions.find(NEIGHBOUR, "m1") is None

    def test_a_case_is_saved_from_the_version_before(self, store: Store) -> None:
        """Given a case at version 1, version 2 is saved; version 2 again, or version 4, raises."""
        case = new_case()
        with store.write() as work:
            assert work.cases.add(case)
            assert not work.cases.add(case)
            locked = work.cases.lock(case.owner, case.case_id)
            assert locked == case
            work.cases.save(replace(case, version=2, sealed=b"next", state="ACTIVE"))
        for version in (2, 4):
            with pytest.raises(StoreError), store.write() as work:
                work.cases.save(replace(case, version=version))
        with store.read() as work:
            assert work.cases.get(case.owner, case.case_id) == replace(case, version=2, sealed=b"next", state="ACTIVE")
            assert work.cases.get(OTHER, case.case_id) is None
            assert [found.owner for found in work.cases.find(case.case_id)] == [OWNER]

    def test_a_bump_raises_both_versions(self, store: Store) -> None:
        """Given a case, a bump raises version and consent version and nothing else; without a case there is nothing to bump."""
        case = new_case()
        with store.write() as work:
            work.cases.add(case)
            assert work.cases.bump(case.owner, case.case_id) == replace(case, version=2, consent_version=2)
            assert work.cases.bump(OTHER, case.case_id) is None

    def test_writers_of_one_case_take_turns(self, store: Store) -> None:
        """Given eight threads that lock, raise and save one case ten times each, no raise is lost."""
        case = new_case()
        with store.write() as work:
            work.cases.add(case)

        def raise_ten_times() -> None:
            for _ in range(10):
                with store.write() as work:
                    mine = work.cases.lock(case.owner, case.case_id)
                    assert mine is not None
                    work.cases.save(replace(mine, version=mine.version + 1, seq=mine.seq + 1))

        threads = [threading.Thread(target=raise_ten_times) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as work:
            after = work.cases.get(case.owner, case.case_id)
        assert after is not None
        assert (after.seq, after.version) == (80, 81)

    def test_grants_are_replaced_as_a_whole(self, store: Store) -> None:
        """Given new grants for a case, they stand alone; another case keeps its own."""
        one, two = new_case(), new_case()
        with store.write() as work:
            for case in (one, two):
                work.cases.add(case)
                work.grants.replace(case.owner, case.case_id, [new_grant(case), new_grant(case, scope="plan")])
            narrowed = replace(new_grant(one, scope="plan"), until=NOW + timedelta(days=1))
            work.grants.replace(one.owner, one.case_id, [new_grant(one), narrowed])
            assert work.grants.of_case(one.owner, one.case_id) == (new_grant(one), narrowed)
            work.grants.replace(one.owner, one.case_id, [narrowed])
            assert work.grants.of_case(one.owner, one.case_id) == (narrowed,)
            assert len(work.grants.of_case(two.owner, two.case_id)) == 2

    def test_messages_are_found_by_every_name_they_have(self, store: Store) -> None:
        """Given two messages of a case, each is found by the store's id and its sender's, and the case has them in order."""
        case = new_case()
        first, second = new_message(case, 1), new_message(case, 2)
        with store.write() as work:
            work.cases.add(case)
            work.messages.add(second)
            work.messages.add(first)
            assert work.messages.get(OWNER, first.id) == first
            assert work.messages.get(OTHER, first.id) is None
            assert work.messages.find(OWNER, first.sender_organisation, first.message_id) == first
            assert work.messages.find(OWNER, OTHER, first.message_id) is None
            assert work.messages.by_message_id(second.message_id) == (second,)
            assert work.messages.of_case(OWNER, case.case_id) == (first, second)
            assert work.messages.many([(OWNER, first.id), (OTHER, second.id)]) == {(OWNER, first.id): first}
            assert work.messages.many([(OWNER, one.id) for one in (first, second)]) == {(OWNER, one.id): one for one in (first, second)}
            assert work.cases.many([(OWNER, case.case_id), (OTHER, case.case_id), (OWNER, "none")]) == {(OWNER, case.case_id): case}
            assert (work.messages.many(()), work.cases.many(())) == ({}, {})

    def test_a_sender_uses_a_message_id_once(self, store: Store) -> None:
        """Given a message, its sender's second one under the same id raises and leaves the first."""
        case = new_case()
        message = new_message(case)
        with store.write() as work:
            work.cases.add(case)
            work.messages.add(message)
        with pytest.raises(StoreError), store.write() as work:
            work.messages.add(replace(message, id="another"))

    def test_deliveries_are_found_by_every_name_they_have(self, store: Store) -> None:
        """Given a line of two, each is found by id, key, message and case, and the line's tail is the second."""
        case, (one, two) = line(store, 2)
        with store.read() as work:
            found = work.deliveries
            assert found.get(OWNER, one.id) == found.by_id(one.id) == found.find_by_key(one.key) == one
            assert found.get(OTHER, one.id) is None
            assert found.of_message(OWNER, two.message_row) == (two,)
            assert found.of_case(OWNER, case.case_id) == (one, two)

    def test_a_delivery_needs_its_message(self, store: Store) -> None:
        """Given a delivery of a message that is not there, the store refuses it."""
        with store.write() as work:
            case, _ = add_line(work, 0)
        with pytest.raises(StoreError), store.write() as work:
            work.deliveries.add([new_delivery(new_message(case))])

    # ── receipts, inbound, work items, audit ──

    def test_a_receipt_is_kept_until_it_is_matched(self, store: Store) -> None:
        """Given a receipt for an unknown key, it is kept once, shown as unmatched, and matched once."""
        row = ReceiptRow(NO_OWNER, "folder", "key", "received", None, NOW, NOW)
        with store.write() as work:
            assert (work.receipts.add(row), work.receipts.add(row)) == (True, False)
            assert work.receipts.unmatched() == work.receipts.of_key("key") == (row,)
            assert (work.receipts.mark_matched(row, OWNER, NOW), work.receipts.mark_matched(row, OTHER, NOW)) == (True, False)
            assert work.receipts.unmatched() == ()
            assert work.receipts.of_key("key") == (replace(row, owner=OWNER, matched_at=NOW),)

    def test_receipts_of_two_organisations_are_two(self, store: Store) -> None:
        """Given the same word about a key from two organisations and from one that cannot be told, each is kept, and matched by itself."""
        rows = [ReceiptRow(NO_OWNER, "folder", "key", "received", None, NOW, NOW, organisation=whose) for whose in ("", OTHER, OWNER)]
        with store.write() as work:
            assert [work.receipts.add(row) for row in (*rows, *rows)] == [True] * 3 + [False] * 3
            assert work.receipts.mark_matched(rows[1], OWNER, NOW)
            assert {row.organisation for row in work.receipts.unmatched()} == {"", OWNER}

    def test_what_was_fetched_is_remembered(self, store: Store) -> None:
        """Given something fetched for one organisation, it is seen for that one, and only there."""
        with store.write() as work:
            assert not work.inbound.seen(OWNER, "folder", "7")
            assert (work.inbound.add(OWNER, "folder", "7", NOW), work.inbound.add(OWNER, "folder", "7", NOW)) == (True, False)
            assert work.inbound.seen(OWNER, "folder", "7")
            assert not work.inbound.seen(OTHER, "folder", "7")

    def test_a_work_item_is_closed_once(self, store: Store) -> None:
        """Given two open items, one is closed once, by its owner, and no longer listed."""
        one = WorkItemRow(OWNER, "w1", "case", "phone", UNIT, NOW)
        two = WorkItemRow(OTHER, "w2", "case", "phone", UNIT, NOW + timedelta(1))
        with store.write() as work:
            work.work_items.open(one)
            work.work_items.open(two)
            assert work.work_items.open_items() == (one, two)
            assert not work.work_items.close(OTHER, "w1", by="x", how="phoned", at=NOW)
            assert work.work_items.close(OWNER, "w1", by="x", how="phoned", at=NOW, note_code="ok")
            assert not work.work_items.close(OWNER, "w1", by="y", how="again", at=NOW)
            assert (work.work_items.open_items(OWNER), work.work_items.open_items()) == ((), (two,))
            closed = replace(one, closed_at=NOW, closed_by="x", how="phoned", note_code="ok")
            assert work.work_items.get(OWNER, "w1") == closed
            assert work.work_items.of_case(OWNER, "case") == (closed,)

    def test_every_owner_has_an_audit_chain(self, store: Store) -> None:
        """Given links of two owners in turn, each chain counts from one, holds together, and files links under their case."""
        with store.write() as work:
            rows = [
                work.audit.append(owner, "actor", "api", "message.accepted", {"case_id": f"c{n}"})
                for n in (1, 2)
                for owner in (OWNER, OTHER)
            ]
            assert [row.seq for row in rows] == [1, 1, 2, 2]
            assert rows[2].prev_hash == rows[0].hash
            assert (work.audit.verify(OWNER), work.audit.verify(OTHER), work.audit.verify("nobody")) == (None, None, None)
            assert work.audit.of_case(OWNER, "c2") == (rows[2],)
            assert work.audit.owners() == tuple(sorted((OWNER, OTHER)))

    def test_the_audit_takes_facts_only(self, store: Store) -> None:
        """Given a sentence where a code belongs, the audit refuses it without repeating it."""
        with pytest.raises(StoreError) as raised, store.write() as work:
            work.audit.append(OWNER, "actor", "api", "x", {"note": "a person's words"})
        assert "words" not in str(raised.value)

    # ── credentials, operation ──

    def test_a_revoked_credential_opens_nothing(self, store: Store) -> None:
        """Given a credential, it is found by its hash until it is revoked; the list keeps it."""
        row = CredentialRow(OWNER, "sender", b"\x01" * 32, (UNIT,), ("sender",), NOW)
        with store.write() as work:
            work.credentials.add(row)
            assert work.credentials.by_hash(row.key_hash) == row
            assert work.credentials.by_hash(b"\x02" * 32) is None
            assert (work.credentials.revoke(OWNER, "sender", NOW), work.credentials.revoke(OWNER, "sender", NOW)) == (True, False)
            assert work.credentials.by_hash(row.key_hash) is None
            assert work.credentials.list(OWNER) == work.credentials.list() == (replace(row, revoked_at=NOW),)

    def test_who_settles_a_switch_first_settles_it(self, store: Store) -> None:
        """Given a switch that two want to settle, then the first value stands, and both hear it."""
        with store.write() as work:
            assert work.switches.settle("name", "first", "a", NOW) == "first"
        with store.write() as work:
            assert work.switches.settle("name", "second", "b", NOW) == "first"

    def test_processes_are_noted_and_forgotten(self, store: Store) -> None:
        """Given processes that were noted, then those seen since a time are found, the newest word counts, and a day's silence is forgotten."""
        old = ProcessRow("-", "1", "relay", "", "hub", "host", 1, "1.0", NOW, NOW, rings=False)
        young = replace(
            old, id="2", parts="work", adapters="folder", seen_at=NOW + timedelta(hours=25), started_at=NOW + timedelta(hours=25)
        )
        with store.write() as work:
            work.processes.note(old)
            work.processes.note(replace(old, rings=True))
            assert work.processes.seen(NOW) == (replace(old, rings=True),)
            assert work.processes.seen(NOW + timedelta(seconds=1)) == ()
            work.processes.note(young)
            assert work.processes.seen(NOW) == (young,)
            work.processes.leave("2")
            assert work.processes.seen(NOW) == ()

    def test_switches_and_plugin_state_are_kept(self, store: Store) -> None:
        """Given a switch and a plugin's value set twice, the second stands; a value above the limit is refused."""
        with store.write() as work:
            for value in ("stopped", "running"):
                work.switches.set("sending", value, "operator", NOW)
                work.plugin_state.put(OWNER, "folder", "cursor", value.encode(), NOW)
            assert (work.switches.get("sending"), work.switches.get("other")) == ("running", None)
            assert work.plugin_state.get(OWNER, "folder", "cursor") == b"running"
            assert work.plugin_state.get(OTHER, "folder", "cursor") is None
        with pytest.raises(StoreError), store.write() as work:
            work.plugin_state.put(OWNER, "folder", "cursor", bytes(70_000), NOW)

    def test_one_poller_holds_an_endpoint(self, store: Store) -> None:
        """Given a held lease, another poller gets it only when it has run out or was given back; the cursor stays."""
        where, soon = (OWNER, "folder", "in"), NOW + timedelta(seconds=30)
        with store.write() as work:
            leases = work.poll_leases
            assert leases.acquire(*where, holder="a", until=soon, now=NOW)
            assert leases.acquire(*where, holder="a", until=soon, now=NOW)
            assert not leases.acquire(*where, holder="b", until=soon, now=NOW)
            leases.save_cursor(*where, "17")
            assert leases.acquire(*where, holder="b", until=soon + timedelta(seconds=30), now=soon)
            leases.release(*where, holder="a")
            assert not leases.acquire(*where, holder="a", until=soon, now=soon)
            leases.release(*where, holder="b")
            assert leases.acquire(*where, holder="a", until=soon, now=soon)
            assert leases.cursor(*where) == "17"

    def test_since_when_an_endpoint_cannot_be_asked_is_known(self, store: Store) -> None:
        """Given an endpoint that fails twice, then the first time and the newest code stand; once it can be asked, nothing does."""
        where, later = (OWNER, "folder", "in"), NOW + timedelta(hours=1)
        with store.write() as work:
            leases = work.poll_leases
            leases.save_cursor(*where, "17")
            leases.note(OWNER, "folder", "other", "folder.unreadable", later)
            leases.note(*where, "folder.missing", NOW)
            leases.note(*where, "folder.unreadable", later)
            assert [(row.endpoint, row.code, row.failing_since) for row in leases.failing()] == [
                ("in", "folder.unreadable", NOW),
                ("other", "folder.unreadable", later),
            ]
            leases.note(*where, None, later)
            assert [row.endpoint for row in leases.failing()] == ["other"]
            assert leases.cursor(*where) == "17"

    def test_what_was_refused_is_known_by_its_code(self, store: Store) -> None:
        """Given something fetched that was refused, then it counts as seen, with the code it was first refused with."""
        with store.write() as work:
            assert work.inbound.add(OWNER, "folder", "1", NOW, "xml.invalid")
            assert not work.inbound.add(OWNER, "folder", "1", NOW)
            assert work.inbound.add(OWNER, "folder", "2", NOW)
            assert [work.inbound.refused(OWNER, "folder", number) for number in ("1", "2", "3")] == ["xml.invalid", None, None]

    # ── seals ──

    def test_a_forgotten_case_is_unreadable_and_its_neighbours_are_not(self, store: Store) -> None:
        """Given three sealed cases, forgetting one leaves the other two readable, and nothing can be sealed for it again."""
        cases = [(OWNER, "one"), (OWNER, "two"), (OTHER, "one")]
        seals = {case: store.seal_of_case(*case, create=True).seal("message", "m", b"content") for case in cases}
        assert store.keys.forget_case(OWNER, "one")
        assert not store.keys.forget_case(OWNER, "one")
        for create in (False, True):
            with pytest.raises(Sealed):
                store.seal_of_case(OWNER, "one", create=create)
        for case in cases[1:]:
            assert store.seal_of_case(*case).open("message", "m", seals[case]) == b"content"
        found = store.seals_of_cases([*cases, (OWNER, "none")])
        assert {case: seal.open("message", "m", seals[case]) for case, seal in found.items()} == dict.fromkeys(cases[1:], b"content")

    def test_a_forgotten_owner_is_unreadable_and_others_are_not(self, store: Store) -> None:
        """Given two owners, forgetting one makes its cases unreadable and leaves the other's."""
        for owner in (OWNER, OTHER):
            store.seal_of_case(owner, "case", create=True)
        before = store.seal_of_owner(OWNER).seal("plugin_state", "k", b"v")
        assert store.keys.forget_owner(OWNER) == 1
        with pytest.raises(Sealed):
            store.seal_of_case(OWNER, "case")
        with pytest.raises(Sealed):
            store.seal_of_owner(OWNER).open("plugin_state", "k", before)
        store.seal_of_case(OTHER, "case")
