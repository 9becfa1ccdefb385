"""The contracts of drops and record keepers, against a real SFTP server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from siphub.contract import Recipient
from siphub.testing.drops import DropContract, DropUnderTest
from siphub.testing.sftp_server import SftpServer
from siphub_folder import Drop
from siphub_sftp import SftpServers


@dataclass(frozen=True)
class Collector:
    """Whoever collects from the folder `in`."""

    server: SftpServer

    def files(self) -> dict[str, bytes]:
        """Return every file."""
        return self.server.files("in")

    def leave(self, name: str, body: bytes) -> None:
        """Put a file there."""
        (self.server.root / "in" / name).write_bytes(body)

    def garble(self, name: str) -> None:
        """Put a folder there."""
        (self.server.root / "in" / name).mkdir()


class TestSftpDrop(DropContract):
    """A folder on a server keeps what drops promise."""

    @pytest.fixture
    def under_test(
        self, drop: Drop, server: SftpServer, make_servers: Callable[..., SftpServers], recipient: Callable[..., Recipient]
    ) -> DropUnderTest:
        """Give the folder `in`, and one at a port where nobody listens."""
        nobody = make_servers(f"nobody sip@127.0.0.1:9 {server.fingerprint}", nobody_sftp_password="x")
        return DropUnderTest(drop, Collector(server), nobody.at(recipient("sftp://127.0.0.1:9/in")))
