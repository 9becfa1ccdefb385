"""What BrokerContract works with: a broker that can be hurt from outside, ears at a queue, and a hub in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from siphub.broker import Ack, Bell

ADAPTER = "folder"
"""The one adapter these tests ring for."""


class BrokerUnderTest(Protocol):
    """A broker, and what can be done to it from outside, as roughly as life does. Each test gets one of its own."""

    @property
    def url(self) -> str:
        """Where it is; other processes of this machine reach it there too."""

    @property
    def hub(self) -> str:
        """A hub's name that no other test uses."""

    def lose(self) -> None:
        """Take the broker away from everybody connected to it."""

    def bring_back(self) -> None:
        """Let it be there again, with what it keeps over a restart."""

    def delete_queue(self, queue: str) -> None:
        """Delete one of the hub's queues behind its back."""

    def put(self, queue: str, body: bytes) -> None:
        """Put any bytes in one of the hub's queues."""


class Ears:
    """Listens at a queue and remembers what it heard, by delivery id. `answer` decides what becomes of a bell; it may keep the Ack."""

    def __init__(self, answer: Callable[[Ack], None] = lambda ack: ack.ack()) -> None:
        self._answer = answer
        self._heard: Counter[str] = Counter()
        self._changed = threading.Condition()
        self.starts = 0

    def on_bell(self, bell: Bell, ack: Ack) -> None:
        """Remember a bell and answer it."""
        with self._changed:
            self._heard.update(bell.deliveries)
            self._changed.notify_all()
        self._answer(ack)

    def on_restored(self) -> None:
        """Count a start."""
        with self._changed:
            self.starts += 1
            self._changed.notify_all()

    def times(self, bell: Bell) -> int:
        """Return how often a bell's first delivery was heard."""
        with self._changed:
            return self._heard[bell.deliveries[0]]

    def total(self) -> int:
        """Return how many deliveries were heard, repeats counted."""
        with self._changed:
            return self._heard.total()

    def until(self, holds: Callable[[], bool], patience: timedelta) -> bool:
        """Wait until something holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(holds, patience.total_seconds())


def new_bell(adapter: str = ADAPTER) -> Bell:
    """Return a bell for one delivery that nobody has heard of."""
    return Bell(adapter, (str(uuid4()),))


@contextmanager
def hub_process(under_test: BrokerUnderTest, do: str, bell: Bell) -> Iterator[None]:
    """Run `siphub.testing.broker_process` until it is ready; kill it with SIGKILL at the end."""
    order = {"url": under_test.url, "hub": under_test.hub, "adapter": bell.adapter, "do": do, "delivery": bell.deliveries[0]}
    command = [sys.executable, "-m", "siphub.testing.broker_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
