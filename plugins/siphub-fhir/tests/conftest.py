"""A partner with a FHIR server in the sandbox, and the plugin with the hub's tools around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from siphub.contract import PluginContext, Recipient, SystemClock
from siphub.contract.http import Http
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub_fhir import Fhir, FhirReader

MakeContext = Callable[..., PluginContext]


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """Run two partners, one of which wants a token."""
    with Sandbox(["regionen", "vardbolaget"], api_keys={"vardbolaget": "nyckel-1"}) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """Give the partners in good health."""
    running.clear()
    yield running
    running.clear()


@pytest.fixture
def make_context(running: Sandbox) -> Iterator[MakeContext]:
    """Give what makes the hub's tools for the plugin, with settings and secrets as named."""
    http = Http(ca_file=running.ca_file)

    def make(**given: Any) -> PluginContext:
        rest: dict[str, Any] = {"log": None, "state": None, "render": None, "mappings": None}
        return PluginContext(plugin="fhir", clock=SystemClock(), http=http, **rest, **given)

    yield make
    http.close()


@pytest.fixture
def adapter(make_context: MakeContext, running: Sandbox) -> Fhir:
    """Give the adapter with its settings as they come, but for a short time-out, and two fixed tokens for the partners."""
    clients = f"vardbolaget {running.url}; old {running.url},https://region.example"
    return Fhir(make_context(settings={"timeout_seconds": "1", "clients": clients}, secrets={"vardbolaget": "nyckel-1", "old": "nyckel-0"}))


@pytest.fixture
def reader() -> FhirReader:
    """Give the reader."""
    return FhirReader()


def at(endpoint: str = "https://region.example/fhir/$process-message", **options: str) -> Recipient:
    """Return a recipient with an endpoint."""
    return Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", endpoint, None, options)


@pytest.fixture
def recipient() -> Callable[..., Recipient]:
    """Give what makes a recipient."""
    return at
