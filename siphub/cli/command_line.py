"""Puts the commands together, and turns what goes wrong in them into one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from siphub.cli import (
    backup,
    benchmark,
    brokers,
    circuits,
    consent,
    db,
    deliveries,
    demonstration,
    directory,
    disclosure,
    doctor,
    explain,
    foreign,
    forms,
    keys,
    mappings,
    messages,
    partners,
    plugins,
    processes,
    records,
    submit,
    switch,
    up,
    work_items,
)
from siphub.cli.words import NO, WRONG_USE, aside, complain

INTERRUPTED = 130
ROOMS = (
    demonstration,
    up,
    processes,
    partners,
    messages,
    foreign,
    forms,
    submit,
    explain,
    disclosure,
    consent,
    deliveries,
    circuits,
    switch,
    directory,
    mappings,
    plugins,
    keys,
    work_items,
    records,
    doctor,
    brokers,
    benchmark,
    db,
    backup,
)


def application() -> typer.Typer:
    """Return all commands."""
    app = typer.Typer(
        name="siphub",
        help="Carries a SIP between the organisations that take part in it, and gives each what it may see and nothing more.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_root)
    for room in ROOMS:
        room.register(app)
    return app


def _root() -> None:
    """Carry a SIP between the organisations that take part in it, and give each what it may see and nothing more.

    Each command has a --help with an example. `siphub --help --all` also lists the commands of plugins.
    """


def main(said: Sequence[str] | None = None) -> None:
    """Run the command line, and leave the process with its exit status.

    Args:
        said: The words after `siphub`; those of the process unless given.
    """
    arguments = list(sys.argv[1:] if said is None else said)
    app = application()
    if "--all" in arguments and "--help" in arguments:
        arguments.remove("--all")
        _with_plugins(app)
    elif arguments and not arguments[0].startswith("-") and arguments[0] not in _known(app):
        _with_plugins(app)
    try:
        app(args=arguments, prog_name="siphub")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is wrong here, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NO)
    except Exception as error:  # noqa: BLE001 - a person at a terminal gets a line, never a traceback
        sys.exit(_failed(error))


def _known(app: typer.Typer) -> set[str]:
    commands = {found.name or found.callback.__name__.replace("_", "-") for found in app.registered_commands if found.callback}
    return commands | {
        str(found.name or (found.typer_instance.info.name if found.typer_instance else "")) for found in app.registered_groups
    }


def _with_plugins(app: typer.Typer) -> None:
    """Ask the plugins for their commands; one that fails is warned about, and the command line goes on."""
    from siphub.cli.offline import plugins_only
    from siphub.errors import SiphubError

    try:
        with plugins_only(None) as registry:
            for warning in registry.commands(app):
                aside(f"siphub: {warning}")
    except SiphubError as error:
        complain(error)


def _failed(error: Exception) -> int:
    from siphub.errors import SettingsError, SiphubError
    from siphub.observe import described

    if isinstance(error, SiphubError):
        complain(error)
        return WRONG_USE if isinstance(error, SettingsError) else NO
    told = described(error)
    lines = told["lines"]
    where = lines[-1] if isinstance(lines, list) and lines else "?"
    aside(f"siphub: hub.failed: something in siphub is broken: {told['exception']} at {where}; this is a bug, please report it")
    return NO
