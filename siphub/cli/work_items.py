"""`work list|show|close`: what a person must do. States and codes only: whoever runs the hub sees no content."""

from __future__ import annotations

from typing import Annotated

import typer

from siphub.cli.processes import work
from siphub.cli.words import By, Data, Json, facts, table

Item = Annotated[str, typer.Argument(metavar="ITEM", help="The work item's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = typer.Typer(
        name="work",
        epilog="Example: siphub work --adapter fhir --adapter sdk",
        invoke_without_command=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    those.callback()(work)
    those.command("list", epilog="Example: siphub work list --organisation 2120009994")(list_them)
    those.command("show", epilog="Example: siphub work show 7c1d…")(show)
    those.command("close", epilog="Example: siphub work close 7c1d… --how phoned --by eva")(close)
    app.add_typer(those)


def list_them(
    organisation: Annotated[str, typer.Option("--organisation", metavar="NUMBER", help="Only this organisation's.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List what is open, oldest first."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    with opened(data) as hub:
        found = track.desk(hub.ground, organisation or None)
    if as_json:
        facts(found)
        return
    rows = [
        (one.id, one.type, one.unit, one.case_id, f"{one.due_at:%Y-%m-%d %H:%M}" if one.due_at else "", one.delivery_id) for one in found
    ]
    table(("work item", "what", "unit", "case", "by when", "delivery"), rows, empty="Nobody has to do anything.")


def show(item: Item, data: Data = None, as_json: Json = False) -> None:
    """Say what one work item asks for, whose it is, what the partner said, and by which code what came was not taken.

    As JSON also what settles it.
    """
    from siphub.cli.hubs import opened
    from siphub.flow import work_items
    from siphub.policy.work import work_type

    with opened(data) as hub:
        found = work_items.show(hub.ground, item)
        answer = work_items.answer(hub.ground, found)
    known = work_type(found.type)
    if as_json:
        facts(
            {"item": found, "answer": answer, "en": known.en, "sv": known.sv, "whose": known.whose, "settled_by": sorted(known.settled_by)}
        )
        return
    print(f"{found.type}: {known.en}")
    print(f"  {known.sv}")
    if answer:
        print(f"  the answer: {answer}")
    if found.note_code:
        print(f"  why: {found.note_code}")
    print(f"  unit {found.unit}, case {found.case_id}{f', delivery {found.delivery_id}' if found.delivery_id else ''}")
    print(f"  open since {found.opened_at:%Y-%m-%d %H:%M} UTC{f', by {found.due_at:%Y-%m-%d %H:%M} UTC' if found.due_at else ''}")


def close(
    item: Item,
    how: Annotated[
        str, typer.Option("--how", metavar="CODE", help="How it was settled, as a code: phoned, corrected, not-needed.")
    ] = "done",
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Note that a work item is done."""
    from siphub.cli.hubs import opened
    from siphub.flow import work_items

    with opened(data) as hub:
        work_items.close(hub.ground, item, how=how, by=by, channel="cli")
    if as_json:
        facts({"item": item, "closed": True})
    else:
        print("The work item is closed.")
