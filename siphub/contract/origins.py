"""Where a request goes, and to which servers something may be shown: an origin is a scheme, a host and a port, `https://host[:port]`.

A directory says where messages go, and an administrator says where a token, a secret or a certificate may go. `Http.within` holds the one to
the other: with it a client sends to the servers that the administrator has named, whatever address it is given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from urllib3 import exceptions as broken
from urllib3.util import parse_url

from siphub.errors import Problem, SettingsError

REFUSED: Final = "address.origin_refused"
"""The code of an address at a server to which what lets us in there may not be shown."""
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: which server, and what is asked for there."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def origin(self) -> str:
        """The server, always with its port: `https://host:443`."""
        return f"{self.scheme}://{self.host}:{self.port or _PORTS[self.scheme]}"


@lru_cache(maxsize=1024)
def target_of(url: str) -> Target:
    """Return an address taken apart when it may be used: https anywhere, plain http on this machine only, no name and password in it.

    Raises:
        SettingsError: `http.bad_url` or `http.plain_refused`.
    """
    try:
        parts = parse_url(url)
    except broken.LocationParseError:
        parts = parse_url("")
    if parts.scheme not in _PORTS or not parts.host or parts.auth:
        raise SettingsError("the address must be an https URL with a host and without a user name", code="http.bad_url")
    if parts.scheme == "http" and not _is_here(parts.host):
        raise SettingsError(f"plain http to {parts.host} is refused: use https", code="http.plain_refused")
    return Target(parts.scheme, parts.host, parts.port, parts.request_uri)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Origins:
    """The servers that something may be shown to; none covers no address."""

    named: frozenset[str] = frozenset()

    @classmethod
    def read(cls, texts: Iterable[str]) -> Self:
        """Read origins as an administrator writes them: `https://host`, or `https://host:port`; no path, no wildcard.

        Raises:
            SettingsError: `settings.origin_wrong`; one is none. It is not repeated.
        """
        return cls(frozenset(map(_origin, texts)))

    def covers(self, url: str) -> bool:
        """Say whether an address is at one of these servers; one that cannot be used is at none."""
        try:
            return target_of(url).origin in self.named
        except SettingsError:
            return False


def refusal(plugin: str, named: Mapping[str, Origins], names: Iterable[str], endpoint: str) -> Problem | None:
    """Return why what lets us in may not be shown at an endpoint (`RefusesAddresses`), or None.

    Args:
        plugin: Whose setting `clients` the servers stand in.
        named: The servers of each way in that it names.
        names: The ways in that the directory entry names.
        endpoint: The entry's.
    """
    for name in names:
        if name not in named:
            return Problem(REFUSED, f"the setting clients of {plugin} names no server for what the entry lets us in by: add it there")
        if not named[name].covers(endpoint):
            what = f"the endpoint is not at a server that the setting clients of {plugin} names for what the entry lets us in by"
            return Problem(REFUSED, f"{what}: mend the entry, or add the server")
    return None


def _origin(text: str) -> str:
    try:
        found = target_of(text)
        if found.path == "/" and text[-1] not in "?#" and "*" not in found.host:
            return found.origin
    except SettingsError:
        pass  # told below, with what an origin looks like
    raise SettingsError("an origin is https://host or https://host:port, without a path", code="settings.origin_wrong")
