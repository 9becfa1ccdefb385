"""A partner's breaker, limits and budget, as values: when nothing is sent to it, when it is probed, and how it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.policy import partners as policy
from siphub.policy.partners import BreakerRule, Budget, Circuit, Limits

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULE = BreakerRule(failures=3, base=timedelta(seconds=4), cap=timedelta(minutes=15), probe=timedelta(seconds=30))


def down(circuit: Circuit, times: int = 1, asked: timedelta | None = None, now: datetime = NOW) -> Circuit:
    """Let a partner fail so many times."""
    for _ in range(times):
        circuit = policy.failed(circuit, RULE, now, "partner.http_503", asked, Random(1))
    return circuit


def test_it_opens_after_failures_in_a_row() -> None:
    """Given failures, the breaker opens at the third in a row; an answer in between begins the count anew."""
    assert down(Circuit(), 2).state == "closed"
    assert down(policy.answered(down(Circuit(), 2), NOW, 8), 2).state == "closed"
    opened = down(Circuit(), 3)
    assert (opened.state, opened.failures, opened.pauses, opened.code) == ("open", 3, 1, "partner.http_503")
    assert opened.failing_since == opened.since == NOW


def test_a_retry_after_is_honoured_at_once() -> None:
    """Given one failure with a Retry-After, nothing is sent until then; without one it takes more."""
    asked = down(Circuit(), 1, timedelta(seconds=90))
    assert (asked.state, asked.next_at) == ("open", NOW + timedelta(seconds=90))
    assert not policy.may_probe(asked, NOW + timedelta(seconds=89))
    assert policy.may_probe(asked, NOW + timedelta(seconds=90))


def test_what_was_on_its_way_may_lengthen_a_pause_and_never_shorten_it() -> None:
    """Given failures of what was on its way when the breaker opened, the pause stays; a longer Retry-After among them counts."""
    opened = down(Circuit(), 3)
    assert down(opened).next_at == opened.next_at
    assert down(opened).pauses == opened.pauses
    assert down(opened, 1, timedelta(hours=1)).next_at == NOW + timedelta(hours=1)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers().map(Random))
def test_the_pauses_grow_up_to_the_cap_with_a_fifth_of_them_by_chance(pauses: int, chance: Random) -> None:
    """Given any pause in a row, it lies between four fifths and all of its step, which doubles and is capped."""
    step = min(RULE.cap, RULE.base * 2 ** min(pauses - 1, 20))
    assert step * 4 / 5 <= RULE.pause(pauses, chance) <= step


def test_one_probe_a_pause() -> None:
    """Given a partner that stays away, each pause ends in one probe, each probe that fails in a longer pause; it is away since the first failure."""
    circuit, now, waits = down(Circuit(), 3), NOW, []
    for _ in range(4):
        assert circuit.next_at is not None
        waits.append(circuit.next_at - now)
        now = circuit.next_at
        assert policy.may_probe(circuit, now)
        circuit = policy.probing(circuit, RULE, now)
        assert circuit.state == "half_open"
        assert not policy.may_probe(circuit, now + RULE.probe - SECOND)
        circuit = down(circuit, now=now)
        assert (circuit.state, circuit.failing_since) == ("open", NOW)
    assert waits == sorted(waits)
    assert waits[3] > 4 * waits[0]


def test_a_probe_that_says_nothing_is_followed_by_another() -> None:
    """Given a probe nobody hears of any more, another may be sent when its time is over; one that was never asked is followed at once."""
    probed = policy.probing(down(Circuit(), 3), RULE, NOW)
    assert policy.may_probe(probed, NOW + RULE.probe)
    assert policy.may_probe(policy.unprobed(probed, NOW), NOW)
    assert policy.unprobed(Circuit(), NOW) == Circuit()


def test_it_comes_back_a_step_at_a_time() -> None:
    """Given an answer to a probe, one delivery may be out at once, then one more for each answer, up to what it takes."""
    back = policy.answered(policy.probing(down(Circuit(), 3), RULE, NOW), NOW, 4)
    assert (back.state, back.failures, back.pauses, back.window, back.answered_at) == ("closed", 0, 0, 1, NOW)
    windows = []
    for _ in range(5):
        back = policy.answered(back, NOW, 4)
        windows.append(back.window)
    assert windows == [2, 3, 4, 4, 4]
    assert policy.answered(Circuit(), NOW, 4).window is None


def test_a_partner_that_gets_more_than_it_takes_gets_less() -> None:
    """Given a partner that is crowded, no more may be out to it than is; never less than one."""
    assert policy.crowded(Circuit(), 8).window == 8
    assert policy.crowded(Circuit(window=5), 8).window == 5
    assert policy.crowded(Circuit(), 0).window == 1


def test_there_is_room_only_where_it_is_well() -> None:
    """Given a window of bells, what is unclaimed takes from it; where something narrows it, so does what is being sent; away, there is none."""
    limits = Limits(concurrent=32)

    def room(circuit: Circuit, limits: Limits = limits, sending: int = 0, unclaimed: int = 0) -> int:
        return policy.room(circuit, limits, sending=sending, unclaimed=unclaimed, window=100)

    assert room(Circuit()) == 100
    assert room(Circuit(), sending=32, unclaimed=60) == 40
    assert room(Circuit(), unclaimed=140) == 0
    assert room(Circuit(window=4), sending=1, unclaimed=1) == 2
    assert room(Circuit(window=50), sending=10) == 22
    assert room(Circuit(), Limits(concurrent=2, strict=True), sending=1) == 1
    assert room(down(Circuit(), 3)) == room(policy.probing(down(Circuit(), 3), RULE, NOW)) == 0


def test_a_partner_may_ask_for_less_and_never_for_more() -> None:
    """Given what a partner asks for, the smaller number counts; what is no number is passed over, and the directory's check says so."""
    base = Limits(concurrent=32, per_minute=600, strict=True)
    assert policy.limits_of(Limits(32), {}) == Limits(32)
    assert policy.limits_of(Limits(32), {"max_concurrent": "2"}) == Limits(2, None, strict=True)
    assert policy.limits_of(Limits(32), {"max_concurrent": "64"}) == Limits(32)
    assert policy.limits_of(base, {"max_concurrent": 4, "max_per_minute": "900"}) == Limits(4, 600, strict=True)
    assert policy.limits_of(Limits(32), {"max_per_minute": "30"}) == Limits(32, 30, strict=True)
    assert policy.limits_of(Limits(32), {"max_concurrent": "many", "max_per_minute": "0"}) == Limits(32)
    assert policy.sound({"max_concurrent": "2", "secret": "x"})
    assert not policy.sound({"max_concurrent": "0"})
    assert not policy.sound({"max_per_minute": "many"})


@pytest.mark.parametrize(("per_minute", "burst"), [(6, 1.0), (60, 1.0), (600, 10.0)])
def test_a_rate_saves_up_one_second(per_minute: int, burst: float) -> None:
    """Given a rate, a second's worth may go at one moment, at least one; what was sent comes back with time."""
    limits = Limits(32, per_minute)
    assert policy.tokens_now(limits, None, None, NOW) == burst
    assert policy.tokens_now(limits, 0.0, NOW, NOW + timedelta(hours=1)) == burst
    assert policy.tokens_now(limits, 0.0, NOW, NOW + timedelta(seconds=6)) == pytest.approx(min(burst, per_minute / 10))
    assert policy.tokens_now(limits, 1.0, NOW, NOW - SECOND) == 1.0
    assert policy.tokens_now(Limits(32), None, None, NOW) is None


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=50, max_size=400), st.sampled_from([0.1, 0.2, 0.5]))
def test_repeats_are_a_share_of_first_attempts(kinds: list[bool], share: float) -> None:
    """Given any mixture, the repeats that fall due are no more than were saved up, one in two seconds, and the share."""
    budget, now, due = Budget(at=NOW), NOW, []
    for is_first in kinds:
        now += timedelta(milliseconds=100)
        if is_first:
            budget = policy.first(budget, share, now)
        else:
            budget, wait = policy.repeat(budget, now)
            due.append(now + wait)
    allowed = policy.SAVED + (now - NOW) / policy.EVERY + share * sum(kinds)
    assert sum(at <= now for at in due) <= allowed + 1


def test_a_name_for_logs_tells_no_address() -> None:
    """Given an endpoint, its short name has none of it, is the same every time, and another one's differs."""
    name = policy.partner_id("fhir", "https://fhir.norrby.example/sip")
    assert len(name) == 12
    assert int(name, 16) >= 0
    assert (
        name == policy.partner_id("fhir", "https://fhir.norrby.example/sip") != policy.partner_id("sdk", "https://fhir.norrby.example/sip")
    )


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("15 min", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("90 d", timedelta(days=90)),
        ("14 min", None),
        ("91 d", None),
        ("2161 h", None),
        ("5", None),
        ("5 d\n", None),
        ("-1 d", None),
        ("1.5 d", None),
        ("٣ d", None),
        ("999999 min", None),
        ("", None),
    ],
)
def test_how_long_a_receipt_is_waited_for_is_a_time_within_bounds(said: str, time: timedelta | None) -> None:
    """Given an entry's option, then it is a number of minutes, hours or days, no less than a quarter of an hour and no more than 90 days."""
    assert policy.receipt_within({"receipt_within": said}) == time
    assert policy.receipt_within({}) is None


def test_of_entries_that_share_an_address_the_shortest_time_counts() -> None:
    """Given two units at one address with times of their own, and partners with none, then each place is there once, by the time of the first alarm."""
    both: list[dict[str, str]] = [{"receipt_within": "2 d"}, {"receipt_within": "3 h"}, {}]
    longer: list[dict[str, str]] = [{"receipt_within": "30 d"}, {}]
    entries: list[tuple[tuple[str, str], list[dict[str, str]]]] = [
        (("fhir", "a"), both),
        (("sdk", "b"), [{"receipt_within": "3 h"}]),
        (("sdk", "c"), [{}]),
        (("sdk", "d"), longer),
    ]
    found = policy.own_waits(entries, timedelta(days=5))
    assert found == {timedelta(hours=3): (("fhir", "a"), ("sdk", "b"))}, "a neighbour who says nothing is waited for as usual"
