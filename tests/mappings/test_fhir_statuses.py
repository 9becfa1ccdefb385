"""R4's statuses, state by state: what leaves while a case is in a state has the statuses that the mapping gives that state, and no others.

The rows are those of the project's mapping of a SIP to FHIR. What the states CLOSED, SUSPENDED_NO_CONSENT and VOID would say, and a meeting
called off, never leaves: there is one stop notice with one status, whatever the cause.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

from siphub.contract import Recipient
from siphub.model import people as p
from siphub.model.case import CaseState
from siphub.policy.lifecycle import CASE, OPENING
from siphub.testing.samples import cuts_of
from siphub_fhir.message import FORMS, INWARD
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated

THERE = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
Statuses = Mapping[str, set[str]]

ASKED: Statuses = {"Task": {"requested"}}
ANSWERED: Statuses = {"Task": {"received", "accepted", "rejected"}}
CALLED: Statuses = {"Appointment": {"pending"}, "kallad": {"needs-action"}}
REPLIED: Statuses = {"AppointmentResponse": {"accepted", "declined", "tentative", "needs-action"}}
TOLD: Statuses = {"Communication": {"completed"}}
DRAFT: Statuses = {"CarePlan": {"draft"}, "Goal": {"proposed"}, "activity": {"not-started"}, "CareTeam": {"proposed"}}
AGREED: Statuses = {"CarePlan": {"active"}, "Goal": {"active"}, "activity": {"scheduled"}, "CareTeam": {"active"}}
OTHER: Statuses = {name: AGREED[name] for name in ("CarePlan", "activity")}
COMMITTED: Mapping[str, Statuses] = {
    "plan.commitment.confirmed": {"Task": {"accepted"}},
    "plan.commitment.rejected": {"Task": {"rejected"}},
}
GOING: Mapping[str, Statuses] = {"activity.status": {"Task": {"accepted", "in-progress", "completed", "cancelled", "failed"}}}
STOPPED: Mapping[str, Statuses] = {"stop.notice": {**TOLD, "Appointment": {"cancelled"}, "kallad": {"needs-action"}}}
HOSPITAL: Mapping[str, Statuses] = {
    "inpatient.admitted": {"Encounter": {"in-progress"}},
    "inpatient.discharged": {"Encounter": {"finished"}},
    **dict.fromkeys(("inpatient.discharge_ready", "inpatient.discharge_ready.revoked", "process.interrupted"), TOLD),
}
ASTRAY: Mapping[str, Statuses] = dict.fromkeys(("message.misdirected", "message.forwarded", "delivery.failed"), TOLD)
MEETING: Mapping[str, Statuses] = {
    **dict.fromkeys(("meeting.summoned", "meeting.invited", "meeting.rescheduled"), CALLED),
    "meeting.response": REPLIED,
    "meeting.reminder": TOLD,
}

LEAVES: Mapping[str, Mapping[str, Statuses]] = {
    "REQUESTED": {**dict.fromkeys(("sip.requested", "sip.proposed", "sip.initiated"), ASKED), "sip.request.answered": ANSWERED, **HOSPITAL},
    "DECLINED_NO_NEED": {"sip.request.answered": ANSWERED},
    "CONSENT_REFUSED": {"sip.request.answered": ANSWERED},
    "PREPARING": {"sip.request.answered": ANSWERED, "coordinator.changed": {}, **ASTRAY},
    "SUMMONED": {**MEETING, **ASTRAY},
    "DRAFTING": {"meeting.held": TOLD},
    "IN_REVIEW": {"plan.proposed": DRAFT, **COMMITTED},
    "ACTIVE": {"plan.established": AGREED, "plan.revised": AGREED, "followup.held": TOLD, **GOING},
    "FOLLOW_UP": {"followup.summoned": {**CALLED, "Task": {"requested"}}, **GOING},
    "OTHER_PLAN": dict.fromkeys(("splptlrv.established", "lss.established"), OTHER),
    **dict.fromkeys(("CLOSED", "SUSPENDED_NO_CONSENT", "VOID"), STOPPED),
}
"""What leaves in each state, by message type, and the statuses that R4's resources then have."""

ROWS = [(state, name, statuses) for state, types in LEAVES.items() for name, statuses in types.items()]
BY_THE_HUB = {"stop.notice", "meeting.reminder", "delivery.failed"}
"""What the hub itself writes: no event of a case."""


def statuses_of(resource: Any) -> Iterator[tuple[str, str]]:
    """Yield every status in a resource: its own by its type, of an activity, and of whoever is called."""
    kind = resource["resourceType"]
    for element in ("status", "lifecycleStatus", "participantStatus"):
        if element in resource:
            yield kind, resource[element]
    for one in resource.get("activity", []) if kind == "CarePlan" else []:
        yield "activity", one["detail"]["status"]
    for one in resource.get("participant", []) if kind == "Appointment" else []:
        if one["type"][0]["coding"][0]["code"] == "kallad":
            yield "kallad", one["status"]


@pytest.mark.parametrize(("state", "name", "expected"), ROWS, ids=[f"{state}-{name}" for state, name, _ in ROWS])
def test_what_leaves_in_a_state_has_the_statuses_of_that_state(state: str, name: str, expected: Statuses) -> None:
    """Every resource of everything that leaves has a status of its row; a Consent is active, and there only where the disclosure rests on it."""
    seen: dict[str, set[str]] = {}
    for cut in cuts_of(name):
        entries = json.loads(translated(cut, THERE, FhirSettings()).body)["entry"]
        found = [status for entry in entries for status in statuses_of(entry["resource"])]
        assert [status for kind, status in found if kind == "Consent"] == (["active"] if cut.basis == "consent" else [])
        for kind, status in found:
            seen.setdefault(kind, set()).add(status)
    seen.pop("Consent", None)
    assert set(seen) == set(expected)
    assert all(seen[kind] <= expected[kind] for kind in seen)
    assert all(seen[kind] == statuses for kind, statuses in expected.items() if len(statuses) == 1)


def test_every_state_and_every_type_has_its_rows() -> None:
    """No state of a case is left out, and no message type that leaves."""
    assert set(LEAVES) == set(get_args(CaseState))
    assert {name for _, name, _ in ROWS} == set(FORMS) - INWARD


def test_each_type_stands_in_a_state_it_can_leave_in() -> None:
    """A row is for a state that the case can be in when, or because, the message was sent."""
    groups = {"inpatient": "inpatient", "process": "inpatient", "message": "astray"}
    for state, name, _ in ROWS:
        if name not in BY_THE_HUB:
            event = groups.get(name.partition(".")[0], name)
            reached = {after for word, steps in CASE.items() if word.partition(":")[0] == event for after in steps.values()}
            assert state in reached | {OPENING.get(name)}, name
