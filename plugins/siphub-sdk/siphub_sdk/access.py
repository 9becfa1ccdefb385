"""Access tokens: OAuth2 client credentials with authlib, over the hub's own HTTP, kept until shortly before they expire.

A token is fetched before a delivery's first byte and apart from its permit: asking for one tells the partner nothing about anybody.
It must never show a token or the client's secret, and never send either anywhere but to the addresses in the settings.
"""

from __future__ import annotations

import threading
from contextvars import Context
from datetime import timedelta
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client

from siphub.contract import Http, HttpFailure, SettingsError
from siphub_sdk.settings import SdkSettings

_EARLY = 30
"""So many seconds before it expires a token is not used any more."""


class NoToken(Exception):
    """There is no token to be had; nothing of the message was sent. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__("no access token")
        self.code = code


class _OverHub(httpx2.BaseTransport):
    """Lets authlib's client speak through the hub's HTTP: its trust, its time-outs, no redirects, nothing plain off this machine."""

    def __init__(self, http: Http, timeout: timedelta) -> None:
        self._http, self._timeout = http, timeout

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, outside any permit: it is no part of a delivery."""
        wanted = ("authorization", "content-type", "accept")
        headers = {name: request.headers[name] for name in wanted if name in request.headers}
        answer = Context().run(self._http.request, request.method, str(request.url), request.read(), headers, self._timeout)
        if isinstance(answer, HttpFailure):
            raise NoToken(answer.code)
        kind = {"content-type": answer.headers.get("content-type", "")}
        return httpx2.Response(answer.status, headers=kind, content=answer.body, request=request)


class Access:
    """The one token of this client. Safe to share between threads."""

    def __init__(self, settings: SdkSettings, secret: str, http: Http) -> None:
        self._settings, self._secret, self._http = settings, secret, http
        self._lock = threading.Lock()
        self._token: Any = None

    def header(self) -> dict[str, str]:
        """Return the header that carries a token, fetched where there is none that holds.

        Raises:
            NoToken: The service gives none, or cannot be asked.
        """
        with self._lock:
            if self._token is None or self._token.is_expired(leeway=_EARLY):
                self._token = self._fetched()
            return {"Authorization": f"Bearer {self._token['access_token']}"}

    def forget(self) -> None:
        """Fetch a new token the next time: the service did not take this one."""
        with self._lock:
            self._token = None

    def _fetched(self) -> Any:
        if not self._secret or not self._settings.token_url:
            raise NoToken("settings.secret_missing" if self._settings.token_url else "settings.missing")
        transport = _OverHub(self._http, self._settings.timeout)
        client = OAuth2Client(
            self._settings.client_id,
            self._secret,
            scope=self._settings.scopes,
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - the name of a method
            transport=transport,
            trust_env=False,
        )
        try:
            with client:
                token = client.fetch_token(self._settings.token_url, grant_type="client_credentials")
        except SettingsError as error:
            code = error.code
        except (AuthlibBaseError, httpx2.HTTPError, ValueError, TypeError, AttributeError):
            code = "sdk.token_refused"  # the words of the service may repeat what was sent, and go no further
        else:
            if isinstance(token, dict) and token.get("access_token"):
                return token
            code = "sdk.token_refused"
        raise NoToken(code)
