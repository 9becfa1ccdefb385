"""Disclosure at its edges: who is bound, who has come of age, which questions are one's own, whose label stands, and why it was no."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from siphub.model import Message, Person, sample
from siphub.model import people as p
from siphub.model.case import Grant, MeetingRecord, Participant, SipCase
from siphub.model.envelope import ConsentStatement
from siphub.model.identifiers import PersonNumber, PersonRef, UnitId
from siphub.model.messages import meeting as m
from siphub.model.person import CasePerson, PersonNumberIdentity, UnitContact
from siphub.policy.disclosure import (
    Covered,
    Requirement,
    Withheld,
    cut,
    envelope,
    judge,
    kinds_of,
    requirement,
    rule_for,
    rules,
    statement,
    why_no_rule,
)
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk, wide_directory

TELLING = frozenset({"sender", "author", "subject", "basis", "consent_statement", "content"})
"""The fields of a message that can tell of a person or of who gives care: each is a secret of its own."""
NEED = Requirement(
    bases=("consent",),
    scopes=frozenset({"meeting", "participant"}),
    widening=frozenset(),
    party=p.HOME_CARE,
    party_organisation=None,
    direction="to",
)


def case(**more: Any) -> SipCase:
    """Return a case whose meeting has a bound and an unbound party of no huvudman."""
    called = sample("meeting.summoned").content
    assert isinstance(called, m.MeetingSummoned)
    places = (Participant(unit=OUTSIDE, duty=True), Participant(unit=p.FK, duty=False))
    meeting = MeetingRecord(
        id=called.meeting.id, version=1, convener=UnitContact(name="Eva", unit=p.CONTACT, phone="090-12345"), participants=places
    )
    fields = {
        "case_id": sample("meeting.summoned").case_id,
        "owner": p.MUNICIPALITY,
        "state": "SUMMONED",
        "contact": p.CONTACT,
        "meetings": (meeting,),
    }
    return SipCase.model_validate({**fields, **more})


def test_an_agreement_binds_where_the_case_has_noted_it() -> None:
    """Given a call to a meeting, then a party outside care is bound where its place has the duty, and else what it is (REQ-52)."""
    message, directory = sample("meeting.summoned"), wide_directory()
    assert kinds_of(OUTSIDE, case(), directory, message) == ("bound", "outside")
    assert kinds_of(p.FK, case(), directory, message) == ("agency",)
    assert kinds_of(p.AF, case(), directory, message) == ("agency",)
    assert kinds_of(OUTSIDE, case(meetings=()), directory, message) == ("outside",)
    assert kinds_of(OUTSIDE, case(), directory, sample("plan.established")) == ("outside",)
    assert kinds_of(OUTSIDE, case(), directory, sample("meeting.reminder")) == ("outside",)


@pytest.mark.parametrize(("days", "kind"), [(-1, "guardian"), (0, "other_person"), (1, "other_person")])
def test_a_guardian_is_one_until_the_child_comes_of_age(days: int, kind: str) -> None:
    """Given a child, then its guardian is one until the day it is eighteen; on that day, and where only the message says which, one other person."""
    number = PersonNumber("201001042397")
    day = date(2028, 1, 4) + timedelta(days=days)
    child = Person(identity=PersonNumberIdentity(value=number))
    guardian = CasePerson(ref=PersonRef("guardian/1"), name="Vera Vårdnadshavare")
    young = case(subject=child, people=(guardian,))
    assert kinds_of(PersonRef("guardian/1"), young, wide_directory(), sample("meeting.summoned"), day) == (kind,)
    at = sample("meeting.summoned").sent_at + (day - sample("meeting.summoned").sent_at.date())
    assert kinds_of(PersonRef("guardian/1"), young, wide_directory(), sample("meeting.summoned").model_copy(update={"sent_at": at})) == (
        kind,
    )


def test_a_question_to_a_unit_that_was_taken_over_is_its_successors() -> None:
    """Given questions to a unit that was merged, to its successor and to another, then the successor sees the first two and no more."""
    directory = wide_directory()
    moved = {"closed_on": p.DAY, "address": None, "successor": p.AF}
    directory = directory.model_copy(
        update={"units": tuple(unit.model_copy(update=moved if unit.id == p.FK else {}) for unit in directory.units)}
    )
    found = sample("meeting.invited").content
    questions = tuple(m.Question(unit=unit, text=unit) for unit in (p.FK, p.AF, OUTSIDE))
    message = sample("meeting.invited").model_copy(update={"content": found.model_copy(update={"questions": questions})})
    rule = rule_for("meeting.invited", ("agency",))
    assert rule is not None
    made = cut(message, rule, recipient=p.AF, covered=Covered("consent", frozenset()), directory=directory)
    seen: Any = made.document["content"]
    assert [question["unit"] for question in seen["questions"]] == [p.FK, p.AF]


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [
        ("meeting.invited", "agency", "convener"),
        ("meeting.rescheduled", "outside", "convener"),
        ("coordinator.changed", "agency", "coordinator"),
    ],
)
def test_outside_care_the_organisations_label_stands_for_whoever_it_is(name: str, kind: str, field: str) -> None:
    """Given a message that names somebody at a unit, when it goes outside care, then the label stands there with the telephone, and nothing else."""
    message, directory = sample(name, maximal=True), wide_directory()
    rule = rule_for(name, (kind,))
    assert rule is not None
    organisation = directory.organisation(message.sender.organisation)
    assert organisation is not None
    phone = getattr(message.content, field).phone
    nobody = directory.model_copy(update={"organisations": ()})
    for known, label in ((directory, organisation.public_label), (nobody, message.sender.organisation)):
        made = cut(message, rule, recipient=p.FK, covered=Covered(rule.bases[0], frozenset()), directory=known)
        content: Any = made.document["content"]
        assert content[field] == {"name": label, "phone": phone}


def grants(*scopes: str, **more: Any) -> list[Grant]:
    """Return grants to home care."""
    fields = {"party": p.HOME_CARE, "direction": "both", "since": p.NOON}
    return [Grant.model_validate({**fields, "scope": scope, **more}) for scope in scopes]


@pytest.mark.parametrize("asserted", [None, "consent"])
@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ([], "basis.consent_missing"),
        (grants("participant"), "basis.consent_missing"),
        (grants("plan", "participant"), "basis.scope_missing"),
        (grants("plan"), "basis.scope_missing"),
        (grants("meeting"), "participant.not_approved"),
        (grants("meeting", "participant", until=p.NOON), "basis.consent_expired"),
        ([*grants("meeting", until=p.NOON), *grants("participant")], "basis.consent_expired"),
        ([*grants("meeting", direction="from"), *grants("participant")], "basis.direction_missing"),
    ],
)
def test_why_it_was_no(held: list[Grant], reason: str, asserted: str | None) -> None:
    """Given what is granted, then the most useful reason is told, and that the sender states consent changes nothing."""
    assert judge(NEED, held, asserted, p.NOON) == Withheld(reason)
    assert judge(NEED, held, "secrecy_assessed", p.NOON) == Withheld("basis.not_allowed")


def test_why_no_rule_is_for_somebody() -> None:
    """Given whom no rule is for, then a person who is not in the case, a unit of some kind and a unit nobody knows are told apart."""
    assert why_no_rule(PersonRef("relative/1"), ()) == "person.not_in_case"
    assert why_no_rule(PersonRef("relative/1"), ("other_person",)) == "person.not_in_case"
    assert why_no_rule(PersonRef("relative/1"), ("relative",)) == "basis.none"
    assert why_no_rule(p.HOME_CARE, ("duty",)) == "basis.none"
    assert why_no_rule(p.HOME_CARE, ()) == "recipient.unknown"


def test_an_answer_about_a_meeting_nobody_knows_is_for_nobody() -> None:
    """Given an answer about another meeting, then no unit is its convener."""
    message = sample("meeting.response")
    elsewhere = message.model_copy(update={"content": message.content.model_copy(update={"meeting_id": uuid4()})})
    desk = Desk()
    assert not [unit.id for unit in desk.directory.units if "convener" in kinds_of(unit.id, case(), desk.directory, elsewhere)]


def test_what_a_delivery_needs() -> None:
    """Given rules and who sends, then the party, its agency, the way and the bases are those of the rule; no stated basis of an agency counts."""
    directory = wide_directory()
    call, answer = rule_for("meeting.summoned", ("duty",)), rule_for("meeting.response", ("convener",))
    invitation = rule_for("meeting.invited", ("agency",))
    assert call is not None
    assert answer is not None
    assert invitation is not None
    to = requirement(call, recipient=p.HOME_CARE, sender=p.CONTACT, directory=directory)
    assert (to.party, to.party_organisation, to.direction, to.scopes) == (p.HOME_CARE, None, "to", call.scopes)
    assert "secrecy_assessed" in to.bases
    back = requirement(answer, recipient=p.CONTACT, sender=p.FK, directory=directory)
    assert (back.party, back.party_organisation, back.direction) == (p.FK, p.FORSAKRINGSKASSAN, "either")
    asked = requirement(invitation, recipient=p.FK, sender=p.CONTACT, directory=directory)
    assert (asked.party_organisation, asked.widening, asked.bases) == (p.FORSAKRINGSKASSAN, frozenset(invitation.show_with), ("consent",))
    assert requirement(call, recipient=p.CONTACT, sender=p.FK, directory=directory).bases == ("consent",)
    assert "secrecy_assessed" in requirement(call, recipient=p.CONTACT, sender=PRIVATE, directory=directory).bases


ANSWERS = ("accept", "decline", "tentative", "propose-new-time", "delegate", "contact-us")
TOLD = {"meeting_id", "meeting_version", "response", "responder", "proposed_times", "substitute_unit", "substitute_name"}
"""What the convener hears of an answer on a consent of any direction (K3)."""


def answer_of(unit: UnitId, word: str, held: list[Grant], asserted: str | None = None, on: frozenset[str] = frozenset()) -> set[str] | str:
    """Return which fields of an answer's content reach the convener, and whom it is about where that is told; or why nothing does."""
    rule, directory = rule_for("meeting.response", ("convener",)), wide_directory()
    assert rule is not None
    judged = judge(requirement(rule, recipient=p.CONTACT, sender=unit, directory=directory, answer=word), held, asserted, p.NOON, on)
    if isinstance(judged, Withheld):
        return judged.reason
    document = cut(sample("meeting.response", maximal=True), rule, recipient=p.CONTACT, covered=judged, directory=directory).document
    content = document["content"]
    assert isinstance(content, dict)
    return {*content, *({"subject"} & set(document))}


@pytest.mark.parametrize("word", ANSWERS)
@pytest.mark.parametrize(
    ("unit", "party"), [(p.FK, p.FK), (p.FK, p.FORSAKRINGSKASSAN), (OUTSIDE, OUTSIDE), (p.HOME_CARE, p.HOME_CARE), (PRIVATE, PRIVATE)]
)
def test_whether_a_party_comes_is_heard_on_a_consent_of_any_direction(unit: UnitId, party: str, word: str) -> None:
    """Given each answer, then a consent from its sender lets all of it through, and one to it alone the least, but no perhaps of whoever has no duty (K3)."""
    everything = {*sample("meeting.response", maximal=True).to_document()["content"], "subject"}
    assert everything - TOLD == {"subject", "reason", "written_input_ref"}
    for way in ("from", "both"):
        assert answer_of(unit, word, grants("meeting", party=party, direction=way)) == everything
    kept = word == "tentative" and unit in {p.FK, OUTSIDE}
    only = grants("meeting", party=party, direction="to")
    assert answer_of(unit, word, only) == ("basis.direction_missing" if kept else TOLD)
    assert answer_of(unit, word, [*only, *grants("plan", party=party)]) == ("basis.direction_missing" if kept else TOLD)
    assert answer_of(unit, word, grants("plan", party=party)) == "basis.scope_missing"
    assert answer_of(unit, word, grants("meeting", party=party, direction="to", until=p.NOON)) == "basis.consent_expired"
    assert answer_of(unit, word, []) == "basis.consent_missing"


def test_an_answer_on_another_basis_is_whole() -> None:
    """Given a consent to a unit alone, then what its sender has assessed carries all of its answer, and a basis that does not hold takes nothing from the least."""
    only = grants("meeting", direction="to")
    everything = {*sample("meeting.response", maximal=True).to_document()["content"], "subject"}
    assert answer_of(p.HOME_CARE, "decline", only, "secrecy_assessed") == everything
    assert answer_of(p.HOME_CARE, "decline", [], "secrecy_assessed") == everything
    assert answer_of(p.CARE_CENTRE, "decline", [], "osl_25_12", frozenset({"osl_25_12"})) == everything
    assert answer_of(p.CARE_CENTRE, "decline", [], "osl_25_12") == "basis.exception_off"
    assert answer_of(p.CARE_CENTRE, "decline", grants("meeting", party=p.CARE_CENTRE, direction="to"), "osl_25_12") == TOLD
    assert answer_of(p.FK, "decline", grants("meeting", party=p.FK, direction="to"), "secrecy_assessed") == TOLD
    assert answer_of(p.FK, "decline", [], "secrecy_assessed") == "basis.not_allowed"


def test_only_an_answer_to_a_call_is_heard_on_a_consent_of_any_direction() -> None:
    """Given the other rules, then each asks for a consent one way, whatever is answered; and the widest the call's own rule may show is kept for one from its sender."""
    directory = wide_directory()
    for rule in rules():
        need = requirement(rule, recipient=p.CONTACT, sender=p.HOME_CARE, directory=directory)
        way = "to" if rule.covers == "recipient" else "either" if rule.types == ("meeting.response",) else "from"
        assert need.direction == way
        assert bool(rule.show_from) == bool(rule.from_only) == (way == "either")


def test_a_rule_that_shows_nothing_of_the_content_leaves_none() -> None:
    """Given rules that show of a message its id alone, one of them with the label in place of names, then the cut holds that and the recipient."""
    message = sample("meeting.invited", maximal=True)
    rule = rule_for("meeting.invited", ("agency",))
    assert rule is not None
    for public in (True, False):
        bare = replace(rule, show=frozenset({"message_id"}), show_on_consent=frozenset(), show_with={}, public=public)
        made = cut(message, bare, recipient=p.FK, covered=Covered("consent", frozenset()), directory=wide_directory())
        assert made.document == {"message_id": str(message.message_id), "recipients": [p.FK]}
        assert "/content" in made.omitted


@pytest.mark.parametrize("basis", ["consent", "secrecy_assessed"])
def test_what_a_recipient_may_rely_on_stands_where_consent_carries_it(basis: str) -> None:
    """Given what the grants say, then it stands in what is sent on consent, and in nothing that is sent on another basis (5.3)."""
    rule = rule_for("meeting.summoned", ("duty",))
    assert rule is not None
    said = ConsentStatement(since=p.NOON, direction="to", until=None)
    covered = Covered(basis, frozenset())
    directory = wide_directory()
    made = cut(sample("meeting.summoned"), rule, recipient=p.HOME_CARE, covered=covered, directory=directory, consent=said)
    expected = said.model_dump(mode="json", exclude_none=True) if basis == "consent" else None
    assert made.document.get("consent_statement") == expected
    without = cut(sample("meeting.summoned"), rule, recipient=p.HOME_CARE, covered=covered, directory=directory)
    assert "consent_statement" not in without.document


def test_a_notice_of_a_discharge_is_for_whom_it_concerns() -> None:
    """Given a case without a stay in hospital, then whatever gives care is outside for a notice of one, and duty-bound for everything else."""
    for unit in (p.HOME_CARE, p.CARE_CENTRE, PRIVATE):
        assert kinds_of(unit, case(), wide_directory(), sample("inpatient.discharge_ready")) == ("outside",)
        assert kinds_of(unit, case(), wide_directory(), sample("meeting.summoned")) == ("duty",)


def test_a_contact_outside_care_is_the_contact_first() -> None:
    """Given a case whose contact belongs to no huvudman, then it is the contact and the convener, and outside care last."""
    assert kinds_of(OUTSIDE, case(contact=OUTSIDE, meetings=()), wide_directory(), sample("plan.established")) == (
        "contact",
        "convener",
        "outside",
    )


def test_what_a_recipient_may_rely_on_is_what_all_its_grants_have_in_common() -> None:
    """Given grants to a party, then the statement has the way they share, the earliest end and the first day, of those in force alone (5.3)."""
    soon, late = p.NOON + timedelta(days=1), p.NOON + timedelta(days=9)
    earlier = p.NOON - timedelta(days=3)
    assert statement(NEED, [], p.NOON) is None
    assert statement(NEED, grants("participant"), p.NOON) is None
    assert statement(NEED, grants("meeting", party=p.FK), p.NOON) is None
    assert statement(NEED, grants("meeting", until=p.NOON), p.NOON) is None
    both = [*grants("meeting", until=late), *grants("plan", until=soon, since=earlier), *grants("invite")]
    assert statement(NEED, both, p.NOON) == ConsentStatement(since=earlier, direction="both", until=soon)
    for way in ("to", "from"):
        mixed = [*grants("meeting"), *grants("plan", direction=way)]
        assert statement(NEED, mixed, p.NOON) == ConsentStatement(since=p.NOON, direction=way, until=None)
    apart = statement(NEED, [*grants("meeting", direction="from"), *grants("plan", direction="to")], p.NOON)
    assert apart == ConsentStatement(since=p.NOON, direction="to", until=None)
    whole = replace(NEED, party=p.FK, party_organisation=p.FORSAKRINGSKASSAN)
    assert statement(whole, grants("meeting", party=p.FORSAKRINGSKASSAN), p.NOON) == ConsentStatement(
        since=p.NOON, direction="both", until=None
    )


def test_the_envelope_is_what_tells_of_nobody() -> None:
    """Given the fields of a message, then those that are no secret are all but who is written about, who writes, on which basis, and the content."""
    assert envelope() == set(Message.model_fields) - TELLING
