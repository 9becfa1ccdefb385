"""IntakePromises: what the store promises whoever takes a message: the ends of the lines it goes into, and what stands beside its case."""

from __future__ import annotations

from siphub.store import Beside, Change, DeadlineRow, Store, SubmissionRow, Tail, UsedIdRow, WorkItemRow
from siphub.testing.store_rows import NEIGHBOUR, NOW, OTHER, OWNER, UNIT, add_line, line, new_delivery, new_message

SCHOOL = f"SE{NEIGHBOUR}-SCHOOL"


class IntakePromises:
    """Part of StoreContract."""

    def test_the_end_of_a_line_says_whether_it_blocks(self, store: Store) -> None:
        """Given lines of two in one case, each ends in its newest; what is added behind it waits just where that is not over yet."""
        case, (_, two) = line(store, 2)
        with store.write() as work:
            _, (_, theirs) = add_line(work, 2, recipient=SCHOOL, case=case)
            withheld = Change(from_states=frozenset({"queued"}), to_state="withheld", event="withdraw.withhold", at=NOW, reason="withdrawn")
            work.deliveries.change_all([theirs.id], withheld)
        with store.write() as work:
            tails = work.deliveries.line_tails(OWNER, case.case_id, [UNIT, SCHOOL, "nobody"])
            assert tails == {UNIT: Tail(two.id, blocks=True), SCHOOL: Tail(theirs.id, blocks=False)}
            assert work.deliveries.line_tail(OWNER, case.case_id, UNIT) == two.id
            assert work.deliveries.line_tail(OTHER, case.case_id, UNIT) is None
            message = new_message(case, 3)
            work.messages.add(message)
            rows = [new_delivery(message, unit, tails[unit].id) for unit in (UNIT, SCHOOL)]
            work.deliveries.add(rows, tails)
            added = [work.deliveries.by_id(row.id) for row in rows]
            assert [(row.recipient, row.waits) for row in added if row is not None] == [(UNIT, "line"), (SCHOOL, None)]
            rung = {bell.delivery_id for bell in work.outbox.take(100)}
            assert rung & {row.id for row in rows} == {rows[1].id}

    def test_intake_sees_what_stands_beside_a_case(self, store: Store) -> None:
        """Given a case, one look says whether work is open and deadlines run in it, and what its sender has handed in under an id; nobody else's."""
        case, _ = line(store, 1)
        mine = SubmissionRow(OWNER, "message", b"hash", OWNER, case.case_id, "{}", NOW)
        item = WorkItemRow(OWNER, "item", case.case_id, "recall.phone", UNIT, NOW)

        def beside(case_id: str = case.case_id, organisation: str = OWNER) -> Beside:
            with store.write() as work:
                return work.intake.beside(OWNER, case_id, organisation=organisation, message_id="message")

        nothing = Beside(directory=0, work=False, deadlines=False, submission=None)
        assert beside() == nothing
        with store.write() as work:
            work.submissions.add(mine)
            work.work_items.open(item)
            work.deadlines.add([DeadlineRow(OWNER, case.case_id, "kind", "about", UNIT, NOW, NOW)])
            version = work.directory.replace([], [])
        assert beside() == Beside(version, work=True, deadlines=True, submission=mine)
        assert beside("another") == Beside(version, work=False, deadlines=False, submission=mine)
        assert beside(organisation=OTHER).submission is None
        with store.write() as work:
            work.work_items.close(OWNER, item.id, by="hub", how="settled", at=NOW)
        assert beside().work is False

    def test_a_standards_id_is_used_once(self, store: Store) -> None:
        """Given ids kept with a submission, nobody else of its organisation uses them, another organisation may, and they go with the submission."""
        case, _ = line(store, 1)
        rows = [UsedIdRow(OWNER, "message", name.encode() * 32, b"m" * 32) for name in "ba"]
        theirs = UsedIdRow(OTHER, "message", rows[0].hash, b"n" * 32)
        hashes = [row.hash for row in rows]
        with store.write() as work:
            for organisation in (OWNER, OTHER):
                work.submissions.add(SubmissionRow(organisation, "message", b"hash", OWNER, case.case_id, "{}", NOW))
            work.submissions.add(SubmissionRow(OWNER, "another", b"hash", OWNER, "another case", "{}", NOW))
            assert work.intake.used_ids(OWNER, hashes) == work.intake.used_ids(OWNER, []) == {}
            assert work.intake.use_ids(rows) is True
            assert work.intake.use_ids([]) is True
        with store.write() as work:
            assert work.intake.use_ids([UsedIdRow(OWNER, "another", hashes[1], b"n" * 32)]) is False
            assert work.intake.use_ids([theirs]) is True
        with store.read() as work:
            assert work.intake.used_ids(OWNER, [*hashes, b"c" * 32]) == {row.hash: row for row in rows}
            assert work.intake.used_ids(OTHER, hashes) == {theirs.hash: theirs}
        with store.write() as work:
            work.erasure.case(OWNER, case.case_id, at=NOW, forget_at=NOW)
            assert work.erasure.forget_submissions(NOW, 9) == 2
            assert (work.intake.used_ids(OWNER, hashes), work.intake.used_ids(OTHER, hashes)) == ({}, {})
