"""`plugins list` and `plugins check`: what is installed, what is enabled, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from siphub.cli.words import NO, Data, Json, facts, group, table

if TYPE_CHECKING:
    from siphub.registry import PluginListing


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("plugins", "Adapters and readers: installed is not enabled.")
    those.command("list", epilog="Example: siphub plugins list")(list_them)
    those.command("check", epilog="Example: siphub plugins check --data my-hub")(check)
    app.add_typer(those)


def surveyed(data: Path | None) -> tuple[PluginListing, ...]:
    """Return every plugin that is installed or enabled, each with its own problem."""
    from siphub.cli.hubs import settings_for
    from siphub.cli.offline import context_maker
    from siphub.registry import survey

    settings = settings_for(data)
    return survey(settings.plugins, context_maker(settings))


def list_them(data: Data = None, as_json: Json = False) -> None:
    """List the plugins, and which of them are enabled."""
    found = surveyed(data)
    if as_json:
        facts(found)
        return
    rows = [
        (
            one.name,
            one.distribution,
            "enabled" if one.enabled else "not enabled",
            ", ".join(one.adapters),
            ", ".join(one.readers),
            one.problem,
        )
        for one in found
    ]
    table(("plugin", "from", "state", "adapters", "readers", "problem"), rows, empty="No plugin is installed.")


def check(data: Data = None, as_json: Json = False) -> None:
    """Load every enabled plugin, and ask each adapter and record keeper what would make it fail tomorrow."""
    listed = surveyed(data)
    problems = [{"plugin": one.name, "ok": False, "what": one.problem} for one in listed if one.problem]
    said = [] if problems else checks(data)
    found: list[dict[str, Any]] = [*problems, *said]
    if as_json:
        facts(found)
    else:
        rows = [("ok" if one["ok"] else "wrong", one["plugin"], one["what"]) for one in found]
        table(("", "plugin or adapter", "finding"), rows, empty="No plugin is enabled: name some in the setting plugins.")
    if not all(one["ok"] for one in found):
        raise typer.Exit(NO)


def checks(data: Path | None) -> list[dict[str, Any]]:
    """Return what the adapters and record keepers of the enabled plugins find."""
    from siphub.cli.offline import plugins_only

    with plugins_only(data) as registry:
        found = [(name, one) for name, adapter in sorted(registry.adapters.items()) for one in adapter.check()]
        found += [(f"{name} (records)", one) for name, keeper in sorted(registry.keepers.items()) for one in keeper.check()]
    return [{"plugin": name, "ok": one.ok, "what": one.what} for name, one in found]
