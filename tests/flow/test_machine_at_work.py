"""Any order of messages, faults, restarts and clock jumps while the hub's own workers send, to partners reached by every adapter.

What partners hold is judged, by their own books: each message was permitted, and said nothing of protected people, at some moment since
its claim. Nothing is timed: as long as something is being sent, an earlier state of what is permitted may excuse it, and no longer.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.errors import Refused
from siphub.flow import operate
from siphub.flow.letters import open_case
from siphub.model import Address, Directory, Message
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import UnitId
from siphub.policy.lifecycle import FINAL
from siphub.sandbox import Fault, Sandbox
from siphub.sandbox.pdf_text import text_of
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.store import DeliveryRow
from siphub.testing.chance import PLAN, Chance
from siphub.testing.clock import Hand
from siphub.testing.desk import wide_directory
from siphub.testing.ledger import Ledger
from siphub.testing.sdk_world import OWN
from siphub.testing.shields import at_home, naming_a_relative, shielded
from siphub.testing.story import Story, until
from siphub.testing.witness import Witness
from siphub.testing.world import PARTNERS, World

STEPS = 60
BY_SDK = {p.FK: "fk", p.AF: "af"}
BY_XML = (p.HOME_CARE, p.SOCIAL_SERVICES)
BY_FHIR = (p.CARE_CENTRE,)
FAULTS: Sequence[Fault] = (
    Fault("reset", times=1, when="before"),
    Fault("reset", times=1, when="after"),
    Fault("html", times=1, when="after"),
    Fault("status", times=2, status=503),
    Fault("status", times=1, status=400),
)


@dataclass
class Everywhere(World):
    """A world whose partners are reached by every adapter: folder, municipal XML, FHIR, SDK and letter."""

    sdk: SdkSandbox | None = None

    @property
    def agencies(self) -> Any:
        """The agencies behind the message service."""
        assert self.sdk is not None
        return self.sdk.service.agencies

    def directory(self) -> Directory:
        """Return the wide directory, each unit at its adapter."""
        base = wide_directory()
        units = tuple(unit.model_copy(update={"address": self.address(unit.id)}) for unit in base.units)
        organisations = tuple(found.model_copy(update={"letters": self.outbox(found.number)}) for found in base.organisations)
        return base.model_copy(update={"units": units, "organisations": organisations})

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached."""
        if unit in BY_SDK:
            agency = self.agencies[BY_SDK[unit]]
            return Address(adapter=OWN[unit], endpoint=agency.address, options={"participant": agency.participant})
        if unit in BY_FHIR:
            return Address(adapter="fhir", endpoint=self.sandbox.fhir_endpoint(PARTNERS[unit]))
        if unit in BY_XML:
            return Address(adapter="municipal-xml", endpoint=self.sandbox.endpoint(PARTNERS[unit]))
        folder = self.folders / unit.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return Address(adapter="folder", endpoint=str(folder))

    def held_by_partners(self) -> Iterator[tuple[str, str]]:
        """Yield what partners hold, as key and text."""
        books = [self.sandbox.ledger(PARTNERS[unit]) for unit in (*BY_XML, *BY_FHIR)]
        books += [agency.ledger for agency in self.agencies.values()]
        for book in books:
            for entry in book.effects():
                yield entry.key, readable(book.body(entry.key))
        for file in self.folders.glob("*/[!.]*.*"):
            if file.suffix == ".pdf":
                yield file.stem, text_of(file.read_bytes())
            elif not file.parent.name.startswith("letters-"):
                yield file.stem, file.read_text("utf-8")


def readable(body: bytes) -> str:
    """Return the words of a body; JSON without its escapes."""
    with suppress(ValueError):
        return json.dumps(json.loads(body), ensure_ascii=False)
    return body.decode()


@dataclass(frozen=True)
class View:
    """What was permitted, and who protected, in every case, from a moment on."""

    ledgers: dict[str, Ledger]
    witnesses: dict[str, Witness]


@dataclass
class Course:
    """One round; `views` are those that can still excuse what partners hold, oldest first."""

    world: Everywhere
    chance: random.Random
    clock: Hand
    stories: list[Story] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=lambda: defaultdict(lambda: Ledger(coordinators={p.CONTACT})))
    witnesses: dict[str, Witness] = field(default_factory=lambda: defaultdict(Witness))
    sent: list[Message] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Do anything, so many times, and read what partners hold all the while; then let everything settle."""
        for _ in range(STEPS):
            with suppress(Refused):
                self.chance.choice(ACTS)(self)
            self.look()
        self.settle()

    # ── what happens ──

    def say(self) -> None:
        """Anybody says anything."""
        if len(self.stories) < MOST_CASES:
            return self.begin()
        story = self.chance.choice(self.stories)
        story.now = self.clock.at
        mine = [message for message in self.sent if message.case_id == story.case_id]
        message = Chance(self.chance.choice, story).message(self.case(story), mine)
        if self.chance.random() < 0.4:
            message = at_home(naming_a_relative(message))
        if self.chance.random() < 0.15:
            message = shielded(message, self.chance.choice, subject=self.chance.random() < 0.1)
        return self.hand_in(message)

    def begin(self) -> None:
        """A case is opened in which an agency is invited."""
        units = (p.CONTACT, p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE, p.FK)
        story = Story(self.world.send, now=self.clock.at, plan_id=PLAN)
        self.stories.append(story)
        steps: tuple[Callable[[], Any], ...] = (
            story.requested,
            lambda: story.consented(units),
            lambda: story.approved(units),
            lambda: story.summoned(units[:-1]),
            lambda: story.invited([p.FK]),
        )
        for step in steps:
            step()
            self.took(story.sent[-1])

    def hand_in(self, message: Message) -> None:
        """Hand a message in; where it is taken, write it down."""
        self.world.send(message)
        self.took(message)

    def took(self, message: Message) -> None:
        """Write down a message that was taken: from now on it counts."""
        self.sent.append(message)
        self.ledgers[str(message.case_id)].take(message, self.clock.at)
        self.witnesses[str(message.case_id)].take(message)
        self.views.append(self.view())

    def view(self) -> View:
        """Return what is permitted as things stand."""
        return View(copy.deepcopy(dict(self.ledgers)), copy.deepcopy(dict(self.witnesses)))

    def go_wrong(self) -> None:
        """Something goes wrong at a partner."""
        self.world.sandbox.fault(PARTNERS[self.chance.choice((*BY_XML, *BY_FHIR))], self.chance.choice(FAULTS))

    def jump(self) -> None:
        """Time passes once nothing is being sent: a lease that runs out under a sender is what the chaos tests are for."""
        if until(lambda: not self.in_state("sending"), within=5):
            self.look()
            self.clock.on(timedelta(minutes=self.chance.choice((1, 10, 120, 3000))))
            self.views.append(self.view())

    def again(self) -> None:
        """The hub is stopped and started."""
        self.world.again()

    # ── the judges ──

    def rows(self) -> Iterator[DeliveryRow]:
        """Yield every delivery."""
        for story in self.stories:
            yield from self.world.deliveries(story)

    def in_state(self, *states: str) -> list[DeliveryRow]:
        """Return the deliveries in some states."""
        return [row for row in self.rows() if row.state in states]

    def case(self, story: Story) -> SipCase | None:
        """Return a case as it stands; what is said of it is made to fit."""
        store = self.world.hub.store
        with store.read() as work:
            row = work.cases.get(story.owner, str(story.case_id))
        return open_case(row, store.seal_of_case(story.owner, str(story.case_id))) if row is not None else None

    def look(self) -> None:
        """Read what has come to partners since the last look; once nothing is being sent, only what is permitted now can excuse what comes."""
        quiet = not self.in_state("sending")
        by_key = {row.key: row for row in self.rows()}
        for key, text in self.world.held_by_partners():
            if key in by_key and key not in self.read:
                self.read.add(key)
                self.judge(by_key[key], text)
        if quiet:
            self.views = self.views[-1:]

    def judge(self, row: DeliveryRow, text: str) -> None:
        """See that what a partner holds was permitted, and said nothing of the protected, by one of the views."""
        why = [self.wrong(view, row, text) for view in self.views]
        assert None in why, (row.message_type, row.basis, row.recipient, row.adapter, why)

    def wrong(self, view: View, row: DeliveryRow, text: str) -> str | None:
        """Return what is wrong with what a partner holds, or None."""
        if row.case_id not in view.ledgers:
            return "the case was not there"
        found = view.witnesses[row.case_id].read(row.recipient, text)
        if found:
            return f"{len(found)} words of protected people"
        if row.message_type == "stop.notice":
            return None
        return view.ledgers[row.case_id].forbids(row.message_type, row.basis, row.sender_unit, row.recipient, self.clock.at)

    # ── the end ──

    def settle(self) -> None:
        """Let nothing go wrong any more and time pass, until nothing waits; then everything is final, or on a desk where closing ends it."""
        self.world.sandbox.clear()
        assert until(self.settled, within=60), [(row.message_type, row.state, row.reason) for row in self.in_state("queued", "sending")]
        self.look()
        for row in self.rows():
            assert row.state in FINAL | {"held", "awaiting_receipt"}
            if row.state in {"held", "rejected", "gave_up", "expired"}:
                operate.operate(self.world.hub.ground, row.id, "handled", by="eva", channel="cli")
                with self.world.hub.store.read() as work:
                    about = [item for item in work.work_items.of_case(row.owner, row.case_id) if item.delivery_id == row.id]
                assert about, (row.state, row.reason)
                assert not [item for item in about if item.closed_at is None]

    def settled(self) -> bool:
        """Turn the clock where nothing is being sent, and say whether nothing waits any more."""
        if not self.in_state("sending"):
            self.look()
            self.clock.on(timedelta(minutes=6))
            self.views.append(self.view())
        return not self.in_state("queued", "sending")


MOST_CASES = 2
ROUNDS_A_COURSE = 50
"""A course is so much dearer than a round without workers."""
ACTS: Sequence[Callable[[Course], None]] = (*((Course.say,) * 24), *((Course.go_wrong,) * 3), *((Course.jump,) * 3), Course.again)


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[SdkSandbox]:
    """Run the message service, trusted by the same CA as the municipalities."""
    with SdkSandbox(certificates=sandbox.certificates) as running:
        yield running


@pytest.fixture
def make_everywhere(tmp_path: Path, sandbox: Sandbox, sdk: SdkSandbox) -> Callable[[int, Hand], Everywhere]:
    """Return what makes a world, not open yet, whose partners are reached by every adapter; each with a number and a clock of its own."""
    agencies = sdk.service.agencies
    plugin = {
        "service": sdk.url,
        "token_url": sdk.token_url,
        "client_id": sdk.service.client[0],
        "senders": f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun",
        "agencies": f"{agencies['fk'].participant} {p.FORSAKRINGSKASSAN}; {agencies['af'].participant} {p.ARBETSFORMEDLINGEN}",
        "timeout_seconds": "2",
        "poll_seconds": "0",
    }
    given = {
        "plugins": ["folder", "municipal-xml", "fhir", *OWN.values(), "letter"],
        "plugin": dict.fromkeys(OWN.values(), plugin),
        "plugin_secrets": {name: {"client_secret": sdk.service.client[1]} for name in OWN.values()},
        "lease": "60s",
    }
    return lambda number, clock: Everywhere(
        sandbox, tmp_path / f"folders{number}", tmp_path / f"hub{number}", given=given, clock=clock, sdk=sdk
    )


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_workers_tell_partners_nothing_that_is_not_permitted_in_any_order(
    make_everywhere: Callable[[int, Hand], Everywhere],
    machine_rounds: int,
    chaos_seed: int,
    write_result: Callable[[str, dict[str, object]], None],
) -> None:
    """Given workers that send all the while, when anything happens in any order, then partners hold only what was permitted, and all ends."""
    print(f"seed {chaos_seed}")  # noqa: T201 - pytest shows it where the test fails, so that the choices can be had again
    courses, read = max(1, machine_rounds // ROUNDS_A_COURSE), Counter[str]()
    for number in range(courses):
        clock = Hand(p.NOON)
        with make_everywhere(number, clock) as world:
            course = Course(world, random.Random(f"{chaos_seed}/{number}"), clock)
            course.run()
            found = Counter(row.adapter for row in course.rows() if row.key in course.read)
        assert set(found) >= {"folder", "municipal-xml", "fhir"}
        assert set(found) & set(OWN.values())
        read += found
    figures = ", ".join(f"{count} by {adapter}" for adapter, count in sorted(read.items()))
    write_result("machine-at-work", {"seed": chaos_seed, "courses": courses, "steps": courses * STEPS, "messages partners hold": figures})
