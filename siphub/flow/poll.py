"""What partners have for us is fetched: from one place for all of an adapter's, or from where each directory entry says.

It is stored first and settled afterwards, and taken once. It must never let a partner that takes its time keep another's answer or any lease
waiting, and never believe what lies at one organisation's address about another's delivery.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from itertools import chain
from uuid import uuid4

from siphub.contract import (
    UNKNOWN_PARTY,
    Adapter,
    AsksAtOnce,
    DeletesRecorded,
    Inbound,
    Polls,
    PollsAddresses,
    Receipt,
    Recipient,
    Retry,
    Submission,
    Unreadable,
)
from siphub.flow import answers, awaited, receipts
from siphub.flow.ground import Ground
from siphub.flow.partner_bell import Bells
from siphub.flow.sources import inboxes, lies_with_what_is_sent, plain_place, sources_of
from siphub.flow.sweep import Sweeper
from siphub.model import Directory
from siphub.observe import Log
from siphub.policy.lifecycle import FINAL
from siphub.store import NO_OWNER, Work

POLL_LEASE = timedelta(seconds=60)
_log = Log(worker="poller")


@dataclass(frozen=True, slots=True)
class Source:
    """Where answers of one organisation lie, as the entry of one of its units says, and the adapter that fetches them."""

    adapter: str
    name: str
    recipient: Recipient

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other source."""
        return self.adapter, self.name

    @property
    def short(self) -> str:
        """A name that fits before an id, and says nothing of the place."""
        return sha256(self.name.encode()).hexdigest()[:16]


def sources(directory: Directory, adapters: Mapping[str, Adapter]) -> tuple[Source, ...]:
    """Return every source of a directory, each once.

    One that two organisations name is nobody's: whose word it holds cannot be told. Nor is one anybody's where what is sent to a unit lies.
    """
    found: dict[tuple[str, str], Source] = {}
    not_asked: set[tuple[str, str]] = set()
    sent = inboxes(directory)
    for unit in directory.units:
        for there, name in sources_of(unit, adapters):
            key = (there.adapter, plain_place(name))
            first = found.setdefault(key, Source(there.adapter, name, there))
            if first.recipient.organisation != unit.organisation or lies_with_what_is_sent(there, name, sent):
                not_asked.add(key)
    return tuple(source for key, source in found.items() if key not in not_asked)


def poll_once(ground: Ground, name: str, adapter: Adapter) -> int:
    """Fetch the answers of an adapter's partners, store each, then settle it. Return how many were taken."""
    if not isinstance(adapter, Polls):
        return 0
    holder = str(uuid4())
    if not _leased(ground, name, "", holder):
        return 0
    taken, all_so_far = 0, True
    try:
        with ground.store.read() as work:
            cursor = work.poll_leases.cursor(NO_OWNER, name, "")
        for inbound in adapter.poll(cursor):
            if not _alone(name, partial(take_polled, ground, name, inbound)):
                all_so_far = False  # the cursor stays before it, so that it is fetched again
                continue
            if not _alone(name, partial(adapter.settle, inbound.partner_id)):
                all_so_far = False
                continue
            if isinstance(adapter, DeletesRecorded) and _stands(ground, name, inbound):
                adapter.recorded(inbound.partner_id)
            taken += 1
            if inbound.cursor is not None and all_so_far:
                with ground.store.write() as work:
                    work.poll_leases.save_cursor(NO_OWNER, name, "", inbound.cursor)
    finally:
        _give_back(ground, name, "", holder)
    return taken


def poll_source(ground: Ground, source: Source) -> int | Retry:
    """Fetch what lies at one source, store each thing, then let it be cleared away. Return how many were taken, or why it cannot be asked now."""
    adapter: object = ground.registry.adapters.get(source.adapter)
    if not isinstance(adapter, PollsAddresses):
        return 0
    found = adapter.fetch(source.name, source.recipient)
    if isinstance(found, Retry):
        return found
    fetched = iter(found)
    first = next(fetched, None)
    if first is None:  # no lease is taken for looking: where nothing lies, nothing is written
        return 0
    taken, holder = 0, str(uuid4())
    try:
        for inbound in chain([first], fetched):
            if not _leased(ground, source.adapter, source.name, holder):
                break
            taken += _alone(source.adapter, partial(_from_source, ground, source, adapter, inbound))
    finally:
        _give_back(ground, source.adapter, source.name, holder)
    return taken


def _from_source(ground: Ground, source: Source, adapter: PollsAddresses, inbound: Inbound) -> None:
    code = take_from(ground, source, inbound)
    adapter.taken(source.name, source.recipient, inbound.partner_id, code)


def take_polled(ground: Ground, adapter: str, inbound: Inbound) -> str | None:
    """Take one thing from an adapter's own place: `take_inbound`.

    A receipt that came to one of ours about a delivery of another's is nobody's word: it is kept and shown, and changes nothing.
    """
    if inbound.owner is not None and isinstance(inbound.content, Receipt):
        with ground.store.read() as work:
            row = work.deliveries.find_by_key(inbound.content.key)
        if row is not None and row.owner != inbound.owner:
            inbound = replace(inbound, organisation=UNKNOWN_PARTY)
    return take_inbound(ground, adapter, inbound)


def take_from(ground: Ground, source: Source, inbound: Inbound) -> str | None:
    """Take one thing as a word of the entry's organisation, under an id that nothing at another source can have; return what `take_inbound` does."""
    named = f"{source.short}/{inbound.partner_id}"
    return take_inbound(ground, source.adapter, replace(inbound, partner_id=named, organisation=source.recipient.organisation), anew=True)


def _leased(ground: Ground, adapter: str, source: str, holder: str) -> bool:
    now = ground.now()
    with ground.store.write() as work:
        return work.poll_leases.acquire(NO_OWNER, adapter, source, holder=holder, until=now + POLL_LEASE, now=now)


def _give_back(ground: Ground, adapter: str, source: str, holder: str) -> None:
    with ground.store.write() as work:
        work.poll_leases.release(NO_OWNER, adapter, source, holder=holder)


def _alone(adapter: str, take: Callable[[], object]) -> bool:
    """Take one answer; what breaks it keeps no other from being taken, and it is fetched again."""
    try:
        take()
    except Exception as error:  # noqa: BLE001 - whatever it was, it is one partner's one answer; the log says it
        _log.error("inbound.failed", adapter=adapter, exc_info=error)
        return False
    return True


def take_inbound(ground: Ground, adapter: str, inbound: Inbound, *, anew: bool = False) -> str | None:
    """Take one answer, once; return why it is or was refused, a code first, or None where it was taken.

    A message goes the way every message goes; what is refused is kept as seen, and shown (see `answers`).

    Args:
        ground: The rooms below.
        adapter: Whose partners it came from.
        inbound: What was fetched.
        anew: Judge a message that was refused before once more, for it lies there still, or again: what kept it out may be mended.
    """
    before: str | None = None
    with ground.store.read() as work:
        if work.inbound.seen(NO_OWNER, adapter, inbound.partner_id):
            before = work.inbound.refused(NO_OWNER, adapter, inbound.partner_id)
            if before is None or not (anew and isinstance(inbound.content, Submission)):
                return before
        stray = isinstance(inbound.content, Receipt) and not _its_own(work, adapter, inbound.content, inbound.organisation)
    code: str | None = None
    match inbound.content:
        case Receipt() as receipt:
            receipts.note(ground, adapter, receipt, inbound.organisation)
            code = answers.show(ground, adapter, inbound, code="receipt.not_theirs") if stray else None
        case Submission() as submission:
            code = answers.take(ground, adapter, inbound, submission, before=before)
        case Unreadable(code=why):
            code = answers.show(ground, adapter, inbound, why)
    if code is None:  # else it was remembered as it was shown
        with ground.store.write() as work:
            answers.remember(work, adapter, inbound, ground.now(), None)
    return code


def _its_own(work: Work, adapter: str, receipt: Receipt, organisation: str | None) -> bool:
    """Say whether a receipt is about a delivery to the organisation it came from; where an adapter cannot say from whom, its key decides."""
    if organisation is None:
        return True
    row = work.deliveries.find_by_key(receipt.key)
    return row is not None and (row.adapter, row.recipient_organisation) == (adapter, organisation)


def _stands(ground: Ground, adapter: str, inbound: Inbound) -> bool:
    """Say whether a receipt is about a delivery of ours that has ended, so that its partner is not asked about it again."""
    if not isinstance(inbound.content, Receipt):
        return False
    with ground.store.read() as work:
        row = work.deliveries.find_by_key(inbound.content.key)
    return row is not None and row.adapter == adapter and inbound.owner in {None, row.owner} and row.state in FINAL


@dataclass(slots=True)
class _Pace:
    """When a source is asked next, in monotonic seconds, how often it could not be asked in a row, and why."""

    at: float = float("-inf")
    failed: int = 0
    code: str | None = None


class Poller(Sweeper):
    """The thread that fetches: a partner that takes its time keeps no lease from being looked at."""

    name = "poller"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._bells = Bells(ground)
        self._paces: dict[tuple[str, str], _Pace] = {}
        self._asked: dict[str, float] = {}
        self._of: tuple[int, tuple[Source, ...]] = (-1, ())

    def _looks(self) -> Iterator[Callable[[], int]]:
        for name, adapter in self._ground.registry.adapters.items():
            yield partial(self._poll, name, adapter)
            if time.monotonic() >= self._asked.get(name, float("-inf")):
                self._asked[name] = time.monotonic() + awaited.every(self._ground).total_seconds()
                yield partial(awaited.ask, self._ground, name, adapter)
        for source in self._sources():
            pace = self._paces[source.key]
            if time.monotonic() >= pace.at:
                yield partial(self._ask, source, pace)

    def _poll(self, name: str, adapter: Adapter) -> int:
        if isinstance(adapter, AsksAtOnce) and self._bells.rang(name):
            adapter.ask_now()
        return poll_once(self._ground, name, adapter)

    def _sources(self) -> tuple[Source, ...]:
        directory = self._ground.directory.seen()
        if directory.version != self._of[0]:
            found = sources(directory, self._ground.registry.adapters)
            with self._ground.store.read() as work:
                failing = {(row.adapter, row.endpoint): row.code for row in work.poll_leases.failing()}
            for source in found:
                self._paces.setdefault(source.key, _Pace(code=failing.get(source.key)))
            self._of = (directory.version, found)
        return self._of[1]

    def _ask(self, source: Source, pace: _Pace) -> int:
        """Ask one source, and say when it is asked again: after twice the pause for each time that it could not be asked."""
        settings = self._ground.settings
        every = settings.poll_every
        found: int | Retry = Retry("poll.failed")  # so it is where asking breaks
        try:
            found = poll_source(self._ground, source)
        finally:
            code = found.code if isinstance(found, Retry) else None
            pace.failed = pace.failed + 1 if code else 0
            pause = min(every * 2 ** min(pace.failed, 16), max(settings.retry_cap, every))
            pace.at = time.monotonic() + pause.total_seconds()
            self._say(source, pace, code)
        return found if isinstance(found, int) else 0

    def _say(self, source: Source, pace: _Pace, code: str | None) -> None:
        """Note since when and why a source cannot be asked, or that it can again, for `siphub doctor`."""
        if code != pace.code:
            with self._ground.store.write() as work:
                work.poll_leases.note(NO_OWNER, source.adapter, source.name, code, self._ground.now())
            pace.code = code
            if code is not None:
                _log.warning("poll.failed", adapter=source.adapter, code=code)
