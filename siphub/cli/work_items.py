"""`work-items …`: what a person must do. The name `work` is kept for the worker as a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from siphub.cli.words import By, Data, Json, facts, group, refuse, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("work-items", "What a person must do.")
    those.command("list", epilog="Example: siphub work-items list")(list_them)
    those.command("close", epilog="Example: siphub work-items close 7c1d… --how phoned --by eva")(close)
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


def close(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The work item's id.")],
    how: Annotated[
        str, typer.Option("--how", metavar="CODE", help="How it was settled, as a code: phoned, corrected, not-needed.")
    ] = "done",
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Note that a work item is done."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    with opened(data) as hub:
        found = next((one for one in track.desk(hub.ground) if one.id == item), None)
        if found is None:
            raise refuse("work_item.not_there", "there is no such open work item")
        with hub.store.write() as work:
            done = work.work_items.close(found.owner, found.id, by=by, how=how, at=hub.ground.now())
            if done:
                work.audit.append(found.owner, by, "cli", "work_item.closed", {"item": found.id, "how": how, "case_id": found.case_id})
    if not done:
        raise refuse("work_item.not_there", "somebody else has closed it meanwhile")
    if as_json:
        facts({"item": item, "closed": done})
    else:
        print("The work item is closed.")
