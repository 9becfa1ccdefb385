"""Short answers in plain Swedish: yes, no, phone us, another time. Whole sentences from a closed list; anything else is not understood.

A yes or a no counts only where nothing else is said, and nothing is asked: "Ja, men inte före tio" and "Ja?" are for a person. Another time
counts where one day is named as something to have instead: "annan tid än den 4:e" and "förhinder den 4:e, föreslår ny tid" name another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

_WHERE = r"(?: (?:på|i|vid|till) (?:mötet|sip-mötet))?"
_ACCEPT: Final = re.compile(
    r"(?:ja|ja tack|vi ses då|vi tackar ja|(?:ja,? )?(?:vi|jag) (?:kommer|deltar|medverkar|är med|kan komma|kan delta|kan medverka|kan vara med)"
    rf"(?: gärna)?{_WHERE}|(?:ja,? )?(?:tiden|det|dagen) (?:passar|går|fungerar)(?: (?:bra|fint|utmärkt))?(?: för oss)?)"
)
_COME = rf"(?:komma|delta|medverka|vara med){_WHERE}"
_DECLINE: Final = re.compile(
    r"nej|nej tack|vi avböjer|(?:vi|jag) (?:tackar|måste tacka) nej"
    rf"|(?:nej,? |tyvärr,? )*(?:vi|jag) (?:(?:kommer|deltar|medverkar)(?: tyvärr)? inte{_WHERE}"
    rf"|kan(?: tyvärr)? inte {_COME}|kommer(?: tyvärr)? inte att kunna {_COME})"
    rf"|(?:nej,? )?tyvärr,? kan (?:vi|jag) inte {_COME}"
)
_CONTACT: Final = re.compile(
    r"(?:(?:vänligen |var god och )?(?:ring|kontakta) (?:oss|mig)(?: gärna)?|hör av er(?: till (?:oss|mig))?"
    r"|(?:kan|vill) ni (?:ringa|kontakta) (?:oss|mig))"
)
_NO: Final = re.compile(r"\b(?:inte|ej|aldrig|inget|ingen|omöjligt|om|ifall|men|eller|kanske|före|efter|tidigast|senast)\b")
_INSTEAD: Final = re.compile(r"\b(?:i ?stället|hellre|föreslår|förslag|passar bättre|annan tid|ny tid)\b")
_MORE = r"(?: (?:i ?stället|hellre|gärna))?"
_WHEN = r"(?:på )?(?:¤ )?§,?(?: ¤)?"
_PROPOSE: Final = re.compile(
    rf"(?:vi|jag) (?:kan|skulle kunna){_MORE}(?: (?:komma|delta|medverka|vara med|ses|träffas))?{_MORE} {_WHEN}{_MORE}"
    rf"|kan (?:vi|ni){_MORE}(?: (?:ta|ta det|ta mötet|ha mötet|komma|ses|träffas))?{_MORE} {_WHEN}{_MORE}"
    rf"|(?:(?:vi|jag) (?:föreslår|vill föreslå)(?: (?:en )?(?:annan|ny) tid)?|(?:vårt )?förslag|(?:annan|ny) tid):? {_WHEN}{_MORE}"
    rf"|(?:går|passar|fungerar)(?: det)?(?: bra)?{_MORE} {_WHEN}{_MORE}|hellre {_WHEN}"
    rf"|{_WHEN} (?:i ?stället|passar (?:oss |mig )?bättre(?: för oss)?)"
)
"""Whole sentences once more, with § where a day stands and ¤ where an hour does."""
_MONTHS: Final = ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec")
_DAYS: Final = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_DATE: Final = re.compile(
    rf"\b(?:(?P<weekday>{'|'.join(_DAYS)})(?:en)? )?(?:(?P<iso>\d{{4}}-\d\d-\d\d)|(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}})\b(?!\d)"
    rf"|(?:den )?(?P<day>\d{{1,2}})(?::[ea]|\.)?(?: (?P<month>{'|'.join(_MONTHS)})[a-zåäö]*\b\.?(?: (?P<year>\d{{4}}))?)?)(?=[ ,?!.]|$)"
)
_HOUR: Final = re.compile(r"\b(?:kl\.?|klockan) ?(?P<hour>\d{1,2})(?:[.:](?P<minute>\d\d))?\b")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[A-ZÅÄÖ])")


@dataclass(frozen=True, slots=True)
class Answer:
    """What sentences answer: a response; the day that is proposed and its hour; and the sentences that are not the answer."""

    response: str
    rest: Sequence[str] = ()
    day: str | None = None
    hour: tuple[int, int] | None = None


def answer(lines: Sequence[str], written: date) -> Answer | None:
    """Return the one thing that sentences answer, or None.

    Args:
        lines: Without quotations and greetings.
        written: The day on which they were written.
    """
    sentences = [sentence for line in lines for sentence in _SENTENCE.split(line)]
    found = [(sentence, said) for sentence in sentences if (said := _said(sentence, written)) is not None]
    if len(found) != 1:
        return None
    sentence, said = found[0]
    rest = tuple(one for one in sentences if one is not sentence)
    alone = said.response in {"accept", "decline"}
    return None if alone and rest else Answer(said.response, rest, said.day, said.hour)


def _said(sentence: str, written: date) -> Answer | None:
    plain = " ".join(sentence.lower().split()).rstrip(".!?").strip()
    for pattern, response in ((_ACCEPT, "accept"), (_DECLINE, "decline"), (_CONTACT, "contact-us")):
        if pattern.fullmatch(plain):
            asks = sentence.rstrip().endswith("?") and response != "contact-us"
            return None if asks else Answer(response)
    if _NO.search(plain) or not _INSTEAD.search(plain):
        return None
    hours = list(_HOUR.finditer(plain))
    timed = _HOUR.sub("¤", plain)
    days = list(_DATE.finditer(timed))
    if len(days) != 1 or len(hours) > 1 or not _PROPOSE.fullmatch(_DATE.sub("§", timed)):
        return None
    day = _day(days[0], written)
    hour = (int(hours[0]["hour"]), int(hours[0]["minute"] or 0)) if hours else None
    return None if day is None or (hour is not None and day.startswith("---")) else Answer("propose-new-time", (), day, hour)


def _day(found: re.Match[str], written: date) -> str | None:
    """Return a day as `2026-12-04`, or as `---04` where no month was said; None where there is no such day, or it is another weekday's."""
    try:
        if found["iso"]:
            day = date.fromisoformat(found["iso"])
        elif not found["month"] and not found["m"]:
            told = found[0].startswith("den ") or ":" in found[0]  # a number alone may count people or name a room
            return f"---{int(found['day']):02}" if told and 1 <= int(found["day"]) <= 31 else None  # noqa: PLR2004 - days of a month
        else:
            day = _next(int(found["day"] or found["d"]), _month(found), found["year"], written)
    except ValueError:
        return None
    right = not found["weekday"] or _DAYS[day.weekday()] == found["weekday"]
    return day.isoformat() if right and day >= written else None


def _month(found: re.Match[str]) -> int:
    return int(found["m"]) if found["m"] else _MONTHS.index(found["month"]) + 1


def _next(day: int, month: int, year: str | None, written: date) -> date:
    """Return the first such day from the day of writing on, or that of the year that is named."""
    at = date(int(year) if year else written.year, month, day)
    return at if year or at >= written else date(written.year + 1, month, day)
