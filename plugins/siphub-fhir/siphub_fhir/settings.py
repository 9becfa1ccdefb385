"""The plugin's settings, read once at start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from siphub.contract import Origins, OwnSettings, SettingsError
from siphub_fhir.checks import is_url
from siphub_fhir.vocabulary import BASE

NAMES: Final = ("source", "careplan_profile", "timeout_seconds", "clients")
_CLIENT: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]{1,80})\s+(?P<origins>https?://\S{1,2000})"
    r"(?:\s+(?P<url>https?://[^\s?#@]{1,400})\s+(?P<id>\S{1,200})(?:\s+(?P<scopes>\S.{0,1000}))?)?"
)
_EXAMPLE: Final = "journal https://journal.example https://auth.example/token siphub-7 system/CarePlan.c"


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Who we are at one token server, and what we ask for there."""

    url: str
    client_id: str
    scopes: str


@dataclass(frozen=True, slots=True)
class Client:
    """One way in: the servers that what lets us in may be shown to, and where its access tokens come from, where it has those."""

    origins: Origins
    tokens: TokenEndpoint | None = None


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """What an administrator may set.

    Args:
        source: Our own address, as partners read it in `MessageHeader.source.endpoint`.
        careplan_profile: The profile every CarePlan claims to follow; None claims none.
        timeout: For one whole attempt.
        clients: The ways in, by the name that directory entries use as `access` or `secret`.
    """

    source: str = f"{BASE}/$process-message"
    careplan_profile: str | None = None
    timeout: timedelta = timedelta(seconds=10)
    clients: Mapping[str, Client] = field(default_factory=dict)


def read_settings(given: Mapping[str, str]) -> FhirSettings:
    """Read the settings.

    Raises:
        SettingsError: One is unknown or cannot be used; its name is said, its value is not.
    """
    own, standard = OwnSettings("fhir", given, NAMES), FhirSettings()
    for name in ("source", "careplan_profile"):
        if given.get(name) and not is_url(given[name]):
            raise SettingsError(f"fhir: {name} must be a whole URL, such as https://hub.example/fhir")
    return FhirSettings(
        source=given.get("source") or standard.source,
        careplan_profile=given.get("careplan_profile") or None,
        timeout=own.seconds("timeout_seconds", standard.timeout),
        clients=_clients(own.entries("clients")),
    )


def _clients(entries: Iterable[str]) -> Mapping[str, Client]:
    found: dict[str, Client] = {}
    for entry in entries:
        read = _CLIENT.fullmatch(entry)
        if read is None or read["name"] in found:
            raise SettingsError(
                "fhir: each of clients is a name, the servers it is for (https://host, with commas between several) and, where it has access "
                "tokens, the https address of the token endpoint, a client id and, where wanted, scopes; a semicolon stands between two, and "
                f"each name is there once: {_EXAMPLE}"
            )
        found[read["name"]] = Client(_origins(read["name"], read["origins"]), _tokens(read))
    return found


def _origins(name: str, text: str) -> Origins:
    try:
        return Origins.read(text.split(","))
    except SettingsError as error:
        raise SettingsError(
            f"fhir: in clients, after {name}, stand the servers that it is for: {error.detail}; such as {_EXAMPLE}", code=error.code
        ) from None


def _tokens(read: re.Match[str]) -> TokenEndpoint | None:
    return TokenEndpoint(read["url"], read["id"], " ".join((read["scopes"] or "").split())) if read["url"] else None
