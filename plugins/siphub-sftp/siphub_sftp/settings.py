"""The plugin's settings, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from siphub.contract import SettingsError
from siphub_sftp.logins import Login, read_logins

NAMES: Final = ("logins", "timeout_seconds")
LONGEST: Final = 12.0
"""The longest time-out, in seconds: a package takes two questions, and the hub gives a record keeper half a minute for it."""


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
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise SettingsError(f"sftp has no setting {', '.join(unknown)}; it has {', '.join(NAMES)}", code="settings.unknown")
    standard = Settings()
    timeout = _timeout(given["timeout_seconds"]) if "timeout_seconds" in given else standard.timeout
    return Settings(read_logins(given.get("logins", ""), "sftp"), timeout)


def _timeout(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST:
        raise SettingsError(f"sftp: timeout_seconds must be a number above 0 and at most {LONGEST:.0f}")
    return timedelta(seconds=seconds)
