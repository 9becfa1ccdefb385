"""What comes in from outside: bytes, the readers that understand them, and what they make of them.

A reader never invents an id, a unit or a consent: what the bytes do not carry is missing, and is said to be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeVar, runtime_checkable

from siphub.model import Message

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """Bytes somebody handed in. `media_type` is lower case, without parameters."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict, init=False, compare=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what `make` makes of the bytes: made when it is first asked for, and the same from then on, for as long as the bytes are here.

        For whoever looks at them more than once, as a reader with a door does. `name` is the reader's own; nobody changes what was made.
        """
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found

    def __repr__(self) -> str:
        return f"Submission({len(self.body)} bytes of {self.media_type})"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A foreign document as far as it carries SIP meaning: `content` in the canonical JSON shape, `missing` as JSON pointers."""

    content: Mapping[str, object]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Draft(missing={self.missing!r})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A partner's word about one delivery.

    `received`: parsed and stored (T2). `read`: a person has read it (T3). `rejected`: it will not be handled; `code` says why.
    `key` is the idempotency key the delivery was sent under. `reference` is the partner's own number of it, such as its registry's.
    """

    key: str
    kind: Literal["received", "read", "rejected"]
    at: datetime
    code: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something a partner has put there that no reader is to see: too large, no file, a receipt that says nothing. `code` says why."""

    code: str


@dataclass(frozen=True, slots=True)
class ReaderInfo:
    """The datasheet of a reader: its name and the media types it may recognise."""

    name: str
    media_types: frozenset[str]
    api: int = 1


@runtime_checkable
class Reader(Protocol):
    """Makes canonical values from foreign bytes. Pure, and hardened against hostile input."""

    @property
    def info(self) -> ReaderInfo:
        """The datasheet."""

    def recognises(self, submission: Submission) -> bool:
        """Say whether these bytes are this reader's; cheap, and never raises."""

    def read(self, submission: Submission) -> Message | Draft | Receipt:
        """Read the bytes.

        Raises:
            BadBody: They cannot be parsed; a problem carries the position.
            Invalid: They can, but are not what this reader's format says; problems carry pointers.
        """


UNKNOWN_PARTY: Final = "-"
"""The organisation of a party that an adapter does not know, although it can tell one from another."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Something fetched from a partner: settled only after our commit, deduplicated on (adapter, partner_id)."""

    partner_id: str
    content: Submission | Receipt | Unreadable
    cursor: str | None = None
    organisation: str | None = None
    """The organisation number of the partner whose endpoint it came from, as the adapter's own settings say; it is the caller.

    A receipt counts only where that is whom its delivery went to. None: the adapter cannot tell its partners apart, and whatever comes
    through it is the recipient's word. `UNKNOWN_PARTY`: it can, and does not know this one, whose receipt counts for nothing.
    """
    owner: str | None = None
    """The organisation number of the one of ours whose endpoint it came to: whose people look at it where it belongs to no case.

    A receipt that is polled (`Polls`) counts for a delivery of that owner only. None: the adapter cannot tell, or has one place for all.
    """
