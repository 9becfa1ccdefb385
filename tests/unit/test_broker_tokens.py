"""Tokens for a broker: what is asked, what is read from the answer, how long one is kept, and that nothing of it is shown."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from siphub.broker import Tokens, connect, topology_for
from siphub.broker.tokens import Token
from siphub.contract.http import Http
from siphub.errors import BrokerLost
from siphub.testing.broker_ears import ADAPTER
from siphub.testing.story import until

Asked = list[tuple[str, str]]


@pytest.fixture
def issuer() -> Iterator[Callable[[bytes], tuple[str, Asked]]]:
    """Return what starts an issuer with one answer, and gives its address and what it is asked: who, and the form."""
    running = list[ThreadingHTTPServer]()

    def start(body: bytes) -> tuple[str, Asked]:
        asked = Asked()

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                asked.append((b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode(), form))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/token", asked

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def token(seconds: float | None) -> bytes:
    """Return an issuer's answer."""
    return json.dumps({"access_token": "t0ken", "token_type": "bearer"} | ({} if seconds is None else {"expires_in": seconds})).encode()


def test_client_and_secret_are_shown_as_the_standard_says(issuer: Callable[[bytes], tuple[str, Asked]]) -> None:
    """Given a client's id and secret with special characters, both are form-encoded in the Basic header (RFC 6749, 2.3.1), scopes in the form."""
    url, asked = issuer(token(60))
    assert Tokens(Http(), url, "a hub:1", "s3:cret/é", "one two").current().text == "t0ken"
    assert asked == [("a+hub%3A1:s3%3Acret%2F%C3%A9", "grant_type=client_credentials&scope=one+two")]


@pytest.mark.parametrize(("seconds", "renewed", "ended"), [(60, 40, 60), (None, 200, 300), (1e300, 57600, 86400)])
def test_a_token_is_kept_for_two_thirds_of_its_life(
    issuer: Callable[[bytes], tuple[str, Asked]], seconds: float | None, renewed: float, ended: float
) -> None:
    """Given a token, the next one is asked for after two thirds of its life; unsaid it counts as five minutes, and never as more than a day."""
    url, asked = issuer(token(seconds))
    tokens = Tokens(Http(), url, "hub", "s3cret")
    found = tokens.current()
    now = time.monotonic()
    assert tokens.current() is found
    assert len(asked) == 1
    assert renewed - 5 < found.renew_at - now <= renewed
    assert ended - 5 < found.left() <= ended


def test_a_token_that_was_not_taken_is_forgotten(issuer: Callable[[bytes], tuple[str, Asked]]) -> None:
    """Given a token the broker refused, the next one is asked for at once; a word about an older one changes nothing."""
    url, asked = issuer(token(60))
    tokens = Tokens(Http(), url, "hub", "s3cret")
    tokens.current()
    tokens.forget("an older one")
    tokens.current()
    assert len(asked) == 1
    tokens.forget("t0ken")
    tokens.current()
    assert len(asked) == 2


def test_an_issuer_that_goes_away_takes_no_good_token_along(
    issuer: Callable[[bytes], tuple[str, Asked]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an issuer that can be reached no more, a token is used to its end, and then the error says why there is none."""
    url, _ = issuer(token(60))
    tokens = Tokens(Http(), url, "hub", "s3cret")
    found, now = tokens.current(), time.monotonic()
    tokens._url = "http://127.0.0.1:1/token"
    monkeypatch.setattr("siphub.broker.tokens.time", SimpleNamespace(monotonic=lambda: now + 45))
    assert tokens.current() is found
    monkeypatch.setattr("siphub.broker.tokens.time", SimpleNamespace(monotonic=lambda: now + 61))
    with pytest.raises(BrokerLost, match="its issuer is not reached"):
        tokens.current()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>s3cret</html>",
        b'{"access_token": 5}',
        b'{"access_token": ""}',
        token(0),
        token(-1),
        token(10**400),
        token(float("nan")),
        b'{"error": "s3cret"}',
    ],
)
def test_what_is_no_token_is_refused_without_being_repeated(issuer: Callable[[bytes], tuple[str, Asked]], body: bytes) -> None:
    """Given an answer that holds no token, the error says so and nothing of what was answered."""
    with pytest.raises(BrokerLost, match="what its issuer answered is no token") as caught:
        Tokens(Http(), issuer(body)[0], "hub", "s3cret").current()
    assert caught.value.code == "broker.no_token"
    assert "s3cret" not in str(caught.value)


def test_a_secret_does_not_travel_in_the_open() -> None:
    """Given a token endpoint without TLS on another machine, nothing is sent."""
    with pytest.raises(BrokerLost, match="plain http to issuer"):
        Tokens(Http(), "http://issuer.example.org/token", "hub", "s3cret").current()


class _Odd(Tokens):
    """Tokens that cannot be had, in a way that nobody thought of."""

    asked = 0

    def current(self) -> Token:
        self.asked += 1
        raise RuntimeError("s3cret")


def test_a_token_that_cannot_be_had_in_a_way_nobody_thought_of_is_asked_for_again() -> None:
    """Given tokens that raise what they should not, then whoever makes queues hears that there is none, and the next one is asked for."""
    tokens = _Odd(Http(), "https://issuer.example.org/token", "hub", "s3cret")
    broker = connect("amqp://127.0.0.1:1/", name="hub", tokens=tokens)
    with pytest.raises(BrokerLost, match="no token") as caught:
        broker.declare(topology_for([ADAPTER]))
    assert (caught.value.code, "s3cret" in str(caught.value)) == ("broker.no_token", False)
    assert until(lambda: tokens.asked > 2)
    broker.close()
