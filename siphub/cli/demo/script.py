"""What a seed decides, as a value: the same seed always tells the same story. It knows no hub and no rule."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from siphub.model import people as p
from siphub.model.identifiers import UnitId

CONTACT: Final = p.CONTACT
HOME_CARE: Final = p.HOME_CARE
HOUSING: Final = UnitId("SE2120009994-1003")
SOCIAL_SERVICES: Final = p.SOCIAL_SERVICES
HOME_NURSING: Final = UnitId("SE2120009986-2002")

UNITS: Final = {
    CONTACT: ("Biståndsenheten", "Norrby kommun"),
    HOME_CARE: ("Hemtjänsten", "Norrby kommun"),
    HOUSING: ("Boendestödet", "Norrby kommun"),
    SOCIAL_SERVICES: ("Socialtjänsten", "Söderby kommun"),
    HOME_NURSING: ("Hemsjukvården", "Söderby kommun"),
}
"""Unit → its name and its municipality."""

CALLED: Final = (HOME_CARE, HOUSING, SOCIAL_SERVICES, HOME_NURSING)
"""The four that are called to the meeting; one of them should not have been."""


@dataclass(frozen=True, slots=True)
class Script:
    """One story's choices.

    Args:
        seed: What it was drawn from.
        called: The four units, in the order they are named in.
        left_out: The one without a basis.
        left_out_of: Whether the consent does not name it, or the individual did not choose it as a participant.
        new_time_by: Who cannot come at the first time.
        answers: The three others, in the order they answer.
        answers_again: The same after the new time.
        confirms: The same when they confirm the plan.
        days: How many days ahead the meeting is first, and then.
        participants_first: Whether the participants are chosen before the consent is recorded.
        named_again: Whether later messages still name the unit that is left out.
    """

    seed: int
    called: tuple[UnitId, ...]
    left_out: UnitId
    left_out_of: Literal["consent", "participants"]
    new_time_by: UnitId
    answers: tuple[UnitId, ...]
    answers_again: tuple[UnitId, ...]
    confirms: tuple[UnitId, ...]
    days: tuple[int, int]
    participants_first: bool
    named_again: bool

    @property
    def reached(self) -> tuple[UnitId, ...]:
        """The three that may know, in the order they are named in."""
        return tuple(unit for unit in self.called if unit != self.left_out)

    @property
    def consented(self) -> tuple[UnitId, ...]:
        """Whom the consent names."""
        return self.reached if self.left_out_of == "consent" else self.called

    @property
    def approved(self) -> tuple[UnitId, ...]:
        """Whom the individual wants at the table."""
        return self.reached if self.left_out_of == "participants" else self.called

    @property
    def addressed(self) -> tuple[UnitId, ...]:
        """Whom the messages after the kallelse name."""
        return self.called if self.named_again else self.reached


def written(seed: int) -> Script:
    """Return the story of a seed."""
    chance = Random(seed)  # noqa: S311 - a story, not a secret
    called = tuple(chance.sample(CALLED, len(CALLED)))
    left_out = chance.choice(called)
    reached = [unit for unit in called if unit != left_out]
    orders = [tuple(chance.sample(reached, len(reached))) for _ in range(3)]
    first = chance.randint(7, 21)
    return Script(
        seed=seed,
        called=called,
        left_out=left_out,
        left_out_of="consent" if chance.random() < 0.5 else "participants",  # noqa: PLR2004 - a coin
        new_time_by=chance.choice(reached),
        answers=orders[0],
        answers_again=orders[1],
        confirms=orders[2],
        days=(first, first + chance.randint(1, 14)),
        participants_first=chance.random() < 0.5,  # noqa: PLR2004 - a coin
        named_again=chance.random() < 0.5,  # noqa: PLR2004 - a coin
    )
