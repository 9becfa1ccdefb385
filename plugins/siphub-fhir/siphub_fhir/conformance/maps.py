"""ConceptMaps: what each code of ours becomes in a code of R4 or of a national system, made of the tables that the translation uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from siphub_fhir.conformance.heading import canonical, heading
from siphub_fhir.lens import Resource
from siphub_fhir.meeting import ANSWERS, PRESENCE, WAS
from siphub_fhir.request import DECIDED, RELATION
from siphub_fhir.vocabulary import ACTIVITY_STATUS, CODES, PROTECTION, ROLE_CODE, SECURITY_LABEL, SNOMED, system

_PARTICIPATION: Final = "http://hl7.org/fhir/participationstatus"
_TASK: Final = "http://hl7.org/fhir/task-status"
_TITLES: Final = {
    "response": (
        "What AppointmentResponse.participantStatus says of an answer.",
        "Vad AppointmentResponse.participantStatus säger om ett svar.",
    ),
    "attendance": (
        "What Appointment.participant.status says of the individual.",
        "Vad Appointment.participant.status säger om den enskilde.",
    ),
    "presence": (
        "What Appointment.participant.status says of the individual once the meeting was held.",
        "Vad Appointment.participant.status säger om den enskilde när mötet har hållits.",
    ),
    "activity-status": ("What Task.status says of an activity.", "Vad Task.status säger om en insats."),
    "activity-status-national": ("SNOMED CT's national activity statuses.", "De nationella aktivitetsstatusarna i SNOMED CT."),
    "request-decision": ("What Task.status says of a decision.", "Vad Task.status säger om ett beslut."),
    "requester-kind": ("Whoever asks, as a relationship of R4.", "Den som begär, som en relation i R4."),
    "protection": ("Protection as HL7 Sweden's security labels.", "Skydd som HL7 Sveriges säkerhetsetiketter."),
}
_LOSES: Final = "What is lost here, the code of ours beside it says."


def concept_maps() -> Iterator[Resource]:
    """Yield the ConceptMaps, one for each table."""
    yield _map("response", "response", _PARTICIPATION, ANSWERS)
    yield _map("attendance", "attendance", _PARTICIPATION, PRESENCE)
    yield _map("presence", "presence", _PARTICIPATION, WAS)
    yield _map("activity-status", "activity-status", _TASK, {code: status for code, (_, status) in ACTIVITY_STATUS.items()})
    yield _map("activity-status-national", "activity-status", SNOMED, {code: concept for code, (concept, _) in ACTIVITY_STATUS.items()})
    yield _map("request-decision", "request-decision", _TASK, DECIDED)
    yield _map("requester-kind", "requester-kind", ROLE_CODE, RELATION)
    yield _map("protection", "protection", SECURITY_LABEL, PROTECTION)


def _map(name: str, ours: str, theirs: str, table: Mapping[str, str]) -> Resource:
    return heading("ConceptMap", name, *_TITLES[name]) | {
        "sourceCanonical": canonical("ValueSet", ours),
        "group": [
            {"source": system(ours), "target": theirs, "element": [_element(ours, code, found, table) for code, found in table.items()]}
        ],
    }


def _element(ours: str, code: str, found: str, table: Mapping[str, str]) -> Resource:
    """Return one row: `wider` where several codes of ours become one of theirs, which then says less."""
    shared = list(table.values()).count(found) > 1
    target = {"code": found, "equivalence": "wider" if shared else "equivalent", **({"comment": _LOSES} if shared else {})}
    return {"code": code, "display": CODES[ours, code].en, "target": [target]}
