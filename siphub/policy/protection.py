"""Protection on every person (G10; REQ-57): what is held, what is replaced, and what is left out, for whoever is not cleared for it.

Pure. Two sorts of people are protected in two ways. Of the individual's side (the individual, guardians, representatives, relatives, whoever
asks) nothing is sent at all to a function that is not cleared: it is held, and somebody phones. Of staff the name, number and e-mail are
replaced by the organisation's public label and switchboard, so that the plan goes on. What is known of either counts from the moment that
any message says it, also for what is queued. It must never let a protected person's words through in a field that merely repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

from siphub.model import Directory, Message, Value
from siphub.model.case import Shielded, SipCase
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.model.messages.proposal import Proposer
from siphub.model.messages.request import Requester, SipRequested
from siphub.model.person import CasePerson, NetworkContact, Person, Protection
from siphub.policy.disclosure import Rule

SILENT: Final = frozenset({"recall", "no_person_data"})
"""Bases of messages that say nothing of a person: the stop notice, a proposal, the one receipt that is the same for everybody."""
LEFT_OUT: Final = "[utelämnat]"
"""What stands where a protected person's words stood and nothing may take their place."""
LEAST: Final = 6
"""How many digits a number has at least to be looked for inside other texts."""


# ── what is known ──


def people_in(value: Value) -> Iterator[tuple[Value, str | None]]:
    """Yield everybody a value speaks of, with the number that stands beside them, at any depth."""
    for name in _deep(type(value)):
        inner = getattr(value, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(each, Value):
                kind = type(each)
                if _is_person(kind):
                    yield each, getattr(each, "phone", None) or getattr(value, f"{name}_phone", None)
                if _deep(kind):
                    yield from people_in(each)


@cache
def _deep(kind: type[Value]) -> tuple[str, ...]:
    """Return the fields of a type in which people may stand: most hold texts and codes, and nobody is looked for there."""
    return tuple(name for name, field in kind.model_fields.items() if not _nobody(field.annotation, frozenset()))


@cache
def _is_person(kind: type[Value]) -> bool:
    return "protection" in kind.model_fields


def _nobody(annotation: Any, above: frozenset[type[Value]]) -> bool:
    """Say whether a type surely holds nobody; of one with subtypes nothing is sure."""
    if annotation in _FLAT or annotation is None or get_origin(annotation) is Literal:
        return True
    if get_origin(annotation) in {Annotated, tuple, Union, UnionType}:
        return all(inner is Ellipsis or _nobody(inner, above) for inner in _types_in(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Value):
        below = above | {annotation}
        known = annotation in above or all(_nobody(field.annotation, below) for field in annotation.model_fields.values())
        return known and not _is_person(annotation) and not annotation.__subclasses__()
    return isinstance(annotation, type) and issubclass(annotation, str)


def _types_in(annotation: Any) -> tuple[Any, ...]:
    inner = get_args(annotation)
    return inner[:1] if get_origin(annotation) is Annotated else inner


_FLAT: Final = frozenset({str, int, bool, float, bytes, date, datetime, time, UUID, NoneType})


def own_side(person: Value) -> bool:
    """Say whether somebody is of the individual's side, and not staff."""
    return isinstance(person, Person | CasePerson | NetworkContact | Requester) or (isinstance(person, Proposer) and person.kind != "unit")


def _protected(person: Value) -> bool:
    return getattr(person, "protection", None) is not None


def shielded_in(message: Message, directory: Directory) -> tuple[Shielded, ...]:
    """Return the protected staff and people of the case that a message speaks of, but for the individual; staff without a unit is the sender's."""
    found = ((person, phone) for person, phone in people_in(message) if _protected(person) and (_around(person) or not own_side(person)))
    return tuple(
        Shielded(
            name=getattr(person, "name"),  # noqa: B009 - staff are of several types, and each has a name
            phone=phone,
            email=getattr(person, "email", None),
            organisation=None if _around(person) else _organisation(getattr(person, "unit", None), message.sender.organisation, directory),
        )
        for person, phone in found
    )


def _around(person: Value) -> bool:
    """Say whether somebody is a person around the individual, by name: of the case, of the network, or whoever asked or proposed."""
    match person:
        case CasePerson():
            return person.ref.kind != "individual"
        case NetworkContact():
            return person.kind == "person" and person.name is not None
        case Requester() | Proposer():
            return person.kind not in {"individual", "unit"}
        case _:
            return False


def _organisation(unit: UnitId | None, otherwise: OrganisationNumber, directory: Directory) -> OrganisationNumber:
    found = directory.unit(unit) if unit is not None else None
    return found.organisation if found is not None else otherwise


def learnt(case: SipCase, message: Message, directory: Directory) -> SipCase:
    """Return the case with the protection that a message adds to what is known: of the individual, of people and of staff. It is never taken away."""
    shielded = tuple(dict.fromkeys((*case.shielded, *shielded_in(message, directory))))
    subject = case.subject
    if subject is not None and subject.protection is None:
        subject = subject.model_copy(update={"protection": _of_the_individual(message)})
    if shielded == case.shielded and subject == case.subject:
        return case
    return case.model_copy(update={"shielded": shielded, "subject": subject})


def remembered(case: SipCase, people: Sequence[CasePerson]) -> tuple[CasePerson, ...]:
    """Return a new list of a case's people, in which whoever was protected still is, and a guardian who might not know where still may not.

    Whatever the list says of them, by name; a guardian by their place in the case too.
    """
    before = {person.name: person.protection for person in case.people}
    protected = {person.name for person in case.shielded if person.organisation is None}
    secret = frozenset(kept_from(case, ()))
    return tuple(_still_kept(_still_protected(person, before, protected), secret) for person in people)


def _still_protected(person: CasePerson, before: Mapping[str, Protection | None], protected: Collection[str]) -> CasePerson:
    if person.protection is not None or person.name not in protected:
        return person
    return person.model_copy(update={"protection": before.get(person.name) or "confidentiality_flag", "address_lines": ()})


def _still_kept(person: CasePerson, secret: Collection[str]) -> CasePerson:
    kept = person.ref.kind == "guardian" and (person.ref in secret or person.name in secret)
    return person.model_copy(update={"address_secret": True}) if kept else person


def kept_from(case: SipCase, people: Sequence[CasePerson]) -> tuple[str, ...]:
    """Return the guardians, by place and name, from whom any list of a case's people, or this one, has kept where the individual is."""
    known = (word for person in (*case.people, *people) if person.address_secret for word in (person.ref, person.name))
    return tuple(dict.fromkeys((*case.kept_from, *known)))


def _of_the_individual(message: Message) -> Protection | None:
    """Return the protection a message gives the individual, by whatever name they stand in it."""
    if message.subject is not None and message.subject.protection is not None:
        return message.subject.protection
    if isinstance(message.content, SipRequested) and message.content.requester.kind == "individual":
        return message.content.requester.protection
    mine = (person for person, _ in people_in(message) if isinstance(person, CasePerson) and person.ref.kind == "individual")
    return next((person.protection for person in mine if person.protection is not None), None)


# ── what is held ──


def held(message: Message, rule: Rule, case: SipCase, recipient: str, directory: Directory) -> str | None:
    """Return why a delivery is held for the protection of somebody on the individual's side, or None.

    What says nothing of anybody is not held: the stop notice calls back what was sent, and the neutral receipt must be the same for all.
    """
    if "recall" in rule.bases or cleared(recipient, directory):
        return None
    about: Iterable[Value | None] = () if SILENT.issuperset(rule.bases) else (message.subject, case.subject)
    named = (person for person, _ in people_in(message.content) if own_side(person))
    protected = any(person is not None and _protected(person) for person in (*about, case.person(recipient), *named))
    return "protected.not_cleared" if protected else None


def cleared(recipient: str, directory: Directory) -> bool:
    """Say whether a recipient is a function that may handle protected people's data.

    A person never is, and neither is a state agency: Försäkringskassan and Arbetsförmedlingen are telephone only, whatever the directory says.
    """
    unit = directory.unit(recipient)
    return unit is not None and unit.cleared and directory.kind_of(unit.id) != "state_agency"


# ── what is replaced and left out ──


@dataclass(frozen=True, slots=True)
class _Words:
    """What must not be read, and what takes its place; None where there is nothing that may."""

    names: Mapping[str, str]
    phones: Mapping[str, str | None]


class _NoSwitchboardError(Exception):
    """A number must be replaced and there is none to put in its place."""


def guarded(document: Mapping[str, Any], message: Message, case: SipCase, recipient: str, directory: Directory) -> dict[str, Any] | None:
    """Return a cut as this recipient may read it, or None where a number must be replaced and its organisation has no switchboard.

    The stop notice does without a number then: it calls back what was sent, and is not held.

    Args:
        document: The cut.
        message: What it was cut from.
        case: What is known of its people by now.
        recipient: Who will read it.
        directory: A snapshot.
    """
    whole = _about_others(dict(document), case, recipient)
    if cleared(recipient, directory):
        return whole
    words = _words(message, case, recipient, directory)
    if message.type == "stop.notice":
        words = _Words(words.names, {phone: instead or "" for phone, instead in words.phones.items()})
    try:
        return _at_home(_without("", whole, words), case) if words.names or words.phones else _at_home(whole, case)
    except _NoSwitchboardError:
        return None


def _words(message: Message, case: SipCase, recipient: str, directory: Directory) -> _Words:
    names: dict[str, str] = {}
    phones: dict[str, str | None] = {}
    for person in dict.fromkeys((*case.shielded, *shielded_in(message, directory))):
        organisation = directory.organisation(person.organisation) if person.organisation else None
        label = organisation.public_label if organisation else LEFT_OUT
        names |= dict.fromkeys(filter(None, (person.name, person.email)), label)
        if person.phone:
            phones[person.phone] = LEFT_OUT if person.organisation is None else organisation.phone if organisation else None
    for other in case.people:
        if other.protection is not None and other.ref != recipient:
            names |= dict.fromkeys((other.name, *other.address_lines), LEFT_OUT)
            phones |= {other.phone: LEFT_OUT} if other.phone else {}
    return _Words(names, phones)


def _without(key: str, value: Any, words: _Words) -> Any:
    """Return a part of a document without the words: a person loses what tells of them, and any other text what repeats it."""
    match value:
        case Mapping():
            inner = {name: part for name, part in value.items() if not (name == "email" and part in words.names) and name != "protection"}
            parts = {name: _without(name, part, words) for name, part in inner.items()}
            return {name: part for name, part in parts.items() if part != ""}
        case list():
            return [_without(key, part, words) for part in value]
        case str() if value in words.phones:
            return _number(words.phones[value])
        case str():
            return _text(value, words)
        case _:
            return value


def _number(instead: str | None) -> str:
    if instead is None:
        raise _NoSwitchboardError
    return instead


def _text(value: str, words: _Words) -> str:
    for word, instead in words.names.items():
        value = _replaced(word, instead, value)
    for phone, switchboard in words.phones.items():
        if sum(character.isdigit() for character in phone) >= LEAST and phone in value:
            value = value.replace(phone, _number(switchboard))
    return value


def _replaced(word: str, instead: str, text: str) -> str:
    """Replace a name as a word of its own, in the genitive too."""
    put: Callable[[re.Match[str]], str] = lambda _: instead  # noqa: E731 - a text would be read for backslashes
    return re.sub(rf"(?<!\w){re.escape(word)}s?(?!\w)", put, text)


_WHO: Final = frozenset({"name", "phone", "email"})
"""What tells who somebody of the network is, and how to reach them."""


def _about_others(document: dict[str, Any], case: SipCase, recipient: str) -> dict[str, Any]:
    """Leave out who others are, unless they agreed to be named: a relative who answers for something in a plan, and anybody of the network (5.5).

    The individual has named them, and reads it.
    """
    if recipient == "individual":
        return document
    agreed = {person.name for person in case.people if person.agrees_to_be_named and person.protection is None and not person.objection}
    return {key: _unnamed(value, agreed) for key, value in document.items()}


def _unnamed(value: Any, agreed: set[str]) -> Any:
    """Return a part of a document without the names, or the part itself where there is none in it: mostly there is not, and nothing is copied."""
    if isinstance(value, list):
        changed = {
            number: less for number, part in enumerate(value) if type(part) is not str and (less := _unnamed(part, agreed)) is not part
        }
        return [changed.get(number, part) for number, part in enumerate(value)] if changed else value
    if type(value) is not dict and not isinstance(value, Mapping):
        return value
    if "wanted_at_meeting" in value and value.get("agrees_to_be_named") is False:
        return {key: part for key, part in value.items() if key not in _WHO}
    found = {key: less for key, part in value.items() if type(part) is not str and (less := _unnamed(part, agreed)) is not part}
    if "responsible" in value:
        match value["responsible"]:
            case {"kind": "relative", "name": str(name)} if name not in agreed:
                found["responsible"] = {key: part for key, part in value["responsible"].items() if key != "name"}
    return {**value, **found} if found else value


def _at_home(document: dict[str, Any], case: SipCase) -> dict[str, Any]:
    """Leave out the individual's home where somebody who may live there is protected."""
    known = any(person.organisation is None for person in case.shielded)
    if not known and not any(person.protection is not None for person in case.people):
        return document
    return {key: _homeless(value) for key, value in document.items()}


def _homeless(value: Any) -> Any:
    match value:
        case Mapping():
            home = value.get("kind") == "home"
            return {key: _homeless(part) for key, part in value.items() if key != "housing" and not (home and key == "text")}
        case list():
            return [_homeless(part) for part in value]
        case _:
            return value
