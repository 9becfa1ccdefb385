"""Days and times the Swedish way, and Swedish words for everything a message can have."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from siphub.documents.facts import label
from siphub.documents.swedish import day, instant, span
from siphub.documents.words import CODES, LABELS, TITLES
from siphub.model import CATALOGUE, Message
from siphub.model.person import Person


@pytest.mark.parametrize(
    ("one", "named", "written"),
    [
        (date(2026, 11, 23), False, "23 november 2026"),
        (date(2026, 11, 23), True, "måndag 23 november 2026"),
        (date(2028, 2, 29), True, "tisdag 29 februari 2028"),
        (date(2027, 1, 3), True, "söndag 3 januari 2027"),
    ],
)
def test_a_day_is_written_without_a_leading_nought(one: date, named: bool, written: str) -> None:
    """Given a day, then it is day, month in small letters, year."""
    assert day(one, named=named) == written


@pytest.mark.parametrize(
    ("one", "written"),
    [
        (datetime(2026, 11, 23, 11, 0, tzinfo=UTC), "23 november 2026 kl. 12.00"),
        (datetime(2026, 7, 1, 6, 5, tzinfo=UTC), "1 juli 2026 kl. 08.05"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "1 januari 2027 kl. 00.30"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25 oktober 2026 kl. 02.30"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25 oktober 2026 kl. 02.30"),
    ],
)
def test_a_time_is_written_as_the_clock_in_sweden_shows_it(one: datetime, written: str) -> None:
    """Given a time in UTC, then it is summer time in summer, and after midnight it is the next day."""
    assert instant(one) == written


def test_a_span_over_midnight_names_both_days() -> None:
    """Given a meeting that ends on the same day, or the next, or at an assumed time, then each is written so that nobody misreads it."""
    start = datetime(2026, 12, 7, 21, 30, tzinfo=UTC)
    assert span(start, start + timedelta(hours=1)) == "måndag 7 december 2026 kl. 22.30–23.30"
    assert span(start, start + timedelta(hours=2)) == "måndag 7 december 2026 kl. 22.30 – tisdag 8 december 2026 kl. 00.30"
    assert span(start, start + timedelta(hours=1), assumed=True) == "måndag 7 december 2026 kl. 22.30 (antas sluta 23.30)"
    assert span(start, start + timedelta(hours=1), ZoneInfo("Europe/Lisbon")) == "måndag 7 december 2026 kl. 21.30–22.30"


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """Yield every field of a model and of what it holds, with its annotation."""
    for name, field in model.model_fields.items():
        yield name, field.annotation
        for inner in models_in(field.annotation):
            yield from fields_of(inner)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from models_in(inner)


CONTENTS: list[type[BaseModel]] = [Message, Person, *(row.content for row in CATALOGUE.values())]
FIELDS = {name for content in CONTENTS for name, _ in fields_of(content)} - {"content"}


def test_every_field_has_a_swedish_name() -> None:
    """Given every message type, then each field in it has a word in siphub/documents/words.py; whoever adds a field adds its word there."""
    assert sorted(FIELDS - set(LABELS)) == []


def test_every_type_has_a_title() -> None:
    """Given every message type, then it has a title and a first sentence in siphub/documents/words.py."""
    assert sorted(set(CATALOGUE) - set(TITLES)) == []


def test_words_are_of_swedish() -> None:
    """Given the tables, then every word is there, and none is a code."""
    assert all(title and "." not in title for title, _ in TITLES.values())
    assert all(word and "_" not in word for word in [*LABELS.values(), *(word for words in CODES.values() for word in words.values())])
    assert label("content.list_of.3") == "List of"
