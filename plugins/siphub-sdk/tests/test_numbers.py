"""A person's number in a text: seen however it is written and parted, and nothing else taken for one."""

from __future__ import annotations

import pytest

from siphub.model import people as p
from siphub_sdk.numbers import names_a_person

WHOLE = str(p.SUBJECT_NUMBER)
ARABIC = "".join(chr(0x0660 + int(digit)) for digit in WHOLE)


@pytest.mark.parametrize(
    "number",
    [
        WHOLE,
        WHOLE[2:],
        *(f"{WHOLE[:8]}{part}{WHOLE[8:]}" for part in "-+/_:,;~.*|\u2014\u2013\u00b7\n"),
        *(f"{WHOLE[2:8]}{part}{WHOLE[8:]}" for part in (" - ", "/", "_", " ~ ")),
        *(part.join((WHOLE[:4], WHOLE[4:6], WHOLE[6:8], WHOLE[8:])) for part in "-/_:. "),
        *(part.join(WHOLE) for part in (" ", "-", ".", ", ", "_")),
        " ".join(WHOLE[2:]),
        ARABIC,
        f"{ARABIC[:8]}-{ARABIC[8:]}",
        f"{WHOLE}-1",
    ],
)
def test_a_persons_number_is_seen_however_it_is_parted(number: str) -> None:
    """Given a person's number in one of its forms, alone or among words, then it is seen."""
    assert names_a_person(number)
    assert names_a_person(f"Gäller {number}, enligt ovan")


@pytest.mark.parametrize(
    "text",
    [
        "SN 2026-117",
        "Dnr AF-2026/00123456",
        "070-123 45 67",
        "+46 8 508 250 00",
        "2026-11-26 13:00",
        "2026-11-26T13:00:00Z",
        "2026-11-26 – 2026-12-04, 2027-01-15",
        "den 26/11 kl. 13.00, rum 1203",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
        "5b0f3f1e-7c64-4d7e-8f5c-" + WHOLE,
        f"{WHOLE[:-1]}{(int(WHOLE[-1]) + 1) % 10}",
        f"1{WHOLE}",
        "2026-11-26T09:10:01.032380Z",
        "2026-11-26T10:01:03.2380+01:00",
        "",
    ],
)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    """Given case numbers, telephone numbers, times, dates, ids and digits whose check digit is another, then there is no person's number."""
    assert not names_a_person(text)
