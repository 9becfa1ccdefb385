"""The plugin's four settings, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from siphub.contract import SettingsError
from siphub_folder import Settings as Folders

_NAMES = ("pack", "version", "timeout_seconds", "root")
_LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class MunicipalXmlSettings:
    """What an administrator may set.

    Args:
        pack: The mapping pack for recipients whose directory entry names none.
        version: Its version; None is the newest valid one.
        timeout: For one whole attempt over HTTPS.
        folders: The root that folders of municipalities must lie below.
    """

    pack: str = "municipal-sip"
    version: str | None = None
    timeout: timedelta = timedelta(seconds=10)
    folders: Folders = field(default_factory=Folders)


def read_settings(given: Mapping[str, str]) -> MunicipalXmlSettings:
    """Read the settings.

    Raises:
        SettingsError: One is unknown or cannot be used; its name is said, its value is not.
    """
    unknown = sorted(set(given) - set(_NAMES))
    if unknown:
        raise SettingsError(f"municipal-xml has no setting {', '.join(unknown)}; it has {', '.join(_NAMES)}", code="settings.unknown")
    standard = MunicipalXmlSettings()
    return MunicipalXmlSettings(
        pack=given.get("pack") or standard.pack,
        version=given.get("version") or None,
        timeout=_timeout(given["timeout_seconds"]) if "timeout_seconds" in given else standard.timeout,
        folders=_folders(given.get("root", "")),
    )


def _folders(root: str) -> Folders:
    try:
        return Folders.read({"root": root} if root else {}, "municipal-xml")
    except ValueError:
        raise SettingsError("municipal-xml: root must be a whole path") from None


def _timeout(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise SettingsError(f"municipal-xml: timeout_seconds must be a number above 0 and at most {_LONGEST:.0f}")
    return timedelta(seconds=seconds)
