"""Protected people, wherever they stand: for every type, every place a person can stand in it, each kind of protection, every recipient (G10).

Mechanical: it walks the model, so that a new message or a new field with a person in it is judged without anybody adding it here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, get_args

import pytest

from siphub.model import CATALOGUE, Directory, Message, Phone, Value, parse_message, sample
from siphub.model import people as p
from siphub.model.case import MeetingRecord, SipCase
from siphub.model.identifiers import PersonRef
from siphub.model.messages.request import ParticipantsApproved
from siphub.model.person import Author, CasePerson, Protection, UnitContact
from siphub.policy import disclosure, protection, recall
from siphub.policy.disclosure import FROM, Covered, Rule, rules
from siphub.policy.protection import held, learnt, own_side, people_in
from siphub.testing.desk import OUTSIDE, Desk, wide_directory
from siphub.testing.shields import people_at

KINDS: tuple[Protection, ...] = get_args(Protection)
NAME, FAMILY, NUMBER, MAIL, HOME = "Kanarie", "Kanariesson", "070-174 06 99", "kanarie@example.org", "Provgatan 71"
CANARIES = (NAME, FAMILY, NUMBER, MAIL, HOME)
SWITCHBOARD: Phone = "090-100 00 00"
PEOPLE = (
    CasePerson(ref=PersonRef("guardian/1"), name="Vera Vårdnadshavare"),
    CasePerson(ref=PersonRef("guardian/2"), name="Viktor Vårdnadshavare", address_secret=True),
    CasePerson(ref=PersonRef("representative/1"), name="Gode Gustavsson"),
    CasePerson(ref=PersonRef("relative/1"), name="Siv Provsdotter", chosen=True),
    CasePerson(ref=PersonRef("relative/2"), name="Bror Provsson", objection=True),
)
RECIPIENT: Mapping[str, str] = {
    "contact": p.CONTACT,
    "convener": p.CONTACT,
    "duty": p.HOME_CARE,
    "agency": p.FK,
    "outside": OUTSIDE,
    "bound": OUTSIDE,
    "individual": PersonRef("individual"),
    "guardian": PersonRef("guardian/1"),
    "guardian_restricted": PersonRef("guardian/2"),
    "representative": PersonRef("representative/1"),
    "relative": PersonRef("relative/1"),
    "other_person": PersonRef("relative/2"),
    "*": p.HOME_CARE,
}


def town(*, cleared: bool, switchboard: Phone | None = SWITCHBOARD) -> Directory:
    """Return the directory with every unit cleared or none, and every organisation with a switchboard or none."""
    base = wide_directory()
    organisations = tuple(found.model_copy(update={"phone": switchboard}) for found in base.organisations)
    units = tuple(found.model_copy(update={"cleared": cleared}) for found in base.units)
    return base.model_copy(update={"organisations": organisations, "units": units})


def case_of(message: Message, *people: CasePerson) -> SipCase:
    """Return a case as it is before a message: nobody in it is protected."""
    subject = sample("meeting.summoned").subject
    fields = {"case_id": message.case_id, "owner": p.MUNICIPALITY, "state": "SUMMONED", "subject": subject, "contact": p.CONTACT}
    return SipCase.model_validate({**fields, "people": people or PEOPLE})


def whole(name: str) -> dict[str, Any]:
    """Return the fullest sample, in which nobody is protected, everybody of the network has agreed to be named, and the meeting is at home."""
    document: dict[str, Any] = json.loads(sample(name, maximal=True).to_json())
    _unprotect(document)
    _at_home(document)
    for contact in document["content"].get("network", ()):
        contact["agrees_to_be_named"] = True
    return document


def _unprotect(node: Any) -> None:
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _unprotect(part)
    if isinstance(node, dict):
        node.pop("protection", None)


def _at_home(node: Any) -> None:
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _at_home(part)
    if isinstance(node, dict) and "place" in node:
        node["place"] = {"kind": "home", "text": HOME}


def with_canary(document: dict[str, Any], path: tuple[str | int, ...], kind: str) -> Message:
    """Return a message in which whoever stands at a path is protected, with words of their own in all that tells of them."""
    changed = json.loads(json.dumps(document))
    above: Any = changed
    for step in path[:-1]:
        above = above[step]
    person = above[path[-1]]
    person["protection"] = kind
    for field, word in {"name": f"{NAME} {FAMILY}", "phone": NUMBER, "email": MAIL, "given_name": NAME, "family_name": FAMILY}.items():
        if field in person:
            person[field] = word
    person.pop("address_lines", None)
    if isinstance(above, dict) and f"{path[-1]}_phone" in above:
        above[f"{path[-1]}_phone"] = NUMBER
    return parse_message(json.dumps(changed).encode())


def leaving(message: Message, rule: Rule, case: SipCase, recipient: str, directory: Directory) -> str | None:
    """Return the text that would leave for a recipient under a rule, all its scopes granted; None where nothing does."""
    if held(message, rule, case, recipient, directory) is not None:
        return None
    covered = Covered(rule.bases[0], rule.scopes | frozenset({*rule.show_with, FROM}))
    cut = disclosure.cut(message, rule, recipient=recipient, covered=covered, directory=directory)
    document = protection.guarded(cut.document, message, case, recipient, directory)
    return None if document is None else json.dumps(document, ensure_ascii=False)


def outgoing(name: str) -> Iterator[tuple[Rule, str]]:
    """Yield each rule that is for a type, with a recipient of each kind it is for."""
    for rule in rules():
        if name in rule.types:
            for kind in rule.recipients:
                yield rule, RECIPIENT[kind]


LEAVING = sorted({name for rule in rules() for name in rule.types})


@pytest.mark.parametrize("name", LEAVING)
def test_nothing_of_a_protected_person_reaches_whoever_is_not_cleared(name: str) -> None:
    """Given a message with one protected person in it, when it leaves for anybody not cleared, then no word of theirs is in it."""
    document = whole(name)
    for path, kind in product(people_at(parse_message(json.dumps(document).encode())), KINDS):
        message = with_canary(document, path, kind)
        case = learnt(case_of(message), message, town(cleared=False))
        for rule, recipient in outgoing(name):
            text = leaving(message, rule, case, recipient, town(cleared=False)) or ""
            words = CANARIES if _own(message, path) else (NAME, FAMILY, NUMBER, MAIL)
            assert [word for word in words if word in text] == [], (path, recipient)
            assert kind not in text


def _own(message: Message, path: tuple[str | int, ...]) -> bool:
    person: Any = message
    for step in path:
        person = person[step] if isinstance(step, int) else getattr(person, step)
    return own_side(person)


def test_a_state_agency_is_telephoned_whatever_the_directory_says() -> None:
    """Given a directory in which every unit is marked cleared, then care is, and neither a state agency nor any person is."""
    directory = town(cleared=True)
    cleared = {unit.id for unit in directory.units if protection.cleared(unit.id, directory)}
    assert cleared == {unit.id for unit in directory.units} - {p.FK, p.AF}
    assert not protection.cleared("individual", directory)
    assert not [unit.id for unit in directory.units if protection.cleared(unit.id, town(cleared=False))]


@pytest.mark.parametrize("name", LEAVING)
def test_a_cleared_function_reads_what_its_rule_shows(name: str) -> None:
    """Given the same, when the recipient is cleared, then it reads exactly what it would read if nobody were protected."""
    document = whole(name)
    for path in people_at(parse_message(json.dumps(document).encode())):
        message = with_canary(document, path, KINDS[0])
        directory = town(cleared=True)
        case = learnt(case_of(message), message, directory)
        for rule, recipient in outgoing(name):
            if not protection.cleared(recipient, directory):
                continue
            text = leaving(message, rule, case, recipient, directory)
            covered = Covered(rule.bases[0], rule.scopes | frozenset({*rule.show_with, FROM}))
            plain = disclosure.cut(message, rule, recipient=recipient, covered=covered, directory=directory).document
            shown = [word for word in CANARIES if word in json.dumps(dict(plain), ensure_ascii=False)]
            assert text is not None
            assert [word for word in CANARIES if word in text] == shown


def test_every_person_of_the_model_can_be_protected() -> None:
    """Given every type, then whatever has a name and a number or a unit has a field for protection, so that nobody is forgotten."""
    without = {
        type(value).__name__
        for name in CATALOGUE
        for value in _values(sample(name, maximal=True))
        if "name" in type(value).model_fields and "protection" not in type(value).model_fields
    }
    assert without == {"GivenBy", "Responsible"}, "these two are judged by the grounds and by whether the relative agreed"


def _values(value: Value) -> Iterator[Value]:
    yield value
    for name in type(value).model_fields:
        inner = getattr(value, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(each, Value):
                yield from _values(each)


# ── the individual's side is held, staff is stood in for ──


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ["individual", "guardian/1", "guardian/2", "representative/1", "relative/1"])
def test_a_protected_persons_letters_are_held(who: str, kind: Protection) -> None:
    """Given a person of the case who is protected, then whatever is for them is held, whatever rule it is under."""
    for name in LEAVING:
        message = parse_message(json.dumps(whole(name)).encode())
        guarded = CasePerson(ref=PersonRef(who), name=NAME, protection=kind)
        others = tuple(person for person in PEOPLE if person.ref != who)
        case = case_of(message, *others, guarded)
        for rule, recipient in outgoing(name):
            if recipient == who and "recall" not in rule.bases:
                assert held(message, rule, case, recipient, town(cleared=True)) == "protected.not_cleared"


@pytest.mark.req(57)
@pytest.mark.parametrize("who", ["guardian/1", "relative/1"])
def test_where_somebody_at_home_is_protected_the_home_is_left_out(who: str) -> None:
    """Given a guardian or relative who is protected, when a meeting is at home, then the address is left out for whoever is not cleared."""
    person = CasePerson(ref=PersonRef(who), name=f"{NAME} {FAMILY}", phone=NUMBER, protection="protected_registration")
    others = tuple(found for found in PEOPLE if found.ref != who)
    for name in LEAVING:
        message = parse_message(json.dumps(whole(name)).encode())
        for rule, recipient in outgoing(name):
            text = leaving(message, rule, case_of(message, *others, person), recipient, town(cleared=False)) or ""
            assert [word for word in CANARIES if word in text] == []


def _called_by(**more: Any) -> Message:
    document = json.loads(sample("meeting.summoned").to_json())
    document["content"]["convener"] |= {"name": f"{NAME} {FAMILY}", "phone": NUMBER, **more}
    return parse_message(json.dumps(document).encode())


def _rule(name: str, kind: str) -> Rule:
    found = disclosure.rule_for(name, (kind,))
    assert found is not None
    return found


def test_protected_staff_is_reached_through_the_switchboard() -> None:
    """Given a protected convener, then a unit that is called reads the organisation's label and switchboard, and can still come."""
    message = _called_by(protection="confidentiality_flag", email=MAIL)
    case = learnt(case_of(message), message, town(cleared=False))
    text = leaving(message, _rule("meeting.summoned", "duty"), case, p.HOME_CARE, town(cleared=False))
    assert text is not None
    convener = json.loads(text)["content"]["convener"]
    assert convener == {"name": "Norrby kommun", "unit": p.CONTACT, "phone": SWITCHBOARD}


def test_without_a_switchboard_it_is_held_and_says_why() -> None:
    """Given a protected convener whose organisation has no switchboard in the directory, then it is held; by whoever is cleared it is read."""
    desk = Desk()
    desk.directory = town(cleared=False, switchboard=None)
    desk.story.person = p.SUBJECT_NUMBER
    desk.story.ready((p.HOME_CARE,))
    shielded = desk.story.convener.model_copy(update={"protection": "confidentiality_flag"})
    desk.story.say(desk.story.kallelse().model_copy(update={"convener": shielded}), (p.HOME_CARE,))
    assert desk.last.states == {p.HOME_CARE: ("held", "protected.staff_no_switchboard")}
    message = _called_by(protection="confidentiality_flag")
    case = learnt(case_of(message), message, desk.directory)
    rule = _rule("meeting.summoned", "duty")
    assert leaving(message, rule, case, p.HOME_CARE, desk.directory) is None
    assert NUMBER in (leaving(message, rule, case, p.HOME_CARE, town(cleared=True, switchboard=None)) or "")


def test_what_is_learnt_later_counts_for_what_was_said_before() -> None:
    """Given a kallelse queued before anybody said that its convener is protected, when a later message says so, then the kallelse is cut too."""
    early, late = _called_by(), _called_by(protection="protected_registration")
    directory = town(cleared=False)
    rule = _rule("meeting.summoned", "duty")
    before = case_of(early)
    assert NUMBER in (leaving(early, rule, before, p.HOME_CARE, directory) or "")
    after = learnt(before, late, directory)
    assert NUMBER not in (leaving(early, rule, after, p.HOME_CARE, directory) or "")
    assert learnt(after, early, directory).shielded == after.shielded, "and it is never forgotten again"


@pytest.mark.parametrize(
    "later",
    [(CasePerson(ref=PersonRef("relative/1"), name=f"{NAME} {FAMILY}", phone=NUMBER, address_lines=(HOME,), chosen=True),), PEOPLE[2:3]],
)
def test_a_later_list_of_people_does_not_take_protection_away(later: tuple[CasePerson, ...]) -> None:
    """Given a protected relative, when a later list names them without that or leaves them out, then nothing of theirs, nor the home, is read."""
    protected = CasePerson(ref=PersonRef("relative/1"), name=f"{NAME} {FAMILY}", phone=NUMBER, protection=KINDS[0], chosen=True)
    desk = Desk()
    desk.story.ready([p.HOME_CARE])
    for people in ((protected,), later):
        approved = ParticipantsApproved(units=(p.HOME_CARE,), people=people, approved_on=p.DAY, approved_how="oral")
        desk.story.say(approved)
        assert desk.last.code is None
    document = whole("meeting.summoned")
    document["content"]["agenda"] = [f"{NAME} {FAMILY} hjälper till, {NUMBER}."]
    kallelse = parse_message(json.dumps(document).encode())
    text = leaving(kallelse, _rule("meeting.summoned", "duty"), desk.open, p.HOME_CARE, desk.directory)
    assert text is not None
    assert [word for word in (NAME, NUMBER, HOME) if word in text] == []
    known = desk.open.person(PersonRef("relative/1"))
    assert known is None or (known.protection, known.address_lines) == (KINDS[0], ())


ASKED = {
    "network": ("sip.requested", {"network": [{"kind": "person", "name": f"{NAME} {FAMILY}", "protection": KINDS[0]}]}),
    "requester": (
        "sip.requested",
        {"requester": {"kind": "relative", "name": f"{NAME} {FAMILY}", "phone": NUMBER, "protection": KINDS[0]}},
    ),
    "proposer": ("sip.proposed", {"proposer": {"kind": "relative", "name": f"{NAME} {FAMILY}", "phone": NUMBER, "protection": KINDS[0]}}),
}


@pytest.mark.req(57)
@pytest.mark.parametrize("stood", ASKED)
def test_whoever_was_protected_before_there_was_a_list_of_people_still_is(stood: str) -> None:
    """Given somebody protected in the map of the network, or who asked or proposed, when a list of people has them without that, then it stands."""
    name, part = ASKED[stood]
    document = whole(name)
    document["content"] |= part
    early = parse_message(json.dumps(document).encode())
    case = learnt(case_of(early), early, town(cleared=False))
    listed = CasePerson(ref=PersonRef("relative/1"), name=f"{NAME} {FAMILY}", phone=NUMBER, address_lines=(HOME,), agrees_to_be_named=True)
    [known] = protection.remembered(case, (listed,))
    assert (known.protection, known.address_lines) == (KINDS[0], ())
    later = whole("meeting.summoned")
    later["content"]["agenda"] = [f"{NAME} {FAMILY} hjälper till."]
    kallelse = parse_message(json.dumps(later).encode())
    text = leaving(kallelse, _rule("meeting.summoned", "duty"), case, p.HOME_CARE, town(cleared=False))
    assert text is not None
    assert [word for word in (NAME, HOME) if word in text] == []


def test_a_row_of_the_network_without_a_name_or_of_an_organisation_is_nobody_to_look_for() -> None:
    """Given a map with somebody protected whose name is not said, or who is met at an organisation, then the case has nobody's words to leave out."""
    document = whole("sip.requested")
    organisation = {"kind": "organisation", "name": f"{NAME} {FAMILY}", "protection": KINDS[0]}
    document["content"]["network"] = [{"kind": "person", "relation": "granne", "protection": KINDS[0]}, organisation]
    message = parse_message(json.dumps(document).encode())
    assert learnt(case_of(message), message, town(cleared=False)).shielded == ()


@pytest.mark.parametrize("name", ["sip.requested", "participants.approved"])
def test_the_individual_is_protected_by_whatever_name_they_stand_in_a_message(name: str) -> None:
    """Given a request by the individual, or a list of people with the individual in it, when protection stands there, then it is the individual's."""
    document = whole(name)
    content = document["content"]
    if name == "sip.requested":
        content["requester"] = {"kind": "individual", "name": p.SUBJECT_NAME, "phone": "070-174 06 05", "protection": KINDS[0]}
    else:
        content["people"] = [{"ref": "individual", "name": p.SUBJECT_NAME, "protection": KINDS[0]}]
    message = parse_message(json.dumps(document).encode())
    after = learnt(case_of(message), message, town(cleared=False))
    assert after.subject is not None
    assert after.subject.protection == KINDS[0]


def test_the_stop_notice_has_no_number_of_protected_staff() -> None:
    """Given a protected convener, when what was sent is called back, then the notice has the switchboard's number, or none; it is not held."""
    shielded = UnitContact(name=f"{NAME} {FAMILY}", unit=p.CONTACT, phone=NUMBER, protection="confidentiality_flag")
    message = _called_by(protection="confidentiality_flag")
    record = MeetingRecord(id=message.case_id, version=1, convener=shielded)
    for switchboard in (SWITCHBOARD, None):
        directory = town(cleared=False, switchboard=switchboard)
        case = learnt(case_of(message), message, directory).model_copy(update={"phone": NUMBER, "meetings": (record,)})
        notice = recall.notice(case, p.HOME_CARE, (record.id, 1), message_id=message.message_id, now=p.NOON)
        text = leaving(notice, _rule("stop.notice", "duty"), case, p.HOME_CARE, directory)
        assert text is not None
        assert NUMBER not in text
        assert json.loads(text)["content"].get("phone") == switchboard


def test_a_text_that_repeats_a_name_does_not_give_it_away() -> None:
    """Given a protected author whose name stands in the free text too, then it is replaced there as well, and nothing that only looks like it."""
    document = whole("meeting.summoned")
    document["content"]["agenda"] = [f"Ring {NAME} {FAMILY} på {NUMBER}", f"{NAME} {FAMILY}s fråga om Kanarieöarna"]
    document["author"] = {"name": f"{NAME} {FAMILY}", "role": "handläggare", "protection": KINDS[0]}
    document["content"]["convener"] |= {"phone": NUMBER, "protection": KINDS[0]}
    message = parse_message(json.dumps(document).encode())
    case = learnt(case_of(message), message, town(cleared=False))
    text = leaving(message, _rule("meeting.summoned", "duty"), case, p.HOME_CARE, town(cleared=False))
    assert text is not None
    agenda = json.loads(text)["content"]["agenda"]
    assert agenda == [f"Ring Norrby kommun på {SWITCHBOARD}", "Norrby kommun fråga om Kanarieöarna"]


# ── notes about others ──


@pytest.mark.parametrize(
    ("agreed", "more", "reads"),
    [(True, {}, True), (False, {}, False), (True, {"protection": KINDS[0]}, False), (True, {"objection": True}, False)],
)
def test_a_relative_is_named_in_a_plan_where_they_agreed(agreed: bool, more: dict[str, Any], reads: bool) -> None:
    """Given a plan in which a relative answers for something, then others read the name where that relative agreed; the individual always."""
    document = whole("plan.established")
    plan = document["content"]["plan"]
    plan["activities"][0]["responsible"] = {"kind": "relative", "name": "Siv Syster"}
    message = parse_message(json.dumps(document).encode())
    sister = CasePerson.model_validate({"ref": "relative/1", "name": "Siv Syster", "agrees_to_be_named": agreed, **more}, strict=False)
    case = case_of(message, *PEOPLE[:3], sister)
    text = leaving(message, _rule("plan.established", "duty"), case, p.HOME_CARE, town(cleared=False))
    assert text is not None
    assert ("Siv Syster" in text) == reads
    mine = leaving(message, _rule("plan.established", "individual"), case, PersonRef("individual"), town(cleared=False))
    assert ("Siv Syster" in (mine or "")) == ("protection" not in more)


def test_everybody_who_writes_is_found_by_the_walk() -> None:
    """Given a message, then the walk that looks for people finds its author and everybody in its content."""
    message = sample("meeting.summoned", maximal=True)
    found = [type(person) for person, _ in people_in(message)]
    assert Author in found
    assert found.count(UnitContact) == 2


@pytest.mark.req(48)
@pytest.mark.parametrize("asked", ["relative", "individual"])
@pytest.mark.parametrize("cleared", [True, False])
def test_nobody_of_the_network_is_named_who_has_not_agreed(cleared: bool, asked: str) -> None:
    """Given a map with one who agreed to be named and one who did not, then the contact reads who the first is, and of the other only what they are."""
    message = sample("sip.requested", maximal=True)
    document = message.to_document()
    document["content"]["requester"]["kind"] = asked
    document.pop("subject")
    town_of = town(cleared=cleared)
    read = protection.guarded(document, message, case_of(message), p.CONTACT, town_of)
    assert read is not None
    sister, home_care = read["content"]["network"]
    assert (sister["name"], sister["phone"], sister["wanted_at_meeting"]) == ("Siv Provsdotter", "070-174 06 06", "yes")
    assert home_care == {
        "kind": "organisation",
        "organisation": "Hemtjänsten i Norrby",
        "role": "undersköterska",
        "wanted_at_meeting": "unknown",
        "agrees_to_be_named": False,
    }
    mine = protection.guarded(document, message, case_of(message), "individual", town_of)
    assert mine is not None
    assert mine["content"]["network"] == document["content"]["network"]


def everybody(value: Value) -> Iterator[tuple[Value, str | None]]:
    """Look at every field of everything, as slowly as that takes."""
    for name in type(value).model_fields:
        inner = getattr(value, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(each, Value):
                if "protection" in type(each).model_fields:
                    yield each, getattr(each, "phone", None) or getattr(value, f"{name}_phone", None)
                yield from everybody(each)


@pytest.mark.parametrize("name", CATALOGUE)
def test_nobody_is_overlooked_where_nobody_is_looked_for(name: str) -> None:
    """Given a message of any type, then whoever stands in it is found though fields that surely hold nobody are passed over."""
    message = sample(name, maximal=True)
    assert [(id(person), phone) for person, phone in people_in(message)] == [(id(person), phone) for person, phone in everybody(message)]
