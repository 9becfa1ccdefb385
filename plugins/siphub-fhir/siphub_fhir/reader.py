"""The reader: our own message Bundles back to the message, and foreign plans and appointments to a draft.

It must never invent an id, a unit or a consent, and never take a Consent resource for a grant.
"""

from __future__ import annotations

import json
import re
from typing import Final

from siphub.contract import Draft, Invalid, Problem, ReaderInfo, Submission, UnsupportedMedia
from siphub.model import Message, parse_message
from siphub_fhir.checks import dangling_in
from siphub_fhir.foreign import draft_of
from siphub_fhir.intake import XML_TYPE, modifiers_in, refused, resource_of
from siphub_fhir.lens import Resource, at
from siphub_fhir.message import document_of, ours
from siphub_fhir.records import is_record, mains_in, message_of

_VERSION: Final = re.compile(r';\s*fhirVersion\s*=\s*"?([^";\s]*)', re.IGNORECASE)


class FhirReader:
    """Reads what `Fhir` writes, and what other systems write in R4."""

    info: Final = ReaderInfo(name="fhir", media_types=frozenset({"application/fhir+json", XML_TYPE}))

    def recognises(self, submission: Submission) -> bool:
        """Say whether it says that it is FHIR: both media types are FHIR's own, so whatever comes under them is refused for what is wrong with it."""
        return submission.media_type in self.info.media_types

    def read(self, submission: Submission) -> Message | Draft:
        """Read a document.

        Raises:
            BadBody: It is no JSON, has a key twice, or is XML that is hostile or broken; a problem carries the position.
            TooLarge: Above the limit.
            UnsupportedMedia: `fhir.version`; it says that it is of another version than 4.0.
            Invalid: It does not hold to R4, is a response (`fhir.response`), or has nothing for us (pointers into the document), or the
                message it stands for is none (pointers into the message).
        """
        _refuse_another_version(submission)
        resource = resource_of(submission)
        if is_record(resource):
            return _message(resource, message_of(resource))
        if not ours(resource):
            return draft_of(resource)
        _refuse_a_response(resource)
        return _message(resource, resource)


def _refuse_a_response(resource: Resource) -> None:
    """Refuse what answers a message of ours, as some servers do with all of it in the answer: it is no new one, whatever stands in it."""
    if at(resource, "entry[].resource.response") is not None:
        detail = "this is a response to a message, and no message: it is the answer to the request that brought that"
        raise refused(Problem("fhir.response", detail, pointer="/entry/0/resource/response"))


def _refuse_another_version(submission: Submission) -> None:
    said = _VERSION.search(submission.headers.get("content-type", ""))
    if said is not None and said[1] != "4.0":
        raise UnsupportedMedia("FHIR is read in version 4.0 (R4) alone", code="fhir.version")


def _message(given: Resource, bundle: Resource) -> Message | Draft:
    """Return the message that a message Bundle stands for; `given` is what was handed in, which the pointers are into."""
    loose = tuple(dangling_in(given))
    entries = given.get("entry") or []
    patients = [number for number, entry in enumerate(entries) if (entry.get("resource") or {}).get("resourceType") == "Patient"]
    if len(patients) > 1:
        loose += (Problem("fhir.several_patients", "a message is about one person", pointer=f"/entry/{patients[1]}"),)
    several = mains_in(given)[1:] if given.get("type") == "transaction" else []
    detail = "a transaction is read as one message: hand in each in one of its own"
    loose += tuple(Problem("fhir.several_messages", detail, pointer=f"/entry/{number}/resource") for number in several)
    loose += tuple(modifiers_in(given))
    if loose:
        raise refused(*loose)
    document = document_of(bundle)
    try:
        return parse_message(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except Invalid as invalid:
        missing = tuple(problem.pointer or "" for problem in invalid.problems if problem.code == "field.missing")
        if len(missing) < len(invalid.problems):
            raise
        return Draft(document, missing)
