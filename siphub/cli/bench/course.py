"""The course of a measurement: both chains in turn, at full load and at half of it, with partners that take their time; and what came of it.

Ratios are of windows that followed one another; the figure is the median of the rounds'. Absolute figures belong to the machine and its moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from siphub.cli.bench.chains import Chain, Place, bare_on, hub_on

WARM: Final = 1.0
"""Seconds of full load before a window begins."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Dose:
    """How long, how often, and with which partners. `pauses` are the seconds a partner takes to answer."""

    seconds: float = 5.0
    rounds: int = 3
    pauses: tuple[float, ...] = (0.0, 0.02, 0.2)
    cases: int = 128
    """How many messages are under way at full load."""
    withdrawals: int = 34
    """How many cases' consent is withdrawn at half load, with each kind of partner."""


@dataclass(frozen=True, slots=True)
class Load:
    """A chain's figures with one kind of partner. Seconds, but for the rates."""

    delivered: float
    accepted: float
    cost: float
    """Processor time of the chain's own processes for a delivery, its share of the intake included."""
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The hub beside the bare chain with one kind of partner. Ratios are the hub's figure over the bare chain's, medians of the rounds."""

    pause: float
    hub: Load
    bare: Load
    delivered: float
    accepted: float
    cost: float
    of_limit: float | None
    """Delivered/s over what so many senders could deliver if nothing but the partner took time; None for partners that take none."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Withdrawals under half load: seconds from handing one in until it is answered and no byte of what it covers comes any more."""

    count: int
    p50: float
    p99: float
    sent_before: int
    """Deliveries of those cases that were quicker than the withdrawal."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    keeps: str
    broker: str
    senders: int
    compared: tuple[Compared, ...]
    stopped: Stopped | None
    profile: Mapping[str, Any]
    troubles: tuple[str, ...] = ()
    """What makes the figures worthless: something was lost or refused."""
    notes: tuple[str, ...] = ()
    """What must be known to read them."""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values is, the nearest one upwards; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass
class Course:
    """One measurement, under way."""

    dose: Dose
    senders: int
    tell: Tell
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    withdrawals: list[Mapping[str, float]] = field(default_factory=list)
    doomed: int = 0

    def run(self, place: Place) -> Report:
        """Measure on one kind of store."""
        cases = self.dose.cases + self.dose.withdrawals * len(self.dose.pauses)
        self.tell(f"{place.keeps}: leading {cases} cases to where a plan may be proposed")
        with bare_on(place, self.dose.cases) as bare, hub_on(place, cases) as hub:
            compared = tuple(self.compare(hub, bare, pause) for pause in self.dose.pauses)
            for chain in (hub, bare):
                chain.outside.ask(do="pause", seconds=0.0)
            self.tell(f"{place.keeps}: where the hub's time goes")
            profile = self._profile(hub)
        broker = place.broker.partition(":")[0]
        return Report(place.keeps, broker, self.senders, compared, self._stopped(), profile, tuple(self.troubles), tuple(self.notes))

    def compare(self, hub: Chain, bare: Chain, pause: float) -> Compared:
        """Measure both with partners that take `pause` seconds."""
        for chain in (hub, bare):
            chain.outside.ask(do="pause", seconds=pause)
        windows, bursts = [], []
        for turn in range(self.dose.rounds):
            self.tell(f"partners that take {pause * 1000:.0f} ms, round {turn + 1} of {self.dose.rounds}: full load, then all at once")
            windows.append(tuple(self._full(name, chain) for name, chain in (("bare", bare), ("hub", hub))))
            bursts.append(tuple(self._burst(name, chain) for name, chain in (("bare", bare), ("hub", hub))))
        self.tell(f"partners that take {pause * 1000:.0f} ms: half load")
        rates = [median(pair[side]["rate"] for pair in windows) for side in (0, 1)]
        latencies = [self._steady(name, chain, rate) for name, chain, rate in (("bare", bare, rates[0]), ("hub", hub, rates[1]))]
        loads = [
            Load(
                delivered=rates[side],
                accepted=median(pair[side] for pair in bursts),
                cost=median(pair[side]["cost"] for pair in windows),
                p50=quantile(latencies[side], 0.5),
                p99=quantile(latencies[side], 0.99),
            )
            for side in (0, 1)
        ]
        return Compared(
            pause=pause,
            hub=loads[1],
            bare=loads[0],
            delivered=median(_over(b["rate"], a["rate"]) for a, b in windows),
            accepted=median(_over(b, a) for a, b in bursts),
            cost=median(_over(b["cost"], a["cost"]) for a, b in windows),
            of_limit=loads[1].delivered / (self.senders / pause) if pause else None,
        )

    def _full(self, name: str, chain: Chain) -> dict[str, float]:
        found = chain.full(cases=self.dose.cases, warm=WARM, seconds=self.dose.seconds)
        self._note(name, found)
        return {"rate": found["delivered"] / found["seconds"], "cost": found["cost"]}

    def _burst(self, name: str, chain: Chain) -> float:
        found = chain.outside.ask(do="burst", cases=self.dose.cases)
        self._note(name, found)
        return _over(found["accepted"], found["answered"])

    def _steady(self, name: str, chain: Chain, delivered: float) -> list[float]:
        """Run at half of what was delivered at full load, and withdraw consents meanwhile where the chain has any; return the latencies."""
        withdrawals = self.dose.withdrawals if name == "hub" else 0
        found = chain.outside.ask(
            do="steady",
            cases=self.dose.cases,
            doomed=self.dose.cases + self.doomed,
            withdrawals=withdrawals,
            rate=delivered / 2 / 2,
            seconds=2 * self.dose.seconds,
        )
        self.doomed += withdrawals
        self.withdrawals += found["withdrawals"]
        self._note(name, found)
        return list(found["latencies"])

    def _profile(self, hub: Chain) -> Mapping[str, Any]:
        for process in hub.processes:
            process.ask(do="profile")
        found = hub.full(cases=self.dose.cases, warm=WARM, seconds=self.dose.seconds)
        self._note("hub", found)
        seen = [process.ask(do="profiled") for process in hub.processes]
        threads: Counter[str] = Counter()
        parts: dict[str, Counter[str]] = {}
        for one in seen:
            threads.update(one["threads"])
            for thread, at in one["parts"].items():
                parts.setdefault(thread, Counter()).update(at)
        return {"deliveries": found["all"], "threads": dict(threads), "parts": {thread: dict(at) for thread, at in parts.items()}}

    def _note(self, name: str, found: Mapping[str, Any]) -> None:
        """Keep what went wrong: a figure of a chain that loses or refuses is worth nothing."""
        if found["lost"]:
            self.troubles.append(f"{name}: {found['lost']} deliveries did not arrive")
        self.troubles += [f"{name}: {count} × {code}" for code, count in found["refused"].items()]
        if found.get("not_free"):
            self.notes.append(f"{name}: at half load {found['not_free']} messages could not be handed in, every case was under way")

    def _stopped(self) -> Stopped | None:
        if not self.withdrawals:
            return None
        found = [one["stopped"] for one in self.withdrawals]
        return Stopped(len(found), quantile(found, 0.5), quantile(found, 0.99), int(sum(one["came"] for one in self.withdrawals)))


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def measured(dose: Dose, places: Iterator[Place], tell: Tell) -> Iterator[Report]:
    """Measure on one kind of store after the other."""
    from siphub.settings import Settings

    for place in places:
        yield Course(dose, Settings().senders, tell).run(place)
