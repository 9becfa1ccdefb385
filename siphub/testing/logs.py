"""Hears what the hub logs, redacted as in service, so that a test can say what was told and what was not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from siphub import observe


class Heard:
    """What was logged since the beginning, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        """Everything that would have left the process."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line's facts; `event` is its name."""
        return [json.loads(line) for line in self.text.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.lines if line["event"] == event]


@contextmanager
def heard_logs(level: str = "info") -> Iterator[Heard]:
    """Send every log line to the value this gives, until the end of the block. For one test at a time in a process."""
    heard = Heard()
    undo = observe.configure(level, "json", heard.stream)
    try:
        yield heard
    finally:
        undo()
