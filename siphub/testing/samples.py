"""Cuts of the sample messages, for tests of adapters, packs and partners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from siphub.contract import Cut
from siphub.model import Message, sample, sample_directory
from siphub.model import people as p
from siphub.policy import disclosure

RECIPIENT_OF_KIND: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contact": p.CONTACT,
        "convener": p.CONTACT,
        "duty": p.HOME_CARE,
        "agency": p.FK,
        "outside": p.FK,
        "individual": "individual",
        "guardian": "guardian/1",
        "guardian_restricted": "guardian/2",
        "representative": "representative/1",
        "relative": "relative/1",
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
        shown = dict.fromkeys((frozenset[str](), frozenset(rule.show_with)))
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
