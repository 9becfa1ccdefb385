"""A municipality that collects files from a server: its address is sftp://, and what is there is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from siphub.contract import Cut, Delivered, Permit, PermitExpired, Recipient, Retry, Uncertain, permitted
from siphub.contract.origins import REFUSED
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub.testing.sftp_server import SftpServer, fails
from siphub_municipal_xml import MunicipalXml

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
CUT: Cut = whole_cut(sample("meeting.summoned", maximal=True))
MakeRecipient = Callable[..., Recipient]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    """Run a municipality's server with a folder to put files into."""
    (tmp_path / "in").mkdir()
    with SftpServer(tmp_path) as one:
        yield one


@pytest.fixture
def adapter(make_context: Callable[..., Any], server: SftpServer) -> Iterator[MunicipalXml]:
    """Give the adapter with that server's login."""
    settings = {"logins": server.login(), "timeout_seconds": "20", "clients": "other https://x.example"}
    one = MunicipalXml(make_context(settings=settings, secrets={**server.secrets(), "other": "x"}))
    yield one
    one.close()


@pytest.fixture
def there(server: SftpServer, recipient: MakeRecipient) -> Recipient:
    """Give the municipality's address."""
    return recipient(f"{server.url}/in", login="norrby")


def test_a_file_is_there_whole_under_the_keys_name(adapter: MunicipalXml, server: SftpServer, there: Recipient) -> None:
    """One file with the municipality's XML, named after the key alone; a repeat is the same file; asked about it is found, and gone is not known."""
    payload = adapter.translate(CUT, there)
    for _ in range(2):
        assert adapter.deliver(payload, there, KEY) == Delivered(f"{KEY}.xml")
    assert server.files("in") == {f"{KEY}.xml": payload.body}
    assert adapter.confirm(KEY, there) == Delivered(f"{KEY}.xml")
    (server.root / "in" / f"{KEY}.xml").unlink()
    assert adapter.confirm(KEY, there) is None


def test_after_the_permit_nothing_is_sent(adapter: MunicipalXml, server: SftpServer, there: Recipient) -> None:
    """A permit that has run out leaves the server as it was."""
    with permitted(Permit(0.0)), pytest.raises(PermitExpired):
        adapter.deliver(adapter.translate(CUT, there), there, KEY)
    assert (server.taken, server.files("in")) == (0, {})


def test_a_server_that_breaks_and_comes_back(adapter: MunicipalXml, server: SftpServer, there: Recipient) -> None:
    """A refusal is tried again; a lost answer is uncertain, and confirmed where the file lies there; a server that is away cannot be asked."""
    payload = adapter.translate(CUT, there)
    server.before["write"] = fails(asyncssh.SFTPFailure("full"))
    assert adapter.deliver(payload, there, KEY) == Retry("sftp.refused")
    server.before.clear()
    server.after["posix_rename"] = server.cuts
    assert adapter.deliver(payload, there, KEY) == Uncertain("partner.connection_cut")
    assert adapter.confirm(KEY, there) == Delivered(f"{KEY}.xml")
    server.down()
    adapter.confirm(KEY, there)  # the line that stood may be found cut first
    assert adapter.confirm(KEY, there) == Uncertain("partner.refused")


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        ("sftp://127.0.0.1:{port}/in", {"login": "nobodys"}),
        ("sftp://localhost:{port}/in", {"login": "norrby"}),
        ("sftp://127.0.0.1/in", {}),
        ("sftp://sip@127.0.0.1:{port}/in", {}),
        ("sftp://127.0.0.1:{port}/in/..", {}),
    ],
)
def test_an_entry_elsewhere_is_refused_and_nothing_is_shown(
    adapter: MunicipalXml, server: SftpServer, recipient: MakeRecipient, endpoint: str, options: dict[str, str]
) -> None:
    """Another server, another name of it, no such login, a user in the address: held with its code, said by doctor, and nobody is asked."""
    elsewhere = recipient(endpoint.format(port=server.port), **options)
    refusal = adapter.refusal(elsewhere)
    assert refusal is not None
    assert refusal.code == REFUSED
    assert adapter.deliver(adapter.translate(CUT, elsewhere), elsewhere, KEY) == Retry(REFUSED)
    assert any(REFUSED in check.what for check in adapter.check_address(elsewhere) if not check.ok)
    assert list(adapter.probe(elsewhere)) == []
    assert server.connections == 0


def test_doctor_says_how_the_hub_is_let_in_and_looks(
    adapter: MunicipalXml, server: SftpServer, there: Recipient, recipient: MakeRecipient
) -> None:
    """Of an address: the pack, the key and the host key, and whether a file can be put there; of the adapter: each login; what makes no sense."""
    assert adapter.refusal(there) is None
    found = [check.what for check in adapter.check_address(there) if check.ok]
    assert [server.fingerprint in one for one in found] == [False, True, False]
    assert [check.ok for check in adapter.probe(there)] == [True]
    assert [check.ok for check in adapter.check()] == [True, True]
    assert server.files("in") == {}
    [strange] = [check.what for check in adapter.check_address(recipient(f"{server.url}/in", secret="other")) if not check.ok]
    assert "has no secret" in strange
    [strange] = [check.what for check in adapter.check_address(recipient("/srv/in", login="norrby")) if not check.ok]
    assert "a folder has no login" in strange
    [strange] = [check.what for check in adapter.check_address(recipient("https://x.example/", login="norrby")) if not check.ok]
    assert "login" in strange
