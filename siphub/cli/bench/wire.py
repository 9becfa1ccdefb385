"""Just enough HTTP/1.1 for a measurement: a server and a client on asyncio, keep-alive, one request at a time on a connection.

Both chains are measured with it, and the bare chain is built on it. It must never be used for anything else: it checks nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

Answer = Callable[[int, bytes], None]
Take = Callable[["Request", Answer], None]
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(slots=True)
class Request:
    """One request: its first line and headers as they came, its body, and when its first byte came, in seconds of the monotonic clock."""

    head: bytes
    body: bytes
    began: float

    @property
    def path(self) -> str:
        """The path it asks for."""
        return self.head.split(b" ", 2)[1].decode()


def _whole(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Return head and body once both are there."""
    end = buffer.find(_END)
    if end < 0:
        return None
    head = buffer[:end]
    at = head.lower().find(_LENGTH)
    size = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    start = end + len(_END)
    return (head, buffer[start : start + size]) if len(buffer) >= start + size else None


class Answering(asyncio.Protocol):
    """A server's side of one connection; `take` gets each request and what answers it."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it for a stream
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand over a request that is whole."""
        if not self._buffer:
            self._began = time.monotonic()
        self._buffer += data
        found = _whole(self._buffer)
        if found is not None:
            self._buffer = b""
            self._take(Request(*found, self._began), self._answer)

    def _answer(self, status: int, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %d .\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
            )


async def listening(take: Take) -> tuple[asyncio.Server, int]:
    """Listen on a free port of loopback; return the server with the port."""
    server = await asyncio.get_running_loop().create_server(lambda: Answering(take), "127.0.0.1", 0, backlog=512)
    return server, int(server.sockets[0].getsockname()[1])


class Asking(asyncio.Protocol):
    """A client's side of one connection."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - as above
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand over an answer that is whole."""
        self._buffer += data
        found = _whole(self._buffer)
        if found is not None and self._waiting is not None and not self._waiting.done():
            self._buffer = b""
            self._waiting.set_result((int(found[0].split(b" ", 2)[1]), found[1]))

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionError("the other side has closed the connection"))

    @property
    def usable(self) -> bool:
        """True while the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body of the answer. One at a time."""
        if self._transport is None:
            raise ConnectionError("there is no connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport is not None:
            self._transport.close()


class Client:
    """Connections to one port of loopback that are kept; at most `most` requests are under way."""

    def __init__(self, port: int, most: int) -> None:
        self._port = port
        self._resting: list[Asking] = []
        self._free = asyncio.Semaphore(most)

    async def post(self, path: str, body: bytes, headers: bytes = b"") -> tuple[int, bytes]:
        """POST once; return status and body of the answer."""
        request = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n%s\r\n" % (path.encode(), len(body), headers) + body
        async with self._free:
            asking = await self._connection()
            answer = await asking.ask(request)
            self._resting.append(asking)
            return answer

    async def _connection(self) -> Asking:
        while self._resting:
            asking = self._resting.pop()
            if asking.usable:
                return asking
        return (await asyncio.get_running_loop().create_connection(Asking, "127.0.0.1", self._port))[1]

    def close(self) -> None:
        """Let go of every connection that rests."""
        while self._resting:
            self._resting.pop().close()
