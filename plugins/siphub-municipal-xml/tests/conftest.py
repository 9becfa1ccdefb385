"""A municipality in the sandbox, and the plugin with the hub's tools around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import PluginContext, Recipient, SystemClock
from siphub.contract.http import Http
from siphub.mappings import Mappings, shipped
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.testing import municipal_places as places
from siphub.testing.municipal_places import Folder, Quiet, Web
from siphub.testing.sftp_server import SftpServer
from siphub_municipal_xml import MunicipalXml, MunicipalXmlReader

MakeContext = Callable[..., PluginContext]
MakeRecipient = Callable[..., Recipient]
Place = places.Place[MunicipalXml]


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


@pytest.fixture
def make_place(
    make_context: Callable[..., Any], recipient: MakeRecipient, tmp_path: Path, running: Sandbox
) -> Iterator[Callable[[str], Place]]:
    """Give what makes a folder, a folder on a server, or a tray, empty, with an entry that has its answers there."""
    ends = ExitStack()

    def make(kind: str) -> Place:
        log = Quiet()
        (tmp_path / "norrby" / "svar").mkdir(parents=True)
        for one in running.partners.values():
            one.tray.clear()
        settings = {"root": str(tmp_path), "clients": f"soderby {running.url}", "timeout_seconds": "2"}
        made = lambda: MunicipalXml(make_context(settings=settings, secrets={"soderby": "nyckel-1"}, log=log))  # noqa: E731 - made anew as after a restart
        if kind == "sftp":
            server = ends.enter_context(SftpServer(tmp_path))
            settings = {"logins": server.login(), "timeout_seconds": "20"}
            made = lambda: ended(ends, MunicipalXml(make_context(settings=settings, secrets=server.secrets(), log=log)))  # noqa: E731 - made anew as after a restart
            there = recipient(f"{server.url}/norrby", login="norrby", receipt="file", answers="svar")
            return Place(made, there, Folder(f"{server.url}/norrby/svar", tmp_path / "norrby" / "svar"), log)
        if kind == "folder":
            there = recipient(f"{tmp_path}/norrby", receipt="file", answers="svar")
            return Place(made, there, Folder(f"{tmp_path}/norrby/svar"), log)
        there = recipient(running.endpoint("soderby"), secret="soderby", receipt="file", answers=running.answers_at("soderby"))
        return Place(made, there, Web(running.answers_at("soderby"), running), log)

    yield make
    ends.close()


def ended(ends: ExitStack, adapter: MunicipalXml) -> MunicipalXml:
    """Return an adapter that is closed in the end."""
    ends.callback(adapter.close)
    return adapter


@pytest.fixture(params=["folder", "sftp", "web"])
def place(request: pytest.FixtureRequest, make_place: Callable[[str], Place]) -> Place:
    """Give each kind of place."""
    return make_place(request.param)
