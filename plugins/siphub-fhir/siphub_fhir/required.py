"""Two tables from R4 (4.0.1): codes of required bindings, and the types a reference may lead to, of the resources this plugin speaks of.

They are the standard's own lists, in the order of its pages. It must never hold a code of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PARTICIPATION: Final = frozenset({"accepted", "declined", "tentative", "needs-action"})
_REQUEST_INTENT: Final = frozenset(
    {"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}
)
_REQUEST_STATUS: Final = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
_EVENT_STATUS: Final = frozenset(
    {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"}
)

CODES: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "Appointment": {
        "status": frozenset(
            {
                "proposed",
                "pending",
                "booked",
                "arrived",
                "fulfilled",
                "cancelled",
                "noshow",
                "entered-in-error",
                "checked-in",
                "waitlist",
            }
        ),
        "participant.status": _PARTICIPATION,
        "participant.required": frozenset({"required", "optional", "information-only"}),
    },
    "AppointmentResponse": {"participantStatus": _PARTICIPATION},
    "Bundle": {},
    "CarePlan": {
        "status": _REQUEST_STATUS,
        "intent": frozenset({"proposal", "plan", "order", "option"}),
        "activity.detail.status": frozenset(
            {
                "not-started",
                "scheduled",
                "in-progress",
                "on-hold",
                "completed",
                "cancelled",
                "stopped",
                "unknown",
                "entered-in-error",
            }
        ),
        "activity.detail.kind": frozenset(
            {
                "Appointment",
                "CommunicationRequest",
                "DeviceRequest",
                "MedicationRequest",
                "NutritionOrder",
                "Task",
                "ServiceRequest",
                "VisionPrescription",
            }
        ),
    },
    "CareTeam": {"status": frozenset({"proposed", "active", "suspended", "inactive", "entered-in-error"})},
    "Communication": {"status": _EVENT_STATUS},
    "Consent": {
        "status": frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}),
        "provision.type": frozenset({"deny", "permit"}),
    },
    "Encounter": {
        "status": frozenset(
            {
                "planned",
                "arrived",
                "triaged",
                "in-progress",
                "onleave",
                "finished",
                "cancelled",
                "entered-in-error",
                "unknown",
            }
        )
    },
    "Goal": {
        "lifecycleStatus": frozenset(
            {
                "proposed",
                "planned",
                "accepted",
                "active",
                "on-hold",
                "completed",
                "cancelled",
                "entered-in-error",
                "rejected",
            }
        )
    },
    "MessageHeader": {"response.code": frozenset({"ok", "transient-error", "fatal-error"})},
    "ServiceRequest": {"status": _REQUEST_STATUS, "intent": _REQUEST_INTENT},
    "Task": {
        "status": frozenset(
            {
                "draft",
                "requested",
                "received",
                "accepted",
                "rejected",
                "ready",
                "cancelled",
                "in-progress",
                "on-hold",
                "failed",
                "completed",
                "entered-in-error",
            }
        ),
        "intent": (_REQUEST_INTENT - {"directive"}) | {"unknown"},
    },
}

_PEOPLE: Final = frozenset({"Patient", "Practitioner", "PractitionerRole", "RelatedPerson"})
_ACTORS: Final = _PEOPLE | {"Device", "HealthcareService", "Location"}
_STAFF: Final = frozenset({"Practitioner", "PractitionerRole"})

TARGETS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "Appointment": {"participant.actor": _ACTORS},
    "AppointmentResponse": {"actor": _ACTORS, "appointment": frozenset({"Appointment"})},
    "CarePlan": {
        "subject": frozenset({"Patient", "Group"}),
        "author": _PEOPLE | {"Device", "Organization", "CareTeam"},
        "contributor": _PEOPLE | {"Device", "Organization", "CareTeam"},
        "careTeam": frozenset({"CareTeam"}),
        "addresses": frozenset({"Condition"}),
        "goal": frozenset({"Goal"}),
        "activity.detail.goal": frozenset({"Goal"}),
        "activity.detail.performer": _PEOPLE | {"Organization", "CareTeam", "HealthcareService", "Device"},
    },
    "CareTeam": {
        "subject": frozenset({"Patient", "Group"}),
        "participant.member": _PEOPLE | {"Organization", "CareTeam"},
        "participant.onBehalfOf": frozenset({"Organization"}),
        "managingOrganization": frozenset({"Organization"}),
    },
    "Communication": {
        "subject": frozenset({"Patient", "Group"}),
        "recipient": _PEOPLE | {"Device", "Organization", "Group", "CareTeam", "HealthcareService"},
        "sender": _PEOPLE | {"Device", "Organization", "HealthcareService"},
    },
    "Consent": {
        "patient": frozenset({"Patient"}),
        "performer": _PEOPLE | {"Organization"},
        "organization": frozenset({"Organization"}),
        "provision.actor.reference": _PEOPLE | {"Device", "Group", "CareTeam", "Organization"},
    },
    "Encounter": {"subject": frozenset({"Patient", "Group"}), "serviceProvider": frozenset({"Organization"})},
    "Goal": {"subject": frozenset({"Patient", "Group", "Organization"}), "expressedBy": _PEOPLE},
    "HealthcareService": {"providedBy": frozenset({"Organization"}), "location": frozenset({"Location"})},
    "MessageHeader": {
        "sender": _STAFF | {"Organization"},
        "author": _STAFF,
        "enterer": _STAFF,
        "responsible": _STAFF | {"Organization"},
        "destination.receiver": _STAFF | {"Organization"},
        "destination.target": frozenset({"Device"}),
    },
    "PractitionerRole": {
        "practitioner": frozenset({"Practitioner"}),
        "organization": frozenset({"Organization"}),
        "healthcareService": frozenset({"HealthcareService"}),
    },
    "RelatedPerson": {"patient": frozenset({"Patient"})},
    "Task": {
        "owner": _PEOPLE | {"Organization", "CareTeam", "HealthcareService", "Device"},
        "requester": _PEOPLE | {"Device", "Organization"},
    },
}
