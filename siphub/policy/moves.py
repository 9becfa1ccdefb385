"""Units that were merged, renamed or closed while cases are open: who stands for them today, and who must be asked for again.

Within one organisation a successor takes a closed unit's place in the whole case: the consent was given to the same authority's or
provider's work. A unit that went to *another* organisation is replaced by nobody: nothing was ever agreed with that organisation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import TypeVar

from siphub.model import Directory
from siphub.model.case import (
    ConsentChange,
    ConsentRecord,
    DischargeRecord,
    Grant,
    Handover,
    MeetingRecord,
    Participant,
    PlanRecord,
    SipCase,
)
from siphub.model.identifiers import OrganisationNumber, PersonRef, UnitId
from siphub.model.person import UnitContact

T = TypeVar("T")
Now = Callable[[UnitId], UnitId]


def moved(case: SipCase, directory: Directory, day: date | None = None) -> SipCase:
    """Return the case as it is on a day: every closed unit replaced by its successor within the same organisation, and a handover done.

    It is the very case where there is neither.

    Args:
        case: The case.
        directory: A snapshot.
        day: Today in Sweden; where none is named, a unit with a closing day counts as closed.
    """
    case = handed_over(case, day)
    places = successions(case, directory, day)
    if not places:
        return case

    def now(unit: UnitId) -> UnitId:
        return places.get(unit, unit)

    return case.model_copy(
        update={
            "contact": now(case.contact),
            "coordinator": _contact(case.coordinator, now) if case.coordinator else None,
            "deputy": _contact(case.deputy, now) if case.deputy else None,
            "handover": _handover(case.handover, now) if case.handover else None,
            "requesters": tuple(dict.fromkeys(map(now, case.requesters))),
            "units": tuple(dict.fromkeys(map(now, case.units))),
            "blind": tuple(dict.fromkeys(map(now, case.blind))),
            "grants": _grants(case.grants, now),
            "consents": _history(case.consents, case.grants, now),
            "meetings": tuple(_meeting(found, now) for found in case.meetings),
            "plan": _plan(case.plan, now) if case.plan else None,
            "draft": _plan(case.draft, now) if case.draft else None,
            "discharge": _discharge(case.discharge, now) if case.discharge else None,
        }
    )


def handed_over(case: SipCase, day: date | None) -> SipCase:
    """Return the case with the coordinator whose day has come, if any has."""
    coming = case.handover
    if coming is None or day is None or day < coming.from_date:
        return case
    return case.model_copy(update={"coordinator": coming.coordinator, "deputy": coming.deputy, "handover": None})


def successions(case: SipCase, directory: Directory, day: date | None = None) -> dict[UnitId, UnitId]:
    """Return which unit of the case is stood for by which other today."""
    if not directory.any_closed:
        return {}
    found = ((unit, directory.current(unit, day)) for unit in _named(case))
    return {unit: current.id for unit, current in found if current is not None and current.id != unit}


def re_ask(case: SipCase, directory: Directory, day: date | None = None) -> tuple[UnitId, ...]:
    """Return the units of the case whose work went to another organisation: their successors must be asked for again, with a consent."""
    if not directory.any_closed:
        return ()
    chains = ((unit, directory.successors(unit, day)) for unit in _named(case))
    return tuple(unit for unit, chain in chains if len({found.organisation for found in chain}) > 1)


def why_gone(unit: str, directory: Directory, day: date | None = None) -> str | None:
    """Return why nobody stands for a closed unit, as a code of `reasons`, or None where somebody does or nobody is known by that number."""
    chain = directory.successors(unit, day)
    if not chain or directory.current(unit, day) is not None:
        return None
    return "unit.closed" if len({found.organisation for found in chain}) == 1 else "unit.moved_organisation"


def _named(case: SipCase) -> tuple[UnitId, ...]:
    """Return every unit that stands anywhere in the case, once."""
    coming = (case.handover.coordinator, case.handover.deputy) if case.handover is not None else ()
    coordinators = (found.unit for found in (case.coordinator, case.deputy, *coming) if found is not None)
    parties = (grant.party for grant in case.grants if isinstance(grant.party, UnitId))
    meetings = (unit for found in case.meetings for unit in (found.convener.unit, *(each.unit for each in found.participants)))
    beside = (*_of_plan(case.plan), *_of_plan(case.draft), *_of_discharge(case.discharge))
    return tuple(dict.fromkeys((case.contact, *coordinators, *case.requesters, *case.units, *parties, *meetings, *beside)))


def _of_plan(plan: PlanRecord | None) -> tuple[UnitId, ...]:
    if plan is None:
        return ()
    return (*(found.unit for found in plan.activities), *(found.unit for found in plan.commitments))


def _of_discharge(discharge: DischargeRecord | None) -> tuple[UnitId, ...]:
    if discharge is None:
        return ()
    return (discharge.admitting_unit, *((discharge.care_contact_unit,) if discharge.care_contact_unit else ()))


def _discharge(discharge: DischargeRecord, now: Now) -> DischargeRecord:
    contact = discharge.care_contact_unit
    return discharge.model_copy(
        update={"admitting_unit": now(discharge.admitting_unit), "care_contact_unit": now(contact) if contact else None}
    )


def _handover(coming: Handover, now: Now) -> Handover:
    deputy = _contact(coming.deputy, now) if coming.deputy is not None else None
    return coming.model_copy(update={"coordinator": _contact(coming.coordinator, now), "deputy": deputy})


def _contact(contact: UnitContact, now: Now) -> UnitContact:
    return contact.model_copy(update={"unit": now(contact.unit)})


def _grants(grants: Collection[Grant], now: Now) -> tuple[Grant, ...]:
    """Give the closed units' grants to their successor.

    What the individual has said of the successor itself counts before what was said of those it took over, and of several of these what
    ends first: nothing becomes wider by a merger.
    """
    own = {(grant.scope, grant.party) for grant in grants if _stands(grant.party, now) == grant.party}
    kept: dict[tuple[str, str, str], Grant] = {}
    for grant in grants:
        party = _stands(grant.party, now)
        if party != grant.party and (grant.scope, party) in own:
            continue
        heir = grant.model_copy(update={"party": party})
        key = (grant.scope, party, grant.direction)
        kept[key] = _both(kept[key], heir) if key in kept else heir
    return tuple(kept.values())


def _history(consents: Collection[ConsentRecord], grants: Collection[Grant], now: Now) -> tuple[ConsentRecord, ...]:
    """Let a successor stand in the history of its consents too, where it has none of its own for the same scope."""
    own = {(grant.scope, grant.party) for grant in grants if _stands(grant.party, now) == grant.party}

    def heir(change: ConsentChange) -> ConsentChange:
        party = _stands(change.party, now)
        return change if (change.scope, party) in own else change.model_copy(update={"party": party})

    return tuple(found.model_copy(update={"changes": tuple(map(heir, found.changes))}) for found in consents)


def _stands(party: UnitId | OrganisationNumber | PersonRef, now: Now) -> UnitId | OrganisationNumber | PersonRef:
    return now(party) if isinstance(party, UnitId) else party


def _both(one: Grant, other: Grant) -> Grant:
    """Return the one of two that ends first; it rests on what either rests on, so that whoever gave one of them can take it back."""
    first = other if one.until is None or (other.until is not None and other.until < one.until) else one
    return first.model_copy(update={"rests_on": tuple(dict.fromkeys((*one.rests_on, *other.rests_on)))})


def _meeting(found: MeetingRecord, now: Now) -> MeetingRecord:
    places = _merged(found.participants, lambda each: now(each.unit), lambda each: now(each.unit) == each.unit)
    duties = {now(each.unit) for each in found.participants if each.duty}
    participants = tuple(_place(each, unit, duty=unit in duties) for unit, each in places.items())
    return found.model_copy(update={"convener": _contact(found.convener, now), "participants": participants})


def _place(each: Participant, unit: UnitId, *, duty: bool) -> Participant:
    return each.model_copy(update={"unit": unit, "duty": duty})


def _plan(plan: PlanRecord, now: Now) -> PlanRecord:
    activities = tuple(found.model_copy(update={"unit": now(found.unit)}) for found in plan.activities)
    said = _merged(plan.commitments, lambda found: (now(found.unit), found.activity), lambda found: now(found.unit) == found.unit)
    commitments = tuple(found.model_copy(update={"unit": unit}) for (unit, _), found in said.items())
    return plan.model_copy(update={"activities": activities, "commitments": commitments})


K = TypeVar("K")


def _merged(found: Collection[T], key: Callable[[T], K], own: Callable[[T], bool]) -> dict[K, T]:
    """Return one value for each key, in order: the unit's own before one it took over."""
    kept: dict[K, T] = {}
    for each in found:
        if key(each) not in kept or own(each):
            kept[key(each)] = each
    return kept
