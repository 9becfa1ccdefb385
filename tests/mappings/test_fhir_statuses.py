"""R4's statuses, state by state: what leaves while a case is in a state has the statuses that the mapping gives that state, and no others.

The rows are those of the project's mapping of a SIP to FHIR. What the states CLOSED, SUSPENDED_NO_CONSENT and VOID would say, and a meeting
called off, never leaves: there is one stop notice with one status, whatever the cause.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from siphub.contract import Recipient
from siphub.model import people as p
from siphub.model.case import CaseState
from siphub.policy.lifecycle import CASE, OPENING
from siphub.testing.samples import cuts_of, policy_cuts_of
from siphub_fhir import ended
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
MET: Statuses = {**TOLD, "Appointment": {"fulfilled"}, "kallad": {"accepted", "needs-action"}}
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
    "DRAFTING": {"meeting.held": MET},
    "IN_REVIEW": {"plan.proposed": DRAFT, **COMMITTED},
    "ACTIVE": {"plan.established": AGREED, "plan.revised": AGREED, "followup.held": MET, **GOING},
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


ROWS_OF_THE_TABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "REQUESTED": ("REQUESTED",),
    "CONSENT_REFUSED / DECLINED": ("CONSENT_REFUSED", "DECLINED_NO_NEED"),
    "PREPARING": ("PREPARING",),
    "SUMMONED": ("SUMMONED",),
    "rescheduled": ("SUMMONED",),
    "cancelled": ("CLOSED",),
    "DRAFTING/IN_REVIEW": ("DRAFTING", "IN_REVIEW"),
    "ACTIVE": ("ACTIVE",),
    "FOLLOW_UP": ("FOLLOW_UP",),
    "revised": ("ACTIVE",),
    "SUSPENDED_NO_CONSENT": ("SUSPENDED_NO_CONSENT",),
    "CLOSED": ("CLOSED",),
    "VOID": ("VOID",),
}
"""The rows of the mapping's table, and the states of a case that each is about."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "Task(request)": ("Task",),
    "Consent": ("Consent",),
    "Appointment": ("Appointment",),
    "participant.status": ("kallad", "AppointmentResponse"),
    "CarePlan": ("CarePlan",),
    "Goal / activity": ("Goal", "activity"),
    "CareTeam": ("CareTeam",),
}
"""The table's columns, and what of a Bundle each is about."""
_STATUS: Final = re.compile(
    "requested|received|accepted|rejected|in-progress|completed|on-hold|cancelled|entered-in-error|proposed|active|inactive|pending|booked"
    "|fulfilled|noshow|draft|revoked|needs-action|declined|tentative|not-started|scheduled|abandoned|suspended"
)
UNSENT: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "nothing is sent to say so: while a SIP is prepared, or where somebody said no, nobody else is informed": (
        ("REQUESTED", "Consent", "proposed"),
        ("CONSENT_REFUSED / DECLINED", "Consent", "rejected"),
        ("PREPARING", "Task(request)", "in-progress"),
        ("PREPARING", "Appointment", "proposed"),
        ("SUMMONED", "Task(request)", "in-progress"),
        ("DRAFTING/IN_REVIEW", "Task(request)", "in-progress"),
        ("ACTIVE", "Task(request)", "completed"),
    ),
    "no plan is sent before it is proposed for the units to confirm": (
        ("PREPARING", "CarePlan", "draft"),
        ("PREPARING", "Goal / activity", "proposed"),
        ("PREPARING", "Goal / activity", "not-started"),
        ("PREPARING", "CareTeam", "proposed"),
        ("SUMMONED", "CarePlan", "draft"),
        ("SUMMONED", "CareTeam", "proposed"),
    ),
    "answers go to the convener alone, so that no party learns who else has answered": (
        ("SUMMONED", "Appointment", "booked"),
        ("FOLLOW_UP", "Appointment", "booked"),
    ),
    "a draft is agreed on when it is sent as a plan, and not piece by piece": (
        ("DRAFTING/IN_REVIEW", "Goal / activity", "accepted"),
        ("DRAFTING/IN_REVIEW", "CareTeam", "active"),
    ),
    "activity.status and followup.held say how it comes on; the plan is sent when it changes": (
        ("ACTIVE", "Goal / activity", "in-progress"),
        ("FOLLOW_UP", "Goal / activity", "in-progress"),
        ("FOLLOW_UP", "Goal / activity", "completed"),
    ),
    "it would tell the cause, and a stop notice is the same whatever that is": (
        ("SUSPENDED_NO_CONSENT", "Task(request)", "on-hold"),
        ("SUSPENDED_NO_CONSENT", "CarePlan", "on-hold"),
        ("SUSPENDED_NO_CONSENT", "Goal / activity", "on-hold"),
        ("SUSPENDED_NO_CONSENT", "CareTeam", "suspended"),
        ("CLOSED", "Task(request)", "completed"),
        ("CLOSED", "Task(request)", "cancelled"),
        ("CLOSED", "CarePlan", "completed"),
        ("CLOSED", "Goal / activity", "completed"),
        ("CLOSED", "Goal / activity", "cancelled"),
        ("CLOSED", "Goal / activity", "abandoned"),
        ("CLOSED", "CareTeam", "inactive"),
        ("VOID", "Task(request)", "entered-in-error"),
        ("VOID", "Consent", "entered-in-error"),
        ("VOID", "Appointment", "entered-in-error"),
        ("VOID", "CarePlan", "entered-in-error"),
        ("VOID", "CareTeam", "entered-in-error"),
    ),
}
"""What the table has and no message carries, by row, column and status, with the reason; docs/why.md says more."""


def sent_in(row: str) -> dict[str, set[str]]:
    """Return the statuses that what leaves in the states of a row has, by column; a stop notice puts a Consent and ends a plan where one was put."""
    found: dict[str, set[str]] = {column: set() for column in COLUMNS}
    for column, kinds in COLUMNS.items():
        for state in ROWS_OF_THE_TABLE[row]:
            for name, statuses in LEAVES[state].items():
                if column != "Task(request)" or name.startswith("sip.") or name == "followup.summoned":
                    found[column].update(*(statuses.get(kind, set()) for kind in kinds))
        stopped = any("stop.notice" in LEAVES[state] for state in ROWS_OF_THE_TABLE[row])
        if column == "CarePlan" and stopped:
            found["CarePlan"].add(ended.STATUS)
        if column == "Consent":
            rests = any(
                cut.basis == "consent" for state in ROWS_OF_THE_TABLE[row] for name in LEAVES[state] for cut in policy_cuts_of(name)
            )
            found["Consent"] = {"inactive"} if stopped else {"active"} if rests else set()
    return found


def table_of(mapping: str) -> Iterator[tuple[str, str, str]]:
    """Yield each row, column and status of the table of statuses by lifecycle state."""
    lines = mapping.partition("Status by lifecycle state\n")[2].splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|"))
    for row in rows:
        for column, cell in zip(head[1:], row[1:], strict=True):
            for status in dict.fromkeys(_STATUS.findall(re.sub(r"\([^)]*\)|\w*Status\b", "", cell))):
                yield row[0], column, status


@pytest.mark.reference
def test_each_cell_of_the_table_is_sent_or_has_a_reason(reference: Path) -> None:
    """Every status of the mapping's table is one that leaves in that state, or one that the recipient holds since before, or stands here with why not."""
    held: dict[str, set[str]] = {}
    left = set()
    for row, column, status in table_of((reference / "domain/FHIR-MAPPING.md").read_text("utf-8")):
        sent = sent_in(row)[column]
        if sent:
            held[column] = sent
        if status not in held.get(column, set()):
            left.add((row, column, status))
    assert left == {cell for cells in UNSENT.values() for cell in cells}
