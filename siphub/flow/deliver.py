"""The worker: bells → grouped claim → senders → grouped record → ack (CORE.md, "The worker").

One claimer, N senders, one recorder. Claims are bounded by free senders, so that nothing claimed waits; a bell is acked when its last id
is recorded. It must never hold a transaction over a send, and never ack what is not recorded.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from siphub.broker import Ack, Bell, Consumer
from siphub.broker.topology import queue_name
from siphub.contract import Permit
from siphub.errors import Sealed, StoreBusy, StoreLost
from siphub.flow import records, withdraw
from siphub.flow.attempt import Held, attempt, cut_of, monotonic, permit_from, returned_unsent, verdict
from siphub.flow.ground import Ground
from siphub.flow.letters import as_grants, need_of, recipient_of, today
from siphub.flow.opening import Opening, openings
from siphub.flow.partners import Admission
from siphub.flow.work_items import open_for
from siphub.model import Directory
from siphub.observe import Log
from siphub.policy.days import day_of
from siphub.policy.disclosure import Covered, judge
from siphub.store import Change, DeliveryRow, OutcomeRow, Place, Work

GROUP = 50
"""The most deliveries in one claim, and outcomes in one record."""
SOON = 0.005
"""How long the claimer rests, in seconds, when all it has waits for senders that a partner may take."""
POLL = 0.2
"""How often the threads look up, in seconds, to see whether they should stop."""
LAST_WORD = 2.0
"""Seconds beyond its time that a thread gets to say what it has done."""


def _nothing() -> None:
    """Do nothing: what came without a bell has none to answer."""


@dataclass(slots=True)
class Ring:
    """A bell in this worker's hands: acked when its last delivery is done with."""

    ids: set[str]
    ack: Callable[[], None]
    give_back: Callable[[], None] = _nothing
    """Let another worker hear it; void once it is acked."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    place: Place | None = None
    """The partner all of them are for, where they wait for one of this worker's senders."""

    def done(self, delivery_id: str) -> None:
        """Count one delivery as done with."""
        with self.lock:
            self.ids.discard(delivery_id)
            if self.ids:
                return
        self.ack()


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed delivery on its way to a sender."""

    row: DeliveryRow
    permit: Permit
    ring: Ring
    directory: Directory
    opening: Opening


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended, on its way to the recorder."""

    job: Job
    outcome: OutcomeRow


@dataclass(frozen=True, slots=True)
class Left:
    """What a worker leaves when it stops: `returned` claims that were given back unsent, and `sending`, attempts that had not ended in time."""

    returned: int = 0
    sending: int = 0


def claim(ground: Ground, ids: Sequence[str], directory: Directory, admission: Admission | None = None) -> list[tuple[DeliveryRow, Permit]]:
    """Claim what may leave now, with a permit each. The permit runs from before the claim began. Without `admission` no partner's limit counts."""
    started = monotonic()
    with ground.store.write() as work:
        accept = verdict(directory, ground.local)
        claimed = work.claim(ids, now=ground.now(), lease=ground.settings.lease, accept=accept, admit=admission)
        strangers = _desk_for_refused(ground, work, set(ids) - {found.delivery.id for found in claimed})
    if strangers:
        Log(worker="worker").warning("bells.strange", count=strangers)
    return [(found.delivery, permit_from(ground, started)) for found in claimed]


def _desk_for_refused(ground: Ground, work: Work, ids: set[str]) -> int:
    """What the claim held, or found too old to send, is somebody's work. Return how many are nothing of this store's."""
    strangers = 0
    for delivery_id in sorted(ids):
        row = work.deliveries.by_id(delivery_id)
        if row is None:
            strangers += 1
        elif row.state in {"held", "expired"} and row.reason is not None:
            open_for(work, row, ground.now())
    return strangers


def record(ground: Ground, outcomes: Sequence[OutcomeRow]) -> None:
    """Record how attempts ended, in one transaction; those a withdrawal has overtaken one by one, under their case's lock."""
    directory = ground.directory()
    ground.partners.flush()  # before the record: who sees the probe's delivery back in the queue must also see what the partner said
    with ground.store.write() as work:
        recorded = work.record(outcomes)
        for outcome, done in zip(outcomes, recorded, strict=True):
            if done.applied and outcome.state in records.REACHED | {"held", "rejected", "gave_up"}:
                row = work.deliveries.by_id(outcome.delivery_id)
                if row is not None and outcome.state in records.REACHED:
                    records.queue_received(work, [row], directory, ground.now())
                elif row is not None:
                    open_for(work, row, ground.now())
    for outcome, done in zip(outcomes, recorded, strict=True):
        if done.recall_pending:
            withdraw.after_send(ground, outcome)


class Worker:
    """Claimer, senders and recorder of one process, for some adapters."""

    def __init__(self, ground: Ground, adapters: Sequence[str]) -> None:
        self._ground = ground
        self._adapters = tuple(adapters)
        self._stop = threading.Event()
        senders = ground.settings.senders
        self._most = max(32, 2 * senders)
        self._free = threading.Semaphore(self._most)
        self._rings: queue.Queue[Ring] = queue.Queue()
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._ended: queue.Queue[Ended] = queue.Queue()
        self._claimer = threading.Thread(target=self._claim_all, name="siphub-claimer", daemon=True)
        self._recorder = threading.Thread(target=self._record_all, name="siphub-recorder", daemon=True)
        self._senders = [threading.Thread(target=self._send_all, name=f"siphub-sender-{n}", daemon=True) for n in range(senders)]
        self._consumers: dict[str, Consumer] = {}
        self._heard_at = dict.fromkeys(self._adapters, monotonic())
        self._log = Log(worker="worker")

    def start(self) -> None:
        """Stand at the queues and begin. Due deliveries are rung anew, since bells may have been lost."""
        for thread in (self._claimer, self._recorder, *self._senders):
            thread.start()
        for adapter in self._adapters:
            self._stand_at(adapter)

    def _stand_at(self, adapter: str) -> None:
        self._heard_at[adapter] = monotonic()
        self._consumers[adapter] = self._ground.broker.consume(queue_name(adapter), self._on_bell, self._most, self._on_restored)

    def stand_anew(self, adapter: str) -> None:
        """Leave an adapter's queue and take a place there again: what the broker has kept for the old place is heard in the new one."""
        self._consumers[adapter].stop(timedelta(0))
        self._stand_at(adapter)

    def stop(self, within: timedelta | None = None) -> Left:
        """Take no more, give back what is not being sent yet, finish what is, record it, and go.

        Args:
            within: How long what is being sent may take; the setting `stop_within` unless given. What has not ended by then keeps its
                lease until that runs out, and its end is uncertain.
        """
        until = monotonic() + (within or self._ground.settings.stop_within).total_seconds()
        self._stop.set()
        quiet = [
            threading.Thread(target=consumer.stop, args=(within or self._ground.settings.stop_within,))
            for consumer in self._consumers.values()
        ]
        for each in quiet:
            each.start()
        self._join(self._claimer, until)
        returned = self._give_back()
        for _ in self._senders:
            self._jobs.put(None)
        for sender in self._senders:
            self._join(sender, until)
        self._join(self._recorder, until)
        for each in quiet:
            each.join(max(0.0, until - monotonic()) + LAST_WORD)
        return Left(returned, sum(sender.is_alive() for sender in self._senders))

    def _give_back(self) -> int:
        """Give claims that no sender has taken back to the queue, and bells that nobody has read to the broker; return how many claims."""
        returned = 0
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    self._free.release()
                    self._ended.put(Ended(job, returned_unsent(self._ground, job.row)))
                    returned += 1
        with suppress(queue.Empty):
            while True:
                self._rings.get_nowait().give_back()
        return returned

    @property
    def alive(self) -> bool:
        """True while every thread runs and every consumer stands at its queue."""
        threads = (self._claimer, self._recorder, *self._senders)
        return all(thread.is_alive() for thread in threads) and self.hears

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters it delivers for, by name."""
        return self._adapters

    @property
    def hears(self) -> bool:
        """True while every consumer stands at its queue."""
        return all(consumer.alive for consumer in self._consumers.values())

    def silence(self, adapter: str) -> float:
        """Return for how many seconds no bell of an adapter has been heard."""
        return monotonic() - self._heard_at[adapter]

    @property
    def unread(self) -> int:
        """How many bells wait for the claimer."""
        return self._rings.qsize()

    def offer(self, ids: Sequence[str]) -> None:
        """Take ids without a bell: while the broker is down."""
        if ids and self._rings.qsize() < GROUP:
            self._rings.put(Ring(set(ids), ack=lambda: None))

    @staticmethod
    def _join(thread: threading.Thread, until: float) -> None:
        if thread.is_alive():
            thread.join(max(0.0, until - monotonic()) + LAST_WORD)

    def _on_bell(self, bell: Bell, ack: Ack) -> None:
        self._heard_at[bell.adapter] = monotonic()
        self._ground.points.reach("after_consume")
        if self._stop.is_set():
            ack.requeue()
        else:
            self._rings.put(Ring(set(bell.deliveries), ack=ack.ack, give_back=ack.requeue))

    def _on_restored(self) -> None:
        """A queue was away: whatever was in it may be lost, so ring all that is due."""
        if not self._ground.rings_again:
            return
        with self._ground.store.write() as work:
            work.deliveries.ring_again(self._ground.now(), timedelta(0), 10_000)
        self._ground.wake.set()

    # ── claimer ──

    def _claim_all(self) -> None:
        while not self._stop.is_set():
            try:
                ring = self._rings.get(timeout=POLL)
            except queue.Empty:
                continue
            rings = self._with_more(ring)
            ready = [each for each in rings if each.place is None or self._ground.partners.worth_asking(each.place)]
            for each in rings:
                if each not in ready:
                    self._rings.put(each)
            if ready:
                self._claim_group(ready)
            else:
                self._stop.wait(SOON)

    def _with_more(self, ring: Ring) -> list[Ring]:
        rings, count = [ring], len(ring.ids)
        with suppress(queue.Empty):
            while count < GROUP:
                rings.append(self._rings.get_nowait())
                count += len(rings[-1].ids)
        return rings

    def _claim_group(self, rings: Sequence[Ring]) -> None:
        wanted = [(delivery_id, ring) for ring in rings for delivery_id in sorted(ring.ids)]
        while wanted and not self._stop.is_set():
            slots = self._slots(min(GROUP, len(wanted)))
            if not slots:
                continue
            part, wanted = wanted[:slots], wanted[slots:]
            taken = self._claim_part(part)
            for _ in range(slots - taken):
                self._free.release()
        _all_given_back(wanted)

    def _slots(self, most: int) -> int:
        """Take up to so many free sender slots; wait a moment for the first."""
        if not self._free.acquire(timeout=POLL):
            return 0
        taken = 1
        while taken < most and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _claim_part(self, part: Sequence[tuple[str, Ring]]) -> int:
        """Claim these; hand over what is ours, and be done with what is not. Return how many are ours."""
        rings = dict(part)
        claimed: list[tuple[DeliveryRow, Permit]] = []
        directory = Directory()
        soon: Mapping[str, Place] = {}
        try:
            directory = self._ground.directory()
            self._ask_plugins(list(rings), directory)
            admission = Admission(self._ground.partners, directory, self._ground.now())
            claimed = claim(self._ground, list(rings), directory, admission)
            soon = admission.soon
            self._ground.partners.began([row for row, _ in claimed])
        except (StoreBusy, StoreLost) as error:
            if isinstance(error, StoreLost):
                self._stop.wait(POLL)
            self._rings.put(Ring(set(rings), ack=lambda: _all_done(part), give_back=lambda: _all_given_back(part)))
            return 0
        except Exception as error:  # noqa: BLE001 - whatever it was, a claimer that is gone claims nothing ever again; the log says it
            # The bell is done with all the same: what nobody claimed is rung again by the sweep.
            self._log.error("claim.failed", exc_info=error)
            self._stop.wait(POLL)
        ours = {row.id for row, _ in claimed}
        shared = openings(row for row, _ in claimed)
        for row, permit in claimed:
            self._jobs.put(Job(row, permit, rings[row.id], directory, shared[row.id]))
        kept = {*ours, *soon}
        # A delivery rung twice is one job of its last bell; its other bells are done with, or they would never be acked.
        _all_done([(delivery_id, ring) for delivery_id, ring in part if delivery_id not in kept or ring is not rings[delivery_id]])
        for place in set(soon.values()):
            mine = [(one, rings[one]) for one, theirs in soon.items() if theirs == place]
            again = Ring({one for one, _ in mine}, partial(_all_done, mine), partial(_all_given_back, mine), place=place)
            self._rings.put(again)
        return len(ours)

    def _ask_plugins(self, ids: Sequence[str], directory: Directory) -> None:
        """Ask the plugins that may object, before the claim, over the cut this recipient would get."""
        if not self._ground.registry.objectors:
            return
        for delivery_id in ids:
            object_to(self._ground, delivery_id, directory)

    # ── senders ──

    def _send_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            outcome = attempt(self._ground, job.row, job.permit, job.directory, job.opening)
            self._ground.partners.ended(job.row)
            self._free.release()
            self._ended.put(Ended(job, outcome))

    # ── recorder ──

    def _record_all(self) -> None:
        while not self._stop.is_set() or any(sender.is_alive() for sender in self._senders) or not self._ended.empty():
            group = self._some_ended()
            if group:
                self._record_group(group)

    def _some_ended(self) -> list[Ended]:
        try:
            group = [self._ended.get(timeout=POLL)]
        except queue.Empty:
            return []
        with suppress(queue.Empty):
            while len(group) < GROUP:
                group.append(self._ended.get_nowait())
        return group

    def _record_group(self, group: Sequence[Ended]) -> None:
        while True:
            try:
                record(self._ground, [ended.outcome for ended in group])
                break
            except (StoreBusy, StoreLost) as error:
                # What became of them is known here alone, and said again does no harm; a process that ends leaves it to the sweep.
                if self._stop.wait(POLL) and isinstance(error, StoreLost):
                    self._log.warning("record.failed", code=error.code)
                    break
            except Exception as error:  # noqa: BLE001 - as above, for the recorder
                # The attempt stays unfinished: its lease runs out and the sweep treats it as uncertain. Nothing is lost or doubled.
                self._log.error("record.failed", exc_info=error)
                break
        self._ground.points.reach("after_record")
        for ended in group:
            ended.job.ring.done(ended.outcome.delivery_id)
        self._ground.wake.set()
        for ended in group:
            self._ground.tell([ended.job.row], ended.outcome.state, ended.outcome.reason)


def _all_done(part: Sequence[tuple[str, Ring]]) -> None:
    for delivery_id, ring in part:
        ring.done(delivery_id)


def _all_given_back(part: Sequence[tuple[str, Ring]]) -> None:
    for _, ring in part:
        ring.give_back()


def object_to(ground: Ground, delivery_id: str, directory: Directory) -> None:
    """Hold a queued delivery that a plugin objects to."""
    with ground.store.read() as work:
        row = work.deliveries.by_id(delivery_id)
        grants = work.grants.of_case(row.owner, row.case_id) if row else ()
    if row is None or row.state != "queued":
        return
    now = ground.now()
    row = today(row, directory, day_of(now))
    covered = judge(need_of(row), as_grants(grants), row.asserted, now, ground.local.switched_on(row.sender_organisation))
    if not isinstance(covered, Covered):
        return
    try:
        cut = cut_of(ground, row, covered, directory)
    except Sealed as error:
        cut = Held(error.code)  # one that cannot be opened is held, and keeps none of its neighbours from being claimed
    objections = (
        (cut.reason,) if isinstance(cut, Held) else ground.registry.objections(cut, recipient_of(row, directory), covered.basis, now)
    )
    if objections:
        held = Change(from_states=frozenset({"queued"}), to_state="held", event="claim.hold", at=now, reason="objection")
        with ground.store.write() as work:
            if work.deliveries.change(row.id, held):
                open_for(work, row, now, reason="objection")
