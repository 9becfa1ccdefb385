"""kill -9 at each point of a delivery's way that exists on memory:// and SQLite, and at seeded random moments.

The hub is a real process of `siphub up`; its partners live in the test's process and survive it. The fault hook kills it with SIGKILL at a
point, it comes up again on the same data folder, and the sender hands in again what was not answered. Then nothing is lost, nothing is
doubled, and every delivery has come to an end.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.flow.ground import POINTS
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.testing.aftermath import Aftermath, Collector, Withdrawal
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS

if TYPE_CHECKING:
    from siphub.testing.child import Town

pytestmark = pytest.mark.chaos

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
KILLED: Mapping[str, tuple[int, ...]] = {
    "after_commit": (1, 4),
    "before_publish": (1, 3),
    "before_delete": (1, 3),
    "after_consume": (2,),
    "before_send": (1, 3),
    "after_send": (1, 4),
    "after_record": (2,),
}
"""Where the hub is killed, and at which passages."""
ABSENT: Mapping[str, str] = {
    "after_publish": "memory:// has no confirms: a bell is taken the moment it is published, so that there is nothing between "
    "`after publish` and `after confirm`; the moment after both is before_delete",
}
"""RELIABILITY's points that do not exist on memory:// and SQLite, and why."""


def test_every_point_is_either_killed_at_or_known_to_be_absent() -> None:
    """Given the crash points of the flow, then each is in the matrix, or in the list of those that do not exist here."""
    assert sorted([*KILLED, *ABSENT]) == sorted(POINTS)


@pytest.mark.parametrize(("point", "nth"), [(point, nth) for point, passages in KILLED.items() for nth in passages])
def test_a_hub_killed_at_a_point_loses_nothing_and_doubles_nothing(town: Town, point: str, nth: int) -> None:
    """Given a case with five messages, when the hub is killed at a point and comes back, then each partner has each message once."""
    dying = town.up(f"{point}:kill:{nth}")
    story = Story(town.send)
    story.ready(UNITS)
    story.summoned(UNITS)
    story.responded(p.HOME_CARE)
    town.revive(dying)
    with town.look():
        after = Aftermath(town.world, [story])
        assert after.settled()
        assert town.ends == [-signal.SIGKILL]
        assert after.findings() == []
        assert town.answered_otherwise() == []
        assert after.states() == {"delivered": 5}
    if point == "after_send":
        assert after.repeats() >= 1
    if point == "after_commit":
        assert [found.message.type for found in town.handed if found.repeated] == [town.handed[nth - 1].message.type]
