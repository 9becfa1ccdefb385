"""What people write comes back as they wrote it: no white space is merged, and no character is taken for markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from siphub.contract import SystemClock
from siphub.errors import SiphubError
from siphub.mappings import Mappings, shipped, tried
from siphub.model import CATALOGUE, Message, parse_message, sample

ODD = ["  två  ord\u00a0hårt ]]>&<a> &amp;  ", "  två\n\tflik\r\nrad\rrad\u2028rad\u0085rad  "]


def texts(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where the texts of a document are."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from texts(part, (*path, name))
    if isinstance(value, str):
        yield path


def with_text(document: dict[str, Any], path: tuple[str | int, ...], text: str) -> Message | None:
    """Return the message with another text in one place, or None where no message may have such a text there."""
    changed = deepcopy(document)
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = text
    try:
        return parse_message(json.dumps(changed).encode())
    except SiphubError:
        return None


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_every_text_comes_back_to_the_character(text: str) -> None:
    """Given every field that may hold such a text, in every message type, then the hub's own format gives it back to the character."""
    pack, seen, taken = Mappings([shipped()], SystemClock()).load("municipal-sip"), set(), 0
    for name in CATALOGUE:
        document = json.loads(sample(name, maximal=True).to_json())
        for path in texts(document):
            field = tuple(part for part in path if isinstance(part, str))
            message = None if field in seen else with_text(document, path, text)
            seen.add(field)
            if message is not None:
                trial = tried(pack, message.to_document())
                assert (trial.problems, trial.losses) == ((), ()), field
                taken += 1
    assert taken > 40
