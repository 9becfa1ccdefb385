"""The permission to send one delivery, good for about a second, checked right before the first byte.

The claim grants it; the hub opens it around `Adapter.deliver`. `PluginContext.http` checks it by itself when the connection stands
and nothing has been sent. An adapter that sends by other means calls `require_permit()` immediately before its first byte
(or before the rename that makes a file visible). A worker that slept past its permit sends nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from siphub.errors import PermitExpired


@dataclass(frozen=True, slots=True)
class Permit:
    """A permission that ends at `until`, in seconds of the machine's monotonic clock (it runs on while a process is stopped)."""

    until: float

    def require(self) -> None:
        """Raise PermitExpired when the permission has run out."""
        if time.monotonic() >= self.until:
            message = "the permission to send ran out before the first byte; nothing was sent"
            raise PermitExpired(message)


_current: ContextVar[Permit | None] = ContextVar("siphub_permit", default=None)


@contextmanager
def permitted(permit: Permit) -> Iterator[None]:
    """Make `permit` the one that `require_permit` checks in this thread."""
    token = _current.set(permit)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def completing() -> Iterator[None]:
    """Let an adapter finish what it has begun: a further request of the same delivery, after its first byte has left, needs no permit anew.

    Without it a partner that takes longer than the permit over the first request would never get the second.
    """
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def require_permit() -> None:
    """Check the permit of the delivery under way; call it immediately before the first byte.

    Outside a delivery (a health check, a poll) there is no permit and nothing to check.

    Raises:
        PermitExpired: The permission ran out; nothing may be sent.
    """
    permit = _current.get()
    if permit is not None:
        permit.require()
