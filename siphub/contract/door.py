"""A way in that a standard prescribes: an address of its own, answers of its own, and ids of its own that stand for one thing each.

The hub does everything else as at its own address: it authenticates first, reads no more than it takes, decides, commits, and then answers.
A door never decides what is accepted and keeps nothing: it says what its standard's ids stand for, and the hub keeps that with the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from siphub.contract.reader import ReaderInfo, Submission
from siphub.errors import Problem, Refused
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


@dataclass(frozen=True, slots=True)
class StandardId:
    """An id that a standard gives to what carries a message, such as an envelope: whenever it comes again, it stands for the same.

    It is used when the message is accepted, by its organisation alone, and for as long as the message's answer is kept. The hub keeps keyed
    hashes of `name` and `means`, never themselves.

    Args:
        name: What it is an id of, and the id, such as `bundle/6f1c…`.
        means: What it stands for.
        reused: What is said, with 409, where it stood for something else: a code, a sentence, and the place.
    """

    name: str = field(repr=False)
    means: str = field(repr=False)
    reused: Problem


@runtime_checkable
class StandardDoor(Protocol):
    """A reader that has a door of its own. Bodies are in one of the door's media types."""

    @property
    def info(self) -> ReaderInfo:
        """The reader's datasheet."""

    @property
    def door(self) -> DoorInfo:
        """Where the door is."""

    def ids(self, submission: Submission, message: Message) -> tuple[StandardId, ...]:
        """Return the standard's own ids of what was read as a message; the first that stood for something else is what the caller is told.

        Raises:
            Refused: One is missing.
        """

    def taken(self, submission: Submission, message: Message, answer: Mapping[str, object], media_type: str) -> bytes:
        """Return the answer to what was accepted; `answer` is what /v1/messages would have said. The same for a repeat."""

    def refused(self, submission: Submission | None, error: Refused, media_type: str) -> bytes:
        """Return the answer to what was not accepted, or could not be now; without the submission where it was not read."""

    def described(self, address: str, media_type: str) -> bytes:
        """Return what the door says of itself; `address` is its own, without the operation."""
