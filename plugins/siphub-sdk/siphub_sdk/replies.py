"""Answers in the form we ask for: `Svar: ja`, `Svar: nej`, `Svar: ny tid 2026-01-31 13:00`, `Svar: ersättare NAMN`, `Svar: kontakta oss`.

One such line, and only one, is an answer; two different ones, a date that is no date or a time that a change of the clock makes doubtful
are not. It must never guess: what is not understood is left for a person, with every word that came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

_ANSWER = re.compile(r"svar\s*:\s*(?P<said>\S.*?)[.!]?", re.IGNORECASE)
_TIME = re.compile(r"ny tid:? (?P<day>\d{4}-\d{2}-\d{2})(?: kl\.?)? (?P<hour>\d{1,2})[.:](?P<minute>\d{2})", re.IGNORECASE)
_SUBSTITUTE = re.compile(r"ersättare:? (?P<name>\S.{0,198})", re.IGNORECASE)
_GREETING = re.compile(
    r"(hej|hejsan|god (morgon|dag)|med vänliga? hälsning(ar)?|vänliga hälsningar|mvh|hälsningar|tack)\b[,.! ]*", re.IGNORECASE
)
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({"ja": "accept", "nej": "decline", "kontakta oss": "contact-us"})
_ZONE: Final = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer says: `content` as fields of `meeting.response`, and `remark`, whatever else was written."""

    content: Mapping[str, Any]
    remark: str


def understood(text: str) -> Reply | None:
    """Return what a text answers, or None where it does not, or not clearly."""
    lines = [line.strip() for line in text.splitlines()]
    own = [line for line in lines if line and not line.startswith(">")]
    answers = {match["said"] for line in own if (match := _ANSWER.fullmatch(line))}
    contents = [content for said in answers if (content := _content(said)) is not None]
    if len(answers) != 1 or not contents:
        return None
    rest = [line for line in own if not _ANSWER.fullmatch(line) and not _GREETING.fullmatch(line)]
    return Reply(contents[0], "\n".join(rest))


def _content(said: str) -> Mapping[str, Any] | None:
    said = " ".join(said.split())
    if plain := _PLAIN.get(said.lower()):
        return {"response": plain}
    if substitute := _SUBSTITUTE.fullmatch(said):
        return {"response": "delegate", "substitute_name": substitute["name"]}
    at = _instant(said)
    return None if at is None else {"response": "propose-new-time", "proposed_times": [{"starts_at": at}]}


def _instant(said: str) -> str | None:
    """Return a Swedish wall-clock time as an instant; None where it is no time, or not one time only."""
    found = _TIME.fullmatch(said)
    if found is None:
        return None
    try:
        local = datetime.fromisoformat(f"{found['day']}T{int(found['hour']):02}:{found['minute']}:00").replace(tzinfo=_ZONE)
    except ValueError:
        return None
    first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if abs(first - second) > timedelta():
        return None
    return first.isoformat(timespec="seconds").replace("+00:00", "Z")
