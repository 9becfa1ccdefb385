"""Makes queues at RabbitMQ, and finds out which cannot be made.

A queue that is there with other arguments is used as it is: an administrator may have set them, and a hub that does not start would be
worse. A user who may not make queues can use those that are there. It must never delete a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from siphub.broker.rabbitmq_place import Place, reply_code
from siphub.broker.topology import QueueSpec
from siphub.observe import Log

_REFUSED = frozenset({403, 405, 406})
"""May not, somebody else's, or there with other arguments: in each case the queue may be there."""

_waiting: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""Connection → the queues for which a channel of it still waits. Asked for again, each would take one more channel, until there is none left."""

log = Log()


class Declaration:
    """Declares queues one after another over one connection, in the I/O thread.

    Args:
        connection: An open connection. If it goes away nothing more happens: whoever has it is told of that.
        place: Gives the queues their names at the broker.
        queues: What to make.
        on_done: Called with the names of queues that are not there and cannot be made.
        patience: How long one queue may take, in seconds, before it counts as not there; without it, until the broker answers.
    """

    def __init__(
        self,
        connection: Any,
        place: Place,
        queues: Iterable[QueueSpec],
        on_done: Callable[[frozenset[str]], None],
        patience: float | None = None,
    ) -> None:
        self._connection = connection
        self._place = place
        self._queues = list(queues)
        self._on_done = on_done
        self._patience = patience
        self._missing = set[str]()
        self._passive = False
        self._channel: Any = None
        self._open()

    def _open(self) -> None:
        if self._connection.is_open:
            self._connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._refused)
        self._next()

    def _next(self) -> None:
        channel = self._channel
        if not self._queues:
            channel.close()
            self._on_done(frozenset(self._missing))
            return
        spec = self._queues[0]
        if self._patience is not None and spec.name in _waiting.get(self._connection, ()):
            self._give_up(0)
            self._next()
            return
        if self._patience is not None:
            self._connection.ioloop.call_later(self._patience, lambda: self._silent(channel, spec))
        channel.queue_declare(
            queue=self._place.physical(spec.name),
            passive=self._passive,
            durable=True,
            arguments=spec.arguments(),
            callback=lambda _: self._declared(channel, spec),
        )

    def _declared(self, channel: Any, spec: QueueSpec) -> None:
        if channel is not self._channel:
            if spec.name in _waiting.get(self._connection, ()):
                _waiting[self._connection].discard(spec.name)
                channel.close()
            return
        if self._passive:
            log.warning("queue.differs", queue=self._queues[0].name)
        self._passive = False
        del self._queues[0]
        self._next()

    def _refused(self, channel: Any, reason: BaseException) -> None:
        code = reply_code(reason)
        if not code or channel is not self._channel or not self._queues:
            return
        if code in _REFUSED and not self._passive:
            self._passive = True
        else:
            self._give_up(code)
        self._open()

    def _silent(self, channel: Any, spec: QueueSpec) -> None:
        """A queue without a leader: the broker answers when it has one. The channel waits there for as long as the connection lasts."""
        if channel is self._channel and self._queues and self._queues[0] is spec and self._connection.is_open:
            self._channel = None
            waiting = _waiting.setdefault(self._connection, set())
            waiting.add(spec.name)
            channel.add_on_close_callback(lambda *_: waiting.discard(spec.name))
            self._give_up(0)
            self._open()

    def _give_up(self, code: int) -> None:
        queue = self._queues.pop(0).name
        log.error("queue.missing", queue=queue, code=code)
        self._missing.add(queue)
        self._passive = False
