"""HTTP to partners: one bounded attempt, TLS verified, the permit checked before the first byte, every failure a value.

`PluginContext.http` is one of these. It follows no redirect, retries nothing, reads no proxy from the environment and keeps no cookie.
It must never send to a plain address off this machine, and never say "not sent" when a byte may have left.
"""

from __future__ import annotations

import copy
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Final, Self

from urllib3 import PoolManager, Retry, Timeout
from urllib3 import exceptions as broken

from siphub.contract.certificates import ClientCertificate
from siphub.contract.origins import REFUSED, Origins, Target, target_of
from siphub.contract.wire import Attempt, PermittedPool, PermittedTlsPool, attempting
from siphub.errors import SettingsError

ANSWER_LIMIT = 1024 * 1024
"""How much of an answer is kept, in bytes."""

_OURS: Final[Mapping[str, str]] = {"User-Agent": "siphub", "Accept-Encoding": "identity"}
_ONCE: Final = Retry(total=False, redirect=False)
"""One attempt, whose failure is what it was and wrapped in nothing."""
_TLS_REFUSED = ("CERTIFICATE_REQUIRED", "ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE", "ALERT_ACCESS_DENIED")


@dataclass(frozen=True, slots=True, repr=False)
class HttpAnswer:
    """What the partner answered. Header names are lower case; `body` holds at most the limit, `truncated` says that there was more."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: bool = False

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters, empty where none was given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} bytes of {self.media_type or 'no type'})"


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """Why there is no answer. `sent` says whether a byte of the request may have left: if not, the partner surely knows nothing of it."""

    code: str
    sent: bool


class Http:
    """A client for partners, safe to share between threads. Every request is one attempt.

    Args:
        ca_file: The certificates to trust instead of the machine's, PEM.
        client_cert: Our certificate chain and its private key, PEM files, for mutual TLS.
        certificate: The same from the folder of secrets, as text.
        timeout: For a whole request, connecting and reading included, unless the call says otherwise.
        answer_limit: How much of an answer is kept, in bytes.

    Raises:
        SettingsError: `http.trust_wrong`, a certificate file that cannot be used; `http.certificate_wrong`, the same of `certificate`.
    """

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        client_cert: tuple[Path, Path] | None = None,
        certificate: ClientCertificate | None = None,
        timeout: timedelta = timedelta(seconds=10),
        answer_limit: int = ANSWER_LIMIT,
    ) -> None:
        self._timeout, self._ca_file = timeout, ca_file
        self.answer_limit = answer_limit
        """How much of an answer is kept, in bytes (`keeping`)."""
        self.only: Origins | None = None
        """The servers that it sends to (`within`); None for any."""
        own = ca_file or client_cert or certificate
        context = _trust(ca_file, client_cert) if own else _machines_trust()
        if certificate is not None:
            certificate.load_into(context)
        self._pools = PoolManager(num_pools=64, maxsize=16, retries=False, ssl_context=context)
        self._pools.pool_classes_by_scheme = {"http": PermittedPool, "https": PermittedTlsPool}

    def showing(self, certificate: ClientCertificate) -> Self:
        """Return a client like this one that shows a certificate of ours, with connections of its own: close it too.

        Raises:
            SettingsError: `http.certificate_wrong`; it cannot be used.
        """
        made = type(self)(ca_file=self._ca_file, certificate=certificate, timeout=self._timeout, answer_limit=self.answer_limit)
        made.only = self.only
        return made

    def within(self, origins: Origins) -> Self:
        """Return this client, on the same connections, that sends to these servers only: anything else is refused before the first byte."""
        bound = copy.copy(self)
        bound.only = origins
        return bound

    def keeping(self, most: int) -> Self:
        """Return this client, on the same connections, that keeps up to `most` bytes of an answer."""
        bound = copy.copy(self)
        bound.answer_limit = most
        return bound

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, timeout: timedelta | None = None
    ) -> HttpAnswer | HttpFailure:
        """Send `body` once.

        Raises:
            PermitExpired: The permit ran out before the first byte; nothing was sent.
            SettingsError: `http.plain_refused`, `http.bad_url`, or `address.origin_refused` (`within`); nothing was sent.
        """
        return self.request("POST", url, body, headers, timeout)

    def get(self, url: str, headers: Mapping[str, str] | None = None, timeout: timedelta | None = None) -> HttpAnswer | HttpFailure:
        """Ask once; the same errors as `post`."""
        return self.request("GET", url, None, headers, timeout)

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout: timedelta | None = None
    ) -> HttpAnswer | HttpFailure:
        """Make one request with any method; the same errors as `post`."""
        there = target_of(url)
        if self.only is not None and there.origin not in self.only.named:
            raise SettingsError("what lets us in may not be shown to the server of this address", code=REFUSED)
        seconds = (timeout or self._timeout).total_seconds()
        with attempting(Attempt(until=time.monotonic() + seconds)) as attempt:
            try:
                return self._exchange(method, there, body, {**_OURS, **(headers or {})}, seconds)
            except (broken.HTTPError, HTTPException, OSError) as error:
                return HttpFailure(_code_of(error), attempt.sent)

    def close(self) -> None:
        """Close the connections that rest."""
        self._pools.clear()

    def _exchange(self, method: str, there: Target, body: bytes | None, headers: Mapping[str, str], seconds: float) -> HttpAnswer:
        pool = self._pools.connection_from_host(there.host, there.port, there.scheme)
        answer = pool.urlopen(
            method,
            there.path,
            body=body,
            headers=headers,
            timeout=Timeout(connect=seconds, read=seconds),
            retries=_ONCE,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        content = b""
        try:
            # Read on until nothing more comes: only then does urllib3 notice a body that ended early.
            while len(content) <= self.answer_limit and (part := answer.read(self.answer_limit + 1 - len(content), decode_content=False)):
                content += part
        except BaseException:  # whatever ends it: a half-read connection must not go back to the pool
            answer.close()
            raise
        truncated = len(content) > self.answer_limit
        if truncated:
            answer.close()
        answer.release_conn()
        return HttpAnswer(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, content[: self.answer_limit], truncated
        )


@cache
def _machines_trust() -> ssl.SSLContext:
    """Return what trusts whom the machine trusts, shared by all clients without anything of their own: it takes 20 ms to read."""
    return _trust(None, None)


def _trust(ca_file: Path | None, client_cert: tuple[Path, Path] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if client_cert is not None:
            context.load_cert_chain(*client_cert)
    except OSError as error:
        which = " or ".join(str(file) for file in (ca_file, *(client_cert or ())) if file is not None) or "the machine's"
        raise SettingsError(
            f"a certificate file for HTTP ({which}) cannot be used: "
            "check that it is there, readable, PEM, and that key and certificate belong together",
            code="http.trust_wrong",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _code_of(error: BaseException) -> str:
    """The one place where the words of urllib3, ssl and sockets become ours."""
    causes = tuple(_causes(error))
    for kinds, code in _CODES:
        if any(isinstance(cause, kinds) for cause in causes):
            return code
    tls = next((cause for cause in causes if isinstance(cause, (ssl.SSLError, broken.SSLError))), None)
    if tls is not None:
        return "partner.tls_refused" if any(word in str(tls) for word in _TLS_REFUSED) else "partner.tls_failed"
    return "partner.bad_answer"


_CODES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((broken.NameResolutionError,), "partner.unresolved"),
    ((ConnectionRefusedError,), "partner.refused"),
    ((broken.NewConnectionError,), "partner.unreachable"),
    ((broken.ConnectTimeoutError,), "partner.connect_timeout"),
    ((ssl.SSLCertVerificationError,), "partner.tls_untrusted"),
    ((broken.TimeoutError, TimeoutError), "partner.timeout"),
    ((ConnectionError, broken.IncompleteRead, ssl.SSLEOFError), "partner.connection_cut"),
)


def _causes(error: BaseException) -> tuple[BaseException, ...]:
    """Return an error, what it wraps (urllib3 puts that in `args`) and what it came from."""
    inner = [*(part for part in error.args if isinstance(part, BaseException)), *filter(None, (error.__cause__,))]
    return (error, *(cause for part in inner for cause in _causes(part)))
