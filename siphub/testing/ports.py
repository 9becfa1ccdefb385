"""Ports for what tests start, stop and start again, and ports at which nobody is.

They lie below those that the machine gives to outgoing connections. One of these may be somebody's when a server comes back to it, and a
client that asks there again and again reaches itself in the end. It must never give one that somebody has.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice
from random import SystemRandom

_FIRST, _LAST = 15_000, 32_000
_PARTS = 16


def _ours() -> Iterator[int]:
    """Give the ports of this process's part of the range, from any start and round again: each process has a part, so that no two find one free at once."""
    part = range(_FIRST + os.getpid() % _PARTS, _LAST, _PARTS)
    return islice(cycle(part), SystemRandom().randrange(len(part)), None)


_next = _ours()


def free_port() -> int:
    """Return a port on loopback that nobody has, and that the machine gives to nobody: it is ours over restarts."""
    while True:
        port = next(_next)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port on loopback that refuses whoever comes, and that nobody else can have meanwhile."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
