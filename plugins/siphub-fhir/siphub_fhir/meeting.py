"""The meeting in FHIR: called, invited to and moved as an Appointment, answered by an AppointmentResponse, and that Appointment once it was held.

The status is `pending` for every version that somebody is called to, and `fulfilled` for one that was held. R4 then wants an end: where none
was given, 60 minutes are assumed and marked.
A unit takes part as a HealthcareService, because an Organization may not. It must never show a participant the cut does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from siphub_fhir.bundle import In, Out, is_person
from siphub_fhir.lens import (
    Reads,
    Resource,
    Row,
    Writes,
    at,
    code_in,
    coded,
    ext,
    extensions,
    exts,
    find,
    numbered,
    parts,
    plain,
    read,
    whole_number,
    write,
)
from siphub_fhir.vocabulary import PARTICIPATION, extension, number_in, system

ASSUMED_LENGTH: Final = timedelta(minutes=60)
"""How long a meeting is taken to last where R4 wants an end and the message has none."""

ROLES: Final = system("role")
_PLACES: Final = system("place-kind")
ANSWERS: Final[Mapping[str, str]] = {
    "accept": "accepted",
    "decline": "declined",
    "tentative": "tentative",
    "propose-new-time": "tentative",
    "delegate": "declined",
    "contact-us": "needs-action",
}
"""What R4 can say of an answer; the extension `response` says all of it."""
PRESENCE: Final = {"attends": "accepted", "absent_consented": "declined", "represented_by": "declined"}
WAS: Final = {"present": "accepted", "absent_consented": "declined", "represented_by": "declined"}
"""What R4 can say of the individual at a meeting that is to come, and at one that was held."""


def _participant(resource: Resource, role: str, actor: Resource, status: str, required: str = "required") -> None:
    entry = {"type": [{"coding": [{"system": ROLES, "code": role}]}], "actor": actor, "required": required, "status": status}
    resource.setdefault("participant", []).append(entry)


def _with_role(resource: Resource, role: str) -> Iterator[Resource]:
    for one in resource.get("participant") or []:
        if any(code_in(kind, ROLES) == role for kind in one.get("type") or []):
            yield one


def _staffed(path: str, role: str) -> Row:
    """Return a row for somebody who takes part for a unit: the convener, the coordinator."""

    def put(resource: Resource, value: Any, out: Writes) -> None:
        _participant(resource, role, out.staff(value), "accepted")

    def get(resource: Resource, back: Reads) -> Any:
        one = next(_with_role(resource, role), None)
        return None if one is None else back.staff(one.get("actor"))

    return Row(path, put, get)


def _members() -> Row:
    def put(resource: Resource, value: Any, out: Writes) -> None:
        for unit in value:
            _participant(resource, "ledamot", out.unit(unit), "needs-action")

    def get(resource: Resource, back: Reads) -> Any:
        return [back.unit(one.get("actor")) for one in _with_role(resource, "ledamot")] or None

    return Row("participating_units", put, get)


def _end(path: str) -> Row:
    def put(resource: Resource, value: Any, _: Writes) -> None:
        resource["end"] = value

    def get(resource: Resource, _: Reads) -> Any:
        return None if next(extensions(resource, extension("end-assumed")), None) else resource.get("end")

    return Row(path, put, get)


_UNIT_AND_TEXT: Final = (ext("unit", "unit", "unit", inner=True), ext("text", "text", "string", inner=True))
APPOINTMENT: Final = (
    numbered("meeting.id", "meeting"),
    plain("meeting.version", "meta.versionId", str, whole_number),
    plain("meeting.starts_at", "start"),
    _end("meeting.ends_at"),
    ext("meeting.zone", "zone", "string"),
    coded("purpose", "reasonCode[]", system("purpose")),
    _staffed("convener", "sammankallande"),
    _staffed("coordinator", "samordnare"),
    _members(),
    ext("duty_holder", "duty-holder", "code"),
    ext("duty_basis", "duty-basis", "string"),
    ext("respond_by", "respond-by", "instant"),
    exts("agenda", "agenda", "string"),
    ext("interpreter_language", "interpreter-language", "string"),
    ext("individual_attendance", "individual-attendance", "code"),
    ext("evaluation_on", "evaluation-on", "date"),
    ext("preparation_ref", "preparation-ref", "string"),
    ext("municipal_health_care", "municipal-health-care", "boolean"),
    ext("relatives_present", "relatives-present", "unsignedInt"),
    parts("questions", "question", _UNIT_AND_TEXT, many=True),
    ext("digital_option", "digital-option", "string"),
    ext("supersedes", "supersedes", "positiveInt"),
    ext("reason", "reason", "code"),
)
"""meeting.summoned, meeting.invited, meeting.rescheduled: each has some of these."""

HELD_AT: Final = (plain("starts_at", "start"), _end("ends_at"))
"""meeting.held and followup.held: the times of the Appointment beside the Communication."""
_TIME: Final = (plain("starts_at", "start"), plain("ends_at", "end"))


def _times() -> Row:
    url = extension("proposed-time")

    def put(resource: Resource, values: Any, out: Writes) -> None:
        for value in values:
            resource.setdefault("extension", []).append({"url": url, "valuePeriod": write(value, {}, _TIME, out)})

    def get(resource: Resource, back: Reads) -> Any:
        return [read(one.get("valuePeriod") or {}, _TIME, back) for one in extensions(resource, url)] or None

    return Row("proposed_times", put, get)


def proposed_time(path: str) -> Row:
    """Return a row for one proposed start: the same extension as several times have."""
    url = extension("proposed-time")

    def put(resource: Resource, value: Any, _: Writes) -> None:
        resource.setdefault("extension", []).append({"url": url, "valuePeriod": {"start": value}})

    def get(resource: Resource, _: Reads) -> Any:
        return next((at(one, "valuePeriod.start") for one in extensions(resource, url)), None)

    return Row(path, put, get)


RESPONSE: Final = (
    plain("meeting_id", "appointment.identifier.value", None, number_in),
    ext("meeting_version", "meeting-version", "positiveInt"),
    ext("response", "response", "code"),
    ext("reason", "reason", "code"),
    _times(),
    ext("substitute_unit", "substitute-unit", "unit"),
    ext("substitute_name", "substitute-name", "string"),
    ext("written_input_ref", "written-input-ref", "string"),
)


def write_meeting(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Appointment and return what the message is about."""
    return [called_to(document, APPOINTMENT, "sip-meeting", out)]


def called_to(document: Mapping[str, Any], rows: Sequence[Row], service: str, out: Out) -> Resource:
    """Write an Appointment that somebody is called to, and return a reference to it."""
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "Appointment"}, rows, out)
    resource["status"] = "pending"
    resource["serviceType"] = [{"coding": [{"system": system("category"), "code": service}]}]
    if "purpose" in content:
        resource["description"] = content["purpose"]
    _with_an_end(resource)
    _called(resource, document, out)
    _place(resource, content, out)
    meeting = find(content, "meeting.id")
    return out.add(resource, None if meeting is None else out.lasting("Appointment", meeting))


def _with_an_end(resource: Resource) -> None:
    if "start" in resource and "end" not in resource:
        resource["end"] = _after(resource["start"])
        resource.setdefault("extension", []).append({"url": extension("end-assumed"), "valueBoolean": True})


def fulfilled(document: Mapping[str, Any], service: str, out: Out) -> Iterator[Resource]:
    """Yield the Appointment of a meeting that was held, where the cut says from when: without a start R4 takes none."""
    content = document["content"]
    if "starts_at" not in content:
        return
    version, meeting = content.get("meeting_version"), content.get("meeting_id")
    resource: Resource = write(content, {"resourceType": "Appointment"}, HELD_AT, out)
    resource |= {"meta": {"versionId": str(version)}} if version is not None else {}
    resource |= {} if meeting is None else {"identifier": [out.identifier("meeting", meeting)]}
    resource |= {"status": "fulfilled"}
    resource["serviceType"] = [{"coding": [{"system": system("category"), "code": service}]}]
    _with_an_end(resource)
    came = content.get("attended_units")
    for name in document.get("recipients", ()):
        _participant(resource, "kallad", out.addressee(name), "needs-action" if came is None or name not in came else "accepted")
        if came is not None and not is_person(name):
            resource["participant"][-1]["extension"] = [{"url": extension("attended"), "valueBoolean": name in came}]
    if out.patient is not None:
        _of_the_person(resource, WAS.get(content.get("individual", ""), "needs-action"), out.patient)
    yield out.add(resource, out.id("meeting") if meeting is None else out.lasting("Appointment", meeting))


def read_held_at(back: In) -> Resource:
    """Return from when to when a meeting was held, as the Appointment in focus says."""
    resource = next(back.all("Appointment"), None)
    return {} if resource is None else read(resource, HELD_AT, back)


def _of_the_person(resource: Resource, status: str, patient: Resource) -> None:
    entry = {"type": [{"coding": [{"system": PARTICIPATION, "code": "SBJ"}]}], "actor": patient, "required": "optional"}
    resource.setdefault("participant", []).append({**entry, "status": status})


def _called(resource: Resource, document: Mapping[str, Any], out: Out) -> None:
    """Add those the message goes to, and the person, who needs to be there for the Appointment to find their record."""
    content = document["content"]
    required = "optional" if content.get("duty_holder") == "none" else "required"
    for name in document.get("recipients", ()):
        _participant(resource, "kallad", out.addressee(name), "needs-action", required)
    if out.patient is not None:
        _of_the_person(resource, PRESENCE.get(content.get("individual_attendance", ""), "needs-action"), out.patient)


def _place(resource: Resource, content: Mapping[str, Any], out: Out) -> None:
    place = find(content, "meeting.place")
    if place:
        location: Resource = {"resourceType": "Location", "mode": "instance"}
        if "text" in place:
            location["name"] = place["text"]
        if "kind" in place:
            location["type"] = [{"coding": [{"system": _PLACES, "code": place["kind"]}]}]
        _participant(resource, "plats", out.add(location), "accepted")


def read_meeting(resource: Resource, back: In) -> Resource:
    """Return the content an Appointment of ours stands for."""
    return read_called(resource, APPOINTMENT, back)


def read_called(resource: Resource, rows: Sequence[Row], back: In) -> Resource:
    """Return the content of an Appointment by its rows, with its place."""
    content = read(resource, rows, back)
    one = next(_with_role(resource, "plats"), None)
    location = back.resolve(one.get("actor")) if one else None
    if location is not None:
        kind, text = code_in(at(location, "type[]"), _PLACES), location.get("name")
        place = {name: value for name, value in (("kind", kind), ("text", text)) if value is not None}
        content.setdefault("meeting", {})["place"] = place
    return content


def write_response(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the AppointmentResponse: the actor is the unit that answers. R4 has no place in it for the person, who is in focus beside it."""
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "AppointmentResponse"}, RESPONSE, out)
    appointment = resource.setdefault("appointment", {"display": "undisclosed"})
    appointment["type"] = "Appointment"
    if "identifier" in appointment:
        appointment["identifier"] = out.identifier("meeting", content["meeting_id"])
    if "responder" in content:
        resource.setdefault("extension", []).append(
            {"url": extension("responder"), "valueReference": out.staff(content["responder"], contact=False)}
        )
    proposed = content.get("proposed_times") or [{}]
    resource |= {name: proposed[0][path] for path, name in (("starts_at", "start"), ("ends_at", "end")) if path in proposed[0]}
    resource["participantType"] = [{"coding": [{"system": ROLES, "code": "kallad"}]}]
    unit = find(document, "sender.unit")
    if unit is not None:
        resource["actor"] = out.unit(unit)
    resource["participantStatus"] = ANSWERS.get(content.get("response", ""), "needs-action")
    return [out.add(resource, out.id("response")), *([out.patient] if out.patient is not None else [])]


def read_response(resource: Resource, back: In) -> Resource:
    """Return the content an AppointmentResponse of ours stands for."""
    content = read(resource, RESPONSE, back)
    one = next(extensions(resource, extension("responder")), None)
    if one is not None:
        content["responder"] = back.staff(one.get("valueReference"))
    return content


def _after(start: str) -> str:
    return (datetime.fromisoformat(start) + ASSUMED_LENGTH).isoformat().replace("+00:00", "Z")
