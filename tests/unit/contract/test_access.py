"""Access tokens, client keys and client certificates, against a real token server over real TLS."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from siphub.contract import AccessTokens, ClientCertificate, ClientKey, ClientSecret, Http, HttpAnswer, NoToken, Proof, SystemClock
from siphub.errors import SettingsError
from siphub.sandbox.certificate import Authority, Certificates
from siphub.testing.token_server import Register, TokenServer

KEYS: dict[str, Any] = {"ES384": ec.generate_private_key(ec.SECP384R1()), "RS384": rsa.generate_private_key(65537, 2048)}


def pem(key: Any, password: bytes | None = None) -> str:
    """Return a private key as PEM."""
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode())


@dataclass(frozen=True)
class Pki:
    """One authority, a server's certificate and one of ours."""

    authority: Authority
    folder: Path

    @property
    def server(self) -> Certificates:
        """The authority's and the server's files."""
        return Certificates(self.folder / "ca.pem", self.folder / "server.pem", self.folder / "server.key")

    def ours(self, ends: timedelta = timedelta(days=7)) -> ClientCertificate:
        """Make a certificate of ours."""
        certificate, key = self.folder / "ours.pem", self.folder / "ours.key"
        self.authority.issue(certificate, key, "siphub", ends=ends)
        return ClientCertificate(certificate.read_text("ascii"), key.read_text("ascii"))

    def serving(self, *, wants_ours: bool) -> ssl.SSLContext:
        """Return the server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.certificate, self.server.key)
        if wants_ours:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.server.ca)
        return context


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Make an authority with a server's certificate."""
    made = Pki(Authority(), tmp_path_factory.mktemp("pki"))
    made.authority.trust(made.server.ca)
    made.authority.issue(made.server.certificate, made.server.key, "127.0.0.1", ("127.0.0.1",))
    return made


@pytest.fixture
def http(pki: Pki) -> Iterator[Http]:
    """Give the hub's HTTP, which trusts the authority."""
    client = Http(ca_file=pki.server.ca, timeout=timedelta(seconds=10))
    yield client
    client.close()


@pytest.fixture
def register() -> Register:
    """Give what the server knows: both keys, and a secret with special characters."""
    keys = {client: ClientKey(pem(key)).public() for client, key in KEYS.items()}
    return Register(keys=keys, secrets={"a hub:1": "s3:cret/é"})


@pytest.fixture
def server(pki: Pki, register: Register) -> Iterator[TokenServer]:
    """Run the server over TLS."""
    with TokenServer(register, pki.serving(wants_ours=False)) as running:
        yield running


@pytest.fixture
def tokens(http: Http, server: TokenServer) -> Callable[..., AccessTokens]:
    """Give what makes a client's tokens."""

    def make(client_id: str = "ES384", proof: Proof | None = None, **given: Any) -> AccessTokens:
        shown = proof or ClientKey(pem(KEYS[client_id]))
        return AccessTokens(http, SystemClock(), url=server.url, client_id=client_id, proof=shown, **given)

    return make


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_a_strict_server_takes_our_assertion(tokens: Callable[..., AccessTokens], server: TokenServer, algorithm: str) -> None:
    """Given a key of either kind, a server that keeps to SMART gives a token for it, with the scopes in the form."""
    header = tokens(algorithm, scopes="system/CarePlan.c system/Task.c").header()
    assert server.refused == []
    assert server.knows(header["Authorization"])
    assert server.forms[0]["scope"] == "system/CarePlan.c system/Task.c"


def test_each_request_has_an_assertion_of_its_own(tokens: Callable[..., AccessTokens], server: TokenServer) -> None:
    """Given a second request, its jti is another: the server refuses one that comes twice."""
    mine = tokens()
    mine.forget(mine.header())
    mine.header()
    assert (len(server.forms), server.refused) == (2, [])


@pytest.mark.parametrize("shift", [timedelta(minutes=2), timedelta(minutes=-5)])
def test_a_wrong_clock_is_refused_by_the_server(http: Http, server: TokenServer, shift: timedelta) -> None:
    """Given a clock that is minutes off, the server refuses, and the error says so without its words."""

    class Off:
        def now(self) -> datetime:
            return datetime.now(UTC) + shift

    mine = AccessTokens(http, Off(), url=server.url, client_id="ES384", proof=ClientKey(pem(KEYS["ES384"])))
    with pytest.raises(NoToken, match="the token server refused: invalid_client") as caught:
        mine.header()
    assert caught.value.code == "token.refused"
    assert server.refused == ["exp"]


def test_a_key_that_is_not_registered_is_refused(tokens: Callable[..., AccessTokens], server: TokenServer) -> None:
    """Given another key than the one the partner has, there is no token."""
    with pytest.raises(NoToken):
        tokens("ES384", ClientKey(pem(ec.generate_private_key(ec.SECP384R1())))).header()
    assert server.tokens == set()


def test_a_secret_is_shown_as_the_standard_says(tokens: Callable[..., AccessTokens], server: TokenServer) -> None:
    """Given an id and a secret with special characters, both are form-encoded in the Basic header (RFC 6749, 2.3.1)."""
    assert server.knows(tokens("a hub:1", ClientSecret("s3:cret/é")).header()["Authorization"])


def test_many_senders_wait_for_one_request(tokens: Callable[..., AccessTokens], server: TokenServer, register: Register) -> None:
    """Given many senders without a token at one moment, one request is made; likewise when the token they share is refused."""
    register.takes = 0.2
    mine, found = tokens(), list[dict[str, str]]()
    threads = [threading.Thread(target=lambda: found.append(mine.header())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(server.forms), len({one["Authorization"] for one in found}), len(found)) == (1, 1, 12)
    old = found[0]
    for _ in range(12):
        mine.forget(old)
        mine.header()
    assert len(server.forms) == 2


@pytest.mark.parametrize(("seconds", "kept"), [(120, 90.0), (60, 40.0), (9, 6.0), (None, 270.0), (1e300, 86370.0)])
def test_a_token_is_used_until_shortly_before_it_ends(
    tokens: Callable[..., AccessTokens], register: Register, monkeypatch: pytest.MonkeyPatch, seconds: float | None, kept: float
) -> None:
    """Given a token, the next one is fetched thirty seconds before it ends, or a third of its life; unsaid it counts as five minutes."""
    register.lifetime = seconds
    mine, began = tokens(), time.monotonic()
    first = mine.header()
    monkeypatch.setattr("siphub.contract.oauth.time.monotonic", lambda: began + kept - 0.5)
    assert mine.header() == first
    monkeypatch.setattr("siphub.contract.oauth.time.monotonic", lambda: began + kept + 5)
    assert mine.header() != first


BROKEN = [
    (200, b"", "token.unreadable"),
    (200, b"[]", "token.unreadable"),
    (200, b"<html>s3cret</html>", "token.unreadable"),
    (200, b'{"access_token": 5}', "token.unreadable"),
    (200, b'{"access_token": "a\\r\\nX-Evil: s3cret"}', "token.unreadable"),
    (200, b'{"access_token": "x", "expires_in": 0}', "token.unreadable"),
    (200, b'{"access_token": "x", "expires_in": "s3cret"}', "token.unreadable"),
    (200, b'{"access_token": "x", "expires_in": 1' + b"0" * 400 + b"}", "token.unreadable"),
    (200, b"[" * 100_000, "token.unreadable"),
    (400, b'{"error": "s3cret"}', "token.refused"),
    (401, b'{"error": "invalid_client", "error_description": "s3cret"}', "token.refused"),
    (302, b"", "token.refused"),
    (429, b"s3cret", "token.unavailable"),
    (503, b"s3cret", "token.unavailable"),
]


@pytest.mark.parametrize(("status", "body", "code"), BROKEN)
def test_what_is_no_token_is_refused_without_being_repeated(
    tokens: Callable[..., AccessTokens], register: Register, status: int, body: bytes, code: str
) -> None:
    """Given any other answer, the error has a code and no word of it."""
    register.says = (status, body)
    with pytest.raises(NoToken) as caught:
        tokens().header()
    assert caught.value.code == code
    assert "s3cret" not in str(caught.value)


def test_an_issuer_that_gives_none_is_not_asked_by_each_sender(
    tokens: Callable[..., AccessTokens], server: TokenServer, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a refusal, the next sender within two seconds hears of it without asking; after them the server is asked again."""
    register.says = (503, b"")
    mine = tokens()
    for _ in range(5):
        with pytest.raises(NoToken, match="answered 503"):
            mine.header()
    assert len(server.forms) == 1
    register.says = None
    later = time.monotonic() + 3
    monkeypatch.setattr("siphub.contract.oauth.time.monotonic", lambda: later)
    assert server.knows(mine.header()["Authorization"])


@pytest.mark.parametrize(
    ("url", "code"), [("http://issuer.example/token", "http.plain_refused"), ("https://127.0.0.1:1/token", "partner.refused")]
)
def test_an_issuer_that_cannot_be_asked_is_said(http: Http, url: str, code: str) -> None:
    """Given an address that may not be used, or where nobody is, the code says so."""
    with pytest.raises(NoToken) as caught:
        AccessTokens(http, SystemClock(), url=url, client_id="x", proof=ClientSecret("s3cret")).header()
    assert caught.value.code == code


SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        "{}",
        "{" * 100_000,
        '{"kty": "EC", "d": "s3cret"}',
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(SHORT),
        pem(KEYS["ES384"], b"s3cret"),
        json.dumps(ClientKey(pem(KEYS["RS384"])).public()),
    ],
)
def test_a_key_of_another_kind_is_refused_without_being_repeated(text: str) -> None:
    """Given no private key on P-384 nor of RSA with 2048 bits, the start stops, and nothing of it is said."""
    with pytest.raises(SettingsError) as caught:
        ClientKey(text)
    assert caught.value.code == "settings.key_wrong"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_jwk_keeps_its_own_name(tokens: Callable[..., AccessTokens], server: TokenServer, register: Register) -> None:
    """Given a private JWK with a kid, that is the one the server sees; the public one carries nothing private."""
    from joserfc.jwk import ECKey

    whole = {**ECKey.import_key(pem(KEYS["ES384"])).as_dict(private=True), "kid": "2026-11"}
    key = ClientKey(json.dumps(whole))
    assert (key.kid, key.algorithm) == ("2026-11", "ES384")
    assert set(key.public()) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    register.keys = {"ES384": key.public()}
    assert server.knows(tokens("ES384", key).header()["Authorization"])


def test_a_server_that_wants_our_certificate_gets_it(http: Http, pki: Pki, register: Register) -> None:
    """Given a server that wants a certificate of ours: with it there is a token, and without it nothing is sent."""
    proof = ClientKey(pem(KEYS["ES384"]))
    with TokenServer(register, pki.serving(wants_ours=True)) as strict:
        with_it = http.showing(pki.ours())
        assert strict.knows(AccessTokens(with_it, SystemClock(), url=strict.url, client_id="ES384", proof=proof).header()["Authorization"])
        with_it.close()
        with pytest.raises(NoToken):
            AccessTokens(http, SystemClock(), url=strict.url, client_id="ES384", proof=proof).header()
        assert len(strict.forms) == 1


def test_a_client_that_shows_a_certificate_trusts_whom_the_hub_trusts(pki: Pki, server: TokenServer) -> None:
    """Given a hub that does not trust the partner's authority, its client with a certificate does not either."""
    stranger = Http(timeout=timedelta(seconds=10)).showing(pki.ours())
    found = stranger.get(server.url)
    assert not isinstance(found, HttpAnswer)
    assert found.code == "partner.tls_untrusted"


@pytest.mark.parametrize(("chain", "key"), [("", ""), ("s3cret", "s3cret"), ("CERT", "s3cret"), ("CERT", "OTHER"), ("CERT", "LOCKED")])
def test_a_certificate_that_cannot_be_used_is_said_and_not_repeated(http: Http, pki: Pki, chain: str, key: str) -> None:
    """Given no PEM, another's key, or a key with a password, the error says what to check and nothing of it."""
    ours = pki.ours()
    given = {"CERT": ours.chain, "OTHER": pem(KEYS["ES384"]), "LOCKED": pem(KEYS["ES384"], b"s3cret")}
    with pytest.raises(SettingsError) as caught:
        http.showing(ClientCertificate(given.get(chain, chain), given.get(key, key)))
    assert caught.value.code == "http.certificate_wrong"
    assert "s3cret" not in str(caught.value)


def test_until_when_a_certificate_holds(pki: Pki) -> None:
    """Given a certificate, its end is told; what is none is refused."""
    ends = pki.ours(ends=timedelta(days=3)).ends_at()
    assert timedelta(days=2, hours=23) < ends - datetime.now(UTC) <= timedelta(days=3)
    with pytest.raises(SettingsError):
        ClientCertificate("nothing", "").ends_at()


def test_nothing_secret_is_shown(pki: Pki) -> None:
    """Given what is secret, no repr shows it."""
    ours = pki.ours()
    assert "BEGIN" not in repr(ours)
    assert "s3cret" not in repr(ClientSecret("s3cret"))
    assert pem(KEYS["ES384"])[40:60] not in repr(ClientKey(pem(KEYS["ES384"])))
