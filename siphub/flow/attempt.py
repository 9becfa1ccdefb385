"""One attempt: open → cut → translate → pin → permit → one send, and what its outcome means for the delivery.

It must never send without a live permit, never show a field outside the cut, and never turn an unknown end into a known one.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from siphub.contract import (
    Accepted,
    Adapter,
    Confirms,
    Cut,
    Delivered,
    Outcome,
    Payload,
    Permit,
    Recipient,
    RefusesAddresses,
    Rejected,
    Retry,
    Uncertain,
    permitted,
)
from siphub.errors import Busy, MappingError, PermitExpired, Sealed, SiphubError, StoreBusy, StoreLost
from siphub.flow.ground import Ground
from siphub.flow.letters import addressee, as_grants, granted_of, names_in, need_of, recipient_of, today
from siphub.flow.opening import Opening, opened
from siphub.flow.partners import SETTLED
from siphub.model import Directory, Message
from siphub.model.case import SipCase
from siphub.model.identifiers import person_ref
from siphub.observe import Log
from siphub.policy import disclosure, protection
from siphub.policy.days import day_of
from siphub.policy.disclosure import Covered
from siphub.policy.local import STRICT, LocalRules
from siphub.policy.moves import why_gone
from siphub.policy.routing import address_of
from siphub.store import Accept, DeliveryRow, GrantRow, OutcomeRow, Permitted, Refusal

KNOWN = "partner.http_409"
"""The partner has something under this key already."""
LATE = "permit.expired"
"""The code of an attempt whose permit ran out before anything was sent."""
_LINE = 300
_NUMBER = re.compile(r"\d{4,}")
MOST_LEASES = 3
"""So many attempts without a word, and a person must look (HOUSE, "A delivery's life")."""


def verdict(directory: Directory, local: LocalRules = STRICT) -> Accept:
    """Return the claim's question, answered by policy over one directory snapshot: pure, asked under the case lock (G1)."""

    def accept(row: DeliveryRow, grants: Sequence[GrantRow], now: datetime) -> Permitted | Refusal:
        if row.expires_at is not None and row.expires_at <= now:
            return Refusal("expired", "message.expired", event="expire")
        address = _address(row, directory, day_of(now))
        if isinstance(address, str):
            return Refusal("held", address, event="claim.hold")
        judged = disclosure.judge(need_of(row), as_grants(grants), row.asserted, now, local.switched_on(row.sender_organisation))
        if isinstance(judged, Covered):
            return Permitted(judged.basis, ",".join(sorted(judged.granted)), *address)
        return Refusal("withheld", judged.reason)

    return accept


def _address(row: DeliveryRow, directory: Directory, day: date) -> tuple[str, str] | str:
    """Return where a queued delivery goes, as adapter and endpoint, or why nowhere, as a code: the directory may have been switched since.

    An address that changed hands is for a person to look at. A successor within the recipient's organisation is the directory's own word,
    and what waited for the unit goes there; yet what may have arrived at the old place is not sent to a new one. A person's address is that
    of the owner's letters.
    """
    here = (row.adapter, row.endpoint)
    if person_ref(row.recipient) is not None:
        letters = address_of(row.recipient, row.owner, directory)
        return here if letters is not None and here == (letters.adapter, letters.endpoint) else "address.unit_changed"
    gone = why_gone(row.recipient, directory, day)
    if gone is not None:
        return gone
    unit = directory.current(row.recipient, day)
    if unit is not None and unit.id != row.recipient and not row.uncertain:
        return (unit.address.adapter, unit.address.endpoint) if unit.address else "address.none"
    if row.recipient not in directory.units_at(*here):
        return "address.unit_changed"
    return here


@dataclass(frozen=True, slots=True)
class Ready:
    """What will be sent: the bytes, to whom, and their hash."""

    payload: Payload
    recipient: Recipient
    hash: str


@dataclass(frozen=True, slots=True)
class Held:
    """It cannot be sent as it is: a person must act."""

    reason: str


def cut_of(ground: Ground, row: DeliveryRow, covered: Covered, directory: Directory, opening: Opening | None = None) -> Cut | Held:
    """Open a delivery's message and cut it for its recipient; `opening` is shared with the other deliveries of its message.

    What became known after the message was queued counts too, so the case is asked: whether somebody is protected (G10), and whether a
    person is still one it knows.
    """
    found = opened(ground, row) if opening is None else opening.take(ground, row)
    if found is None:
        return Held("message.gone")
    message, case = found
    return cut_for(message, row, case, covered, directory, ground.now())


def cut_for(message: Message, row: DeliveryRow, case: SipCase, covered: Covered, directory: Directory, now: datetime) -> Cut | Held:
    """Cut a message by the rule its delivery was routed under; a protected person's is held here too, whoever released it (G10)."""
    person = person_ref(row.recipient)
    kinds = (row.recipient_kind,) if person is None else disclosure.kinds_of(person, case, directory, message, day_of(now))
    rule = disclosure.rule_for(row.message_type, kinds)
    if rule is None:
        return Held(disclosure.why_no_rule(person or row.recipient, kinds))
    guard = protection.held(message, rule, case, row.recipient, directory)
    if guard is not None:
        return Held(guard)
    consent = disclosure.statement(need_of(row), case.grants, now, case.consents)
    cut = disclosure.cut(message, rule, recipient=row.recipient, covered=covered, directory=directory, consent=consent)
    document = protection.guarded(cut.document, message, case, row.recipient, directory)
    if document is None:
        return Held("protected.staff_no_switchboard")
    if person is not None:
        names = names_in(document, directory, public=person.kind == "relative")
        document |= {"addressee": addressee(case, person), "names": names}
    return replace(cut, document=document)


def prepare(ground: Ground, row: DeliveryRow, adapter: Adapter, directory: Directory, opening: Opening | None = None) -> Ready | Held:
    """Make the bytes, and check them against what an earlier attempt has pinned (same key, same bytes).

    An adapter's datasheet may have changed since intake, so it is asked again: a type it does not list is never put to it.
    """
    if not adapter.info.carries(row.message_type):
        return Held("adapter.kind_unsupported")
    cut = cut_of(ground, row, Covered(row.basis or "", granted_of(row)), directory, opening)
    if isinstance(cut, Held):
        return cut
    recipient = recipient_of(row, directory)
    refusal = adapter.refusal(recipient) if isinstance(adapter, RefusesAddresses) else None
    if refusal is not None:
        return Held(refusal.code)
    try:
        payload = adapter.translate(cut, recipient)
    except MappingError as error:
        Log(delivery_id=row.id, adapter=row.adapter, message_id=row.message_id).warning("mapping.refused", code=error.code)
        return Held("adapter.kind_unsupported" if error.code == "mapping.unsupported_type" else "mapping.broken")
    if len(payload.body) > adapter.info.max_bytes:
        return Held("payload.too_large")
    digest = hashlib.sha256(payload.body).hexdigest()
    if _differs(row, digest) and not _asked_first(adapter):
        return Held("send.changed")
    return Ready(payload, recipient, digest)


def _differs(row: DeliveryRow, digest: str) -> bool:
    """Say whether what is in doubt was of other bytes."""
    return row.uncertain and row.pinned_hash not in {None, digest}


def _asked_first(adapter: Adapter) -> bool:
    """Say whether a partner is asked what it has before anything in doubt is sent again: then it does not matter what was sent before."""
    return isinstance(adapter, Confirms) and not adapter.info.idempotent


def attempt(ground: Ground, row: DeliveryRow, permit: Permit, directory: Directory, opening: Opening | None = None) -> OutcomeRow:
    """Make one attempt at a claimed delivery and return how it ended. Never raises: a bug in a plugin is an outcome too.

    Args:
        ground: The rooms below.
        row: The delivery, as it was claimed.
        permit: Until when it may be sent.
        directory: The snapshot it was claimed over.
        opening: Its message, shared with the other deliveries of it that were claimed with it; read for itself where there is none.
    """
    row = today(row, directory, day_of(ground.now()))
    log = Log(delivery_id=row.id, adapter=row.adapter, message_id=row.message_id)
    ready: Ready | Held | None = None
    sending = False
    try:
        adapter = ground.registry.adapter(row.adapter)
        ready = prepare(ground, row, adapter, directory, opening)
        if isinstance(ready, Held):
            return _ended(ground, row, "hold", state="held", code=ready.reason, reason=ready.reason)
        known = _already_there(adapter, row, ready.recipient)
        if known is not None:
            ground.partners.heard(row, known)
            return outcome_row(ground, row, known, None if _differs(row, ready.hash) else ready)
        if not adapter.info.idempotent:
            row = replace(row, uncertain=False)  # if it was uncertain, the partner has been asked, and it surely did not arrive
        _take_back(ground, row, directory)
        ground.points.reach("before_send")
        permit.require()
        sending = True
        with permitted(permit):
            began = monotonic()
            outcome = adapter.deliver(ready.payload, ready.recipient, row.key)
        ground.partners.heard(row, outcome, monotonic() - began)
        ground.points.reach("after_send")
        if _in_conflict(adapter, row, outcome):
            return _what_it_has(ground, row, adapter, ready.recipient)
        return outcome_row(ground, row, outcome, ready)
    except PermitExpired:
        return _ended(ground, row, "permit_expired", state="queued", code=LATE, next_at=ground.now())
    except Sealed as error:
        return _ended(ground, row, "hold", state="held", code=error.code, reason=error.code)
    except SiphubError as error:
        return _failed(ground, row, ready, error, sending=sending)
    except (Exception, SystemExit) as error:
        # A plugin's bug must not take the worker with it, nor may a plugin leave: it is logged and becomes an outcome.
        log.error("delivery.failed", exc_info=error)
        return _broken(ground, row, ready, sending=sending, code="plugin.failed")
    finally:
        if opening is not None:
            opening.leave(row.id)


def _failed(ground: Ground, row: DeliveryRow, ready: Ready | Held | None, error: SiphubError, *, sending: bool) -> OutcomeRow:
    """A database or a process that is away for a while is nobody's work: what has not begun to be sent is tried again."""
    if isinstance(error, StoreBusy | StoreLost | Busy) and not sending:
        return outcome_row(ground, row, Retry(error.code), None)
    Log(delivery_id=row.id, adapter=row.adapter, message_id=row.message_id).error("delivery.failed", code=error.code, exc_info=error)
    return _broken(ground, row, ready, sending=sending, code=error.code)


def _broken(ground: Ground, row: DeliveryRow, ready: Ready | Held | None, *, sending: bool, code: str) -> OutcomeRow:
    """An exception before the send is a definite non-delivery; one during it leaves the end unknown, and the third is the last."""
    if not sending:
        return _ended(ground, row, "hold", state="held", code=code, reason=code)
    ground.partners.heard(row, Uncertain(code))
    found = outcome_row(ground, row, Uncertain(code), ready if isinstance(ready, Ready) else None)
    if row.expired_leases + 1 >= MOST_LEASES:
        found = replace(found, state="held", outcome="hold", event="outcome.hold", reason="send.leases", next_at=None)
    return replace(found, lease_expired=True)


def _already_there(adapter: Adapter, row: DeliveryRow, recipient: Recipient) -> Outcome | None:
    """After an uncertain attempt at a partner that cannot recognise a repeat: ask first, and send only where it surely did not arrive."""
    if not row.uncertain or adapter.info.idempotent:
        return None
    if not isinstance(adapter, Confirms):
        return Uncertain("partner.cannot_confirm")
    found = adapter.confirm(row.key, recipient)
    if found is None:
        return Uncertain("partner.cannot_confirm")
    return None if isinstance(found, Retry) else found


def _take_back(ground: Ground, row: DeliveryRow, directory: Directory) -> None:
    """Before a stop notice goes, have taken away what it calls back and has not left yet: else both would leave together, the notice last.

    Not again where an earlier attempt's permit ran out: a place that takes longer over this than a permit lasts keeps the notice waiting
    once, and not for ever. One that was away is asked anew.
    """
    if not row.recall:
        return
    with ground.store.read() as work:
        if any(one.code == LATE for one in work.attempts.of_delivery(row.owner, row.id)):
            return
        rows = [each for each in work.deliveries.of_case(row.owner, row.case_id) if each.state == "recalled" and each.attempts > 0]
    for each in rows:
        there = (each.adapter, each.recipient_organisation) == (row.adapter, row.recipient_organisation)
        if there and not ground.registry.take_back(each.key, recipient_of(each, directory)):
            return  # a place that cannot be asked is not asked for each


def _in_conflict(adapter: Adapter, row: DeliveryRow, outcome: Outcome) -> bool:
    """Say whether a partner refused what was in doubt because of something it has, and we do not know which bytes it may have from us.

    A worker died before it could note them, or this store was brought back from a backup made before. It may be this very message, as it
    was cut then, or a later version of it.
    """
    known = isinstance(outcome, Rejected) and outcome.code == KNOWN
    return known and row.uncertain and row.pinned_hash is None and adapter.info.idempotent


def _what_it_has(ground: Ground, row: DeliveryRow, adapter: Adapter, recipient: Recipient) -> OutcomeRow:
    """Ask the partner for the key; where it cannot say that it has it, a person asks. The hash of today's bytes is not that of what it has."""
    found = adapter.confirm(row.key, recipient) if isinstance(adapter, Confirms) else None
    if isinstance(found, Delivered | Accepted):
        return outcome_row(ground, row, found, None)
    return _ended(ground, row, "hold", state="held", code=KNOWN, reason="send.changed", uncertain=True)


def outcome_row(ground: Ground, row: DeliveryRow, outcome: Outcome, ready: Ready | None) -> OutcomeRow:
    """Return what an outcome makes of a delivery."""
    pinned = ready.payload if ready else None
    ended = _by_outcome(ground, row, outcome)
    return replace(
        ended,
        payload_hash=ready.hash if ready else None,
        pinned_hash=ready.hash if ready else None,
        pinned_plugin=pinned.plugin if pinned else None,
        pinned_mapping=pinned.mapping if pinned else None,
    )


def _by_outcome(ground: Ground, row: DeliveryRow, outcome: Outcome) -> OutcomeRow:
    match outcome:
        case Delivered():
            return _ended(ground, row, "delivered", state="delivered", uncertain=False)
        case Accepted():
            return _ended(ground, row, "accepted", state="awaiting_receipt", uncertain=False)
        case Rejected(code=code, detail=detail):
            return _ended(ground, row, "rejected", state="rejected", code=code, said=_kept(detail), reason=code, uncertain=False)
        case Retry(code=code, after=after):
            next_at = _again_at(ground, row, after)
            if next_at is None:
                return _ended(ground, row, "gave_up", state="gave_up", code=code, reason="retry.exhausted")
            return _ended(ground, row, "retry", state="queued", code=code, reason=code, next_at=next_at)
        case Uncertain(code=code, after=after):
            return _uncertain(ground, row, code, after)
    assert_never(outcome)


def _kept(detail: str) -> str | None:
    """Return a rejection's detail as one line to keep, or None where there is none; four digits in a row may be somebody's number, and go."""
    return _NUMBER.sub("…", " ".join(detail.split()))[:_LINE] or None


def _again_at(ground: Ground, row: DeliveryRow, asked: timedelta | None) -> datetime | None:
    """Return when to try again, or None where it is time to give up: by its own pauses, and not before its partner may have one more repeat."""
    next_at = ground.retry.next_at(row.attempts, ground.now(), asked, ground.chance, row.queued_at)
    return None if next_at is None else ground.partners.spaced(row, next_at)


def _uncertain(ground: Ground, row: DeliveryRow, code: str, after: timedelta | None) -> OutcomeRow:
    """Nobody knows whether it arrived: again under the same key where that does no harm or the partner can be asked, else a person."""
    adapter = ground.registry.adapters.get(row.adapter)
    can_ask = adapter is not None and (adapter.info.idempotent or (isinstance(adapter, Confirms) and code not in SETTLED))
    next_at = _again_at(ground, row, after)
    if not can_ask or next_at is None:
        return _ended(ground, row, "hold", state="held", code=code, reason="send.uncertain", uncertain=True)
    return _ended(ground, row, "uncertain", state="queued", code=code, reason=code, next_at=next_at, uncertain=True)


def _ended(
    ground: Ground,
    row: DeliveryRow,
    outcome: str,
    *,
    state: str,
    code: str | None = None,
    said: str | None = None,
    reason: str | None = None,
    next_at: datetime | None = None,
    uncertain: bool | None = None,
) -> OutcomeRow:
    """Return an outcome. What was uncertain before this attempt still is, unless it is said otherwise: one that sent nothing settles nothing."""
    return OutcomeRow(
        delivery_id=row.id,
        fence=row.fence,
        at=ground.now(),
        state=state,
        outcome=outcome,
        event=f"outcome.{outcome}" if outcome != "permit_expired" else "permit.expired",
        code=code,
        said=said,
        reason=reason,
        next_at=next_at,
        uncertain=row.uncertain if uncertain is None else uncertain,
    )


def returned_unsent(ground: Ground, row: DeliveryRow) -> OutcomeRow:
    """Return what ends a claim that its worker gives back because it stops: not one byte of it has left."""
    return _ended(ground, row, "permit_expired", state="queued", code="hub.stopping", next_at=ground.now())


def permit_from(ground: Ground, claim_started: float) -> Permit:
    """Return the permit of a claim that began at `claim_started`, monotonic seconds: it runs from the start, not from the commit."""
    return Permit(claim_started + ground.settings.permit.total_seconds())


def monotonic() -> float:
    """Return monotonic seconds: they run on while a process is stopped."""
    return time.monotonic()
