"""What a consent event does to the grants of a case (LIFECYCLE sections 1 to 4). Narrowing takes effect at once, widening before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from siphub.model import Content, Directory, Message
from siphub.model.case import ConsentRecord, Grant, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import consent as c
from siphub.policy.refusal import Refusal

PARTICIPANT = "participant"
ENOUGH = frozenset({"meeting", "information_exchange"})
"""Both are needed before anybody is called (REQ-38)."""

Grants = tuple[Grant, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """The grants that follow, the event for the state table, and the record of it."""

    grants: Grants
    event: str
    record: ConsentRecord


def has(grants: Iterable[Grant], scope: str, now: datetime) -> bool:
    """Say whether any live grant has a scope."""
    return any(grant.scope == scope and grant.holds(now) for grant in grants)


def narrowing(before: Grants, after: Grants, effect: T) -> tuple[T, ...]:
    """Return the effect where something that was granted is not any more."""
    kept = {(grant.scope, grant.party, grant.direction, grant.until) for grant in after}
    return (effect,) if any((grant.scope, grant.party, grant.direction, grant.until) not in kept for grant in before) else ()


def choose_participants(grants: Grants, units: Sequence[UnitId], now: datetime) -> Grants:
    """Return the grants with these units, and no others, at the table (N2, G2)."""
    others = tuple(grant for grant in grants if grant.scope != PARTICIPANT)
    kept = {grant.party: grant for grant in grants if grant.scope == PARTICIPANT}
    chosen = (kept.get(unit) or Grant(scope=PARTICIPANT, party=unit, direction="both", since=now) for unit in dict.fromkeys(units))
    return (*others, *chosen)


def change(case: SipCase, message: Message, content: Content, directory: Directory, now: datetime) -> Change | Refusal:
    """Return what a consent event changes, or why it is refused."""
    match content:
        case c.ConsentGiven():
            refusal = _parties(content.parties, directory, "/content/parties")
            return refusal or _given(case, message, content, now)
        case c.ConsentRefused():
            kept = tuple(grant for grant in case.grants if content.scopes and grant.scope not in content.scopes)
            event = "consent.refused" if not content.scopes or not (ENOUGH & {g.scope for g in kept}) else "consent.withdrawn:part"
            return Change(kept, event, _record(message, "deny", content.obtained_by.unit, now))
        case c.ConsentAmended():
            refusal = _parties(content.add_parties, directory, "/content/add_parties")
            return refusal or Change(
                _amended(case.grants, content, now), "consent.amended", _record(message, "amend", content.obtained_by.unit, now)
            )
        case c.ConsentWithdrawn():
            kept = _withdrawn(case.grants, content)
            event = "consent.withdrawn:all" if content.extent == "all" else "consent.withdrawn:part"
            return Change(kept, event, _record(message, "withdraw", content.received_by.unit, now))
        case _:
            return Refusal("sender.role", "forbidden", "/type")


def _record(message: Message, decision: Literal["permit", "deny", "amend", "withdraw"], unit: UnitId, now: datetime) -> ConsentRecord:
    return ConsentRecord(message_id=message.message_id, decision=decision, at=now, obtained_by=unit)


def _parties(parties: Sequence[c.Party], directory: Directory, pointer: str) -> Refusal | None:
    """A consent names units; an organisation only where it is a state agency (section 3)."""
    for index, party in enumerate(parties):
        if isinstance(party.party, UnitId):
            continue
        organisation = directory.organisation(party.party)
        if organisation is None or organisation.kind != "state_agency":
            return Refusal("consent.organisation", "invalid", f"{pointer}/{index}/party")
    return None


def _given(case: SipCase, message: Message, content: c.ConsentGiven, now: datetime) -> Change:
    new = tuple(
        Grant(scope=scope, party=party.party, direction=party.direction, since=now, until=content.valid_until)
        for scope in dict.fromkeys(content.scopes)
        for party in content.parties
    )
    enough = "enough" if set(content.scopes) >= ENOUGH else "partial"
    return Change(_merged(case.grants, new), f"consent.given:{enough}", _record(message, "permit", content.obtained_by.unit, now))


def _merged(old: Grants, new: Grants) -> Grants:
    """A newer grant for the same scope and party takes the older one's place."""
    replaced = {(grant.scope, grant.party) for grant in new}
    return (*(grant for grant in old if (grant.scope, grant.party) not in replaced), *new)


def _amended(grants: Grants, content: c.ConsentAmended, now: datetime) -> Grants:
    scopes = set(content.remove_scopes)
    kept = tuple(grant for grant in grants if not _touches(grant.party, content.remove_parties) and grant.scope not in scopes)
    consents = [grant for grant in kept if grant.scope != PARTICIPANT]
    added = [
        Grant(scope=scope, party=party.party, direction=party.direction, since=now, until=_until(consents, scope))
        for scope in dict.fromkeys((*(grant.scope for grant in consents), *content.add_scopes))
        for party in content.add_parties
    ]
    directions = {grant.party: grant for grant in consents}
    added += [
        Grant(scope=scope, party=party, direction=grant.direction, since=now, until=grant.until)
        for scope in content.add_scopes
        for party, grant in directions.items()
    ]
    return _merged(kept, tuple(added))


def _until(grants: Sequence[Grant], scope: str) -> datetime | None:
    """An added party gets no longer than the others have."""
    ends = [grant.until for grant in grants if grant.scope == scope and grant.until is not None]
    return min(ends, default=None)


def _withdrawn(grants: Grants, content: c.ConsentWithdrawn) -> Grants:
    if content.extent == "all":
        return ()
    scopes = set(content.scopes)
    return tuple(grant for grant in grants if not _touches(grant.party, content.parties) and grant.scope not in scopes)


def _touches(party: str, named: Iterable[str]) -> bool:
    """Say whether taking back what `named` were given takes from `party`: fail safe, a unit and its whole organisation touch each other."""
    for name in named:
        unit, other = (party, name) if isinstance(party, UnitId) else (name, party)
        if party == name or (isinstance(unit, UnitId) and not isinstance(other, UnitId) and unit.organisation == other):
            return True
    return False
