"""The lists of a message service, read entry by entry: what is not ours is let go at once, so that a long list costs its bytes and no more.

A service that clears nothing out lists every message it ever had, other clients' too. It must never take a list that was cut for a whole
one, and never lose what stands before the cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from siphub_sdk.outcomes import attributes_of

LIST_BYTES: Final = 32 * 1024 * 1024
"""How much of one list is read: some thirty thousand messages without their documents."""
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Listed:
    """What was read of a list: the attributes of the messages that were wanted, how many bytes it had, and whether it was all of it."""

    messages: tuple[Mapping[str, Any], ...] = ()
    size: int = 0
    whole: bool = True


def read_list(body: bytes, wanted: Callable[[Mapping[str, Any]], bool], *, cut: bool) -> Listed | None:
    """Read a JSON:API document whose `data` is a list of messages, without their documents; None where it is none.

    Args:
        body: What came.
        wanted: Says of the attributes of a message whether it is kept.
        cut: There was more of it than came: what came whole is read.
    """
    found: list[Mapping[str, Any]] = []
    whole, seen = not cut, 0
    try:
        text = body.decode(json.detect_encoding(body), "replace" if cut else "surrogatepass")
        for seen, entry in enumerate(_entries(text), 1):  # noqa: B007 - counted for what is said of a list that was cut
            attributes = attributes_of(entry)
            if attributes is not None and wanted(attributes):
                found.append({name: value for name, value in attributes.items() if name != "digitalDocument"})
    except (ValueError, RecursionError):
        if not cut or not seen:
            return None
        whole = False
    return Listed(tuple(found), len(body), whole)


def _entries(text: str) -> Generator[object, None, None]:
    """Give each member of the list `data` of a document.

    Raises:
        ValueError: It is no such document, or ends too early.
    """
    lists, at = 0, _after(text, 0, "{")
    while True:
        name, at = _DECODER.raw_decode(text, at)
        at = _after(text, at, ":")
        if name == "data":
            lists += 1
            at = yield from _members(text, _after(text, at, "["))
        else:
            _, at = _DECODER.raw_decode(text, at)
        if _is(text, at, "}"):
            break
        at = _after(text, at, ",")
    if lists != 1:
        raise ValueError("there is no list, or more than one")


def _members(text: str, at: int) -> Generator[object, None, int]:
    """Give each member of a list whose bracket stands before `at`; return where what follows it begins."""
    if _is(text, at, "]"):
        return _after(text, at, "]")
    while True:
        member, at = _DECODER.raw_decode(text, at)
        yield member
        if _is(text, at, "]"):
            return _after(text, at, "]")
        at = _after(text, at, ",")


def _is(text: str, at: int, mark: str) -> bool:
    return text.startswith(mark, _spaced(text, at))


def _after(text: str, at: int, mark: str) -> int:
    """Return where what follows a mark begins."""
    at = _spaced(text, at)
    if not text.startswith(mark, at):
        raise ValueError("it is no document, or ends here")
    return _spaced(text, at + 1)


def _spaced(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
