"""What each step of a meeting leaves of the case and asks for, whole, and each way in which one is refused."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from siphub.model import Agreement
from siphub.model import people as p
from siphub.model.case import MeetingRecord, Participant
from siphub.model.identifiers import UnitId
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.model.person import UnitContact
from siphub.policy import meetings
from siphub.policy.refusal import Refusal
from siphub.policy.step import Effect, OpenWork, Recall, Supersede
from siphub.testing import chapters
from siphub.testing.desk import PRIVATE, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
NOT_THERE = Refusal("case.not_there", "not_there")


def record(desk: Desk, **changes: object) -> MeetingRecord:
    """Return the newest meeting of the case, changed."""
    return desk.open.meetings[-1].model_copy(update=changes)


def places(*units: UnitId, duty: bool = True, state: Any = "SENT") -> tuple[Participant, ...]:
    """Return a place for each unit."""
    return tuple(Participant(unit=unit, duty=duty, state=state) for unit in units)


def called_off(desk: Desk) -> tuple[Effect, ...]:
    """Return what calling off the newest meeting asks for."""
    return Supersede(record(desk).id, record(desk).version + 1), Recall(record(desk).id)


def contact(unit: UnitId) -> UnitContact:
    """Return somebody at a unit."""
    return UnitContact(name="Vera Vårdcentral", unit=unit, phone="090-765 43 21")


class TestCalled:
    def say(self, desk: Desk, to: Any = UNITS, by: UnitId | None = None, **changes: object) -> None:
        """Send the story's kallelse, changed."""
        desk.story.say(desk.story.kallelse().model_copy(update=changes), to, by=by)

    def test_a_kallelse_begins_a_meeting(self, prepared: Desk) -> None:
        """Given a kallelse, then the meeting has its convener, times and places, and the case the convener's telephone (K1)."""
        story, on = prepared.story, (prepared.now + timedelta(days=60)).date()
        expected = MeetingRecord(
            id=story.meeting_id,
            version=1,
            convener=story.convener,
            kind="sip",
            starts_at=story.meeting().starts_at,
            respond_by=story.kallelse().respond_by,
            evaluation_on=on,
            participants=places(*UNITS),
        )
        changed = prepared.did(lambda: self.say(prepared, evaluation_on=on))
        assert changed == ({"state": "SUMMONED", "phone": story.convener.phone, "meetings": (expected,), "units": prepared.open.units}, ())

    def test_an_invitation_binds_nobody(self, prepared: Desk) -> None:
        """Given an invitation to one who is not called yet and one who is, then the new one has a place without a duty, the other keeps its own."""
        prepared.story.summoned(UNITS)
        before = record(prepared)
        prepared.story.consented([p.FK])
        prepared.story.approved([*UNITS, p.FK])
        changed, effects = prepared.did(lambda: prepared.story.invited([p.FK, p.HOME_CARE]))
        assert changed["meetings"] == (before.model_copy(update={"participants": (*places(*UNITS), *places(p.FK, duty=False))}),)
        assert effects == ()

    def test_a_follow_up_is_a_meeting_of_its_own_kind(self, active: Desk) -> None:
        """Given a kallelse to a follow-up, then it stands beside the meeting that was held, with its own kind and no day of evaluation (U1)."""
        first = record(active)
        changed, effects = active.did(lambda: chapters.followed_up(active.story, UNITS))
        assert (changed["state"], effects) == ("FOLLOW_UP", ())
        begun = record(active)
        assert changed["meetings"] == (first, begun)
        assert (begun.kind, begun.evaluation_on, begun.participants) == ("follow_up", None, places(*UNITS))

    def test_a_meeting_left_over_is_called_off(self, active: Desk) -> None:
        """Given a meeting that is still planned when the follow-up is called to, then it is called off, and who had its call is told."""
        left = record(active, state="planned")
        active.case = active.open.model_copy(update={"meetings": (left,)})
        effects = called_off(active)
        changed, asked = active.did(lambda: chapters.followed_up(active.story, UNITS))
        assert changed["meetings"] == (left.model_copy(update={"state": "cancelled"}), record(active))
        assert asked == effects

    def test_one_meeting_at_a_time(self, summoned: Desk) -> None:
        """Given a planned meeting, when another is called to, then that is refused; likewise beside a planned follow-up."""
        other = summoned.story.meeting().model_copy(update={"id": uuid4()})
        refusal = Refusal("meeting.another_planned", "conflict", "/content/meeting/id")
        assert summoned.refused(lambda: self.say(summoned, meeting=other)) == refusal

    def test_a_second_follow_up_waits_for_the_first(self, active: Desk) -> None:
        """Given a planned follow-up, when another is called to, then that is refused."""
        chapters.followed_up(active.story, UNITS)
        refusal = Refusal("meeting.another_planned", "conflict", "/content/meeting/id")
        assert active.refused(lambda: chapters.followed_up(active.story, UNITS)) == refusal

    def test_only_the_convener_calls(self, summoned: Desk) -> None:
        """Given a call that names another unit's convener, or a meeting that is another's, then it is refused."""
        theirs = contact(p.CARE_CENTRE)
        refusal = Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
        assert summoned.refused(lambda: self.say(summoned, convener=theirs)) == refusal
        chapters.coordinated_by(summoned.story, p.CARE_CENTRE, UNITS)
        refusal = Refusal("meeting.not_convener", "forbidden", "/content/meeting/id")
        assert summoned.refused(lambda: self.say(summoned, by=p.CARE_CENTRE, convener=theirs)) == refusal

    def test_nobody_is_called_to_what_is_over(self, summoned: Desk) -> None:
        """Given a meeting that was called off, when somebody more is called to it, then that is refused."""
        summoned.story.cancelled(UNITS)
        refusal = Refusal("case.wrong_state", "conflict", "/content/meeting/id")
        assert summoned.refused(lambda: self.say(summoned, to=(p.CONTACT,))) == refusal

    def test_a_follow_up_and_a_first_meeting_are_not_the_same(self, active: Desk) -> None:
        """Given a planned follow-up, when a kallelse of the other kind names it, or an invitation names a new meeting, then that is refused."""
        chapters.followed_up(active.story, UNITS)
        refusal = Refusal("case.wrong_state", "conflict", "/content/meeting/id")
        assert active.refused(lambda: self.say(active)) == refusal
        known, active.story.meeting_id = active.story.meeting_id, uuid4()
        assert active.refused(lambda: active.story.invited([p.FK])) == refusal
        active.story.meeting_id = known
        active.story.invited([p.FK])
        assert active.last.code is None

    @pytest.mark.parametrize("known", [False, True])
    def test_a_version_follows(self, prepared: Desk, known: bool) -> None:
        """Given a first call to a second version, and a further call to a version there is not, then each is refused."""
        if known:
            prepared.story.summoned(UNITS)
        refusal = Refusal("message.out_of_order", "conflict", "/content/meeting/version")
        assert prepared.refused(lambda: self.say(prepared, meeting=prepared.story.meeting(2))) == refusal

    def test_nobody_is_called_to_what_happens_in_absence_without_a_yes(self, prepared: Desk) -> None:
        """Given a meeting in the individual's absence, then it needs a consent to that; whoever has told nothing beforehand leaves work (G5)."""
        refusal = Refusal("meeting.absence_not_consented", "invalid", "/content/individual_attendance")
        assert prepared.refused(lambda: self.say(prepared, individual_attendance="absent_consented")) == refusal
        prepared.story.consented(UNITS, ("meeting_in_absence",))
        prepared.case = prepared.open.model_copy(update={"prepared": False})
        _, effects = prepared.did(lambda: self.say(prepared, individual_attendance="absent_consented"))
        assert effects == (OpenWork("meeting.absent_unprepared", p.CONTACT),)
        _, effects = prepared.did(lambda: self.say(prepared, individual_attendance="absent_consented", to=(p.CONTACT,)))
        assert effects == ()

    def test_a_consent_to_absence_runs_out(self, prepared: Desk) -> None:
        """Given a consent to absence until tomorrow, when the call is sent then, then it is refused."""
        prepared.story.consented(UNITS, ("meeting_in_absence",), valid_until=prepared.now + timedelta(days=1))
        prepared.later(timedelta(days=1))
        refusal = Refusal("meeting.absence_not_consented", "invalid", "/content/individual_attendance")
        assert prepared.refused(lambda: self.say(prepared, individual_attendance="absent_consented")) == refusal

    def test_a_section_that_is_no_law_binds_nobody(self, prepared: Desk) -> None:
        """Given a section that is not in force on the day of the meeting, or an agreement nobody knows, then the kallelse is refused."""
        for basis in ("SoL2:7", "agreement:NONE"):
            prepared.refused(partial(self.say, prepared, duty_basis=basis))
            assert prepared.last.refusal is not None
            assert prepared.last.refusal.pointer == "/content/duty_basis"
            assert prepared.last.refusal.kind == "invalid"

    def test_a_kallelse_without_consent_goes_another_way(self, desk: Desk) -> None:
        """Given a case without a consent, then a kallelse on what the sender has assessed moves it, and one that states consent does not (LUS 4:3)."""
        desk.story.requested()
        desk.story.refused()
        assert desk.state == "CONSENT_REFUSED"
        refusal = Refusal("case.wrong_state", "conflict", "/type")
        assert desk.refused(lambda: self.say(desk)) == refusal
        stated = SECRECY_ASSESSED.model_copy(update={"code": "consent"})
        assert desk.refused(lambda: desk.story.say(desk.story.kallelse(), UNITS, basis=stated)) == refusal
        desk.story.say(desk.story.kallelse(), UNITS, basis=SECRECY_ASSESSED)
        assert desk.state == "SUMMONED"

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"plan_version": 2}, Refusal("message.out_of_order", "conflict", "/content/plan_version")),
            ({"plan_id": UUID(int=3)}, NOT_THERE),
            (
                {"questions": (f.StatusQuestion(unit=p.HOME_CARE, activity="a2"),)},
                Refusal("plan.activity_unknown", "invalid", "/content/questions"),
            ),
        ],
    )
    def test_a_follow_up_is_of_the_plan_there_is(self, active: Desk, change: dict[str, Any], refusal: Refusal) -> None:
        """Given another plan or version, or a question about what is another unit's, then the kallelse to the follow-up is refused (U1)."""
        assert active.refused(lambda: active.story.say(follow_up(active).model_copy(update=change), UNITS)) == refusal

    @pytest.mark.parametrize("left", [None, timedelta(0)])
    def test_a_follow_up_needs_the_consent_to_a_plan(self, active: Desk, left: timedelta | None) -> None:
        """Given a consent to a plan that is taken back, or runs out just now, then nobody is called to follow the plan up (REQ-86)."""
        plan = active.open.plan_consent
        assert plan is not None
        kept = None if left is None else plan.model_copy(update={"until": active.now + left})
        active.case = active.open.model_copy(update={"plan_consent": kept})
        refusal = Refusal("plan.no_consent", "invalid", "/type")
        assert active.refused(lambda: active.story.say(follow_up(active), UNITS)) == refusal


def follow_up(desk: Desk) -> f.FollowUpSummoned:
    """Return a kallelse to a follow-up of the plan."""
    return f.FollowUpSummoned(
        meeting=desk.story.meeting().model_copy(update={"id": UUID(int=9)}),
        plan_id=desk.story.plan_id,
        plan_version=1,
        purpose="follow-up",
        convener=desk.story.convener,
        duty_basis="SoL10:8",
        respond_by=desk.now + timedelta(days=7),
    )


class TestRescheduled:
    def say(self, desk: Desk, to: Any = UNITS, by: UnitId | None = None, **changes: object) -> None:
        """Move the meeting to its second version, changed."""
        content = m.MeetingRescheduled(
            meeting=desk.story.meeting(2, days=20), supersedes=1, convener=desk.story.convener, respond_by=desk.now + timedelta(days=9)
        )
        desk.story.say(content.model_copy(update=changes), to, by=by)

    def test_everybody_is_asked_again(self, summoned: Desk) -> None:
        """Given answers to the first version, when it is moved, then all are asked again, new ones have a place, and what waits is not sent (K4, G7)."""
        summoned.story.responded(p.HOME_CARE)
        before = record(summoned)
        phone = summoned.story.convener.model_copy(update={"phone": "090-000 00 00"})
        changed, effects = summoned.did(lambda: self.say(summoned, (*UNITS, p.CONTACT, p.FK), convener=phone))
        moved = before.model_copy(
            update={
                "version": 2,
                "convener": phone,
                "starts_at": summoned.story.meeting(2, days=20).starts_at,
                "respond_by": summoned.now + timedelta(days=9),
                "participants": (*places(*UNITS, p.CONTACT), *places(p.FK, duty=False)),
            }
        )
        assert (changed["meetings"], changed["phone"]) == ((moved,), "090-000 00 00")
        assert set(changed) <= {"meetings", "phone", "units"}
        assert effects == (Supersede(before.id, 2),)

    @pytest.mark.parametrize(
        ("away", "work"),
        [
            (lambda _: None, (OpenWork("meeting.left_out", p.CONTACT),)),
            (lambda story: story.withdrawn([p.CARE_CENTRE]), ()),
            (lambda story: story.approved(UNITS[:2]), ()),
        ],
        ids=["forgotten", "withdrawn", "not wanted"],
    )
    def test_whoever_was_called_and_is_not_told_is_the_conveners_work(self, summoned: Desk, away: Any, work: tuple[Effect, ...]) -> None:
        """Given a unit that the rebooking leaves out, then somebody must tell it, but not where the individual has left it out."""
        away(summoned.story)
        _, effects = summoned.did(lambda: self.say(summoned, UNITS[:2]))
        assert effects == (Supersede(summoned.story.meeting_id, 2), *work)

    @pytest.mark.parametrize(("until", "duty"), [(13, None), (19, False), (20, True)])
    def test_an_agreement_binds_on_the_day_the_meeting_is(self, prepared: Desk, until: int, duty: bool | None) -> None:
        """Given an agency that an agreement obliges, when the meeting is moved past its last day, then it is bound no more; care always is."""
        agreed = Agreement(
            id="kort", area="Norrby", valid_from=p.DAY, valid_until=p.DAY + timedelta(days=until), parties=(p.REGION,), binds=(p.FK,)
        )
        prepared.directory = prepared.directory.model_copy(update={"agreements": (agreed,)})
        called = prepared.story.kallelse().model_copy(update={"duty_basis": "agreement:kort"})
        prepared.story.say(called, (p.HOME_CARE, p.FK))
        assert prepared.last.code == ("duty.agreement_not_in_force" if duty is None else None)
        if duty is not None:
            assert record(prepared).participants == (*places(p.HOME_CARE), *places(p.FK))
            self.say(prepared, (p.HOME_CARE, p.FK))
            assert record(prepared).participants == (*places(p.HOME_CARE), *places(p.FK, duty=duty))

    def test_only_what_is_planned_is_moved(self, summoned: Desk) -> None:
        """Given a meeting nobody knows, one called off, a version that is not the newest, or another's convener, then nothing is moved."""
        nobody = summoned.story.meeting(2).model_copy(update={"id": uuid4()})
        assert summoned.refused(lambda: self.say(summoned, meeting=nobody)) == NOT_THERE
        late = Refusal("message.out_of_order", "conflict", "/content/supersedes")
        assert summoned.refused(lambda: self.say(summoned, meeting=summoned.story.meeting(3), supersedes=2)) == late
        theirs = Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
        assert summoned.refused(lambda: self.say(summoned, convener=contact(p.CARE_CENTRE))) == theirs
        summoned.story.cancelled(UNITS)
        assert summoned.refused(lambda: self.say(summoned)) == NOT_THERE


class TestCancelledAndHeld:
    def held(self, desk: Desk, **changes: object) -> None:
        """Say that the meeting was held, changed."""
        content = m.MeetingHeld(
            meeting_id=desk.story.meeting_id,
            meeting_version=1,
            held_on=desk.now.date(),
            attended_units=UNITS,
            individual="present",
            outcome="plan",
        )
        desk.story.say(content.model_copy(update=changes), UNITS)

    def test_it_is_called_off_once(self, summoned: Desk) -> None:
        """Given a planned meeting, when it is called off, then who had its call is told; again, then nothing changes (K5)."""
        before, effects = record(summoned), called_off(summoned)
        changed = summoned.did(lambda: summoned.story.cancelled(UNITS))
        assert changed == ({"state": "PREPARING", "meetings": (before.model_copy(update={"state": "cancelled"}),)}, effects)
        assert summoned.did(lambda: summoned.story.cancelled(UNITS)) == ({}, effects)

    def test_only_what_is_planned_is_called_off(self, summoned: Desk) -> None:
        """Given another version, a meeting nobody knows, or one that was held, then it is not called off."""
        late = Refusal("message.out_of_order", "conflict", "/content/meeting_version")
        assert summoned.refused(lambda: summoned.story.cancelled(UNITS, version=2)) == late
        known, summoned.story.meeting_id = summoned.story.meeting_id, uuid4()
        assert summoned.refused(lambda: summoned.story.cancelled(UNITS)) == NOT_THERE
        summoned.story.meeting_id = known
        self.held(summoned)
        over = Refusal("case.wrong_state", "conflict", "/content/meeting_id")
        assert summoned.refused(lambda: summoned.story.cancelled(UNITS)) == over

    @pytest.mark.parametrize(("outcome", "state"), [("plan", "DRAFTING"), ("no_plan", "CLOSED"), ("new_meeting", "PREPARING")])
    def test_what_came_of_it(self, summoned: Desk, outcome: str, state: str) -> None:
        """Given a meeting that was held, then who came and who did not is kept, and what came of it moves the case (M1)."""
        before = record(summoned)
        changed, effects = summoned.did(lambda: self.held(summoned, attended_units=UNITS[:1], outcome=outcome))
        came = (*places(p.HOME_CARE, state="ATTENDED"), *places(p.SOCIAL_SERVICES, p.CARE_CENTRE, state="ABSENT"))
        assert changed["meetings"] == (before.model_copy(update={"state": "held", "participants": came}),)
        assert (changed["state"], effects) == (state, ())

    def test_only_the_planned_first_meeting_is_held(self, summoned: Desk) -> None:
        """Given another version, an absence without consent, a meeting nobody knows, or one held already, then it is refused."""
        late = Refusal("message.out_of_order", "conflict", "/content/meeting_version")
        assert summoned.refused(lambda: self.held(summoned, meeting_version=2)) == late
        absent = Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
        assert summoned.refused(lambda: self.held(summoned, individual="absent_consented")) == absent
        assert summoned.refused(lambda: self.held(summoned, meeting_id=uuid4())) == NOT_THERE
        follow_up = record(summoned, kind="follow_up")
        kept = summoned.open
        summoned.case = kept.model_copy(update={"meetings": (follow_up,)})
        assert summoned.refused(lambda: self.held(summoned)) == NOT_THERE
        summoned.case = kept
        self.held(summoned)
        assert summoned.refused(lambda: self.held(summoned)) == NOT_THERE

    def test_absence_with_a_consent(self, summoned: Desk) -> None:
        """Given a consent to absence, then a meeting without the individual counts while it lasts (G5)."""
        summoned.story.consented(UNITS, ("meeting_in_absence",), valid_until=summoned.now + timedelta(hours=2))
        kept = summoned.open
        self.held(summoned, individual="absent_consented")
        assert (summoned.last.code, summoned.state) == (None, "DRAFTING")
        summoned.case = kept
        summoned.later(timedelta(hours=2))
        self.held(summoned, individual="absent_consented")
        assert summoned.last.code == "meeting.absence_not_consented"


class TestResponded:
    @pytest.mark.parametrize(
        ("response", "more", "state", "work"),
        [
            ("accept", {}, "ACCEPTED", None),
            ("tentative", {}, "TENTATIVE", None),
            ("decline", {}, "DECLINED", "meeting.duty_declined"),
            ("decline", {"substitute_unit": p.CONTACT}, "DECLINED", None),
            ("decline", {"substitute_name": "Sara Socionom"}, "DECLINED", None),
            ("propose-new-time", {}, "NEW_TIME_PROPOSED", "meeting.propose-new-time"),
            ("delegate", {"substitute_unit": p.CONTACT}, "DELEGATED", None),
        ],
    )
    def test_an_answer_is_kept_and_may_leave_work(
        self, summoned: Desk, response: str, more: dict[str, Any], state: str, work: str | None
    ) -> None:
        """Given each answer of a duty-bound unit, then its place has it, and a no without a substitute is escalated to the convener (G11)."""
        before = record(summoned)
        changed, effects = summoned.did(lambda: summoned.story.responded(p.SOCIAL_SERVICES, response, **more))
        others = places(p.HOME_CARE), places(p.SOCIAL_SERVICES, state=state), places(p.CARE_CENTRE)
        answered = before.model_copy(update={"participants": tuple(each for place in others for each in place)})
        assert changed == ({"meetings": (answered,)} if answered != before else {})
        assert effects == ((OpenWork(work, p.CONTACT),) if work else ())

    def test_whoever_is_not_bound_may_say_no(self, summoned: Desk) -> None:
        """Given an invited party, then its no leaves no work, and that it wants to be phoned does."""
        summoned.story.consented([p.FK])
        summoned.story.approved([*UNITS, p.FK])
        summoned.story.invited([p.FK])
        _, effects = summoned.did(lambda: summoned.story.responded(p.FK, "decline"))
        assert effects == ()
        _, effects = summoned.did(lambda: summoned.story.responded(p.FK, "contact-us"))
        assert effects == (OpenWork("meeting.contact-us", p.CONTACT),)

    @pytest.mark.parametrize("response", ["decline", "delegate"])
    def test_a_substitute_that_may_not_come_yet_is_asked_for(self, summoned: Desk, response: str) -> None:
        """Given a substitute unit without a call, or called without consent or choice, then the convener has work, until it is called with both (K3)."""

        def asked_for(unit: UnitId) -> bool:
            """Answer with that unit as the substitute."""
            _, effects = summoned.did(lambda: summoned.story.responded(p.HOME_CARE, response, substitute_unit=unit))
            assert set(effects) <= {OpenWork("meeting.substitute", p.CONTACT)}
            return bool(effects)

        assert asked_for(PRIVATE)
        summoned.story.summoned([PRIVATE])
        assert asked_for(PRIVATE)
        summoned.story.consented([*UNITS, PRIVATE], ("meeting",), valid_until=summoned.now + timedelta(hours=2))
        assert asked_for(PRIVATE)
        summoned.story.approved([*UNITS, PRIVATE])
        assert [asked_for(unit) for unit in (PRIVATE, p.SOCIAL_SERVICES, p.CONTACT)] == [False, False, False]
        summoned.case = summoned.open.model_copy(update={"meetings": (record(summoned, participants=places(*UNITS)),)})
        assert asked_for(PRIVATE)
        summoned.story.summoned([PRIVATE])
        summoned.later(timedelta(hours=2))
        assert asked_for(PRIVATE)

    def test_a_substitute_of_a_whole_agency(self, summoned: Desk) -> None:
        """Given a consent that names the agency, and a choice of its unit, then that unit may come for another once it is invited."""
        summoned.story.consented([p.FORSAKRINGSKASSAN], ("meeting", "invite"))
        summoned.story.approved([*UNITS, p.FK])
        summoned.story.responded(p.HOME_CARE, "delegate", substitute_unit=p.FK)
        assert summoned.last.work == ("meeting.substitute",)
        summoned.story.invited([p.FK])
        summoned.story.responded(p.HOME_CARE, "delegate", substitute_unit=p.FK)
        assert not summoned.last.work

    def test_a_substitute_that_is_called_without_a_consent(self, summoned: Desk) -> None:
        """Given a call that its sender assessed, then a duty-bound unit it called may come for another, and an agency or one without a place may not."""
        summoned.case = summoned.open.model_copy(
            update={"meetings": (record(summoned, assessed=True, participants=places(*UNITS, PRIVATE, p.FK)),)}
        )
        for unit, work in ((PRIVATE, ()), (p.FK, ("meeting.substitute",)), (p.HOSPITAL, ("meeting.substitute",))):
            summoned.story.responded(p.HOME_CARE, "delegate", substitute_unit=unit)
            assert summoned.last.work == work

    def test_only_who_was_called_answers(self, summoned: Desk) -> None:
        """Given a unit without a place, a meeting nobody knows, or an earlier version, then the answer is refused."""
        summoned.story.approved([*UNITS, PRIVATE])
        summoned.case = summoned.open.model_copy(update={"units": (*summoned.open.units, PRIVATE)})
        assert summoned.refused(lambda: summoned.story.responded(PRIVATE)) == NOT_THERE
        late = Refusal("message.out_of_order", "conflict", "/content/meeting_version")
        assert summoned.refused(lambda: summoned.story.responded(p.HOME_CARE, version=2)) == late
        known, summoned.story.meeting_id = summoned.story.meeting_id, uuid4()
        assert summoned.refused(lambda: summoned.story.responded(p.HOME_CARE)) == NOT_THERE
        summoned.story.meeting_id = known

    def test_an_answer_afterwards_changes_nothing(self, summoned: Desk) -> None:
        """Given a meeting that was called off, when a no comes, then it is taken, changes nothing and leaves no work."""
        summoned.story.cancelled(UNITS)
        assert summoned.did(lambda: summoned.story.responded(p.HOME_CARE, "decline")) == ({}, ())


def test_an_answer_to_a_call_that_is_called_back_counts_no_more(summoned: Desk) -> None:
    """Given a yes, when that very call is called back, then the unit has a place and no answer; called anew it is asked anew, and the others stand."""
    for unit in UNITS[:2]:
        summoned.story.responded(unit)
    before = summoned.open
    (meeting,) = before.meetings
    assert meetings.called_back(before, ()) is before
    others = {(meeting.id, 2, p.HOME_CARE), (uuid4(), 1, p.HOME_CARE), (meeting.id, 1, p.FK)}
    assert meetings.called_back(before, others) == before
    summoned.case = meetings.called_back(before, {(meeting.id, 1, unit) for unit in (p.HOME_CARE, p.CARE_CENTRE)})
    stands = {found.unit: found.state for found in summoned.open.meetings[0].participants}
    assert stands == {p.HOME_CARE: "UNDELIVERABLE", p.SOCIAL_SERVICES: "ACCEPTED", p.CARE_CENTRE: "SENT"}
    summoned.story.summoned(UNITS)
    stands = {found.unit: found.state for found in summoned.open.meetings[0].participants}
    assert stands == {p.HOME_CARE: "SENT", p.SOCIAL_SERVICES: "ACCEPTED", p.CARE_CENTRE: "SENT"}


@pytest.mark.parametrize("state", ["held", "cancelled"])
def test_of_a_meeting_that_is_over_the_answers_stay(summoned: Desk, state: str) -> None:
    """Given a meeting that was held or called off, when a call to it is called back, then who had answered what stands."""
    summoned.story.responded(p.HOME_CARE)
    (meeting,) = summoned.open.meetings
    over = summoned.open.model_copy(update={"meetings": (meeting.model_copy(update={"state": state}),)})
    assert meetings.called_back(over, {(meeting.id, 1, p.HOME_CARE)}) == over
