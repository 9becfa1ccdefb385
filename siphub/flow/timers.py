"""The deadlines of a case: kept beside it at every save, and looked at by the sweep, which opens work items and closes them again.

Safe to run twice at once: each step is marked under the case's lock in the transaction that takes it, and a work item has the same id
however often it is asked for. It must never take a deadline for met: whether one stands is the policy's to say.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from siphub.errors import Sealed
from siphub.flow import notify
from siphub.flow.ground import Ground
from siphub.flow.letters import as_grants, case_row, need_of, open_case, today
from siphub.flow.withdraw import Cause, Line
from siphub.flow.work_items import close_for_deadline, open_for_deadline
from siphub.model import Directory
from siphub.model.case import SipCase
from siphub.observe import Log
from siphub.policy.days import day_of
from siphub.policy.deadlines import Place, deadlines
from siphub.policy.disclosure import Covered, judge
from siphub.policy.standing import CALLS
from siphub.store import DeadlineRow, DeliveryRow, Seal, Work

BATCH = 200
_log = Log(worker="sweeper")


def keep(ground: Ground, work: Work, case: SipCase, directory: Directory, *, has_any: bool = True) -> None:
    """Put a case's deadlines beside it, under its lock, and close the work items of those that no longer stand; `has_any`: some do yet."""
    now = ground.now()
    owner, case_id = case.owner, str(case.case_id)
    silent = _silent(ground, work, case, directory)
    standing = deadlines(case, directory, now, ground.settings.weekends, silent, ground.settings.consent_warning)
    rows = [DeadlineRow(owner, case_id, found.kind, found.about, found.unit, found.due_at, found.warn_at) for found in standing]
    if not has_any:
        work.deadlines.add(rows)
        return
    for gone in work.deadlines.replace(owner, case_id, rows):
        for stage in ("near", "passed"):
            close_for_deadline(work, gone, stage, now)


def _silent(ground: Ground, work: Work, case: SipCase, directory: Directory) -> frozenset[Place]:
    """Return the places whose newest call was withheld or called back, or has no basis any more: no answer is expected, nobody phones."""
    planned = {str(found.id) for found in case.meetings if found.state == "planned" and found.respond_by is not None}
    calls = (row for row in work.deliveries.of_case(case.owner, str(case.case_id)) if row.object_id in planned) if planned else ()
    day, newest = day_of(ground.now()), dict[Place, DeliveryRow]()
    for row in calls:
        if row.message_type in CALLS and row.object_id is not None:
            newest[UUID(row.object_id), today(row, directory, day).recipient] = row
    return frozenset(place for place, row in newest.items() if row.state in {"withheld", "recalled"} or not _covered(ground, row, case))


def _covered(ground: Ground, row: DeliveryRow, case: SipCase) -> bool:
    exceptions = ground.local.switched_on(row.sender_organisation)
    return isinstance(judge(need_of(row), as_grants(case.grants), row.asserted, ground.now(), exceptions), Covered)


def look_at_deadlines(ground: Ground) -> int:
    """Open work items for deadlines that are near or have passed. Return in how many cases."""
    turn = ground.turns.of("deadlines")
    with ground.store.read() as work:
        cases = work.deadlines.due(ground.now(), BATCH, turn.skip)
    done = set[tuple[str, str]]()
    for owner, case_id in dict.fromkeys(cases):
        try:
            if _look(ground, owner, case_id):
                done.add((owner, case_id))
        except Sealed as error:
            # One case that cannot be opened keeps no other's deadlines from being looked at.
            _log.error("deadline.failed", case_id=case_id, code=error.code)
    turn.end(found=len(cases), left=sum(case not in done for case in cases), limit=BATCH)
    if done:
        ground.wake.set()
    return len(done)


def _look(ground: Ground, owner: str, case_id: str) -> bool:
    seal, directory, now = ground.store.seal_of_case(owner, case_id), ground.directory(), ground.now()
    with ground.store.write() as work:
        stored = work.cases.lock(owner, case_id)
        if stored is None or stored.erased_at is not None:
            return False
        case = open_case(stored, seal)
        keep(ground, work, case, directory)
        near = [row for row in work.deadlines.of_case(owner, case_id) if _step(work, row, now)]
        _remind(ground, work, case, directory, seal, near)
    return True


def _step(work: Work, row: DeadlineRow, now: datetime) -> bool:
    """Take the next step of one deadline; return whether it has just come near.

    `now` is before the deadlines were last kept: one that the hub acts on by itself is not taken for late in between.
    """
    if row.due_at <= now:
        if work.deadlines.mark(row, "passed_at", now):
            close_for_deadline(work, row, "near", now)
            open_for_deadline(work, row, "passed", now)
            facts = {"kind": row.kind, "about": row.about, "case_id": row.case_id}
            work.audit.append(row.owner, "hub", "sweep", "deadline.passed", facts)
        return False
    if row.warn_at <= now and work.deadlines.mark(row, "warned_at", now):
        open_for_deadline(work, row, "near", now)
        return True
    return False


def _remind(ground: Ground, work: Work, case: SipCase, directory: Directory, seal: Seal, near: list[DeadlineRow]) -> None:
    """Remind those who have not answered a call, when their time is near (K6)."""
    named = {row.about.partition("/")[0] for row in near if row.kind == "meeting.answer"}
    meetings = [found for found in case.meetings if str(found.id) in named]
    stored = work.cases.get(case.owner, str(case.case_id)) if meetings else None
    if stored is None:
        return
    since = min(row.warn_at for row in near)
    line = Line(ground, work, case, seal, directory, ground.now(), seq=stored.seq, cause=Cause("reminder", since))
    if sum(notify.remind(line, meeting) for meeting in meetings):
        fresh = case.model_copy(update={"version": case.version + 1})
        work.cases.save(case_row(fresh, seal, seq=line.seq, opened_at=stored.opened_at, now=line.now))
