"""A message service in the sandbox, with FK and AF behind it, and the plugin with the hub's tools around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from siphub.contract import PluginContext, Recipient
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.schematron import Schematrons, missing
from siphub.testing.sdk_context import sdk_context
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
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
    http = Http(ca_file=running.ca_file)

    def make(secret: str | None = None, **settings: str) -> PluginContext:
        return sdk_context(running, http, secret=secret, **settings)

    yield make
    http.close()


@pytest.fixture(scope="session")
def schematrons(need: Callable[[str | None], None]) -> Iterator[Schematrons]:
    """Give a schematron engine that is not ours; where node or its packages are missing the test is skipped, and fails in CI."""
    need(missing())
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
