"""Origins: what counts as one, which addresses are at it, and that a client which is bound to some sends nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from siphub.contract import Http, HttpAnswer, Origins
from siphub.contract.certificates import ClientCertificate
from siphub.errors import SettingsError
from siphub.sandbox.certificate import Authority
from siphub.testing.partner import partner, says


@pytest.fixture
def http() -> Iterator[Http]:
    """Give the hub's HTTP."""
    client = Http(timeout=timedelta(seconds=10))
    yield client
    client.close()


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://journal.example", "https://journal.example:443"),
        ("https://journal.example/", "https://journal.example:443"),
        ("HTTPS://Journal.Example:443", "https://journal.example:443"),
        ("https://journal.example:8443", "https://journal.example:8443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost:80"),
    ],
)
def test_a_server_is_named_in_one_way(text: str, origin: str) -> None:
    """However a server is written, it is one scheme, host and port."""
    assert Origins.read([text]).named == {origin}


@pytest.mark.parametrize(
    "text",
    ["", "journal.example", "ftp://journal.example", "https://", "https://*.example", "https://journal.example/fhir", "http://journal.example",
     "https://u:p@journal.example", "https://journal.example?x", "https://journal.example/#", "https://journal.example:port"],
)  # fmt: skip
def test_what_is_no_server_is_refused(text: str) -> None:
    """A path, a query, a wildcard, plain http elsewhere, or a name and password is no origin, and is not repeated."""
    with pytest.raises(SettingsError) as caught:
        Origins.read([text])
    assert caught.value.code == "settings.origin_wrong"
    assert len(text) <= len("https://") or text not in caught.value.detail


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("https://journal.example/fhir/$process-message?x=1", True),
        ("https://JOURNAL.example:443/fhir", True),
        ("https://journal.example.:443/fhir", False),
        ("https://www.journal.example/fhir", False),
        ("https://journal.example.evil.example/fhir", False),
        ("https://evil.example/https://journal.example", False),
        ("https://journal.example@evil.example/fhir", False),
        ("https://evil.example#@journal.example/", False),
        ("https://evil.example\\@journal.example/", False),
        ("https://journal.example:8443/fhir", False),
        ("http://journal.example/fhir", False),
        ("folder:journal", False),
    ],
)
def test_an_address_is_at_a_server_or_not(address: str, covered: bool) -> None:
    """An address is at a server where scheme, host and port are its, whatever else stands in it; none is at no server."""
    assert Origins.read(["https://journal.example"]).covers(address) is covered
    assert not Origins().covers(address)


def test_a_bound_client_sends_to_its_servers_only(http: Http) -> None:
    """Given two partners on one machine, what is bound to one sends to it as ever, and not a byte to the other; the client itself is not bound."""
    with partner(says("200 OK")) as mine, partner(says("200 OK")) as other:
        bound = http.within(Origins.read([mine.url.removesuffix("/inbox")]))
        assert isinstance(bound.post(mine.url, b"{}"), HttpAnswer)
        for method in ("POST", "GET"):
            with pytest.raises(SettingsError) as caught:
                bound.request(method, other.url, b"{}")
            assert caught.value.code == "address.origin_refused"
        assert (mine.requests, other.sees()) == (1, 0)
        assert isinstance(http.post(other.url, b"{}"), HttpAnswer)


def test_what_shows_a_certificate_is_bound_as_before(http: Http, tmp_path: Path) -> None:
    """Given a bound client that shows a certificate besides, it is still bound."""
    authority = Authority()
    authority.issue(tmp_path / "ours.pem", tmp_path / "ours.key", "siphub")
    certificate = ClientCertificate(*((tmp_path / name).read_text("ascii") for name in ("ours.pem", "ours.key")))
    shown = http.within(Origins()).showing(certificate)
    with partner(says("200 OK")) as other, pytest.raises(SettingsError, match="may not be shown"):
        shown.get(other.url)
    shown.close()
