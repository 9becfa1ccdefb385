"""What leaves as FHIR against judges that are not ours: R4's own schemas, two validators over node, HL7 Sweden's base profiles.

Every sample of every message type, the same with everybody protected, and every cut the policy makes of them, in every form that leaves. Each
judge is also shown what it must refuse: a judge that takes everything has not judged.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from lxml import etree

from siphub.contract import Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.fhir_judges import FhirJudges
from siphub.testing.samples import cuts_of, is_let_out, whole_cut
from siphub_fhir.entry import VALUES
from siphub_fhir.message import FORMS, INWARD
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated
from siphub_fhir.xml_out import to_xml

THERE = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
SWEDISH = ("Patient", "Organization", "Practitioner", "PractitionerRole")
Bundle = dict[str, Any]


@cache
def made_of(name: str) -> list[Bundle]:
    """Return what leaves of one message type, in every form: message Bundle, transaction Bundle, one resource; each once."""
    there = [replace(THERE, options={"form": form}) for form in VALUES["form"]]
    bodies = dict.fromkeys(translated(cut, recipient, FhirSettings()).body for recipient in there for cut in cuts_of(name))
    return [json.loads(body) for body in bodies]


def broken(name: str, damage: Callable[[Bundle], None], kind: str) -> Bundle:
    """Return the Bundle of a maximal sample with its first resource of one type damaged."""
    bundle: Bundle = json.loads(translated(whole_cut(sample(name, maximal=True)), THERE, FhirSettings()).body)
    damage(next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind))
    return bundle


def damage(**elements: Any) -> Callable[[Bundle], None]:
    """Return what sets elements of a resource, or takes away those that are None."""

    def apply(resource: Bundle) -> None:
        resource.update(elements)
        for element in [element for element, value in elements.items() if value is None]:
            del resource[element]

    return apply


def test_every_type_with_a_form_is_judged() -> None:
    """The policy makes cuts of every message type with a form but those that are said to go inward only."""
    assert {name for name in FORMS if not is_let_out(name)} == INWARD


@pytest.fixture(scope="session")
def json_schema(reference: Path) -> Any:
    """Give R4's JSON schema, compiled."""
    return jsonschema_rs.validator_for(json.loads((reference / "data/fhir/r4-schema/fhir.schema.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def xsd(reference: Path) -> etree.XMLSchema:
    """Give R4's XML schema, compiled."""
    return etree.XMLSchema(etree.parse(reference / "data/fhir/r4-schema/fhir-single.xsd"))


@pytest.fixture(scope="session")
def swedish(fhir_judges: FhirJudges, reference: Path) -> Mapping[str, str]:
    """Teach the validators HL7 Sweden's base profiles, and give their addresses by the type they are for."""
    profiles = {}
    for kind in SWEDISH:
        file = reference / f"data/swedish/hl7-base-profiles/compiled/StructureDefinition-SEBase{kind}.json"
        definition = json.loads(file.read_text("utf-8"))
        fhir_judges.learn(definition)
        profiles[kind] = definition["url"]
    return profiles


@pytest.mark.reference
@pytest.mark.parametrize("name", FORMS)
def test_r4s_json_schema_takes_it(json_schema: Any, name: str) -> None:
    """Every Bundle holds to R4's JSON schema."""
    assert [(error.instance_path, error.message) for bundle in made_of(name) for error in json_schema.iter_errors(bundle)] == []


@pytest.mark.reference
@pytest.mark.parametrize("name", FORMS)
def test_r4s_xml_schema_takes_it(xsd: etree.XMLSchema, name: str) -> None:
    """Every Bundle, written as XML with nothing lost, holds to R4's XML schema."""
    for bundle in made_of(name):
        root = etree.fromstring(to_xml(bundle))
        values = [value for element in root.iter("{http://hl7.org/fhir}*") for value in element.attrib.values()]
        assert len(values) == len(list(leaves(bundle)))
        assert xsd.validate(root), xsd.error_log


def leaves(node: Any) -> Iterator[Any]:
    """Yield every primitive value but the names of the types and the narratives, which are elements in XML."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in {"resourceType", "div"}:
                yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)
    else:
        yield node


@pytest.mark.reference
def test_the_schemas_are_awake(json_schema: Any, xsd: etree.XMLSchema) -> None:
    """Both schemas refuse a Bundle with a made-up element and what lacks a required one."""
    for wrong in ({"resourceType": "Bundle", "colour": "red"}, {"resourceType": "CarePlan", "status": "active", "intent": "plan"}):
        assert not json_schema.is_valid(wrong)
    assert not xsd.validate(etree.fromstring('<Bundle xmlns="http://hl7.org/fhir"><colour value="red"/></Bundle>'))


@pytest.mark.node
@pytest.mark.parametrize("name", FORMS)
def test_two_validators_take_it(fhir_judges: FhirJudges, name: str) -> None:
    """Neither Medplum's validator nor Lantana's holds anything against a Bundle."""
    assert [found for bundle in made_of(name) for found in fhir_judges.against(bundle)] == []


@pytest.mark.node
@pytest.mark.reference
@pytest.mark.parametrize("name", FORMS)
def test_the_swedish_profiles_take_it(fhir_judges: FhirJudges, swedish: Mapping[str, str], name: str) -> None:
    """Every patient, organisation, practitioner and role claims HL7 Sweden's base profile for it, and holds to it."""
    for bundle in made_of(name):
        here = [entry["resource"] for entry in bundle.get("entry", []) if entry["resource"]["resourceType"] in swedish]
        assert [one["meta"]["profile"] for one in here] == [[swedish[one["resourceType"]]] for one in here]
        assert fhir_judges.against(bundle) == []


MEDPLUM = [
    ("plan.established", "CarePlan", damage(status=None), "Missing required property"),
    ("plan.established", "CarePlan", damage(colour="red"), "Invalid additional property"),
    ("plan.established", "CarePlan", damage(created=17), "Invalid JSON type"),
    ("plan.established", "CarePlan", damage(careTeam=[{"reference": "Patient/1"}]), "Invalid reference"),
    ("meeting.summoned", "Appointment", damage(end=None), "Constraint app-2 not met"),
    ("meeting.summoned", "Consent", damage(policyRule=None), "Constraint ppc-1 not met"),
]
LANTANA = [
    ("plan.established", "CarePlan", damage(status=None), "Missing property"),
    ("plan.established", "CarePlan", damage(colour="red"), "Unexpected property"),
    ("plan.established", "CarePlan", damage(status="agreed"), 'Code "agreed"'),
    ("meeting.response", "AppointmentResponse", damage(participantStatus="delegate"), 'Code "delegate"'),
]
BROKEN = [("medplum", *row) for row in MEDPLUM] + [("lantana", *row) for row in LANTANA]


@pytest.mark.node
@pytest.mark.parametrize(("judge", "name", "kind", "harm", "words"), BROKEN)
def test_the_validators_are_awake(
    fhir_judges: FhirJudges, judge: str, name: str, kind: str, harm: Callable[[Bundle], None], words: str
) -> None:
    """Each validator refuses, in its own words, what breaks R4 in a way it can see."""
    assert [found for found in fhir_judges.against(broken(name, harm, kind)) if found.by == judge and words in found.what]


TWICE = {"system": "http://electronichealth.se/identifier/personnummer"}
UNSWEDISH = [
    ("Patient", damage(identifier=[TWICE, TWICE])),
    ("Patient", damage(name=[{"family": "Ek"}, {"family": "Ask"}])),
    ("Organization", damage(identifier=[{"system": "urn:oid:2.5.4.97"}, {"system": "urn:oid:2.5.4.97"}])),
    ("Practitioner", damage(name=[{"text": "Ek"}, {"text": "Ask"}])),
    ("PractitionerRole", damage(identifier=[{"system": "urn:oid:1.2.752.29.4.19"}, {"system": "urn:oid:1.2.752.29.4.19"}])),
]


@pytest.mark.node
@pytest.mark.reference
@pytest.mark.parametrize(("kind", "harm"), UNSWEDISH)
def test_the_swedish_profiles_are_awake(
    fhir_judges: FhirJudges, swedish: Mapping[str, str], kind: str, harm: Callable[[Bundle], None]
) -> None:
    """Each base profile refuses what R4 alone takes: two numbers of one kind, two names."""
    assert {found.by for found in fhir_judges.against(broken("plan.established", harm, kind))} == {f"medplum by {swedish[kind]}"}


@pytest.mark.node
def test_a_judge_who_stumbles_does_not_take_it(fhir_judges: FhirJudges) -> None:
    """What a validator cannot even look at is an error of the test, and the next one is judged as before."""
    with pytest.raises(RuntimeError):
        fhir_judges.findings({"resourceType": "Bundle", "entry": 7})
    assert fhir_judges.against(copy.deepcopy(made_of("plan.established")[0])) == []
