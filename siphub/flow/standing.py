"""Where participants and consents stand, read from the case, its deliveries and the work items about them; codes only.

It must never tell a convener more than it has heard, and nobody else anything (LIFECYCLE 5.6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from siphub.errors import Sealed
from siphub.flow.ground import Ground
from siphub.flow.letters import open_case, today
from siphub.model import Caller, Directory
from siphub.model.case import MeetingRecord, SipCase
from siphub.model.identifiers import UnitId
from siphub.policy.days import day_of
from siphub.policy.lifecycle import ANSWERS
from siphub.policy.standing import Call, Consented, consents_standing, participant_standing
from siphub.store import CaseRow, DeliveryRow, WorkItemRow


def consents(ground: Ground, row: CaseRow) -> tuple[Consented, ...]:
    """Return how every scope stands towards everybody named; nothing of it where the case has been erased."""
    try:
        seal = ground.store.seal_of_case(row.owner, row.case_id)
    except Sealed:
        return ()
    return consents_standing(open_case(row, seal), ground.now())


def meetings(
    ground: Ground,
    row: CaseRow,
    caller: Caller,
    deliveries: Sequence[DeliveryRow],
    items: Sequence[WorkItemRow],
    read: Sequence[DeliveryRow],
) -> Iterator[Mapping[str, Any]]:
    """Yield where the participants stand of each meeting that this caller's unit convenes, and of no other (LIFECYCLE 5.6)."""
    try:
        case = open_case(row, ground.store.seal_of_case(row.owner, row.case_id))
    except Sealed:
        return
    directory = ground.directory()
    mine = calls([found for found in deliveries if found.owner == row.owner], items, directory, ground.now())
    heard = {found.sender_unit for found in read if found.message_type == "meeting.response"}
    for meeting in case.meetings:
        unit = directory.unit(meeting.convener.unit)
        if unit is not None and caller.speaks_for(unit.id, unit.organisation):
            yield _standing(case, _as_heard(meeting, heard), mine)


def calls(rows: Sequence[DeliveryRow], items: Sequence[WorkItemRow], directory: Directory, now: datetime) -> list[Call]:
    """Return deliveries as the policy looks at them."""
    return [_call(row, items, directory, now) for row in rows]


def _call(row: DeliveryRow, items: Sequence[WorkItemRow], directory: Directory, now: datetime) -> Call:
    """Return a delivery as the policy looks at it; a person has taken it on who closed its work item after it came to be as it is."""
    mine = [item for item in items if item.delivery_id == row.id]
    done = [item for item in mine if item.closed_at is not None and item.closed_at >= row.updated_at and item.how != "operated"]
    return Call(
        recipient=today(row, directory, day_of(now)).recipient,
        message_type=row.message_type,
        object_id=row.object_id,
        object_version=row.object_version,
        position=row.position,
        state=row.state,
        by_hand=bool(done) and all(item.closed_at is not None for item in mine),
    )


def _as_heard(meeting: MeetingRecord, heard: Collection[str]) -> MeetingRecord:
    """Return a meeting as its convener knows it: an answer that was withheld from it, or that it may not read again, is not told here either."""
    places = (
        found if found.unit in heard or found.state not in ANSWERS.values() else found.model_copy(update={"state": "SENT"})
        for found in meeting.participants
    )
    return meeting.model_copy(update={"participants": tuple(places)})


def _standing(case: SipCase, meeting: MeetingRecord, calls: Sequence[Call]) -> Mapping[str, Any]:
    """Return a meeting with where each participant stands; whom the individual chose and nobody has called yet only to the coordinator."""
    called = [found.unit for found in meeting.participants]
    chosen = (grant.party for grant in case.grants if grant.scope == "participant" and isinstance(grant.party, UnitId))
    open_yet = meeting.state == "planned" and case.coordinates(meeting.convener.unit)
    units = dict.fromkeys((*called, *chosen)) if open_yet else called
    duties = {found.unit for found in meeting.participants if found.duty}
    return {
        "meeting_id": str(meeting.id),
        "version": meeting.version,
        "state": meeting.state,
        "participants": [
            {"unit": unit, "duty": unit in duties, "state": participant_standing(case, meeting, unit, calls)} for unit in units
        ],
    }
