"""What goes over the socket between a hub and the process that runs a pack's sheets: a header of JSON and bytes, each with its length before it."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, Final

MOST: Final = 24 * 1024 * 1024
"""The largest part of a frame, in bytes: what is longer is not read."""
_LENGTHS: Final = struct.Struct(">II")
Header = dict[str, Any]


def send(link: socket.socket, header: Header, body: bytes = b"") -> None:
    """Send one frame.

    Raises:
        OSError: The other end is gone, or does not take it in time.
    """
    head = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
    link.sendall(b"".join((_LENGTHS.pack(len(head), len(body)), head, body)))


def receive(link: socket.socket, until: float | None = None) -> tuple[Header, bytes] | None:
    """Receive one frame, or None where the other end has closed before it.

    Args:
        link: The socket.
        until: The latest time by `time.monotonic()`; for ever unless given.

    Raises:
        OSError: It was closed within a frame, a part is longer than `MOST`, or the time is up (`TimeoutError`).
    """
    lengths = _read(link, _LENGTHS.size, until)
    if not lengths:
        return None
    head, body = _LENGTHS.unpack(lengths)
    if head > MOST or body > MOST:
        raise OSError("a frame is too long")
    whole = _read(link, head + body, until)
    return json.loads(whole[:head].decode("utf-8", "surrogatepass")), whole[head:]


def _read(link: socket.socket, size: int, until: float | None) -> bytes:
    parts, missing = [], size
    while missing:
        if until is not None:
            link.settimeout(max(until - time.monotonic(), 0.001))
        part = link.recv(min(missing, 1 << 20))
        if not part:
            if missing == size and size == _LENGTHS.size:
                return b""
            raise ConnectionError("a frame was not whole")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
