"""Column types and small statements that read the same on SQLite and PostgreSQL. It must never hold a rule about cases or deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, Select, Table, TypeDecorator, insert, literal
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from siphub.contract import Clock

Row = TypeVar("Row")
_UTC: Final = "+00:00"


class Moment(TypeDecorator[datetime]):
    """A point in time: aware in, UTC out. SQLite keeps it as text of fixed width, so that it sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Return what refuses a naive time, for nobody could say what it means, and gives the driver UTC."""
        return _to_text if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002 - SQLAlchemy asks so
        """Return what gives UTC, whatever zone the connection speaks."""
        return _of_text if dialect.name == "sqlite" else _of_any_zone


def _to_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("the store takes aware times only")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _to_text(value: datetime | None) -> str | None:
    moment = _to_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds").removesuffix(_UTC)


def _of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + _UTC)


def _of_any_zone(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def exactly(text: str) -> ColumnElement[str]:
    """Return a text written into the statement itself: SQLite uses a partial index only where its predicate stands there literally."""
    return literal(text, literal_execute=True)


def one_of(column: ColumnElement[str], states: Sequence[str]) -> ColumnElement[bool]:
    """Return `column IN (…)` with the texts written into the statement, in the order in which the index has them."""
    return column.in_([literal(state, literal_execute=True) for state in states])


def insert_missing(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is taken; return whether it went in."""
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = upsert(table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def values_of(row: Any) -> dict[str, Any]:
    """Return a row's fields as columns. Unlike `dataclasses.asdict` it copies nothing: rows are flat and frozen."""
    return {each.name: getattr(row, each.name) for each in fields(row)}


class Topic:
    """A repository: one topic of the store, inside one transaction."""

    __slots__ = ("_clock", "_connection")

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def _all(self, row: type[Row], statement: Select[Any]) -> tuple[Row, ...]:
        """Return what a query finds, as rows whose fields are named like the columns."""
        return tuple(row(**found) for found in self._connection.execute(statement).mappings())

    def _first(self, row: type[Row], statement: Select[Any]) -> Row | None:
        found = self._connection.execute(statement).mappings().first()
        return None if found is None else row(**found)

    def _insert(self, table: Table, *values: Mapping[str, Any]) -> None:
        if values:
            self._connection.execute(insert(table), [dict(each) for each in values])
