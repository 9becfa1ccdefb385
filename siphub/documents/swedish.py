"""Days and times as they are written in Swedish. Our own tables: the machine's language must not show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
_DAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_MONTHS = ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december")


def day(one: date, *, named: bool = False) -> str:
    """Write a day: 7 december 2026, with the day of the week where it is asked for."""
    written = f"{one.day} {_MONTHS[one.month - 1]} {one.year}"
    return f"{_DAYS[one.weekday()]} {written}" if named else written


def clock(one: datetime) -> str:
    """Write a time of day: 13.00."""
    return f"{one:%H.%M}"


def instant(one: datetime, zone: ZoneInfo = STOCKHOLM) -> str:
    """Write a point in time where people are: 7 december 2026 kl. 13.00."""
    local = one.astimezone(zone)
    return f"{day(local)} kl. {clock(local)}"


def span(start: datetime, end: datetime, zone: ZoneInfo = STOCKHOLM, *, assumed: bool = False) -> str:
    """Write from when to when: måndag 7 december 2026 kl. 13.00–14.00."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    written = f"{day(first, named=True)} kl. {clock(first)}"
    ends = clock(last) if first.date() == last.date() else f"{day(last, named=True)} kl. {clock(last)}"
    if assumed:
        return f"{written} (antas sluta {ends})"
    return f"{written}–{ends}" if first.date() == last.date() else f"{written} – {ends}"
