"""The RabbitMQ driver, on pika: what a hub in service rings with.

    Name        rabbitmq
    Cannot      nothing: every promise is kept
    Queues      <hub>.siphub.deliver.<adapter>: durable quorum queues with a delivery limit
    Threads     one for all talk with the broker, one per consumer for its bells
    Connections two: one publishes, one listens, so that a broker without room, which stops reading from publishers, still hears answers
    Settings    broker_url; broker_token_url, broker_client_id, broker_client_secret, broker_scopes

It must never hold anything that the store does not have as well, nor let a worker's time get in the way of a heartbeat.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from siphub.broker.base import BrokerInfo, Consumer, OnBell, OnRestored, Remark
from siphub.broker.definitions import definitions
from siphub.broker.rabbitmq_consumer import PATIENCE, RabbitConsumer
from siphub.broker.rabbitmq_io import IoThread, Link
from siphub.broker.rabbitmq_place import Place
from siphub.broker.rabbitmq_publisher import Publisher
from siphub.broker.rabbitmq_survey import Management, certificates, over_amqp, over_management
from siphub.broker.tokens import Tokens
from siphub.broker.topology import Bell, QueueSpec, Topology
from siphub.contract.http import Http
from siphub.errors import BrokerError, BrokerLost, Unroutable

_DECLARE_TIMEOUT = timedelta(seconds=10)
_HEALTH_TIMEOUT = timedelta(seconds=2)
_CLOSE_TIMEOUT = timedelta(seconds=2)


class RabbitBroker:
    """A broker at RabbitMQ. Nothing is opened before the first use.

    Args:
        url: `amqp://user:password@host/vhost`, or `amqps://…`; see `siphub.broker.rabbitmq_place`.
        name: The hub's name; queues are kept apart by it.
        tokens: Where the password comes from, at a broker that asks for OAuth2.

    Raises:
        SettingsError: The URL cannot be read.
    """

    def __init__(self, url: str, name: str, tokens: Tokens | None = None) -> None:
        self._place = Place.of(url, name, tokens)
        self._queues: dict[str, QueueSpec] = {}
        self._consumers: list[RabbitConsumer] = []
        self._open: tuple[IoThread, Publisher, Link] | None = None
        self._closed = False
        self.on_written: Callable[[], None] | None = None
        """Called when all bells of a batch have been written and the last confirm has not come yet; in the I/O thread, for crash tests."""
        self._lock = threading.Lock()
        # pika tells every failed attempt several times, with addresses. We log each once, in our own words.
        logging.getLogger("pika").setLevel(logging.CRITICAL)

    def __repr__(self) -> str:
        return f"RabbitBroker({self._place!r})"

    @property
    def info(self) -> BrokerInfo:
        """The datasheet."""
        return BrokerInfo("rabbitmq")

    def declare(self, topology: Topology) -> None:
        """Make the queues, now and on every later connection.

        Raises:
            Unroutable: A queue is not there, and this user may not make it.
            BrokerLost: The broker did not answer; the queues are made when it comes back.
        """
        with self._lock:
            self._queues = self._queues | {queue.name: queue for queue in topology.queues}
        self._publisher().run(_DECLARE_TIMEOUT, declares=topology.queues)

    def publish(self, bells: Sequence[Bell], timeout: timedelta) -> None:
        """Return when the broker has taken every bell."""
        for bell in bells:
            self._require(bell.queue)
        if bells:
            self._publisher().run(timeout, bells=tuple(bells))

    def consume(self, queue: str, on_bell: OnBell, prefetch: int, on_restored: OnRestored | None = None) -> Consumer:
        """Start a consumer; its bells are heard in a thread of its own."""
        if prefetch < 1:
            message = "prefetch is at least one; without a bound a consumer would hold every bell"
            raise ValueError(message)
        spec = self._require(queue)
        with self._lock:
            io, _, link = self._opened()
            consumer = RabbitConsumer(io, link, self._place, spec, prefetch, on_bell, on_restored)
            self._consumers = [*(one for one in self._consumers if not one.stopped), consumer]
        return consumer

    def healthy(self) -> bool:
        """Say whether the broker answers and every consumer stands at its queue."""
        try:
            self._publisher().run(_HEALTH_TIMEOUT, declares=tuple(self._queues.values()))
        except BrokerError:
            return False
        return all(consumer.alive for consumer in self._consumers if not consumer.stopped)

    def definitions(self, topology: Topology, *, vhost: str | None = None, user: str | None = None) -> Mapping[str, Any]:
        """Return what an administrator imports."""
        return definitions(topology, hub=self._place.hub, vhost=vhost or self._place.vhost, user=user or self._place.user or "siphub")

    def survey(self, topology: Topology, management: tuple[Http, str] | None = None) -> Iterator[Remark]:
        """Say how the broker differs from what this hub wants there."""
        wanted = dict(self.definitions(topology))
        if not self._place.user:
            wanted["permissions"] = []  # whoever our certificate says we are, nobody here knows the name
        yield from certificates(self._place.tls, datetime.now(UTC))
        if management is None:
            yield from over_amqp(self._place, wanted)
        else:
            yield from over_management(Management(*management), wanted)

    def close(self) -> None:
        """Stop the consumers, give back what they held, and let go of every connection."""
        with self._lock:
            self._closed = True
            consumers, self._consumers = self._consumers, []
            opened, self._open = self._open, None
        for consumer in consumers:
            consumer.begin_stop(timedelta(0))
        until = time.monotonic() + PATIENCE
        for consumer in consumers:
            consumer.wait_stopped(max(0.0, until - time.monotonic()))
        if opened is not None:
            _let_go(*opened)

    def _require(self, queue: str) -> QueueSpec:
        spec = self._queues.get(queue)
        if spec is None:
            message = f"queue {queue} was never declared; is its adapter enabled?"
            raise Unroutable(message)
        return spec

    def _written(self) -> None:
        if self.on_written is not None:
            self.on_written()

    def _publisher(self) -> Publisher:
        with self._lock:
            return self._opened()[1]

    def _opened(self) -> tuple[IoThread, Publisher, Link]:
        if self._closed:
            message = "the broker was closed"
            raise BrokerLost(message)
        if self._open is None:
            io = IoThread()
            self._open = io, Publisher(io, self._place, lambda: self._queues, self._written), Link(io, self._place, "consumer")
        return self._open


def _let_go(io: IoThread, publisher: Publisher, link: Link) -> None:
    gone = threading.Semaphore(0)
    io.call(lambda: publisher.close(gone.release))
    io.call(lambda: link.close(gone.release))
    for _ in range(2):
        gone.acquire(timeout=_CLOSE_TIMEOUT.total_seconds())
    io.end()
