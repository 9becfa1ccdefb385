"""Where things stand: one scope towards one party, and one unit before one meeting, each folded through its state table in `lifecycle`.

Pure, and for reading only: what may be sent is judged from the grants themselves (`disclosure`), never from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from siphub.model.case import ConsentRecord, ConsentState, Grant, MeetingRecord, ParticipantState, SipCase
from siphub.model.identifiers import UnitId
from siphub.policy.consent import ENOUGH, PARTICIPANT
from siphub.policy.lifecycle import ANSWERS, AWAITING, QUEUED, SENDING, TERMINAL, Place, consent_after, participant_after

CALLS: frozenset[str] = frozenset({"meeting.summoned", "meeting.invited", "meeting.rescheduled", "followup.summoned"})
"""The types that call somebody to a meeting."""


def consent_standing(case: SipCase, scope: str, party: str, now: datetime) -> ConsentState:
    """Return what became of asking for one scope towards one party; for an agency's unit also what was said of the agency.

    What is granted is granted: where units were merged and their histories run together, the grants as they stand decide.
    """
    names = (party, party.organisation) if isinstance(party, UnitId) else (party,)
    found = [_folded(case, scope, name, now) for name in names]
    live = any(grant.scope == scope and grant.party in names and grant.holds(now) for grant in case.grants)
    if live or "ACTIVE" in found:
        return "ACTIVE"
    return next((state for state in found if state != "NOT_ASKED"), "NOT_ASKED")


def _folded(case: SipCase, scope: str, party: str, now: datetime) -> ConsentState:
    """Fold the history of one scope towards one party, with what time, objections and endings did to it."""
    state: ConsentState = "NOT_ASKED"
    until: datetime | None = None
    for record in case.consents:
        for event, end in _events(record, scope, party):
            state = _run_out(state, until, record.at)
            state, until = consent_after(state, event) or state, end
    state = _run_out(state, until, now)
    if any((grant.scope, grant.party) == (scope, party) for grant in case.grants):
        return state
    gone = "case.ended" if case.state in TERMINAL else "participants.approved:objection"
    return consent_after(state, gone) or state


def _run_out(state: ConsentState, until: datetime | None, at: datetime) -> ConsentState:
    if until is None or at < until:
        return state
    return consent_after(state, "consent.expired") or state


def _events(record: ConsentRecord, scope: str, party: str) -> Iterator[tuple[str, datetime | None]]:
    """Yield what one record says of one scope towards one party: a no is for everybody."""
    if record.decision == "deny" and (not record.scopes or scope in record.scopes):
        yield "consent.refused", None
    for change in record.changes:
        if (change.scope, change.party) == (scope, party):
            yield change.event, change.until


@dataclass(frozen=True, slots=True)
class Consented:
    """How one scope stands towards one party."""

    party: str
    scope: str
    state: ConsentState


def consents_standing(case: SipCase, now: datetime) -> tuple[Consented, ...]:
    """Return how every scope that was ever spoken of stands towards everybody who was named; before any, the two that a call needs and the plan."""
    changes = [change for record in case.consents for change in record.changes]
    said = {change.scope for change in changes} | {scope for record in case.consents for scope in record.scopes}
    parties = {change.party for change in changes} | {grant.party for grant in case.grants}
    return tuple(
        Consented(party, scope, consent_standing(case, scope, party, now))
        for party in sorted(parties)
        for scope in sorted(said or {*ENOUGH, "plan"})
    )


@dataclass(frozen=True, slots=True)
class Call:
    """What became of one call to one unit: a delivery, as its row has it. `by_hand` says that a person has taken it on instead of the hub."""

    recipient: str
    message_type: str
    object_id: str | None
    object_version: int | None
    position: int
    state: str
    by_hand: bool = False


ON_ITS_WAY: frozenset[str] = frozenset({QUEUED, SENDING, AWAITING})
"""States of a call's delivery that are nothing new to whoever was called."""
_ARRIVED: Mapping[str, str] = MappingProxyType(
    {"delivered": "delivery.delivered", "read": "delivery.read", "handled_manually": "by_hand.told"}
)


def participant_standing(case: SipCase, meeting: MeetingRecord, unit: str, calls: Iterable[Call]) -> ParticipantState | None:
    """Return where a unit stands before a meeting, or None where nobody has named it.

    The unit's own answer outweighs what became of the call, and whether it came outweighs both. `calls` may hold more than this meeting's.
    """
    state: Place = ""
    for event in _path(case, meeting, unit, calls):
        state = participant_after(state, event) or state
    return state or None


def _path(case: SipCase, meeting: MeetingRecord, unit: str, calls: Iterable[Call]) -> Iterator[str]:
    """Yield what happened to a unit's place, in the order of its life."""
    if _approved(case.grants, unit):
        yield "participants.approved"
    place = meeting.participant(unit)
    if place is None:
        return
    yield "meeting.called" if meeting.version == 1 else "meeting.rescheduled"
    mine = [found for found in calls if found.recipient == unit and _is_of(found, meeting)]
    if mine:
        newest = max(mine, key=lambda found: found.position)
        if newest.state not in ON_ITS_WAY:
            yield _ARRIVED.get(newest.state, "delivery.stopped")
        if newest.by_hand:
            yield "by_hand.taken"
    if place.state in {"ATTENDED", "ABSENT"}:
        yield place.state.lower()
    yield from (f"answer.{word}" for word, state in ANSWERS.items() if state == place.state)


def _approved(grants: Sequence[Grant], unit: str) -> bool:
    return any((grant.scope, grant.party) == (PARTICIPANT, unit) for grant in grants)


def _is_of(call: Call, meeting: MeetingRecord) -> bool:
    return call.message_type in CALLS and (call.object_id, call.object_version) == (str(meeting.id), meeting.version)
