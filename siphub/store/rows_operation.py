"""Rows of what the hub must remember to run: its switches and its processes. Nothing in them is about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """An operator's switch, such as `sending` = `stopped`, and who set it."""

    owner: str
    name: str
    value: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process of the hub: what it does (`parts`, `adapters`: names parted by commas), under which name at the broker, and since when.

    `rings` says whether its relay, where it has one, could hand its last bells to the broker.
    """

    owner: str
    id: str
    parts: str
    adapters: str
    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    rings: bool


@dataclass(frozen=True, slots=True)
class SilentRow:
    """An endpoint whose answers cannot be fetched: since when, and the newest code that says why."""

    adapter: str
    endpoint: str
    code: str
    failing_since: datetime
