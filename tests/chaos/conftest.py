"""A town for each crash test: partners in this process, and a hub in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from siphub.sandbox import Sandbox
from siphub.testing.child import Town
from siphub.testing.world import PARTNERS, World


@pytest.fixture
def make_town(tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """Return what makes a town, ready for its hub to come up; settings by name. Its processes end with the test."""
    with ExitStack() as ends:

        def make(**given: str | int) -> Town:
            sandbox = ends.enter_context(Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox"))
            logs = tmp_path / "logs"
            logs.mkdir()
            return ends.enter_context(Town(World(sandbox, tmp_path / "folders", tmp_path / "hub"), logs, given))

        yield make


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """Return a town with short times."""
    return make_town(lease="1500ms")
