"""What the hub says by itself besides the recall: the sender hears what did not arrive (T4), who has not answered is reminded (K6).

Each is said once, in a transaction of its own under the case's lock. It must never tell more than codes, and never speak of its own notices.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from siphub.errors import Sealed
from siphub.flow.ground import Ground
from siphub.flow.letters import case_row, open_case, open_message
from siphub.flow.withdraw import SENT, Cause, Line
from siphub.flow.work_items import open_for
from siphub.model.case import MeetingRecord
from siphub.model.identifiers import UnitId
from siphub.observe import Log
from siphub.policy import notices
from siphub.policy.deadlines import WARN
from siphub.policy.partners import Place, own_waits
from siphub.store import CaseRow, Change, DeliveryRow

BATCH = 50
CALLS = frozenset({"meeting.summoned", "meeting.invited", "meeting.rescheduled", "followup.summoned"})
"""What calls somebody to a meeting, and so may be reminded of."""
OVERDUE = "send.not_collected"
"""Why a sender is told of what waits for its receipt (T4)."""
_log = Log(worker="sweeper")


def tell_failures(ground: Ground) -> int:
    """Tell the senders of messages that ended without arriving. Return how many were told."""
    if not ground.settings.tell_failures:
        return 0
    turn = ground.turns.of("failures")
    with ground.store.read() as work:
        rows = work.deliveries.untold(BATCH, turn.skip)
    told = 0
    for row in rows:
        try:
            told += _tell(ground, row)
        except Sealed as error:
            # One case that cannot be opened keeps no other's sender from being told.
            _log.error("notice.failed", delivery_id=row.id, code=error.code)
    turn.end(found=len(rows), left=len(rows) - told, limit=BATCH)
    if told:
        ground.wake.set()
    return told


def _tell(ground: Ground, row: DeliveryRow) -> bool:
    seal = ground.store.seal_of_case(row.owner, row.case_id)
    directory = ground.directory()
    with ground.store.write() as work:
        stored = work.cases.lock(row.owner, row.case_id)
        if stored is None or not work.deliveries.mark_told(row.id, ground.now()):
            return False
        cause = _cause(row, row.updated_at)
        line = Line(ground, work, open_case(stored, seal), seal, directory, ground.now(), seq=stored.seq, cause=cause)
        _say(line, row, row.reason or row.state, stored)
    return True


def _cause(row: DeliveryRow, since: datetime) -> Cause:
    return Cause(f"failed/{row.key}/{row.fence}", since)


def _say(line: Line, row: DeliveryRow, reason: str, stored: CaseRow) -> None:
    """Queue the word for the sender, and save the case that it is said in."""
    unit = UnitId(row.sender_unit)
    message_id = line.own_id(reason)
    line.say(notices.failure(line.case, unit, UUID(row.message_id), row.recipient, reason, message_id=message_id, now=line.now))
    fresh = line.case.model_copy(update={"version": line.case.version + 1})
    line.work.cases.save(case_row(fresh, line.seal, seq=line.seq, opened_at=stored.opened_at, now=line.now))


@dataclass(frozen=True, slots=True)
class Wait:
    """How long receipts are waited for, and of whom: of these places, or of every one but those that have a time of their own."""

    within: timedelta
    at: Collection[Place] | None = None
    not_at: Collection[Place] = ()

    @property
    def look(self) -> str:
        """The name of its turn."""
        return "overdue" if self.at is None else f"overdue.{self.within.total_seconds():.0f}"


def waits(ground: Ground) -> tuple[Wait, ...]:
    """Return how long receipts are waited for: by the setting, and apart from that by each time that a directory entry has of its own."""
    directory, usual = ground.directory(), ground.settings.receipt_within
    own = own_waits(((place, directory.options_at(*place)) for place in directory.places()), usual)
    elsewhere = Wait(usual, not_at=[place for places in own.values() for place in places])
    return (elsewhere, *(Wait(within, at=places) for within, places in own.items()))


def tell_overdue(ground: Ground) -> int:
    """Let the senders of what nobody has given a receipt for in time phone, and tell them so; return how many. Nothing is sent again by itself.

    The delivery goes on waiting: a late receipt counts, and closes the work item. In time is what the directory entry says, or the settings.
    """
    told = sum(_tell_those(ground, wait) for wait in waits(ground))
    if told:
        ground.wake.set()
    return told


def _tell_those(ground: Ground, wait: Wait) -> int:
    turn = ground.turns.of(wait.look)
    with ground.store.read() as work:
        rows = work.deliveries.awaiting(ground.now() - wait.within, BATCH, turn.skip, at=wait.at, not_at=wait.not_at)
    told = 0
    for row in rows:
        try:
            told += _tell_overdue(ground, row, wait.within)
        except Sealed as error:
            # One case that cannot be opened keeps no other's sender from being told.
            _log.error("notice.failed", delivery_id=row.id, code=error.code)
    turn.end(found=len(rows), left=len(rows) - told, limit=BATCH)
    return told


def _tell_overdue(ground: Ground, row: DeliveryRow, within: timedelta) -> bool:
    seal, directory, now = ground.store.seal_of_case(row.owner, row.case_id), ground.directory(), ground.now()
    waiting = frozenset({"awaiting_receipt"})
    change = Change(from_states=waiting, to_state="awaiting_receipt", event="receipt.overdue", at=now, reason=OVERDUE)
    with ground.store.write() as work:
        stored = work.cases.lock(row.owner, row.case_id)
        if stored is None or not work.deliveries.mark_told(row.id, now, waiting):
            return False
        work.deliveries.change(row.id, change)
        open_for(work, row, now, reason=OVERDUE)
        if ground.settings.tell_failures and row.message_type != "delivery.failed":
            cause = _cause(row, row.updated_at + within)
            _say(Line(ground, work, open_case(stored, seal), seal, directory, now, seq=stored.seq, cause=cause), row, OVERDUE, stored)
    return True


def remind(line: Line, meeting: MeetingRecord) -> int:
    """Remind everybody who was reached by the call to a meeting and has not answered; within the caller's transaction. Return how many.

    A reminder rests on what the call rested on: who was called without a consent, because secrecy does not hinder, is reminded so too.
    Whoever was called when the time was near already is not reminded on top of it.
    """
    if meeting.respond_by is None:
        return 0
    open_to, near = frozenset(notices.unanswered(meeting)), meeting.respond_by - WARN["meeting.answer"]
    calls: dict[str, dict[str, UnitId]] = {}
    for row in line.before:
        here = row.object_id == str(meeting.id) and row.object_version == meeting.version and row.state in SENT
        in_time = row.created_at < near
        if here and in_time and row.recipient in open_to and row.message_type in CALLS:
            calls.setdefault(row.message_row, {})[row.recipient] = UnitId(row.recipient)
    said = 0
    for message_row, units in calls.items():
        stored = line.work.messages.get(line.case.owner, message_row)
        basis = open_message(stored, line.seal).basis if stored is not None else None
        message_id = line.own_id(str(meeting.id), str(meeting.version), message_row)
        message = notices.reminder(line.case, meeting, tuple(units.values()), basis, message_id=message_id, now=line.now)
        said += len(line.say(message)) if message is not None else 0
    return said
