"""`directory …`: organisations, units and addresses; looked at, checked, and switched in one step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import NO, By, Data, Json, body_of, facts, group, place, problems_as_facts, table

if TYPE_CHECKING:
    from siphub.model import Unit

File = Annotated[Path, typer.Argument(metavar="FILE", help="The directory, TOML or JSON; - is stdin.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("directory", "Organisations, units, and where each is reached.")
    those.command("list", epilog="Example: siphub directory list --json > directory.json")(list_it)
    those.command("check", epilog="Example: siphub directory check directory.toml")(check)
    those.command("import", epilog="Example: siphub directory import directory.toml")(import_it)
    app.add_typer(those)


def list_it(data: Data = None, as_json: Json = False) -> None:
    """List the units; with --json the whole directory, in the form that import takes."""
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories

    with opened(data) as hub:
        found = directories.current(hub.ground)
    if as_json:
        facts(found.model_dump(mode="json"))
        return
    rows = [
        (
            unit.id,
            unit.name,
            unit.organisation,
            unit.address.adapter if unit.address else "",
            unit.address.endpoint if unit.address else _no_address(unit),
        )
        for unit in found.units
    ]
    table(
        ("unit", "name", "organisation", "adapter", "address"), rows, empty="The directory is empty: siphub directory import brings one in."
    )


def _no_address(unit: Unit) -> str:
    if unit.closed_on is None:
        return "(none)"
    return f"(closed {unit.closed_on:%Y-%m-%d}{f', see {unit.successor}' if unit.successor else ''})"


def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A directory; the hub's own unless said.", show_default=False)
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a directory, before or after it is switched to."""
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories
    from siphub.policy.days import day_of

    with opened(data) as hub:
        directory = directories.parse(body_of(file)) if file else directories.current(hub.ground)
        now = directories.current(hub.ground)
        problems = directories.check(directory, hub.registry.adapters, day_of(hub.ground.now()), hub.registry.keepers, now)
    if as_json:
        facts({"units": len(directory.units), "problems": problems_as_facts(problems)})
    elif problems:
        for problem in problems:
            print(f"{place(problem)}  {problem.code}: {problem.detail}")
    else:
        print(f"Nothing is wrong: {len(directory.organisations)} organisations, {len(directory.units)} units.")
    if problems:
        raise typer.Exit(NO)


def import_it(file: File, by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """Put a directory in the place of the one there is, or say why not and change nothing."""
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories

    with opened(data) as hub:
        directory = directories.parse(body_of(file))
        version = directories.switch(hub.ground, directory, by=by)
    if as_json:
        facts({"version": version, "organisations": len(directory.organisations), "units": len(directory.units)})
    else:
        print(f"The directory is at version {version}: {len(directory.organisations)} organisations, {len(directory.units)} units.")
