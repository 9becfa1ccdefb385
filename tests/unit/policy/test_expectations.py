"""An administrator's expectations hold only where they hold in every case they leave open."""

from __future__ import annotations

from typing import Any

import pytest

from siphub.model import CATALOGUE
from siphub.policy.disclosure import rules
from siphub.policy.expectations import KINDS, Expectation, allowed, failures

INVITED = {"type": "meeting.invited", "to": "agency"}
SUMMONED = {"type": "meeting.summoned", "to": "duty"}
PLANNED = {"type": "plan.established", "to": "duty"}


def codes(**fields: Any) -> list[str]:
    """Return the codes of what does not hold of one expectation."""
    return [failure.code for failure in failures((Expectation(**fields),))]


@pytest.mark.parametrize(
    ("expected", "wrong"),
    [
        ({**INVITED}, []),
        ({**INVITED, "basis": ("consent",)}, []),
        ({**INVITED, "basis": ("consent", "secrecy_assessed")}, ["basis"]),
        ({**INVITED, "scopes": ("meeting", "invite", "participant")}, []),
        ({**INVITED, "scopes": ("meeting",)}, ["scopes"]),
        ({**INVITED, "sent": False}, ["sent"]),
        ({"type": "plan.established", "to": "agency", "sent": False}, []),
        ({"type": "plan.established", "to": "agency"}, ["not_sent"]),
        ({"type": "consent.given", "to": "duty", "sent": False}, []),
        ({"type": "stop.notice", "to": "outside", "basis": ("recall",)}, []),
        ({**INVITED, "on": "secrecy_assessed"}, ["basis"]),
    ],
)
def test_whether_and_on_which_basis(expected: dict[str, Any], wrong: list[str]) -> None:
    """Given an expectation of basis, scopes or that nothing is sent, then it holds just where the table says so."""
    assert codes(**expected) == wrong


@pytest.mark.parametrize(
    ("expected", "wrong"),
    [
        # a whole field, a part of a shown one, and a whole of which only a part is shown
        ({**INVITED, "shown": ("content.meeting",)}, []),
        ({**INVITED, "shown": ("content.meeting.place.text",)}, []),
        ({**INVITED, "shown": ("sender",)}, ["shown"]),
        ({**INVITED, "not_shown": ("sender",)}, ["not_shown"]),
        ({**INVITED, "not_shown": ("sender.unit",)}, []),
        # what only a further scope shows is neither shown for sure nor hidden for sure
        ({**INVITED, "shown": ("subject.identity",)}, ["shown"]),
        ({**INVITED, "not_shown": ("subject.identity",)}, ["not_shown"]),
        ({**INVITED, "granted": ("information_exchange",), "shown": ("subject.identity",)}, []),
        ({**INVITED, "granted": ("meeting",), "not_shown": ("subject.identity",)}, []),
        # what only consent shows
        ({**SUMMONED, "shown": ("content.agenda",)}, ["shown"]),
        ({**SUMMONED, "not_shown": ("content.agenda",)}, ["not_shown"]),
        ({**SUMMONED, "on": "consent", "shown": ("content.agenda",)}, []),
        ({**SUMMONED, "on": "secrecy_assessed", "not_shown": ("content.agenda",)}, []),
        # a name that is replaced by the public label is not shown, its telephone number is
        ({**INVITED, "not_shown": ("content.convener.name",)}, []),
        ({**INVITED, "shown": ("content.convener.name",)}, ["shown"]),
        ({**INVITED, "shown": ("content.convener.phone",)}, []),
        ({**INVITED, "not_shown": ("content.convener",)}, ["not_shown"]),
        # what lies in a list, in one of several alternatives, or in what may be left out
        ({**PLANNED, "not_shown": ("content.plan.activities.what",)}, ["not_shown"]),
        ({**PLANNED, "shown": ("content.plan.activities.what",)}, []),
        ({**INVITED, "not_shown": ("subject.identity.value",)}, ["not_shown"]),
        ({**SUMMONED, "shown": ("content.coordinator.email",)}, []),
    ],
)
def test_fields(expected: dict[str, Any], wrong: list[str]) -> None:
    """Given an expectation of a field, then what is shown is shown whole and on every basis, and of what is not, nothing is on any."""
    assert codes(**expected) == wrong


@pytest.mark.parametrize(
    "expected",
    [
        {"type": "meeting.invitd", "to": "agency"},
        {"type": "meeting.invited", "to": "agencies", "sent": False},
        {**INVITED, "not_shown": ("subject.family_nam",)},
        {**INVITED, "not_shown": ("content.agenda",)},
        {**PLANNED, "not_shown": ("content.plan.activities.whatever",)},
        {**INVITED, "not_shown": ("subject.identity.values",)},
        {**INVITED, "not_shown": ("content.purpose.text",)},
    ],
)
def test_what_is_misspelt_never_holds(expected: dict[str, Any]) -> None:
    """Given a type, kind or field there is not, then the expectation fails: nothing is hidden by a slip of the pen."""
    assert codes(**expected) == ["unknown"]


def test_every_field_of_the_table_is_a_field_of_one_of_its_messages() -> None:
    """Given each field the table shows, then some message type of its rule has it."""
    for rule in rules():
        paths = rule.show | rule.show_on_consent | rule.show_from | frozenset(path for more in rule.show_with.values() for path in more)
        for path in paths:
            found = [codes(type=name, to=kind, not_shown=(path,)) for name in rule.types for kind in rule.recipients if kind in KINDS]
            assert [] not in found
            assert not found or ["not_shown"] in found, path


def test_the_widest_a_rule_goes() -> None:
    """Given a rule with further fields on consent and with a scope, then both count on consent, and neither on another basis."""
    rule = next(found for found in rules() if "meeting.invited" in found.types and "agency" in found.recipients)
    assert "subject.identity" in allowed(rule, "consent", ["information_exchange"])
    assert "subject.identity" not in allowed(rule, "consent", ())
    assert "subject.identity" not in allowed(rule, "secrecy_assessed", ["information_exchange"])


def test_what_a_party_says_of_its_own_is_shown_only_with_a_consent_from_it() -> None:
    """Given an answer to a call, then its reason is shown on another basis or with a consent from its sender, and hidden on one of any direction alone."""
    reason: dict[str, Any] = {"type": "meeting.response", "to": "convener"}
    assert codes(**reason, on="consent", shown=("content.response",)) == []
    assert codes(**reason, on="consent", shown=("content.reason",)) == ["shown"]
    assert codes(**reason, on="consent", granted=("from",), shown=("content.reason",)) == []
    assert codes(**reason, on="secrecy_assessed", shown=("content.reason",)) == []
    assert codes(**reason, on="consent", not_shown=("content.reason",)) == ["not_shown"]
    assert codes(**reason, on="consent", granted=("meeting",), not_shown=("content.reason",)) == []


def test_each_failure_says_which_expectation_it_is() -> None:
    """Given three expectations of which the second and third fail, then these are told by their numbers."""
    invited = Expectation(type="meeting.invited", to="agency")
    rows = (invited, invited.model_copy(update={"sent": False}), Expectation(type="nothing", to="duty"))
    assert [(one.number, one.type) for one in failures(rows)] == [(2, "meeting.invited"), (3, "nothing")]
    assert "nothing" not in CATALOGUE


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"basis": ("secrecy_assessed",)}, "basis", "the bases are consent"),
        ({"scopes": ()}, "scopes", "what must be consented to is invite, meeting, participant"),
        ({"on": "recall"}, "basis", "recall is no basis for it; the bases are consent"),
        ({"sent": False}, "sent", "a rule allows it on consent"),
        ({"to": "nobody"}, "unknown", f"there is no kind of recipient nobody; there are {', '.join(KINDS)}"),
        ({"shown": ("content.agenda",)}, "unknown", "the message has no field content.agenda"),
        ({"type": "meeting.held"}, "not_sent", "no rule allows it, so it is withheld"),
        ({"shown": ("sender",)}, "shown", "sender is not shown, or not all of it, or not on every basis"),
        ({"type": "stop.notice", "scopes": ("meeting",)}, "scopes", "what must be consented to is nothing"),
    ],
)
def test_each_failure_says_what_is_so_instead(fields: dict[str, Any], code: str, detail: str) -> None:
    """Given an expectation that does not hold, then it is told for which kind of recipient, and what the table says instead, in its words."""
    (failure,) = failures((Expectation(**{**INVITED, **fields}),))
    assert (failure.code, failure.detail, failure.to) == (code, detail, fields.get("to", "agency"))
