"""Cuts of the sample messages, for tests of adapters, packs and partners."""

from __future__ import annotations

from siphub.contract import Cut
from siphub.model import Message


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
