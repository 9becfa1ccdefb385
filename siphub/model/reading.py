"""Reads canonical JSON into a message, and says exactly what is wrong when it cannot.

Bytes that are not JSON give BadBody with a position; JSON that is not a message gives Invalid with pointers.
No value of the body is ever repeated in what is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from siphub.errors import BadBody, Invalid, Problem
from siphub.model.envelope import Message
from siphub.model.messages import CATALOGUE
from siphub.model.upcast import STORED

_POSITION = re.compile(r"line (\d+) column (\d+)")
_QUIET = {
    "union_tag_invalid": "the kind is not one of those allowed here",
    "union_tag_not_found": "the kind is missing",
    "extra_forbidden": "there is no such field here",
}
_MOST_PROBLEMS = 50


@cache
def model_of(name: str) -> type[Message]:
    """Return the message class of a type; raises KeyError for an unknown one."""
    return CATALOGUE[name].model()


def parse_message(body: bytes, *, stored: bool = False) -> Message:
    """Read one canonical message; of one that was `stored` nothing is asked that was not asked when it came.

    Raises:
        BadBody: Not JSON (`body.not_json`), or a key stands twice in one object (`body.duplicate_key`).
        Invalid: JSON, but no valid message; each problem has a pointer and a code `field.…` or `message.…`.
    """
    sound = None if stored else _sound(body)
    if sound is not None:
        return sound
    return _read(body, stored=stored)


def read_stored(name: str, body: bytes) -> Message:
    """Read a message of a type as the store has it; the same errors. What is in the store has been read strictly before."""
    with suppress(KeyError, ValidationError):
        return model_of(name).model_validate_json(body, context=STORED)
    return _read(body, stored=True)


def _sound(body: bytes) -> Message | None:
    """Return a message in which nothing is wrong, parsed as seldom as can be, or None: then whoever looks closer says what is."""
    try:
        document = json.loads(body, object_pairs_hook=_distinct)
        return model_of(document["type"]).model_validate_json(body)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _read(body: bytes, *, stored: bool) -> Message:
    document = _json(body)
    if not isinstance(document, dict):
        raise _invalid(Problem("message.not_an_object", "a message is a JSON object", pointer=""))
    name = document.get("type")
    if not isinstance(name, str) or name not in CATALOGUE:
        raise _invalid(Problem("message.unknown_type", "type is missing or not one of those `siphub sample --list` names", pointer="/type"))
    try:
        return model_of(name).model_validate_json(body, context=STORED if stored else None)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise _invalid(*problems_of(found, document)) from None


def problems_of(errors: Sequence[ErrorDetails], document: object = None) -> tuple[Problem, ...]:
    """Turn pydantic's findings into ours: a pointer, stable code, and a sentence without the value; the document makes the pointers exact."""
    return tuple(
        Problem(f"field.{error['type']}", _QUIET.get(error["type"], error["msg"]), pointer=_pointer(error, document))
        for error in errors[:_MOST_PROBLEMS]
    )


def _invalid(*problems: Problem) -> Invalid:
    return Invalid("the message is not valid; the problems say where", problems=problems)


def _pointer(error: ErrorDetails, document: object) -> str:
    """Return where in the document an error is; pydantic also names the branch of a union it tried, which is no place in a document."""
    steps: list[int | str] = []
    for part in error["loc"]:
        if document is None or _has(document, part):
            document = document[part] if document is not None else None  # type: ignore[index]  # it has that part
            steps.append(part)
    if error["type"] == "missing" and document is not None:
        steps.append(error["loc"][-1])
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in steps)


def _has(node: object, part: int | str) -> bool:
    return part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int) and part < len(node)


def _json(body: bytes) -> Any:
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        found = _POSITION.search(str(error))
        position = f"line {found[1]} column {found[2]}" if found else "byte 0"
        raise BadBody("the body is not JSON", problems=(Problem("body.not_json", "not JSON in UTF-8", position=position),)) from None
    try:
        return json.loads(body, object_pairs_hook=_distinct)
    except _DuplicateKeyError:
        problem = Problem("body.duplicate_key", "a key stands twice in one object; its position is not known", position="byte 0")
        raise BadBody("a key stands twice in one object", code="body.duplicate_key", problems=(problem,)) from None


class _DuplicateKeyError(ValueError):
    pass


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found
