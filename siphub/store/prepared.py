"""Statements made once and run often: SQLAlchemy writes their SQL and turns their values, and the driver runs them without it in between.

For the few statements that every message and delivery passes: building and executing one anew costs several times what the database needs.
Within the same transaction, on the same connection, with the same errors as any other statement. It must never hold a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, Connection, Dialect, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from siphub.errors import StoreError

_MISSING: Final = object()
Turn = Callable[[Any], Any]
Values = Mapping[str, Any]
Lists = Mapping[str, Sequence[Any]]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement in one dialect: its SQL, the values that stand in it, those it needs, their order, and what turns values and results."""

    sql: str
    constants: Values
    needs: frozenset[str]
    order: Sequence[str] | None
    binds: tuple[tuple[str, Turn], ...]
    columns: tuple[str, ...]
    results: tuple[tuple[int, Turn], ...]

    def given(self, values: Values) -> Any:
        """Return values as the driver takes them."""
        found = {**self.constants, **values}
        if not self.needs <= values.keys():
            raise StoreError("a statement was not given all its values")
        try:
            for name, turn in self.binds:
                found[name] = turn(found[name])
        except (TypeError, ValueError) as error:
            raise StoreError("a statement was given a value that its column does not take; it was not run") from error
        return found if self.order is None else tuple(found[name] for name in self.order)

    def told(self, row: Sequence[Any]) -> Sequence[Any]:
        """Return a row as the driver gives it with its values turned."""
        if not self.results:
            return row
        told = list(row)
        for index, turn in self.results:
            told[index] = turn(told[index])
        return told


@dataclass(slots=True)
class Prepared:
    """A statement whose values have names, by `given`.

    Args:
        make: Makes the statement in a dialect, given how many values each list in it has, by the list's name; see `listed`.
    """

    make: Callable[[str, Mapping[str, int]], Executable]
    _ready: dict[tuple[str, tuple[int, ...]], _Ready] = field(default_factory=dict)

    def all(self, connection: Connection, lists: Lists | None = None, **values: Any) -> list[Sequence[Any]]:
        """Run it and return its rows, each in the order of its columns."""
        ready, cursor = self._ran(connection, lists, values)
        found = cursor.fetchall()
        cursor.close()
        return [ready.told(row) for row in found] if ready.results else list(found)

    def rows(self, kind: type[Row], connection: Connection, lists: Lists | None = None, **values: Any) -> tuple[Row, ...]:
        """Run it and return its rows as values whose fields are named like the columns."""
        ready, cursor = self._ran(connection, lists, values)
        found = cursor.fetchall()
        cursor.close()
        return tuple(kind(**dict(zip(ready.columns, ready.told(row), strict=True))) for row in found)

    def row(self, kind: type[Row], connection: Connection, **values: Any) -> Row | None:
        """Run it and return its first row as such a value, or None."""
        found = self.rows(kind, connection, **values)
        return found[0] if found else None

    def first(self, connection: Connection, **values: Any) -> Sequence[Any] | None:
        """Run it and return its first row, or None."""
        found = self.all(connection, **values)
        return found[0] if found else None

    def run(self, connection: Connection, lists: Lists | None = None, **values: Any) -> int:
        """Run it and return how many rows it touched."""
        _, cursor = self._ran(connection, lists, values)
        touched: int = cursor.rowcount
        cursor.close()
        return touched

    def each(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Run it for each of some rows."""
        if rows:
            ready = self._for(connection.dialect, {})
            if len(rows) == 1:  # psycopg opens a pipeline for many, which for one costs as much again
                _run(connection, ready.sql, ready.given(rows[0])).close()
                return
            _run(connection, ready.sql, [ready.given(row) for row in rows], many=True).close()

    def _ran(self, connection: Connection, lists: Lists | None, values: Values) -> tuple[_Ready, Any]:
        if not lists:
            ready = self._for(connection.dialect, {})
            return ready, _run(connection, ready.sql, ready.given(values))
        padded = {name: _padded(found) for name, found in lists.items()}
        ready = self._for(connection.dialect, {name: len(found) for name, found in padded.items()})
        spread = {f"{name}_{number}": value for name, found in padded.items() for number, value in enumerate(found)}
        return ready, _run(connection, ready.sql, ready.given({**values, **spread}))

    def _for(self, dialect: Dialect, sizes: Mapping[str, int]) -> _Ready:
        key = (dialect.name, tuple(sizes.values()))
        found = self._ready.get(key)
        if found is None:
            found = self._ready[key] = _compiled(self.make(dialect.name, sizes), dialect)
        return found


def _padded(values: Sequence[Any]) -> list[Any]:
    """Return a list as long as the next power of two, its last value over and over: so few sizes are ever compiled."""
    return [*values, *([values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values)))]


def prepared(statement: Executable) -> Prepared:
    """Return a statement without lists."""
    return Prepared(lambda _dialect, _sizes: statement)


def with_lists(make: Callable[[Mapping[str, int]], Executable]) -> Prepared:
    """Return a statement with lists, none of which may be empty; `make` puts them in by `listed`."""
    return Prepared(lambda _dialect, sizes: make(sizes))


def given(name: str, kind: Any = None) -> BindParameter[Any]:
    """Return the place of a value that is given when the statement runs; `kind` is its type where no column beside it says that."""
    return bindparam(name, _MISSING, type_=kind)


def listed(name: str, sizes: Mapping[str, int]) -> list[Any]:
    """Return the values of a list, for `in_`: as many as there will be."""
    return [given(f"{name}_{number}") for number in range(sizes[name])]


def adding(table: Table, *but: str) -> Prepared:
    """Return the insertion of rows, whole but for the columns that the database fills in."""
    return prepared(insert(table).values({column.name: given(column.name) for column in table.c if column.name not in but}))


def adding_missing(table: Table) -> Prepared:
    """Return the insertion of a whole row unless one of its unique keys is taken; it touches one row or none."""
    values: dict[str, Any] = {column.name: given(column.name) for column in table.c}

    def make(dialect: str, _: Mapping[str, int]) -> Executable:
        upsert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        return upsert(table).values(values).on_conflict_do_nothing()

    return Prepared(make)


_INLINE: Final = {"render_postcompile": True}
"""What must stand in the statement literally, for a partial index, does."""


def _compiled(statement: Executable, dialect: Dialect) -> _Ready:
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs=_INLINE)  # type: ignore[attr-defined]  # every statement can be compiled
    turns = ((name, bind.type.dialect_impl(dialect).bind_processor(dialect)) for bind, name in compiled.bind_names.items())
    columns = tuple(getattr(statement, "selected_columns", ()) or getattr(statement, "exported_columns", ()))
    told = ((index, column.type.dialect_impl(dialect).result_processor(dialect, None)) for index, column in enumerate(columns))
    return _Ready(
        sql=compiled.string,
        constants={name: value for name, value in compiled.params.items() if value is not _MISSING},
        needs=frozenset(name for name, value in compiled.params.items() if value is _MISSING),
        order=tuple(compiled.positiontup) if compiled.positional else None,
        binds=tuple((name, turn) for name, turn in turns if turn is not None),
        columns=tuple(column.key for column in columns),
        results=tuple((index, turn) for index, turn in told if turn is not None),
    )


def _run(connection: Connection, sql: str, given: Any, *, many: bool = False) -> Any:
    """Run SQL on the driver's own cursor, with SQLAlchemy's errors; whoever listens for statements hears it.

    Raises:
        DBAPIError: What the driver raised, without its values; a lost connection is given up.
    """
    dialect: Any = connection.dialect
    cursor: Any = None
    try:
        cursor = connection.connection.cursor()
        for heard in connection.dispatch.before_cursor_execute:
            sql, given = heard(connection, cursor, sql, given, None, many)
        if many:
            cursor.executemany(sql, given)
        else:
            cursor.execute(sql, given)
    except dialect.loaded_dbapi.Error as error:
        told: Any = connection  # what makes of an error what it makes of any statement's has no public name
        told._handle_dbapi_exception(error, sql, given, cursor, None)  # noqa: SLF001
    return cursor
