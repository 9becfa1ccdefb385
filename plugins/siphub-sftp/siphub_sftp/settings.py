"""The plugin's settings, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from siphub.contract import OwnSettings
from siphub_sftp.logins import Login, read_logins

NAMES: Final = ("logins", "timeout_seconds")
LONGEST: Final = timedelta(seconds=12)
"""The longest time-out: a package takes two questions, and the hub gives a record keeper half a minute for it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator may set.

    Args:
        logins: As whom we may be at which server.
        timeout: For one question to a server, connecting included.
    """

    logins: Mapping[str, Login] = field(default_factory=dict)
    timeout: timedelta = timedelta(seconds=10)


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: One is unknown or cannot be used; its name is said, its value is not.
    """
    own = OwnSettings("sftp", given, NAMES)
    return Settings(read_logins(given.get("logins", ""), "sftp"), own.seconds("timeout_seconds", Settings().timeout, most=LONGEST))
