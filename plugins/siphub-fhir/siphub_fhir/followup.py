"""The follow-up in FHIR: called as an Appointment with a Task for every question, held as a Communication, and how an activity goes as a Task.

An activity's status is SNOMED CT's national set beside the code of ours; Task.status can only say it roughly. It must never put a question
to anybody but the unit it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Reads, Resource, Row, Writes, coded, ext, exts, parts, plain, pointed, read, write
from siphub_fhir.meeting import APPOINTMENT, called_to, fulfilled, read_called, read_held_at
from siphub_fhir.notice import about_person, communication, read_attended, with_attended
from siphub_fhir.vocabulary import ACTIVITY_STATUS, SNOMED, number_in, system

_REPORT: Final = {"coding": [{"system": system("category"), "code": "report-activity-status"}]}


def _owned() -> Row:
    """Return the row for the unit that owns a Task."""

    def put(resource: Resource, value: Any, out: Writes) -> None:
        resource["owner"] = out.unit(value)

    def get(resource: Resource, back: Reads) -> Any:
        return back.unit(resource["owner"]) if "owner" in resource else None

    return Row("unit", put, get)


SUMMONED: Final = (
    *(row for row in APPOINTMENT if row.path != "questions"),
    pointed("plan_id", "supportingInformation", "CarePlan", "plan"),
    ext("plan_version", "plan-version", "positiveInt"),
)
QUESTION: Final = (_owned(), ext("activity", "activity-id", "string"), plain("text", "description"))
STATUS: Final = (
    plain("plan_id", "focus.identifier.value", None, number_in),
    ext("plan_version", "plan-version", "positiveInt"),
    ext("activity", "activity-id", "string"),
    coded("status", "businessStatus", system("activity-status")),
    plain("status_on", "lastModified"),
    coded("reason", "statusReason", system("reason")),
    plain("outcome", "output[].valueString"),
)
HELD: Final = (
    pointed("meeting_id", "about", "Appointment", "meeting"),
    ext("meeting_version", "about-version", "positiveInt"),
    pointed("plan_id", "about", "CarePlan", "plan"),
    ext("plan_version", "plan-version", "positiveInt"),
    ext("held_on", "held-on", "date"),
    exts("attended_units", "attended-unit", "unit"),
    ext("individual", "individual-was", "code"),
    parts(
        "goals",
        "goal-status",
        tuple(ext(name, name, kind, inner=True) for name, kind in (("goal", "string"), ("status", "code"), ("comment", "string"))),
        many=True,
    ),
    parts(
        "activities",
        "activity-outcome",
        tuple(ext(name, name, kind, inner=True) for name, kind in (("activity", "string"), ("status", "code"))),
        many=True,
    ),
    ext("decision", "follow-up-decision", "code"),
    ext("next_follow_up_on", "next-follow-up-on", "date"),
    ext("individual_rating", "individual-rating", "positiveInt"),
)


def write_summons(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Appointment of the follow-up, and a Task for each question."""
    return [called_to(document, SUMMONED, "sip-follow-up", out), *_questions(document["content"], out)]


def _questions(content: Mapping[str, Any], out: Out) -> Iterator[Resource]:
    for number, question in enumerate(content.get("questions", ())):
        task: Resource = write(question, {"resourceType": "Task"}, QUESTION, out)
        task |= {"status": "requested", "intent": "plan", "code": _REPORT} | _about(content.get("plan_id"), out)
        yield out.add(task, out.id(f"question/{number}"))


def read_summons(resource: Resource, back: In) -> Resource:
    """Return the content such an Appointment stands for, with the questions of the Tasks beside it."""
    content = read_called(resource, SUMMONED, back)
    questions = [read(task, QUESTION, back) for task in back.all("Task")]
    return content | ({"questions": questions} if questions else {})


def write_status(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task that says how an activity goes; whoever reports it is its owner."""
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "Task"}, STATUS, out) | _about(content.get("plan_id"), out)
    snomed, status = ACTIVITY_STATUS.get(content.get("status", ""), (None, "in-progress"))
    if snomed is not None:
        resource["businessStatus"]["coding"].append({"system": SNOMED, "code": snomed})
    resource |= {"status": status, "intent": "plan", "code": _REPORT}
    if "output" in resource:
        resource["output"][0]["type"] = {"coding": [{"system": system("category"), "code": "activity-outcome"}]}
    if out.patient is not None:
        resource["for"] = out.patient
    if content.get("reporter"):
        resource["owner"] = out.staff(content["reporter"], contact=False)
    return [out.add(resource, out.id("status"))]


def read_status(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    content = read(resource, STATUS, back)
    return content | ({"reporter": back.staff(resource["owner"])} if resource.get("owner") else {})


def write_held(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that the follow-up was held, and its Appointment where the message says from when."""
    resource = communication(document, HELD, None, "follow-up-held", out)
    told = out.add(with_attended(about_person(resource, out), document), out.id("held"))
    return [told, *fulfilled(document, "sip-follow-up", out)]


def read_held(resource: Resource, back: In) -> Resource:
    """Return the content such a Communication stands for, with the times of the Appointment beside it."""
    return read_attended(resource, HELD, back) | read_held_at(back)


def _about(plan: str | None, out: Out) -> Resource:
    return {} if plan is None else {"focus": {"type": "CarePlan", "identifier": out.identifier("plan", plan)}}
