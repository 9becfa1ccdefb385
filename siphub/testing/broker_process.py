"""A hub's process for the crash tests of BrokerContract: it does one thing with a broker, says so, and waits to be killed.

It reads `{"url", "hub", "adapter", "do": "publish" | "take", "delivery"}` from its standard input, so that a URL's password is never
among a process's arguments.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import timedelta
from typing import Any

from siphub.broker import Ack, Bell, connect, queue_name, topology_for

_TIMEOUT = timedelta(seconds=20)


def main() -> None:
    """Publish a bell; with `take`, also hear it and leave it unanswered. Print `ready`, then wait for the end."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    broker = connect(order["url"], name=order["hub"])
    broker.declare(topology_for([order["adapter"]]))
    broker.publish([Bell(order["adapter"], (order["delivery"],))], _TIMEOUT)
    if order["do"] == "take":
        _take(broker.consume, order["adapter"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()  # until we are killed, or whoever started us is gone


def _take(consume: Any, adapter: str) -> None:
    taken = threading.Event()

    def hear(_: Bell, __: Ack) -> None:
        taken.set()

    consume(queue_name(adapter), hear, 1)
    if not taken.wait(_TIMEOUT.total_seconds()):
        sys.exit("no bell came")


if __name__ == "__main__":
    main()
