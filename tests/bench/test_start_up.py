"""How long a person waits for the command line to say anything."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

SIPHUB = str(Path(sys.executable).with_name("siphub"))
ROUNDS = 7


def fastest(command: Sequence[str]) -> float:
    """Return the shortest of some runs, in seconds: what it takes when nothing else is in the way."""

    def once() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return time.perf_counter() - start

    return min(once() for _ in range(ROUNDS))


@pytest.mark.bench
def test_help_comes_at_once(write_result: Callable[[str, Mapping[str, object]], None]) -> None:
    """Given `siphub --help`, then it answers in well under half a second more than a bare interpreter."""
    bare, help_page = fastest([sys.executable, "-c", ""]), fastest([SIPHUB, "--help"])
    write_result("start-up", {"bare interpreter": f"{bare * 1000:.0f} ms", "siphub --help": f"{help_page * 1000:.0f} ms"})
    assert help_page - bare < 0.5
