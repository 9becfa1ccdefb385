"""What a consent event does to the grants of a case (LIFECYCLE sections 1 to 4). Narrowing takes effect at once, widening before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from siphub.model import Content, Directory, Message
from siphub.model.case import CaseState, ConsentChange, ConsentRecord, Grant, PlanConsent, SipCase
from siphub.model.identifiers import PartyId, PersonRef, UnitId
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson
from siphub.policy import discharges, grounds
from siphub.policy.days import day_of
from siphub.policy.disclosure import DUTY_BOUND
from siphub.policy.lifecycle import case_after
from siphub.policy.local import LocalRules
from siphub.policy.refusal import Refusal
from siphub.policy.step import Decision, Narrowed, OpenWork

PARTICIPANT = "participant"
ENOUGH = frozenset({"meeting", "information_exchange"})
"""Both are needed before anybody is called (REQ-38)."""

Grants = tuple[Grant, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """The grants that follow, the consent to a plan, the event for the state table, the record of it, and work for the coordinator."""

    grants: Grants
    plan: PlanConsent | None
    event: str
    record: ConsentRecord
    work: str | None = None


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


def relatives_coming(people: Iterable[CasePerson], local: LocalRules) -> tuple[PersonRef, ...]:
    """Return the relatives who may come: those the individual has chosen, or those not objected to where that is the rule (REQ-47)."""
    relatives = (person for person in people if person.ref.kind == "relative" and not person.objection)
    return tuple(person.ref for person in relatives if person.chosen or local.relatives == "not_objecting")


def choose_participants(grants: Grants, units: Sequence[UnitId | PersonRef], now: datetime) -> Grants:
    """Return the grants with these units and people, and no others, at the table (N2, G2)."""
    others = tuple(grant for grant in grants if grant.scope != PARTICIPANT)
    kept = {grant.party: grant for grant in grants if grant.scope == PARTICIPANT}
    chosen = (kept.get(unit) or Grant(scope=PARTICIPANT, party=unit, direction="both", since=now) for unit in dict.fromkeys(units))
    return (*others, *chosen)


def change(case: SipCase, message: Message, content: Content, directory: Directory, now: datetime) -> Change | Refusal:
    """Return what a consent event changes, or why it is refused."""
    found = _changed(case, message, content, directory, now)
    if isinstance(found, Refusal) or found.record.decision == "deny":
        return found
    changes = tuple(_told(case.grants, found, now))
    return replace(found, record=found.record.model_copy(update={"changes": changes}))


def _told(before: Grants, change: Change, now: datetime) -> Iterator[ConsentChange]:
    """Tell, scope by scope and party by party, which event of the consent's table a change is there."""
    named = {"permit": "consent.given", "withdraw": "consent.withdrawn"}
    earlier, later = _of_each(before), _of_each(change.grants)
    for scope, party in dict.fromkeys((*earlier, *later)):
        old, new = earlier.get((scope, party), ()), later.get((scope, party), ())
        if old == new:
            continue
        event = named.get(change.record.decision) or _amending(_live(old, now), old, new)
        yield ConsentChange(scope=scope, party=party, event=event, until=_end(new))


def _of_each(grants: Grants) -> Mapping[tuple[str, PartyId], Grants]:
    """Sort consents by scope and party."""
    found: dict[tuple[str, PartyId], Grants] = {}
    for grant in _consents(grants):
        found[grant.scope, grant.party] = (*found.get((grant.scope, grant.party), ()), grant)
    return found


def _amending(live: Grants, old: Grants, new: Grants) -> str:
    """Say what an amendment did to one scope towards one party."""
    if not new:
        return "consent.amended:removed"
    if not live:
        return "consent.amended:added"
    return "consent.amended:narrowed" if narrowing(old, new, "less") else "consent.amended:extended"


def _changed(case: SipCase, message: Message, content: Content, directory: Directory, now: datetime) -> Change | Refusal:
    match content:
        case c.ConsentGiven():
            subject = message.subject or case.subject
            refusal = _ahead(content, now) or grounds.refuse(content, case, subject, directory)
            return refusal or _parties(content.parties, case, directory, "/content/parties") or _given(case, message, content, now)
        case c.ConsentRefused():
            return _denied(case, message, content, now)
        case c.ConsentAmended():
            refusal = _amendable(case, content, directory, now) or _parties(content.add_parties, case, directory, "/content/add_parties")
            return refusal or _amended(case, message, content, directory, now)
        case c.ConsentWithdrawn():
            return _withdrawn(case, message, content, directory, now)
        case _:
            return Refusal("sender.role", "forbidden", "/type")


def expired(case: SipCase, now: datetime) -> Decision | None:
    """Return the case as it follows when consents ran out by themselves, or None where none did since it was last asked.

    What ran out stays in the case, noticed, so that a later refusal can say so. Whom the individual chose stays chosen.
    """
    over = {grant for grant in case.grants if grant.noticed_at is None and not grant.holds(now)}
    if not over:
        return None
    grants = tuple(grant.model_copy(update={"noticed_at": now}) if grant in over else grant for grant in case.grants)
    after = case_after(case.state, "consent.expired:part" if _live(grants, now) else "consent.expired:all")
    if after is None:
        return None
    changed = {"state": after, "grants": grants, "version": case.version + 1, "consent_version": case.consent_version + 1}
    decision = Decision(case.model_copy(update=changed), (Narrowed("basis.consent_expired"),))
    work = OpenWork("consent.expired", case.coordinating_unit)
    return Decision(suspended(case, decision.case), (*decision.effects, work))


BACK: Mapping[CaseState, CaseState] = MappingProxyType({"SUMMONED": "PREPARING", "FOLLOW_UP": "ACTIVE"})
"""Where a case goes on after a meeting that nobody can come to any more."""


def suspended(before: SipCase, after: SipCase) -> SipCase:
    """Return the case with the state it goes back to where it has just been suspended: a meeting is not taken up again by itself."""
    if after.state != "SUSPENDED_NO_CONSENT" or before.state == "SUSPENDED_NO_CONSENT":
        return after
    return discharges.left_behind(after.model_copy(update={"resumes": BACK.get(before.state, before.state)}))


def _ahead(content: c.ConsentGiven | c.ConsentAmended, now: datetime) -> Refusal | None:
    """Refuse a yes of a day that has not come: nobody has said it, and a child would be of age on it."""
    return Refusal("date.ahead", "invalid", "/content/obtained_on") if content.obtained_on > day_of(now) else None


def _amendable(case: SipCase, content: c.ConsentAmended, directory: Directory, now: datetime) -> Refusal | None:
    """Adding needs a consent in force: an amendment says nothing of who gave it, so it cannot stand for one, nor go beyond its ground.

    Taking away needs nothing.
    """
    live = _live(case.grants, now)
    adds = bool(content.add_parties or content.add_scopes)
    if adds and not live:
        return Refusal("consent.nothing_to_amend", "conflict", "/type")
    if adds and (ahead := _ahead(content, now)) is not None:
        return ahead
    added = [party.party for party in content.add_parties]
    resting = _records(case, live)
    found = (
        grounds.bounded(record.given_by, added, directory, "/content/add_parties") for record in resting if record.given_by is not None
    )
    return next((refusal for refusal in found if refusal is not None), None)


def _records(case: SipCase, grants: Iterable[Grant]) -> list[ConsentRecord]:
    """Return the consents that grants rest on, oldest first."""
    resting = {message_id for grant in grants for message_id in grant.rests_on}
    return [record for record in case.consents if record.message_id in resting]


def _consents(grants: Iterable[Grant]) -> Grants:
    return tuple(grant for grant in grants if grant.scope != PARTICIPANT)


def _live(grants: Iterable[Grant], now: datetime) -> Grants:
    """Return the consents that are in force."""
    return tuple(grant for grant in _consents(grants) if grant.holds(now))


def _denied(case: SipCase, message: Message, content: c.ConsentRefused, now: datetime) -> Change:
    """C2. A no to the plan, to the meeting or to the exchange with nothing left of the two last is a no; one to a survey is not."""
    kept = tuple(grant for grant in case.grants if content.scopes and grant.scope not in content.scopes)
    weighs = not content.scopes or bool({*ENOUGH, "plan"} & set(content.scopes))
    refused = weighs and not ENOUGH & {grant.scope for grant in _live(kept, now)}
    plan = None if not content.scopes or "plan" in content.scopes else case.plan_consent
    record = ConsentRecord(
        message_id=message.message_id,
        decision="deny",
        at=now,
        obtained_by=content.obtained_by.unit,
        obtained_by_name=content.obtained_by.name,
        obtained_on=content.obtained_on,
        scopes=content.scopes,
    )
    return Change(kept, plan, "consent.refused" if refused else "consent.withdrawn:part", record)


def _emptied(before: Grants, after: Grants, now: datetime, otherwise: str) -> str:
    """Say that all is withdrawn where piece by piece nothing is left of it."""
    return "consent.withdrawn:all" if _live(before, now) and not _live(after, now) else otherwise


def _parties(parties: Sequence[c.Party], case: SipCase, directory: Directory, pointer: str) -> Refusal | None:
    """A consent names units and relatives; an organisation only where it is a state agency (section 3).

    Those of the individual's own side need none, and to a relative whom the individual objects to none is given.
    """
    for index, party in enumerate(parties):
        at = f"{pointer}/{index}/party"
        if isinstance(party.party, PersonRef):
            known = case.person(party.party)
            if party.party.kind != "relative":
                return Refusal("consent.own_side", "invalid", at)
            if known is not None and known.objection:
                return Refusal("consent.relative_objected", "conflict", at)
        elif not isinstance(party.party, UnitId):
            organisation = directory.organisation(party.party)
            if organisation is None or organisation.kind != "state_agency":
                return Refusal("consent.organisation", "invalid", at)
    return None


def _given(case: SipCase, message: Message, content: c.ConsentGiven, now: datetime) -> Change:
    """C1."""
    rests_on = (message.message_id,)
    until = grounds.until(content.given_by, message.subject or case.subject, content.valid_until)
    new = tuple(
        Grant(scope=scope, party=party.party, direction=party.direction, since=now, until=until, rests_on=rests_on)
        for scope in dict.fromkeys(content.scopes)
        for party in dict.fromkeys(content.parties)
    )
    grants = _merged(case.grants, new)
    enough = "enough" if _is_enough(grants, now) else "partial"
    record = ConsentRecord(
        message_id=message.message_id,
        decision="permit",
        at=now,
        obtained_by=content.obtained_by.unit,
        obtained_by_name=content.obtained_by.name,
        obtained_on=content.obtained_on,
        mode=content.mode,
        scopes=content.scopes,
        given_by=content.given_by,
        until=until,
        documented_in_record=content.documented_in_record,
        document_ref=content.document_ref,
        excluded_information=content.excluded_information,
        registered_at_af=content.registered_at_af,
    )
    plan = _to_a_plan(record) if "plan" in content.scopes else case.plan_consent
    return Change(grants, plan, f"consent.given:{enough}", record, work=None if content.documented_in_record else "consent.undocumented")


def _is_enough(grants: Grants, now: datetime) -> bool:
    """Say whether what is granted is enough to call anybody."""
    return all(has(grants, scope, now) for scope in ENOUGH)


def _to_a_plan(record: ConsentRecord) -> PlanConsent:
    """Return the consent that a plan is made, from the record of the consent it was a part of."""
    return PlanConsent(
        message_id=record.message_id,
        given_by=record.given_by,
        mode=record.mode,
        obtained_by=record.obtained_by,
        obtained_on=record.obtained_on,
        at=record.at,
        until=record.until,
    )


def _merged(old: Grants, new: Grants) -> Grants:
    """A newer grant for the same scope and party takes the older one's place."""
    replaced = {(grant.scope, grant.party) for grant in new}
    return (*(grant for grant in old if (grant.scope, grant.party) not in replaced), *new)


def _amended(case: SipCase, message: Message, content: c.ConsentAmended, directory: Directory, now: datetime) -> Change:
    """C3: take away first, then add: never more than what is in force already gives, and never longer."""
    touched = [
        grant for grant in case.grants if _touches(grant.party, content.remove_parties, directory) or grant.scope in content.remove_scopes
    ]
    kept = tuple(grant for grant in case.grants if grant not in touched)
    live = _live(kept, now)
    parties = [grant for party in content.add_parties for grant in _joining(live, party, content.add_scopes, directory, now)]
    new = {party.party for party in content.add_parties}
    scopes = [
        _like([grant for grant in live if grant.party == party], scope=scope, party=party, direction=way, since=now)
        for scope in dict.fromkeys(content.add_scopes)
        for party in dict.fromkeys(grant.party for grant in live)
        for way in _common_way(live, party)
        if party not in new and not any(grant.scope == scope and grant.party == party for grant in live)
    ]
    grants = _merged(kept, _distinct((*parties, *scopes)))
    record = ConsentRecord(
        message_id=message.message_id,
        decision="amend",
        at=now,
        obtained_by=content.obtained_by.unit,
        obtained_by_name=content.obtained_by.name,
        obtained_on=content.obtained_on,
        scopes=content.add_scopes,
    )
    widened = bool(content.add_parties or content.add_scopes) and _is_enough(grants, now)
    event = _emptied(case.grants, grants, now, "consent.given:enough" if widened else "consent.amended")
    return Change(grants, _plan_amended(case, content, live, now), event, record)


def _plan_amended(case: SipCase, content: c.ConsentAmended, live: Grants, now: datetime) -> PlanConsent | None:
    """A plan that is added rests on the newest consent it is added to, and lasts no longer than that."""
    known = None if "plan" in content.remove_scopes else case.plan_consent
    if "plan" not in content.add_scopes or (known is not None and known.holds(now)):
        return known
    records = [record for record in _records(case, live) if record.decision == "permit"]
    return _to_a_plan(records[-1].model_copy(update={"until": _end(live)})) if records else known


def _like(live: Iterable[Grant], **fields: object) -> Grant:
    """Return a new grant that lasts no longer than those it is added to, and rests on what they rest on."""
    live = tuple(live)
    resting = tuple(dict.fromkeys(message_id for grant in live for message_id in grant.rests_on))
    return Grant.model_validate({"until": _end(live), "rests_on": resting, **fields})


def _joining(live: Grants, party: c.Party, scopes: Iterable[str], directory: Directory, now: datetime) -> Grants:
    """Return what an added party gets: the scopes that parties of its own sort have, and the added ones, no longer than those last."""
    alike = tuple(grant for grant in live if _sort(grant.party, directory) == _sort(party.party, directory))
    wanted = dict.fromkeys((*(grant.scope for grant in alike), *scopes))
    return tuple(
        _like(
            [grant for grant in live if grant.scope == scope] or live, scope=scope, party=party.party, direction=party.direction, since=now
        )
        for scope in wanted
    )


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


def _withdrawn(case: SipCase, message: Message, content: c.ConsentWithdrawn, directory: Directory, now: datetime) -> Change:
    """C4: taken back wholly, for some parties or for some scopes; by somebody whom no ground ever needed it changes nothing at all."""
    meant = frozenset(grant for grant in case.grants if _meant(grant, content, directory))
    consents = _consents(case.grants)
    weighing = frozenset(grant for grant in consents if _counts(case, grant, content.by))
    spared = {grant.party for grant in consents if grant in meant and grant not in weighing}
    heard = bool(weighing) or not consents
    chosen = {grant for grant in meant if grant.scope == PARTICIPANT and heard and not _touches(grant.party, spared, directory)}
    gone = meant & weighing
    kept = tuple(grant for grant in case.grants if grant not in gone | chosen)
    whole = content.extent == "all" and not _consents(kept) and (_always(content.by) or bool(gone))
    event = "consent.withdrawn:all" if whole else _emptied(case.grants, kept, now, "consent.withdrawn:part")
    record = ConsentRecord(
        message_id=message.message_id,
        decision="withdraw",
        at=now,
        obtained_by=content.received_by.unit,
        obtained_by_name=content.received_by.name,
        scopes=content.scopes,
        taken_back_by=content.by,
    )
    unneeded = bool(meant - gone - chosen)
    return Change(kept, _plan_left(case, content, event), event, record, work="consent.withdrawal_not_needed" if unneeded else None)


def _meant(grant: Grant, content: c.ConsentWithdrawn, directory: Directory) -> bool:
    """Say whether a withdrawal names this grant."""
    return content.extent == "all" or _touches(grant.party, content.parties, directory) or grant.scope in content.scopes


def _always(by: PersonRef | None) -> bool:
    """Say whether this person's withdrawal counts whatever the ground: nobody is named, or it is the individual."""
    return by is None or by.kind == "individual"


def _counts(case: SipCase, grant: Grant, by: PersonRef | None) -> bool:
    """Say whether this person can take back what a grant rests on: any one of the consents it needs, and fail safe where none is on record."""
    given = [record.given_by for record in _records(case, [grant]) if record.given_by is not None]
    return not given or any(grounds.rests_on(each, by) for each in given)


def _plan_left(case: SipCase, content: c.ConsentWithdrawn, event: str) -> PlanConsent | None:
    """Return the consent to a plan that is left after a withdrawal."""
    plan = case.plan_consent
    if plan is None or event == "consent.withdrawn:all":
        return None
    meant = content.extent == "all" or "plan" in content.scopes
    return None if meant and (plan.given_by is None or grounds.rests_on(plan.given_by, content.by)) else plan


def _touches(party: str, named: Iterable[str], directory: Directory) -> bool:
    """Say whether taking back what `named` were given takes from `party`.

    Fail safe: a unit and its whole organisation touch each other, by the unit's own number and by the directory's word.
    """
    mine = _organisations(party, directory)
    named = tuple(dict.fromkeys(unit for name in named for unit in (name, *(found.id for found in directory.successors(name)))))
    return any(name == party or name in mine or party in _organisations(name, directory) for name in named)


def _organisations(party: str, directory: Directory) -> frozenset[str]:
    """Return the organisations a unit may be said to belong to; none for an organisation itself."""
    found = directory.unit(party)
    own = {party.organisation} if isinstance(party, UnitId) else set()
    return frozenset({*own, *((found.organisation,) if found else ())})
