"""Days as people in Sweden count them: which day an instant falls on there, when that day ends, and which days offices are open.

Pure. It must never use the machine's own zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def day_of(instant: datetime) -> date:
    """Return the day an instant falls on in Sweden."""
    return instant.astimezone(STOCKHOLM).date()


def at(day: date, clock: time) -> datetime:
    """Return the instant of a clock time on a Swedish day, UTC. One that does not exist, when the clock goes forward, is taken an hour later."""
    return datetime.combine(day, clock, STOCKHOLM).astimezone(UTC)


def end_of(day: date) -> datetime:
    """Return the first instant after a Swedish day, UTC: days of 23 and of 25 hours end right as well."""
    return at(day + timedelta(days=1), time())


def working(day: date) -> bool:
    """Say whether offices are open: no Saturday, Sunday, public holiday, nor one of the eves that are taken off like one."""
    return day.weekday() < _SATURDAY and (day.month, day.day) not in _FIXED and day not in _movable(day.year)


def after(day: date, days: int, *, only_working: bool = False) -> date:
    """Return the day so many days after another; where only working days count, the last of them is one."""
    if not only_working:
        return day + timedelta(days=days)
    while days:
        day += timedelta(days=1)
        days -= working(day)
    return day


_SATURDAY, _FRIDAY = 5, 4
_FIXED = frozenset({(1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31)})
_MIDSUMMER = (6, 19)
"""The first day on which Midsummer's eve, a Friday, can fall."""


@cache
def _movable(year: int) -> frozenset[date]:
    """Return Good Friday, Easter Monday, Ascension Day and Midsummer's eve; the other movable ones are Saturdays and Sundays."""
    easter = _easter(year)
    first = date(year, *_MIDSUMMER)
    midsummer = first + timedelta(days=(_FRIDAY - first.weekday()) % 7)
    return frozenset({easter - timedelta(days=2), easter + timedelta(days=1), easter + timedelta(days=39), midsummer})


def _easter(year: int) -> date:
    """Return Easter Day by the Gregorian computus, as Meeus, Jones and Butcher write it down."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    s = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * s) // 451
    month, day = divmod(h + s - 7 * m + 114, 31)
    return date(year, month, day + 1)
