"""What every store promises about record copies and about erasing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from siphub.store import NO_OWNER, CaseRow, MessageRow, ReceiptRow, RecordCopyRow, Store, SubmissionRow, UnconfirmedRow, Work, WorkItemRow
from siphub.testing.store_rows import NOW, OTHER, OWNER, UNIT, add_line, line, new_case, new_grant, new_message

LATER = NOW + timedelta(days=200)


def new_copy(message: MessageRow, number: int = 1, *, organisation: str = OWNER) -> RecordCopyRow:
    """Return a copy of a message, queued and due."""
    return RecordCopyRow(
        owner=message.owner,
        id=f"{message.id}-{number}",
        case_id=message.case_id,
        message_row=message.id,
        organisation=organisation,
        direction="sent",
        next_at=NOW,
        offered_at=NOW,
    )


def _with_copies(work: Work, *organisations: str, ended: bool = False) -> tuple[CaseRow, MessageRow, list[RecordCopyRow]]:
    case = replace(new_case(), ended_at=NOW, state="CLOSED") if ended else new_case()
    message = new_message(case)
    work.cases.add(case)
    work.messages.add(message)
    copies = [new_copy(message, number, organisation=organisation) for number, organisation in enumerate(organisations)]
    work.record_copies.add(copies)
    return case, message, copies


class ErasurePromises:
    """Record copies, and the eraser's own questions and deeds."""

    # ── record copies ──

    def test_a_copy_is_queued_once(self, store: Store) -> None:
        """Given a copy queued twice, the first stands; it is found by its package, its message and its case, and due for its organisation alone."""
        with store.write() as work:
            case, message, (one, other) = _with_copies(work, OWNER, OTHER)
            work.record_copies.add([replace(one, attempts=7)])
            assert work.record_copies.find(one.id) == one
            assert set(work.record_copies.of_message(OWNER, case.case_id, message.id)) == {one, other}
            assert work.record_copies.of_case(OWNER, case.case_id) == (one, other)
            assert work.record_copies.of_case(OTHER, case.case_id) == ()
            assert work.record_copies.due(OWNER, NOW, 9) == (one,)
            assert work.record_copies.due(OTHER, NOW - timedelta(seconds=1), 9) == ()
            assert set(work.record_copies.page()) == {one, other}
            assert work.record_copies.page(organisation=OWNER, case_id=case.case_id, states=["offered"], until=NOW) == (one,)
            assert work.record_copies.page(until=NOW - timedelta(seconds=1)) == work.record_copies.page(states=["sent"]) == ()
            first, second = work.record_copies.page(limit=2)
            assert (work.record_copies.page(limit=1), work.record_copies.page(after=first.id)) == ((first,), (second,))

    def test_an_attempt_is_taken_by_one(self, store: Store) -> None:
        """Given two sweeps with the same copy in hand, one takes it; until its attempt has ended, or is late, it is not due."""
        until = NOW + timedelta(minutes=5)
        with store.write() as work:
            _, _, (copy,) = _with_copies(work, OWNER)
            assert (work.record_copies.take(copy, until), work.record_copies.take(copy, until)) == (True, False)
            taken = replace(copy, attempts=1, next_at=until)
            assert work.record_copies.due(OWNER, NOW, 9) == ()
            assert work.record_copies.due(OWNER, until, 9) == (taken,)
            end = partial(work.record_copies.end, reason="folder.missing", next_at=NOW + timedelta(1), package_hash="abc")
            assert (end(copy, "sent"), end(taken, "failed")) == (False, True)
            failed = replace(taken, state="failed", reason="folder.missing", next_at=NOW + timedelta(1), hash="abc")
            assert work.record_copies.find(copy.id) == failed
            assert work.record_copies.due(OWNER, LATER, 9) == (failed,)

    def test_what_the_registry_has_waits_for_its_word_only(self, store: Store) -> None:
        """Given a copy that was handed over, it is not due any more; confirmed once, it stays confirmed, whatever an old attempt says."""
        with store.write() as work:
            _, _, (copy,) = _with_copies(work, OWNER)
            work.record_copies.take(copy, NOW)
            taken = replace(copy, attempts=1)
            assert work.record_copies.end(taken, "sent", reason=None, next_at=NOW, package_hash="abc")
            assert work.record_copies.due(OWNER, LATER, 9) == ()
            assert not work.record_copies.take(taken, LATER)
            assert work.record_copies.unconfirmed() == (UnconfirmedRow(OWNER, 1, NOW, 0),)
            assert (work.record_copies.confirm(copy, "KS 1", LATER), work.record_copies.confirm(copy, "KS 2", LATER)) == (True, False)
            assert not work.record_copies.end(taken, "failed", reason="x", next_at=NOW, package_hash=None)
            found = work.record_copies.find(copy.id)
            assert found == replace(taken, state="confirmed", confirmed_at=LATER, reference="KS 1", hash="abc")
            assert work.record_copies.unconfirmed() == ()

    def test_it_is_known_whose_copies_are_unconfirmed(self, store: Store) -> None:
        """Given copies of two organisations, each is counted with its oldest; a copy that may not be made any more is dropped."""
        with store.write() as work:
            _, _, (_, mine, theirs) = _with_copies(work, OWNER, OWNER, OTHER)
            assert work.record_copies.unconfirmed() == (UnconfirmedRow(OWNER, 2, NOW, 2), UnconfirmedRow(OTHER, 1, NOW, 1))
            work.record_copies.drop(theirs)
            work.record_copies.confirm(mine, "KS 1", NOW)
            assert work.record_copies.unconfirmed() == (UnconfirmedRow(OWNER, 1, NOW, 1),)

    def test_what_is_withdrawn_is_looked_for_and_never_offered(self, store: Store) -> None:
        """Given a copy under way, dropping it as it was read does nothing; withdrawn, it is no attempt's, is due to be taken away, and then waits for nothing."""
        with store.write() as work:
            copies = work.record_copies
            case, _, (copy, sent) = _with_copies(work, OWNER, OWNER, ended=True)
            copies.confirm(sent, "KS 1", NOW)
            copies.take(copy, LATER)
            taken = replace(copy, attempts=1, next_at=LATER)
            assert (copies.drop(copy), copies.withdraw(copy, NOW), copies.withdraw(sent, NOW)) == (False, True, False)
            lost = replace(taken, state="withdrawn", reason="withdrawn", next_at=NOW)
            assert copies.find(copy.id) == lost
            assert not copies.end(taken, "sent", reason=None, next_at=NOW, package_hash="abc")
            assert (copies.drop(lost), copies.take(lost, LATER), copies.due(OWNER, LATER, 9)) == (False, False, ())
            assert (copies.withdrawn(OWNER, NOW, 9), copies.withdrawn(OTHER, NOW, 9)) == ((lost,), ())
            assert copies.unconfirmed() == (UnconfirmedRow(OWNER, 1, NOW, 1),)
            assert work.erasure.candidates(OWNER, NOW, 9) == ()
            assert copies.taken_away(lost, "withdrawn", reason="withdrawn.looked", next_at=LATER)
            assert not copies.taken_away(lost, "taken_back", reason="withdrawn.looked", next_at=LATER)
            looked = replace(lost, reason="withdrawn.looked", next_at=LATER)
            assert (copies.withdrawn(OWNER, NOW, 9), copies.withdrawn(OWNER, LATER, 9)) == ((), (looked,))
            assert copies.taken_away(looked, "taken_back", reason="withdrawn.looked", next_at=LATER)
            assert (copies.withdrawn(OWNER, LATER, 9), copies.unconfirmed()) == ((), ())
            assert work.erasure.candidates(OWNER, NOW, 9) == (case,)

    # ── erasing ──

    def test_a_case_is_over_since_it_first_was(self, store: Store) -> None:
        """Given a case that is saved again after it was over, it is over since the first time; opened again, it is not over."""
        case = new_case()
        with store.write() as work:
            work.cases.add(case)
            over = replace(case, version=2, ended_at=NOW)
            work.cases.save(over)
            work.cases.save(replace(over, version=3, ended_at=LATER))
            assert work.cases.get(OWNER, case.case_id) == replace(over, version=3)
            work.cases.save(replace(case, version=4))
            assert work.cases.get(OWNER, case.case_id) == replace(case, version=4)

    def test_only_what_is_over_and_confirmed_is_a_candidate(self, store: Store) -> None:
        """Given cases that are open, just over, unconfirmed and confirmed, only the last is the eraser's; those without a decision are counted."""
        with store.write() as work:
            _with_copies(work, OWNER)
            young = replace(new_case(), ended_at=LATER, state="CLOSED")
            work.cases.add(young)
            _with_copies(work, OWNER, OTHER, ended=True)
            over, _, (copy,) = _with_copies(work, OWNER, ended=True)
            work.record_copies.confirm(copy, "KS 1", NOW)
            assert work.erasure.candidates(OWNER, NOW, 9) == (over,)
            assert work.erasure.candidates(OTHER, NOW, 9) == ()
            assert work.erasure.waiting() == {OWNER: (3, NOW)}

    def test_a_number_finds_its_owners_cases_and_goes_with_them(self, store: Store) -> None:
        """Given cases with registry numbers as keyed hashes, then each finds the cases of its owner that have it, once, and no more than asked for; a case that is erased has none left."""
        one, two, foreign = new_case(), new_case(), new_case(OTHER)
        with store.write() as work:
            for case, numbers in ((one, (b"a", b"a", b"c")), (two, (b"b", b"c")), (foreign, (b"a",))):
                work.cases.add(case)
                for number in numbers:
                    work.cases.note_number(case.owner, case.case_id, number)
            found = [work.cases.by_number(OWNER, [number], 9) for number in (b"a", b"b", b"d")]
            assert found == [(one.case_id,), (two.case_id,), ()]
            assert set(work.cases.by_number(OWNER, [b"a", b"b", b"c"], 9)) == {one.case_id, two.case_id}
            assert len(work.cases.by_number(OWNER, [b"c"], 1)) == 1
            work.erasure.case(OWNER, one.case_id, at=LATER, forget_at=LATER)
        with store.read() as work:
            assert [work.cases.by_number(OWNER, [number], 9) for number in (b"a", b"b", b"c")] == [(), (two.case_id,), (two.case_id,)]
            assert work.cases.by_number(OTHER, [b"a"], 9) == (foreign.case_id,)

    def test_an_erased_case_keeps_its_states_and_nothing_else(self, store: Store) -> None:
        """Given two cases, erasing one empties its content and what partners and plugins said of it; its deliveries and copies stay, and its neighbour."""
        case, (row, _) = line(store, 2)
        with store.write() as work:
            neighbour, _ = add_line(work, 1)
            for mine in (case, neighbour):
                work.grants.replace(OWNER, mine.case_id, [new_grant(mine)])
                work.submissions.add(SubmissionRow(UNIT, mine.case_id, b"h", OWNER, mine.case_id, "{}", NOW))
            work.receipts.add(ReceiptRow(NO_OWNER, "folder", row.key, "read", None, NOW, NOW))
            work.plugin_state.put(OWNER, "sdk", f"seen/{row.key}", b"sealed", NOW)
            work.plugin_state.put(OWNER, "sdk", f"{case.case_id}.token", b"sealed", NOW)
            work.plugin_state.put(OWNER, "sdk", "cursor", b"sealed", NOW)
            work.work_items.open(WorkItemRow(OWNER, "w1", case.case_id, "phone", UNIT, NOW))
            assert work.erasure.case(OWNER, case.case_id, at=LATER, forget_at=LATER) == 2
            assert work.erasure.case(OWNER, case.case_id, at=LATER, forget_at=LATER) == 0
        with store.read() as work:
            after, left = work.cases.get(OWNER, case.case_id), work.cases.get(OWNER, neighbour.case_id)
            assert after == replace(case, sealed=b"", erased_at=LATER)
            assert left == neighbour
            assert [(found.sealed, found.erased_at) for found in work.messages.of_case(OWNER, case.case_id)] == [(b"", LATER)] * 2
            assert [found.sealed for found in work.messages.of_case(OWNER, neighbour.case_id)] == [b"sealed"]
            assert len(work.deliveries.of_case(OWNER, case.case_id)) == 2
            assert len(work.events.of_delivery(OWNER, row.id)) == 1
            assert work.receipts.of_key(row.key) == ()
            assert [work.plugin_state.get(OWNER, "sdk", key) for key in (f"seen/{row.key}", f"{case.case_id}.token", "cursor")] == [
                None,
                None,
                b"sealed",
            ]
            assert (work.grants.of_case(OWNER, case.case_id), len(work.grants.of_case(OWNER, neighbour.case_id))) == ((), 1)
            assert [bell.delivery_id for bell in work.outbox.take(9)] != [row.id]
            assert [item.how for item in work.work_items.of_case(OWNER, case.case_id)] == ["erased"]
            assert work.erasure.unfinished(9) == (after,)

    def test_an_answer_outlives_its_content(self, store: Store) -> None:
        """Given an erased case, the answers to its messages stay until their time, and then go; others stay."""
        with store.write() as work:
            case, _, _ = _with_copies(work, ended=True)
            for name, about in (("one", case.case_id), ("two", "another case")):
                work.submissions.add(SubmissionRow(OWNER, name, b"h", OWNER, about, "{}", NOW))
            work.erasure.case(OWNER, case.case_id, at=NOW, forget_at=LATER)
            assert work.erasure.forget_submissions(LATER - timedelta(microseconds=1), 9) == 0
            assert work.submissions.find(OWNER, "one") is not None
            assert work.erasure.forget_submissions(LATER, 9) == 1
            assert work.submissions.find(OWNER, "one") is None
            assert work.submissions.find(OWNER, "two") is not None

    def test_a_key_that_is_left_is_found_until_it_is_gone(self, store: Store) -> None:
        """Given an erased case, it is unfinished until its key's end is noted, once; the key can be forgotten any number of times."""
        with store.write() as work:
            case, _, _ = _with_copies(work, ended=True)
            assert not work.erasure.finish(OWNER, case.case_id, LATER)
            work.erasure.case(OWNER, case.case_id, at=NOW, forget_at=LATER)
        store.seal_of_case(OWNER, case.case_id, create=True)
        for _ in range(2):
            store.forget_case(OWNER, case.case_id)
        with store.write() as work:
            assert [found.case_id for found in work.erasure.unfinished(9)] == [case.case_id]
            assert (work.erasure.finish(OWNER, case.case_id, LATER), work.erasure.finish(OWNER, case.case_id, LATER)) == (True, False)
            assert work.erasure.unfinished(9) == ()

    def test_one_message_is_erased_alone(self, store: Store) -> None:
        """Given two messages of a case, one is erased once, and the other keeps its content."""
        with store.write() as work:
            case, one, _ = _with_copies(work)
            two = new_message(case, 2)
            work.messages.add(two)
            assert (work.erasure.message(OWNER, one.id, LATER), work.erasure.message(OWNER, one.id, LATER)) == (True, False)
            assert work.messages.of_case(OWNER, case.case_id) == (replace(one, sealed=b"", erased_at=LATER), two)
