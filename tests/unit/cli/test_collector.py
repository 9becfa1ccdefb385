"""The garbage collector of a process that runs for long: what was there is left alone, what is let go of is found, and all is undone."""

from __future__ import annotations

import gc
from pathlib import Path

from siphub.cli.collector import YOUNG, rarely_collected
from siphub.cli.up import running
from siphub.settings import Settings

CYCLES = 20 * YOUNG


class _Holder:
    """Something that only itself holds."""

    alive = 0

    def __init__(self) -> None:
        self.held = self
        _Holder.alive += 1

    def __del__(self) -> None:
        _Holder.alive -= 1


def test_what_holds_itself_is_found() -> None:
    """Given twenty times as much that is let go of as the collector waits for, then most of it is gone: memory has a limit."""
    most = 0
    with rarely_collected():
        for _ in range(CYCLES):
            _Holder()
            most = max(most, _Holder.alive)
    assert YOUNG // 2 < most < 3 * YOUNG


def test_what_was_there_is_left_alone_and_all_is_undone() -> None:
    """Given a process that is built, then the collector does not look at what it holds, until the end."""
    before = (gc.get_threshold(), gc.get_freeze_count())
    with rarely_collected():
        assert gc.get_freeze_count() > before[1] + 10_000
        assert gc.get_threshold()[0] == YOUNG
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before[0], 0)


def test_a_hub_that_runs_is_so(tmp_path: Path) -> None:
    """Given a hub that `siphub up` runs, then what it was built of is left alone."""
    with running(Settings(data=tmp_path, port=0, min_free_disk=1)):
        assert gc.get_threshold()[0] == YOUNG
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
