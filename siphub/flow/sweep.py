"""The sweep: whatever nobody else notices. Leases and consents that ran out, messages that expired, bells that were lost.

Safe to run twice at once: every change is guarded by the state and fence it expects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from siphub.errors import Sealed, SiphubError
from siphub.flow import notify, receipts, records, retention, withdraw
from siphub.flow.attempt import MOST_LEASES
from siphub.flow.expiry import expire_consents
from siphub.flow.ground import Ground
from siphub.flow.timers import look_at_deadlines
from siphub.flow.work_items import open_for
from siphub.observe import Log
from siphub.store import Change, DeliveryRow, OutcomeRow

BATCH = 200
SLICE = 50
"""How many of those that wait behind another are looked at each time, from a start by chance: none of them should have been forgotten."""
APART = 10
"""Deliveries whose lease ran out for the second time are suspects: tried again in any order, a tenth of a lease apart."""


def sweep(ground: Ground) -> None:
    """Look at everything once."""
    for look in (*looks(), *ARCHIVING):
        look(ground)


def looks() -> tuple[Callable[[Ground], int], ...]:
    """Return everything that is looked after, in this order; each says how much it found to do."""
    return (
        expire_leases,
        expire_messages,
        expire_consents,
        give_up_waiting,
        ring_again,
        match_receipts,
        look_at_deadlines,
        notify.tell_overdue,
        notify.tell_failures,
    )


def expire_leases(ground: Ground) -> int:
    """A lease that ran out with an unfinished attempt is an uncertain send: again, or ask, or a person. Return how many."""
    now, turn, left = ground.now(), ground.turns.of("leases"), 0
    with ground.store.read() as work:
        rows = work.deliveries.expired_leases(now, BATCH, turn.skip)
    for row in ground.chance.sample(rows, len(rows)):
        try:
            if row.recall_pending:
                withdraw.after_send(ground, _silent(row, now))
            else:
                _expire_lease(ground, row, now)
        except Sealed as error:
            # One case that cannot be opened keeps no other's lease from being looked at.
            left += 1
            _log.error("lease.failed", delivery_id=row.id, code=error.code)
    turn.end(found=len(rows), left=left, limit=BATCH)
    if rows:
        ground.wake.set()
    return len(rows)


def _silent(row: DeliveryRow, now: datetime) -> OutcomeRow:
    return OutcomeRow(
        delivery_id=row.id,
        fence=row.fence,
        at=now,
        state="queued",
        outcome="lease_expired",
        event="lease.expired",
        code="lease.expired",
        uncertain=True,
        next_at=now,
    )


def _apart(ground: Ground, now: datetime) -> datetime:
    """Return when a suspect is tried again: one of them ends the process, and the others should not be with it when it does."""
    due = max(now, ground.next_suspect or now)
    ground.next_suspect = due + ground.settings.lease / APART
    return due


def _expire_lease(ground: Ground, row: DeliveryRow, now: datetime) -> None:
    """Let it be tried again, or hold it. Whether anybody has its adapter's plugin is no question here: what is queued waits for one, and doctor says so."""
    hold = row.expired_leases + 1 >= MOST_LEASES
    change = Change(
        from_states=frozenset({"sending"}),
        to_state="held" if hold else "queued",
        event="lease.hold" if hold else "lease.expired",
        at=now,
        reason="send.leases" if hold else "lease.expired",
        fence=row.fence,
        next_at=_apart(ground, now) if row.expired_leases and not hold else now,
        uncertain=True,
        lease_expired=True,
    )
    with ground.store.write() as work:
        if work.deliveries.change(row.id, change) and hold:
            open_for(work, row, now, reason="send.leases")


def expire_messages(ground: Ground) -> int:
    """What was not sent before it expired is not sent. Return how many."""
    now = ground.now()
    with ground.store.read() as work:
        rows = work.deliveries.expired(now, BATCH)
    if not rows:
        return 0
    change = Change(from_states=frozenset({"queued", "held"}), to_state="expired", event="expire", at=now, reason="message.expired")
    with ground.store.write() as work:
        changed = set(work.deliveries.change_all([row.id for row in rows], change))
        for row in rows:
            if row.id in changed:
                open_for(work, row, now, reason="message.expired")
    ground.tell([row for row in rows if row.id in changed], "expired", "message.expired")
    return len(changed)


def give_up_waiting(ground: Ground) -> int:
    """What has waited for its partner for all of `retry_for` is a dead letter, tried or not. Return how many."""
    now = ground.now()
    with ground.store.read() as work:
        rows = work.deliveries.out_of_patience(now - ground.settings.retry_for, BATCH)
    if not rows:
        return 0
    change = Change(from_states=frozenset({"queued"}), to_state="gave_up", event="partner.gave_up", at=now, reason="retry.exhausted")
    with ground.store.write() as work:
        changed = set(work.deliveries.change_all([row.id for row in rows], change))
        for row in rows:
            if row.id in changed:
                open_for(work, replace(row, state="gave_up", reason="retry.exhausted"), now)
    ground.tell([row for row in rows if row.id in changed], "gave_up", "retry.exhausted")
    ground.wake.set()
    return len(changed)


def ring_again(ground: Ground) -> int:
    """Ring what is due, unclaimed, and was not rung for `ring_timeout`. Return how many."""
    if not ground.rings_again:
        return 0
    with ground.store.write() as work:
        rung = work.deliveries.ring_again(ground.now(), ground.settings.ring_timeout, BATCH)
        rung += work.deliveries.ring_forgotten(str(UUID(int=ground.chance.getrandbits(128))), SLICE)
    if rung:
        ground.wake.set()
    return rung


def match_receipts(ground: Ground) -> int:
    """Receipts that came before their send was recorded find it now. Return how many did."""
    directory, turn = ground.directory(), ground.turns.of("receipts")
    with ground.store.read() as work:
        waiting = work.receipts.unmatched(BATCH, turn.skip)
        ready = [
            row
            for row in waiting
            if (found := work.deliveries.find_by_key(row.key)) is not None and found.state not in {"queued", "sending"}
        ]
    matched = 0
    for row in ready:
        with ground.store.write() as work:
            matched += receipts.match(work, row, directory, ground.now())
    turn.end(found=len(waiting), left=len(waiting) - matched, limit=BATCH)
    return matched


_log = Log(worker="sweeper")


ARCHIVING: Final = (records.take_back, records.collect, records.offer_due, retention.run)
"""What the archivist looks after, in this order."""


class Sweeper:
    """The sweep's thread."""

    name = "sweeper"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"siphub-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Let it stop when it has looked at what it is looking at."""
        self._stop.set()

    def stop(self, within: float = 30.0) -> None:
        """Stop, and wait so many seconds for the thread."""
        self.tell_to_stop()
        if self._thread.is_alive():
            self._thread.join(within)

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(self._ground.settings.sweep_every.total_seconds()):
            for look in self._looks():
                if self._stop.is_set():
                    return
                self._alone(look)

    def _looks(self) -> Iterator[Callable[[], int]]:
        for look in looks():
            yield partial(look, self._ground)

    @staticmethod
    def _alone(look: Callable[[], int]) -> None:
        """Look after one thing: what breaks it, a plugin's bug or what cannot be opened, keeps nothing else from being looked after."""
        try:
            look()
        except SiphubError as error:
            _log.warning("sweep.failed", code=error.code, exc_info=error)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the rest must go on, and the log says it
            _log.error("sweep.failed", exc_info=error)


class Archivist(Sweeper):
    """The thread of records and erasing: a registry that takes its time must not keep a lease from being looked at."""

    name = "archivist"

    def _looks(self) -> Iterator[Callable[[], int]]:
        for look in ARCHIVING:
            yield partial(look, self._ground)
