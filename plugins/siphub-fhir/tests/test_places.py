"""Where a partner's OperationOutcome points: its place comes through as far as it is R4's own words, and nothing else of it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Recipient, Rejected
from siphub.model import sample
from siphub.testing.partner import partner, says
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir
from siphub_fhir.places import place_in
from siphub_fhir.xml_out import to_xml

PLACES = [
    ("Bundle.entry[2].resource.participant[0].actor", "Bundle.entry[2].resource.participant[0].actor"),
    ("Task.input[1].value[x]", "Task.input[1].value[x]"),
    ("CarePlan", "CarePlan"),
    ("Bundle.entry[0].resource/*MessageHeader/1912-prov*/.destination[0]", "Bundle.entry[0].resource.destination[0]"),
    ("Bundle.entry[0].resource.ofType(Patient).name[0].family", "Bundle.entry[0].resource.name[0].family"),
    ("Patient.identifier.where(value='191212121212').system", "Patient.identifier"),
    ("Patient.name[0].given = 'Prov'", "Patient.name[0]"),
    ("Patient.Provsdotter.name", "Patient"),
    ("Patient.identifier[191212121212]", "Patient"),
    ("Prov Provsdotter", ""),
    ("/f:Bundle/f:entry[1]", ""),
    ("", ""),
    (".".join(["Bundle", *["entry"] * 500]), ".".join(["Bundle", *["entry"] * 25])),
]


@pytest.mark.parametrize(("expression", "told"), PLACES)
def test_a_place_ends_before_the_first_word_that_is_not_r4s(expression: str, told: str) -> None:
    """Given what a server may write as an expression, R4's names and positions of it are told, and no value."""
    assert place_in(expression) == told


def issue(code: str, **more: Any) -> dict[str, Any]:
    """Return an issue with words that must not come through."""
    return {"severity": "error", "code": code, "diagnostics": "Prov Provsdotter", "details": {"text": "Prov Provsdotter"}, **more}


ISSUES: list[tuple[list[dict[str, Any]], str]] = [
    ([issue("required", expression=["Task.owner"])], "required at Task.owner"),
    ([issue("required", expression=["Task.owner", "Task.owner", "Prov"])], "required at Task.owner"),
    ([issue("value", expression=["Task.for"]), issue("value", expression=["Task.owner"])], "value at Task.for and Task.owner"),
    ([issue("value"), issue("required", expression=["Task.owner"])], "required at Task.owner, value"),
    ([issue("value", location=["Task.for"])], "value at Task.for"),
    ([issue("value", location=["Task.for"], expression=["Task.owner"])], "value at Task.owner"),
    ([issue("value", expression="Task.owner")], "value"),
    ([issue("value", expression=[{"value": "Task.owner"}])], "value"),
    ([issue("informational", expression=["Task.owner"]), issue("value")], "value"),
    ([{**issue("value", expression=["Task.owner"]), "severity": "warning"}, issue("invalid")], "invalid"),
]


@pytest.mark.parametrize(("issues", "told"), ISSUES)
def test_a_refusal_says_its_codes_and_places(
    adapter: Fhir, recipient: Callable[..., Recipient], issues: list[dict[str, Any]], told: str
) -> None:
    """Given a partner that refuses, the rejection says each code with the places it names, and none of the partner's words."""
    assert answered(adapter, recipient, json.dumps(outcome(issues)).encode(), "application/fhir+json") == REFUSED.format(told)


def test_a_refusal_in_xml_says_the_same(adapter: Fhir, recipient: Callable[..., Recipient]) -> None:
    """Given a partner that refuses as XML, the place comes through as it does from JSON."""
    issues = [issue("required", expression=["Task.owner"])]
    assert answered(adapter, recipient, to_xml(outcome(issues)), "application/fhir+xml") == REFUSED.format("required at Task.owner")


REFUSED = "the partner's OperationOutcome says {}"


def outcome(issues: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": issues}


def answered(adapter: Fhir, recipient: Callable[..., Recipient], body: bytes, media_type: str) -> str:
    """Return the detail of the rejection that an answer leads to."""
    with partner(says("422 Unprocessable Content", body, media_type)) as other:
        there = recipient(other.url)
        found = adapter.deliver(adapter.translate(whole_cut(sample("sip.requested")), there), there, "k")
    assert isinstance(found, Rejected)
    return found.detail
