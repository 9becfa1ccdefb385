"""Somebody proposes a SIP, or a huvudman takes the initiative to one: R2 (LIFECYCLE section 2; REQ-8, REQ-29 to REQ-31).

Until there is a consent nobody is told anything of the person it is about.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from siphub.model import people as p
from siphub.model.base import Code, Instant, Line, Phone, Text, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId
from siphub.model.person import Protection, StaffMember


class Proposer(Value):
    """Who proposes, and how to reach them; never the person it is about."""

    kind: Literal["unit", "relative", "other"]
    name: Line
    phone: Phone
    protection: Protection | None = None


class SipProposed(Content):
    """R2: a proposal that must be handled and answered, and binds nobody. The reason and the person stay with the proposer."""

    proposer: Proposer
    receiving_unit: UnitId
    proposed_on: date
    basis: Literal["general", "discharge", "local"]
    purpose: Code | None = None


class SipInitiated(Content):
    """R2: a region or municipality, or the fast vårdkontakt, takes the initiative: it has found a plan needed, and that binds the other huvudman.

    The person stands in the envelope for the hub and the initiator's own record; the other huvudman's unit sees neither person nor reason.
    """

    initiator: StaffMember
    initiator_phone: Phone
    receiving_unit: UnitId
    need_assessed_by: StaffMember
    need_assessed_at: Instant
    basis: Literal["general", "discharge", "local"]
    reason: Text | None = None


_EVA = StaffMember(name="Eva Kontakt", unit=p.CONTACT)

TYPES = (
    MessageType(
        name="sip.initiated",
        content=SipInitiated,
        minimal=lambda: SipInitiated(
            initiator=_EVA,
            initiator_phone="090-123 45 67",
            receiving_unit=p.CARE_CENTRE,
            need_assessed_by=_EVA,
            need_assessed_at=p.NOON,
            basis="general",
        ),
        maximal=lambda: SipInitiated(
            initiator=_EVA,
            initiator_phone="090-123 45 67",
            receiving_unit=p.CARE_CENTRE,
            need_assessed_by=StaffMember(name="Bo Bistånd", unit=p.CONTACT),
            need_assessed_at=p.NOON,
            basis="discharge",
            reason="Flera insatser måste hänga ihop.",
        ),
        to=(p.CARE_CENTRE,),
    ),
    MessageType(
        name="sip.proposed",
        content=SipProposed,
        minimal=lambda: SipProposed(
            proposer=Proposer(kind="unit", name="Vera Vårdcentral", phone="090-765 43 21"),
            receiving_unit=p.CONTACT,
            proposed_on=p.DAY,
            basis="general",
        ),
        maximal=lambda: SipProposed(
            proposer=Proposer(kind="other", name="Vera Vårdcentral", phone="090-765 43 21"),
            receiving_unit=p.CONTACT,
            proposed_on=p.DAY,
            basis="discharge",
            purpose="sip",
        ),
        to=(p.CONTACT,),
        subject="none",
        classification="open-logistics",
    ),
)
