"""Receipts that have not come for long are asked for, one by one, before anybody is asked to phone: a list may leave one out.

A partner's list may be too long to be read, or not be given, while the partner answers a question about one key. It must never ask for more
than a few at a time, never wait for a partner that is away, and never take anything but the recipient's own end for a receipt.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Final

from siphub.contract import Adapter, Confirms, Delivered, Polls, Receipt, Rejected, Uncertain
from siphub.flow import receipts
from siphub.flow.ground import Ground
from siphub.flow.letters import recipient_of
from siphub.flow.notify import Wait, waits
from siphub.observe import Log

BATCH: Final = 50
"""How many of those that wait are looked at in one round."""
UNHEARD: Final = 3
"""After so many of one owner's that could not be asked for, no further one of that owner's is in the same round: its account may be away."""
SLOW: Final = 2.0
"""So many seconds without a word are enough: that owner's others would take as long."""
LONGEST: Final = 10.0
"""Seconds after which a round asks no more: whoever else is polled waits for it."""
_log = Log(worker="poller")


def every(ground: Ground) -> timedelta:
    """Return how often an adapter's partners are asked so: by the shortest time that any receipt is waited for."""
    return min(timedelta(minutes=10), *(wait.within / 4 for wait in waits(ground)))


def ask(ground: Ground, name: str, adapter: Adapter) -> int:
    """Ask for the deliveries that have waited for half of the time they have; return how many receipts there were."""
    if not (isinstance(adapter, Polls) and isinstance(adapter, Confirms)):
        return 0
    until, unheard, every_one = time.monotonic() + LONGEST, Counter[str](), waits(ground)
    asked = ground.chance.sample(every_one, len(every_one))  # whose time comes first is as good a word as another's
    return sum(_ask_those(ground, name, adapter, wait, until, unheard) for wait in asked)


def _ask_those(ground: Ground, name: str, adapter: Confirms, wait: Wait, until: float, unheard: Counter[str]) -> int:
    turn, directory = ground.turns.of(f"awaited {name} {wait.look}"), ground.directory()
    with ground.store.read() as work:
        before = ground.now() - wait.within / 2
        rows = work.deliveries.awaiting(before, BATCH, turn.skip, at=wait.at, not_at=wait.not_at, adapter=name)
    seen = taken = 0
    for row in rows:
        if unheard[row.owner] < UNHEARD:
            began = time.monotonic()
            if began > until:
                break
            found = adapter.confirm(row.key, recipient_of(row, directory))
            if isinstance(found, Uncertain):
                unheard[row.owner] += UNHEARD if time.monotonic() - began > SLOW else 1
            if isinstance(found, Delivered | Rejected):
                taken += 1
                code = found.code if isinstance(found, Rejected) else None
                receipt = Receipt(row.key, "rejected" if code else "received", ground.now(), code)
                _log.info("receipt.asked_for", delivery_id=row.id, adapter=name)
                receipts.note(ground, name, receipt, row.recipient_organisation)
        seen += 1
    turn.end(found=len(rows), left=seen - taken, limit=BATCH if seen == len(rows) else seen)
    return taken
