"""Whether a text names a person by number: a personnummer or samordningsnummer, however its digits are written and parted.

What has the shape of one and neither a date nor a check digit of one is none: most telephone numbers, case numbers and times. It must never
give the number on: it says yes or no.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
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
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_WHOLE: Final = 12


def names_a_person(text: str) -> bool:
    """Say whether there is a number of a person's in a text; an id is none, nor is what is an instant as a whole: minute, second and microseconds may look like one."""
    if _INSTANT.fullmatch(text):
        return False
    seen = "".join(_seen(char) for char in unicodedata.normalize("NFKC", text))
    plain = _UUID.sub(" x ", seen)
    return any(_is_a_persons(found) for shape in _SHAPES for found in shape.findall(plain))


def _seen(char: str) -> str:
    """Return a character as it is read: a digit of any script as that digit, and one that nobody sees as nothing."""
    digit = unicodedata.decimal(char, None)
    return "" if unicodedata.category(char) == "Cf" else char if digit is None else str(digit)


def _is_a_persons(parted: str) -> bool:
    """Say whether digits are a personnummer or samordningsnummer, with or without its century."""
    plain = re.sub("[^0-9]", "", parted)
    return any(_taken(plain if len(plain) == _WHOLE else century + plain) for century in ("19", "20"))


def _taken(number: str) -> bool:
    for kind in (PersonNumber, CoordinationNumber):
        with contextlib.suppress(ValueError):
            kind(number)
            return True
    return False
