"""`up`: one process with everything, until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.collector import rarely_collected
from siphub.cli.words import Data, Json, facts, refuse

if TYPE_CHECKING:
    from siphub.hub import Hub
    from siphub.settings import Settings
    from siphub.web import Server


KILLED = 128
"""What a shell adds to the number of the signal that ended a process."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up", epilog="Example: siphub up --data my-hub --port 8480")(up)


def up(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port of the API; 0 lets the machine choose.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="The address it listens on.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run a hub in one process: API, relay, workers and sweeper. Ctrl-C or SIGTERM stops it when what is being sent has ended."""
    from siphub import observe
    from siphub.cli.hubs import settings_for
    from siphub.cli.lock import only_one

    settings = settings_for(data, port=port, host=host)
    undo = observe.configure(settings.log_level, settings.log_format)
    with told_to_stop() as stop, only_one(settings.data), running(settings) as (hub, server):
        _greet(hub, server, as_json=as_json)
        stop.wait()
        server.stop()
        left = hub.stop()
    undo()
    if left.sending:
        raise refuse("hub.unfinished", unfinished(left.sending))


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Give what is set by SIGTERM or SIGINT, instead of what these do otherwise. Told a second time, the process ends at once.

    That is as safe as a kill: what is in hand is in the store, and its leases run out. Signals are heard by a thread of its own: a handler
    may run while the very lock it asks for is held, and the main thread may wait for something that no signal ends.
    """
    stop = threading.Event()
    heard, say = os.pipe()
    os.set_blocking(say, False)

    def listen() -> None:
        while number := os.read(heard, 1):
            if stop.is_set():
                os._exit(KILLED + number[0])
            stop.set()

    listener = threading.Thread(target=listen, name="siphub-signals", daemon=True)
    listener.start()
    before = {number: signal.signal(number, _heard_elsewhere) for number in (signal.SIGTERM, signal.SIGINT)}
    old = signal.set_wakeup_fd(say)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(say)
        listener.join()
        os.close(heard)


def _heard_elsewhere(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is in the pipe already."""


@contextmanager
def running(settings: Settings) -> Iterator[tuple[Hub, Server]]:
    """Give a hub that runs and answers over HTTP. The door closes first, the hub after it."""
    from siphub.hub import build
    from siphub.web import serve

    with build(settings) as hub:
        hub.start()
        server = serve(hub, settings.host, settings.port)
        try:
            with rarely_collected():
                yield hub, server
        finally:
            server.stop()


def unfinished(sending: int) -> str:
    """Say that attempts were cut off, and what becomes of them."""
    many = "1 attempt had" if sending == 1 else f"{sending} attempts had"
    return f"{many} not ended when time was up (the setting stop_within); the store knows, and what became of them is found out when their leases have run out"


def _greet(hub: Hub, server: Server, *, as_json: bool) -> None:
    """Say where it listens and where its keys are; never what they are."""
    from siphub import __version__

    folder = hub.settings.data / "keys"
    keys = sorted(file.name for file in folder.glob("*.key") if file.name != "master.key")
    if as_json:
        facts({"url": server.url, "data": str(hub.settings.data), "keys": [str(folder / name) for name in keys], "mode": hub.settings.mode})
    else:
        print(f"siphub {__version__} listens on {server.url}  ({hub.settings.mode} mode)")
        print(f"data   {hub.settings.data}")
        print(f"keys   {folder}: {', '.join(keys) or 'none yet, siphub keys add makes one'}")
        print("stop   Ctrl-C", flush=True)
    import sys

    sys.stdout.flush()
