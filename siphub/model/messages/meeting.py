"""The meeting: called, invited to, answered, moved, called off, held: K1 to K5 and M1 (LIFECYCLE section 2; REQ-52 to REQ-64)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from siphub.model import people as p
from siphub.model.base import Code, Instant, Line, Phone, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId
from siphub.model.person import Protection, UnitContact

ASSUMED_LENGTH = timedelta(minutes=60)
"""How long a meeting is taken to last where no end is given; such an end is marked as assumed."""

_SWEDEN = ZoneInfo("Europe/Stockholm")
Version = Annotated[int, Field(ge=1, le=10_000)]
DutyBasis = Annotated[str, Field(pattern=r"^(SoL10:8|SoL2:7|HSL16:4|LUS4:1|LPT7a|LRV12a|agreement:[A-Za-z0-9._-]{1,40})$")]
Attendance = Literal["attends", "absent_consented", "represented_by"]


class Place(Value):
    """Where: at home, another agreed place, or by video (REQ-57). A home address is protected data."""

    kind: Literal["home", "other", "video"]
    text: Line | None = None


class Meeting(Value):
    """One version of a meeting. `zone` is the IANA zone people meant; a rebooking has the same id and the next version."""

    id: UUID
    version: Version
    starts_at: Instant
    ends_at: Instant | None = None
    zone: Line = "Europe/Stockholm"
    place: Place

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Meeting:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            message = "a meeting ends after it starts"
            raise ValueError(message)
        return self


class Question(Value):
    """What one invited party is asked to prepare; shown to that party only (section 5)."""

    unit: UnitId
    text: Line


class MeetingSummoned(Content):
    """K1, kallelse: to units that have a duty to come. `municipal_health_care` says that it is needed after a discharge (G16, LUS 4:1)."""

    meeting: Meeting
    purpose: Code
    convener: UnitContact
    duty_holder: Literal["principal"] = "principal"
    duty_basis: DutyBasis
    respond_by: Instant
    coordinator: UnitContact | None = None
    participating_units: tuple[UnitId, ...] = ()
    agenda: tuple[Line, ...] = ()
    interpreter_language: Line | None = None
    individual_attendance: Attendance | None = None
    evaluation_on: date | None = None
    preparation_ref: Line | None = None
    municipal_health_care: bool | None = None
    relatives_present: Annotated[int, Field(ge=0, le=20)] | None = None


class MeetingInvited(Content):
    """K2, inbjudan: to parties without a duty; the minimal profile (guard G4)."""

    meeting: Meeting
    purpose: Code
    convener: UnitContact
    duty_holder: Literal["none"] = "none"
    respond_by: Instant
    questions: tuple[Question, ...] = ()
    digital_option: Line | None = None


class Period(Value):
    """A proposed time."""

    starts_at: Instant
    ends_at: Instant | None = None


class Responder(Value):
    """Who answers for the unit."""

    name: Line
    role: Line
    protection: Protection | None = None


class MeetingResponse(Content):
    """K3: the answer of one participant to one version of a meeting."""

    meeting_id: UUID
    meeting_version: Version
    response: Literal["accept", "decline", "tentative", "propose-new-time", "delegate", "contact-us"]
    responder: Responder
    proposed_times: tuple[Period, ...] = ()
    reason: Code | None = None
    substitute_unit: UnitId | None = None
    substitute_name: Line | None = None
    written_input_ref: Line | None = None

    @model_validator(mode="after")
    def _complete(self) -> MeetingResponse:
        if (self.response == "propose-new-time") != bool(self.proposed_times):
            message = "times are proposed when, and only when, the response is propose-new-time"
            raise ValueError(message)
        if self.response == "delegate" and self.substitute_unit is None and self.substitute_name is None:
            message = "who delegates names a substitute"
            raise ValueError(message)
        return self


class MeetingRescheduled(Content):
    """K4: the same meeting, the next version. Earlier answers are void (guard G7)."""

    meeting: Meeting
    supersedes: Version
    convener: UnitContact
    respond_by: Instant
    reason: Code | None = None

    @model_validator(mode="after")
    def _next_version(self) -> MeetingRescheduled:
        if self.meeting.version != self.supersedes + 1:
            message = "a rebooking is the version after the one it supersedes"
            raise ValueError(message)
        return self


class MeetingCancelled(Content):
    """K5: called off. Recall class: it needs no basis and says nothing."""

    meeting_id: UUID
    meeting_version: Version
    code: Literal["no_further_messages"] = "no_further_messages"
    phone: Phone


class Held(Content):
    """When a meeting took place: the day, and from when to when on the clock where the sender says so too."""

    held_on: date
    starts_at: Instant | None = None
    ends_at: Instant | None = None

    @model_validator(mode="after")
    def _on_that_day(self) -> Self:
        if self.starts_at is not None and self.starts_at.astimezone(_SWEDEN).date() != self.held_on:
            message = "a meeting is held on the day it starts"
            raise ValueError(message)
        if self.ends_at is not None and (self.starts_at is None or self.ends_at <= self.starts_at):
            message = "a meeting ends after it starts"
            raise ValueError(message)
        return self


class MeetingHeld(Held):
    """M1: the meeting took place; what came of it."""

    meeting_id: UUID
    meeting_version: Version
    attended_units: tuple[UnitId, ...]
    individual: Literal["present", "absent_consented", "represented_by"]
    outcome: Literal["plan", "no_plan", "new_meeting"]
    interpreter_used: bool | None = None


_ID = UUID("7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001")
_EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")
_EVA_FULL = UnitContact(
    name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67", email="eva.kontakt@example.org", role="biståndshandläggare"
)
_TIME = p.NOON + timedelta(days=14)
_ROOM = Place(kind="other", text="Stadshuset, rum 3")


def _meeting(version: int = 1, *, full: bool = False) -> Meeting:
    return Meeting(
        id=_ID,
        version=version,
        starts_at=_TIME,
        ends_at=_TIME + ASSUMED_LENGTH if full else None,
        place=_ROOM if full else Place(kind="home"),
    )


TYPES = (
    MessageType(
        name="meeting.summoned",
        content=MeetingSummoned,
        minimal=lambda: MeetingSummoned(
            meeting=_meeting(), purpose="sip", convener=_EVA, duty_basis="SoL10:8", respond_by=p.NOON + timedelta(days=7)
        ),
        maximal=lambda: MeetingSummoned(
            meeting=_meeting(full=True),
            purpose="sip",
            convener=_EVA_FULL,
            duty_basis="agreement:barn-2024.1",
            respond_by=p.NOON + timedelta(days=7),
            coordinator=_EVA_FULL,
            participating_units=(p.HOME_CARE, p.CARE_CENTRE),
            agenda=("Boende", "Stöd i vardagen"),
            interpreter_language="finska",
            individual_attendance="represented_by",
            evaluation_on=date(2027, 3, 1),
            preparation_ref="förberedelse 1",
            municipal_health_care=True,
            relatives_present=1,
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
    ),
    MessageType(
        name="meeting.invited",
        content=MeetingInvited,
        minimal=lambda: MeetingInvited(meeting=_meeting(), purpose="sip", convener=_EVA, respond_by=p.NOON + timedelta(days=7)),
        maximal=lambda: MeetingInvited(
            meeting=_meeting(full=True),
            purpose="sip",
            convener=_EVA_FULL,
            respond_by=p.NOON + timedelta(days=7),
            questions=(Question(unit=p.FK, text="Frågor om sjukpenning"), Question(unit=p.AF, text="Praktik")),
            digital_option="Länk skickas av sammankallande",
        ),
        to=(p.FK,),
    ),
    MessageType(
        name="meeting.response",
        content=MeetingResponse,
        minimal=lambda: MeetingResponse(
            meeting_id=_ID, meeting_version=1, response="accept", responder=Responder(name="Hanna Hemtjänst", role="enhetschef")
        ),
        maximal=lambda: MeetingResponse(
            meeting_id=_ID,
            meeting_version=1,
            response="propose-new-time",
            responder=Responder(name="Hanna Hemtjänst", role="enhetschef"),
            proposed_times=(
                Period(starts_at=_TIME + timedelta(days=1), ends_at=_TIME + timedelta(days=1, hours=1)),
                Period(starts_at=_TIME),
            ),
            reason="busy",
            substitute_unit=p.SOCIAL_SERVICES,
            substitute_name="Sune Socialtjänst",
            written_input_ref="skriftligt underlag 1",
        ),
        to=(p.CONTACT,),
        subject="optional",
        sent_by="participant",
    ),
    MessageType(
        name="meeting.rescheduled",
        content=MeetingRescheduled,
        minimal=lambda: MeetingRescheduled(meeting=_meeting(2), supersedes=1, convener=_EVA, respond_by=p.NOON + timedelta(days=7)),
        maximal=lambda: MeetingRescheduled(
            meeting=_meeting(2, full=True), supersedes=1, convener=_EVA_FULL, respond_by=p.NOON + timedelta(days=7), reason="busy"
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
    ),
    MessageType(
        name="meeting.cancelled",
        content=MeetingCancelled,
        minimal=lambda: MeetingCancelled(meeting_id=_ID, meeting_version=1, phone="090-123 45 67"),
        maximal=lambda: MeetingCancelled(meeting_id=_ID, meeting_version=2, phone="+46 90 123 45 67"),
        to=(p.HOME_CARE, p.CARE_CENTRE),
        subject="none",
    ),
    MessageType(
        name="meeting.held",
        content=MeetingHeld,
        minimal=lambda: MeetingHeld(
            meeting_id=_ID, meeting_version=1, held_on=p.DAY, attended_units=(p.HOME_CARE,), individual="present", outcome="plan"
        ),
        maximal=lambda: MeetingHeld(
            meeting_id=_ID,
            meeting_version=2,
            held_on=p.DAY,
            starts_at=p.NOON,
            ends_at=p.NOON + timedelta(minutes=90),
            attended_units=(p.HOME_CARE, p.CARE_CENTRE),
            individual="represented_by",
            outcome="no_plan",
            interpreter_used=True,
        ),
        to=(p.HOME_CARE, p.CARE_CENTRE),
    ),
)
