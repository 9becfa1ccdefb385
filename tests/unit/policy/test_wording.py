"""Whatever is decided has its words in two languages, and what is said is whole sentences."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from siphub.model.envelope import BasisCode
from siphub.model.messages.consent import Giver, Scope
from siphub.policy.disclosure import RecipientKind, rules
from siphub.policy.lifecycle import DELIVERY
from siphub.policy.reasons import REASONS
from siphub.policy.wording import BASES, FORESEEN, GIVERS, KINDS, LANGUAGES, SCOPES, STATES, Said, kind_of, on_basis, outcome

SENTENCES = re.compile(r"([A-ZÅÄÖ][^.]*\.)( [A-ZÅÄÖ][^.]*\.)*")
WHY = {"en": "So it is.", "sv": "Så är det."}


def test_every_state_has_its_words() -> None:
    """Given the state table of deliveries, then each state can be said, also before there is a delivery where intake decides it."""
    states = {state for steps in DELIVERY.values() for pair in steps.items() for state in pair if state}
    assert states - set(STATES) == set()
    assert set(FORESEEN) == {"queued", "held", "withheld", "superseded"}


def test_every_basis_kind_and_scope_has_its_words() -> None:
    """Given the disclosure table and the types, then each basis, kind, scope and giver can be said."""
    assert {basis for rule in rules() for basis in rule.bases} | set(get_args(BasisCode)) == set(BASES)
    kinds = {str(kind) for part in get_args(RecipientKind) for kind in (get_args(part) or (part,))}
    assert {kind_of(kind) for rule in rules() for kind in rule.recipients} <= set(KINDS.values())
    assert kinds | {"any"} == set(KINDS)
    assert (kind_of("*"), kind_of("duty")) == (KINDS["any"], KINDS["duty"])
    assert {scope for rule in rules() for scope in (*rule.scopes, *rule.show_with)} | set(get_args(Scope)) <= set(SCOPES)
    assert set(get_args(Giver)) - {"relative"} < set(GIVERS)


@pytest.mark.parametrize("basis", [*sorted(BASES), None])
@pytest.mark.parametrize("state", sorted(STATES))
@pytest.mark.parametrize("reason", ["basis.consent_missing", None])
def test_what_is_said_is_whole_sentences(state: str, basis: str | None, reason: str | None) -> None:
    """Given any state, basis and reason, then whole sentences are said in both languages, with no code in them."""
    said = outcome(state, basis, reason, WHY)
    for text in (said.en, said.sv):
        assert SENTENCES.fullmatch(text.replace("kap.", "kapitlet"))
        assert not re.search(r"[_{}]", text)


def test_what_is_not_sent_has_no_basis_and_no_rule() -> None:
    """Given a delivery that is withheld, then neither a basis nor the reason of a rule is said: there is none."""
    said = outcome("withheld", "consent", "basis.consent_missing", WHY)
    assert "consent from" not in said.en
    assert WHY["en"] not in said.en


@pytest.mark.parametrize(("state", "named"), [("queued", True), ("delivered", True), ("held", False), ("rejected", False)])
def test_on_which_basis_it_is_on_its_way(state: str, named: bool) -> None:
    """Given what is on its way or arrived, then its basis is said; of what is stopped it is not: it would sound like the reason."""
    assert ("på samtycke från" in outcome(state, "consent", None, WHY).sv) == named


def test_whose_consent_it_is() -> None:
    """Given who gave the consent, then that is said; given nobody known, then so much as is known."""
    assert on_basis("consent", "guardian").sv == "på samtycke från vårdnadshavarna"
    assert on_basis("consent", "nobody known").sv == "på samtycke från den enskilde, eller den som företräder den enskilde"


def test_it_is_said_in_either_language() -> None:
    """Given something said in both languages, then each is there by its name."""
    said = Said("Yes.", "Ja.")
    assert {language: said.in_(language) for language in LANGUAGES} == {"sv": "Ja.", "en": "Yes."}


def test_the_sentences_stand_in_their_order() -> None:
    """Given what arrived, then it is said that it did and on whose word, then why not yet, then the rule's reason, in both languages alike."""
    guardian = outcome("delivered", "consent", None, WHY, giver="guardian")
    assert guardian == Said(
        "It has arrived, on consent from the guardians. So it is.", "Det har kommit fram, på samtycke från vårdnadshavarna. Så är det."
    )
    stopped = REASONS["protected.not_cleared"]
    assert outcome("held", "consent", "protected.not_cleared", WHY) == Said(
        f"It is stopped until somebody has looked at it. {stopped.en} So it is.",
        f"Det är stoppat tills någon har tittat på det. {stopped.sv} Så är det.",
    )
    assert outcome("sending", "own_data", None, None) == Said(
        "It is being sent, because it is the individual's own.", "Det skickas just nu, för att det är den enskildes eget."
    )
    assert outcome("queued", None, None, None, states=FORESEEN) == Said("It would be sent.", "Det skulle skickas.")


@pytest.mark.parametrize("state", ["withheld", "superseded", "expired"])
def test_of_what_reached_nobody_the_rule_is_not_told(state: str) -> None:
    """Given a delivery that was never sent, then why it may be is not said: only why it was not."""
    missing = REASONS["basis.consent_missing"]
    said = outcome(state, "consent", "basis.consent_missing", WHY)
    assert said == Said(f"{STATES[state].en}. {missing.en}", f"{STATES[state].sv}. {missing.sv}")


@pytest.mark.parametrize("state", ["rejected", "gave_up", "withheld"])
def test_a_reason_in_other_words_is_told_by_the_state(state: str) -> None:
    """Given a code that only the recipient's system knows, then what it means follows from the state, and the code is said."""
    said = outcome(state, None, "partner.no-such-box", None)
    assert "(code partner.no-such-box)" in said.en
    assert "(kod partner.no-such-box)" in said.sv
    assert len({outcome(each, None, "partner.no-such-box", None).en.partition(". ")[2] for each in (state, "held")}) == 2
