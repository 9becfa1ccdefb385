"""A door with the FHIR plugin that the tests of a file share: to build a hub takes longer than to ask it something."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import urllib3

from siphub.hub import build
from siphub.settings import Settings
from siphub.web import serve
from tests.conftest import Door
from tests.unit.web.fhir_bundles import messages


@pytest.fixture(scope="module")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Return a door over a hub with the plugin, whose threads stand still; other tests of the file have handed in before."""
    hub = build(Settings(data=tmp_path_factory.mktemp("fhir"), min_free_disk=1, plugins=("folder", "fhir")))
    door = Door(hub, serve(hub, "127.0.0.1", 0), urllib3.PoolManager(retries=False, timeout=30))
    yield door
    door.pool.clear()
    door.server.stop()
    hub.stop()


@pytest.fixture
def taken(fhir: Door) -> Callable[[], int]:
    """Return what says how many messages that door has taken since the test began."""
    before = messages(fhir)
    return lambda: messages(fhir) - before
