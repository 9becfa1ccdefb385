"""What a FHIR server's answer leads to, in one table.

The status decides as for every partner over HTTP (`outcomes_http`). Where an OperationOutcome, a message Bundle with `MessageHeader.response`,
or the answer to a transaction says more, it decides:

| what the answer says | outcome |
|---|---|
| 2xx, nothing against it | Delivered |
| 2xx and a page, or bytes that are neither JSON nor XML | Uncertain `partner.unexpected_body` |
| a response that names another message than ours (`response.identifier`) | Uncertain `partner.unexpected_body`: it says nothing of ours |
| response.code `ok` | Delivered |
| response.code `transient-error`; issues of R4's branch `transient` alone | Retry `partner.fhir_transient` |
| issues of R4's branch `security` alone | Retry `partner.unauthorised`: an administrator must act |
| issues `duplicate` alone, to a message | Delivered: the partner has it already |
| response.code `fatal-error`, or one that R4 has not; any other issue, but of severity warning or information | Rejected `partner.fhir_refused` |
| 409 to a transaction or a resource | Retry `partner.fhir_conflict`: somebody else was changing the same at that moment |
| 412, or an issue `multiple-matches`, to a transaction or a resource | Rejected `partner.fhir_ambiguous`: several resources there have the identifier that should be one's own |
| an entry of a transaction's answer that is not 2xx, beside others that are; fewer entries than were sent | Uncertain `partner.fhir_partial` |
| 5xx, 429, 401, 403, 404 whatever they say besides | as the status says |

`ISSUES` has every issue code of R4; docs/fhir.md shows it, and a test holds the two together. No word of the answer is kept but the issue's
code and the place it points at, as far as these are R4's own words (`places`); and where a resource was put, its type and id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal

from siphub.contract import BadBody, Delivered, HttpAnswer, HttpFailure, Invalid, Outcome, Rejected, Retry, TooLarge, Uncertain
from siphub.contract.outcomes_http import outcome_of, retry_after
from siphub_fhir.lens import at
from siphub_fhir.places import places_of
from siphub_fhir.xml_in import from_xml

JSON_TYPES: Final = ("application/fhir+json", "application/json")
XML_TYPES: Final = ("application/fhir+xml", "application/xml", "text/xml")
MEDIA_TYPES: Final = (*JSON_TYPES, *XML_TYPES)

Meaning = Literal["refused", "administrator", "duplicate", "transient", "nothing"]
ISSUES: Final[Mapping[str, Meaning]] = {
    "invalid": "refused",
    "structure": "refused",
    "required": "refused",
    "value": "refused",
    "invariant": "refused",
    "security": "administrator",
    "login": "administrator",
    "unknown": "administrator",
    "expired": "administrator",
    "forbidden": "administrator",
    "suppressed": "administrator",
    "processing": "refused",
    "not-supported": "refused",
    "duplicate": "duplicate",
    "multiple-matches": "refused",
    "not-found": "refused",
    "deleted": "refused",
    "too-long": "refused",
    "code-invalid": "refused",
    "extension": "refused",
    "too-costly": "refused",
    "business-rule": "refused",
    "conflict": "refused",
    "transient": "transient",
    "lock-error": "transient",
    "no-store": "transient",
    "exception": "transient",
    "timeout": "transient",
    "incomplete": "transient",
    "throttled": "transient",
    "informational": "nothing",
}
"""What an issue of severity error or fatal means, by its code: all of R4's `issue-type`, in its order."""
_HARMLESS: Final = frozenset({"warning", "information", "success"})
"""Severities of what stands against nothing; `success` is R5's. Whatever else a partner writes there is taken for an error."""
_OUTCOME: Final = {"resourceType": "OperationOutcome"}
_MOST_ISSUES: Final = 5
_PLACE: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]{2,40}/[A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer must be to: the ids of a message (its header's, and its Bundle's), or how many entries a transaction has."""

    ids: frozenset[str] = frozenset()
    entries: int = 0


def outcome_from(answer: HttpAnswer | HttpFailure, now: datetime, *, messaging: bool = True, asked: Asked | None = None) -> Outcome:
    """Say what one attempt led to; `messaging` is False where a transaction or a resource was sent and not a message."""
    outcome = outcome_of(answer, now=now, expects=MEDIA_TYPES)
    if isinstance(answer, HttpFailure) or not isinstance(outcome, (Delivered, Rejected)):
        return outcome
    body = body_of(answer)
    if body is None and answer.body and isinstance(outcome, Delivered):
        return Uncertain("partner.unexpected_body")
    body, asked = body or {}, asked or Asked()
    if not messaging:
        return _of_rest(body, answer, now, asked) or _with_its_name(outcome, body, answer)
    if _is_to_another(body, asked):
        return Uncertain("partner.unexpected_body")
    return _said(body, answer, now, messaging=True) or outcome


def _is_to_another(body: dict[str, Any], asked: Asked) -> bool:
    """Say whether a response names another message than what was sent. Some servers name the Bundle where R4 wants the header."""
    named = at(body, "entry[].resource.response.identifier")
    return bool(asked.ids) and named is not None and str(named) not in asked.ids


def body_of(answer: HttpAnswer) -> dict[str, Any] | None:
    """Return the resource that an answer holds, as JSON or XML; None where it is none."""
    try:
        if answer.media_type in XML_TYPES:
            return from_xml(answer.body)
        found = json.loads(answer.body)
    except (ValueError, RecursionError, BadBody, Invalid, TooLarge):
        return None
    return found if isinstance(found, dict) else None


def _said(body: dict[str, Any], answer: HttpAnswer, now: datetime, *, messaging: bool) -> Outcome | None:
    """Return what an OperationOutcome or a response says, or None where it says nothing against it."""
    meanings = {ISSUES.get(issue["code"], "refused") for issue in _issues(body) if _is_against(issue)} - {"nothing"}
    code = at(body, "entry[].resource.response.code") if messaging else None
    if meanings == {"duplicate"} and messaging:
        return Delivered()
    if code == "transient-error" or meanings == {"transient"}:
        return Retry("partner.fhir_transient", retry_after(answer, now))
    if meanings == {"administrator"}:
        return Retry("partner.unauthorised")
    if code not in (None, "ok") or meanings:
        return Rejected("partner.fhir_refused", f"the partner's OperationOutcome says {_named(body)}")
    return None


def _named(body: dict[str, Any]) -> str:
    """Return the issues that refuse, each with its places where it names any: `required at Bundle.entry[2].resource.status, value`."""
    places: dict[str, list[str]] = {}
    for issue in _issues(body):
        if _is_against(issue) and ISSUES.get(issue["code"], "nothing") in {"refused", "duplicate"}:
            places.setdefault(issue["code"], []).extend(places_of(issue))
    told = [f"{code} at {' and '.join(dict.fromkeys(found))}" if found else code for code, found in sorted(places.items())]
    return ", ".join(told[:_MOST_ISSUES]) or "error"


def _is_against(issue: dict[str, Any]) -> bool:
    severity = issue.get("severity")
    return not (isinstance(severity, str) and severity in _HARMLESS)


def _of_rest(body: dict[str, Any], answer: HttpAnswer, now: datetime, asked: Asked) -> Outcome | None:
    """Return what stands against a transaction or a resource, or None."""
    if answer.status == HTTPStatus.CONFLICT:
        return Retry("partner.fhir_conflict", retry_after(answer, now))
    if answer.status == HTTPStatus.PRECONDITION_FAILED or any(issue["code"] == "multiple-matches" for issue in _issues(body)):
        return Rejected("partner.fhir_ambiguous", "several resources there have the identifier that should be one's own")
    statuses = [_status(response) for response in _responses(body)]
    wrong = [status for status in statuses if not _is_well(status)]
    if wrong:
        if len(wrong) < len(statuses):
            return Uncertain("partner.fhir_partial")
        headers, told = {**answer.headers, "content-type": JSON_TYPES[0]}, json.dumps({**_OUTCOME, "issue": _issues(body)})
        return outcome_from(replace(answer, status=wrong[0], headers=headers, body=told.encode()), now, messaging=False)
    if body.get("resourceType") == "Bundle" and len(statuses) < asked.entries:
        return Uncertain("partner.fhir_partial")
    return _said(body, answer, now, messaging=False)


def _responses(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if body.get("resourceType") == "Bundle" and body.get("type") in {"transaction-response", "batch-response"}:
        entries = body.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            response = entry.get("response") if isinstance(entry, dict) else None
            if isinstance(response, dict):
                yield response


def _status(response: dict[str, Any]) -> int:
    """Return the status of one entry: R4 lets a phrase follow it. What is none counts as one that nobody knows."""
    digits = str(response.get("status", ""))[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _is_well(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _with_its_name(outcome: Outcome, body: dict[str, Any], answer: HttpAnswer) -> Outcome:
    """Say under what type and id the partner has it, where it says so: the last entry of a transaction is what the message is about."""
    places = [str(one.get("location", "")) for one in _responses(body)] or [answer.headers.get("location", "")]
    found = _PLACE.search(places[-1])
    return Delivered(found[1]) if isinstance(outcome, Delivered) and found else outcome


def _issues(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the issues of every OperationOutcome in an answer, each with a code: an empty one where it has none that is a text."""
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else [{"resource": body}]
    found: list[Any] = []
    for entry in entries if isinstance(entries, list) else []:
        for resource in (at(entry, "resource"), at(entry, "response.outcome")):
            if at(resource, "resourceType") == "OperationOutcome" and isinstance(resource.get("issue"), list):
                found += resource["issue"]
    said = [one for one in found if isinstance(one, dict) and any(isinstance(one.get(name), str) for name in ("severity", "code"))]
    return [one if isinstance(one.get("code"), str) else {**one, "code": ""} for one in said]
