"""Work that a case asks for as it stands: when a message makes it so it is opened, once, and whatever makes it otherwise settles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from siphub.model import people as p
from siphub.model.case import DischargeRecord
from siphub.model.identifiers import PersonRef
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson
from siphub.policy.case import OpenWork
from siphub.policy.owed import KINDS, asked_for
from siphub.testing import chapters
from siphub.testing.desk import Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
ONE, TWO, THREE = PersonRef("guardian/1"), PersonRef("guardian/2"), PersonRef("guardian/3")
UNASKED = "consent.guardian_unasked"


def owed(desk: Desk) -> list[OpenWork]:
    """Return what the newest message put on a desk."""
    return [effect for effect in desk.last.effects if isinstance(effect, OpenWork)]


def asks(desk: Desk) -> set[str]:
    """Return what the case asks for now."""
    assert asked_for(desk.open, desk.now) <= KINDS
    return set(asked_for(desk.open, desk.now))


def registered(desk: Desk, *guardians: PersonRef) -> list[OpenWork]:
    """Let these be the guardians there are."""
    people = [CasePerson(ref=ref, name="Vera Vårdnadshavare") for ref in guardians]
    chapters.approved(desk.story, UNITS, (CasePerson(ref=chapters.ME, name="Prov Provsdotter"), *people))
    assert desk.last.code is None
    return owed(desk)


def given(desk: Desk, guardians: Sequence[PersonRef], ground: c.Ground = "both_guardians", until: int | None = None) -> list[OpenWork]:
    """Let guardians say yes to everything, for some days."""
    cannot_wait = "Mötet är i morgon." if ground == "other_hindered" else None
    content = c.ConsentGiven(
        scopes=("plan", "meeting", "information_exchange"),
        parties=tuple(c.Party(party=unit) for unit in UNITS),
        mode="oral",
        given_by=c.GivenBy(kind="guardian", ground=ground, guardians=tuple(guardians), cannot_wait=cannot_wait),
        capacity=c.Capacity(state="able"),
        obtained_by=desk.story.eva,
        obtained_on=p.DAY,
        documented_in_record=True,
        valid_until=desk.now + timedelta(days=until) if until else None,
    )
    desk.story.say(content)
    assert desk.last.code is None
    return owed(desk)


@pytest.fixture
def child(desk: Desk) -> Desk:
    """Give a child's case in which the two guardians there are have consented."""
    desk.story.requested()
    assert registered(desk, ONE, TWO) == []
    assert given(desk, (ONE, TWO)) == []
    return desk


@pytest.mark.req(39)
def test_a_guardian_who_comes_later_is_asked(child: Desk) -> None:
    """Given both guardians' yes, when a third is registered, then the coordinator has to ask, once, until all three have said yes."""
    assert registered(child, ONE, TWO, THREE) == [OpenWork(UNASKED, p.CONTACT)]
    assert registered(child, ONE, TWO, THREE) == []
    assert asks(child) == {UNASKED}
    assert (given(child, (ONE, TWO, THREE)), asks(child)) == ([], set())


def test_who_is_no_guardian_any_more_is_not_asked(child: Desk) -> None:
    """Given a guardian who has not been asked, when they are registered no longer, then nobody has to ask."""
    registered(child, ONE, TWO, THREE)
    assert (registered(child, ONE, TWO), asks(child)) == ([], set())
    assert registered(child, ONE, TWO, THREE) == [OpenWork(UNASKED, p.CONTACT)]


@pytest.mark.parametrize(
    "settles",
    [
        lambda desk: given(desk, (ONE,), "other_hindered"),
        lambda desk: desk.story.withdrawn(person=ONE),
        lambda desk: desk.story.refused(),
        lambda desk: desk.story.closed(()),
    ],
)
def test_where_no_consent_needs_the_guardian_nobody_is_asked(child: Desk, settles: Callable[[Desk], object]) -> None:
    """Given a guardian who has not been asked, when another ground takes the place, nothing is left, or the case ends, then nobody has to ask."""
    registered(child, ONE, TWO, THREE)
    settles(child)
    assert asks(child) == set()


def test_a_consent_on_another_ground_needs_nobody_who_comes_later(desk: Desk) -> None:
    """Given a consent without the other guardian, who is hindered, when that one is registered, then nobody has to ask."""
    desk.story.requested()
    registered(desk, ONE)
    given(desk, (ONE,), "other_hindered")
    assert registered(desk, ONE, TWO) == []


def test_what_has_run_out_asks_nobody(desk: Desk) -> None:
    """Given both guardians' yes that has run out, when a third is registered, then there is no consent that needs their word."""
    desk.story.requested()
    registered(desk, ONE, TWO)
    given(desk, (ONE, TWO), until=2)
    desk.later(timedelta(days=3))
    assert registered(desk, ONE, TWO, THREE) == []


def test_what_runs_out_takes_the_work_with_it(desk: Desk) -> None:
    """Given a guardian who has not been asked, when the consent that needs their word runs out, then nobody has to ask, though nothing is said."""
    desk.story.requested()
    registered(desk, ONE, TWO)
    given(desk, (ONE, TWO), until=2)
    assert registered(desk, ONE, TWO, THREE) == [OpenWork(UNASKED, p.CONTACT)]
    desk.later(timedelta(days=3))
    assert asks(desk) == set()


def test_a_part_that_rests_on_the_old_yes_is_still_to_be_asked_for(child: Desk) -> None:
    """Given a third guardian, when all three say yes to one unit alone, then the other unit still rests on two of them."""
    registered(child, ONE, TWO, THREE)
    content = child.story.sent[2].content
    assert isinstance(content, c.ConsentGiven)
    by_three = content.given_by.model_copy(update={"guardians": (ONE, TWO, THREE)})
    child.story.say(content.model_copy(update={"given_by": by_three, "parties": content.parties[:1]}))
    assert owed(child) == []
    child.story.withdrawn([p.CARE_CENTRE])
    assert (owed(child), asks(child)) == ([], set())


# ── a meeting without the individual ──

GONE = "meeting.absence_withdrawn"
MOST: tuple[c.Scope, ...] = ("plan", "meeting", "information_exchange")


def absent(desk: Desk, attendance: str = "absent_consented") -> None:
    """Call to a meeting, or further units to it."""
    desk.story.say(desk.story.kallelse().model_copy(update={"individual_attendance": attendance}), UNITS)


@pytest.fixture
def without(desk: Desk) -> Desk:
    """Give a case in which a meeting is planned without the individual, who consented to that."""
    desk.story.ready(UNITS, (*MOST, "meeting_in_absence"))
    absent(desk)
    assert (owed(desk), desk.state) == ([], "SUMMONED")
    return desk


def taken_back(desk: Desk) -> list[OpenWork]:
    """Let the individual take back the absence, and nothing else."""
    desk.story.say(c.ConsentWithdrawn(extent="scopes", scopes=("meeting_in_absence",), received_by=desk.story.eva, at=desk.now))
    return owed(desk)


@pytest.mark.parametrize(
    "take",
    [
        taken_back,
        lambda desk: desk.story.refused(("meeting_in_absence",)),
        lambda desk: desk.story.say(
            c.ConsentAmended(remove_scopes=("meeting_in_absence",), obtained_by=desk.story.eva, obtained_on=desk.now.date())
        ),
    ],
)
def test_whoever_wants_to_be_there_after_all_is_somebodys_work(without: Desk, take: Callable[[Desk], object]) -> None:
    """Given a meeting without the individual, when that alone is taken back, whichever way, then the coordinator has work and the case goes on."""
    take(without)
    assert (owed(without), without.state) == ([OpenWork(GONE, p.CONTACT)], "SUMMONED")
    taken_back(without)
    assert owed(without) == []


@pytest.mark.parametrize(
    "settles",
    [
        lambda desk: desk.story.rescheduled(UNITS),
        lambda desk: desk.story.cancelled(UNITS),
        lambda desk: desk.story.held(UNITS),
        lambda desk: desk.story.consented(UNITS, ("meeting_in_absence",)),
        lambda desk: absent(desk, "attends"),
        lambda desk: desk.story.closed(UNITS),
    ],
)
def test_what_makes_the_absence_right_again_settles_it(without: Desk, settles: Callable[[Desk], object]) -> None:
    """Given an absence that was taken back, when the meeting changes, is held with the individual, or a consent comes, then it is settled."""
    taken_back(without)
    settles(without)
    assert without.last.code is None
    assert asks(without) == set()


def test_a_meeting_the_individual_comes_to_is_nobodys_work(desk: Desk) -> None:
    """Given a meeting that the individual comes to, when an absence nobody planned is taken back, then there is nothing to do."""
    desk.story.ready(UNITS, (*MOST, "meeting_in_absence"))
    absent(desk, "attends")
    assert taken_back(desk) == []


def test_a_meeting_that_was_moved_is_still_without_the_individual(without: Desk) -> None:
    """Given a meeting that was moved while the absence was consented to, when it is taken back, then the coordinator has work all the same."""
    without.story.rescheduled(UNITS)
    assert taken_back(without) == [OpenWork(GONE, p.CONTACT)]
    without.story.cancelled(UNITS, version=2)
    assert asks(without) == set()


def test_where_everything_is_taken_back_there_is_one_thing_to_do(without: Desk) -> None:
    """Given a meeting without the individual, when everything is taken back, then that is the work, and not the absence besides."""
    without.story.withdrawn()
    assert owed(without) == [OpenWork("consent.withdrawn", p.CONTACT)]


def test_a_planning_of_a_discharge_stands_and_so_does_what_is_to_be_seen_to(desk: Desk) -> None:
    """Given a planning by LUS 4:1 without the individual, when everything is taken back, then it is held, and somebody sees that they can come."""
    desk.story.ready(UNITS, (*MOST, "meeting_in_absence"))
    stay = DischargeRecord(
        admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY, care_contact_unit=p.CARE_CENTRE, notice_id=uuid4(), given_at=desk.now
    )
    desk.case = desk.open.model_copy(update={"discharge": stay, "units": (*desk.open.units, p.CARE_CENTRE)})
    call = chapters.kallelse_at_discharge(desk.story, p.CARE_CENTRE, (p.CARE_CENTRE, p.HOME_CARE))
    alone = call.model_copy(update={"individual_attendance": "absent_consented"})
    desk.story.say(alone, [p.HOME_CARE], by=p.CARE_CENTRE, basis=SECRECY_ASSESSED)
    assert (desk.last.code, owed(desk)) == (None, [])
    desk.story.withdrawn()
    assert owed(desk) == [OpenWork("consent.withdrawn", p.CONTACT), OpenWork(GONE, p.CONTACT)]
    assert (desk.state, asks(desk)) == ("SUSPENDED_NO_CONSENT", {GONE})
