"""A unit is merged or closed while something waits for it: through the real flow, from the directory's switch to the partner."""

from __future__ import annotations

from siphub.flow import directory as directories
from siphub.flow import track
from siphub.model import Address, Directory, Unit
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.policy.days import day_of
from siphub.store import Change
from siphub.testing.story import Story, until
from siphub.testing.world import World

MERGED = UnitId("SE2120009994-1003")
UNITS = (p.HOME_CARE, p.CARE_CENTRE)


def merged(world: World, successor: UnitId | None = MERGED) -> Directory:
    """Return the world's directory with home care closed today, and a new unit beside it."""
    base = world.directory()
    old = next(unit for unit in base.units if unit.id == p.HOME_CARE)
    closed = old.model_copy(update={"closed_on": day_of(world.hub.ground.now()), "address": None, "successor": successor})
    folder = world.folders / "merged"
    folder.mkdir(parents=True, exist_ok=True)
    new = Unit(
        id=MERGED,
        organisation=p.MUNICIPALITY,
        name="Hemtjänsten norr",
        public_label="Norrby kommun",
        address=Address(adapter="folder", endpoint=str(folder)),
    )
    return base.model_copy(update={"units": (*(unit for unit in base.units if unit.id != p.HOME_CARE), closed, new)})


def switched(world: World, directory: Directory) -> None:
    """Switch the directory."""
    directories.switch(world.hub.ground, directory, by="test")


def called(world: World) -> Story:
    """Return a case whose kallelse waits for both units, because the hub's workers have not begun."""
    story = world.story()
    story.ready(UNITS)
    assert world.settled(story)
    world.hub.stop()
    world.open(start=False)
    story.summoned(UNITS)
    return story


def files(world: World) -> int:
    """Return how many documents the new unit has got."""
    return len(list((world.folders / "merged").glob("*.json")))


def test_what_waits_for_a_merged_unit_arrives_at_its_successor(world: World) -> None:
    """Given a kallelse that waits, when its recipient is merged into another unit, then it arrives there, and no person has to act."""
    story = called(world)
    switched(world, merged(world))
    world.hub.start()
    assert world.settled(story)
    assert files(world) == 1
    assert world.got(p.HOME_CARE, story) == ()
    assert set(world.states(story, "meeting.summoned").values()) == {"delivered"}
    assert track.desk(world.hub.ground) == ()
    story.responded(MERGED)
    story.cancelled(UNITS)
    assert world.settled(story)
    assert files(world) == 2  # its stop notice too
    assert world.got(p.HOME_CARE, story) == ()


def test_what_is_said_in_the_case_meanwhile_takes_what_waits_along(world: World) -> None:
    """Given a kallelse that waits, when its recipient is merged and the case goes on, then it waits for the successor, and arrives once."""
    story = called(world)
    switched(world, merged(world))
    story.summoned((p.HOME_CARE, MERGED))
    rows = [row for row in world.deliveries(story) if row.message_type == "meeting.summoned"]
    assert {row.recipient for row in rows} == {MERGED, p.CARE_CENTRE}
    world.hub.start()
    assert world.settled(story)
    assert files(world) == 2  # one for each message
    with world.hub.store.read() as work:
        first = next(row for row in rows if row.recipient == MERGED)
        assert "unit.followed" in [event.event for event in work.events.of_delivery(first.owner, first.id)]
    assert track.desk(world.hub.ground) == ()


def test_a_consent_taken_back_stops_what_waits_for_the_successor(world: World) -> None:
    """Given a merged unit, when the consent for its old name is taken back, then what waits is withheld, and nothing arrives anywhere."""
    story = called(world)
    switched(world, merged(world))
    story.withdrawn((p.HOME_CARE,))
    world.hub.start()
    assert world.settled(story)
    assert files(world) == 0
    assert world.states(story, "meeting.summoned")[MERGED] == "withheld"


def test_a_unit_that_went_to_another_organisation_is_a_persons_work(world: World) -> None:
    """Given a kallelse that waits, when the unit's work goes to the region, then nothing is sent there, and somebody is told."""
    story = called(world)
    switched(world, merged(world, successor=p.CARE_CENTRE))
    world.hub.start()
    assert until(lambda: world.states(story, "meeting.summoned")[p.HOME_CARE] == "held")
    assert world.settled(story)
    assert world.types(p.CARE_CENTRE, story) == ["meeting.summoned"]
    assert [item.type for item in track.desk(world.hub.ground)] == ["delivery.unit.moved_organisation"]
    assert files(world) == 0


def test_what_may_have_arrived_at_the_old_place_is_not_sent_to_the_new_one(world: World) -> None:
    """Given a delivery whose attempt ended in doubt, when its recipient is merged, then a person looks at it: it could arrive twice."""
    story = called(world)
    row = next(row for row in world.deliveries(story) if row.recipient == p.HOME_CARE)
    doubt = Change(
        from_states=frozenset({"queued"}), to_state="queued", event="outcome.uncertain", at=world.hub.ground.now(), uncertain=True
    )
    with world.hub.store.write() as work:
        assert work.deliveries.change(row.id, doubt)
    switched(world, merged(world))
    world.hub.start()
    assert until(lambda: world.states(story, "meeting.summoned")[p.HOME_CARE] == "held")
    assert files(world) == 0
    assert {row.reason for row in world.deliveries(story) if row.recipient == p.HOME_CARE} == {"address.unit_changed"}
