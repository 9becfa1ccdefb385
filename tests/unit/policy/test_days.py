"""Days as people in Sweden count them: when one begins, on which offices are closed, and far from the years in which everybody knows when Easter was."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from siphub.policy.days import STOCKHOLM, after, at, day_of, end_of, working

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


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 23, 22, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 23, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 6, 23, 21, 59, tzinfo=UTC), date(2026, 6, 23)),
        (datetime(2026, 6, 23, 22, 0, tzinfo=UTC), date(2026, 6, 24)),
    ],
)
def test_a_day_is_swedens(instant: datetime, day: date) -> None:
    """Given an instant near midnight, then the day is the one people in Sweden live, in winter and in summer."""
    assert day_of(instant) == day


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 23), 24)])
def test_a_day_ends_when_the_next_begins(day: date, hours: int) -> None:
    """Given the days the clock goes forward and back, then they have 23 and 25 hours, and end at midnight all the same."""
    assert end_of(day) - end_of(day - timedelta(days=1)) == timedelta(hours=hours)
    assert end_of(day).astimezone(STOCKHOLM).hour == 0


@pytest.mark.parametrize(
    ("closed", "name"),
    [
        ("2026-01-01", "New Year's Day"),
        ("2026-01-06", "Epiphany"),
        ("2026-04-03", "Good Friday"),
        ("2026-04-05", "Easter Day"),
        ("2026-04-06", "Easter Monday"),
        ("2026-05-01", "the First of May"),
        ("2026-05-14", "Ascension Day"),
        ("2026-06-06", "the National Day"),
        ("2026-06-19", "Midsummer's eve"),
        ("2027-06-25", "Midsummer's eve, as late as it can be"),
        ("2026-06-20", "Midsummer's Day"),
        ("2026-10-31", "All Saints' Day"),
        ("2026-12-24", "Christmas Eve"),
        ("2026-12-25", "Christmas Day"),
        ("2026-12-26", "Boxing Day"),
        ("2026-12-31", "New Year's Eve"),
        ("2024-03-29", "Good Friday of another year"),
        ("2026-11-22", "a Sunday"),
    ],
)
def test_offices_are_closed(closed: str, name: str) -> None:
    """Given a holiday or a weekend, then it is no working day."""
    assert not working(date.fromisoformat(closed)), name


@pytest.mark.parametrize("day", ["2026-01-02", "2026-04-02", "2026-04-07", "2026-05-15", "2026-06-18", "2026-11-23", "2026-12-23"])
def test_offices_are_open(day: str) -> None:
    """Given an ordinary day beside a holiday, then it is a working day."""
    assert working(date.fromisoformat(day))


def test_working_days_are_counted_over_christmas() -> None:
    """Given the 22nd of December 2026, then the fifth working day is the 4th of January, and the fifth day the 27th."""
    assert after(date(2026, 12, 22), 5, only_working=True) == date(2027, 1, 4)
    assert after(date(2026, 12, 22), 5) == date(2026, 12, 27)
    assert after(date(2026, 12, 26), 0, only_working=True) == date(2026, 12, 26)
