"""Access tokens for a broker that asks for OAuth2: client credentials (RFC 6749, 4.4), kept until two thirds of their life are over.

A token is fetched by whoever may wait, never by the thread that talks with the broker. It must never show a token or the client's secret,
and never send either anywhere but to the address in the settings.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from contextvars import Context
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from siphub.contract.http import Http, HttpFailure
from siphub.errors import BrokerLost, SettingsError

_RENEWED_AFTER = 2 / 3
"""The part of a token's life after which it is fetched anew: what fails then can be tried again for the rest of it."""
_UNSAID = 300.0
"""Seconds that a token counts as good where its issuer does not say how long it is."""
_LONGEST = 86400.0
"""Seconds after which a token is taken for ended, whatever its issuer says: no timer takes every number."""
_OK = 200


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """One access token. Its times are of the monotonic clock, in seconds."""

    text: str
    renew_at: float
    ends_at: float

    def left(self) -> float:
        """Return for how many seconds more it is good; not below zero."""
        return max(0.0, self.ends_at - time.monotonic())


class Tokens:
    """The tokens of one client, one at a time. Safe to share between threads.

    Args:
        http: The hub's own HTTP: its trust, its time-outs, no redirects, nothing plain off this machine.
        url: The token endpoint.
        client_id: Who we are there.
        secret: How we show that.
        scopes: What to ask for, parted by blanks; empty for what the issuer gives of itself.
    """

    def __init__(self, http: Http, url: str, client_id: str, secret: str, scopes: str = "") -> None:
        self._http, self._url, self._secret = http, url, secret
        self.client_id = client_id
        self._form = {"grant_type": "client_credentials"} | ({"scope": scopes} if scopes else {})
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> Token:
        """Return a token that is good, fetched where two thirds of the last one's life are over. It may wait for the issuer.

        Raises:
            BrokerLost: `broker.no_token`; the issuer gives none, and the last one has ended.
        """
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.renew_at:
                try:
                    self._token = self._fetched()
                except BrokerLost:
                    if self._token is None or not self._token.left():
                        raise
            return self._token

    def forget(self, text: str) -> None:
        """Fetch a new token the next time: the broker did not take this one."""
        with self._lock:
            if self._token is not None and self._token.text == text:
                self._token = None

    def _fetched(self) -> Token:
        began = time.monotonic()
        who = b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self._secret)}".encode()).decode()
        headers = {"Authorization": f"Basic {who}", "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        # In a context of its own: it is no part of a delivery, and no permit is asked for.
        try:
            answer = Context().run(self._http.request, "POST", self._url, urlencode(self._form).encode(), headers)
        except SettingsError as error:
            raise _none(error.detail) from None
        if isinstance(answer, HttpFailure):
            raise _none(f"its issuer is not reached ({answer.code})")
        if answer.status != _OK:
            raise _none(f"its issuer answered with status {answer.status}")
        text, seconds = _read(answer.body)
        return Token(text, began + seconds * _RENEWED_AFTER, began + seconds)


def _read(body: bytes) -> tuple[str, float]:
    try:
        document = json.loads(body)
        text, seconds = document["access_token"], min(float(document.get("expires_in", _UNSAID)), _LONGEST)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _none("what its issuer answered is no token") from None
    if not isinstance(text, str) or not text or not seconds > 0:
        raise _none("what its issuer answered is no token")
    return text, seconds


def _none(why: str) -> BrokerLost:
    return BrokerLost(f"there is no token for the broker: {why}", code="broker.no_token")
