"""Somebody proposes a SIP: R2 (LIFECYCLE section 2; REQ-31). Until there is a consent it says nothing of the person it is about."""

from __future__ import annotations

from datetime import date
from typing import Literal

from siphub.model import people as p
from siphub.model.base import Code, Line, Phone, Value
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId
from siphub.model.person import Protection


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


TYPES = (
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
