"""What every broker driver does, and the words for what some of them cannot.

The broker is the doorbell, never the truth: whatever it loses, the store rings again. A driver must never claim a promise it does not
keep: each lists in `info.cannot` the words of `PROMISES` it breaks, and `siphub.testing.BrokerContract` shows that it keeps the others
and does break these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

from siphub.broker.topology import Bell, Topology
from siphub.contract.http import Http
from siphub.errors import SettingsError

PROMISES: Mapping[str, str] = MappingProxyType(
    {
        "unroutable_raises": "a bell for a queue that was never declared raises Unroutable, and the queue is named",
        "vanished_queue_raises": "a bell for a queue that somebody deleted raises Unroutable; the next attempt declares it again",
        "loss_raises": "a broker that goes away while bells are being published raises BrokerLost within the time-out",
        "taken_survives": "bells that publish returned for are there after hub and broker were killed and started again",
        "dead_consumer_redelivers": "a bell taken by a process that died before its ack is delivered again",
        "consumers_return": "after the broker was away every consumer hears bells again within 30 seconds",
        "restart_is_told": "after the broker was away on_restored is called again",
        "poison_spares_neighbours": "a bell that cannot be read is dropped and logged; those before and after it are heard",
        "ack_from_any_thread": "ack and requeue work from any thread, once",
        "prefetch_bounded": "a consumer holds at most its prefetch of unanswered bells",
        "requeue_redelivers": "a bell given back, or held by a consumer that was stopped, is delivered again",
        "delivery_limited": "a bell given back again and again is dropped at the queue's limit",
    }
)
"""Every promise a driver keeps or names in `BrokerInfo.cannot`."""

MOOT_INSIDE = frozenset({"loss_raises", "restart_is_told", "taken_survives", "dead_consumer_redelivers"})
"""Promises about a broker that goes while the hub stays, or stays while the hub goes. Of one inside the hub's only process neither happens:
both die together, and the store rings again at the next start."""


@dataclass(frozen=True, slots=True)
class BrokerInfo:
    """The datasheet of a driver: its name, the promises of `PROMISES` it cannot keep, and whether the broker is the process itself."""

    name: str
    cannot: frozenset[str] = frozenset()
    inside: bool = False

    def __post_init__(self) -> None:
        if unknown := self.cannot - PROMISES.keys():
            message = f"not promises of a broker: {', '.join(sorted(unknown))}"
            raise ValueError(message)


def require_promises(info: BrokerInfo, *, whole: bool) -> None:
    """Refuse a driver that breaks a promise which a hub in service rests on: all of them count, for each stands for somebody's lost time.

    Args:
        info: The driver's datasheet.
        whole: Whether everything that rings and listens is in this one process.

    Raises:
        SettingsError: `settings.broker_weak`; each broken promise is named.
    """
    broken = info.cannot - MOOT_INSIDE if info.inside and whole else info.cannot
    if broken:
        raise SettingsError(
            f"broker_url: {info.name} cannot promise {', '.join(sorted(broken))}, and production needs every promise: use RabbitMQ, "
            "amqp:// or amqps://, or memory:// for a hub that is one process. See docs/rabbitmq.md",
            code="settings.broker_weak",
        )


class Ack(Protocol):
    """The answer to one bell: the first of the two calls counts, from any thread; later ones do nothing."""

    def ack(self) -> None:
        """Say that the bell is done with."""

    def requeue(self) -> None:
        """Give the bell back, to be delivered again until the queue's delivery limit."""


OnBell = Callable[[Bell, Ack], None]
"""Called in the consumer's own thread: be quick, hand over to another thread. An exception is logged and gives the bell back."""

OnRestored = Callable[[], None]
"""Called in the consumer's own thread whenever it (re)starts: ring again, from the store, what may have been lost."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was looked at. `look` is for a person's judgement, `wrong` will make the hub fail or fails already."""

    level: Literal["ok", "look", "wrong"]
    what: str


@runtime_checkable
class Consumer(Protocol):
    """Somebody who listens at one queue, in a thread of its own, and comes back when the broker does."""

    @property
    def alive(self) -> bool:
        """True while the consumer stands at its queue; False before the first connection, during a loss, and after `stop`."""

    def stop(self, timeout: timedelta) -> None:
        """Take no more bells, wait up to `timeout` for the answers to those handed out, and give the others back. May be called twice."""


@runtime_checkable
class Confirming(Protocol):
    """A driver whose broker confirms what it has taken, with the moment before that, for crash tests."""

    on_written: Callable[[], None] | None
    """Called when all bells of a batch have been written and the last confirm has not come yet."""


@runtime_checkable
class Broker(Protocol):
    """A driver. Every method may be called from any thread."""

    @property
    def info(self) -> BrokerInfo:
        """The datasheet."""

    def declare(self, topology: Topology) -> None:
        """Make the queues. The topology is remembered first, so that every later connection declares it again by itself.

        Raises:
            Unroutable: A queue is not there, and the broker does not let us make it.
            BrokerLost: The broker did not answer; the queues are made when it comes back.
        """

    def publish(self, bells: Sequence[Bell], timeout: timedelta) -> None:
        """Return when the broker has taken every bell. After an error some may have been taken: ring them all again, a repeat does no harm.

        Raises:
            Unroutable: A queue is not declared, or is gone; the error names it.
            BrokerLost: The broker went away or was not done within `timeout`.
        """

    def consume(self, queue: str, on_bell: OnBell, prefetch: int, on_restored: OnRestored | None = None) -> Consumer:
        """Start a consumer and return at once, whether or not the broker is there. `prefetch` ≥ 1 bounds the unanswered bells.

        Raises:
            Unroutable: The queue is not declared.
        """

    def healthy(self) -> bool:
        """Say whether the broker answers (within two seconds) and every consumer stands at its queue."""

    def close(self) -> None:
        """Stop the consumers and let go of every connection. May be called twice."""


@runtime_checkable
class Surveys(Protocol):
    """A driver that can say how the broker differs from what a hub wants there, and give that in the broker's own form."""

    def definitions(self, topology: Topology, *, vhost: str | None = None, user: str | None = None) -> Mapping[str, Any]:
        """Return what an administrator imports; `vhost` and `user` are those of the URL unless given."""

    def survey(self, topology: Topology, management: tuple[Http, str] | None = None) -> Iterator[Remark]:
        """Look, and make nothing.

        Args:
            topology: What is wanted.
            management: The hub's HTTP and the address of the broker's own API, where there is one: it sees more.

        Raises:
            BrokerError: It cannot be looked at; the error says why.
        """
