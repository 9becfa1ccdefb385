"""What the hub asks all the time reads few rows, however much was ever delivered: counted by PostgreSQL itself, at two sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from siphub.contract import SystemClock
from siphub.store import DeliveryRow, Store, Work
from siphub.store.outbox import ring_successors
from siphub.testing.postgresql import Postgres, name_of
from siphub.testing.store_rows import LEASE, NOW, OWNER, add_line, by_grants, claim, line, outcome

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

HOT = 40
"""Lines of two deliveries that wait, at every size."""
MOST = 400
"""Rows that one question may read: some of what waits, and what it asks for by number."""
LATER = NOW + timedelta(days=30)
GROWING = frozenset({"attempt", "delivery", "delivery_event", "message", "sip_case"})
"""The tables that the test fills; the others are small, and PostgreSQL may well read them as a whole."""
BIG = ("attempt", "audit", "delivery", "delivery_event", "message", "outbox", "sip_case", "submission", "work_item")

CASES = """
INSERT INTO sip_case SELECT (jsonb_populate_record(c, jsonb_build_object('case_id', 'case-' || g))).*
FROM sip_case c, generate_series(%(first)s::int / 10, %(last)s::int / 10) g WHERE c.case_id = %(case)s ON CONFLICT DO NOTHING
"""
MESSAGES = """
INSERT INTO message SELECT (jsonb_populate_record(m, jsonb_build_object('id', 'message-' || g, 'message_id', 'sent-' || g, 'case_id', 'case-' || g))).*
FROM message m, generate_series(%(first)s::int / 10, %(last)s::int / 10) g WHERE m.id = %(message)s ON CONFLICT DO NOTHING
"""
DELIVERIES = """
INSERT INTO delivery SELECT (jsonb_populate_record(d, jsonb_build_object(
    'id', 'delivery-' || g, 'key', 'key-' || g, 'case_id', 'case-' || g / 10, 'message_row', 'message-' || g / 10, 'message_id', 'sent-' || g / 10,
    'recipient', 'unit-' || mod(g, 10), 'prev_id', CASE WHEN mod(g, 10) > 0 THEN 'delivery-' || g - 1 END,
    'state', CASE WHEN mod(g, 100) = 0 THEN 'awaiting_receipt' WHEN mod(g, 100) = 1 THEN 'rejected' ELSE 'delivered' END,
    'message_type', CASE WHEN mod(g, 200) = 1 THEN 'delivery.failed' ELSE 'meeting.summoned' END,
    'told_at', CASE WHEN mod(g, 200) = 1 THEN NULL ELSE d.updated_at END))).*
FROM delivery d, generate_series(%(first)s::int, %(last)s::int - 1) g WHERE d.id = %(delivery)s
"""
EVENTS = """
INSERT INTO delivery_event (owner, delivery_id, at, event, state, fence)
SELECT %(owner)s, 'delivery-' || g, now(), 'outcome.delivered', 'delivered', 1 FROM generate_series(%(first)s::int, %(last)s::int - 1) g
"""
ATTEMPTS = """
INSERT INTO attempt (owner, delivery_id, fence, number, started_at, finished_at, late)
SELECT %(owner)s, 'delivery-' || g, 1, 1, now(), now(), false FROM generate_series(%(first)s::int, %(last)s::int - 1) g
"""
READ = """
SELECT relname, coalesce(seq_scan, 0), coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = ANY(%(tables)s)
"""


class Volume:
    """A store in which much was delivered and a little waits."""

    def __init__(self, store: Store, words: str) -> None:
        self.store, self._words, self._stored = store, words, 0
        case, (row,) = line(store, 1)
        self._template = {"owner": OWNER, "case": case.case_id, "message": row.message_row, "delivery": row.id}
        self.waiting: list[DeliveryRow] = []
        for _ in range(HOT):
            self.waiting += line(store, 2)[1]
        claim(store, *[each.id for each in self.waiting[::4]])

    def grow(self, stored: int) -> None:
        """Let so many deliveries have been made, with their cases, messages, events and attempts; statistics are up to date."""
        span = {**self._template, "first": self._stored, "last": stored}
        with psycopg.connect(self._words, autocommit=True) as connection:
            for statement in (CASES, MESSAGES, DELIVERIES, EVENTS, ATTEMPTS):
                connection.execute(statement, span)
            connection.execute("ANALYZE")
        self._stored = stored

    def cost(self, ask: Callable[[Work, list[DeliveryRow]], object]) -> tuple[int, list[str]]:
        """Ask in a transaction that is taken back; return how many rows were read, and which of the big tables were read from end to end."""
        with self.store.write() as work:
            before = self._read(work)
            ask(work, self.waiting)
            after = self._read(work)
            work._connection.exec_driver_sql("ROLLBACK AND CHAIN")
        read = {name: (scans - before[name][0], rows - before[name][1]) for name, (scans, rows) in after.items()}
        return sum(rows for _, rows in read.values()), [name for name, (scans, _) in read.items() if scans and name in GROWING]

    @staticmethod
    def _read(work: Work) -> dict[str, tuple[int, int]]:
        found = work._connection.exec_driver_sql(READ, {"tables": list(BIG)})
        return {str(name): (int(scans), int(rows)) for name, scans, rows in found}


@pytest.fixture(scope="module")
def volume(postgresql: Postgres) -> Iterator[Volume]:
    """Return an upgraded store of this module's own."""
    urls = postgresql.database(), postgresql.database()
    store = Store(*urls, bytes(32), SystemClock())
    store.upgrade()
    yield Volume(store, postgresql.admin(name_of(urls[0])))
    store.close()
    for url in urls:
        postgresql.drop(url)


Ask = Callable[[Work, list[DeliveryRow]], object]
ASKED: dict[str, Ask] = {
    "claim": lambda work, rows: work.claim([row.id for row in rows[2:34:4]], now=LATER, lease=LEASE, accept=by_grants),
    "record": lambda work, rows: work.record([outcome(each) for each in _sending(work, rows)[:8]]),
    "successors": lambda work, rows: ring_successors(work._connection, [row.id for row in rows[:8]]),
    "a new message": lambda work, _: add_line(work, 1),
    "a withdrawal's deliveries": lambda work, rows: work.deliveries.lock_case(OWNER, rows[0].case_id),
    "an old case's deliveries": lambda work, _: work.deliveries.of_case(OWNER, "case-7"),
    "the end of a line": lambda work, _: work.deliveries.line_tail(OWNER, "case-7", "unit-3"),
    "a message's deliveries": lambda work, _: work.deliveries.of_message(OWNER, "message-7"),
    "a delivery by its key": lambda work, _: work.deliveries.find_by_key("key-7"),
    "a delivery's history": lambda work, _: (work.events.of_delivery(OWNER, "delivery-7"), work.attempts.of_delivery(OWNER, "delivery-7")),
    "bells to ring": lambda work, _: work.outbox.take(50),
    "what is due": lambda work, _: work.deliveries.due(LATER, 50),
    "lost bells": lambda work, _: work.deliveries.ring_again(LATER, timedelta(1), 50),
    "unheard bells": lambda work, _: work.deliveries.any_unheard(LATER, LATER, "folder"),
    "leases that ran out": lambda work, _: work.deliveries.expired_leases(LATER, 50),
    "deliveries past their time": lambda work, _: work.deliveries.expired(LATER, 50),
    "missing receipts": lambda work, _: work.deliveries.awaiting(LATER, 50),
    "failures nobody was told of": lambda work, _: work.deliveries.untold(50),
    "open work": lambda work, _: work.deliveries.open_work(OWNER, 100_000),
    "how many are queued": lambda work, _: work.deliveries.counts(states=["held", "queued", "sending"]),
    "what is held": lambda work, _: work.deliveries.page(states=["held"], limit=50),
    "a page of all": lambda work, _: work.deliveries.page(after="delivery-3", limit=50),
    "open work items": lambda work, _: work.work_items.open_items(OWNER),
    "a link of the audit": lambda work, _: work.audit.append(OWNER, "actor", "api", "x", {"case_id": "case-7"}),
    "a submission": lambda work, _: work.submissions.find(OWNER, "m"),
    "a message by its id": lambda work, _: work.messages.by_message_id("sent-7"),
}


def _sending(work: Work, rows: list[DeliveryRow]) -> list[DeliveryRow]:
    found = [work.deliveries.by_id(row.id) for row in rows[::4]]
    return [row for row in found if row is not None and row.state == "sending"]


def test_no_question_reads_more_because_more_was_delivered(volume: Volume, volume_rows: int, write_result: Callable[..., None]) -> None:
    """Given a tenth of the deliveries and then all of them, each question reads the same few rows, and no big table from end to end."""
    volume.grow(volume_rows // 10)
    few = {what: volume.cost(ask)[0] for what, ask in ASKED.items()}
    volume.grow(volume_rows)
    many = {what: volume.cost(ask) for what, ask in ASKED.items()}
    most = max(many, key=lambda what: many[what][0])
    write_result("volume", {"deliveries": volume_rows, "questions": len(ASKED), "most rows read": many[most][0], "by": most})
    assert {what: scanned for what, (_, scanned) in many.items() if scanned} == {}
    assert {what: rows for what, (rows, _) in many.items() if rows > MOST} == {}
    assert {what: (few[what], rows) for what, (rows, _) in many.items() if rows > few[what] + 60} == {}
    with pytest.raises(AssertionError):  # and what reads everything would be seen
        assert volume.cost(lambda work, _: work.deliveries.counts())[0] <= MOST
