"""The portable driver, on kombu: `memory://` for the embedded hub, and any URL kombu speaks for houses without RabbitMQ.

    Name        portable+<scheme>
    Cannot      memory: loss_raises, restart_is_told, taken_survives, dead_consumer_redelivers
                filesystem: vanished_queue_raises, dead_consumer_redelivers
                any other: all that rests on the broker, until BrokerContract has run against it
    Queues      <hub>.siphub.deliver.<adapter>: kombu's memory queues are shared by the whole process, so the hub's name keeps them apart
    Threads     one for publishing, one per consumer, each with a connection of its own
    Settings    broker_url

It must never hold anything that the store does not have as well: what it loses is rung again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

from siphub.broker.base import BrokerInfo, Consumer, OnBell, OnRestored
from siphub.broker.kombu_consumer import KombuConsumer
from siphub.broker.kombu_link import Link, Place
from siphub.broker.kombu_publisher import Publisher
from siphub.broker.topology import Bell, QueueSpec, Topology
from siphub.errors import BrokerError, BrokerLost, Unroutable

_DECLARE_TIMEOUT = timedelta(seconds=10)
_HEALTH_TIMEOUT = timedelta(seconds=2)


class PortableBroker:
    """A broker through kombu. Nothing is opened before the first use.

    Args:
        url: A URL of a scheme in `siphub.broker.SCHEMES`.
        name: The hub's name; queues are kept apart by it.

    Raises:
        SettingsError: The URL cannot be read, or its transport is not installed.
    """

    def __init__(self, url: str, name: str) -> None:
        self._place = Place.of(url, name)
        self._info = BrokerInfo(f"portable+{self._place.scheme}", self._place.dialect.cannot, inside=self._place.scheme == "memory")
        self._queues: dict[str, QueueSpec] = {}
        self._consumers: list[KombuConsumer] = []
        self._publisher = Publisher(self._open_link)
        self._closed = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"PortableBroker({self._place!r})"

    @property
    def info(self) -> BrokerInfo:
        """The datasheet."""
        return self._info

    def declare(self, topology: Topology) -> None:
        """Make the queues, now and on every later connection."""
        with self._lock:
            self._queues = self._queues | {queue.name: queue for queue in topology.queues}
        self._place.prepare()
        self._publisher.run(lambda link, _: link.declare(topology.queues), _DECLARE_TIMEOUT)

    def publish(self, bells: Sequence[Bell], timeout: timedelta) -> None:
        """Return when the broker has taken every bell."""
        for bell in bells:
            self._require(bell.queue)
        if bells:
            taken = tuple(bells)
            self._publisher.run(lambda link, until: link.publish(taken, until), timeout)

    def consume(self, queue: str, on_bell: OnBell, prefetch: int, on_restored: OnRestored | None = None) -> Consumer:
        """Start a consumer in a thread of its own."""
        if prefetch < 1:
            message = "prefetch is at least one; without a bound a consumer would hold every bell"
            raise ValueError(message)
        spec = self._require(queue)
        with self._lock:
            self._refuse_closed()
            consumer = KombuConsumer(spec, on_bell, prefetch, on_restored, lambda: self._open_link(listens=True))
            self._consumers = [*(one for one in self._consumers if not one.stopped), consumer]
        return consumer

    def healthy(self) -> bool:
        """Say whether the broker answers and every consumer stands at its queue."""
        try:
            self._publisher.run(lambda link, _: link.declare(self._queues.values()), _HEALTH_TIMEOUT)
        except BrokerError:
            return False
        return all(consumer.alive for consumer in self._consumers if not consumer.stopped)

    def close(self) -> None:
        """Stop the consumers, give back what they held, and let go of every connection."""
        with self._lock:
            self._closed = True
            consumers, self._consumers = self._consumers, []
        for consumer in consumers:
            consumer.stop(timedelta(0))
        self._publisher.close()

    def _require(self, queue: str) -> QueueSpec:
        spec = self._queues.get(queue)
        if spec is None:
            message = f"queue {queue} was never declared; is its adapter enabled?"
            raise Unroutable(message)
        return spec

    def _refuse_closed(self) -> None:
        if self._closed:
            message = "the broker was closed"
            raise BrokerLost(message)

    def _open_link(self, *, listens: bool = False) -> Link:
        return Link(self._place, self._queues.values(), listens=listens)
