"""What the partners' own books hold, beside the hub's view, message by message: the one question the demo answers yes or no.

The hub's view is what it tells over HTTP: each sender of its messages, and each unit of its own mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from siphub.cli.demo.partners import ADAPTERS, Entry
from siphub.cli.demo.play import AGENCY_SCOPES, RELATIVE_SCOPES, SCOPES, Play
from siphub.cli.demo.script import BROTHER, FAMILY, RECIPIENTS, SISTER, Script, Who
from siphub.cli.demo.silence import overheard, read_at_home
from siphub.cli.demo.stage import Stage
from siphub.errors import SiphubError
from siphub.model.identifiers import PersonRef

ARRIVED: Final = frozenset({"delivered", "read", "recalled"})
"""The states in which the hub says that a recipient has it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient, as the hub tells it. `agency` is the recipient's organisation; for a person it is `letter`."""

    step: int
    message_id: str
    message_type: str
    sender: str
    recipient: str
    name: str
    agency: str
    adapter: str
    state: str
    reason: str | None = None
    text: str | None = None
    payload_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """One unit or person: what their own ledger holds, and what the hub says they have."""

    unit: str
    name: str
    ledger: tuple[Entry, ...]
    hub: tuple[Entry, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """A performance and what came of it. `error` is why it broke off, if it did."""

    play: Play
    deliveries: tuple[Delivery, ...]
    books: tuple[Book, ...]
    error: SiphubError | None
    broker: str = ""

    @property
    def differences(self) -> tuple[str, ...]:
        """Every difference between a ledger and the hub's view, in words."""
        return tuple(difference for book in self.books for difference in book.differences)

    @property
    def agreement(self) -> bool:
        """Say whether the story came to its end and nothing differs."""
        return self.error is None and not self.differences

    @property
    def lines(self) -> tuple[Delivery, ...]:
        """Every step for the table: the deliveries, and the messages that were for the hub alone."""
        alone = [
            Delivery(one.step, one.message_id, one.message_type, one.sender, "", "(the hub alone)", "", "", "stored")
            for one in self.play.played
            if not one.addressed
        ]
        return tuple(sorted((*alone, *self.deliveries), key=lambda one: one.step))

    def facts(self) -> dict[str, Any]:
        """Return it all as JSON values."""
        return {
            "seed": self.play.script.seed,
            "case_id": str(self.play.case_id),
            "broker": self.broker,
            "story": _story(self.play),
            "deliveries": [asdict(one) for one in self.deliveries],
            "ledgers": {book.unit: {"name": book.name, "entries": [asdict(entry) for entry in book.ledger]} for book in self.books},
            "differences": list(self.differences),
            "error": {"code": self.error.code, "detail": str(self.error)} if self.error else None,
            "agreement": self.agreement,
        }


def performed(stage: Stage, script: Script, tell: Callable[[str], None]) -> Outcome:
    """Play a script, and compare the books, also where the story broke off."""
    play, error = Play(stage, script, tell), None
    try:
        play.perform()
    except SiphubError as broke_off:
        error = broke_off
    try:
        told = tuple(_told(stage, play))
        return Outcome(play, told, tuple(_book(stage, play, who, told) for who in RECIPIENTS), error, stage.broker)
    except SiphubError as unseen:
        # The hub does not even say what it did: there is nothing to compare, and no agreement.
        return Outcome(play, (), (), error or unseen, stage.broker)


def _told(stage: Stage, play: Play) -> Iterator[Delivery]:
    """Yield every delivery of the story, the hub's own stop notices last."""
    for one, view in play.views():
        for line in view["recipients"]:
            yield _delivery(one.step, one.sender, {**line, "message_id": one.message_id, "type": one.message_type})
    for unit in sorted(stage.clients):
        for found in play.mailbox(unit).get("received", []):
            if found["message"]["type"] == "stop.notice":
                ids = {"message_id": found["message"]["message_id"], "type": "stop.notice", "adapter": ADAPTERS[unit]}
                yield _delivery(len(play.played), "hub", {**found, **ids})


def _delivery(step: int, sender: str, line: Mapping[str, Any]) -> Delivery:
    name, agency = RECIPIENTS[line["recipient"]]
    return Delivery(
        step=step,
        message_id=line["message_id"],
        message_type=line["type"],
        sender=sender,
        recipient=line["recipient"],
        name=name,
        agency=agency,
        adapter=line["adapter"],
        state=line["state"],
        reason=line.get("reason"),
        text=line.get("text"),
        payload_sha256=line["payload_sha256"],
    )


def _book(stage: Stage, play: Play, unit: Who, told: Sequence[Delivery]) -> Book:
    case_id = str(play.case_id)
    mine = [one for one in told if one.recipient == unit and one.state in ARRIVED]
    said = tuple(Entry(one.message_id, one.message_type, case_id, one.payload_sha256 or "") for one in mine)
    ledger = stage.partners.ledger(unit)
    return Book(unit, RECIPIENTS[unit][0], ledger, said, tuple(_differences(stage, play, unit, (ledger, said))))


def _differences(stage: Stage, play: Play, unit: Who, entries: tuple[Sequence[Entry], Sequence[Entry]]) -> Iterator[str]:
    """Yield in words where a ledger and what the hub says of it part, and whatever they should never have heard."""
    (ledger, said), name = entries, RECIPIENTS[unit][0]
    for one in _without(ledger, said):
        yield f"{name} holds {one.message_type} {one.message_id}, and the hub does not say that it has these bytes"
    for one in _without(said, ledger):
        yield f"the hub says that {name} has {one.message_type} {one.message_id}, and its ledger does not hold these bytes"
    if len(set(ledger)) != len(ledger):
        yield f"{name} holds a message twice"
    yield from overheard(play, unit, stage.partners.bodies(unit))
    if isinstance(unit, PersonRef):
        yield from read_at_home(play, unit, stage.partners.posted(unit))
    if unit in {play.script.left_out, BROTHER} and play.mailbox(unit):
        yield f"{name} is told of a case it has no part in"


def _without(some: Sequence[Entry], others: Sequence[Entry]) -> list[Entry]:
    return [one for one in some if one not in others]


def _story(play: Play) -> dict[str, Any]:
    """Return what was put in, for whoever wants to judge what came out."""
    script = play.script
    return {
        "contact": play.tale.contact,
        "called": script.called,
        "invited": script.invited,
        "consents": [
            {"parties": script.consented, "scopes": SCOPES},
            {"parties": script.consented_agencies, "scopes": AGENCY_SCOPES},
            {"parties": (SISTER,), "scopes": RELATIVE_SCOPES},
        ],
        "people": [{"ref": one.ref, "chosen": one.chosen, "objection": one.objection} for one in FAMILY],
        "approved": script.approved,
        "left_out": script.left_out,
        "left_out_of": script.left_out_of,
        "new_time_by": script.new_time_by,
        "withdrawn": script.withdrawn or "all",
        "messages": [
            {"step": one.step, "message_id": one.message_id, "type": one.message_type, "sender": one.sender, "recipients": one.addressed}
            for one in play.played
        ],
    }
