"""A consumer in a thread of its own: it hears bells, takes answers from any thread, and comes back when the broker does.

It must never let one bell stop the others, nor spin when the broker is away.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, Literal

from siphub.broker.base import OnBell, OnRestored
from siphub.broker.kombu_link import Link, body_of, turns_of
from siphub.broker.topology import Bell, QueueSpec
from siphub.errors import BrokerError
from siphub.observe import Log

_WAIT = timedelta(milliseconds=10)
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_STEADY = 10.0
"""Seconds after which a connection counts as good, so that the next loss is answered quickly again."""

Verdict = Literal["ack", "requeue"]
_Answers = SimpleQueue[tuple[Any, Verdict]]

log = Log()


class _Ticket:
    """The answer to one bell. It travels to the consumer's thread, which lets the first one count."""

    def __init__(self, answers: _Answers, message: Any) -> None:
        self._answers = answers
        self._message = message

    def ack(self) -> None:
        self._answers.put((self._message, "ack"))

    def requeue(self) -> None:
        self._answers.put((self._message, "requeue"))


class KombuConsumer:
    """Listens at one queue. `open_link` gives a new connection with the topology declared, or raises BrokerLost."""

    def __init__(
        self, queue: QueueSpec, on_bell: OnBell, prefetch: int, on_restored: OnRestored | None, open_link: Callable[[], Link]
    ) -> None:
        self._queue = queue
        self._on_bell = on_bell
        self._prefetch = prefetch
        self._on_restored = on_restored
        self._open_link = open_link
        self._answers: _Answers = SimpleQueue()
        self._held: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._grace = 0.0
        self._standing = False
        self._thread = threading.Thread(target=self._run, name=f"consumer {queue.name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """True while the consumer stands at its queue."""
        return self._standing and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """True once `stop` was called."""
        return self._stopping.is_set()

    def stop(self, timeout: timedelta) -> None:
        """Take no more bells, wait up to `timeout` for answers, and give the rest back."""
        if not self._stopping.is_set():
            self._grace = timeout.total_seconds()
            self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout.total_seconds() + _LONGEST_PAUSE)

    def _run(self) -> None:
        losses = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._attend()
            except BrokerError as error:
                losses = 1 if time.monotonic() - began > _STEADY else losses + 1
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(losses, 10)) * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret
                log.warning("consumer.lost", queue=self._queue.name, exc_info=error)
                self._stopping.wait(pause)

    def _attend(self) -> None:
        link = self._open_link()
        self._held = {}
        try:
            link.listen(self._queue.name, self._prefetch, self._hear)
            self._standing = True
            self._tell()
            while not self._stopping.is_set():
                self._answer(link)
                if not link.drain(_WAIT):
                    log.error("bell.poisoned", queue=self._queue.name)
            self._standing = False
            self._wind_down(link)
        finally:
            self._standing = False
            link.close()

    def _tell(self) -> None:
        log.info("consumer.started", queue=self._queue.name)
        if self._on_restored is not None:
            try:
                self._on_restored()
            except Exception as error:  # whatever it was, the sweep rings again; a thread that is gone hears no bell
                log.error("consumer.restored_failed", queue=self._queue.name, exc_info=error)

    def _hear(self, message: Any) -> None:
        self._held[id(message)] = message
        ticket = _Ticket(self._answers, message)
        try:
            bell = self._read(message)
        except BrokerError:
            log.error("bell.poisoned", queue=self._queue.name)
            ticket.ack()
            return
        try:
            self._on_bell(bell, ticket)
        except Exception as error:  # one bell's trouble keeps no other from being heard; it is rung again
            log.error("bell.failed", queue=self._queue.name, exc_info=error)
            ticket.requeue()

    def _read(self, message: Any) -> Bell:
        bell = Bell.from_bytes(body_of(message))
        if bell.queue != self._queue.name:
            text = "a bell of another adapter"
            raise BrokerError(text, code="broker.bad_bell")
        return bell

    def _answer(self, link: Link, wait: float = 0.0) -> None:
        """Carry out the answers that have come; wait for the first one where there is none yet."""
        try:
            message, verdict = self._answers.get(timeout=wait) if wait else self._answers.get_nowait()
            while True:
                # A second answer is void, and so is one to a bell of an earlier connection: the broker has forgotten that.
                if self._held.pop(id(message), None) is message:
                    self._settle(link, message, verdict)
                message, verdict = self._answers.get_nowait()
        except Empty:
            return

    def _settle(self, link: Link, message: Any, verdict: Verdict) -> None:
        turns = turns_of(message) + 1
        if verdict == "ack":
            link.ack(message)
        elif turns > self._queue.delivery_limit:
            log.error("bell.dropped", queue=self._queue.name, reason="delivery_limit")
            link.ack(message)
        else:
            link.give_back(message, self._queue.name, turns=turns)

    def _wind_down(self, link: Link) -> None:
        link.quiet()
        until = time.monotonic() + self._grace
        self._answer(link)
        while self._held and (left := until - time.monotonic()) > 0:
            self._answer(link, left)
        for message in self._held.values():
            link.give_back(message, self._queue.name, turns=turns_of(message))
        self._held = {}
