"""Who is protected in a case, by the messages that were taken, and what of theirs partners must then not read: a second opinion on G10.

It looks at bytes that partners hold. What it knows it has from the messages alone. It must never import the policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from siphub.model import Message
from siphub.model import people as p

CLEARED = frozenset({p.CONTACT})
"""The functions of the sample directory that may handle protected people's data."""
OWN_SIDE = frozenset({"given_name", "ref", "identity"})
"""Keys by which somebody of the individual's side is told from staff."""
WORDS = ("name", "phone", "email", "family_name")


@dataclass
class Witness:
    """What of one case must not be read by whoever is not cleared: `words` of protected people, `homes` once one of them may live there."""

    words: set[str] = field(default_factory=set)
    homes: set[str] = field(default_factory=set)
    own_side: bool = False

    def take(self, message: Message) -> None:
        """Write down whom a message that was taken says to be protected, and where it says that the individual lives."""
        for person, phone in _people(message.to_document()):
            self.own_side |= bool(OWN_SIDE & set(person))
            number = person.get("identity", {}).get("value")
            told = (phone, number, *(person.get(key) for key in WORDS))
            self.words |= {str(word) for word in told if word}
        self.homes |= set(_homes(message.to_document()))

    def read(self, recipient: str, text: str) -> list[str]:
        """Return what a recipient can read and must not: words of protected people, and their home."""
        if recipient in CLEARED:
            return []
        hidden = self.words | self.homes if self.own_side else self.words
        return sorted(word for word in hidden if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text))


def _people(node: Any, phone: str | None = None) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Yield everybody who is said to be protected, with the number that stands beside them."""
    if isinstance(node, Mapping):
        if node.get("protection"):
            yield node, phone
        for key, part in node.items():
            yield from _people(part, node.get(f"{key}_phone"))
    elif isinstance(node, list):
        for part in node:
            yield from _people(part)


def _homes(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if node.get("kind") == "home" and node.get("text"):
            yield node["text"]
        for part in node.values():
            yield from _homes(part)
    elif isinstance(node, list):
        for part in node:
            yield from _homes(part)
