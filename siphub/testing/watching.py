"""Watches what a piece of code opens: files, sockets, processes. For promises such as "pure" and "opens nothing".

It sees what Python itself opens, in the thread that is watched; a C library that opens a file by itself is not seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

_EVENTS = ("open", "os.listdir", "os.remove", "os.rename", "os.mkdir", "subprocess.Popen", "os.system")
_seen: ContextVar[list[str] | None] = ContextVar("siphub_watched", default=None)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Give the list that fills with what is opened in here, by the names of Python's audit events."""
    _listen()
    seen: list[str] = []
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


@cache
def _listen() -> None:
    sys.addaudithook(_hear)  # can never be taken away again, so there is one, and it is silent outside `watched`


def _hear(event: str, _arguments: tuple[object, ...]) -> None:
    seen = _seen.get()
    if seen is not None and (event in _EVENTS or event.startswith("socket.")):
        seen.append(event)
