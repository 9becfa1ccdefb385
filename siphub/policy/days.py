"""Days as people in Sweden count them: which day an instant falls on there, when that day ends, and which days offices are open.

Pure. It must never use the machine's own zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
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
