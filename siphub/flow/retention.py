"""The eraser: content that is over, recorded elsewhere, and whose owner has decided so, goes. It comes after the record, never before.

There are two databases and no transaction over both, so the order is everything:

    1. in the content's database, in one transaction: the sealed bytes are emptied, and the audit says that they were, and by which decision
    2. in the keys' database: the case's key is forgotten, and with it every copy of the content in any backup
    3. outside both: adapters take away what they have left on our side, such as letters that nobody has fetched
    4. in the content's database: that the key and all of that is gone is noted, and audited

A crash before 1 changes nothing. After 1 nothing here can be read, and it is audited; what is left is found by the next round, which does
2 to 4 again: each may be done twice. The other order would leave, after a crash, content that nobody can read and nobody has said why.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from siphub.flow.ground import Ground
from siphub.flow.letters import recipient_of
from siphub.observe import Log
from siphub.policy.retention import CaseFacts, CopyFacts, Erase, Keep, RetentionRule, erasable, withheld_erasable
from siphub.settings import Settings
from siphub.store import Change, RecordCopyRow, Work

BATCH: Final = 50
LEFT: Final = 500
"""How many erased cases of which something is left are looked at in one round."""
Place = tuple[str, str, str]
"""An owner, an adapter and an endpoint of its: what one owner cannot have cleared away may be no trouble to another."""
POINT: Final = "case_erased"
"""The crash point between the two databases."""

_log = Log(worker="archivist")


def rule_of(settings: Settings, owner: str) -> RetentionRule | None:
    """Return an owner's rule, where it has one with a decision."""
    found = settings.retention.get(owner)
    return RetentionRule(owner, found.keep, found.decision) if found is not None and found.decision else None


def run(ground: Ground) -> int:
    """Erase what may be erased, a bounded number for each owner; finish what a crash has left; return how many cases were erased."""
    finish(ground)
    erased = 0
    for owner in sorted(ground.settings.retention):
        rule = rule_of(ground.settings, owner)
        if rule is None:
            continue
        turn = ground.turns.of(f"erasing {owner}")
        with ground.store.read() as work:
            rows = work.erasure.candidates(owner, ground.now() - rule.keep, BATCH, turn.skip)
        done = sum(isinstance(erase(ground, owner, row.case_id), Erase) for row in rows)
        turn.end(found=len(rows), left=len(rows) - done, limit=BATCH)
        erased += done
    _forget_answers(ground)
    _forget_ids_in_state(ground)
    return erased


def erase(ground: Ground, owner: str, case_id: str) -> Erase | Keep:
    """Erase one case, if the policy says so under the case's lock."""
    now, rule = ground.now(), rule_of(ground.settings, owner)
    with ground.store.write() as work:
        row = work.cases.lock(owner, case_id)
        if row is None or row.erased_at is not None:
            return Keep("retention.open")
        deliveries = work.deliveries.lock_case(owner, case_id)
        facts = CaseFacts(row.state, row.ended_at, [found.state for found in deliveries])
        verdict = erasable(facts, _facts_of(work.record_copies.of_case(owner, case_id)), rule, now)
        if isinstance(verdict, Keep):
            return verdict
        over = Change(from_states=frozenset({"held"}), to_state="expired", event="expire", at=now, reason="message.erased")
        work.deliveries.change_all([found.id for found in deliveries if found.state == "held"], over)
        messages = work.erasure.case(owner, case_id, at=now, forget_at=now + ground.settings.submission_keep)
        said = {"decision": verdict.decision.replace(" ", "_"), "messages": str(messages), "case_id": case_id}
        work.audit.append(owner, "hub", "retention", "case.erased", said)
    ground.points.reach(POINT)
    _complete(ground, owner, case_id, set())
    return verdict


def finish(ground: Ground) -> int:
    """Do the rest for cases whose content is erased: what a crash has left, or a place that was away; return of how many nothing is left now."""
    turn, away = ground.turns.of("erased"), set[Place]()
    with ground.store.read() as work:
        rows = work.erasure.unfinished(LEFT, turn.skip)
    done = sum(_complete(ground, row.owner, row.case_id, away) for row in rows)
    turn.end(found=len(rows), left=len(rows) - done, limit=LEFT)
    return done


def _complete(ground: Ground, owner: str, case_id: str, away: set[Place]) -> bool:
    """Forget a case's key, and note it once nothing that was delivered is left on our side either. What is in `away` is not tried again."""
    ground.store.forget_case(owner, case_id)
    if not _cleared(ground, owner, case_id, away):
        return False
    with ground.store.write() as work:
        if work.erasure.finish(owner, case_id, ground.now()):
            work.audit.append(owner, "hub", "retention", "case.key_forgotten", {"case_id": case_id})
    _log.info("case.erased", owner=owner, case_id=case_id)
    return True


def _cleared(ground: Ground, owner: str, case_id: str, away: set[Place]) -> bool:
    """Have the adapters take away what they have left of a case's deliveries; a place that could not be cleared is added to `away`."""
    directory = ground.directory()
    with ground.store.read() as work:
        tried = [row for row in work.deliveries.of_case(owner, case_id) if row.attempts > 0]
    for row in tried:
        place = (row.owner, row.adapter, row.endpoint)
        if place not in away and not ground.registry.erase(row.key, recipient_of(row, directory)):
            away.add(place)
    return not away & {(row.owner, row.adapter, row.endpoint) for row in tried}


def _forget_answers(ground: Ground) -> int:
    with ground.store.read() as work:
        due = work.erasure.old_submissions(ground.now(), 1)
    if not due:
        return 0
    with ground.store.write() as work:
        return work.erasure.forget_submissions(ground.now(), BATCH)


def _forget_ids_in_state(ground: Ground) -> None:
    """Delete what versions before revision 0009 kept of FHIR messages' ids, for ever and where nobody looks any more, until there is none."""
    turn = ground.turns.of("ids in state")
    if turn.over:
        return
    with ground.store.read() as work:
        turn.over = not work.erasure.ids_in_state(1)
    if not turn.over:
        with ground.store.write() as work:
            work.erasure.forget_ids_in_state(LEFT)


def erase_withheld(work: Work, case: tuple[str, str], message_rows: Iterable[str], now: datetime) -> None:
    """Erase those of these messages that a withdrawal stopped, that nobody has, and whose record copies are confirmed (LIFECYCLE 4.2).

    The caller holds the lock of the case, given as (owner, case id).
    """
    owner, case_id = case
    for message_row in sorted(set(message_rows)):
        deliveries = [(row.state, row.reason) for row in work.deliveries.of_message(owner, message_row)]
        copies = _facts_of(work.record_copies.of_message(owner, case_id, message_row))
        if withheld_erasable(deliveries, copies) and work.erasure.message(owner, message_row, now):
            stored = work.messages.get(owner, message_row)
            facts = {"message_id": stored.message_id if stored else message_row, "reason": "withdrawn", "case_id": case_id}
            work.audit.append(owner, "hub", "retention", "message.erased", facts)


def _facts_of(copies: Iterable[RecordCopyRow]) -> list[CopyFacts]:
    return [CopyFacts(copy.organisation, copy.state in {"confirmed", "taken_back"}) for copy in copies]
