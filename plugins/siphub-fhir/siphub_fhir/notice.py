"""Notices in FHIR: a Communication that a meeting was held, and the recall class.

A meeting that was held is a Communication, and where the message says from when, its Appointment is `fulfilled` beside it. The recall class is
one Communication with one status, category and reason whatever the cause, and for a meeting an Appointment that is `cancelled`, so that a
calendar strikes it out. It must never say why there will be no further messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Resource, Row, at, coded, ext, exts, find, plain, read, write
from siphub_fhir.meeting import fulfilled, read_held_at
from siphub_fhir.vocabulary import extension, number_in, system

CATEGORY: Final = system("category")
CODES: Final = system("code")
_ABOUT: Final = {"meeting": "Appointment", "plan": "CarePlan"}
_NAMED: Final = {name: kind for kind, name in _ABOUT.items()}

HELD: Final = (
    plain("meeting_id", "about[].identifier.value", None, number_in),
    ext("meeting_version", "about-version", "positiveInt"),
    ext("held_on", "held-on", "date"),
    exts("attended_units", "attended-unit", "unit"),
    ext("individual", "individual-was", "code"),
    ext("outcome", "outcome", "code"),
    ext("interpreter_used", "interpreter-used", "boolean"),
)
_CODE: Final = coded("code", "reasonCode[]", CODES)
STOPPED: Final = (
    _CODE,
    ext("case_reference", "case-reference", "sid:case"),
    plain("about_id", "about[].identifier.value", None, number_in),
    ext("about_version", "about-version", "positiveInt"),
    ext("phone", "contact-phone", "string"),
)
CANCELLED: Final = (
    _CODE,
    plain("meeting_id", "about[].identifier.value", None, number_in),
    ext("meeting_version", "about-version", "positiveInt"),
    ext("phone", "contact-phone", "string"),
)
CLOSED: Final = (
    plain("plan_id", "about[].identifier.value", None, number_in),
    ext("plan_version", "about-version", "positiveInt"),
    ext("reason", "closed-reason", "code"),
    ext("closed_on", "closed-on", "date"),
    ext("closed_by", "closed-by", "string"),
    ext("phone", "contact-phone", "string"),
)


def communication(document: Mapping[str, Any], rows: tuple[Row, ...], about: str | None, category: str, out: Out) -> Resource:
    """Return a Communication of ours, not yet an entry: what it says by its rows, whom it goes to and from, and when it was sent.

    `about` is the type of the one thing it is about, whose number the rows have put there; None where the rows say all of that.
    """
    resource: Resource = write(document["content"], {"resourceType": "Communication"}, rows, out)
    resource |= {"status": "completed", "category": [{"coding": [{"system": CATEGORY, "code": category}]}]}
    identifier = at(resource, "about[].identifier")
    if about is not None:
        kind = "meeting" if about == "Appointment" else "plan"
        numbers = {"identifier": out.identifier(kind, identifier["value"])} if identifier else {}
        resource["about"] = [{"type": about, **numbers}]
    resource["recipient"] = [out.addressee(name) for name in document.get("recipients", ())]
    organisation = find(document, "sender.organisation")
    if organisation is not None:
        resource["sender"] = out.organisation(organisation)
    resource["sent"] = document["sent_at"]
    return {name: value for name, value in resource.items() if value != []}


def write_held(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that a meeting was held, and its Appointment where the message says from when."""
    resource = communication(document, HELD, "Appointment", "meeting-held", out)
    told = out.add(with_attended(about_person(resource, out), document), out.id("held"))
    return [told, *fulfilled(document, "sip-meeting", out)]


def about_person(resource: Resource, out: Out) -> Resource:
    """Return a Communication with the person as its subject, where the cut has the person."""
    return resource if out.patient is None else {**resource, "subject": out.patient}


def with_attended(resource: Resource, document: Mapping[str, Any]) -> Resource:
    """Return a Communication that says how many units took part, where the cut says so, so that none is told from not said."""
    attended = document["content"].get("attended_units")
    if attended is None:
        return resource
    count = {"url": extension("attended-count"), "valueUnsignedInt": len(attended)}
    return {**resource, "extension": [*resource.get("extension", ()), count]}


def read_held(resource: Resource, back: In) -> Resource:
    """Return the content such a Communication stands for, with the times of the Appointment beside it."""
    return read_attended(resource, HELD, back) | read_held_at(back)


def read_attended(resource: Resource, rows: tuple[Row, ...], back: In) -> Resource:
    """Return what a Communication says by its rows; no units and a count of none is a list of none."""
    content = read(resource, (*rows, ext("count", "attended-count", "unsignedInt")), back)
    if content.pop("count", None) == 0:
        content.setdefault("attended_units", [])
    return content


def write_recall(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the recall class."""
    content, kind = document["content"], document["type"]
    rows = {"stop.notice": STOPPED, "meeting.cancelled": CANCELLED, "plan.closed": CLOSED}[kind]
    about = {"meeting.cancelled": "Appointment", "plan.closed": "CarePlan"}.get(kind) or _ABOUT.get(content.get("about", ""))
    resource = communication(document, rows, about, "no-further-messages", out)
    resource.setdefault("reasonCode", [{"coding": [{"system": CODES, "code": "no_further_messages"}]}])
    focus = [out.add(resource, out.id("recall"))]
    meeting = content.get("meeting_id") or content.get("about_id")
    if about == "Appointment" and meeting is not None:
        focus.append(out.add(_struck_out(document, meeting, out), out.lasting("Appointment", meeting)))
    return focus


def _struck_out(document: Mapping[str, Any], meeting: str, out: Out) -> Resource:
    content = document["content"]
    version = content.get("about_version", content.get("meeting_version"))
    participant = {"type": [{"coding": [{"system": system("role"), "code": "kallad"}]}], "status": "needs-action"}
    called = [{**participant, "actor": out.addressee(name)} for name in document.get("recipients", ())]
    return {
        "resourceType": "Appointment",
        **({"meta": {"versionId": str(version)}} if version is not None else {}),
        "identifier": [out.identifier("meeting", meeting)],
        "status": "cancelled",
        "cancelationReason": {"coding": [{"system": CODES, "code": "no_further_messages"}]},
        "participant": called or [participant],
    }


def read_stopped(resource: Resource, back: In) -> Resource:
    """Return the content of a stop notice."""
    content = read(resource, STOPPED, back)
    about = _NAMED.get(at(resource, "about[].type") or "")
    return content | ({"about": about} if about else {})


def read_cancelled(resource: Resource, back: In) -> Resource:
    """Return the content of a cancellation."""
    return read(resource, CANCELLED, back)


def read_closed(resource: Resource, back: In) -> Resource:
    """Return the content of a closing."""
    return read(resource, CLOSED, back)
