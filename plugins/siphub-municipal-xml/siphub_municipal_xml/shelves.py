"""Where a municipality's answers lie, whatever it is: a drop with files, or a collection that is asked over HTTPS.

    GET    <answers>                         200 with {"answers": ["<name>", …]}, in the order in which they are to be taken; 204 is none
    GET    <answers>/<name>                  200 with the bytes; 404 where it is gone
    DELETE <answers>/<name>                  taken: stored by the hub
    DELETE <answers>/<name>?refused=<code>   not taken, and why

In a drop what was refused stays, with `<name>.refused` beside it, in which the code stands, and below it when the file was written; one of the same
name that was written at another time is looked at anew.
In a collection it is looked at anew when it is listed again, also when its name and bytes are the same.
It must never take away what has changed since it was read, nor say that nothing lies where nobody could look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import quote

from siphub.contract import Delivered, Outcome, Retry, SettingsError
from siphub.contract.http import HttpAnswer, HttpFailure
from siphub.contract.outcomes_http import outcome_of
from siphub_folder import Drop, Dropped
from siphub_municipal_xml.entry import below

REFUSED: Final = ".refused"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_MOST_OF_A_NOTE: Final = 1024
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When what is fetched over HTTPS counts as written: it comes whole, or not at all, and nobody says when."""

Ask = Callable[[str, str], HttpAnswer | HttpFailure]
"""One request with everything that lets us in: a method and a URL."""


class Shelf(Protocol):
    """What can be done at such a place. Every call is one bounded attempt."""

    def names(self) -> tuple[str, ...] | Retry:
        """Return what lies there, in its order, or why nobody can look."""

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return one thing, at most `limit` bytes of it; None where it is gone."""

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say whether a thing was refused before, and is the same still; `names` is all that lies there."""

    def remove(self, name: str) -> Retry | None:
        """Take away what is stored."""

    def refuse(self, name: str, code: str, same: Callable[[], bool]) -> Retry | None:
        """Say why a thing was not taken, of that thing alone: `same` asks whether it is still there."""


class DropShelf:
    """A drop with files."""

    def __init__(self, drop: Drop) -> None:
        self._drop = drop

    def names(self) -> tuple[str, ...] | Retry:
        """Return the files' names; see `Shelf`."""
        return self._drop.names()

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return a file; see `Shelf`."""
        return self._drop.read(name, limit)

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say whether the note beside it is of the file as it is written now; see `Shelf`.

        The note says when the file was written, so that one with an older time, as a copy that keeps times has, is looked at too.
        """
        if f"{name}{REFUSED}" not in names:
            return False
        note, file = self._drop.read(f"{name}{REFUSED}", _MOST_OF_A_NOTE), self._drop.read(name, 0)
        if not isinstance(note, Dropped) or not isinstance(file, Dropped):
            return False
        told_whole_seconds = file.written_at == note.written_at and not note.written_at.microsecond  # then either may be the newer one
        _, _, of = note.body.partition(b"\n")
        same = of.strip() == file.written_at.isoformat().encode() if of.strip() else file.written_at <= note.written_at
        return same and not told_whole_seconds

    def remove(self, name: str) -> Retry | None:
        """Take a file away, with a note that an earlier one of its name may have got; see `Shelf`."""
        return self._drop.remove([name, f"{name}{REFUSED}"])

    def refuse(self, name: str, code: str, same: Callable[[], bool]) -> Retry | None:
        """Put the note beside it, and take it away where another file has its name by now, which would be passed over; see `Shelf`."""
        note, file = f"{name}{REFUSED}", self._drop.read(name, 0)
        written = file.written_at.isoformat() if isinstance(file, Dropped) else ""
        found = self._drop.put({note: f"{code}\n{written}\n".encode()})
        if not isinstance(found, Delivered):
            return Retry(getattr(found, "code", "answers.not_noted"))
        return None if same() else self._drop.remove([note])


class WebShelf:
    """A collection that is asked over HTTPS."""

    def __init__(self, url: str, ask: Ask) -> None:
        self._url, self._ask = url, ask

    def names(self) -> tuple[str, ...] | Retry:
        """Return the list; see `Shelf`."""
        answer = self._answer("GET", self._url)
        if isinstance(answer, Retry):
            return answer
        if answer.status == HTTPStatus.NO_CONTENT:
            return ()
        try:
            found = json.loads(answer.body) if not answer.truncated else None
        except (ValueError, RecursionError):
            found = None
        listed = found.get("answers") if isinstance(found, Mapping) else None
        if not isinstance(listed, list) or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in listed):
            return Retry("answers.no_list")
        return tuple(dict.fromkeys(listed))

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return one of them; see `Shelf`."""
        answer = self._answer("GET", self._of(name))
        if isinstance(answer, Retry):
            return answer
        if answer.status in _GONE:
            return None
        return Dropped(answer.body[:limit], UNDATED, whole=not answer.truncated and len(answer.body) <= limit)

    def passed_over(self, name: str, names: Collection[str]) -> bool:  # noqa: ARG002 - the municipality lists no more what it was told of
        """Say no: what was refused is listed no more; see `Shelf`."""
        return False

    def remove(self, name: str) -> Retry | None:
        """Say that it is taken; see `Shelf`."""
        return self._deleted(self._of(name))

    def refuse(self, name: str, code: str, same: Callable[[], bool]) -> Retry | None:  # noqa: ARG002 - it is told of what was listed
        """Say why it is not; see `Shelf`."""
        url = self._of(name)
        return self._deleted(f"{url}{'&' if '?' in url else '?'}refused={quote(code, safe='')}")

    def _of(self, name: str) -> str:
        return below(self._url, name)

    def _deleted(self, url: str) -> Retry | None:
        answer = self._answer("DELETE", url)
        return answer if isinstance(answer, Retry) else None

    def _answer(self, method: str, url: str) -> HttpAnswer | Retry:
        """Return what was answered where that is an answer, also that it is gone; else why there is none."""
        try:
            answer = self._ask(method, url)
        except SettingsError as error:
            return Retry(error.code)
        if isinstance(answer, HttpAnswer) and answer.status in _GONE and url != self._url:
            return answer
        found: Outcome = outcome_of(answer, now=datetime.now(UTC))
        if isinstance(found, Delivered) and isinstance(answer, HttpAnswer):
            return answer
        return found if isinstance(found, Retry) else Retry(getattr(found, "code", "partner.unexpected_status"))
