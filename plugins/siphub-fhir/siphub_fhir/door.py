"""The FHIR door: `$process-message` and `metadata`, with the ids of reliable messaging and answers in FHIR.

| Bundle.id | MessageHeader.id | what happens |
|---|---|---|
| new | new | the message is taken |
| seen | seen | the first answer again |
| new | seen | a resubmission: the same answer, no second effect |
| seen | new | 409 `fhir.bundle_reused`: two messages in one envelope |

The same answer is the hub's own doing: it knows the message by its id. The same MessageHeader.id about another message is 409
`fhir.header_reused`. The hub keeps both ids with the message, and sees to this in the transaction that accepts it: what an organisation has
used counts for itself alone, and a message that was refused leaves nothing behind.
It must never answer with a word of what was handed in, but the ids that the sender made for the message, its event's code and the address it
is from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from siphub.contract import DoorInfo, Invalid, PluginContext, Problem, Refused, StandardId, Submission
from siphub.model import Message
from siphub_fhir.checks import is_url
from siphub_fhir.conformance import capability_statement
from siphub_fhir.intake import opened
from siphub_fhir.lens import Resource, at
from siphub_fhir.operation_outcome import outcome_of
from siphub_fhir.primitives import is_sound
from siphub_fhir.reader import FhirReader
from siphub_fhir.settings import read_settings
from siphub_fhir.translate import MEDIA_TYPE, XML_TYPE, as_json, as_xml
from siphub_fhir.vocabulary import BASE

OPERATION: Final = "$process-message"
_SPACE: Final = uuid5(NAMESPACE_URL, f"{BASE}/answers")
_LONGEST: Final = 400
"""How long an event or an address may be to be said again in an answer, in characters."""
_LATER: Final = frozenset({500, 503})
_BUNDLE_REUSED: Final = Problem(
    "fhir.bundle_reused", "this Bundle.id was used for another message: give each message a Bundle of its own", pointer="/id"
)
_HEADER_REUSED: Final = Problem("fhir.header_reused", "this MessageHeader.id was used for another message", pointer="/entry/0/resource/id")


class FhirDoor(FhirReader):
    """The reader with an address of its own. Give it the plugin's context."""

    door: Final = DoorInfo(
        path="fhir",
        operation=OPERATION,
        description="metadata",
        media_types=MappingProxyType(
            {MEDIA_TYPE: frozenset({"application/json", "json"}), XML_TYPE: frozenset({"application/xml", "text/xml", "xml"})}
        ),
    )

    def __init__(self, context: PluginContext) -> None:
        self._source = read_settings(context.settings).source

    def ids(self, submission: Submission, message: Message) -> tuple[StandardId, ...]:
        """Return Bundle.id, which stands for the header, and MessageHeader.id, which stands for the message.

        Raises:
            Invalid: `fhir.required`: the header has no id, without which no answer can name it.
        """
        bundle, header = _ids(submission)
        if header is None:
            raise Invalid(
                "a message's MessageHeader has an id, by which the answer names it",
                problems=(Problem("fhir.required", "a required element is missing", pointer="/entry/0/resource/id"),),
            )
        own = StandardId(f"header/{header}", str(message.message_id), _HEADER_REUSED)
        return (own,) if bundle is None else (StandardId(f"bundle/{bundle}", header, _BUNDLE_REUSED), own)

    def taken(self, submission: Submission, message: Message, answer: Mapping[str, object], media_type: str) -> bytes:
        """Return the message Bundle that answers: `ok`, and in an OperationOutcome what becomes of it for each recipient."""
        addressees = [str(name) for name in message.recipients]
        outcome: Resource = {"resourceType": "OperationOutcome", "issue": list(_news(answer, addressees))}
        return _written(self._answer(opened(submission).document, "ok", outcome) or outcome, media_type)

    def refused(self, submission: Submission | None, error: Refused, media_type: str) -> bytes:
        """Return an OperationOutcome; in a message Bundle that answers, where the message says its id and its event."""
        if submission is None:
            return _written(outcome_of(error, Submission(b"", MEDIA_TYPE)), media_type)
        outcome, bundle = outcome_of(error, submission), opened(submission).document
        code = "transient-error" if error.status in _LATER else "fatal-error"
        return _written((self._answer(bundle, code, outcome) if _is_message(bundle) else None) or outcome, media_type)

    def described(self, address: str, media_type: str) -> bytes:
        """Return the CapabilityStatement of this hub: under the address of the setting `source`, or else as it was asked."""
        return _written(
            capability_statement(address if self._source.startswith(BASE) else self._source.removesuffix(f"/{OPERATION}")), media_type
        )

    def _answer(self, request: Resource, code: str, outcome: Resource) -> Resource | None:
        """Return the Bundle: its ids are made from the message's, so that the same answer is the same bytes.

        None where the header has no id or no event that an answer can carry: what was refused may hold anything there.
        """
        header: Resource = request["entry"][0]["resource"]
        event = _event(header)
        if event is None or not is_sound(header.get("id"), "id"):
            return None
        names = {part: str(uuid5(_SPACE, f"{header['id']}/{code}/{part}")) for part in ("bundle", "header", "outcome")}
        sender = at(header, "source.endpoint")
        answer: Resource = {
            "resourceType": "MessageHeader",
            "id": names["header"],
            **event,
            **({"destination": [{"endpoint": sender}]} if _is_sayable(sender, "url") and is_url(sender) else {}),
            "source": {"name": "siphub", "endpoint": self._source},
            "response": {"identifier": header["id"], "code": code, "details": {"reference": f"urn:uuid:{names['outcome']}"}},
        }
        entries = (answer, {**outcome, "id": names["outcome"]})
        return {
            "resourceType": "Bundle",
            "id": names["bundle"],
            "type": "message",
            "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in entries],
        }


def _ids(submission: Submission) -> tuple[str | None, str | None]:
    """Return Bundle.id and MessageHeader.id, as far as there are any."""
    bundle = opened(submission).document
    if not _is_message(bundle):
        return None, None
    found = (bundle.get("id"), at(bundle, "entry[].resource.id"))
    return tuple(name if isinstance(name, str) and name else None for name in found)  # type: ignore[return-value]  # two of them


def _is_message(bundle: Any) -> bool:
    return isinstance(bundle, dict) and bundle.get("type") == "message" and at(bundle, "entry[].resource.resourceType") == "MessageHeader"


def _event(header: Resource) -> Resource | None:
    """Return a header's event by its code or address, without its display; None where there is none."""
    coding = header.get("eventCoding")
    if isinstance(coding, dict) and _is_sayable(coding.get("code"), "code"):
        kinds = {"system": "uri", "version": "code", "code": "code"}
        return {"eventCoding": {name: coding[name] for name, kind in kinds.items() if _is_sayable(coding.get(name), kind)}}
    return {"eventUri": header["eventUri"]} if _is_sayable(header.get("eventUri"), "uri") else None


def _is_sayable(value: Any, kind: str) -> bool:
    return is_sound(value, kind) and str(value).isprintable() and len(str(value)) <= _LONGEST


def _news(answer: Mapping[str, Any], addressees: list[str]) -> Iterator[Resource]:
    """Yield an issue for each recipient, and for each thing to look at. R4 wants at least one."""
    for one in answer["recipients"]:
        well = one.get("reason") is None
        where = [f"Bundle.entry[0].resource.destination[{addressees.index(one['recipient'])}]"] if one["recipient"] in addressees else []
        yield {
            "severity": "information" if well else "warning",
            "code": "informational",
            "details": {"text": one["state"] if well else f"{one['state']}: {one['text']} ({one['reason']})"},
            **({"expression": where} if where else {}),
        }
    for caution in answer["cautions"]:
        yield {"severity": "warning", "code": "informational", "details": {"text": f"{caution['text']} ({caution['code']})"}}
    if not answer["recipients"] and not answer["cautions"]:
        yield {"severity": "information", "code": "informational", "details": {"text": "taken"}}


def _written(resource: Resource, media_type: str) -> bytes:
    return as_xml(resource) if media_type == XML_TYPE else as_json(resource) or b""
