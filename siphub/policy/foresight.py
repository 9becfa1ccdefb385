"""What a person should look at before a message is sent, though nothing stands in its way: cautions beside a dry run. Pure.

It must never say yes or no: that is for the decision and the disclosure rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from siphub.model import Message
from siphub.model.messages import meeting as m
from siphub.policy.case import Decision
from siphub.policy.meetings import Call
from siphub.policy.reasons import REASONS
from siphub.policy.routing import Shown
from siphub.policy.step import OpenWork

MANY: Final = 8
"""From so many called on, somebody should ask whether all are needed (REQ-49): with the individual and a relative they are ten in a room."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to look at: a code of `reasons`, and the recipient it is about where it is about one."""

    code: str
    recipient: str | None = None


def cautions(
    message: Message, decision: Decision, found: Sequence[Shown], carries: Callable[[str, str], bool], now: datetime
) -> tuple[Caution, ...]:
    """Return what to look at before a message is sent.

    Args:
        message: The message.
        decision: What the hub would decide about it; the work it would open is worth knowing before.
        found: What each recipient would see.
        carries: Says whether an adapter, by its name, takes a message type.
        now: The time, UTC.
    """
    ours = (Caution(effect.type) for effect in decision.effects if isinstance(effect, OpenWork) and effect.type in REASONS)
    return (*ours, *_about_the_call(message, decision, now), *_about_recipients(message, found, carries))


def _about_the_call(message: Message, decision: Decision, now: datetime) -> Iterator[Caution]:
    content = message.content
    if not isinstance(content, Call):
        return
    known = decision.case.meeting(content.meeting.id)
    if known is not None and len(known.participants) >= MANY:
        yield Caution("meeting.many_participants")
    if not now < content.respond_by < content.meeting.starts_at:
        yield Caution("meeting.answer_date")
    if isinstance(content, m.MeetingInvited):
        yield Caution("invitation.minimal")


def _about_recipients(message: Message, found: Sequence[Shown], carries: Callable[[str, str], bool]) -> Iterator[Caution]:
    for route in (one.route for one in found):
        if route.basis is not None and route.address is not None and not carries(route.address.adapter, message.type):
            yield Caution("adapter.cannot_carry", route.recipient)
