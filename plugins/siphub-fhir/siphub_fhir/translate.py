"""From a cut to the partner's bytes: one message Bundle as JSON, judged by our own checks before it is returned.

Pure and deterministic: plain dicts, no clock, no randomness; fhir.resources is too slow for every delivery and judges in tests. It must never
return a Bundle that `checks` has something against.
"""

from __future__ import annotations

from typing import Final

from pydantic_core import PydanticSerializationError, to_json

from siphub.contract import Cut, MappingError, Payload, Recipient
from siphub_fhir.checks import problems_of
from siphub_fhir.lens import Resource
from siphub_fhir.message import FORMS, bundle_of
from siphub_fhir.settings import FhirSettings

MEDIA_TYPE: Final = "application/fhir+json"
MAX_BYTES: Final = 8 * 1024 * 1024
PLUGIN: Final = "siphub-fhir@0.1.0"
"""What a payload says it was made by; a test keeps it at the distribution's version."""


def translated(cut: Cut, recipient: Recipient, settings: FhirSettings) -> Payload:
    """Return the payload for a cut.

    Raises:
        MappingError: `mapping.unsupported_kind`, `mapping.unrepresentable`, `mapping.invalid_output` or `mapping.too_large`.
    """
    if cut.message_type not in FORMS:
        raise MappingError(f"{cut.message_type} has no form in FHIR", code="mapping.unsupported_kind")
    body = written(bundle_of(cut, recipient, settings.source, settings.careplan_profile))
    if len(body) > MAX_BYTES:
        raise MappingError(f"the Bundle made from this message is larger than {MAX_BYTES} bytes", code="mapping.too_large")
    return Payload(body, MEDIA_TYPE, plugin=PLUGIN)


def written(bundle: Resource) -> bytes:
    """Return a Bundle as compact JSON, and let nothing leave that R4 forbids and the schema does not see.

    Raises:
        MappingError: The first finding, by its code and pointer.
    """
    body = _as_json(bundle)
    found = next(problems_of(bundle, whole=True, written=body), None)
    if found is None and body is not None:
        return body
    if found is None:
        raise MappingError("the Bundle made from this message cannot be written as JSON", code="mapping.unrepresentable")
    if found.code == "fhir.text":
        raise MappingError(f"{found.pointer}: {found.detail}", code="mapping.unrepresentable")
    raise MappingError(f"the Bundle does not hold to R4: {found.code} at {found.pointer}: {found.detail}", code="mapping.invalid_output")


def _as_json(bundle: Resource) -> bytes | None:
    """Return a Bundle as JSON, or None where it holds a text that UTF-8 has no bytes for; the checks say where."""
    try:
        return to_json(bundle)
    except PydanticSerializationError:
        return None
