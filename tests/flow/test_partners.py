"""Partners that are slow, away or ask for less: what they are sent, what it costs, and what the others notice of it."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Delivered, Outcome, Payload, Recipient, Rejected, Retry
from siphub.model import Address
from siphub.model import people as p
from siphub.policy.partners import partner_id
from siphub.store import DeliveryRow, PartnerRow
from siphub.testing.clock import Hand
from siphub.testing.story import Story, until
from siphub.testing.yard import Wire, Yard

FAR, NEAR = p.SOCIAL_SERVICES, p.HOME_CARE
UNITS = (FAR, NEAR)
AWAY = Retry("partner.http_503")
HOUR = timedelta(hours=1)


@dataclass
class Crowd(Wire):
    """Partners that take their time and answer as told, each for itself, and count how much they are sent at once."""

    takes: dict[str, float] = field(default_factory=dict)
    says: dict[str, Outcome] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    at_once: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    now: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Count, take the time, and answer."""
        with self.lock:
            self.asked[recipient.unit] += 1
            self.now[recipient.unit] += 1
            self.at_once[recipient.unit].append(self.now[recipient.unit])
        try:
            time.sleep(self.takes.get(recipient.unit, 0.0))
            answer = self.says.get(recipient.unit, Delivered())
            return super().deliver(payload, recipient, key) if isinstance(answer, Delivered) else answer
        finally:
            with self.lock:
                self.now[recipient.unit] -= 1

    def got(self, unit: str) -> int:
        """Return how many a unit's partner has taken."""
        return len([one for one in self.took if one.unit == unit])


@dataclass
class Place:
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


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Return what starts a hub; settings by name, `options` are the far unit's address's."""
    running: list[Yard] = []

    def make(*, options: dict[str, str] | None = None, **given: Any) -> Place:
        quick = {
            "sweep_every": "50ms",
            "ring_timeout": "1h",
            "retry_base": "1s",
            "retry_cap": "15min",
            "breaker_pause": "10s",
            "senders": 8,
        }
        yard = Yard(tmp_path / "hub", clock=Hand(), given={**quick, **given})
        crowd = Crowd(yard.clock)
        yard.wires["wire"] = crowd
        if options:
            yard.changes[FAR] = {"address": Address(adapter="wire", endpoint=f"wire:{FAR}", options=options)}
        yard.open()
        yard.hub.start()
        running.append(yard)
        return Place(yard, crowd)

    yield make
    for yard in running:
        yard.hub.stop()


@pytest.mark.timeout(120)
def test_a_partner_that_is_away_costs_one_probe_a_pause(make_place: Callable[..., Place]) -> None:
    """Given a backlog for a partner that fails, nothing of it is rung, claimed or tried while its breaker is open, and no retry is spent.

    Each pause, longer than the one before, ends in one probe. When it is back everything arrives once, beginning with one at a time.
    """
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(30)
    assert until(lambda: place.stands("open") and place.states(NEAR) == {"delivered": 30}, 60)
    asked = place.crowd.asked[FAR]
    assert until(lambda: sum(row.next_at > place.yard.clock.at for row in place.rows()) == asked)
    assert until(lambda: place.resting(30 - asked), 60)
    assert asked <= 5 + 5, "those on their way when it opened, and no more"

    pauses = []
    for probes in range(1, 5):
        found = place.partner()
        assert found is not None
        assert found.next_at is not None
        pauses.append(found.next_at - place.yard.clock.at)
        place.yard.clock.at = found.next_at - timedelta(milliseconds=1)
        time.sleep(0.7)  # longer than the relay and the sweep sleep
        assert place.crowd.asked[FAR] == asked + probes - 1
        place.yard.clock.at = found.next_at
        assert until(lambda: place.crowd.asked[FAR] == asked + probes and place.stands("open"), 30)  # noqa: B023 - of this round
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3 * pauses[0]
    assert until(lambda: place.states() == {"queued": 30}, 30)
    assert sum(row.attempts for row in place.rows()) == asked + 4

    place.crowd.says.clear()
    place.crowd.takes[FAR] = 0.05
    place.crowd.at_once.clear()
    place.yard.clock.on(HOUR)
    assert until(lambda: place.states() == {"delivered": 30}, 60)
    assert place.crowd.got(FAR) == 30
    assert all(at_once <= 1 + before for before, at_once in enumerate(place.crowd.at_once[FAR])), place.crowd.at_once[FAR]
    assert max(place.crowd.at_once[FAR]) <= 6


@pytest.mark.timeout(120)
def test_a_retry_after_holds_for_the_whole_partner(make_place: Callable[..., Place]) -> None:
    """Given one answer with a Retry-After, nothing is sent to that partner until then, whatever message it is of; to others it is."""
    place = make_place()
    place.crowd.says[FAR] = Retry("partner.http_429", HOUR)
    place.calls(1)
    assert until(lambda: place.stands("open"))
    place.crowd.says.clear()
    place.calls(5)
    assert until(lambda: place.states(NEAR) == {"delivered": 6} and place.resting(5), 30)
    place.yard.clock.on(HOUR - timedelta(seconds=1))
    time.sleep(0.7)
    assert place.crowd.asked[FAR] == 1
    place.yard.clock.on(timedelta(seconds=1))
    assert until(lambda: place.states() == {"delivered": 6}, 30)


@pytest.mark.timeout(120)
def test_a_message_that_is_rejected_says_nothing_against_the_partner(make_place: Callable[..., Place]) -> None:
    """Given more rejections in a row than failures open a breaker, nothing is held back."""
    place = make_place(breaker_failures=2)
    place.crowd.says[FAR] = Rejected("partner.http_400")
    place.calls(5)
    assert until(lambda: place.states() == {"rejected": 5}, 30)
    assert place.partner() is None


@pytest.mark.timeout(120)
def test_one_slow_partner_leaves_senders_for_the_others(make_place: Callable[..., Place]) -> None:
    """Given more for a slow partner than there are senders, it never takes more than three in four, and the others do not wait for it."""
    place = make_place()
    place.crowd.takes[FAR] = 1.0
    place.calls(24)
    assert until(lambda: place.states(NEAR) == {"delivered": 24}, 60)
    assert place.crowd.got(FAR) < 24
    assert until(lambda: place.states() == {"delivered": 24}, 60)
    assert max(place.crowd.at_once[FAR]) <= 6
    assert place.crowd.got(FAR) == 24


@pytest.mark.timeout(120)
def test_a_partner_that_takes_two_at_once_gets_two_at_once(make_place: Callable[..., Place]) -> None:
    """Given a directory that says `max_concurrent`, no more are on their way to that partner, and all arrive."""
    place = make_place(options={"max_concurrent": "2"})
    place.crowd.takes[FAR] = 0.4
    place.calls(12)
    assert until(lambda: place.states() == {"delivered": 12}, 60)
    assert max(place.crowd.at_once[FAR]) == 2


@pytest.mark.timeout(120)
def test_a_partner_is_sent_no_more_a_minute_than_it_takes(make_place: Callable[..., Place]) -> None:
    """Given a directory that says `max_per_minute`, a second's worth goes at one moment, and as time passes the rest, at that rate."""
    place = make_place(options={"max_per_minute": "180"})
    place.calls(10)
    got: list[int] = []
    for _ in range(4):
        assert until(lambda: place.crowd.got(FAR) >= min(10, 3 * (len(got) + 1)), 30)
        time.sleep(0.7)
        got.append(place.crowd.got(FAR))
        place.yard.clock.on(timedelta(seconds=1))
    assert got == [3, 6, 9, 10]


@pytest.mark.timeout(120)
def test_what_waits_for_too_long_is_given_up(make_place: Callable[..., Place]) -> None:
    """Given a partner that stays away for longer than `retry_for`, what waits for it is given up, most of it untried, and somebody hears of it."""
    place = make_place(retry_for="2d")
    place.crowd.says[FAR] = AWAY
    place.calls(12)
    assert until(lambda: place.stands("open"), 30)
    assert until(lambda: place.resting(12 - place.crowd.asked[FAR]), 30)
    place.yard.clock.on(timedelta(days=3))
    assert until(lambda: place.states() == {"gave_up": 12}, 60)
    assert {row.reason for row in place.rows()} == {"retry.exhausted"}
    with place.yard.ground.store.read() as work:
        items = [item for row in place.rows() for item in work.work_items.of_case(row.owner, row.case_id)]
    assert {item.delivery_id for item in items if item.type.startswith("delivery.")} >= {row.id for row in place.rows()}


@pytest.mark.timeout(120)
def test_a_probe_that_may_not_leave_is_followed_at_once(make_place: Callable[..., Place]) -> None:
    """Given a backlog at an address that is nobody's any more, each probe is held at its claim, and the next one follows without a pause."""
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(12)
    assert until(lambda: place.stands("open"), 30)
    asked = place.crowd.asked[FAR]
    assert until(lambda: place.resting(12 - asked), 30)
    place.yard.at[FAR] = "once"
    place.yard.switch()
    place.yard.clock.on(timedelta(minutes=1))
    assert until(lambda: place.states() == {"held": 12}, 60)
    assert place.crowd.asked[FAR] == asked


@pytest.mark.timeout(120)
def test_what_is_logged_of_a_partner_tells_no_address(make_place: Callable[..., Place], capfd: pytest.CaptureFixture[str]) -> None:
    """Given a breaker that opens and closes, both are logged with the partner's short name, and never with its address."""
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(6)
    assert until(lambda: place.stands("open"), 30)
    place.crowd.says.clear()
    place.yard.clock.on(HOUR)
    assert until(lambda: place.states() == {"delivered": 6}, 30)
    said = capfd.readouterr().err
    assert said.count("partner.opened") == said.count("partner.closed") == 1
    assert partner_id("wire", f"wire:{FAR}") in said
    assert FAR not in said
