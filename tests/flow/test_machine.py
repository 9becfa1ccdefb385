"""Any order of messages, duplicates, receipts, faults, restarts and clock jumps over a real store: nothing leaks, nothing is lost, nothing is done twice.

Seeded: a run prints its seed, and `--chaos-seed` runs it again. What was permitted is kept by a ledger that knows nothing of the policy; it
is asked at every claim. In the end everything is drained, and every delivery is final or on somebody's desk, where closing it ends it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Delivered, Outcome, Permit, Receipt, Rejected, Retry, Uncertain
from siphub.errors import Conflict, Forbidden, Refused
from siphub.flow import operate, receipts
from siphub.flow.attempt import monotonic
from siphub.model import CATALOGUE, Caller, Message, Person
from siphub.model import people as p
from siphub.model.identifiers import PersonNumber, PersonRef
from siphub.model.person import PersonNumberIdentity
from siphub.policy.lifecycle import FINAL
from siphub.store import DeliveryRow, OutcomeRow
from siphub.testing.chance import PLAN, Chance
from siphub.testing.clock import Hand
from siphub.testing.ids import decided_by
from siphub.testing.ledger import Ledger
from siphub.testing.shields import at_home, naming_a_relative, shielded
from siphub.testing.story import Story
from siphub.testing.witness import Witness
from siphub.testing.yard import Yard

STEPS = 120
"""Of one round, before it is drained."""
ENDS: Sequence[Outcome | Exception] = (
    *(Delivered(), Delivered(), Accepted(), Retry("partner.busy"), Uncertain("partner.timeout"), Rejected("partner.http_400")),
    RuntimeError("a plugin's bug"),
)
SWITCHBOARDS: Mapping[str, str] = {p.MUNICIPALITY: "090-100 00 00", p.REGION: "090-200 00 00"}
"""The neighbour has none: what names protected staff of its own is held."""
NEVER_OPENS = (
    "consent.given",
    "consent.withdrawn",
    "meeting.summoned",
    "meeting.response",
    "plan.established",
    "plan.closed",
    "activity.status",
)
"""Types that no case begins with."""
OTHER_PERSON = Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))
SEEN_TO = frozenset({"held", "rejected", "gave_up", "expired"})
"""States that somebody must look at."""


@dataclass
class Round:
    """One round: a few cases in one hub, and everything that has been handed in and claimed."""

    yard: Yard
    chance: random.Random
    cases: list[tuple[Story, Ledger]] = field(default_factory=list)
    witnesses: dict[str, Witness] = field(default_factory=lambda: defaultdict(Witness))
    sent: list[tuple[Message, Any]] = field(default_factory=list)
    flying: list[tuple[DeliveryRow, Permit]] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Do anything, so many times; then drain, and look."""
        self.yard.ground.chance = self.chance
        for _ in range(STEPS):
            act = self.chance.choice(ACTS)
            try:
                act(self)
            except Refused:
                self.done["refused"] += 1
            self.done[act.__name__] += 1
        self.drain()
        self.look()

    # ── what happens ──

    def begin(self) -> None:
        """A case is opened, and comes some way before anything happens to it."""
        story = Story(self.yard.send, now=self.yard.clock.at, plan_id=PLAN)
        ledger = Ledger(coordinators={p.CONTACT})
        self.cases.append((story, ledger))
        for step in WAY[: self.chance.randint(3, len(WAY))]:
            step(story)
            self.took(story.sent[-1], ledger, None)

    def took(self, message: Message, ledger: Ledger, answer: Any) -> None:
        """Write down a message that was taken."""
        ledger.take(message, self.yard.clock.at)
        self.witnesses[str(message.case_id)].take(message)
        self.sent.append((message, answer))

    def say(self) -> None:
        """Anybody says anything."""
        if len(self.cases) < MOST_CASES and (not self.cases or self.chance.random() < 0.1):
            return self.begin()
        story, ledger = self.chance.choice(self.cases)
        story.now = self.yard.clock.at
        case = self.yard.case(story.owner, story.case_id)
        mine = [message for message, _ in self.sent if message.case_id == story.case_id]
        message = Chance(self.chance.choice, story).message(case, mine)
        if self.chance.random() < 0.1:
            message = message.model_copy(update={"expires_at": self.yard.clock.at + timedelta(hours=1)})
        if self.chance.random() < 0.4:
            message = at_home(naming_a_relative(message))
        if self.chance.random() < (0.5 if getattr(message.content, "people", ()) else 0.1):
            message = shielded(message, self.chance.choice, subject=False)
        if self.chance.random() < 0.03:
            message = shielded(message, self.chance.choice, subject=True)
        return self.took(message, ledger, self.yard.send(message).answer)

    def say_again(self) -> None:
        """The same message again gets the same answer; another under its id is refused; neither does anything (G9)."""
        if not self.sent:
            return
        message, answer = self.chance.choice(self.sent)
        before = [row.id for row in self.yard.deliveries()]
        again = self.yard.send(message).answer
        assert again is not None
        assert again.repeated
        assert answer is None or again.recipients == answer.recipients
        with pytest.raises(Conflict):
            self.yard.send(message.model_copy(update={"registry_number": "SN 2026-1"}))
        assert [row.id for row in self.yard.deliveries()] == before

    def say_as_another(self) -> None:
        """Whoever is not in a case hears what they would hear of one that is not there, and so does who names another person (G13, G15)."""
        if not self.cases:
            return
        story, _ = self.chance.choice(self.cases)
        case, before = self.yard.case(story.owner, story.case_id), len(list(self.yard.deliveries()))
        name = self.chance.choice(NEVER_OPENS)
        by = self.chance.choice((p.AF, story.contact))
        content = Chance(self.chance.choice, story).content(name, case, by, [])
        message = story.message(content, () if CATALOGUE[name].internal else (story.contact,), by=by)
        if by != p.AF:
            message = message.model_copy(update={"subject": OTHER_PERSON if message.subject is not None else None})
        if message.subject is not None or by == p.AF:
            nowhere = self.refused(message.model_copy(update={"case_id": uuid4(), "message_id": uuid4()}))
            heard = self.refused(message)
            assert heard == nowhere or (by != p.AF and heard[0] is Forbidden), (name, by, heard, nowhere)
        foreign = Caller("2120009978", frozenset(), frozenset({"send"}), "api")
        assert self.refused(message, foreign)[1] == "sender.not_yours"
        assert self.yard.case(story.owner, story.case_id) == case
        assert len(list(self.yard.deliveries())) == before

    def refused(self, message: Message, caller: Caller | None = None) -> tuple[type[Refused], str, str]:
        """Return how a message is refused: as what, by which code, in which words."""
        with pytest.raises(Refused) as refusal:
            self.yard.send(message, caller)
        return type(refusal.value), refusal.value.code, refusal.value.detail

    def claim(self) -> None:
        """A worker claims some of what is due: nothing that the ledger forbids."""
        due = list(self.yard.due())
        for row, permit in self.yard.claim(self.chance.sample(due, self.chance.randint(0, len(due)))):
            self.judge(row)
            self.flying.append((row, permit))

    def judge(self, row: DeliveryRow) -> None:
        """See that what is claimed may be told, by the ledger's word; the recall text is for whoever something was on its way to before.

        Who is protected is looked at when the message is cut, so it is judged by what comes to the partner.
        """
        if row.message_type == "stop.notice":
            assert (row.case_id, row.recipient) in self.reached
            return
        self.reached.add((row.case_id, row.recipient))
        said = next((message.content for message, _ in self.sent if str(message.message_id) == row.message_id), None)
        answer, ledger, now = getattr(said, "response", None), self.ledger(row), self.yard.clock.at
        forbidden = ledger.forbids(row.message_type, row.basis, row.sender_unit, row.recipient, now, answer)
        assert forbidden in {None, "protected"}, (row.message_type, row.basis, row.recipient, forbidden)
        whole = row.message_type == "meeting.response" and "from" in (row.granted or "").split(",")
        assert not (whole and ledger.unsaid(row.basis, row.sender_unit, now)), (row.sender_unit, row.granted)

    def ledger(self, row: DeliveryRow) -> Ledger:
        """Return the ledger of a delivery's case."""
        return next(ledger for story, ledger in self.cases if str(story.case_id) == row.case_id)

    def land(self) -> None:
        """An attempt ends in any way, at times after its permit; its word is recorded, or lost."""
        if not self.flying:
            return
        row, permit = self.flying.pop(self.chance.randrange(len(self.flying)))
        answer, slept = self.chance.choice(ENDS), self.chance.random() < 0.1
        self.yard.answer(lambda _: answer)
        outcome = self.attempt(row, Permit(monotonic() - 1) if slept else permit)
        if self.chance.random() < 0.9:
            self.yard.record(outcome)

    def attempt(self, row: DeliveryRow, permit: Permit) -> OutcomeRow:
        """Make an attempt, and see that what came of it to a partner says nothing of protected people (G10)."""
        before = {name: len(wire.took) for name, wire in self.yard.wires.items()}
        outcome = self.yard.attempt(row, permit)
        for took in (took for name, wire in self.yard.wires.items() for took in wire.took[before[name] :]):
            self.done["bodies read"] += 1
            assert not self.ledger(row).silent(row.message_type, took.unit), (row.message_type, row.recipient)
            assert self.witnesses[row.case_id].read(took.unit, took.body.decode()) == [], (row.message_type, row.recipient)
        return outcome

    def receive(self) -> None:
        """A partner says something: early, late, or of what nobody knows."""
        rows = list(self.yard.deliveries())
        kind: Any = self.chance.choice(("received", "read", "rejected"))
        key, adapter = str(uuid4()), "wire"
        if rows and self.chance.random() < 0.8:
            row = self.chance.choice(rows)
            key, adapter = row.key, row.adapter
        receipts.note(self.yard.ground, adapter, Receipt(key, kind, self.yard.clock.at, "content.refused" if kind == "rejected" else None))

    def tend(self) -> None:
        """An operator does something."""
        rows = list(self.yard.deliveries())
        action: operate.Action = self.chance.choice(get_args(operate.Action))
        if rows:
            operate.operate(self.yard.ground, self.chance.choice(rows).id, action, by="eva", channel="cli")

    def jump(self) -> None:
        """Time passes, and the sweep looks."""
        self.yard.clock.on(timedelta(minutes=self.chance.choice((1, 1, 10, 120, 3000))))
        self.yard.sweep()

    def move_house(self) -> None:
        """The directory loses an address, or has them all."""
        lost: dict[str, str | None] = {p.CARE_CENTRE: None} if self.chance.random() < 0.5 else {}
        self.yard.at = {p.SOCIAL_SERVICES: "once", **lost}
        self.yard.switch()

    def again(self) -> None:
        """The hub is stopped and started: what was in flight is in nobody's hands."""
        self.yard.again()
        self.yard.ground.chance = self.chance
        self.flying.clear()

    # ── the end ──

    def drain(self) -> None:
        """Let everything that can be sent be sent, whatever was in flight lost."""
        self.flying.clear()
        self.yard.at = {p.SOCIAL_SERVICES: "once"}
        self.yard.switch()
        self.yard.answer(lambda _: Delivered())
        for _ in range(60):
            self.yard.clock.on(timedelta(minutes=6))
            self.yard.sweep()
            claimed = self.yard.claim(self.yard.due())
            for row, _ in claimed:
                self.judge(row)
            for row, permit in claimed:
                self.yard.record(self.attempt(row, permit))
            if not self.yard.waiting():
                return
        raise AssertionError([(row.message_type, row.state, row.reason) for row in self.yard.waiting()])

    def look(self) -> None:
        """Every delivery is final or somebody's work, whose closing ends it; and nothing was done twice."""
        for row in list(self.yard.deliveries()):
            self.done[f"ended {row.state}"] += 1
            assert row.state in FINAL | {"held", "awaiting_receipt"}
            if row.state in SEEN_TO:
                assert self.items(row), (row.state, row.reason)
                operate.operate(self.yard.ground, row.id, "handled", by="eva", channel="cli")
                assert not [item for item in self.items(row) if item.closed_at is None]
            elif row.state == "awaiting_receipt":
                assert receipts.note(self.yard.ground, row.adapter, Receipt(row.key, "received", self.yard.clock.at, None))
        assert {row.state for row in self.yard.deliveries()} <= FINAL
        keys: dict[tuple[str, str], set[str]] = defaultdict(set)
        for took in (took for wire in self.yard.wires.values() for took in wire.took):
            keys[took.message_id, took.unit].add(took.key)
        assert not {pair: found for pair, found in keys.items() if len(found) > 1}

    def items(self, row: DeliveryRow) -> list[Any]:
        """Return the work items about a delivery, closed ones too."""
        with self.yard.ground.store.read() as work:
            return [item for item in work.work_items.of_case(row.owner, row.case_id) if item.delivery_id == row.id]


MOST_CASES = 3
UNITS = (p.CONTACT, p.HOME_CARE, p.CARE_CENTRE)
WAY: Sequence[Callable[[Story], object]] = (
    Story.requested,
    lambda story: story.consented([*UNITS, p.FK]),
    lambda story: story.approved([*UNITS, p.FK]),
    lambda story: story.summoned(UNITS),
    lambda story: story.invited([p.FK]),
    lambda story: story.responded(p.HOME_CARE),
    lambda story: story.held(UNITS),
    lambda story: story.proposed(UNITS),
    lambda story: story.confirmed(p.HOME_CARE, "a2"),
    lambda story: story.confirmed(p.CARE_CENTRE, "a3"),
    lambda story: story.confirmed(p.CONTACT, "a1"),
    lambda story: story.established(UNITS, also=[PersonRef("individual")]),
)
"""How a case goes where nothing gets in its way."""
ACTS: Sequence[Callable[[Round], None]] = (
    *((Round.say,) * 24 + (Round.claim,) * 12 + (Round.land,) * 20 + (Round.receive,) * 6 + (Round.tend,) * 4),
    *((Round.say_again,) * 2 + (Round.say_as_another,) * 2 + (Round.jump,) * 4 + (Round.move_house,) * 2 + (Round.again,)),
)


def played(data: Path, seed: str) -> Counter[str]:
    """Play one round and return what was done in it. The seed decides everything: what is chosen, the time, and every id that is made."""
    chance, clock = random.Random(seed), Hand(p.NOON)
    with decided_by(f"ids of {seed}"), Yard(data, clock, {"retry_limit": 3}, switchboards=SWITCHBOARDS, letters=True) as yard:
        one = Round(yard, chance)
        try:
            one.run()
        except AssertionError as error:
            error.add_note(f"in the round {seed}, after {dict(one.done)}")
            raise
    return one.done


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_any_order_ends_with_everything_final_or_on_a_desk(
    tmp_path: Path, machine_rounds: int, chaos_seed: int, write_result: Callable[[str, dict[str, object]], None]
) -> None:
    """Given a hub, when anything happens in any order, then nothing is told that is not permitted, and everything ends."""
    print(f"seed {chaos_seed}")  # noqa: T201 - pytest shows it where the test fails, so that the run can be had again
    done: Counter[str] = Counter()
    for number in range(machine_rounds):
        done += played(tmp_path / f"hub{number}", f"{chaos_seed}/{number}")
    ended = ", ".join(f"{count} {state.removeprefix('ended ')}" for state, count in sorted(done.items()) if state.startswith("ended "))
    write_result("machine", {"seed": chaos_seed, "rounds": machine_rounds, "steps": machine_rounds * STEPS, "deliveries ended": ended})
