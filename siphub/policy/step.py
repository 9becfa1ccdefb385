"""What one message does to one case: what a step looks at, the effects it may ask for, and the one way to another state.

The steps themselves stand in `case`, `meetings` and `plans`. Nothing here decides; it must never let a case leave its state table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from siphub.model import Caller, Directory, Message
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId
from siphub.policy import lifecycle
from siphub.policy.days import day_of
from siphub.policy.local import STRICT, LocalRules
from siphub.policy.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Supersede:
    """Undelivered earlier versions of this meeting or plan are not sent any more."""

    object_id: UUID
    below_version: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Everybody who has been sent something about this case (or only about this object) gets the one stop notice.

    `spared` are the types that an end of the whole case neither stops nor calls back.
    """

    object_id: UUID | None
    spared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Something that was allowed is not any more: withhold what no longer holds, recall what was sent. `reason` is why."""

    reason: str = "withdrawn"


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A person must act: see docs/what-happens-when.md. `unit` is whose work it is."""

    type: str
    unit: str


@dataclass(frozen=True, slots=True)
class NoteReceipt:
    """The sender's unit says what became of a message that was sent to it."""

    message_id: UUID
    kind: Literal["received", "read", "rejected"]
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Retract:
    """One message should not have been: what waits of it is not sent, who was reached gets the stop notice; its own unit's or the coordinator's word."""

    message_id: UUID


Effect = Supersede | Recall | Narrowed | OpenWork | NoteReceipt | Retract


@dataclass(frozen=True, slots=True)
class Decision:
    """The case that follows, and what else must happen in the same transaction."""

    case: SipCase
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One message before its case: what every step below looks at."""

    case: SipCase
    message: Message
    directory: Directory
    now: datetime
    caller: Caller
    local: LocalRules = STRICT

    def current(self, unit: UnitId) -> UnitId:
        """Return the unit that stands for another today, within its organisation; itself where nobody does."""
        found = self.directory.current(unit, day_of(self.now))
        return found.id if found is not None else unit


Step = Callable[[Asked, Any], Refusal | Decision]


def move(asked: Asked, event: str, *effects: Effect, **changes: object) -> Refusal | Decision:
    """Follow the state table, or refuse."""
    after = lifecycle.case_after(asked.case.state, event)
    if after is None:
        return Refusal("case.wrong_state", "conflict", "/type")
    return Decision(asked.case.model_copy(update={"state": after, **changes}), effects)
