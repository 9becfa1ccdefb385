"""R4's XML: the same resource as JSON has it, value by value, and nothing read that R4 has no element for."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from lxml import etree

from siphub.contract import BadBody, Draft, Invalid, Recipient, Submission, TooLarge, serialise_xml
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.message import FORMS
from siphub_fhir.xml_in import from_xml
from siphub_fhir.xml_out import XHTML_NAMESPACE, to_xml

HEAD = '<Patient xmlns="http://hl7.org/fhir">'
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "meta": {"lastUpdated": "2026-11-26T09:00:00.120+01:00"},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b <b>c</b></div>'},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Norrby kommun"}],
    "extension": [{"url": "https://x.example/e", "valueDecimal": Decimal("1.10")}],
    "active": False,
    "name": [
        {
            "id": "n1",
            "family": "Provsdotter",
            "given": ["Prov", None, "Anna"],
            "_given": [None, {"id": "g2", "extension": [{"url": "https://x.example/g", "valueCode": "x"}]}, None],
        }
    ],
    "birthDate": "2010-01",
    "_birthDate": {"extension": [{"url": "https://x.example/b", "valueInteger": 3}]},
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#o"},
}


def xml(inner: str) -> bytes:
    """Return a Patient with something in it."""
    return f"{HEAD}{inner}</Patient>".encode()


def refusals(body: bytes) -> list[tuple[str, str | None]]:
    """Return what a document is refused for."""
    with pytest.raises(Invalid) as caught:
        from_xml(body)
    assert all(problem.position is not None for problem in caught.value.problems)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def test_there_and_back_nothing_is_changed() -> None:
    """Digits, dates, ids of elements, extensions of repeated primitives, contained resources, choices and narrative come back as they were."""
    back = from_xml(to_xml(PATIENT))
    assert back == PATIENT
    assert str(back["extension"][0]["valueDecimal"]) == "1.10"


def test_elements_stand_in_the_order_of_r4() -> None:
    """Whatever the order of the keys, the elements come in R4's order, and the bytes are the same."""
    assert to_xml(dict(reversed(PATIENT.items()))) == to_xml(PATIENT)
    names = ["id", "meta", "text", "contained", "extension", "active", "name", "birthDate", "multipleBirthInteger", "managingOrganization"]
    assert [etree.QName(one).localname for one in etree.fromstring(to_xml(PATIENT))] == names


@pytest.mark.parametrize(("name", "maximal"), list(product(FORMS, (False, True))))
def test_every_sample_reads_the_same_as_xml(
    adapter: Fhir, recipient: Callable[..., Recipient], reader: FhirReader, name: str, maximal: bool
) -> None:
    """Every message of ours as XML is the same resource, and the reader makes the same message of both forms."""
    message = sample(name, maximal=maximal)
    body = adapter.translate(whole_cut(message), recipient()).body
    written = to_xml(json.loads(body))
    assert from_xml(written) == json.loads(body)
    assert reader.read(Submission(written, "application/fhir+xml")) == message


def test_a_foreign_plan_is_read_from_xml(reader: FhirReader) -> None:
    """A CarePlan as XML becomes the draft that its JSON does."""
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"display": "x"}, "description": "Klara vardagen"}
    drafts = [
        reader.read(Submission(body, f"application/fhir+{form}"))
        for body, form in ((json.dumps(plan).encode(), "json"), (to_xml(plan), "xml"))
    ]
    assert drafts[0] == drafts[1]
    assert isinstance(drafts[0], Draft)
    assert drafts[0].content["content"]["plan"]["needs"] == ["Klara vardagen"]  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_encoding_is_read(encoding: str) -> None:
    """UTF-8 with and without a mark, and UTF-16 with one, are read."""
    assert from_xml(f'\n{HEAD}<gender value="male"/></Patient>'.encode(encoding)) == {"resourceType": "Patient", "gender": "male"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "xml.not_well_formed"),
        (b"{}", "xml.not_well_formed"),
        (f"{HEAD}</Patient>".encode("utf-16-le"), "xml.encoding"),
        (f"{HEAD}</Patient>".encode("utf-16-be"), "xml.encoding"),
        (f"{HEAD}</Patient>".encode("utf-32"), "xml.encoding"),
    ],
)
def test_what_is_no_xml_is_refused_as_what_it_is(reader: FhirReader, body: bytes, code: str) -> None:
    """What comes under XML's name is FHIR's to refuse: empty, JSON, or in an encoding that nothing marks."""
    assert reader.recognises(Submission(body, "application/fhir+xml"))
    with pytest.raises(BadBody) as caught:
        reader.read(Submission(body, "application/fhir+xml"))
    assert [(one.code, bool(one.position)) for one in caught.value.problems] == [(code, True)]


def test_it_is_written_as_lxml_would() -> None:
    """Whatever stands in a value, the bytes are those that lxml writes of the same elements."""
    odd = "a&b<c>d\"e'f\tg\nh\ri å\xa0\u2028\U0001f600 ]]> <!-- &amp;"
    inside = f"<div xmlns='{XHTML_NAMESPACE}'><p class='a'>&lt;å&#13;<br/></p></div>"
    patient = {
        **PATIENT,
        "text": {"status": "generated", "div": inside},
        "address": [{"id": odd, "text": odd, "_text": {"id": odd, "extension": [{"url": odd, "valueString": odd}]}}],
        "maritalStatus": {},
    }
    written = to_xml(patient)
    assert serialise_xml(etree.fromstring(written)) == written
    assert etree.fromstring(written).find("{*}address/{*}text").get("value") == odd  # type: ignore[union-attr]  # it is there


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<colour value="red"/>', [("fhir.unknown_element", "/colour")]),
        ('<anna201001032380 value="red"/>', [("fhir.unknown_element", "")]),
        ('<name><colour value="red"/></name>', [("fhir.unknown_element", "/name/0/colour")]),
        ('<x:name xmlns:x="urn:x"/>', [("fhir.unknown_element", "/name")]),
        ('<birthDate value="2010"/><gender value="male"/>', [("fhir.element_order", "/gender")]),
        ('<gender value="male"/><gender value="male"/>', [("fhir.too_many", "/gender")]),
        ("<name>Provsdotter</name>", [("fhir.xml_text", "/name/0")]),
        ('<gender value="male">man</gender>', [("fhir.xml_text", "/gender")]),
        ('<gender value="male" colour="red"/>', [("fhir.xml_attribute", "/gender")]),
        ('<name value="Prov"/>', [("fhir.xml_attribute", "/name/0")]),
        ('<id value="1" id="2"/>', [("fhir.xml_attribute", "/id")]),
        ("<name><given/></name>", [("fhir.empty", "/name/0/given/0")]),
        ("<contained><Colour/></contained>", [("fhir.unknown_type", "/contained/0/resourceType")]),
        ("<contained/>", [("fhir.no_resource", "/contained/0")]),
        ("<contained><Patient/><Patient/></contained>", [("fhir.no_resource", "/contained/0")]),
        ('<text><status value="generated"/><div>x</div></text>', [("fhir.unknown_element", "/text/div")]),
    ],
)  # fmt: skip
def test_what_r4_has_no_element_for_is_refused_where_it_stands(inner: str, expected: list[tuple[str, str]]) -> None:
    """Each has a code, a JSON pointer and a position, and its words are not repeated."""
    assert refusals(xml(inner)) == expected


def test_what_is_no_fhir_is_refused() -> None:
    """Another namespace, and a type that R4 has not, are named as such."""
    assert refusals(b"<Patient/>") == [("fhir.no_resource", "")]
    assert refusals(b'<Colour xmlns="http://hl7.org/fhir"/>') == [("fhir.unknown_type", "/resourceType")]
    assert refusals(b'<DomainResource xmlns="http://hl7.org/fhir"/>') == [("fhir.unknown_type", "/resourceType")]


def test_a_value_that_is_none_of_its_type_is_pointed_at(reader: FhirReader) -> None:
    """A boolean, a number and a date that are none stay what they are, and the checks name their places."""
    body = xml('<active value="ja"/><birthDate value="igår"/><multipleBirthInteger value="1e3"/>')
    assert from_xml(body)["active"] == "ja"
    with pytest.raises(Invalid) as caught:
        reader.read(Submission(body, "application/fhir+xml"))
    assert {problem.pointer for problem in caught.value.problems} == {"/active", "/birthDate", "/multipleBirthInteger"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml(""), "xml.doctype"),
        (xml("&a;"), "xml.not_well_formed"),
        (xml("<name>" * 70 + "</name>" * 70), "xml.too_deep"),
        (xml("<name/>" * 100_001), "xml.too_many_parts"),
        (b"\xff\xff", "xml.encoding"),
        (xml("")[:-3], "xml.not_well_formed"),
    ],
)
def test_hostile_xml_is_refused_before_it_is_looked_at(reader: FhirReader, body: bytes, code: str) -> None:
    """A document type, entities, depth, too many parts and broken bytes have a code and a position."""
    with pytest.raises(BadBody) as caught:
        reader.read(Submission(body, "application/fhir+xml"))
    assert [problem.code for problem in caught.value.problems] == [code]


def test_too_large_xml_is_refused(reader: FhirReader) -> None:
    """More than eight MiB is not looked at."""
    with pytest.raises(TooLarge):
        reader.read(Submission(xml(" " * (8 * 1024 * 1024)), "application/fhir+xml"))


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"colour": "red"}, "fhir.unknown_element", "/colour"),
        ({"_name": {"id": "x"}}, "fhir.unknown_element", "/_name"),
        ({"birthDate": ["2010"]}, "fhir.wrong_value", "/birthDate"),
        ({"name": {"family": "x"}}, "fhir.wrong_value", "/name"),
        ({"name": ["x"]}, "fhir.wrong_value", "/name/0"),
        ({"contained": [{"resourceType": "Colour"}]}, "fhir.unknown_type", "/contained/0/resourceType"),
        ({"language": "a\x01"}, "fhir.text", "/language"),
        ({"text": {"status": "generated", "div": "<div>"}}, "fhir.narrative", "/text/div"),
        ({"text": {"status": "generated", "div": "<p xmlns='http://www.w3.org/1999/xhtml'/>"}}, "fhir.narrative", "/text/div"),
        ({"text": {"status": "generated", "div": "<!DOCTYPE div><div/>"}}, "fhir.narrative", "/text/div"),
    ],
)
def test_what_r4_cannot_say_is_not_written(change: dict[str, Any], code: str, pointer: str) -> None:
    """What has no form in R4's XML is named by its pointer, and nothing is written."""
    with pytest.raises(Invalid) as caught:
        to_xml({"resourceType": "Patient", **change})
    assert [(problem.code, problem.pointer) for problem in caught.value.problems] == [(code, pointer)]


def test_named_characters_of_a_narrative_become_the_characters() -> None:
    """XHTML's entities have no meaning in XML without a DTD: the character itself stands there."""
    body = to_xml(
        {
            "resourceType": "Patient",
            "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">&aring;&nbsp;&lt;</div>'},
        }
    )
    assert from_xml(body)["text"]["div"] == '<div xmlns="http://www.w3.org/1999/xhtml">å\xa0&lt;</div>'


def test_nesting_without_end_is_refused() -> None:
    """Extensions in extensions have a limit, both ways."""
    inner: dict[str, Any] = {"url": "https://x.example/e", "valueCode": "x"}
    for _ in range(70):
        inner = {"url": "https://x.example/e", "extension": [inner]}
    with pytest.raises(Invalid, match="cannot be written"):
        to_xml({"resourceType": "Patient", "extension": [inner]})
