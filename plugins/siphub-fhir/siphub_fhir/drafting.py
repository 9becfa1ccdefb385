"""What is read of a foreign document made into a draft: what the model takes stays, and what it still wants is listed.

It must never fill anything in: what does not fit is taken away, and then said to be missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError

from siphub.contract import Problem
from siphub.model import model_of
from siphub_fhir.intake import refused
from siphub_fhir.lens import Resource

_ROUNDS: Final = 20
"""How often what does not fit is taken away before a document is given up: each round can only bring out what stands further in."""


def drafted(document: Resource, kind: str | None, shape: str) -> Resource:
    """Take away what the model does not take, until only missing fields are left to complain about, and name the type where it is known."""
    if kind is not None:
        document["type"] = kind
    for _ in range(_ROUNDS):
        # A list whose parts lack something is also said to be too short: that is the same complaint again.
        wrong = [error["loc"] for error in _errors(document, kind or shape) if error["type"] not in {"missing", "too_short"}]
        for loc in reversed(wrong):
            _drop(document, loc)
        if not wrong:
            break
    else:
        raise refused(Problem("fhir.no_sip", "what stands here cannot be said in a message", pointer=""))
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]  # a copy: what is added to the draft is no part of the document


def missing_of(document: Resource, kind: str | None, shape: str) -> tuple[str, ...]:
    """Return the pointers to what the model wants and the document has not; the type first where it is not known."""
    pointers = ["".join(f"/{step}" for step in error["loc"]) for error in _errors(document, kind or shape) if error["type"] == "missing"]
    return tuple(pointers if kind is not None else ["/type", *pointers])


def _errors(document: Resource, kind: str) -> Iterator[Any]:
    try:
        model_of(kind).model_validate_json(json.dumps({"type": kind, **document}))
    except ValidationError as error:
        yield from error.errors(include_url=False, include_input=False, include_context=False)


def _drop(document: Resource, loc: tuple[int | str, ...]) -> None:
    """Take the value at a place away; the draft then says that it is missing."""
    node: Any = document
    for step in loc[:-1]:
        node = node[step] if isinstance(node, list) and isinstance(step, int) else node.get(step) if isinstance(node, dict) else None
    last = loc[-1]
    if isinstance(node, list) and isinstance(last, int):
        del node[last : last + 1]
    elif isinstance(node, dict):
        node.pop(str(last), None)
