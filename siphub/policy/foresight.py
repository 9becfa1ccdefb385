"""What a person should look at though nothing stands in a message's way: cautions beside a dry run, and some beside the answer. Pure.

It must never say yes or no: that is for the decision and the disclosure rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from siphub.model import Directory, Message
from siphub.model.case import SipCase
from siphub.model.messages import meeting as m
from siphub.policy.case import Decision
from siphub.policy.days import day_of
from siphub.policy.duties import AGREEMENT, duty
from siphub.policy.meetings import Call
from siphub.policy.profiles import before_final
from siphub.policy.reasons import REASONS
from siphub.policy.routing import Route, Shown
from siphub.policy.step import OpenWork
from siphub.policy.wording import Said
from siphub.policy.work import work_type

MANY: Final = 8
"""From so many called on, somebody should ask whether all are needed (REQ-49): with the individual and a relative they are ten in a room."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to look at: a code of `reasons` or the kind of a work item, and the recipient it is about where it is about one."""

    code: str
    recipient: str | None = None

    @property
    def said(self) -> Said:
        """The sentence in both languages."""
        found = REASONS.get(self.code) or work_type(self.code)
        return Said(found.en, found.sv)


def cautions(
    message: Message, decision: Decision, found: Sequence[Shown], carries: Callable[[str, str], bool], directory: Directory, now: datetime
) -> tuple[Caution, ...]:
    """Return what to look at before a message is sent.

    Args:
        message: The message.
        decision: What the hub would decide about it; the work it would open is worth knowing before.
        found: What each recipient would see.
        carries: Says whether an adapter, by its name, takes a message type.
        directory: A snapshot.
        now: The time, UTC.
    """
    ours = (Caution(effect.type) for effect in decision.effects if isinstance(effect, OpenWork))
    return (*ours, *_lacking(message, directory), *_about_the_call(message, decision, now), *_about_recipients(message, found, carries))


def afterwards(message: Message, case: SipCase) -> tuple[Caution, ...]:
    """Return what to look at though a message has been accepted: whether all who are called are needed (REQ-49)."""
    return tuple(_many(message, case))


def _many(message: Message, case: SipCase) -> Iterator[Caution]:
    known = case.meeting(message.content.meeting.id) if isinstance(message.content, Call) else None
    if known is not None and len(known.participants) >= MANY:
        yield Caution("meeting.many_participants")


def _lacking(message: Message, directory: Directory) -> Iterator[Caution]:
    yield from (Caution(code) for code in dict.fromkeys(lack.code for lack in before_final(message, directory)))


def standing(message: Message, route: Route, directory: Directory, now: datetime) -> str:
    """Return as what a recipient gets a message, a key of the kinds of `wording`: a duty by agreement is told apart from one by law."""
    basis = getattr(message.content, "duty_basis", None)
    if basis is None or not basis.startswith(AGREEMENT):
        return route.kind
    starts_at = message.content.meeting.starts_at if isinstance(message.content, Call) else now
    return "bound" if duty(route.recipient, basis, directory, day_of(starts_at)) is True else route.kind


def giver_of(case: SipCase) -> str:
    """Return whose the case's consent is, a key of the givers of `wording`; `somebody` where more than one has given it."""
    givers = {found.given_by.kind for found in case.consents if found.given_by is not None}
    return givers.pop() if len(givers) == 1 else "somebody"


def _about_the_call(message: Message, decision: Decision, now: datetime) -> Iterator[Caution]:
    content = message.content
    if not isinstance(content, Call):
        return
    yield from _many(message, decision.case)
    if content.respond_by <= now:
        yield Caution("meeting.answer_date")
    if isinstance(content, m.MeetingInvited):
        yield Caution("invitation.minimal")


def _about_recipients(message: Message, found: Sequence[Shown], carries: Callable[[str, str], bool]) -> Iterator[Caution]:
    for route, by_hand in ((one.route, one.by_hand) for one in found):
        if by_hand:
            yield Caution("guardian.read_through", route.recipient)
        if route.basis is not None and route.address is not None and not carries(route.address.adapter, message.type):
            yield Caution("adapter.kind_unsupported", route.recipient)
