"""Consents that run out by themselves: noticed by the sweep, and then like a withdrawal that nobody had to make (LIFECYCLE section 4).

Safe to run twice at once: what has been acted on is marked in the transaction that acted on it, under the case's lock. It must never
take a consent for run out by another clock than the claim does.
"""

from __future__ import annotations

from datetime import datetime

from siphub.errors import Sealed
from siphub.flow import timers
from siphub.flow.ground import Ground
from siphub.flow.letters import case_row, grant_rows, open_case
from siphub.flow.withdraw import Cause, Line
from siphub.flow.work_items import open_in_case, open_items, settle_owed
from siphub.model.case import SipCase
from siphub.observe import Log
from siphub.policy import consent
from siphub.policy.days import day_of
from siphub.policy.moves import handed_over
from siphub.policy.step import Decision, Narrowed, OpenWork
from siphub.store import CaseRow, Seal, Work

BATCH = 200
_log = Log(worker="sweeper")


def expire_consents(ground: Ground) -> int:
    """Act on what has run out since the last look: withhold, call back, tell the coordinator. Return in how many cases."""
    turn = ground.turns.of("consents")
    with ground.store.read() as work:
        cases = work.grants.run_out(ground.now(), BATCH, turn.skip)
    done = 0
    for owner, case_id in cases:
        try:
            done += _expire(ground, owner, case_id)
        except Sealed as error:
            # One case that cannot be opened keeps no other's consents from being looked at; its claims are refused all the same.
            _log.error("consent.failed", case_id=case_id, code=error.code)
    turn.end(found=len(cases), left=len(cases) - done, limit=BATCH)
    if done:
        ground.wake.set()
    return done


def _expire(ground: Ground, owner: str, case_id: str) -> bool:
    seal = ground.store.seal_of_case(owner, case_id)
    with ground.store.write() as work:
        row = work.cases.lock(owner, case_id)
        now = ground.now()
        before = handed_over(open_case(row, seal), day_of(now)) if row is not None else None
        decided = consent.expired(before, now) if before is not None else None
        if row is None or before is None or decided is None:
            return False
        _carry_out(ground, work, row, decided, seal, _cause(before, now))
    return True


def _cause(before: SipCase, now: datetime) -> Cause:
    """Return why: the consents that have run out, by when the first of them did."""
    since = min((grant.until for grant in before.grants if grant.until is not None and grant.noticed_at is None), default=now)
    return Cause(f"expired/{since.isoformat()}", since)


def _carry_out(ground: Ground, work: Work, row: CaseRow, decided: Decision, seal: Seal, cause: Cause) -> None:
    """Save what follows, in the order in which a withdrawal does it."""
    now = ground.now()
    line = Line(ground, work, decided.case, seal, ground.directory(), now, seq=row.seq, cause=cause)
    work.grants.replace(row.owner, row.case_id, grant_rows(decided.case))
    settle_owed(work, open_items(work, line.key), decided.case, now)
    for effect in decided.effects:
        match effect:
            case Narrowed(reason=reason):
                line.narrow(reason)
            case OpenWork(type=kind, unit=unit):
                open_in_case(work, line.key, kind, unit, now)
            case _:
                message = "nothing else follows when a consent runs out"
                raise AssertionError(message)
    work.cases.save(case_row(line.case, seal, seq=line.seq, opened_at=row.opened_at, now=now))
    timers.keep(ground, work, line.case, line.directory)
    facts = {"type": "consent.expired", "case_id": row.case_id, "state": decided.case.state, "version": str(decided.case.version)}
    work.audit.append(row.owner, "hub", "sweep", "consent.expired", facts)
