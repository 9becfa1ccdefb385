"""A guardian who may not know where the individual is gets no free texts; somebody reads them through, and hands over what can be.

Within the transaction that takes a message, under the case's lock. It must never open what a guardian has got in full already.
"""

from __future__ import annotations

from siphub.flow.letters import open_message
from siphub.flow.withdraw import WAITING, Line
from siphub.flow.work_items import open_in_case
from siphub.model import Message
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonRef
from siphub.policy.days import day_of
from siphub.policy.disclosure import kinds_of, left_to_hand, rule_for
from siphub.store import DeliveryRow


def read_through(line: Line, message: Message, row: DeliveryRow) -> None:
    """Put a delivery's free texts on the coordinator's desk, where its recipient gets it without them."""
    if row.state != "withheld" and left_to_hand(message, rule_for(message.type, (row.recipient_kind,))):
        _ask(line, row)


def kept_from_now_on(line: Line, before: SipCase) -> None:
    """Do the same for what waits for guardians from whom the individual's whereabouts have just become secret: it goes without its texts now."""
    known = {person.ref for person in before.people if person.address_secret}
    new = {person.ref for person in line.case.people if person.address_secret} - known
    for guardian in sorted(new):
        for row in line.before:
            if row.recipient == guardian and row.state in WAITING:
                _narrowed(line, guardian, row)


def _narrowed(line: Line, guardian: PersonRef, row: DeliveryRow) -> None:
    stored = line.work.messages.get(row.owner, row.message_row)
    if stored is None or stored.erased_at is not None:
        return
    message = open_message(stored, line.seal)
    kinds = kinds_of(guardian, line.case, line.directory, message, day_of(line.now))
    if left_to_hand(message, rule_for(row.message_type, kinds)):
        _ask(line, row)


def _ask(line: Line, row: DeliveryRow) -> None:
    open_in_case(line.work, line.key, "guardian.read_through", line.case.coordinating_unit, line.now, delivery_id=row.id)
