"""`sandbox`: partner municipalities to try a hub against."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from siphub.cli.words import Json, facts

PARTNERS = ("norrby-hemtjanst", "norrby-boendestod", "soderby-socialtjanst")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sandbox", epilog="Example: siphub sandbox --folder partners --port 8490")(sandbox)


def sandbox(
    partners: Annotated[
        list[str] | None, typer.Option("--partner", metavar="NAME", help="A partner's name; may be said again. Three unless said.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 lets the machine choose.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where certificates and ledgers are written; a folder of its own unless said.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run partners on this machine over TLS, each with a ledger of its own, until Ctrl-C: each takes XML at one address and FHIR at another."""
    from siphub.cli.up import told_to_stop
    from siphub.sandbox import Sandbox

    names = partners or list(PARTNERS)
    with told_to_stop() as stop, Sandbox(names, folder=folder, port=port) as running:
        endpoints = {name: running.endpoint(name) for name in names}
        fhir = {name: running.fhir_endpoint(name) for name in names}
        if as_json:
            facts({"endpoints": endpoints, "fhir_endpoints": fhir, "ca_file": str(running.ca_file)})
        else:
            for name, endpoint in endpoints.items():
                print(f"{name:<24} {endpoint}")
                print(f"{'  as FHIR':<24} {fhir[name]}")
            print(f"{'trust with ca_file':<24} {running.ca_file}")
            print(f"{'a ledger':<24} GET {running.url}/_ledger/{names[0]}")
            print(f"{'a fault':<24} PUT {running.url}/_fault/{names[0]}")
        sys.stdout.flush()
        stop.wait()
