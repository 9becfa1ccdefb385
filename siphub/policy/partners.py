"""How a partner is treated that is slow, away or asks for less: its circuit breaker, its limits, and a budget for repeats. Values in, values out.

A partner is an endpoint of an adapter. Its breaker opens after failures in a row: then nothing is sent to it but one probe after each pause,
and the pauses grow. When it answers, it is sent a little, then more. It must never make a judgement about one message: a partner that
rejects a message is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Final, Literal

State = Literal["closed", "open", "half_open"]
Place = tuple[str, str]
"""A partner: an adapter, and an endpoint of it."""

MOST_CONCURRENT: Final = "max_concurrent"
MOST_PER_MINUTE: Final = "max_per_minute"
OPTIONS: Final = (MOST_CONCURRENT, MOST_PER_MINUTE)
"""The options of a directory's address in which a partner asks for less."""
RECEIPT_WITHIN: Final = "receipt_within"
"""The option of a directory's address that says how long a partner takes to give a receipt."""
SOONEST, LATEST = timedelta(minutes=15), timedelta(days=90)
"""Between which that is."""
_SPAN: Final = re.compile(r"([0-9]{1,5}) ?(min|h|d)", re.ASCII)
_UNITS: Final = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def partner_id(adapter: str, endpoint: str) -> str:
    """Return a short name for an endpoint, for logs and the command line: an address may hold more than a log should."""
    return sha256(f"{adapter}\n{endpoint}".encode()).hexdigest()[:12]


# ── the breaker ──


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When to stop asking a partner, and how often to probe it.

    `failures` in a row open the breaker. The first pause is `base`, each next one twice as long up to `cap`, less up to a fifth by chance.
    A probe that says nothing for `probe` is followed by another.
    """

    failures: int = 5
    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=15)
    probe: timedelta = timedelta(seconds=30)

    def pause(self, pauses: int, chance: Random) -> timedelta:
        """Return how long the `pauses`th pause in a row is, counted from 1."""
        step = min(self.cap.total_seconds(), self.base.total_seconds() * 2 ** min(pauses - 1, 20))
        return timedelta(seconds=step * (1 - chance.random() / 5))


@dataclass(frozen=True, slots=True)
class Circuit:
    """How one partner stands.

    `closed`: it is sent to. `open`: it is not, until `next_at`. `half_open`: one delivery is on its way to it, which has until `next_at`.
    `window` is how many deliveries may be out to it at once, where something narrows that: it has just come back, or is slower than what
    comes for it.
    """

    state: State = "closed"
    failures: int = 0
    pauses: int = 0
    window: int | None = None
    code: str | None = None
    since: datetime | None = None
    failing_since: datetime | None = None
    answered_at: datetime | None = None
    next_at: datetime | None = None

    @property
    def well(self) -> bool:
        """True where nothing is to be remembered but when it last answered."""
        return self.state == "closed" and not self.failures and self.window is None


def answered(circuit: Circuit, now: datetime, full: int) -> Circuit:
    """Return how a partner stands that has just answered. From a breaker that was not closed it comes back a step at a time, up to `full`."""
    well = replace(circuit, failures=0, failing_since=None, code=None, answered_at=now)
    if circuit.state != "closed":
        return replace(well, state="closed", pauses=0, since=now, next_at=None, window=1)
    return replace(well, window=None if circuit.window is None else min(circuit.window + 1, full))


def failed(circuit: Circuit, rule: BreakerRule, now: datetime, code: str, asked: timedelta | None, chance: Random) -> Circuit:
    """Return how a partner stands that has just failed.

    Args:
        circuit: How it stood.
        rule: When to stop.
        now: The time, UTC.
        code: What it failed with.
        asked: What its Retry-After said, if anything: until then nothing is sent to it, however few failures there were.
        chance: Where the jitter comes from.
    """
    ill = replace(circuit, failures=circuit.failures + 1, failing_since=circuit.failing_since or now, code=code)
    if circuit.state == "open":
        later = now + (asked or timedelta(0))
        return replace(ill, next_at=max(later, circuit.next_at or later))  # what was on its way when it opened says nothing new
    if circuit.state == "closed" and ill.failures < rule.failures and not asked:
        return ill
    pauses = circuit.pauses + 1
    away = circuit.state == "half_open" or ill.failures >= rule.failures
    wait = max(rule.pause(pauses, chance) if away else timedelta(0), asked or timedelta(0))
    return replace(ill, state="open", pauses=pauses, since=_since(circuit, now), next_at=now + wait, window=None)


def _since(circuit: Circuit, now: datetime) -> datetime:
    return circuit.since if circuit.state != "closed" and circuit.since else now


def may_probe(circuit: Circuit, now: datetime) -> bool:
    """Say whether one delivery may be tried at a partner that is away."""
    return circuit.state != "closed" and (circuit.next_at is None or circuit.next_at <= now)


def probing(circuit: Circuit, rule: BreakerRule, now: datetime) -> Circuit:
    """Return how a partner stands to which one delivery is sent to see whether it is back."""
    return replace(circuit, state="half_open", next_at=now + rule.probe)


def unprobed(circuit: Circuit, now: datetime) -> Circuit:
    """Return how a partner stands whose probe came to nothing before it was asked: it may be probed again at once."""
    return replace(circuit, state="open", next_at=now) if circuit.state == "half_open" else circuit


def crowded(circuit: Circuit, out: int) -> Circuit:
    """Return how a partner stands that gets more than it takes: no more than what is `out` to it at once."""
    return replace(circuit, window=max(1, min(out, circuit.window or out)))


# ── limits ──


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a partner is sent: at most so many at the same time, from all workers, and at most so many a minute; None is without limit.

    `strict`: it has asked for less than the settings say, so the limit is held exactly; otherwise by each worker for itself.
    """

    concurrent: int
    per_minute: int | None = None
    strict: bool = False

    @property
    def burst(self) -> float:
        """How many may be sent at one moment within a rate: a second's worth, at least one."""
        return max(1.0, (self.per_minute or 0) / 60)


def limits_of(base: Limits, asked: Mapping[str, str | int | None]) -> Limits:
    """Return the limits of a partner that asks for less than `base`; more than that it does not get.

    Args:
        base: What the settings say.
        asked: `max_concurrent` and `max_per_minute`, as numbers or text; what is no number above nothing is passed over.
    """
    concurrent, minute = _number(asked.get(MOST_CONCURRENT)), _number(asked.get(MOST_PER_MINUTE))
    return Limits(
        concurrent=min(base.concurrent, concurrent or base.concurrent),
        per_minute=min((each for each in (base.per_minute, minute) if each), default=None),
        strict=base.strict or (concurrent or base.concurrent) < base.concurrent or (minute or base.per_minute) is not None,
    )


def _number(value: str | int | None) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) <= len("999999") and int(text) else None


def sound(options: Mapping[str, str]) -> bool:
    """Say whether each limit that a directory's address names is a number from 1 to 999999."""
    return all(_number(options[name]) is not None for name in OPTIONS if name in options)


def receipt_within(options: Mapping[str, str]) -> timedelta | None:
    """Return how long a receipt of a partner's is waited for, where its entry says so: `36 h`; None where it does not, or says nothing that can be used."""
    read = _SPAN.fullmatch(options.get(RECEIPT_WITHIN, ""))
    found = int(read[1]) * _UNITS[read[2]] if read else None
    return found if found is not None and SOONEST <= found <= LATEST else None


def own_waits(entries: Iterable[tuple[Place, Iterable[Mapping[str, str]]]], usual: timedelta) -> dict[timedelta, tuple[Place, ...]]:
    """Return the partners whose receipts are waited for longer or shorter than usual, by that time.

    Of entries that share an address the first to alarm counts, and one that says nothing alarms as usual.
    """
    found: dict[timedelta, tuple[Place, ...]] = {}
    for place, shared in entries:
        time = min((receipt_within(one) or usual for one in shared), default=usual)
        if time != usual:
            found[time] = (*found.get(time, ()), place)
    return found


def tokens_now(limits: Limits, tokens: float | None, at: datetime | None, now: datetime) -> float | None:
    """Return how many deliveries a partner may be sent now by its rate, not rounded; None without a rate."""
    if limits.per_minute is None:
        return None
    if tokens is None or at is None:
        return limits.burst
    return min(limits.burst, tokens + max(0.0, (now - at).total_seconds()) * limits.per_minute / 60)


def room(circuit: Circuit, limits: Limits, *, sending: int, unclaimed: int, window: int) -> int:
    """Return how many more bells may be rung for a partner: none while its breaker is not closed (a probe is rung by itself).

    Args:
        circuit: How it stands.
        limits: What it may be sent.
        sending: How many are being sent to it.
        unclaimed: How many have been rung and are not claimed yet.
        window: How many unclaimed bells any partner may have.
    """
    if circuit.state != "closed":
        return 0
    free = window - unclaimed
    narrow = circuit.window if circuit.window is not None else limits.concurrent if limits.strict else None
    if narrow is not None:
        free = min(free, min(narrow, limits.concurrent) - sending - unclaimed)
    return max(0, free)


# ── repeats ──


@dataclass(frozen=True, slots=True)
class Budget:
    """How many repeats a partner may be sent: a share of the first attempts, and a few whatever happens.

    `saved` is how many may be sent now; below nothing it is how many are too many already, and the next has to wait until that is made up.
    """

    saved: float = 10.0
    at: datetime | None = None


SAVED: Final = 10.0
"""The most repeats that are saved up."""
EVERY: Final = timedelta(seconds=2)
"""One repeat in so long is always allowed: else nothing would ever be tried again where nothing new comes."""


def first(budget: Budget, share: float, now: datetime) -> Budget:
    """Return the budget after a first attempt, which allows a share of a repeat."""
    passed = _passed(budget, now)
    return replace(passed, saved=min(SAVED, passed.saved + share))


def repeat(budget: Budget, now: datetime) -> tuple[Budget, timedelta]:
    """Return the budget with one more repeat in it, and how long that one has to wait at least."""
    passed = _passed(budget, now)
    saved = passed.saved - 1
    return replace(passed, saved=saved), EVERY * max(0.0, -saved)


def _passed(budget: Budget, now: datetime) -> Budget:
    more = max(timedelta(0), now - budget.at) / EVERY if budget.at is not None else 0.0
    return Budget(min(SAVED, budget.saved + more), now)
