"""From foreign bytes to a resource that can be believed as far as its shape goes: limits, JSON or XML, R4's structure, our own checks.

The structure is judged by R4's own table, then by our checks, and then by fhir.resources, whose R4B models share with R4 what is read here;
on the way in only, because that is slow.
It must never repeat a value in what it says, and never let an exception of a library out.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from siphub.contract import BadBody, Invalid, Problem, Refused, Submission, TooLarge
from siphub_fhir.checks import problems_of
from siphub_fhir.lens import Resource
from siphub_fhir.structure import structure_of

LIMIT: Final = 8 * 1024 * 1024
"""The largest document that is looked at, in bytes."""
XML_TYPE: Final = "application/fhir+xml"
_MOST: Final = 50
_DEEPEST: Final = 200
"""How deep lists and objects of JSON may be nested before anything is looked at; R4's elements have a limit of their own."""
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ALREADY: Final = "extra_forbidden"
"""What fhir.resources says of an element it does not know. R4's table has been asked; the library lacks a few, such as Extension.valueMeta."""
_TURNING: Final = frozenset({"modifierExtension", "implicitRules"})
_TAKEN: Final = frozenset(
    {
        "Appointment",
        "AppointmentResponse",
        "CarePlan",
        "CareTeam",
        "Communication",
        "CommunicationRequest",
        "DeviceRequest",
        "Encounter",
        "Goal",
        "HealthcareService",
        "Location",
        "MedicationRequest",
        "MessageHeader",
        "NutritionOrder",
        "Organization",
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "RelatedPerson",
        "RequestGroup",
        "ServiceRequest",
        "Task",
        "VisionPrescription",
    }
)
"""The resources that a message or a draft may take something from."""


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """What the bytes of a document say, as far as they can be read at all (else None), and why they may not be read on."""

    document: Any
    error: Refused | None = None


def opened(submission: Submission) -> Opened:
    """Return what a submission holds, as JSON has it whichever of the two forms it is; parsed once, however often it is asked for."""
    return submission.once("fhir", lambda: _opened(submission))


def _opened(submission: Submission) -> Opened:
    if len(submission.body) > LIMIT:
        return Opened(None, TooLarge(f"a FHIR document has at most {LIMIT} bytes"))
    return _xml(submission.body) if submission.media_type == XML_TYPE else _json(submission.body)


def resource_of(submission: Submission) -> Resource:
    """Return the resource that a submission holds, as JSON has it.

    Raises:
        BadBody: No JSON (`body.not_json`), a key stands twice (`body.duplicate_key`), or XML that is hostile or broken (`xml.…`).
        TooLarge: Above the limit.
        Invalid: No resource, or one that does not hold to R4; problems carry JSON pointers, for XML the position too where it is known.
    """
    what = opened(submission)
    if what.error is not None:
        raise what.error
    found = what.document
    if not isinstance(found, dict) or "resourceType" not in found:
        raise refused(Problem("fhir.no_resource", "a FHIR document is an object with a resourceType", pointer=""))
    problems = _first(structure_of(found)) or _first(problems_of(found)) or _shape(found)
    if problems:
        raise refused(*problems)
    return found


def refused(*problems: Problem) -> Invalid:
    """Return the error for problems found."""
    return Invalid("the FHIR document is not one we can read; the problems say where", problems=problems)


def modifiers_in(resource: Resource) -> Iterator[Problem]:
    """Yield what may turn the meaning round of a resource, or of those in a Bundle that something is taken from: none of it is known here."""
    entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    yield from _turned({name: value for name, value in resource.items() if name != "entry"}, "")
    for number, entry in enumerate(entries or []):
        if isinstance(entry, dict):
            yield from _turned({name: value for name, value in entry.items() if name != "resource"}, f"/entry/{number}")
            inner = entry.get("resource")
            if isinstance(inner, dict) and inner.get("resourceType") in _TAKEN:
                yield from _turned(inner, f"/entry/{number}/resource")


def _turned(node: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in _TURNING:
                yield Problem(
                    "fhir.modifier_unknown", f"{name} may turn the meaning round, and is not known here", pointer=f"{pointer}/{name}"
                )
            else:
                yield from _turned(value, f"{pointer}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _turned(value, f"{pointer}/{number}")


def _xml(body: bytes) -> Opened:
    from siphub_fhir.xml_in import from_xml  # a hub that is sent no XML does not load the parser

    try:
        return Opened(from_xml(body, decimal=json.loads))
    except Refused as error:
        return Opened(None, error)


def _json(body: bytes) -> Opened:
    """Parse JSON once. A key that stands twice is seen on the way, and the rest is there all the same, for an answer to name the message."""
    twice: list[bool] = []

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice.append(True)
        return found

    try:
        found = json.loads(body.decode(), object_pairs_hook=distinct, parse_float=_number, parse_constant=_number)
    except UnicodeDecodeError as error:
        return _not_json(_encoding_of(body), f"byte {error.start}")
    except json.JSONDecodeError as error:
        return _not_json(_encoding_of(body), f"line {error.lineno} column {error.colno}")
    except (ValueError, RecursionError):
        return _not_json("a number is beyond any, or something is nested too deep", "byte 0")
    if _is_deep(found):
        return _not_json(f"lists and objects are nested deeper than {_DEEPEST}", "byte 0")
    if twice:
        problem = Problem("body.duplicate_key", "a key stands twice in one object; its position is not known", position="byte 0")
        return Opened(found, BadBody("a key stands twice in one object", code="body.duplicate_key", problems=(problem,)))
    return Opened(found)


def _not_json(detail: str, position: str) -> Opened:
    return Opened(None, BadBody("the body is not JSON", problems=(Problem("body.not_json", detail, position=position),)))


def _encoding_of(body: bytes) -> str:
    """Return what is wrong with bytes that are no JSON."""
    if not body.strip(b" \t\r\n"):
        return "there is nothing in the body"
    if body.startswith(codecs.BOM_UTF8):
        return "the body begins with a byte order mark: JSON is UTF-8 without one"
    if body.startswith(_BOMS) or b"\0" in body[:4]:
        return "the body is UTF-16 or UTF-32: JSON is UTF-8"
    return "not JSON in UTF-8"


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number of JSON")
    return number


def _is_deep(found: Any) -> bool:
    level = [found]
    for _ in range(_DEEPEST):
        level = [inner for one in level if isinstance(one, (dict, list)) for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return False
    return True


def _first(problems: Iterator[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem, _ in zip(problems, range(_MOST), strict=False))


@cache
def _model(name: str) -> Any:
    """Return the library's model of a type, or None. The library is loaded when the first foreign document comes."""
    from fhir.resources.R4B import get_fhir_model_class

    try:
        return get_fhir_model_class(name)
    except (KeyError, LookupError, ValueError):
        return None


def _types(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("resourceType"), str):
            yield node["resourceType"]
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list):
        for value in node:
            yield from _types(value)


def _shape(resource: Resource) -> tuple[Problem, ...]:
    """Return what fhir.resources has against a resource. It knows R4B, which lacks some types of R4: it is not asked about those."""
    from pydantic import ValidationError

    if any(_model(name) is None for name in set(_types(resource))):
        return ()
    try:
        _model(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return tuple(_problem(one) for one in found if one["type"] != _ALREADY)[:_MOST]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        # The library stumbles over some shapes instead of judging them: the document is refused all the same.
        return (Problem("fhir.wrong_value", "the document is not built as R4 says", pointer=""),)
    return ()


def _problem(error: Any) -> Problem:
    steps = [str(step) for step in error["loc"] if step != "root"]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    match error["type"]:
        case "missing" | "model_field_validation.missing":
            return Problem("fhir.required", "a required element is missing", pointer=pointer)
        case _:
            return Problem("fhir.wrong_value", "the value is not of the type R4 wants here", pointer=pointer)
