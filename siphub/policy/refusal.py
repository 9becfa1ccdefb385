"""A refusal as a value: why a message is not accepted, and which kind of answer that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from siphub.errors import Conflict, Forbidden, Invalid, NotThere, Problem
from siphub.policy.reasons import REASONS


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a code of `reasons`, the kind of answer, and where in the message.

    `opens` is the type of the work item it leaves with the coordinator, though nothing of the message is kept: where a person must act
    now, and the sender's screen may be the wrong one to say so.
    """

    code: str
    kind: Literal["invalid", "forbidden", "not_there", "conflict"]
    pointer: str | None = None
    opens: str | None = None

    def throw(self) -> NoReturn:
        """Raise the error this refusal is at a door.

        Raises:
            Invalid: 422.
            Forbidden: 403.
            NotThere: 404, the same for "not yours".
            Conflict: 409.
        """
        reason = REASONS[self.code]
        problems = (Problem(self.code, reason.en, pointer=self.pointer),) if self.pointer else ()
        errors = {"invalid": Invalid, "forbidden": Forbidden, "not_there": NotThere, "conflict": Conflict}
        raise errors[self.kind](reason.en, code=self.code, problems=problems)
