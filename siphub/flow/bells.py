"""Which bells are rung: for no partner more than it has room for, for one that is away only the probe. What has no bell waits in the store.

The relay asks `sift` about the bells it has taken, and `refill` rings what waits as room is made, longest due first. A backlog of any size is
in no outbox and in no broker. It must never forget a delivery: whoever loses its bell here is marked, in the same transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from siphub.flow.ground import Ground
from siphub.flow.partners import circuit_of, with_circuit
from siphub.policy import partners as policy
from siphub.policy.partners import Circuit
from siphub.store import BellRow, PartnerRow, Place, Work

COUNTED = 1.0
"""How long a count of unclaimed bells is relied on, in seconds, with what was rung since added to it."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """The bells to ring, and those of deliveries that are to wait without one."""

    ring: Sequence[BellRow]
    wait: Sequence[BellRow]

    def parked(self) -> dict[Place, list[str]]:
        """Return the deliveries that are to wait, by partner."""
        found: dict[Place, list[str]] = {}
        for bell in self.wait:
            found.setdefault(_place(bell), []).append(bell.delivery_id)
        return found


def _place(bell: BellRow) -> Place:
    return (bell.adapter, bell.endpoint)


@dataclass(slots=True)
class Ringing:
    """What one relay remembers of the bells it has rung: at most how many of each partner are unclaimed, and when they were counted.

    `unheard` are the deliveries that it could not ring because their queue cannot be made.
    """

    ground: Ground
    unclaimed: dict[Place, tuple[int, float]] = field(default_factory=dict)
    unheard: list[str] = field(default_factory=list)

    def sift(self, work: Work, bells: Sequence[BellRow]) -> Sifted:
        """Part the bells into those there is room for and those there is none for. `bells` are as the outbox gives them, oldest first."""
        by_place: dict[Place, list[BellRow]] = {}
        for bell in bells:
            by_place.setdefault(_place(bell), []).append(bell)
        ring, wait = list[BellRow](), list[BellRow]()
        for place, theirs in by_place.items():
            granted = [bell for bell in theirs if bell.granted and not self._away(place)]
            asking = [bell for bell in theirs if not bell.granted or self._away(place)]
            free = self._free(work, place, len(theirs)) if asking else 0
            rung = [*granted, *asking[:free]]
            ring += rung
            wait += asking[free:]
            count, at = self.unclaimed.get(place, (0, float("-inf")))
            self.unclaimed[place] = (count + len(rung), at)
        return Sifted(sorted(ring, key=lambda bell: bell.id), wait)

    def _away(self, place: Place) -> bool:
        row = self.ground.partners.known().get(place)
        return row is not None and row.state == "open"

    def _free(self, work: Work, place: Place, number: int) -> int:
        row = self.ground.partners.known().get(place)
        limits, window = self.ground.partners.limits(place, self.ground.directory.seen()), self.ground.settings.ring_window
        if row is not None and (row.waiting or row.state != "closed"):
            return 0  # what has waited longer comes first
        count, at = self.unclaimed.get(place, (0, float("-inf")))
        if row is None and not limits.strict and count + number <= window and time.monotonic() - at < COUNTED:
            return number
        load = work.partners.load(place, self.ground.now(), window + number + 1)
        unclaimed = max(0, load.unclaimed - number)  # these bells' own deliveries are among them
        self.unclaimed[place] = (unclaimed, time.monotonic())
        return policy.room(circuit_of(row), limits, sending=load.sending, unclaimed=unclaimed, window=window)


def refill(ground: Ground) -> int:
    """Ring what waits, where there is room for it again; send a probe where it is time for one. Return how many were rung."""
    now = ground.now()
    rung = sum(_refill(ground, row, now) for row in tuple(ground.partners.known().values()) if _may(row, now))
    if rung:
        ground.wake.set()
    return rung


def _may(row: PartnerRow, now: datetime) -> bool:
    """Say whether it is worth to look: nothing waits at most partners, and one that is away has its pause."""
    return row.state == "half_open" or (row.waiting and (row.state == "closed" or policy.may_probe(circuit_of(row), now)))


def _refill(ground: Ground, known: PartnerRow, now: datetime) -> int:
    if not _worth(ground, known, now):
        return 0
    with ground.store.write() as work:
        before = work.partners.lock([known.place])[known.place]
        rung, after = _rung(ground, work, before, now)
        if after != before:
            work.partners.save([after])
    ground.partners.learn([after])
    ground.partners.say(before, after)
    return rung


def _worth(ground: Ground, row: PartnerRow, now: datetime) -> bool:
    """Look without a lock whether there is room for so many that it is worth a transaction."""
    if row.state != "closed":
        return True
    with ground.store.read() as work:
        free = _free(ground, work, row, now)
    narrow = row.window is not None or ground.partners.limits(row.place, ground.directory.seen()).strict
    return free >= (1 if narrow else max(1, ground.settings.ring_window // 2))


def _free(ground: Ground, work: Work, row: PartnerRow, now: datetime) -> int:
    limits, window = ground.partners.limits(row.place, ground.directory.seen()), ground.settings.ring_window
    load = work.partners.load(row.place, now, window)
    free = policy.room(circuit_of(row), limits, sending=load.sending, unclaimed=load.unclaimed, window=window)
    tokens = policy.tokens_now(limits, row.tokens, row.tokens_at, now)
    return free if tokens is None else min(free, max(0, int(tokens) - load.unclaimed))


def _rung(ground: Ground, work: Work, row: PartnerRow, now: datetime) -> tuple[int, PartnerRow]:
    """Ring what there is room for; return how many, and how the partner stands then."""
    circuit = circuit_of(row)
    if circuit.state == "closed":
        free = _free(ground, work, row, now)
        rung = work.partners.ring(row.place, now, free) if free else 0
        waiting = row.waiting if rung == free else work.partners.any_waiting(row.place)
        # Whatever narrowed it is over when nothing waits any more: what comes now comes one by one.
        return rung, replace(row, waiting=waiting, window=row.window if waiting else None)
    return _probed(ground, work, row, circuit, now)


def _probed(ground: Ground, work: Work, row: PartnerRow, circuit: Circuit, now: datetime) -> tuple[int, PartnerRow]:
    load = work.partners.load(row.place, now, 1)
    if circuit.state == "half_open" and not load.sending and not load.unclaimed:
        circuit = policy.unprobed(circuit, now)  # it was claimed and did not leave, or is not to be sent any more: nobody was asked
    if not policy.may_probe(circuit, now) or load.sending:
        return 0, with_circuit(row, circuit)
    if not work.partners.ring(row.place, now, 1):
        return 0, replace(with_circuit(row, policy.unprobed(circuit, now)), waiting=work.partners.any_waiting(row.place))
    return 1, with_circuit(row, policy.probing(circuit, ground.breaker, now))
