"""`db check` and `db upgrade`: the databases of a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from siphub.cli.words import NO, Data, Json, facts, group

if TYPE_CHECKING:
    from siphub.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("db", "The databases.")
    those.command("check", epilog="Example: siphub db check --data my-hub")(check)
    those.command("upgrade", epilog="Example: siphub db upgrade --data my-hub")(upgrade)
    app.add_typer(those)


@contextmanager
def stored(data: Path | None) -> Iterator[Store]:
    """Give the store of a data folder as it is, not upgraded."""
    from siphub.cli.hubs import require_hub, settings_for
    from siphub.contract import SystemClock
    from siphub.hub import open_store

    settings = settings_for(data)
    require_hub(settings)
    store = open_store(settings, SystemClock())
    try:
        yield store
    finally:
        store.close()


def check(data: Data = None, as_json: Json = False) -> None:
    """Say what is wrong with the databases: their revision, their tables, and on SQLite every page."""
    with stored(data) as store:
        found = store.check()
    if as_json:
        facts({"ok": not found, "problems": found})
    else:
        for problem in found or ("Nothing is wrong with the databases.",):
            print(problem)
    if found:
        raise typer.Exit(NO)


def upgrade(data: Data = None, as_json: Json = False) -> None:
    """Bring the databases to the newest revision, and say what was done. Safe while hubs run on them, of this version and of the last.

    On PostgreSQL each step waits shortly for its locks and is tried again; indexes are built beside the work.
    """
    with stored(data) as store:
        done = store.upgrade()
        found = store.check()
    if as_json:
        facts({"ok": not found, "steps": done, "problems": found})
    else:
        for step in done:
            print(f"{step.schema} {step.revision}: {step.what}")
        for problem in found or ("The databases are at the newest revision.",):
            print(problem)
    if found:
        raise typer.Exit(NO)
