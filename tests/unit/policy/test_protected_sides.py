"""Whose side somebody protected is on, and whose staff they are."""

from __future__ import annotations

import pytest

from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber, PersonRef, UnitId
from siphub.model.messages.proposal import Proposer
from siphub.model.person import CasePerson, UnitContact
from siphub.policy.protection import own_side, shielded_in
from siphub.testing.desk import Desk, wide_directory


@pytest.mark.parametrize(
    ("unit", "organisation"),
    [(p.CARE_CENTRE, p.REGION), (p.HOME_CARE, p.MUNICIPALITY), (UnitId("SE2321000016-9999"), p.MUNICIPALITY)],
    ids=["another", "own", "unknown"],
)
def test_whose_staff_a_protected_coordinator_is(unit: UnitId, organisation: OrganisationNumber) -> None:
    """Given a protected coordinator in a kallelse, then it is their own unit's organisation that stands in; the sender's where no one knows the unit."""
    desk = Desk()
    desk.story.requested()
    coordinator = UnitContact(name="Sara Skyddad", unit=unit, phone="090-123 45 67", protection="confidentiality_flag")
    message = desk.story.message(desk.story.kallelse().model_copy(update={"coordinator": coordinator}), [p.HOME_CARE])
    assert [(found.name, found.organisation) for found in shielded_in(message, wide_directory())] == [("Sara Skyddad", organisation)]


@pytest.mark.parametrize(("kind", "own"), [("unit", False), ("relative", True), ("other", True)])
def test_whoever_proposes_is_staff_or_of_the_individuals_side(kind: str, own: bool) -> None:
    """Given who proposes a SIP, then a unit's is staff, and everybody else is of the individual's side."""
    assert own_side(Proposer.model_validate({"kind": kind, "name": "Pia Provsdotter", "phone": "090-123 45 67"})) == own


@pytest.mark.parametrize(("ref", "named"), [("individual", []), ("relative/1", ["Siv Provsdotter"]), ("guardian/1", ["Siv Provsdotter"])])
def test_the_individual_is_not_one_of_those_around(ref: str, named: list[str]) -> None:
    """Given a list of the people of a case with somebody protected, then those around the individual are remembered by name, and the individual is not."""
    desk = Desk()
    desk.story.requested()
    person = CasePerson(ref=PersonRef(ref), name="Siv Provsdotter", protection="protected_registration")
    desk.story.approved([p.HOME_CARE])
    message = desk.story.sent[-1]
    listed = message.model_copy(update={"content": message.content.model_copy(update={"people": (person,)})})
    assert [found.name for found in shielded_in(listed, wide_directory())] == named
