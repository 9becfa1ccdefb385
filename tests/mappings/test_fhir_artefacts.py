"""FHIR's conformance resources: valid themselves, and what leaves holds to them, which no validator of ours to hand asks for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import jsonschema_rs
import pytest
from pydantic import BaseModel

from siphub.contract import Recipient
from siphub.model import CATALOGUE, Message
from siphub.model import people as p
from siphub.testing.fhir_judges import FhirJudges
from siphub.testing.samples import cuts_of
from siphub_fhir.conformance import artefacts, capability_statement
from siphub_fhir.conformance.codes import OPEN, codes_of, systems
from siphub_fhir.entry import VALUES
from siphub_fhir.message import FORMS
from siphub_fhir.required import CODES as R4
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated
from siphub_fhir.vocabulary import BASE, EXTENSIONS

FOLDER = Path(__file__).parents[2] / "mappings/fhir-r4"
THERE = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
KINDS = ("CapabilityStatement", "CodeSystem", "ConceptMap", "MessageDefinition", "StructureDefinition", "ValueSet")


@cache
def made() -> dict[str, list[Any]]:
    """Return the conformance resources by type, read from the files that ship."""
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for file in sorted(FOLDER.glob("*.json")):
        one = json.loads(file.read_text("utf-8"))
        found[one["resourceType"]].append(one)
    return found


def test_the_files_are_what_the_code_says() -> None:
    """Each file of mappings/fhir-r4 is a resource that the code makes, and there is no other; `make docs` writes them."""
    on_disk = {(one["resourceType"], one["id"]): one for kind in KINDS for one in made()[kind]}
    assert on_disk == {(one["resourceType"], one["id"]): json.loads(json.dumps(one)) for one in artefacts()}


@pytest.mark.node
@pytest.mark.parametrize("kind", KINDS)
def test_two_validators_take_them(fhir_judges: FhirJudges, kind: str) -> None:
    """Neither validator holds anything against a conformance resource, nor against a hub's own statement."""
    assert made()[kind]
    assert [(one["id"], found) for one in made()[kind] for found in fhir_judges.against(one)] == []
    assert fhir_judges.against(capability_statement("https://hub.example/fhir")) == []


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_r4s_json_schema_takes_them(reference: Path, kind: str) -> None:
    """Every conformance resource holds to R4's JSON schema."""
    schema = jsonschema_rs.validator_for(json.loads((reference / "data/fhir/r4-schema/fhir.schema.json").read_text("utf-8")))
    assert [(one["id"], error.message) for one in made()[kind] for error in schema.iter_errors(one)] == []


def test_they_have_the_version_of_the_distribution() -> None:
    """A partner sees which version of the plugin they are of."""
    assert {one["version"] for kind in KINDS for one in made()[kind]} == {version("siphub-fhir")}


def test_each_is_said_in_english_and_swedish() -> None:
    """Every one has a description in both languages, and every code a word in both."""
    for one in (one for kind in KINDS for one in made()[kind]):
        english, swedish = one["description"].split("\n\n")
        assert english.startswith("In English: ")
        assert swedish.startswith("På svenska: ")
        assert one["text"]["div"].count("<p") == 2
    for system in made()["CodeSystem"]:
        assert all(code["display"] and code["designation"][0]["value"] for code in system.get("concept", []))


@pytest.mark.node
def test_an_extension_is_built_as_r4s_own(fhir_definitions: Path) -> None:
    """What stands as an attribute in XML, and what each element is based on, is as R4 says of Extension, for its parts too."""
    bundle = json.loads((fhir_definitions / "profiles-types.json").read_text("utf-8"))
    [r4] = [one["resource"] for one in bundle["entry"] if one["resource"]["id"] == "Extension"]
    theirs = {one["path"].partition(".")[2]: one for one in r4["snapshot"]["element"]}
    for definition in made()["StructureDefinition"]:
        for element in definition["snapshot"]["element"][1:]:
            name = element["path"].rpartition(".")[2]
            assert element.get("representation") == theirs[name].get("representation"), (definition["id"], element["id"])
            assert element["base"] == theirs[name]["base"], (definition["id"], element["id"])


Use = tuple[str, str, Any, dict[str, str]]


def uses(node: Any, path: str, types: dict[str, str], inside: str = "") -> Iterator[Use]:
    """Yield every extension of ours in a resource, parts too: its name, the element it stands on, itself, and the types of the Bundle's entries."""
    if isinstance(node, list):
        for one in node:
            yield from uses(one, path, types, inside)
    elif isinstance(node, dict):
        for one in node.get("extension", []):
            name = f"{inside}/{one['url']}" if inside else one["url"].removeprefix(f"{BASE}/StructureDefinition/")
            yield name, path, one, types
            yield from uses({"extension": one.get("extension", [])}, path, types, name)
        for key, value in node.items():
            if key != "extension":
                yield from uses(value, f"{path}.{key}", types)


def resources_of(name: str) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield every resource that leaves of one message type, in every form, with the types that its references lead to."""
    there = [replace(THERE, options={"form": form}) for form in VALUES["form"]]
    for body in dict.fromkeys(translated(cut, recipient, FhirSettings()).body for recipient in there for cut in cuts_of(name)):
        whole = json.loads(body)
        entries = whole.get("entry", [{"fullUrl": "", "resource": whole}])
        types = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
        for resource in (entry["resource"] for entry in entries):
            inside = {f"#{one['id']}": one["resourceType"] for one in resource.get("contained", [])}
            yield {name: value for name, value in resource.items() if name != "contained"}, types | inside
            yield from ((one, types | inside) for one in resource.get("contained", []))


@cache
def everything_used() -> list[Use]:
    """Return every use of an extension in what leaves."""
    return [use for name in FORMS for resource, types in resources_of(name) for use in uses(resource, resource["resourceType"], types)]


def test_every_extension_stands_where_its_definition_says() -> None:
    """What leaves uses every extension, each on the elements its definition names and on all of them, and no other extension.

    But for two of the Consent that only others make: no cut has what a consent says.
    """
    used = {(name, path) for name, path, *_ in everything_used() if "/" not in name}
    defined = {(one["id"], place["expression"]) for one in made()["StructureDefinition"] for place in one["context"]}
    assert used == defined - {("consent-mode", "Consent"), ("obtained-by", "Consent")}


def test_every_extension_has_the_type_its_definition_says() -> None:
    """A value has the type of its definition, a reference leads to a type it names, a code is one of its value set's, a complex one has parts only."""
    for name, _, one, types in everything_used():
        kind = EXTENSIONS[name].kind
        value = next((key for key in one if key.startswith("value")), None)
        bare = kind.partition("(")[0]
        assert value == (None if kind == "complex" else f"value{bare[0].upper()}{bare[1:]}"), name
        if bare == "Reference":
            target = one[value]
            assert types.get(target.get("reference"), target.get("type")) in kind[10:-1].split(), name
        if EXTENSIONS[name].codes and EXTENSIONS[name].codes not in OPEN:
            assert one[value] in {code.code for code in codes_of(EXTENSIONS[name].codes)}, name


def test_no_extension_stands_more_often_than_its_definition_says() -> None:
    """An extension that may stand once stands once on an element."""
    for name in FORMS:
        for resource, types in resources_of(name):
            times = Counter((found, path) for found, path, *_ in uses(resource, resource["resourceType"], types) if "/" not in found)
            assert {
                found
                for (found, path), often in times.items()
                if often > 1 and not {"activity", "destination", "participant"} & set(path.split("."))
            } <= {found for found, one in EXTENSIONS.items() if one.most == "*"}


def literals(annotation: Any) -> set[str]:
    """Return the words of every Literal in a type."""
    if get_origin(annotation) is Literal:
        return {word for word in get_args(annotation) if isinstance(word, str)}
    return set().union(*(literals(one) for one in get_args(annotation)), set())


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every model in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from models_in(one)


def words_at(model: type[BaseModel], path: str) -> set[str]:
    """Return the words that may stand at a dotted path of a model."""
    first, _, rest = path.partition(".")
    field = model.model_fields[first].annotation
    return set().union(*(words_at(one, rest) for one in models_in(field))) if rest else literals(field)


MODEL = {
    "activity-status": [("activity.status", "status"), ("followup.held", "activities.status")],
    "attendance": [("meeting.summoned", "individual_attendance"), ("followup.summoned", "individual_attendance")],
    "chosen-by": [("plan.established", "plan.coordinator_chosen_by")],
    "closed-reason": [("plan.closed", "reason")],
    "code": [
        ("meeting.reminder", "missing"),
        ("message.misdirected", "reason"),
        ("process.interrupted", "code"),
        ("sip.request.answered", "receipt"),
        ("stop.notice", "code"),
    ],
    "consent-mode": [("consent.given", "mode")],
    "contact-kind": [("sip.requested", "network.kind")],
    "wanted-at-meeting": [("sip.requested", "network.wanted_at_meeting")],
    "duty-holder": [("meeting.summoned", "duty_holder"), ("meeting.invited", "duty_holder")],
    "eligibility-basis": [("sip.initiated", "basis"), ("sip.proposed", "basis")],
    "fallback": [("delivery.failed", "fallback")],
    "follow-up-decision": [("followup.held", "decision")],
    "goal-status": [("followup.held", "goals.status")],
    "legal-basis": [("splptlrv.established", "legal_basis"), ("lss.established", "legal_basis")],
    "meeting-outcome": [("meeting.held", "outcome")],
    "place-kind": [("meeting.summoned", "meeting.place.kind")],
    "presence": [("meeting.held", "individual"), ("followup.held", "individual")],
    "principal-kind": [("plan.established", "plan.overall_responsible.kind")],
    "proposer-kind": [("sip.proposed", "proposer.kind")],
    "request-decision": [("sip.request.answered", "decision")],
    "requester-kind": [("sip.requested", "requester.kind")],
    "response": [("meeting.response", "response")],
    "responsible-party-type": [("plan.established", "plan.activities.responsible.kind")],
}
ENVELOPE = {"classification": "classification", "direction": "consent_statement.direction", "disclosure-basis": "basis.code"}


def test_every_code_of_the_model_is_a_code_of_ours() -> None:
    """A code system has the words that the model allows, no fewer and no more."""
    for name, places in MODEL.items():
        assert {code.code for code in codes_of(name)} == set().union(*(words_at(CATALOGUE[kind].content, path) for kind, path in places)), (
            name
        )
    for name, path in ENVELOPE.items():
        assert {code.code for code in codes_of(name)} == words_at(Message, path), name
    assert {code.code for code in codes_of("message-type")} == set(FORMS)
    assert {code.code for code in codes_of("preparation")} == set(
        next(models_in(CATALOGUE["sip.requested"].content.model_fields["preparation"].annotation)).model_fields
    )


def test_every_code_that_leaves_is_a_code_of_ours() -> None:
    """Whatever stands in a Coding with a system of ours is in that system, unless senders have codes of their own there; none is for nothing."""
    found: set[tuple[str, str]] = set()
    for name in FORMS:
        for resource, _ in resources_of(name):
            found |= set(codings(resource))
    assert {(system, code) for system, code in found if system not in OPEN} <= {
        (row.system, code.code) for row in systems() for code in codes_of(row.system)
    }
    assert {code.code for name in ("category", "role") for code in codes_of(name)} == {
        code for system, code in found if system in {"category", "role"}
    }


def codings(node: Any) -> Iterator[tuple[str, str]]:
    """Yield system and code of every Coding with a system of ours."""
    if isinstance(node, list):
        for one in node:
            yield from codings(one)
    elif isinstance(node, dict):
        if str(node.get("system", "")).startswith(f"{BASE}/CodeSystem/"):
            yield node["system"].rpartition("/")[2], node["code"]
        for value in node.values():
            yield from codings(value)


def test_concept_maps_lead_to_codes_that_r4_has() -> None:
    """Every code of R4's that a map leads to is in the binding of the element it is for, and every code of ours has a row."""
    allowed = {
        "http://hl7.org/fhir/participationstatus": R4["AppointmentResponse"]["participantStatus"],
        "http://hl7.org/fhir/task-status": R4["Task"]["status"],
    }
    for one in made()["ConceptMap"]:
        for group in one["group"]:
            assert {row["code"] for row in group["element"]} == {code.code for code in codes_of(group["source"].rpartition("/")[2])}
            assert {row["target"][0]["code"] for row in group["element"]} <= allowed.get(
                group["target"], {row["target"][0]["code"] for row in group["element"]}
            )


@pytest.mark.parametrize("name", FORMS)
def test_what_is_in_focus_is_what_the_message_definition_says(name: str) -> None:
    """The main resource comes first in focus; whatever else is there is allowed, and whatever is allowed is there in some message."""
    [definition] = [one for one in made()["MessageDefinition"] if one["eventCoding"]["code"] == name]
    seen = set()
    for resource, types in resources_of(name):
        if resource["resourceType"] == "MessageHeader":
            kinds = [types[one["reference"]] for one in resource["focus"]]
            assert kinds[0] == definition["focus"][0]["code"]
            assert all(kinds.count(one["code"]) <= 1 for one in definition["focus"] if one["max"] == "1")
            seen |= set(kinds)
    assert seen == {one["code"] for one in definition["focus"]}
