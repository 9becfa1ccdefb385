"""`consent show` and `consent history`: what is permitted to whom now, and since when."""

from __future__ import annotations

from typing import Annotated

import typer

from siphub.cli.words import Data, Json, facts, group, refuse, table

Case = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    consents = group("consent", "What the individual permits, to whom, and since when.")
    consents.command("show", epilog="Example: siphub consent show 5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001")(show)
    consents.command("history", epilog="Example: siphub consent history 5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001")(history)
    app.add_typer(consents)


def _spelt(case: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(case))
    except ValueError:
        raise refuse("case.not_there", "there is no such case here") from None


def show(case: Case, data: Data = None, as_json: Json = False) -> None:
    """Say what is permitted to whom now, and since when."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    with opened(data) as hub:
        found = track.consent(hub.ground, _spelt(case))
    if as_json:
        facts(found)
        return
    for one in found:
        print(f"case {one.case_id} of {one.owner}: {one.state}, consent version {one.consent_version}")
        rows = [(grant.party, grant.scope, grant.direction, _at(grant.since), _at(grant.until) or "further notice") for grant in one.grants]
        table(("party", "scope", "direction", "since", "until"), sorted(rows), empty="Nothing is permitted to anybody.")
        stands = [(found.party, found.scope, found.state) for found in one.standing]
        table(("party", "scope", "stands"), stands, empty="Nobody was named yet.")


def history(case: Case, data: Data = None, as_json: Json = False) -> None:
    """List every consent event of a case, oldest first."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    with opened(data) as hub:
        found = track.consent_history(hub.ground, _spelt(case))
    if as_json:
        facts(found)
    else:
        rows = [(_at(one.at), one.type, one.by, one.version) for one in found]
        table(("at", "what", "by", "case version"), rows, empty="Nobody has asked for a consent in this case yet.")


def _at(when: object) -> str:
    return when.isoformat(timespec="seconds") if hasattr(when, "isoformat") else ""
