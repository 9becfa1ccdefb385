"""The tables of docs/fhir.md and the files of mappings/fhir-r4, made of the FHIR plugin's own tables for docs/generate.py."""

from __future__ import annotations

import json
from collections.abc import Iterator

from siphub_fhir.conformance import artefacts as made
from siphub_fhir.conformance.codes import codes_of, systems
from siphub_fhir.vocabulary import EXTENSIONS

FOLDER = "mappings/fhir-r4"
"""The folder of the conformance resources; nothing else stands in it."""


def artefacts() -> dict[str, str]:
    """Return FHIR's conformance resources, as they are written, by the name of their file."""
    return {f"{FOLDER}/{one['resourceType']}-{one['id']}.json": json.dumps(one, ensure_ascii=False, indent=2) + "\n" for one in made()}


def extensions() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table of extensions; the parts of one stand in its own row."""
    for one in EXTENSIONS.values():
        if one.on:
            parts = ", ".join(f"`{name.partition('/')[2]}`" for name in EXTENSIONS if name.startswith(f"{one.name}/"))
            yield f"`{one.name}`", one.kind, ", ".join(one.on), f"{one.en} Parts: {parts}." if parts else one.en


def codes() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table of code systems."""
    for row in systems():
        yield f"`{row.system}`", f"{row.en}.", ", ".join(f"`{one.code}`" for one in codes_of(row.system))
