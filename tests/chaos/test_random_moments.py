"""kill -9 at seeded random moments of a stream of messages over several cases, with withdrawals and new times among them.

One hub, killed again and again on the same data folder. After each time everything is settled and compared before the next round begins.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.sandbox import Fault
from siphub.testing.aftermath import Aftermath, Collector, Withdrawal
from siphub.testing.story import Story
from siphub.testing.world import PARTNERS

if TYPE_CHECKING:
    from siphub.testing.child import Town

pytestmark = pytest.mark.chaos

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
AGENCIES = (p.FK, p.AF)
"""FK collects its files, AF leaves them where they are."""

Step = Callable[[], object]


@dataclass
class Round:
    """Some cases, mixed; handed in by two senders at once."""

    town: Town
    chance: random.Random
    stories: list[Story] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)

    def run(self) -> None:
        """Hand everything in, and kill the hub at some moment meanwhile."""
        cases = [self._plain(), self._new_time(), self._taken_back(), self._one_removed(), self._agencies()]
        slow = self.chance.choice([*PARTNERS.values()])
        self.town.world.sandbox.fault(slow, Fault("slow", times=2, when=self.chance.choice(["before", "after"]), seconds=0.2))
        moment = self.chance.uniform(0, 0.9)
        halves = [self._mixed(part, random.Random(self.chance.random())) for part in (cases[:3], cases[3:])]
        with ThreadPoolExecutor(len(halves)) as senders:
            sending = [senders.submit(_take_all, steps) for steps in halves]
            time.sleep(moment)
            self.town.kill()
            for each in sending:
                each.result()
        self.town.world.sandbox.clear()

    @staticmethod
    def _mixed(cases: Sequence[Iterator[Step]], chance: random.Random) -> Iterator[Step]:
        """Take the next step of one case or another, until there is none left."""
        left = list(cases)
        while left:
            case = chance.choice(left)
            try:
                yield next(case)
            except StopIteration:
                left.remove(case)

    def _story(self) -> Story:
        self.stories.append(Story(self.town.send))
        return self.stories[-1]

    def _ready(self, story: Story, units: Sequence[UnitId]) -> Iterator[Step]:
        yield story.requested
        yield lambda: story.consented(units)
        yield lambda: story.approved(units)

    def _plain(self) -> Iterator[Step]:
        story = self._story()
        yield from self._ready(story, UNITS)
        yield lambda: story.summoned(UNITS)
        yield lambda: story.responded(p.HOME_CARE)
        yield lambda: story.held(UNITS)
        yield lambda: story.proposed(UNITS)

    def _new_time(self) -> Iterator[Step]:
        story = self._story()
        yield from self._ready(story, UNITS)
        yield lambda: story.summoned(UNITS)
        yield lambda: story.rescheduled(UNITS)
        yield lambda: story.responded(p.CARE_CENTRE, version=2)

    def _taken_back(self) -> Iterator[Step]:
        story = self._story()
        self.withdrawals.append(Withdrawal(story, frozenset(UNITS)))
        yield from self._ready(story, UNITS)
        yield lambda: story.summoned(UNITS)
        yield lambda: story.rescheduled(UNITS)
        yield story.withdrawn

    def _one_removed(self) -> Iterator[Step]:
        story = self._story()
        self.withdrawals.append(Withdrawal(story, frozenset({p.SOCIAL_SERVICES})))
        yield from self._ready(story, UNITS)
        yield lambda: story.summoned(UNITS)
        yield lambda: story.responded(p.SOCIAL_SERVICES)
        yield lambda: story.withdrawn([p.SOCIAL_SERVICES])
        yield lambda: story.rescheduled(UNITS)

    def _agencies(self) -> Iterator[Step]:
        story = self._story()
        self.withdrawals.append(Withdrawal(story, frozenset({p.AF})))
        yield from self._ready(story, AGENCIES)
        yield lambda: story.invited(AGENCIES)
        yield lambda: story.withdrawn([p.AF])


@pytest.mark.timeout(7200)
def test_a_hub_killed_at_random_moments_keeps_every_promise(
    town: Town, tmp_path: Path, chaos_rounds: int, chaos_seed: int, write_result: Callable[..., None]
) -> None:
    """Given streams of messages, when the hub is killed at random moments, then nothing is lost, doubled, or sent on a consent taken back."""
    shelf = tmp_path / "shelf"
    stories: list[Story] = []
    findings: list[str] = []
    began = time.monotonic()
    with Collector(Path(town.world.address(p.FK).endpoint), shelf):
        town.up()
        for number in range(chaos_rounds):
            this = Round(town, random.Random(f"{chaos_seed}/{number}"))
            this.run()
            stories += this.stories
            findings += [f"round {number}: {sentence}" for sentence in _look(this, shelf)]
    with town.look():
        after = Aftermath(town.world, stories)
        states, repeats = after.states(), after.repeats()
    figures = {
        "seed": chaos_seed,
        "rounds": chaos_rounds,
        "messages": len(town.handed),
        "answers lost, then given": sum(found.repeated for found in town.handed),
        "deliveries": states.total(),
        "repeats at partners": repeats,
        **{state: states[state] for state in ("delivered", "withheld", "superseded", "recalled", "held")},
        "promises broken": len(findings),
        "seconds": round(time.monotonic() - began),
    }
    write_result("chaos", figures)
    assert not findings, "\n".join([f"seed {chaos_seed}", *findings])
    assert town.ends == [-signal.SIGKILL] * chaos_rounds
    assert states["delivered"] > 0
    assert states["withheld"] + states["recalled"] > 0


def _take_all(steps: Iterable[Step]) -> None:
    for step in steps:
        step()


def _look(this: Round, shelf: Path) -> list[str]:
    """Return what does not hold after a round."""
    with this.town.look():
        after = Aftermath(this.town.world, this.stories, this.withdrawals, {p.FK: shelf})
        after.settled()
        found = after.findings()
    mine = {story.case_id for story in this.stories}
    return found + this.town.answered_otherwise(mine)
