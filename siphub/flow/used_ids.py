"""The ids that a standard gives to what carries a message: each stands for one thing, whenever it comes again.

They are looked at and kept in the transaction that accepts the message, and go with its answer: of two hand-ins at one moment the second sees
what the first has used, and what was refused has used nothing. It must never keep an id itself: nobody knows what a sender makes ids of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from siphub.contract import StandardId
from siphub.errors import Conflict, Problem
from siphub.flow.ground import Ground
from siphub.model import Caller, Message
from siphub.store import UsedIdRow, Work


@dataclass(frozen=True, slots=True)
class UsedId:
    """An id as it is kept, and what is said where it stood for something else."""

    row: UsedIdRow
    reused: Problem


def ids_of(ground: Ground, door: str, ids: Iterable[StandardId], message: Message, caller: Caller) -> tuple[UsedId, ...]:
    """Return the ids under which a caller hands in a message, at the door of the reader named `door`, as they are kept."""

    def hashed(text: str) -> bytes:
        return ground.store.keyed_hash("used_id", f"{door}/{text}".encode("utf-8", "surrogatepass"))

    key = (caller.organisation, str(message.message_id))
    return tuple(UsedId(UsedIdRow(*key, hash=hashed(one.name), means=hashed(one.means)), one.reused) for one in ids)


def new_ones(work: Work, ids: Sequence[UsedId]) -> tuple[UsedIdRow, ...]:
    """Return those that have not been used.

    Raises:
        Conflict: One was, for something else; the first of them says so.
    """
    if not ids:
        return ()
    known = work.intake.used_ids(ids[0].row.owner, [one.row.hash for one in ids])
    for one in ids:
        if one.row.hash in known and known[one.row.hash].means != one.row.means:
            raise Conflict(one.reused.detail, code=one.reused.code, problems=(one.reused,))
    return tuple(one.row for one in ids if one.row.hash not in known)
