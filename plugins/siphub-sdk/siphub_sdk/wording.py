"""The Swedish text an agency reads, in SDK's limited Markdown: the first ten lines say all that a busy official needs.

Who asks, what *you* are asked, when, may we talk, how to answer and by when. Everything comes from the recipient's cut: what was cut away
is not there to be said, and nothing is filled in. Values are made harmless first: no line of theirs can become a heading or a form line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from siphub.contract import Cut, MappingError

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "meeting.invited": "Inbjudan till SIP-möte",
        "meeting.rescheduled": "Ny tid för SIP-möte",
        "meeting.reminder": "Påminnelse om svar på inbjudan till SIP-möte",
        "coordinator.changed": "Ny kontakt i SIP-ärende",
        "sip.request.answered": "Er fråga om SIP är mottagen",
        "stop.notice": "Inga fler meddelanden i ärendet",
    }
)
"""The label (rubrik) of each kind: the same for everybody, so that it says nothing about anybody."""

FORM: Final[Sequence[str]] = (
    "Svar: ja",
    "Svar: nej",
    "Svar: ny tid ÅÅÅÅ-MM-DD TT:MM",
    "Svar: ersättare Förnamn Efternamn",
    "Svar: kontakta oss",
)
"""The lines an answer may consist of; `siphub_sdk.replies` reads them."""

_PURPOSES: Final[Mapping[str, str]] = MappingProxyType({"sip": "möte om samordnad individuell plan (SIP)"})
_NAMELESS: Final = frozenset({"meeting.reminder"})
"""Kinds whose content has nobody of ours: the organisation is named in their first line."""
_DAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_MONTHS = ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december")
_SWEDEN = "Europe/Stockholm"
_CONSENT = (
    "Ja, om detta möte: den enskilde har samtyckt till att ni får denna inbjudan. "
    "Om samtycket också omfattar att ni lämnar uppgifter prövar ni själva; fråga oss vid behov."
)
_WAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "to": "Ja, från oss till er: den enskilde har samtyckt till att vi lämnar uppgifter till er, men inte till att ni lämnar uppgifter till oss",
        "from": "Ja, från er till oss: den enskilde har samtyckt till att ni lämnar uppgifter till oss",
        "both": "Ja, åt båda hållen: den enskilde har samtyckt till att vi lämnar uppgifter till er och att ni lämnar uppgifter till oss",
    }
)
_OURS = "Vår referens"
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of reading about: a number or a form line could be shown backwards."""
_UNDERLINED: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""Underscores that may emphasise: those within a word, as in an address, cannot."""
_HOW = "genom att svara på detta meddelande i SDK med en av raderna längst ned"
_BY_PHONE = ", eller per telefon"
"""Said only where a number to phone stands in the same text."""


@dataclass(frozen=True, slots=True)
class Text:
    """A label and the text beneath it."""

    label: str
    body: str


def text_of(cut: Cut, further: Sequence[tuple[str, str]] = (), sender: str = "") -> Text:
    """Return the label and text for a cut; further lines, each a name and what is said, stand beneath our reference.

    Args:
        cut: What the recipient may see.
        further: The further lines.
        sender: What our organisation is called, for a message that names nobody whom to phone.

    Raises:
        MappingError: `sdk.unsupported_kind`, a kind that is not sent over SDK, or `mapping.unmapped`, a purpose there are no words for.
    """
    label = LABELS.get(cut.message_type)
    if label is None:
        raise MappingError(f"a {cut.message_type} is not sent over SDK", code="sdk.unsupported_kind")
    content: Mapping[str, Any] = _part(cut.document, "content")
    lines = [*_listed([("Från", _plain(sender) if cut.message_type in _NAMELESS else "")]), *_LINES[cut.message_type](cut, content)]
    place = next(number for number, line in enumerate(lines, 1) if line.startswith(f"* **{_OURS}:**"))
    return Text(label, "\n".join([f"# {label}", "", *lines[:place], *_listed(further), *lines[place:]]))


def beside(cut: Cut, further: Sequence[tuple[str, str]] = ()) -> Sequence[tuple[str, str]]:
    """Return what a text says of whom it is about and of what may be said, for a document beside it that is made from the same cut."""
    asked = _LINES.get(cut.message_type) is _asked
    lines = [("Den enskilde", _person(cut)), ("Får vi tala med varandra?", _allowed(cut))] if asked else []
    return [line for line in (*lines, *further) if line[1]]


def _asked(cut: Cut, content: Mapping[str, Any]) -> list[str]:
    moved = cut.message_type == "meeting.rescheduled"
    meeting, zone = content["meeting"], content["meeting"].get("zone", _SWEDEN)
    questions = "; ".join(_plain(question["text"]) for question in content.get("questions", ()))
    lines = [
        ("Från", _caller(_part(content, "convener"))),
        (
            "Ni ombeds",
            ("delta i mötet på den nya tiden" if moved else _purpose(content)) + (f". Fråga till er: {questions}" if questions else ""),
        ),
        ("När", _when(meeting["starts_at"], zone) + (_until(meeting["ends_at"], zone) if "ends_at" in meeting else "")),
        ("Var", _where(meeting, content)),
        ("Den enskilde", _person(cut)),
        ("Får vi tala med varandra?", _allowed(cut)),
        ("Svara senast", _answer_by(content) + (_BY_PHONE if "phone" in _part(content, "convener") else "")),
        (_OURS, _reference(cut)),
    ]
    tail = ["", "Tidigare svar gäller inte längre: svara på nytt."] if moved else []
    return [*_listed(lines), *tail, *_form()]


def _reminded(cut: Cut, content: Mapping[str, Any]) -> list[str]:
    lines = [
        ("Ni ombeds", f"svara på inbjudan till ett möte som ni redan har fått i detta ärende (version {content['meeting_version']})"),
        ("Det som saknas", "ert svar"),
        ("Svara senast", _answer_by(content)),
        ("Om ni redan har svarat", "bortse från detta"),
        (_OURS, _reference(cut)),
    ]
    return [*_listed(lines), *_form()]


def _changed(cut: Cut, content: Mapping[str, Any]) -> list[str]:
    return _listed(
        [
            ("Ni behöver göra", "ingenting annat än att vända er till den nya kontakten"),
            ("Ny kontakt", _caller(_part(content, "coordinator"))),
            ("Från och med", _day(date.fromisoformat(content["from_date"])) if "from_date" in content else ""),
            (_OURS, _reference(cut)),
        ]
    )


def _received(cut: Cut, content: Mapping[str, Any]) -> list[str]:  # noqa: ARG001 - whatever else an answer says, it is not for an agency
    """Say that a question has come, the same whatever it leads to and whoever it is about."""
    return _listed(
        [
            ("Ni behöver göra", "ingenting. Er fråga har kommit fram"),
            ("Vad händer nu?", "Det får ni inte veta här. Beskedet är detsamma vem det än gäller och vad det än leder till."),
            (_OURS, _reference(cut)),
        ]
    )


def _form() -> list[str]:
    return ["", "## Svara med en av dessa rader", "", *(f"* {line}" for line in FORM)]


def _stop(cut: Cut, content: Mapping[str, Any]) -> list[str]:
    sender = f", telefon {_plain(content['phone'])}" if "phone" in content else ""
    return _listed(
        [
            ("Ni behöver göra", "ingenting. Inbjudan ni fått i detta ärende gäller inte längre, och ni får inga fler meddelanden om den"),
            ("Frågor", f"kontakta avsändaren{sender}"),
            ("Gäller", f"{'mötet' if content.get('about') == 'meeting' else 'planen'}, version {content['about_version']}"),
            (_OURS, _reference(cut)),
        ]
    )


_LINES: Final[Mapping[str, Callable[[Cut, Mapping[str, Any]], list[str]]]] = MappingProxyType(
    {
        "meeting.invited": _asked,
        "meeting.rescheduled": _asked,
        "meeting.reminder": _reminded,
        "coordinator.changed": _changed,
        "sip.request.answered": _received,
        "stop.notice": _stop,
    }
)
"""What follows the label, for each kind."""


def _listed(lines: Sequence[tuple[str, str]]) -> list[str]:
    return [f"* **{name}{'' if name.endswith('?') else ':'}** {value}" for name, value in lines if value]


def _caller(convener: Mapping[str, Any]) -> str:
    phone = f"telefon {_plain(convener['phone'])}" if "phone" in convener else ""
    return ", ".join(part for part in (_plain(convener.get("name", "")), phone) if part)


def _answer_by(content: Mapping[str, Any]) -> str:
    return f"{_when(content['respond_by'], _SWEDEN)}, {_HOW}" if "respond_by" in content else _HOW


def _purpose(content: Mapping[str, Any]) -> str:
    code = str(content.get("purpose", "sip"))
    if code not in _PURPOSES:
        raise MappingError("there are no words for this purpose code; add them, or send another", code="mapping.unmapped")
    return f"delta i ett {_PURPOSES[code]}. Det är en inbjudan, ingen kallelse"


def _person(cut: Cut) -> str:
    """Say where the person is named; never who it is, because the text is what people copy."""
    known = "identity" in _part(cut.document, "subject")
    return "se personnumret i meddelandets referensfält" if known else "namnges inte här; kontakta oss per telefon"


def _allowed(cut: Cut) -> str:
    """Say whether the two may talk: which way, since when and until when, as far as the hub states it (LIFECYCLE 5.3)."""
    if cut.basis != "consent":
        return ""
    stated = _part(cut.document, "consent_statement")
    if not stated:
        return _CONSENT
    until = f"till {_when(stated['until'], _SWEDEN)}" if "until" in stated else "tills vidare"
    since = _day(_local(stated["since"], _SWEDEN).date())
    return f"{_WAYS[stated['direction']]}. Samtycket gäller sedan {since}, {until}. Vad ni lämnar ut prövar ni själva."


def _where(meeting: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    place = meeting.get("place", {})
    kinds = {"home": "i hemmet", "video": "videomöte", "other": ""}
    said = [kinds.get(place.get("kind", ""), ""), _plain(place.get("text", "")), _plain(content.get("digital_option", ""))]
    return "; ".join(part for part in said if part)


def _reference(cut: Cut) -> str:
    number = cut.document.get("registry_number")
    return (f"diarienummer {_plain(number)}, " if isinstance(number, str) else "") + f"ärende {cut.document['case_id']}"


def _local(instant: str, zone: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))


def _when(instant: str, zone: str) -> str:
    at = _local(instant, zone)
    where = "" if zone == _SWEDEN else f" ({zone})"
    return f"{_DAYS[at.weekday()]} {_day(at)} kl. {at:%H.%M}{where}"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _until(instant: str, zone: str) -> str:
    return f" till kl. {_local(instant, zone):%H.%M}"


def _plain(value: object) -> str:
    """Return a text on one line, without power over the Markdown around it, nor over the direction in which it is read."""
    line = " ".join(_DIRECTION.sub("", str(value)).split())
    return _UNDERLINED.sub(lambda found: found[0].replace("_", "\\_"), re.sub(r"([\\`*<\[])", r"\\\1", line))


def _part(document: Mapping[str, object], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}
