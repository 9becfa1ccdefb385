"""R4's primitive types: whether a value of JSON is one, by R4's regular expressions and what they leave open.

A date that no calendar has and a number beyond 32 bits pass the regular expressions and are none. It must never take longer for a longer
text than the text is long.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date
from decimal import Decimal
from typing import Any, Final

from siphub_fhir.r4 import primitives

_LEAST: Final = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_MOST_NUMBER: Final = 2**31 - 1
_DATED: Final = frozenset({"date", "dateTime", "instant"})
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_LONGEST: Final = 64
"""How long a date, a time or an id may be at most before it is looked at."""
_SHORT: Final = _DATED | {"time", "id"}
_FREE: Final = frozenset({"string", "markdown", "xhtml"})
_SPACE: Final = re.compile(r"\s+")
_NAME: Final = re.compile(r"(?=.{1,62}\Z)_?[A-Za-z]+(?:[0-9]{1,2}[A-Za-z]+)*[0-9]{0,2}")
"""What a name of an element looks like: R4's have two digits at most in a row, and a person's number has more."""


def is_a_name(text: str) -> bool:
    """Say whether a text may be told as the name of an element that R4 does not know; any other may be somebody's number."""
    return _NAME.fullmatch(text) is not None


def is_sound(value: Any, kind: str) -> bool:
    """Say whether a value is of a primitive type, as JSON has it."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in _LEAST:
        return isinstance(value, int) and not isinstance(value, bool) and _LEAST[kind] <= value <= _MOST_NUMBER
    if kind == "decimal":
        return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    return kind in _FREE or _is_text_of(value, kind)


def _is_text_of(value: str, kind: str) -> bool:
    if kind == "base64Binary":
        return _is_base64(value)
    if kind in _SHORT and len(value) > _LONGEST:
        return False
    return primitives()[kind].fullmatch(value) is not None and (kind not in _DATED or _is_a_day(value))


def _is_a_day(value: str) -> bool:
    found = _DAY.match(value)
    if found is None:
        return True
    try:
        date(*(int(part) for part in found.groups()))
    except ValueError:
        return False
    return True


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(_SPACE.sub("", value), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
