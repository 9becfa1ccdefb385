"""`partners …`: how each partner stands, what waits for it, and a probe now instead of later. States and codes; never content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import By, Data, Json, facts, group, table

if TYPE_CHECKING:
    from datetime import datetime

Name = Annotated[str, typer.Argument(metavar="PARTNER", help="Its short name or the beginning of it, its endpoint, or a unit of it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("partners", "Which partners answer, what waits for those that do not, and a probe now.")
    those.command("list", epilog="Example: siphub partners list --away")(list_them)
    those.command("show", epilog="Example: siphub partners show SE2120009994-1003")(show)
    those.command("probe", epilog="Example: siphub partners probe 12355a754dbc --by eva")(probe)
    app.add_typer(those)


def list_them(
    away: Annotated[bool, typer.Option("--away", help="Only those that do not answer.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the partners: every address of the directory, and any other that something waits for."""
    from siphub.cli.hubs import opened
    from siphub.flow import partner_desk

    with opened(data) as hub:
        found = partner_desk.partners(hub.ground, away=away)
    if as_json:
        facts(found)
        return
    rows = [
        (one.partner, one.adapter, ", ".join(one.units), one.state, one.waiting, one.sending, _at(one.failing_since), _at(one.next_at))
        for one in found
    ]
    head = ("partner", "adapter", "units", "breaker", "waiting", "sending", "not answered since", "tried again")
    table(head, rows, empty="Every partner answers." if away else "The directory has no address.")


def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Say how one partner stands, what waits for it, and how much it is sent."""
    from siphub.cli.hubs import opened
    from siphub.flow import partner_desk

    with opened(data) as hub:
        found = partner_desk.partner(hub.ground, name)
    if as_json:
        facts(found)
        return
    print(f"{found.partner}: {found.adapter} {found.endpoint}")
    print(f"  units       {', '.join(found.units) or 'none in the directory'}")
    print(f"  breaker     {found.state}{f', {found.failures} failures in a row, the last {found.code}' if found.failures else ''}")
    if found.failing_since:
        print(
            f"  away        not answered since {_at(found.failing_since)} UTC, tried again {_at(found.next_at) or 'with the next delivery'}"
        )
    print(f"  answered    {f'{_at(found.answered_at)} UTC' if found.answered_at else 'not noted: only its return from being away is'}")
    print(f"  deliveries  {found.sending} on their way, {found.waiting} wait")
    rate = f", {found.per_minute} a minute" if found.per_minute else ""
    narrow = f"; {found.window} for now" if found.window is not None else ""
    print(f"  limits      {found.concurrent} at once{rate}, {'over all workers' if found.exact else 'for each worker'}{narrow}")


def probe(name: Name, by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """Try a partner that is away now, and not after its pause: the running hub sends it one delivery."""
    from siphub.cli.hubs import opened
    from siphub.flow import partner_desk

    with opened(data) as hub:
        found = partner_desk.probe(hub.ground, name, by=by)
    if as_json:
        facts(found)
    elif found.waiting:
        print(f"The running hub tries {found.partner} now; siphub partners show {found.partner} says what came of it.")
    else:
        print(f"Nothing waits for {found.partner}: it is tried with the next delivery that comes.")


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}" if when is not None else ""
