"""A backlog of any size for one partner, put into a store as intake would have: copies of a case that intake has taken.

Intake takes four messages for a kallelse, each with its decisions; a hundred thousand would take an hour. So one case goes through intake,
and the rest are that case's own rows under other ids, each sealed under a key of its own, added by the calls that intake makes.
It must never add what intake could not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from siphub.flow.ground import Ground
from siphub.store import CaseRow, DeliveryRow, GrantRow, MessageRow
from siphub.testing.story import Story

AT_ONCE = 200
"""How many cases are added in one transaction."""


@dataclass(frozen=True, slots=True)
class Model:
    """The case that is copied: its rows, and what is sealed in them."""

    case: CaseRow
    grants: tuple[GrantRow, ...]
    message: MessageRow
    delivery: DeliveryRow
    sealed_case: bytes
    sealed_message: bytes


@dataclass(frozen=True, slots=True)
class Copy:
    """The rows of one case of the backlog: one delivery, or two that go one after the other."""

    case: CaseRow
    grants: tuple[GrantRow, ...]
    messages: tuple[MessageRow, ...]
    deliveries: tuple[DeliveryRow, ...]


def model_of(ground: Ground, story: Story, unit: str) -> Model:
    """Read the case of a kallelse that intake has taken, to copy it for one unit."""
    seal = ground.store.seal_of_case(story.owner, str(story.case_id))
    with ground.store.read() as work:
        case = work.cases.get(story.owner, str(story.case_id))
        rows = work.deliveries.of_case(story.owner, str(story.case_id))
        delivery = next(row for row in rows if row.recipient == unit and row.message_type == "meeting.summoned")
        message = work.messages.get(story.owner, delivery.message_row)
        grants = work.grants.of_case(story.owner, str(story.case_id))
    assert case is not None
    assert message is not None
    return Model(
        case, grants, message, delivery, seal.open("sip_case", case.case_id, case.sealed), seal.open("message", message.id, message.sealed)
    )


def copied(ground: Ground, model: Model, length: int) -> Copy:
    """Return the rows of one more case with so many kallelser in a line."""
    case_id, now = str(uuid4()), ground.now()
    seal = ground.store.seal_of_case(model.case.owner, case_id, create=True)
    old = model.case.case_id.encode()
    case = replace(
        model.case, case_id=case_id, sealed=seal.seal("sip_case", case_id, model.sealed_case.replace(old, case_id.encode())), opened_at=now
    )
    grants = tuple(replace(grant, case_id=case_id) for grant in model.grants)
    messages: list[MessageRow] = []
    deliveries: list[DeliveryRow] = []
    for place in range(length):
        row_id, message_id, seq = str(uuid4()), str(uuid4()), model.message.case_seq + place
        text = model.sealed_message.replace(old, case_id.encode()).replace(model.message.message_id.encode(), message_id.encode())
        message = replace(model.message, id=row_id, message_id=message_id, case_id=case_id, case_seq=seq, received_at=now)
        messages.append(replace(message, sealed=seal.seal("message", row_id, text)))
        delivery = replace(_untouched(model.delivery), id=str(uuid4()), key=str(uuid4()), message_row=row_id, message_id=message_id)
        before = deliveries[-1].id if deliveries else None
        delivery = replace(delivery, case_id=case_id, position=seq, prev_id=before)
        deliveries.append(replace(delivery, next_at=now, created_at=now, updated_at=now))
    return Copy(case, grants, tuple(messages), tuple(deliveries))


def _untouched(row: DeliveryRow) -> DeliveryRow:
    """Return a delivery as it was before anybody tried it."""
    return replace(row, state="queued", reason=None, waits=None, queued_at=None, fence=0, attempts=0, lease_until=None, pinned_hash=None)


def load(ground: Ground, model: Model, number: int, *, in_line: int = 20) -> Iterator[UUID]:
    """Add so many deliveries; every `in_line`th case has two, one behind the other. Yield each case's id when it is in the store."""
    added, cases = 0, 0
    while added < number:
        copies: list[Copy] = []
        while len(copies) < AT_ONCE and added < number:
            length = min(number - added, 2 if cases % in_line == 0 else 1)
            copies.append(copied(ground, model, length))
            added, cases = added + length, cases + 1
        with ground.store.write() as work:
            for copy in copies:
                work.cases.add(copy.case)
                work.grants.replace(copy.case.owner, copy.case.case_id, copy.grants)
                for message in copy.messages:
                    work.messages.add(message)
                work.deliveries.add(copy.deliveries)
        ground.wake.set()
        yield from (UUID(copy.case.case_id) for copy in copies)
