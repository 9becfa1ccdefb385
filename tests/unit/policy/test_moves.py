"""Units that were merged, renamed or closed while a case is open: who stands for them, and for whom nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

import pytest

from siphub.model import Directory, Unit
from siphub.model import people as p
from siphub.model.case import (
    Commitment,
    ConsentChange,
    ConsentRecord,
    DischargeRecord,
    Grant,
    MeetingRecord,
    Participant,
    Planned,
    PlanRecord,
    SipCase,
)
from siphub.model.identifiers import UnitId
from siphub.model.person import UnitContact
from siphub.policy.moves import moved, re_ask, why_gone
from siphub.testing import chapters
from siphub.testing.desk import Desk, wide_directory
from siphub.testing.story import ALL

MERGED = UnitId("SE2120009994-1003")
DAY = p.DAY
CLOSED = {"closed_on": DAY, "address": None}


def changed(base: Directory, *more: Unit, **units: Mapping[str, object]) -> Directory:
    """Return a directory with some units changed, named as in `people`, and others added."""
    by_id = {getattr(p, name): change for name, change in units.items()}
    kept = tuple(unit.model_copy(update=by_id.get(unit.id, {})) for unit in base.units)
    return base.model_copy(update={"units": (*kept, *more)})


def merged(**more: Mapping[str, object]) -> Directory:
    """Return the directory after home care has been taken over by another unit of the municipality."""
    base = wide_directory()
    old = base.unit(p.HOME_CARE)
    assert old is not None
    new = old.model_copy(update={"id": MERGED, "name": "Hemtjänsten norr"})
    return changed(base, new, HOME_CARE={**CLOSED, "successor": MERGED}, **more)


def contact_of(unit: UnitId) -> UnitContact:
    """Return a contact at a unit."""
    return UnitContact(name="Eva Kontakt", unit=unit, phone="090-123 45 67")


def grant(party: UnitId, scope: str = "meeting", **more: object) -> Grant:
    """Return a grant in both directions."""
    return Grant.model_validate({"scope": scope, "party": party, "direction": "both", "since": p.NOON, **more})


def everywhere(unit: UnitId) -> SipCase:
    """Return a case in which a unit stands wherever one can stand."""
    desk = Desk()
    desk.story.requested()
    meeting = MeetingRecord(
        id=desk.story.meeting_id, version=1, convener=contact_of(unit), participants=(Participant(unit=unit, duty=True, state="ACCEPTED"),)
    )
    plan = PlanRecord(
        id=desk.story.plan_id,
        version=1,
        state="proposed",
        activities=(Planned(activity="a1", unit=unit, digest="0"),),
        commitments=(Commitment(unit=unit, activity="a1", confirmed=True),),
    )
    update = {
        "contact": unit,
        "coordinator": contact_of(unit),
        "deputy": contact_of(unit),
        "requesters": (unit,),
        "discharge": DischargeRecord(admitting_unit=unit, municipality=p.MUNICIPALITY, care_contact_unit=unit),
        "units": (unit, p.CARE_CENTRE),
        "grants": (grant(unit), grant(p.CARE_CENTRE)),
        "meetings": (meeting,),
        "plan": plan,
        "draft": plan.model_copy(update={"version": 2}),
    }
    return desk.open.model_copy(update=update)


def there(other: SipCase, case: SipCase) -> SipCase:
    """Return another case under the ids of this one."""
    assert other.plan is not None
    assert other.draft is not None
    assert case.plan is not None
    meetings = tuple(found.model_copy(update={"id": mine.id}) for found, mine in zip(other.meetings, case.meetings, strict=True))
    plan, draft = (found.model_copy(update={"id": case.plan.id}) for found in (other.plan, other.draft))
    return other.model_copy(update={"case_id": case.case_id, "meetings": meetings, "plan": plan, "draft": draft})


def test_a_successor_stands_wherever_the_unit_stood() -> None:
    """Given a unit merged into another of its organisation, then no trace of it is left in what the case will do next, and all else is."""
    case = everywhere(p.HOME_CARE)
    after = moved(case, merged(), DAY)
    assert p.HOME_CARE not in after.model_dump_json()
    assert after == there(everywhere(MERGED), case)


def test_before_its_day_nothing_is_moved() -> None:
    """Given a unit that closes tomorrow, then today the very same case comes back, and tomorrow another."""
    case = everywhere(p.HOME_CARE)
    assert moved(case, merged(), DAY - timedelta(days=1)) is case
    assert moved(case, wide_directory(), DAY) is case
    assert moved(case, merged()) != case


def test_successors_are_followed_to_the_end() -> None:
    """Given a unit that was taken over twice, then the last one stands; one whose last successor is elsewhere is left where it is."""
    case = everywhere(p.HOME_CARE)
    further = merged()
    twice = further.model_copy(
        update={
            "units": tuple(
                unit.model_copy(update={**CLOSED, "successor": p.CONTACT}) if unit.id == MERGED else unit for unit in further.units
            )
        }
    )
    assert moved(case, twice, DAY).contact == p.CONTACT
    away = twice.model_copy(
        update={"units": tuple(unit.model_copy(update={"successor": p.CARE_CENTRE}) if unit.id == MERGED else unit for unit in twice.units)}
    )
    assert moved(case, away, DAY) is case
    assert re_ask(case, away, DAY) == (p.HOME_CARE,)


@pytest.mark.parametrize(
    ("change", "why", "again"),
    [
        ({"successor": p.CARE_CENTRE}, "unit.moved_organisation", (p.HOME_CARE,)),
        ({"successor": None}, "unit.closed", ()),
        ({"successor": p.CONTACT}, None, ()),
    ],
)
def test_nobody_of_another_organisation_steps_in(change: Mapping[str, object], why: str | None, again: tuple[str, ...]) -> None:
    """Given a closed unit, then only a successor in its own organisation stands for it; one elsewhere must be asked for again."""
    directory = changed(wide_directory(), HOME_CARE={**CLOSED, **change})
    case = everywhere(p.HOME_CARE)
    assert why_gone(p.HOME_CARE, directory, DAY) == why
    assert re_ask(case, directory, DAY) == again
    assert (moved(case, directory, DAY) is case) == (why is not None)


def test_a_unit_nobody_knows_is_left_alone() -> None:
    """Given a unit that is not in the directory, then it stays in the case, and is not said to be closed."""
    directory = merged().model_copy(update={"units": tuple(unit for unit in merged().units if unit.id != p.HOME_CARE)})
    case = everywhere(p.HOME_CARE)
    assert moved(case, directory, DAY) is case
    assert why_gone(p.HOME_CARE, directory, DAY) is None


def test_a_merger_widens_no_consent() -> None:
    """Given grants to a unit and to its successor, then the successor's own word counts; of two that merge, the one that ends first."""
    soon, late = p.NOON + timedelta(days=10), p.NOON + timedelta(days=90)
    directory = merged(CONTACT={**CLOSED, "successor": MERGED})
    case = everywhere(p.HOME_CARE)

    def until(*grants: Grant) -> list[tuple[str, object]]:
        after = moved(case.model_copy(update={"grants": grants}), directory, DAY)
        return [(found.party, found.until) for found in after.grants]

    assert until(grant(p.HOME_CARE), grant(MERGED, until=soon)) == [(MERGED, soon)]
    assert until(grant(MERGED, until=late), grant(p.HOME_CARE, until=soon)) == [(MERGED, late)]
    assert until(grant(p.HOME_CARE, until=late), grant(p.CONTACT, until=soon)) == [(MERGED, soon)]
    assert until(grant(p.HOME_CARE), grant(p.CONTACT, until=soon)) == [(MERGED, soon)]
    assert until(grant(p.HOME_CARE, until=soon), grant(p.CONTACT)) == [(MERGED, soon)]


def test_what_two_consents_became_either_giver_can_take_back() -> None:
    """Given grants of two units that become one, resting on a consent each, then what is left rests on both, once, whichever ends first."""
    directory = merged(CONTACT={**CLOSED, "successor": MERGED})
    first, second = UUID(int=1), UUID(int=2)
    until = p.NOON + timedelta(days=10)

    def left(*grants: Grant) -> tuple[Grant, ...]:
        return moved(everywhere(p.HOME_CARE).model_copy(update={"grants": grants}), directory, DAY).grants

    apart = (grant(p.HOME_CARE, until=until, rests_on=(first,)), grant(p.CONTACT, rests_on=(second,)))
    assert [(found.party, found.until, found.rests_on) for found in left(*apart)] == [(MERGED, until, (first, second))]
    both = (grant(p.HOME_CARE, rests_on=(first,)), grant(p.CONTACT, until=until, rests_on=(second, first)))
    assert [(found.party, found.until, found.rests_on) for found in left(*both)] == [(MERGED, until, (first, second))]
    same = (grant(p.HOME_CARE, until=until, since=p.NOON), grant(p.CONTACT, until=until, since=p.NOON - timedelta(days=1)))
    assert [found.since for found in left(*same)] == [p.NOON]


def test_nobody_is_asked_for_again_before_the_day() -> None:
    """Given a unit whose work goes to another organisation, then its successor is asked for again from that day, and not on the day before."""
    directory = changed(wide_directory(), HOME_CARE={**CLOSED, "successor": p.CARE_CENTRE})
    case = everywhere(p.HOME_CARE)
    assert re_ask(case, directory, DAY - timedelta(days=1)) == ()
    assert re_ask(case, directory, DAY) == (p.HOME_CARE,)


def test_two_that_become_one_have_one_place() -> None:
    """Given two participants of whom one takes the other over, then it keeps its own answer, and the duty of either."""
    case = everywhere(p.HOME_CARE)
    places = (
        Participant(unit=p.HOME_CARE, duty=True, state="DECLINED"),
        Participant(unit=MERGED, duty=False, state="ACCEPTED"),
        Participant(unit=p.CARE_CENTRE, duty=True),
    )
    meeting = case.meetings[0].model_copy(update={"participants": places})
    after = moved(case.model_copy(update={"meetings": (meeting,), "units": (p.HOME_CARE, MERGED)}), merged(), DAY)
    assert [(found.unit, found.duty, found.state) for found in after.meetings[0].participants] == [
        (MERGED, True, "ACCEPTED"),
        (p.CARE_CENTRE, True, "SENT"),
    ]
    assert after.units == (MERGED,)


@pytest.mark.parametrize("own_first", [False, True])
def test_of_two_words_on_one_activity_the_successors_own_counts(own_first: bool) -> None:
    """Given a unit and its successor that have both spoken of an activity, then the successor's own word stands; what only one said is kept."""
    case = everywhere(p.HOME_CARE)
    assert case.plan is not None
    old, own = Commitment(unit=p.HOME_CARE, activity="a1", confirmed=True), Commitment(unit=MERGED, activity="a1", confirmed=False)
    other = Commitment(unit=p.HOME_CARE, activity="a2", confirmed=True)
    spoken = (own, old, other) if own_first else (old, own, other)
    after = moved(case.model_copy(update={"plan": case.plan.model_copy(update={"commitments": spoken})}), merged(), DAY)
    assert after.plan is not None
    assert {(found.unit, found.activity, found.confirmed) for found in after.plan.commitments} == {
        (MERGED, "a1", False),
        (MERGED, "a2", True),
    }


def test_the_successor_goes_on_where_the_unit_was() -> None:
    """Given a meeting to which a unit was called, when the unit is merged, then its successor answers, and confirms what was planned."""
    desk = Desk()
    desk.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    desk.story.summoned((p.HOME_CARE, p.CARE_CENTRE))
    desk.directory = merged()
    desk.story.responded(MERGED)
    assert desk.last.code is None
    desk.story.held((p.HOME_CARE, p.CARE_CENTRE))
    assert desk.last.reached == {MERGED, p.CARE_CENTRE}
    desk.story.proposed((p.HOME_CARE, p.CARE_CENTRE))
    desk.story.confirmed(MERGED, "a1")
    desk.story.confirmed(p.CARE_CENTRE, "a2")
    desk.story.established((MERGED, p.CARE_CENTRE))
    assert desk.state == "ACTIVE"


def test_a_kallelse_to_a_closed_unit_goes_to_its_successor_once() -> None:
    """Given a kallelse that names a closed unit and its successor, then one goes to the successor; a unit closed for good is held."""
    desk = Desk(directory=merged())
    desk.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    desk.story.summoned((p.HOME_CARE, MERGED, p.CARE_CENTRE))
    assert desk.last.states == {MERGED: ("queued", None), p.CARE_CENTRE: ("queued", None)}
    closed = Desk(directory=changed(wide_directory(), HOME_CARE=CLOSED, CARE_CENTRE={**CLOSED, "successor": p.CONTACT}))
    closed.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    closed.story.summoned((p.HOME_CARE, p.CARE_CENTRE))
    assert closed.last.states == {p.HOME_CARE: ("held", "unit.closed"), p.CARE_CENTRE: ("held", "unit.moved_organisation")}


def test_without_a_consent_a_closed_unit_is_withheld_like_any_other() -> None:
    """Given no consent for the unit, then that it is closed is not what is said first."""
    desk = Desk(directory=changed(wide_directory(), HOME_CARE=CLOSED))
    desk.story.ready((p.CARE_CENTRE,), ALL)
    desk.story.summoned((p.HOME_CARE, p.CARE_CENTRE))
    assert desk.last.states[p.HOME_CARE] == ("withheld", "basis.consent_missing")


def test_a_withdrawal_from_the_closed_unit_reaches_its_successor() -> None:
    """Given a consent that names a unit merged since, when it is taken back by the unit's old name, then the successor has none."""
    desk = Desk()
    desk.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    desk.directory = merged()
    desk.story.withdrawn((p.HOME_CARE,))
    assert desk.last.code is None
    assert desk.scopes_of(MERGED) == desk.scopes_of(p.HOME_CARE) == {}
    assert desk.scopes_of(p.CARE_CENTRE) != {}


def test_a_case_opened_at_a_closed_unit_is_its_successors() -> None:
    """Given a request that names a closed unit as receiver, then the case's contact is the successor, and the request goes there."""
    directory = changed(wide_directory(), CONTACT={**CLOSED, "successor": p.HOME_CARE})
    desk = Desk(directory=directory)
    desk.story.contact = p.CONTACT
    desk.story.requested()
    assert desk.open.contact == p.HOME_CARE
    assert desk.last.reached == {p.HOME_CARE}


def test_the_day_is_swedens() -> None:
    """Given a unit that closes on the 24th, then at eleven in the evening of the 23rd, UTC, it is closed in Sweden, and not before."""
    directory = changed(wide_directory(), HOME_CARE={"closed_on": date(2026, 11, 24), "successor": p.CONTACT})
    desk = Desk(directory=directory)
    desk.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    desk.later(timedelta(hours=11, minutes=59))
    desk.story.approved((p.HOME_CARE, p.CARE_CENTRE))
    assert desk.scopes_of(p.HOME_CARE) != {}
    desk.later(timedelta(minutes=1))
    desk.story.approved((p.CARE_CENTRE,))
    assert desk.scopes_of(p.HOME_CARE) == {}


# ── called by its old name ──


@pytest.mark.parametrize("kind", ["summoned", "invited", "rescheduled"])
def test_a_call_to_a_merged_unit_is_a_call_to_its_successor_at_once(kind: str) -> None:
    """Given a unit merged before it is called, when it is called by its old name, then its successor has the place, once, and answers for it."""
    desk = Desk(directory=merged())
    story = desk.story
    story.ready((p.HOME_CARE, p.CARE_CENTRE))
    assert desk.scopes_of(MERGED) != desk.scopes_of(p.HOME_CARE) == {}
    to = (p.HOME_CARE, MERGED, p.CARE_CENTRE)
    if kind == "rescheduled":
        story.summoned((p.CARE_CENTRE,))
    getattr(story, kind)(to)
    assert desk.last.states[MERGED] == (("queued", None) if kind != "invited" else ("withheld", "basis.none"))
    [meeting] = desk.open.meetings
    assert sorted(found.unit for found in meeting.participants) == sorted((MERGED, p.CARE_CENTRE))
    assert p.HOME_CARE not in desk.open.model_dump_json()


def test_a_follow_up_asks_the_successor_what_its_unit_answers_for() -> None:
    """Given a plan with a part for a unit merged since, when a follow-up asks it by its old name, then the successor is called and asked."""
    desk = Desk()
    story = desk.story
    units = (p.HOME_CARE, p.CARE_CENTRE)
    story.ready(units)
    story.summoned(units)
    story.held(units)
    story.proposed(units)
    for index, unit in enumerate(units, start=1):
        story.confirmed(unit, f"a{index}")
    story.established(units)
    desk.directory = merged()
    chapters.followed_up(story, units)
    assert desk.last.reached == {MERGED, p.CARE_CENTRE}
    assert {found.unit for found in desk.open.meetings[-1].participants} == {MERGED, p.CARE_CENTRE}


def test_a_call_to_a_unit_that_went_to_another_organisation_waits_for_a_person() -> None:
    """Given a unit whose work went to the region, when it is called by its old name, then nobody there is called: it is held, and to be asked again."""
    directory = changed(wide_directory(), HOME_CARE={**CLOSED, "successor": p.CARE_CENTRE})
    desk = Desk(directory=directory)
    desk.story.ready((p.HOME_CARE,))
    desk.story.summoned((p.HOME_CARE,))
    assert desk.last.states == {p.HOME_CARE: ("held", "unit.moved_organisation")}
    assert [found.unit for found in desk.open.meetings[0].participants] == [p.HOME_CARE]
    assert re_ask(desk.open, directory, DAY) == (p.HOME_CARE,)


def test_the_history_of_a_consent_moves_with_it() -> None:
    """Given consents to a unit, its successor and another, then the successor stands in the history of what it took over, and nowhere twice."""
    case = everywhere(p.HOME_CARE)

    def told(party: UnitId, scope: str) -> ConsentChange:
        return ConsentChange(scope=scope, party=party, event="consent.given")

    changes = (told(p.HOME_CARE, "meeting"), told(p.HOME_CARE, "plan"), told(p.CARE_CENTRE, "meeting"))
    record = ConsentRecord(message_id=UUID(int=1), decision="permit", at=p.NOON, obtained_by=p.CONTACT, changes=changes)
    grants = (grant(p.HOME_CARE), grant(p.HOME_CARE, "plan"), grant(MERGED, "plan"), grant(p.CARE_CENTRE))
    after = moved(case.model_copy(update={"grants": grants, "consents": (record,)}), merged(), DAY)
    expected = (told(MERGED, "meeting"), told(p.HOME_CARE, "plan"), told(p.CARE_CENTRE, "meeting"))
    assert after.consents == (record.model_copy(update={"changes": expected}),)


@pytest.mark.parametrize("place", ["plan", "draft", "admitting_unit", "care_contact_unit"])
def test_a_unit_that_stands_in_one_place_alone_is_found_there(place: str) -> None:
    """Given a unit that stands in the plan, in its draft, or in the stay in hospital and nowhere else, then its successor stands there."""
    whole, case = everywhere(p.HOME_CARE), everywhere(p.CARE_CENTRE)
    update = {place: whole.plan} if place in {"plan", "draft"} else {"discharge": stay_at(**{place: p.HOME_CARE})}
    after = moved(case.model_copy(update=update), merged(), DAY)
    assert p.HOME_CARE not in after.model_dump_json()
    assert MERGED in after.model_dump_json()


def stay_at(**units: UnitId) -> DischargeRecord:
    """Return a stay in hospital at these units, and at others else."""
    return DischargeRecord.model_validate({"admitting_unit": p.HOSPITAL, "municipality": p.MUNICIPALITY, **units})


def test_a_case_is_moved_on_the_day_and_not_before() -> None:
    """Given a contact that closes tomorrow, then a case that opens today is its own, also after a further message."""
    desk = Desk(directory=changed(wide_directory(), CONTACT={"closed_on": DAY + timedelta(days=1), "successor": p.HOME_CARE}))
    desk.story.requested()
    assert (desk.last.code, desk.open.contact) == (None, p.CONTACT)
    desk.story.consented((p.CARE_CENTRE,))
    assert (desk.last.code, desk.open.contact) == (None, p.CONTACT)
