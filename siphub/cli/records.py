"""`records list`: which message must still reach which organisation's journal or registry. States and codes; never content."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import WRONG_USE, Data, Json, facts, group, refuse, table

if TYPE_CHECKING:
    from siphub.store import RecordCopyRow

STATES = ("offered", "failed", "refused", "sent", "withdrawn", "confirmed", "taken_back")
"""What `--state` takes, as `docs/records.md` explains it."""
UNCONFIRMED = STATES[:-2]


def register(app: typer.Typer) -> None:
    """Add the command."""
    those = group("records", "What must still become a record in a journal or registry.")
    those.command("list", epilog="Example: siphub records list --unconfirmed --older-than 7")(list_them)
    app.add_typer(those)


def list_them(
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only these: offered, failed, refused, sent, withdrawn, confirmed, taken_back; may be said again.",
        ),
    ] = None,
    unconfirmed: Annotated[bool, typer.Option("--unconfirmed", help="Only what no registry has confirmed.")] = False,
    *,
    organisation: Annotated[str, typer.Option("--organisation", metavar="NUMBER", help="Only this organisation's.")] = "",
    case: Annotated[str, typer.Option("--case", metavar="CASE", help="Only this case's.")] = "",
    older_than: Annotated[
        int, typer.Option("--older-than", metavar="DAYS", min=0, help="Only what was queued at least so many days ago.")
    ] = 0,
    after: Annotated[str, typer.Option("--after", metavar="PACKAGE", help="The page behind this package.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List record copies, by their packages' ids."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    wanted = tuple(states or ()) + (UNCONFIRMED if unconfirmed else ())
    for state in wanted:
        if state not in STATES:
            raise refuse("record.unknown_state", f"there is no state {state}; there is {', '.join(STATES)}", status=WRONG_USE)
    with opened(data) as hub:
        found = track.record_copies(
            hub.ground,
            states=wanted or None,
            organisation=organisation or None,
            case_id=case or None,
            older_than=timedelta(days=older_than),
            after=after or None,
            limit=limit,
        )
    if as_json:
        facts(found)
        return
    narrowed = bool(wanted or organisation or case or older_than or after)
    empty = "There are no such record copies." if narrowed else "Nothing has become a record yet."
    table(("package", "case", "organisation", "which", "state", "attempts", "reason", "since", "confirmed"), map(_row, found), empty=empty)


def _row(one: RecordCopyRow) -> tuple[object, ...]:
    confirmed = f"{one.confirmed_at:%Y-%m-%d %H:%M}" if one.confirmed_at else None
    since = f"{one.offered_at:%Y-%m-%d %H:%M}"
    return one.id, one.case_id, one.organisation, one.direction, one.state, one.attempts, one.reason, since, confirmed
