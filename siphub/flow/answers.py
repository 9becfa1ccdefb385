"""What a partner sends by itself: a whole message, or a foreign answer to something we sent, which lacks what only we know.

An answer names the delivery it answers, by its key, or the case: as its conversation, by repeating its id, or by our registry number alone
where one case has that. What that delivery was
about is ours to know: its case, its unit, its meeting and version, and at what hour; with these an answer in words we understand becomes a
message. It must never take an answer for one of another organisation than the delivery went to, never add what neither side said, and never
drop a word: what is not understood, refused, or says more than the message can carry, waits on the convener's desk as `inbound.unread`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from siphub.contract import Draft, Inbound, Receipt, Submission
from siphub.errors import Invalid, Refused
from siphub.flow.accept import accept_message
from siphub.flow.ground import Ground
from siphub.flow.letters import number_hash
from siphub.flow.opening import opened
from siphub.flow.reading import complete, understood
from siphub.flow.work_items import open_in_case
from siphub.model import Caller, Message, parse_message
from siphub.model.messages.meeting import Meeting
from siphub.observe import Log
from siphub.store import NO_OWNER, DeliveryRow, Work

_PLACE: Final = re.compile(r"line [0-9]{1,9} column [0-9]{1,9}|(/[a-z0-9_]{1,40}){1,12}")
_NOT_AN_ID = re.compile(r"[^A-Za-z0-9._:,/@+*=-]")
_SAID: Final = ("type", "message_id", "sent_at", "author", "conversation_id", "registry_number")
_CALLS: Final = frozenset({"meeting.invited", "meeting.rescheduled", "meeting.reminder"})
"""What an answer that names its case alone can be the answer to."""
NO_CASE: Final = "-"
"""What stands for the case of a work item that is about none."""
_NOT_THE_SENDER: Final = "sender.not_yours"
_NOT_THEIRS: Final = frozenset({_NOT_THE_SENDER, "receipt.not_theirs"})
"""What somebody said for another."""
_NUMBERS: Final = 5
"""How many of our registry numbers one answer may name."""
_CASES: Final = 50
"""A number that more cases have says nothing about any."""
_OF_ITS_WORDS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What breaks on what a message says, and would break on it each time; a disk, a network or a database that is away does not."""
_FORESEEN: Final = 366
"""How many days ahead a day without a month is looked for."""
_log = Log(worker="poller")


@dataclass(frozen=True, slots=True)
class Thread:
    """Where an answer belongs: a delivery to that organisation, and whether it is the very one that is answered or merely its case's newest.

    `alone` says that it can be no other unit's answer: the case has gone to one unit there.
    """

    row: DeliveryRow
    exact: bool
    alone: bool = True


def take(ground: Ground, adapter: str, inbound: Inbound, submission: Submission, *, before: str | None = None) -> str | None:
    """Take one message or answer; a refusal is audited, and shown to the convener where we know whose it is.

    Return the refusal's code, with the place in the document where that is known, or None.

    Args:
        ground: The rooms below.
        adapter: Whose partners it came from.
        inbound: What was fetched.
        submission: Its content.
        before: What it was refused with the last time: where it is refused in the same words, nobody is told once more.
    """
    thread: Thread | None = None
    unread: str | None = None
    refused: str | None = None
    found: Message | Draft | Receipt | None = None
    try:
        found = understood(ground, submission)
        if isinstance(found, Draft):
            thread = _thread(ground, adapter, inbound, found)
            unread = "inbound.remark" if found.content.get("remark") else None
            found = _with_the_hour(ground, found, thread)
        message = completed(found, thread) if isinstance(found, Draft) else complete(found)
        accept_message(ground, message, Caller(inbound.organisation or "", frozenset(), frozenset({"send"}), channel="poll"))
    except Refused as error:
        unread, place = _why(error)
        refused = f"{unread} {place}".rstrip()
        if refused == before:
            return refused
        _log.warning("inbound.refused", adapter=adapter, code=unread)
        if isinstance(found, Message) and unread != _NOT_THE_SENDER:
            thread = _thread(ground, adapter, inbound, Draft({"conversation_id": str(found.case_id)}, ()))
    except _OF_ITS_WORDS as error:  # a fault of ours: it is not asked for again, and a person looks
        unread = refused = "inbound.failed"
        if refused == before:
            return refused
        _log.error("inbound.failed", adapter=adapter, code=unread, exc_info=error)
    if unread is not None:
        with ground.store.write() as work:
            _show(work, adapter, inbound, thread, unread, ground.now())
            remember(work, adapter, inbound, ground.now(), refused)
    return refused


def remember(work: Work, adapter: str, inbound: Inbound, now: datetime, refused: str | None) -> None:
    """Remember what became of something, also where it was refused before."""
    if not work.inbound.add(NO_OWNER, adapter, inbound.partner_id, now, refused):
        work.inbound.judged_anew(NO_OWNER, adapter, inbound.partner_id, now, refused)


def _why(error: Refused) -> tuple[str, str]:
    """Return the code of a refusal, and the place in the document; what says only that it is no message is told by what is wrong with it first."""
    first = error.problems[0] if error.problems else None
    place = (first.position or first.pointer or "") if first is not None else ""
    code = first.code if first is not None and error.code == Invalid.code else error.code
    return code, place if _PLACE.fullmatch(place) else ""


def show(ground: Ground, adapter: str, inbound: Inbound, code: str) -> str:
    """Audit and show what is not even looked into, with a code that says why; return the code."""
    _log.warning("inbound.refused", adapter=adapter, code=code)
    with ground.store.write() as work:
        _show(work, adapter, inbound, None, code, ground.now())
        work.inbound.add(NO_OWNER, adapter, inbound.partner_id, ground.now(), code)
    return code


def completed(draft: Draft, thread: Thread | None) -> Message:
    """Return the message that an answer amounts to, with what the delivery it answers says of case, unit, meeting and version.

    Raises:
        Invalid: It answers nothing we know, or not in words we understand.
    """
    row, content = thread.row if thread is not None and thread.exact else None, draft.content.get("content")
    if row is None or row.object_id is None or draft.content.get("type") != "meeting.response" or not isinstance(content, Mapping):
        return complete(draft)
    said = {name: draft.content[name] for name in _SAID if name in draft.content}
    ours: dict[str, Any] = {
        "schema_version": "1.0",
        "case_id": row.case_id,
        "owner": row.owner,
        "causation_id": row.message_id,
        "sender": {"unit": row.recipient, "organisation": row.recipient_organisation},
        "recipients": [row.sender_unit],
        "content": {**content, "meeting_id": row.object_id, "meeting_version": row.object_version},
    }
    return parse_message(json.dumps({**said, **ours}, default=str).encode())


def _thread(ground: Ground, adapter: str, inbound: Inbound, draft: Draft) -> Thread | None:
    """Find what an answer belongs to: only among deliveries that went to that organisation by that adapter, and were tried.

    What came to the endpoint of one of ours belongs to no case of another's: that one could not read it, and the first would never see it.
    """

    def theirs(row: DeliveryRow) -> bool:
        to_it = row.adapter == adapter and row.recipient_organisation == inbound.organisation and row.attempts > 0
        return to_it and inbound.owner in {None, row.owner}

    with ground.store.read() as work:
        row = work.deliveries.find_by_key(str(draft.content.get("causation_id", "")))
        if row is not None and theirs(row):
            return Thread(row, exact=True)
        named = draft.content.get("cases")
        ids = dict.fromkeys([str(draft.content.get("conversation_id", "")), *(map(str, named) if isinstance(named, list) else ())])
        threads = [_of_case(rows) for case_id in ids if (rows := [row for row in _deliveries(work, case_id) if theirs(row)])]
        if not threads and inbound.owner is not None:
            return _by_number(ground, work, inbound.owner, draft, theirs)
    if not threads:
        return None
    return threads[0] if len(threads) == 1 else Thread(threads[0].row, exact=False, alone=False)


def _by_number(ground: Ground, work: Work, owner: str, draft: Draft, theirs: Callable[[DeliveryRow], bool]) -> Thread | None:
    """Return the case that the owner's own registry number names, where it is one alone in which that organisation has been written to."""
    said = draft.content.get("our_numbers")
    hashes = [number_hash(ground.store, owner, str(one)) for one in said[:_NUMBERS]] if isinstance(said, list) else []
    named = [one for one in hashes if one is not None]
    ids = work.cases.by_number(owner, named, _CASES + 1) if named else ()
    threads = [_of_case(rows) for one in ids if (rows := [row for row in work.deliveries.of_case(owner, one) if theirs(row)])]
    return threads[0] if len(threads) == 1 and len(ids) <= _CASES else None


def _deliveries(work: Work, case_id: str) -> list[DeliveryRow]:
    return [row for case in work.cases.find(case_id) for row in work.deliveries.of_case(case.owner, case.case_id)]


def _of_case(rows: Sequence[DeliveryRow]) -> Thread:
    """Return what an answer in a case belongs to: the newest call to its one meeting, where nothing has been sent after that, else its newest delivery.

    Where several units there have had something of the case, whose answer it is cannot be told.
    """
    alone = len({row.recipient for row in rows}) == 1
    meetings = {row.object_id for row in rows if row.message_type in _CALLS}
    return Thread(rows[-1], exact=alone and len(meetings) == 1 and rows[-1].message_type in _CALLS, alone=alone)


def _with_the_hour(ground: Ground, draft: Draft, thread: Thread | None) -> Draft:
    """Return an answer that proposes days and no hour with the hour of the meeting it answers, which is what both sides speak of.

    A day without a month is the one nearest to that meeting that is not past when it was said. A person is shown the words as well.
    """
    days, content = draft.content.get("proposed_days"), draft.content.get("content")
    if thread is None or not thread.exact or not isinstance(days, list) or not isinstance(content, Mapping):
        return draft
    found = opened(ground, thread.row)
    meeting = getattr(found[0].content, "meeting", None) if found is not None else None
    if not isinstance(meeting, Meeting):
        return draft
    zone = ZoneInfo(meeting.zone)
    starts, said = meeting.starts_at.astimezone(zone), datetime.fromisoformat(str(draft.content["sent_at"])).astimezone(zone).date()
    at = [datetime.combine(day, starts.time(), zone).astimezone(UTC) for text in days if (day := _nearest(str(text), starts.date(), said))]
    times = [{"starts_at": f"{one:%Y-%m-%dT%H:%M:%SZ}"} for one in at]
    return Draft({**draft.content, "content": {**content, "proposed_times": times}}, draft.missing)


def _nearest(text: str, meeting: date, said: date) -> date | None:
    if not text.startswith("---"):
        return date.fromisoformat(text)
    days = [said + timedelta(days=number) for number in range(_FORESEEN)]
    return min((day for day in days if day.day == int(text[3:])), key=lambda day: abs(day - meeting), default=None)


def _show(work: Work, adapter: str, inbound: Inbound, thread: Thread | None, code: str, now: datetime) -> None:
    """Audit what could not be taken as it is, and put it on the convener's desk; whoever calls remembers it at the same time.

    The text itself stays where it can be read in full, at the partner's or message service's own side: it is named, and not copied. What
    belongs to no case here is on the desk of the organisation that it came to, where the adapter says which.
    """
    facts = {"adapter": adapter, "code": code, "partner_id": _NOT_AN_ID.sub("_", inbound.partner_id)[:200]}
    if thread is None:
        work.audit.append(inbound.owner or "-", inbound.organisation or "-", "poll", "inbound.refused", facts)
        if inbound.owner is not None and code in _NOT_THEIRS:
            open_in_case(work, (inbound.owner, NO_CASE), "inbound.not_theirs", inbound.owner, now, code=code)
        elif inbound.owner is not None:
            open_in_case(work, (inbound.owner, NO_CASE), "inbound.unthreaded", inbound.owner, now, code=code)
    else:
        row = thread.row
        work.audit.append(row.owner, inbound.organisation or "-", "poll", "inbound.unread", {**facts, "case_id": row.case_id})
        delivery = row.id if thread.alone else None  # whose of several units' it is, a person reads there and the hub does not guess
        open_in_case(work, (row.owner, row.case_id), "inbound.unread", row.sender_unit, now, delivery_id=delivery, code=code)
