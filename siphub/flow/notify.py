"""What the hub says by itself besides the recall: the sender hears what did not arrive (T4), who has not answered is reminded (K6).

Each is said once, in a transaction of its own under the case's lock. It must never tell more than codes, and never speak of its own notices.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from siphub.errors import Sealed
from siphub.flow.ground import Ground
from siphub.flow.letters import case_row, open_case
from siphub.flow.withdraw import Line
from siphub.model.case import MeetingRecord
from siphub.model.identifiers import UnitId
from siphub.observe import Log
from siphub.policy import notices
from siphub.store import DeliveryRow

BATCH = 50
_log = Log(worker="sweeper")


def tell_failures(ground: Ground) -> int:
    """Tell the senders of messages that ended without arriving. Return how many were told."""
    if not ground.settings.tell_failures:
        return 0
    with ground.store.read() as work:
        rows = work.deliveries.untold(BATCH)
    told = 0
    for row in rows:
        try:
            told += _tell(ground, row)
        except Sealed as error:
            # One case that cannot be opened keeps no other's sender from being told.
            _log.error("notice.failed", delivery_id=row.id, code=error.code)
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
        case = open_case(stored, seal)
        line = Line(ground, work, case, seal, directory, ground.now(), seq=stored.seq)
        unit = UnitId(row.sender_unit)
        reason = row.reason or row.state
        message = notices.failure(case, unit, UUID(row.message_id), row.recipient, reason, message_id=uuid4(), now=line.now)
        line.say(message)
        fresh = case.model_copy(update={"version": case.version + 1})
        work.cases.save(case_row(fresh, seal, seq=line.seq, opened_at=stored.opened_at, now=line.now))
    return True


def remind(line: Line, meeting: MeetingRecord) -> int:
    """Remind everybody who was called to a meeting, was reached, and has not answered; within the caller's transaction. Return how many.

    A reminder rests on the consent. Whoever was called on a basis that the sender stated is phoned instead: the hub states none of its own.
    """
    called = [row for row in line.before if row.object_id == str(meeting.id) and row.object_version == meeting.version]
    reached = {row.recipient for row in called if row.basis == "consent"}
    units = [unit for unit in notices.unanswered(meeting) if unit in reached]
    message = notices.reminder(line.case, meeting, units, message_id=uuid4(), now=line.now)
    return len(line.say(message)) if message is not None else 0
