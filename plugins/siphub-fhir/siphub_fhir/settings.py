"""The plugin's settings, read once at start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from siphub.contract import SettingsError
from siphub_fhir.checks import is_url
from siphub_fhir.vocabulary import BASE

NAMES: Final = ("source", "careplan_profile", "timeout_seconds", "clients")
_LONGEST: Final = 120.0
_CLIENT: Final = re.compile(r"([A-Za-z0-9_-]{1,40})\s+(https?://[^\s?#@;]{1,400})\s+(\S{1,200})(?:\s+(\S[^;]{0,1000}))?")


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at one token server, and what we ask for there."""

    token_url: str
    client_id: str
    scopes: str


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """What an administrator may set.

    Args:
        source: Our own address, as partners read it in `MessageHeader.source.endpoint`.
        careplan_profile: The profile every CarePlan claims to follow; None claims none.
        timeout: For one whole attempt.
        clients: Where access tokens come from, by the name that directory entries use as `access`.
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
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise SettingsError(f"fhir has no setting {', '.join(unknown)}; it has {', '.join(NAMES)}", code="settings.unknown")
    standard = FhirSettings()
    for name in ("source", "careplan_profile"):
        if given.get(name) and not is_url(given[name]):
            raise SettingsError(f"fhir: {name} must be a whole URL, such as https://hub.example/fhir")
    return FhirSettings(
        source=given.get("source") or standard.source,
        careplan_profile=given.get("careplan_profile") or None,
        timeout=_timeout(given["timeout_seconds"]) if "timeout_seconds" in given else standard.timeout,
        clients=_clients(given.get("clients", "")),
    )


def _clients(text: str) -> Mapping[str, Client]:
    found: dict[str, Client] = {}
    for entry in filter(None, (part.strip() for part in re.split(r"[;\n]", text))):
        read = _CLIENT.fullmatch(entry)
        if read is None or read[1] in found:
            raise SettingsError(
                "fhir: each of clients is a name, the https address of a token endpoint, a client id and, where wanted, scopes; a semicolon "
                "stands between two, and each name is there once"
            )
        found[read[1]] = Client(read[2], read[3], " ".join((read[4] or "").split()))
    return found


def _timeout(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise SettingsError(f"fhir: timeout_seconds must be a number above 0 and at most {_LONGEST:.0f}")
    return timedelta(seconds=seconds)
