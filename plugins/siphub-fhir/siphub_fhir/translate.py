"""From a cut to the partner's bytes: one message Bundle as JSON, judged by our own checks before it is returned.

Pure and deterministic: plain dicts, no clock, no randomness; fhir.resources is too slow for every delivery and judges in tests. It must never
return a Bundle that `checks` has something against.
"""

from __future__ import annotations

import json
from typing import Final

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
    bundle = bundle_of(cut, recipient, settings.source, settings.careplan_profile)
    refuse_unsound(bundle)
    body = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_BYTES:
        raise MappingError(f"the Bundle made from this message is larger than {MAX_BYTES} bytes", code="mapping.too_large")
    return Payload(body, MEDIA_TYPE, plugin=PLUGIN)


def refuse_unsound(bundle: Resource) -> None:
    """Let nothing leave that R4 forbids and the schema does not see.

    Raises:
        MappingError: The first finding, by its code and pointer.
    """
    found = next(problems_of(bundle, whole=True), None)
    if found is None:
        return
    if found.code == "fhir.text":
        raise MappingError(f"{found.pointer}: {found.detail}", code="mapping.unrepresentable")
    raise MappingError(f"the Bundle does not hold to R4: {found.code} at {found.pointer}: {found.detail}", code="mapping.invalid_output")
