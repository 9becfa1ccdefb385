"""Answers that others write: which meeting, request or plan of ours they are to, what they say, and where what is none is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Draft, Invalid, Recipient, Submission
from siphub.model import Message, parse_message, sample
from siphub.model import people as p
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.vocabulary import BASE, HSA_ID

MakeRecipient = Callable[..., Recipient]
Document = dict[str, Any]
SERVER = "https://journal.example/fhir"
CATEGORY = f"{BASE}/CodeSystem/category"


@pytest.fixture
def sent(adapter: Fhir, recipient: MakeRecipient) -> Callable[..., Document]:
    """Give what makes the resource of a type that a message of ours carries, as a message Bundle or in another form."""

    def make(name: str, kind: str, form: str = "message") -> Document:
        there = recipient() if form == "message" else recipient(SERVER, form=form)
        body: Document = json.loads(adapter.translate(whole_cut(sample(name, maximal=True)), there).body)
        entries = [one["resource"] for one in body.get("entry", ({"resource": body},))]
        return next(one for one in entries if one["resourceType"] == kind)

    return make


def read(reader: FhirReader, document: Document) -> Draft:
    """Return the draft of a document."""
    found = reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
    assert isinstance(found, Draft)
    return found


def problems(reader: FhirReader, document: Document) -> list[tuple[str, str | None]]:
    """Return codes and pointers that a document is refused with."""
    with pytest.raises(Invalid) as refused:
        reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
    return [(one.code, one.pointer) for one in refused.value.problems]


def answering(meeting: Document, status: str = "accepted", **more: Any) -> Document:
    """Return an AppointmentResponse in R4's own elements, which names the meeting by the identifier it came with."""
    return {
        "resourceType": "AppointmentResponse",
        "appointment": {"identifier": meeting["identifier"][0]},
        "actor": {"reference": "Practitioner/7", "display": "Hanna Hemtjänst"},
        "participantStatus": status,
        **more,
    }


def coded(code: str) -> Document:
    """Return a CodeableConcept with a category of ours."""
    return {"coding": [{"system": CATEGORY, "code": code}]}


@pytest.mark.parametrize(("status", "answer"), [("accepted", "accept"), ("declined", "decline"), ("tentative", "tentative")])
@pytest.mark.parametrize("form", ["message", "resource"])
def test_an_answer_to_a_meeting_is_in_its_case(
    sent: Callable[..., Document], reader: FhirReader, form: str, status: str, answer: str
) -> None:
    """Given an AppointmentResponse with our identifier, in whichever form the meeting was sent, the draft has the meeting, its case and owner, and the answer."""
    called = sample("meeting.summoned", maximal=True).to_document()
    draft = read(reader, answering(sent("meeting.summoned", "Appointment", form), status))
    assert draft.content["type"] == "meeting.response"
    assert (draft.content["owner"], draft.content["case_id"]) == (called["owner"], called["case_id"])
    assert draft.content["content"] == {
        "meeting_id": called["content"]["meeting"]["id"],
        "response": answer,
        "responder": {"name": "Hanna Hemtjänst"},
    }
    assert {"/message_id", "/sender", "/content/meeting_version", "/content/responder/role"} <= set(draft.missing)


def test_an_answer_finds_the_meeting_beside_it(sent: Callable[..., Document], reader: FhirReader) -> None:
    """Given a Bundle with the Appointment and whoever answers, the reference is followed, a new start is a new time, and the role is read."""
    meeting = {**sent("meeting.summoned", "Appointment", "resource")}
    meeting = {
        name: value for name, value in meeting.items() if name in {"resourceType", "status", "start", "end", "identifier", "extension"}
    }
    meeting["identifier"] = [one for one in meeting["identifier"] if one["system"].endswith("/meeting")]
    meeting["extension"] = [one for one in meeting["extension"] if one["url"].endswith("/meeting-version")]
    meeting |= {"id": "m", "participant": [{"status": "accepted", "actor": {"display": "Någon"}}]}
    role = {"resourceType": "PractitionerRole", "id": "r", "code": [{"text": "enhetschef"}], "practitioner": {"display": "Hanna Hemtjänst"}}
    response = {
        **answering(meeting, "tentative"),
        "appointment": {"reference": "Appointment/m"},
        "actor": {"reference": "PractitionerRole/r"},
    }
    response |= {"start": "2026-12-09T09:00:00Z", "end": "2026-12-09T10:00:00Z"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in (response, meeting, role)]}
    content: Any = read(reader, bundle).content["content"]
    assert content["response"] == "propose-new-time"
    assert content["proposed_times"] == [{"starts_at": "2026-12-09T09:00:00Z", "ends_at": "2026-12-09T10:00:00Z"}]
    assert content["responder"] == {"name": "Hanna Hemtjänst", "role": "enhetschef"}
    assert content["meeting_version"] == 1
    same = {**response, "start": meeting["start"]}
    bundle["entry"] = [{"resource": one} for one in (same, meeting, role)]
    content = read(reader, bundle).content["content"]
    assert (content["response"], "proposed_times" in content) == ("tentative", False)


def test_whether_a_time_is_a_new_one_is_left_to_a_person(sent: Callable[..., Document], reader: FhirReader) -> None:
    """Given a start and no meeting beside it to compare with, the time is proposed and the answer is missing."""
    meeting = sent("meeting.summoned", "Appointment")
    draft = read(reader, answering(meeting, "declined", start="2026-12-09T09:00:00Z", end="2026-12-09T10:00:00Z"))
    content: Any = draft.content["content"]
    assert content["proposed_times"] == [{"starts_at": "2026-12-09T09:00:00Z", "ends_at": "2026-12-09T10:00:00Z"}]
    assert "/content/response" in draft.missing


def test_a_whole_answer_needs_only_its_envelope(sent: Callable[..., Document], reader: FhirReader) -> None:
    """Given our own AppointmentResponse without a header around it, the draft's content makes a message once the envelope is there."""
    message = sample("meeting.response", maximal=True).to_document()
    response = sent("meeting.response", "AppointmentResponse")
    response = {name: value for name, value in response.items() if name != "actor"} | {"actor": {"display": "Hemtjänsten"}}
    response["extension"] = [one for one in response["extension"] if "valueReference" not in one]
    draft = read(reader, response)
    left = {"responder", "substitute_unit"}
    content: Any = draft.content["content"]
    assert {name: value for name, value in message["content"].items() if name not in left} == {
        name: value for name, value in content.items() if name not in left
    }
    whole = {**message, **draft.content, "content": {**message["content"], **content, "responder": message["content"]["responder"]}}
    assert isinstance(parse_message(json.dumps(whole).encode()), Message)


@pytest.mark.parametrize(("status", "decision"), [("accepted", "start"), ("in-progress", "start"), ("rejected", "decline")])
@pytest.mark.parametrize("name", ["sip.requested", "sip.proposed", "sip.initiated"])
def test_our_own_task_with_another_status_is_its_answer(
    sent: Callable[..., Document], reader: FhirReader, name: str, status: str, decision: str
) -> None:
    """Given the Task of a request as a server kept it, come back with another status, it answers that request, and is not the request again."""
    asked = sample(name, maximal=True).to_document()
    task = sent(name, "Task", "resource") | {"status": status, "lastModified": "2026-11-25T08:00:00Z"}
    draft = read(reader, task)
    assert draft.content["type"] == "sip.request.answered"
    assert draft.content["causation_id"] == asked["message_id"]
    assert draft.content["owner"] == asked["owner"]
    content: Any = draft.content["content"]
    assert (content["decision"], content["answered_on"]) == (decision, "2026-11-25")


def test_a_task_based_on_our_message_is_its_answer(sent: Callable[..., Document], reader: FhirReader) -> None:
    """Given a Task of somebody's own that is based on our request by its number, it is the answer to that."""
    [message] = [one for one in sent("sip.requested", "Task", "resource")["identifier"] if one["system"].endswith("/message")]
    task = {"resourceType": "Task", "status": "rejected", "intent": "order", "basedOn": [{"identifier": message}]}
    draft = read(reader, task)
    assert (draft.content["type"], draft.content["causation_id"]) == (
        "sip.request.answered",
        sample("sip.requested", maximal=True).to_document()["message_id"],
    )


@pytest.mark.parametrize(("status", "kind"), [("accepted", "plan.commitment.confirmed"), ("rejected", "plan.commitment.rejected")])
def test_a_units_word_on_its_activities_is_a_task(sent: Callable[..., Document], reader: FhirReader, status: str, kind: str) -> None:
    """Given a Task with our code about our plan, it is the unit's word; the unit is read by its number, and left out where it is none."""
    plan = sent("plan.proposed", "CarePlan")
    task = {"resourceType": "Task", "status": status, "intent": "plan", "code": coded("plan-commitment")}
    task |= {"focus": {"identifier": plan["identifier"][0]}, "owner": {"identifier": {"system": HSA_ID, "value": p.CARE_CENTRE}}}
    draft = read(reader, task)
    document = sample("plan.proposed", maximal=True).to_document()
    assert (draft.content["type"], draft.content["case_id"]) == (kind, document["case_id"])
    assert draft.content["content"] == {"plan_id": document["content"]["plan"]["id"], "unit": p.CARE_CENTRE}
    assert "/content/unit" in read(reader, {**task, "owner": {"reference": "Organization/1"}}).missing


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"status": "in-progress"}, "ongoing"),
        ({"status": "completed"}, "done"),
        ({"status": "cancelled"}, None),
        ({"status": "cancelled", "businessStatus": {"coding": [{"system": "http://snomed.info/sct", "code": "385660001"}]}}, "not_done"),
    ],
)
def test_how_an_activity_goes_is_a_task(sent: Callable[..., Document], reader: FhirReader, more: Document, status: str | None) -> None:
    """Given our question's Task come back with a status, it tells how the activity goes, in the national code where there is one."""
    question = sent("followup.summoned", "Task")
    question = {name: value for name, value in question.items() if name not in {"owner", "for"}} | {"lastModified": "2027-02-01"} | more
    draft = read(reader, question)
    asked = sample("followup.summoned", maximal=True).to_document()["content"]
    content: Any = draft.content["content"]
    assert draft.content["type"] == "activity.status"
    assert (content["plan_id"], content["activity"], content["status_on"]) == (
        asked["plan_id"],
        asked["questions"][0]["activity"],
        "2027-02-01",
    )
    assert content.get("status") == status


@pytest.mark.parametrize(
    "name",
    ["meeting.held", "message.misdirected", "message.forwarded", "inpatient.discharge_ready", "process.interrupted"],
)
def test_news_in_a_category_of_ours_is_read(sent: Callable[..., Document], reader: FhirReader, name: str) -> None:
    """Given a Communication in our category without an envelope, it is that news, as far as it stands there alone."""
    told = sent(name, "Communication")
    told["extension"] = [one for one in told.get("extension", []) if "valueReference" not in one]
    told = {part: value for part, value in told.items() if part not in {"recipient", "sender", "subject"} and value != []}
    draft = read(reader, told)
    assert draft.content["type"] == name
    assert draft.content["content"]
    assert "/message_id" in draft.missing


MEETING: Document = {"identifier": [{"system": f"{BASE}/sid/meeting", "value": "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"}]}
TASK: Document = {"resourceType": "Task", "status": "accepted", "intent": "order"}
TOLD: Document = {"resourceType": "Communication", "status": "completed"}


@pytest.mark.parametrize(
    ("document", "code", "pointer"),
    [
        ({**answering(MEETING), "appointment": {"reference": "Appointment/1"}}, "fhir.not_to_ours", "/appointment"),
        (answering({"identifier": [{"system": "https://x.example", "value": "1"}]}), "fhir.not_to_ours", "/appointment"),
        (TASK, "fhir.not_to_ours", "/code"),
        ({**TASK, "code": {"coding": [{"system": "https://x.example", "code": "sip-request"}]}}, "fhir.not_to_ours", "/code"),
        (TOLD, "fhir.not_to_ours", "/category"),
        ({**TOLD, "category": [coded("no-further-messages")]}, "fhir.not_to_ours", "/category"),
        (answering(MEETING, "needs-action"), "fhir.no_answer", "/participantStatus"),
        ({**TASK, "status": "received", "code": coded("sip-request")}, "fhir.no_answer", "/status"),
        ({**TASK, "status": "received", "code": coded("plan-commitment")}, "fhir.no_answer", "/status"),
        ({**TASK, "status": "requested", "code": coded("report-activity-status")}, "fhir.no_answer", "/status"),
        ({**TOLD, "status": "not-done", "category": [coded("meeting-held")]}, "fhir.no_answer", "/status"),
        ({**TASK, "status": "entered-in-error", "code": coded("sip-request")}, "fhir.entered_in_error", "/status"),
        (
            answering(MEETING, modifierExtension=[{"url": "https://x.example", "valueBoolean": True}]),
            "fhir.modifier_unknown",
            "/modifierExtension",
        ),
    ],
)
def test_what_is_no_answer_of_ours_is_refused_at_its_place(reader: FhirReader, document: Document, code: str, pointer: str) -> None:
    """Given what names nothing of ours, is no answer yet, or may mean the opposite, it is refused where it says so; within a Bundle too."""
    assert problems(reader, document) == [(code, pointer)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": document}]}
    assert problems(reader, bundle) == [(code, f"/entry/0/resource{pointer}")]


def test_two_answers_are_refused(reader: FhirReader) -> None:
    """Given two answers in one Bundle, it is refused at the second: which is meant is not for the reader to say."""
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": answering(MEETING, one)} for one in ("accepted", "declined")],
    }
    assert problems(reader, bundle) == [("fhir.several_messages", "/entry/1/resource")]


def test_an_answer_says_only_what_stands_there(reader: FhirReader) -> None:
    """Given a bare number of earlier versions, the meeting is known and its case is not: nothing is made up."""
    draft = read(reader, answering(MEETING))
    assert draft.content["content"] == {
        "meeting_id": MEETING["identifier"][0]["value"],
        "response": "accept",
        "responder": {"name": "Hanna Hemtjänst"},
    }
    assert {"/case_id", "/owner"} <= set(draft.missing)


@pytest.mark.parametrize("which", ["case", "owner"])
def test_an_answer_that_names_two_cases_of_ours_is_in_neither(sent: Callable[..., Document], reader: FhirReader, which: str) -> None:
    """Given identifiers of two cases, or of two owners, in one answer, nobody is taken by the first of them: case and owner are missing."""
    named = sent("meeting.summoned", "Appointment")["identifier"][0]
    owner, case, number = named["value"].split("/")
    other = f"{owner}/{case[:-4]}ffff/{number}" if which == "case" else f"2120000001/{case}/{number}"
    answer = answering({"identifier": [named]}, identifier=[{"system": named["system"], "value": other}])
    draft = read(reader, answer)
    assert not {"owner", "case_id"} & set(draft.content)
    assert {"/case_id", "/owner"} <= set(draft.missing)


@pytest.mark.parametrize("code", ["ok", "transient-error", "fatal-error"])
def test_a_response_is_no_message(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader, code: str) -> None:
    """Given a message of ours that came back whole as a response, as some servers answer, it is not taken a second time, and surely not as new."""
    bundle = json.loads(adapter.translate(whole_cut(sample("meeting.summoned", maximal=True)), recipient()).body)
    header = bundle["entry"][0]["resource"]
    header["response"] = {"identifier": header["id"], "code": code}
    assert problems(reader, bundle) == [("fhir.response", "/entry/0/resource/response")]
