"""A hub and its partners for every test of the flow; see `siphub.testing.world`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Clock
from siphub.sandbox import Sandbox
from siphub.testing.world import PARTNERS, World


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Return partner municipalities that listen on loopback."""
    with Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path, sandbox: Sandbox) -> Callable[..., World]:
    """Return what makes a world that is not open yet; further settings by name."""

    def make(plugins: Mapping[str, object] | None = None, clock: Clock | None = None, **given: Any) -> World:
        return World(sandbox, tmp_path / "folders", tmp_path / "hub", given=given, plugins=plugins or {}, clock=clock)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> Iterator[World]:
    """Return a running hub and its partners."""
    with make_world() as running:
        yield running
