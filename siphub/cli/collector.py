"""Python's garbage collector in a process that runs for long: what was there before the first message is not looked through again.

Most of what a hub lets go of is freed at once, without the collector; at its defaults the collector looks through every class and module of the
process again and again to find nothing. It must still find what is only held by itself, or memory would grow.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG: Final = 10_000
"""So many containers more than were freed, and the young ones are looked through; Python's own number is 700."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Leave alone what there is now, and look through the rest less often; undone at the end. Enter it when all is imported and built."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
