"""Answers: in the form we ask for, `Svar: ja`, `Svar: ny tid 2026-01-31 13:00` and so on, or in plain Swedish that can mean one thing only.

One line of the form, and only one, is an answer. Without any, `siphub_sdk.swedish` is asked. Two different answers, a date that is no date
or a time that a change of the clock makes doubtful are none. It must never guess: what is not understood is left for a person, with every
word that came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from siphub_sdk import swedish

_ANSWER = re.compile(r"svar\s*:\s*(?P<said>\S.*?)[.!]?", re.IGNORECASE)
_TIME = re.compile(r"ny tid:? (?P<day>\d{4}-\d{2}-\d{2})(?: kl\.?)? (?P<hour>\d{1,2})[.:](?P<minute>\d{2})", re.IGNORECASE)
_SUBSTITUTE = re.compile(r"ersättare:? (?P<name>\S.{0,198})", re.IGNORECASE)
_GREETING = re.compile(
    r"(hej|hejsan|god (morgon|dag)|med vänliga? hälsning(ar)?|vänliga hälsningar|mvh|hälsningar|tack)\b[,.! ]*", re.IGNORECASE
)
_NUMBER = re.compile(
    r"[,;]?\s*\b(?P<ours>ert )?(?:vårt |vår )?(?:dnr|diarienr|diarienummer)\b(?: är)?[.:]?\s*"
    r"(?P<number>(?-i:[A-ZÅÄÖ][A-ZÅÄÖa-zåäö./-]{0,9}) \d[\w./-]*|(?!\d+ \d)[\w./-]*\d[\w./-]*)",
    re.IGNORECASE,
)
"""After the word for it: letters and a number with a space between, as in SN 2026-117, or one word with a digit; never half a number, nor a day that follows."""
_CASE = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({"ja": "accept", "nej": "decline", "kontakta oss": "contact-us"})
_NOBODY: Final = "förnamn efternamn"
"""What stands in the form where a name belongs."""
_ZONE: Final = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer says.

    Args:
        content: Fields of `meeting.response`.
        remark: Whatever else was written.
        days: Proposed days without an hour, `2026-12-04`, or `---04` where no month was said: the meeting they are about says the rest.
    """

    content: Mapping[str, Any]
    remark: str
    days: Sequence[str] = ()


def understood(text: str, written: date | None = None) -> Reply | None:
    """Return what a text answers, or None where it does not, or not clearly.

    Args:
        text: What was written.
        written: The day on which it was, for days that are said without a year.
    """
    own = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith(">")]
    if any(_ANSWER.fullmatch(line) for line in own):
        return _by_form(own, written)
    plain = [stripped for line in own if (stripped := _NUMBER.sub("", line).strip()) and not _GREETING.fullmatch(stripped)]
    return None if written is None else _in_swedish(plain, written)


def registry_number(text: str) -> str | None:
    """Return the one registry number that a text names with the word for it as its writer's, or None. A line with a case's id is ours, come back."""
    found = set(_numbers(text, ours=False))
    return found.pop() if len(found) == 1 else None


def numbers_of_ours(text: str) -> list[str]:
    """Return the registry numbers that a text gives as its reader's: `ert dnr SN 2026-117`."""
    return list(dict.fromkeys(_numbers(text, ours=True)))


def _numbers(text: str, *, ours: bool) -> list[str]:
    own = [line for line in text.splitlines() if not line.startswith(">") and not _CASE.search(line)]
    found = [match for line in own for match in _NUMBER.finditer(line) if (match["ours"] is not None) is ours]
    return [match["number"].rstrip(".,;") for match in found]


def case_numbers(text: str) -> list[str]:
    """Return the ids of cases that a text repeats: they stand in every text we send."""
    return list(dict.fromkeys(found.lower() for found in _CASE.findall(text)))


def _by_form(own: Sequence[str], written: date | None) -> Reply | None:
    answers = {match["said"] for line in own if (match := _ANSWER.fullmatch(line))}
    contents = [content for said in answers if (content := _content(said, written)) is not None]
    if len(answers) != 1 or not contents:
        return None
    rest = [line for line in own if not _ANSWER.fullmatch(line) and not _GREETING.fullmatch(line)]
    return Reply(contents[0], "\n".join(rest))


def _in_swedish(own: Sequence[str], written: date) -> Reply | None:
    """Return what plain sentences answer. A new time is always shown to a person as well, with the words it was read from."""
    found = swedish.answer(own, written)
    if found is None:
        return None
    at = None if found.day is None or found.hour is None else _local(found.day, *found.hour)
    if found.day is None:
        return Reply({"response": found.response}, "\n".join(found.rest))
    if found.hour is None:
        return Reply({"response": found.response}, "\n".join(own), (found.day,))
    return None if at is None else Reply({"response": found.response, "proposed_times": [{"starts_at": at}]}, "\n".join(own))


def _content(said: str, written: date | None) -> Mapping[str, Any] | None:
    said = " ".join(said.split())
    if plain := _PLAIN.get(said.lower()):
        return {"response": plain}
    if (substitute := _SUBSTITUTE.fullmatch(said)) and substitute["name"].casefold() != _NOBODY:
        return {"response": "delegate", "substitute_name": substitute["name"]}
    time = _TIME.fullmatch(said)
    if time is not None and written is not None and time["day"] < written.isoformat():
        return None
    at = None if time is None else _local(time["day"], int(time["hour"]), int(time["minute"]))
    return None if at is None else {"response": "propose-new-time", "proposed_times": [{"starts_at": at}]}


def _local(day: str, hour: int, minute: int) -> str | None:
    """Return a Swedish wall-clock time as an instant; None where it is no time, or not one time only."""
    try:
        local = datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}:00").replace(tzinfo=_ZONE)
    except ValueError:
        return None
    first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if abs(first - second) > timedelta():
        return None
    return first.isoformat(timespec="seconds").replace("+00:00", "Z")
