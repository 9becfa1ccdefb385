"""What a reference of a foreign document leads to, and what that is called there.

It must never make a name of a code without words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from siphub_fhir.bundle import In
from siphub_fhir.lens import Resource, at


def kind_of(reference: Any) -> str | None:
    """Return the type a reference names, or None."""
    if not isinstance(reference, Mapping):
        return None
    text = reference.get("reference")
    steps = text.split("/") if isinstance(text, str) else []
    kind = steps[-2] if len(steps) > 1 else reference.get("type")
    return kind if isinstance(kind, str) else None


def within(reference: Any, owner: Resource, back: In) -> Resource | None:
    """Return what a reference leads to: contained in its owner, or an entry of the Bundle."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    if isinstance(text, str) and text.startswith("#"):
        return back.inside(owner, text[1:])
    return back.resolve(reference)


def words(concept: Any) -> str | None:
    """Return the words of a CodeableConcept; a code without words says nothing to a person."""
    if not isinstance(concept, dict):
        return None
    displays = (coding.get("display") for coding in concept.get("coding") or [] if isinstance(coding, dict))
    return concept.get("text") or next((display for display in displays if display), None)


def name_of(reference: Resource, owner: Resource, back: In) -> str | None:
    """Return what a reference calls somebody or something, or what stands where it leads; None where neither says."""
    if reference.get("display"):
        return str(reference["display"])
    found = within(reference, owner, back) or {}
    if found.get("resourceType") == "PractitionerRole":
        return name_of(found["practitioner"], owner, back) if isinstance(found.get("practitioner"), dict) else words(at(found, "code[]"))
    name = found.get("name")
    if isinstance(name, str):
        return name
    human = at(found, "name[]") or {}
    return human.get("text") or " ".join([*(human.get("given") or []), *([human["family"]] if "family" in human else [])]) or None
