"""Whether a text names a person by number: a personnummer or samordningsnummer, in digits of any script, with its century or without.

Seen are the ways in which people part one: not at all; with one sign that is no letter between the parts of the date, and up to three before
the last four; and digit by digit, with one to three such signs between them. Not seen are more than one sign between the parts of the date,
the last four in pairs, and digits in pairs: those are how dates, times and telephone numbers are written.

What has the shape of one and neither a date nor a check digit of one is none, nor is an id, an instant, or a day that is yet to come: most
telephone numbers, case numbers and times. It must never give the number on: it says yes or no.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from datetime import date
from typing import Final

from siphub.model.identifiers import CoordinationNumber, PersonNumber

_PART: Final = r"[\W_]"
_SHAPES: Final = (
    # A day of birth, in one or in three parts, and the last four together; not where those are the year of another date.
    re.compile(rf"(?<!\d)(?=((?:\d{{2}})?\d{{2}}{_PART}?\d{{2}}{_PART}?\d{{2}}{_PART}{{0,3}}\d{{4}})(?!\d|[-/.]\d\d[-/.]\d\d))"),
    # One digit at a time.
    *(re.compile(rf"(?<!\d)(?=((?:\d{_PART}{{1,3}}){{{count - 1}}}\d)(?!\d))") for count in (10, 12)),
)
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_ZONE: Final = r"(?:Z|[+-](?:0\d|1[0-4]):?(?:00|15|30|45))"
_INSTANT: Final = re.compile(rf"(?<!\d)\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{{1,9}}(?!\d|(?!{_ZONE})-\d))?)?(?: ?{_ZONE})?(?!\d)")
"""A day and a time by the clock, with or without seconds and zone; no digits more, so that a number behind it stays in sight."""
_WHOLE: Final = 12
_COORDINATION_DAY: Final = 60


def names_a_person(text: str, day: date | None = None) -> bool:
    """Say whether there is a number of a person's in a text.

    Args:
        text: Which.
        day: The day on which it was written: nobody in it is born later, so that the day and hour of a meeting to come are no number.
    """
    seen = "".join(_seen(char) for char in unicodedata.normalize("NFKC", text))
    plain = _INSTANT.sub(" x ", _UUID.sub(" x ", seen))
    return any(_is_a_persons(found, day) for shape in _SHAPES for found in shape.findall(plain))


def _seen(char: str) -> str:
    """Return a character as it is read: a digit of any script as that digit, and one that nobody sees as nothing."""
    digit = unicodedata.decimal(char, None)
    return "" if unicodedata.category(char) == "Cf" else char if digit is None else str(digit)


def _is_a_persons(parted: str, day: date | None) -> bool:
    """Say whether digits are a personnummer or samordningsnummer, with or without its century, of somebody born by that day."""
    plain = re.sub("[^0-9]", "", parted)
    numbers = [plain] if len(plain) == _WHOLE else [f"{century}{plain}" for century in ("19", "20")]
    return any(_taken(number) and (day is None or _born(number) <= (day.year, day.month, day.day)) for number in numbers)


def _born(number: str) -> tuple[int, int, int]:
    """Return the day of birth in a number; 0 stands where a samordningsnummer does not say, and is early enough."""
    year, month, day = int(number[:4]), int(number[4:6]), int(number[6:8])
    return year, month, day - _COORDINATION_DAY if day >= _COORDINATION_DAY else day


def _taken(number: str) -> bool:
    for kind in (PersonNumber, CoordinationNumber):
        with contextlib.suppress(ValueError):
            kind(number)
            return True
    return False
