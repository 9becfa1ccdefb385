"""Foreign FHIR: the corpora of the reference library, each document read, or refused where it says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Draft, Refused, Submission
from siphub_fhir.reader import FhirReader

pytestmark = pytest.mark.reference


def read(file: Path) -> Any:
    """Return what the reader makes of a file: a draft, or what it is refused for."""
    try:
        return FhirReader().read(Submission(file.read_bytes(), "application/fhir+json"))
    except Refused as refused:
        return [(problem.code, problem.pointer or problem.position) for problem in refused.problems]


def counted(draft: Draft) -> tuple[list[int], list[int], int]:
    """Return how many activities and goals each plan has, and how many participants there are."""
    content: Any = draft.content["content"]
    plans = [content["plan"], *content.get("further_plans", [])]
    return [len(one.get("activities", [])) for one in plans], [len(one.get("goals", [])) for one in plans], len(content["participants"])


PLANS = [
    ("r4-hl7-json/careplan-example.json", "plan.established", [1], [1], 1),
    ("r4-hl7-json/careplan-example-f001-heart.json", None, [1], [1], 1),
    ("r4-hl7-json/careplan-example-f002-lung.json", None, [1], [1], 1),
    ("r4-hl7-json/careplan-example-f003-pharynx.json", None, [1], [1], 1),
    ("r4-hl7-json/careplan-example-f201-renal.json", "plan.proposed", [2], [1], 2),
    ("r4-hl7-json/careplan-example-f202-malignancy.json", "plan.established", [1], [1], 1),
    ("r4-hl7-json/careplan-example-integrated.json", "plan.established", [12], [5], 0),
    ("r4-pacio-messages/0-7_MCC_PDRMessageBundle.json", "plan.established", [3, 3], [1, 2], 3),
    ("r4-careplans/eltss-Bundle-careplan.json", "plan.established", [5, 0], [2, 0], 4),
    ("r4-careplans/xshare-KronIQ_CarePlan_example_1_(English).json", "plan.established", [13], [5], 1),
    ("r4-careplans/xshare-fsh-CarePlan-xshare-careplan-example.json", "plan.established", [1], [1], 1),
    ("r4-synthea/synthea-02.json", None, [2], [0], 0),
    ("r4-synthea/synthea-03.json", "plan.established", [1, 2], [0, 0], 0),
]
"""Each plan: the message type it could be, activities and goals of each plan in it, and everybody named but the person."""


@pytest.mark.parametrize(("name", "kind", "activities", "goals", "participants"), PLANS)
def test_real_plans_are_read(
    reference: Path, name: str, kind: str | None, activities: list[int], goals: list[int], participants: int
) -> None:
    """Care plans that others wrote become drafts, with every activity, goal and participant."""
    draft = read(reference / "data/fhir" / name)
    assert isinstance(draft, Draft)
    assert draft.content.get("type") == kind
    assert counted(draft) == (activities, goals, participants)
    assert {"/message_id", "/owner", "/sender", "/content/plan/overall_responsible"} <= set(draft.missing)


def test_the_words_of_a_real_plan_are_kept(reference: Path) -> None:
    """The care plans of PACIO's Bundle keep what is to be done, how often, and until when; what has no name is missing."""
    draft = read(reference / "data/fhir/r4-pacio-messages/0-7_MCC_PDRMessageBundle.json")
    plan = draft.content["content"]["plan"]
    assert plan["activities"][0] == {
        "what": "Record your weight each morning before breakfast.",
        "when": "1 gång per dag",
        "ends_on": "2022-01-01",
        "responsible": {"kind": "individual"},
    }
    assert plan["goals"] == [{"id": "P0522-v5-mcc-goal-exercise", "text": "Exercise at least 30 minutes per day"}]
    assert "/content/plan/activities/0/id" in draft.missing


def test_what_is_not_to_be_done_is_said_not_to_be(reference: Path) -> None:
    """An activity of HL7's example that is marked doNotPerform does not become a commitment."""
    [activity] = read(reference / "data/fhir/r4-hl7-json/careplan-example-f001-heart.json").content["content"]["plan"]["activities"]
    assert activity["what"] == "Utförs inte: Operation on heart"


MEETINGS = [
    ("r4-hl7-json/appointment-example.json", 3, True),
    ("r4-hl7-json/appointment-example-request.json", 3, False),
    ("r4-nhs-booking/appointment-GET-success.json", 1, True),
    ("r4-nhs-booking/appointment-POST-success.json", 1, True),
    ("r4-gematik-appointments/Appointment-ISiKTerminExample.json", 1, True),
]


@pytest.mark.parametrize(("name", "participants", "timed"), MEETINGS)
def test_real_appointments_are_read(reference: Path, name: str, participants: int, timed: bool) -> None:
    """Appointments that others wrote become drafts, with every participant, and with a time where they have one."""
    draft = read(reference / "data/fhir" / name)
    assert isinstance(draft, Draft)
    content: Any = draft.content["content"]
    assert len(content["participants"]) == participants
    assert ("starts_at" in content["meeting"]) == timed
    assert "/type" in draft.missing


NOTHING = [("fhir.nothing_for_us", "/entry")]
EVENT = [("fhir.unknown_event", "/entry/0/resource/eventCoding")]
EVENT_URI = [("fhir.unknown_event", "/entry/0/resource/eventUri")]
REFUSED = [
    ("r4-hl7-json/bundle-request-simplesummary.json", NOTHING),
    ("r4-hl7-json/bundle-response-medsallergies.json", NOTHING),
    ("r4-hl7-json/bundle-response-simplesummary.json", NOTHING),
    ("r4-hl7-json/bundle-response.json", NOTHING),
    ("r4-hl7-json/message-request-link.json", EVENT),
    ("r4-hl7-json/patient-examples-general.json", NOTHING),
    ("r4-hl7-json/practitioner-examples-general.json", NOTHING),
    ("r4-hl7-json/practitionerrole-examples-general.json", NOTHING),
    ("r4-careplans/eltss-Bundle-practitioner-planner1.json", NOTHING),
    ("r4-medcom-messages/Binary-Ack-AA_A.json", EVENT),
    ("r4-medcom-messages/Binary-Ack-AR_B.json", EVENT),
    ("r4-medcom-messages/receive-Bundle-R-A-new-b10f940e-2000-4ec8-9e0b-a3fb60fc5bb5.json", EVENT),
    ("r4-medcom-messages/receive-Bundle-R-B-reply-91b4b79a-520f-48cb-bb9a-9c3e27301968.xml", [("body.not_json", "line 1 column 1")]),
    ("r4-medcom-messages/receive-Bundle-R-C-forward-8352b67a-23b2-44c5-b43a-725270a90722.json", EVENT),
    ("r4-medcom-messages/receive-Bundle-R-Tek-B-82875f08-4b9e-4a23-b81a-e23ec1251334.json", EVENT),
    ("r4-medcom-messages/send-Bundle-S-Tek-CPR-77ff05d0-9eca-4a59-b436-fe1b97673817.json", EVENT),
    ("r4-nhs-booking/document_reference-GET-success-empty.json", [("fhir.empty", "/entry")]),
    ("r4-pacio-messages/0-4_Clinical_PDRMessageBundle.json", EVENT_URI),
    ("r4-pacio-messages/1_hearingaids_PDRMessageBundle.json", EVENT_URI),
    ("r4-pacio-messages/4b_TransportSDOH_PDRMessageBundle.json", EVENT_URI),
]


@pytest.mark.parametrize(("name", "problems"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_is_no_sip_is_refused_where_it_stands(reference: Path, name: str, problems: list[tuple[str, str]]) -> None:
    """Bundles about other things are refused with a code and the place that says so."""
    assert read(reference / "data/fhir" / name) == problems


def test_a_bundle_that_is_no_r4_is_refused_where_it_is_not(reference: Path) -> None:
    """NHS booking's example lacks what R4 requires, and its other one has endpoints that are no URLs: each is refused at those places."""
    folder = reference / "data/fhir/r4-nhs-booking"
    assert read(folder / "process_message-POST-success.json")[:3] == [
        ("fhir.required", "/entry/1/resource/participant/0/status"),
        ("fhir.unknown_element", "/entry/3/resource/Schedule"),
        ("fhir.required", "/entry/3/resource/schedule"),
    ]
    assert [code for code, _ in read(folder / "process_message-ValidationRequest (HTTP Response) .json")] == [
        "fhir.endpoint",
        "fhir.endpoint",
    ]


def test_no_bundle_of_the_corpora_is_forgotten(reference: Path) -> None:
    """Every Bundle, CarePlan and Appointment of the corpora stands in one of the tables."""
    listed = {name for name, *_ in (*PLANS, *MEETINGS, *REFUSED)}
    data = reference / "data/fhir"
    for folder in ("r4-hl7-json", "r4-pacio-messages", "r4-medcom-messages", "r4-careplans"):
        for file in sorted((data / folder).glob("*.json")):
            if json.loads(file.read_bytes())["resourceType"] in {"Bundle", "CarePlan", "Appointment"}:
                assert f"{folder}/{file.name}" in listed
