"""A token server on loopback that keeps to SMART Backend Services, for the tests of whoever asks for access tokens.

It is strict: an assertion must be signed with the client's registered key by one of the two algorithms, be meant for this address, hold for
five minutes at most, and never come twice. It must never be reachable from elsewhere: it listens on 127.0.0.1 only.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

FIVE_MINUTES = 300
KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class Register:
    """Who may have tokens here: public JWKs and secrets by client id; and how the server behaves.

    `lifetime` is what it says of a token, in seconds; `takes` how long it thinks about a request; `says` is an answer to give whatever comes.
    """

    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    lifetime: object = 300
    takes: float = 0.0
    says: tuple[int, bytes] | None = None


class TokenServer:
    """A token server in a thread of this process. Use it as a context manager.

    Args:
        register: Who may have tokens; it may be changed while the server runs.
        context: Its side of TLS, which may want a certificate of the client; plain without one.
    """

    def __init__(self, register: Register, context: ssl.SSLContext | None = None) -> None:
        self.register = register
        self.forms: list[dict[str, str]] = []
        self.tokens: set[str] = set()
        self.refused: list[str] = []
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def revoke(self) -> None:
        """Let no token given so far be good."""
        with self._lock:
            self.tokens.clear()

    def knows(self, header: str) -> bool:
        """Say whether an Authorization header carries a token that was given and not revoked."""
        return header.removeprefix("Bearer ") in self.tokens

    def answer(self, form: dict[str, str], authorization: str) -> tuple[int, bytes]:
        """Return status and body for one request."""
        with self._lock:
            self.forms.append(form)
        time.sleep(self.register.takes)
        if self.register.says is not None:
            return self.register.says
        why = self._against(form, authorization)
        if why:
            self.refused.append(why)
            return HTTPStatus.BAD_REQUEST, json.dumps({"error": "invalid_client", "error_description": why}).encode()
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.tokens.add(token)
        said = {"access_token": token, "token_type": "bearer", "scope": form.get("scope", ""), "expires_in": self.register.lifetime}
        return HTTPStatus.OK, json.dumps(said).encode()

    def _against(self, form: dict[str, str], authorization: str) -> str | None:
        if form.get("grant_type") != "client_credentials":
            return "grant_type"
        if "client_assertion" not in form:
            return None if self._secret_fits(authorization) else "secret"
        return self._assertion(form)

    def _secret_fits(self, authorization: str) -> bool:
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        client, _, secret = (unquote_plus(part) for part in pair.partition(":"))
        return bool(secret) and self.register.secrets.get(client) == secret

    def _assertion(self, form: dict[str, str]) -> str | None:
        """Return what is wrong with an assertion, or None."""
        if form.get("client_assertion_type") != KIND:
            return "client_assertion_type"
        try:
            keys = KeySet.import_key_set({"keys": [dict(key) for key in self.register.keys.values()]})
            token = jwt.decode(form["client_assertion"], keys, algorithms=["ES384", "RS384"])
        except (JoseError, ValueError) as error:
            return f"signature: {type(error).__name__}"
        claims, now = token.claims, time.time()
        registered = self.register.keys.get(str(claims.get("iss")), {})
        wrong = [
            name
            for name, fits in (
                ("kid", token.header.get("kid") == registered.get("kid")),
                ("sub", claims.get("sub") == claims.get("iss")),
                ("aud", claims.get("aud") == self.url),
                ("exp", now < claims.get("exp", 0) <= now + FIVE_MINUTES),
                ("jti", isinstance(claims.get("jti"), str) and self._is_new(claims["jti"])),
            )
            if not fits
        ]
        return ", ".join(wrong) or None

    def _is_new(self, jti: str) -> bool:
        with self._lock:
            new = jti not in self._seen
            self._seen.add(jti)
        return new


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = server.answer({name: values[0] for name, values in form.items()}, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
            """Say nothing."""

    return Handler
