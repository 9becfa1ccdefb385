"""From a cut to the partner's bytes: a message Bundle, a transaction Bundle or one resource, as JSON or XML, judged by our own checks.

Pure and deterministic: plain dicts, no clock, no randomness; fhir.resources is too slow for every delivery and judges in tests. It must never
return anything that `checks` has something against.
"""

from __future__ import annotations

from typing import Final, assert_never

from pydantic_core import PydanticSerializationError, to_json

from siphub.contract import Cut, Invalid, MappingError, Payload, Recipient, SettingsError
from siphub_fhir.checks import problems_of
from siphub_fhir.ended import ENDED, address_in
from siphub_fhir.entry import Form, read_entry
from siphub_fhir.lens import Resource
from siphub_fhir.message import FORMS, bundle_of
from siphub_fhir.rest import resource_of, transaction_of
from siphub_fhir.settings import FhirSettings
from siphub_fhir.xml_out import to_xml

MEDIA_TYPE: Final = "application/fhir+json"
XML_TYPE: Final = "application/fhir+xml"
MAX_BYTES: Final = 8 * 1024 * 1024
PLUGIN: Final = "siphub-fhir@0.1.0"
"""What a payload says it was made by; a test keeps it at the distribution's version."""
REQUEST: Final = "Siphub-Request"
"""Among a payload's headers: the method and the address below the endpoint for a single resource. It is no header and is never sent."""
ASKED: Final = "Siphub-Asked"
"""Among a payload's headers: what an answer must be to, a message's ids or a transaction's number of entries. It is never sent either."""


def translated(cut: Cut, recipient: Recipient, settings: FhirSettings) -> Payload:
    """Return the payload for a cut, in the form and format that the directory entry asks for.

    Raises:
        MappingError: `mapping.unsupported_kind`, `mapping.unrepresentable`, `mapping.invalid_output`, `mapping.too_large`, or
            `mapping.option_wrong` where the entry asks for what there is not.
    """
    if cut.message_type not in FORMS:
        raise MappingError(f"{cut.message_type} has no form in FHIR", code="mapping.unsupported_kind")
    try:
        entry = read_entry(recipient)
    except SettingsError as error:
        raise MappingError(error.detail, code="mapping.option_wrong") from None
    told = entry.form == "message"  # the other forms tell what is left when the rest is contained
    resource, headers = _formed(
        bundle_of(cut, recipient, settings.source, settings.careplan_profile, told=told), recipient.unit, entry.form
    )
    body = written(resource)
    if entry.format == "xml":
        body = as_xml(resource)
    if len(body) > MAX_BYTES:
        raise MappingError(f"the Bundle made from this message is larger than {MAX_BYTES} bytes", code="mapping.too_large")
    return Payload(body, XML_TYPE if entry.format == "xml" else MEDIA_TYPE, plugin=PLUGIN, headers=headers)


def _formed(bundle: Resource, unit: str, form: Form) -> tuple[Resource, dict[str, str]]:
    match form:
        case "message":
            return bundle, {ASKED: f"{bundle['entry'][0]['resource']['id']} {bundle['id']}"}
        case "transaction":
            transaction = transaction_of(bundle, unit)
            return transaction, {ASKED: str(len(transaction["entry"])), **_also(bundle, unit)}
        case "resource":
            request = resource_of(bundle, unit)
            once = {"If-None-Exist": request.if_none_exist} if request.if_none_exist else {}
            return request.resource, {REQUEST: f"{request.method} {request.url}", **once, **_also(bundle, unit)}
        case _:
            assert_never(form)


def _also(bundle: Resource, unit: str) -> dict[str, str]:
    """Return what is to be done besides: a plan that is called back is ended where it stands."""
    ended = address_in(bundle, unit)
    return {ENDED: ended} if ended else {}


def written(bundle: Resource) -> bytes:
    """Return a resource as compact JSON, and let nothing leave that R4 forbids and the schema does not see.

    Raises:
        MappingError: The first finding, by its code and pointer.
    """
    body = as_json(bundle)
    found = next(problems_of(bundle, whole=True, written=body), None)
    if found is None and body is not None:
        return body
    if found is None:
        raise MappingError("the Bundle made from this message cannot be written as JSON", code="mapping.unrepresentable")
    if found.code == "fhir.text":
        raise MappingError(f"{found.pointer}: {found.detail}", code="mapping.unrepresentable")
    raise MappingError(f"the Bundle does not hold to R4: {found.code} at {found.pointer}: {found.detail}", code="mapping.invalid_output")


def as_json(bundle: Resource) -> bytes | None:
    """Return a Bundle as JSON, or None where it holds a text that UTF-8 has no bytes for; the checks say where."""
    try:
        return to_json(bundle)
    except PydanticSerializationError:
        return None


def as_xml(resource: Resource) -> bytes:
    """Return a resource that holds to R4 as XML."""
    try:
        return to_xml(resource)
    except Invalid as invalid:
        first = invalid.problems[0]
    raise MappingError(f"the Bundle cannot be written as XML: {first.code} at {first.pointer}", code="mapping.unrepresentable")
