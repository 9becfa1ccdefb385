"""Where files go, and as whom: an endpoint of a directory, and the logins that the administrator has set, each for one server.

    endpoint    sftp://host[:port]/folder, from the server's root; /~/folder is below the user's own folder. No user stands in it.
    logins      NAME USER@HOST[:PORT] FINGERPRINT[,FINGERPRINT], with a semicolon between two

A fingerprint is that of the server's host key, `SHA256:…`, as `ssh-keygen -lf` writes it. A server that shows another key is not spoken to,
and there is no way to take one unseen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from siphub.contract import SettingsError, split_entries

SCHEME: Final = "sftp://"
PORT: Final = 22
EXAMPLE: Final = "norrby sip@sftp.norrby.example:22 SHA256:…"
_HOST: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]{1,253}"
_LOGIN: Final = re.compile(rf"([A-Za-z0-9._-]{{1,80}})\s+([^\s@:]{{1,80}})@({_HOST})(?::([0-9]{{1,5}}))?\s+(\S+)")
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on a server. `folder` is what the server is asked for: from its root, or from the user's own folder where it has no slash."""

    host: str
    port: int
    folder: str


@dataclass(frozen=True, slots=True)
class Login:
    """As whom we may be at one server, and the fingerprints of the keys by which that server is known."""

    name: str
    user: str
    host: str
    port: int
    host_keys: frozenset[str]

    @property
    def server(self) -> str:
        """The server, as people write it."""
        return f"{self.host}:{self.port}"

    def is_for(self, place: Place) -> bool:
        """Say whether a place is on its server."""
        return (self.host, self.port) == (place.host, place.port)


def place_of(endpoint: str) -> Place:
    """Return the place of an endpoint.

    Raises:
        SettingsError: `sftp.bad_endpoint`; it is none. It is not repeated.
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        raise _bad() from None
    strange = "@" in parts.netloc or "?" in endpoint or "#" in endpoint or parts.scheme != "sftp"
    folder = unquote(parts.path, errors="replace")
    if strange or not host or not _is_folder(folder):
        raise _bad()
    own = folder == "/~" or folder.startswith("/~/")
    return Place(host, port, folder.removeprefix("/~").strip("/") or "." if own else folder.rstrip("/") or "/")


def read_logins(text: str, plugin: str) -> Mapping[str, Login]:
    """Read the setting `logins`.

    Args:
        text: The setting.
        plugin: Whose it is, for the message.

    Raises:
        SettingsError: One cannot be read; it is not repeated.
    """
    found: dict[str, Login] = {}
    for entry in split_entries(text):
        read = _LOGIN.fullmatch(entry)
        if read is None or read[1] in found or not 0 < int(read[4] or PORT) < 2**16:
            raise SettingsError(
                f"{plugin}: each of logins is a name, USER@HOST or USER@HOST:PORT, and the fingerprints of the server's host keys; "
                f"a semicolon stands between two, and each name is there once: {EXAMPLE}"
            )
        keys = frozenset(read[5].split(","))
        if not all(map(_FINGERPRINT.fullmatch, keys)):
            raise SettingsError(
                f"{plugin}: in logins, after {read[1]}, stand fingerprints of the server's host keys with commas between them, each SHA256: "
                "and 43 characters, as `ssh-keygen -lf` writes it"
            )
        found[read[1]] = Login(read[1], read[2], read[3].strip("[]").lower(), int(read[4] or PORT), keys)
    return found


def _is_folder(folder: str) -> bool:
    return folder.startswith("/") and folder.isprintable() and not {"..", "."} & set(folder.split("/")) and "�" not in folder


def _bad() -> SettingsError:
    return SettingsError(
        "the endpoint is no SFTP address: write sftp://host/folder or sftp://host:port/folder, without a user name, a question mark or ..",
        code="sftp.bad_endpoint",
    )
