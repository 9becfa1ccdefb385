"""What a seed decides, as a value: the same seed always tells the same story. It knows no hub and no rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber, PersonRef, UnitId
from siphub.model.person import CasePerson

CONTACT: Final = p.CONTACT
HOME_CARE: Final = p.HOME_CARE
HOUSING: Final = UnitId("SE2120009994-1003")
SOCIAL_SERVICES: Final = p.SOCIAL_SERVICES
HOME_NURSING: Final = UnitId("SE2120009986-2002")
CARE_CENTRE: Final = p.CARE_CENTRE
FK: Final = p.FK
AF: Final = p.AF

UNITS: Final = {
    CONTACT: ("Biståndsenheten", "Norrby kommun"),
    HOME_CARE: ("Hemtjänsten", "Norrby kommun"),
    HOUSING: ("Boendestödet", "Norrby kommun"),
    SOCIAL_SERVICES: ("Socialtjänsten", "Söderby kommun"),
    HOME_NURSING: ("Hemsjukvården", "Söderby kommun"),
    CARE_CENTRE: ("Vårdcentralen", "Region Mellanlandet"),
    FK: ("Försäkringskassan", "Försäkringskassan"),
    AF: ("Arbetsförmedlingen", "Arbetsförmedlingen"),
}
"""Unit → its name and its organisation's; outside parties have no unit that is named."""

ME: Final = PersonRef("individual")
SISTER: Final = PersonRef("relative/1")
BROTHER: Final = PersonRef("relative/2")
FAMILY: Final = (
    CasePerson(ref=ME, name=p.SUBJECT_NAME, address_lines=("Provgatan 1", "123 45 Norrby")),
    CasePerson(ref=SISTER, name="Siv Exempelsson", address_lines=("Systergatan 2", "123 45 Norrby"), relation="syster", chosen=True),
    CasePerson(ref=BROTHER, name="Bror Exempelsson", address_lines=("Brorsgatan 3", "123 45 Norrby"), relation="bror", objection=True),
)
"""The people of the case as the contact writes them down: the sister is wished for, the brother is objected to."""
PEOPLE: Final = {ME: ("the individual", "letter"), SISTER: ("the sister", "letter"), BROTHER: ("the brother", "letter")}
"""Person → what we call them here, and where the others have their organisation, that they are reached by letter."""
Who = UnitId | PersonRef
RECIPIENTS: Final[Mapping[Who, tuple[str, str]]] = dict([*UNITS.items(), *PEOPLE.items()])
"""Everybody that anything is addressed to."""

CALLED: Final = (HOUSING, HOME_CARE, SOCIAL_SERVICES, HOME_NURSING, CARE_CENTRE)
"""The five with a duty to come, who get a kallelse."""
INVITED: Final = (FK, AF)
"""The two without one, who get an inbjudan."""
_LEFT_OUT: Final = (HOME_NURSING, HOUSING, CARE_CENTRE, FK, SOCIAL_SERVICES, AF, HOME_CARE)
"""All seven: each is left out in one of seven seeds."""


@dataclass(frozen=True, slots=True)
class Script:
    """One story's choices.

    Args:
        seed: What it was drawn from.
        called: The five units, in the order they are named in.
        invited: The two agencies, likewise.
        left_out: The one of the seven without a basis.
        left_out_of: Whether the consent does not name it, or the individual did not choose it as a participant.
        new_time_by: The agency that cannot come at the first time: Arbetsförmedlingen, where it has heard of it.
        answers: The units that have got the kallelse, in the order they answer.
        answers_again: The same after the new time.
        confirms: The same when they confirm the plan.
        days: How many days ahead the meeting is first, and then.
        hours: At what hour, Swedish time.
        participants_first: Whether the participants are chosen before the consent is recorded.
        named_again: Whether later messages still name whoever is left out.
        plan_names_agencies: Whether somebody addresses the plan to the agencies as well.
        withdrawn: Whom the individual takes the consent back from in the end; None is all of it.
    """

    seed: int
    called: tuple[UnitId, ...]
    invited: tuple[UnitId, ...]
    left_out: UnitId
    left_out_of: Literal["consent", "participants"]
    new_time_by: UnitId
    answers: tuple[UnitId, ...]
    answers_again: tuple[UnitId, ...]
    confirms: tuple[UnitId, ...]
    days: tuple[int, int]
    hours: tuple[int, int]
    participants_first: bool
    named_again: bool
    plan_names_agencies: bool
    withdrawn: Who | None

    @property
    def everybody(self) -> tuple[UnitId, ...]:
        """All seven, in the order they are named in."""
        return (*self.called, *self.invited)

    @property
    def units(self) -> tuple[UnitId, ...]:
        """The units with a duty that may know."""
        return self._without_one(self.called)

    @property
    def agencies(self) -> tuple[UnitId, ...]:
        """The agencies that may know."""
        return self._without_one(self.invited)

    @property
    def consented(self) -> tuple[UnitId, ...]:
        """Which units the consent to plan, meeting and exchange names."""
        return self.units if self.left_out_of == "consent" else self.called

    @property
    def consented_agencies(self) -> tuple[OrganisationNumber, ...]:
        """Which agencies the consent to the invitation names: whole organisations."""
        named = self.agencies if self.left_out_of == "consent" else self.invited
        return tuple(unit.organisation for unit in named)

    @property
    def approved(self) -> tuple[UnitId, ...]:
        """Whom the individual wants at the table."""
        return self._without_one(self.everybody) if self.left_out_of == "participants" else self.everybody

    @property
    def asked_again(self) -> tuple[UnitId, ...]:
        """Whom the new time is sent to."""
        return self.everybody if self.named_again else self._without_one(self.everybody)

    @property
    def met(self) -> tuple[UnitId, ...]:
        """Whom the meeting's end is told to."""
        return self.called if self.named_again else self.units

    @property
    def planned(self) -> tuple[UnitId, ...]:
        """Whom the plan is addressed to."""
        return (*self.met, *(self.invited if self.plan_names_agencies else ()))

    def _without_one(self, units: tuple[UnitId, ...]) -> tuple[UnitId, ...]:
        return tuple(unit for unit in units if unit != self.left_out)


def written(seed: int) -> Script:
    """Return the story of a seed."""
    chance = Random(seed)  # noqa: S311 - a story, not a secret
    called, invited = tuple(chance.sample(CALLED, len(CALLED))), tuple(chance.sample(INVITED, len(INVITED)))
    left_out = _LEFT_OUT[seed % len(_LEFT_OUT)]
    units = [unit for unit in called if unit != left_out]
    orders = [tuple(chance.sample(units, len(units))) for _ in range(3)]
    told: list[Who] = [SISTER, *(unit for unit in (*called, *invited) if unit != left_out)]
    first = chance.randint(8, 21)
    coins = [chance.random() < 0.5 for _ in range(4)]  # noqa: PLR2004 - a coin
    return Script(
        seed=seed,
        called=called,
        invited=invited,
        left_out=left_out,
        left_out_of="consent" if coins[0] else "participants",
        new_time_by=FK if left_out == AF else AF,
        answers=orders[0],
        answers_again=orders[1],
        confirms=orders[2],
        days=(first, first + chance.randint(1, 14)),
        hours=(chance.randint(8, 15), chance.randint(8, 15)),
        participants_first=coins[1],
        named_again=coins[2],
        plan_names_agencies=coins[3],
        withdrawn=None if seed % 2 else chance.choice(told),
    )
