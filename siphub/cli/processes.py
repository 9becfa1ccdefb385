"""`serve`, `relay`, `work` and `sweep`: a hub in parts, each a process of its own, and as many of each as are needed.

Any of them may be killed at any moment. Told to stop, each takes no more, gives back what it has not begun, and finishes what it is sending.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.collector import rarely_collected
from siphub.cli.up import told_to_stop, unfinished
from siphub.cli.words import Data, Json, aside, facts, refuse, table

if TYPE_CHECKING:
    from siphub.hub import Hub, Part
    from siphub.settings import Settings

HealthPort = Annotated[
    int | None,
    typer.Option(
        "--health-port", min=0, max=65535, help="Answer /health/live, /health/ready and /metrics on this port; 0 lets the machine choose."
    ),
]
Host = Annotated[str | None, typer.Option("--host", help="The address it listens on.")]


def register(app: typer.Typer) -> None:
    """Add the commands; `work` is the front of the group `siphub.cli.work_items` adds."""
    app.command("serve", epilog="Example: siphub serve --port 8480")(serve)
    app.command("relay", epilog="Example: siphub relay --health-port 8481")(relay)
    app.command("sweep", epilog="Example: siphub sweep --health-port 8483")(sweep)
    app.command("processes", epilog="Example: siphub processes --json")(processes)


def serve(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port of the API; 0 lets the machine choose.")] = None,
    host: Host = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run the API alone: messages are taken and stored, and other processes ring and deliver."""
    from siphub.cli.hubs import settings_for

    settings = settings_for(data, port=port, host=host)
    _run("serve", settings, port=settings.port, as_json=as_json)


def relay(health_port: HealthPort = None, host: Host = None, data: Data = None, as_json: Json = False) -> None:
    """Run a relay alone: what is to be rung goes to the broker. Several on PostgreSQL share the work."""
    from siphub.cli.hubs import settings_for

    _run("relay", settings_for(data, host=host), port=health_port, as_json=as_json)


def work(
    context: typer.Context,
    adapter: Annotated[
        list[str] | None, typer.Option("--adapter", metavar="NAME", help="Deliver for this adapter; again for another. All unless said.")
    ] = None,
    health_port: HealthPort = None,
    host: Host = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run a worker alone, or look after work items.

    Without one of the commands below it is a process: what the broker rings is claimed, sent and recorded.
    Start as many as the partners can take.
    The commands are about what a person must do.
    """
    if context.invoked_subcommand is not None:
        return
    from siphub.cli.hubs import settings_for

    _run("work", settings_for(data, host=host), port=health_port, as_json=as_json, adapters=adapter)


def sweep(health_port: HealthPort = None, host: Host = None, data: Data = None, as_json: Json = False) -> None:
    """Run the sweep alone: leases, deadlines, lost bells, partners' answers, records and erasing. A second one does no harm."""
    from siphub.cli.hubs import settings_for

    _run("sweep", settings_for(data, host=host), port=health_port, as_json=as_json)


def processes(data: Data = None, as_json: Json = False) -> None:
    """List the processes of this hub, on whichever machine, that were seen within the last seconds."""
    from siphub.cli.hubs import opened
    from siphub.flow import presence

    with opened(data) as hub:
        found = presence.seen(hub.ground)
    if as_json:
        facts(found)
        return
    table(
        ("part", "adapters", "host", "process", "version", "since", "last seen"),
        [
            (
                " ".join(one.parts),
                " ".join(one.adapters),
                one.host,
                one.pid,
                one.version,
                f"{one.started_at:%Y-%m-%d %H:%M}",
                f"{one.seen_at:%H:%M:%S}",
            )
            for one in found
        ],
        empty="No process of this hub is running.",
    )


def _run(part: Part, settings: Settings, *, port: int | None, as_json: bool, adapters: Sequence[str] | None = None) -> None:
    from siphub import observe
    from siphub.cli.lock import shared

    _refuse_embedded(part, settings)
    undo = observe.configure(settings.log_level, settings.log_format)
    with told_to_stop() as stop, shared(settings.data), _running(part, settings, adapters) as hub:
        server = _answering(hub, settings, port)
        _greet(part, hub, server.url if server is not None else None, as_json=as_json)
        stop.wait()
        if server is not None:
            server.stop()
        left = hub.stop()
    undo()
    if as_json:
        facts({"stopped": part, "returned": left.returned, "sending": left.sending})
    elif left.returned:
        aside(f"{left.returned} {'claim was' if left.returned == 1 else 'claims were'} given back unsent")
    if left.sending:
        raise refuse("hub.unfinished", unfinished(left.sending))


def _refuse_embedded(part: Part, settings: Settings) -> None:
    from siphub.errors import SettingsError

    if settings.broker_url.startswith("memory:"):
        raise SettingsError(
            f"broker_url: memory:// is inside one process, so siphub {part} would never hear another; "
            "name a broker that both can reach, such as amqp://…, or run everything in one process with siphub up",
            code="settings.broker_embedded",
        )


@contextmanager
def _running(part: Part, settings: Settings, adapters: Sequence[str] | None) -> Iterator[Hub]:
    from siphub.cli.lock import one_at_a_time
    from siphub.hub import build

    with one_at_a_time(settings.data):
        built = build(settings)
    with built as hub:
        for name in adapters or ():
            hub.registry.adapter(name)
        hub.start([part], adapters=adapters)
        with rarely_collected():
            yield hub


def _answering(hub: Hub, settings: Settings, port: int | None) -> Any:
    """Open the API, or health and figures alone; nothing where no port was given."""
    if port is None:
        return None
    from siphub.web import serve as answer

    return answer(hub, settings.host, port, takes_messages="serve" in hub.parts)


def _greet(part: Part, hub: Hub, url: str | None, *, as_json: bool) -> None:
    """Say what this process is, and where it answers."""
    from siphub import __version__

    told: dict[str, object] = {"process": part, "pid": os.getpid(), "name": hub.ground.name, "url": url, "mode": hub.settings.mode}
    adapters = list(hub.worker.adapters) if hub.worker is not None else []
    if as_json:
        facts({**told, "data": str(hub.settings.data), "adapters": adapters})
        return
    does = {
        "serve": "takes messages",
        "relay": "rings",
        "work": f"delivers for {', '.join(adapters)}",
        "sweep": "looks after what nobody else notices",
    }
    print(f"siphub {__version__} {part} {does[part]}, as {hub.ground.name}  ({hub.settings.mode} mode)")
    print(f"answers {url}" if url else "answers nowhere; --health-port opens health and figures")
    print("stop    Ctrl-C", flush=True)
