"""What this process knows of the partners, and what it lets through to them: breakers shared through the store, limits, and a budget for repeats.

The relay asks whom it may ring, the claimer whom it may claim; senders say what they heard. What is decided stands in
`siphub.policy.partners`; this only carries it between the store and the threads. It must never keep a sender waiting.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from siphub.contract import Accepted, Delivered, Outcome, Rejected, Retry, Uncertain
from siphub.errors import StoreBusy, StoreLost
from siphub.model import Directory
from siphub.observe import Log
from siphub.policy import partners as policy
from siphub.policy.partners import Budget, Circuit, Limits
from siphub.store import Admitted, DeliveryRow, PartnerRow, Permitted, Place

if TYPE_CHECKING:
    from siphub.flow.ground import Ground

FRESH = 0.25
"""How old what is known of the partners may be, in seconds: so long another process may send on to one whose breaker has just opened."""
SLOW = 0.5
"""A partner that takes longer than this to answer, in seconds, is slow."""
RECENT = 0.2
"""How much the newest answer counts in how long a partner takes."""
SETTLED: Final = frozenset({"partner.cannot_confirm"})
"""What says nothing of how a partner is."""

_names = tuple(each.name for each in fields(Circuit))


def circuit_of(row: PartnerRow | None) -> Circuit:
    """Return how a partner stands, as the policy looks at it."""
    return Circuit(**{name: getattr(row, name) for name in _names}) if row is not None else Circuit()


def with_circuit(row: PartnerRow, circuit: Circuit) -> PartnerRow:
    """Return the row of a partner that stands so now."""
    return replace(row, **{name: getattr(circuit, name) for name in _names})


@dataclass(frozen=True, slots=True)
class Heard:
    """What one attempt said of its partner: None of `code` means that it answered."""

    place: Place
    code: str | None = None
    after: timedelta | None = None


def heard_from(place: Place, outcome: Outcome) -> Heard | None:
    """Return what an outcome says of the partner; a message that it rejects says that it is well."""
    match outcome:
        case Delivered() | Accepted() | Rejected():
            return Heard(place)
        case Retry(code=code, after=after):
            return Heard(place, code, after)
        case Uncertain(code=code, after=after):
            return Heard(place, code, after) if code not in SETTLED else None


@dataclass(slots=True)
class Out:
    """What this process has out to one partner: since when each, monotonic seconds, and how long it takes to answer."""

    since: dict[str, float] = field(default_factory=dict)
    takes: float | None = None

    def slow(self, now: float) -> bool:
        """Say whether it takes long, or has not answered for long."""
        return (self.takes or 0.0) > SLOW or any(now - began > SLOW for began in self.since.values())


class Partners:
    """What this process knows of the partners. Safe to share between threads."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lock = threading.Lock()
        self._rows: dict[Place, PartnerRow] = {}
        self._read_at = float("-inf")
        self._out: dict[Place, Out] = defaultdict(Out)
        self._heard: list[Heard] = []
        self._crowded: set[Place] = set()
        self._budgets: dict[Place, Budget] = {}
        self._limits: dict[Place, Limits] = {}
        self._limits_of = -1
        self._log = Log(worker="partners")

    # ── what is known ──

    def known(self) -> Mapping[Place, PartnerRow]:
        """Return the partners something is to be said of; at most a quarter of a second old."""
        if time.monotonic() - self._read_at > FRESH:
            with self._ground.store.look() as work:
                rows = {row.place: row for row in work.partners.notable()}
            with self._lock:
                self._rows, self._read_at = rows, time.monotonic()
        return self._rows

    def limits(self, place: Place, directory: Directory) -> Limits:
        """Return how much a partner may be sent: what the settings say, or less where its adapter or its address in the directory says so."""
        if self._limits_of != directory.version:
            self._limits, self._limits_of = {}, directory.version
        found = self._limits.get(place)
        if found is None:
            found = self._limits[place] = self._asked_for(place, directory)
        return found

    def _asked_for(self, place: Place, directory: Directory) -> Limits:
        settings = self._ground.settings
        limits = Limits(settings.partner_concurrency, settings.partner_rate or None, strict=settings.partner_rate > 0)
        adapter = self._ground.registry.adapters.get(place[0])
        if adapter is not None:
            limits = policy.limits_of(
                limits, {"max_concurrent": adapter.info.max_concurrent, "max_per_minute": adapter.info.max_per_minute}
            )
        for options in directory.options_at(*place):
            limits = policy.limits_of(limits, options)
        return limits

    def forget(self) -> None:
        """Read anew how the partners stand when next asked."""
        self._read_at = float("-inf")

    def learn(self, rows: Iterable[PartnerRow]) -> None:
        """Take in rows that this process has just written."""
        with self._lock:
            self._rows = {**self._rows, **{row.place: row for row in rows}}

    # ── what is out ──

    def began(self, rows: Iterable[DeliveryRow]) -> None:
        """Note that these are claimed."""
        now, at = time.monotonic(), self._ground.now()
        with self._lock:
            for row in rows:
                self._out[row.place].since[row.id] = now
                if row.attempts == 1:
                    saved = self._budgets.get(row.place, Budget())
                    self._budgets[row.place] = policy.first(saved, self._ground.settings.retry_share, at)

    def ended(self, row: DeliveryRow) -> None:
        """Note that an attempt has ended."""
        with self._lock:
            self._out[row.place].since.pop(row.id, None)

    def worth_asking(self, place: Place) -> bool:
        """Say whether there is a sender for what waits here for a partner, or it has turned out so slow that nothing should wait here for it."""
        with self._lock:
            return self._free(place) > 0 or self._out[place].slow(time.monotonic())

    def slow(self, place: Place) -> bool:
        """Say whether a partner takes long to answer."""
        with self._lock:
            return self._out[place].slow(time.monotonic())

    def _free(self, place: Place) -> int:
        """Return how many more of this worker's senders a partner may take: three in four for one, half for all that are slow."""
        senders, now = self._ground.settings.senders, time.monotonic()
        free = max(1, senders * 3 // 4) - len(self._out[place].since)
        if self._out[place].slow(now):
            slow = sum(len(out.since) for out in self._out.values() if out.since and out.slow(now))
            free = min(free, max(1, senders // 2) - slow)
        return free

    def free(self, places: Collection[Place]) -> dict[Place, int]:
        """Return how many more of this worker's senders each of these may take."""
        with self._lock:
            return {place: self._free(place) for place in places}

    # ── what was heard ──

    def heard(self, row: DeliveryRow, outcome: Outcome, seconds: float | None = None) -> None:
        """Note what an attempt said of its partner, and how long it took; `flush` tells the store."""
        told = heard_from(row.place, outcome)
        with self._lock:
            out = self._out[row.place]
            if seconds is not None:
                out.takes = seconds if out.takes is None else out.takes + RECENT * (seconds - out.takes)
            if told is not None:
                self._heard.append(told)

    def crowds(self, place: Place) -> None:
        """Note that more comes for a partner than it takes."""
        with self._lock:
            self._crowded.add(place)

    def spaced(self, row: DeliveryRow, next_at: datetime) -> datetime:
        """Return when a delivery is tried again: later than `next_at` where its partner has been sent enough repeats."""
        now = self._ground.now()
        with self._lock:
            self._budgets[row.place], wait = policy.repeat(self._budgets.get(row.place, Budget()), now)
        return max(next_at, now + min(wait, self._ground.settings.retry_cap))

    def flush(self) -> None:
        """Tell the store what was heard. Where all is well and was, there is nothing to tell.

        What cannot be told, such as the odd word of a plugin, is forgotten: kept, it would keep every outcome after it from being recorded.
        """
        known = self.known()
        with self._lock:
            heard, self._heard = self._heard, []
            crowded, self._crowded = self._crowded, set()
        news = [one for one in heard if one.code is not None or one.place in known]
        try:
            self._tell(news, crowded)
        except (StoreBusy, StoreLost):  # it is told next time
            with self._lock:
                self._heard, self._crowded = [*news, *self._heard], self._crowded | crowded
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it says nothing of a delivery; the log says it
            self._log.error("partners.failed", exc_info=error)

    def _tell(self, news: Sequence[Heard], crowded: Collection[Place]) -> None:
        places = {*crowded, *(one.place for one in news)}
        if not places:
            return
        with self._ground.store.write() as work:
            before = work.partners.lock(places)
            out = work.partners.sending(crowded)
            after = [self._after(row, [one for one in news if one.place == row.place], out.get(row.place)) for row in before.values()]
            changed = [row for row in after if row != before[row.place]]
            work.partners.save(changed)
        self.learn(changed)
        for row in changed:
            self.say(before[row.place], row)

    def _after(self, row: PartnerRow, news: Sequence[Heard], out: int | None) -> PartnerRow:
        circuit, now, ground = circuit_of(row), self._ground.now(), self._ground
        full = self.limits(row.place, ground.directory()).concurrent
        for one in news:
            if one.code is None:
                circuit = policy.answered(circuit, now, full)
            else:
                circuit = policy.failed(circuit, ground.breaker, now, one.code, one.after, ground.chance)
        if out is not None and circuit.state == "closed":
            circuit = policy.crowded(circuit, out)
        return with_circuit(row, circuit)

    def say(self, before: PartnerRow, after: PartnerRow) -> None:
        """Log a change of state, by the partner's short name."""
        if before.state == after.state:
            return
        event = {"open": "partner.opened", "half_open": "partner.probed", "closed": "partner.closed"}[after.state]
        until = after.next_at.isoformat() if after.next_at else None
        name = policy.partner_id(*after.place)
        facts = {"partner": name, "adapter": after.adapter, "code": after.code, "failed": after.failures, "until": until}
        if before.state == "half_open" and after.state == "open":
            event = "partner.still_away"
        (self._log.info if after.state == "half_open" else self._log.warning)(event, **facts)


@dataclass(slots=True)
class Admission:
    """One claim's question to the partners (`siphub.store.Admit`). `soon` are those that keep their bell: there will be a sender for them."""

    partners: Partners
    directory: Directory
    now: datetime
    soon: dict[str, Place] = field(default_factory=dict)

    def strict(self, places: Collection[Place]) -> Collection[Place]:
        """Return those that fail, have just come back, or ask for less."""
        known = self.partners.known()
        return {place for place in places if not circuit_of(known.get(place)).well or self.partners.limits(place, self.directory).strict}

    def admit(
        self, permitted: Sequence[tuple[DeliveryRow, Permitted]], rows: Mapping[Place, PartnerRow], sending: Mapping[Place, int]
    ) -> Admitted:
        """Say who may go: within the partner's own limits, and within its share of this worker's senders."""
        wanted = [(row.id, (verdict.adapter or row.adapter, verdict.endpoint or row.endpoint)) for row, verdict in permitted]
        theirs = {place: self._theirs(place, rows.get(place), sending) for place in {place for _, place in wanted}}
        ours = self.partners.free(theirs)
        go, wait = set[str](), set[str]()
        sent: Counter[Place] = Counter()
        for one, place in wanted:
            if sent[place] < min(theirs[place], ours[place]):
                go.add(one)
                sent[place] += 1
            elif sent[place] < theirs[place] and not self.partners.slow(place):
                self.soon[one] = place
            else:
                wait.add(one)
                if theirs[place] > ours[place]:
                    self.partners.crowds(place)
        return Admitted(go, wait, list(self._paid(rows, sent)))

    def _theirs(self, place: Place, row: PartnerRow | None, sending: Mapping[Place, int]) -> int:
        """Return how many more a partner may be sent now, for its own sake; where nothing is to be said of it, as many as come."""
        limits, circuit = self.partners.limits(place, self.directory), circuit_of(row)
        if circuit.state == "open":
            return 0
        if circuit.state == "half_open":
            return 1 - sending.get(place, 0) if not policy.may_probe(circuit, self.now) else 0
        most = limits.concurrent if circuit.window is None else min(circuit.window, limits.concurrent)
        free = max(0, most - sending.get(place, 0))
        tokens = policy.tokens_now(limits, row.tokens, row.tokens_at, self.now) if row is not None else None
        return free if tokens is None else min(free, int(tokens))

    def _paid(self, rows: Mapping[Place, PartnerRow], sent: Mapping[Place, int]) -> Iterator[PartnerRow]:
        for place, row in rows.items():
            tokens = policy.tokens_now(self.partners.limits(place, self.directory), row.tokens, row.tokens_at, self.now)
            if tokens is not None and sent.get(place, 0):
                yield replace(row, tokens=tokens - sent[place], tokens_at=self.now)
