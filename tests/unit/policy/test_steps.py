"""What each step leaves of the case and asks for, whole: what it changes, and that it changes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from siphub.model import people as p
from siphub.model import sample
from siphub.model.case import DischargeRecord
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import ending as e
from siphub.model.messages import followup as f
from siphub.model.messages import otherplan as o
from siphub.model.person import UnitContact
from siphub.policy import discharges, endings
from siphub.policy.endings import ASTRAY, OWED
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Effect, NoteReceipt, OpenWork, Recall, Retract, Supersede
from siphub.testing import chapters
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
LATER = timedelta(hours=1)


def stay(desk: Desk, **changes: object) -> DischargeRecord:
    """Return the case's stay in hospital, changed."""
    assert desk.open.discharge is not None
    return desk.open.discharge.model_copy(update=changes)


class TestDischarge:
    @pytest.fixture
    def admitted(self, desk: Desk) -> Desk:
        """Give a case that an admission began."""
        chapters.admitted(chapters.of_the_region(desk.story))
        return desk

    def test_an_admission_begins_a_stay(self, admitted: Desk) -> None:
        """Given an admission, then the stay knows the ward, the municipality, the open care and the planned day, and no clock runs."""
        planned = (admitted.now + timedelta(days=4)).date()
        assert admitted.open.discharge == DischargeRecord(
            admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY, care_contact_unit=p.CARE_CENTRE, planned_discharge_on=planned
        )

    def test_another_admission_begins_another_stay(self, admitted: Desk) -> None:
        """Given a stay whose clocks run, when the person is admitted anew, then nothing of the earlier one is left."""
        first = admitted.open.discharge
        chapters.ready_to_go_home(admitted.story, uuid4(), admitted.now)
        assert admitted.did(lambda: chapters.admitted(admitted.story)) == ({"discharge": first}, ())

    def test_a_case_that_has_ended_takes_no_admission(self, admitted: Desk) -> None:
        """Given a case that is closed, when the person is admitted anew, then that is refused: the stay opens a case of its own."""
        admitted.case = admitted.open.model_copy(update={"state": "CLOSED"})
        refusal = Refusal("case.wrong_state", "conflict", "/type")
        assert admitted.refused(lambda: chapters.admitted(admitted.story)) == refusal

    def test_a_call_on_the_stated_consent_is_like_one_that_states_nothing(self, admitted: Desk) -> None:
        """Given a discharge that is planned, when a kallelse by another section states consent, then the statute's own is not asked for (G16)."""
        story = admitted.story
        story.consented(UNITS)
        story.approved(UNITS)
        chapters.ready_to_go_home(story, uuid4(), admitted.now)
        stated = SECRECY_ASSESSED.model_copy(update={"code": "consent"})
        story.say(story.kallelse(), UNITS, basis=stated)
        assert admitted.last.code is None
        other = story.kallelse().model_copy(update={"meeting": story.meeting()})
        refusal = Refusal("discharge.other_basis", "invalid", "/content/duty_basis")
        assert admitted.refused(lambda: story.say(other, UNITS, basis=SECRECY_ASSESSED)) == refusal

    def test_a_notice_starts_the_clocks(self, admitted: Desk) -> None:
        """Given a notice, then the stay has it, when it was given, when it was sent and when the patient is ready (LUS 4:3, 5:4)."""
        notice, given = uuid4(), admitted.now
        content = d.DischargeReady(notice_id=notice, given_at=given, ready_at=given + LATER)
        changed = admitted.did(lambda: ward(admitted, content, sent_at=given + timedelta(minutes=5)))
        expected = stay(admitted, notice_id=notice, given_at=given, sent_at=given + timedelta(minutes=5), ready_at=given + LATER)
        assert changed == ({"discharge": expected}, ())

    def test_a_changed_notice_takes_the_earlier_ones_place(self, admitted: Desk) -> None:
        """Given a notice that was called upon and taken back, when another comes, then its clocks run anew, at the contact it names."""
        first, second = uuid4(), uuid4()
        story = admitted.story
        story.consented(UNITS)
        story.approved((*UNITS, p.CONTACT))
        chapters.ready_to_go_home(story, first, admitted.now)
        chapters.summoned_at_discharge(story, [p.CONTACT], SECRECY_ASSESSED)
        assert stay(admitted).summoned_at == admitted.now
        chapters.not_ready_after_all(story, first, admitted.now + LATER)
        assert stay(admitted).revoked_at == admitted.now + LATER
        changed, _ = admitted.did(lambda: chapters.ready_to_go_home(story, second, admitted.now + 2 * LATER))
        assert (stay(admitted).revoked_at, stay(admitted).summoned_at) == (None, None)
        assert (stay(admitted).notice_id, stay(admitted).care_contact_unit) == (second, p.CARE_CENTRE)
        assert set(changed) == {"discharge"}

    def test_a_notice_is_taken_back_once(self, admitted: Desk) -> None:
        """Given a notice, when it is taken back twice, then the first time counts; another's id takes nothing back."""
        notice = uuid4()
        chapters.ready_to_go_home(admitted.story, notice, admitted.now)
        unknown = Refusal("discharge.no_such_notice", "conflict", "/content/notice_id")
        assert admitted.refused(lambda: chapters.not_ready_after_all(admitted.story, uuid4(), admitted.now)) == unknown
        changed = admitted.did(lambda: chapters.not_ready_after_all(admitted.story, notice, admitted.now + LATER))
        assert changed == ({"discharge": stay(admitted, revoked_at=admitted.now + LATER)}, ())
        again = admitted.did(lambda: chapters.not_ready_after_all(admitted.story, notice, admitted.now + 2 * LATER))
        assert again == ({}, ())

    @pytest.mark.parametrize("way", ["discharged_at", "interrupted_at"])
    def test_a_stay_that_is_over_takes_no_notice(self, admitted: Desk, way: str) -> None:
        """Given a stay that ended either way, then just that is noted, and a notice that comes after it is refused."""
        at = admitted.now + LATER
        content = (
            d.InpatientDischarged(discharged_at=at) if way == "discharged_at" else d.ProcessInterrupted(interrupted_at=at, code="moved")
        )
        before = stay(admitted)
        assert admitted.did(lambda: ward(admitted, content)) == ({"discharge": before.model_copy(update={way: at})}, ())
        over = Refusal("discharge.none", "conflict", "/type")
        assert admitted.refused(lambda: chapters.ready_to_go_home(admitted.story, uuid4(), admitted.now)) == over

    @pytest.mark.parametrize(
        ("step", "content"),
        [
            (discharges.ready, chapters.ready_content(UUID(int=1), p.NOON)),
            (discharges.revoked, d.DischargeReadyRevoked(notice_id=UUID(int=1), revoked_at=p.NOON)),
            (discharges.discharged, d.InpatientDischarged(discharged_at=p.NOON)),
            (discharges.interrupted, d.ProcessInterrupted(interrupted_at=p.NOON, code="moved")),
        ],
    )
    def test_without_a_stay_there_is_nothing_to_end(self, desk: Desk, step: Callable[[Asked, Any], object], content: Any) -> None:
        """Given a case without a stay in hospital, then each notice about one is refused."""
        desk.story.requested()
        message = desk.story.message(content, [p.CONTACT], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE)
        asked = Asked(desk.open, message, desk.directory, desk.now, desk.caller_for(message))
        assert step(asked, content) == Refusal("discharge.none", "conflict", "/type")


def ward(desk: Desk, content: Any, **more: object) -> None:
    """Say something from the ward."""
    desk.story.say(content, [p.CONTACT, p.CARE_CENTRE], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE, **more)


class TestEndings:
    def stops(self, desk: Desk) -> tuple[Effect, ...]:
        """Return what stops everything of an active case, answers to who asked for it too: its meeting, its plan, and the one text to all."""
        return Supersede(desk.story.meeting_id, 2), Supersede(desk.story.plan_id, 2), Recall(None, ASTRAY)

    def test_a_request_taken_back_closes_the_case(self, prepared: Desk) -> None:
        """Given a case with a consent, when its request is taken back, then nothing is allowed any more and everything stops."""
        version = prepared.open.consent_version + 1
        changed = prepared.did(lambda: chapters.request_withdrawn(prepared.story))
        assert changed == ({"state": "CLOSED", "grants": (), "consent_version": version, "closed_at": prepared.now}, (Recall(None, OWED),))

    def test_a_death_stops_everything(self, active: Desk) -> None:
        """Given an active case with a stay in hospital, when the person has died, then plan and clocks stop too."""
        record = DischargeRecord(admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY)
        active.case = active.open.model_copy(update={"discharge": record})
        plan = active.open.plan
        assert plan is not None
        changed, effects = active.did(lambda: chapters.deceased(active.story))
        assert effects == self.stops(active)
        assert (changed["state"], changed["grants"], changed["closed_at"]) == ("CLOSED", (), active.now)
        assert changed["plan"] == plan.model_copy(update={"state": "closed"})
        assert changed["discharge"] == record.model_copy(update={"interrupted_at": active.now})
        assert set(changed) == {"state", "grants", "consent_version", "closed_at", "plan", "discharge"}

    def test_a_death_before_there_is_anything(self, desk: Desk) -> None:
        """Given a case that was only asked for, when the person has died, then it is closed, and everybody is told once."""
        desk.story.requested()
        changed, effects = desk.did(lambda: chapters.deceased(desk.story))
        assert (changed, effects) == ({"state": "CLOSED", "closed_at": desk.now}, (Recall(None, ASTRAY),))

    def test_a_death_of_a_day_that_has_not_come_is_a_slip(self, active: Desk) -> None:
        """Given a death of tomorrow, then it is refused with the day, for it could not be undone."""
        content = e.SubjectDeceased(died_on=p.DAY + timedelta(days=1), reported_by=active.story.eva)
        assert active.refused(lambda: active.story.say(content)) == Refusal("date.ahead", "invalid", "/content/died_on")

    def test_one_message_in_error_is_called_back(self, active: Desk) -> None:
        """Given a message that should not have been, then it is called back, the coordinator has work, and the case is as it was."""
        wrong = active.story.sent[-1]
        work = OpenWork("message.in_error", p.CONTACT)
        assert active.did(lambda: chapters.in_error(active.story, wrong)) == ({}, (Retract(wrong.message_id), work))

    def test_an_amendment_in_error_is_taken_back_as_a_consent(self, active: Desk) -> None:
        """Given an amended consent, when its message is called back, then that is refused with the remedy."""
        story = active.story
        story.say(c.ConsentAmended(add_parties=(c.Party(party=PRIVATE),), obtained_by=story.eva, obtained_on=p.DAY))
        amended = story.sent[-1]
        assert active.refused(lambda: chapters.in_error(story, amended)) == Refusal("error.consent", "invalid", "/content/message_id")

    def test_a_case_in_error_is_the_coordinators_to_say(self, active: Desk) -> None:
        """Given a case that should not have been, then only the coordinator's unit makes it void; nothing is allowed any more."""
        content = e.EnteredInError(
            message_id=active.story.sent[0].message_id, extent="case", found_by=active.story.eva, found_on=active.now.date()
        )
        elsewhere = Refusal("plan.not_coordinator", "forbidden", "/sender")
        assert active.refused(lambda: active.story.say(content, by=p.HOME_CARE)) == elsewhere
        changed, effects = active.did(lambda: active.story.say(content))
        assert effects == self.stops(active)
        assert (changed["state"], changed["grants"], changed["closed_at"]) == ("VOID", (), active.now)
        assert set(changed) == {"state", "grants", "consent_version", "closed_at"}

    def test_what_came_to_the_wrong_place_is_rejected(self, summoned: Desk) -> None:
        """Given a kallelse that came to the wrong unit, then its delivery is rejected as misdirected (K7)."""
        call = summoned.story.sent[-1]
        effects = (NoteReceipt(call.message_id, "rejected", "misdirected"),)
        assert summoned.did(lambda: chapters.misdirected(summoned.story, call, p.HOME_CARE)) == ({}, effects)

    def test_what_is_passed_on_within_an_organisation_is_asked_about(self, summoned: Desk) -> None:
        """Given a kallelse passed on to another unit of the organisation, then it has come, and somebody asks the individual (REQ-39)."""
        call = summoned.story.sent[-1]
        effects = (NoteReceipt(call.message_id, "received"), OpenWork("participant.forwarded", p.CONTACT))
        assert summoned.did(lambda: chapters.forwarded(summoned.story, call, p.HOME_CARE, p.CONTACT)) == ({}, effects)

    @pytest.mark.parametrize("new", [p.CARE_CENTRE, p.HOME_CARE, UnitId("SE2120009994-9999")])
    def test_nothing_is_passed_on_to_another_organisation(self, summoned: Desk, new: UnitId) -> None:
        """Given another organisation's unit, the very same unit, or one nobody knows, then nothing is passed on there."""
        call = summoned.story.sent[-1]
        refusal = Refusal("forward.other_organisation", "invalid", "/content/new_unit")
        assert summoned.refused(lambda: chapters.forwarded(summoned.story, call, p.HOME_CARE, new)) == refusal

    def test_nothing_is_passed_on_by_a_unit_nobody_knows(self, summoned: Desk) -> None:
        """Given a unit that has left the directory, when it says it has passed a kallelse on, then that is refused."""
        call = summoned.story.sent[-1]
        content = a.Forwarded(message_id=call.message_id, unit=UnitId("SE2120009994-9999"), new_unit=p.CONTACT)
        message = summoned.story.message(content, [p.CONTACT], by=p.HOME_CARE)
        asked = Asked(summoned.open, message, summoned.directory, summoned.now, summoned.caller_for(message))
        assert endings.forwarded(asked, content) == Refusal("forward.other_organisation", "invalid", "/content/new_unit")


class TestAfterThePlan:
    @pytest.fixture
    def called(self, active: Desk) -> Desk:
        """Give a case whose units are called to the follow-up."""
        chapters.followed_up(active.story, UNITS)
        assert active.state == "FOLLOW_UP"
        return active

    def test_an_activitys_status_is_kept(self, active: Desk) -> None:
        """Given a unit that says how its activity goes, then that activity has the word and its day, and the others are as they were (U2)."""
        plan = active.open.plan
        assert plan is not None
        changed = active.did(lambda: chapters.reported(active.story, p.SOCIAL_SERVICES, "a2", "ongoing"))
        said = plan.activities[1].model_copy(update={"status": "ongoing", "status_on": active.now.date()})
        kept = (plan.activities[0], said, plan.activities[2])
        assert changed == ({"plan": plan.model_copy(update={"activities": kept})}, ())

    @pytest.mark.parametrize(("unit", "activity"), [(p.HOME_CARE, "a2"), (p.HOME_CARE, "a9"), (p.CARE_CENTRE, "a1")])
    def test_nobody_speaks_for_anothers_activity(self, active: Desk, unit: UnitId, activity: str) -> None:
        """Given an activity that is not the sender's, or none at all, then its status is refused."""
        refusal = Refusal("plan.activity_unknown", "invalid", "/content/activity")
        assert active.refused(lambda: chapters.reported(active.story, unit, activity, "done")) == refusal

    def test_only_the_plan_as_it_stands_is_spoken_of(self, active: Desk) -> None:
        """Given another version, another plan, or no plan, then a status, a copy and a follow-up are refused alike."""
        version = Refusal("message.out_of_order", "conflict", "/content/plan_version")
        assert active.refused(lambda: chapters.reported(active.story, p.HOME_CARE, "a1", "done", version=2)) == version
        assert active.refused(lambda: chapters.copied(active.story, version=2)) == version
        known = active.story.plan_id
        active.story.plan_id = uuid4()
        none = Refusal("case.not_there", "not_there")
        assert active.refused(lambda: chapters.reported(active.story, p.HOME_CARE, "a1", "done")) == none
        assert active.refused(lambda: chapters.copied(active.story)) == none
        active.story.plan_id = known
        active.case = active.open.model_copy(update={"plan": None})
        assert active.refused(lambda: chapters.copied(active.story)) == none

    @pytest.mark.parametrize("decision", ["continue", "revise", "close"])
    def test_a_follow_up_that_was_held(self, called: Desk, decision: Any) -> None:
        """Given a follow-up that was held, then who came, the activities, the next date and what the coordinator is to do are kept (U3)."""
        plan, (first, meeting) = called.open.plan, called.open.meetings
        assert plan is not None
        on = called.now.date()
        changed, effects = called.did(lambda: chapters.follow_up_held(called.story, UNITS[:2], decision))
        assert effects == (() if decision == "continue" else (OpenWork(f"plan.to_{decision}", p.CONTACT),))
        following = (called.now + timedelta(days=90)).date() if decision == "continue" else None
        said = plan.activities[0].model_copy(update={"status": "ongoing", "status_on": on})
        assert changed["plan"] == plan.model_copy(update={"activities": (said, *plan.activities[1:]), "follow_up_on": following})
        places = zip(meeting.participants, ("ATTENDED", "ATTENDED", "ABSENT"), strict=True)
        came = tuple(place.model_copy(update={"state": state}) for place, state in places)
        assert changed["meetings"] == (first, meeting.model_copy(update={"state": "held", "participants": came}))
        assert (changed["state"], set(changed)) == ("ACTIVE", {"state", "plan", "meetings"})

    def test_only_the_follow_up_that_is_planned_is_held(self, called: Desk) -> None:
        """Given another version of it, the first meeting, a meeting nobody knows, or one held already, then it is refused."""
        story, follow_up = called.story, called.story.meeting_id
        content = held_content(called)
        none = Refusal("case.not_there", "not_there")
        late = Refusal("message.out_of_order", "conflict", "/content/meeting_version")
        assert called.refused(lambda: story.say(content.model_copy(update={"meeting_version": 2}), UNITS)) == late
        for other in (uuid4(), called.open.meetings[0].id):
            elsewhere = content.model_copy(update={"meeting_id": other})
            assert called.refused(partial(story.say, elsewhere, UNITS)) == none
        plan = Refusal("message.out_of_order", "conflict", "/content/plan_version")
        assert called.refused(lambda: story.say(content.model_copy(update={"plan_version": 2}), UNITS)) == plan
        planned = called.open.meeting(follow_up)
        assert planned is not None
        first = called.open.meetings[0].model_copy(update={"state": "planned"})
        called.case = called.open.model_copy(update={"meetings": (first, planned)})
        assert called.refused(lambda: story.say(content.model_copy(update={"meeting_id": first.id}), UNITS)) == none
        called.case = called.open.model_copy(update={"meetings": (first, planned.model_copy(update={"state": "held"}))})
        assert called.refused(lambda: story.say(content, UNITS)) == none

    def test_nobody_is_followed_up_in_absence_without_a_yes(self, called: Desk) -> None:
        """Given an individual who was absent, then a follow-up counts only with a consent to that (G5)."""
        absent = held_content(called).model_copy(update={"individual": "absent_consented"})
        refusal = Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
        assert called.refused(lambda: called.story.say(absent, UNITS)) == refusal
        called.story.consented(UNITS, ("meeting_in_absence",), valid_until=called.now + timedelta(days=1))
        kept = called.open
        called.later(timedelta(days=1))
        assert called.refused(lambda: called.story.say(absent, UNITS)) == refusal
        called.later(-timedelta(days=1))
        called.case = kept
        called.story.say(absent, UNITS)
        assert (called.last.code, called.state) == (None, "ACTIVE")

    def test_a_copy_in_hand_is_noted_once(self, active: Desk) -> None:
        """Given a copy handed to the individual twice, then it is noted once; nobody outside the case can have one (P4)."""
        plan = active.open.plan
        assert plan is not None
        copied = plan.model_copy(update={"copies": (chapters.ME,)})
        assert active.did(lambda: chapters.copied(active.story)) == ({"plan": copied}, ())
        assert active.did(lambda: chapters.copied(active.story)) == ({}, ())
        chapters.approved(active.story, UNITS)
        plan = active.open.plan
        assert plan is not None
        assert active.did(lambda: chapters.copied(active.story, chapters.SISTER))[0]["plan"].copies == (chapters.ME, chapters.SISTER)
        stranger = Refusal("person.not_in_case", "invalid", "/content/recipient")
        assert active.refused(lambda: chapters.copied(active.story, PersonRef("relative/9"))) == stranger

    def test_another_coordinator(self, active: Desk) -> None:
        """Given a coordinator and a deputy at units of the case, then both are kept (A2)."""
        new, deputy = contact(p.CARE_CENTRE), contact(p.HOME_CARE)
        assert active.did(lambda: coordinated(active, new, deputy)) == ({"coordinator": new, "deputy": deputy}, ())

    @pytest.mark.parametrize(
        ("unit", "code"),
        [(OUTSIDE, "coordinator.not_principal"), (p.FK, "coordinator.not_principal"), (p.HOSPITAL, "plan.coordinator_outside")],
    )
    @pytest.mark.parametrize("field", ["coordinator", "deputy"])
    def test_nobody_outside_coordinates(self, active: Desk, unit: UnitId, code: str, field: str) -> None:
        """Given a coordinator or a deputy who is at no huvudman, or at a unit that is not in the case, then it is refused (REQ-66)."""
        who = {"coordinator": contact(p.CARE_CENTRE), "deputy": None, field: contact(unit)}
        refusal = Refusal(code, "invalid", f"/content/{field}/unit")
        assert active.refused(lambda: coordinated(active, who["coordinator"], who["deputy"])) == refusal


def held_content(desk: Desk) -> f.FollowUpHeld:
    """Return what says that the follow-up was held."""
    return f.FollowUpHeld(
        meeting_id=desk.story.meeting_id,
        meeting_version=1,
        plan_id=desk.story.plan_id,
        plan_version=1,
        held_on=desk.now.date(),
        attended_units=UNITS,
        individual="present",
        decision="close",
    )


def contact(unit: UnitId) -> UnitContact:
    """Return somebody at a unit."""
    return UnitContact(name="Vera Vårdcentral", unit=unit, phone="090-765 43 21")


def coordinated(desk: Desk, coordinator: UnitContact | None, deputy: UnitContact | None) -> None:
    """Name who coordinates, and who stands in."""
    assert coordinator is not None
    content = a.CoordinatorChanged(coordinator=coordinator, deputy=deputy, from_date=desk.now.date(), agreed_with_individual=True)
    desk.story.say(content, UNITS)


class TestOtherPlans:
    def content(self, desk: Desk, version: int = 1, **more: object) -> o.LssPlan:
        """Return a version of a plan by LSS."""
        found = sample("lss.established").content
        assert isinstance(found, o.LssPlan)
        return found.model_copy(update={"plan_id": desk.story.plan_id, "version": version, **more})

    def test_the_next_version_takes_the_earlier_ones_place(self, desk: Desk) -> None:
        """Given a plan by LSS, when its next version comes, then the case has that, and earlier ones that wait are not sent."""
        desk.story.say(self.content(desk), [p.CONTACT])
        on = desk.now.date() + timedelta(days=180)
        changed, effects = desk.did(lambda: desk.story.say(self.content(desk, 2, reviewed_on=on), [p.CONTACT]))
        assert set(changed) == {"plan"}
        plan = changed["plan"]
        assert (plan.id, plan.version, plan.state, plan.follow_up_on) == (desk.story.plan_id, 2, "established", on)
        assert plan.established_on == self.content(desk).made_on
        assert effects == (Supersede(desk.story.plan_id, 2),)

    @pytest.mark.parametrize("change", [{"version": 3}, {"version": 1}, {"version": 2, "plan_id": UUID(int=7)}])
    def test_no_other_version_and_no_other_plan(self, desk: Desk, change: dict[str, Any]) -> None:
        """Given a plan by LSS, then a version out of order, the same again, and another plan are refused."""
        desk.story.say(self.content(desk), [p.CONTACT])
        refusal = Refusal("message.out_of_order", "conflict", "/content/version")
        assert desk.refused(lambda: desk.story.say(self.content(desk).model_copy(update=change), [p.CONTACT])) == refusal
