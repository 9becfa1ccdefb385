"""What waits for a guardian from whom the whereabouts become secret goes without its free texts, and somebody reads those through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from siphub.flow import track
from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.model.person import CasePerson
from siphub.testing import chapters
from siphub.testing.story import Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
MOTHER, FATHER = PersonRef("guardian/1"), PersonRef("guardian/2")
AGENDA = ("Skolan i Norrby",)


@pytest.fixture
def still(make_world: Callable[..., World]) -> Iterator[World]:
    """Give a hub whose workers have not begun."""
    world = make_world()
    world.open(start=False)
    yield world
    world.hub.stop()


def listed(story: Story, *, secret: bool) -> None:
    """List both guardians; from the father the address may be secret."""
    father = CasePerson(ref=FATHER, name="Frans Vårdnadshavare", address_secret=secret)
    chapters.approved(story, UNITS, (CasePerson(ref=MOTHER, name="Mona Vårdnadshavare"), father))


def read_through(world: World) -> list[tuple[str, str]]:
    """Return whose desk it is on, and whom the delivery is for."""
    found = [item for item in track.desk(world.hub.ground) if item.type == "guardian.read_through"]
    with world.hub.ground.store.read() as work:
        rows = [work.deliveries.by_id(item.delivery_id or "") for item in found]
    return [(item.unit, row.recipient) for item, row in zip(found, rows, strict=True) if row is not None]


@pytest.mark.req(58)
@pytest.mark.parametrize(("agenda", "asked"), [(AGENDA, [(p.CONTACT, FATHER)]), ((), [])])
def test_what_waits_when_the_address_becomes_secret_is_read_through(
    still: World, agenda: tuple[str, ...], asked: list[tuple[str, str]]
) -> None:
    """Given a kallelse waiting for two guardians, when the address becomes secret from one, then its texts to him are somebody's work, once."""
    story = still.story()
    story.requested()
    story.consented(UNITS)
    listed(story, secret=False)
    story.say(story.kallelse().model_copy(update={"agenda": agenda}), (MOTHER, FATHER))
    assert read_through(still) == []
    for _ in range(2):
        listed(story, secret=True)
        assert read_through(still) == asked
