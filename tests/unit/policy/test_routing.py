"""Where a message goes from the start: queued, held or withheld, with the reason; protected persons; nobody without a rule."""

from __future__ import annotations

from datetime import timedelta

import pytest

from siphub.model import Message, Person
from siphub.model import people as p
from siphub.model.identifiers import PersonNumber, UnitId
from siphub.model.messages import consent as c
from siphub.model.messages import meeting as m
from siphub.model.person import PersonNumberIdentity
from siphub.policy.disclosure import rule_for
from siphub.policy.local import STRICT, LocalRules
from siphub.policy.routing import asserted_basis, reached, route, shown
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk
from siphub.testing.story import SECRECY_ASSESSED

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
PROTECTED = Person(identity=PersonNumberIdentity(value=PersonNumber(p.SUBJECT_NUMBER)), protection="protected_registration")


def everybody(desk: Desk) -> None:
    """Consent to everybody and choose everybody."""
    desk.story.consented([*UNITS, p.CONTACT, p.FK, p.AF, OUTSIDE, PRIVATE])
    desk.story.approved([*UNITS, p.CONTACT, p.FK, p.AF, OUTSIDE, PRIVATE])


def test_nobody_the_consent_does_not_name_is_reached(prepared: Desk) -> None:
    """Given consent to three units, when agencies, an association, a provider, a stranger and the sender itself are called, all are withheld (A11)."""
    others = (p.FK, p.AF, OUTSIDE, PRIVATE, UnitId("SE2120009994-9999"), p.CONTACT)
    prepared.story.summoned((*UNITS, *others))
    assert prepared.last.reached == set(UNITS)
    assert {prepared.last.states[unit][0] for unit in others} == {"withheld"}
    prepared.story.invited((*UNITS, *others))
    assert prepared.last.reached == set()
    assert set(prepared.open.units) == {p.CONTACT, *UNITS}


def test_a_kallelse_is_for_care_and_an_invitation_for_everybody_else(prepared: Desk) -> None:
    """Given consent to everybody, then a kallelse reaches care units alone, and an invitation just the others."""
    everybody(prepared)
    every = [*UNITS, p.FK, p.AF, OUTSIDE, PRIVATE]
    prepared.story.summoned(every)
    assert prepared.last.reached == {*UNITS, PRIVATE}
    prepared.story.invited(every)
    assert prepared.last.reached == {p.FK, p.AF, OUTSIDE}


def test_the_request_reaches_the_contact_whoever_else_is_named(desk: Desk) -> None:
    """Given a request that names other units as well, and a second one in the same case, then each reaches the contact alone (REQ-34)."""
    desk.story.requested()
    request = desk.story.sent[0].content
    everybody_named = [p.CONTACT, *UNITS, p.FK]
    for case in (Desk(), desk):
        case.send(desk.story.message(request, everybody_named))
        assert case.last.reached == {p.CONTACT}
        assert case.last.states[p.HOME_CARE] == ("withheld", "basis.none")


def test_an_answer_reaches_its_convener_alone(summoned: Desk) -> None:
    """Given an answer addressed to everybody, then the convener gets it and nobody else (K3)."""
    content = m.MeetingResponse(
        meeting_id=summoned.story.meeting_id, meeting_version=1, response="accept", responder=m.Responder(name="Hanna", role="chef")
    )
    summoned.story.say(content, [p.CONTACT, *UNITS, p.FK], by=p.HOME_CARE)
    assert summoned.last.reached == {p.CONTACT}


def test_why_a_party_answers_needs_the_persons_yes_to_hear_from_it(desk: Desk) -> None:
    """Given a consent that goes to a unit but not from it, when it answers, then the convener hears that and not why; on one both ways, both."""
    desk.story.requested()
    to_only = c.Party(party=p.HOME_CARE, direction="to")
    content = desk.story.message(
        c.ConsentGiven(
            scopes=("meeting", "information_exchange"),
            parties=(to_only, c.Party(party=p.CARE_CENTRE)),
            mode="oral",
            given_by=desk.story.own_word,
            capacity=c.Capacity(state="able"),
            obtained_by=desk.story.eva,
            obtained_on=p.DAY,
            documented_in_record=True,
        )
    )
    desk.send(content)
    desk.story.approved(UNITS)
    desk.story.summoned([p.HOME_CARE, p.CARE_CENTRE])
    assert desk.last.reached == {p.HOME_CARE, p.CARE_CENTRE}
    for unit, unsaid in ((p.HOME_CARE, {"/content/reason", "/subject"}), (p.CARE_CENTRE, set())):
        desk.story.responded(unit, "decline", reason="other")
        assert desk.last.reached == {p.CONTACT}
        told = shown(desk.story.sent[-1], p.CONTACT, desk.open, desk.directory, desk.now)
        assert set(told.omitted) & {"/content/reason", "/content/response", "/subject"} == unsaid


def test_an_agency_cannot_answer_on_a_basis_of_its_own_making(prepared: Desk) -> None:
    """Given an invited agency whose consent is taken back, when it answers and states a basis of care law, then it is withheld."""
    everybody(prepared)
    prepared.story.summoned(UNITS)
    prepared.story.invited([p.FK])
    prepared.story.withdrawn([p.FK])
    content = m.MeetingResponse(
        meeting_id=prepared.story.meeting_id, meeting_version=1, response="accept", responder=m.Responder(name="Fia", role="handläggare")
    )
    prepared.story.say(content, [p.CONTACT], by=p.FK, basis=SECRECY_ASSESSED)
    assert prepared.last.states == {p.CONTACT: ("withheld", "basis.not_allowed")}


def test_what_is_withdrawn_afterwards_is_not_permitted_at_the_claim(summoned: Desk) -> None:
    """Given three queued kallelser, when one unit is taken out, then at the claim just that one does not hold any more (G1, A4)."""
    queued = summoned.last.routes
    summoned.story.withdrawn([p.HOME_CARE])
    assert [route.recipient for route in queued if not summoned.holds(route)] == [p.HOME_CARE]


def test_what_runs_out_is_not_permitted_at_the_claim(desk: Desk) -> None:
    """Given a consent until tomorrow, when a kallelse waits until then, then it does not hold any more."""
    desk.story.requested()
    desk.story.consented(UNITS, valid_until=desk.now + timedelta(days=1))
    desk.story.approved(UNITS)
    desk.story.summoned(UNITS)
    queued = desk.last.routes
    desk.later(timedelta(hours=23))
    assert all(desk.holds(route) for route in queued)
    desk.later(timedelta(hours=1))
    assert not any(desk.holds(route) for route in queued)


# ── protected persons ──


@pytest.mark.parametrize("protection", ["protected_registration", "confidentiality_flag"])
def test_a_protected_person_is_held_for_whoever_is_not_cleared(prepared: Desk, protection: str) -> None:
    """Given a protected person, when care and agencies are called, then each delivery is held, with the task to phone (G10, A6)."""
    everybody(prepared)
    person = PROTECTED.model_copy(update={"protection": protection})
    prepared.story.say(prepared.story.kallelse(), UNITS, subject=person)
    assert set(prepared.last.states.values()) == {("held", "protected.not_cleared")}


def test_protection_once_known_stays_known(prepared: Desk) -> None:
    """Given one message that says the person is protected, when later ones forget to say so, then these are held all the same."""
    everybody(prepared)
    prepared.story.say(prepared.story.kallelse(), [p.HOME_CARE], subject=PROTECTED)
    for step in (prepared.story.invited([p.FK]), prepared.story.rescheduled(UNITS)):
        assert {state for state, _ in step.states.values()} == {"held"}
    assert prepared.open.subject is not None
    assert prepared.open.subject.protection == "protected_registration"


def test_a_cleared_unit_is_reached(prepared: Desk) -> None:
    """Given a protected person and a cleared unit, then that one is reached."""
    everybody(prepared)
    prepared.story.say(prepared.story.kallelse(), [p.CONTACT, p.HOME_CARE], subject=PROTECTED)
    assert prepared.last.states == {p.CONTACT: ("queued", None), p.HOME_CARE: ("held", "protected.not_cleared")}


def test_what_was_sent_is_called_back_for_a_protected_person_too(prepared: Desk) -> None:
    """Given a person found to be protected after a kallelse was sent, then the stop notice, which says nothing of them, is not held."""
    prepared.story.summoned(UNITS)
    prepared.story.rescheduled(UNITS)
    assert prepared.open.subject is not None
    prepared.case = prepared.open.model_copy(update={"subject": PROTECTED})
    notice = prepared.notice(p.HOME_CARE, (prepared.story.meeting_id, 2))
    assert route(notice, p.HOME_CARE, prepared.open, prepared.directory, prepared.now).state == "queued"


def test_what_has_no_basis_is_withheld_rather_than_held(prepared: Desk) -> None:
    """Given a protected person and a unit without consent, then it is withheld: nobody is asked to phone it."""
    prepared.story.say(prepared.story.kallelse(), [p.HOME_CARE, PRIVATE], subject=PROTECTED)
    assert prepared.last.states == {p.HOME_CARE: ("held", "protected.not_cleared"), PRIVATE: ("withheld", "basis.consent_missing")}


# ── addresses ──


def test_a_unit_without_an_address_is_held(prepared: Desk) -> None:
    """Given a covered unit that the directory has no address for, then a person must act."""
    units = tuple(unit.model_copy(update={"address": None}) if unit.id == p.HOME_CARE else unit for unit in prepared.directory.units)
    prepared.directory = prepared.directory.model_copy(update={"units": units})
    prepared.story.summoned(UNITS)
    assert prepared.last.states[p.HOME_CARE] == ("held", "address.none")


def test_a_unit_the_directory_does_not_know_is_withheld(prepared: Desk) -> None:
    """Given a unit that consent names and the directory does not know, then nothing is queued for it: nobody can say what it is."""
    stranger = UnitId("SE2120009994-9999")
    prepared.story.consented([stranger])
    prepared.story.approved([stranger])
    prepared.story.summoned([stranger])
    assert prepared.last.states == {stranger: ("withheld", "recipient.unknown")}
    assert not prepared.holds(prepared.last.routes[0])


# ── what a route says ──


def test_a_route_says_what_it_is_about(active: Desk) -> None:
    """Given each kind of message, then its routes name the meeting or the plan and the version."""
    story = active.story
    seen: dict[str, object] = {}
    for message in story.sent:
        found = route(message, message.recipients[0], active.open, active.directory, active.now) if message.recipients else None
        seen[message.type] = found.about if found else None
    meeting, plan = (story.meeting_id, 1), (story.plan_id, 1)
    assert {name: about for name, about in seen.items() if about} == {
        "meeting.summoned": meeting,
        "meeting.held": meeting,
        "plan.proposed": plan,
        "plan.established": plan,
    }


def test_an_explanation_tells_what_would_be_seen(summoned: Desk) -> None:
    """Given a message, when it is explained for a covered, an uncovered and an unknown unit, then what each would not see is told."""
    kallelse = next(message for message in summoned.story.sent if message.type == "meeting.summoned")

    def omitted(unit: str, message: Message = kallelse) -> tuple[str, ...]:
        return shown(message, unit, summoned.open, summoned.directory, summoned.now).omitted

    assert "" not in omitted(p.HOME_CARE)
    assert omitted(p.FK) == omitted(PRIVATE) == omitted("SE2120009994-9999") == ("",)


def test_what_is_seen_and_what_is_not_make_the_whole(summoned: Desk) -> None:
    """Given each message of a case and each of its recipients, then everything in it is either seen or not, and the rule says why."""
    for message in summoned.story.sent:
        for unit in message.recipients:
            found = shown(message, unit, summoned.open, summoned.directory, summoned.now)
            parts = {pointer.split("/")[1] for pointer in (*found.seen, *found.omitted)}
            assert set(message.to_document()) <= parts
            assert set(found.seen).isdisjoint(found.omitted)
            assert "/content" not in found.seen
            assert found.why is not None
            assert set(found.why) == {"en", "sv"}


@pytest.mark.parametrize(
    ("basis", "local", "when", "seen"),
    [
        (None, STRICT, timedelta(0), False),
        ("secrecy_assessed", STRICT, timedelta(0), True),
        ("osl_26_9", STRICT, timedelta(0), False),
        ("osl_26_9", LocalRules(exceptions={p.REGION: frozenset({"osl_26_9"})}), timedelta(0), False),
        ("osl_26_9", LocalRules(exceptions={p.MUNICIPALITY: frozenset({"osl_26_9"})}), timedelta(0), True),
        ("consented", STRICT, timedelta(hours=23), True),
        ("consented", STRICT, timedelta(hours=24), False),
    ],
)
def test_an_explanation_judges_like_the_hub(desk: Desk, basis: str | None, local: LocalRules, when: timedelta, seen: bool) -> None:
    """Given each basis and what it needs, then an explanation shows fields exactly where the route would leave, and the rule's reason always."""
    desk.story.requested()
    if basis == "consented":
        desk.story.consented([p.CARE_CENTRE], valid_until=desk.now + timedelta(days=1))
        desk.story.approved([p.CARE_CENTRE])
        stated = None
    else:
        stated = SECRECY_ASSESSED.model_copy(update={"code": basis}) if basis else None
    message = desk.story.message(desk.story.kallelse(), [p.CARE_CENTRE], basis=stated)
    found = shown(message, p.CARE_CENTRE, desk.open, desk.directory, desk.now + when, local)
    rule = rule_for("meeting.summoned", ("duty",))
    assert rule is not None
    assert found.why == rule.why
    assert (found.route.state == "queued") == seen
    assert ((found.omitted, found.seen) == (("",), ())) == (not seen)
    if seen:
        assert {"/content/meeting", "/sender", "/message_id"} <= set(found.seen)
        assert "/basis" not in found.seen


def test_an_explanation_names_each_field_of_the_content(prepared: Desk) -> None:
    """Given an invitation with an unlisted field in it, then what stands whole is named by field, and what is replaced by the label in part."""
    everybody(prepared)
    content = m.MeetingInvited(
        meeting=prepared.story.meeting(),
        purpose="sip",
        convener=prepared.story.convener,
        respond_by=prepared.now + timedelta(days=7),
        questions=(m.Question(unit=p.FK, text="Praktik?"), m.Question(unit=p.AF, text="Annat?")),
    )
    message = prepared.story.message(content, [p.FK, p.AF])
    found = shown(message, p.FK, prepared.open, prepared.directory, prepared.now)
    assert {"/content/convener/name", "/content/convener/phone", "/content/meeting", "/content/questions", "/case_id"} <= set(found.seen)
    assert "/content" not in found.seen
    assert "/content/convener" not in found.seen
    assert list(found.seen) == sorted(found.seen)
    assert "/content/convener/unit" in found.omitted


def test_consent_is_not_a_basis_that_is_stated() -> None:
    """Given messages with and without a stated basis, then only a decision of the sending organisation counts as stated."""
    desk = Desk()
    kallelse = desk.story.kallelse()
    assert asserted_basis(desk.story.message(kallelse)) is None
    assert asserted_basis(desk.story.message(kallelse, basis=SECRECY_ASSESSED.model_copy(update={"code": "consent"}))) is None
    assert asserted_basis(desk.story.message(kallelse, basis=SECRECY_ASSESSED)) == "secrecy_assessed"


def test_units_come_in_a_stable_order() -> None:
    """Given units in any order, then they are told in one, without those left out."""
    assert reached(["c", "a", "b", "a"], but=["b"]) == ("a", "c")
