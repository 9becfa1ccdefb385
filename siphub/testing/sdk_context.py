"""The hub's tools around an adapter over SDK, for its tests: the sandbox's message service, a log that is heard, a state in memory."""

from __future__ import annotations

import logging
from typing import Any, Final

from siphub.contract import PluginContext, SystemClock
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.sandbox.sdk_server import SdkSandbox

SENDERS: Final = f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun"
AGENCIES: Final = f"0203:forsakringskassan.example {p.FORSAKRINGSKASSAN}; 0203:arbetsformedlingen.example {p.ARBETSFORMEDLINGEN}"


class Kept:
    """A plugin's state, in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}

    def get(self, owner: str, key: str) -> bytes | None:
        """Return what is kept under a key."""
        return self.values.get((owner, key))

    def put(self, owner: str, key: str, value: bytes) -> None:
        """Keep a value."""
        self.values[owner, key] = value


class Quiet:
    """A log that goes to the standard library's, with its facts."""

    def info(self, event: str, /, **facts: object) -> None:
        """Log something that happened."""
        logging.getLogger("sdk").info("%s %s", event, facts)

    def warning(self, event: str, /, **facts: object) -> None:
        """Log something to look at."""
        logging.getLogger("sdk").warning("%s %s", event, facts)

    def error(self, event: str, /, **facts: object) -> None:
        """Log something that is broken."""
        logging.getLogger("sdk").error("%s %s", event, facts)


def sdk_context(running: SdkSandbox, http: Http, plugin: str = "sdk", secret: str | None = None, **settings: str) -> PluginContext:
    """Return a plugin's tools, with settings as named beside those for the sandbox.

    Args:
        running: The message service.
        http: A client that trusts it.
        plugin: The plugin's name.
        secret: The client's secret; the right one unless given.
        settings: Further settings, or others.
    """
    given = {
        "service": running.url,
        "token_url": running.token_url,
        "client_id": "siphub",
        "senders": SENDERS,
        "agencies": AGENCIES,
        "timeout_seconds": "2",
        "poll_seconds": "0",
    }
    rest: dict[str, Any] = {"mappings": None, "render": None, "state": Kept(), "log": Quiet()}
    secrets = {"client_secret": running.service.client[1] if secret is None else secret}
    return PluginContext(plugin=plugin, clock=SystemClock(), http=http, settings={**given, **settings}, secrets=secrets, **rest)
