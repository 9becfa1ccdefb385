"""What an agency is told and what it never is, through the whole hub: a narrative, whatever consent and directory say, and what is its own to know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from siphub.flow import track
from siphub.model import Person
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.model.messages import plan as pl
from siphub.model.messages import request as rq
from siphub.model.person import PersonNumberIdentity
from siphub.sandbox import Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.sdk_world import BY_SDK, SdkWorld, sdk_world
from siphub.testing.story import ALL, CANARY, Story, until

AGENCIES = (p.FK, p.AF)
STATES = {
    ("meeting.invited", "delivered", None),
    ("meeting.rescheduled", "delivered", None),
    ("plan.proposed", "withheld", "basis.none"),
    ("plan.established", "withheld", "basis.none"),
}
REASON = "kanariefagel-4711"


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Iterator[SdkWorld]:
    """Return a running hub with each agency on its own adapter; a test may name further options of their entries."""
    options = getattr(request, "param", {})
    with SdkSandbox(certificates=sandbox.certificates) as sdk, sdk_world(sandbox, sdk, tmp_path, options=options) as running:
        yield running


def planned(world: SdkWorld, scopes: tuple[c.Scope, ...]) -> Story:
    """Return a case in which both agencies are invited to the meeting, hear of a new time and why, and are addressed by the plan."""
    story = world.story()
    story.requested()
    story.consented([p.HOME_CARE])
    story.consented(AGENCIES, scopes)
    story.approved([p.HOME_CARE, *AGENCIES])
    story.summoned([p.HOME_CARE])
    story.invited(AGENCIES)
    assert all(world.in_state(story, unit, "delivered") for unit in AGENCIES)
    moved = m.MeetingRescheduled(
        meeting=story.meeting(2, days=15), supersedes=1, convener=story.convener, respond_by=story.now + timedelta(days=8), reason=REASON
    )
    story.say(moved, AGENCIES)
    story.held([p.HOME_CARE], version=2)
    plan = story.plan([p.HOME_CARE]).model_copy(update={"needs": (CANARY,), "goals": (pl.Goal(id="g1", text=CANARY),)})
    story.say(pl.PlanProposed(plan=plan), [p.HOME_CARE, *AGENCIES])
    story.confirmed(p.HOME_CARE, "a1")
    story.say(pl.PlanEstablished(plan=plan), [p.HOME_CARE, *AGENCIES])
    return story


@pytest.mark.parametrize("world", [{}, {"narrative": "yes"}], ids=["entry-silent", "entry-willing"], indirect=True)
def test_no_agency_is_told_of_a_life_whatever_consent_and_directory_say(world: SdkWorld) -> None:
    """Given a consent that covers plan and exchange of information and one that covers the invitation alone, and entries with the option narrative and without, then neither agency is sent a plan, a reason or a word of the individual's in any of the four, and its invitation arrives in all."""
    for scopes in (ALL, ("meeting", "invite")):
        story = planned(world, scopes)
        assert world.settled(story)
        for unit in AGENCIES:
            assert until(partial(come_to, world, story, unit))
        assert not [item for item in track.desk(world.hub.ground) if item.type == "delivery.objection"]
    said = b"".join(world.service.traffic.bodies()).decode()
    assert not [word for word in (CANARY, REASON, "Stöd i vardagen", "hemtjänst", "Hemtjänst") if word in said]


def come_to(world: SdkWorld, story: Story, unit: Any) -> bool:
    """Say whether everything for an agency has come to where it belongs."""
    return {(row.message_type, row.state, row.reason) for row in world.deliveries(story) if row.recipient == unit} == STATES


def told(world: SdkWorld, story: Story, unit: Any) -> str:
    """Return the whole invitation that an agency got."""
    assert world.in_state(story, unit, "delivered")
    return json.dumps(world.service.body({p.FK: "fk", p.AF: "af"}[unit], world.newest(story, unit).key), ensure_ascii=False)


@pytest.mark.parametrize(
    ("registered", "said"), [("yes", "är samtycket registrerat hos er; kontrollera"), ("no", "inte registrerat hos er")]
)
def test_af_alone_is_told_what_the_consent_says_of_its_register(world: SdkWorld, registered: Any, said: str) -> None:
    """Given a consent that says whether it is registered at AF, then AF's text says so, as information that stops nothing, and FK's says nothing of it."""
    story = world.story()
    story.requested()
    given = c.ConsentGiven(
        scopes=ALL,
        parties=tuple(c.Party(party=unit) for unit in AGENCIES),
        mode="oral",
        given_by=story.own_word,
        capacity=c.Capacity(state="able"),
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
        registered_at_af=registered,
    )
    story.say(given)
    story.approved(AGENCIES)
    story.invited(AGENCIES)
    assert said in told(world, story, p.AF)
    assert "registrera" not in told(world, story, p.FK)


def test_what_calls_back_reaches_an_agency_though_the_person_is_protected_meanwhile(world: SdkWorld) -> None:
    """Given an invitation to both agencies, a protection that becomes known afterwards, a new time and then a withdrawn consent, then the new time is held, and the stop notice comes, which says nothing of the person."""
    story = world.story()
    story.ready(AGENCIES)
    story.invited(AGENCIES)
    assert all(world.in_state(story, unit, "delivered") for unit in AGENCIES)
    subject = Person(identity=PersonNumberIdentity(value=p.SUBJECT_NUMBER), protection="protected_registration")
    story.say(rq.ParticipantsApproved(units=AGENCIES, approved_on=story.now.date(), approved_how="oral"), subject=subject)
    moved = m.MeetingRescheduled(
        meeting=story.meeting(2, days=15), supersedes=1, convener=story.convener, respond_by=story.now + timedelta(days=8)
    )
    story.say(moved, AGENCIES)
    assert until(lambda: {world.newest(story, unit, "meeting.rescheduled").state for unit in AGENCIES} == {"held"})
    assert {world.newest(story, unit, "meeting.rescheduled").reason for unit in AGENCIES} == {"protected.not_cleared"}
    story.withdrawn()
    for unit in AGENCIES:
        assert until(partial(_stopped, world, story, unit))
        taken = world.agency(unit).taken(str(story.case_id))
        assert [entry.message_type for entry in taken] == ["Inbjudan till SIP-möte", "Inga fler meddelanden i ärendet"]
        notice = json.dumps(world.service.body(BY_SDK[unit], taken[-1].key))
        assert not [word for word in (str(p.SUBJECT_NUMBER), str(p.SUBJECT_NUMBER)[2:], "skydd", "Provsdotter") if word in notice]


def _stopped(world: SdkWorld, story: Story, unit: UnitId) -> bool:
    found = [row for row in world.deliveries(story) if (row.message_type, row.recipient) == ("stop.notice", unit)]
    return bool(found) and found[-1].state == "delivered"
