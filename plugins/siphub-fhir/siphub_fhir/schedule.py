"""When something is done, in words: R4's three ways of scheduling an activity, and its dates of three precisions.

It must never make a date more exact than it is.
"""

from __future__ import annotations

import re
from typing import Any, Final

from siphub_fhir.lens import Resource, at

_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(T|$)")
_UNITS: Final = {"h": "timme", "d": "dag", "wk": "vecka", "mo": "månad", "a": "år"}
_PLURAL: Final = {"h": "timmar", "d": "dagar", "wk": "veckor", "mo": "månader", "a": "år"}


def day(text: Any) -> str | None:
    """Return the day of a dateTime, or None where it names only a month or a year."""
    found = _DAY.match(text) if isinstance(text, str) else None
    return found[1] if found else None


def words_of(detail: Resource) -> str | None:
    """Return when, in words: as they stand, or as the period or the frequency says. None where nothing is said."""
    for where in ("scheduledString", "scheduledTiming.code.text", "occurrenceTiming.code.text"):
        if at(detail, where):
            return str(at(detail, where))
    for timing in ("scheduledTiming", "occurrenceTiming"):
        often = _often(at(detail, f"{timing}.repeat") or {})
        if often:
            return often
    for period in ("scheduledPeriod", "occurrencePeriod", "scheduledTiming.repeat.boundsPeriod", "occurrenceTiming.repeat.boundsPeriod"):
        start, end = at(detail, f"{period}.start"), at(detail, f"{period}.end")
        if start or end:
            return f"{start or ''} – {end or ''}".strip()
    return detail.get("occurrenceDateTime")


def _often(repeat: Resource) -> str | None:
    times, period, unit = repeat.get("frequency"), repeat.get("period"), repeat.get("periodUnit")
    if not isinstance(times, int) or period is None or unit not in _UNITS:
        return None
    how = "1 gång" if times == 1 else f"{times} gånger"
    return f"{how} per {_UNITS[unit]}" if period == 1 else f"{how} per {period} {_PLURAL[unit]}"


def end_of(detail: Resource) -> str | None:
    """Return the day it ends, where one is named."""
    wheres = (
        "scheduledPeriod.end",
        "scheduledTiming.repeat.boundsPeriod.end",
        "occurrencePeriod.end",
        "occurrenceTiming.repeat.boundsPeriod.end",
    )
    return next((found for found in (day(at(detail, where)) for where in wheres) if found), None)
