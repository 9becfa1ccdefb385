"""The unit of work: one transaction over the store, with one repository per topic, and the two group operations, claim and record.

A `Work` lives as long as its transaction. It must never do I/O other than the database's, and never unseal anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from siphub.store.cases import Cases, Grants, Messages, Submissions
from siphub.store.claim import Gate, claim
from siphub.store.deadlines import Deadlines
from siphub.store.deliveries import Deliveries
from siphub.store.desk import Audit, WorkItems
from siphub.store.directory import Credentials, Directory
from siphub.store.erasure import Erasure
from siphub.store.history import Attempts, Events, Inbound, Receipts
from siphub.store.intake import Intake
from siphub.store.operation import PluginState, PollLeases, Switches
from siphub.store.outbox import Outbox
from siphub.store.partners import Partners
from siphub.store.processes import Processes
from siphub.store.record import record
from siphub.store.record_copies import RecordCopies
from siphub.store.rows import Accept, ClaimedRow, OutcomeRow, Recorded
from siphub.store.rows_partners import Admit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from siphub.contract import Clock


class Work:
    """One transaction. Lock the case before its deliveries; append to the audit last."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self.intake = Intake(connection, clock)
        self.submissions = Submissions(connection, clock)
        self.cases = Cases(connection, clock)
        self.grants = Grants(connection, clock)
        self.messages = Messages(connection, clock)
        self.deliveries = Deliveries(connection, clock)
        self.attempts = Attempts(connection, clock)
        self.events = Events(connection, clock)
        self.outbox = Outbox(connection, clock)
        self.partners = Partners(connection, clock)
        self.receipts = Receipts(connection, clock)
        self.inbound = Inbound(connection, clock)
        self.record_copies = RecordCopies(connection, clock)
        self.erasure = Erasure(connection, clock)
        self.work_items = WorkItems(connection, clock)
        self.deadlines = Deadlines(connection, clock)
        self.audit = Audit(connection, clock)
        self.directory = Directory(connection, clock)
        self.credentials = Credentials(connection, clock)
        self.plugin_state = PluginState(connection, clock)
        self.switches = Switches(connection, clock)
        self.poll_leases = PollLeases(connection, clock)
        self.processes = Processes(connection, clock)

    def claim(self, ids: Iterable[str], *, now: datetime, lease: timedelta, accept: Accept, admit: Admit | None = None) -> list[ClaimedRow]:
        """Claim deliveries for sending, and return those that may leave, with a new fence and a lease until `now + lease`.

        `accept` is asked for each delivery whose turn it is, with its grants as they stand under the case's lock; it must be pure and
        quick. What it refuses gets that state and reason, and its successor is rung. Deliveries that are not queued, not due, or not
        yet first in their line are left alone; all of them are while the switch `sending` is `stopped`. Must be the first thing in
        its transaction. `admit` is asked last, about the partners: whom it lets wait stays queued, without a bell.

        Raises:
            StoreBusy: Another worker claimed in the same line at the same moment; nothing was claimed.
            StoreError: A refusal names a blocking state.
        """
        return claim(self._connection, ids, now=now, lease=lease, accept=accept, gate=Gate(self.partners, admit) if admit else None)

    def record(self, outcomes: Sequence[OutcomeRow]) -> list[Recorded]:
        """Write what became of attempts; return for each, in order, whether it was applied (see `Recorded`).

        An outcome whose delivery a withdrawal has marked is not applied: hand it to `record_one` under the case's lock.
        """
        return record(self._connection, outcomes, through_recall=False)

    def record_one(self, outcome: OutcomeRow) -> Recorded:
        """Write one outcome even though a withdrawal has marked the delivery, and clear the mark. The caller holds the case's lock."""
        return record(self._connection, [outcome], through_recall=True)[0]
