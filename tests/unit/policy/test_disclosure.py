"""Who sees what, on which basis: deny by default, every rule's needs, and cuts that hold nothing but what their rule shows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.contract import Cut
from siphub.model import CATALOGUE, Message, UnitContact, sample
from siphub.model import people as p
from siphub.model.case import Grant, MeetingRecord, SipCase
from siphub.model.envelope import BasisCode
from siphub.policy import disclosure
from siphub.policy.disclosure import FROM, Covered, RecipientKind, Requirement, Rule, Withheld, judge, kinds_of, rule_for, rules
from siphub.policy.local import EXCEPTIONS
from siphub.testing.desk import OUTSIDE, PRIVATE, wide_directory

KINDS: tuple[RecipientKind, ...] = get_args(RecipientKind)
BASES: tuple[str, ...] = get_args(BasisCode)
RECALL_CLASS = {"meeting.cancelled", "plan.closed"}
OWN_SIDE = {"individual", "guardian", "representative"}
STAYS: Mapping[str, Mapping[str, str]] = {
    "sip.initiated": {"content.reason": "the reason text stays with the initiator until there is a consent (R2)"},
    "inpatient.admitted": {"content.reason": "why she was admitted is not needed to plan her way home; the notice is minimal (D1)"},
    "followup.held": {"content.individual_rating": "what the individual thinks of it is the coordinator's to know (U3)"},
    "coordinator.changed": {
        "content.agreed_with_individual": "that it was agreed is the sender's own record (A2)",
        "content.deputy": "who may act in the coordinator's place is for the hub's authority (G6)",
    },
}
"""Type → the fields of its content that nobody is shown, and why."""
SEEN_BY: Mapping[str, set[str]] = {
    "sip.requested": {"contact"},
    "sip.proposed": {"contact"},
    "sip.initiated": {"duty"},
    "sip.request.answered": set[str](KINDS) - {"convener", "bound"},
    "meeting.summoned": {"duty", "bound", "guardian_restricted", *OWN_SIDE},
    "meeting.invited": {"agency", "outside", "relative"},
    "meeting.rescheduled": {"duty", "agency", "outside", "relative", "guardian_restricted", *OWN_SIDE},
    "meeting.reminder": {"duty", "agency", "outside"},
    "meeting.response": {"convener"},
    "meeting.held": {"duty", *OWN_SIDE},
    "message.misdirected": {"duty"},
    "message.forwarded": {"duty"},
    "delivery.failed": set(KINDS),
    "followup.summoned": {"duty", "bound", "guardian_restricted", *OWN_SIDE},
    "followup.held": {"duty", *OWN_SIDE},
    "activity.status": {"convener"},
    "coordinator.changed": {"duty", "agency", "outside", "relative", *OWN_SIDE},
    "inpatient.admitted": {"duty"},
    "inpatient.discharge_ready": {"duty"},
    "inpatient.discharge_ready.revoked": {"duty"},
    "inpatient.discharged": {"duty"},
    "process.interrupted": {"duty"},
    "splptlrv.established": {"duty", *OWN_SIDE},
    "lss.established": {"duty", *OWN_SIDE},
    "plan.proposed": {"duty", *OWN_SIDE},
    "plan.established": {"duty", "relative", "guardian_restricted", *OWN_SIDE},
    "plan.revised": {"duty", "relative", "guardian_restricted", *OWN_SIDE},
    "plan.commitment.confirmed": {"convener"},
    "plan.commitment.rejected": {"convener"},
    "stop.notice": set(KINDS),
}
"""Type → the kinds of recipient that may ever see anything of it. What is not here is seen by nobody."""

PLACELESS = ("schema_version", "message_id", "type", "case_id", "sent_at", "recipients/0")
"""What a guardian from whom the address is secret sees of every envelope."""
_WHEN = tuple(f"content/meeting/{field}" for field in ("id", "version", "starts_at", "ends_at", "zone"))
_PLAN = tuple(f"content/plan/{field}" for field in ("id", "version", "made_on", "follow_up_on"))
RESTRICTED: Mapping[str, tuple[str, ...]] = {
    "meeting.summoned": (*_WHEN, "content/purpose", "content/respond_by"),
    "meeting.rescheduled": (*_WHEN, "content/respond_by"),
    "followup.summoned": (*_WHEN, "content/purpose", "content/respond_by"),
    "plan.established": _PLAN,
    "plan.revised": _PLAN,
    "sip.request.answered": ("content/receipt",),
    "stop.notice": tuple(f"content/{field}" for field in ("case_reference", "about", "about_id", "about_version", "code")),
    "delivery.failed": tuple(f"content/{field}" for field in ("message_id", "reason", "fallback")),
}
"""Type → what of its content such a guardian sees: times, ids and codes. Of a type that is not here they get nothing."""
MARKED = {name: {"/classification", "/ack_requested"} if name != "sip.request.answered" else set[str]() for name in RESTRICTED}
_TEXTS = ("plan/needs", "plan/goals", "plan/activities", "plan/crisis_plan", "plan/housing", "plan/notes")
TO_READ_THROUGH: Mapping[str, tuple[str, ...]] = {
    "meeting.summoned": ("agenda",),
    "followup.summoned": ("agenda", "questions"),
    "plan.established": _TEXTS,
    "plan.revised": ("changes", *_TEXTS),
}
"""Type → the free texts of it that somebody reads through and hands over by hand."""

NEVER_LEAVES: Mapping[str, str] = {
    "need.assessed": "internal: the reason and the assessment stay where they were made (N1)",
    "sip.request.withdrawn": "internal: the individual's own word; what goes out is the one stop notice",
    "message.entered_in_error": "recall class, internal: what goes out is the one stop notice (A3)",
    "subject.deceased": "recall class, internal: what goes out is the one stop notice (A3)",
    "plan.copy.delivered": "internal: who has a copy in hand is the coordinator's record (P4)",
    "participants.approved": "internal: wishes and objections are the individual's own (N2)",
    "consent.given": "internal: nobody is told but by the notices the hub derives (C1)",
    "consent.refused": "internal: nobody else is informed (C2)",
    "consent.amended": "internal: nobody can tell whom it was about (C3)",
    "consent.withdrawn": "internal: what goes out is the one stop notice (C4)",
    "meeting.cancelled": "recall class: what goes out is the one stop notice (K5)",
    "plan.closed": "recall class: the reason is for the record, outward there is the one stop notice (A1)",
    "ack.transport": "internal: a receipt is for the hub",
    "ack.received": "internal: a receipt is for the hub",
    "nack": "internal: a receipt is for the hub",
    "ack.read": "internal: a receipt is for the hub",
}
"""Type → why no field of it is ever shown to anybody."""
ENVELOPE_NEVER_LEAVES = {
    "basis": "the decider and the references to consents are the sending organisation's own record",
    "consent_statement": "the hub writes it from the grants as they stand; what a sender wrote counts for nothing",
}


def rule_id(rule: Rule) -> str:
    """Name a rule."""
    return f"{'+'.join(rule.types)}-{'+'.join(rule.recipients)}"


def need(rule: Rule, sender: str = p.CONTACT, recipient: str = p.HOME_CARE) -> Requirement:
    """Return what a rule asks for."""
    return disclosure.requirement(rule, recipient=recipient, sender=sender, directory=wide_directory())


def grants(asked: Requirement, **change: Any) -> list[Grant]:
    """Return the grants that just fulfil a requirement, wholly, or changed ones."""
    fields = {"party": asked.party, "direction": "to" if asked.direction == "to" else "from", "since": p.NOON}
    return [Grant.model_validate({**fields, "scope": scope, **change}) for scope in sorted(asked.scopes)]


CONSENT_RULES = [pytest.param(rule, id=rule_id(rule)) for rule in rules() if "consent" in rule.bases]
ALL_RULES = [pytest.param(rule, id=rule_id(rule)) for rule in rules()]


# ── deny by default ──


@pytest.mark.parametrize(("name", "kind"), list(product(CATALOGUE, KINDS)))
def test_what_no_rule_allows_is_seen_by_nobody(name: str, kind: RecipientKind) -> None:
    """Given each type and each kind of recipient, then there is a rule exactly where this test's own table has one."""
    assert (rule_for(name, (kind,)) is not None) == (kind in SEEN_BY.get(name, set()))


def test_every_type_is_seen_by_somebody_or_says_why_not() -> None:
    """Given the catalogue, then each type has a rule or a reason why nothing of it leaves, and not both."""
    assert {*SEEN_BY, *NEVER_LEAVES} == set(CATALOGUE)
    assert not set(SEEN_BY) & set(NEVER_LEAVES)
    assert {name for name, row in CATALOGUE.items() if row.internal} == set(NEVER_LEAVES) - RECALL_CLASS


def test_no_two_rules_answer_for_the_same() -> None:
    """Given the table, then for each type and kind there is one rule at most, so that their order decides nothing."""
    pairs = [(name, kind) for rule in rules() for name in rule.types for kind in rule.recipients]
    assert len(pairs) == len(set(pairs))
    assert all(set(rule.recipients) <= {*KINDS, "*"} for rule in rules())


def test_every_rule_says_why_in_both_languages() -> None:
    """Given the table, then each rule has one whole sentence in English and one in Swedish for whoever asks."""
    for rule in rules():
        assert set(rule.why) == {"en", "sv"}
        assert all(text.endswith(".") and len(text.split()) > 5 for text in rule.why.values()), rule_id(rule)


# ── what each rule needs ──


def said(asked: Requirement) -> frozenset[str]:
    """Return what else is granted where a sender may say all."""
    return frozenset() if asked.direction == "to" else frozenset({FROM})


@pytest.mark.parametrize("rule", CONSENT_RULES)
def test_a_rule_needs_each_of_its_scopes(rule: Rule) -> None:
    """Given consent for all a rule asks, then it is covered; without any one of them, for another party, or the other way, it is not."""
    asked = need(rule)
    full = grants(asked)
    assert judge(asked, full, None, p.NOON) == Covered("consent", asked.scopes | said(asked))
    assert judge(asked, [], None, p.NOON) == Withheld("basis.consent_missing")
    assert judge(asked, grants(asked, party=p.SOCIAL_SERVICES), None, p.NOON) == Withheld("basis.consent_missing")
    other = judge(asked, grants(asked, direction="from" if asked.direction == "to" else "to"), None, p.NOON)
    assert other == (Covered("consent", asked.scopes) if asked.direction == "either" else Withheld("basis.direction_missing"))
    assert judge(asked, grants(asked, direction="both"), None, p.NOON) == Covered("consent", asked.scopes | said(asked))
    for lacking in full:
        rest = [grant for grant in full if grant is not lacking]
        left = {grant.scope for grant in rest} - {"participant"}
        reason = (
            "participant.not_approved" if lacking.scope == "participant" else "basis.scope_missing" if left else "basis.consent_missing"
        )
        assert judge(asked, rest, None, p.NOON) == Withheld(reason)


@pytest.mark.parametrize("rule", CONSENT_RULES)
def test_a_consent_ends_at_its_end(rule: Rule) -> None:
    """Given consents until noon, when it is noon, then nothing is covered; a moment before, everything is."""
    asked = need(rule)
    ending = grants(asked, until=p.NOON)
    assert judge(asked, ending, None, p.NOON) == Withheld("basis.consent_expired")
    assert isinstance(judge(asked, ending, None, p.NOON - timedelta(microseconds=1)), Covered)


@pytest.mark.parametrize(("rule", "stated"), [pytest.param(*each, id=f"{rule_id(each[0])}-{each[1]}") for each in product(rules(), BASES)])
def test_a_stated_basis_holds_only_where_the_rule_lists_it(rule: Rule, stated: str) -> None:
    """Given no consent, when a care unit states each basis, all switched on, then it holds exactly where the rule lists it; consent never does."""
    judged = judge(need(rule, recipient=p.CARE_CENTRE), [], stated, p.NOON, EXCEPTIONS)
    if set(rule.bases) & disclosure.UNCONDITIONAL:
        assert judged == Covered(rule.bases[0], frozenset())
    elif stated in rule.bases and stated != "consent":
        assert judged == Covered(stated, said(need(rule, recipient=p.CARE_CENTRE)))
    else:
        assert isinstance(judged, Withheld)


@pytest.mark.parametrize("sender", [p.FK, p.AF, OUTSIDE])
@pytest.mark.parametrize("rule", CONSENT_RULES)
def test_whoever_is_not_duty_bound_can_state_no_basis(rule: Rule, sender: str) -> None:
    """Given a sender that is no care unit, then nothing but consent counts, whatever it states (LIFECYCLE 3)."""
    for stated in BASES:
        assert isinstance(judge(need(rule, sender=sender, recipient=p.CONTACT), [], stated, p.NOON), Withheld)


def test_to_outside_parties_consent_is_the_only_basis() -> None:
    """Given what is said to agencies, relatives and everybody outside, then it rests on consent alone and the individual's choice.

    The neutral receipt says nothing of anybody, and a notice that a message of one's own failed is about that alone.
    """
    outside = [rule for rule in rules() if {"bound", "agency", "outside", "relative"} & set(rule.recipients)]
    told = [rule for rule in outside if rule.types != ("sip.request.answered",)]
    assert {rule.bases for rule in told} == {("consent",)}
    assert all("participant" in rule.scopes for rule in told)
    invited = [rule for rule in told if {"bound", "agency", "outside"} & set(rule.recipients)]
    assert all(rule.scopes == {"meeting", "invite", "participant"} for rule in invited)
    assert all(rule.public for rule in invited if rule.types != ("meeting.reminder",))


def test_no_plan_rests_on_anything_but_consent() -> None:
    """Given the rules for plans, then each asks for consent to a plan and lists no other basis."""
    plans = [rule for rule in rules() if any(name.startswith(("plan.", "followup.held", "activity.")) for name in rule.types)]
    others = [rule for rule in plans if rule.bases != ("own_data",)]
    assert all(rule.bases == ("consent",) and {"plan", "copy_to_relative"} & rule.scopes for rule in others)
    assert {kind for rule in plans if rule.bases == ("own_data",) for kind in rule.recipients} == {*OWN_SIDE, "guardian_restricted"}


def test_what_needs_no_consent_is_named_here() -> None:
    """Given the bases that rest on no grant, then what is the individual's own goes to their own side, and all else says nothing of anybody."""
    free = [(name, rule) for rule in rules() for name in rule.types if set(rule.bases) & disclosure.UNCONDITIONAL]
    own = {kind for _, rule in free if rule.bases == ("own_data",) for kind in rule.recipients}
    assert own == {*OWN_SIDE, "guardian_restricted"}
    others = {name: rule.bases for name, rule in free if rule.bases != ("own_data",)}
    assert others == {
        "sip.requested": ("own_message",),
        "sip.proposed": ("no_person_data",),
        "sip.initiated": ("no_person_data",),
        "sip.request.answered": ("no_person_data",),
        "message.misdirected": ("no_person_data",),
        "message.forwarded": ("no_person_data",),
        "delivery.failed": ("own_message",),
        "stop.notice": ("recall",),
    }
    for name, rule in free:
        if name != "sip.requested" and rule.bases != ("own_data",):
            assert not [path for path in shown_by(rule) if path.startswith("subject")], name


def test_the_notices_of_a_discharge_rest_on_their_statute_alone() -> None:
    """Given the rules for D1 to D3, then they list the statute's basis and no other, for duty-bound units; and nothing else lists it (LIFECYCLE 3)."""
    listing = [rule for rule in rules() if "statutory_duty" in rule.bases]
    assert {name for rule in listing for name in rule.types} == {name for name in CATALOGUE if name.startswith(("inpatient.", "process."))}
    assert {(rule.bases, rule.recipients) for rule in listing} == {(("statutory_duty",), ("duty",))}


def test_everybody_but_the_individuals_side_gets_one_neutral_answer() -> None:
    """Given an answer to a request, when it is cut for anybody else, then it holds `received` and nothing that differs between persons (R3)."""
    for kind in set(KINDS) - OWN_SIDE - {"convener", "bound"}:
        rule = rule_for("sip.request.answered", (kind,))
        assert rule is not None
        made = [cut(sample("sip.request.answered", maximal=full), rule, "no_person_data", frozenset()).document for full in (False, True)]
        assert made[0]["content"] == made[1]["content"] == {"receipt": "received"}
        assert {**made[0], "message_id": 0} == {**made[1], "message_id": 0}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_guardian_from_whom_the_address_is_secret_sees_neither_place_nor_units(name: str) -> None:
    """Given the fullest message of each type, when it is cut for that guardian, then it holds times, ids and codes and nothing else (A12)."""
    rule = rule_for(name, ("guardian_restricted",))
    if rule is None:
        assert name not in RESTRICTED
        return
    message = sample(name, maximal=True)
    made = cut(message, rule, rule.bases[0], frozenset())
    assert {pointer for pointer, _ in leaves(made.document)} == {f"/{path}" for path in (*PLACELESS, *RESTRICTED[name])} | MARKED[name]
    text = json.dumps(made.document, ensure_ascii=False)
    hidden = (p.MUNICIPALITY, p.REGION, "Stadshuset", "090-", "Eva", "Hanna", "Hemtjänst", "Vårdcentral", "hiss", "Handla")
    assert not [word for word in hidden if word in text]


def test_of_a_plan_a_person_hands_the_free_texts_to_that_guardian() -> None:
    """Given what is left out of each message for that guardian, then every free text is named to whoever hands it over, and none that is shown."""
    for name in RESTRICTED:
        rule = rule_for(name, ("guardian_restricted",))
        assert rule is not None
        message = sample(name, maximal=True)
        found = disclosure.left_to_hand(message, rule)
        assert set(found) == {f"/content/{path}" for path in TO_READ_THROUGH.get(name, ())}
        assert all(
            any(gone == path or path.startswith(gone + "/") for gone in cut(message, rule, rule.bases[0], frozenset()).omitted)
            for path in found
        )
    bare = sample("meeting.summoned")
    assert disclosure.left_to_hand(bare, rule_for("meeting.summoned", ("guardian_restricted",))) == ()
    assert disclosure.left_to_hand(bare, None) == ()
    assert [rule for rule in rules() if rule.by_hand and rule.recipients != ("guardian_restricted",)] == []


def test_one_partys_grant_covers_no_other() -> None:
    """Given every grant to one party, when anybody else's delivery is judged, then it is withheld; an agency as such covers its units alone."""
    rule = rule_for("meeting.invited", ("agency",))
    assert rule is not None
    everything = ("meeting", "invite", "participant", "information_exchange", "plan")
    for party in (p.HOME_CARE, p.CONTACT, p.AF, p.ARBETSFORMEDLINGEN, p.MUNICIPALITY, OUTSIDE):
        held = [Grant(scope=scope, party=party, direction="both", since=p.NOON) for scope in everything]
        assert isinstance(judge(need(rule, recipient=p.FK), held, None, p.NOON), Withheld)
    whole = [Grant(scope=scope, party=p.FORSAKRINGSKASSAN, direction="both", since=p.NOON) for scope in everything]
    assert isinstance(judge(need(rule, recipient=p.FK), whole, None, p.NOON), Covered)
    care = rule_for("meeting.summoned", ("duty",))
    assert care is not None
    municipal = [Grant(scope=scope, party=p.MUNICIPALITY, direction="both", since=p.NOON) for scope in everything]
    assert isinstance(judge(need(care), municipal, None, p.NOON), Withheld)


# ── who is what ──


def _case(**more: Any) -> SipCase:
    meetings = tuple(
        MeetingRecord(id=getattr(content, "meeting_id"), version=1, convener=UnitContact(name="Eva", unit=unit, phone="090-12345"))  # noqa: B009 - the content is one of many types
        for content, unit in ((sample("meeting.response").content, p.SOCIAL_SERVICES),)
    )
    fields = {
        "case_id": sample("meeting.response").case_id,
        "owner": p.MUNICIPALITY,
        "state": "SUMMONED",
        "contact": p.CONTACT,
        "meetings": meetings,
    }
    return SipCase.model_validate({**fields, **more})


@pytest.mark.parametrize(
    ("unit", "kind"),
    [(p.HOME_CARE, "duty"), (p.CARE_CENTRE, "duty"), (PRIVATE, "duty"), (p.FK, "agency"), (p.AF, "agency"), (OUTSIDE, "outside")],
)
def test_a_unit_is_what_its_organisation_is(unit: str, kind: str) -> None:
    """Given units of each sort of organisation, then each is of one kind."""
    assert kinds_of(unit, _case(), wide_directory(), sample("meeting.summoned")) == (kind,)


def test_an_unknown_unit_is_nothing() -> None:
    """Given a unit the directory does not know, even where the case knows it, then no rule is for it."""
    case = _case(contact="SE2120009994-9999")
    assert kinds_of("SE2120009994-9999", case, wide_directory(), sample("sip.requested")) == ()


def test_an_answer_is_for_the_convener_of_that_meeting_alone() -> None:
    """Given a contact, a coordinator and a convener at three units, when a meeting is answered, then it is for the convener alone (K3)."""
    case = _case(coordinator=UnitContact(name="Vera", unit=p.CARE_CENTRE, phone="090-12345"))
    message = sample("meeting.response")
    convening = [
        unit for unit in (p.CONTACT, p.CARE_CENTRE, p.SOCIAL_SERVICES) if "convener" in kinds_of(unit, case, wide_directory(), message)
    ]
    assert convening == [p.SOCIAL_SERVICES]


def test_a_units_word_about_a_plan_is_for_the_coordinator_alone() -> None:
    """Given the same, when an activity is confirmed, then it is for the coordinator, and before one is appointed for the contact (P2)."""
    message = sample("plan.commitment.confirmed")
    vera = UnitContact(name="Vera", unit=p.CARE_CENTRE, phone="090-12345")
    for coordinator, unit in ((vera, p.CARE_CENTRE), (None, p.CONTACT)):
        case = _case(coordinator=coordinator)
        found = [each.id for each in wide_directory().units if "convener" in kinds_of(each.id, case, wide_directory(), message)]
        assert found == [unit]


def test_the_request_is_for_the_contact_alone() -> None:
    """Given every unit of the directory, then the request's rule is for the contact and for nobody else."""
    message = sample("sip.requested")
    found = [unit.id for unit in wide_directory().units if rule_for("sip.requested", kinds_of(unit.id, _case(), wide_directory(), message))]
    assert found == [p.CONTACT]


# ── the cut ──


RECIPIENT: Mapping[str, str] = {
    "contact": p.CONTACT,
    "convener": p.CONTACT,
    "duty": p.HOME_CARE,
    "agency": p.FK,
    "outside": OUTSIDE,
    "bound": OUTSIDE,
    "individual": "individual",
    "guardian": "guardian/1",
    "guardian_restricted": "guardian/2",
    "representative": "representative/1",
    "relative": "relative/1",
    "other_person": "relative/2",
    "*": p.HOME_CARE,
}
CUTS = [
    pytest.param(name, rule, basis, granted, id=f"{name}-{rule.recipients[0]}-{basis}-{len(granted)}")
    for rule in rules()
    for name, basis, granted in product(rule.types, rule.bases, (frozenset[str](), frozenset({*rule.show_with, FROM})))
]


def cut(message: Message, rule: Rule, basis: str, granted: frozenset[str]) -> Cut:
    """Return a cut for the kind of recipient the rule is for."""
    covered = Covered(basis, granted)
    return disclosure.cut(message, rule, recipient=RECIPIENT[rule.recipients[0]], covered=covered, directory=wide_directory())


def leaves(node: object, at: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value that holds no other, with its pointer."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from leaves(value, f"{at}/{key}")
    elif isinstance(node, list | tuple) and node:
        for index, value in enumerate(node):
            yield from leaves(value, f"{at}/{index}")
    else:
        yield at, node


def shown_by(rule: Rule) -> frozenset[str]:
    """Return every path a rule may ever show."""
    return rule.show.union(rule.show_on_consent, rule.show_from, *rule.show_with.values())


def test_every_path_left_to_a_person_is_a_field() -> None:
    """Given the paths that somebody hands over by hand, then each is a field of a type its rule is for."""
    for rule in rules():
        documents = [json.loads(sample(name, maximal=True).to_json()) for name in rule.types]
        assert [path for path in rule.by_hand if not any(_found(document, path) for document in documents)] == []


@pytest.mark.parametrize(("name", "rule", "basis", "granted"), CUTS)
def test_a_cut_holds_what_its_rule_shows_and_nothing_else(name: str, rule: Rule, basis: str, granted: frozenset[str]) -> None:
    """Given the fullest message, when it is cut, then every field in it lies under a path of the rule for that basis and those scopes."""
    message = sample(name, maximal=True)
    allowed = rule.show | (rule.show_on_consent if basis == "consent" else frozenset())
    allowed = allowed.union(*(paths for scope, paths in rule.show_with.items() if scope in granted))
    allowed |= rule.show_from if FROM in granted else frozenset()
    made = cut(message, rule, basis, granted)
    for pointer, _ in leaves(made.document):
        dotted = pointer[1:].replace("/", ".")
        assert any(dotted == path or dotted.startswith(path + ".") for path in allowed), pointer
    assert made.document["recipients"] == [RECIPIENT[rule.recipients[0]]]
    assert made.basis == basis


@pytest.mark.parametrize(("name", "rule", "basis", "granted"), CUTS)
def test_what_is_omitted_is_not_there_and_what_is_not_there_is_omitted(name: str, rule: Rule, basis: str, granted: frozenset[str]) -> None:
    """Given a cut, then no pointer it calls omitted leads anywhere in it, and each field of the message is in the cut or omitted."""
    message = sample(name, maximal=True)
    made = cut(message, rule, basis, granted)
    there = dict(leaves(made.document))
    assert not [pointer for pointer in there if any(pointer == gone or pointer.startswith(gone + "/") for gone in made.omitted)]
    for pointer, _ in leaves(message.to_document()):
        gone = any(pointer == omitted or pointer.startswith(omitted + "/") for omitted in made.omitted)
        filtered = pointer.startswith(("/recipients/", "/content/questions/"))
        assert gone or filtered or pointer in there, pointer


@settings(deadline=None)
@given(st.sampled_from(CUTS), st.booleans(), st.data())
def test_values_are_kept_or_cut_never_changed(each: Any, maximal: bool, data: st.DataObject) -> None:
    """Given any sample with any optional content field left out, when it is cut, then what remains is as it was, but for the public label."""
    name, rule, basis, granted = each.values
    message = sample(name, maximal=maximal)
    fields = [field for field, value in type(message.content).model_fields.items() if not value.is_required()]
    dropped = data.draw(st.sets(st.sampled_from(fields))) if fields else set()
    content = message.content.model_copy(update={field: type(message.content).model_fields[field].get_default() for field in dropped})
    message = message.model_copy(update={"content": content})
    whole = dict(leaves(message.to_document()))
    made = cut(message, rule, basis, granted)
    for pointer, value in leaves(made.document):
        if pointer.startswith(("/recipients", "/content/questions")) or (
            rule.public and pointer in {"/content/convener/name", "/content/coordinator/name"}
        ):
            continue
        assert whole[pointer] == value
    assert not set(made.omitted) & {pointer for pointer, _ in leaves(made.document)}


def test_every_path_of_the_table_is_a_field() -> None:
    """Given the table, then each path names a field of a type its rule is for: nothing is misspelt, nothing shown by accident later."""
    for rule in rules():
        documents = [json.loads(sample(name, maximal=True).to_json()) for name in rule.types]
        for path in shown_by(rule) - {"subject.protection"}:
            assert any(_found(document, path) for document in documents) or _may_have(rule, path), (rule_id(rule), path)


def _found(document: Any, path: str) -> bool:
    for step in path.split("."):
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def _may_have(rule: Rule, path: str) -> bool:
    """Say whether a field is one that the samples leave out because another excludes it."""
    return path.startswith("content.") and any(path.split(".")[1] in CATALOGUE[name].content.model_fields for name in rule.types)


@pytest.mark.parametrize("name", sorted(SEEN_BY))
def test_every_content_field_of_a_type_that_leaves_is_shown_to_somebody(name: str) -> None:
    """Given a type with a rule, then each of its content fields is shown to somebody: a field nobody sees would be asked for in vain."""
    paths = {path for rule in rules() if name in rule.types for path in shown_by(rule)}
    fields = {f"content.{field}" for field in CATALOGUE[name].content.model_fields}
    unseen = {field for field in fields if not any(path == field or path.startswith(field + ".") for path in paths)}
    assert unseen == set(STAYS.get(name, {}))


def test_every_field_of_the_envelope_is_shown_to_somebody_or_says_why_not() -> None:
    """Given the envelope, then each field is shown in some rule or has its reason here."""
    paths = {path.split(".")[0] for rule in rules() for path in shown_by(rule)}
    assert set(Message.model_fields) - paths == set(ENVELOPE_NEVER_LEAVES)


# ── what must not be seen ──


@pytest.mark.req(34, 90)
def test_the_individuals_own_words_are_in_no_rule_but_the_contacts() -> None:
    """Given the five free texts of the request, then one rule shows them, and it is for the contact (REQ-34, REQ-90)."""
    showing = [rule for rule in rules() if any("preparation" in path and "preparation_ref" not in path for path in shown_by(rule))]
    assert [(rule.types, rule.recipients) for rule in showing] == [(("sip.requested",), ("contact",))]
    assert not [path for rule in rules() for path in shown_by(rule) if path == "content"]


@pytest.mark.parametrize("recipient", ["agency", "outside"])
@pytest.mark.parametrize("name", ["meeting.invited", "meeting.rescheduled"])
def test_an_outside_party_sees_the_minimal_invitation(name: str, recipient: str) -> None:
    """Given the fullest invitation, when it is cut for an outside party, then no other unit, person, care unit's name or question is in it (G4)."""
    rule = rule_for(name, (recipient,))
    assert rule is not None
    for granted in (frozenset[str](), frozenset({"information_exchange"})):
        text = json.dumps(cut(sample(name, maximal=True), rule, "consent", granted).document, ensure_ascii=False)
        units = {unit.id for unit in wide_directory().units} - {RECIPIENT[recipient]}
        names = {unit.name for unit in wide_directory().units} - {"Enheten", "Försäkringskassan SIP"}
        hidden = {
            *units,
            *names,
            "Eva",
            "Prov",
            "biståndshandläggare",
            "eva.kontakt",
            "Praktik",
            "protection",
            "confidentiality",
            "preparation",
        }
        assert not [word for word in hidden if word in text]
        assert "Norrby kommun" in text
        assert (p.SUBJECT_NUMBER in text) == (recipient == "agency" and bool(granted))


def test_an_invited_party_sees_its_own_question_alone() -> None:
    """Given questions to two agencies, then each sees its own."""
    rule = rule_for("meeting.invited", ("agency",))
    assert rule is not None
    made = disclosure.cut(
        sample("meeting.invited", maximal=True), rule, recipient=p.AF, covered=Covered("consent", frozenset()), directory=wide_directory()
    )
    assert made.document["content"]["questions"] == [{"unit": p.AF, "text": "Praktik"}]  # type: ignore[index]  # the document is plain JSON


@pytest.mark.req(55)
def test_without_consent_a_kallelse_says_nothing_of_who_else_comes() -> None:
    """Given a kallelse on another basis than consent, then other units, agenda, the individual's texts and relatives are not in it (A16)."""
    rule = rule_for("meeting.summoned", ("duty",))
    assert rule is not None
    made = cut(sample("meeting.summoned", maximal=True), rule, "secrecy_assessed", frozenset())
    assert {"/content/participating_units", "/content/agenda", "/content/preparation_ref", "/content/relatives_present"} <= set(
        made.omitted
    )


@pytest.mark.req(36)
def test_where_the_preparation_is_kept_is_told_only_to_those_it_is_shared_with() -> None:
    """Given consents with and without the scope, then a kallelse names the preparation to whom it covers; an old one keeps its meaning (REQ-36)."""
    rule = rule_for("meeting.summoned", ("duty",))
    assert rule is not None
    asked, message = need(rule), sample("meeting.summoned", maximal=True)
    old = grants(asked)
    shared = Grant(scope="preparation", party=p.HOME_CARE, direction="to", since=p.NOON, until=p.NOON + timedelta(days=1))
    others = shared.model_copy(update={"party": p.CARE_CENTRE})
    for consents, now, told in (
        (old, p.NOON, False),
        ([*old, others], p.NOON, False),
        ([*old, shared], p.NOON, True),
        ([*old, shared], p.NOON + timedelta(days=1), False),
    ):
        judged = judge(asked, consents, None, now)
        assert isinstance(judged, Covered)
        content = cut(message, rule, judged.basis, judged.granted).document["content"]
        assert isinstance(content, Mapping)
        assert ("preparation_ref" in content) == told
        assert "agenda" in content
    queued_before = dataclasses.replace(asked, widening=frozenset())
    judged = judge(queued_before, [*old, shared], None, p.NOON)
    assert judged == Covered("consent", asked.scopes), "what was queued before there was the scope is sent without it"
    showing = {(rule.types, rule.recipients) for rule in rules() if any("preparation_ref" in path for path in shown_by(rule))}
    assert showing == {(("meeting.summoned",), ("duty",))}


def test_the_stop_notice_tells_nothing() -> None:
    """Given a stop notice, when it is cut for anybody, then it holds ids, a code and a telephone, and neither sender's unit nor author."""
    rule = rule_for("stop.notice", ())
    assert rule is not None
    document = cut(sample("stop.notice", maximal=True), rule, "recall", frozenset()).document
    assert set(document["content"]) == {"case_reference", "about", "about_id", "about_version", "code", "phone"}  # type: ignore[call-overload]  # plain JSON
    assert document["sender"] == {"organisation": p.MUNICIPALITY}
    assert "author" not in document
