"""Where a hub's time goes: the processor time of each of its threads, and for the work inside them samples of what they are at.

Processor time is the system's own count and exact. Samples see a thread that waits for Python's lock as if it worked, so they divide a thread's
time and do not measure it.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import Counter
from types import FrameType
from typing import Final

EVERY = 0.005
PARTS: Final = (
    ("siphub/flow/accept.py", "accept_message", "accept"),
    ("siphub/flow/reading.py", "read", "read the body"),
    ("siphub/web/callers.py", "caller_of", "who is it"),
    ("siphub/flow/deliver.py", "claim", "claim"),
    ("siphub/flow/deliver.py", "record", "record"),
    ("siphub/flow/attempt.py", "cut_of", "open and cut"),
    ("siphub_fhir/translate.py", "translated", "translate"),
    ("siphub/contract/http.py", "request", "post"),
    ("siphub/flow/relay.py", "ring_once", "ring"),
    ("siphub/observe.py", "_say", "log"),
)
"""File, function, and what part of the work a thread is at that stands in it; the innermost counts."""
_LOOPS: Final = ("_send_all", "_listen", "_run", "run", "_main", "_waits", "wait_for_notify", "notifies")
"""Functions that wait in a call which is not Python's own, so that they themselves are seen."""
_WAITING: Final = frozenset(
    {"wait", "get", "acquire", "select", "poll", "readinto", "_wait_for_tstate_lock", "read", "accept", "recv_into"}
)
_NUMBERED = re.compile(r"[-_ ]?\(?\d.*$")


def _part(frame: FrameType | None) -> str | None:
    while frame is not None:
        code = frame.f_code
        for file, function, part in PARTS:
            if code.co_name == function and code.co_filename.endswith(file):
                return part
        frame = frame.f_back
    return None


class Sampler:
    """Samples from `start` to `stop`."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._before: dict[str, float] = {}
        self._began = 0.0
        self._found: Counter[tuple[str, str]] = Counter()

    def start(self) -> None:
        """Begin."""
        self._before, self._began = spent(), time.monotonic()
        self._found.clear()
        self._over.clear()
        self._thread = threading.Thread(target=self._sample, name="siphub-sampler", daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, object]:
        """End; return seconds of processor time by kind of thread, and samples by kind of thread and part."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        seconds = time.monotonic() - self._began
        threads = {name: spent - self._before.get(name, 0.0) for name, spent in spent().items()}
        parts: dict[str, dict[str, int]] = {}
        for (thread, part), count in self._found.items():
            parts.setdefault(thread, {})[part] = count
        return {"seconds": seconds, "threads": threads, "parts": parts}

    def _sample(self) -> None:
        while not self._over.wait(EVERY):
            names = {one.ident: kind(one.name) for one in threading.enumerate()}
            for ident, frame in sys._current_frames().items():  # noqa: SLF001 - made for this
                if frame.f_code.co_name not in _WAITING and names.get(ident) != "siphub-sampler":
                    self._found[names.get(ident, "other"), _part(frame) or "rest"] += 1


def kind(name: str) -> str:
    """Return what a thread's name begins with: `siphub-sender` for all senders."""
    return _NUMBERED.sub("", name)


def spent() -> dict[str, float]:
    """Return the processor time of this process's threads so far, in seconds, by kind."""
    found: Counter[str] = Counter()
    for one in threading.enumerate():
        if one.ident is not None:
            found[kind(one.name)] += time.clock_gettime(time.pthread_getcpuclockid(one.ident))  # type: ignore[assignment]
    return dict(found)
