"""The relay: what is to be rung goes from the outbox to the broker; rows are deleted only when every bell has been taken.

A crash anywhere rings some bells twice, which does no harm: the claim knows. With the broker down the bells stay, and due deliveries
are handed to the workers of this process instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby, islice

from siphub.broker import Bell, topology_for
from siphub.errors import BrokerError, SiphubError, Unroutable
from siphub.flow.bells import Ringing, Sifted, refill
from siphub.flow.ground import Ground
from siphub.observe import Log
from siphub.store import BellRow, Work

BATCH = 500
IDS_PER_BELL = 16
PUBLISH_WITHIN = timedelta(seconds=5)
IDLE = 0.5
"""How long the relay sleeps when nobody wakes it, in seconds: a knock of another process may get lost."""

_log = Log(worker="relay")


def bells_of(rows: Iterable[BellRow]) -> Iterator[Bell]:
    """Group what is to be rung into bells: one adapter, up to sixteen deliveries, each once."""
    wanted = sorted({(row.adapter, row.delivery_id): row.id for row in rows if row.adapter}.items(), key=lambda item: (item[0][0], item[1]))
    for adapter, group in groupby(wanted, key=lambda item: item[0][0]):
        ids = (key[1] for key, _ in group)
        while chunk := tuple(islice(ids, IDS_PER_BELL)):
            yield Bell(adapter, chunk)


def ring_once(ground: Ground, ringing: Ringing | None = None) -> int:
    """Ring what is due and its partner has room for, at most one batch; return how many rows that was.

    Where relays can share an outbox, it is one transaction from taking to deleting: what one has locked the others skip. Elsewhere no lock
    is held while publishing, and a bell that two relays take is rung twice.

    Raises:
        BrokerError: The broker is away; nothing was deleted: it will be rung again.
    """
    ringing = ringing or Ringing(ground)
    if ground.store.shares_outbox:
        with ground.store.write() as work:
            rows = work.outbox.take(BATCH)
            sifted = ringing.sift(work, rows)
            if rows:
                _publish(ground, ringing, sifted)
                _forget(work, sifted)
        _look_again(ground, sifted)
        return len(rows)
    with ground.store.read() as work:
        rows = work.outbox.take(BATCH)
        sifted = ringing.sift(work, rows)
    if rows:
        _publish(ground, ringing, sifted)
        with ground.store.write() as work:
            _forget(work, sifted)
    _look_again(ground, sifted)
    return len(rows)


def _publish(ground: Ground, ringing: Ringing, sifted: Sifted) -> None:
    ground.points.reach("before_publish")
    if sifted.ring:
        bells = list(bells_of(sifted.ring))
        try:
            ground.broker.publish(bells, PUBLISH_WITHIN)
        except Unroutable:
            ringing.unheard += _publish_apart(ground, bells)
    ground.points.reach("before_delete")


def _publish_apart(ground: Ground, bells: Iterable[Bell]) -> list[str]:
    """Ring for each adapter by itself, where one has no queue; return what could not be rung, which the sweep rings again.

    An adapter of a plugin that is not enabled here may be another process's; whoever has none keeps nobody else's bells waiting.
    """
    unheard = list[str]()
    for adapter, group in groupby(bells, key=lambda bell: bell.adapter):
        theirs = list(group)
        try:
            if adapter not in ground.registry.adapters:
                ground.broker.declare(topology_for([adapter]))
            ground.broker.publish(theirs, PUBLISH_WITHIN)
        except Unroutable as error:
            _log.error("bells.unroutable", adapter=adapter, code=error.code)
            unheard += [one for bell in theirs for one in bell.deliveries]
    return unheard


def _forget(work: Work, sifted: Sifted) -> None:
    """What is rung has no bell here any more; nor has what there is no room for, which waits at its partner."""
    work.partners.park(sifted.parked())
    work.outbox.delete([row.id for row in (*sifted.ring, *sifted.wait)])


def _look_again(ground: Ground, sifted: Sifted) -> None:
    """Something waits now: it may be time to probe its partner, or the room it needs may be made at any moment."""
    if sifted.wait:
        ground.partners.forget()
        ground.wake.hear()


def seconds_until_due(ground: Ground, idle: float = IDLE) -> float:
    """Return how long a relay that has rung all it could may sleep: until the next bell is due, and never longer than `idle` seconds.

    What is due and was not to be had is in another relay's hands.
    """
    with ground.store.look() as work:
        due = work.outbox.next_due()
    ahead = (due - ground.now()).total_seconds() if due is not None else idle
    return min(ahead, idle) if ahead > 0 else idle


class Relay:
    """The relay's thread. `offer` takes ids of due deliveries while the broker is down."""

    def __init__(self, ground: Ground, offer: Callable[[Sequence[str]], None] | None = None, *, idle: float = IDLE) -> None:
        self._idle = idle
        self._ground = ground
        self._offer = offer
        self._ringing = Ringing(ground)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="siphub-relay", daemon=True)
        self.rings = True
        """Whether the broker took the last bells."""

    def start(self) -> None:
        """Start ringing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self._stop.set()
        self._ground.wake.hear()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = self._idle
        while not self._stop.is_set():
            self._ground.wake.wait(pause)
            pause = self._idle
            try:
                self._ring_all()
                pause = seconds_until_due(self._ground, self._idle)
            except Exception as error:  # noqa: BLE001 - whatever it was, a relay that is gone rings nothing ever again; the log says it
                _log.error("relay.failed", exc_info=error)
                self._stop.wait(IDLE)

    def _ring_all(self) -> None:
        try:
            self._ground.partners.flush()
            refill(self._ground)
            while not self._stop.is_set() and ring_once(self._ground, self._ringing) == BATCH:
                pass
            self.rings = True
            self._tell_unheard()
        except BrokerError as error:
            _log.warning("broker.unreachable", code=error.code)
            self.rings = False
            self._hand_over()
        except SiphubError as error:
            _log.error("relay.failed", code=error.code)
            self._stop.wait(IDLE)

    def _tell_unheard(self) -> None:
        """What has no queue at the broker is told to the workers of this process."""
        unheard, self._ringing.unheard = self._ringing.unheard, []
        if self._offer is not None and self._ground.rings_again:
            self._offer(unheard)

    def _hand_over(self) -> None:
        """The broker is down: the workers of this process hear of what is due without a bell."""
        if self._offer is not None and self._ground.rings_again:
            with self._ground.store.read() as work:
                due = work.deliveries.due(self._ground.now(), BATCH)
            self._offer([row.id for row in due])
        self._stop.wait(IDLE)
