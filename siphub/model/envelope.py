"""The envelope every message travels in, and the registry of message types.

A message is frozen and complete: what it says about owner, sender, subject and basis is what the policy decides on.
The subject's identity is content: it must never reach a routing word, a log or a file name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, create_model, model_validator

from siphub.model.base import Code, Instant, Line, Value
from siphub.model.identifiers import Addressee, OrganisationNumber, UnitId
from siphub.model.person import Author, Person

SCHEMA_VERSION = "1.0"

Classification = Literal["open-logistics", "person-data", "sensitive"]
BasisCode = Literal["consent", "statutory_duty", "secrecy_assessed", "osl_25_12", "osl_26_9", "osl_25_13"]


class Content(Value):
    """What a message says; each message type has a subclass of its own."""


class Sender(Value):
    """The unit a message comes from and the organisation it belongs to (G13)."""

    unit: UnitId
    organisation: OrganisationNumber


class BasisClaim(Value):
    """The disclosure basis the sending organisation states (LIFECYCLE section 3); decider and time where it was a decision."""

    code: BasisCode
    consent_refs: tuple[UUID, ...] = ()
    decided_by: Line | None = None
    decided_at: Instant | None = None
    reason: Code | None = None

    @model_validator(mode="after")
    def _decided(self) -> BasisClaim:
        if self.code not in {"consent", "statutory_duty"} and (self.decided_by is None or self.decided_at is None):
            message = "a basis that is a decision needs decided_by and decided_at"
            raise ValueError(message)
        return self


class ConsentStatement(Value):
    """What a recipient may rely on when it speaks with the sender: since when, both ways or one, until when (LIFECYCLE 5.3).

    The hub writes it into a recipient's cut, from the grants as they stand at the claim; what a sender writes here counts for nothing.
    `registered_at_af` is what the consent says of that, and is stated to Arbetsförmedlingen alone.
    """

    since: Instant
    direction: Literal["to", "from", "both"]
    until: Instant | None = None
    registered_at_af: Literal["yes", "no", "unknown"] | None = None


class Message(Value):
    """Envelope and content (LIFECYCLE section 2).

    `recipients` are units, and people of the case, who are reached by letter; which of them get it, and how much of it, is the policy's
    decision. Messages for the hub's own eyes (need, participants, consents) have none.
    """

    schema_version: Literal["1.0"] = "1.0"
    message_id: UUID
    type: str
    case_id: UUID
    owner: OrganisationNumber
    conversation_id: UUID | None = None
    causation_id: UUID | None = None
    sent_at: Instant
    sender: Sender
    author: Author
    recipients: Annotated[tuple[Addressee, ...], Field(max_length=200)] = ()
    subject: Person | None = None
    basis: BasisClaim | None = None
    classification: Classification = "person-data"
    expires_at: Instant | None = None
    ack_requested: bool = True
    registry_number: Line | None = None
    consent_statement: ConsentStatement | None = None
    content: Content

    @model_validator(mode="after")
    def _distinct_recipients(self) -> Message:
        if len(set(self.recipients)) != len(self.recipients):
            message = "a recipient is named twice"
            raise ValueError(message)
        return self

    def to_json(self) -> bytes:
        """Return the canonical JSON: UTF-8, fields in a fixed order, absent fields left out."""
        return self.model_dump_json(exclude_none=True).encode()

    def to_document(self) -> dict[str, Any]:
        """Return the canonical JSON shape as plain Python values."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of the catalogue: its name, its content, and how to make samples of it.

    `minimal` and `maximal` return contents; `to` says whom a sample is addressed to (by the names in `siphub.model.samples`).
    `subject` says whether the envelope names the person: `required`, `optional` (an answer in a known case), or `none`
    (a proposal before consent, receipts, notices). `internal` types are for the hub alone and have no recipients.
    """

    name: str
    content: type[Content]
    minimal: Callable[[], Content]
    maximal: Callable[[], Content]
    to: tuple[str, ...] = ()
    classification: Classification = "person-data"
    subject: Literal["required", "optional", "none"] = "required"
    internal: bool = False
    sent_by: Literal["contact", "participant", "hospital", "hub"] = "contact"

    def model(self) -> type[Message]:
        """Return the message class of this type, made once."""
        subject: Any = {"required": (Person, ...), "optional": (Person | None, None), "none": (None, None)}[self.subject]
        recipients: Any = (Annotated[tuple[Addressee, ...], Field(max_length=0 if self.internal else 200)], () if self.internal else ...)
        literal: Any = Literal[self.name]
        return create_model(
            "Message_" + self.name.replace(".", "_"),
            __base__=Message,
            __doc__=f"Message of type `{self.name}`: {(self.content.__doc__ or '').splitlines()[0]}",
            type=(literal, ...),
            content=(self.content, ...),
            subject=subject,
            recipients=recipients,
        )
