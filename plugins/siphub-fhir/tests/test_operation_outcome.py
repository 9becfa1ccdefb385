"""A refusal as an OperationOutcome: a code of R4's and one of ours, the place in FHIRPath, and no word of what was refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from siphub.contract import Refused, Submission
from siphub_fhir import FhirReader
from siphub_fhir.operation_outcome import expression_of, issue_type, outcome_of
from siphub_fhir.r4 import elements_of
from siphub_fhir.structure import structure_of
from siphub_fhir.xml_out import to_xml

PLAN: dict[str, Any] = {
    "resourceType": "CarePlan",
    "status": "hemligt",
    "intent": "plan",
    "subject": {"reference": "Patient/1"},
    "activity": [{"detail": {"status": "scheduled", "scheduledPeriod": {"start": "i dag"}}}],
    "_created": {"colour": 1},
}


def refused(reader: FhirReader, submission: Submission) -> Any:
    """Return the OperationOutcome for what is refused."""
    with pytest.raises(Refused) as caught:
        reader.read(submission)
    found = outcome_of(caught.value, submission)
    assert list(structure_of(found)) == []
    return found


def test_each_issue_has_its_place_in_fhirpath(reader: FhirReader) -> None:
    """A refused plan in a Bundle: types, codes, expressions, choices without their type, and nothing of the plan's own words."""
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PLAN}]}
    found = refused(reader, Submission(json.dumps(bundle).encode(), "application/fhir+json"))
    assert [(one["code"], one["details"]["coding"][0]["code"], one["expression"]) for one in found["issue"]] == [
        ("code-invalid", "fhir.code_unknown", ["Bundle.entry[0].resource.status"]),
        ("structure", "fhir.unknown_element", ["Bundle.entry[0].resource.created.colour"]),
        ("value", "fhir.wrong_value", ["Bundle.entry[0].resource.activity[0].detail.scheduled.start"]),
    ]
    assert "hemligt" not in json.dumps(found)


def test_xml_has_expressions_too(reader: FhirReader) -> None:
    """The same of XML that can be read."""
    plan = {name: value for name, value in PLAN.items() if name != "_created"}
    found = refused(reader, Submission(to_xml(plan), "application/fhir+xml"))
    assert [one["expression"] for one in found["issue"]] == [["CarePlan.status"], ["CarePlan.activity[0].detail.scheduled.start"]]


@pytest.mark.parametrize(("body", "kind"), [(b'{"a": ', "json"), (b"<Patient", "xml")])
def test_what_cannot_be_read_has_a_position(reader: FhirReader, body: bytes, kind: str) -> None:
    """Broken JSON and XML have no FHIRPath: the line stands in the diagnostics."""
    [issue] = refused(reader, Submission(body, f"application/fhir+{kind}"))["issue"]
    assert issue["code"] == "structure"
    assert issue["diagnostics"].startswith("line 1")
    assert "expression" not in issue


def test_xml_that_is_no_fhir_says_where(reader: FhirReader) -> None:
    """What XML has too much has its line, and its pointer where the document cannot be turned into a resource."""
    [issue] = refused(
        reader, Submission(b'<Patient xmlns="http://hl7.org/fhir">\n<colour value="red"/></Patient>', "application/fhir+xml")
    )["issue"]
    assert issue["diagnostics"] == "line 2 column 1, /colour"


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", "CarePlan"),
        ("/activity/0/detail", "CarePlan.activity[0].detail"),
        ("/activity/0/detail/productReference", "CarePlan.activity[0].detail.product"),
        ("/activity/0/detail/product[x]", "CarePlan.activity[0].detail.product"),
        ("/contained/0/effective/1", "CarePlan.contained[0].effective[1]"),
        ("/contained/0/valueString", "CarePlan.contained[0].value"),
        ("/nothing/of/that", "CarePlan.nothing.of.that"),
    ],
)
def test_pointers_become_fhirpath(pointer: str, expected: str) -> None:
    """Lists have numbers in brackets, choices no type, and contained resources their own elements."""
    assert expression_of(pointer, {**PLAN, "contained": [{"resourceType": "Observation"}]}) == expected


def test_no_document_no_expression() -> None:
    """Without a resource there is no type to begin a path with."""
    assert expression_of("/status", None) is None
    assert expression_of("/status", {"resourceType": "Colour"}) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 418])
def test_every_status_has_an_issue_type_of_r4(status: int) -> None:
    """Whatever the hub answers with has one of R4's issue types."""
    assert issue_type("message.something", status) in elements_of("OperationOutcome.issue")["code"].codes
    assert issue_type("field.wrong", status) == "value"
    assert issue_type("fhir.activity_twice", status) == "invariant"
