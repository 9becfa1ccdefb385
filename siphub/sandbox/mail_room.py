"""A mail room: what lies in an outbox of letters, as the people who empty it find it, by the note beside each letter.

It must never know the hub, and never look anywhere but into its outbox.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One letter: what its note says of it, and its bytes."""

    message_id: str
    message_type: str
    case_id: str
    recipient: str
    body: bytes

    def __repr__(self) -> str:
        return f"Letter({self.message_type} to {self.recipient}, {len(self.body)} bytes)"

    @property
    def sha256(self) -> str:
        """The hash of its bytes."""
        return sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class MailRoom:
    """One outbox."""

    outbox: Path

    def letters(self) -> tuple[Letter, ...]:
        """Return what is to be posted, oldest first; a note whose letter is not there yet is none."""
        notes = [(file, json.loads(file.read_bytes())) for file in sorted(self.outbox.glob("[!.]*.json"), key=_age)]
        found = [(note, file.with_name(note["letter"])) for file, note in notes]
        return tuple(
            Letter(note["message_id"], note["message_type"], note["case"], note["recipient"], letter.read_bytes())
            for note, letter in found
            if letter.is_file()
        )


def _age(file: Path) -> int:
    return file.stat().st_mtime_ns
