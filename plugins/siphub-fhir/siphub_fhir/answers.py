"""What a FHIR server's answer leads to, in one table.

The status decides as for every partner over HTTP (`outcomes_http`). Where an OperationOutcome, or a message Bundle with
`MessageHeader.response`, says more, it decides:

| what the answer says | outcome |
|---|---|
| 2xx, nothing against it | Delivered |
| 2xx and a page, or bytes that are no JSON | Uncertain `partner.unexpected_body` |
| response.code `ok` | Delivered |
| response.code `transient-error`; an issue transient, lock-error, no-store, timeout, throttled or incomplete | Retry `partner.fhir_transient` |
| an issue `duplicate` | Delivered: the partner has it already |
| an issue login, expired, forbidden, security, unknown or suppressed | Retry `partner.unauthorised`: an administrator must act |
| response.code `fatal-error`; any other issue of severity error or fatal | Rejected `partner.fhir_refused` |
| 5xx, 429, 401, 403, 404 whatever they say besides | as the status says |

No word of the answer is kept but the issue's code, and that only where it is one of R4's.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from siphub.contract import Delivered, HttpAnswer, HttpFailure, Outcome, Rejected, Retry, Uncertain
from siphub.contract.outcomes_http import outcome_of, retry_after
from siphub_fhir.lens import at

MEDIA_TYPES: Final = ("application/fhir+json", "application/json")
_TRANSIENT: Final = frozenset({"transient", "lock-error", "no-store", "timeout", "throttled", "incomplete"})
_ADMINISTRATOR: Final = frozenset({"login", "expired", "forbidden", "security", "unknown", "suppressed"})
_REFUSED: Final = frozenset(
    {
        "invalid",
        "structure",
        "required",
        "value",
        "invariant",
        "processing",
        "not-supported",
        "duplicate",
        "multiple-matches",
        "not-found",
        "deleted",
        "too-long",
        "code-invalid",
        "extension",
        "too-costly",
        "business-rule",
        "conflict",
        "exception",
    }
)


def outcome_from(answer: HttpAnswer | HttpFailure, now: datetime) -> Outcome:
    """Say what one attempt led to."""
    outcome = outcome_of(answer, now=now, expects=MEDIA_TYPES)
    if isinstance(answer, HttpFailure) or not isinstance(outcome, (Delivered, Rejected)):
        return outcome
    body = _body(answer)
    if body is None:
        return Uncertain("partner.unexpected_body") if isinstance(outcome, Delivered) and answer.body else outcome
    return _said(body, answer, now) or outcome


def _body(answer: HttpAnswer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _said(body: dict[str, Any], answer: HttpAnswer, now: datetime) -> Outcome | None:
    """Return what an OperationOutcome or a response says, or None where it says nothing against it."""
    issues = _issues(body)
    codes = {issue.get("code") for issue in issues if issue.get("severity") in {"error", "fatal"}}
    code = at(body, "entry[].resource.response.code")
    if "duplicate" in codes:
        return Delivered()
    if code == "transient-error" or (codes and codes <= _TRANSIENT):
        return Retry("partner.fhir_transient", retry_after(answer, now))
    if codes and codes <= _ADMINISTRATOR:
        return Retry("partner.unauthorised")
    if code == "fatal-error" or codes:
        named = sorted(one for one in codes if isinstance(one, str) and one in _REFUSED)
        return Rejected("partner.fhir_refused", f"the partner's OperationOutcome says {', '.join(named) or 'error'}")
    return None


def _issues(body: dict[str, Any]) -> list[dict[str, Any]]:
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else [{"resource": body}]
    found: list[Any] = []
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome" and isinstance(resource.get("issue"), list):
            found += resource["issue"]
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("code"), str)]
