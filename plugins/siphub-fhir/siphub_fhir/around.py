"""What is said around the meeting and the plan, in FHIR: a reminder, a message gone astray, one that did not arrive, another coordinator.

All are Communications but the coordinator, who is a CareTeam. What they speak of is named by its number, and none of it is repeated. They must
never say in a Communication whom it is about: only the change of coordinator has a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Resource, Row, at, code_in, coded, ext, plain, pointed, read, write
from siphub_fhir.meeting import ROLES
from siphub_fhir.notice import CODES, communication

_MESSAGE: Final = pointed("message_id", "about", "MessageHeader", "message")
_WHY: Final = coded("reason", "reasonCode[]", CODES)
REMINDER: Final = (
    pointed("meeting_id", "about", "Appointment", "meeting"),
    ext("meeting_version", "about-version", "positiveInt"),
    coded("missing", "reasonCode[]", CODES),
    ext("respond_by", "respond-by", "instant"),
)
MISDIRECTED: Final = (_MESSAGE, ext("unit", "came-to", "unit"), _WHY)
FORWARDED: Final = (_MESSAGE, ext("unit", "came-to", "unit"), ext("new_unit", "new-unit", "unit"))
FAILED: Final = (_MESSAGE, ext("recipient", "undelivered-to", "addressee"), _WHY, ext("fallback", "fallback", "code"))
CHANGED: Final = (plain("from_date", "period.start"), ext("agreed_with_individual", "agreed-with-individual", "boolean"))
_TEAM: Final = (("coordinator", "samordnare"), ("deputy", "stallforetradare"))


def _told(document: Mapping[str, Any], rows: tuple[Row, ...], category: str, out: Out) -> list[Resource]:
    return [out.add(communication(document, rows, None, category, out), out.id(category))]


def write_reminder(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that an answer is missing."""
    return _told(document, REMINDER, "meeting-reminder", out)


def read_reminder(resource: Resource, back: In) -> Resource:
    """Return the content of a reminder."""
    return read(resource, REMINDER, back)


def write_misdirected(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that a message came to the wrong place."""
    return _told(document, MISDIRECTED, "message-misdirected", out)


def read_misdirected(resource: Resource, back: In) -> Resource:
    """Return the content of such a Communication."""
    return read(resource, MISDIRECTED, back)


def write_forwarded(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that another unit takes part instead."""
    return _told(document, FORWARDED, "message-forwarded", out)


def read_forwarded(resource: Resource, back: In) -> Resource:
    """Return the content of such a Communication."""
    return read(resource, FORWARDED, back)


def write_failed(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Communication that a message did not arrive."""
    return _told(document, FAILED, "delivery-failed", out)


def read_failed(resource: Resource, back: In) -> Resource:
    """Return the content of such a Communication."""
    return read(resource, FAILED, back)


def write_coordinator(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the CareTeam with its new coordinator. It has no status: whether the plan is agreed yet, the message does not say."""
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "CareTeam"}, CHANGED, out)
    resource["name"] = "SIP"
    if out.patient is not None:
        resource["subject"] = out.patient
    people = [
        {"role": [{"coding": [{"system": ROLES, "code": role}]}], "member": out.staff(content[name])}
        for name, role in _TEAM
        if content.get(name)
    ]
    return [out.add(resource | ({"participant": people} if people else {}), out.id("careteam"))]


def read_coordinator(resource: Resource, back: In) -> Resource:
    """Return the content of a change of coordinator."""
    content = read(resource, CHANGED, back)
    for one in resource.get("participant") or []:
        for name, role in _TEAM:
            if code_in(at(one, "role[]"), ROLES) == role:
                content[name] = back.staff(one.get("member"))
    return content
