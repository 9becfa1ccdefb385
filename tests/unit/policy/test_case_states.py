"""The case's state table, walked whole: every (state, event) pair through `decide` itself, and that nobody is stuck anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import product
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.model import CATALOGUE, BasisClaim, Message, sample
from siphub.model import people as p
from siphub.model.case import CaseState, DischargeRecord, Grant, MeetingRecord, Participant, PlanConsent, Planned, PlanRecord, SipCase
from siphub.model.identifiers import PersonRef
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.model.messages import otherplan as o
from siphub.model.messages import plan as pl
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.model.person import StaffMember
from siphub.policy import lifecycle
from siphub.policy.case import Decision, decide
from siphub.policy.refusal import Refusal
from siphub.testing import chapters
from siphub.testing.desk import Desk, wide_directory
from siphub.testing.story import SECRECY_ASSESSED, Story

STATES: tuple[CaseState, ...] = get_args(CaseState)
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)

BY_ITSELF = {"consent.expired:part", "consent.expired:all"}
"""Events that time makes, and no message; tests/unit/policy/test_consent_expiry.py walks them."""

STORY = Story(lambda _: (_ for _ in ()).throw(AssertionError), now=p.NOON)
ME = STORY.convener
PLAN_CONSENT = tuple(
    Grant(scope=scope, party=p.HOME_CARE, direction="both", since=p.NOON) for scope in ("plan", "meeting", "information_exchange")
)

TO_A_PLAN = PlanConsent(
    message_id=uuid4(),
    given_by=c.GivenBy(kind="individual"),
    mode="oral",
    obtained_by=p.CONTACT,
    obtained_on=p.DAY,
    at=p.NOON,
)


def case(state: CaseState, **more: object) -> SipCase:
    """Return a case in a state: one planned meeting, a plan, a consent; what an event needs otherwise is given."""
    fields = {
        "case_id": STORY.case_id,
        "owner": p.MUNICIPALITY,
        "state": state,
        "resumes": "ACTIVE" if state == "SUSPENDED_NO_CONSENT" else None,
        "subject": sample("meeting.summoned").subject,
        "contact": p.CONTACT,
        "units": (p.CONTACT, p.HOME_CARE),
        "grants": PLAN_CONSENT,
        "plan_consent": TO_A_PLAN,
        "meetings": (meeting(),),
        "plan": PlanRecord(id=STORY.plan_id, version=1, state="proposed"),
    }
    return SipCase.model_validate({**fields, **more})


def meeting(state: str = "planned") -> MeetingRecord:
    """Return the meeting, with home care's place."""
    places = (Participant(unit=p.HOME_CARE, duty=True),)
    return MeetingRecord.model_validate({"id": STORY.meeting_id, "version": 1, "convener": ME, "state": state, "participants": places})


def held(outcome: str) -> m.MeetingHeld:
    """Return a meeting that was held."""
    fields = {"meeting_id": STORY.meeting_id, "meeting_version": 1, "held_on": p.DAY, "attended_units": (), "individual": "present"}
    return m.MeetingHeld.model_validate({**fields, "outcome": outcome})


def given_consent(*scopes: c.Scope) -> c.ConsentGiven:
    """Return a yes to home care for some scopes."""
    return sample("consent.given").content.model_copy(update={"scopes": scopes})  # type: ignore[return-value]  # the sample's content is that type


def withdrawn(**more: object) -> c.ConsentWithdrawn:
    """Return a consent taken back."""
    return c.ConsentWithdrawn.model_validate({"received_by": STORY.eva, "at": p.NOON, **more})


def plan(version: int = 1) -> pl.Plan:
    """Return a plan in which nobody else has a part."""
    return STORY.plan((p.CONTACT,), version)


def say(content: object, *, by: object = None, basis: BasisClaim | None = None, **changes: object) -> tuple[Message, Mapping[str, object]]:
    """Return a message, and how the case must be changed for it to make sense."""
    return STORY.message(content, by=by, basis=basis), changes  # type: ignore[arg-type]  # whatever content the table below gives


NEXT_MEETING = STORY.meeting(2)
STANDING = PlanRecord(id=STORY.plan_id, version=1, state="established", activities=(Planned(activity="a1", unit=p.HOME_CARE, digest="-"),))
DISCHARGING = meeting().model_copy(update={"discharge": True})
FOLLOWING = meeting().model_copy(update={"kind": "follow_up"})


def follow_up() -> f.FollowUpSummoned:
    """Return a kallelse to a follow-up of the plan."""
    return f.FollowUpSummoned(
        meeting=STORY.meeting(),
        plan_id=STORY.plan_id,
        plan_version=1,
        purpose="follow-up",
        convener=ME,
        duty_basis="SoL10:8",
        respond_by=p.NOON + timedelta(days=7),
    )


def followed_up() -> f.FollowUpHeld:
    """Return a follow-up that was held, after which the plan ends."""
    return f.FollowUpHeld(
        meeting_id=STORY.meeting_id,
        meeting_version=1,
        plan_id=STORY.plan_id,
        plan_version=1,
        held_on=p.DAY,
        attended_units=(p.HOME_CARE,),
        individual="present",
        decision="close",
    )


EVENTS: Mapping[str, Callable[[], tuple[Message, Mapping[str, object]]]] = {
    "sip.requested": lambda: say(sample("sip.requested").content),
    "sip.proposed": lambda: say(sample("sip.proposed").content),
    "need.assessed:yes": lambda: say(sample("need.assessed").content),
    "need.assessed:no": lambda: say(sample("need.assessed").content.model_copy(update={"needed": False})),
    "participants.approved": lambda: say(rq.ParticipantsApproved(units=UNITS, approved_on=p.DAY, approved_how="oral")),
    "consent.given:enough": lambda: say(given_consent("meeting", "information_exchange")),
    **{
        f"consent.given:back_to_{state.lower()}": lambda state=state: say(given_consent("meeting", "information_exchange"), resumes=state)  # type: ignore[misc]  # bound here, or every one would be the last
        for state in lifecycle.RESUMED
    },
    "consent.given:back_to_summoned": lambda: say(
        given_consent("meeting", "information_exchange"), resumes="PREPARING", meetings=(DISCHARGING,)
    ),
    "consent.given:partial": lambda: say(given_consent("meeting"), grants=()),
    "consent.refused": lambda: say(c.ConsentRefused(obtained_by=STORY.eva, obtained_on=p.DAY)),
    "consent.amended": lambda: say(c.ConsentAmended(remove_scopes=("invite",), obtained_by=STORY.eva, obtained_on=p.DAY)),
    "consent.withdrawn:part": lambda: say(withdrawn(extent="scopes", scopes=("plan",))),
    "consent.withdrawn:all": lambda: say(withdrawn()),
    "meeting.summoned": lambda: say(STORY.kallelse()),
    "meeting.summoned:no-consent": lambda: say(STORY.kallelse(), basis=SECRECY_ASSESSED),
    "meeting.summoned:discharge": lambda: say(
        chapters.kallelse_at_discharge(STORY, p.CARE_CENTRE, [p.CARE_CENTRE]),
        by=p.CARE_CENTRE,
        basis=SECRECY_ASSESSED,
        units=(p.CONTACT, p.CARE_CENTRE),
        meetings=(),
        discharge=DischargeRecord(
            admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY, notice_id=uuid4(), care_contact_unit=p.CARE_CENTRE
        ),
    ),
    "meeting.invited": lambda: say(
        m.MeetingInvited(meeting=STORY.meeting(), purpose="sip", convener=ME, respond_by=p.NOON + timedelta(days=7))
    ),
    "meeting.response": lambda: say(
        m.MeetingResponse(
            meeting_id=STORY.meeting_id, meeting_version=1, response="accept", responder=m.Responder(name="Hanna", role="chef")
        ),
        by=p.HOME_CARE,
    ),
    "meeting.rescheduled": lambda: say(m.MeetingRescheduled(meeting=NEXT_MEETING, supersedes=1, convener=ME, respond_by=p.NOON)),
    "meeting.rescheduled:discharge": lambda: say(
        m.MeetingRescheduled(meeting=NEXT_MEETING, supersedes=1, convener=ME, respond_by=p.NOON), meetings=(DISCHARGING,)
    ),
    "meeting.cancelled": lambda: say(m.MeetingCancelled(meeting_id=STORY.meeting_id, meeting_version=1, phone=ME.phone)),
    "meeting.cancelled:again": lambda: say(
        m.MeetingCancelled(meeting_id=STORY.meeting_id, meeting_version=1, phone=ME.phone), meetings=(meeting("cancelled"),)
    ),
    "meeting.cancelled:discharge": lambda: say(
        m.MeetingCancelled(meeting_id=STORY.meeting_id, meeting_version=1, phone=ME.phone), meetings=(DISCHARGING,)
    ),
    "meeting.held:plan": lambda: say(held("plan")),
    "meeting.held:no_plan": lambda: say(held("no_plan")),
    "meeting.held:new_meeting": lambda: say(held("new_meeting")),
    "meeting.held:discharge": lambda: say(held("plan"), meetings=(DISCHARGING,)),
    "sip.initiated": lambda: say(sample("sip.initiated").content),
    "sip.request.answered": lambda: say(sample("sip.request.answered").content),
    "sip.request.withdrawn": lambda: say(sample("sip.request.withdrawn").content),
    "followup.summoned": lambda: say(follow_up(), plan=STANDING, meetings=()),
    "followup.held": lambda: say(followed_up(), plan=STANDING, meetings=(FOLLOWING,)),
    "activity.status": lambda: say(
        f.ActivityStatus(
            plan_id=STORY.plan_id,
            plan_version=1,
            activity="a1",
            status="done",
            status_on=p.DAY,
            reporter=StaffMember(name="Hanna", unit=p.HOME_CARE),
        ),
        by=p.HOME_CARE,
        plan=STANDING,
    ),
    "plan.copy.delivered": lambda: say(
        a.PlanCopyDelivered(plan_id=STORY.plan_id, plan_version=1, recipient=PersonRef("individual"), channel="paper", delivered_on=p.DAY)
    ),
    "coordinator.changed": lambda: say(a.CoordinatorChanged(coordinator=ME, from_date=p.DAY, agreed_with_individual=True)),
    "message.entered_in_error:message": lambda: say(sample("message.entered_in_error").content),
    "message.entered_in_error:case": lambda: say(sample("message.entered_in_error", maximal=True).content),
    "subject.deceased": lambda: say(sample("subject.deceased").content),
    "astray": lambda: say(sample("message.misdirected").content, by=p.HOME_CARE),
    "inpatient": lambda: say(
        sample("inpatient.discharge_ready").content,
        by=p.HOSPITAL,
        units=(p.CONTACT, p.HOME_CARE, p.HOSPITAL),
        discharge=DischargeRecord(admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY),
    ),
    "splptlrv.established": lambda: say(
        o.CompulsoryCarePlan.model_validate(
            {**dict(sample("splptlrv.established").content), "version": 2, "plan_id": STORY.plan_id},
        ),
        by=p.HOSPITAL,
        units=(p.CONTACT, p.HOSPITAL),
        contact=p.HOSPITAL,
    ),
    "lss.established": lambda: say(
        o.LssPlan.model_validate({**dict(sample("lss.established").content), "version": 2, "plan_id": STORY.plan_id})
    ),
    "plan.proposed": lambda: say(pl.PlanProposed(plan=plan(2))),
    "plan.commitment.confirmed": lambda: _commitment(pl.CommitmentConfirmed),
    "plan.commitment.rejected": lambda: _commitment(pl.CommitmentRejected),
    "plan.established": lambda: say(pl.PlanEstablished(plan=plan())),
    "plan.revised": lambda: say(pl.PlanRevised(plan=plan(2), changes="Ny tid.", reason="follow-up", approved_by_individual=True)),
    "plan.closed": lambda: say(sample("plan.closed").content),
    "receipt": lambda: say(r.Received(message_id=uuid4(), unit=p.HOME_CARE, at=p.NOON), by=p.HOME_CARE),
}
"""Every event of the table as a message that makes it."""


def _commitment(kind: type[pl.CommitmentConfirmed | pl.CommitmentRejected]) -> tuple[Message, Mapping[str, object]]:
    part = {"activity": "a1", "unit": p.HOME_CARE, "digest": "-"}
    content = kind(plan_id=STORY.plan_id, plan_version=1, activities=("a1",), unit=p.HOME_CARE)
    return say(
        content,
        by=p.HOME_CARE,
        plan=PlanRecord.model_validate({"id": STORY.plan_id, "version": 1, "state": "proposed", "activities": (part,)}),
    )


def decided(state: CaseState, event: str) -> Refusal | Decision:
    """Return what an event does in a state."""
    message, changes = EVENTS[event]()
    desk = Desk()
    return decide(case(state, **changes), message, desk.caller_for(message), wide_directory(), p.NOON)


ALIKE = {
    "receipt": {"ack.transport", "ack.received", "ack.read", "nack"},
    "astray": {"message.misdirected", "message.forwarded"},
    "inpatient": {name for name in CATALOGUE if name.startswith(("inpatient.", "process."))},
}
"""Events that stand for several types."""
HUBS_OWN = {"stop.notice", "meeting.reminder", "delivery.failed"}


def test_every_event_is_walked_and_belongs_to_a_type() -> None:
    """Given the table, then this test makes each of its events, and each belongs to a message type; three stand for several."""
    assert set(EVENTS) | BY_ITSELF == set(lifecycle.CASE)
    names = {event.partition(":")[0] for event in EVENTS}
    walked = (names - set(ALIKE)).union(*(ALIKE[name] for name in names & set(ALIKE)))
    assert walked == set(CATALOGUE) - HUBS_OWN


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_a_state_follows_exactly_where_the_table_says_so(state: CaseState, event: str) -> None:
    """Given a case in each state, when each event comes, then the table's state follows, and without a row the case stays as it is, refused."""
    expected = lifecycle.CASE[_named(state, event)].get(state)
    result = decided(state, event)
    if expected is None:
        assert result == Refusal("case.wrong_state", "conflict", "/type")
        return
    assert isinstance(result, Decision)
    assert result.case.state == expected
    assert result.case.version == 2


def _named(state: CaseState, event: str) -> str:
    """Return the event as it is there.

    A full consent takes a suspended case back, and is just a consent anywhere else; a meeting at a discharge is a SIP's own where it was called.
    """
    if event in {"meeting.held:discharge", "meeting.cancelled:discharge"} and state not in lifecycle.BESIDE:
        return {"meeting.held:discharge": "meeting.held:plan"}.get(event, "meeting.cancelled")
    back = event.startswith("consent.given:back_to_")
    if state == "SUSPENDED_NO_CONSENT":
        return "consent.given:back_to_active" if event == "consent.given:enough" else event
    return "consent.given:enough" if back else event


@pytest.mark.parametrize("name", ["ack.transport", "ack.received", "ack.read", "nack"])
def test_every_receipt_is_noted(name: str) -> None:
    """Given each kind of receipt from the unit it names, then it is noted and changes nothing else."""
    message = STORY.message(sample(name).content, by=p.HOME_CARE)
    before = case("ACTIVE")
    result = decide(before, message, Desk().caller_for(message), wide_directory(), p.NOON)
    assert isinstance(result, Decision)
    assert result.case == before.model_copy(update={"version": 2})
    assert [type(effect).__name__ for effect in result.effects] == ["NoteReceipt"]


def test_a_stop_notice_is_the_hubs_alone() -> None:
    """Given a stop notice handed in at a door, then it is refused from everybody."""
    message = STORY.message(sample("stop.notice").content, [p.HOME_CARE])
    assert decide(case("SUMMONED"), message, Desk().caller_for(message), wide_directory(), p.NOON) == Refusal(
        "sender.role", "forbidden", "/sender"
    )


def test_every_state_is_reached_by_messages_and_time() -> None:
    """Given the table, when events follow one another from the opening, then every state is reached."""
    reached: set[str] = set(lifecycle.OPENING.values())
    while more := {after for steps in lifecycle.CASE.values() for before, after in steps.items() if before in reached} - reached:
        reached |= more
    assert set(STATES) == reached


@pytest.mark.parametrize("state", lifecycle.OPEN)
def test_nobody_is_stuck(state: CaseState) -> None:
    """Given any open state, then the case can be closed, and a consent can be taken back, always (G12, REQ-44)."""
    for event in ("plan.closed", "consent.withdrawn:all", "consent.refused"):
        assert isinstance(decided(state, event), Decision)


@pytest.mark.parametrize("state", lifecycle.ENDED)
def test_what_is_ended_stays_ended_and_still_hears_a_no(state: CaseState) -> None:
    """Given an ended case with a consent left and something perhaps on its way, when all is withdrawn, then nothing is granted any more."""
    result = decided(state, "consent.withdrawn:all")
    assert isinstance(result, Decision)
    assert (result.case.state, result.case.grants) == (state, ())
    after = {after for steps in lifecycle.CASE.values() for before, after in steps.items() if before == state}
    assert after == {state, "VOID"}  # that it was entered in error can be found out at any time


def test_open_and_ended_states_are_all_states() -> None:
    """Given the states of the model, then each is open or ended, and not both, but for the one of plans that are no SIP."""
    assert sorted((*lifecycle.OPEN, *lifecycle.ENDED, "OTHER_PLAN")) == sorted(lifecycle.KEPT) == sorted(STATES)
    assert set(lifecycle.ENDED) == lifecycle.TERMINAL


def test_a_yes_to_the_need_binds_the_others() -> None:
    """Given one huvudman's yes, when another says no, then it is refused, and the case can still be closed (SoL 10:8)."""
    desk = Desk()
    story = desk.story
    story.requested()
    need = sample("need.assessed").content
    desk.send(story.message(need))
    assert (desk.state, desk.open.needed) == ("REQUESTED", True)
    assert desk.send(story.message(need.model_copy(update={"needed": False}))).code == "need.binding"
    story.closed(())
    assert desk.state == "CLOSED"


def test_a_need_the_individual_does_not_agree_to_is_no_missing_need() -> None:
    """Given a need that is found while the individual says no, then the case waits for the consent's word and is not declined."""
    desk = Desk()
    desk.story.requested()
    desk.send(desk.story.message(sample("need.assessed").content.model_copy(update={"individual_agrees": False})))
    assert desk.state == "REQUESTED"
    desk.story.refused()
    assert desk.state == "CONSENT_REFUSED"


@pytest.mark.parametrize(
    ("state", "back"), [("SUMMONED", "PREPARING"), ("ACTIVE", "ACTIVE"), ("REQUESTED", "PREPARING"), ("DRAFTING", "DRAFTING")]
)
def test_a_suspended_case_resumes_where_it_was(state: CaseState, back: CaseState) -> None:
    """Given a case whose consent is withdrawn, when it is given anew, then the case is where it was; a meeting must be called again."""
    desk = Desk(case=case(state))
    desk.story = Story(desk.send, now=p.NOON, case_id=STORY.case_id, meeting_id=STORY.meeting_id)
    desk.story.withdrawn()
    assert (desk.state, desk.last.work) == ("SUSPENDED_NO_CONSENT", ("consent.withdrawn",))
    desk.story.consented((p.HOME_CARE,), ("meeting",))
    assert desk.state == "SUSPENDED_NO_CONSENT"
    desk.story.consented((p.HOME_CARE,), ("information_exchange",))
    assert (desk.state, desk.open.resumes) == (back, None)


def test_a_second_withdrawal_does_not_forget_what_was_suspended() -> None:
    """Given a suspended case, when all is withdrawn again, then it still resumes where it was, and no second work item is opened."""
    desk = Desk(case=case("ACTIVE"))
    desk.story = Story(desk.send, now=p.NOON, case_id=STORY.case_id)
    desk.story.withdrawn()
    desk.story.withdrawn()
    assert (desk.open.resumes, desk.last.work) == ("ACTIVE", ())


STEPS: Mapping[str, Callable[[Story], object]] = {
    "request": lambda story: story.requested(),
    "need": lambda story: story.say(sample("need.assessed").content),
    "no need": lambda story: story.say(sample("need.assessed").content.model_copy(update={"needed": False})),
    "consent": lambda story: story.consented(UNITS),
    "consent in part": lambda story: story.consented(UNITS[:1], ("meeting",)),
    "no": lambda story: story.refused(),
    "no to the plan": lambda story: story.refused(("plan",)),
    "withdraw": lambda story: story.withdrawn(),
    "withdraw one": lambda story: story.withdrawn(UNITS[:1]),
    "choose": lambda story: story.approved(UNITS),
    "call": lambda story: story.summoned(UNITS),
    "call another": lambda story: story.say(
        story.kallelse().model_copy(update={"meeting": story.meeting().model_copy(update={"id": uuid4()})}), UNITS
    ),
    "call by law": lambda story: story.summoned(UNITS, SECRECY_ASSESSED),
    "invite": lambda story: story.invited((p.FK,)),
    "answer": lambda story: story.responded(p.HOME_CARE),
    "move": lambda story: story.rescheduled(UNITS),
    "call off": lambda story: story.cancelled(UNITS),
    "call off the second": lambda story: story.cancelled(UNITS, version=2),
    "hold": lambda story: story.held(UNITS),
    "hold for nothing": lambda story: story.held(UNITS, outcome="no_plan"),
    "propose": lambda story: story.proposed(UNITS),
    "confirm": lambda story: story.confirmed(p.HOME_CARE, "a1"),
    "establish": lambda story: story.established((p.CONTACT,)),
}


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=14))
def test_whatever_happens_the_case_can_be_ended_and_the_person_obeyed(names: list[str]) -> None:
    """Given any order of messages, then who coordinates is in the case, closing is taken, and after a withdrawal nothing rests on consent."""
    desk = Desk()
    desk.story.requested()
    routed = []
    for name in names:
        STEPS[name](desk.story)
        routed += [route for route in desk.last.routes if route.need.bases and route.asserted is None]
    case_now = desk.open
    assert case_now.coordinating_unit in case_now.units
    assert sum(found.state == "planned" for found in case_now.meetings) <= 1
    desk.story.withdrawn()
    assert desk.last.code is None
    assert not any(desk.holds(route) for route in routed if "consent" in route.need.bases)
    if desk.state in lifecycle.OPEN:
        desk.story.closed(())
        assert (desk.last.code, desk.state) == (None, "CLOSED")
