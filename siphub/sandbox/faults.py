"""What may go wrong at a partner, on request: n times or until it is cleared.

    slow     answers after `seconds`
    status   answers `status`, with Retry-After where `retry_after` is given; afterwards it is what stands in between that says so
    reset    cuts the connection
    html     answers 200 with a web page, as a proxy in between does
    down     cuts the connection at the first line, before it has read what was sent

`when` says whether the partner has taken the message by then (`after`) or not (`before`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal["slow", "status", "reset", "html", "down"]
When = Literal["before", "after"]
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Args:
        kind: What; see the module.
        times: How many requests it strikes; None is until it is cleared.
        when: Before the partner takes the message, or after. A `down` is always before.
        seconds: How slow.
        status: The status to answer.
        retry_after: Seconds for Retry-After, with `status`.
    """

    kind: Kind
    times: int | None = None
    when: When = "before"
    seconds: float = 1.0
    status: int = 503
    retry_after: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense, with a ValueError."""
        if self.kind not in get_args(Kind) or self.when not in get_args(When):
            raise ValueError(f"a fault is one of {', '.join(get_args(Kind))}, when is before or after")
        if (self.times is not None and self.times < 1) or not 0 <= self.seconds <= _LONGEST:
            raise ValueError(f"times is at least 1, seconds is 0 to {_LONGEST:.0f}")
        if not 200 <= self.status <= 599:  # noqa: PLR2004 - what a final HTTP status can be
            raise ValueError("status is 200 to 599")
        if self.kind == "down" and self.when == "after":
            raise ValueError("down is always before")


def fault_from(values: Mapping[str, object]) -> Fault:
    """Make a fault from JSON values.

    Raises:
        ValueError: They do not describe one.
    """
    try:
        return Fault(**values)  # type: ignore[arg-type]  # what does not fit is refused in __post_init__, or here as a TypeError
    except TypeError as error:
        raise ValueError("these are not the fields of a fault") from error


class Faults:
    """The faults of one partner, oldest first; each request meets the first that is left. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` strike when the ones before it are used up."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def take(self) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        with self._lock:
            if not self._waiting:
                return None
            fault = self._waiting[0]
            if fault.times is not None:
                self._waiting[:1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            return fault

    def waiting(self) -> tuple[Fault, ...]:
        """Return what is still to strike."""
        with self._lock:
            return tuple(self._waiting)
