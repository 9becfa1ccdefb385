"""`demo`: the main job, end to end, against sandbox partners. The story itself is in `siphub.cli.demo`."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import NO, Json, aside, facts, table

if TYPE_CHECKING:
    from siphub.cli.demo.books import Book, Delivery, Outcome
    from siphub.cli.demo.stage import Stage


_AGREED = "The ledgers and the hub agree, byte for byte; at the agencies but for the messageId that each delivery is given on its way."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Example: siphub demo --seed 7 --keep")(demo)


def demo(
    seed: Annotated[int, typer.Option("--seed", min=0, help="Varies who is left out, in which order things happen, and when.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the hub and its partners running until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Let one SIP travel on this machine: to a region as FHIR, to municipalities as XML, to agencies by SDK, and to people by letter.

    One of them hears nothing, and in the end a consent is taken back. The hub is built as `up` builds it, the partners speak TLS, and at
    the end their own ledgers are compared with what the hub says: a difference exits 1. Everything lies in a temporary folder.
    With SIPHUB_BROKER_URL=amqp://… in the environment the hub rings over that RabbitMQ; of all settings only this one is read.
    """
    from siphub.cli.demo import books, stage
    from siphub.cli.demo.script import written
    from siphub.cli.hubs import heard, settings_for

    with (
        tempfile.TemporaryDirectory(prefix="siphub-demo-") as folder,
        heard("error"),
        stage.raised(Path(folder), settings_for(Path(folder)).broker_url) as raised,
    ):
        outcome = books.performed(raised, written(seed), _silent if as_json else _tell)
        if as_json:
            facts(outcome.facts())
        else:
            _show(outcome)
        if keep:
            _keep(raised, as_json=as_json)
    if not outcome.agreement:
        raise typer.Exit(NO)


def _tell(sentence: str) -> None:
    print(f"· {sentence}", flush=True)


def _silent(_: str) -> None:
    """Say nothing: stdout is for one JSON object."""


def _show(outcome: Outcome) -> None:
    rows = [
        (one.step, one.message_type, f"{one.name}, {one.agency}" if one.agency not in {"", one.name} else one.name, *_fate(one))
        for one in outcome.lines
    ]
    print()
    table(("step", "message", "recipient", "adapter", "state", "reason"), rows, empty="Nothing was handed in.")
    print()
    for reason, text in sorted({(one.reason, one.text) for one in outcome.deliveries if one.reason}):
        print(f"{reason}: {text}")
    print("\nWhat the partners' own ledgers hold, beside what the hub says they have:\n")
    books = [
        (book.name, len(book.ledger), len(book.hub), "differs" if book.differences else "agrees", _counted(book)) for book in outcome.books
    ]
    table(("partner", "ledger", "hub", "", "what the ledger holds"), books, empty="")
    for difference in outcome.differences:
        print(f"  {difference}")
    if outcome.error:
        aside(f"siphub: {outcome.error.code}: {outcome.error}")
    print(f"\n{_AGREED if outcome.agreement else 'The ledgers and the hub do not agree, or the story broke off.'}")
    print(
        "Next: docs/first-message.md, with a hub of your own (siphub up). siphub demo --seed 2 leaves out somebody else; --keep lets you look around.",
        flush=True,
    )


def _fate(one: Delivery) -> tuple[str, str, str | None]:
    return one.adapter, one.state, one.reason


def _counted(book: Book) -> str:
    found = Counter(entry.message_type for entry in book.ledger)
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in found.items()) or "nothing"


def _keep(raised: Stage, *, as_json: bool) -> None:
    """Say where everything is, and wait; on stderr where stdout is for one JSON object."""
    from siphub.cli.up import told_to_stop

    say = aside if as_json else _say
    with told_to_stop() as stop:
        say(f"\nThe hub listens on {raised.server.url}; its data and keys are in {raised.folder / 'hub'}.")
        say(f"The partners listen on {raised.partners.sandbox.url}; their ledgers are in {raised.folder / 'sandbox'}.")
        say(f"The letters to people are in {raised.partners.mail_room.outbox}: open the PDFs.")
        say(f"The agencies' message service is at {raised.partners.sdk.url}; their ledgers are in {raised.folder / 'sdk'}.")
        say(f"Look around with: siphub deliveries list --data {raised.folder / 'hub'}. Ctrl-C ends it, and takes the folder away.")
        stop.wait()


def _say(sentence: str) -> None:
    print(sentence, flush=True)
