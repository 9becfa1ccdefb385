"""Answers that others write, as drafts: to a meeting, a request or a plan of ours, and news in a category of ours.

Whose case they are in stands in the number that they name, because our identifiers have the owner and the case in them. An answer that names
nothing of ours is refused where it should, and one that is none yet (`needs-action`, `received`) where it says so. What R4 leaves open, as
whether a time is a new one, is left to a person. It must never take an answer for one to something that it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from siphub.contract import Draft, Problem
from siphub_fhir.bundle import In, person
from siphub_fhir.drafting import drafted, missing_of
from siphub_fhir.intake import modifiers_in, refused
from siphub_fhir.lens import Resource, at, code_in, extensions
from siphub_fhir.message import FORMS
from siphub_fhir.naming import kind_of, name_of, within, words
from siphub_fhir.schedule import day
from siphub_fhir.vocabulary import (
    ACTIVITY_STATUS,
    IN_A_CASE,
    IN_AN_OWNER,
    PLANS,
    SNOMED,
    extension,
    number_in,
    numbering,
    owner_and_case_in,
    system,
)

_CATEGORY: Final = system("category")
_KINDS: Final = ("AppointmentResponse", "Task", "Communication")
_SCOPED: Final = {numbering(name): name for name in (*IN_A_CASE, *IN_AN_OWNER)}
_SAYS: Final[Mapping[str, str]] = {"accepted": "accept", "declined": "decline", "tentative": "tentative"}
_REQUESTS: Final[Mapping[str, str]] = {"sip-request": "sip.requested", "sip-proposal": "sip.proposed", "sip-initiative": "sip.initiated"}
_DECISIONS: Final[Mapping[str, str]] = {"accepted": "start", "in-progress": "start", "completed": "start", "rejected": "decline"}
_COMMITMENTS: Final[Mapping[str, str]] = {"accepted": "plan.commitment.confirmed", "rejected": "plan.commitment.rejected"}
_GOING: Final[Mapping[str, str]] = {snomed: ours for ours, (snomed, _) in ACTIVITY_STATUS.items()}
_ROUGHLY: Final[Mapping[str, str]] = {"accepted": "planned", "in-progress": "ongoing", "completed": "done", "failed": "interrupted"}
"""How an activity goes where Task.status alone says so; of a cancelled one it does not say whether it was called off or not done."""
_NEWS: Final[Mapping[str, str]] = {
    "meeting-held": "meeting.held",
    "follow-up-held": "followup.held",
    "message-misdirected": "message.misdirected",
    "message-forwarded": "message.forwarded",
    "discharge-ready": "inpatient.discharge_ready",
    "discharge-ready-revoked": "inpatient.discharge_ready.revoked",
    "discharge-planning-interrupted": "process.interrupted",
}
"""The message type of a Communication by its category. A reminder, a failure and a stop notice are the hub's own to write."""
_ERROR: Final = "entered-in-error"


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a resource answers or tells: the message type, and the content as far as it stands there."""

    kind: str
    content: Resource


def is_reply(chosen: Iterable[Resource], back: In) -> bool:
    """Say whether the plans and meetings of a document are ours and only stand beside an answer to them."""
    numbered = all(any(_identified(one.get("identifier") or [], "meeting", *PLANS)) for one in chosen)
    return numbered and any(_is_to_ours(one, back) for kind in _KINDS for one in back.all(kind))


def reply_in(document: Resource, envelope: Resource, back: In) -> Draft | None:
    """Return the draft of the answer or the news in a document, with what its envelope says; None where it holds nothing that could be either.

    Raises:
        Invalid: `fhir.not_to_ours`, `fhir.no_answer`, `fhir.entered_in_error`, `fhir.modifier_unknown`, `fhir.several_messages`.
    """
    found = [one for kind in _KINDS for one in back.all(kind)]
    ours = [one for one in found if _is_to_ours(one, back)]
    if not ours:
        if not found or document.get("type") == "message":
            return None
        raise refused(_of_nothing(found[0], _pointer(found[0], document, back)))
    turned = next(modifiers_in(document), None)
    if turned is not None:
        raise refused(turned)
    if len(ours) > 1:
        where = _pointer(ours[1], document, back)
        raise refused(Problem("fhir.several_messages", "there are several answers here: hand in each in one of its own", pointer=where))
    return _draft(ours[0], envelope, _pointer(ours[0], document, back), back)


def _pointer(resource: Resource, document: Resource, back: In) -> str:
    return "" if resource is document else f"/entry/{back.place_of(resource)}/resource"


def _draft(resource: Resource, envelope: Resource, pointer: str, back: In) -> Draft:
    element = "participantStatus" if resource["resourceType"] == "AppointmentResponse" else "status"
    if resource.get(element) == _ERROR:
        raise refused(Problem("fhir.entered_in_error", "it was entered in error", pointer=f"{pointer}/{element}"))
    reply = _READ[resource["resourceType"]](resource, back)
    if reply is None:
        raise refused(Problem("fhir.no_answer", "this status says no answer yet", pointer=f"{pointer}/{element}"))
    document: Resource = {**envelope, **_scope(resource, back), **_subject(resource, back), "content": reply.content}
    return Draft(drafted(document, reply.kind, reply.kind), missing_of(document, reply.kind, reply.kind))


def _of_nothing(resource: Resource, pointer: str) -> Problem:
    kind = resource["resourceType"]
    where, what = {
        "AppointmentResponse": ("appointment", f"the meeting is named by no number of ours ({numbering('meeting')})"),
        "Task": ("code", "the Task has no code of ours, and is based on no message of ours"),
        "Communication": ("category", "the Communication has no category of ours that others write in"),
    }[kind]
    return Problem("fhir.not_to_ours", what, pointer=f"{pointer}/{where}")


def _is_to_ours(resource: Resource, back: In) -> bool:
    match resource["resourceType"]:
        case "AppointmentResponse":
            return _meeting_of(resource, back) is not None
        case "Task":
            return _code(resource) is not None or _message_of(resource) is not None
        case _:
            return any(code_in(one, _CATEGORY) in _NEWS for one in resource.get("category") or [])


def _identified(node: Any, *names: str) -> Iterator[str]:
    """Yield the values of the identifiers in some numberings of ours that stand in a list of them, or in a Reference."""
    systems = {numbering(name) for name in names}
    held = node if isinstance(node, list) else [at(node, "identifier")]
    for one in held:
        if isinstance(one, dict) and one.get("system") in systems and isinstance(one.get("value"), str):
            yield one["value"]


def _meeting_of(response: Resource, back: In) -> str | None:
    """Return our identifier of the meeting that is answered: in the reference itself, or in the Appointment that it leads to here."""
    reference = response.get("appointment")
    found = within(reference, response, back) or {}
    return next(iter([*_identified(reference, "meeting"), *_identified(found.get("identifier") or [], "meeting")]), None)


def _message_of(task: Resource) -> str | None:
    """Return our identifier of the message that a Task answers: its own where it is our Task come back, or that of what it is based on."""
    references = [task.get("focus"), *(task.get("basedOn") or []), *(task.get("partOf") or [])]
    own = [*_identified(task.get("identifier") or [], "message")]
    return next(iter([*own, *(value for one in references for value in _identified(one, "message"))]), None)


def _code(task: Resource) -> str | None:
    found = code_in(task.get("code"), _CATEGORY)
    return found if found in {*_REQUESTS, "plan-commitment", "report-activity-status"} else None


def _scope(resource: Resource, back: In) -> Resource:
    """Return owner and case as the identifiers of ours say that it names, and the message that led to it where it names one.

    Where they name several, none counts: two cases may have a meeting of one number, and an answer to the one is none in the other.
    """
    named = [*_numbers(resource), *_numbers((within(resource.get("appointment"), resource, back) or {}).get("identifier"))]
    found = [(*owner_and_case_in(value), name) for name, value in named]
    owners = {owner for owner, _, _ in found if owner is not None}
    cases = {case for _, case, name in found if case is not None and name in IN_A_CASE}
    one = len(owners) <= 1 and len(cases) <= 1
    message = _message_of(resource) if resource["resourceType"] == "Task" else None
    return {
        **({"owner": owners.pop()} if one and owners else {}),
        **({"case_id": cases.pop()} if one and cases else {}),
        **({} if message is None else {"causation_id": number_in(message)}),
    }


def _numbers(node: Any) -> Iterator[tuple[str, str]]:
    """Yield every identifier of ours in a part of a resource: its numbering and its value."""
    if isinstance(node, list):
        for one in node:
            yield from _numbers(one)
    elif isinstance(node, dict):
        name = _SCOPED.get(str(node.get("system")))
        if name is not None and isinstance(node.get("value"), str):
            yield name, node["value"]
        for one in node.values():
            yield from _numbers(one)


def _subject(resource: Resource, back: In) -> Resource:
    """Return the person where their Patient stands in the document, and the answer is about one alone."""
    about = back.resolve(resource.get("for") or resource.get("subject"))
    people = [about] if about is not None else list(back.all("Patient")) if resource["resourceType"] == "AppointmentResponse" else []
    if len(people) != 1 or people[0].get("resourceType") != "Patient":
        return {}
    return {"subject": person(people[0])}


def _response(resource: Resource, back: In) -> _Reply | None:
    content = FORMS["meeting.response"].read(resource, back)
    if "response" not in content and resource.get("participantStatus") not in _SAYS:
        return None
    called = within(resource.get("appointment"), resource, back) or {}
    content["meeting_id"] = number_in(_meeting_of(resource, back))
    for one in extensions(called, extension("meeting-version")):
        content.setdefault("meeting_version", one.get("valuePositiveInt"))
    content |= {} if "response" in content else _said(resource, called)
    content |= {} if "responder" in content else _responder(resource, back)
    return _Reply("meeting.response", content)


def _said(resource: Resource, called: Resource) -> Resource:
    """Return the answer. A start may be the meeting's or a new one: a new one where the meeting stands here with another, else a person says which."""
    answer, start = _SAYS[resource["participantStatus"]], resource.get("start")
    if answer == "accept" or start is None or start == called.get("start"):
        return {"response": answer}
    times = [{"starts_at": start, **({"ends_at": resource["end"]} if "end" in resource else {})}]
    return {"proposed_times": times} | ({"response": "propose-new-time"} if "start" in called else {})


def _responder(resource: Resource, back: In) -> Resource:
    actor = resource.get("actor")
    if not isinstance(actor, dict) or kind_of(actor) in {"Patient", "RelatedPerson", "Location", "HealthcareService", "Device"}:
        return {}
    role = words(at(within(actor, resource, back) or {}, "code[]"))
    values = {"name": name_of(actor, resource, back), "role": role}
    return {"responder": {name: value for name, value in values.items() if value}}


def _task(resource: Resource, back: In) -> _Reply | None:
    code, status = _code(resource), resource.get("status", "")
    resource = _owned(resource, back)
    if code == "plan-commitment":
        kind = _COMMITMENTS.get(status)
        return None if kind is None else _Reply(kind, FORMS[kind].read(resource, back))
    if code == "report-activity-status":
        return _activity(resource, back)
    if status in _DECISIONS:
        content = {"decision": _DECISIONS[status]} | FORMS["sip.request.answered"].read(resource, back)
        return _Reply("sip.request.answered", content | _on_the_day(resource, "answered_on"))
    if status == "requested" and code is not None and _message_of(resource) is None:
        return _Reply(_REQUESTS[code], FORMS[_REQUESTS[code]].read(resource, back))
    return None


def _owned(task: Resource, back: In) -> Resource:
    """Return a Task without an owner that is no unit and nobody of whom a unit is known here: a person says who it is."""
    owner = task.get("owner")
    kind = (within(owner, task, back) or {}).get("resourceType")
    known = kind in {"HealthcareService", "PractitionerRole"} or back.is_unit(owner)
    return task if known else {name: value for name, value in task.items() if name != "owner"}


def _on_the_day(task: Resource, name: str) -> Resource:
    found = day(task.get("lastModified"))
    return {} if found is None else {name: found}


def _activity(resource: Resource, back: In) -> _Reply | None:
    somebody = (within(resource.get("owner"), resource, back) or {}).get("resourceType") == "PractitionerRole"
    content = FORMS["activity.status"].read(resource if somebody else {**resource, "owner": None}, back)
    national = _GOING.get(code_in(resource.get("businessStatus"), SNOMED) or "")
    status = content.get("status") or national or _ROUGHLY.get(resource.get("status", ""))
    if status is None and resource.get("status") != "cancelled":
        return None
    return _Reply("activity.status", content | _on_the_day(resource, "status_on") | ({} if status is None else {"status": status}))


def _communication(resource: Resource, back: In) -> _Reply | None:
    if resource.get("status") != "completed":
        return None
    category = next(code for one in resource["category"] if (code := code_in(one, _CATEGORY)) in _NEWS)
    kind = _NEWS[str(category)]
    return _Reply(kind, FORMS[kind].read(resource, back))


_READ: Final = {"AppointmentResponse": _response, "Task": _task, "Communication": _communication}
