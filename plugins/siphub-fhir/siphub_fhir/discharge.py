"""Going home from hospital in FHIR: admitted and discharged as an Encounter, the notices between them as Communications.

A notice has a number of its own, by which it is taken back. It must never say more of the stay than the message does: no diagnosis, no ward.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Resource, Row, coded, ext, numbered, plain, pointed, read, write
from siphub_fhir.notice import CODES, about_person, communication
from siphub_fhir.vocabulary import ENCOUNTER_CLASS, ORGANISATION_NUMBER

_CARE_CONTACT: Final = ext("care_contact_unit", "care-contact-unit", "unit")
ADMITTED: Final = (
    ext("admitting_unit", "admitting-unit", "unit"),
    plain("admitted_at", "period.start"),
    ext("planned_discharge_on", "planned-discharge-on", "date"),
    ext("municipality", "municipality", f"system:{ORGANISATION_NUMBER}"),
    _CARE_CONTACT,
    plain("reason", "reasonCode[].text"),
)
DISCHARGED: Final = (plain("discharged_at", "period.end"),)
READY: Final = (
    numbered("notice_id", "notice"),
    ext("given_at", "given-at", "instant"),
    ext("ready_at", "ready-at", "instant"),
    _CARE_CONTACT,
)
REVOKED: Final = (pointed("notice_id", "about", "Communication", "notice"), ext("revoked_at", "revoked-at", "instant"))
INTERRUPTED: Final = (ext("interrupted_at", "interrupted-at", "instant"), coded("code", "reasonCode[]", CODES))


def _stay(document: Mapping[str, Any], rows: tuple[Row, ...], status: str, out: Out) -> list[Resource]:
    resource: Resource = write(document["content"], {"resourceType": "Encounter"}, rows, out)
    resource |= {"status": status, "class": {"system": ENCOUNTER_CLASS, "code": "IMP"}}
    return [out.add(about_person(resource, out), out.id("encounter"))]


def _notice(document: Mapping[str, Any], rows: tuple[Row, ...], category: str, out: Out) -> list[Resource]:
    return [out.add(about_person(communication(document, rows, None, category, out), out), out.id(category))]


def write_admitted(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Encounter of an admission."""
    return _stay(document, ADMITTED, "in-progress", out)


def read_admitted(resource: Resource, back: In) -> Resource:
    """Return the content of an admission."""
    return read(resource, ADMITTED, back)


def write_discharged(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Encounter that has ended."""
    return _stay(document, DISCHARGED, "finished", out)


def read_discharged(resource: Resource, back: In) -> Resource:
    """Return the content of a discharge."""
    return read(resource, DISCHARGED, back)


def write_ready(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the notice that the patient is ready for discharge."""
    return _notice(document, READY, "discharge-ready", out)


def read_ready(resource: Resource, back: In) -> Resource:
    """Return the content of such a notice."""
    return read(resource, READY, back)


def write_revoked(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write that the notice is taken back."""
    return _notice(document, REVOKED, "discharge-ready-revoked", out)


def read_revoked(resource: Resource, back: In) -> Resource:
    """Return the content of such a message."""
    return read(resource, REVOKED, back)


def write_interrupted(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write that the planning of the discharge has ended in another way."""
    return _notice(document, INTERRUPTED, "discharge-planning-interrupted", out)


def read_interrupted(resource: Resource, back: In) -> Resource:
    """Return the content of such a message."""
    return read(resource, INTERRUPTED, back)
