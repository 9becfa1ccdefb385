"""Answers and news of others that are for us, and everything that makes them none: what they name, the status they have, what may turn them round.

The sound ones are read; each of the others is sound R4, and must be refused at the element that should say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from siphub_fhir.r4 import elements_of
from siphub_fhir.vocabulary import BASE, CODES, numbering, system

_CASE: Final = "2120009994/5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001"
_PLAN: Final = {"focus": {"identifier": {"system": numbering("plan"), "value": f"{_CASE}/9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001"}}}
_MEETING: Final = {"identifier": {"system": numbering("meeting"), "value": f"{_CASE}/7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"}}
ANSWERING: Final[Mapping[str, frozenset[str]]] = {
    "sip-request": frozenset({"requested", "accepted", "in-progress", "completed", "rejected"}),
    "sip-proposal": frozenset({"requested", "accepted", "in-progress", "completed", "rejected"}),
    "sip-initiative": frozenset({"requested", "accepted", "in-progress", "completed", "rejected"}),
    "plan-commitment": frozenset({"accepted", "rejected"}),
    "report-activity-status": frozenset({"accepted", "in-progress", "completed", "failed", "cancelled"}),
}
"""The codes of ours that a Task of others may have, and the statuses in which it says something: a request itself, or an answer."""
WRITTEN: Final = frozenset(
    {
        *("meeting-held", "follow-up-held", "message-misdirected", "message-forwarded"),
        *("discharge-ready", "discharge-ready-revoked", "discharge-planning-interrupted"),
    }
)
"""The categories of ours that others write a Communication in."""
_TURNED: Final = {"modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]}


def coded(code: str) -> dict[str, Any]:
    """Return a CodeableConcept with a category of ours."""
    return {"coding": [{"system": system("category"), "code": code}]}


def response(status: str = "accepted") -> dict[str, Any]:
    """Return an AppointmentResponse to a meeting of ours."""
    actor = {"reference": "Practitioner/1", "display": "Hanna Hemtjänst"}
    return {"resourceType": "AppointmentResponse", "appointment": _MEETING, "actor": actor, "participantStatus": status}


def task(code: str, status: str) -> dict[str, Any]:
    """Return a Task with a code of ours."""
    return {"resourceType": "Task", "status": status, "intent": "order", "code": coded(code), **({} if code.startswith("sip-") else _PLAN)}


def news(category: str, status: str = "completed") -> dict[str, Any]:
    """Return a Communication in a category of ours."""
    return {"resourceType": "Communication", "status": status, "category": [coded(category)]}


def sound_answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every answer and every news that is one: each status of each kind that says something."""
    yield from (("AppointmentResponse", response(status)) for status in ("accepted", "declined", "tentative"))
    yield from ((f"Task({code})", task(code, status)) for code, statuses in ANSWERING.items() for status in sorted(statuses))
    yield from ((f"Communication({category})", news(category)) for category in sorted(WRITTEN))


def no_answers() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield what is none, with the element it is named by and the pointer: every other status, nothing of ours named, a meaning turned round."""
    for where in ({"reference": "Appointment/1"}, {"identifier": {"system": "https://x.example", "value": "1"}}, {"display": "Mötet"}):
        yield "AppointmentResponse.appointment", {**response(), "appointment": where}, "/appointment"
    yield "AppointmentResponse.participantStatus", response("needs-action"), "/participantStatus"
    for code, statuses in ANSWERING.items():
        for status in sorted(elements_of("Task")["status"].codes - statuses):
            yield f"Task.status({code})", task(code, status), "/status"
        yield (
            f"Task.code({code})",
            {**task(code, "accepted"), "code": {"coding": [{"system": f"{BASE}/CodeSystem/x", "code": code}]}},
            "/code",
        )
    others = sorted({code for scheme, code in CODES if scheme == "category" and code} - WRITTEN)
    for category in others:
        yield f"Communication.category({category})", news(category), "/category"
    for category in sorted(WRITTEN):
        for status in sorted(elements_of("Communication")["status"].codes - {"completed"}):
            yield f"Communication.status({category})", news(category, status), "/status"
    for name, answer in sound_answers():
        yield f"{name}.modifierExtension", {**answer, **_TURNED}, "/modifierExtension"
