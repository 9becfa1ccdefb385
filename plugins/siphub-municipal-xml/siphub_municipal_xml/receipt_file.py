"""A receipt as a file: three lines, each with its line's end, in UTF-8.

    accepted        or `read`, where a person has read it, or `rejected`
    -               why it was rejected, in a code of the municipality's: lower-case letters, digits, and . _ : -
    2026-4711       the municipality's own number of it

A line of which there is nothing to say is a hyphen. The file's name is the key's, `<key>.receipt`: a delivery is known by nothing else.
It must never be taken for whole before its third line has ended.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

from siphub.contract import Receipt, Unreadable, sane_reference

ENDING: Final = ".receipt"
MOST: Final = 4096
"""The largest receipt, in bytes."""
_LINES: Final = 3
_KINDS: Final[dict[str, Literal["received", "read", "rejected"]]] = {"accepted": "received", "read": "read", "rejected": "rejected"}
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9._:-]{0,63}")
_NOTHING: Final = "-"


def is_whole(body: bytes) -> bool:
    """Say whether the third line has ended."""
    return body.count(b"\n") >= _LINES


def receipt_in(name: str, body: bytes, at: datetime) -> Receipt | Unreadable:
    """Return what a whole receipt says, by a file's name and bytes; `at` is when it was written."""
    key, lines = name[: -len(ENDING)], _lines(body)
    if not _KEY.fullmatch(key) or len(lines) != _LINES or lines[0] not in _KINDS:
        return Unreadable("receipt.unreadable")
    kind, code, number = _KINDS[lines[0]], *(None if line == _NOTHING else line for line in lines[1:])
    odd = code is not None and (kind != "rejected" or not _CODE.fullmatch(code))
    if odd or (number is not None and sane_reference(number) is None):
        return Unreadable("receipt.unreadable")
    return Receipt(key, kind, at, code, number)


def _lines(body: bytes) -> list[str]:
    """Return the lines without their ends and without white space around them; none where the bytes are no UTF-8 or the last has no end."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    *lines, rest = (line.strip() for line in text.split("\n"))
    return lines if not rest else []
