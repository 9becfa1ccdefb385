"""A plugin's own settings, as texts: which it has, and the kinds that several plugins read. `PluginContext.settings` is what is given.

Whatever cannot be used stops the start, with the plugin's name and the setting's. A value is never repeated: it may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from siphub.errors import SettingsError

LONGEST: Final = timedelta(seconds=120)
"""The longest that one attempt at a partner may be given."""


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """What an administrator has set for one plugin.

    Args:
        plugin: The plugin's name, for messages.
        given: The settings.
        names: Those it has.

    Raises:
        SettingsError: `settings.unknown`; one is given that it has not.
    """

    plugin: str
    given: Mapping[str, str]
    names: Collection[str]

    def __post_init__(self) -> None:
        """Refuse what the plugin would silently leave out."""
        unknown = sorted(set(self.given) - set(self.names))
        if unknown:
            raise SettingsError(
                f"{self.plugin} has no setting {', '.join(unknown)}; it has {', '.join(self.names)}", code="settings.unknown"
            )

    def seconds(self, name: str, standard: timedelta, *, most: timedelta = LONGEST, zero: bool = False) -> timedelta:
        """Return a time that is set in seconds, or the standard where it is not set.

        Args:
            name: The setting.
            standard: What holds where it is not set.
            most: The longest it may be.
            zero: Whether it may be none at all.

        Raises:
            SettingsError: It is no number, or none that may be.
        """
        if name not in self.given:
            return standard
        try:
            seconds = float(self.given[name])
        except ValueError:
            seconds = -1.0
        if not (0 < seconds <= most.total_seconds() or (zero and seconds == 0)):
            least = "from 0 to" if zero else "above 0 and at most"
            raise SettingsError(f"{self.plugin}: {name} must be a number {least} {most.total_seconds():.0f}")
        return timedelta(seconds=seconds)

    def entries(self, name: str) -> list[str]:
        """Return a setting's entries: `split_entries`."""
        return split_entries(self.given.get(name, ""))


def split_entries(text: str) -> list[str]:
    """Return the entries of a setting that has several: a semicolon or a line's end stands between two."""
    return [entry.strip() for entry in re.split(r"[;\n]", text) if entry.strip()]
