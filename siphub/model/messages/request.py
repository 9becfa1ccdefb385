"""The request for a SIP and the answer and assessment that follow: R1, R3, N1, N2 (LIFECYCLE section 2; REQ-29 to REQ-37, REQ-48 to REQ-50)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from siphub.model import people as p
from siphub.model.base import Code, Instant, Line, Phone, Text, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.person import CasePerson, Network, NetworkContact, Protection, StaffMember
from siphub.model.upcast import STORED


class Requester(Value):
    """Who asks: name and at least one way to reach them (REQ-28, REQ-33)."""

    kind: Literal["individual", "relative", "guardian"]
    name: Line
    phone: Phone | None = None
    email: Line | None = None
    protection: Protection | None = None

    @model_validator(mode="after")
    def _can_be_reached(self, info: ValidationInfo) -> Requester:
        if self.phone is None and self.email is None and info.context != STORED:
            message = "whoever asks gives a telephone number or an e-mail address"
            raise ValueError(message)
        return self


class Preparation(Value):
    """The five free texts of the request form (S4). They belong to the individual and reach nobody but the contact (REQ-34, REQ-90)."""

    my_contacts: Text | None = None
    my_experience: Text | None = None
    needs_and_wishes: Text | None = None
    how_i_want_it: Text | None = None
    coordinator_wish: Text | None = None


class SipRequested(Content):
    """R1: somebody asks for a SIP; it goes to the contact and nobody else. `network` is who is around the individual (REQ-48)."""

    requester: Requester
    receiving_unit: UnitId
    receiving_contact: Line | None = None
    requested_on: date
    preparation: Preparation | None = None
    network: Network | None = None
    interpreter_language: Line | None = None
    recorded_by: StaffMember | None = None


class NeedAssessed(Content):
    """N1: whether a plan is needed, who says so, and whether the individual agrees (REQ-3). The reason stays local."""

    needed: bool
    assessed_by: StaffMember
    assessed_at: Instant
    eligibility_basis: Literal["general", "discharge", "local"]
    individual_agrees: bool
    reason: Text | None = None


class ParticipantsApproved(Content):
    """N2: the units and people the individual wants at the table; a new one replaces it (REQ-50, guard G2).

    `people` are those on the individual's side: the individual, guardians, representatives, relatives chosen, and relatives objected to.
    `network` is the map they were chosen from, drawn by the individual and the contact (REQ-48); it allows nothing by itself.
    """

    units: Annotated[tuple[UnitId, ...], Field(min_length=1, max_length=200)]
    approved_on: date
    approved_how: Literal["oral", "written"]
    people: Annotated[tuple[CasePerson, ...], Field(max_length=30)] = ()
    wishes: Text | None = None
    network: Network | None = None

    @model_validator(mode="after")
    def _each_once(self) -> ParticipantsApproved:
        if len({person.ref for person in self.people}) != len(self.people):
            message = "a person is named twice"
            raise ValueError(message)
        return self


class RequestAnswered(Content):
    """R3: the answer to a request or proposal (REQ-31).

    The individual's side reads the decision and whom to call; anybody else gets `receipt` and nothing more, the same for a known, an
    unknown, a refusing and a protected person.
    """

    receipt: Literal["received"] = "received"
    decision: Literal["start", "decline"]
    reason: Code
    contact_name: Line
    contact_phone: Phone
    answered_on: date
    proposed_time: Instant | None = None


def _preparation() -> Preparation:
    return Preparation(
        my_contacts="Hemtjänsten, vårdcentralen och min handläggare.",
        my_experience="Jag får berätta samma sak om och om igen.",
        needs_and_wishes="En plan som alla känner till.",
        how_i_want_it="Att någon ringer mig när det ändras.",
        coordinator_wish="Gärna Eva på hemtjänsten.",
    )


def _network() -> tuple[NetworkContact, ...]:
    return (
        NetworkContact(
            kind="person",
            name="Siv Provsdotter",
            relation="syster",
            phone="070-174 06 06",
            wanted_at_meeting="yes",
            agrees_to_be_named=True,
        ),
        NetworkContact(
            kind="organisation",
            organisation="Hemtjänsten i Norrby",
            name="Hanna Hemtjänst",
            role="undersköterska",
            phone="090-765 43 21",
            email="hanna.hemtjanst@example.org",
        ),
    )


TYPES = (
    MessageType(
        name="sip.requested",
        content=SipRequested,
        minimal=lambda: SipRequested(
            requester=Requester(kind="individual", name=p.SUBJECT_NAME, phone="070-174 06 05"),
            receiving_unit=p.CONTACT,
            requested_on=p.DAY,
        ),
        maximal=lambda: SipRequested(
            requester=Requester(kind="relative", name="Siv Provsdotter", phone="070-174 06 06", email="siv@example.org"),
            receiving_unit=p.CONTACT,
            receiving_contact="Eva Kontakt",
            requested_on=p.DAY,
            preparation=_preparation(),
            network=_network(),
            interpreter_language="finska",
            recorded_by=StaffMember(name="Eva Kontakt", unit=p.CONTACT),
        ),
        to=(p.CONTACT,),
        classification="sensitive",
    ),
    MessageType(
        name="sip.request.answered",
        content=RequestAnswered,
        minimal=lambda: RequestAnswered(
            decision="start", reason="agreed", contact_name="Eva Kontakt", contact_phone="090-123 45 67", answered_on=p.DAY
        ),
        maximal=lambda: RequestAnswered(
            decision="decline",
            reason="no-need",
            contact_name="Eva Kontakt",
            contact_phone="090-123 45 67",
            answered_on=p.DAY,
            proposed_time=p.NOON + timedelta(days=14),
        ),
        to=("individual",),
    ),
    MessageType(
        name="need.assessed",
        content=NeedAssessed,
        minimal=lambda: NeedAssessed(
            needed=True,
            assessed_by=StaffMember(name="Eva Kontakt", unit=p.CONTACT),
            assessed_at=p.NOON,
            eligibility_basis="general",
            individual_agrees=True,
        ),
        maximal=lambda: NeedAssessed(
            needed=False,
            assessed_by=StaffMember(name="Eva Kontakt", unit=p.CONTACT),
            assessed_at=p.NOON,
            eligibility_basis="discharge",
            individual_agrees=False,
            reason="Behovet täcks av en insats.",
        ),
        internal=True,
    ),
    MessageType(
        name="participants.approved",
        content=ParticipantsApproved,
        minimal=lambda: ParticipantsApproved(units=(p.HOME_CARE,), approved_on=p.DAY, approved_how="oral"),
        maximal=lambda: ParticipantsApproved(
            units=(p.HOME_CARE, p.CARE_CENTRE, p.SOCIAL_SERVICES),
            approved_on=p.DAY,
            approved_how="written",
            people=(
                CasePerson(
                    ref=PersonRef("individual"), name=p.SUBJECT_NAME, address_lines=("Provgatan 1", "123 45 Norrby"), phone="070-174 06 05"
                ),
                CasePerson(ref=PersonRef("relative/1"), name="Siv Provsdotter", relation="syster", chosen=True, agrees_to_be_named=True),
                CasePerson(ref=PersonRef("relative/2"), name="Bror Provsson", relation="bror", objection=True),
            ),
            wishes="Inte min bror.",
            network=_network(),
        ),
        internal=True,
    ),
)
