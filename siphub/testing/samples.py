"""Cuts of the sample messages, for tests of adapters, packs and partners."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any, Final

from siphub.contract import Cut
from siphub.errors import Refused
from siphub.model import Message, parse_message, sample, sample_directory
from siphub.model import people as p
from siphub.policy import disclosure

RECIPIENT_OF_KIND: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contact": p.CONTACT,
        "convener": p.CONTACT,
        "duty": p.HOME_CARE,
        "agency": p.FK,
        "outside": p.FK,
        "bound": p.FK,
        "individual": "individual",
        "guardian": "guardian/1",
        "guardian_restricted": "guardian/2",
        "representative": "representative/1",
        "relative": "relative/1",
        "other_person": "relative/2",
        "*": p.HOME_CARE,
    }
)
"""A recipient of each kind that the table of disclosure knows."""


def whole_cut(message: Message, basis: str = "consent") -> Cut:
    """Return the cut of a recipient who may see everything."""
    return Cut(document=message.to_document(), basis=basis)


def cut_without(message: Message, *pointers: str, basis: str = "consent") -> Cut:
    """Return a cut without the fields named by JSON pointers; a field that is not there is no error."""
    document = message.to_document()
    for pointer in pointers:
        *steps, last = pointer.removeprefix("/").split("/")
        node: object = document
        for step in steps:
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(last, None)
    return Cut(document=document, basis=basis, omitted=pointers)


def policy_cuts(*, minimal: bool = True) -> Iterator[tuple[str, Cut]]:
    """Yield every cut the policy makes of the samples, with the least and the most that its rule shows, and a name for each."""
    directory = sample_directory()
    for rule in disclosure.rules():
        said = {disclosure.FROM} if rule.show_from else frozenset()
        shown = dict.fromkeys((frozenset[str](), frozenset(rule.show_with) | said))
        sizes = (False, True) if minimal else (True,)
        for name, basis, kind, maximal, granted in product(rule.types, rule.bases, rule.recipients, sizes, shown):
            message = sample(name, maximal=maximal)
            cut = disclosure.cut(
                message,
                rule,
                recipient=RECIPIENT_OF_KIND[kind],
                covered=disclosure.Covered(basis, granted),
                directory=directory,
                consent=sample(name, maximal=True).consent_statement,
            )
            yield f"{name}-{kind}-{basis}-{'maximal' if maximal else 'minimal'}-{len(granted)}", cut


@cache
def _policy_cuts_by_type() -> Mapping[str, tuple[Cut, ...]]:
    found: dict[str, tuple[Cut, ...]] = {}
    for _, cut in policy_cuts():
        found[cut.message_type] = (*found.get(cut.message_type, ()), cut)
    return found


def cuts_of(name: str) -> Iterator[Cut]:
    """Yield everything that can leave of one message type: the samples whole, with everybody protected, and cut by every rule of the policy."""
    for maximal in (False, True):
        message = sample(name, maximal=maximal)
        yield whole_cut(message)
        yield whole_cut(everybody_protected(message), "statutory_duty")
    yield from policy_cuts_of(name)


def policy_cuts_of(name: str) -> tuple[Cut, ...]:
    """Return every cut that a rule of the policy makes of one message type."""
    return _policy_cuts_by_type().get(name, ())


def is_let_out(name: str) -> bool:
    """Say whether any rule of the policy lets a message type out."""
    return name in _policy_cuts_by_type()


def everybody_protected(message: Message) -> Message:
    """Return a message in which everybody whose protection the model can say is protected, and without the addresses that would rule it out."""
    document = message.to_document()
    for holder in _objects(document):
        before = dict(holder)
        holder.pop("address_lines", None)
        holder["protection"] = "protected_registration"
        with suppress(Refused):
            parse_message(json.dumps(document).encode())
            continue
        holder.clear()
        holder.update(before)
    return parse_message(json.dumps(document).encode())


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document but the document itself."""
    for value in list(node.values()) if isinstance(node, dict) else node:
        if isinstance(value, dict):
            yield value
        if isinstance(value, (dict, list)):
            yield from _objects(value)
