"""The instants that others write: one place reads them, and what it cannot be sure of is none.

What the schemas allow is more than a clock says: midnight as 24:00, years before Christ and of five digits, and days at the ends of the
calendar that another time zone would push over its edge. It must never raise, whatever stands there.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_MIDNIGHT: Final = re.compile(r"T24:00(:00(\.0+)?)?(?=$|Z|[+-])")
_SWEDEN: Final = ZoneInfo("Europe/Stockholm")
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_END: Final = datetime(2200, 1, 1, tzinfo=UTC)


def instant(text: str) -> datetime | None:
    """Return an instant in UTC; None where it is none, has no zone, or lies outside the years 2000 to 2199, in which SDK's messages are written."""
    plain = _MIDNIGHT.sub("T00:00:00", text)
    try:
        at = datetime.fromisoformat(plain)
        if at.tzinfo is None:
            return None
        found = at.astimezone(UTC) + timedelta(days=plain != text)
    except (ValueError, OverflowError):
        return None
    return found if _FIRST <= found < _END else None


def swedish_day(text: str) -> date | None:
    """Return the day of an instant by a clock in Sweden; None where it is no instant of ours."""
    at = instant(text)
    return None if at is None else at.astimezone(_SWEDEN).date()


def plain(text: str) -> str | None:
    """Return an instant as every reader of ours takes it: in UTC, midnight as 00:00 and with `Z`; one outside our years as it stands, and None where it is none."""
    at = instant(text)
    if at is not None:
        return at.isoformat().replace("+00:00", "Z")
    try:
        return text if datetime.fromisoformat(text).tzinfo is not None else None
    except ValueError:
        return None
