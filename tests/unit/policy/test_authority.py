"""Who may say what (G6, G13 to G15): every type and every kind of sender, and "not yours" that cannot be told from "not there"."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from siphub.errors import Refused
from siphub.model import CATALOGUE, Caller, Message, Person, Sender, UnitContact, sample
from siphub.model import people as p
from siphub.model.case import DischargeRecord, MeetingRecord, Participant, Planned, PlanRecord, SipCase
from siphub.model.identifiers import OrganisationNumber, PersonNumber, UnitId
from siphub.model.messages import around as a
from siphub.model.messages import meeting as m
from siphub.model.person import PersonNumberIdentity
from siphub.model.samples import SAMPLE_CASE
from siphub.policy.authority import ROLES, admit
from siphub.policy.lifecycle import OPENING
from siphub.policy.refusal import Refusal
from siphub.testing import chapters
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk, wide_directory

SENDERS = {
    "contact": p.CONTACT,
    "coordinator": p.CARE_CENTRE,
    "convener": p.SOCIAL_SERVICES,
    "participant": p.HOME_CARE,
    "provider": PRIVATE,
    "hospital": p.HOSPITAL,
    "agency": p.FK,
    "outside": OUTSIDE,
}
CARE = {"contact", "coordinator", "convener", "participant", "provider", "hospital"}
PRINCIPAL = CARE - {"provider"}
MAY: dict[str, set[str]] = {
    "sip.requested": CARE,
    "sip.proposed": set(SENDERS),
    "sip.initiated": CARE,
    "sip.request.answered": {"contact", "coordinator"},
    "sip.request.withdrawn": {"contact", "participant"},
    "need.assessed": CARE,
    "participants.approved": {"contact", "coordinator"},
    "consent.given": PRINCIPAL,
    "consent.refused": PRINCIPAL,
    "consent.amended": PRINCIPAL,
    "consent.withdrawn": CARE,
    "meeting.summoned": {"contact", "coordinator"},
    "meeting.invited": {"contact", "coordinator"},
    "meeting.response": {"participant", "agency"},
    "meeting.rescheduled": {"convener"},
    "meeting.cancelled": {"convener", "coordinator"},
    "meeting.held": {"convener"},
    "plan.proposed": {"coordinator"},
    "plan.commitment.confirmed": {"participant"},
    "plan.commitment.rejected": {"participant"},
    "plan.established": {"coordinator"},
    "plan.revised": {"coordinator"},
    "plan.closed": {"coordinator"},
    "plan.copy.delivered": {"coordinator"},
    "coordinator.changed": {"coordinator"},
    "followup.summoned": {"coordinator"},
    "followup.held": {"convener"},
    "activity.status": {"participant"},
    "message.misdirected": {"participant"},
    "message.forwarded": {"participant"},
    "message.entered_in_error": set(SENDERS),
    "subject.deceased": CARE,
    "inpatient.admitted": {"hospital"},
    "inpatient.discharge_ready": {"hospital"},
    "inpatient.discharge_ready.revoked": {"hospital"},
    "inpatient.discharged": {"hospital"},
    "process.interrupted": {"hospital"},
    "splptlrv.established": {"coordinator"},
    "lss.established": set(),
    "meeting.reminder": set(),
    "delivery.failed": set(),
    "ack.transport": {"participant"},
    "ack.received": {"participant"},
    "nack": {"participant"},
    "ack.read": {"participant"},
    "stop.notice": set(),
}
"""Type → who may send it in the case below. The meeting has two places: home care and Försäkringskassan; the plan gives home care its part.

The case is the municipality's: contact and participant are its units, and may take its request back."""

OPENERS: dict[str, set[str]] = {
    "sip.requested": CARE,
    "sip.proposed": set(SENDERS),
    "sip.initiated": CARE,
    "inpatient.admitted": {"hospital"},
    "splptlrv.established": {"coordinator", "hospital"},
    "lss.established": {"contact", "participant", "convener"},
}
"""Type → who may open a case with it."""


def contact_of(unit: UnitId) -> UnitContact:
    """Return somebody at a unit."""
    return UnitContact(name="Eva", unit=unit, phone="090-123 45 67")


def case() -> SipCase:
    """Return a case in which every kind of sender has its place."""
    meeting = sample("meeting.response").content
    plan = sample("plan.commitment.confirmed").content
    after = sample("followup.held").content
    places = (Participant(unit=p.HOME_CARE, duty=True), Participant(unit=p.FK, duty=False))
    return SipCase(
        case_id=SAMPLE_CASE,
        owner=p.MUNICIPALITY,
        state="IN_REVIEW",
        subject=sample("meeting.summoned").subject,
        contact=p.CONTACT,
        coordinator=contact_of(p.CARE_CENTRE),
        units=tuple(SENDERS.values()),
        meetings=(
            MeetingRecord(id=getattr(meeting, "meeting_id"), version=1, convener=contact_of(p.SOCIAL_SERVICES), participants=places),  # noqa: B009 - the content is one of many types
            MeetingRecord(id=getattr(after, "meeting_id"), version=1, convener=contact_of(p.SOCIAL_SERVICES), kind="follow_up"),  # noqa: B009 - the same
        ),
        plan=PlanRecord(
            id=getattr(plan, "plan_id"),  # noqa: B009 - the same
            version=1,
            state="proposed",
            activities=(Planned(activity="a1", unit=p.HOME_CARE, digest="-"),),
        ),
        discharge=DischargeRecord(admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY),
    )


def sent_by(message: Message, unit: UnitId, organisation: OrganisationNumber | None = None) -> Message:
    """Return the message as another unit would send it."""
    directory = wide_directory().unit(unit)
    of = organisation or (directory.organisation if directory else unit.organisation)
    return message.model_copy(update={"sender": Sender(unit=unit, organisation=of)})


def caller(message: Message, *units: str) -> Caller:
    """Return a caller for the sender's organisation, for some units or for all."""
    return Caller(message.sender.organisation, frozenset(units), frozenset({"send"}), "test")


def thrown(refusal: Refusal | None) -> dict[str, Any]:
    """Return all that a caller can see of a refusal."""
    assert refusal is not None
    with pytest.raises(Refused) as raised:
        refusal.throw()
    error = raised.value
    return {
        **vars(error),
        "class": type(error),
        "args": error.args,
        "text": str(error),
        "repr": repr(error),
        "status": error.status,
        "code": error.code,
    }


def test_every_type_has_a_role_and_a_line_in_this_test() -> None:
    """Given the catalogue, then each of its types has a role, no role is for a type that does not exist, and all are tested here."""
    assert set(ROLES) == set(CATALOGUE) == set(MAY)


@pytest.mark.parametrize(("name", "role"), list(product(CATALOGUE, SENDERS)))
def test_a_type_is_taken_from_its_role_and_from_nobody_else(name: str, role: str) -> None:
    """Given a case with everybody in it, when each kind of unit sends each type, then it is admitted exactly where the table says so."""
    message = sent_by(sample(name), SENDERS[role])
    if name == "meeting.rescheduled":  # to who has a place there; calling further units to it takes more
        message = message.model_copy(update={"recipients": (p.HOME_CARE,)})
    refusal = admit(message, case(), caller(message), wide_directory())
    assert (refusal is None) == (role in MAY[name]), refusal


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(OPENING)))
def test_not_yours_is_not_there(name: str) -> None:
    """Given a case the sender is not in, and one about somebody else, then the error is in every field that for a case that does not exist."""
    message = sample(name)
    directory, mine = wide_directory(), case()
    nowhere = thrown(admit(message, None, caller(message), directory))
    without = mine.model_copy(update={"units": tuple(unit for unit in mine.units if unit != message.sender.unit)})
    assert thrown(admit(message, without, caller(message), directory)) == nowhere
    assert nowhere["problems"] == ()
    if message.subject is not None:
        other = Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))
        fits = mine.model_copy(update={"subject": other, "coordinator": contact_of(message.sender.unit), "meetings": (), "plan": None})
        assert thrown(admit(message, fits, caller(message), directory)) == nowhere


@pytest.mark.parametrize("role", ["agency", "outside"])
def test_whom_a_case_is_about_cannot_be_found_out_by_trying(role: str) -> None:
    """Given an invited party without the person's number, when it tries numbers in messages it may not send, then right and wrong look alike."""
    right = sent_by(sample("meeting.summoned"), SENDERS[role])
    wrong = right.model_copy(update={"subject": Person(identity=PersonNumberIdentity(value=PersonNumber("201001042397")))})
    answers = [thrown(admit(message, case(), caller(message), wide_directory())) for message in (right, wrong)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(OPENING)))
def test_nothing_but_a_request_or_a_proposal_opens_a_case(name: str) -> None:
    """Given no case, when any other type comes, then there is no such case."""
    message = sample(name)
    assert admit(message, None, caller(message), wide_directory()) == Refusal("case.not_there", "not_there")


def test_a_unit_speaks_through_its_own_organisation_only() -> None:
    """Given a message, when the caller, the caller's units, the sender's organisation or the directory do not fit, then it is refused (G13)."""
    message, directory = sample("need.assessed"), wide_directory()
    no = Refusal("sender.not_yours", "forbidden", "/sender")
    assert admit(message, case(), caller(message), directory) is None
    assert admit(message, case(), caller(message, p.CONTACT), directory) is None
    assert admit(message, case(), caller(message, p.HOME_CARE), directory) == no
    assert admit(message, case(), Caller(p.REGION, frozenset(), frozenset({"send"}), "test"), directory) == no
    assert admit(message, case(), Caller("", frozenset(), frozenset({"send"}), "poll"), directory) == no
    stranger = sent_by(message, UnitId("SE2120009994-9999"))
    assert admit(stranger, case(), caller(stranger), directory) == no
    borrowed = sent_by(message, p.CARE_CENTRE, p.MUNICIPALITY)
    assert admit(borrowed, case(), caller(borrowed), directory) == no


def test_the_first_message_fixes_owner_and_person() -> None:
    """Given a request, when it opens a case, then the receiving unit is the contact, its huvudman the owner, and the person is the case's."""
    desk = Desk()
    desk.story.requested()
    assert (desk.open.owner, desk.open.contact, desk.open.units) == (p.MUNICIPALITY, p.CONTACT, (p.CONTACT,))
    assert desk.open.subject is not None
    assert desk.open.subject.identity.value == p.SUBJECT_NUMBER


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"owner": p.REGION}, "case.owner"),
        ({"owner": p.FORSAKRINGSKASSAN}, "case.owner"),
        ({"recipients": (p.HOME_CARE,)}, "recipient.unknown"),
    ],
)
def test_a_case_opens_at_its_own_huvudman(change: dict[str, Any], code: str) -> None:
    """Given a request whose owner is not the receiving huvudman, or that is not addressed to the receiving unit, then no case opens."""
    message = sample("sip.requested").model_copy(update=change)
    refusal = admit(message, None, caller(message), wide_directory())
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize(("name", "role"), list(product(sorted(OPENING), SENDERS)))
def test_a_case_is_opened_by_who_may_open_it(name: str, role: str) -> None:
    """Given no case, when each kind of unit opens one at its own huvudman, then a request needs a care unit, a proposal none, a notice a hospital."""
    message = sent_by(sample(name), SENDERS[role])
    if name not in {"sip.requested", "sip.proposed"} and role not in {"provider", "agency", "outside"}:
        message = message.model_copy(update={"owner": message.sender.organisation})
    elif role == "provider":
        directory = wide_directory()
        first = directory.unit(message.recipients[0])
        message = message.model_copy(update={"owner": first.organisation if first else message.owner})
    assert set(OPENERS) == set(OPENING)
    assert (admit(message, None, caller(message), wide_directory()) is None) == (role in OPENERS[name])


@pytest.mark.parametrize("name", ["sip.initiated", "inpatient.admitted", "splptlrv.established", "lss.established"])
def test_who_takes_the_initiative_opens_a_case_of_its_own_huvudman_only(name: str) -> None:
    """Given a huvudman's initiative or notice, when it names another organisation as the owner, then no case opens (G15)."""
    message = sample(name)
    assert admit(message, None, caller(message), wide_directory()) is None
    other = p.NEIGHBOUR
    stolen = message.model_copy(update={"owner": other})
    assert admit(stolen, None, caller(stolen), wide_directory()) == Refusal("case.owner", "invalid", "/owner")


def test_an_agency_can_be_no_cases_owner() -> None:
    """Given a request to a unit of Försäkringskassan, then no case opens."""
    content = sample("sip.requested").content.model_copy(update={"receiving_unit": p.FK})
    message = sample("sip.requested").model_copy(update={"content": content, "recipients": (p.FK,), "owner": p.FORSAKRINGSKASSAN})
    assert admit(message, None, caller(message), wide_directory()) == Refusal("case.owner", "invalid", "/owner")


def test_another_organisation_that_knows_a_cases_id_gets_nothing_of_it() -> None:
    """Given a case, when a region that is not in it sends a request into it, then it is not there, and the case is as it was."""
    desk = Desk()
    desk.story.requested()
    before = desk.open
    message = desk.story.message(sample("sip.requested").content, [p.CONTACT], by=p.CARE_CENTRE)
    assert desk.send(message).refusal == Refusal("case.not_there", "not_there")
    assert desk.open == before


def test_an_answer_is_for_ones_own_place() -> None:
    """Given a meeting without a place for a unit, and a meeting that does not exist, when it answers, then both are not there (G14)."""
    message = sent_by(sample("meeting.response"), p.CARE_CENTRE)
    not_there = Refusal("case.not_there", "not_there")
    assert admit(message, case(), caller(message), wide_directory()) == not_there
    other = message.model_copy(update={"content": message.content.model_copy(update={"meeting_id": uuid4()})})
    assert admit(other, case(), caller(other), wide_directory()) == not_there


def test_a_receipt_is_for_ones_own_delivery() -> None:
    """Given receipts that name another unit than their sender, then each is refused (G14)."""
    for name in ("ack.transport", "ack.received", "nack", "ack.read"):
        message = sent_by(sample(name), p.FK)
        assert admit(message, case(), caller(message), wide_directory()) == Refusal("sender.role", "forbidden", "/sender")


def test_until_a_coordinator_is_appointed_the_contact_coordinates() -> None:
    """Given no coordinator, when the plan's messages come, then they are taken from the contact alone; afterwards not even from it."""
    directory = wide_directory()
    message = sample("plan.closed")
    assert admit(message, case(), caller(message), directory) == Refusal("plan.not_coordinator", "forbidden", "/sender")
    assert admit(message, case().model_copy(update={"coordinator": None}), caller(message), directory) is None


def test_what_says_nothing_of_the_person_makes_nobody_a_part_of_the_case(summoned: Desk) -> None:
    """Given a neutral answer and a message gone astray to units that nobody has asked, when these speak in the case, then it is not there."""
    desk, story = summoned, summoned.story
    chapters.answered(story, [p.FK])
    astray = a.Misdirected(message_id=story.sent[-1].message_id, unit=p.HOME_CARE, reason="other")
    assert story.say(astray, [p.HOSPITAL, PRIVATE], by=p.HOME_CARE).states[PRIVATE] == ("queued", None)
    assert not {p.FK, p.HOSPITAL, PRIVATE} & set(desk.open.units)
    story.say(sample("subject.deceased").content, by=PRIVATE)
    assert (desk.last.code, desk.state) == ("case.not_there", "SUMMONED")


def test_a_withdrawal_is_taken_wherever_it_is_told(summoned: Desk) -> None:
    """Given a private provider in the case, when the individual takes the consent back there, then everything stops; what is consented to it may not say."""
    story = summoned.story
    story.consented([p.HOME_CARE, PRIVATE])
    story.approved([p.HOME_CARE, PRIVATE])
    story.summoned([PRIVATE])
    for name in ("consent.given", "consent.refused", "consent.amended"):
        story.say(sample(name).content, by=PRIVATE)
        assert summoned.last.code == "sender.role"
    story.withdrawn(by=PRIVATE)
    assert (summoned.last.code, summoned.state, summoned.open.grants) == (None, "SUSPENDED_NO_CONSENT", ())
    story.withdrawn(by=p.FK)
    assert summoned.last.code == "case.not_there"


def test_a_unit_that_is_asked_to_take_part_is_in_the_case_and_may_answer() -> None:
    """Given a case that is open, when a unit of the other huvudman is asked by an initiative, then it is in the case."""
    desk = Desk()
    desk.story.requested()
    chapters.initiated(desk.story, p.CARE_CENTRE)
    assert p.CARE_CENTRE in desk.open.units


@pytest.mark.parametrize(("name", "by"), [("sip.requested", p.FK), ("inpatient.admitted", p.CONTACT), ("lss.established", p.CARE_CENTRE)])
def test_who_may_not_open_a_case_with_a_type_hears_that_it_is_the_role(name: str, by: UnitId) -> None:
    """Given no case yet, when a unit opens one with a type that is not its to open with, then it is refused for its role, at the sender."""
    message = sample(name)
    owner = by.organisation if name != "sip.requested" else message.owner
    message = message.model_copy(update={"sender": Sender(unit=by, organisation=by.organisation), "owner": owner})
    caller = Caller(by.organisation, frozenset(), frozenset({"send"}), "desk")
    assert admit(message, None, caller, wide_directory()) == Refusal("sender.role", "forbidden", "/sender")


def test_a_receiving_unit_nobody_knows_is_named_in_the_refusal() -> None:
    """Given a request to a unit that is not among its recipients, then it is refused as unknown, at that field."""
    message = sample("sip.requested").model_copy(update={"recipients": (p.HOME_CARE,)})
    caller = Caller(p.MUNICIPALITY, frozenset(), frozenset({"send"}), "desk")
    expected = Refusal("recipient.unknown", "invalid", "/content/receiving_unit")
    assert admit(message, None, caller, wide_directory()) == expected


def called_by(desk: Desk, unit: UnitId, content: type[m.MeetingSummoned | m.MeetingInvited] = m.MeetingSummoned) -> str | None:
    """Return why a unit may not call to a meeting of its own, or None."""
    fields = {"meeting": desk.story.meeting(), "purpose": "sip", "convener": contact_of(unit), "respond_by": desk.now}
    more = {"duty_basis": "SoL10:8"} if content is m.MeetingSummoned else {}
    message = desk.story.message(content.model_validate({**fields, **more}), [p.HOME_CARE], by=unit)
    decided = desk.ask(message)
    return decided.code if isinstance(decided, Refusal) else None


@pytest.mark.parametrize("content", [m.MeetingSummoned, m.MeetingInvited])
def test_a_meeting_is_called_by_the_contact_the_coordinator_or_its_deputy(
    prepared: Desk, content: type[m.MeetingSummoned | m.MeetingInvited]
) -> None:
    """Given units that take part, when they call to a meeting, then it is taken from contact, coordinator and deputy, and from no other."""
    story = prepared.story
    assert [called_by(prepared, unit, content) for unit in (p.CONTACT, p.CARE_CENTRE)] == [None, "case.not_there"]
    prepared.case = prepared.open.model_copy(update={"units": (p.CONTACT, p.CARE_CENTRE, p.SOCIAL_SERVICES, p.HOME_CARE)})
    units = (p.CONTACT, p.CARE_CENTRE, p.SOCIAL_SERVICES, p.HOME_CARE)
    assert [called_by(prepared, unit, content) for unit in units] == [None, *["sender.role"] * 3]
    changed = a.CoordinatorChanged(
        coordinator=contact_of(p.CARE_CENTRE), deputy=contact_of(p.SOCIAL_SERVICES), from_date=p.DAY, agreed_with_individual=True
    )
    story.say(changed)
    assert [called_by(prepared, unit, content) for unit in units] == [None, None, None, "sender.role"]


@pytest.mark.parametrize(("named", "code"), [(p.CARE_CENTRE, None), (None, None), (p.HOME_CARE, "sender.role")])
def test_the_fast_vardkontakts_unit_calls(prepared: Desk, named: UnitId | None, code: str | None) -> None:
    """Given a stay at hospital, when open care calls with consent, then it is taken where the patient's fast vårdkontakt is there, or nobody says."""
    stay = DischargeRecord(admitting_unit=p.HOSPITAL, municipality=p.MUNICIPALITY, care_contact_unit=named)
    prepared.case = prepared.open.model_copy(update={"units": (*prepared.open.units, p.CARE_CENTRE, p.HOSPITAL), "discharge": stay})
    assert called_by(prepared, p.CARE_CENTRE) == code
    assert called_by(prepared, p.HOSPITAL) == "sender.role"


def test_a_request_is_taken_back_where_it_was_sent_or_received_or_at_the_owners(desk: Desk) -> None:
    """Given a request that another huvudman handed in, when units take it back, then it is taken from sender, receiver and owner alone."""
    sent_in = sample("sip.requested").content
    desk.send(desk.story.message(sent_in, [p.CONTACT], by=p.CARE_CENTRE))
    assert desk.open.requesters == (p.CARE_CENTRE, p.CONTACT)
    desk.case = desk.open.model_copy(update={"units": (*desk.open.units, p.HOME_CARE, p.HOSPITAL, PRIVATE, p.FK)})
    before = desk.open
    answers = {}
    for unit in (p.CARE_CENTRE, p.CONTACT, p.HOME_CARE, p.HOSPITAL, PRIVATE, p.FK):
        desk.case = before
        desk.story.say(sample("sip.request.withdrawn").content, by=unit)
        answers[unit] = desk.last.code
    allowed = (p.CARE_CENTRE, p.CONTACT, p.HOME_CARE)
    assert answers == {**dict.fromkeys(allowed), **dict.fromkeys((p.HOSPITAL, PRIVATE, p.FK), "sender.role")}
    desk.case = before
    desk.story.say(sent_in, [p.CONTACT], by=p.HOSPITAL)
    desk.story.say(sample("sip.request.withdrawn").content, by=p.HOSPITAL)
    assert desk.last.code is None


@pytest.mark.parametrize(("duty_basis", "code"), [("LUS4:1", None), ("SoL10:8", "sender.role"), ("lus4:1", "sender.role")])
def test_who_calls_by_the_discharge_act_is_answered_by_its_own_rule(duty_basis: str, code: str | None) -> None:
    """Given a unit that neither is the contact nor coordinates, when it calls by LUS 4:1, then that is G16's to say, and by another section its role."""
    found = sent_by(sample("meeting.summoned"), p.HOME_CARE)
    message = found.model_copy(update={"content": found.content.model_copy(update={"duty_basis": duty_basis})})
    refusal = admit(message, case(), caller(message), wide_directory())
    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize("name", ["plan.commitment.confirmed", "plan.commitment.rejected"])
def test_a_part_in_the_draft_alone_is_spoken_of_too(name: str) -> None:
    """Given a draft that gives a unit a part it has not in the plan, then the unit's word is taken, and of another plan's draft it is not there."""
    message = sample(name)
    mine = case()
    assert mine.plan is not None
    sent = sent_by(message, message.sender.unit)
    bare = mine.plan.model_copy(update={"activities": ()})
    drafted = mine.model_copy(update={"plan": bare, "draft": mine.plan})
    assert admit(sent, drafted, caller(sent), wide_directory()) is None
    other = mine.model_copy(update={"plan": bare, "draft": mine.plan.model_copy(update={"id": uuid4()})})
    assert admit(sent, other, caller(sent), wide_directory()) == Refusal("case.not_there", "not_there")


@pytest.mark.parametrize(("blind", "called", "told"), [(False, False, True), (True, False, False), (True, True, True)])
def test_who_was_not_told_of_whom_may_name_them_when_it_is_called(blind: bool, called: bool, told: bool) -> None:
    """Given a care unit that knows of an initiative and not for whom, then it may name the person when it has a place at the meeting, not before."""
    known = case()
    meeting = known.meetings[0].model_copy(update={"participants": (Participant(unit=p.CARE_CENTRE, duty=True),) if called else ()})
    known = known.model_copy(update={"meetings": (meeting,), "blind": (p.CARE_CENTRE,) if blind else ()})
    message = sent_by(sample("subject.deceased"), p.CARE_CENTRE).model_copy(update={"subject": known.subject})
    expected = None if told else Refusal("subject.not_told", "invalid", "/subject")
    assert admit(message, known, caller(message), wide_directory()) == expected
