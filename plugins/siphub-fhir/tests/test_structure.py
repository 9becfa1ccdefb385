"""R4's structure beyond the defects that are made by machine: what may stand beside a value, lists with holes, nesting, and the narrative."""

from __future__ import annotations

import json
from typing import Any

import pytest

from siphub.contract import Invalid, Submission
from siphub_fhir import FhirReader
from siphub_fhir.structure import structure_of

WHY = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def found(**elements: Any) -> list[tuple[str, str | None]]:
    """Return what is said of a Patient with these elements."""
    return [(problem.code, problem.pointer) for problem in structure_of({"resourceType": "Patient", **elements})]


@pytest.mark.parametrize(
    "elements",
    [
        {"_birthDate": WHY},
        {"name": [{"given": ["a", None], "_given": [None, WHY]}]},
        {"deceasedBoolean": False},
        {"communication": [{"language": {"text": "svenska"}}]},
        {"contact": [{"_gender": WHY, "name": {"text": "a"}}]},
        {"meta": {"lastUpdated": "2026-11-26T09:00:00.120+01:00"}},
        {"birthDate": "2024-02-29"},
        {"link": [{"other": {"reference": "Patient/2"}, "_type": WHY}]},
    ],
)
def test_what_r4_takes_is_taken(elements: dict[str, Any]) -> None:
    """Extensions instead of values, holes in lists that an extension fills, and half-known dates are sound."""
    assert found(**elements) == []


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"colour": "red"}, [("fhir.unknown_element", "/colour")]),
        ({"fhir_comments": ["x"]}, [("fhir.unknown_element", "")]),
        ({"_name": [WHY]}, [("fhir.unknown_element", "/_name")]),
        ({"_id": WHY}, [("fhir.unknown_element", "/_id")]),
        ({"<script>": 1}, [("fhir.unknown_element", "")]),
        ({"anna201001032380": 1}, [("fhir.unknown_element", "")]),
        ({"value64": 1}, [("fhir.unknown_element", "/value64")]),
        ({"name": {"text": "a"}}, [("fhir.wrong_value", "/name")]),
        ({"name": ["a"]}, [("fhir.wrong_value", "/name/0")]),
        ({"name": []}, [("fhir.empty", "/name")]),
        ({"name": [{}]}, [("fhir.empty", "/name/0")]),
        ({"name": [{"given": ["a", None]}]}, [("fhir.empty", "/name/0/given/1")]),
        ({"name": [{"text": "  "}]}, [("fhir.empty", "/name/0/text")]),
        ({"gender": None}, [("fhir.empty", "/gender")]),
        ({"gender": ["male"]}, [("fhir.wrong_value", "/gender")]),
        ({"deceasedBoolean": False, "deceasedDateTime": "2026"}, [("fhir.choice_twice", "/deceasedDateTime")]),
        ({"link": [{"other": {"reference": "Patient/2"}}]}, [("fhir.required", "/link/0/type")]),
        (
            {"contained": [{"resourceType": "MessageHeader", "source": {"endpoint": "https://a.example"}}]},
            [("fhir.required", "/contained/0/event[x]")],
        ),
        ({"link": [{"other": {"reference": "Group/2"}, "type": "refer"}]}, [("fhir.actor_type", "/link/0/other")]),
        ({"contained": [{"resourceType": "Colour"}]}, [("fhir.unknown_type", "/contained/0/resourceType")]),
        ({"birthDate": "2026-02-29"}, [("fhir.wrong_value", "/birthDate")]),
        ({"birthDate": "2" * 100_000}, [("fhir.wrong_value", "/birthDate")]),
        ({"photo": [{"contentType": "image", "data": "YQ=="}]}, [("fhir.code_unknown", "/photo/0/contentType")]),
        ({"contact": [{"period": {"end": "2026"}}]}, [("fhir.invariant", "/contact/0")]),
    ],
)  # fmt: skip
def test_what_r4_does_not_take_has_its_place(elements: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each is named once, where it stands, and a name that is no element's is not repeated."""
    assert found(**elements) == expected


def test_several_things_are_said_at_once() -> None:
    """Whoever mends a document learns of everything that is wrong with it, and not of one thing at a time."""
    assert len(found(gender="man", birthDate="igår", colour="red", active="ja")) == 4


def test_nesting_without_end_is_refused_and_costs_no_stack() -> None:
    """Extensions in extensions end somewhere, and a document of nothing but nesting is refused like any other."""
    inner: dict[str, Any] = {"url": "https://x.example/e", "valueCode": "x"}
    for _ in range(150):
        inner = {"url": "https://x.example/e", "extension": [inner]}
    assert "fhir.too_deep" in {code for code, _ in found(extension=[inner])}


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<p onclick="x()">a</p>',
        "<iframe/>",
        "<form><input/></form>",
        '<a href="javascript:x()">a</a>',
        '<a href=" java&#10;script:x()">a</a>',
        '<p xmlns="urn:x">a</p>',
        " ",
        "<!-- only a comment -->",
        "<p>",
    ],
)
def test_a_narrative_with_more_than_text_is_refused(inner: str) -> None:
    """Script, events, forms, frames, links that run, other namespaces, nothing at all, and broken markup are refused where they stand."""
    assert found(text={"status": "generated", "div": DIV.format(inner)}) == [("fhir.narrative", "/text/div")]


@pytest.mark.parametrize(
    "inner",
    ["<p>a &lt;script&gt;</p>", "a&nbsp;b", "<b>a</b><!-- c -->", '<img src="#x"/>', '<table><tr><td colspan="2">a</td></tr></table>'],
)
def test_a_narrative_of_text_is_taken(inner: str) -> None:
    """Text, also about markup, tables, pictures and named characters are sound; a comment beside them says nothing."""
    assert found(text={"status": "generated", "div": DIV.format(inner)}) == []


def test_script_in_a_narrative_deep_in_a_bundle_is_found(reader: FhirReader) -> None:
    """A contained resource of an entry is judged as any other."""
    bad = {"resourceType": "Organization", "id": "o", "name": "a", "text": {"status": "generated", "div": DIV.format("<script/>a")}}
    patient = {"resourceType": "Patient", "contained": [bad], "managingOrganization": {"reference": "#o"}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}
    with pytest.raises(Invalid) as caught:
        reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json"))
    assert [(problem.code, problem.pointer) for problem in caught.value.problems] == [
        ("fhir.narrative", "/entry/0/resource/contained/0/text/div")
    ]


def test_a_plan_without_a_status_but_with_a_reason_is_read(reader: FhirReader) -> None:
    """R4 takes an extension for a required value: the draft then has no type, and nothing falls over."""
    plan = {"resourceType": "CarePlan", "_status": WHY, "intent": "plan", "subject": {"display": "x"}, "description": "a"}
    draft = reader.read(Submission(json.dumps(plan).encode(), "application/fhir+json"))
    assert "/type" in draft.missing  # type: ignore[union-attr]
