"""Access tokens by OAuth2 client credentials (RFC 6749, 4.4), over the hub's own HTTP, one at a time for each client.

A token is fetched before a delivery's first byte and apart from its permit: asking for one tells the partner nothing about anybody.
Many senders that need one at the same moment wait for one request, and share what comes of it, good or bad.
It must never show a token or a proof, send either anywhere but to the address it was given, or repeat a word of the issuer's.
"""

from __future__ import annotations

import json
import threading
import time
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from siphub.contract.client_keys import Proof
from siphub.contract.context import Clock
from siphub.contract.http import Http, HttpAnswer, HttpFailure
from siphub.errors import NoToken, SettingsError

_EARLY: Final = 30.0
"""So many seconds before it ends a token is not used any more, or in the last third of its life where that is shorter."""
_UNSAID: Final = 300.0
"""Seconds that a token counts as good where its issuer does not say how long it is."""
_LONGEST: Final = 86400.0
_PAUSE: Final = 2.0
"""For so many seconds after an issuer gave none nobody asks it again: each sender would wait for it in turn."""
_CANNOT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERRORS: Final = 500
_REFUSALS: Final = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
)
"""RFC 6749, 5.2: the only words of an issuer that travel on."""


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    text: str
    until: float
    """Until when it is used, in seconds of the monotonic clock."""


class AccessTokens:
    """The tokens of one client at one issuer. Safe to share between threads.

    Args:
        http: What to ask with; one that shows our certificate where the issuer wants that.
        clock: Whose time assertions are signed by.
        url: The token endpoint.
        client_id: Who we are there.
        proof: How we show that: `ClientSecret` or `ClientKey`.
        scopes: What to ask for, parted by blanks; empty for what the issuer gives of itself.
        timeout: For one request.
    """

    def __init__(
        self,
        http: Http,
        clock: Clock,
        *,
        url: str,
        client_id: str,
        proof: Proof,
        scopes: str = "",
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._http, self._clock, self._url, self._client_id = http, clock, url, client_id
        self._proof, self._scopes, self._timeout = proof, scopes, timeout
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._refused: tuple[NoToken, float] | None = None

    def header(self) -> dict[str, str]:
        """Return the header that carries a token, fetched where there is none that holds.

        Raises:
            NoToken: The issuer gives none, or cannot be asked; nothing of a message was sent.
        """
        return {"Authorization": f"Bearer {self._current()}"}

    def forget(self, header: dict[str, str]) -> None:
        """Fetch a new token the next time: the partner did not take the one in this header. A word about an older one changes nothing."""
        with self._lock:
            if self._token is not None and header.get("Authorization") == f"Bearer {self._token.text}":
                self._token = None

    def _current(self) -> str:
        with self._lock:
            if self._token is not None and time.monotonic() < self._token.until:
                return self._token.text
            if self._refused is not None and time.monotonic() < self._refused[1]:
                raise NoToken(self._refused[0].detail, code=self._refused[0].code)
            try:
                self._token = self._fetched()
            except NoToken as error:
                self._token, self._refused = None, (error, time.monotonic() + _PAUSE)
                raise
            self._refused = None
            return self._token.text

    def _fetched(self) -> _Token:
        began = time.monotonic()
        headers, shown = self._proof.shown(self._client_id, self._url, self._clock.now())
        form = {"grant_type": "client_credentials", **({"scope": self._scopes} if self._scopes else {}), **shown}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **headers}
        try:
            # In a context of its own: it is no part of a delivery, and no permit is asked for.
            answer = Context().run(self._http.request, "POST", self._url, urlencode(form).encode(), headers, self._timeout)
        except SettingsError as error:
            raise NoToken(f"the token endpoint cannot be used: {error.detail}", code=error.code) from None
        if isinstance(answer, HttpFailure):
            raise NoToken("the token server cannot be reached", code=answer.code)
        if answer.status != HTTPStatus.OK:
            raise _refusal(answer)
        text, seconds = _read(answer)
        return _Token(text, began + seconds - min(_EARLY, seconds / 3))


def _refusal(answer: HttpAnswer) -> NoToken:
    if answer.status in _CANNOT or answer.status >= _SERVER_ERRORS:
        return NoToken(f"the token server answered {answer.status}", code="token.unavailable")
    said = _document(answer).get("error")
    why = said if isinstance(said, str) and said in _REFUSALS else f"status {answer.status}"
    return NoToken(f"the token server refused: {why}", code="token.refused")


def _read(answer: HttpAnswer) -> tuple[str, float]:
    document = _document(answer)
    text, said = document.get("access_token"), document.get("expires_in")
    try:
        seconds = _UNSAID if said is None else min(float(said), _LONGEST)
    except (ValueError, TypeError, OverflowError):
        seconds = 0.0
    if not isinstance(text, str) or not _can_stand_in_a_header(text) or not seconds > 0:
        raise NoToken("what the token server answered is no token", code="token.unreadable")
    return text, seconds


def _document(answer: HttpAnswer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _can_stand_in_a_header(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
