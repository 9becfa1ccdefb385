"""Code systems of ours, and for each the value set with all of its codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from siphub_fhir.conformance.heading import canonical, heading
from siphub_fhir.lens import Resource
from siphub_fhir.vocabulary import CODES, CodeOfOurs, system

OPEN: Final = frozenset({"code", "purpose", "reason"})
"""Systems that senders have codes of their own in: ours are only the ones we write."""


def systems() -> Iterator[CodeOfOurs]:
    """Yield every code system, as its row without a code."""
    return (row for row in CODES.values() if not row.code)


def codes_of(name: str) -> list[CodeOfOurs]:
    """Return the codes of one system, in order."""
    return [row for row in CODES.values() if row.system == name and row.code]


def code_systems() -> Iterator[Resource]:
    """Yield the CodeSystems. Those that senders add to are fragments, and one of which we have no code says so."""
    for row in systems():
        concepts = [
            {"code": one.code, "display": one.en, "designation": [{"language": "sv", "value": one.sv}]} for one in codes_of(row.system)
        ]
        content = "not-present" if not concepts else "fragment" if row.system in OPEN else "complete"
        yield heading("CodeSystem", row.system, row.en, row.sv) | {
            "caseSensitive": True,
            "valueSet": canonical("ValueSet", row.system),
            "content": content,
            **({"count": len(concepts)} if content == "complete" else {}),
            **({"concept": concepts} if concepts else {}),
        }


def value_sets() -> Iterator[Resource]:
    """Yield the ValueSets: all codes of one system each."""
    for row in systems():
        yield heading("ValueSet", row.system, row.en, row.sv) | {"compose": {"include": [{"system": system(row.system)}]}}
