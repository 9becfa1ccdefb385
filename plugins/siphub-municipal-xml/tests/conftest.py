"""A municipality in the sandbox, and the plugin with the hub's tools around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from siphub.contract import PluginContext, Recipient, SystemClock
from siphub.contract.http import Http
from siphub.mappings import Mappings, shipped
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub_municipal_xml import MunicipalXml, MunicipalXmlReader

MakeContext = Callable[..., PluginContext]


@pytest.fixture(scope="session")
def mappings() -> Mappings:
    """Give the packs that ship with siphub."""
    return Mappings([shipped()], SystemClock())


@pytest.fixture(scope="session")
def running(mappings: Mappings) -> Iterator[Sandbox]:
    """Run two municipalities, one of which wants an API key."""
    with Sandbox(["norrby", "soderby"], pack=mappings.load("municipal-sip"), api_keys={"soderby": "nyckel-1"}) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """Give the municipalities in good health."""
    running.clear()
    yield running
    running.clear()


@pytest.fixture
def make_context(running: Sandbox, mappings: Mappings) -> Iterator[MakeContext]:
    """Give what makes the hub's tools for the plugin, with settings and secrets as named."""
    http = Http(ca_file=running.ca_file)

    def make(**given: Any) -> PluginContext:
        rest: dict[str, Any] = {"log": None, "state": None, "render": None, "http": http, **given}
        return PluginContext(plugin="municipal-xml", clock=SystemClock(), mappings=mappings, **rest)

    yield make
    http.close()


@pytest.fixture
def adapter(make_context: MakeContext, running: Sandbox) -> MunicipalXml:
    """Give the adapter with its settings as they come, but for a short time-out."""
    return MunicipalXml(
        make_context(
            settings={"timeout_seconds": "1", "clients": f"soderby {running.url}; old {running.url}"},
            secrets={"soderby": "nyckel-1", "old": "nyckel-0"},
        )
    )


@pytest.fixture
def reader(make_context: MakeContext) -> MunicipalXmlReader:
    """Give the reader with its settings as they come."""
    return MunicipalXmlReader(make_context())


def at(endpoint: str, mapping: str | None = None, **options: str) -> Recipient:
    """Return a recipient with an endpoint."""
    return Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "municipal-xml", endpoint, mapping, options)


@pytest.fixture
def recipient() -> Callable[..., Recipient]:
    """Give what makes a recipient."""
    return at
