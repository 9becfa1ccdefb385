"""A way in that a standard prescribes: an address of its own, answers of its own, and its own word on what has come before.

The hub does everything else as at its own address: it authenticates first, reads no more than it takes, decides, commits, and then answers.
A door never decides what is accepted; it may refuse what its standard says has been used for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from siphub.contract.reader import ReaderInfo, Submission
from siphub.errors import Refused
from siphub.model import Message


@dataclass(frozen=True, slots=True)
class DoorInfo:
    """Where a standard's messages are handed in, below the hub's address.

    Args:
        path: The first step, such as `fhir`: lower-case letters, digits and hyphens.
        operation: What messages are POSTed to, such as `$process-message`.
        description: Where the door describes itself, such as `metadata`.
        media_types: What it takes and answers in, the first where a caller takes anything, each with the names it also goes by.
    """

    path: str
    operation: str
    description: str
    media_types: Mapping[str, frozenset[str]]


@runtime_checkable
class StandardDoor(Protocol):
    """A reader that has a door of its own. Bodies are in one of the door's media types."""

    @property
    def info(self) -> ReaderInfo:
        """The reader's datasheet."""

    @property
    def door(self) -> DoorInfo:
        """Where the door is."""

    def before(self, submission: Submission, message: Message, organisation: str) -> None:
        """Look at what the standard's own ids say, before an organisation's message is accepted.

        Raises:
            Refused: They were used for something else, or are missing.
        """

    def after(self, submission: Submission, message: Message, organisation: str) -> None:
        """Remember those ids: the message was accepted. May be called again."""

    def taken(self, submission: Submission, message: Message, answer: Mapping[str, object], media_type: str) -> bytes:
        """Return the answer to what was accepted; `answer` is what /v1/messages would have said. The same for a repeat."""

    def refused(self, submission: Submission | None, error: Refused, media_type: str) -> bytes:
        """Return the answer to what was not accepted, or could not be now; without the submission where it was not read."""

    def described(self, address: str, media_type: str) -> bytes:
        """Return what the door says of itself; `address` is its own, without the operation."""
