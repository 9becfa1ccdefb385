"""Connections to partners that ask for the permit before their first byte, and end by a deadline.

What `siphub.contract.http` is built on; adapters use that. urllib3's connections, with four differences: the permit is checked when
the connection stands and before any byte of a request; whether a byte may have left is noted; a connection that has been idle too long
is not used again (the partner may be closing it this moment); and every read has what is left of one deadline, so that a partner who
sends a byte now and then holds nobody up.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from siphub.contract.permit import require_permit

if TYPE_CHECKING:
    import socket

IDLE_SECONDS = 4.0
"""How long a connection may rest between two requests; common servers close one after five."""


@dataclass(slots=True)
class Attempt:
    """One request under way: when it must be over (seconds of the monotonic clock), and whether a byte of it may have left."""

    until: float
    sent: bool = False

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for this request is over")
        return seconds


_current: ContextVar[Attempt] = ContextVar("siphub_attempt")


@contextmanager
def attempting(attempt: Attempt) -> Iterator[Attempt]:
    """Make `attempt` the one that connections of this thread report to."""
    token = _current.set(attempt)
    try:
        yield attempt
    finally:
        _current.reset(token)


class _UntilDeadline(io.RawIOBase):
    """Reads a socket, each time waiting no longer than the attempt still has."""

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        self._sock, self._attempt = sock, attempt
        self._raw = sock.makefile("rb", buffering=0)  # holds the socket open until the answer has been read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._attempt.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilDeadline(sock, _current.get()))


class PermittedConnection(HTTPConnection):
    """A connection that connects, then asks for the permit, then sends."""

    response_class = _Answer
    rested_since: float | None = None

    def send(self, data: Any) -> None:
        """Send bytes of a request; before the first ones, connect and check the permit.

        Raises:
            PermitExpired: Nothing has been sent.
        """
        attempt = _current.get()
        if self.sock is None:
            self.connect()
        if not attempt.sent:
            self.sock.settimeout(attempt.left())
            require_permit()
            attempt.sent = True
        super().send(data)

    def getresponse(self) -> Any:
        """Read the head of the answer; from here on the connection may rest."""
        answer = super().getresponse()
        self.rested_since = time.monotonic()
        return answer

    def close_if_rested(self) -> None:
        """Close the connection when it has been idle too long to trust."""
        if self.rested_since is not None and time.monotonic() - self.rested_since > IDLE_SECONDS:
            self.close()
            self.rested_since = None


class PermittedTlsConnection(PermittedConnection, HTTPSConnection):
    """The same over TLS: the handshake is over before the permit is asked for."""


class PermittedPool(HTTPConnectionPool):
    """A pool of such connections. urllib3 itself drops one that the other side has already closed."""

    ConnectionCls = PermittedConnection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if isinstance(connection, PermittedConnection):
            connection.close_if_rested()
        return connection


class PermittedTlsPool(PermittedPool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = PermittedTlsConnection
