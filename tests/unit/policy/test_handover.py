"""Another coordinator from a day on: told before, and in force on the day (A2, G6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from siphub.model import people as p
from siphub.model import sample
from siphub.model.case import Handover
from siphub.model.identifiers import UnitId
from siphub.model.messages import around as a
from siphub.model.person import UnitContact
from siphub.policy.deadlines import deadlines
from siphub.policy.moves import moved
from siphub.policy.step import OpenWork
from siphub.testing.desk import Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)


def contact(unit: UnitId) -> UnitContact:
    """Return somebody at a unit."""
    return UnitContact(name="Vera Vårdcentral", unit=unit, phone="090-765 43 21")


def coordinated(desk: Desk, coordinator: UnitContact, deputy: UnitContact | None, *, days: int = 0) -> None:
    """Name who coordinates in so many days, and who stands in."""
    day = desk.now.date() + timedelta(days=days)
    desk.story.say(a.CoordinatorChanged(coordinator=coordinator, deputy=deputy, from_date=day, agreed_with_individual=True), UNITS)


def test_until_its_day_nothing_is_changed(active: Desk) -> None:
    """Given a coordinator from next week, then until that day the old one closes the plan and the new one does not; from then on the other way."""
    changed, effects = active.did(lambda: coordinated(active, contact(p.CARE_CENTRE), contact(p.HOME_CARE), days=7))
    coming = Handover(coordinator=contact(p.CARE_CENTRE), deputy=contact(p.HOME_CARE), from_date=p.DAY + timedelta(days=7))
    assert (changed, effects) == ({"handover": coming}, ())
    assert may(active) == {p.CONTACT}
    active.later(timedelta(days=6))
    assert may(active) == {p.CONTACT}
    active.later(timedelta(days=1))
    assert may(active) == {p.CARE_CENTRE, p.HOME_CARE}
    assert {found.unit for found in deadlines(active.open, active.directory, active.now) if found.kind == "followup"} == {p.CARE_CENTRE}
    active.story.withdrawn([p.FK])
    assert (active.open.coordinator, active.open.handover) == (contact(p.CARE_CENTRE), None)


def may(desk: Desk) -> set[str]:
    """Return which units may close the plan now."""
    before = desk.open
    allowed: set[str] = set()
    for unit in (p.CONTACT, p.CARE_CENTRE, p.HOME_CARE, p.SOCIAL_SERVICES):
        desk.story.say(sample("plan.closed").content, UNITS, by=unit)
        allowed |= {unit} if desk.last.refusal is None else set()
        desk.case = before
    return allowed


def test_another_change_takes_its_place(active: Desk) -> None:
    """Given a handover that was agreed on, when another coordinator is named from today, then that one stays."""
    coordinated(active, contact(p.CARE_CENTRE), None, days=7)
    coordinated(active, contact(p.HOME_CARE), None)
    assert (active.open.coordinator, active.open.handover) == (contact(p.HOME_CARE), None)


def test_whom_the_individual_leaves_out_does_not_come(active: Desk) -> None:
    """Given a handover, when the individual takes everything from that unit, then the one there is goes on, and has work; of another's it stays."""
    coordinated(active, contact(p.CARE_CENTRE), None, days=7)
    active.story.withdrawn([p.HOME_CARE])
    assert active.open.handover is not None
    changed, effects = active.did(lambda: active.story.withdrawn([p.CARE_CENTRE]))
    assert changed["handover"] is None
    assert p.CARE_CENTRE not in {grant.party for grant in active.open.grants}
    assert OpenWork("coordinator.excluded", p.CONTACT) in effects


@pytest.mark.parametrize("closed", [p.CARE_CENTRE, p.HOME_CARE])
def test_a_unit_that_is_merged_meanwhile_comes_as_its_successor(active: Desk, closed: UnitId) -> None:
    """Given a handover, when one of its units is taken over, then its successor stands in its place."""
    heir = p.HOSPITAL if closed == p.CARE_CENTRE else p.CONTACT
    coordinated(active, contact(p.CARE_CENTRE), contact(p.HOME_CARE), days=7)
    gone = {"closed_on": p.DAY, "successor": heir, "address": None}
    units = tuple(found.model_copy(update=gone) if found.id == closed else found for found in active.directory.units)
    coming = moved(active.open, active.directory.model_copy(update={"units": units}), p.DAY).handover
    assert coming is not None
    assert coming.deputy is not None
    expected = {p.CARE_CENTRE: p.CARE_CENTRE, p.HOME_CARE: p.HOME_CARE, closed: heir}
    assert (coming.coordinator.unit, coming.deputy.unit) == (expected[p.CARE_CENTRE], expected[p.HOME_CARE])
