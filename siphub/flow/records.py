"""Record copies: what the owner sent becomes a record of the owner's, and what reached an organisation one of that organisation's.

Queued in the transaction that took the message or noted its arrival; made, handed over and confirmed by the sweep. The copy of what
the owner sent is of the whole message, any other of the cut that arrived; what a withdrawal touches before it is handed over is not shown
to anybody but the owner again.
Every step is guarded, so that two sweeps at once do no harm; a package handed over twice is one package. It must never confirm what the organisation
itself has not, and never give up: a registry that is away for a week finds its copies waiting.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, assert_never
from uuid import NAMESPACE_OID, uuid5

from siphub.contract import (
    Accepted,
    Confirmation,
    Cut,
    Delivered,
    Outcome,
    Recipient,
    RecordPackage,
    Rejected,
    Retry,
    Uncertain,
    sane_reference,
)
from siphub.contract.records import FORMAT
from siphub.errors import PluginError, SiphubError
from siphub.flow import retention
from siphub.flow.attempt import Held, cut_of
from siphub.flow.ground import Ground, stopped
from siphub.flow.letters import as_grants, granted_of, need_of, open_message
from siphub.model import Directory
from siphub.observe import Log
from siphub.policy.disclosure import Covered, judge
from siphub.store import DeliveryRow, GrantRow, MessageRow, RecordCopyRow, Work

BATCH: Final = 20
"""How many copies of one organisation are handed over in one round."""
ATTEMPT: Final = timedelta(minutes=5)
"""After so long an attempt that nobody has ended counts as broken."""
LOOKED: Final = "withdrawn.looked"
"""The reason of a withdrawn copy that has been taken away once."""
SETTLED: Final = frozenset({"sent", "confirmed", "withdrawn", "taken_back"})
"""The states of a copy of which a withdrawal changes nothing: its registry has it, or it is withdrawn already."""
MOST_STUCK: Final = 5
"""So many packages of one registry that cannot be cleared away end a round: each may cost as long as its line lets it."""
REFUSED: Final = timedelta(days=1)
"""How long to wait before a registry is offered again what it has refused."""
REACHED: Final = frozenset({"delivered", "awaiting_receipt", "read"})
"""The states of a delivery that its recipient has, or will have read."""

_log = Log(worker="archivist")


# ── queueing ──


def queue_own(work: Work, stored: MessageRow) -> None:
    """Queue the owner's own copy of a message that it sent, in the transaction that stores it.

    What another organisation says in its case is the owner's record only as far as it is told it: as a recipient, when it arrives.
    """
    if stored.sender_organisation == stored.owner:
        work.record_copies.add([_copy(stored.owner, stored.id, stored, stored.owner, "sent", stored.received_at)])


def queue_received(work: Work, rows: Iterable[DeliveryRow], directory: Directory, now: datetime) -> None:
    """Queue the recipients' copies of deliveries that have just arrived: the owner's always, another's where its registry is known.

    The owner's waits until the directory names a registry: what is not recorded is not erased. What the owner sent to a unit of its own it
    has whole already.
    """
    for row in rows:
        owners = row.recipient_organisation == row.owner
        if row.sender_organisation != row.owner if owners else _has_registry(directory, row.recipient_organisation):
            copy = _copy(row.owner, row.message_row, row, row.recipient_organisation, "received", now)
            work.record_copies.add([replace(copy, delivery_id=row.id)])


def drop_received(work: Work, case: tuple[str, str], deliveries: Collection[str], now: datetime) -> None:
    """Drop the recipients' copies of these deliveries that no registry has yet: what allowed them is gone. The caller holds the case's lock.

    One that is just being handed over, or of which it is not known whether its registry has it, is taken back. What a recipient has lawfully
    received is in its own system; the hub does not show it again. The owner's copies stay: it is offered one of everything that it has
    received, and what it has received stays in its record (LIFECYCLE sections 4.6 and 8).
    """
    for row in work.record_copies.of_case(*case) if deliveries else ():
        if row.delivery_id in deliveries and row.organisation != row.owner and row.state not in SETTLED:
            _drop(work, row, "withdrawn", now, tried=row.attempts > 0)


def _drop(work: Work, row: RecordCopyRow, reason: str, now: datetime, *, tried: bool) -> None:
    """Let a copy not be made. Where an attempt was made it stays as withdrawn, so that what may lie at the registry is found and taken away."""
    if not tried and work.record_copies.drop(row):
        _audit(work, row, "record.dropped", reason)
    elif work.record_copies.withdraw(row, now):
        _audit(work, row, "record.withdrawn", reason)


def _audit(work: Work, row: RecordCopyRow, event: str, reason: str) -> None:
    facts = {"package": row.id, "organisation": row.organisation, "reason": reason, "case_id": row.case_id}
    work.audit.append(row.owner, "hub", "records", event, facts)


def _copy(
    owner: str, message_row: str, about: MessageRow | DeliveryRow, organisation: str, direction: Literal["sent", "received"], now: datetime
) -> RecordCopyRow:
    """Return a copy under an id that is the same however often it is queued, and tells nothing."""
    return RecordCopyRow(
        owner=owner,
        id=str(uuid5(NAMESPACE_OID, f"record/{about.id}")),
        case_id=about.case_id,
        message_row=message_row,
        organisation=organisation,
        direction=direction,
        next_at=now,
        offered_at=now,
    )


def _has_registry(directory: Directory, number: str) -> bool:
    organisation = directory.organisation(number)
    return organisation is not None and organisation.records is not None


def registries(ground: Ground, directory: Directory) -> Iterator[Recipient]:
    """Return the registries that this hub can reach, one for each organisation that has one."""
    for organisation in directory.organisations:
        address = organisation.records
        if address is not None and address.adapter in ground.registry.keepers:
            yield Recipient(
                unit="",
                organisation=organisation.number,
                label=organisation.public_label,
                adapter=address.adapter,
                endpoint=address.endpoint,
                mapping=address.mapping,
                options=dict(address.options),
                owner=organisation.number,
            )


# ── handing over ──


def offer_due(ground: Ground) -> int:
    """Hand over what is due, a bounded number for each registry; return how many are there now. One that does not answer is left alone.

    Nothing more is handed over once an operator has stopped all sending: each attempt begins with that question.
    """
    directory, handed = ground.directory(), 0
    for address in registries(ground, directory):
        with ground.store.read() as work:
            rows = work.record_copies.due(address.organisation, ground.now(), BATCH)
        for row in rows:
            state = _offer(ground, row, address, directory)
            if state == "stopped":
                return handed
            handed += state == "sent"
            if state in {"offered", "unheard"}:
                break
    return handed


def _offer(ground: Ground, row: RecordCopyRow, address: Recipient, directory: Directory) -> str:
    """Make one attempt at one copy; return its state after it.

    Or else `unheard` where it failed at the registry, `taken` where another was quicker, `stopped` where all sending is, and `withdrawn`
    where what allowed it went while it was made: then it is not handed over, and what may lie there since an earlier attempt is taken away.
    """
    with ground.store.write() as work:
        if stopped(work):
            return "stopped"
        if not work.record_copies.take(row, ground.now() + ATTEMPT):
            return "taken"
    row = replace(row, attempts=row.attempts + 1)
    log = _log.bind(owner=row.owner)
    made: RecordPackage | Held | None = None
    try:
        made = package(ground, row, directory)
        if not _still(ground, row):
            return "withdrawn"
        outcome = Held(made.reason) if isinstance(made, Held) else ground.registry.offer(made, address)
    except SiphubError as error:
        log.error("record.failed", code=error.code, exc_info=error)
        outcome = Uncertain(error.code)
    except Exception as error:
        # Whatever it was, it is one copy of one message: it waits, and the others go on.
        log.error("record.failed", exc_info=error)
        outcome = Uncertain("record.failed")
    return _ended(ground, row, outcome, made)


def _still(ground: Ground, row: RecordCopyRow) -> bool:
    """Say whether the attempt that `row` is at may still be made: making the package has taken its time."""
    with ground.store.read() as work:
        found = work.record_copies.find(row.id)
    return found is not None and found.state == row.state and found.attempts == row.attempts


def _ended(ground: Ground, row: RecordCopyRow, outcome: Outcome | Held, made: RecordPackage | Held | None) -> str:
    now = ground.now()
    with ground.store.write() as work:
        if isinstance(outcome, Held) and row.organisation == row.owner and row.attempts > 1:
            # What lies at the owner's own registry stays there: it may be the only record of what was received.
            work.record_copies.end(row, "refused", reason=outcome.reason, next_at=now + REFUSED, package_hash=None)
            return "refused"
        if isinstance(outcome, Held):
            work.cases.lock(row.owner, row.case_id)
            _drop(work, row, outcome.reason, now, tried=row.attempts > 1)
            retention.erase_withheld(work, (row.owner, row.case_id), [row.message_row], now)
            return "dropped"
        state, reason, next_at = _after(ground, row, outcome, now)
        digest = sha256(made.metadata).hexdigest() if isinstance(made, RecordPackage) else None
        if not work.record_copies.end(row, state, reason=reason, next_at=next_at, package_hash=digest):
            found = work.record_copies.find(row.id)
            if found is not None and found.state in {"withdrawn", "taken_back"}:
                work.record_copies.withdraw(found, now)
                return "withdrawn"
    return "unheard" if state == "failed" and made is not None else state


def _after(ground: Ground, row: RecordCopyRow, outcome: Outcome, now: datetime) -> tuple[str, str | None, datetime]:
    """Return state, reason and next attempt. There is no last attempt: what is not recorded stays until it is."""
    again = ground.retry.next_at(min(row.attempts, ground.retry.limit - 1), now, None, ground.chance) or now + ground.retry.cap
    match outcome:
        case Delivered() | Accepted():
            return "sent", None, now
        case Retry(code=code, after=after):
            return "offered", code, max(again, now + (after or timedelta(0)))
        case Uncertain(code=code, after=after):
            return "failed", code, max(again, now + (after or timedelta(0)))
        case Rejected(code=code):
            return "refused", code, now + REFUSED
    assert_never(outcome)


def take_back(ground: Ground) -> int:
    """Take away, where it still lies, what a withdrawal met while it was being handed over; return how much was.

    It is looked for twice: at once, and when an attempt of a process that has died could not be under way any more. What its registry has
    taken in meanwhile it has lawfully received before the withdrawal, and its confirmation counts.
    """
    directory, now, done = ground.directory(), ground.now(), 0
    reached = {address.organisation: address for address in registries(ground, directory)}
    with ground.store.read() as work:
        waiting = {organisation: work.record_copies.withdrawn(organisation, now, BATCH) for organisation in reached}
        named = [one.number for one in directory.organisations if one.records is not None]
        lost = work.record_copies.withdrawn_elsewhere(named, now, BATCH)
    for organisation, rows in waiting.items():
        for row in rows:
            gone = _settled(ground, row.id, reached[organisation])
            done += _looked_for(ground, row, gone=gone)
            if not gone:
                break  # whoever hangs is asked once in a round: records and erasing of all others wait for it
    for row in lost:
        done += _looked_for(ground, row, gone=True, anywhere=False)
    return done


def _looked_for(ground: Ground, row: RecordCopyRow, *, gone: bool, anywhere: bool = True) -> bool:
    """Note that a withdrawn copy was looked for; return True where that was the last time. Without a registry there is nowhere to look."""
    last = gone and (row.reason == LOOKED or not anywhere)
    state, reason = ("taken_back" if last else "withdrawn"), (LOOKED if gone else str(row.reason))
    with ground.store.write() as work:
        work.cases.lock(row.owner, row.case_id)
        if not work.record_copies.taken_away(row, state, reason=reason, next_at=ground.now() + ATTEMPT) or not last:
            return False
        _audit(work, row, "record.taken_back", "withdrawn" if anywhere else "address.none")
        retention.erase_withheld(work, (row.owner, row.case_id), [row.message_row], ground.now())
    return True


# ── making ──


def package(ground: Ground, row: RecordCopyRow, directory: Directory) -> RecordPackage | Held:
    """Make the package of a copy: always the same from the same row, message and cut.

    Raises:
        Sealed: The content cannot be opened.
        PluginError: It cannot be rendered.
    """
    with ground.store.read() as work:
        stored = work.messages.get(row.owner, row.message_row)
        delivery = work.deliveries.get(row.owner, row.delivery_id) if row.delivery_id else None
        grants = work.grants.of_case(row.owner, row.case_id)
    if stored is None or (row.delivery_id and delivery is None):
        return Held("message.gone")
    if stored.erased_at is not None:
        return Held("message.erased")
    if delivery is not None:
        cut = cut_of(ground, delivery, _as_shown(ground, row, delivery, grants), directory)
        body = b"" if isinstance(cut, Held) else canonical(cut.document)
    else:
        message = open_message(stored, ground.store.seal_of_case(row.owner, row.case_id))
        cut, body = Cut(message.to_document(), "own_data"), message.to_json()
    return cut if isinstance(cut, Held) else _packed(row, stored, cut, body, ground.render(cut, "pdf"))


def _as_shown(ground: Ground, copy: RecordCopyRow, row: DeliveryRow, grants: Sequence[GrantRow]) -> Covered:
    """Return as what a delivery is shown to a registry: to the owner's as it went out.

    Another's is without the part that a wider consent had added and that is not consented to any more.
    """
    sent = Covered(row.basis or "", granted_of(row))
    if copy.organisation == copy.owner:
        return sent
    judged = judge(need_of(row), as_grants(grants), row.asserted, ground.now(), ground.local.switched_on(row.sender_organisation))
    return Covered(sent.basis, sent.granted & judged.granted) if isinstance(judged, Covered) and judged.basis == sent.basis else sent


def _packed(row: RecordCopyRow, stored: MessageRow, cut: Cut, body: bytes, pdf: bytes) -> RecordPackage:
    direction: Literal["sent", "received"] = "sent" if row.direction == "sent" else "received"
    recipients = cut.document.get("recipients")
    first = str(recipients[0]) if isinstance(recipients, list | tuple) and recipients else ""
    made = RecordPackage(
        package_id=row.id,
        owner=row.organisation,
        case_id=row.case_id,
        message_id=stored.message_id,
        direction=direction,
        unit=first if direction == "sent" else stored.sender_unit,
        at=row.offered_at,
        type=stored.type,
        pdf=pdf,
        metadata=b"",
    )
    return replace(made, metadata=canonical(_metadata(made, cut, body)))


def _metadata(made: RecordPackage, cut: Cut, body: bytes) -> Mapping[str, Any]:
    """Return what `siphub.contract.records` says of the metadata; what the cut does not show is not there."""
    document = cut.document
    subject = document.get("subject")
    found = {
        "format": FORMAT,
        "package": made.package_id,
        "organisation": made.owner,
        "case_id": made.case_id,
        "message_id": made.message_id,
        "type": made.type,
        "direction": made.direction,
        "sender": document.get("sender"),
        "recipients": document.get("recipients"),
        "sent_at": document.get("sent_at"),
        "at": made.at.isoformat(),
        "subject": subject.get("identity") if isinstance(subject, Mapping) else None,
        "registry_number": document.get("registry_number"),
        "basis": cut.basis,
        "pdf": {"name": made.pdf_name, "sha256": sha256(made.pdf).hexdigest(), "bytes": len(made.pdf)},
        "message_sha256": sha256(body).hexdigest(),
    }
    return {name: value for name, value in found.items() if value is not None}


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return JSON of which there is one form only: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=dict).encode()


# ── confirming ──


def collect(ground: Ground) -> int:
    """Take what the registries have confirmed; return how many copies were. What breaks one registry keeps no other from being asked.

    What cannot be cleared away counts, and is settled again; it keeps nothing else waiting, for they are settled in any order.
    """
    taken = 0
    for address in registries(ground, ground.directory()):
        try:
            found = [(one, _collected(ground, one, address)) for one in ground.registry.confirmations(address)]
        except PluginError as error:
            _log.warning("record.unheard", organisation=address.organisation, code=error.code, exc_info=error)
            continue
        taken += sum(new for _, new in found if new is not None)
        ours = [one.package_id for one, new in found if new is not None]
        stuck = 0
        for package_id in ground.chance.sample(ours, len(ours)):
            stuck += not _settled(ground, package_id, address)
            if stuck >= MOST_STUCK:
                break
    return taken


def _settled(ground: Ground, package_id: str, address: Recipient) -> bool:
    try:
        ground.registry.settle_record(package_id, address)
    except PluginError as error:
        _log.warning("record.unheard", organisation=address.organisation, code=error.code, exc_info=error)
        return False
    return True


def _collected(ground: Ground, confirmation: Confirmation, address: Recipient) -> bool | None:
    """Take one confirmation; return whether it is new. What is nobody's here, another's or unreadable is None: it is left where it is."""
    reference = sane_reference(confirmation.reference)
    with ground.store.read() as work:
        row = work.record_copies.find(confirmation.package_id)
    if reference is None or row is None or row.organisation != address.organisation or row.attempts == 0:
        return None
    return row.state != "confirmed" and _confirm(ground, row, reference)


def _confirm(ground: Ground, row: RecordCopyRow, reference: str) -> bool:
    now = ground.now()
    with ground.store.write() as work:
        work.cases.lock(row.owner, row.case_id)
        if not work.record_copies.confirm(row, reference, now):
            return False
        retention.erase_withheld(work, (row.owner, row.case_id), [row.message_row], now)
        facts = {"package": row.id, "organisation": row.organisation, "sha256": row.hash or "", "case_id": row.case_id}
        work.audit.append(row.owner, row.organisation, "records", "record.confirmed", facts)
    return True
