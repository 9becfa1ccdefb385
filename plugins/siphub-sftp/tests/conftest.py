"""A real SFTP server on this machine, and drops at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Recipient
from siphub.testing.sftp_server import SftpServer
from siphub_folder import Drop
from siphub_sftp import SftpServers, read_logins

MakeServers = Callable[..., SftpServers]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    """Run a server with one folder, `in`."""
    (tmp_path / "in").mkdir()
    with SftpServer(tmp_path) as one:
        yield one


@pytest.fixture
def make_servers(server: SftpServer) -> Iterator[MakeServers]:
    """Give what makes the servers of a plugin, with that server's login unless it is said otherwise."""
    made: list[SftpServers] = []

    def make(logins: str | None = None, *, seconds: float = 20, **secrets: str) -> SftpServers:
        found = read_logins(server.login() if logins is None else logins, "sftp")
        made.append(SftpServers("sftp", found, secrets or server.secrets(), timedelta(seconds=seconds)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def at(endpoint: str, **options: Any) -> Recipient:
    """Return an address."""
    return Recipient("", "2120000993", "A", "sftp", endpoint, options=options)


@pytest.fixture
def recipient() -> Callable[..., Recipient]:
    """Give what makes an address."""
    return at


@pytest.fixture
def drop(make_servers: MakeServers, server: SftpServer) -> Drop:
    """Give the drop of the folder `in`."""
    return make_servers().at(at(f"{server.url}/in"))
