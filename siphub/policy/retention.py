"""Record before eraser: whether the content of a case, or of one withheld message, may be erased now (LIFECYCLE sections 4.2 and 8). Pure.

A yes needs all of it: the case is over, its owner has decided that it is erased and after how long, nothing of it is still on its way, and
every organisation that was offered a record copy has confirmed it. Without a decision there is no default.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from siphub.policy.lifecycle import BLOCKING, TERMINAL

UNSENT = frozenset({"withheld", "superseded", "expired", "recalled"})
"""Delivery states that nobody reads by and nothing is sent from."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long an owner keeps a case that is over, and by which decision (gallringsbeslut) it erases it then."""

    owner: str
    keep: timedelta
    decision: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the eraser must know of a case: its state, since when it is over, and the states of its deliveries."""

    state: str
    ended_at: datetime | None
    deliveries: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What it must know of a record copy: whose record it becomes, and whether that registry has confirmed it, or it was taken back and waits for none."""

    organisation: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Erase:
    """It may be erased, by this decision."""

    decision: str


@dataclass(frozen=True, slots=True)
class Keep:
    """It stays; `reason` is a code of `siphub.policy.reasons`."""

    reason: str


def erasable(case: CaseFacts, copies: Collection[CopyFacts], rule: RetentionRule | None, now: datetime) -> Erase | Keep:
    """Decide about a whole case.

    Args:
        case: The case, as it stands under its lock.
        copies: Every record copy of it.
        rule: The owner's, or None where it has none.
        now: The time, UTC.
    """
    if case.state not in TERMINAL or case.ended_at is None:
        return Keep("retention.open")
    if rule is None or not rule.decision:
        return Keep("retention.no_decision")
    if now < case.ended_at + rule.keep:
        return Keep("retention.not_yet")
    if any(state in BLOCKING for state in case.deliveries):
        return Keep("retention.on_its_way")
    if not all(copy.confirmed for copy in copies):
        return Keep("retention.unconfirmed")
    return Erase(rule.decision)


def withheld_erasable(deliveries: Collection[tuple[str, str | None]], copies: Collection[CopyFacts]) -> bool:
    """Say whether a message that a withdrawal stopped may be erased before its case: nobody has it, and its record copies are confirmed.

    Args:
        deliveries: State and reason of each delivery of the message.
        copies: Every record copy of the message; without any there is no record to have instead.
    """
    stopped = any(state == "withheld" and reason == "withdrawn" for state, reason in deliveries)
    return stopped and all(state in UNSENT for state, _ in deliveries) and bool(copies) and all(copy.confirmed for copy in copies)
