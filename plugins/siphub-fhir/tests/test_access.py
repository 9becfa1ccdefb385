"""Ways in: access tokens by signed assertions and by a secret, our certificate, and what is said of them, over real TLS."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from siphub.contract import ClientKey, Delivered, Http, Origins, PluginContext, Recipient, Retry, SettingsError, SystemClock
from siphub.model import sample
from siphub.sandbox.certificate import Authority
from siphub.testing.partner import partner, says
from siphub.testing.samples import whole_cut
from siphub.testing.token_server import Register, TokenServer
from siphub_fhir import Fhir
from siphub_fhir.settings import Client, TokenEndpoint, read_settings

MakeRecipient = Callable[..., Recipient]
KEY = ec.generate_private_key(ec.SECP384R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


class Server:
    """A FHIR server over TLS that takes what carries a token of the token server's, and wants our certificate where told so."""

    def __init__(self, tokens: TokenServer, context: ssl.SSLContext) -> None:
        self.taken: list[str] = []
        self.refused = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                known = tokens.knows(self.headers.get("Authorization", ""))
                if known:
                    outer.taken.append(json.loads(body)["id"])
                else:
                    outer.refused += 1
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/fhir/$process-message"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class World:
    """A token server, a FHIR server, an authority both trust, and what makes the adapter."""

    def __init__(self, folder: Path, *, wants_ours: bool) -> None:
        self.authority, self.folder = Authority(), folder
        self.ca = self.authority.trust(folder / "ca.pem")
        self.authority.issue(folder / "server.pem", folder / "server.key", "127.0.0.1", ("127.0.0.1",))
        self.authority.issue(folder / "ours.pem", folder / "ours.key", "siphub")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        if wants_ours:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        self.register = Register(keys={"hub-7": ClientKey(KEY.decode()).public()}, secrets={"hub-7": "nyckel-1"})
        self.tokens = TokenServer(self.register, context).__enter__()
        self.server = Server(self.tokens, context)
        self.http = Http(ca_file=self.ca)

    @property
    def origin(self) -> str:
        """The FHIR server's origin."""
        return self.server.url.removesuffix("/fhir/$process-message")

    @property
    def certificate(self) -> dict[str, str]:
        """Our certificate and its key, as secrets of the access `journal`."""
        return {
            f"journal_{name}": (self.folder / file).read_text("ascii")
            for name, file in (("certificate", "ours.pem"), ("certificate_key", "ours.key"))
        }

    def adapter(self, secrets: dict[str, str], clients: str | None = None) -> Fhir:
        """Make the adapter."""
        given = f"journal {self.origin} {self.tokens.url} hub-7 system/CarePlan.c" if clients is None else clients
        rest: dict[str, Any] = {"log": None, "state": None, "render": None, "mappings": None}
        settings = {"clients": given, "timeout_seconds": "10"}
        return Fhir(PluginContext(plugin="fhir", clock=SystemClock(), http=self.http, settings=settings, secrets=secrets, **rest))

    def close(self) -> None:
        """Stop everything."""
        self.server.close()
        self.tokens.__exit__(None, None, None)
        self.http.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give servers that want a token."""
    made = World(tmp_path, wants_ours=False)
    yield made
    made.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """Give servers that want a token and our certificate."""
    made = World(tmp_path, wants_ours=True)
    yield made
    made.close()


def sent(adapter: Fhir, there: Recipient, key: str = "k-1") -> object:
    """Deliver a summons."""
    return adapter.deliver(adapter.translate(whole_cut(sample("meeting.summoned")), there), there, key)


@pytest.mark.parametrize("secrets", [{"journal_key": KEY.decode()}, {"journal_secret": "nyckel-1"}], ids=["key", "secret"])
def test_a_token_is_fetched_and_kept(world: World, recipient: MakeRecipient, secrets: dict[str, str]) -> None:
    """Given a key of ours or a client secret, deliveries arrive with a token, and one is fetched for all of them."""
    adapter, there = world.adapter(secrets), recipient(world.server.url, access="journal")
    assert [sent(adapter, there) for _ in range(3)] == [Delivered()] * 3
    assert (len(world.tokens.forms), len(world.server.taken), world.server.refused) == (1, 3, 0)
    assert world.tokens.forms[0]["scope"] == "system/CarePlan.c"


def test_a_token_the_partner_forgot_is_fetched_anew_once(world: World, recipient: MakeRecipient) -> None:
    """Given a 401, the delivery is sent once more with a new token; where that is not taken either, an administrator must act."""
    adapter, there = world.adapter({"journal_key": KEY.decode()}), recipient(world.server.url, access="journal")
    assert sent(adapter, there) == Delivered()
    world.tokens.revoke()
    assert sent(adapter, there) == Delivered()
    assert (len(world.tokens.forms), len(world.server.taken), world.server.refused) == (2, 2, 1)
    world.tokens.knows = lambda header: header is None  # type: ignore[method-assign]  # a partner that takes no token at all
    assert sent(adapter, there) == Retry("partner.unauthorised")
    assert world.server.refused == 3


def test_many_senders_share_one_new_token(world: World, recipient: MakeRecipient) -> None:
    """Given many senders whose token is forgotten at one moment, all arrive, and one new token is fetched."""
    adapter, there = world.adapter({"journal_key": KEY.decode()}), recipient(world.server.url, access="journal")
    assert sent(adapter, there) == Delivered()
    world.tokens.revoke()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: sent(adapter, there, f"k-{number}"), range(16)))
    assert found == [Delivered()] * 16
    assert len(world.tokens.forms) == 2


def test_without_a_token_nothing_is_sent(world: World, recipient: MakeRecipient) -> None:
    """Given a token server that refuses, or is away, the delivery is tried again and the partner has seen nothing."""
    there = recipient(world.server.url, access="journal")
    world.register.keys = {}
    assert sent(world.adapter({"journal_key": KEY.decode()}), there) == Retry("token.refused")
    world.register.says = (503, b"")
    assert sent(world.adapter({"journal_key": KEY.decode()}), there) == Retry("token.unavailable")
    away = world.adapter({"journal_key": KEY.decode()}, f"journal {world.origin} https://127.0.0.1:9/token hub-7")
    assert sent(away, there) == Retry("partner.refused")
    assert (world.server.taken, world.server.refused) == ([], 0)


def test_our_certificate_opens_both_doors(strict: World, recipient: MakeRecipient) -> None:
    """Given servers that want our certificate, both get it; without it nothing is sent, and with another hub's neither."""
    there = recipient(strict.server.url, access="journal")
    adapter = strict.adapter({"journal_key": KEY.decode(), **strict.certificate})
    assert sent(adapter, there) == Delivered()
    adapter.close()
    found = sent(strict.adapter({"journal_key": KEY.decode()}), there)
    assert isinstance(found, Retry)
    assert len(strict.server.taken) == 1


def test_a_certificate_needs_no_token(strict: World, recipient: MakeRecipient) -> None:
    """Given a partner that wants the certificate alone, no token is asked for."""
    strict.tokens.knows = lambda header: header == ""  # type: ignore[method-assign]  # a partner that wants no token
    adapter = strict.adapter(strict.certificate, f"journal {strict.origin}")
    assert sent(adapter, recipient(strict.server.url, access="journal")) == Delivered()
    assert strict.tokens.forms == []


@pytest.mark.parametrize(
    ("options", "secrets", "code"),
    [
        ({"access": "nobody"}, {}, "settings.access_missing"),
        ({"access": "journal"}, {}, "settings.secret_missing"),
        ({"access": "journal", "secret": "journal_key"}, {"journal_key": KEY.decode()}, "settings.two_accesses"),
        ({"access": "journal"}, {"journal_key": "s3cret"}, "settings.key_wrong"),
        ({"access": "journal"}, {"journal_key": KEY.decode(), "journal_certificate": "x"}, "settings.secret_missing"),
        (
            {"access": "journal"},
            {"journal_key": KEY.decode(), "journal_certificate": "x", "journal_certificate_key": "y"},
            "http.certificate_wrong",
        ),
        ({"access": "other"}, {"other_certificate_key": "x"}, "settings.secret_missing"),
    ],
)
def test_an_access_that_cannot_be_used_sends_nothing(
    world: World, recipient: MakeRecipient, options: dict[str, str], secrets: dict[str, str], code: str
) -> None:
    """Given a wrong name, a missing or wrong file, the delivery waits, and only that access is out of order."""
    adapter = world.adapter(secrets)
    assert sent(adapter, recipient(world.server.url, **options)) == Retry(code)
    assert (world.server.taken, world.tokens.forms) == ([], [])
    if "two" not in code and options["access"] != "nobody":
        assert any(code in one.what and "s3cret" not in one.what for one in adapter.check() if not one.ok)


@pytest.mark.parametrize(("days", "well"), [(60, True), (20, False), (-1, False)])
def test_check_says_until_when_our_certificate_holds(world: World, days: int, well: bool) -> None:
    """Given a certificate that runs out within thirty days, or has, the check says when and which files to renew."""
    world.authority.issue(world.folder / "ours.pem", world.folder / "ours.key", "siphub", ends=timedelta(days=days))
    [found] = [one for one in world.adapter(world.certificate, "").check() if "certificate" in one.what]
    assert found.ok is well
    assert f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" in found.what
    assert well or "journal_certificate" in found.what


def test_check_says_which_key_the_partner_must_know(world: World) -> None:
    """Given a client, the check says its key's id and whether there is a token; nothing secret."""
    said = {one.what: one.ok for one in world.adapter({"journal_key": KEY.decode()}).check()}
    assert said[f"access journal: assertions are signed with ES384, kid {ClientKey(KEY.decode()).kid}"]
    assert said["access journal: the token server gives a token"]
    world.register.says = (401, b"")
    said = {one.what: one.ok for one in world.adapter({"journal_key": KEY.decode()}).check()}
    assert said["access journal: no token: the token server refused: status 401 (token.refused)"] is False


@pytest.mark.parametrize(
    "text",
    [
        "journal",
        "journal https://x.example hub",
        "journal https://auth.example/token hub system/CarePlan.c",
        "a b c",
        "journal https://x.example https://x.example/t?q=1 hub",
        "journal https://x.example https://x.example/token",
        "j https://x.example; j https://y.example",
    ],
)
def test_clients_that_cannot_be_read_stop_the_start(world: World, text: str) -> None:
    """Given an entry that is none, as one from before the servers stood in it, or a name that stands twice, the start stops."""
    with pytest.raises(SettingsError, match="each of clients is a name"):
        world.adapter({}, text)


@pytest.mark.parametrize(
    "origins",
    [
        "https://auth.example/token",
        "https://x.example,",
        "https://x.example,https://y.example/fhir",
        "https://user@x.example",
        "http://x.example",
        "https://x.example?a",
        "https://x.example/?",
    ],
)
def test_what_is_no_server_stops_the_start(world: World, origins: str) -> None:
    """Given a path where the servers stand, or anything else that is no origin, the start says so."""
    with pytest.raises(SettingsError, match="after journal, stand the servers that it is for") as caught:
        world.adapter({}, f"journal {origins} https://auth.example/token hub-7")
    assert caught.value.code == "settings.origin_wrong"


def test_several_clients_are_read() -> None:
    """Given two entries on lines or between semicolons, both are there, with and without scopes."""
    text = (
        " a https://a.example https://auth.example/token hub  s1  s2 ;\n b-2 https://B.example:8443/,https://c.example https://b.example/t o\n"
        "fast.token https://d.example:443"
    )
    assert read_settings({"clients": text}).clients == {
        "a": Client(Origins(frozenset({"https://a.example:443"})), TokenEndpoint("https://auth.example/token", "hub", "s1 s2")),
        "b-2": Client(
            Origins(frozenset({"https://b.example:8443", "https://c.example:443"})), TokenEndpoint("https://b.example/t", "o", "")
        ),
        "fast.token": Client(Origins(frozenset({"https://d.example:443"}))),
    }


ELSEWHERE = [
    "https://127.0.0.2:{port}/fhir/$process-message",
    "https://localhost:{port}/fhir/$process-message",
    "https://127.0.0.1:9/fhir/$process-message",
    "http://127.0.0.1:{port}/fhir/$process-message",
    "https://127.0.0.1:{port}@evil.example/$process-message",
    "https://127.0.0.1.evil.example:{port}/$process-message",
]


@pytest.mark.parametrize("there", ELSEWHERE)
@pytest.mark.parametrize("options", [{"access": "journal"}, {"secret": "journal"}, {"access": "ours"}])
def test_what_lets_us_in_is_shown_to_no_other_server(world: World, recipient: MakeRecipient, there: str, options: dict[str, str]) -> None:
    """Given an entry with another scheme, host or port than the administrator named, it is refused, and nothing is sent there all the same."""
    port = world.server.url.split(":")[2].partition("/")[0]
    secrets = {"journal_key": KEY.decode(), "journal": "nyckel-1"}
    secrets |= {name.replace("journal", "ours"): value for name, value in world.certificate.items()}
    adapter = world.adapter(secrets, f"journal {world.origin} {world.tokens.url} hub-7; ours {world.origin}")
    elsewhere, here = recipient(there.format(port=port), **options), recipient(world.server.url, **options)
    refusal = adapter.refusal(elsewhere)
    assert refusal is not None
    assert (refusal.code, adapter.refusal(here)) == ("address.origin_refused", None)
    found = sent(adapter, elsewhere)
    assert isinstance(found, Retry)
    assert found.code in {"address.origin_refused", "http.bad_url"}
    assert (world.server.taken, world.server.refused) == ([], 0)


def test_without_a_server_named_nothing_lets_us_in_anywhere(world: World, recipient: MakeRecipient) -> None:
    """Given a fixed token and a certificate that the settings say nothing of, entries with them are refused, and the check says which."""
    adapter = world.adapter({"fast": "nyckel-1", **world.certificate}, "")
    for options in ({"secret": "fast"}, {"access": "journal"}, {"secret": "journal_certificate_key"}):
        there = recipient(world.server.url, **options)
        refusal = adapter.refusal(there)
        assert refusal is not None
        assert "names no server" in refusal.detail
        assert sent(adapter, there) == Retry("address.origin_refused")
        assert any("address.origin_refused" in one.what for one in adapter.check_address(there) if not one.ok)
    assert (world.server.taken, world.server.refused) == ([], 0)
    said = [one.what.partition(":")[0] for one in adapter.check() if not one.ok and "address.origin_refused" in one.what]
    assert said == ["access journal", "the secret fast"]
    assert adapter.refusal(recipient(world.server.url)) is None


def test_a_redirect_leads_nothing_elsewhere(world: World, recipient: MakeRecipient) -> None:
    """Given a partner and a token server that point at another server, that one hears nothing: no message, no token, no assertion."""
    with partner(says("200 OK")) as other:
        for status in ("301 Moved Permanently", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
            with partner(says(status, Location=other.url)) as leads:
                origin = leads.url.removesuffix("/inbox")
                adapter = world.adapter(
                    {"journal_key": KEY.decode(), "fast": "x"}, f"journal {origin} {world.tokens.url} hub-7; fast {origin}"
                )
                for options in ({"access": "journal"}, {"secret": "fast"}):
                    assert not isinstance(sent(adapter, recipient(leads.url, **options)), Delivered)
                lost = world.adapter({"journal_key": KEY.decode()}, f"journal {world.origin} {leads.url} hub-7")
                assert sent(lost, recipient(world.server.url, access="journal")) == Retry("token.refused")
                assert leads.requests == 3
        assert (other.connections, world.server.taken) == ([], [])
