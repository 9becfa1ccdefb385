"""The steps after the plan: how activities go, the follow-up that is held, the copy handed over, another coordinator (U2, U3, P4, A2).

Pure. The follow-up is called like any meeting, in `meetings`.
"""

from __future__ import annotations

from siphub.model.case import Handover, MeetingRecord, PlanRecord
from siphub.model.directory import PRINCIPALS
from siphub.model.messages import around as a
from siphub.model.messages import followup as f
from siphub.policy import consent
from siphub.policy.days import day_of
from siphub.policy.lifecycle import participant_after
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Effect, OpenWork, move


def current(asked: Asked, plan_id: object, version: int) -> PlanRecord | Refusal:
    """Return the plan a message speaks of, as it stands, or why it is not that."""
    known = asked.case.plan
    if known is None or known.id != plan_id:
        return Refusal("case.not_there", "not_there")
    if known.version != version:
        return Refusal("message.out_of_order", "conflict", "/content/plan_version")
    return known


def reported(asked: Asked, content: f.ActivityStatus) -> Refusal | Decision:
    """U2: the unit that answers for an activity says how it goes; the newest word counts."""
    known = current(asked, content.plan_id, content.plan_version)
    if isinstance(known, Refusal):
        return known
    mine = [found for found in known.activities if (found.activity, found.unit) == (content.activity, asked.message.sender.unit)]
    if not mine:
        return Refusal("plan.activity_unknown", "invalid", "/content/activity")
    return move(asked, "activity.status", plan=_with_status(known, {content.activity: (content.status, content.status_on)}))


def _with_status(plan: PlanRecord, said: dict[str, tuple[f.ActivityState, object]]) -> PlanRecord:
    activities = tuple(
        found.model_copy(update={"status": said[found.activity][0], "status_on": said[found.activity][1]})
        if found.activity in said
        else found
        for found in plan.activities
    )
    return plan.model_copy(update={"activities": activities})


def held(asked: Asked, content: f.FollowUpHeld) -> Refusal | Decision:
    """U3: who came, how goals and activities stand, and what follows: go on, revise, or close."""
    known = current(asked, content.plan_id, content.plan_version)
    if isinstance(known, Refusal):
        return known
    meeting = asked.case.meeting(content.meeting_id)
    if meeting is None or meeting.state != "planned" or meeting.kind != "follow_up":
        return Refusal("case.not_there", "not_there")
    if meeting.version != content.meeting_version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if content.individual == "absent_consented" and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
    plan = _with_status(known, {found.activity: (found.status, content.held_on) for found in content.activities})
    plan = plan.model_copy(update={"follow_up_on": content.next_follow_up_on})
    work: tuple[Effect, ...] = ()
    if content.decision != "continue":
        work = (OpenWork(f"plan.to_{content.decision}", asked.case.coordinating_unit),)
    meetings = (*(found for found in asked.case.meetings if found.id != meeting.id), attended(meeting, content.attended_units))
    return move(asked, "followup.held", *work, plan=plan, meetings=meetings)


def attended(record: MeetingRecord, units: tuple[str, ...]) -> MeetingRecord:
    """Return a meeting as held, with who came and who did not."""
    came = ((found, participant_after(found.state, "attended" if found.unit in units else "absent")) for found in record.participants)
    places = tuple(found.model_copy(update={"state": state or found.state}) for found, state in came)
    return record.model_copy(update={"state": "held", "participants": places})


def copied(asked: Asked, content: a.PlanCopyDelivered) -> Refusal | Decision:
    """P4: a copy is in hand (REQ-81). Only somebody of the case can have one."""
    known = current(asked, content.plan_id, content.plan_version)
    if isinstance(known, Refusal):
        return known
    if content.recipient != "individual" and asked.case.person(content.recipient) is None:
        return Refusal("person.not_in_case", "invalid", "/content/recipient")
    copies = tuple(dict.fromkeys((*known.copies, content.recipient)))
    return move(asked, "plan.copy.delivered", plan=known.model_copy(update={"copies": copies}))


def coordinated(asked: Asked, content: a.CoordinatorChanged) -> Refusal | Decision:
    """A2: a named person at a region or municipality, whose unit is in the case already (REQ-66). Until its day comes nothing is changed (G6)."""
    for field, found in (("coordinator", content.coordinator), ("deputy", content.deputy)):
        if found is not None and asked.directory.kind_of(found.unit) not in PRINCIPALS:
            return Refusal("coordinator.not_principal", "invalid", f"/content/{field}/unit")
        if found is not None and found.unit not in asked.case.units:
            return Refusal("plan.coordinator_outside", "invalid", f"/content/{field}/unit")
    if content.from_date > day_of(asked.now):
        coming = Handover(coordinator=content.coordinator, deputy=content.deputy, from_date=content.from_date)
        return move(asked, "coordinator.changed", handover=coming)
    return move(asked, "coordinator.changed", coordinator=content.coordinator, deputy=content.deputy, handover=None)
