"""A hub over a real store whose workers a test moves by hand, one step at a time, with partners that answer as told and a clock that is turned.

For walks through everything that can happen: nothing here sleeps, and the same steps come to the same end. It must never do to the store
what only the flow may do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from siphub.contract import AdapterInfo, Cut, Delivered, Outcome, Payload, Recipient, Submission
from siphub.flow import attempt as attempts
from siphub.flow import deliver, standing, sweep
from siphub.flow import directory as directories
from siphub.flow.ground import Ground
from siphub.flow.letters import open_case
from siphub.flow.opening import Opening
from siphub.hub import Hub, build
from siphub.model import Address, Caller, Directory, Message
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.policy.standing import Call
from siphub.settings import read
from siphub.store import DeliveryRow, OutcomeRow
from siphub.testing.clock import Hand
from siphub.testing.databases import lay_content
from siphub.testing.desk import wide_directory
from siphub.testing.small_plugins import OwnPlugin
from siphub.testing.world import Told, make_master_key

WIRES: Mapping[str, bool] = {"wire": True, "once": False}
"""The adapters of a yard, and whether their partners recognise a repeat."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a partner holds: under which key, for whom, which message, its bytes, and when it came."""

    key: str
    unit: str
    message_id: str
    body: bytes
    at: datetime


Answers = Callable[[str], Outcome | Exception]


def delivered(_: str) -> Outcome:
    """Take everything."""
    return Delivered()


@dataclass
class Wire(OwnPlugin):
    """An adapter whose partners keep what they are given, and answer as a function of the key says."""

    clock: Hand
    name: str = "wire"
    idempotent: bool = True
    answers: Answers = delivered
    recalls_each: bool = False
    names_receiver: bool = False
    took: list[Took] = field(default_factory=list)

    @property
    def info(self) -> AdapterInfo:
        """What it is."""
        return AdapterInfo(
            self.name,
            media_type="text/plain",
            idempotent=self.idempotent,
            recalls_each=self.recalls_each,
            names_receiver=self.names_receiver,
        )

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Say which message it is, and all that the recipient may read of it, but for what it may rely on: a withdrawal changes no bytes."""
        told = {name: part for name, part in cut.document.items() if name != "consent_statement"}
        body = f"{cut.message_id} {recipient.unit} {json.dumps(told, ensure_ascii=False, sort_keys=True, default=dict)}"
        return Payload(body.encode(), "text/plain", plugin=f"{self.name}@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Keep it, and answer."""
        answer = self.answers(key)
        self.took.append(Took(key, recipient.unit, payload.body.split()[0].decode(), payload.body, self.clock.at))
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Yard:
    """One hub without threads. `at` says by which wire each unit is reached, None for not at all; `switchboards` are organisations' numbers.

    With `letters` the sample municipality's letters to people go out by the wire `once`.
    """

    data: Path
    clock: Hand = field(default_factory=Hand)
    given: Mapping[str, Any] = field(default_factory=dict)
    at: dict[str, str | None] = field(default_factory=dict)
    changes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    switchboards: Mapping[str, str] = field(default_factory=dict)
    letters: bool = False
    hub: Hub = field(init=False)
    wires: dict[str, Wire] = field(init=False)

    def __post_init__(self) -> None:
        self.wires = {name: Wire(self.clock, name, idempotent) for name, idempotent in WIRES.items()}

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hub.stop()

    @property
    def ground(self) -> Ground:
        """The rooms below."""
        return self.hub.ground

    def open(self) -> None:
        """Build the hub on its data folder."""
        quick = {"permit": "30s", "lease": "60s", "retry_base": "1s", "retry_cap": "300s", "min_free_disk": 1, "broker_url": "memory://"}
        settings = read({"data": self.data, "mode": "test", "plugins": (), **quick, **self.given})
        make_master_key(settings)
        lay_content(settings)
        self.hub = build(settings, plugins=self.wires, clock=self.clock)
        self.switch()

    def again(self) -> None:
        """Stop the hub and open it anew on the same data; whatever was in flight is in nobody's hands."""
        self.hub.stop()
        self.open()

    # ── the directory ──

    def switch(self) -> None:
        """Switch to the directory as `at` and `changes` have it."""
        directories.switch(self.ground, self.directory(), by="test")

    def directory(self) -> Directory:
        """Return the wide directory, each unit on its wire, changed as asked."""
        base = wide_directory()
        units = tuple(unit.model_copy(update={"address": self.address(unit.id), **self.changes.get(unit.id, {})}) for unit in base.units)
        organisations = tuple(
            found.model_copy(update={"phone": self.switchboards.get(found.number), "letters": self.outbox(found.number)})
            for found in base.organisations
        )
        return base.model_copy(update={"units": units, "organisations": organisations})

    def outbox(self, organisation: str) -> Address | None:
        """Return where an organisation's letters go."""
        posts = self.letters and organisation == p.MUNICIPALITY
        return Address(adapter="once", endpoint="once:letters") if posts else None

    def address(self, unit: str) -> Address | None:
        """Return where a unit is reached."""
        wire = self.at.get(unit, "wire")
        return Address(adapter=wire, endpoint=f"{wire}:{unit}") if wire is not None else None

    def answer(self, answers: Answers) -> None:
        """Let all partners answer so from now on."""
        for wire in self.wires.values():
            wire.answers = answers

    # ── what people do ──

    def caller(self, organisation: str) -> Caller:
        """Return a caller that speaks for a whole organisation."""
        return Caller(organisation, frozenset(), frozenset({"send", "inbox"}), "api")

    def send(self, message: Message, caller: Caller | None = None) -> Told:
        """Hand a message in, as its sender's organisation unless somebody else is named."""
        caller = caller or self.caller(message.sender.organisation)
        answer = self.hub.accept(Submission(message.to_json(), "application/json"), caller)
        return Told({found.recipient: (found.state, found.reason) for found in answer.recipients}, answer)

    # ── what workers do ──

    def due(self) -> tuple[str, ...]:
        """Return the deliveries that could be claimed now."""
        with self.ground.store.read() as work:
            return tuple(row.id for row in work.deliveries.due(self.clock.at, 500))

    def claim(self, ids: Iterable[str]) -> list[tuple[DeliveryRow, Any]]:
        """Claim, as a worker does."""
        return deliver.claim(self.ground, list(ids), self.ground.directory())

    def attempt(self, row: DeliveryRow, permit: Any, opening: Opening | None = None) -> OutcomeRow:
        """Make one attempt; `opening` is what the deliveries of a message share that were claimed together."""
        return attempts.attempt(self.ground, row, permit, self.ground.directory(), opening)

    def record(self, *outcomes: OutcomeRow) -> None:
        """Record how attempts ended."""
        deliver.record(self.ground, list(outcomes))

    def work(self) -> int:
        """Claim, send and record everything that is due; return how much was sent."""
        outcomes = [self.attempt(row, permit) for row, permit in self.claim(self.due())]
        if outcomes:
            self.record(*outcomes)
        return len(outcomes)

    def sweep(self) -> None:
        """Look after everything once."""
        sweep.sweep(self.ground)

    def drain(self, rounds: int = 60) -> bool:
        """Let time pass and everything be sent that can be; return whether nothing waits any more."""
        for _ in range(rounds):
            self.clock.on(timedelta(minutes=6))
            self.sweep()
            self.work()
            if not self.waiting():
                return True
        return False

    # ── what can be seen ──

    def waiting(self) -> tuple[DeliveryRow, ...]:
        """Return what is queued or being sent, in any case."""
        return tuple(row for row in self.deliveries() if row.state in {"queued", "sending"})

    def deliveries(self) -> Iterator[DeliveryRow]:
        """Yield every delivery there is."""
        after: str | None = None
        while True:
            with self.ground.store.read() as work:
                rows = work.deliveries.page(after=after, limit=200)
            yield from rows
            if not rows:
                return
            after = rows[-1].id

    def of_case(self, owner: str, case_id: object) -> tuple[DeliveryRow, ...]:
        """Return a case's deliveries."""
        with self.ground.store.read() as work:
            return work.deliveries.of_case(owner, str(case_id))

    def events(self, row: DeliveryRow) -> list[tuple[str, str]]:
        """Return what happened to a delivery: (state before, event), oldest first."""
        with self.ground.store.read() as work:
            found = work.events.of_delivery(row.owner, row.id)
        return list(zip(["", *(one.state for one in found)], (one.event for one in found), strict=False))

    def case(self, owner: str, case_id: object) -> SipCase | None:
        """Return a case as it stands."""
        with self.ground.store.read() as work:
            row = work.cases.get(owner, str(case_id))
        return open_case(row, self.ground.store.seal_of_case(owner, str(case_id))) if row is not None else None

    def calls(self, owner: str, case_id: object) -> list[Call]:
        """Return a case's deliveries as the policy looks at them."""
        with self.ground.store.read() as work:
            items = work.work_items.of_case(owner, str(case_id))
        return standing.calls(self.of_case(owner, case_id), items, self.ground.directory(), self.clock.at)
