"""A message service in the sandbox, with FK and AF behind it, and the plugin with the hub's tools around it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from siphub.contract import PluginContext, Recipient, SystemClock
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.schematron import Schematrons, missing
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
SENDERS = f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun"
AGENCIES = f"0203:forsakringskassan.example {p.FORSAKRINGSKASSAN}; 0203:arbetsformedlingen.example {p.ARBETSFORMEDLINGEN}"
FK_ADDRESS = "sdk:sip:0203:forsakringskassan.example"


@pytest.fixture(scope="session")
def running() -> Iterator[SdkSandbox]:
    """Run the message service."""
    with SdkSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def service(running: SdkSandbox) -> Iterator[MessageService]:
    """Give the message service in good health."""
    running.service.clear()
    yield running.service
    running.service.clear()


@pytest.fixture
def make_context(running: SdkSandbox) -> Iterator[MakeContext]:
    """Give what makes the hub's tools for the plugin, with settings as named beside those for the sandbox."""
    http, kept = Http(ca_file=running.ca_file), Kept()

    def make(secret: str | None = None, **settings: str) -> PluginContext:
        given = {
            "service": running.url,
            "token_url": running.token_url,
            "client_id": "siphub",
            "senders": SENDERS,
            "agencies": AGENCIES,
            "timeout_seconds": "2",
            "poll_seconds": "0",
        }
        rest: dict[str, Any] = {"mappings": None, "state": kept, "render": None, "log": Quiet()}
        return PluginContext(
            plugin="sdk",
            clock=SystemClock(),
            http=http,
            settings={**given, **settings},
            secrets={"client_secret": running.service.client[1] if secret is None else secret},
            **rest,
        )

    yield make
    http.close()


class Kept:
    """A plugin's state, in memory."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], bytes] = {}

    def get(self, owner: str, key: str) -> bytes | None:
        """Return what is kept under a key."""
        return self._values.get((owner, key))

    def put(self, owner: str, key: str, value: bytes) -> None:
        """Keep a value."""
        self._values[owner, key] = value


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


@pytest.fixture(scope="session")
def schematrons() -> Iterator[Schematrons]:
    """Give a schematron engine that is not ours; where node or its packages are missing the test is skipped, and fails in CI."""
    why = missing()
    if why is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with Schematrons() as running:
        yield running


@pytest.fixture
def adapter(make_context: MakeContext) -> Sdk:
    """Give the adapter, set up for the sandbox."""
    return Sdk(make_context())


def at(address: str = FK_ADDRESS, participant: str = "0203:forsakringskassan.example") -> Recipient:
    """Return a recipient with a functional address."""
    return Recipient(p.FK, p.FORSAKRINGSKASSAN, "Försäkringskassan", "sdk", address, None, {"participant": participant})


@pytest.fixture
def fk() -> Recipient:
    """Give FK as a directory entry has it."""
    return at()


@pytest.fixture
def recipient() -> Callable[..., Recipient]:
    """Give what makes a recipient."""
    return at
