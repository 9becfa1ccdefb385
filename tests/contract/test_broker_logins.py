"""How a hub and RabbitMQ come to know each other: certificates both ways, tokens that are renewed in time. On a real server, with nothing faked."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from siphub.broker import Broker, Tokens, connect, topology_for
from siphub.contract.http import Http
from siphub.errors import BrokerLost
from siphub.sandbox.certificate import HERE, Authority
from siphub.testing.broker import QUEUE, TIMEOUT
from siphub.testing.broker_ears import ADAPTER, Ears, new_bell
from siphub.testing.logs import heard_logs
from siphub.testing.rabbitmq import EXTERNAL, VHOST, Rabbit
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
PLUGINS = ("rabbitmq_auth_mechanism_ssl", "rabbitmq_auth_backend_oauth2")


class Issuer:
    """An OAuth2 token endpoint on this machine, for one client. `seconds` is how long its next token is good; `away` makes it fail."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = RSAKey.import_key(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.seconds, self.away, self.given, self.scopes = 3600, False, 0, ""
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                who = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
                known = who == "siphub:s3cret%2Fclient" and form["grant_type"] == ["client_credentials"]
                status, document = issuer.answer(form.get("scope", [""])[0]) if known else (401, {"error": "invalid_client"})
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, scopes: str) -> tuple[int, dict[str, Any]]:
        if self.away:
            return 503, {}
        self.given, self.scopes = self.given + 1, scopes
        rights = [f"rabbitmq.{right}:{quote(VHOST, safe='')}/*" for right in ("configure", "write", "read")]
        claims = {"aud": ["rabbitmq"], "sub": "siphub", "scope": rights, "exp": int(time.time()) + self.seconds, "jti": str(uuid4())}
        return 200, {"access_token": jwt.encode({"alg": "RS256", "kid": "test"}, claims, self._key), "expires_in": self.seconds}


@pytest.fixture(scope="module")
def signing() -> rsa.RSAPrivateKey:
    """Return the key that the issuer signs with, and the broker knows."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, signing: rsa.RSAPrivateKey, rabbitmq_here: None) -> Iterator[Rabbit]:
    """Give a RabbitMQ that knows users by certificates and by tokens too."""
    folder = tmp_path_factory.mktemp("logins")
    public = signing.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "token.pem").write_bytes(public)
    settings = (
        *EXTERNAL,
        "auth_backends.1 = internal",
        "auth_backends.2 = rabbit_auth_backend_oauth2",
        "auth_oauth2.resource_server_id = rabbitmq",
        "auth_oauth2.default_key = test",
        f"auth_oauth2.signing_keys.test = {folder}/token.pem",
    )
    with Rabbit(folder, PLUGINS, settings) as running:
        yield running


@pytest.fixture
def connected() -> Iterator[Callable[..., Broker]]:
    """Return what makes drivers of one hub, closed at the end."""
    made, hub = list[Broker](), f"test-{uuid4().hex}"

    def make(url: str, tokens: Tokens | None = None) -> Broker:
        made.append(connect(url, name=hub, tokens=tokens))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


def rings(broker: Broker) -> bool:
    """Say whether a bell goes through."""
    bell, ears = new_bell(), Ears()
    broker.declare(topology_for([ADAPTER]))
    broker.publish([bell], TIMEOUT)
    consumer = broker.consume(QUEUE, ears.on_bell, 1)
    heard = ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
    consumer.stop(TIMEOUT)
    return heard


def tls_url(node: Rabbit, login: str, query: str, host: str = "127.0.0.1") -> str:
    """Return the URL of the TLS port."""
    return f"amqps://{login}{host}:{node.tls_port}/{quote(VHOST, safe='')}?{query}"


class TestTheBrokersCertificate:
    def test_of_another_authority(self, node: Rabbit, connected: Callable[..., Broker], tmp_path: Path) -> None:
        """Given an authority that has not signed the broker's certificate, nothing is sent, and the words say so."""
        other = Authority("another").trust(tmp_path / "other.pem")
        url = node.url_of("hub", tls=True)
        with pytest.raises(BrokerLost, match="certificate is not trusted: no authority the hub knows has signed it"):
            connected(f"{url}?cacertfile={other}").declare(topology_for([ADAPTER]))

    @pytest.mark.parametrize(
        ("names", "ends", "said"),
        [
            (HERE, timedelta(days=-1), "its certificate has run out"),
            (("mq.example.org",), timedelta(days=1), "its certificate is for another address"),
            (("127.0.0.1",), timedelta(days=1), "its certificate is for another name"),
        ],
    )
    def test_that_is_not_for_us(
        self, node: Rabbit, connected: Callable[..., Broker], names: tuple[str, ...], ends: timedelta, said: str
    ) -> None:
        """Given a certificate that has run out, or is for another host, nothing is sent, and the words say which; renewed, all goes on."""
        host = "localhost" if "127.0.0.1" in names and "localhost" not in names else "127.0.0.1"
        broker = connected(tls_url(node, "hub:s3cret%2Fof%3Athe%40hub@", f"cacertfile={node.ca_file}", host))
        node.shows(names, ends)
        try:
            with pytest.raises(BrokerLost, match=said):
                broker.declare(topology_for([ADAPTER]))
        finally:
            node.shows(HERE)
        assert until(lambda: _rings(broker), 30)


class TestTheHubsCertificate:
    def test_is_who_it_is(self, node: Rabbit, connected: Callable[..., Broker], tmp_path: Path) -> None:
        """Given a certificate whose common name is a user, and no password, the hub is that user; also after the certificate was renewed."""
        certificate, key = tmp_path / "hub.pem", tmp_path / "hub.key"
        query = f"cacertfile={node.ca_file}&certfile={certificate}&keyfile={key}&auth_mechanism=external"
        node.authority.issue(certificate, key, "certified")
        broker = connected(tls_url(node, "", query))
        assert rings(broker)
        assert "certified" in node.control("-q", "list_connections", "user", "auth_mechanism")
        node.authority.issue(certificate, key, "nobody-known")
        node.control("close_all_user_connections", "certified", "a test")
        assert until(lambda: "refuses this user name and password, or what stands for them" in _why(broker), 30)
        node.authority.issue(certificate, key, "certified")
        assert until(lambda: _rings(broker), 30)

    def test_that_nobody_trusts(self, node: Rabbit, connected: Callable[..., Broker], tmp_path: Path) -> None:
        """Given a certificate that the broker's authority has not signed, the words say that the broker does not take it."""
        certificate, key = tmp_path / "hub.pem", tmp_path / "hub.key"
        Authority("another").issue(certificate, key, "certified")
        query = f"cacertfile={node.ca_file}&certfile={certificate}&keyfile={key}&auth_mechanism=external"
        with pytest.raises(BrokerLost, match="does not take the certificate the hub shows"):
            connected(tls_url(node, "", query)).declare(topology_for([ADAPTER]))

    def test_where_the_broker_wants_passwords(self, rabbitmq: Rabbit, connected: Callable[..., Broker], tmp_path: Path) -> None:
        """Given a broker that knows nobody by certificate, the words say that it does not offer this."""
        certificate, key = tmp_path / "hub.pem", tmp_path / "hub.key"
        rabbitmq.authority.issue(certificate, key, "certified")
        query = f"cacertfile={rabbitmq.ca_file}&certfile={certificate}&keyfile={key}&auth_mechanism=external"
        with pytest.raises(BrokerLost, match="does not offer this way to log in"):
            connected(tls_url(rabbitmq, "", query)).declare(topology_for([ADAPTER]))


class TestTokens:
    @pytest.fixture
    def issuer(self, signing: rsa.RSAPrivateKey) -> Iterator[Issuer]:
        """Give the issuer that the broker trusts."""
        with Issuer(signing) as running:
            yield running

    @pytest.fixture
    def url(self, node: Rabbit) -> str:
        """Return the broker's URL, without a user."""
        return f"amqp://127.0.0.1:{node.port}/{quote(VHOST, safe='')}"

    def test_a_token_opens_and_one_is_enough(self, connected: Callable[..., Broker], issuer: Issuer, url: str) -> None:
        """Given client credentials, a token with the wanted scopes is fetched once for both connections, and bells go through."""
        assert rings(connected(url, Tokens(Http(), issuer.url, "siphub", "s3cret/client", "rabbitmq.all")))
        assert (issuer.given, issuer.scopes) == (1, "rabbitmq.all")

    def test_it_is_renewed_on_the_open_connection(self, connected: Callable[..., Broker], issuer: Issuer, url: str) -> None:
        """Given tokens of three seconds, they are renewed before they end, over connections that stay, and bells go through all the while."""
        issuer.seconds = 3
        broker = connected(url, Tokens(Http(), issuer.url, "siphub", "s3cret/client"))
        with heard_logs() as heard:
            assert rings(broker)
            begun = time.monotonic()
            while time.monotonic() < begun + 5:
                broker.publish([new_bell()], TIMEOUT)
                time.sleep(0.2)
            assert rings(broker)  # a new channel: the broker looks at the token anew
        assert len(heard.named("broker.token_renewed")) >= 2
        assert issuer.given >= 3
        assert not heard.named("broker.lost")

    def test_an_issuer_that_is_away_for_a_while(self, connected: Callable[..., Broker], issuer: Issuer, url: str) -> None:
        """Given an issuer that fails, it is said why there is no token, with no secret in it; when it answers again, bells go through."""
        issuer.away = True
        broker = connected(url, Tokens(Http(), issuer.url, "siphub", "s3cret/client"))
        with (
            heard_logs() as heard,
            pytest.raises(BrokerLost, match="no token for the broker: its issuer answered with status 503") as caught,
        ):
            broker.declare(topology_for([ADAPTER]))
        assert caught.value.code == "broker.no_token"
        assert "s3cret" not in heard.text + repr(broker)
        issuer.away = False
        assert until(lambda: _rings(broker), 30)

    def test_a_token_the_broker_does_not_take(self, connected: Callable[..., Broker], url: str) -> None:
        """Given an issuer whose signature the broker does not know, the words say so, and the next attempt asks for another token."""
        with Issuer(rsa.generate_private_key(public_exponent=65537, key_size=2048)) as stranger:
            broker = connected(url, Tokens(Http(), stranger.url, "siphub", "s3cret/client"))
            with pytest.raises(BrokerLost, match="refuses this user name and password, or what stands for them"):
                broker.declare(topology_for([ADAPTER]))
            assert until(lambda: stranger.given >= 3, 30)

    def test_a_wrong_secret(self, connected: Callable[..., Broker], issuer: Issuer, url: str) -> None:
        """Given a secret the issuer does not know, the words say with what it answered."""
        with pytest.raises(BrokerLost, match="its issuer answered with status 401"):
            connected(url, Tokens(Http(), issuer.url, "siphub", "wrong")).declare(topology_for([ADAPTER]))


def _rings(broker: Broker) -> bool:
    try:
        return rings(broker)
    except BrokerLost:
        return False


def _why(broker: Broker) -> str:
    try:
        broker.publish([new_bell()], TIMEOUT)
    except BrokerLost as error:
        return str(error)
    return ""
