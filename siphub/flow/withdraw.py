"""What was allowed is not any more: withhold what waits, mark what is in flight, call back what was sent.

All inside the transaction that changes the case, under its lock, so that no claim can begin in between (LIFECYCLE section 4).
The text of a recall is made in `siphub.policy.recall` alone: nobody can tell a withdrawal from a cancellation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from uuid import NAMESPACE_OID, UUID, uuid5

from siphub.errors import NotThere
from siphub.flow import records, retention
from siphub.flow.carriers import carried
from siphub.flow.ground import Ground
from siphub.flow.letters import about_of, as_grants, case_row, delivery_row, message_row, need_of, open_case, today
from siphub.flow.work_items import open_for, open_in_case
from siphub.model import Directory, Message
from siphub.model.case import SipCase
from siphub.policy import meetings, recall
from siphub.policy.days import day_of
from siphub.policy.disclosure import Covered, judge
from siphub.policy.moves import successions
from siphub.policy.reasons import REASONS
from siphub.policy.routing import routes
from siphub.policy.standing import CALLS
from siphub.store import Change, DeliveryRow, Move, OutcomeRow, Recorded, Seal, Work

WAITING = frozenset({"queued", "held", "gave_up"})
SENT = frozenset({"delivered", "read", "awaiting_receipt"})
STOPPED = frozenset({"withheld", "superseded", "expired"})
"""Not to be sent again; yet an earlier attempt may have arrived."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the hub says something by itself, as ids and codes, and since when there was reason to."""

    what: str
    since: datetime


@dataclass
class Line:
    """One case under lock, within one transaction: what withdrawals, supersessions and recalls do to its deliveries.

    `seq` is the last number given in the case; `cause` is why the hub does this; `notices` are the stop notices queued; `pending` the units whose delivery is just in flight
    (they hear of it when that attempt has ended); `withheld` the messages that a withdrawal has stopped.
    """

    ground: Ground
    work: Work
    case: SipCase
    seal: Seal
    directory: Directory
    now: datetime
    seq: int
    cause: Cause
    notices: list[DeliveryRow] = field(default_factory=list)
    pending: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)
    _marked: dict[str, str] = field(default_factory=dict)
    _unsent: dict[str, DeliveryRow] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """The case's owner and id."""
        return self.case.owner, str(self.case.case_id)

    @cached_property
    def before(self) -> tuple[DeliveryRow, ...]:
        """The case's deliveries as they were when the line was first asked, locked."""
        return tuple(self._unsent.get(row.id, row) for row in self.work.deliveries.lock_case(*self.key))

    def unit_of(self, row: DeliveryRow) -> str:
        """Return the unit that stands for a delivery's recipient today."""
        return today(row, self.directory, day_of(self.now)).recipient

    def follow(self, before: SipCase) -> None:
        """Send what waits for units that were merged or renamed meanwhile to their successors, whom the case names now. First of all."""
        for unit, successor in successions(before, self.directory, day_of(self.now)).items():
            found = self.directory.unit(successor)
            address = found.address if found is not None else None
            move = Move(
                owner=self.case.owner,
                case_id=str(self.case.case_id),
                unit=unit,
                successor=successor,
                adapter=address.adapter if address else None,
                endpoint=address.endpoint if address else None,
                at=self.now,
            )
            self.work.deliveries.follow(move)

    def narrow(self, reason: str = "withdrawn") -> None:
        """Withhold whatever the grants no longer cover, and call back what was sent on them."""
        gone = [row for row in self.before if not self._covered(row)]
        self._stop(gone, to_state="withheld", event="withdraw.withhold", reason=reason)
        self.withheld |= {row.message_row for row in gone}
        self._void_answers(gone)
        records.drop_received(self.work, self.key, {row.id for row in gone}, self.now)
        self.notify((row for row in gone if _was_sent(row)), reason)
        self._tell_by_hand(gone)

    def supersede(self, object_id: UUID, below_version: int) -> None:
        """Do not send undelivered earlier versions of a meeting or plan, and do not try again what is just being sent of them."""
        older = [row for row in self._still_here(object_id) if (row.object_version or 0) < below_version and not _is_answer(row)]
        ids = [row.id for row in older if row.state in WAITING]
        self.work.deliveries.change_all(
            ids, Change(from_states=WAITING, to_state="superseded", event="supersede", at=self.now, reason="superseded")
        )
        self._mark((row for row in older if row.state == "sending"), "superseded")

    def _still_here(self, object_id: UUID) -> list[DeliveryRow]:
        """Return what waits or is being sent about an object, locked: every new version asks for it, and a case has much that has been sent."""
        found = self.work.deliveries.lock_unsent(*self.key, str(object_id), WAITING | {"sending"})
        self._unsent = {row.id: row for row in found} | self._unsent
        return [row for row in found if not row.recall]

    def outdates(self, row: DeliveryRow) -> bool:
        """Say whether a later version is all that has overtaken a delivery: then it is not called back, the next one tells the unit."""
        about = about_of(row)
        meeting = self.case.meeting(about[0]) if about else None
        plan = self.case.plan if about and self.case.plan is not None and self.case.plan.id == about[0] else None
        current = meeting.version if meeting and meeting.state != "cancelled" else plan.version if plan and plan.state != "closed" else None
        return about is not None and current is not None and about[1] < current and self._covered(row)

    def recall(self, object_id: UUID | None, spared: frozenset[str] = frozenset()) -> None:
        """Tell everybody who was sent something, of this object or of the whole case.

        When the whole case ends, what waits is not sent either, whatever it is about and rests on; but for the notices of a discharge, which
        are no part of a SIP, for what somebody says of their own, and for the types that are `spared`.
        """
        rows = [row for row in (self._about(object_id) if object_id else self.before) if not row.recall and not _is_answer(row)]
        rows = [row for row in rows if row.bases not in {"own_message", "statutory_duty"} and row.message_type not in spared]
        if object_id is None:
            self._stop(rows, to_state="superseded", event="supersede", reason="superseded")
        else:
            self._mark((row for row in rows if row.state == "sending"), "superseded")
        self.notify(row for row in rows if _was_sent(row))
        self._tell_by_hand(rows)

    def retract(self, message_id: str, unit: str) -> None:
        """Stop one message that should not have been, and call it back where it was sent: its own unit's word, or the coordinator's.

        Raises:
            NotThere: That unit sent no such message in this case: the same answer as for one that does not exist.
        """
        theirs = self.case.coordinates(unit)
        rows = [row for row in self.before if row.message_id == message_id and not row.recall and (theirs or row.sender_unit == unit)]
        mine = [
            row for row in self.work.messages.of_case(*self.key) if row.message_id == message_id and (theirs or row.sender_unit == unit)
        ]
        if not mine:
            raise NotThere(REASONS["case.not_there"].en)
        self._stop(rows, to_state="superseded", event="supersede", reason="superseded")
        self._void_answers(rows)
        self.notify(row for row in rows if _was_sent(row))
        self._tell_by_hand(rows)

    def _void_answers(self, rows: Iterable[DeliveryRow]) -> None:
        """An answer to a call that stands no more counts no more."""
        calls = [(about_of(row), self.unit_of(row)) for row in rows if row.message_type in CALLS]
        self.case = meetings.called_back(self.case, {(*about, unit) for about, unit in calls if about is not None})

    def _covered(self, row: DeliveryRow) -> bool:
        exceptions = self.ground.local.switched_on(row.sender_organisation)
        return isinstance(judge(need_of(row), as_grants(self.case.grants), row.asserted, self.now, exceptions), Covered)

    def _about(self, object_id: UUID) -> list[DeliveryRow]:
        return [row for row in self.before if row.object_id == str(object_id) and not row.recall]

    def _stop(self, rows: Iterable[DeliveryRow], *, to_state: str, event: str, reason: str) -> None:
        rows = list(rows)
        ids = [row.id for row in rows if row.state in WAITING]
        self.work.deliveries.change_all(ids, Change(from_states=WAITING, to_state=to_state, event=event, at=self.now, reason=reason))
        self._mark((row for row in rows if row.state == "sending"), reason)

    def _mark(self, rows: Iterable[DeliveryRow], reason: str) -> None:
        """Mark what is in flight, and why: whoever records its end calls it back, or stops it for that reason if it did not arrive.

        What has been withheld stays so whatever overtakes it next, as what waited does.
        """
        found = defaultdict[str, list[str]](list)
        for row in rows:
            before = self._marked.get(row.id, row.reason if row.recall_pending else None)
            self._marked[row.id] = reason if before in {None, "superseded"} else before
            found[self._marked[row.id]].append(row.id)
            self.pending.add(row.recipient)
        mark = Change(from_states=frozenset({"sending"}), to_state="sending", event="recall_pending", at=self.now, recall_pending=True)
        for why, ids in found.items():
            self.work.deliveries.change_all(ids, replace(mark, reason=why))

    def notify(self, rows: Iterable[DeliveryRow], reason: str = "withdrawn") -> None:
        """Queue one stop notice per unit, about the newest thing it was sent; at a partner where each thing stands by itself, one for each."""
        newest: dict[str, dict[str, DeliveryRow]] = {}
        sent = [row for row in rows if not _is_answer(row)]
        for row in sorted(sent, key=lambda row: row.position):
            if about_of(row) is not None:
                things = newest.setdefault(self.unit_of(row), {})
                things.pop(str(row.object_id), None)
                things[str(row.object_id)] = row
        for unit in sorted(newest):
            for row in self._to_call_back(tuple(newest[unit].values())):
                self._call_back(row)
        ids = [row.id for row in sent if self.unit_of(row) in newest]
        states = SENT | STOPPED | (WAITING - {"queued"})  # what still waited has been stopped first, and says so
        self.work.deliveries.change_all(ids, Change(from_states=states, to_state="recalled", event="recalled", at=self.now, reason=reason))

    def _to_call_back(self, things: Sequence[DeliveryRow]) -> Sequence[DeliveryRow]:
        """Return what a unit gets a notice about, of the things it was sent, the newest last: a meeting that was held needs none beside others."""
        adapter = self.ground.registry.adapters.get(things[-1].adapter)
        if adapter is None or not adapter.info.recalls_each:
            return things[-1:]
        return [row for row in things if not self._was_held(row)] or things[-1:]

    def _was_held(self, row: DeliveryRow) -> bool:
        meeting = self.case.meeting(UUID(row.object_id)) if row.object_id else None
        return meeting is not None and meeting.state == "held"

    def _call_back(self, row: DeliveryRow) -> None:
        about = about_of(row)
        adapters = self.ground.registry.adapters
        if about is None:
            return
        if row.adapter in adapters and adapters[row.adapter].info.recall == "none":
            self._phone(row)
            return
        self._replace_waiting_notices(row)
        message_id = self.own_id("stop", row.recipient, str(about[0]), str(about[1]))
        self.notices += self.say(recall.notice(self.case, row.recipient, about, message_id=message_id, now=self.now))

    def own_id(self, *about: str) -> UUID:
        """Return the id of a message of the hub's own: the same for the same cause, so that a partner that has it recognises it.

        That happens where the hub was brought back from a backup and says again what it had said. What is said once more to a store that
        knows the first is another message.
        """
        owner = self.case.owner
        found = uuid5(NAMESPACE_OID, "/".join((owner, str(self.case.case_id), self.cause.what, *about)))
        while self.work.messages.find(owner, owner, str(found)) is not None:
            found = uuid5(found, "again")
        return found

    def say(self, message: Message) -> list[DeliveryRow]:
        """Queue a message of the hub's own to everybody it names; what cannot simply be sent is somebody's work."""
        self.seq += 1
        stored = message_row(message, self.seal, seq=self.seq, channel="hub", now=self.now)
        self.work.messages.add(stored)
        records.queue_own(self.work, stored)
        found = [
            carried(self.ground, each, message.type) for each in routes(message, self.case, self.directory, self.now, self.ground.local)
        ]
        tails = self.work.deliveries.line_tails(*self.key, [each.recipient for each in found])
        doubt = self.ground.doubtful(self.cause.since)
        rows = [
            delivery_row(each, stored, self.ground.store, after=tails.get(each.recipient), expires_at=None, now=self.now, doubt=doubt)
            for each in found
        ]
        self.work.deliveries.add(rows, tails)
        for row in rows:
            if row.state == "held":
                open_for(self.work, row, self.now)
        return rows

    def _replace_waiting_notices(self, row: DeliveryRow) -> None:
        """A notice about an older version that still waits behind the newer one is not sent as well: the unit hears of it once."""
        mine = (self.unit_of(row), row.object_id)
        same = [found for found in self.before if found.recall and (self.unit_of(found), found.object_id) == mine]
        waiting = [found.id for found in same if found.state == "queued" and not found.uncertain]
        change = Change(from_states=frozenset({"queued"}), to_state="superseded", event="supersede", at=self.now, reason="superseded")
        self.work.deliveries.change_all(waiting, change)

    def _tell_by_hand(self, rows: Iterable[DeliveryRow]) -> None:
        """What a person took care of, a person calls back, once: the hub does not know how the unit was told."""
        handled = [row for row in rows if row.state == "handled_manually" and not row.recall and not _is_answer(row)]
        told = {item.delivery_id for item in self.work.work_items.of_case(*self.key) if item.type == "recall.phone"} if handled else set()
        for row in handled:
            if row.id not in told:
                self._phone(row)

    def _phone(self, row: DeliveryRow) -> None:
        """The partner cannot be told by an adapter: somebody phones, at once."""
        key = (row.owner, row.case_id)
        open_in_case(self.work, key, "recall.phone", self.case.contact, self.now, delivery_id=row.id)


def _was_sent(row: DeliveryRow) -> bool:
    """It is there, or may be: a doubt outlives what was decided about the delivery since."""
    return row.state in SENT or (row.uncertain and row.state in WAITING | STOPPED)


def _is_answer(row: DeliveryRow) -> bool:
    """A party's answer to the convener: it is withheld like anything else, but the convener needs no notice of its own withdrawal."""
    return row.direction != "to"


def after_send(ground: Ground, outcome: OutcomeRow) -> None:
    """Record an attempt that a withdrawal or an ending has overtaken: call it back if it arrived or may have, stop it for that reason if it did not.

    What only a later version has overtaken is neither called back nor tried again.

    One transaction under the case lock, like every change of a case.
    """
    with ground.store.read() as work:
        found = work.deliveries.by_id(outcome.delivery_id)
    if found is None:
        return
    seal = ground.store.seal_of_case(found.owner, found.case_id)
    directory = ground.directory()
    with ground.store.write() as work:
        stored = work.cases.lock(found.owner, found.case_id)
        if stored is None:
            return
        case = open_case(stored, seal)
        cause = Cause(f"after_send/{found.key}", found.created_at)
        line = Line(ground, work, case, seal, directory, ground.now(), seq=stored.seq, cause=cause)
        outdated = line.outdates(found)
        marked = work.deliveries.by_id(outcome.delivery_id)
        reason = (marked.reason if marked is not None else None) or "withdrawn"
        recorded = _end(line, outcome, reason, outdated=outdated)
        if not recorded.applied:
            return
        if not outdated:
            there = [row for row in line.before if row.id == outcome.delivery_id and _was_sent(row)]
            line.notify(there, "withdrawn" if reason == "superseded" else reason)
        _desk(line, outcome.delivery_id)
        fresh = case.model_copy(update={"version": case.version + 1})
        work.cases.save(case_row(fresh, seal, seq=line.seq, opened_at=stored.opened_at, now=line.now))
        _records(line, found, outcome)
    ground.wake.set()


def _records(line: Line, found: DeliveryRow, outcome: OutcomeRow) -> None:
    """What arrived all the same is its recipient's record, and where it has been called back still the owner's; else the owner's is enough."""
    row = line.work.deliveries.by_id(found.id)
    owners = found.recipient_organisation == found.owner and outcome.state in SENT
    if row is not None and (row.state in SENT or owners):
        records.queue_received(line.work, [row], line.directory, line.now)
    retention.erase_withheld(line.work, line.key, [found.message_row], line.now)


def _desk(line: Line, delivery_id: str) -> None:
    """What ended in a way that a person must look at, and could not simply be called back, is somebody's work."""
    row = line.work.deliveries.by_id(delivery_id)
    if row is not None and row.state in {"held", "rejected", "gave_up"}:
        open_for(line.work, row, line.now)


def _end(line: Line, outcome: OutcomeRow, reason: str, *, outdated: bool) -> Recorded:
    """Give an attempt that was overtaken for a reason its end: nothing of it is tried again."""
    if outcome.state != "queued":
        return line.work.record_one(outcome)
    if outdated:
        return line.work.record_one(replace(outcome, state="superseded", reason="superseded", event="outcome.superseded"))
    if outcome.uncertain:
        return line.work.record_one(replace(outcome, state="held", reason="send.uncertain", event="outcome.hold"))
    if reason == "superseded":
        return line.work.record_one(replace(outcome, state="superseded", reason=reason, event="outcome.superseded"))
    return line.work.record_one(replace(outcome, state="withheld", reason=reason, event="outcome.retry_withdrawn"))
