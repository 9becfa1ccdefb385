"""One connection to a broker through kombu, used by one thread, and the only place where kombu's errors are known.

A `Dialect` says what is special about a transport. A link must never be shared between threads: kombu's connections are not safe for that.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import kombu
from kombu.exceptions import ChannelError
from kombu.transport import virtual

from siphub.broker import kombu_folder
from siphub.broker.base import PROMISES
from siphub.broker.topology import Bell, QueueSpec
from siphub.errors import BrokerLost, SettingsError, SiphubError, Unroutable

CONNECT_TIMEOUT = timedelta(seconds=3)
TURNS_HEADER = "siphub-turns"
"""How often a bell has been given back. kombu's own transports do not count, so we do."""

_MEDIA_TYPE = "application/vnd.siphub.bell+json"
_NOT_FOUND = "404"
"""AMQP's reply code; kombu's own transports give it as text, AMQP clients as a number."""
_OURS = frozenset(
    {"unroutable_raises", "poison_spares_neighbours", "ack_from_any_thread", "prefetch_bounded", "requeue_redelivers", "delivery_limited"}
)
# In kombu's memory and filesystem transports a queue is made by whoever touches it first; two at once would each make their own, and
# bells in the one that loses would be gone.
_declaring = threading.Lock()


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is special about one of kombu's transports.

    Args:
        cannot: The promises that fail with it.
        checks_queues: It can say that a queue is not there.
        heartbeat: The heartbeat to agree on for consumers; zero where the transport has none.
        options: kombu's transport options.
    """

    cannot: frozenset[str]
    checks_queues: bool = False
    heartbeat: timedelta = timedelta(0)
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


_DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        # The broker is this process: it cannot go away on its own, and nothing is left when the process ends.
        "memory": Dialect(
            cannot=frozenset({"loss_raises", "restart_is_told", "taken_survives", "dead_consumer_redelivers"}),
            checks_queues=True,
            options=MappingProxyType({"polling_interval": 0.01}),
        ),
        # A taken bell is a deleted file; a queue is a part of a file's name, so there is nothing to miss.
        "filesystem": Dialect(
            cannot=frozenset({"vanished_queue_raises", "dead_consumer_redelivers"}), options=MappingProxyType({"polling_interval": 0.05})
        ),
        # Not yet run under BrokerContract, so nothing is claimed that the broker has to keep.
        "pyamqp": Dialect(
            cannot=frozenset(PROMISES) - _OURS,
            checks_queues=True,
            heartbeat=timedelta(seconds=30),
            options=MappingProxyType({"confirm_publish": True}),
        ),
    }
)
_UNTRIED = Dialect(cannot=frozenset(PROMISES) - _OURS)


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where the broker is, how its transport behaves, and whose queues are meant. Its repr hides the URL: it may hold a password."""

    url: str
    hub: str
    scheme: str
    dialect: Dialect

    @classmethod
    def of(cls, url: str, hub: str) -> Place:
        """Read a broker URL.

        Raises:
            SettingsError: `settings.broker_url`, or `settings.broker_driver` where kombu needs a package that is not installed.
        """
        scheme = url.partition("://")[0].partition("+")[0].lower()
        place = cls(url, hub, scheme, _DIALECTS.get(scheme, _UNTRIED))
        try:
            _ = place.connection(timedelta(0)).transport  # made, not connected: it looks for the packages it needs
        except (ImportError, AttributeError):  # kombu's redis transport stumbles over an absent package instead of saying so
            message = f"broker_url: {scheme}:// needs a Python package that is not installed; kombu's documentation names it"
            raise SettingsError(message, code="settings.broker_driver") from None
        except (ValueError, KeyError):
            message = f"broker_url: this {scheme}:// URL cannot be read"
            raise SettingsError(message, code="settings.broker_url") from None
        return place

    def __repr__(self) -> str:
        return f"Place({self.scheme}://…, {self.hub})"

    def connection(self, heartbeat: timedelta) -> Any:
        """Return a kombu connection that is not yet open."""
        options = dict(self.dialect.options)
        given: dict[str, object] = {"heartbeat": heartbeat.total_seconds(), "connect_timeout": CONNECT_TIMEOUT.total_seconds()}
        if self.scheme == "filesystem":
            folder = str(_folder(self.url))
            options |= {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
            return kombu.Connection(transport=kombu_folder.Transport, transport_options=options, **given)
        return kombu.Connection(self.url, transport_options=options, **given, **tls_options(self.scheme))

    def prepare(self) -> None:
        """Make what has to be there before the first connection: the folder of `filesystem://`, where its parent is.

        Not done when connecting again: a folder whose disk went away must not be replaced by an empty one.
        """
        if self.scheme == "filesystem":
            with mapped_errors():
                _folder(self.url).mkdir(mode=0o700, exist_ok=True)


def tls_options(scheme: str) -> dict[str, object]:
    """Return what makes a scheme look at the broker's certificate: for `rediss://`, kombu's default is not to."""
    return {"ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}} if scheme == "rediss" else {}


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    folder = Path(unquote(parts.path))
    if parts.netloc or folder == Path("/") or not folder.is_absolute():
        message = "broker_url: filesystem:// names a folder by its whole path, as in filesystem:///var/lib/siphub/bells"
        raise SettingsError(message, code="settings.broker_url")
    return folder


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn whatever a transport raises into BrokerLost, keeping the cause.

    Transports raise what their client libraries raise, AttributeError on a closed socket included, so the net is wide.
    """
    try:
        yield
    except SiphubError:
        raise
    except Exception as error:  # each transport of kombu raises errors of its own, with no common ancestor
        message = f"the broker does not answer ({type(error).__name__})"
        raise BrokerLost(message) from error


class Link:
    """An open connection with one channel.

    Args:
        place: The broker.
        queues: What to declare as soon as the connection stands.
        listens: True for a consumer's link, which keeps up heartbeats.

    Raises:
        BrokerLost: The broker does not answer.
    """

    def __init__(self, place: Place, queues: Iterable[QueueSpec], *, listens: bool = False) -> None:
        self._place = place
        self._beats = listens and bool(place.dialect.heartbeat)
        self._beaten = time.monotonic()
        self._consumer: Any = None
        with mapped_errors():
            self._connection = place.connection(place.dialect.heartbeat if listens else timedelta(0))
        try:
            with mapped_errors():
                # Once per address: who waits, and how long, is decided above us.
                self._connection.ensure_connection(max_retries=max(0, len(self._connection.alt) - 1), reraise_as_library_errors=False)
                self._channel = self._connection.channel()
                if isinstance(self._channel, virtual.Channel):
                    # On a broken link kombu would write what it cannot restore to a file and to stderr. We give back by ourselves.
                    self._channel.do_restore = False
                self._producer = kombu.Producer(self._channel, auto_declare=False)
            self.declare(queues)
        except BrokerLost:
            self.close()
            raise

    def _physical(self, queue: str) -> str:
        return f"{self._place.hub}.{queue}"

    def declare(self, queues: Iterable[QueueSpec]) -> None:
        """Make queues that are not there."""
        with mapped_errors(), _declaring:
            for spec in queues:
                self._channel.queue_declare(
                    queue=self._physical(spec.name), durable=spec.durable, auto_delete=False, arguments=spec.arguments()
                )

    def publish(self, bells: Iterable[Bell], until: float) -> None:
        """Publish bells, each confirmed where the transport can. `until` is a time of the monotonic clock.

        Raises:
            Unroutable: A queue is gone.
            BrokerLost: The broker is gone, or time is up.
        """
        bells = tuple(bells)
        self._require({bell.queue for bell in bells})
        for bell in bells:
            if (left := until - time.monotonic()) <= 0:
                message = "the broker did not take the bells in time"
                raise BrokerLost(message)
            self._put(bell.queue, bell.to_bytes(), turns=0, timeout=left)

    def _require(self, queues: Iterable[str]) -> None:
        if not self._place.dialect.checks_queues:
            return
        with mapped_errors():
            for queue in queues:
                try:
                    self._channel.queue_declare(queue=self._physical(queue), passive=True)
                except ChannelError as error:
                    if str(error.reply_code) != _NOT_FOUND:
                        raise
                    message = f"queue {queue} is gone from the broker"
                    raise Unroutable(message) from error

    def _put(self, queue: str, body: bytes, *, turns: int, timeout: float) -> None:
        given = {"confirm_timeout": timeout} if self._place.dialect.options.get("confirm_publish") else {}
        with mapped_errors():
            self._producer.publish(
                body,
                exchange="",
                routing_key=self._physical(queue),
                content_type=_MEDIA_TYPE,
                content_encoding="binary",
                headers={TURNS_HEADER: turns},
                delivery_mode=2,
                **given,
            )

    def listen(self, queue: str, prefetch: int, on_message: Callable[[Any], None]) -> None:
        """Start to consume a queue; messages are handed over by `drain`, in the thread that calls it."""
        with mapped_errors():
            entity = kombu.Queue(self._physical(queue), exchange="", routing_key=self._physical(queue), no_declare=True)
            self._consumer = kombu.Consumer(
                self._channel, [entity], on_message=on_message, auto_declare=False, prefetch_count=prefetch, accept=None
            )
            self._consumer.consume()

    def drain(self, wait: timedelta) -> bool:
        """Hand over one message, or wait at most `wait` for one. Returns False where what came could not even be unpacked.

        Raises:
            BrokerLost: The connection is gone.
        """
        self._beat()
        with mapped_errors():
            try:
                self._connection.drain_events(timeout=wait.total_seconds())
            except TimeoutError:
                return True
            except (ValueError, KeyError, TypeError):
                # Not kombu's envelope. It is off the queue already, and the connection is sound: the neighbours must not suffer.
                return False
        return True

    def _beat(self) -> None:
        if self._beats and time.monotonic() - self._beaten >= 1:
            self._beaten = time.monotonic()
            with mapped_errors():
                self._connection.heartbeat_check(rate=2)

    def quiet(self) -> None:
        """Take no more messages; those handed over can still be answered."""
        with mapped_errors():
            self._consumer.cancel()

    def ack(self, message: Any) -> None:
        """Take a message off the queue."""
        with mapped_errors():
            message.ack()

    def give_back(self, message: Any, queue: str, *, turns: int) -> None:
        """Put a message back at the end of its queue, then take the old one off: in this order it can be doubled, never lost."""
        self._put(queue, body_of(message), turns=turns, timeout=CONNECT_TIMEOUT.total_seconds())
        self.ack(message)

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        with suppress(Exception):
            self._connection.release()


def body_of(message: Any) -> bytes:
    """Return a message's bytes, empty where it has none."""
    body = message.body
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""


def turns_of(message: Any) -> int:
    """Return how often a message was given back; what is not a count is none."""
    turns = (message.headers or {}).get(TURNS_HEADER)
    return turns if type(turns) is int and turns > 0 else 0
