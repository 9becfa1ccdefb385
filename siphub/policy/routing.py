"""Where a message goes: one route per recipient, over a directory snapshot, with its state from the start and the reason for it.

It must never give a route without a rule: a recipient no rule covers is withheld, and so is one the directory does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from siphub.model import Address, Directory, Message
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonRef, UnitId, person_ref
from siphub.model.messages import around as ar
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.model.messages import otherplan as o
from siphub.model.messages import plan as pl
from siphub.model.messages.receipt import StopNotice
from siphub.policy.days import day_of
from siphub.policy.disclosure import (
    Covered,
    Requirement,
    Rule,
    Withheld,
    cut,
    judge,
    kinds_of,
    left_to_hand,
    requirement,
    rule_for,
    why_no_rule,
)
from siphub.policy.local import STRICT, LocalRules
from siphub.policy.moves import why_gone
from siphub.policy.protection import guarded, held

_NOBODY = Requirement(bases=(), scopes=frozenset(), widening=frozenset(), party="", party_organisation=None, direction="to")


@dataclass(frozen=True, slots=True)
class Route:
    """One recipient of one message, as decided at intake. `state` is `queued`, `held` or `withheld`; `about` is a meeting or plan and its version."""

    recipient: str
    organisation: str
    kind: str
    need: Requirement
    asserted: str | None
    state: str
    reason: str | None
    address: Address | None
    about: tuple[UUID, int] | None
    basis: str | None = None


def asserted_basis(message: Message) -> str | None:
    """Return the basis the sending organisation stated, other than consent, or None."""
    return message.basis.code if message.basis is not None and message.basis.code != "consent" else None


def about(message: Message) -> tuple[UUID, int] | None:
    """Return the meeting or plan a message is about, with its version, or None."""
    match message.content:
        case m.MeetingSummoned() | m.MeetingInvited() | m.MeetingRescheduled():
            return message.content.meeting.id, message.content.meeting.version
        case m.MeetingHeld():
            return message.content.meeting_id, message.content.meeting_version
        case pl.PlanProposed() | pl.PlanEstablished() | pl.PlanRevised():
            return message.content.plan.id, message.content.plan.version
        case f.FollowUpSummoned():
            return message.content.meeting.id, message.content.meeting.version
        case f.FollowUpHeld() | ar.MeetingReminder():
            return message.content.meeting_id, message.content.meeting_version
        case o.CompulsoryCarePlan() | o.LssPlan():
            return message.content.plan_id, message.content.version
        case StopNotice():
            return message.content.about_id, message.content.about_version
        case _:
            return None


def routes(message: Message, case: SipCase, directory: Directory, now: datetime, local: LocalRules = STRICT) -> tuple[Route, ...]:
    """Return a route for every recipient a message names; one, where two of them are the same unit today."""
    found = (route(message, unit, case, directory, now, local) for unit in message.recipients)
    return tuple({each.recipient: each for each in found}.values())


def route(message: Message, unit: str, case: SipCase, directory: Directory, now: datetime, local: LocalRules = STRICT) -> Route:
    """Return one recipient's route. What is for a closed unit goes to its successor, where that belongs to the same organisation."""
    day = day_of(now)
    found = directory.current(unit, day) or directory.unit(unit)
    unit = found.id if found else unit
    kinds = kinds_of(unit, case, directory, message, day)
    rule = rule_for(message.type, kinds)
    asserted = asserted_basis(message)
    answer = getattr(message.content, "response", None)
    need = requirement(rule, recipient=unit, sender=message.sender.unit, directory=directory, answer=answer) if rule else _NOBODY
    judged = judge(need, case.grants, asserted, now, local.switched_on(message.sender.organisation))
    address = address_of(unit, case.owner, directory)
    reason: str | None
    if rule is None:
        state, reason = "withheld", why_no_rule(unit, kinds)
    elif isinstance(judged, Withheld):
        state, reason = "withheld", judged.reason
    else:
        stopped = why_gone(unit, directory, day) or _guard(message, rule, judged, case, unit, directory)
        state, reason = ("held", stopped) if stopped else _reachable(unit, address)
    return Route(
        recipient=unit,
        organisation=case.owner if isinstance(unit, PersonRef) else found.organisation if found else getattr(unit, "organisation", ""),
        kind=_kind(rule, kinds),
        need=need,
        asserted=asserted,
        state=state,
        reason=reason,
        address=address,
        about=about(message),
        basis=judged.basis if isinstance(judged, Covered) else None,
    )


def _kind(rule: Rule | None, kinds: Sequence[str]) -> str:
    """Return as what a recipient gets it: the kind the rule names, the most particular first."""
    if rule is None:
        return kinds[-1] if kinds else "outside"
    return next((kind for kind in kinds if kind in rule.recipients), rule.recipients[0])


def joining(message: Message, found: Iterable[Route]) -> tuple[UnitId, ...]:
    """Return the units that are in the case from now on, and may answer: those that may receive something of it.

    What says nothing of the person may be sent to anybody, so it makes nobody a part of the case but the unit that is asked.
    """
    asked = getattr(message.content, "receiving_unit", None)
    new = (each for each in found if each.state != "withheld" and person_ref(each.recipient) is None)
    return tuple(UnitId(each.recipient) for each in new if each.basis != "no_person_data" or each.recipient == asked)


def address_of(recipient: str, owner: str, directory: Directory, day: date | None = None) -> Address | None:
    """Return where a recipient is reached: a unit, or whoever stands for it that day, at its own address; a person by the owner's letters."""
    if person_ref(recipient) is not None:
        organisation = directory.organisation(owner)
        return organisation.letters if organisation else None
    unit = directory.current(recipient, day) if day is not None else directory.unit(recipient)
    return unit.address if unit else None


def _guard(message: Message, rule: Rule, covered: Covered, case: SipCase, unit: str, directory: Directory) -> str | None:
    """Return why a delivery is held for somebody's protection (G10): nobody of the individual's side, and no staff whose number has no stand-in."""
    reason = held(message, rule, case, unit, directory)
    if reason is not None or not case.shielded:
        return reason
    shown_to = cut(message, rule, recipient=unit, covered=covered, directory=directory).document
    return "protected.staff_no_switchboard" if guarded(shown_to, message, case, unit, directory) is None else None


def _reachable(recipient: str, address: Address | None) -> tuple[str, str | None]:
    """Hold what has a basis but nowhere to go."""
    if address is None:
        return "held", "address.letters_none" if isinstance(recipient, PersonRef) else "address.none"
    return "queued", None


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of an explanation: what a recipient would see and would not, as JSON pointers, on which basis, and by which rule's reason.

    `by_hand` is what of the rest somebody hands over once they have read it through.
    """

    route: Route
    omitted: tuple[str, ...]
    seen: tuple[str, ...] = ()
    why: Mapping[str, str] | None = None
    by_hand: tuple[str, ...] = ()


def shown(message: Message, unit: str, case: SipCase, directory: Directory, now: datetime, local: LocalRules = STRICT) -> Shown:
    """Return a recipient's route together with the fields it would see and not see."""
    found = route(message, unit, case, directory, now, local)
    rule = rule_for(message.type, (found.kind,))
    why = rule.why if rule is not None else None
    judged = judge(found.need, case.grants, found.asserted, now, local.switched_on(message.sender.organisation))
    if rule is None or not isinstance(judged, Covered):
        return Shown(found, ("",), why=why)
    made = cut(message, rule, recipient=found.recipient, covered=judged, directory=directory)
    seen = tuple(sorted(_left(message.to_document(), made.document, "")))
    return Shown(found, made.omitted, seen, why, left_to_hand(message, rule))


def _left(whole: Mapping[str, Any], part: Mapping[str, Any], at: str) -> Iterator[str]:
    """Yield what is left of a message: a pointer to each thing that is whole, or stands in another's place; each field of the content by itself."""
    for key, value in part.items():
        before = whole.get(key)
        apart = value != before or (not at and key == "content")
        if apart and value and isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from _left(before, value, f"{at}/{key}")
        else:
            yield f"{at}/{key}"


def reached(units: Collection[str], *, but: Collection[str] = ()) -> tuple[str, ...]:
    """Return the units in a stable order, without some; for recalls."""
    return tuple(sorted(set(units) - set(but)))
