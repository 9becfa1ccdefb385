"""Statements that are written once and run by the driver: the same values, rows and errors as any other statement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, MetaData, String, Table, event, select, update
from sqlalchemy.exc import IntegrityError

from siphub.errors import StoreError
from siphub.store.columns import Moment, exactly
from siphub.store.engine import Database
from siphub.store.prepared import adding, adding_missing, given, listed, prepared, with_lists

THING = Table(
    "thing",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("at", Moment),
    Column("good", Boolean),
    Column("facts", JSON),
)
ADD, ADD_MISSING = adding(THING), adding_missing(THING)
NAMED = with_lists(lambda sizes: select(THING).where(THING.c.name.in_(listed("names", sizes))).order_by(THING.c.name))
GOOD = prepared(select(THING.c.name).where(THING.c.good == given("wanted"), THING.c.name != exactly("never")))
TURN = prepared(update(THING).where(THING.c.name == given("this")).values(good=given("new_good"), facts=None))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return a database with the table in it."""
    url = f"sqlite:///{tmp_path / 'prepared.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    database = Database(url)
    with database.write() as connection:
        THING.metadata.create_all(connection)
    yield database
    database.close()


def row(name: str, **more: Any) -> dict[str, Any]:
    """Return the values of a row."""
    return {"name": name, "at": NOON, "good": True, "facts": {"a": ["å", 1]}, **more}


def test_values_come_back_as_they_went_in(database: Database) -> None:
    """Given a time in another zone, a truth and a document, when they are stored and read, then they are in UTC, true, and whole."""
    with database.write() as connection:
        ADD.run(connection, **row("one", at=NOON.astimezone(timezone(timedelta(hours=2)))))
    with database.read() as connection:
        (found,) = NAMED.all(connection, {"names": ["one"]})
    assert list(found) == ["one", NOON, True, {"a": ["å", 1]}]
    assert found[1].tzinfo is UTC


def test_they_are_what_any_other_statement_reads_and_writes(database: Database) -> None:
    """Given rows of both, then each reads the other's alike."""
    with database.write() as connection:
        ADD.each(connection, [row("one"), row("two", at=None, good=None, facts=None)])
        connection.execute(THING.insert(), [row("three")])
        plainly = [tuple(found) for found in connection.execute(select(THING).order_by(THING.c.name))]
        assert [tuple(found) for found in NAMED.all(connection, {"names": ["one", "two", "three"]})] == plainly


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_lists_of_any_length_find_each_once(database: Database, count: int) -> None:
    """Given a list of some length, then whatever is in it is found once, and a second list of another length as well."""
    names = [f"n{number}" for number in range(count)]
    with database.write() as connection:
        ADD.each(connection, [row(name) for name in (*names, "other")])
        assert [found[0] for found in NAMED.all(connection, {"names": names})] == sorted(names)
        assert [found[0] for found in NAMED.all(connection, {"names": names[:1]})] == names[:1]


def test_a_value_that_is_not_given_is_an_error_and_never_null(database: Database) -> None:
    """Given a statement that wants a value, when it is run without, then it is not run."""
    with database.write() as connection, pytest.raises(StoreError, match="not given all its values"):
        GOOD.all(connection)


def test_what_stands_in_the_statement_is_written_into_it(database: Database) -> None:
    """Given a text by `exactly`, then it stands in the SQL, where a partial index needs it, and only the rest is a value."""
    with database.write() as connection:
        ADD.each(connection, [row("one"), row("never"), row("bad", good=False)])
        assert GOOD.all(connection, wanted=True) == [("one",)]
        assert "'never'" in GOOD._for(connection.dialect, {}).sql


def test_rows_touched_are_counted(database: Database) -> None:
    """Given an update and an insertion of what is there already, then they say how many rows they touched."""
    with database.write() as connection:
        assert ADD_MISSING.run(connection, **row("one")) == 1
        assert ADD_MISSING.run(connection, **row("one", good=False)) == 0
        assert TURN.run(connection, this="one", new_good=False) == 1
        assert TURN.run(connection, this="two", new_good=False) == 0
        assert GOOD.all(connection, wanted=False) == [("one",)]


def test_an_error_is_the_one_any_statement_raises_and_the_transaction_is_gone(database: Database) -> None:
    """Given a row that is there already, when it is added again, then SQLAlchemy's own error says so without its values, and nothing stays."""
    with pytest.raises(StoreError) as raised, database.write() as connection:  # noqa: PT012 - the error of the whole transaction
        ADD.run(connection, **row("one"))
        with pytest.raises(IntegrityError) as inner:
            ADD.run(connection, **row("one"))
        assert "å" not in str(inner.value)
        raise inner.value
    assert isinstance(raised.value.__cause__, IntegrityError)
    with database.read() as connection:
        assert NAMED.all(connection, {"names": ["one"]}) == []


def test_whoever_listens_for_statements_hears_them(database: Database) -> None:
    """Given somebody who listens on the engine, as a trace or a test does, then a prepared statement is heard like any other."""
    seen: list[str] = []
    event.listen(database._writer, "before_cursor_execute", lambda *told: seen.append(told[2]))
    with database.write() as connection:
        ADD.run(connection, **row("one"))
    assert [sql for sql in seen if sql.startswith("INSERT INTO thing")]


def test_a_value_that_no_column_takes_is_refused(database: Database) -> None:
    """Given a naive time, then it is refused, for nobody could say what it means."""
    with database.write() as connection, pytest.raises(StoreError, match="does not take"):
        ADD.run(connection, **row("one", at=NOON.replace(tzinfo=None)))
