"""What the web door counts, and the figures of the hub at the moment somebody asks. Labels come from closed sets, so none carries a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from siphub.errors import SiphubError
from siphub.hub import Hub
from siphub.model import CATALOGUE
from siphub.observe import Meter
from siphub.policy.lifecycle import DELIVERY
from siphub.policy.partners import State
from siphub.policy.reasons import REASONS

BREAKER = get_args(State)
"""The states of a partner's circuit breaker."""
ALL = "all"
"""Stands where a figure is not told apart by adapter."""


class Counts:
    """The figures of one hub's door."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._states = sorted({state for steps in DELIVERY.values() for state in steps.values()})
        self._meter = Meter(
            {
                "door": [door.name for door in hub.doors],
                "message_type": CATALOGUE,
                "code": {*_codes(SiphubError), *REASONS},
                "adapter": [ALL],
                "state": [*self._states, *BREAKER],
            }
        )

    def accepted(self, door: str, message_type: str) -> None:
        """Count a message that was taken, a repeat too."""
        self._meter.count("messages_accepted", door=door, message_type=message_type)

    def refused(self, door: str, code: str) -> None:
        """Count a message that was refused."""
        self._meter.count("messages_refused", door=door, code=code)

    def render(self) -> tuple[bytes, str]:
        """Return all figures as Prometheus text, and its media type. Blocks: the store counts the deliveries that are not settled."""
        for state, number in self._hub.unsettled().items():
            self._meter.set("deliveries", number, adapter=ALL, state=state)
        partners = self._hub.partners()
        for state in BREAKER:
            self._meter.set("partners", sum(one.state == state for one in partners), state=state)
        self._meter.set("partner_waiting", sum(one.waiting for one in partners))
        return self._meter.render()


def _codes(kind: type[SiphubError]) -> Iterator[str]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from _codes(below)
