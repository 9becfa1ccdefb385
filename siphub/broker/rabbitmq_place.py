"""Where RabbitMQ is, read from a URL, and what pika's errors mean: the only place where either is known.

    amqp://user:password@host:5672/vhost?heartbeat=15          amqps:// for TLS, port 5671
    amqp://user:password@one,two:5673,three/vhost              several hosts of one cluster, tried in a random order
    amqps://host/vhost?auth_mechanism=external&certfile=…      who we are stands in our certificate

It must never show a URL, a user name or a password, and never connect over TLS without looking at the certificate.
"""

from __future__ import annotations

import random
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import pika
from pika import exceptions as px
from pika.adapters.utils import connection_workflow as pw
from pika.credentials import ExternalCredentials

from siphub.broker.tokens import Tokens
from siphub.errors import BrokerLost, SettingsError

_PORTS = {"amqp": 5672, "amqps": 5671}
_HEARTBEAT = 15
"""Seconds. pika gives up a silent connection five seconds later, well within the thirty in which consumers have to be back."""
_TCP_TIMEOUT = 3
_STACK_TIMEOUT = 5
"""Seconds for one attempt at one host, all of TCP, TLS and AMQP."""
_TLS_WORDS = frozenset({"cacertfile", "certfile", "keyfile"})
_WORDS = _TLS_WORDS | {"auth_mechanism", "heartbeat"}
"""What may stand behind the question mark; RabbitMQ's own names for it."""
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:\[\]/]+))(?::(?P<port>[0-9]{1,5}))?")


def _wrong(what: str) -> SettingsError:
    return SettingsError(f"broker_url: {what}", code="settings.broker_url")


@dataclass(frozen=True, slots=True)
class Tls:
    """The files that TLS goes by. They are read for every connection, so that a certificate can be renewed while the hub runs."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return what pika connects with: the broker's certificate is required, and has to be for the host.

        Raises:
            SettingsError: `settings.broker_url`; a file cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError:
            raise _wrong("a certificate file named behind the question mark cannot be read, or its key is another one's") from None
        return context


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where the broker is, who we are there, and whose queues are meant. Its repr hides what was in the URL.

    `password` is None where our certificate says who we are, or a token does.
    """

    hub: str
    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str | None
    vhost: str
    heartbeat: int
    tls: Tls | None
    tokens: Tokens | None = None

    @classmethod
    def of(cls, url: str, hub: str, tokens: Tokens | None = None) -> Place:
        """Read a broker URL.

        Args:
            url: See above.
            hub: The hub's name.
            tokens: Where the password comes from, at a broker that asks for OAuth2.

        Raises:
            SettingsError: `settings.broker_url`; the error names the part that is wrong, never what stands there.
        """
        scheme, _, rest = url.partition("://")
        rest, _, query = rest.partition("?")
        words = _words(query)
        authority, _, path = rest.partition("/")
        credentials, _, hosts = authority.rpartition("@")
        user, password = _login(credentials, words, tokens)
        return cls(
            hub=hub,
            hosts=tuple(_host(one, _PORTS[scheme.lower()]) for one in hosts.split(",")),
            user=user,
            password=password,
            vhost=_vhost(path),
            heartbeat=_heartbeat(words.get("heartbeat", str(_HEARTBEAT))),
            tls=_tls(scheme.lower(), words),
            tokens=tokens,
        )

    def __repr__(self) -> str:
        return f"Place({'amqps' if self.tls else 'amqp'}://…, {self.hub})"

    def physical(self, queue: str) -> str:
        """Return what the broker calls one of the hub's queues."""
        return f"{self.hub}.{queue}"

    def logical(self, queue: str) -> str:
        """Return what the hub calls a queue of the broker."""
        return queue.removeprefix(f"{self.hub}.")

    def parameters(self, purpose: str, token: str | None = None) -> list[pika.ConnectionParameters]:
        """Return pika's parameters for each host, in a random order. `purpose` shows among the broker's connections.

        Raises:
            SettingsError: A certificate file cannot be read just now.
        """
        tls = self.tls.context() if self.tls else None
        password = self.password if token is None else token
        return [
            pika.ConnectionParameters(
                host=host,
                port=port,
                virtual_host=self.vhost,
                credentials=ExternalCredentials() if password is None else pika.PlainCredentials(self.user, password),
                heartbeat=self.heartbeat,
                ssl_options=pika.SSLOptions(tls, host) if tls else None,
                socket_timeout=_TCP_TIMEOUT,
                stack_timeout=_STACK_TIMEOUT,
                connection_attempts=1,
                client_properties={"connection_name": f"siphub {self.hub} {purpose}"},
            )
            for host, port in random.sample(self.hosts, len(self.hosts))
        ]


def _login(credentials: str, words: dict[str, str], tokens: Tokens | None) -> tuple[str, str | None]:
    """Return user and password; without a password where a certificate or a token stands for it."""
    external = "auth_mechanism" in words
    if external and words["auth_mechanism"].lower() != "external":
        raise _wrong("auth_mechanism is external, or left out")
    if (external or tokens) and credentials:
        raise _wrong("a user name does not go with auth_mechanism=external or broker_token_url, which say who the hub is")
    if external and tokens:
        raise _wrong("auth_mechanism=external does not go with broker_token_url: the hub is known by one of them")
    if external and "certfile" not in words:
        raise _wrong("auth_mechanism=external needs certfile and keyfile: the hub is known by its certificate")
    if external or tokens:
        return (tokens.client_id if tokens else ""), None
    user, colon, password = (credentials or "guest:guest").partition(":")
    if not colon:
        raise _wrong("a user name goes with a password, as in amqp://user:password@host/")
    return unquote(user), unquote(password)


def _words(query: str) -> dict[str, str]:
    try:
        words = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise _wrong("what stands behind the question mark is not name=value") from None
    if words.keys() - _WORDS:
        # Not shown: it may be the rest of a password with a question mark in it.
        raise _wrong(f"a word behind the question mark is not known; known: {', '.join(sorted(_WORDS))}")
    return words


def _host(text: str, port: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if found is None:
        raise _wrong("a host is missing or cannot be read; it is a name or an address, and a port behind a colon")
    number = int(found["port"] or port)
    if not 0 < number < 65_536:  # noqa: PLR2004 - the ports there are
        raise _wrong("a port is a number up to 65535")
    return unquote(found["six"] or found["name"]), number


def _vhost(path: str) -> str:
    if "/" in path:
        raise _wrong("the virtual host is one word behind the last slash; a slash in its name is written %2F")
    return unquote(path) or "/"


def _heartbeat(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 5 <= int(text) <= 600):  # noqa: PLR2004 - the bounds are in the sentence
        raise _wrong("heartbeat is whole seconds, 5 to 600; a hub without one would not notice a broken line")
    return int(text)


def _tls(scheme: str, words: dict[str, str]) -> Tls | None:
    if scheme == "amqp":
        if given := sorted((_TLS_WORDS | {"auth_mechanism"}) & words.keys()):
            raise _wrong(f"{', '.join(given)} is for amqps://")
        return None
    found = Tls(words.get("cacertfile"), words.get("certfile"), words.get("keyfile"))
    found.context()
    return found


# What went wrong, for an administrator. The first class that fits counts, so the narrow ones come first.
_WHY: tuple[tuple[type[BaseException], str], ...] = (
    (px.ProbableAuthenticationError, "it refuses this user name and password, or what stands for them"),
    (px.AuthenticationError, "it does not offer this way to log in: RabbitMQ has a plugin for each, and a list of them in its settings"),
    (px.ProbableAccessDeniedError, "there is no such virtual host, or this user may not use it"),
    (px.IncompatibleProtocolError, "what answers there does not speak AMQP 0-9-1"),
    (px.AMQPHeartbeatTimeout, "it has fallen silent"),
    (px.ConnectionClosedByClient, "the connection was closed"),
    (px.ChannelClosedByClient, "the queue is gone"),
    (px.StreamLostError, "the connection broke"),
    (px.ConnectionOpenAborted, "it took the connection and said nothing"),
    (pw.AMQPConnectorStackTimeout, "it took the connection and said nothing"),
    (socket.gaierror, "its name is not known"),
    (ConnectionRefusedError, "nobody listens there"),
    (TimeoutError, "it is not reached"),
)
_CERTIFICATE = {
    9: "its certificate does not hold yet",
    10: "its certificate has run out",
    62: "its certificate is for another name than the one in broker_url",
    64: "its certificate is for another address than the one in broker_url",
}
"""OpenSSL's number of what is wrong with a certificate, where it is not the authority (X509_V_ERR_… in x509_vfy.h)."""
_NOT_TAKEN = "it does not take the certificate the hub shows, or wants one"
_RESET = ("ConnectionResetError", "BrokenPipeError", "EOF")
_ALERTS = ("CERTIFICATE_REQUIRED", "ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE", "ALERT_HANDSHAKE_FAILURE")
_NO_SUCH_VHOST = 530
_NOT_ALLOWED = 403


def lost(error: BaseException | None) -> BrokerLost:
    """Return what one of pika's errors means to us, with that error as its cause."""
    inner = _innermost(error)
    found = BrokerLost(f"the broker does not answer: {_why(inner)}")
    found.__cause__ = inner
    return found


def unwelcome(error: BaseException) -> bool:
    """Say whether the broker refused who we said we are, or what we may do: a token that led to this is not used again."""
    inner = _innermost(error)
    return isinstance(inner, px.ProbableAuthenticationError | px.AuthenticationError) or reply_code(inner) in {_NO_SUCH_VHOST, _NOT_ALLOWED}


def reply_code(error: object) -> int:
    """Return the AMQP reply code with which the broker closed something; 0 where it was not the broker."""
    closed = isinstance(error, px.ChannelClosedByBroker | px.ConnectionClosedByBroker)
    return int(error.reply_code) if closed else 0  # type: ignore[attr-defined]


def _innermost(error: Any) -> Any:
    while True:
        if isinstance(error, pw.AMQPConnectionWorkflowFailed) and error.exceptions:
            error = error.exceptions[-1]
        elif isinstance(error, pw.AMQPConnectorPhaseErrorBase):
            error = error.exception
        elif type(error) is px.AMQPConnectionError and error.args and isinstance(error.args[0], BaseException):
            error = error.args[0]
        else:
            return error


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        found = _CERTIFICATE.get(getattr(error, "verify_code", 0))
        return found or "its certificate is not trusted: no authority the hub knows has signed it; cacertfile names another"
    return _NOT_TAKEN if _certificate_refused(str(error)) else "TLS failed"


def _certificate_refused(text: str) -> bool:
    return any(word in text for word in _ALERTS)


def _why(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLError):
        return _tls_reason(error)
    if isinstance(error, px.IncompatibleProtocolError) and _certificate_refused(str(error)):
        return _NOT_TAKEN  # with TLS 1.3 the refusal comes after the handshake, and pika takes it for the wrong protocol
    if isinstance(error, px.IncompatibleProtocolError) and any(word in str(error) for word in _RESET):
        return f"{_NOT_TAKEN}, or does not speak AMQP 0-9-1"  # a reset, or the end of the line, may overtake the alert that would tell
    code = reply_code(error)
    if code in {_NO_SUCH_VHOST, _NOT_ALLOWED} and isinstance(error, px.ConnectionClosedByBroker):
        return "there is no such virtual host, or this user may not use it"
    if code == _NOT_ALLOWED:
        return "this user may not do that; it needs the right to configure, write and read"
    if code:
        return f"it closed the line with code {code}"
    return next((why for kind, why in _WHY if isinstance(error, kind)), type(error).__name__)
