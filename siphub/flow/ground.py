"""What every step stands on: the rooms below, the clock, the settings, the directory as it is now, and the crash points.

It holds no decision. A crash point does nothing unless the settings of a test name it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random, SystemRandom
from typing import Any, Final, Literal, get_args

from siphub.broker import Broker
from siphub.contract import Clock, DeliveryEvent, Render
from siphub.documents import render
from siphub.flow.missing import Missing
from siphub.flow.partners import Partners
from siphub.flow.pressure import OpenWork
from siphub.flow.turns import Turns
from siphub.flow.wake import Wake
from siphub.model import Address, Agreement, Directory, Organisation, Unit
from siphub.model.directory import OrganisationKind, UnitKind
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.policy.local import LocalRules
from siphub.policy.partners import BreakerRule
from siphub.policy.retry import RetryRule
from siphub.registry import Registry
from siphub.setting_values import Fault
from siphub.settings import Settings
from siphub.store import AgreementRow, DeliveryRow, DirectoryRows, OrganisationRow, Store, UnitRow, Work

POINTS: Final = (
    "after_commit",
    "before_publish",
    "after_publish",
    "before_delete",
    "after_consume",
    "before_send",
    "after_send",
    "after_record",
)
"""The crash points, in the order a message passes them (RELIABILITY.md's seven, and the one between claim and first byte)."""


class Points:
    """Does to this process what a fault says, at its nth passage of the fault's point."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        """Pass a point. Without a fault it costs one comparison."""
        if self._fault is None or self._fault.point != point:
            return
        with self._lock:
            self._passed[point] += 1
            if self._passed[point] != self._fault.nth:
                return
        match self._fault.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                # To this very thread: a SIGSTOP to the process may be taken by another one, and this one would run on for a while.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            case "sleep":
                time.sleep(self._fault.pause.total_seconds())


class DirectoryNow:
    """The directory as it is in the store, read again only when its version has risen."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot: Directory | None = None
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    def seen(self) -> Directory:
        """Return the snapshot as it was at most a second ago: for what need not know of a switch at once."""
        if self._snapshot is not None and time.monotonic() - self._looked_at < 1.0:
            return self._snapshot
        return self()

    def __call__(self) -> Directory:
        """Return the current snapshot."""
        self._looked_at = time.monotonic()
        if self._snapshot is not None:
            with self._store.look() as work:
                version = work.directory.version()
            if self._snapshot.version == version:
                return self._snapshot
        with self._store.read() as work:
            rows = work.directory.load()
        with self._lock:
            self._snapshot = snapshot(rows)
            return self._snapshot


def snapshot(rows: DirectoryRows) -> Directory:
    """Make the value from the store's rows."""
    return Directory(
        version=rows.version,
        organisations=tuple(map(_organisation, rows.organisations)),
        units=tuple(map(_unit, rows.units)),
        agreements=tuple(map(_agreement, rows.agreements)),
    )


def _organisation(row: OrganisationRow) -> Organisation:
    return Organisation(
        number=OrganisationNumber(row.number),
        name=row.name,
        kind=_known(row.kind, OrganisationKind) or "other",
        public_label=row.public_label,
        letters=Address.model_validate(row.letters) if row.letters else None,
        records=Address.model_validate(row.records) if row.records else None,
        phone=row.switchboard,
        code=row.code,
    )


def _unit(row: UnitRow) -> Unit:
    return Unit(
        id=UnitId(row.id),
        organisation=OrganisationNumber(row.organisation),
        name=row.name,
        public_label=row.public_label,
        address=Address(adapter=row.adapter, endpoint=row.endpoint, mapping=row.mapping, options=dict(row.options))
        if row.adapter
        else None,
        agency=_known(row.agency, Literal["fk", "af"]),
        cleared=row.cleared,
        kind=_known(row.kind, UnitKind),
        care=_known(row.care, Literal["open", "inpatient"]),
        financed_by=_known(row.financed_by, Literal["region", "municipality"]),
        closed_on=row.closed_on,
        successor=UnitId(row.successor) if row.successor else None,
    )


def _agreement(row: AgreementRow) -> Agreement:
    terms: dict[str, Any] = dict(row.terms)
    return Agreement(
        id=row.id,
        area=row.area,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        parties=tuple(map(OrganisationNumber, row.parties)),
        binds=tuple(map(_party, row.binds)),
        **terms,
    )


def _party(text: str) -> UnitId | OrganisationNumber:
    return OrganisationNumber(text) if OrganisationNumber.accepts.fullmatch(text) else UnitId(text)


def _known(word: str | None, words: object) -> Any:
    """Return a word of a closed list as what it is there, or None: an older directory may hold one that is no more."""
    return word if word in get_args(words) else None


@dataclass(slots=True)
class Ground:
    """The rooms below, for one hub."""

    settings: Settings
    store: Store
    registry: Registry
    broker: Broker
    clock: Clock
    directory: DirectoryNow
    points: Points
    render: Render = render
    chance: Random = field(default_factory=SystemRandom)
    name: str = "hub"
    """What this hub is called at the broker."""
    wake: Wake = field(default_factory=Wake)
    """Set when there is something to ring."""
    turns: Turns = field(default_factory=Turns)
    """What the sweep passes over for a while."""
    missing: Missing | None = None
    """What this store does not know because it was brought back from a backup; read at start, since nothing is restored under a hub."""
    rings_again: bool = True
    """False only in tests that judge a broker: what it loses stays lost. No setting reaches it."""
    next_suspect: datetime | None = None
    """From when the next delivery whose lease ran out twice may be tried; see `sweep`."""
    open_work: OpenWork = field(default_factory=OpenWork)
    partners: Partners = field(init=False)

    def __post_init__(self) -> None:
        self.partners = Partners(self)

    @property
    def local(self) -> LocalRules:
        """What this installation has chosen where the law leaves a choice."""
        chosen = {organisation: frozenset(names) for organisation, names in self.settings.exceptions.items()}
        return LocalRules(exceptions=chosen, relatives=self.settings.relatives, relative_requests=self.settings.relative_requests)

    @property
    def retry(self) -> RetryRule:
        """How patient to be with partners."""
        settings = self.settings
        return RetryRule(base=settings.retry_base, cap=settings.retry_cap, limit=settings.retry_limit, patience=settings.retry_for)

    @property
    def breaker(self) -> BreakerRule:
        """When to stop asking a partner that fails, and how often to probe it."""
        settings = self.settings
        base = min(settings.breaker_pause, settings.retry_cap)
        return BreakerRule(failures=settings.breaker_failures, base=base, cap=settings.retry_cap, probe=settings.lease)

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self.clock.now()

    def doubtful(self, moment: datetime) -> bool:
        """Say whether something of this moment may have been done by the hub before it was brought back, without this store knowing."""
        return self.missing is not None and self.missing.covers(moment)

    def tell(self, rows: Sequence[DeliveryRow], state: str, reason: str | None) -> None:
        """Tell the plugins of deliveries that changed; after the commit, and whatever they raise goes no further."""
        for row in rows:
            self.registry.delivery_changed(
                DeliveryEvent(
                    owner=row.owner,
                    delivery_id=row.id,
                    message_id=row.message_id,
                    message_type=row.message_type,
                    adapter=row.adapter,
                    state=state,
                    reason=reason,
                    at=self.now(),
                )
            )


def stopped(work: Work) -> bool:
    """Say whether the one switch that ends all sending is thrown."""
    return work.switches.get("sending") == "stopped"
