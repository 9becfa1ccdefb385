"""`stop` and `start`: the one switch that ends all sending, in every process on the store, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from siphub.cli.words import By, Data, Json, facts


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("stop", epilog="Example: siphub stop --by eva")(stop)
    app.command("start", epilog="Example: siphub start --by eva")(start)


def stop(by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """End all sending: no delivery leaves and no registry is handed a copy until `siphub start`. Messages are still taken."""
    _throw("stopped", by, data, as_json=as_json)


def start(
    after_restore: Annotated[
        bool,
        typer.Option(
            "--after-restore",
            help="Say that all that was sent since the backup has been handed in again, withdrawals of consent above all.",
        ),
    ] = False,
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let sending go on after `siphub stop`, or after `siphub restore`."""
    _throw("running", by, data, as_json=as_json, after_restore=after_restore)


def _throw(value: Literal["stopped", "running"], by: str, data: Path | None, *, as_json: bool, after_restore: bool = False) -> None:
    from siphub.cli.hubs import opened
    from siphub.flow import operate

    with opened(data) as hub:
        operate.switch(hub.ground, value, by=by, after_restore=after_restore)
        waiting = hub.unsettled().get("queued", 0)
    if as_json:
        facts({"sending": value, "queued": waiting})
    else:
        print(f"Sending is {value}; {waiting} {'delivery waits' if waiting == 1 else 'deliveries wait'}.")
