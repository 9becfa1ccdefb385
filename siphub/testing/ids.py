"""Lets a seed decide the operating system's random bytes, and with them every id and key that is made: a run can be had again whole.

For a test of one thread. It must never be used where a key is to be kept.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def decided_by(seed: str) -> Iterator[None]:
    """Let the bytes come from a seed as long as this lasts."""
    before = os.urandom
    os.urandom = random.Random(seed).randbytes  # noqa: S311 - that it can be had again is what it is for
    try:
        yield
    finally:
        os.urandom = before
