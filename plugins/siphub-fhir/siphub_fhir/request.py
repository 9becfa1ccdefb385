"""The request, the proposal and the initiative of a SIP in FHIR, and the answer to them: a Task with the intent `proposal`.

The preparation travels in `Task.input`: FHIR-wise a QuestionnaireResponse might be referred to, but the hub answers no query, so a reference
would lead the contact nowhere. It must never say in a proposal whom it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out, label, protection_of, telecom_of, telecoms
from siphub_fhir.lens import Resource, at, code_in, coded, ext, parts, plain, read, write
from siphub_fhir.meeting import proposed_time
from siphub_fhir.vocabulary import ROLE_CODE, system

_PREPARATION: Final = system("preparation")
_KINDS: Final = system("requester-kind")
RELATION: Final = {"individual": "ONESELF", "relative": "FAMMEMB", "guardian": "GUARD"}

_NETWORK: Final = tuple(
    ext(name, name.replace("_", "-"), kind, inner=True)
    for name, kind in (
        ("kind", "code"),
        *((name, "string") for name in ("organisation", "name", "relation", "role", "phone", "email")),
        ("wanted_at_meeting", "code"),
        ("agrees_to_be_named", "boolean"),
        ("protection", "code"),
    )
)
REQUESTED: Final = (
    plain("requested_on", "authoredOn"),
    ext("receiving_contact", "receiving-contact", "string"),
    ext("interpreter_language", "interpreter-language", "string"),
    ext("recorded_by", "recorded-by", "staff"),
    parts("network", "network-contact", _NETWORK, many=True),
)
_PROPOSER: Final = tuple(
    ext(name, name, kind, inner=True) for name, kind in (("kind", "code"), ("name", "string"), ("phone", "string"), ("protection", "code"))
)
PROPOSED: Final = (
    plain("proposed_on", "authoredOn"),
    parts("proposer", "proposer", _PROPOSER),
    ext("basis", "eligibility-basis", "code"),
    coded("purpose", "reasonCode", system("purpose")),
)

INITIATED: Final = (
    ext("need_assessed_by", "need-assessed-by", "staff"),
    ext("need_assessed_at", "need-assessed-at", "instant"),
    ext("basis", "eligibility-basis", "code"),
    plain("reason", "reasonCode.text"),
)
ANSWERED: Final = (
    coded("receipt", "businessStatus", system("code")),
    ext("decision", "request-decision", "code"),
    coded("reason", "statusReason", system("reason")),
    plain("answered_on", "lastModified"),
    ext("contact_name", "contact-name", "string"),
    ext("contact_phone", "contact-phone", "string"),
    proposed_time("proposed_time"),
)
DECIDED: Final = {"start": "accepted", "decline": "rejected"}


def _task(code: str, content: Mapping[str, Any], resource: Resource, out: Out) -> Resource:
    resource |= {"status": "requested", "intent": "proposal", "code": {"coding": [{"system": system("category"), "code": code}]}}
    if out.patient is not None:
        resource["for"] = out.patient
    if "receiving_unit" in content:
        resource["owner"] = out.unit(content["receiving_unit"])
    return resource


def write_request(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task of a request."""
    content = document["content"]
    resource = _task("sip-request", content, write(content, {"resourceType": "Task"}, REQUESTED, out), out)
    if content.get("requester"):
        resource["requester"] = _requester(content["requester"], out)
    texts = (content.get("preparation") or {}).items()
    if texts:
        resource["input"] = [{"type": {"coding": [{"system": _PREPARATION, "code": name}]}, "valueString": text} for name, text in texts]
    return [out.add(resource, out.id("request"))]


def _requester(requester: Mapping[str, Any], out: Out) -> Resource:
    """Return who asks: also the person themselves is a RelatedPerson (ONESELF), so that name and telephone stay with the request."""
    resource: Resource = {"resourceType": "RelatedPerson", **label(requester), "patient": out.subject()}
    if "kind" in requester:
        codings = [{"system": _KINDS, "code": requester["kind"]}, {"system": ROLE_CODE, "code": RELATION[requester["kind"]]}]
        resource["relationship"] = [{"coding": codings}]
    if "name" in requester:
        resource["name"] = [{"text": requester["name"]}]
    telecom = telecoms(requester)
    return out.add({**resource, **({"telecom": telecom} if telecom else {})})


def read_request(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    content = read(resource, REQUESTED, back)
    requester = back.resolve(resource.get("requester"))
    if requester is not None:
        parts_of = {"kind": code_in(at(requester, "relationship[]"), _KINDS), "name": at(requester, "name[].text")}
        content["requester"] = (
            {name: value for name, value in parts_of.items() if value is not None} | telecom_of(requester) | protection_of(requester)
        )
    texts = [(code_in(one.get("type"), _PREPARATION), one.get("valueString")) for one in resource.get("input") or []]
    if texts:
        content["preparation"] = {name: text for name, text in texts if name}
    return content | _receiving(resource, back)


def write_proposal(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task of a proposal."""
    content = document["content"]
    return [out.add(_task("sip-proposal", content, write(content, {"resourceType": "Task"}, PROPOSED, out), out), out.id("proposal"))]


def read_proposal(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    return read(resource, PROPOSED, back) | _receiving(resource, back)


def write_initiative(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task of an initiative; who takes it is the requester, with the telephone."""
    content = document["content"]
    resource = _task("sip-initiative", content, write(content, {"resourceType": "Task"}, INITIATED, out), out)
    initiator = {**content.get("initiator", {}), **({"phone": content["initiator_phone"]} if "initiator_phone" in content else {})}
    if initiator:
        resource["requester"] = out.staff(initiator, contact=False)
    return [out.add(resource, out.id("initiative"))]


def read_initiative(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    content = read(resource, INITIATED, back)
    initiator = back.staff(resource["requester"]) if "requester" in resource else {}
    if "phone" in initiator:
        content["initiator_phone"] = initiator.pop("phone")
    return content | ({"initiator": initiator} if initiator else {}) | _receiving(resource, back)


def write_answer(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task of an answer: accepted or rejected where the cut says which, otherwise received, which says nothing."""
    content = document["content"]
    resource = _task("sip-request", content, write(content, {"resourceType": "Task"}, ANSWERED, out), out)
    resource["status"] = DECIDED.get(content.get("decision", ""), "received")
    return [out.add(resource, out.id("answer"))]


def read_answer(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    return read(resource, ANSWERED, back)


def _receiving(resource: Resource, back: In) -> Resource:
    return {"receiving_unit": back.unit(resource["owner"])} if "owner" in resource else {}
