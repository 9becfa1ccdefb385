"""`submit`: hands files over to a running hub, one by one, over HTTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.words import NO, WRONG_USE, Data, Json, aside, body_of, facts, refuse, table

if TYPE_CHECKING:
    from siphub.cli.client import HubClient, Reply

LATER = 503
MANY = 2
"""From so many files on there is a progress bar, at a terminal."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit", epilog="Example: siphub sample sip.requested | siphub submit -")(submit)


def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files with one message each; - is stdin.")],
    url: Annotated[
        str,
        typer.Option("--url", help="Where the hub listens; on this machine, at the port of the settings, unless said.", show_default=False),
    ] = "",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="A file with the API key; keys/sender.key in the hub's folder unless said.")
    ] = None,
    media_type: Annotated[
        str, typer.Option("--type", metavar="MEDIA", help="The media type; JSON or XML by its first character unless said.")
    ] = "",
    patience: Annotated[
        float, typer.Option("--patience", metavar="SECONDS", help="How long to go on trying while the hub is busy.")
    ] = 60.0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hand messages over to a running hub, and say what happens for each recipient."""
    from siphub.cli.client import HubClient

    client = HubClient(url or _here(data), _key(key_file, data), door="submit")
    with _progress(files) as walked:
        answers = [(file, _sent(client, body_of(file), media_type, patience)) for file in walked]
    client.close()
    if as_json:
        facts([{"file": str(file), "status": reply.status, "answer": reply.document} for file, reply in answers])
    else:
        _say(answers)
    if not all(reply.accepted for _, reply in answers):
        raise typer.Exit(NO)


def _here(data: Path | None) -> str:
    from siphub.cli.hubs import settings_for

    return f"http://127.0.0.1:{settings_for(data).port}"


def _key(file: Path | None, data: Path | None) -> str:
    from siphub.cli.hubs import settings_for

    chosen = file or settings_for(data).data / "keys" / "sender.key"
    try:
        return chosen.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise refuse("key.unreadable", f"the key file {chosen} cannot be read; say which with --key-file", status=WRONG_USE) from None


@contextmanager
def _progress(files: list[Path]) -> Iterator[Iterable[Path]]:
    if len(files) < MANY or not sys.stderr.isatty():
        yield files
        return
    with typer.progressbar(files, label="handing in", file=sys.stderr) as bar:
        yield bar


def _sent(client: HubClient, body: bytes, media_type: str, patience: float) -> Reply:
    """Send one message; while the hub says later, later."""
    until = time.monotonic() + patience
    while True:
        reply = client.send(body, media_type or _guessed(body))
        wait = reply.retry_after or 1.0
        if reply.status != LATER or time.monotonic() + wait > until:
            return reply
        time.sleep(wait)


def _guessed(body: bytes) -> str:
    head = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return "application/xml" if head == b"<" else "application/json"


def _say(answers: list[tuple[Path, Reply]]) -> None:
    rows: list[tuple[Any, ...]] = []
    for file, reply in answers:
        if not reply.accepted:
            _complain(file, reply)
            continue
        entries = reply.document.get("recipients", [])
        rows += [(file, reply.document.get("message_id"), one["recipient"], one["state"], one["reason"], one["text"]) for one in entries]
        if not entries:
            rows.append((file, reply.document.get("message_id"), "(the hub alone)", "stored", None, None))
    for one in (one for _, reply in answers if reply.accepted for one in reply.document.get("cautions", [])):
        aside(f"siphub: look at this [{one['code']}]: {one['text']}")
    if rows:
        table(("file", "message", "recipient", "state", "reason", "why"), rows, empty="")


def _complain(file: Path, reply: Reply) -> None:
    aside(f"siphub: {reply.code}: {file}: {reply.detail}")
    for problem in reply.document.get("problems", []):
        aside(f"  {problem.get('pointer') or problem.get('position') or '-'} {problem.get('code')}: {problem.get('detail')}")
