"""What a consent event does to the grants of a case (LIFECYCLE sections 1 to 4). Narrowing takes effect at once, widening before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from siphub.model import Content, Directory, Message
from siphub.model.case import ConsentRecord, Grant, SipCase
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import consent as c
from siphub.policy.disclosure import DUTY_BOUND
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
    """Return the effect where something that was granted is not any more: a scope, a party, a direction, or time."""
    return () if all(_still(grant, way, after) for grant in before for way in _ways(grant)) else (effect,)


def _ways(grant: Grant) -> tuple[str, ...]:
    return ("to", "from") if grant.direction == "both" else (grant.direction,)


def _still(grant: Grant, way: str, after: Grants) -> bool:
    """Say whether what a grant allowed one way is allowed as long as it was."""
    same = (other for other in after if (other.scope, other.party) == (grant.scope, grant.party) and way in _ways(other))
    return any(other.until is None or (grant.until is not None and grant.until <= other.until) for other in same)


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
            refusal = _able(content) or _parties(content.parties, directory, "/content/parties")
            return refusal or _given(case, message, content, now)
        case c.ConsentRefused():
            kept = tuple(grant for grant in case.grants if content.scopes and grant.scope not in content.scopes)
            return Change(kept, _refused(content, kept), _record(message, "deny", content.obtained_by.unit, now))
        case c.ConsentAmended():
            refusal = _amendable(case.grants, content, now) or _parties(content.add_parties, directory, "/content/add_parties")
            kept = _amended(case.grants, content, directory, now)
            event = _emptied(case.grants, kept, "consent.amended")
            return refusal or Change(kept, event, _record(message, "amend", content.obtained_by.unit, now))
        case c.ConsentWithdrawn():
            kept = _withdrawn(case.grants, content, directory)
            event = "consent.withdrawn:all" if content.extent == "all" else _emptied(case.grants, kept, "consent.withdrawn:part")
            return Change(kept, event, _record(message, "withdraw", content.received_by.unit, now))
        case _:
            return Refusal("sender.role", "forbidden", "/type")


def _record(message: Message, decision: Literal["permit", "deny", "amend", "withdraw"], unit: UnitId, now: datetime) -> ConsentRecord:
    return ConsentRecord(message_id=message.message_id, decision=decision, at=now, obtained_by=unit)


def _able(content: c.ConsentGiven) -> Refusal | None:
    """Never an implied consent: whoever cannot take a position has not said yes (section 3)."""
    unable = content.capacity.state == "unable" and content.given_by.kind == "individual"
    return Refusal("consent.unable", "invalid", "/content/given_by/kind") if unable else None


def _amendable(grants: Grants, content: c.ConsentAmended, now: datetime) -> Refusal | None:
    """Adding needs a consent in force: an amendment says nothing of who gave it, so it cannot stand for one. Taking away needs nothing."""
    adds = bool(content.add_parties or content.add_scopes)
    nothing = adds and not any(grant.holds(now) for grant in _consents(grants))
    return Refusal("consent.nothing_to_amend", "conflict", "/type") if nothing else None


def _consents(grants: Iterable[Grant]) -> Grants:
    return tuple(grant for grant in grants if grant.scope != PARTICIPANT)


def _refused(content: c.ConsentRefused, kept: Grants) -> str:
    """A no to the plan, to the meeting or to the exchange with nothing left of the two last is a no; one to a survey is not."""
    weighs = not content.scopes or bool({*ENOUGH, "plan"} & set(content.scopes))
    return "consent.refused" if weighs and not ENOUGH & {grant.scope for grant in kept} else "consent.withdrawn:part"


def _emptied(before: Grants, after: Grants, otherwise: str) -> str:
    """Say that all is withdrawn where piece by piece nothing is left of it."""
    return "consent.withdrawn:all" if _consents(before) and not _consents(after) else otherwise


def _parties(parties: Sequence[c.Party], directory: Directory, pointer: str) -> Refusal | None:
    """A consent names units; an organisation only where it is a state agency (section 3)."""
    for index, party in enumerate(parties):
        if isinstance(party.party, UnitId | PersonRef):
            continue
        organisation = directory.organisation(party.party)
        if organisation is None or organisation.kind != "state_agency":
            return Refusal("consent.organisation", "invalid", f"{pointer}/{index}/party")
    return None


def _given(case: SipCase, message: Message, content: c.ConsentGiven, now: datetime) -> Change:
    new = tuple(
        Grant(scope=scope, party=party.party, direction=party.direction, since=now, until=content.valid_until)
        for scope in dict.fromkeys(content.scopes)
        for party in dict.fromkeys(content.parties)
    )
    grants = _merged(case.grants, new)
    enough = "enough" if all(has(grants, scope, now) for scope in ENOUGH) else "partial"
    return Change(grants, f"consent.given:{enough}", _record(message, "permit", content.obtained_by.unit, now))


def _merged(old: Grants, new: Grants) -> Grants:
    """A newer grant for the same scope and party takes the older one's place."""
    replaced = {(grant.scope, grant.party) for grant in new}
    return (*(grant for grant in old if (grant.scope, grant.party) not in replaced), *new)


def _amended(grants: Grants, content: c.ConsentAmended, directory: Directory, now: datetime) -> Grants:
    """Take away first, then add: never more than what is in force already gives, and never longer."""
    removed = [
        grant for grant in grants if _touches(grant.party, content.remove_parties, directory) or grant.scope in content.remove_scopes
    ]
    kept = tuple(grant for grant in grants if grant not in removed)
    live = tuple(grant for grant in _consents(kept) if grant.holds(now))
    parties = [grant for party in content.add_parties for grant in _joining(live, party, content.add_scopes, directory, now)]
    new = {party.party for party in content.add_parties}
    scopes = [
        Grant(scope=scope, party=party, direction=way, since=now, until=_end(grant for grant in live if grant.party == party))
        for scope in dict.fromkeys(content.add_scopes)
        for party in dict.fromkeys(grant.party for grant in live)
        for way in _common_way(live, party)
        if party not in new and not any(grant.scope == scope and grant.party == party for grant in live)
    ]
    return _merged(kept, _distinct((*parties, *scopes)))


def _joining(live: Grants, party: c.Party, scopes: Iterable[str], directory: Directory, now: datetime) -> Grants:
    """Return what an added party gets: the scopes that parties of its own sort have, and the added ones, no longer than those last."""
    alike = tuple(grant for grant in live if _sort(grant.party, directory) == _sort(party.party, directory))
    wanted = dict.fromkeys((*(grant.scope for grant in alike), *scopes))
    ends = {scope: _end([grant for grant in live if grant.scope == scope] or live) for scope in wanted}
    return tuple(Grant(scope=scope, party=party.party, direction=party.direction, since=now, until=ends[scope]) for scope in wanted)


def _sort(party: str, directory: Directory) -> str:
    """Return which sort of party it is: what is granted to care is not thereby granted to an agency, nor to a relative."""
    if isinstance(party, PersonRef):
        return party.kind
    return "care" if directory.kind_of(party) in DUTY_BOUND else "outside"


def _end(grants: Iterable[Grant]) -> datetime | None:
    """Return the earliest end among grants."""
    return min((grant.until for grant in grants if grant.until is not None), default=None)


def _common_way(live: Grants, party: str) -> tuple[c.Direction, ...]:
    """Return the way that all of a party's grants have in common; none where they go different ways."""
    ways = [set(_ways(grant)) for grant in live if grant.party == party]
    common = set.intersection(*ways)
    if common == {"to", "from"}:
        return ("both",)
    return ("to",) if "to" in common else ("from",) if "from" in common else ()


def _distinct(grants: Grants) -> Grants:
    """Keep one grant for each scope, party and direction: the one named last."""
    return tuple({(grant.scope, grant.party, grant.direction): grant for grant in grants}.values())


def _withdrawn(grants: Grants, content: c.ConsentWithdrawn, directory: Directory) -> Grants:
    if content.extent == "all":
        return ()
    scopes = set(content.scopes)
    return tuple(grant for grant in grants if not _touches(grant.party, content.parties, directory) and grant.scope not in scopes)


def _touches(party: str, named: Iterable[str], directory: Directory) -> bool:
    """Say whether taking back what `named` were given takes from `party`.

    Fail safe: a unit and its whole organisation touch each other, by the unit's own number and by the directory's word.
    """
    mine = _organisations(party, directory)
    return any(name == party or name in mine or party in _organisations(name, directory) for name in named)


def _organisations(party: str, directory: Directory) -> frozenset[str]:
    """Return the organisations a unit may be said to belong to; none for an organisation itself."""
    found = directory.unit(party)
    own = {party.organisation} if isinstance(party, UnitId) else set()
    return frozenset({*own, *((found.organisation,) if found else ())})
