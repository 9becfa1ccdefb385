"""The store on PostgreSQL keeps StoreContract, and its transactions do not wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from siphub.contract import SystemClock
from siphub.errors import StoreConflict
from siphub.store import RecordCopyRow, Store
from siphub.testing.store import StoreContract
from siphub.testing.store_rows import NOW, OWNER, claim, line, outcome

pytestmark = pytest.mark.node


class TestOnPostgresql(StoreContract):
    @pytest.fixture
    def store(self, store_urls: tuple[str, str]) -> Iterator[Store]:
        store = Store(*store_urls, bytes(range(32)), SystemClock())
        yield store
        store.close()

    def test_a_recorder_does_not_wait_for_who_holds_the_case(self, store: Store) -> None:
        """Given a case that intake holds, a recorder writes an outcome and a row that refers to the case, and intake its deliveries after it.

        It holds the delivery that intake takes next: if it waited for the case, each would wait for the other.
        """
        case, (row,) = line(store, 1)
        (sent,) = claim(store, row.id)
        copy = RecordCopyRow(
            owner=OWNER,
            id="copy",
            case_id=case.case_id,
            message_row=row.message_row,
            organisation=OWNER,
            direction="in",
            next_at=NOW,
            offered_at=NOW,
        )

        def recorded() -> None:
            with store.write() as work:
                work.record([outcome(sent)])
                work.record_copies.add([copy])

        with ThreadPoolExecutor(1) as threads, store.write() as work:
            work.cases.lock(OWNER, case.case_id)
            threads.submit(recorded).result(timeout=8)
            assert [each.state for each in work.deliveries.lock_case(OWNER, case.case_id)] == ["delivered"]

    def test_of_two_that_wait_for_each_other_one_hears_of_it(self, store: Store) -> None:
        """Given two transactions that lock two cases in opposite orders, one goes through and the other raises StoreConflict."""
        ids = [line(store, 1)[0].case_id for _ in range(2)]
        ready = Barrier(2)

        def lock(first: str, second: str) -> str:
            try:
                with store.write() as work:
                    work.cases.lock(OWNER, first)
                    ready.wait(timeout=8)
                    work.cases.lock(OWNER, second)
            except StoreConflict as error:
                return error.code
            return "through"

        with ThreadPoolExecutor(2) as threads:
            ends = [threads.submit(lock, *order).result for order in (ids, ids[::-1])]
            assert sorted(end(timeout=20) for end in ends) == ["store.conflict", "through"]
