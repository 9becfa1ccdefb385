"""What a partner reads to know what we send: StructureDefinitions, CodeSystems, ValueSets, ConceptMaps, MessageDefinitions, a CapabilityStatement.

All are made of the tables that the translation itself uses, so that they cannot say anything else than what leaves; docs/generate.py writes
them to mappings/fhir-r4, and `make check` holds them there. They must never have anything in them but what is in the code.
"""

from __future__ import annotations

from collections.abc import Iterator

from siphub_fhir.conformance.codes import code_systems, value_sets
from siphub_fhir.conformance.extensions import structure_definitions
from siphub_fhir.conformance.maps import concept_maps
from siphub_fhir.conformance.messages import capability_statement, message_definitions
from siphub_fhir.lens import Resource

__all__ = ["artefacts", "capability_statement"]


def artefacts() -> Iterator[Resource]:
    """Yield every conformance resource of ours, each with an id of its own within its type."""
    yield from structure_definitions()
    yield from code_systems()
    yield from value_sets()
    yield from concept_maps()
    yield from message_definitions()
    yield capability_statement()
