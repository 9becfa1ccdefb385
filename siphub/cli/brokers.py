"""`broker definitions` and `broker check`: what RabbitMQ is to hold for this hub, and what it does hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from siphub.cli.words import NO, WRONG_USE, Data, Json, facts, group, refuse, table

Vhost = Annotated[str | None, typer.Option("--vhost", help="The virtual host; that of broker_url unless given.")]
User = Annotated[str | None, typer.Option("--user", help="The hub's user there; that of broker_url unless given.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write them to a file instead.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("broker", "What RabbitMQ holds for this hub.")
    those.command("definitions", epilog="Example: siphub broker definitions --out definitions.json")(definitions)
    those.command("check", epilog="Example: siphub broker check --json")(check)
    app.add_typer(those)


def definitions(vhost: Vhost = None, user: User = None, out: Out = None, data: Data = None) -> None:
    """Print what an administrator imports into RabbitMQ: virtual host, user without a password, rights, policy, queues."""
    import json

    from siphub.broker import Surveys, topology_for
    from siphub.broker import definitions as made
    from siphub.cli.hubs import opened

    with opened(data) as hub:
        topology, broker = topology_for(hub.registry.adapters), hub.ground.broker
        found = (
            broker.definitions(topology, vhost=vhost, user=user)
            if isinstance(broker, Surveys)
            else made(topology, hub=hub.ground.name, vhost=vhost or "siphub", user=user or "siphub")
        )
    text = json.dumps(found, indent=2) + "\n"
    if out is None:
        print(text, end="")
    else:
        try:
            out.write_text(text, "utf-8")
        except OSError as error:
            raise refuse("file.unwritable", f"{out}: {error.strerror}", status=WRONG_USE) from None
        print(f"{out}: written; rabbitmqctl import_definitions {out} takes it in, and rabbitmqctl change_password sets the password")


def check(data: Data = None, as_json: Json = False) -> None:
    """Say how the broker differs from what this hub wants there. It makes nothing."""
    from siphub.cli.doctor import broker, told
    from siphub.cli.hubs import opened

    with opened(data) as hub:
        found = list(told(lambda: broker(hub)))
    if as_json:
        facts(found)
    else:
        table(("", "finding"), [(one.level, one.what) for one in found], empty="")
    if any(one.level == "wrong" for one in found):
        raise typer.Exit(NO)
