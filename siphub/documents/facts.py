"""What a cut says, in Swedish, and which of it has been said: whatever a document leaves out is found again at its end.

A cut may lack any field; a field that is not there is None, never an error. A field that nobody thought of is shown under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from siphub.documents.swedish import STOCKHOLM, day, instant, span
from siphub.documents.words import CODES, LABELS
from siphub.model.messages.meeting import ASSUMED_LENGTH

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ORGANISATION = re.compile(r"\d{10}")
_PERSON = re.compile(r"(individual|relative|guardian|representative)(?:/(\d+))?")
_NUMBER = re.compile(r"\d{12}")
_PERSONS = frozenset(
    {"recipients", "recipient", "party", "parties", "add_parties", "remove_parties", "by", "ref", "guardians", "representative"}
)
"""The fields in which somebody of the individual's side may stand, by their place in the case."""
_ORGANISATIONS = frozenset({"owner", "organisation", "municipality", "party", "parties", "remove_parties"})
"""The fields in which an organisation may stand, by its number."""
_ASIDE = frozenset({"names", "addressee"})
"""What the hub adds to a document for its reader's sake: what units are called, and where a letter goes."""


class Facts:
    """A cut's document, read by paths such as `content.meeting.place`."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document
        self._said: set[str] = set()
        names = document.get("names")
        self._names: Mapping[str, object] = names if isinstance(names, Mapping) else {}
        self.zone = _zone(self.raw("content.meeting.zone"))

    def raw(self, path: str) -> object:
        """Return what stands at a path as it is, or None."""
        node: object = self._document
        for step in path.split("."):
            if isinstance(node, Mapping):
                node = node.get(step)
            elif isinstance(node, Sequence) and not isinstance(node, str) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            else:
                return None
        return node

    def each(self, path: str) -> tuple[str, ...]:
        """Return the paths of a list's members."""
        found = self.raw(path)
        return tuple(f"{path}.{place}" for place in range(len(found))) if _is_list(found) else ()

    def text(self, path: str) -> str | None:
        """Say what stands at a path, in the way that suits it, and remember that it has been said; None where nothing stands."""
        found = self.raw(path)
        if found is None or found in ("", [], {}):
            return None
        told = _TELLERS.get(_key(path), _whole)(self, path)
        return told or None

    def only(self, path: str) -> str | None:
        """Say one plain value."""
        found = self.raw(path)
        if found is None or isinstance(found, Mapping) or _is_list(found):
            return None
        self._said.add(path)
        return self._worded(path, found)

    def told(self, path: str) -> None:
        """Remember that everything below a path has been said."""
        self._said.update(leaf for leaf, _ in self._leaves(self.raw(path), path))

    def leaves(self, path: str) -> tuple[str, ...]:
        """Return the paths of every plain value below one."""
        return tuple(leaf for leaf, _ in self._leaves(self.raw(path), path))

    def left(self) -> Iterator[str]:
        """Yield the paths of what has not been said."""
        for key, value in self._document.items():
            if key not in _ASIDE:
                yield from (leaf for leaf, _ in self._leaves(value, str(key)) if leaf not in self._said)

    def to_a_person(self) -> bool:
        """Say whether the cut is for somebody of the individual's side."""
        return any(_PERSON.fullmatch(str(self.raw(path))) for path in self.each("recipients"))

    def name(self, unit: object) -> str:
        """Return what a unit or organisation is called, where the hub says; else its number."""
        found = self._names.get(str(unit))
        if isinstance(found, str):
            return found
        if person := _PERSON.fullmatch(str(unit)):
            return " ".join(part for part in (CODES["kind"][person[1]], person[2]) if part)
        return f"{str(unit)[:6]}-{str(unit)[6:]}" if _ORGANISATION.fullmatch(str(unit)) else str(unit)

    def _leaves(self, node: object, at: str) -> Iterator[tuple[str, object]]:
        if isinstance(node, Mapping):
            for key, value in node.items():
                yield from self._leaves(value, f"{at}.{key}")
        elif _is_list(node):
            for place, value in enumerate(node):
                yield from self._leaves(value, f"{at}.{place}")
        elif node is not None:
            yield at, node

    def _worded(self, path: str, value: object) -> str:
        if isinstance(value, bool):
            return "ja" if value else "nej"
        text, key = str(value), _key(path)
        if text in CODES.get(key, {}):
            return CODES[key][text]
        if text in self._names or key in _ORGANISATIONS or (key in _PERSONS and _PERSON.fullmatch(text)):
            return self.name(text)
        if path.endswith("identity.value") and _NUMBER.fullmatch(text):
            return f"{text[:8]}-{text[8:]}"
        if key == "duty_basis" and text.startswith("agreement:"):
            return f"överenskommelse {text.removeprefix('agreement:')}"
        return _dated(text, self.zone)


def label(path: str) -> str:
    """Return what a field is called in Swedish, or its own name in plain words."""
    key = _key(path)
    return LABELS.get(key, key.replace("_", " ").replace("-", " ").capitalize())


def _key(path: str) -> str:
    """Return the field's name; a member of a list goes by the list's."""
    return next((step for step in reversed(path.split(".")) if not step.isdecimal()), path)


def _is_list(found: object) -> TypeGuard[Sequence[object]]:
    return isinstance(found, Sequence) and not isinstance(found, str)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name)) if name else STOCKHOLM
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return STOCKHOLM


def _dated(text: str, zone: ZoneInfo) -> str:
    """Write a time or a day the Swedish way; any other text is left alone."""
    try:
        if _INSTANT.fullmatch(text):
            return instant(datetime.fromisoformat(text), zone)
        if _DAY.fullmatch(text):
            return day(date.fromisoformat(text))
    except ValueError:
        pass
    return text


def when(facts: Facts, path: str) -> str | None:
    """Say when a meeting begins and ends; an end that is not given is assumed, and said to be."""
    start, end = moment(facts.raw(f"{path}.starts_at")), moment(facts.raw(f"{path}.ends_at"))
    if start is None:
        return None
    facts.told(f"{path}.starts_at")
    facts.told(f"{path}.ends_at")
    said = span(start, end or start + ASSUMED_LENGTH, facts.zone, assumed=end is None)
    if facts.zone.key == STOCKHOLM.key:
        return said
    return f"{said} (tidszon {facts.only(f'{path}.zone')})"


def moment(found: object) -> datetime | None:
    """Return a time that is written as the canonical message writes it, or None."""
    text = str(found)
    return datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None


def _whole(facts: Facts, path: str) -> str:
    """Say everything below a path: a value, a line for each member, or a name and value for each field."""
    found = facts.raw(path)
    if isinstance(found, Mapping):
        told = ((key, facts.text(f"{path}.{key}")) for key in found)
        return "\n".join(f"{label(key)}: {text}" for key, text in told if text)
    if _is_list(found):
        members = [text for text in map(facts.text, facts.each(path)) if text]
        return "\n".join(text.replace("\n", ", ") if len(members) > 1 else text for text in members)
    return facts.only(path) or ""


def _contact(facts: Facts, path: str) -> str:
    """Say who somebody is and how they are reached: a line for the person, one for the unit, one for each way."""
    if not isinstance(facts.raw(path), Mapping):
        return _whole(facts, path)
    name, role = facts.only(f"{path}.name"), facts.only(f"{path}.role")
    lines = [", ".join(part for part in (name, role) if part), facts.only(f"{path}.unit"), facts.only(f"{path}.organisation")]
    phone, email = facts.only(f"{path}.phone"), facts.only(f"{path}.email")
    lines += [f"telefon {phone}" if phone else None, email]
    said = [line for line in lines if line]
    return "\n".join([*said, *_rest(facts, path, {"name", "role", "unit", "organisation", "phone", "email"})])


def _rest(facts: Facts, path: str, said: set[str]) -> Iterator[str]:
    """Yield the fields of a mapping that its teller did not know."""
    found = facts.raw(path)
    for key in found if isinstance(found, Mapping) else ():
        if key not in said and (text := facts.text(f"{path}.{key}")):
            yield f"{label(key)}: {text}"


def _person(facts: Facts, path: str) -> str:
    names = [facts.only(f"{path}.{key}") for key in ("given_name", "family_name")]
    number = facts.only(f"{path}.identity.value")
    first = ", ".join(part for part in (" ".join(name for name in names if name), number) if part)
    kind = facts.only(f"{path}.identity.kind")
    protection = facts.only(f"{path}.protection")
    lines = [f"{first} ({kind})" if first and kind else first, protection]
    return "\n".join([*(line for line in lines if line), *_rest(facts, path, {"given_name", "family_name", "identity", "protection"})])


def _place(facts: Facts, path: str) -> str:
    """Say where; the kind alone where there is no address, and the address alone where the kind adds nothing."""
    kind, text = facts.raw(f"{path}.kind"), facts.only(f"{path}.text")
    facts.told(f"{path}.kind")
    told = {"home": "hemma hos den enskilde", "video": "på video", "other": None if text else "annan överenskommen plats"}.get(str(kind))
    return "\n".join([*(part for part in (text, told) if part), *_rest(facts, path, {"kind", "text"})])


def _meeting(facts: Facts, path: str) -> str:
    time, place = when(facts, path), facts.text(f"{path}.place")
    return "\n".join(
        [*(part for part in (time, place) if part), *_rest(facts, path, {"starts_at", "ends_at", "zone", "place", "id", "version"})]
    )


def _principal(facts: Facts, path: str) -> str:
    told = [facts.only(f"{path}.{key}") for key in ("kind", "organisation")]
    return "\n".join([*(part for part in told if part), *_rest(facts, path, {"kind", "organisation"})])


def _questions(facts: Facts, path: str) -> str:
    if not isinstance(facts.raw(path), Mapping):
        return _whole(facts, path)
    text, unit = facts.only(f"{path}.text"), facts.only(f"{path}.unit")
    return "\n".join([f"{text or ''}{f' (till {unit})' if unit else ''}".strip(), *_rest(facts, path, {"text", "unit"})])


def _period(facts: Facts, path: str) -> str:
    found = facts.raw(path)
    if isinstance(found, Mapping):
        return when(facts, path) or _whole(facts, path)
    return "\n".join(_period(facts, one) for one in facts.each(path)) if _is_list(found) else _whole(facts, path)


_TELLERS: Mapping[str, Callable[[Facts, str], str]] = {
    "meeting": _meeting,
    "place": _place,
    "subject": _person,
    "proposed_times": _period,
    "overall_responsible": _principal,
    "questions": _questions,
    **dict.fromkeys(("convener", "coordinator", "author", "responder", "requester", "recorded_by", "assessed_by"), _contact),
    **dict.fromkeys(("obtained_by", "received_by", "main_responsible", "proposer", "sender", "contact", "deputy", "initiator"), _contact),
    **dict.fromkeys(
        ("questions_to", "care_contacts", "reported_by", "reporter", "found_by", "need_assessed_by", "chief_physician"), _contact
    ),
}
"""Who says what: by the field's name."""
