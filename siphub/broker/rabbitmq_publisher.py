"""Publishes to RabbitMQ: a window of bells at a time, each mandatory, persistent and confirmed, and no caller waits longer than it said.

A batch counts as taken when its last bell is confirmed and none came back. It must never take a silence for a yes, and never send to a
broker that has said it is full: nobody reads there until it has room.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pika import BasicProperties
from pika.spec import Basic

from siphub.broker.rabbitmq_declare import Declaration
from siphub.broker.rabbitmq_io import IoThread, Link, within
from siphub.broker.rabbitmq_place import Place, lost
from siphub.broker.topology import Bell, QueueSpec
from siphub.errors import BrokerError, BrokerLost, Unroutable
from siphub.observe import Log

WINDOW = 1000
"""The most bells on the way that are not yet confirmed."""

_PATIENCE = 5.0
"""Seconds that one queue may take to be declared: a queue without a leader must not hold up the others."""
_PROPERTIES = BasicProperties(content_type="application/vnd.siphub.bell+json", delivery_mode=2)

log = Log()


class _Job:
    """Queues to declare, then, once they are `made`, bells to publish; done when `over` is set."""

    def __init__(self, declares: Iterable[QueueSpec], bells: Sequence[Bell]) -> None:
        self.declares = {spec.name: spec for spec in declares}
        self.queues = {bell.queue for bell in bells}
        self.bells = deque((bell.queue, bell.to_bytes()) for bell in bells)
        self.made = False
        self.returned = set[str]()
        self.refused = False
        self.error: BrokerError | None = None
        self.over = threading.Event()

    def end(self, error: BrokerError | None) -> None:
        if not self.over.is_set():
            self.error = error
            self.over.set()


class Publisher:
    """One channel with confirms, one job at a time. `run` is for any thread; the rest lives in the I/O thread."""

    def __init__(
        self, io: IoThread, place: Place, queues: Callable[[], Mapping[str, QueueSpec]], on_written: Callable[[], None] | None = None
    ) -> None:
        self._io = io
        self._on_written = on_written
        self._place = place
        self._queues = queues
        self._link = Link(io, place, "publisher")
        self._jobs = deque[_Job]()
        self._current: _Job | None = None
        self._channel: Any = None
        self._opening = False
        self._blocked = False
        self._missing = set[str]()
        self._sent = 0
        self._confirmed = 0
        self._early = set[int]()
        io.call(lambda: self._link.add(self))

    def run(self, timeout: timedelta, *, declares: Iterable[QueueSpec] = (), bells: Sequence[Bell] = ()) -> None:
        """Declare and publish; return when the broker has taken it all.

        Raises:
            Unroutable: A queue is gone, or cannot be made.
            BrokerLost: The broker is gone, has no room, or was not done in time.
        """
        job = _Job(declares, bells)
        self._io.call(lambda: self._submit(job))
        if not job.over.wait(within(timeout)):
            self._io.call(lambda: self._abandon(job))
            job.end(BrokerLost("the broker has no room just now" if self._blocked else "the broker was not done in time"))
        if job.error is not None:
            # A new one for each caller: an error that is raised again and again keeps every traceback.
            raise type(job.error)(job.error.detail, code=job.error.code) from job.error.__cause__

    def close(self, on_gone: Callable[[], None]) -> None:
        """Let go of the connection."""
        self._link.close(on_gone)

    # ── the link's tenant ──

    def up(self, connection: Any) -> None:
        """Declare every queue, then take jobs."""
        self._blocked = self._opening = False
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        Declaration(connection, self._place, self._queues().values(), lambda missing: self._declared(connection, missing), _PATIENCE)

    def down(self, error: BrokerLost) -> None:
        """Tell everybody who waits."""
        self._channel, self._opening, self._blocked = None, False, False
        waiting = [*filter(None, [self._current]), *self._jobs]
        self._current = None
        self._jobs.clear()
        for job in waiting:
            job.end(error)

    def _declared(self, connection: Any, missing: frozenset[str]) -> None:
        if connection is self._link.connection:
            self._missing = set(missing)
            self._open_channel()

    def _on_blocked(self, *_: object) -> None:
        log.warning("broker.blocked")
        self._blocked = True

    def _on_unblocked(self, *_: object) -> None:
        log.info("broker.unblocked")
        self._blocked = False
        if self._current is None:
            self._next()
        elif self._current.made:
            self._fill()

    # ── the channel ──

    def _open_channel(self) -> None:
        """Open the one channel whose confirms are counted: a job that came while queues were being made may have done so already."""
        connection = self._link.connection
        if connection is not None and connection.is_open and not self._opening and self._channel is None:
            self._opening = True
            connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._channel, self._opening = channel, False
        self._sent, self._confirmed, self._early = 0, 0, set()
        self._next()

    def _channel_closed(self, channel: Any, reason: BaseException) -> None:
        if channel is not self._channel and not self._opening:
            return
        self._channel, self._opening = None, False
        if self._current is not None:
            self._finish(lost(reason))

    # ── jobs ──

    def _submit(self, job: _Job) -> None:
        if self._link.refusal is not None:
            job.end(self._link.refusal)
            return
        self._jobs.append(job)
        self._next()

    def _abandon(self, job: _Job) -> None:
        if job is not self._current:
            if job in self._jobs:
                self._jobs.remove(job)
            return
        self._current = None
        # Confirms may still come, and they would be counted for the next job: the next one gets a channel of its own.
        channel, self._channel = self._channel, None
        if channel is not None and channel.is_open:
            self._opening = True
            channel.add_on_close_callback(lambda *_: self._reopened())
            channel.close()

    def _reopened(self) -> None:
        self._opening = False
        self._next()

    def _next(self) -> None:
        if self._current is not None or self._blocked or not self._jobs:
            return
        if self._channel is None:
            self._open_channel()
            return
        job = self._current = self._jobs.popleft()
        again = {name: self._queues()[name] for name in self._missing & job.queues}
        declares = job.declares | again
        if declares:
            Declaration(self._link.connection, self._place, declares.values(), lambda missing: self._made(job, missing), _PATIENCE)
        else:
            job.made = True
            self._fill()

    def _made(self, job: _Job, missing: frozenset[str]) -> None:
        if job is not self._current:
            return
        self._missing = (self._missing - set(job.declares) - job.queues) | missing
        job.returned |= missing
        job.made = True
        self._fill()

    def _fill(self) -> None:
        job, wrote = self._current, False
        while job is not None and job.bells and self._sent - self._confirmed - len(self._early) < WINDOW and not self._blocked:
            queue, body = job.bells.popleft()
            self._channel.basic_publish("", self._place.physical(queue), body, _PROPERTIES, mandatory=True)
            self._sent, wrote = self._sent + 1, True
        if wrote and job is not None and not job.bells and self._on_written is not None:
            self._on_written()
        if job is not None and not job.bells and self._confirmed == self._sent:
            self._finish(_verdict(job))

    def _finish(self, error: BrokerError | None) -> None:
        job, self._current = self._current, None
        if job is not None:
            job.end(error)
        self._next()

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        queue = self._place.logical(method.routing_key)
        self._missing.add(queue)
        if self._current is not None:
            self._current.returned.add(queue)

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if self._current is None:
            return
        if isinstance(method, Basic.Nack):
            self._current.refused = True
        if method.multiple:
            self._confirmed = max(self._confirmed, method.delivery_tag)
            self._early = {tag for tag in self._early if tag > self._confirmed}
        else:
            self._early.add(method.delivery_tag)
        while self._confirmed + 1 in self._early:
            self._confirmed += 1
            self._early.remove(self._confirmed)
        self._fill()


def _verdict(job: _Job) -> BrokerError | None:
    if job.returned:
        return Unroutable(f"queue {', '.join(sorted(job.returned))} is gone from the broker, or this user may not make it")
    return BrokerLost("the broker could not keep the bells") if job.refused else None
