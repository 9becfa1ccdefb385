"""The exceptions from secrecy: off unless the sending organisation has switched them on, and between region and municipality only."""

from __future__ import annotations

import json
from itertools import product
from typing import Literal

import pytest

from siphub import settings
from siphub.model import BasisClaim, Caller, Message
from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.model.messages.request import SipRequested
from siphub.model.person import CasePerson
from siphub.policy import case as policy
from siphub.policy import consent
from siphub.policy.case import Decision
from siphub.policy.disclosure import FROM, Covered, Withheld, judge, requirement, rules
from siphub.policy.local import EXCEPTIONS, STRICT, LocalRules
from siphub.policy.refusal import Refusal
from siphub.policy.routing import routes
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk, wide_directory

EXCEPTED = [rule for rule in rules() if EXCEPTIONS & set(rule.bases)]
EVERYBODY = (p.CONTACT, p.SOCIAL_SERVICES, p.CARE_CENTRE, PRIVATE, p.FK, p.AF, OUTSIDE)
ON = LocalRules(exceptions={p.MUNICIPALITY: frozenset({"osl_26_9"})})


def stated(code: str) -> BasisClaim:
    """Return an exception that somebody decided on."""
    return BasisClaim.model_validate({"code": code, "decided_by": "Lena Läkare", "decided_at": p.NOON})


def test_settings_and_policy_know_the_same() -> None:
    """Given the two lists of exceptions, then they are one; and without a choice nothing is switched on."""
    assert settings.EXCEPTIONS == EXCEPTIONS
    assert STRICT.switched_on(p.REGION) == frozenset()
    assert STRICT.relatives == settings.Settings().relatives == "opt_in"
    assert STRICT.relative_requests == settings.Settings().relative_requests == "request"


def test_no_plan_and_nothing_outside_care_rests_on_one() -> None:
    """Given the rules that list an exception, then none is for a plan, and each is for units of care."""
    assert EXCEPTED
    assert not [name for rule in EXCEPTED for name in rule.types if name.startswith("plan.")]
    assert {kind for rule in EXCEPTED for kind in rule.recipients} <= {"duty", "convener"}


@pytest.mark.parametrize("code", sorted(EXCEPTIONS))
def test_it_goes_between_a_region_and_a_municipality_only(code: str) -> None:
    """Given every pair of sender and recipient, then an exception that is switched on holds exactly between a region and a municipality."""
    directory = wide_directory()
    for rule, sender, recipient in product(EXCEPTED, EVERYBODY, EVERYBODY):
        need = requirement(rule, recipient=recipient, sender=sender, directory=directory)
        across = {directory.kind_of(sender), directory.kind_of(recipient)} == {"region", "municipality"}
        assert isinstance(judge(need, [], code, p.NOON, EXCEPTIONS), Covered) == across


@pytest.mark.parametrize("code", sorted(EXCEPTIONS))
def test_it_is_off_unless_it_is_that_very_one(code: str) -> None:
    """Given a delivery on an exception, when that one is not switched on at this moment, then it is withheld, and says why."""
    for rule in EXCEPTED:
        need = requirement(rule, recipient=p.CARE_CENTRE, sender=p.CONTACT, directory=wide_directory())
        assert judge(need, [], code, p.NOON) == Withheld("basis.exception_off")
        assert judge(need, [], code, p.NOON, EXCEPTIONS - {code}) == Withheld("basis.exception_off")
        assert judge(need, [], code, p.NOON, {code}) == Covered(code, frozenset() if need.direction == "to" else frozenset({FROM}))


def test_an_exception_reaches_the_other_huvudman_and_nobody_else() -> None:
    """Given a municipality that has switched one on, when it calls on it, then the region's unit is reached, and no other is."""
    desk = Desk()
    desk.story.requested()
    message = desk.story.message(desk.story.kallelse(), (p.CARE_CENTRE, p.HOME_CARE, p.FK), basis=stated("osl_26_9"))
    decided = decided_under(desk, message, ON)
    assert isinstance(decided, Decision)
    found = {route.recipient: (route.state, route.reason) for route in routes(message, decided.case, desk.directory, desk.now, ON)}
    assert found[p.CARE_CENTRE] == ("queued", None)
    assert found[p.HOME_CARE] == ("withheld", "basis.not_allowed")
    assert found[p.FK][0] == "withheld"


def decided_under(desk: Desk, message: Message, local: LocalRules) -> Refusal | Decision:
    """Decide a message under an installation's choices."""
    return policy.decide(desk.case, message, desk.caller_for(message), desk.directory, desk.now, local)


def test_a_message_on_one_that_is_off_is_refused_whole() -> None:
    """Given a neighbour's choice, or none, when the municipality calls on an exception, then it is refused and the case stays."""
    desk = Desk()
    desk.story.requested()
    message = desk.story.message(desk.story.kallelse(), (p.CARE_CENTRE,), basis=stated("osl_26_9"))
    for local in (STRICT, LocalRules(exceptions={p.REGION: frozenset({"osl_26_9"})})):
        assert decided_under(desk, message, local) == Refusal("basis.exception_off", "invalid", "/basis/code")


# ── relatives ──


@pytest.mark.parametrize(
    ("rule", "chosen", "objection", "comes"),
    [
        ("opt_in", True, False, True),
        ("opt_in", False, False, False),
        ("opt_in", True, True, False),
        ("not_objecting", False, False, True),
        ("not_objecting", True, False, True),
        ("not_objecting", False, True, False),
        ("not_objecting", True, True, False),
    ],
)
def test_a_relative_comes_when_the_individual_wants(rule: str, chosen: bool, objection: bool, comes: bool) -> None:
    """Given each of the two rules, then a relative comes when chosen, or when not objected to; an objection always wins (REQ-47)."""
    sister = CasePerson(ref=PersonRef("relative/1"), name="Siv Provsdotter", chosen=chosen, objection=objection)
    local = LocalRules(relatives="opt_in" if rule == "opt_in" else "not_objecting")
    assert consent.relatives_coming((sister,), local) == ((PersonRef("relative/1"),) if comes else ())


def test_only_relatives_are_asked_about() -> None:
    """Given a guardian and a representative, then no choice of theirs is made here: what is theirs they read without."""
    others = tuple(CasePerson(ref=PersonRef(ref), name="Någon", chosen=True) for ref in ("individual", "guardian/1", "representative/1"))
    assert consent.relatives_coming(others, LocalRules(relatives="not_objecting")) == ()


def test_the_unit_of_a_party_is_never_a_person() -> None:
    """Given a relative as recipient, then no basis but consent can carry anything to them: the directory does not know them."""
    need = requirement(EXCEPTED[0], recipient=PersonRef("relative/1"), sender=p.CONTACT, directory=wide_directory())
    assert not EXCEPTIONS & set(need.bases)
    assert judge(need, [], "osl_26_9", p.NOON, EXCEPTIONS) == Withheld("basis.not_allowed")


@pytest.mark.parametrize("kind", ["individual", "relative", "guardian"])
@pytest.mark.parametrize("rule", ["request", "proposal"])
def test_a_relative_asks_or_proposes(kind: str, rule: Literal["request", "proposal"]) -> None:
    """Given a request by each who may ask, then a relative's alone is refused, and only where relatives may do no more than propose (REQ-29)."""
    desk = Desk()
    desk.story.requested()
    asked = desk.story.sent[-1]
    content = asked.content.model_dump(mode="json")
    content["requester"]["kind"] = kind
    message = asked.model_copy(update={"content": SipRequested.model_validate_json(json.dumps(content))})
    caller = Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "desk")
    decided = policy.decide(None, message, caller, desk.directory, desk.now, LocalRules(relative_requests=rule))
    refused = kind == "relative" and rule == "proposal"
    assert (decided.code if isinstance(decided, Refusal) else None) == ("request.relative_proposes" if refused else None)
