"""A hub in a process of its own whose one adapter can be poisoned: for tests of what one bad delivery does to its neighbours.

It reads `{"data": folder, "settings": {…}}` from its standard input. The adapter `post` writes down what arrives, in the file `arrived` of
the data folder, one key a line; what is for a case and a recipient in the file `poison` there does what stands beside them; `*` there is for everybody else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from siphub.contract import AdapterInfo, Check, Cut, Delivered, Outcome, Payload, PluginContext, Recipient, hookimpl
from siphub.hub import build
from siphub.settings import read

SLOW = 0.1
"""Seconds that a slow delivery takes."""


class Post:
    """An adapter that recognises repeats, as most partners do.

    Args:
        data: Where it writes, and reads what is poison.
    """

    info = AdapterInfo(name="post", media_type="text/plain", idempotent=True)

    def __init__(self, data: Path) -> None:
        self._data = data

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Translate to the case's id and the recipient."""
        return Payload(f"{cut.document['case_id']} {recipient.unit}".encode(), "text/plain", "post@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:  # noqa: ARG002 - the contract's arguments
        """Write the key down, unless the payload is poison."""
        poison = dict(line.rsplit(" ", 1) for line in (self._data / "poison").read_text().splitlines())
        self._act(poison.get(payload.body.decode(), poison.get("*", "deliver")))
        with (self._data / "arrived").open("a") as out:
            out.write(f"{key}\n")
        return Delivered()

    @staticmethod
    def _act(what: str) -> None:
        match what:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                threading.Event().wait()
            case "exit":
                sys.exit("a plugin that leaves")
            case "slow":
                time.sleep(SLOW)
            case "raise":
                raise RuntimeError("a plugin's bug")

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Hold nothing."""


class PostPlugin:
    """The plugin that brings it.

    Args:
        data: See `Post`.
    """

    def __init__(self, data: Path) -> None:
        self._data = data

    @hookimpl
    def siphub_adapters(self, context: PluginContext) -> Iterable[Any]:  # noqa: ARG002 - pluggy goes by the name
        """Give the adapter."""
        return [Post(self._data)]


def main() -> None:
    """Run the hub until we are killed, or whoever started us is gone."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    data = Path(order["data"])
    hub = build(read({"data": data, **order["settings"]}), plugins={"post": PostPlugin(data)})
    hub.start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
