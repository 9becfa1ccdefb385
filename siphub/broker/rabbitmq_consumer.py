"""Listens at a queue of RabbitMQ: bells are heard in a thread of the consumer's own, answers travel back through the I/O thread in groups.

A consumer comes back by itself: after a lost connection, a channel the broker closed, and a queue that somebody deleted. It must never
let a worker hold up the I/O thread, nor answer over a channel on which the bell did not come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from typing import Any, Literal

from pika.exceptions import ChannelWrongStateError

from siphub.broker.base import OnBell, OnRestored
from siphub.broker.rabbitmq_declare import Declaration
from siphub.broker.rabbitmq_io import IoThread, Link, pause_after, within
from siphub.broker.rabbitmq_place import Place, lost
from siphub.broker.topology import Bell, QueueSpec
from siphub.errors import BrokerError, BrokerLost
from siphub.observe import Log

PATIENCE = 2.0
"""Seconds beyond its own time-out that `stop` waits for the broker."""
_STEADY = 10.0
"""Seconds after which a channel counts as good."""

Verdict = Literal["ack", "requeue"]

log = Log()


class _Stand:
    """One channel's life at a queue, in the I/O thread. `held` are the delivery tags without an answer, oldest first."""

    def __init__(self, connection: Any, place: Place, spec: QueueSpec, prefetch: int, consumer: RabbitConsumer) -> None:
        self._connection = connection
        self._physical = place.physical(spec.name)
        self._prefetch = prefetch
        self._consumer = consumer
        self._channel: Any = None
        self._tag = ""
        self.held: dict[int, None] = {}
        self.since = time.monotonic()
        Declaration(connection, place, [spec], self._declared)

    def _declared(self, missing: frozenset[str]) -> None:
        if missing:
            self._consumer.lost(self, None)
        elif self._connection.is_open:
            self._connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, reason: self._consumer.lost(self, reason))
        channel.add_on_cancel_callback(lambda _: self.leave())
        channel.basic_qos(prefetch_count=self._prefetch)  # of this consumer alone: RabbitMQ 4.3 has no other
        self._tag = channel.basic_consume(self._physical, self._deliver, callback=lambda _: self._consumer.stands(self))

    def _deliver(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        self.held[method.delivery_tag] = None
        turns = (properties.headers or {}).get("x-delivery-count")
        self._consumer.heard(self, method.delivery_tag, body, turns if isinstance(turns, int) else 0)

    def settle(self, answers: Iterable[tuple[int, Verdict]]) -> None:
        """Carry out answers; a second one to the same bell is void."""
        acks = list[int]()
        for tag, verdict in answers:
            if tag not in self.held:
                continue
            del self.held[tag]
            if verdict == "ack":
                acks.append(tag)
            else:
                # Not nack: from RabbitMQ 4.3 that no longer counts towards the delivery limit.
                self._channel.basic_reject(tag, requeue=True)
        self._ack(sorted(acks))

    def _ack(self, tags: list[int]) -> None:
        """Ack all that is older than the oldest bell still held in one go, the others one by one."""
        oldest = next(iter(self.held), None)
        group = [tag for tag in tags if oldest is None or tag < oldest]
        if group:
            self._channel.basic_ack(group[-1], multiple=True)
        for tag in tags[len(group) :]:
            self._channel.basic_ack(tag)

    @property
    def open(self) -> bool:
        """True while answers can be given."""
        return self._channel is not None and self._channel.is_open

    def quiet(self) -> None:
        """Take no more bells; those handed over can still be answered."""
        with suppress(ChannelWrongStateError):
            if self.open:
                self._channel.basic_cancel(self._tag)

    def leave(self) -> None:
        """Close the channel: what is still held goes back to the queue."""
        with suppress(ChannelWrongStateError):
            if self._channel is not None:
                self._channel.close()


class _Ticket:
    """The answer to one bell."""

    def __init__(self, answer: Callable[[Verdict], None]) -> None:
        self._answer = answer

    def ack(self) -> None:
        self._answer("ack")

    def requeue(self) -> None:
        self._answer("requeue")


class RabbitConsumer:
    """Listens at one queue. `alive`, `stopped` and `stop` are for any thread."""

    def __init__(
        self, io: IoThread, link: Link, place: Place, spec: QueueSpec, prefetch: int, on_bell: OnBell, on_restored: OnRestored | None
    ) -> None:
        self._io = io
        self._link = link
        self._place = place
        self._spec = spec
        self._prefetch = prefetch
        self._on_bell = on_bell
        self._on_restored = on_restored
        self._inbox = SimpleQueue[Callable[[], None] | None]()
        self._answers = list[tuple[_Stand, int, Verdict]]()
        self._answering = threading.Lock()
        self._stand: _Stand | None = None
        self._losses = 0
        self._standing = False
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"consumer {spec.name}", daemon=True)
        self._thread.start()
        io.call(lambda: link.add(self))

    @property
    def alive(self) -> bool:
        """True while the consumer stands at its queue."""
        return self._standing and not self._stopping.is_set() and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """True once `stop` was called."""
        return self._stopping.is_set()

    def stop(self, timeout: timedelta) -> None:
        """Take no more bells, wait up to `timeout` for answers, and give the rest back."""
        self.begin_stop(timeout)
        self.wait_stopped(within(timeout) + PATIENCE)

    def begin_stop(self, timeout: timedelta) -> None:
        """Do what `stop` does, without waiting for it."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._io.call(lambda: self._wind_down(within(timeout)))

    def wait_stopped(self, seconds: float) -> None:
        """Wait until a stop that has begun is done, but not in the consumer's own thread."""
        if threading.current_thread() is not self._thread:
            self._stopped.wait(seconds)

    # ── the link's tenant, and what a stand tells; all in the I/O thread ──

    def up(self, connection: Any) -> None:
        """Go to the queue."""
        if self._stand is None and not self._stopping.is_set():
            self._stand = _Stand(connection, self._place, self._spec, self._prefetch, self)

    def down(self, error: BrokerLost) -> None:  # noqa: ARG002 - the link has logged it
        """Forget the stand: its bells are the broker's again."""
        self._stand, self._standing = None, False
        if self._stopping.is_set():
            self._end()

    def stands(self, stand: _Stand) -> None:
        """Hear that the broker has taken us as a consumer."""
        if self._stopping.is_set():
            stand.leave()
        elif stand is self._stand:
            self._standing = True
            self._inbox.put(self._tell)

    def heard(self, stand: _Stand, tag: int, body: bytes, turns: int) -> None:
        """Hand a bell over to the consumer's thread."""
        self._inbox.put(partial(self._hear, _Ticket(partial(self._answer, stand, tag)), body, turns))

    def lost(self, stand: _Stand, reason: BaseException | None) -> None:
        """Hear that a stand is no more. Where the connection is still good, go to the queue again after a while."""
        if stand is not self._stand:
            return
        self._stand, self._standing = None, False
        if self._stopping.is_set():
            self._end()
            return
        self._losses = 0 if time.monotonic() - stand.since > _STEADY else self._losses + 1
        log.warning("consumer.lost", queue=self._spec.name, exc_info=lost(reason) if reason else None)
        self._io.later(pause_after(self._losses), self._again)

    def _again(self) -> None:
        if self._link.connection is not None:
            self.up(self._link.connection)

    # ── answers ──

    def _answer(self, stand: _Stand, tag: int, verdict: Verdict) -> None:
        """From any thread: what comes together is carried out together."""
        with self._answering:
            self._answers.append((stand, tag, verdict))
            first = len(self._answers) == 1
        if first:
            self._io.call(self._settle)

    def _settle(self) -> None:
        with self._answering:
            answers, self._answers = self._answers, []
        stand = self._stand
        if stand is None or not stand.open:
            return
        stand.settle((tag, verdict) for where, tag, verdict in answers if where is stand)
        if self._stopping.is_set() and not stand.held:
            stand.leave()

    def _wind_down(self, grace: float) -> None:
        self._standing = False
        stand = self._stand
        if stand is None:
            self._end()
            return
        stand.quiet()
        if stand.held and grace:
            self._io.later(grace, stand.leave)
        else:
            stand.leave()

    def _end(self) -> None:
        self._link.remove(self)
        self._inbox.put(None)
        self._stopped.set()

    # ── the consumer's own thread ──

    def _listen(self) -> None:
        while (work := self._inbox.get()) is not None:
            work()

    def _tell(self) -> None:
        log.info("consumer.started", queue=self._spec.name)
        if self._on_restored is not None:
            try:
                self._on_restored()
            except Exception as error:  # whatever it was, the sweep rings again; a thread that is gone hears no bell
                log.error("consumer.restored_failed", queue=self._spec.name, exc_info=error)

    def _hear(self, ticket: _Ticket, body: bytes, turns: int) -> None:
        if self._stopping.is_set():
            ticket.requeue()
            return
        try:
            bell = self._read(body)
        except BrokerError:
            log.error("bell.poisoned", queue=self._spec.name)
            ticket.ack()
            return
        if turns >= self._spec.delivery_limit:
            log.warning("bell.last_turn", queue=self._spec.name, limit=self._spec.delivery_limit)
        try:
            self._on_bell(bell, ticket)
        except Exception as error:  # one bell's trouble keeps no other from being heard; it is rung again
            log.error("bell.failed", queue=self._spec.name, exc_info=error)
            ticket.requeue()

    def _read(self, body: bytes) -> Bell:
        bell = Bell.from_bytes(body)
        if bell.queue != self._spec.name:
            text = "a bell of another adapter"
            raise BrokerError(text, code="broker.bad_bell")
        return bell
