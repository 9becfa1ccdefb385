"""The store on PostgreSQL keeps StoreContract, and its transactions do not wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from time import sleep

import pytest

from siphub.contract import SystemClock
from siphub.errors import StoreConflict
from siphub.store import RecordCopyRow, Store
from siphub.store.postgresql_engine import KEPT, MOST
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.store import StoreContract
from siphub.testing.store_rows import NOW, OWNER, add_line, claim, line, new_case, outcome
from siphub.testing.story import until

pytestmark = pytest.mark.node
ROOT = Path(__file__).resolve().parents[2]
THREADS = 40
"""How many requests `serve` answers at once: the threads of its server."""


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

    def test_a_busy_process_keeps_as_many_connections_as_the_docs_say(
        self, store: Store, store_urls: tuple[str, str], postgresql: Postgres
    ) -> None:
        """Given forty things at once, as in a busy `serve`, to either database no more than forty are used while sixteen rest in the other pool."""
        ended, together = Event(), Barrier(THREADS)

        def work() -> None:
            together.wait()
            while not ended.is_set():
                case = new_case()
                store.seal_of_case(OWNER, case.case_id, create=True)
                with store.write() as work:
                    add_line(work, 1, case=case)
                with store.read() as work:
                    work.deliveries.of_case(OWNER, case.case_id)

        def connected() -> list[int]:
            counted = postgresql.run(
                "SELECT datname, count(*) FROM pg_stat_activity WHERE application_name LIKE 'siphub %' GROUP BY datname"
            )
            return [dict(counted).get(name_of(url), 0) for url in store_urls]

        with ThreadPoolExecutor(THREADS) as threads:
            ends = [threads.submit(work) for _ in range(THREADS)]
            seen = list[int]()
            for _ in range(20):
                sleep(0.1)
                seen += connected()
            ended.set()
            assert [end.result(timeout=60) for end in ends] == [None] * THREADS
        assert KEPT < max(seen) <= THREADS + KEPT == 56
        assert until(lambda: KEPT < max(connected()) <= 2 * KEPT == 32)
        said = (ROOT / "docs" / "in-service.md").read_text("utf-8")
        assert all(words in said for words in ("forty things at once", "thirty-two stay open", "sixty-four", "fifty-six", "forty-eight"))
        assert MOST == 48

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
