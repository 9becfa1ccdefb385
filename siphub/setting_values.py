"""How settings are written: time spans, sizes, names, faults and URLs, from text and back. It must never hold a setting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_SIZES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _duration(value: object) -> object:
    """Read `30 s`, `15 min`, `1 h`, `90 d`; a bare number is seconds."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)?", value.strip())):
        return timedelta(seconds=float(match[1]) * UNITS[match[2] or "s"])
    return value


def _size(value: object) -> object:
    """Read `2 MiB`; a bare number is bytes."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)\s*(B|KiB|MiB|GiB)?", value.strip())):
        return int(match[1]) * _SIZES[match[2] or "B"]
    return value


def _names(value: object) -> object:
    """Read `folder, municipal-xml` as well as a list."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
"""A time span above nothing, written `30 s`, `15 min`, `1 h` or `90 d`."""

Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
"""A number of bytes, written `2 MiB`."""

Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""Names, as a list in TOML or parted by commas."""

FaultAction = Literal["kill", "stop", "sleep"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do to ourselves at a point of the flow, for crash tests: at the `nth` passage, counted from 1.

    `kill` is SIGKILL, `stop` is SIGSTOP, `sleep` waits `pause`. Written `point:kill`, `point:stop:3`, `point:sleep=1.5:2`.
    """

    point: str
    action: FaultAction
    nth: int = 1
    pause: timedelta = timedelta(0)


def read_fault(value: object) -> object:
    """Read `point:kill`, `point:stop:3`, `point:sleep=1.5:2`."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([a-z][a-z0-9_.]*):(?:(kill|stop)|sleep=(\d+(?:\.\d+)?))(?::([1-9]\d*))?", value)
    if match is None:
        raise ValueError("write it as point:kill, point:stop or point:sleep=SECONDS, with :NTH where it is not the first passage")
    pause = timedelta(seconds=float(match[3] or 0))
    action: FaultAction = "stop" if match[2] == "stop" else "kill" if match[2] == "kill" else "sleep"
    return Fault(point=match[1], action=action, nth=int(match[4] or 1), pause=pause)


class Retention(BaseModel):
    """How one owner erases: a table `[retention.NUMBER]`. Without `decision`, the number of its gallringsbeslut, nothing of it is erased."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keep: Duration
    decision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./:_-]{0,59}$")] | None = None


def span(value: timedelta) -> str:
    """Write a time span as a person does: `30 s`, `15 min`."""
    seconds = value.total_seconds()
    unit = next(unit for unit in ("d", "h", "min", "s", "ms") if (seconds >= UNITS[unit] and seconds % UNITS[unit] == 0) or unit == "ms")
    return f"{seconds / UNITS[unit]:g} {unit}"


def masked(url: str) -> str:
    """Return a URL without what may be secret in it: the password and the query."""
    parts = urlsplit(url)
    if not parts.password and not parts.query:
        return url
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:…@{place}" if parts.password else parts.netloc, query="").geturl()


def place_of(url: str) -> tuple[str, ...]:
    """Return what tells two databases apart in their URLs: host and port, the name, and what else is asked for; for SQLite the file."""
    parts = urlsplit(url)
    return (parts.scheme.partition("+")[0], parts.netloc.rpartition("@")[2].lower().removesuffix(":5432"), parts.path, parts.query)
