"""A hub for a command: built on a data folder that has been used before, not started, and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from siphub.hub import Hub
    from siphub.settings import Settings


def settings_for(data: Path | None, **given: object) -> Settings:
    """Read the settings; what the command line says counts most."""
    from siphub.settings import read

    return read({"data": data, **given})


def require_hub(settings: Settings) -> None:
    """Refuse a folder where no hub has ever been started, instead of making one there by mistake.

    Raises:
        SettingsError: `settings.no_hub`.
    """
    from siphub.errors import SettingsError
    from siphub.hub import never_used

    if never_used(settings):
        raise SettingsError(_no_hub(settings), code="settings.no_hub")


def _no_hub(settings: Settings) -> str:
    if settings.keys_url and settings.master_key is None:
        return f"no hub was ever started on the database of keys_url, and there is no master key: siphub keys master --data {settings.data} makes it"
    place = "on the database of keys_url" if settings.keys_url else f"in {settings.data}"
    return (
        f"there is no hub {place}: start one with siphub up --data {settings.data}; "
        "if one runs, give this command the settings it has: the same folder, $CREDENTIALS_DIRECTORY and SIPHUB_ variables"
    )


@contextmanager
def heard(level: Literal["warning", "error"] = "warning") -> Iterator[None]:
    """Let the hub's log be lines for the person at the terminal, from a level up."""
    from siphub import observe

    undo = observe.configure(level, "console")
    try:
        yield
    finally:
        undo()


@contextmanager
def opened(data: Path | None) -> Iterator[Hub]:
    """Give the hub of a data folder, not started. It may be running in another process at the same time."""
    from siphub.hub import build

    settings = settings_for(data)
    require_hub(settings)
    with heard(), build(settings) as hub:
        yield hub
