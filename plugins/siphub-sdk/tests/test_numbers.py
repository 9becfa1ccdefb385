"""A person's number in a text: seen in the ways in which people part one, and nothing else taken for one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from random import Random

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
def test_a_persons_number_is_seen_in_the_ways_people_part_one(number: str) -> None:
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


DAY = date(2026, 11, 26)
CLOCKS = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


def test_no_instant_in_a_sentence_is_taken_for_one() -> None:
    """Given two thousand instants of any year in which people are born, in sentences, with and without seconds and zone, then none is a person's number."""
    random, taken = Random(1177), []
    for _ in range(2000):
        at = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.randrange(97 * 365 * 86_400_000_000))
        at = at.astimezone(timezone(timedelta(minutes=random.choice((-90, 0, 60, 120)))))
        zone = random.choice(("", "Z", f"{at:%z}", f" {at:%z}", f"{at:%z}"[:3] + ":" + f"{at:%z}"[3:]))
        text = f"Svar senast {at.strftime(random.choice(CLOCKS))}{zone}, tack"
        taken += [text] if names_a_person(text) else []
    assert taken == []


def test_no_day_and_hour_to_come_are_taken_for_one() -> None:
    """Given two thousand days after the message's with an hour in four digits, then none is a person's number; without the message's day some look like one."""
    random, looks_so = Random(1178), 0
    for _ in range(2000):
        coming = DAY + timedelta(days=random.randrange(1, 900))
        text = f"Mötet är {coming:{random.choice(('%Y-%m-%d', '%Y%m%d', '%Y/%m/%d'))}} {random.randrange(24):02}{random.randrange(60):02}, rum 3"
        assert not names_a_person(text, DAY), text
        looks_so += names_a_person(text)
    assert looks_so > 100


@pytest.mark.parametrize(
    ("number", "born"), [(WHOLE, date(2010, 1, 3)), (WHOLE[2:], date(2010, 1, 3)), ("199002709815", date(1990, 2, 10))]
)
def test_who_is_born_by_the_day_is_seen(number: str, born: date) -> None:
    """Given a number whose day of birth is the message's, then it is a person's; the day before nobody has it, but in the short form somebody a hundred years older."""
    assert names_a_person(number, born)
    assert names_a_person(number, born - timedelta(days=1)) is (len(number) == 10)


@pytest.mark.parametrize(
    "text",
    ["2026-11-26 10:00 {}", "2026-11-26T10:00:00Z {}", "2026-11-26 10:00-{}", "2026-11-26T10:00:00.{}", "2026-11-26T10:00:00+0100 {}"],
)
@pytest.mark.parametrize("number", [WHOLE, f"{WHOLE[:8]}-{WHOLE[8:]}", WHOLE[2:], f"{WHOLE[2:8]}-{WHOLE[8:]}"])
def test_a_number_behind_an_instant_is_seen(text: str, number: str) -> None:
    """Given a person's number that follows an instant closely, then it is seen."""
    assert names_a_person(text.format(number), DAY)
