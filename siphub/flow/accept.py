"""Intake: (submission, caller) → message → lock the case → decide → save everything decided → commit → answer.

The one way in, whatever the door. One transaction from message to deliveries; a repeat gets the first answer again; a refusal
stores nothing of the message (it may leave a work item, where a person must act now). It must never answer before the commit, and never let "not yours" look different from "not there".
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from siphub.contract import Submission
from siphub.errors import Busy, Conflict, Problem, Refused, Sealed, StoreConflict
from siphub.flow import guardians, receipts, records, restored, retention, timers, used_ids, withdraw
from siphub.flow.carriers import carried
from siphub.flow.ground import Ground
from siphub.flow.letters import case_row, delivery_row, grant_rows, message_row, number_hash, open_case
from siphub.flow.reading import read
from siphub.flow.work_items import open_for, open_in_case, open_items, settle, settle_owed
from siphub.model import Caller, Directory, Message
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId
from siphub.policy import case as policy
from siphub.policy.authority import admit
from siphub.policy.days import day_of
from siphub.policy.foresight import afterwards
from siphub.policy.lifecycle import OPENING
from siphub.policy.moves import handed_over
from siphub.policy.reasons import REASONS, told
from siphub.policy.refusal import Refusal
from siphub.policy.routing import joining, routes
from siphub.store import Beside, CaseRow, DeliveryRow, MessageRow, Seal, SubmissionRow, UsedIdRow, Work

RECALL_TYPES = frozenset({"meeting.cancelled", "plan.closed"})
"""Types whose recipients get the hub's one stop notice instead of the message (LIFECYCLE section 3)."""
CONFLICTS = 2
"""How often a message is decided anew because the database took a transaction back, or somebody else was first."""

NARROWING_TYPES = RECALL_TYPES | {
    "consent.refused",
    "consent.amended",
    "consent.withdrawn",
    "participants.approved",
    "sip.request.withdrawn",
    "message.entered_in_error",
    "subject.deceased",
    "inpatient.discharge_ready.revoked",
}
"""Types that may stop what is on its way: no limit of open work holds them up."""


@dataclass(frozen=True, slots=True)
class RecipientAnswer:
    """What happens for one recipient: `state` and, where it is not sent, `reason` with a sentence in English and one in Swedish.

    An answer that was kept before there were Swedish sentences has none.
    """

    recipient: str
    delivery: str | None
    state: str
    reason: str | None = None
    text: str | None = None
    text_sv: str | None = None


@dataclass(frozen=True, slots=True)
class CautionAnswer:
    """What somebody should look at though the message was accepted: a code, with a sentence in English and one in Swedish."""

    code: str
    text: str
    text_sv: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an accepted message; the same again for the same message.

    One that was kept before there were cautions has none.
    """

    message_id: str
    case_id: str
    recipients: tuple[RecipientAnswer, ...]
    repeated: bool = False
    cautions: tuple[CautionAnswer, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as it is kept and told: alike for a first time and a repeat."""
        return {
            "message_id": self.message_id,
            "case_id": self.case_id,
            "recipients": [_flat(entry) for entry in self.recipients],
            "cautions": [_flat(entry) for entry in self.cautions],
        }


def accept(ground: Ground, submission: Submission, caller: Caller) -> Answer:
    """Take one message, or refuse it.

    Args:
        ground: The rooms below.
        submission: The bytes, as handed in.
        caller: Who authenticated; made by the door.

    Raises:
        Refused: Any of its kinds; nothing was stored.
        Busy: Not now; nothing was stored.
    """
    return accept_message(ground, read(ground, submission), caller)


def _flat(entry: RecipientAnswer | CautionAnswer) -> dict[str, Any]:
    """Return its fields. Unlike `dataclasses.asdict` it copies nothing: there is nothing below them."""
    return {name: getattr(entry, name) for name in entry.__slots__}


@dataclass(frozen=True, slots=True)
class _Handed:
    """A message as it was handed in: with its canonical bytes, their keyed hash, by whom, and under which ids of a standard."""

    message: Message
    body: bytes
    body_hash: bytes
    caller: Caller
    ids: tuple[used_ids.UsedId, ...] = ()

    @property
    def case(self) -> tuple[str, str]:
        """The owner and id of its case."""
        return self.message.owner, str(self.message.case_id)


def accept_message(ground: Ground, message: Message, caller: Caller, ids: tuple[used_ids.UsedId, ...] = ()) -> Answer:
    """Take one message that has been read already, under the ids that its standard gives it; see `accept`."""
    body = message.to_json()
    handed = _Handed(message, body, ground.store.keyed_hash("submission", body), caller, ids)
    try:
        _not_too_much(ground, message, caller)
        _right_mode(ground, message)
        seal = _seal_for(ground, handed)
    except (Refused, Busy):  # what keeps a message out does not keep it from being answered again
        repeat = _before(ground, handed)
        if repeat is None:
            raise
        taken: Answer | _Refused = repeat
    else:
        taken = _decide(ground, handed, seal)
    if isinstance(taken, _Refused):
        taken.refusal.throw()
    if taken.repeated:
        ground.store.confirm()  # the first time may have ended before it was known to be safe
        return taken
    ground.points.reach("after_commit")
    ground.wake.set()
    return taken


class _OvertakenError(Busy):
    """Somebody else was first, at the same moment: what they wrote is there now, and the message is decided anew."""


def _decide(ground: Ground, handed: _Handed, seal: Seal) -> Answer | _Refused:
    """Decide; once more where another transaction was first or this one gave way to it, or where there is another directory by now."""
    directory = ground.directory.seen()
    conflicts = 0
    while True:
        try:
            taken = _decided(ground, handed, directory, seal)
        except (StoreConflict, _OvertakenError):
            conflicts += 1
            if conflicts > CONFLICTS:
                raise
            continue
        if taken is not None:
            return taken
        directory = ground.directory()


def _decided(ground: Ground, handed: _Handed, directory: Directory, seal: Seal) -> Answer | _Refused | None:
    """Decide under the case's lock, in one transaction, and save all that follows; None where the directory is not this one any more."""
    message, caller = handed.message, handed.caller
    with ground.store.write() as work:
        row = work.cases.lock(*handed.case)  # first: what waited for the same message here sees its answer next
        beside = work.intake.beside(*handed.case, organisation=caller.organisation, message_id=str(message.message_id))
        new_ids = used_ids.new_ones(work, handed.ids)
        repeat = _repeat(beside.submission, handed)
        if repeat is not None:
            _use(work, new_ids)
            return repeat
        if beside.directory != directory.version:
            return None
        taken = _take(ground, work, row, beside, handed, directory, seal)
        if isinstance(taken, _Refused):
            _leave_work(work, taken, message, caller, ground.now())
        elif not work.submissions.add(_submission(taken, handed, ground.now())):
            raise _overtaken("message.handed_in_twice")
        else:
            _use(work, new_ids)
    return taken


def _use(work: Work, new_ids: tuple[UsedIdRow, ...]) -> None:
    if not work.intake.use_ids(new_ids):
        raise _overtaken("message.handed_in_twice")


def _overtaken(code: str) -> _OvertakenError:
    return _OvertakenError(REASONS[code].en, code=code)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal on its way out of the transaction that it has written nothing in, and whose work it leaves behind, if anybody's."""

    refusal: Refusal
    unit: str | None


def _leave_work(work: Work, refused: _Refused, message: Message, caller: Caller, now: datetime) -> None:
    """Open the work item that a refusal leaves with the coordinator: the only thing of a refused message that is kept, and one at a time.

    Refusals are not stored, so the same message again is refused again; the item that is open already is not opened a second time.
    """
    kind = refused.refusal.opens
    if kind is None or refused.unit is None:
        return
    key = (message.owner, str(message.case_id))
    if any(item.type == kind and item.closed_at is None for item in work.work_items.of_case(*key)):
        return
    open_in_case(work, key, kind, refused.unit, now)
    facts = {"type": message.type, "code": refused.refusal.code, "case_id": key[1]}
    work.audit.append(message.owner, caller.organisation, caller.channel, "message.refused", facts)


def _before(ground: Ground, handed: _Handed) -> Answer | None:
    """Return the answer to the same message, where it was handed in before."""
    with ground.store.read() as work:
        found = work.submissions.find(handed.caller.organisation, str(handed.message.message_id))
        used_ids.new_ones(work, handed.ids)
    return _repeat(found, handed)


def _repeat(found: SubmissionRow | None, handed: _Handed) -> Answer | None:
    """The same message again gets the same answer; another body under a used id is refused (G9)."""
    if found is None:
        return None
    if found.body_hash != handed.body_hash:
        reused = REASONS["message.id_reused"].en
        raise Conflict(reused, code="message.id_reused", problems=(Problem("message.id_reused", reused, pointer="/message_id"),))
    return answer_from(found.answer)


def answer_from(text: str) -> Answer:
    """Return a kept answer as the repeat it is."""
    kept: dict[str, Any] = json.loads(text)
    recipients = tuple(RecipientAnswer(**entry) for entry in kept["recipients"])
    found = tuple(CautionAnswer(**entry) for entry in kept.get("cautions", ()))
    return Answer(kept["message_id"], kept["case_id"], recipients, repeated=True, cautions=found)


def _submission(answer: Answer, handed: _Handed, now: datetime) -> SubmissionRow:
    return SubmissionRow(
        owner=handed.caller.organisation,
        message_id=answer.message_id,
        body_hash=handed.body_hash,
        case_owner=handed.message.owner,
        case_id=answer.case_id,
        answer=json.dumps(answer.document()),
        at=now,
    )


def _not_too_much(ground: Ground, message: Message, caller: Caller) -> None:
    """Refuse rather than accept and drop: too much open work for this organisation, or too little disk.

    What takes back or calls off is never told to wait for what it stops.
    """

    def counted(organisation: str, at_most: int) -> int:
        with ground.store.read() as work:
            return work.deliveries.open_work(organisation, at_most)

    limit = ground.settings.open_limit
    if message.type not in NARROWING_TYPES and ground.open_work.reaches(counted, caller.organisation, limit):
        raise Busy(REASONS["hub.too_much_open"].en, code="hub.too_much_open")
    if shutil.disk_usage(ground.settings.data).free < ground.settings.min_free_disk:
        raise Busy(REASONS["hub.low_disk"].en, code="hub.low_disk")


def _right_mode(ground: Ground, message: Message) -> None:
    """Production takes no test persons, a test hub no real ones."""
    if message.subject is None:
        return
    if message.subject.identity.value.is_test != (ground.settings.mode == "test"):
        Refusal("identity.wrong_mode", "invalid", "/subject/identity/value").throw()


def _seal_for(ground: Ground, handed: _Handed) -> Seal:
    """Fetch the case's key before the transaction; make one only for a message that is admitted to open its case, and not for one that did.

    Where there is no case, the caller hears what it would hear if there were one: who sends as another must not learn which it is.
    """
    with suppress(Sealed):
        return ground.store.seal_of_case(*handed.case)
    refusal = admit(handed.message, None, handed.caller, ground.directory())
    if refusal is None and handed.message.type in OPENING and _before(ground, handed) is None:
        with suppress(Sealed):  # a case whose key was erased is never opened again
            return ground.store.seal_of_case(*handed.case, create=True)
    return (refusal or Refusal("case.not_there", "not_there")).throw()


def _take(
    ground: Ground, work: Work, row: CaseRow | None, beside: Beside, handed: _Handed, directory: Directory, seal: Seal
) -> Answer | _Refused:
    """Load the case that the caller has locked, decide, save everything, and leave the commit to the caller. A refusal writes nothing."""
    now, message, caller = ground.now(), handed.message, handed.caller
    if row is not None and row.erased_at is not None:
        Refusal("case.not_there", "not_there").throw()
    before = open_case(row, seal) if row else None
    if row is not None and restored.undoes(ground, work, message, seal):
        Refusal("consent.taken_back_since", "conflict").throw()
    decided = policy.decide(before, message, caller, directory, now, ground.local)
    if isinstance(decided, Refusal):
        return _Refused(decided, handed_over(before, day_of(now)).coordinating_unit if before is not None else None)
    stored = message_row(message, seal, seq=(row.seq if row else 0) + 1, channel=caller.channel, now=now, body=handed.body)
    cause = withdraw.Cause(stored.message_id, message.sent_at)
    line = withdraw.Line(ground, work, decided.case, seal, directory, now, seq=stored.case_seq, cause=cause)
    if row is None:
        _open(work, case_row(decided.case, seal, seq=line.seq, opened_at=now, now=now))
    work.messages.add(stored)
    ours = message.registry_number if message.sender.organisation == message.owner else None
    number = number_hash(ground.store, message.owner, ours)
    if number is not None:
        work.cases.note_number(*line.key, number)
    records.queue_own(work, stored)
    standing = open_items(work, line.key) if beside.work else ()
    _effects(line, decided, before, stored, caller)
    if before is not None:
        guardians.kept_from_now_on(line, before)
    settle(work, standing, message.type, now)
    settle_owed(work, standing, decided.case, now)
    answers, new = _deliver_to(ground, line, message, stored)
    case = line.case.model_copy(update={"units": tuple(dict.fromkeys((*line.case.units, *new)))})
    if row is not None:
        work.cases.save(case_row(case, seal, seq=line.seq, opened_at=row.opened_at, now=now))
    elif case != decided.case:
        case = case.model_copy(update={"version": case.version + 1})
        work.cases.save(case_row(case, seal, seq=line.seq, opened_at=now, now=now))
    timers.keep(ground, work, case, directory, has_any=beside.deadlines)
    retention.erase_withheld(work, line.key, line.withheld, now)
    facts = {
        "type": message.type,
        "message_id": str(message.message_id),
        "state": case.state,
        "version": str(case.version),
        "case_id": str(case.case_id),
        **({"basis": message.basis.code} if message.basis is not None else {}),
    }
    work.audit.append(case.owner, caller.organisation, caller.channel, "message.accepted", facts)
    looked_at = tuple(CautionAnswer(one.code, one.said.en, one.said.sv) for one in afterwards(message, case))
    return Answer(str(message.message_id), str(message.case_id), answers, cautions=looked_at)


def _effects(line: withdraw.Line, decided: policy.Decision, before: SipCase | None, stored: MessageRow, caller: Caller) -> None:
    """Carry out what the decision asks for, in its order; before all, let successors stand where units were merged."""
    if before is not None:
        line.follow(before)
    if before is None or before.grants != decided.case.grants:
        line.work.grants.replace(decided.case.owner, str(decided.case.case_id), grant_rows(decided.case))
    for effect in decided.effects:
        match effect:
            case policy.Narrowed(reason=reason):
                line.narrow(reason)
            case policy.Supersede(object_id=object_id, below_version=version):
                line.supersede(object_id, version)
            case policy.Recall(object_id=object_id, spared=spared):
                line.recall(object_id, spared)
            case policy.OpenWork(type=kind, unit=unit):
                open_in_case(line.work, line.key, kind, unit, line.now)
            case policy.Retract(message_id=message_id):
                line.retract(str(message_id), stored.sender_unit)
            case policy.NoteReceipt(message_id=message_id, kind=receipt, code=code):
                receipts.note_of_unit(line, str(message_id), stored.sender_unit, receipt, code, caller)


def _deliver_to(
    ground: Ground, line: withdraw.Line, message: Message, stored: MessageRow
) -> tuple[tuple[RecipientAnswer, ...], tuple[UnitId, ...]]:
    """Route the message and store its deliveries; return what to answer, and which units are in the case from now on."""
    if message.type in RECALL_TYPES:
        return _recalled(line, message), ()
    now, directory = line.now, line.directory
    found = [carried(ground, route, message.type) for route in routes(message, line.case, directory, now, ground.local)]
    tails = line.work.deliveries.line_tails(stored.owner, stored.case_id, [route.recipient for route in found])
    rows = [
        delivery_row(
            route,
            stored,
            ground.store,
            after=tails.get(route.recipient),
            expires_at=message.expires_at,
            now=now,
            doubt=ground.doubtful(message.sent_at),
        )
        for route in found
    ]
    line.work.deliveries.add(rows, tails)
    for row in rows:
        if row.state == "held":
            open_for(line.work, row, now)
        guardians.read_through(line, message, row)
    return tuple(_answer(row) for row in rows), joining(message, found)


def _recalled(line: withdraw.Line, message: Message) -> tuple[RecipientAnswer, ...]:
    """Answer for a cancellation or closing: who is told, and who was never sent anything."""
    told = {row.recipient: row for row in line.notices}
    answers = [_answer(row) for row in line.notices]
    for unit in message.recipients:
        if unit in told:
            continue
        pending = unit in line.pending
        state, reason = ("queued", None) if pending else ("superseded", "recall.never_sent")
        answers.append(_told(unit, None, state, reason))
    return tuple(answers)


def _answer(row: DeliveryRow) -> RecipientAnswer:
    return _told(row.recipient, row.id, row.state, row.reason)


def _told(recipient: str, delivery: str | None, state: str, reason: str | None) -> RecipientAnswer:
    sentence = told(reason, state)
    return RecipientAnswer(recipient, delivery, state, reason, sentence.en if sentence else None, sentence.sv if sentence else None)


def _open(work: Work, row: CaseRow) -> None:
    """Add the case before anything that refers to it; whoever its first message reaches is in it from then on."""
    if not work.cases.add(row):
        raise _overtaken("case.opened_meanwhile")
