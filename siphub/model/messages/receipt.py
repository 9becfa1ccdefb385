"""Receipts and the stop notice: T1 to T3 and the recall class (LIFECYCLE sections 2 and 3).

A receipt says that something arrived, was stored, or was read by a person: three different things, never mixed up.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from siphub.model import people as p
from siphub.model.base import Code, Instant, Line, Phone
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId


class TransportReceipt(Content):
    """T1: the transport handed it over."""

    message_id: UUID
    unit: UnitId
    at: Instant


class Received(Content):
    """T2: the recipient's system has parsed and stored it."""

    message_id: UUID
    unit: UnitId
    at: Instant
    duplicate: bool = False


class NotReceived(Content):
    """T2, the other way: the recipient's system could not take it."""

    message_id: UUID
    unit: UnitId
    at: Instant
    severity: Literal["transient", "fatal"]
    code: Code


class Read(Content):
    """T3: a person has read it."""

    message_id: UUID
    unit: UnitId
    at: Instant
    reader_role: Line
    reader_name: Line | None = None


class StopNotice(Content):
    """The one recall text. It tells nobody why: withdrawal, cancellation, expiry and closing look the same."""

    case_reference: UUID
    about: Literal["meeting", "plan"]
    about_id: UUID
    about_version: Annotated[int, Field(ge=1, le=10_000)]
    code: Literal["no_further_messages"] = "no_further_messages"
    phone: Phone | None = None


_ORIGINAL = UUID("3f0c4d7e-0d5c-4f0e-9d0b-0a4f5b1f0001")
_CASE = UUID("5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001")
_MEETING = UUID("7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001")

TYPES = (
    MessageType(
        name="ack.transport",
        content=TransportReceipt,
        minimal=lambda: TransportReceipt(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON),
        maximal=lambda: TransportReceipt(message_id=_ORIGINAL, unit=p.CARE_CENTRE, at=p.NOON),
        subject="none",
        internal=True,
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="ack.received",
        content=Received,
        minimal=lambda: Received(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON),
        maximal=lambda: Received(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON, duplicate=True),
        subject="none",
        internal=True,
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="nack",
        content=NotReceived,
        minimal=lambda: NotReceived(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON, severity="transient", code="system.down"),
        maximal=lambda: NotReceived(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON, severity="fatal", code="content.refused"),
        subject="none",
        internal=True,
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="ack.read",
        content=Read,
        minimal=lambda: Read(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON, reader_role="enhetschef"),
        maximal=lambda: Read(message_id=_ORIGINAL, unit=p.HOME_CARE, at=p.NOON, reader_role="enhetschef", reader_name="Hanna Hemtjänst"),
        subject="none",
        internal=True,
        classification="open-logistics",
        sent_by="participant",
    ),
    MessageType(
        name="stop.notice",
        content=StopNotice,
        minimal=lambda: StopNotice(case_reference=_CASE, about="meeting", about_id=_MEETING, about_version=1),
        maximal=lambda: StopNotice(case_reference=_CASE, about="plan", about_id=_MEETING, about_version=2, phone="090-123 45 67"),
        to=(p.HOME_CARE,),
        subject="none",
        classification="open-logistics",
        sent_by="hub",
    ),
)
