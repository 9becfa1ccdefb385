"""A refusal as R4 says it: an OperationOutcome with one issue for each thing that is wrong, and where it stands in FHIRPath.

| our code | R4's issue type |
|---|---|
| `fhir.required`, `field.missing` | required |
| `fhir.code_unknown` | code-invalid |
| `fhir.invariant` and the other rules of R4 | invariant |
| `fhir.unknown_element`, `fhir.unknown_type`, and what is no JSON or XML | structure |
| `fhir.wrong_value`, `fhir.text`, `fhir.id`, other codes of fields | value |
| `fhir.unknown_event`, `fhir.nothing_for_us`, `fhir.response`, an unknown media type or version | not-supported |
| `message.id_reused`, `message.out_of_order`, `fhir.bundle_reused`, `fhir.header_reused` | conflict |
| no key, not permitted | login, forbidden |
| too large, too much at once, broken | too-long, throttled, exception |
| anything else | processing |

The code itself stands in `details`. It must never repeat a word of the document that was refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub.contract import Conflict, Invalid, Problem, Refused, Submission
from siphub_fhir.intake import opened
from siphub_fhir.lens import Resource
from siphub_fhir.r4 import RESOURCES, elements_of, is_resource
from siphub_fhir.vocabulary import system

CODES: Final = system("error")
_ISSUES: Final[Mapping[str, str]] = {
    "fhir.required": "required",
    "field.missing": "required",
    "fhir.code_unknown": "code-invalid",
    "fhir.unknown_element": "structure",
    "fhir.unknown_type": "structure",
    "fhir.element_order": "structure",
    "fhir.too_many": "structure",
    "fhir.xml_text": "structure",
    "fhir.xml_attribute": "structure",
    "fhir.no_resource": "structure",
    "fhir.empty": "structure",
    "fhir.too_deep": "too-costly",
    "fhir.wrong_value": "value",
    "fhir.text": "value",
    "fhir.id": "value",
    "fhir.endpoint": "value",
    "fhir.narrative": "invariant",
    "fhir.unknown_event": "not-supported",
    "fhir.not_to_ours": "not-supported",
    "fhir.no_answer": "business-rule",
    "fhir.response": "not-supported",
    "fhir.nothing_for_us": "not-supported",
    "fhir.no_sip": "not-supported",
    "fhir.version": "not-supported",
    "fhir.modifier_unknown": "not-supported",
    "fhir.several_patients": "business-rule",
    "fhir.several_meetings": "business-rule",
    "fhir.several_messages": "business-rule",
    "fhir.entered_in_error": "business-rule",
    "fhir.dangling": "not-found",
    "fhir.wrong_reference": "not-found",
    "fhir.bundle_reused": "conflict",
    "fhir.header_reused": "conflict",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    406: "not-supported",
    422: "processing",
    500: "exception",
    503: "throttled",
}


def outcome_of(error: Refused, submission: Submission) -> Resource:
    """Return the OperationOutcome for an error about a submission."""
    document = opened(submission).document if isinstance(error, (Conflict, Invalid)) else None
    problems = error.problems or (Problem(error.code, error.detail),)
    return {"resourceType": "OperationOutcome", "issue": [_issue(one, error, document) for one in problems]}


def issue_type(code: str, status: int) -> str:
    """Return R4's issue type for a code of ours that was answered with a status."""
    if code in _ISSUES:
        return _ISSUES[code]
    if code.startswith("fhir."):
        return "invariant"
    return "value" if code.startswith("field.") else _BY_STATUS.get(status, "processing")


def _issue(problem: Problem, error: Refused, document: Any) -> Resource:
    where = expression_of(problem.pointer, document) if problem.code.startswith("fhir.") and problem.pointer is not None else None
    beside = [part for part in (problem.position, None if where else problem.pointer) if part]
    return {
        "severity": "error",
        "code": issue_type(problem.code, error.status),
        "details": {"coding": [{"system": CODES, "code": problem.code}], "text": problem.detail},
        **({"diagnostics": ", ".join(beside)} if beside else {}),
        **({"expression": [where]} if where else {}),
    }


def expression_of(pointer: str, document: Any) -> str | None:
    """Return a JSON pointer into a resource as FHIRPath: `/entry/0/resource/status` is `Bundle.entry[0].resource.status`.

    A choice has the name without its type, as FHIRPath wants it, and what stands beside a primitive is the primitive. Where the document
    cannot be read there is no type to begin with, and nothing is returned.
    """
    kind = document.get("resourceType") if isinstance(document, dict) else None
    if not is_resource(kind):
        return None
    path, node, owner = str(kind), document, str(kind)
    for step in pointer.split("/")[1:]:
        node = _inner(node, step)
        if step.isdigit():
            path += f"[{step}]"
            owner = _typed(owner, node)
            continue
        element = elements_of(owner).get(step.removeprefix("_")) if owner else None
        path += f".{_name(step) if element is None or element.choice is None else element.choice}"
        owner = "" if element is None else element.kind if element.many else _typed(element.kind, node)
    return path


def _inner(node: Any, step: str) -> Any:
    if isinstance(node, list):
        return node[int(step)] if step.isdigit() and int(step) < len(node) else None
    return node.get(step) if isinstance(node, dict) else None


def _typed(kind: str, node: Any) -> str:
    """Return the type of what stands somewhere: that of the resource where any may stand, and none for a primitive."""
    if kind in RESOURCES:
        kind = str(node.get("resourceType")) if isinstance(node, dict) else ""
        return kind if is_resource(kind) else ""
    try:
        elements_of(kind)
    except KeyError:
        return ""
    return kind


def _name(step: str) -> str:
    return step.removeprefix("_").removesuffix("[x]")
