"""Partners that take their time and answer as told, and a running hub that sends to them: for what a partner that is slow or away does.

What they count is what reached them. It must never answer for the hub, nor know what the hub believes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from siphub.contract import Delivered, Outcome, Payload, Recipient
from siphub.model import people as p
from siphub.store import DeliveryRow, PartnerRow
from siphub.testing.story import Story
from siphub.testing.yard import Wire, Yard

FAR, NEAR = p.SOCIAL_SERVICES, p.HOME_CARE
UNITS = (FAR, NEAR)


@dataclass
class Crowd(Wire):
    """Partners that take their time and answer as told, each for itself, and count how much they are sent at once."""

    takes: dict[str, float] = field(default_factory=dict)
    holds: dict[str, threading.Event] = field(default_factory=dict)
    """What a unit's partner waits for, a minute at most, before it answers."""
    says: dict[str, Outcome] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    at_once: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    now: Counter[str] = field(default_factory=Counter)
    came: dict[str, float] = field(default_factory=dict)
    keeps: bool = True
    """Whether the bytes are kept; not where they would be too many."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Count, take the time, and answer."""
        with self.lock:
            self.came[payload.body.split()[0].decode()] = time.monotonic()
            self.asked[recipient.unit] += 1
            self.now[recipient.unit] += 1
            self.at_once[recipient.unit].append(self.now[recipient.unit])
        try:
            time.sleep(self.takes.get(recipient.unit, 0.0))
            if recipient.unit in self.holds:
                self.holds[recipient.unit].wait(60)
            answer = self.says.get(recipient.unit, Delivered())
            if not isinstance(answer, Delivered):
                return answer
            return super().deliver(payload if self.keeps else replace(payload, body=payload.body[:36]), recipient, key)
        finally:
            with self.lock:
                self.now[recipient.unit] -= 1

    def got(self, unit: str) -> int:
        """Return how many a unit's partner has taken."""
        return len([one for one in self.took if one.unit == unit])


@dataclass
class Quarter:
    """A running hub whose partners are a crowd; its clock stands still unless it is turned."""

    yard: Yard
    crowd: Crowd

    def calls(self, number: int, units: tuple[Any, ...] = UNITS) -> list[Story]:
        """Hand in so many kallelser, each in a case of its own."""
        stories = []
        for _ in range(number):
            story = Story(self.yard.send)
            story.ready(units)
            story.summoned(units)
            stories.append(story)
        return stories

    def rows(self, unit: str = FAR) -> list[DeliveryRow]:
        """Return a unit's kallelser."""
        return [row for row in self.yard.deliveries() if row.recipient == unit and row.message_type == "meeting.summoned"]

    def states(self, unit: str = FAR) -> Counter[str]:
        """Return how many of a unit's kallelser are in each state."""
        return Counter(row.state for row in self.rows(unit))

    def partner(self, unit: str = FAR) -> PartnerRow | None:
        """Return how a unit's partner stands."""
        with self.yard.ground.store.read() as work:
            return work.partners.get(("wire", f"wire:{unit}"))

    def stands(self, state: str, unit: str = FAR) -> bool:
        """Say whether a unit's partner stands so."""
        found = self.partner(unit)
        return found is not None and found.state == state

    def resting(self, number: int) -> bool:
        """Say whether so many wait for the partner that is away, and nothing is rung, about to be, or being sent."""
        ground = self.yard.ground
        with ground.store.read() as work:
            quiet = (
                not work.outbox.take(1)
                and not work.deliveries.due(ground.now(), 1)
                and not work.partners.sending([("wire", f"wire:{FAR}")])
            )
            return quiet and sum(work.partners.waiting().values()) == number
