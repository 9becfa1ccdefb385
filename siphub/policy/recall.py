"""The one recall text: what a unit hears when a meeting is called off, a plan is closed, a consent runs out or is taken back.

It is built in one place, from the case alone, so that nobody can tell which of these it was (LIFECYCLE sections 3 and 4).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from siphub.model import Author, Message, Sender, model_of
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId, person_ref
from siphub.model.messages.receipt import StopNotice

AUTHOR = Author(name="siphub", role="hub")


def notice(case: SipCase, unit: str, about: tuple[UUID, int], *, message_id: UUID, now: datetime) -> Message:
    """Return the stop notice for one unit.

    Args:
        case: The case; only its id, owner, contact, telephone and which object is a plan are used.
        unit: The recipient.
        about: The meeting or plan the unit last heard of, and its version.
        message_id: The notice's own id.
        now: The time, UTC.
    """
    what: Literal["meeting", "plan"] = "plan" if case.plan is not None and about[0] == case.plan.id else "meeting"
    return model_of("stop.notice")(
        message_id=message_id,
        type="stop.notice",
        case_id=case.case_id,
        owner=case.owner,
        sent_at=now,
        sender=Sender(unit=case.contact, organisation=case.owner),
        author=AUTHOR,
        recipients=(person_ref(unit) or UnitId(unit),),
        classification="open-logistics",
        ack_requested=False,
        content=StopNotice(case_reference=case.case_id, about=what, about_id=about[0], about_version=about[1], phone=case.phone),
    )
