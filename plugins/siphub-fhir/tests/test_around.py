"""The sentences of the mapping for what stands around a plan: people as addressees, follow-up, discharge, and plans that are no SIP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Cut, Recipient, Submission
from siphub.model import Message, parse_message, sample
from siphub.model import people as p
from siphub.testing.samples import cut_without, everybody_protected, whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.message import FORMS, document_of

MakeRecipient = Callable[..., Recipient]
Bundle = dict[str, Any]


@pytest.fixture
def made(adapter: Fhir, recipient: MakeRecipient) -> Callable[[Message | Cut], Bundle]:
    """Give what makes the Bundle of a message or a cut."""

    def make(what: Message | Cut) -> Bundle:
        found: Bundle = json.loads(adapter.translate(what if isinstance(what, Cut) else whole_cut(what), recipient()).body)
        return found

    return make


def resources(bundle: Bundle, kind: str) -> list[Bundle]:
    """Return the resources of a type."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def with_content(name: str, **fields: Any) -> Message:
    """Return a maximal sample with other values in its content."""
    document = sample(name, maximal=True).to_document()
    document["content"] |= fields
    return parse_message(json.dumps(document).encode())


def there_and_back(bundle: Bundle, reader: FhirReader) -> object:
    """Return what the reader makes of a Bundle."""
    return reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json"))


@pytest.mark.parametrize("name", ["followup.summoned", "followup.held", "coordinator.changed", "stop.notice"])
def test_people_are_addressed_by_their_reference(made: Callable[..., Bundle], reader: FhirReader, name: str) -> None:
    """Units and people of the case stay in the order they were named, and nothing says who a person is."""
    document = sample(name).to_document()
    document["recipients"] = [p.HOME_CARE, "individual", "relative/12", p.CARE_CENTRE, "guardian/1", "representative/2"]
    message = parse_message(json.dumps(document).encode())
    bundle = made(message)
    assert there_and_back(bundle, reader) == message
    assert not resources(bundle, "RelatedPerson")


@pytest.mark.parametrize("name", FORMS)
def test_protection_stands_on_everybody(made: Callable[..., Bundle], reader: FhirReader, name: str) -> None:
    """Whoever the model can call protected has HL7 Sweden's security label, or our code for it, and comes back so."""
    message = everybody_protected(sample(name, maximal=True))
    assert there_and_back(made(message), reader) == message


@pytest.mark.parametrize(
    ("status", "snomed", "task"),
    [
        ("planned", "397943006", "accepted"),
        ("ongoing", "385651009", "in-progress"),
        ("done", "398166005", "completed"),
        ("not_done", "385660001", "cancelled"),
        ("interrupted", "410546004", "failed"),
        ("cancelled", "89925002", "cancelled"),
    ],
)
def test_an_activitys_status_is_the_national_code(
    made: Callable[..., Bundle], reader: FhirReader, status: str, snomed: str, task: str
) -> None:
    """Each status stands as SNOMED CT's code beside ours, roughly in Task.status, and reads back as it was."""
    message = with_content("activity.status", status=status)
    bundle = made(message)
    [found] = resources(bundle, "Task")
    assert (found["businessStatus"]["coding"][1], found["status"]) == ({"system": "http://snomed.info/sct", "code": snomed}, task)
    assert there_and_back(bundle, reader) == message


def test_a_question_is_a_task_of_the_unit_it_is_for(made: Callable[..., Bundle]) -> None:
    """Each question before a follow-up is a Task about the plan, owned by the unit that answers for the activity."""
    bundle = made(sample("followup.summoned", maximal=True))
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    tasks = resources(bundle, "Task")
    assert [by_url[task["owner"]["reference"]]["identifier"][0]["value"] for task in tasks] == [p.HOME_CARE, p.CARE_CENTRE]
    assert {task["focus"]["type"] for task in tasks} == {"CarePlan"}
    [appointment] = resources(bundle, "Appointment")
    assert appointment["supportingInformation"][0]["identifier"]["value"] == tasks[0]["focus"]["identifier"]["value"]


def test_two_equal_questions_are_two(made: Callable[..., Bundle], reader: FhirReader) -> None:
    """The same question put twice comes back twice."""
    question = {"unit": p.HOME_CARE, "activity": "a1", "text": "Hur går det?"}
    message = with_content("followup.summoned", questions=[question, question])
    assert there_and_back(made(message), reader) == message


def test_a_neutral_receipt_is_the_same_whatever_was_decided(made: Callable[..., Bundle]) -> None:
    """Where the cut has the receipt alone, a yes and a no give the same Bundle, with the status received."""
    bundles = []
    for decision in ("start", "decline"):
        document = with_content("sip.request.answered", decision=decision).to_document()
        document["content"] = {"receipt": document["content"]["receipt"]}
        del document["subject"]
        bundles.append(made(Cut(document, "no_person_data")))
    assert bundles[0] == bundles[1]
    assert resources(bundles[0], "Task")[0]["status"] == "received"
    assert not resources(bundles[0], "Patient")


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("splptlrv.established", {"system": "https://fhir.inera.se/CodeSystem/typeofcareplan-cs", "code": "SPLPTLRV"}),
        ("lss.established", {"system": "https://siphub.example/fhir/CodeSystem/category", "code": "lss-plan"}),
    ],
)
def test_a_plan_that_is_no_sip_is_never_called_one(made: Callable[..., Bundle], name: str, category: dict[str, str]) -> None:
    """Each has a category of its own, and its title does not say SIP."""
    [plan] = resources(made(sample(name, maximal=True)), "CarePlan")
    assert plan["category"] == [{"coding": [category]}]
    assert "individuell plan" not in plan["title"].lower() or "LSS" in plan["title"]


def test_a_goal_that_stands_elsewhere_is_named(made: Callable[..., Bundle], reader: FhirReader) -> None:
    """An activity of a plan without goals of its own keeps the goals it names."""
    activities = with_content("lss.established").to_document()["content"]["activities"]
    message = with_content("lss.established", activities=[{**activities[0], "goals": ["g1", "g2"]}])
    assert there_and_back(made(message), reader) == message


def test_a_consent_says_since_when_where_the_hub_states_it(made: Callable[..., Bundle]) -> None:
    """The statement is read back from the header; the Consent carries its period for others."""
    message = sample("meeting.invited", maximal=True)
    assert message.consent_statement is not None
    bundle = made(message)
    [consent] = resources(bundle, "Consent")
    stated = message.to_document()["consent_statement"]
    assert consent["dateTime"] == stated["since"]
    assert consent["provision"]["type"] == "permit"
    assert consent["provision"]["period"] == {"start": stated["since"], "end": stated["until"]}
    actors = [(one["role"]["coding"][0]["code"], one["reference"]["identifier"]["value"]) for one in consent["provision"]["actor"]]
    assert actors == [("IRCP", name) for name in message.recipients]
    assert document_of(bundle)["consent_statement"] == stated


def test_a_stay_in_hospital_says_nothing_of_why(made: Callable[..., Bundle]) -> None:
    """An admission is an inpatient Encounter without diagnosis or ward; the notice that is taken back is the one that was given."""
    [stay] = resources(made(sample("inpatient.admitted", maximal=True)), "Encounter")
    assert (stay["status"], stay["class"]["code"]) == ("in-progress", "IMP")
    assert not {"diagnosis", "location", "hospitalization", "reasonReference"} & set(stay)
    given, revoked = (
        resources(made(sample(name)), "Communication")[0] for name in ("inpatient.discharge_ready", "inpatient.discharge_ready.revoked")
    )
    assert revoked["about"][0]["identifier"] == given["identifier"][0]


@pytest.mark.parametrize(("direction", "actions"), [("to", ["disclose"]), ("from", ["collect"]), ("both", ["disclose", "collect"])])
def test_a_consent_says_which_way(made: Callable[..., Bundle], direction: str, actions: list[str]) -> None:
    """Given a statement of a direction, the Consent has R4's actions for it; without a statement it has none, and no dates."""
    document = sample("meeting.invited", maximal=True).to_document()
    document["consent_statement"]["direction"] = direction
    [consent] = resources(made(Cut(document, "consent")), "Consent")
    assert [one["coding"][0]["code"] for one in consent["provision"]["action"]] == actions
    del document["consent_statement"]
    [bare] = resources(made(Cut(document, "consent")), "Consent")
    assert not {"action", "period"} & set(bare["provision"])
    assert "dateTime" not in bare


@pytest.mark.parametrize("name", ["meeting.held", "followup.held"])
def test_a_meeting_that_was_held_is_fulfilled_where_the_message_says_when(
    made: Callable[..., Bundle], reader: FhirReader, name: str
) -> None:
    """Given the times, the Appointment that was called to is fulfilled and says who came; without a start there is none, without an end one is assumed."""
    message = sample(name, maximal=True)
    [held] = resources(made(message), "Appointment")
    content = message.to_document()["content"]
    assert (held["status"], held["start"], held["end"]) == ("fulfilled", content["starts_at"], content["ends_at"])
    assert held["meta"]["versionId"] == str(content["meeting_version"])
    [called] = resources(made(with_content("meeting.summoned", meeting=_meeting(content["meeting_id"]))), "Appointment")
    assert (held["id"], held["identifier"]) == (called["id"], called["identifier"])
    came = [(one["extension"][0]["valueBoolean"], one["status"]) for one in held["participant"] if "extension" in one]
    assert came == [(True, "accepted"), (True, "accepted")]
    one_came = with_content(name, attended_units=[p.CARE_CENTRE])
    [held] = resources(made(one_came), "Appointment")
    came = [(one["extension"][0]["valueBoolean"], one["status"]) for one in held["participant"] if "extension" in one]
    assert came == [(False, "needs-action"), (True, "accepted")]
    without_end = with_content(name, ends_at=None)
    bundle = made(without_end)
    assert resources(bundle, "Appointment")[0]["end"] == "2026-11-23T12:00:00Z"
    assert there_and_back(bundle, reader) == without_end
    assert not resources(made(with_content(name, starts_at=None, ends_at=None)), "Appointment")


def _meeting(number: str) -> dict[str, Any]:
    meeting: dict[str, Any] = sample("meeting.summoned").to_document()["content"]["meeting"]
    return {**meeting, "id": number}


def test_who_came_is_not_said_where_the_cut_leaves_it_out(made: Callable[..., Bundle]) -> None:
    """Given a cut without the units that came, no participant says whether it did."""
    [held] = resources(made(cut_without(sample("meeting.held", maximal=True), "/content/attended_units")), "Appointment")
    assert [one["status"] for one in held["participant"] if one["type"][0]["coding"][0]["code"] == "kallad"] == ["needs-action"] * 2
    assert not [one for one in held["participant"] if "extension" in one]


def test_a_permanent_care_contact_has_the_national_code(made: Callable[..., Bundle]) -> None:
    """Each is a participant of the CareTeam with our role, and Inera's code for fast vårdkontakt beside it."""
    [team] = resources(made(sample("plan.established", maximal=True)), "CareTeam")
    national = "https://terminologitjansten.inera.se/inera-kodverksforvaltning/kodverk/kv_typ_av_fast_kontakt"
    codings = [one["role"][0]["coding"] for one in team["participant"]]
    contacts = [one[1:] for one in codings if one[0]["code"] == "fast-vardkontakt"]
    assert contacts == [[{"system": national, "code": "1"}]] * 2
    assert all(len(one) == 1 for one in codings if one[0]["code"] != "fast-vardkontakt")
