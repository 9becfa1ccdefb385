"""Every entry of the participant's state table is taken by messages and by what can become of a call, and nothing but the table is followed.

A seeded walk: messages through `decide`, and every call's delivery along the delivery's own table, of which tests/flow/test_reach.py shows
that the flow takes every entry. After each step everybody must stand where the table says that what happened leads.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from siphub.model import people as p
from siphub.model.case import MeetingRecord
from siphub.model.identifiers import UnitId
from siphub.policy.lifecycle import ANSWERS, DELIVERY, PARTICIPANT, after
from siphub.policy.meetings import called_back
from siphub.policy.standing import CALLS, Call, participant_standing
from siphub.testing.desk import Desk

UNITS: tuple[UnitId, ...] = (p.HOME_CARE, p.CARE_CENTRE, p.SOCIAL_SERVICES)
SEED, STEPS, STEPS_OF_A_CASE = 20261123, 100_000, 50
"""The walk stops as soon as everything has been taken."""
ON_ITS_WAY = frozenset({"queued", "sending", "awaiting_receipt"})
STOPPED = frozenset({"held", "withheld", "superseded", "rejected", "gave_up", "expired", "recalled"})


@dataclass(frozen=True)
class Seen:
    """A case as it was looked at: its newest meeting, who is chosen, each unit's newest call, and where each unit stands."""

    meeting: MeetingRecord
    chosen: frozenset[str]
    calls: Mapping[str, Call]
    stands: Mapping[str, str]


@dataclass
class Walk:
    """Does things at random, and keeps what it has seen taken."""

    chance: random.Random
    taken: set[tuple[str, str]] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    desk: Desk = field(init=False)
    seen: Seen = field(init=False)

    def begin(self) -> None:
        """Begin another case."""
        self.desk = Desk()
        self.desk.story.ready(UNITS)
        self.calls = []
        self.seen = self.look()

    def step(self) -> None:
        """Do one thing, and compare."""
        self.said = []
        if self.desk.state == "SUSPENDED_NO_CONSENT":
            consent(self)
        else:
            self.chance.choice(ACTS)(self)
        self.compare()

    def say(self, act: Callable[..., object], *words: Any, **more: Any) -> bool:
        """Say something; what it calls anybody to has a delivery from now on. Return whether it was taken."""
        act(*words, **more)
        for route in self.desk.last.routes:
            if self.desk.story.sent[-1].type in CALLS and route.about is not None:
                about, kind = route.about, self.desk.story.sent[-1].type
                self.calls.append(Call(route.recipient, kind, str(about[0]), about[1], len(self.desk.story.sent), route.state))
        return self.desk.last.code is None

    def look(self) -> Seen:
        """Return the case as it is now."""
        case = self.desk.open
        meeting = case.meetings[-1] if case.meetings else MeetingRecord(id=UUID(int=0), version=0, convener=self.desk.story.convener)
        mine = (found for found in self.calls if (found.object_id, found.object_version) == (str(meeting.id), meeting.version))
        return Seen(
            meeting=meeting,
            chosen=frozenset(grant.party for grant in case.grants if grant.scope == "participant"),
            calls={found.recipient: found for found in mine},
            stands={unit: participant_standing(case, meeting, unit, self.calls) or "" for unit in UNITS},
        )

    def compare(self) -> None:
        """See that everybody stands where the table says that what happened leads; before a new meeting everybody begins anew."""
        before, now = self.seen, self.look()
        if before.meeting.id != now.meeting.id:
            chosen: dict[str, str] = {unit: "APPROVED_BY_INDIVIDUAL" if unit in before.chosen else "" for unit in UNITS}
            before = Seen(now.meeting.model_copy(update={"version": 0, "participants": ()}), before.chosen, {}, chosen)
        for unit in UNITS:
            stands: Any = before.stands[unit]
            for event in self.events(unit, before, now):
                if stands in PARTICIPANT[event]:
                    self.taken.add((event, stands))
                    stands = PARTICIPANT[event][stands]
            assert stands == now.stands[unit], (unit, self.said, before, now)
        self.seen = now

    def events(self, unit: str, before: Seen, now: Seen) -> Iterator[str]:
        """Yield what happened to a unit's place between two looks: who is chosen, what was said, and what became of its newest call."""
        if unit in now.chosen and unit not in before.chosen:
            yield "participants.approved"
        if unit in before.chosen and unit not in now.chosen:
            yield "participants.left_out"
        old, new = before.calls.get(unit), now.calls.get(unit)
        fresh = new is not None and (old is None or new.position != old.position)
        if now.meeting.participant(UnitId(unit)) is not None and before.meeting.version not in {0, now.meeting.version}:
            yield "meeting.rescheduled"
        elif fresh:
            yield "meeting.called"
        if new is not None and new != old:
            yield from became("queued" if fresh or old is None else old.state, new)
        yield from (event for who, event in self.said if who == unit)


def became(before: str, new: Call) -> Iterator[str]:
    """Yield what a change of its newest call is to a participant."""
    if new.state in ON_ITS_WAY and before not in ON_ITS_WAY:
        yield "delivery.again"
    if new.state in {"delivered", "read"}:
        yield f"delivery.{new.state}"
    if new.state == "handled_manually":
        yield "by_hand.told"
    if new.state in STOPPED:
        yield "delivery.stopped"
        yield from ("by_hand.taken",) * new.by_hand


def call(walk: Walk) -> None:
    """Call some units: to the meeting there is, or to a new one."""
    planned = walk.seen.meeting if walk.seen.meeting.version and walk.seen.meeting.state == "planned" else None
    walk.desk.story.meeting_id = planned.id if planned else uuid4()
    meeting = walk.desk.story.meeting(planned.version if planned else 1)
    units = walk.chance.sample(UNITS, walk.chance.randint(1, 3))
    walk.say(walk.desk.story.say, walk.desk.story.kallelse().model_copy(update={"meeting": meeting}), units)


def respond(walk: Walk) -> None:
    """Answer for a unit, perhaps too late; what has not been answered from where it stands first."""
    every = [(unit, word) for unit in UNITS for word in sorted(ANSWERS)]
    new = [(unit, word) for unit, word in every if (f"answer.{word}", walk.seen.stands[unit]) not in walk.taken]
    unit, word = walk.chance.choice(new or every)
    more = {"substitute_name": "Sara Substitut"} if word == "delegate" else {}
    planned = walk.seen.meeting.state == "planned"
    if walk.say(walk.desk.story.responded, unit, word, max(1, walk.seen.meeting.version), **more) and planned:
        walk.said = [(unit, f"answer.{word}")]


def reschedule(walk: Walk) -> None:
    """Move the meeting."""
    walk.say(
        walk.desk.story.rescheduled,
        walk.chance.sample(UNITS, walk.chance.randint(1, 3)),
        walk.seen.meeting.version + 2 - bool(walk.seen.meeting.version),
    )


def cancel(walk: Walk) -> None:
    """Call the meeting off."""
    walk.say(walk.desk.story.cancelled, UNITS, max(1, walk.seen.meeting.version))


def hold(walk: Walk) -> None:
    """Hold it, where somebody would attend or be absent from where nobody has yet; they meet again later."""
    came, places = walk.chance.sample(UNITS, walk.chance.randint(0, 3)), walk.seen.meeting.participants
    if all(("attended" if found.unit in came else "absent", walk.seen.stands[found.unit]) in walk.taken for found in places):
        return
    if walk.say(walk.desk.story.held, came, max(1, walk.seen.meeting.version), "new_meeting"):
        walk.said = [(found.unit, "attended" if found.unit in came else "absent") for found in places]


def withdraw(walk: Walk) -> None:
    """Take the consent back, for one or for all."""
    walk.say(walk.desk.story.withdrawn, walk.chance.sample(UNITS, walk.chance.randint(0, 1)))


def call_back(walk: Walk) -> None:
    """Call one unit back, as a withdrawal does that finds its newest call delivered; where somebody has answered as nobody has yet, if anywhere."""
    found = [unit for unit, made in walk.seen.calls.items() if after(made.state, "recalled") and walk.seen.meeting.state == "planned"]
    new = [unit for unit in found if ("meeting.called_back", walk.seen.stands[unit]) not in walk.taken]
    if not found:
        return
    unit = walk.chance.choice(new or found)
    at = walk.calls.index(walk.seen.calls[unit])
    walk.calls[at] = replace(walk.calls[at], state="recalled", by_hand=False)
    walk.desk.case = called_back(walk.desk.open, {(walk.seen.meeting.id, walk.seen.meeting.version, unit)})
    walk.said = [(unit, "meeting.called_back")]


def choose(walk: Walk) -> None:
    """Choose some units."""
    walk.say(walk.desk.story.approved, walk.chance.sample(UNITS, walk.chance.randint(1, 3)))


def consent(walk: Walk) -> None:
    """Give the consent again."""
    walk.say(walk.desk.story.consented, UNITS)


def become(walk: Walk) -> None:
    """Let one event happen to one call, as the delivery's table has it."""
    if not walk.calls:
        return
    at = walk.chance.randrange(max(0, len(walk.calls) - 4), len(walk.calls))
    ways = [event for event, steps in DELIVERY.items() if walk.calls[at].state in steps]
    if ways:
        state = after(walk.calls[at].state, walk.chance.choice(ways))
        assert state is not None
        changed = state != walk.calls[at].state
        walk.calls[at] = replace(walk.calls[at], state=state, by_hand=walk.calls[at].by_hand and not changed)


def take_on(walk: Walk) -> None:
    """Somebody closes the work items of what did not arrive."""
    walk.calls = [replace(found, by_hand=found.state in STOPPED) for found in walk.calls]


ACTS: Sequence[Callable[[Walk], None]] = (
    *((become,) * 12 + (respond,) * 3 + (call,) * 4 + (take_on,) * 3),
    *(reschedule, reschedule, cancel, hold, hold, withdraw, call_back, choose, consent, consent),
)


def test_every_entry_of_the_participant_is_taken() -> None:
    """Given a case, when anything happens, then everybody stands where the table leads, and every (state, event) entry of it is taken."""
    wanted = {(event, state) for event, steps in PARTICIPANT.items() for state in steps}
    walk = Walk(random.Random(SEED))
    for step in range(STEPS):
        if step % STEPS_OF_A_CASE == 0:
            walk.begin()
        walk.step()
        if walk.taken == wanted:
            break
    assert sorted(wanted - walk.taken) == []
