"""A guardian who may not know where the individual is: no later list of people lays that open, whatever it says and leaves out (section 5.8)."""

from __future__ import annotations

import pytest

from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.model.person import CasePerson
from siphub.policy.disclosure import kinds_of
from siphub.testing import chapters
from siphub.testing.desk import Desk

FATHER, OTHER = PersonRef("guardian/2"), PersonRef("guardian/3")
FRANS = CasePerson(ref=FATHER, name="Frans Vårdnadshavare", address_secret=True)
MONA = CasePerson(ref=PersonRef("guardian/1"), name="Mona Vårdnadshavare")


def listed(desk: Desk, *people: CasePerson) -> None:
    """Approve participants, with these people."""
    chapters.approved(desk.story, (p.HOME_CARE,), people)
    assert desk.last.code is None


@pytest.fixture
def kept(desk: Desk) -> Desk:
    """Give a case in which one of two guardians may not know where the child is."""
    desk.story.requested()
    listed(desk, MONA, FRANS)
    return desk


@pytest.mark.req(58)
@pytest.mark.parametrize(
    "again",
    [
        FRANS.model_copy(update={"address_secret": False}),
        FRANS.model_copy(update={"address_secret": False, "name": "Frans V Vårdnadshavare"}),
        FRANS.model_copy(update={"address_secret": False, "ref": OTHER}),
    ],
)
@pytest.mark.parametrize("left_out", [True, False])
def test_a_later_list_does_not_tell_a_guardian_where(kept: Desk, again: CasePerson, *, left_out: bool) -> None:
    """Given such a guardian, when a later list does not say it, names them otherwise or elsewhere, or left them out before, then it stands."""
    if left_out:
        listed(kept, MONA)
    listed(kept, MONA, again)
    assert kinds_of(again.ref, kept.open, kept.directory, kept.story.sent[0]) == ("guardian_restricted",)
    assert kinds_of(MONA.ref, kept.open, kept.directory, kept.story.sent[0]) == ("guardian",)


def test_only_a_guardian_is_kept_from_it(kept: Desk) -> None:
    """Given such a guardian, when somebody of that name is listed who is no guardian, then they are what the list says."""
    listed(kept, MONA, CasePerson(ref=PersonRef("relative/1"), name=FRANS.name, chosen=True))
    assert kinds_of(PersonRef("relative/1"), kept.open, kept.directory, kept.story.sent[0]) == ("relative",)
