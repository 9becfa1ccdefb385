"""The thread that does all of a hub's talking with RabbitMQ, and a connection in it that comes back when the broker does.

pika is not thread-safe: everything that touches a connection runs in this one thread, handed over by `call`. It must never wait and
never run a worker's code, or heartbeats would stop; what may take time happens in other threads.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.exceptions import ConnectionClosedByClient, ConnectionWrongStateError

from siphub.broker.rabbitmq_place import Place, lost, unwelcome
from siphub.broker.tokens import Token, Tokens
from siphub.errors import BrokerLost, SettingsError
from siphub.observe import Log

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STEADY = 10.0
"""Seconds after which a connection counts as good, so that the next loss is answered quickly again."""
_FAREWELL = 1.0
"""Seconds that the broker gets to say good-bye."""

log = Log()


def pause_after(losses: int) -> float:
    """Return the seconds to wait after so many losses in a row, with jitter: many hubs must not come back in one moment."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * float(2 ** min(losses, 10))) * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret


class IoThread:
    """A thread with pika's loop."""

    def __init__(self) -> None:
        self.loop = IOLoop()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="siphub-rabbitmq", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], None]) -> None:
        """Do something in the thread, soon. From any thread; once the thread has ended it is not done."""
        with self._lock:
            if not self._closed:
                self.loop.add_callback_threadsafe(lambda: _guarded(work))

    def later(self, seconds: float, work: Callable[[], None]) -> Any:
        """Do something in the thread after a while. In the thread only. Returns what `cancel` takes."""
        return self.loop.call_later(seconds, lambda: _guarded(work))

    def cancel(self, timer: Any) -> None:
        """Do not do it after all. In the thread only."""
        self.loop.remove_timeout(timer)

    def end(self) -> None:
        """End the thread and wait for it, but not where it ends itself. May be called twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.loop.add_callback_threadsafe(self.loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(_FAREWELL * 5)

    def _run(self) -> None:
        while not self._closed:
            try:
                self.loop.start()
            except Exception as error:
                # A bug of ours is caught before it gets here. Whatever state a connection is in, its heartbeats will tell.
                log.error("broker.io_failed", exc_info=error)
                time.sleep(_FIRST_PAUSE)
        self.loop.close()


def _guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # one tenant's bug must not take the connection from the others
        log.error("broker.io_failed", exc_info=error)


class Tenant(Protocol):
    """Whoever uses a link. Called in the I/O thread."""

    def up(self, connection: Any) -> None:
        """Take a new connection."""

    def down(self, error: BrokerLost) -> None:
        """Hear that there is no connection: it was lost, or could not be made."""


class Link:
    """A connection that is made again, with pauses, until the link is closed. All of it lives in the I/O thread."""

    def __init__(self, io: IoThread, place: Place, purpose: str) -> None:
        self._io = io
        self._place = place
        self._purpose = purpose
        self._tenants: list[Tenant] = []
        self._attempt: Any = None
        self._hosts: list[Any] = []
        self._pause: Any = None
        self._asking = False
        self._renewal: Any = None
        self._token: Token | None = None
        self._losses = 0
        self._since = 0.0
        self._on_gone: Callable[[], None] | None = None
        self.connection: Any = None
        self.refusal: BrokerLost | None = None
        """Why the last attempt failed, while the next one is not yet made: whoever cannot wait asks no further."""

    def add(self, tenant: Tenant) -> None:
        """Let somebody use the link; the first one makes it connect."""
        self._tenants.append(tenant)
        if self.connection is not None:
            tenant.up(self.connection)
        elif self._attempt is None and self._pause is None and not self._asking:
            self._connect()

    def remove(self, tenant: Tenant) -> None:
        """Forget somebody."""
        with suppress(ValueError):
            self._tenants.remove(tenant)

    def close(self, on_gone: Callable[[], None]) -> None:
        """Let go of the connection; `on_gone` is called when that is done, after little more than a second."""
        self._on_gone = on_gone
        self._io.later(_FAREWELL, self._hang_up)
        if self._pause is not None:
            self._io.cancel(self._pause)
        under_way = self._attempt or self.connection
        if under_way is None:
            self._gone()
            return
        with suppress(ConnectionWrongStateError):
            under_way.close()

    def _hang_up(self) -> None:
        if self.connection is not None:
            # Only so, as pika's own check of heartbeats does it: every other way waits for the other side to agree.
            self.connection._terminate_stream(ConnectionClosedByClient(320, "hung up"))  # noqa: SLF001

    def _gone(self) -> None:
        done, self._on_gone = self._on_gone, _nothing
        for tenant in tuple(self._tenants):
            tenant.down(BrokerLost("the broker was closed"))
        if done is not None:
            done()

    def _connect(self) -> None:
        self._pause = None
        if self._place.tokens is None:
            self._go(None)
        else:
            self._ask(self._place.tokens, self._go)

    def _go(self, token: Token | BrokerLost | None) -> None:
        if self._on_gone is not None:
            return
        if isinstance(token, BrokerLost):
            self._lost(token, attempted=True)
            return
        try:
            self._hosts = self._place.parameters(self._purpose, token.text if token else None)
        except SettingsError as error:
            self._lost(BrokerLost(error.detail), attempted=True)
            return
        self._token = token
        self._try_host()

    # ── tokens ──

    def _ask(self, tokens: Tokens, then: Callable[[Token | BrokerLost], None]) -> None:
        """Get a token in a thread of its own, for that may take its time; `then` is called in the I/O thread."""
        self._asking = True

        def answered(found: Token | BrokerLost) -> None:
            self._asking = False
            then(found)

        def ask() -> None:
            found: Token | BrokerLost
            try:
                found = tokens.current()
            except BrokerLost as error:
                found = error
            except Exception as error:  # noqa: BLE001 - told as no token, and logged: whoever does not hear of it waits for ever
                found = self._no_token(error)
            self._io.call(lambda: answered(found))

        try:
            threading.Thread(target=ask, name="siphub-token", daemon=True).start()
        except RuntimeError as error:
            answered(self._no_token(error))

    def _no_token(self, error: Exception) -> BrokerLost:
        log.error("broker.token_failed", worker=self._purpose, exc_info=error)
        return BrokerLost("there is no token for the broker: the log says why", code="broker.no_token")

    def _renew_later(self, tokens: Tokens) -> None:
        if self._token is not None:
            # A quarter of what is left, where it should have been renewed by now: the issuer may be away for a moment.
            due = self._token.renew_at - time.monotonic()
            wait = due if due > 0 else max(1.0, self._token.left() / 4)
            self._renewal = self._io.later(wait, lambda: self._ask(tokens, self._renewed))

    def _renewed(self, found: Token | BrokerLost) -> None:
        if self.connection is None or self._on_gone is not None or self._place.tokens is None:
            return
        if isinstance(found, BrokerLost):
            log.warning("broker.token_failed", worker=self._purpose, exc_info=found)
        elif self._token is None or found.text != self._token.text:
            self._token = found
            with suppress(ConnectionWrongStateError):
                self.connection.update_secret(found.text, "the token before it ends soon", lambda _: log.info("broker.token_renewed"))
        self._renew_later(self._place.tokens)

    def _try_host(self) -> None:
        self._attempt = SelectConnection(
            self._hosts.pop(),
            on_open_callback=self._opened,
            on_open_error_callback=self._refused,
            on_close_callback=self._closed,
            custom_ioloop=self._io.loop,
        )

    def _refused(self, _: Any, error: BaseException) -> None:
        self._attempt = None
        self._doubt_token(error)
        if self._hosts and self._on_gone is None:
            self._try_host()
        else:
            self._lost(lost(error), attempted=True)

    def _opened(self, connection: Any) -> None:
        self._attempt = None
        self.connection, self.refusal, self._since = connection, None, time.monotonic()
        log.info("broker.connected", worker=self._purpose)
        if self._place.tokens is not None:
            self._renew_later(self._place.tokens)
        for tenant in tuple(self._tenants):
            tenant.up(connection)

    def _closed(self, connection: Any, error: BaseException) -> None:
        if connection is self.connection:
            self.connection = None
            self._doubt_token(error)
            self._lost(lost(error), attempted=False)

    def _doubt_token(self, error: BaseException) -> None:
        if self._place.tokens is not None and self._token is not None and unwelcome(error):
            self._place.tokens.forget(self._token.text)

    def _lost(self, error: BrokerLost, *, attempted: bool) -> None:
        self._losses = 0 if not attempted and time.monotonic() - self._since > _STEADY else self._losses + 1
        if self._renewal is not None:
            self._io.cancel(self._renewal)
            self._renewal = None
        if self._on_gone is not None:
            self._gone()
            return
        log.warning("broker.lost", worker=self._purpose, exc_info=error)
        self.refusal = error if attempted else None
        self._pause = self._io.later(pause_after(self._losses), self._connect)
        for tenant in tuple(self._tenants):
            tenant.down(error)


def _nothing() -> None:
    pass


def within(timeout: timedelta) -> float:
    """Return a time-out in seconds, not below zero."""
    return max(0.0, timeout.total_seconds())
