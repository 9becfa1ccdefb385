"""Days as people in Sweden count them, far from the years in which everybody knows when Easter was."""

from __future__ import annotations

from datetime import UTC, date, time, timedelta

import pytest

from siphub.policy.days import at, working

EASTERS = (
    "1818-03-22 1886-04-25 1943-04-25 1954-04-18 1981-04-19 2000-04-23 2008-03-23 2011-04-24 2019-04-21 2024-03-31 2025-04-20 2026-04-05 "
    "2038-04-25 2049-04-18 2076-04-19 2100-03-28 2133-04-19 2160-03-23 2200-04-06 2285-03-22 2300-04-08 2400-04-16"
)
"""Easter Days of the published tables: the earliest, the latest, the two exceptions of the computus, the centuries without a leap day."""


@pytest.mark.parametrize("easter", [date.fromisoformat(day) for day in EASTERS.split()], ids=str)
def test_the_days_around_easter_are_those_of_the_published_tables(easter: date) -> None:
    """Given Easter Day of a year, then Good Friday, Easter Monday and Ascension Day are taken off, and the weekdays beside them are not."""
    beside = {day: working(easter + timedelta(days=day)) for day in (-3, -2, 1, 2, 38, 39)}
    assert beside == {-3: True, -2: False, 1: False, 2: True, 38: True, 39: False}


def test_an_instant_is_given_in_utc() -> None:
    """Given a clock time on a Swedish day, then its instant is in UTC, whatever zone the machine is set to."""
    assert at(date(2026, 7, 1), time(12)).tzinfo is UTC
