"""`sandbox`: partner municipalities to try a hub against, and an SDK message service with its address book."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import Json, facts

if TYPE_CHECKING:
    from siphub.sandbox import Sandbox

PARTNERS = ("norrby-hemtjanst", "norrby-boendestod", "soderby-socialtjanst")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sandbox", epilog="Example: siphub sandbox --folder partners --port 8490 --sdk")(sandbox)


def sandbox(
    partners: Annotated[
        list[str] | None, typer.Option("--partner", metavar="NAME", help="A partner's name; may be said again. Three unless said.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 lets the machine choose.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where certificates and ledgers are written; a folder of its own unless said.")
    ] = None,
    sdk: Annotated[
        bool, typer.Option("--sdk", help="Also run an SDK message service with two agencies behind it, and an address book.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run partners on this machine over TLS, each with a ledger of its own, until Ctrl-C: each takes XML at one address and FHIR at another."""
    from siphub.cli.up import told_to_stop
    from siphub.sandbox import Sandbox

    names = partners or list(PARTNERS)
    with ExitStack() as open_, told_to_stop() as stop:
        running = open_.enter_context(Sandbox(names, folder=folder, port=port))
        by_sdk = _sdk(open_, folder, running) if sdk else {}
        endpoints = {name: running.endpoint(name) for name in names}
        fhir = {name: running.fhir_endpoint(name) for name in names}
        answers = {name: running.answers_at(name) for name in names}
        if as_json:
            places = {"endpoints": endpoints, "answers": answers, "fhir_endpoints": fhir}
            facts({**places, "ca_file": str(running.ca_file), **({"sdk": by_sdk} if sdk else {})})
        else:
            for name, endpoint in endpoints.items():
                print(f"{name:<24} {endpoint}")
                print(f"{'  its answers':<24} {answers[name]}")
                print(f"{'  as FHIR':<24} {fhir[name]}")
            print(f"{'trust with ca_file':<24} {running.ca_file}")
            print(f"{'a ledger':<24} GET {running.url}/_ledger/{names[0]}")
            print(f"{'a fault':<24} PUT {running.url}/_fault/{names[0]}")
            print(f"{'an answer':<24} PUT {running.url}/_answers/{names[0]}/1.xml")
            for what, value in by_sdk.items():
                print(f"{f'sdk {what}':<24} {value}")
        sys.stdout.flush()
        stop.wait()


def _sdk(open_: ExitStack, folder: Path | None, running: Sandbox) -> Mapping[str, str]:
    """Run the message service, the address book and an access point too; return the settings that the plugin sdk needs for them."""
    from siphub.model import people as p
    from siphub.sandbox.sdk_book import FILE
    from siphub.sandbox.sdk_server import SdkSandbox

    own = folder / "sdk" if folder is not None else None
    service = open_.enter_context(SdkSandbox(folder=own, certificates=running.certificates))
    client, secret = service.service.client
    numbers = {"fk": p.FORSAKRINGSKASSAN, "af": p.ARBETSFORMEDLINGEN}
    found = {
        "service": service.url,
        "token_url": service.token_url,
        "client_id": client,
        "client_secret": secret,
        "senders": f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun",
        "agencies": "; ".join(f"{agency.participant} {numbers[name]}" for name, agency in service.service.agencies.items()),
        "address_book": service.address_book,
        "submit_to": service.rest_backend,
        "pmode": service.access_point.pmode,
        "submit_key": service.access_point.key,
    }
    return {**found, "address_book_file": str(own / FILE)} if own is not None else found
