"""Partners that are slow, away or ask for less: what they are sent, what it costs, and what the others notice of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Outcome, Rejected, Retry, Uncertain
from siphub.model import Address
from siphub.policy.partners import partner_id
from siphub.testing.clock import Hand
from siphub.testing.crowd import FAR, NEAR, Crowd, Quarter
from siphub.testing.story import until
from siphub.testing.yard import Yard

AWAY = Retry("partner.http_503")
HOUR = timedelta(hours=1)


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Quarter]]:
    """Return what starts a hub; settings by name, `options` are the far unit's address's."""
    running: list[Yard] = []

    def make(*, options: dict[str, str] | None = None, **given: Any) -> Quarter:
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
        return Quarter(yard, crowd)

    yield make
    for yard in running:
        yard.hub.stop()


@pytest.mark.timeout(120)
def test_a_partner_that_is_away_costs_one_probe_a_pause(make_place: Callable[..., Quarter]) -> None:
    """Given a backlog for a partner that fails, nothing of it is rung, claimed or tried while its breaker is open, and no retry is spent.

    Each pause, longer than the one before, ends in one probe. When it is back everything arrives once, beginning with one at a time.
    """
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(30)
    assert until(lambda: place.stands("open") and place.states(NEAR) == {"delivered": 30} and not place.states()["sending"], 60)
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
@pytest.mark.parametrize("outcome", [Retry("partner.http_429", HOUR), Uncertain("partner.http_429", HOUR)], ids=["retry", "uncertain"])
def test_a_retry_after_holds_for_the_whole_partner(make_place: Callable[..., Quarter], outcome: Outcome) -> None:
    """Given one answer with a Retry-After, nothing is sent to that partner until then, whatever message it is of; to others it is."""
    place = make_place()
    place.crowd.says[FAR] = outcome
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
def test_a_message_that_is_rejected_says_nothing_against_the_partner(make_place: Callable[..., Quarter]) -> None:
    """Given more rejections in a row than failures open a breaker, nothing is held back."""
    place = make_place(breaker_failures=2)
    place.crowd.says[FAR] = Rejected("partner.http_400")
    place.calls(5)
    assert until(lambda: place.states() == {"rejected": 5}, 30)
    assert place.partner() is None


@pytest.mark.timeout(120)
def test_one_slow_partner_leaves_senders_for_the_others(make_place: Callable[..., Quarter]) -> None:
    """Given more for a partner that does not answer yet than there are senders, it never takes more than three in four, and the others do not wait."""
    place = make_place()
    place.crowd.holds[FAR] = answers = threading.Event()
    place.calls(24)
    assert until(lambda: place.states(NEAR) == {"delivered": 24}, 60)
    assert place.crowd.got(FAR) == 0
    answers.set()
    assert until(lambda: place.states() == {"delivered": 24}, 60)
    assert max(place.crowd.at_once[FAR]) <= 6
    assert place.crowd.got(FAR) == 24


@pytest.mark.timeout(120)
def test_a_partner_that_takes_two_at_once_gets_two_at_once(make_place: Callable[..., Quarter]) -> None:
    """Given a directory that says `max_concurrent`, no more are on their way to that partner, and all arrive."""
    place = make_place(options={"max_concurrent": "2"})
    place.crowd.takes[FAR] = 0.4
    place.calls(12)
    assert until(lambda: place.states() == {"delivered": 12}, 60)
    assert max(place.crowd.at_once[FAR]) == 2


@pytest.mark.timeout(120)
def test_a_partner_is_sent_no_more_a_minute_than_it_takes(make_place: Callable[..., Quarter]) -> None:
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
def test_what_waits_for_too_long_is_given_up(make_place: Callable[..., Quarter]) -> None:
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
def test_a_probe_that_may_not_leave_is_followed_at_once(make_place: Callable[..., Quarter]) -> None:
    """Given a backlog at an address that is nobody's any more, each probe is held at its claim, and the next one follows without a pause."""
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(12)
    assert until(lambda: place.stands("open") and not place.states()["sending"], 30)
    asked = place.crowd.asked[FAR]
    assert until(lambda: place.resting(12 - asked), 30)
    place.yard.at[FAR] = "once"
    place.yard.switch()
    place.yard.clock.on(timedelta(minutes=1))
    assert until(lambda: place.states() == {"held": 12}, 60)
    assert place.crowd.asked[FAR] == asked


@pytest.mark.timeout(120)
def test_what_is_logged_of_a_partner_tells_no_address(make_place: Callable[..., Quarter], capfd: pytest.CaptureFixture[str]) -> None:
    """Given a breaker that opens and closes, both are logged with the partner's short name, and never with its address."""
    place = make_place()
    place.crowd.says[FAR] = AWAY
    place.calls(6)
    assert until(lambda: place.stands("open") and not place.states()["sending"], 30)  # else a lease runs out with the clock
    place.crowd.says.clear()
    place.yard.clock.on(HOUR)
    assert until(lambda: place.states() == {"delivered": 6}, 30)
    said = capfd.readouterr().err
    assert said.count("partner.opened") == said.count("partner.closed") == 1
    assert partner_id("wire", f"wire:{FAR}") in said
    assert FAR not in said
