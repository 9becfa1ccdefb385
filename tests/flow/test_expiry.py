"""Consents that run out by themselves, through the sweep: what waits is withheld, what was sent is called back, and all of it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from siphub.errors import Refused
from siphub.flow import expiry, track
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import consent as c
from siphub.model.messages.around import CoordinatorChanged
from siphub.sandbox import Fault
from siphub.testing.clock import Hand
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World
from siphub.testing.yard import Yard

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)
HOUR = timedelta(hours=1)


@pytest.fixture
def hand() -> Hand:
    """Give the clock."""
    return Hand()


@pytest.fixture
def timed(make_world: Callable[..., World], hand: Hand) -> Iterator[World]:
    """Give a running hub whose clock the test turns."""
    with make_world(clock=hand) as running:
        yield running


def called(world: World, hand: Hand) -> Story:
    """Return a case consented to for an hour, one unit reached, and one that is down."""
    world.sandbox.fault(PARTNERS[p.SOCIAL_SERVICES], Fault("status"))
    story = world.story(now=hand.at)
    story.requested()
    story.consented(UNITS, valid_until=hand.at + HOUR)
    story.approved(UNITS)
    story.summoned(UNITS)
    assert until(lambda: world.states(story, "meeting.summoned").get(p.HOME_CARE) == "delivered")
    assert until(world.resting)  # whose lease would run out with the clock, were it being sent when that is turned
    return story


def test_what_rests_on_a_consent_that_ran_out_is_stopped(timed: World, hand: Hand) -> None:
    """Given one unit reached and one waiting, when the consent runs out, then the one hears the stop notice, the other never anything."""
    story = called(timed, hand)
    hand.at += HOUR
    assert until(lambda: timed.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])
    timed.sandbox.clear()
    assert timed.settled(story)
    assert timed.types(p.SOCIAL_SERVICES, story) == []
    assert timed.states(story, "meeting.summoned") == {p.HOME_CARE: "recalled", p.SOCIAL_SERVICES: "withheld"}
    reasons = {row.reason for row in timed.deliveries(story) if row.message_type == "meeting.summoned"}
    assert reasons == {"basis.consent_expired"}
    case = track.case_of(timed.hub.ground, story.owner, str(story.case_id))
    assert (case.state, case.resumes) == ("SUSPENDED_NO_CONSENT", "PREPARING")
    assert [item.type for item in track.desk(timed.hub.ground) if item.case_id == str(story.case_id)].count("consent.expired") == 1
    assert [change.type for change in track.consent_history(timed.hub.ground, str(story.case_id))][-1] == "consent.expired"


def test_looking_twice_does_it_once(make_world: Callable[..., World], hand: Hand) -> None:
    """Given a consent that ran out, when the sweep looks twice, then the second time there is nothing to do."""
    with make_world(clock=hand, sweep_every="1h") as world:
        story = called(world, hand)
        hand.at += HOUR
        assert [expiry.expire_consents(world.hub.ground), expiry.expire_consents(world.hub.ground)] == [1, 0]
        assert until(lambda: world.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])


def test_nobody_can_tell_that_a_consent_ran_out(timed: World, hand: Hand) -> None:
    """Given one consent that ran out and another that was taken back, then the notices differ in ids and times only."""
    ran_out, taken_back = called(timed, hand), called(timed, hand)
    taken_back.withdrawn()
    hand.at += HOUR
    notices = []
    for story in (ran_out, taken_back):
        assert until(lambda story=story: timed.types(p.HOME_CARE, story) == ["meeting.summoned", "stop.notice"])  # type: ignore[misc]  # a default binds the loop's value
        body = timed.bodies(p.HOME_CARE, story)[-1].decode()
        notices.append(sorted(line.partition(">")[0] for line in body.replace("><", ">\n<").splitlines()))
    assert notices[0] == notices[1]


@pytest.mark.parametrize(("days", "whose"), [(8, p.CONTACT), (9, p.CARE_CENTRE)])
def test_whoever_coordinates_that_day_has_the_work(tmp_path: Path, days: int, whose: UnitId) -> None:
    """Given another coordinator from the first of the month, when nobody has said anything since, then what comes up is on the right desk.

    Whether a consent runs out by itself, or a relative's yes is refused.
    """
    with Yard(tmp_path / "hub", clock=Hand(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))) as yard:
        story = Story(yard.send, now=yard.clock.at)
        story.requested()
        story.consented(UNITS, valid_until=yard.clock.at + timedelta(days=days))
        story.consented([p.CARE_CENTRE])
        story.approved((*UNITS, p.CARE_CENTRE))
        story.summoned((*UNITS, p.CARE_CENTRE))
        vera = story.convener.model_copy(update={"unit": p.CARE_CENTRE})
        story.say(CoordinatorChanged(coordinator=vera, from_date=date(2026, 12, 1), agreed_with_individual=True), UNITS)
        yard.clock.on(timedelta(days=days))
        daughters = c.GivenBy(kind="relative")
        given = [message.content for message in story.sent if isinstance(message.content, c.ConsentGiven)]
        with pytest.raises(Refused):
            story.say(given[0].model_copy(update={"given_by": daughters}))
        assert expiry.expire_consents(yard.ground) == 1
        with yard.ground.store.read() as work:
            items = work.work_items.of_case(story.owner, str(story.case_id))
        assert {item.type: item.unit for item in items if item.closed_at is None} == {"basis.choose": whose, "consent.expired": whose}
