"""Each kind of work item is opened by what really happens in a case, and settled by what a person or a message does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal
from uuid import uuid4

import pytest

from siphub.errors import Invalid, NotThere, Refused
from siphub.flow import expiry, operate, track, work_items
from siphub.flow.timers import look_at_deadlines
from siphub.flow.work_items import open_for, open_in_case
from siphub.model import people as p
from siphub.model.messages import consent as c
from siphub.model.messages import plan as pl
from siphub.policy.work import WORK
from siphub.store import Change, WorkItemRow
from siphub.testing import chapters
from siphub.testing.clock import Hand
from siphub.testing.desk import Desk
from siphub.testing.story import ALL, SECRECY_ASSESSED, Story
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.CARE_CENTRE)
DAY = timedelta(days=1)


@pytest.fixture
def story(still: World, hand: Hand) -> Story:
    """Give a new case."""
    return still.story(now=hand.at)


def delivered(world: World, story: Story) -> None:
    """Let the hub's workers send what waits, and stop again."""
    world.hub.start()
    assert world.settled(story)
    world.hub.stop()
    world.open(start=False)


def desk(world: World) -> list[str]:
    """Return the kinds of what is open."""
    return [item.type for item in track.desk(world.hub.ground)]


def item(world: World, kind: str) -> WorkItemRow:
    """Return the one open work item of a kind."""
    [found] = [each for each in track.desk(world.hub.ground) if each.type == kind]
    return found


def to_a_plan(story: Story) -> None:
    """Come as far as an established plan."""
    story.ready(UNITS)
    story.summoned(UNITS)
    story.held(UNITS)
    story.proposed(UNITS)
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    story.established(UNITS)


# ── what messages open and settle ─────────────────────────────────────────────────────────────────────────────────────────


def withdrawn(story: Story) -> None:
    """Everything is taken back."""
    story.ready(UNITS)
    story.withdrawn()


def cannot_say(story: Story) -> None:
    """Somebody who cannot take a position."""
    story.ready(UNITS)
    unable = c.Capacity(state="unable", assessed_by=story.eva, assessed_at=story.now)
    content = c.ConsentGiven(
        scopes=("meeting",),
        parties=(c.Party(party=p.HOME_CARE),),
        mode="oral",
        given_by=story.own_word.model_copy(update={"kind": "individual", "ground": None}),
        capacity=unable,
        obtained_by=story.eva,
        obtained_on=story.now.date(),
        documented_in_record=True,
    )
    with pytest.raises(Refused):
        story.say(content)


def absent(story: Story) -> None:
    """The individual will not be there, and has prepared nothing."""
    paper = Desk()
    paper.story.requested()
    story.say(paper.story.sent[0].content.model_copy(update={"preparation": None}), [story.contact])
    story.consented(UNITS, (*ALL, "meeting_in_absence"))
    story.approved(UNITS)
    story.say(story.kallelse().model_copy(update={"individual_attendance": "absent_consented"}), UNITS)


def answered(response: str, unit: str = "HOME_CARE", **more: Any) -> Callable[[Story], None]:
    """Return a story in which somebody answers."""

    def happens(story: Story) -> None:
        """Call, and get the answer."""
        who = getattr(p, unit)
        story.ready((*UNITS, p.FK))
        story.summoned(UNITS)
        story.invited((p.FK,))
        story.responded(who, response, **more)

    return happens


def left_out(story: Story) -> None:
    """A rebooking that forgets a unit."""
    story.ready(UNITS)
    story.summoned(UNITS)
    story.rescheduled(UNITS[:1])


def in_error(story: Story) -> None:
    """A kallelse that should not have been."""
    story.ready(UNITS)
    story.summoned(UNITS)
    chapters.in_error(story, story.sent[-1])


def rejected(story: Story) -> None:
    """A unit does not stand by its part."""
    story.ready(UNITS)
    story.summoned(UNITS)
    story.held(UNITS)
    story.proposed(UNITS)
    content = pl.CommitmentRejected(plan_id=story.plan_id, plan_version=1, activities=("a1",), unit=p.HOME_CARE)
    story.say(content, [story.contact], by=p.HOME_CARE)


def decided(decision: Literal["revise", "close"]) -> Callable[[Story], None]:
    """Return a story in which a follow-up decides something."""

    def happens(story: Story) -> None:
        """Follow the plan up."""
        to_a_plan(story)
        chapters.followed_up(story, UNITS)
        chapters.follow_up_held(story, UNITS, decision)

    return happens


def again(story: Story) -> None:
    """A new consent."""
    story.consented(UNITS)


def moved(story: Story) -> None:
    """The meeting is moved."""
    story.rescheduled(UNITS)


def excluded(story: Story) -> None:
    """The coordinator is at another unit, which the individual then wants to be told nothing more."""
    story.ready(UNITS)
    story.summoned(UNITS)
    chapters.coordinated_by(story, p.CARE_CENTRE, UNITS)
    story.withdrawn([p.CARE_CENTRE])


def closed(story: Story) -> None:
    """The plan is closed."""
    story.closed(UNITS)


@pytest.mark.parametrize(
    ("kind", "happens", "settles"),
    [
        ("consent.withdrawn", withdrawn, again),
        ("consent.withdrawn", withdrawn, closed),
        ("basis.choose", cannot_say, lambda story: story.summoned(UNITS, basis=SECRECY_ASSESSED)),
        ("meeting.absent_unprepared", absent, moved),
        ("meeting.left_out", left_out, lambda story: story.rescheduled(UNITS, 3)),
        (
            "meeting.left_out",
            left_out,
            lambda story: story.say(story.kallelse().model_copy(update={"meeting": story.meeting(2)}), UNITS[1:]),
        ),
        ("meeting.duty_declined", answered("decline"), moved),
        ("meeting.duty_declined", answered("decline"), lambda story: story.cancelled(UNITS)),
        ("meeting.propose-new-time", answered("propose-new-time"), moved),
        ("meeting.contact-us", answered("contact-us", "FK"), lambda story: story.held(UNITS)),
        ("meeting.substitute", answered("delegate", substitute_unit=p.HOSPITAL), lambda story: story.summoned((p.HOSPITAL,))),
        ("meeting.substitute", answered("decline", substitute_unit=p.HOSPITAL), moved),
        ("message.in_error", in_error, closed),
        ("plan.commitment_rejected", rejected, lambda story: story.proposed(UNITS, version=2)),
        ("coordinator.excluded", excluded, lambda story: chapters.coordinated_by(story, p.HOME_CARE, UNITS)),
        ("plan.to_revise", decided("revise"), lambda story: chapters.revised(story, UNITS, UNITS)),
        ("plan.to_close", decided("close"), closed),
    ],
)
def test_a_message_opens_it_and_a_message_settles_it(
    still: World, story: Story, kind: str, happens: Callable[[Story], None], settles: Callable[[Story], object]
) -> None:
    """Given what happens in a case, then somebody has it on the desk; when what it asks for is said, it is settled, and no person closed it."""
    happens(story)
    found = item(still, kind)
    assert found.due_at == found.opened_at + WORK[kind].due
    settles(story)
    assert kind not in desk(still)
    with still.hub.store.read() as work:
        done = work.work_items.get(found.owner, found.id)
    assert done is not None
    assert (done.closed_by, done.how) == ("hub", "settled")


def test_a_consent_that_ran_out(still: World, story: Story, hand: Hand) -> None:
    """Given a consent for a day, when it has run out, then the coordinator asks for a new one, which settles it."""
    story.requested()
    story.consented(UNITS, valid_until=hand.at + DAY)
    story.approved(UNITS)
    hand.at += DAY
    assert expiry.expire_consents(still.hub.ground) == 1
    assert item(still, "consent.expired").unit == p.CONTACT
    story.now = hand.at
    story.consented(UNITS)
    assert desk(still) == []


@pytest.mark.parametrize(
    "kind",
    [
        "recall.phone",
        "inbound.unread",
        "participant.forwarded",
        "plan.incomplete",
        "consent.withdrawal_not_needed",
        "guardian.read_through",
    ],
)
def test_a_person_closes_it(still: World, story: Story, kind: str) -> None:
    """Given one that tests of its own open in their flows, then a person closes it with a code, once, and the audit says who."""
    story.ready(UNITS)
    key = (story.owner, str(story.case_id))
    with still.hub.store.write() as work:
        open_in_case(work, key, kind, p.CONTACT, still.hub.ground.now())
    found = item(still, kind)
    assert work_items.show(still.hub.ground, found.id) == found
    work_items.close(still.hub.ground, found.id, how="phoned", by="eva", channel="cli")
    assert desk(still) == []
    with pytest.raises(NotThere):
        work_items.close(still.hub.ground, found.id, how="phoned", by="eva", channel="cli")
    with still.hub.store.read() as work:
        assert work.audit.of_case(*key)[-1].facts["how"] == "phoned"


def test_how_it_was_settled_is_a_code(still: World, story: Story) -> None:
    """Given a text where a code belongs, then nothing is closed and nothing of the text is kept or repeated."""
    withdrawn(story)
    found = item(still, "consent.withdrawn")
    with pytest.raises(Invalid) as wrong:
        work_items.close(still.hub.ground, found.id, how="Ringde Kanariefågel", by="eva", channel="cli")
    assert (wrong.value.code, "Kanarie" in str(wrong.value)) == ("work.how", False)
    assert desk(still) == ["consent.withdrawn"]


def test_an_unknown_kind_is_a_bug(still: World, story: Story) -> None:
    """Given a kind nobody has described, then opening it raises, and nothing is opened."""
    story.requested()
    with pytest.raises(KeyError), still.hub.store.write() as work:
        open_in_case(work, (story.owner, str(story.case_id)), "meeting.sung", p.CONTACT, still.hub.ground.now())
    assert desk(still) == []


# ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [kind for kind in WORK if kind.startswith("delivery.") and not kind.endswith("*")] + ["delivery.http.404"])
@pytest.mark.parametrize("end", ["handled", "overtaken"])
def test_a_stopped_delivery_is_somebodys_work_until_it_is_seen_to(still: World, story: Story, kind: str, end: str) -> None:
    """Given a kallelse held for a reason, then its sender has it on the desk until a person handles it or a newer one overtakes it."""
    story.ready(UNITS)
    story.summoned(UNITS)
    row = next(each for each in still.deliveries(story) if each.recipient == p.HOME_CARE and each.message_type == "meeting.summoned")
    reason = kind.removeprefix("delivery.")
    with still.hub.store.write() as work:
        now = still.hub.ground.now()
        held = Change(from_states=frozenset({"queued"}), to_state="held", event="claim.hold", at=now, reason=reason)
        assert work.deliveries.change(row.id, held)
        stopped = work.deliveries.by_id(row.id)
        assert stopped is not None
        open_for(work, stopped, still.hub.ground.now())
        open_for(work, stopped, still.hub.ground.now())
    assert (item(still, kind).unit, item(still, kind).delivery_id) == (p.CONTACT, row.id)
    if end == "handled":
        operate.operate(still.hub.ground, row.id, "handled", by="eva", channel="cli")
    else:
        story.rescheduled(UNITS)
    assert kind not in desk(still)


# ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def looked(world: World) -> list[str]:
    """Look at the deadlines, twice, and return what is open."""
    look_at_deadlines(world.hub.ground)
    assert look_at_deadlines(world.hub.ground) == 0
    return desk(world)


@pytest.mark.req(2)
def test_a_request_nobody_answers(still: World, story: Story, hand: Hand) -> None:
    """Given a request, when its time comes near and passes, then the contact is told each time, and the answer settles it."""
    story.requested()
    assert looked(still) == []
    hand.at += timedelta(days=6, hours=15, minutes=1)
    assert looked(still) == ["deadline.request.answer.near"]
    assert item(still, "deadline.request.answer.near").unit == p.CONTACT
    hand.at += DAY
    assert looked(still) == ["deadline.request.answer.passed"]
    story.now = hand.at
    chapters.answered(story, ())
    assert desk(still) == []
    with still.hub.store.read() as work:
        actions = [row.action for row in work.audit.of_case(story.owner, str(story.case_id))]
    assert actions.count("deadline.passed") == 1


def test_the_two_clocks_of_a_discharge(still: World, hand: Hand) -> None:
    """Given a notice, then both clocks warn and pass; revoked, all goes away; given again, both start anew, and a kallelse stops one while it stands."""
    story = chapters.of_the_region(still.story(now=hand.at))
    chapters.admitted(story)
    notice = uuid4()
    chapters.ready_to_go_home(story, notice, hand.at)
    hand.at += timedelta(days=2)
    assert looked(still) == ["deadline.payment.near"]
    hand.at += DAY
    assert sorted(looked(still)) == ["deadline.kallelse.near", "deadline.payment.passed"]
    assert item(still, "deadline.kallelse.near").unit == p.CARE_CENTRE
    assert item(still, "deadline.payment.passed").unit == p.CONTACT
    hand.at += DAY
    assert sorted(looked(still)) == ["deadline.kallelse.passed", "deadline.payment.passed"]
    chapters.not_ready_after_all(story, notice, hand.at)
    assert desk(still) == []
    story.now = hand.at
    chapters.ready_to_go_home(story, uuid4(), hand.at)
    hand.at += timedelta(days=3)
    assert sorted(looked(still)) == ["deadline.kallelse.near", "deadline.payment.passed"]
    for _ in range(2):
        chapters.summoned_at_discharge(story, [p.CONTACT], basis=SECRECY_ASSESSED)
        assert "deadline.kallelse.near" not in looked(still)
        story.cancelled([p.CONTACT])
        assert sorted(looked(still)) == ["deadline.kallelse.near", "deadline.payment.passed"]
        story.meeting_id = uuid4()
    chapters.gone_home(story, hand.at)
    assert desk(still) == ["deadline.kallelse.near"]


def test_whoever_does_not_answer_is_reminded_and_phoned(still: World, story: Story, hand: Hand) -> None:
    """Given a kallelse that one of two answers, when the time is near, then the other is reminded once; when it has passed, somebody phones."""
    story.ready(UNITS)
    story.summoned(UNITS)
    delivered(still, story)
    story.responded(p.CARE_CENTRE)
    hand.at += timedelta(days=6, minutes=1)
    assert looked(still) == ["deadline.meeting.answer.near"]
    reminded = [row.recipient for row in still.deliveries(story) if row.message_type == "meeting.reminder"]
    assert reminded == [p.HOME_CARE]
    hand.at += DAY
    assert looked(still) == ["deadline.meeting.answer.passed"]
    story.now = hand.at
    story.responded(p.HOME_CARE)
    assert desk(still) == []


def test_whoever_the_call_has_not_reached_is_not_reminded_of_it(still: World, story: Story, hand: Hand) -> None:
    """Given a kallelse that still waits to be sent, when the time is near, then there is work, and no reminder of what nobody has heard of."""
    story.ready(UNITS)
    story.summoned(UNITS)
    hand.at += timedelta(days=6, minutes=1)
    assert set(looked(still)) == {"deadline.meeting.answer.near"}
    assert not [row for row in still.deliveries(story) if row.message_type == "meeting.reminder"]


def test_a_reminder_rests_on_what_the_call_rested_on(still: World, story: Story, hand: Hand) -> None:
    """Given a kallelse without a consent, because secrecy does not hinder, when the time is near, then the reminder goes out on the same basis."""
    story.requested()
    story.refused()
    story.summoned(UNITS, basis=SECRECY_ASSESSED)
    delivered(still, story)
    hand.at += timedelta(days=6, minutes=1)
    looked(still)
    reminders = [row for row in still.deliveries(story) if row.message_type == "meeting.reminder"]
    assert {(row.recipient, row.state, row.basis) for row in reminders} == {(unit, "queued", "secrecy_assessed") for unit in UNITS}


def test_a_meeting_nobody_reports_on(still: World, story: Story, hand: Hand) -> None:
    """Given a meeting, when the day after it nobody has said what came of it, then the convener is asked, until somebody does."""
    story.ready(UNITS)
    story.summoned(UNITS)
    for unit in UNITS:
        story.responded(unit)
    hand.at += timedelta(days=14)
    assert looked(still) == []
    hand.at += DAY
    assert looked(still) == ["deadline.meeting.held.passed"]
    story.now = hand.at
    story.held(UNITS)
    assert desk(still) == []


@pytest.mark.req(12)
def test_the_weeks_that_were_agreed(still: World, story: Story, hand: Hand) -> None:
    """Given an agreement on children, when three weeks have nearly gone without a meeting, then one is asked for, until it is planned in time."""
    story.ready(UNITS)
    hand.at += timedelta(days=15)
    assert looked(still) == ["deadline.meeting.soon.near"]
    story.now = hand.at - timedelta(days=9)
    story.summoned(UNITS)
    assert "deadline.meeting.soon.near" not in desk(still)


@pytest.mark.req(81, 84)
def test_what_is_owed_after_a_plan(still: World, story: Story, hand: Hand) -> None:
    """Given a plan, then its copy and its follow-up are asked for in their time, and each goes away when it is done."""
    to_a_plan(story)
    hand.at += timedelta(days=6)
    assert looked(still) == ["deadline.plan.copy.near"]
    hand.at += timedelta(days=2)
    assert looked(still) == ["deadline.plan.copy.passed"]
    story.now = hand.at
    chapters.copied(story)
    assert desk(still) == []
    hand.at += timedelta(days=70)
    assert looked(still) == ["deadline.followup.near"]
    hand.at += timedelta(days=14)
    assert looked(still) == ["deadline.followup.passed"]
    story.now = hand.at
    chapters.followed_up(story, UNITS)
    assert desk(still) == []


@pytest.mark.req(56, 88)
def test_what_was_to_be_evaluated(still: World, story: Story, hand: Hand) -> None:
    """Given a day for the evaluation, then it is asked for until the case ends."""
    story.ready(UNITS)
    on = (hand.at + timedelta(days=60)).date()
    story.say(story.kallelse().model_copy(update={"evaluation_on": on}), UNITS)
    story.held(UNITS)
    hand.at += timedelta(days=50)
    assert looked(still) == ["deadline.evaluation.near"]
    hand.at += timedelta(days=11)
    assert looked(still) == ["deadline.evaluation.passed"]
    story.now = hand.at
    story.closed(UNITS)
    assert desk(still) == []
