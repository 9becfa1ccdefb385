"""What a case asks for as it stands is on a desk while it does: through the real flow, and nobody closes it by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from siphub.flow import track
from siphub.flow.expiry import expire_consents
from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson
from siphub.testing import chapters
from siphub.testing.clock import Hand
from siphub.testing.story import ALL, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
GUARDIANS = tuple(PersonRef(f"guardian/{number}") for number in (1, 2, 3))


def on_the_desk(world: World, kind: str) -> list[str]:
    """Return whose desks have open work of a kind."""
    return [item.unit for item in track.desk(world.hub.ground) if item.type == kind]


def of_guardians(story: Story, *guardians: PersonRef) -> None:
    """These are the child's guardians."""
    chapters.approved(story, UNITS, [CasePerson(ref=ref, name="Vera Vårdnadshavare") for ref in guardians])


def by_guardians(story: Story, *guardians: PersonRef, until: datetime | None = None) -> None:
    """All of them say yes."""
    content = c.ConsentGiven(
        scopes=("plan", "meeting", "information_exchange"),
        parties=tuple(c.Party(party=unit) for unit in UNITS),
        mode="oral",
        given_by=c.GivenBy(kind="guardian", ground="both_guardians", guardians=guardians),
        capacity=c.Capacity(state="able"),
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
        valid_until=until,
    )
    story.say(content)


@pytest.mark.parametrize("settles", [lambda story: by_guardians(story, *GUARDIANS), lambda story: of_guardians(story, *GUARDIANS[:2])])
def test_a_guardian_who_comes_later_is_on_the_coordinators_desk(world: World, settles: Callable[[Story], object]) -> None:
    """Given two guardians' yes, when a third is registered, then the contact has to ask until that one has said yes too, or is none any more."""
    kind, story = "consent.guardian_unasked", world.story()
    story.requested()
    of_guardians(story, *GUARDIANS[:2])
    by_guardians(story, *GUARDIANS[:2])
    assert on_the_desk(world, kind) == []
    of_guardians(story, *GUARDIANS)
    assert on_the_desk(world, kind) == [p.CONTACT]
    settles(story)
    assert on_the_desk(world, kind) == []


@pytest.mark.parametrize("noticed", [True, False])
def test_work_that_time_has_settled_is_on_nobodys_desk(make_world: Callable[..., World], *, noticed: bool) -> None:
    """Given a guardian to be asked, when the consent runs out, then the sweep, or the next message before it, takes that off the desk."""
    hand = Hand(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    world = make_world(clock=hand)
    world.open(start=False)
    kind, story = "consent.guardian_unasked", world.story(now=hand.at)
    story.requested()
    of_guardians(story, *GUARDIANS[:2])
    by_guardians(story, *GUARDIANS[:2], until=hand.at + timedelta(days=1))
    of_guardians(story, *GUARDIANS)
    assert on_the_desk(world, kind) == [p.CONTACT]
    hand.at = story.now = hand.at + timedelta(days=2)
    if noticed:
        expire_consents(world.hub.ground)
    else:
        by_guardians(story, *GUARDIANS)
    assert on_the_desk(world, kind) == []
    world.hub.stop()


@pytest.mark.parametrize("settles", [lambda story: story.rescheduled(UNITS), lambda story: story.consented(UNITS, ("meeting_in_absence",))])
def test_an_absence_that_is_taken_back_is_on_the_coordinators_desk(world: World, settles: Callable[[Story], object]) -> None:
    """Given a meeting without the individual, when that alone is taken back, then somebody has to see to it until it is right again."""
    kind, story = "meeting.absence_withdrawn", world.story()
    story.ready(UNITS, (*ALL, "meeting_in_absence"))
    story.say(story.kallelse().model_copy(update={"individual_attendance": "absent_consented"}), UNITS)
    assert on_the_desk(world, kind) == []
    story.say(c.ConsentWithdrawn(extent="scopes", scopes=("meeting_in_absence",), received_by=story.eva, at=story.now))
    assert on_the_desk(world, kind) == [p.CONTACT]
    settles(story)
    assert on_the_desk(world, kind) == []
