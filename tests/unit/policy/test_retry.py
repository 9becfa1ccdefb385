"""When to try again: later and later, with chance, never before the partner asked for, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.policy.retry import RetryRule

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
RULE = RetryRule()
attempts = st.integers(1, RULE.limit - 1)
seeds = st.integers().map(Random)


def wait(attempts: int, chance: Random, asked: timedelta | None = None) -> timedelta:
    """Return how long until the next try."""
    found = RULE.next_at(attempts, NOW, asked, chance)
    assert found is not None
    return found - NOW


@settings(deadline=None)
@given(attempts, seeds)
def test_the_step_doubles_up_to_the_cap_with_half_of_it_by_chance(tried: int, chance: Random) -> None:
    """Given any number of attempts, then the wait lies between half and all of the step, which doubles and is capped."""
    step = min(RULE.cap, RULE.base * 2 ** min(tried - 1, 20))
    assert step / 2 <= wait(tried, chance) <= step


@settings(deadline=None)
@given(attempts, seeds, st.timedeltas(timedelta(0), timedelta(days=1)))
def test_what_the_partner_asks_for_is_a_minimum(tried: int, chance: Random, asked: timedelta) -> None:
    """Given a Retry-After, then the next try is never before it."""
    assert wait(tried, chance, asked) >= asked


def test_partners_that_fail_together_do_not_come_back_together() -> None:
    """Given a hundred deliveries that failed at the same moment, then their next tries are spread."""
    waits = {wait(8, Random(seed)) for seed in range(100)}
    assert len(waits) > 90


def test_there_is_an_end_to_patience() -> None:
    """Given as many attempts as the rule allows, then it is a dead letter; one before that there is another try."""
    assert RULE.next_at(RULE.limit, NOW, None, Random(1)) is None
    assert RULE.next_at(RULE.limit - 1, NOW, None, Random(1)) is not None


def test_a_partner_gone_for_a_weekend_is_still_tried() -> None:
    """Given 72 hours of refusals, when every wait is as short as it can be, then patience has not run out (A8)."""
    shortest = sum((min(RULE.cap, RULE.base * 2 ** min(tried - 1, 20)) / 2 for tried in range(1, RULE.limit)), timedelta(0))
    assert shortest > timedelta(hours=48)


class Always(Random):
    """Chance that always falls the same way."""

    def __init__(self, falls: float) -> None:
        super().__init__(0)
        self.falls = falls

    def random(self) -> float:
        """Return what it was made with."""
        return self.falls


@pytest.mark.parametrize(
    ("attempts", "falls", "seconds"), [(1, 0.0, 1), (1, 1.0, 2), (2, 1.0, 4), (3, 1.0, 8), (3, 0.0, 4), (3, 0.5, 6), (60, 1.0, 2**21)]
)
def test_each_step_to_the_second(attempts: int, falls: float, seconds: int) -> None:
    """Given a rule of two seconds that nothing caps, then each step is twice the one before, half to whole of it by chance, up to the twentieth."""
    rule = RetryRule(base=timedelta(seconds=2), cap=timedelta(days=3650))
    assert rule.next_at(attempts, NOW, None, Always(falls)) == NOW + timedelta(seconds=seconds)
