"""Going home from hospital through the real flow: the clocks of A10, the kallelse of A16, and what the statute's notices reach and do not."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from siphub.errors import Conflict, Forbidden, Invalid
from siphub.flow import track
from siphub.model import people as p
from siphub.model import sample
from siphub.model.case import SipCase
from siphub.model.messages import receipt as r
from siphub.policy.deadlines import deadlines
from siphub.sandbox import Fault
from siphub.testing import chapters
from siphub.testing.story import SECRECY_ASSESSED, Story, until
from siphub.testing.world import PARTNERS, World

STOCKHOLM = ZoneInfo("Europe/Stockholm")
TO = (p.CONTACT, p.CARE_CENTRE)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a Swedish clock time in November 2026 as UTC; the 13th is a Friday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=STOCKHOLM).astimezone(UTC)


def case_of(world: World, story: Story) -> SipCase:
    """Return the case as the hub keeps it."""
    return track.case_of(world.hub.ground, story.owner, str(story.case_id))


def clocks(world: World, story: Story) -> dict[str, datetime]:
    """Return when each clock of the discharge runs out."""
    found = deadlines(case_of(world, story), world.hub.ground.directory(), world.hub.ground.now())
    return {each.kind: each.due_at.astimezone(STOCKHOLM) for each in found if each.kind in {"kallelse", "payment"}}


def admitted(world: World) -> Story:
    """Return a stay at the hospital that municipality and care centre have been told of."""
    story = chapters.of_the_region(world.story())
    told = chapters.admitted(story).states
    assert told == dict.fromkeys(TO, ("queued", None))
    return story


@pytest.mark.req(32)
def test_a10_discharge_friday_afternoon(world: World) -> None:
    """Given a notice Friday 13.10, revoked Saturday, given again Sunday 09.00, then the old clocks are void and the new ones count from Sunday.

    The kallelse is due at the end of Wednesday, three days after Sunday; the payment clock starts apart, by the rule of 12.00. Each notice
    reaches both units, and when it did can be shown.
    """
    story = admitted(world)
    first, second = uuid4(), uuid4()
    chapters.ready_to_go_home(story, first, at(13, 13, 10))
    friday = clocks(world, story)
    assert friday["kallelse"] == datetime(2026, 11, 17, tzinfo=STOCKHOLM)
    assert friday["payment"] == datetime(2026, 11, 17, tzinfo=STOCKHOLM)  # sent after 12.00: four days
    chapters.not_ready_after_all(story, first, at(14, 10))
    assert clocks(world, story) == {}
    with pytest.raises(Conflict) as old:
        chapters.not_ready_after_all(story, second, at(14, 11))
    assert old.value.code == "discharge.no_such_notice"
    chapters.ready_to_go_home(story, second, at(15, 9))
    sunday = clocks(world, story)
    assert sunday["kallelse"] == datetime(2026, 11, 19, tzinfo=STOCKHOLM)  # the end of Wednesday the 18th
    assert sunday["payment"] == datetime(2026, 11, 18, tzinfo=STOCKHOLM)  # sent before 12.00: three days
    chapters.summoned_at_discharge(story, [p.CONTACT, p.HOME_CARE], basis=SECRECY_ASSESSED)
    assert set(clocks(world, story)) == {"payment"}
    assert world.settled(story)
    for unit in TO:
        notices = [name for name in world.types(unit, story) if name.startswith("inpatient.")]
        assert notices == [
            "inpatient.admitted",
            "inpatient.discharge_ready",
            "inpatient.discharge_ready.revoked",
            "inpatient.discharge_ready",
        ]
    for row in world.deliveries(story):
        history = track.delivery(world.hub.ground, row.id)
        events = [event.event for event in history.events]
        assert (events[0], events[-2:], events.count("outcome.delivered")) == ("accept.queue", ["claim.permit", "outcome.delivered"], 1)
        assert set(events[1:-2]) <= {"claim.permit", "permit.expired"}  # a machine that is slow for a second claims again
        assert all(event.at.tzinfo is not None for event in history.events)
    chapters.gone_home(story, at(16, 14))
    assert clocks(world, story) == {}


def test_a16_no_to_the_plan_yes_to_going_home(world: World) -> None:
    """Given a patient who refuses a SIP, when the fast vårdkontakt records that secrecy does not hinder, then the duty-bound are called in time.

    The basis stands on each delivery, its decider in the sender's own message; no plan is possible, and FK and AF get nothing.
    """
    story = admitted(world)
    notice = uuid4()
    chapters.ready_to_go_home(story, notice, at(16, 9))
    story.refused()
    assert case_of(world, story).state == "CONSENT_REFUSED"
    units = (p.CONTACT, p.HOME_CARE)
    told = chapters.summoned_at_discharge(story, [*units, p.FK, p.AF], basis=SECRECY_ASSESSED).states
    assert {unit: told[unit] for unit in units} == dict.fromkeys(units, ("queued", None))
    assert {told[unit][0] for unit in (p.FK, p.AF)} == {"withheld"}
    assert world.settled(story)
    assert case_of(world, story).state == "SUMMONED"
    assert "kallelse" not in clocks(world, story)
    called = [row for row in world.deliveries(story) if row.message_type == "meeting.summoned" and row.recipient in units]
    assert {row.basis for row in called} == {"secrecy_assessed"}
    message = track.message(world.hub.ground, world.caller(p.REGION), str(story.sent[-1].message_id))["message"]
    assert message["basis"]["decided_by"] == "Lena Läkare"
    assert world.types(p.FK, story) == world.types(p.AF, story) == []
    with pytest.raises(Invalid) as no_plan:
        story.proposed(units)
    assert no_plan.value.code == "plan.no_consent"
    chapters.summoned_at_discharge(story, [p.HOME_CARE], basis=SECRECY_ASSESSED)


@pytest.mark.req(20, 32, "discharge-initiator")
def test_only_the_fast_vardkontakts_unit_calls_at_a_discharge(world: World) -> None:
    """Given a discharge, when municipality or ward calls by LUS 4:1, or the convener does not take part itself, then it is refused (G16)."""
    story = admitted(world)
    with pytest.raises(Conflict) as early:
        chapters.summoned_at_discharge(story, [p.CONTACT], basis=SECRECY_ASSESSED)
    assert early.value.code == "discharge.none"
    chapters.ready_to_go_home(story, uuid4(), at(16, 9))
    for unit in (p.CONTACT, p.HOSPITAL):
        with pytest.raises(Forbidden) as refused:
            chapters.summoned_at_discharge(story, [p.HOME_CARE], basis=SECRECY_ASSESSED, by=unit)
        assert refused.value.code == "discharge.not_care_contact"
    absent = story.message(
        chapters.kallelse_at_discharge(story, p.CARE_CENTRE, [p.CONTACT]), [p.CONTACT], by=p.CARE_CENTRE, basis=SECRECY_ASSESSED
    )
    with pytest.raises(Invalid) as missing:
        world.send(absent)
    assert missing.value.code == "discharge.care_contact_absent"


def test_the_statutes_notices_reach_the_duty_bound_and_nobody_else(world: World) -> None:
    """Given an admission, when it is addressed to agencies too, or the basis is not stated, then it is withheld; a consent to a SIP opens nothing."""
    story = chapters.of_the_region(world.story())
    told = chapters.admitted(story, [*TO, p.FK, p.AF]).states
    assert {unit: told[unit][0] for unit in (*TO, p.FK, p.AF)} == {**dict.fromkeys(TO, "queued"), p.FK: "withheld", p.AF: "withheld"}
    story.consented((*TO, p.FK))
    story.approved((*TO, p.FK))
    content = chapters.ready_content(uuid4(), at(16, 9))
    assert story.say(content, [p.FK], by=p.HOSPITAL).states[p.FK] == ("withheld", "basis.none")
    assert story.say(content, [p.CONTACT], by=p.HOSPITAL).states[p.CONTACT][0] == "withheld"
    assert until(lambda: world.types(p.CONTACT, story) == ["inpatient.admitted"])


def test_a_withdrawn_consent_does_not_stop_the_statutes_notices(world: World) -> None:
    """Given a withdrawal of everything, when the hospital gives its notice, then it goes out all the same (LIFECYCLE 4.8)."""
    story = admitted(world)
    story.consented(TO)
    story.withdrawn()
    told = chapters.ready_to_go_home(story, uuid4(), at(16, 9)).states
    assert told == dict.fromkeys(TO, ("queued", None))
    assert world.settled(story)
    assert world.types(p.CONTACT, story) == ["inpatient.admitted", "inpatient.discharge_ready"]


@pytest.mark.req(32)
def test_who_has_stopped_the_sip_is_still_called_for_at_going_home(world: World) -> None:
    """Given a consent taken back whole, when the care centre calls by LUS 4:1, then the duty-bound hear, FK does not, and the SIP stays stopped."""
    story = admitted(world)
    story.consented((*TO, p.FK))
    story.withdrawn()
    chapters.ready_to_go_home(story, uuid4(), at(16, 9))
    told = chapters.summoned_at_discharge(story, [p.CONTACT, p.FK], basis=SECRECY_ASSESSED).states
    assert (told[p.CONTACT], told[p.FK][0]) == (("queued", None), "withheld")
    assert world.settled(story)
    assert "meeting.summoned" in world.types(p.CONTACT, story)
    assert world.types(p.FK, story) == []
    assert case_of(world, story).state == "SUSPENDED_NO_CONSENT"
    assert "kallelse" not in clocks(world, story)
    story.consented(TO)
    assert case_of(world, story).state == "SUMMONED"


def test_whoever_the_admission_reaches_is_in_the_case_and_nobody_else(world: World) -> None:
    """Given an admission to the municipality's unit and, wrongly, to Försäkringskassan, then the one may answer in the case, the other is not in it."""
    story = chapters.of_the_region(world.story())
    chapters.admitted(story, [*TO, p.FK])
    assert set(case_of(world, story).units) == {p.HOSPITAL, *TO}
    assert until(lambda: world.types(p.CONTACT, story) == ["inpatient.admitted"])
    story.say(r.Read(message_id=story.sent[0].message_id, unit=p.CONTACT, at=story.now, reader_role="biståndshandläggare"), by=p.CONTACT)
    assert world.states(story, "inpatient.admitted")[p.CONTACT] == "read"


def test_the_statutes_rules_are_not_gone_round_by_another_basis(world: World) -> None:
    """Given a discharge, when anybody calls by SoL 10:8 on an assessment, then it is refused: without a consent only LUS 4:1 calls (G16)."""
    story = admitted(world)
    chapters.ready_to_go_home(story, uuid4(), at(16, 9))
    for unit, code in ((p.CARE_CENTRE, "discharge.other_basis"), (p.HOSPITAL, "sender.role")):
        content = chapters.kallelse_at_discharge(story, unit, [unit]).model_copy(update={"duty_basis": "SoL10:8"})
        with pytest.raises((Invalid, Forbidden)) as refused:
            story.say(content, [p.HOME_CARE], by=unit, basis=SECRECY_ASSESSED)
        assert refused.value.code == code
    assert world.types(p.HOME_CARE, story) == []


def test_no_need_of_a_plan_stops_no_notice_of_the_discharge(world: World) -> None:
    """Given a stay in whose case no plan is found needed, when she is ready to go home, then the notice goes out and both clocks run."""
    story = admitted(world)
    needless = sample("need.assessed").content.model_copy(update={"needed": False})
    story.say(needless, by=p.CONTACT)
    assert case_of(world, story).state == "DECLINED_NO_NEED"
    told = chapters.ready_to_go_home(story, uuid4(), at(16, 9)).states
    assert told == dict.fromkeys(TO, ("queued", None))
    assert set(clocks(world, story)) == {"kallelse", "payment"}
    with pytest.raises(Conflict):
        chapters.admitted(story)


def test_closing_the_sip_stops_what_waits_and_not_the_statutes_notices(world: World) -> None:
    """Given a kallelse, a new coordinator and a notice that all wait for a partner, when the plan is closed, then the notice alone still goes."""
    story = admitted(world)
    assert world.settled(story)
    world.sandbox.fault(PARTNERS[p.CONTACT], Fault("status"))
    story.consented(TO)
    story.approved(TO)
    story.summoned([p.CONTACT])
    chapters.coordinated_by(story, p.CARE_CENTRE, [p.CONTACT])
    chapters.ready_to_go_home(story, uuid4(), at(16, 9))
    story.closed([p.CONTACT])
    over = {"meeting.summoned", "coordinator.changed"}  # one that is just being sent would arrive after all, and be called back
    stopped = {"superseded", "recalled", "withheld"}
    assert until(lambda: {row.state for row in world.deliveries(story) if row.message_type in over} <= stopped)
    world.sandbox.clear()
    assert world.settled(story)
    assert [name for name in world.types(p.CONTACT, story) if name != "stop.notice"] == ["inpatient.admitted", "inpatient.discharge_ready"]
