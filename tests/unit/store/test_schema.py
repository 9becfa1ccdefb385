"""The schema: the migrations say what the tables say, and the check says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import UniqueConstraint, event, inspect, text

from siphub.errors import StoreError
from siphub.store import UNSETTLED, Store, Work
from siphub.store.claim import lines_in_flight
from siphub.store.engine import Database
from siphub.store.outbox import ring_successors
from siphub.store.schema import CONTENT, KEYS, Schema
from siphub.store.tables import metadata
from siphub.testing.store_rows import NOW, OpenStore

# Looked up by a number the database gave, or by the partner's word for a delivery whose owner is not known yet.
WITHOUT_OWNER = {"delivery_event", "outbox", "receipt"}


def _databases(store: Store) -> list[tuple[Database, Schema]]:
    return [(store._content, CONTENT), (store._keys, KEYS)]


def test_migrations_make_the_tables(open_store: OpenStore) -> None:
    """Given a database that has just been upgraded, autogenerate finds no difference between it and the tables."""
    store = open_store()
    store.upgrade()
    for database, schema in _databases(store):
        with database.read() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []


@pytest.mark.parametrize("schema", [CONTENT, KEYS], ids=lambda schema: schema.name)
def test_a_migration_is_named_after_its_revision(schema: Schema) -> None:
    """Given the chains as Alembic reads them, the files' names say the same revisions, and the newest of them is the head."""
    chain = ScriptDirectory.from_config(schema.config())
    numbers = [script.revision for script in chain.walk_revisions()]
    assert numbers
    assert all(map(schema.knows, numbers))
    assert not schema.knows("9999")
    assert [step.revision for step in schema.steps(None)] == numbers[::-1]
    assert schema.head() == chain.get_current_head()


def test_migrations_go_down_and_up_again(store: Store) -> None:
    """Given an upgraded database, going down leaves nothing but Alembic's own table, and going up again a healthy store."""
    for database, schema in _databases(store):
        with database.write() as connection:
            command.downgrade(schema.config(connection), "base")
            assert inspect(connection).get_table_names() == ["alembic_version"]
    assert len(store.check()) == 2
    store.upgrade()
    assert store.check() == ()


def test_a_database_from_the_future_is_refused(store: Store) -> None:
    """Given a revision this version does not know, and cannot work on, the upgrade stops and the check says so."""
    with store._content.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE schema_floor SET revision = '9998'"))
    with pytest.raises(StoreError, match="newer"):
        store.upgrade()
    assert "9999" in store.check()[0]


def test_a_newer_database_that_this_version_can_work_on_is_left_as_it_is(store: Store) -> None:
    """Given a revision this version does not know, and a floor that it knows, an old process starts on it and changes nothing."""
    with store._content.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert store.upgrade() == ()
    assert (store.check(), store.behind()) == ((), False)


def test_an_empty_folder_is_said_to_be_behind(open_store: OpenStore) -> None:
    """Given databases that were never upgraded, the check says what to run."""
    problems = open_store().check()
    assert len(problems) == 2
    assert all("siphub db upgrade" in problem for problem in problems)


def test_a_missing_index_or_table_is_named(store: Store) -> None:
    """Given an index and a table taken away, the check names both."""
    with store._content.write() as connection:
        connection.execute(text("DROP INDEX uq_delivery_sending"))
        connection.execute(text("DROP TABLE inbound"))
    words = " ".join(store.check())
    assert "uq_delivery_sending" in words
    assert "inbound" in words


def test_every_table_has_an_owner_in_every_unique_key() -> None:
    """Given the tables, each has a column `owner`, and each unique key contains it, but for three whose reason is written down."""
    for table in metadata.sorted_tables:
        assert "owner" in table.c, table.name
        unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
        keys = [
            list(table.primary_key.columns),
            *(list(each.columns) for each in unique),
            *(list(i.columns) for i in table.indexes if i.unique),
        ]
        without = [key for key in keys if table.c.owner not in key]
        assert bool(without) == (table.name in WITHOUT_OWNER), table.name


def test_a_column_is_personal_only_if_it_is_sealed() -> None:
    """Given the tables, none has a column that could hold a person: no name, identity or text but the sealed ones and the directory's."""
    named = {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns if "name" in column.name}
    assert named == {("organisation", "name"), ("unit", "name"), ("credential", "name"), ("switch", "name"), ("process", "name")}
    assert not {"identity", "subject", "phone", "body", "content", "text"} & {c.name for t in metadata.sorted_tables for c in t.columns}


QUESTIONS: dict[str, tuple[str, Callable[[Work], object]]] = {
    "leases that ran out": ("ix_delivery_lease", lambda work: work.deliveries.expired_leases(NOW, 9)),
    "deliveries past their time": ("ix_delivery_expires", lambda work: work.deliveries.expired(NOW, 9)),
    "missing receipts": ("ix_delivery_unreceived", lambda work: work.deliveries.awaiting(NOW, 9)),
    "missing receipts of some": ("ix_delivery_unreceived", lambda work: work.deliveries.awaiting(NOW, 9, at=[("folder", "folder:home")])),
    "missing receipts of others": ("ix_delivery_unreceived", lambda work: work.deliveries.awaiting(NOW, 9, not_at=[("folder", "x")])),
    "open work": ("ix_delivery_open", lambda work: work.deliveries.open_work("1", 9)),
    "what is due": ("ix_delivery_due", lambda work: work.deliveries.due(NOW, 9)),
    "what is due for one adapter": ("ix_delivery_due", lambda work: work.deliveries.due(NOW, 9, "folder")),
    "lost bells": ("ix_delivery_due", lambda work: work.deliveries.ring_again(NOW, timedelta(1), 9)),
    "bells forgotten behind a predecessor": ("ix_delivery_behind", lambda work: work.deliveries.ring_forgotten("5", 9)),
    "what has waited too long for its partner": ("ix_delivery_patience", lambda work: work.deliveries.out_of_patience(NOW, 9)),
    "bells out to a partner": ("ix_delivery_partner", lambda work: work.partners.load(("folder", "folder:home"), NOW, 9)),
    "what waits for a partner": ("ix_delivery_partner", lambda work: work.partners.ring(("folder", "folder:home"), NOW, 9)),
    "what is being sent to partners": ("ix_delivery_lease", lambda work: work.partners.sending([("folder", "folder:home")])),
    "failures nobody was told of": ("ix_delivery_failed", lambda work: work.deliveries.untold(9)),
    "how many wait": ("ix_delivery_unsettled", lambda work: work.deliveries.counts(states=UNSETTLED)),
    "what is held": ("ix_delivery_unsettled", lambda work: work.deliveries.page(states=["held"], after="1", limit=9)),
    "an owner's counts": ("ix_delivery_owner_state", lambda work: work.deliveries.counts("1")),
    "the end of a line": ("ix_delivery_line", lambda work: work.deliveries.line_tail("1", "2", "3")),
    "bells to ring": ("ix_outbox_due", lambda work: work.outbox.take(9)),
    "successors": ("ix_delivery_prev", lambda work: ring_successors(work._connection, ["1", "2"])),
    "lines in flight": ("uq_delivery_sending", lambda work: lines_in_flight(work._connection, {("1", "2", "3"), ("1", "2", "4")})),
    "unmatched receipts": ("ix_receipt_unmatched", lambda work: work.receipts.unmatched()),
    "deadlines that passed": ("ix_deadline_due", lambda work: work.deadlines.due(NOW, 9)),
    "record copies to hand over": ("ix_record_copy_due", lambda work: work.record_copies.due("1", NOW, 9)),
    "record copies nobody has confirmed": ("ix_record_copy_unconfirmed", lambda work: work.record_copies.unconfirmed()),
    "the record copies of a message": ("ix_record_copy_case", lambda work: work.record_copies.of_message("1", "2", "3")),
    "cases to erase": ("ix_sip_case_ended", lambda work: work.erasure.candidates("1", NOW, 9)),
    "keys that a crash has left": ("ix_sip_case_erased", lambda work: work.erasure.unfinished(9)),
    "answers kept long enough": ("ix_submission_forget", lambda work: work.erasure.old_submissions(NOW, 9)),
    "open work items": ("ix_work_item_open", lambda work: work.work_items.open_items("1")),
}


@pytest.mark.parametrize("what", QUESTIONS)
def test_each_question_is_answered_by_its_index(store: Store, what: str) -> None:
    """Given a question as the store really asks it, SQLite reads the index made for it, and sorts nothing but ties by itself."""
    index, ask = QUESTIONS[what]
    sent: list[tuple[str, Any]] = []
    event.listen(store._content._writer, "before_cursor_execute", lambda *told: sent.append((told[2], told[3])))
    with store.write() as work:
        ask(work)
        statement, parameters = sent[0] if sent[0][0] != "BEGIN IMMEDIATE" else sent[1]
        plan = [row[3] for row in work._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert any(f"INDEX {index}" in step for step in plan), plan
    assert not [step for step in plan if step.endswith("FOR ORDER BY") or (step.startswith("SCAN delivery") and index not in step)], plan
