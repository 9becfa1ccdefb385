"""What a record keeper is: the way into an organisation's own journal or registry, which keeps the record when the hub has erased its copy.

A package is a document for people (PDF/A) and a small JSON beside it for the registry's machine. The registry answers each package with a
reference of its own; until it has, the hub erases nothing. A keeper must never name a file, a folder or a queue after anything but the
package's id, and never confirm by itself.

The metadata is canonical JSON (UTF-8, sorted keys, no spaces) of `siphub-record/1`:

    format               siphub-record/1
    package              the package's id, a UUID
    organisation         the number of the organisation whose record this is
    case_id, message_id  UUIDs, the same in every system that took part
    type                 the message's type, such as `meeting.summoned`
    direction            `sent` or `received`, seen from that organisation
    sender               {unit, organisation}
    recipients           units, and references to people of the case, as far as this organisation may see them
    sent_at              what the sender said
    at                   when the hub took the message (`sent`), or when it reached this organisation (`received`)
    subject              who the case is about: the identity as in the message, so that a registry can file it. Absent where not shown
    registry_number      the sender's own, where the message has one
    basis                `own_data`, or the disclosure basis under which it was received
    pdf                  {name, sha256, bytes}
    message_sha256       of the canonical message: as the sender's JSON for the owner's own copy, else of what this organisation received
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from siphub.contract.adapter import Check, Recipient
from siphub.contract.outcome import Outcome

FORMAT = "siphub-record/1"
REFERENCE_LIMIT = 200
_REFERENCE = re.compile(rf"[\w./:,;+*#&()=\[\] -]{{1,{REFERENCE_LIMIT}}}")


@dataclass(frozen=True, slots=True, repr=False)
class RecordPackage:
    """One message as it becomes a record of one organisation.

    Args:
        package_id: A UUID, the same for every attempt; it alone names files.
        owner: The organisation whose record it becomes.
        case_id: Which case.
        message_id: Which message.
        direction: `sent` or `received`, seen from that organisation.
        unit: The other side: the unit that sent what was received, or the first recipient of what was sent; empty where there was none.
        at: When it was sent or received, UTC.
        type: The message's type.
        pdf: The document, PDF/A.
        metadata: Canonical JSON; the module says what is in it.
    """

    package_id: str
    owner: str
    case_id: str
    message_id: str
    direction: Literal["sent", "received"]
    unit: str
    at: datetime
    type: str
    pdf: bytes
    metadata: bytes

    @property
    def pdf_name(self) -> str:
        """What the document is called."""
        return f"{self.package_id}.pdf"

    @property
    def metadata_name(self) -> str:
        """What the metadata is called."""
        return f"{self.package_id}.json"

    def __repr__(self) -> str:
        return f"RecordPackage({self.package_id}, {self.type}, {self.direction}, …)"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The registry has the package, for good. `reference` is the registry's own name for it, `at` when it said so."""

    package_id: str
    reference: str
    at: datetime


def sane_reference(text: str) -> str | None:
    """Return a registry's reference without white space around it, or None where it is none: empty, longer than 200, or with odd characters."""
    said = text.strip()
    return said if _REFERENCE.fullmatch(said) else None


@runtime_checkable
class RecordKeeper(Protocol):
    """One way into journals and registries. `address` is where an organisation's copies go, as the directory says; its `unit` is empty."""

    @property
    def name(self) -> str:
        """The name by which the directory's `records` address names it, unique in a hub."""

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Hand one package over: one attempt, no loop. The same package again is no second record.

        Delivered and Accepted both mean that the registry has it and has not confirmed it yet.
        """

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Return what the registry has confirmed, the same again until it is settled. What is half-written or unreadable is left out."""

    def settle(self, package_id: str, address: Recipient) -> None:
        """Take away what is left of a package outside the registry: the hub has stored its confirmation, or a withdrawal came meanwhile.

        May be called again, also where nothing is there.
        """

    def check(self) -> Iterable[Check]:
        """Say what would make this keeper fail tomorrow."""

    def close(self) -> None:
        """Let go of connections and files."""
