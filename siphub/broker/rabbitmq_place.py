"""Where RabbitMQ is, read from a URL, and what pika's errors mean: the only place where either is known.

    amqp://user:password@host:5672/vhost?heartbeat=15          amqps:// for TLS, port 5671
    amqp://user:password@one,two:5673,three/vhost              several hosts of one cluster, tried in a random order

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

from siphub.errors import BrokerLost, SettingsError

_PORTS = {"amqp": 5672, "amqps": 5671}
_HEARTBEAT = 15
"""Seconds. pika gives up a silent connection five seconds later, well within the thirty in which consumers have to be back."""
_TCP_TIMEOUT = 3
_STACK_TIMEOUT = 5
"""Seconds for one attempt at one host, all of TCP, TLS and AMQP."""
_TLS_WORDS = frozenset({"cacertfile", "certfile", "keyfile"})
_WORDS = _TLS_WORDS | {"heartbeat"}
"""What may stand behind the question mark; RabbitMQ's own names for it."""
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:\[\]/]+))(?::(?P<port>[0-9]{1,5}))?")


def _wrong(what: str) -> SettingsError:
    return SettingsError(f"broker_url: {what}", code="settings.broker_url")


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where the broker is, and whose queues are meant. Its repr hides what was in the URL."""

    hub: str
    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str
    vhost: str
    heartbeat: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str, hub: str) -> Place:
        """Read a broker URL.

        Raises:
            SettingsError: `settings.broker_url`; the error names the part that is wrong, never what stands there.
        """
        scheme, _, rest = url.partition("://")
        rest, _, query = rest.partition("?")
        words = _words(query)
        authority, _, path = rest.partition("/")
        credentials, _, hosts = authority.rpartition("@")
        user, colon, password = (credentials or "guest:guest").partition(":")
        if not colon:
            raise _wrong("a user name goes with a password, as in amqp://user:password@host/")
        return cls(
            hub=hub,
            hosts=tuple(_host(one, _PORTS[scheme.lower()]) for one in hosts.split(",")),
            user=unquote(user),
            password=unquote(password),
            vhost=_vhost(path),
            heartbeat=_heartbeat(words.get("heartbeat", str(_HEARTBEAT))),
            tls=_tls(scheme.lower(), words),
        )

    def __repr__(self) -> str:
        return f"Place({'amqps' if self.tls else 'amqp'}://…, {self.hub})"

    def physical(self, queue: str) -> str:
        """Return what the broker calls one of the hub's queues."""
        return f"{self.hub}.{queue}"

    def logical(self, queue: str) -> str:
        """Return what the hub calls a queue of the broker."""
        return queue.removeprefix(f"{self.hub}.")

    def parameters(self, purpose: str) -> list[pika.ConnectionParameters]:
        """Return pika's parameters for each host, in a random order. `purpose` shows among the broker's connections."""
        return [
            pika.ConnectionParameters(
                host=host,
                port=port,
                virtual_host=self.vhost,
                credentials=pika.PlainCredentials(self.user, self.password),
                heartbeat=self.heartbeat,
                ssl_options=pika.SSLOptions(self.tls, host) if self.tls else None,
                socket_timeout=_TCP_TIMEOUT,
                stack_timeout=_STACK_TIMEOUT,
                connection_attempts=1,
                client_properties={"connection_name": f"siphub {self.hub} {purpose}"},
            )
            for host, port in random.sample(self.hosts, len(self.hosts))
        ]


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


def _tls(scheme: str, words: dict[str, str]) -> ssl.SSLContext | None:
    if scheme == "amqp":
        if given := sorted(_TLS_WORDS & words.keys()):
            raise _wrong(f"{', '.join(given)} is for amqps://")
        return None
    try:
        context = ssl.create_default_context(cafile=words.get("cacertfile"))
        if "certfile" in words:
            context.load_cert_chain(words["certfile"], words.get("keyfile"))
    except OSError:
        raise _wrong("a certificate file named behind the question mark cannot be read") from None
    return context


# What went wrong, for an administrator. The first class that fits counts, so the narrow ones come first.
_WHY: tuple[tuple[type[BaseException], str], ...] = (
    (px.ProbableAuthenticationError, "it refuses this user name and password"),
    (px.AuthenticationError, "it refuses this user name and password"),
    (px.ProbableAccessDeniedError, "there is no such virtual host, or this user may not use it"),
    (px.IncompatibleProtocolError, "what answers there does not speak AMQP 0-9-1"),
    (px.AMQPHeartbeatTimeout, "it has fallen silent"),
    (px.ConnectionClosedByClient, "the connection was closed"),
    (px.ChannelClosedByClient, "the queue is gone"),
    (px.StreamLostError, "the connection broke"),
    (px.ConnectionOpenAborted, "it took the connection and said nothing"),
    (pw.AMQPConnectorStackTimeout, "it took the connection and said nothing"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted, or is for another name"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its name is not known"),
    (ConnectionRefusedError, "nobody listens there"),
    (TimeoutError, "it is not reached"),
)
_NO_SUCH_VHOST = 530
_NOT_ALLOWED = 403


def lost(error: BaseException | None) -> BrokerLost:
    """Return what one of pika's errors means to us, with that error as its cause."""
    inner = _innermost(error)
    found = BrokerLost(f"the broker does not answer: {_why(inner)}")
    found.__cause__ = inner
    return found


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


def _why(error: BaseException | None) -> str:
    code = reply_code(error)
    if code in {_NO_SUCH_VHOST, _NOT_ALLOWED} and isinstance(error, px.ConnectionClosedByBroker):
        return "there is no such virtual host, or this user may not use it"
    if code == _NOT_ALLOWED:
        return "this user may not do that; it needs the right to configure, write and read"
    if code:
        return f"it closed the line with code {code}"
    return next((why for kind, why in _WHY if isinstance(error, kind)), type(error).__name__)
