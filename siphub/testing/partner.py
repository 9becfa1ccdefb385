"""A partner on loopback for the tests of adapters over HTTP: it records every byte it sees and answers as it is told, or badly.

It is a real server over real sockets, plain or with TLS, because what matters most about an attempt is what left the machine.
It must never be reachable from elsewhere: it listens on 127.0.0.1 only.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Partner:
    """A server that records every byte of every connection and answers by a script.

    `url` is where to send; `requests` counts whole requests read; `connections` holds what each connection has brought (after TLS);
    `handshake_takes` makes it slow to greet, in seconds.

    Args:
        answer: Called with the connection after each whole request: `says(…)`, `cuts`, `hangs`, or your own.
        context: The partner's side of TLS; plain without one.
    """

    def __init__(self, answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self.answer, self.context = answer, context
        self.connections: list[bytearray] = []
        self.requests = 0
        self.handshake_takes = 0.0
        self._open: list[socket.socket] = []
        self._talks: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/inbox"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            talk = threading.Thread(target=self._talk, args=(line,), daemon=True)
            self._talks.append(talk)
            talk.start()

    def _talk(self, line: socket.socket) -> None:
        seen = bytearray()
        self.connections.append(seen)
        with suppress(OSError), line:
            time.sleep(self.handshake_takes)
            talk = self.context.wrap_socket(line, server_side=True) if self.context else line
            self._open.append(talk)
            with talk:
                while self._read_request(talk, seen):
                    self.requests += 1
                    self.answer(talk)

    @staticmethod
    def _read_request(line: socket.socket, seen: bytearray) -> bool:
        start = len(seen)
        while b"\r\n\r\n" not in seen[start:]:
            part = line.recv(65536)
            if not part:
                return False
            seen += part
        head, _, body = bytes(seen[start:]).partition(b"\r\n\r\n")
        length = next((int(header[15:]) for header in head.split(b"\r\n") if header.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            part = line.recv(65536)
            if not part:
                return False
            seen += part
            body += part
        return True

    def cut_all(self) -> None:
        """Close every connection that stands, from the partner's side."""
        for line in self._open:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening and cut what is open."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut_all()
        for thread in (self._thread, *self._talks):
            thread.join(timeout=5)

    def sees(self) -> int:
        """Return how many bytes of requests have come in, after a moment for late ones."""
        time.sleep(0.05)
        return sum(len(seen) for seen in self.connections)


def says(status: str, body: bytes = b"{}", media_type: str = "application/json", **headers: str) -> Callable[[socket.socket], None]:
    """Answer every request alike."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {media_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return lambda line: line.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def cuts(line: socket.socket) -> None:
    """Reset the connection after the request has been read."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def hangs(line: socket.socket) -> None:
    """Read the request and never answer."""
    line.recv(1)


@contextmanager
def partner(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[Partner]:
    """Run a partner."""
    one = Partner(answer, context)
    try:
        yield one
    finally:
        one.close()
