"""`bench`: what this machine can do, beside a bare chain in the same run. What is measured, and how, is in `siphub.cli.bench`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from siphub.cli.words import NO, WRONG_USE, Json, aside, facts, refuse, table

if TYPE_CHECKING:
    from siphub.cli.bench.chains import Place
    from siphub.cli.bench.course import Report

STORES: Final = ("sqlite", "postgresql")
_MOST_PAUSE: Final = 2.0
_WITHDRAWALS: Final = 34


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench", epilog="Example: siphub bench --seconds 3 --store sqlite --partners fast,20ms")(bench)


def bench(
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=600, help="How long each window is.")] = 5.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=99, help="How many windows of each chain, in turn.")] = 3,
    store: Annotated[
        str, typer.Option("--store", metavar="sqlite|postgresql|all", help="On what; PostgreSQL always with RabbitMQ, SQLite without.")
    ] = "all",
    partners: Annotated[str, typer.Option("--partners", metavar="LIST", help="How long partners take to answer.")] = "fast,20ms,200ms",
    cases: Annotated[int, typer.Option("--cases", min=4, max=2000, help="How many messages are under way at full load.")] = 128,
    as_json: Json = False,
) -> None:
    """Measure deliveries, acceptances and latencies on this machine, and withdrawals under load, beside a bare chain in the same run.

    Both chains are handed the same plans of 7.6 KB for two recipients. The hub does all it does in service: it seals, writes its audit, and reads
    the consent again at each claim. PostgreSQL and RabbitMQ are started for this alone, where they are installed. Everything lies in a temporary
    folder; nothing that was there before is touched. With everything it takes about five minutes. A delivery that is lost exits 1.
    """
    from siphub.cli.bench.course import Dose, measured
    from siphub.cli.hubs import heard

    pauses = tuple(_pause(word) for word in partners.split(","))
    if store not in {*STORES, "all"}:
        raise refuse("bench.store_unknown", "the stores are sqlite, postgresql and all", status=WRONG_USE)
    dose = Dose(seconds=seconds, rounds=rounds, pauses=pauses, cases=cases, withdrawals=min(_WITHDRAWALS, cases))
    reports: list[Report] = []
    with ExitStack() as stack, heard("error"):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="siphub-bench-")))
        places = _places(stack, folder, STORES if store == "all" else (store,), needed=store == "postgresql")
        for report in measured(dose, places, _say):
            reports.append(report)
            if not as_json:
                show(report)
            for sentence in (*report.notes, *(f"siphub: bench.trouble: {trouble}" for trouble in report.troubles)):
                aside(sentence)
    if as_json:
        facts({"stores": [asdict(report) for report in reports]})
    if any(report.troubles for report in reports):
        raise typer.Exit(NO)


def _pause(word: str) -> float:
    """Read `fast`, `20ms` or `0.2s`, as seconds."""
    found = re.fullmatch(r"\s*(?:(fast)|(\d+(?:\.\d+)?)(ms|s))\s*", word)
    pause = 0.0 if found is not None and found[1] else float(found[2]) * (0.001 if found[3] == "ms" else 1) if found is not None else -1.0
    if not 0 <= pause <= _MOST_PAUSE:
        raise refuse("bench.partner_unknown", "write partners as fast, 20ms or 0.2s, parted by commas, up to 2s", status=WRONG_USE)
    return pause


def _say(sentence: str) -> None:
    aside(f"· {sentence}")


def _places(stack: ExitStack, folder: Path, stores: tuple[str, ...], *, needed: bool) -> Iterator[Place]:
    """Yield where to measure; what is not installed is said, and refused where nothing else was asked for."""
    from siphub.cli.bench.chains import Place

    if "sqlite" in stores:
        yield Place("sqlite", _made(folder / "sqlite"))
    if "postgresql" not in stores:
        return
    why = _lacks()
    if why and needed:
        raise refuse("bench.not_installed", why)
    if why:
        aside(f"siphub: only SQLite with the broker inside the process was measured: {why}")
        return
    from siphub.testing.postgresql import Postgres
    from siphub.testing.rabbitmq import Rabbit

    _say("postgresql: starting a PostgreSQL and a RabbitMQ for this alone")
    try:
        rabbit, postgres = stack.enter_context(Rabbit(_made(folder / "rabbitmq"))), stack.enter_context(Postgres())
    except AssertionError as error:  # what is made for tests says so that it did not come up
        raise refuse("bench.not_started", str(error)) from None
    yield Place("postgresql", _made(folder / "postgresql"), postgres.database(), postgres.database(), rabbit.url)


def _lacks() -> str | None:
    """Say what keeps this machine from a PostgreSQL and a RabbitMQ of our own, or None where nothing does."""
    try:
        from siphub.testing import postgresql, rabbitmq
    except ImportError as error:
        return f"the Python package {error.name} is not installed: pip install 'siphub[rabbitmq,postgresql]'"
    return postgresql.missing() or rabbitmq.missing()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def show(report: Report, out: Callable[[str], None] = print) -> None:
    """Print what came of it."""
    broker = "the broker inside the process" if report.broker == "memory" else "RabbitMQ"
    out(
        f"\nOn {'SQLite' if report.keeps == 'sqlite' else 'PostgreSQL'} with {broker}, {report.senders} senders; plans of 7.6 KB for two recipients:\n"
    )
    rows = [
        (
            f"{one.pause * 1000:.0f} ms" if one.pause else "fast",
            name,
            f"{load.delivered:.0f}",
            f"{load.accepted:.0f}",
            f"{load.cost * 1000:.2f} ms",
            _ms(load.p50),
            _ms(load.p99),
            ratio,
        )
        for one in report.compared
        for name, load, ratio in (("bare chain", one.bare, ""), ("siphub", one.hub, _ratio(one.delivered, one.of_limit)))
    ]
    head = ("partners", "chain", "delivered/s", "accepted/s", "CPU a delivery", "p50", "p99", "siphub's share")
    table(head, rows, empty="Nothing was measured.")
    if report.stopped is not None:
        stopped = report.stopped
        out(
            f"\nA consent withdrawn at half load: answered, and nothing more on its way, after {_ms(stopped.p50)} (p50) and "
            f"{_ms(stopped.p99)} (p99) of {stopped.count} withdrawals."
        )
    out("\nWhere a delivery's time goes in the hub, in milliseconds of processor time, intake included:\n")
    table(("thread", "ms", "at what"), spent(report), empty="The system does not say.")


def _ratio(share: float, of_limit: float | None) -> str:
    return f"{share:.2f} of the bare chain" + ("" if of_limit is None else f", {of_limit:.2f} of the limit of its senders")


def spent(report: Report) -> list[tuple[str, str, str]]:
    """Return for each kind of thread its name, its milliseconds for a delivery, and what it was seen at, the most first."""
    deliveries = max(1, int(report.profile["deliveries"]))
    threads = sorted(report.profile["threads"].items(), key=lambda item: -item[1])
    return [
        (name, f"{seconds * 1000 / deliveries:.2f}", _at(report.profile["parts"].get(name, {}))) for name, seconds in threads if seconds > 0
    ]


def _at(parts: dict[str, int]) -> str:
    whole = sum(parts.values())
    found = sorted(parts.items(), key=lambda item: -item[1])
    return ", ".join(f"{part} {100 * count / whole:.0f} %" for part, count in found if 100 * count >= whole)
