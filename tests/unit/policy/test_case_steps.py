"""What the first message makes of a case, and what each step of the case itself leaves of it and asks for, whole."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal
from uuid import uuid4

import pytest

from siphub.model import Message, Person, sample
from siphub.model import people as p
from siphub.model.case import DischargeRecord, PlanRecord, SipCase
from siphub.model.messages import consent as c
from siphub.model.messages import discharge as d
from siphub.model.messages import otherplan as o
from siphub.model.messages import proposal as pr
from siphub.model.messages import receipt as r
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson, PersonNumberIdentity
from siphub.policy import case as policy
from siphub.policy.case import Decision, decide
from siphub.policy.local import LocalRules
from siphub.policy.refusal import Refusal
from siphub.policy.step import Narrowed, NoteReceipt, OpenWork
from siphub.testing import chapters
from siphub.testing.desk import PRIVATE, PROVIDER, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
ENOUGH: tuple[c.Scope, ...] = ("meeting", "information_exchange")


def opened(message: Message) -> SipCase:
    """Return the case that a first message begins."""
    desk = Desk()
    decided = decide(None, message, desk.caller_for(message), desk.directory, desk.now)
    assert isinstance(decided, Decision)
    assert decided.effects == ()
    return decided.case


def begun(message: Message, **fields: object) -> SipCase:
    """Return a case as it stands at its beginning: at the contact, asked for, with nobody else in it."""
    known: dict[str, object] = {
        "case_id": message.case_id,
        "owner": message.owner,
        "state": "REQUESTED",
        "opened_by": message.type,
        "subject": message.subject,
        "contact": p.CONTACT,
        "units": (p.CONTACT,),
    }
    return SipCase.model_validate({**known, **fields})


class TestOpened:
    @pytest.mark.parametrize("told", [True, False])
    def test_a_request_opens_a_case_at_whom_it_asks(self, told: bool) -> None:
        """Given a request, then the unit it asks is the contact, and it is kept since when, and whether the individual has told what they want."""
        found = sample("sip.requested", maximal=told)
        assert isinstance(found.content, rq.SipRequested)
        assert (found.content.preparation is not None) == told
        message = found.model_copy(update={"sender": found.sender.model_copy(update={"unit": p.HOME_CARE})})
        units = (p.HOME_CARE, p.CONTACT)
        assert opened(message) == begun(message, requested_on=found.content.requested_on, prepared=told, units=units, requesters=units)

    def test_a_proposal_opens_a_case_at_whom_it_asks(self) -> None:
        """Given a proposal by an agency, then both units are in the case, and the time to answer begins (R2)."""
        message = sample("sip.proposed")
        assert isinstance(message.content, pr.SipProposed)
        units = tuple(dict.fromkeys((message.sender.unit, message.content.receiving_unit)))
        expected = begun(
            message, requested_on=message.content.proposed_on, contact=message.content.receiving_unit, units=units, requesters=units
        )
        assert opened(message) == expected

    def test_an_initiative_opens_a_case_at_who_takes_it(self) -> None:
        """Given an initiative, then the need is found, the initiator is the contact, and the other unit does not know for whom (R2)."""
        desk = Desk()
        chapters.initiated(desk.story, p.CARE_CENTRE)
        message, units = desk.story.sent[-1], (p.CONTACT, p.CARE_CENTRE)
        assert opened(message) == begun(message, needed=True, units=units, requesters=units, blind=units[1:])

    def test_a_providers_initiative_opens_the_case_of_whom_it_asks(self) -> None:
        """Given an initiative by a private provider, then the huvudman's unit it asks is the contact, and knows for whom it is."""
        desk = Desk()
        chapters.initiated(desk.story, p.CONTACT)
        sent = desk.story.sent[-1]
        provider = sent.sender.model_copy(update={"unit": PRIVATE, "organisation": PROVIDER})
        message = sent.model_copy(update={"sender": provider})
        units = (PRIVATE, p.CONTACT)
        assert opened(message) == begun(message, needed=True, units=units, requesters=units)

    @pytest.mark.parametrize("care_contact", [p.CARE_CENTRE, None])
    def test_an_admission_opens_a_case_at_the_open_care(self, care_contact: Any) -> None:
        """Given an admission, then the open care it names is the contact, and the ward itself where it names none (D1)."""
        desk = Desk()
        chapters.of_the_region(desk.story)
        content = d.InpatientAdmitted(
            admitting_unit=p.HOSPITAL,
            admitted_at=desk.now,
            planned_discharge_on=p.DAY,
            municipality=p.MUNICIPALITY,
            care_contact_unit=care_contact,
        )
        message = desk.story.message(content, [p.CONTACT], by=p.HOSPITAL, basis=chapters.ON_THE_STATUTE)
        stay = DischargeRecord(
            admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY, care_contact_unit=care_contact, planned_discharge_on=p.DAY
        )
        units = tuple(dict.fromkeys((p.HOSPITAL, care_contact or p.HOSPITAL)))
        expected = begun(message, state=opened(message).state, contact=care_contact or p.HOSPITAL, units=units, discharge=stay)
        assert opened(message) == expected

    def test_another_plan_opens_a_case_of_its_own(self) -> None:
        """Given a plan by LSS, then the case is about that plan, and is no SIP (section 7)."""
        message = sample("lss.established")
        assert isinstance(message.content, o.LssPlan)
        plan = PlanRecord(
            id=message.content.plan_id,
            version=message.content.version,
            state="established",
            established_on=message.content.made_on,
            follow_up_on=message.content.reviewed_on,
        )
        unit = message.sender.unit
        assert opened(message) == begun(message, state="OTHER_PLAN", contact=unit, units=(unit,), plan=plan)


class TestAround:
    def test_who_it_is_about_is_kept_from_the_first_who_says(self, desk: Desk) -> None:
        """Given a case that names nobody, when a message names the person, then they are kept, and nobody takes their place (G15)."""
        desk.story.requested()
        person = desk.open.subject
        assert person is not None
        desk.case = desk.open.model_copy(update={"subject": None})
        needed = rq.NeedAssessed.model_validate(sample("need.assessed").content.model_dump())
        assert desk.did(lambda: desk.story.say(needed))[0]["subject"] == person
        renamed = person.model_copy(update={"given_name": "Annat"})
        desk.send(desk.story.message(needed, subject=renamed))
        assert (desk.last.code, desk.open.subject) == (None, person)

    def test_a_message_that_names_nobody_forgets_nobody(self, summoned: Desk) -> None:
        """Given a case about somebody, when a message without a person comes, then the case is about them still."""
        person = summoned.open.subject
        summoned.story.cancelled(UNITS)
        assert (summoned.last.code, summoned.open.subject) == (None, person)

    def test_only_what_changes_a_grant_is_a_new_version_of_the_consent(self, prepared: Desk) -> None:
        """Given a message that leaves the grants alone and one that does not, then the case counts both, and the consent just the second."""
        before = prepared.open
        prepared.story.summoned(UNITS)
        assert (prepared.open.version, prepared.open.consent_version) == (before.version + 1, before.consent_version)
        prepared.story.withdrawn([p.HOME_CARE])
        assert (prepared.open.version, prepared.open.consent_version) == (before.version + 2, before.consent_version + 1)

    def test_it_is_closed_when_it_ends_and_not_again(self, prepared: Desk) -> None:
        """Given a case, then it has no end while it runs, its end when it is closed, and the same end after what comes later."""
        ended = prepared.now
        ends = [prepared.open.closed_at]
        for _ in range(2):
            prepared.story.closed([])
            assert prepared.last.code is None
            ends.append(prepared.open.closed_at)
            prepared.later(timedelta(days=1))
        assert ends == [None, ended, ended]

    def test_a_type_nobody_has_written_a_step_for_is_refused(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a type that its sender may send and for which there is no step, then it is refused, and does nothing."""
        desk.story.requested()
        monkeypatch.setattr(policy, "_STEPS", MappingProxyType({}))
        refusal = Refusal("sender.role", "forbidden", "/type")
        assert desk.refused(lambda: desk.story.consented(UNITS)) == refusal

    def test_a_relative_who_may_only_propose_is_told_so(self, desk: Desk) -> None:
        """Given an installation where relatives propose, when one asks, then the refusal says where, and other types are taken (REQ-29)."""
        found = sample("sip.requested")
        assert isinstance(found.content, rq.SipRequested)
        relative = found.content.requester.model_copy(update={"kind": "relative"})
        message = found.model_copy(update={"content": found.content.model_copy(update={"requester": relative})})
        local = LocalRules(relative_requests="proposal")
        refusal = Refusal("request.relative_proposes", "invalid", "/content/requester/kind")
        assert decide(None, message, desk.caller_for(message), desk.directory, desk.now, local) == refusal
        proposal = sample("sip.proposed")
        assert isinstance(decide(None, proposal, desk.caller_for(proposal), desk.directory, desk.now, local), Decision)

    def test_what_the_installation_chose_reaches_the_step(self, desk: Desk) -> None:
        """Given an installation that lets relatives come who are not objected to, then a step knows it (REQ-47)."""
        desk.story.requested()
        sister = CasePerson(ref=chapters.SISTER, name="Siv Provsdotter")
        message = desk.story.message(rq.ParticipantsApproved(units=UNITS, approved_on=p.DAY, approved_how="oral", people=(sister,)))
        rules: tuple[tuple[Literal["not_objecting", "opt_in"], bool], ...] = (("not_objecting", True), ("opt_in", False))
        for relatives, comes in rules:
            decided = decide(desk.open, message, desk.caller_for(message), desk.directory, desk.now, LocalRules(relatives=relatives))
            assert isinstance(decided, Decision)
            assert (chapters.SISTER in {grant.party for grant in decided.case.grants}) == comes


class TestSteps:
    @pytest.mark.parametrize("prepared", [True, False])
    def test_asked_again(self, desk: Desk, prepared: bool) -> None:
        """Given a case without the individual's own words, when it is asked for again with them, then they are there; without, nothing changes."""
        desk.story.requested()
        desk.case = desk.open.model_copy(update={"prepared": False})
        content = sample("sip.requested", maximal=prepared).content
        assert desk.did(lambda: desk.story.say(content, [p.CONTACT])) == ({"prepared": True} if prepared else {}, ())
        desk.case = desk.open.model_copy(update={"prepared": True})
        assert desk.did(lambda: desk.story.say(sample("sip.requested").content, [p.CONTACT])) == ({}, ())

    def test_an_initiative_in_a_case_finds_the_need(self, desk: Desk) -> None:
        """Given a case that was asked for, when a huvudman takes the initiative too, then the need is found, and stays so (R2)."""
        desk.story.requested()
        changed, effects = desk.did(lambda: chapters.initiated(desk.story, p.HOME_CARE))
        assert (changed["needed"], effects) == (True, ())
        assert set(changed) <= {"needed", "units", "requesters"}
        assert desk.open.requesters == (p.CONTACT, p.HOME_CARE)
        assert desk.did(lambda: desk.story.say(sample("sip.requested").content, [p.CONTACT])) == ({}, ())

    def test_an_answer_ends_the_wait(self, desk: Desk) -> None:
        """Given a request, when it is answered, then its day is kept (R3)."""
        desk.story.requested()
        assert desk.did(lambda: chapters.answered(desk.story, [])) == ({"answered_on": desk.now.date()}, ())

    def test_a_need_is_found_or_not(self, desk: Desk) -> None:
        """Given a case, then a no ends it; a yes is kept, and no no comes after it (N1)."""
        desk.story.requested()
        start = desk.open
        content = sample("need.assessed").content
        assert desk.did(lambda: desk.story.say(content)) == ({"needed": True}, ())
        binding = Refusal("need.binding", "conflict", "/content/needed")
        assert desk.refused(lambda: desk.story.say(content.model_copy(update={"needed": False}))) == binding
        desk.case = start
        changed, effects = desk.did(lambda: desk.story.say(content.model_copy(update={"needed": False})))
        assert (changed, effects) == ({"state": "DECLINED_NO_NEED", "closed_at": desk.now}, ())

    def test_choosing_fewer_takes_from_the_others(self, prepared: Desk) -> None:
        """Given three who take part, when two are chosen, then the third takes part no more, and what waits for it is withheld (N2)."""
        people = (CasePerson(ref=chapters.SISTER, name="Siv Provsdotter", chosen=True),)
        content = rq.ParticipantsApproved(units=UNITS[:2], approved_on=p.DAY, approved_how="oral", people=people)
        changed, effects = prepared.did(lambda: prepared.story.say(content))
        assert effects == (Narrowed(),)
        assert {grant.party for grant in changed["grants"] if grant.scope == "participant"} == {*UNITS[:2], chapters.SISTER}
        assert changed["people"] == people
        assert prepared.did(lambda: prepared.story.approved(UNITS[:2])) == ({}, ())

    def test_whoever_is_objected_to_or_not_named_any_more_has_nothing(self, prepared: Desk) -> None:
        """Given two relatives with a consent, when one is objected to and the other is not named, then neither is granted anything."""
        sister, brother = (CasePerson(ref=ref, name=f"Syskon {ref}", chosen=True) for ref in (chapters.SISTER, chapters.BROTHER))
        chapters.approved(prepared.story, UNITS, (sister, brother))
        for person in (chapters.SISTER, chapters.BROTHER):
            chapters.consented_for(prepared.story, person, ("copy_to_relative",))
        both = prepared.open
        objected = sister.model_copy(update={"objection": True})
        chapters.approved(prepared.story, UNITS, (objected, brother))
        assert prepared.scopes_of(chapters.SISTER) == {}
        assert set(prepared.scopes_of(chapters.BROTHER)) == {"copy_to_relative", "participant"}
        prepared.case = both
        chapters.approved(prepared.story, UNITS, (brother,))
        assert prepared.scopes_of(chapters.SISTER) == {}
        prepared.case = both
        chapters.approved(prepared.story, UNITS, (sister, brother))
        assert set(prepared.scopes_of(chapters.SISTER)) == {"copy_to_relative", "participant"}

    def test_a_yes_moves_the_case(self, desk: Desk) -> None:
        """Given a request, when there is a consent to a meeting and to a plan, then the case is prepared, and the record stands last."""
        desk.story.requested()
        changed, effects = desk.did(lambda: desk.story.consented(UNITS))
        assert set(changed) == {"state", "grants", "consents", "plan_consent", "consent_version"}
        assert (changed["state"], effects, len(changed["consents"])) == ("PREPARING", (), 1)
        desk.story.refused(("evaluation_survey",))
        assert [record.decision for record in desk.open.consents] == ["permit", "deny"]

    def test_an_undocumented_yes_is_work(self, desk: Desk) -> None:
        """Given a consent that is not in the individual's own record, then the coordinator is to write it there (REQ-43)."""
        desk.story.requested()
        content = sample("consent.given").content.model_copy(update={"documented_in_record": False})
        _, effects = desk.did(lambda: desk.story.say(content))
        assert effects == (OpenWork("consent.undocumented", p.CONTACT),)

    def test_a_full_withdrawal_suspends_once(self, active: Desk) -> None:
        """Given an active case, when all is taken back, then it is suspended with work for the coordinator; again, then without; a yes resumes it (C4)."""
        changed, effects = active.did(active.story.withdrawn)
        assert (changed["state"], changed["resumes"]) == ("SUSPENDED_NO_CONSENT", "ACTIVE")
        assert effects == (Narrowed(), OpenWork("consent.withdrawn", p.CONTACT))
        changed, effects = active.did(active.story.withdrawn)
        assert "resumes" not in changed
        assert effects == ()
        changed, effects = active.did(lambda: active.story.consented(UNITS, ENOUGH))
        assert (changed["state"], changed["resumes"], effects) == ("ACTIVE", None, ())

    @pytest.mark.parametrize("resumes", ["FOLLOW_UP", None])
    def test_what_cannot_be_gone_back_to_is_prepared_anew(self, active: Desk, resumes: Any) -> None:
        """Given a suspended case that knows no place to go back to, when there is a consent, then it is prepared anew."""
        active.story.withdrawn()
        active.case = active.open.model_copy(update={"resumes": resumes})
        active.story.consented(UNITS, ENOUGH)
        assert (active.state, active.open.resumes) == ("PREPARING", None)

    @pytest.mark.parametrize(
        ("resumes", "discharge", "state", "goes_on"),
        [
            (None, True, "planned", "SUMMONED"),
            ("PREPARING", True, "planned", "SUMMONED"),
            ("PREPARING", False, "planned", "PREPARING"),
            ("PREPARING", True, "cancelled", "PREPARING"),
            ("ACTIVE", True, "planned", "ACTIVE"),
        ],
    )
    def test_who_was_called_to_a_discharge_meanwhile_is_called_still(
        self, active: Desk, resumes: Any, discharge: bool, state: Any, goes_on: str
    ) -> None:
        """Given a suspended case, when there is a consent again, then it goes on at the meeting of a discharge that is planned, else where it was."""
        active.story.withdrawn()
        meeting = active.open.meetings[0].model_copy(update={"discharge": discharge, "state": state})
        active.case = active.open.model_copy(update={"resumes": resumes, "meetings": (meeting,)})
        active.story.consented(UNITS, ENOUGH)
        assert (active.last.code, active.state) == (None, goes_on)

    def test_half_a_yes_resumes_nothing(self, active: Desk) -> None:
        """Given a suspended case, when only a meeting is consented to, then it is suspended still, and knows where it was."""
        active.story.withdrawn()
        active.story.consented(UNITS, ("meeting",))
        assert (active.state, active.open.resumes) == ("SUSPENDED_NO_CONSENT", "ACTIVE")

    def test_a_consent_where_none_is_taken_is_refused(self, prepared: Desk) -> None:
        """Given a case that is closed, when a consent comes, then it is refused for its state."""
        prepared.story.closed([])
        assert prepared.refused(lambda: prepared.story.consented(UNITS)) == Refusal("case.wrong_state", "conflict", "/type")

    def test_an_excluded_coordinator_coordinates_no_more(self, active: Desk) -> None:
        """Given a coordinator at a unit, when the individual takes all from that unit, then the contact coordinates, and is told."""
        coordinator = active.story.convener.model_copy(update={"unit": p.CARE_CENTRE})
        active.case = active.open.model_copy(update={"coordinator": coordinator, "deputy": coordinator})
        kept = active.open
        changed, effects = active.did(lambda: active.story.withdrawn([p.CARE_CENTRE]))
        assert (changed["coordinator"], changed["deputy"]) == (None, None)
        assert {"grants", "consents"} <= set(changed)
        assert effects == (Narrowed(), OpenWork("coordinator.excluded", p.CONTACT))
        active.case = kept
        for take in (lambda: active.story.withdrawn([p.HOME_CARE]), active.story.withdrawn):
            active.case = kept
            changed, effects = active.did(take)
            assert "coordinator" not in changed
            assert OpenWork("coordinator.excluded", p.CONTACT) not in effects

    def test_a_coordinator_who_was_never_chosen_to_take_part_is_excluded_too(self, active: Desk) -> None:
        """Given a coordinator at a unit with a consent that takes no part, when all is taken from it, then the contact coordinates."""
        active.story.approved(UNITS[:2])
        coordinator = active.story.convener.model_copy(update={"unit": p.CARE_CENTRE})
        active.case = active.open.model_copy(update={"coordinator": coordinator})
        changed, effects = active.did(lambda: active.story.withdrawn([p.CARE_CENTRE]))
        assert changed["coordinator"] is None
        assert OpenWork("coordinator.excluded", p.CONTACT) in effects

    def test_a_contact_that_coordinates_is_not_excluded(self, active: Desk) -> None:
        """Given a contact that coordinates and is named in the consent, when all is taken from it, then nobody is told: it is the contact still."""
        active.story.consented([p.CONTACT])
        _, effects = active.did(lambda: active.story.withdrawn([p.CONTACT]))
        assert effects == (Narrowed(),)

    @pytest.mark.parametrize(
        ("name", "kind"), [("ack.transport", "received"), ("ack.received", "received"), ("ack.read", "read"), ("nack", "rejected")]
    )
    def test_a_receipt_is_noted(self, summoned: Desk, name: str, kind: Any) -> None:
        """Given each receipt, then what became of the message is noted, with the partner's code where it was turned away."""
        told = uuid4()
        found = sample(name).content.model_copy(update={"unit": p.HOME_CARE, "message_id": told})
        code = found.code if isinstance(found, r.NotReceived) else None
        assert (code is not None) == (name == "nack")
        effects = (NoteReceipt(told, kind, code),)
        assert summoned.did(lambda: summoned.story.say(found, by=p.HOME_CARE)) == ({}, effects)


def test_another_person_may_not_be_named(desk: Desk) -> None:
    """Given a case about somebody, when a message names another person, then it is not there (G15)."""
    desk.story.requested()
    other = Person(identity=PersonNumberIdentity(value="201001042397"))  # type: ignore[arg-type]  # one of the test numbers
    message = desk.story.message(desk.story.kallelse(), UNITS, subject=other, basis=SECRECY_ASSESSED)
    assert desk.send(message).refusal == Refusal("case.not_there", "not_there")


def test_protected_staff_are_known_from_the_first_message(desk: Desk) -> None:
    """Given an initiative by somebody protected, then the case knows them from its beginning, with the organisation the directory has (G10)."""
    chapters.initiated(desk.story, p.CARE_CENTRE)
    sent = desk.story.sent[-1]
    initiator = desk.story.eva.model_copy(update={"protection": "confidentiality_flag"})
    message = sent.model_copy(update={"content": sent.content.model_copy(update={"initiator": initiator})})
    assert [(found.name, found.organisation) for found in opened(message).shielded] == [(initiator.name, p.MUNICIPALITY)]
