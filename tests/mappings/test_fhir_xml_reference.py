"""R4's XML against the standard's own schema and examples: what we write is valid, and what others wrote is the same in both forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from siphub.contract import Invalid, Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.samples import policy_cuts, whole_cut
from siphub_fhir import r4
from siphub_fhir.message import FORMS
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated
from siphub_fhir.xml_in import from_xml
from siphub_fhir.xml_out import to_xml
from tests.mappings.fhir_corpora import even, exact

pytestmark = pytest.mark.reference
XS = "{http://www.w3.org/2001/XMLSchema}"
THERE = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
CUTS = [
    *((f"{name}-{maximal}", whole_cut(sample(name, maximal=maximal))) for name, maximal in product(FORMS, (False, True))),
    *policy_cuts(),
]


@pytest.fixture(scope="session")
def xsd(reference: Path) -> etree.XMLSchema:
    """Give R4's XML schema, compiled."""
    return etree.XMLSchema(etree.parse(reference / "data/fhir/r4-schema/fhir-single.xsd"))


@pytest.fixture(scope="session")
def json_examples(reference: Path) -> list[Path]:
    """Give every resource as JSON in the reference library, but for schemas and what is no resource."""
    found = sorted((reference / "data/fhir").glob("*/*.json"))
    return [file for file in found if file.parent.name != "r4-schema"]


@pytest.mark.parametrize("cut", [cut for _, cut in CUTS], ids=[name for name, _ in CUTS])
def test_what_we_write_as_xml_is_valid_and_the_same(xsd: etree.XMLSchema, cut: Any) -> None:
    """Every sample and every cut as XML is valid by R4's schema, and is the same resource when read back."""
    body = translated(cut, THERE, FhirSettings()).body
    written = to_xml(json.loads(body))
    assert xsd.validate(etree.fromstring(written)), xsd.error_log
    assert even(from_xml(written)) == even(exact(body))


UNSOUND = {
    "r4-nhs-booking/process_message-POST-success.json": [("fhir.unknown_element", "/entry/3/resource/Schedule")],
    "r4-nhs-booking/service_request-GET-success.json": [("fhir.unknown_element", "/PatientInstruction")],
    "r4-nhs-booking/service_request-POST-success.json": [("fhir.unknown_element", "/PatientInstruction")],
}
"""The examples of others that have elements R4 has not, and so no form in XML."""


def test_every_example_comes_back_as_it_was(json_examples: list[Path]) -> None:
    """Whatever resource others wrote as JSON is the same after XML; what is none of R4's is named by its pointer."""
    refused, seen = {}, 0
    for file in json_examples:
        resource = exact(file.read_bytes())
        try:
            back = from_xml(to_xml(resource))
        except Invalid as invalid:
            refused[f"{file.parent.name}/{file.name}"] = [(problem.code, problem.pointer) for problem in invalid.problems]
            continue
        assert even(back) == even(resource), file.name
        seen += 1
    assert refused == UNSOUND
    assert seen > 200


def test_foreign_xml_is_written_as_the_schema_wants(reference: Path, xsd: etree.XMLSchema) -> None:
    """What others wrote as XML and the schema takes, it takes again as we write it; ids without a value it takes, and R4 does not."""
    seen, refused = 0, []
    for file in sorted((reference / "data/fhir").glob("*/*.xml")):
        if xsd.validate(etree.parse(file)):
            try:
                assert xsd.validate(etree.fromstring(to_xml(from_xml(file.read_bytes())))), file.name
                seen += 1
            except Invalid as invalid:
                refused.append((file.name, {problem.code for problem in invalid.problems}, invalid.problems[0].pointer))
    assert seen > 40
    assert refused == [("eltss-transaction.xml", {"fhir.xml_attribute"}, "/entry/16/resource/id")]


class Schema:
    """The types of R4's XML schema."""

    def __init__(self, file: Path) -> None:
        root = etree.parse(file).getroot()
        self.types = {one.get("name", ""): one for one in root.iter(f"{XS}complexType")}
        self.lists = {
            one.get("name", "").removesuffix("-list"): {value.get("value", "") for value in one.iter(f"{XS}enumeration")}
            for one in root.iter(f"{XS}simpleType")
        }

    def elements(self, kind: str) -> Iterator[tuple[str, str, int, bool]]:
        """Yield name, type, least and whether it repeats, of each element in order, inherited ones first."""
        extension = self.types[kind].find(f".//{XS}extension")
        if extension is not None and extension.get("base") in self.types:
            yield from self.elements(extension.get("base", ""))
        sequence = self.types[kind].find(f".//{XS}sequence")
        for one in sequence if sequence is not None else ():
            least, most = int(one.get("minOccurs", "1")), one.get("maxOccurs", "1") != "1"
            for inner in one.iter(f"{XS}element"):
                yield (inner.get("name") or inner.get("ref", "").rpartition(":")[2], inner.get("type", ""), least, most)


@pytest.fixture(scope="session")
def schema(reference: Path) -> Schema:
    """Give the types of R4's XML schema."""
    return Schema(reference / "data/fhir/r4-schema/fhir-single.xsd")


OTHER_LISTS = {"DetectedIssue.status", "MedicationStatement.status", "Questionnaire.item.type"}
"""Where the schema has the codes of another list of the same name, or leaves a code out that only groups others."""


def compared(schema: Schema, kind: str, name: str, seen: set[str]) -> Iterator[str]:
    """Yield what differs between the table's type and the schema's, and between those of its elements."""
    if kind in seen:
        return
    seen.add(kind)
    theirs = list(schema.elements(name))
    named = {one[0] for one in theirs}
    ours = [one for one in r4.elements_of(kind).values() if one.name in named]
    # R4's definitions have no modifierExtension in a few inner elements of data types, where the schema lets it stand.
    wanted = [one for one in theirs if one[0] in r4.elements_of(kind) or one[0] != "modifierExtension"]
    if [(one.name, one.least, one.many) for one in ours] != [(one[0], one[2], one[3]) for one in wanted]:
        yield kind
    left = set(r4.elements_of(kind)) - named - {"id", "url"}
    if left:
        yield f"{kind}: {left}"
    for element, (_, theirs_kind, _, _) in zip(ours, wanted, strict=False):
        yield from differences(schema, kind, element, theirs_kind, seen)


def differences(schema: Schema, kind: str, element: r4.Element, name: str, seen: set[str]) -> Iterator[str]:
    """Yield what differs in the type of one element, or in its codes."""
    here = f"{kind}.{element.name}"
    if "." in element.kind:
        yield from compared(schema, element.kind, name, seen)
    elif element.kind == "code" and name != "code":
        if element.codes and element.codes != frozenset(schema.lists.get(name) or ()) and here not in OTHER_LISTS:
            yield f"{here}: codes"
    elif element.kind not in {name, "xhtml"} and (element.kind, name) not in {
        ("Resource", "ResourceContainer"),
        ("string", "SampledDataDataType"),
    }:
        yield f"{here}: {element.kind} is {name}"


def test_the_table_of_elements_is_what_the_schema_says(schema: Schema) -> None:
    """Names, order, cardinality, types and codes of all of R4's types are those of the XML schema, which was made by others."""
    seen: set[str] = set()
    kinds = [
        kind for kind in schema.types if r4.is_resource(kind) or kind in {"Extension", "Dosage", "Timing", "ElementDefinition", "Element"}
    ]
    assert [one for kind in kinds for one in compared(schema, kind, kind, seen)] == []
    assert len(kinds) > 145
    assert len(seen) > 550
