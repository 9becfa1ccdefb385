"""The record keeper `sftp` keeps what record keepers promise, at a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import asyncssh
import pytest

import siphub_sftp
from siphub.contract import Delivered, PluginContext, PluginError, Recipient, RecordKeeper, Retry, SystemClock, Uncertain
from siphub.contract.origins import REFUSED
from siphub.flow.directory import check
from siphub.model import Address, sample_directory
from siphub.testing.record_keepers import REFERENCE, KeeperUnderTest, RecordKeeperContract, new_package
from siphub.testing.sftp_server import SftpServer, fails

BAD = (b"KS 2026/11", b"", b"\n", b"K" * 201 + b"\n", b"KS \x00\n", b"\xff\xfe\n", b"K" * 10_000)


@dataclass(frozen=True)
class Desk:
    """A registry that collects from the folder `in`."""

    server: SftpServer

    def packages(self) -> list[tuple[bytes, bytes]]:
        """Return the whole packages: those with metadata."""
        files = self.server.files("in")
        return [(files[f"{name[:-5]}.pdf"], body) for name, body in files.items() if name.endswith(".json") and name[0] != "."]

    def names(self) -> list[str]:
        """Return every name in the folder."""
        return [file.name for file in (self.server.root / "in").iterdir()]

    def confirm(self, package_id: str, reference: str) -> None:
        """Put a confirmation there."""
        (self.server.root / "in" / f"{package_id}.confirmed").write_text(f"{reference}\n", "utf-8")

    def garble(self) -> None:
        """Put everything there that a confirmation is not."""
        folder = self.server.root / "in"
        for body in BAD:
            (folder / f"{uuid4()}.confirmed").write_bytes(body)
        (folder / "notes.confirmed").write_text("KS 1\n")
        (folder / f"{uuid4()}.confirmed").mkdir()
        (folder / f"{uuid4()}.confirmed").symlink_to(folder / "notes.confirmed")


@pytest.fixture
def keeper(server: SftpServer) -> Iterator[RecordKeeper]:
    """Give the keeper as the hub gets it."""
    tools = dict.fromkeys(["log", "http", "mappings", "state", "render"])
    settings = {"logins": f"{server.login()}; nobody sip@127.0.0.1:9 {server.fingerprint}", "timeout_seconds": "12"}
    secrets = {**server.secrets(), "nobody_sftp_password": "x"}
    context = PluginContext(plugin="sftp", clock=SystemClock(), settings=settings, secrets=secrets, **tools)  # type: ignore[arg-type]  # it uses none of them
    [one] = siphub_sftp.siphub_record_keepers(context)
    yield one
    one.close()


class TestSftpRecords(RecordKeeperContract):
    """The keeper at a server."""

    @pytest.fixture
    def under_test(self, keeper: RecordKeeper, server: SftpServer, recipient: Callable[..., Recipient]) -> KeeperUnderTest:
        """Give the keeper with the folder `in`, and a port where nobody listens."""
        return KeeperUnderTest(keeper, recipient(f"{server.url}/in"), Desk(server), recipient("sftp://127.0.0.1:9/in"))


def test_a_package_that_is_half_there_is_whole_after_the_next_offer(
    keeper: RecordKeeper, server: SftpServer, recipient: Callable[..., Recipient]
) -> None:
    """Given a server that breaks between document and metadata, then the registry sees no package, and one after the repeat."""
    package, there = new_package(), recipient(f"{server.url}/in")

    def no_metadata(call: object) -> None:
        if getattr(call, "path", "").endswith(".json"):
            raise asyncssh.SFTPFailure("no")

    server.before["posix_rename"] = no_metadata
    assert keeper.offer(package, there) == Uncertain("sftp.refused")
    assert Desk(server).packages() == []
    server.before.clear()
    assert keeper.offer(package, there) == Delivered(package.metadata_name)
    assert Desk(server).packages() == [(package.pdf, package.metadata)]


def test_a_confirmed_package_is_not_put_there_again(keeper: RecordKeeper, server: SftpServer, recipient: Callable[..., Recipient]) -> None:
    """Given a package that the registry has taken and confirmed, an offer of it again leaves nothing; one that cannot be looked for waits."""
    package, there = new_package(), recipient(f"{server.url}/in")
    Desk(server).confirm(package.package_id, REFERENCE)
    assert keeper.offer(package, there) == Delivered(package.metadata_name)
    assert Desk(server).packages() == []
    server.before["lstat"] = fails(asyncssh.SFTPPermissionDenied("no"))
    assert keeper.offer(package, there) == Retry("sftp.not_allowed")


def test_what_cannot_be_taken_away_is_settled_again(keeper: RecordKeeper, server: SftpServer, recipient: Callable[..., Recipient]) -> None:
    """Given a server that lets us take nothing away, then settling says so and the confirmation stays, so that it is settled again."""
    package, there = new_package(), recipient(f"{server.url}/in")
    keeper.offer(package, there)
    Desk(server).confirm(package.package_id, REFERENCE)
    server.before["remove"] = fails(asyncssh.SFTPPermissionDenied("no"))
    with pytest.raises(PluginError) as raised:
        keeper.settle(package.package_id, there)
    assert raised.value.code == "sftp.not_allowed"
    server.before.clear()
    assert [one.reference for one in keeper.confirmations(there)] == [REFERENCE]
    keeper.settle(package.package_id, there)
    assert Desk(server).names() == []


def test_a_directory_with_a_registry_that_no_login_is_for_is_not_switched_to(keeper: RecordKeeper, server: SftpServer) -> None:
    """Given an organisation whose copies would go to another server, then the directory's check says where and why; the right one is taken."""
    directory = sample_directory()
    first, *others = directory.organisations
    for endpoint, wrong in ((f"{server.url}/in", []), ("sftp://elsewhere.example/in", ["/organisations/0/records/endpoint"])):
        records = Address(adapter="sftp", endpoint=endpoint)
        changed = directory.model_copy(update={"organisations": (first.model_copy(update={"records": records}), *others)})
        found = [one for one in check(changed, {}, None, {"sftp": keeper}) if (one.pointer or "").startswith("/organisations")]
        assert [one.pointer for one in found] == wrong
        assert {one.code for one in found} <= {REFUSED}
