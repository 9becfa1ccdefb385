"""What an operator does to deliveries by hand: hold, release, retry, handled; and the one switch that ends all sending.

None of it can send anything that the consent does not allow today: whatever is queued again is judged again at its claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from siphub.errors import Conflict, NotThere
from siphub.flow.ground import Ground
from siphub.flow.letters import as_grants, need_of
from siphub.flow.missing import SETTLED, Missing
from siphub.flow.work_items import open_for
from siphub.model import Address, Directory
from siphub.policy.days import day_of
from siphub.policy.disclosure import Covered, judge
from siphub.policy.lifecycle import DELIVERY, after
from siphub.policy.retention import UNSENT
from siphub.policy.routing import address_of
from siphub.store import Change, DeliveryRow, Work

Action = Literal["hold", "release", "retry", "handled"]
SYSTEM = "-"
ENDINGS: Final = ("plan.closed", "sip.request.withdrawn", "subject.deceased")
"""What ends a case: nothing that was said before is sent afterwards."""
OUTDATED_BY: Final = (
    (
        frozenset({"meeting.summoned", "meeting.invited", "meeting.rescheduled", "meeting.reminder", "followup.summoned"}),
        frozenset({"meeting.rescheduled", "meeting.cancelled", "meeting.held", "followup.held", *ENDINGS}),
    ),
    (
        frozenset({"plan.proposed", "plan.established", "plan.revised"}),
        frozenset({"plan.proposed", "plan.established", "plan.revised", *ENDINGS}),
    ),
    (frozenset({"splptlrv.established"}), frozenset({"splptlrv.established", *ENDINGS})),
    (frozenset({"lss.established"}), frozenset({"lss.established", *ENDINGS})),
    (
        frozenset({"inpatient.discharge_ready"}),
        frozenset({"inpatient.discharge_ready", "inpatient.discharge_ready.revoked", "process.interrupted"}),
    ),
)
"""What one calls to or sets out → what, said later in the same case, takes its place. One meeting and one plan at a time stand in a case."""
RING_AT_ONCE = 10_000
"""How many deliveries are rung the moment sending goes on; the sweep rings the rest."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a retry would mean: whether the basis holds today, and on what it rested then."""

    delivery: str
    recipient: str
    state: str
    allowed: bool
    reason: str | None
    basis_then: str | None
    consent_version_then: int | None


def operate(ground: Ground, delivery_id: str, action: Action, *, by: str, channel: str) -> str:
    """Do something to one delivery; return its new state.

    Args:
        ground: The rooms below.
        delivery_id: Which.
        action: `hold`, `release`, `retry` or `handled`.
        by: Who does it, for the audit.
        channel: The door it came through.

    Raises:
        NotThere: There is no such delivery.
        Conflict: `delivery.wrong_state`; it is not in a state that allows this. `delivery.no_address`; nowhere to send it.
            `message.erased`; nothing left to send. `delivery.outdated`; something newer was said since. `delivery.refused_for_good`; its
            recipient refused it by the adapter that it would go by again, and takes nothing under its id there.
    """
    now, directory = ground.now(), ground.directory()
    with ground.store.write() as work:
        row = _row(work, delivery_id)
        event = f"operator.{action}"
        state = after(row.state, event)
        if state is None:
            raise Conflict(f"a delivery that is {row.state} cannot be changed by {action}", code="delivery.wrong_state")
        if action in {"release", "retry"} and _outdated(work, row):
            raise Conflict("something newer was said about this meeting or plan since: it is not sent any more", code="delivery.outdated")
        if action in {"release", "retry"} and _erased(work, row):
            raise Conflict("the content of this message has been erased: there is nothing left to send", code="message.erased")
        if action == "retry" and _refused_for_good(ground, work, row):
            raise Conflict(
                "the recipient has refused this message by a receipt, and takes nothing under its id again, so a retry cannot arrive: mend what"
                " its code names, have the sender send a new message, and note this delivery with siphub deliveries handled",
                code="delivery.refused_for_good",
            )
        address = _address(row, directory, action, day_of(now))
        change = Change(
            from_states=frozenset({row.state}),
            to_state=state,
            event=event,
            at=now,
            next_at=now,
            reason=f"operator.{action}",
            # Who orders a retry has asked the partner: it did not arrive. Nothing else could ever send what was held in doubt.
            uncertain=False if action == "retry" else None,
            adapter=address.adapter if address else None,
            endpoint=address.endpoint if address else None,
        )
        if not work.deliveries.change(row.id, change):
            raise Conflict("the delivery changed at the same moment; look again", code="delivery.wrong_state")
        _close_items(work, row, by, now)
        if action == "hold" and (held := work.deliveries.by_id(row.id)) is not None:
            open_for(work, held, now)  # whoever holds something has it on the desk, so that it is not forgotten there
        facts = {"delivery": row.id, "action": action, "case_id": row.case_id}
        work.audit.append(row.owner, by, channel, "delivery.operated", facts)
    ground.wake.set()
    return state


def _outdated(work: Work, row: DeliveryRow) -> bool:
    """Say whether a later message of the case took its place: one that was never queued then was not superseded either.

    A stop notice has lost its place where its unit is told of the same meeting or plan again since: it would call back what stands there now.
    """
    if row.recall:
        mine = (row.recipient, row.object_id)
        there = (found for found in work.deliveries.of_case(row.owner, row.case_id) if found.state not in {*UNSENT, "rejected"})
        return any(not found.recall and (found.recipient, found.object_id) == mine and found.position > row.position for found in there)
    later = next((newer for older, newer in OUTDATED_BY if row.message_type in older), frozenset())
    return bool(later) and any(
        found.type in later and found.case_seq > row.position for found in work.messages.of_case(row.owner, row.case_id)
    )


def _refused_for_good(ground: Ground, work: Work, row: DeliveryRow) -> bool:
    """Say whether the recipient itself has refused a delivery, by an adapter whose recipients know a key that they have refused.

    What was refused before it reached the recipient has no receipt, and may be sent again under its key; and where the directory leads to the
    recipient by an adapter of another kind since, a retry leads elsewhere, where nobody has refused it.
    """
    adapter = ground.registry.adapters.get(row.adapter)
    if row.state != "rejected" or adapter is None or not adapter.info.refused_for_good:
        return False
    address = address_of(row.recipient, row.owner, ground.directory(), day_of(ground.now()))
    now_by = ground.registry.adapters.get(address.adapter) if address is not None else adapter
    if now_by is None or not now_by.info.refused_for_good:
        return False
    return any(
        one.kind == "rejected" and one.adapter == row.adapter and one.organisation in {"", row.recipient_organisation}
        for one in work.receipts.of_key(row.key)
    )


def _erased(work: Work, row: DeliveryRow) -> bool:
    stored = work.messages.get(row.owner, row.message_row)
    return stored is not None and stored.erased_at is not None


def _address(row: DeliveryRow, directory: Directory, action: Action, day: date) -> Address | None:
    """Look the address up anew for what is to be sent again: it may have been missing, or have changed hands, or its unit have a successor.

    Raises:
        Conflict: `delivery.no_address`; the directory still has none.
    """
    if action not in {"release", "retry"}:
        return None
    address = address_of(row.recipient, row.owner, directory, day)
    if address is None:
        raise Conflict("the directory has no address for this recipient: import one first", code="delivery.no_address")
    return address


def _close_items(work: Work, row: DeliveryRow, by: str, now: datetime) -> None:
    for item in work.work_items.of_case(row.owner, row.case_id):
        if item.delivery_id == row.id and item.closed_at is None:
            work.work_items.close(item.owner, item.id, by=by, how="operated", at=now)


def preview(ground: Ground, delivery_id: str) -> Preview:
    """Say what a retry would mean today, without doing it.

    Raises:
        NotThere: There is no such delivery.
    """
    with ground.store.read() as work:
        row = _row(work, delivery_id)
        grants = work.grants.of_case(row.owner, row.case_id)
        outdated, erased, refused = _outdated(work, row), _erased(work, row), _refused_for_good(ground, work, row)
    judged = judge(need_of(row), as_grants(grants), row.asserted, ground.now(), ground.local.switched_on(row.sender_organisation))
    can = row.state in DELIVERY["operator.retry"] or row.state in DELIVERY["operator.release"]
    allowed = isinstance(judged, Covered) and can and not outdated and not erased and not refused
    stopped = ((erased, "message.erased"), (outdated, "superseded"), (refused, "delivery.refused_for_good"))
    judgement = None if isinstance(judged, Covered) else judged.reason
    reason = next((code for so, code in stopped if so), judgement)
    return Preview(row.id, row.recipient, row.state, allowed, reason, row.basis, row.consent_version)


def _row(work: Work, delivery_id: str) -> DeliveryRow:
    row = work.deliveries.by_id(delivery_id)
    if row is None:
        raise NotThere("there is no such delivery", code="delivery.not_there")
    return row


def switch(ground: Ground, value: Literal["stopped", "running"], *, by: str, after_restore: bool = False) -> None:
    """Throw the one switch: no claim succeeds while it is `stopped`, in any process on this store; what is due is rung when it goes on.

    Args:
        ground: The rooms below.
        value: Where to.
        by: Who does it, for the audit.
        after_restore: Whoever does it says that all that was sent since the backup has been handed in again, withdrawals above all.

    Raises:
        Conflict: `restore.unsettled`; the store was brought back from a backup, and nobody has said so yet. `restore.unfinished`; it was
            brought back, and not looked through.
    """
    with ground.store.write() as work:
        if value == "running":
            _settled(ground, work, by, after_restore=after_restore)
        work.switches.set("sending", value, by, ground.now())
        if value == "running":
            # What was rung while nothing could be claimed has no bell any more.
            work.deliveries.ring_again(ground.now(), timedelta(0), RING_AT_ONCE)
        work.audit.append(SYSTEM, by, "cli", f"sending.{value}", {})
    ground.wake.set()


def _settled(ground: Ground, work: Work, by: str, *, after_restore: bool) -> None:
    lost = Missing.read(work)
    if lost is None or lost.settled:
        return
    if not lost.doubted:
        raise Conflict(
            "this store was brought back from a backup by a restore that ended half-way, and would send again what was sent since: stop every"
            f" process of the hub, and say siphub restore --restored-until {lost.since.isoformat(timespec='seconds')}",
            code="restore.unfinished",
        )
    if not after_restore:
        raise Conflict(
            f"this store was brought back from a backup, and what happened from {lost.since:%Y-%m-%d %H:%M:%S} until {lost.until:%Y-%m-%d %H:%M:%S}"
            " UTC is missing in it, withdrawals of consent too: have all of it handed in again, then siphub start --after-restore",
            code="restore.unsettled",
        )
    work.switches.set(SETTLED, lost.text, by, ground.now())


def switched(ground: Ground) -> str:
    """Return `stopped` or `running`."""
    with ground.store.read() as work:
        return work.switches.get("sending") or "running"
