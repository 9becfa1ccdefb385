"""The plugin's settings, read once at start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from siphub.contract import Origins, OwnSettings, SettingsError
from siphub_folder import Settings as Folders
from siphub_sftp import Login, read_logins

STANDARD: Final = "1.0"
"""The version of the hub's own format for entries that name none."""
_NAMES = ("pack", "version", "timeout_seconds", "root", "clients", "logins")
_CLIENT: Final = re.compile(r"([A-Za-z0-9._-]{1,80})\s+(\S{1,2000})")
_EXAMPLE: Final = "norrby https://norrby.example"


@dataclass(frozen=True, slots=True)
class MunicipalXmlSettings:
    """What an administrator may set.

    Args:
        pack: The mapping pack for recipients whose directory entry names none.
        version: Its version: of the hub's own format the one that this release came with, so that approving another changes nobody's XML; of
            another pack None, the newest that is approved and valid.
        timeout: For one whole attempt over HTTPS or SFTP.
        folders: The root that folders of municipalities must lie below.
        clients: The servers that a secret or a certificate may be shown to, by the name that directory entries use.
        logins: As whom we may be at which server over SFTP.
    """

    pack: str = "municipal-sip"
    version: str | None = STANDARD
    timeout: timedelta = timedelta(seconds=10)
    folders: Folders = field(default_factory=Folders)
    clients: Mapping[str, Origins] = field(default_factory=dict)
    logins: Mapping[str, Login] = field(default_factory=dict)


def read_settings(given: Mapping[str, str]) -> MunicipalXmlSettings:
    """Read the settings.

    Raises:
        SettingsError: One is unknown or cannot be used; its name is said, its value is not.
    """
    own, standard = OwnSettings("municipal-xml", given, _NAMES), MunicipalXmlSettings()
    return MunicipalXmlSettings(
        pack=given.get("pack") or standard.pack,
        version=given.get("version") or (standard.version if (given.get("pack") or standard.pack) == standard.pack else None),
        timeout=own.seconds("timeout_seconds", standard.timeout),
        folders=_folders(given.get("root", "")),
        clients=_clients(own.entries("clients")),
        logins=read_logins(given.get("logins", ""), "municipal-xml"),
    )


def _clients(entries: Iterable[str]) -> Mapping[str, Origins]:
    found: dict[str, Origins] = {}
    for entry in entries:
        read = _CLIENT.fullmatch(entry)
        if read is None or read[1] in found:
            raise SettingsError(
                "municipal-xml: each of clients is a name and the servers it is for (https://host, with commas between several); a semicolon "
                f"stands between two, and each name is there once: {_EXAMPLE}"
            )
        try:
            found[read[1]] = Origins.read(read[2].split(","))
        except SettingsError as error:
            raise SettingsError(
                f"municipal-xml: in clients, after {read[1]}, stand the servers that it is for: {error.detail}; such as {_EXAMPLE}",
                code=error.code,
            ) from None
    return found


def _folders(root: str) -> Folders:
    try:
        return Folders.read({"root": root} if root else {}, "municipal-xml")
    except ValueError:
        raise SettingsError("municipal-xml: root must be a whole path") from None
