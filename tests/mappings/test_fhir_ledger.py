"""The ledger of what reading drops: made of the code, with a reason for everything, and for nothing else."""

from __future__ import annotations

from tests.mappings.fhir_dropped import FOREIGN, OURS, RECORDS
from tests.mappings.fhir_ledger import PAGE, foreign, ours, page, reason, records


def test_the_page_is_what_the_code_does() -> None:
    """docs/fhir-ledger.md is what `python -m tests.mappings.fhir_ledger` writes today."""
    assert PAGE.read_text("utf-8") == page()


def test_whatever_is_dropped_has_a_reason_and_nothing_else_has() -> None:
    """No element is dropped without a word, and no reason speaks of an element that is taken."""
    dropped, own = {one for one, found in foreign() if found == "dropped"}, set(ours())
    assert [one for one in dropped if reason(FOREIGN, one) is None] == []
    assert [one for one in own if reason(OURS, one) is None] == []
    assert {one for names in FOREIGN.values() for one in names if "*" not in one} <= dropped
    assert {one for names in OURS.values() for one in names if "*" not in one} <= own


def test_what_a_sip_is_made_of_is_taken() -> None:
    """Goals, activities, who takes part, when and where: what a SIP says is taken of whoever's document."""
    taken = {one for one, found in foreign() if found == "taken"}
    assert {
        "CarePlan.goal",
        "CarePlan.activity",
        "CarePlan.activity.detail.doNotPerform",
        "CarePlan.careTeam",
        "Goal.description",
        "ServiceRequest.code",
        "Patient.identifier",
        "Patient.meta",
        "Appointment.start",
        "Appointment.participant",
        "Location.name",
    } <= taken


def test_whatever_may_turn_the_meaning_round_is_refused() -> None:
    """A modifier that is not known is refused wherever something is taken; a Consent is not taken, and may have them."""
    found = dict(foreign())
    modifiers = [one for one in found if one.rpartition(".")[2] in {"modifierExtension", "implicitRules"} and not one.startswith("Consent")]
    assert {found[one] for one in modifiers} == {"fhir.modifier_unknown"}
    assert len(modifiers) > 25


def test_a_record_of_ours_drops_nothing_but_what_is_named() -> None:
    """What is written for servers without messaging has all of every message's content: a transaction drops nothing, a single resource what it says of the person."""
    dropped = {pointer for _, pointer, _ in records()}
    assert dropped == set(RECORDS)
    assert {form for form, *_ in records()} == {"resource"}
    assert all(one.startswith("/subject/") for one in dropped)
