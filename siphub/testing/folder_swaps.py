"""A partner that makes its folder a link to another's while the hub is at work in it: at every moment at which the hub asks the system anything.

    for result in at_every_moment(mine, theirs, lambda: adapter.deliver(payload, recipient, key)):
        assert list(theirs.iterdir()) == []

For one thread, on one machine. It must leave both folders where they were.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

Result = TypeVar("Result")
_CALLS: Final = ("access", "fsync", "link", "lstat", "open", "readlink", "rename", "replace", "scandir", "stat", "unlink")
"""By which the hub asks the system about files, or changes them."""


class _Swap:
    """The partner, who waits for the moment."""

    def __init__(self, folder: Path, other: Path, moment: int) -> None:
        self._folder, self._aside, self._other, self._left = folder, folder.with_name(f"{folder.name}-aside"), other, moment
        self.done = self._busy = False

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call before which the moment may come."""

        def asked(*args: Any, **options: Any) -> Any:
            if not self._busy:
                self._left -= 1
                if self._left < 0 and not self.done:
                    self._make()
            return call(*args, **options)

        return asked

    def _make(self) -> None:
        self._busy = True
        self._folder.rename(self._aside)
        self._folder.symlink_to(self._other)
        self.done, self._busy = True, False

    def undo(self) -> None:
        """Put the folder back."""
        if self.done:
            self._folder.unlink()
            self._aside.rename(self._folder)


def at_every_moment(folder: Path, other: Path, act: Callable[[], Result]) -> Iterator[Result]:
    """Do something again and again, with the folder becoming a link to the other one call later each time, until it is done before that."""
    for moment in count():
        swap = _Swap(folder, other, moment)
        with pytest.MonkeyPatch.context() as patch:
            for name in _CALLS:
                patch.setattr(os, name, swap.before(getattr(os, name)))
            result = act()
        swapped = swap.done
        swap.undo()
        yield result
        if not swapped:
            return
