"""What the message service says, as outcomes and receipts: the one place.

| the service answers a POST with | outcome |
|---|---|
| 200 201 202 204 | Accepted: the receipt comes later; Uncertain where a web page came instead |
| 400 whose issues say `duplicate` or `multiple-matches`, 409 | Uncertain `sdk.duplicate`: it has this messageId already, and is asked what became of it |
| 400 and other 4xx with issues | Rejected `sdk.<issue>`, `sdk.bv.not-found` for instance |
| 413 | Rejected `sdk.bv.too-long` |
| 401 403 | Retry `partner.unauthorised`: after a 401 with a new token; after a 403 an administrator must act, and the token is kept for its time |
| 404 410, a redirect | Retry: the address is wrong, the message is in order |
| 408 425 429, 500 502 503 504 and other 5xx | Uncertain, not before Retry-After: it, or what stands before it, may have taken the message all the same, and nothing recognises a repeat, so it is asked first |
| no answer, nothing sent / something sent | Retry / Uncertain |

| asked for a messageId, the service answers | as an answer to `confirm` |
|---|---|
| 200 with the message | what its status says, below |
| 404 that is surely the service's own word about this message | Retry: it never took it, and it may be sent once more |
| any other 404, which a gateway or a wrong address in front of the service gives as well | Uncertain `sdk.not_found_unproven`, or `partner.unexpected_body` for a web page: it is asked again, and nothing is sent |
| 401 403 408 425 429, 5xx, nothing, or no token is to be had | Uncertain, not before Retry-After: it is asked again, and until it has answered nothing is sent |
| anything else, a web page for instance | None: it cannot say, and a person asks |

| asked to delete, the service answers | the message |
|---|---|
| 200 202 204 | is gone |
| 404 | is gone where the question for it says so too; else it stays, with that code |
| 401 403 | stays, `sdk.delete_forbidden`: an administrator must act |
| other 4xx | stays, `sdk.delete_refused`: it is in a status in which the service deletes nothing |
| anything else | stays, with that code |

| messageStatus | as an answer to `confirm` | as a receipt |
|---|---|---|
| ACCEPTED | Delivered | received |
| REJECTED | Rejected with the code of its events | rejected |
| REJECTED for `duplicate` or `multiple-matches` alone | Accepted | none: the recipient has an earlier copy under this messageId, and the receipt of that one counts |
| MESSAGE_EXCHANGE_ERROR, ERROR | Rejected `sdk.exchange_error` | rejected |
| any other | Accepted | none yet |

Words of the service never travel on: only what looks like one of SDK's codes does.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from siphub.contract import Accepted, Delivered, HttpAnswer, HttpFailure, Outcome, Rejected, Retry, Uncertain, outcome_of

ENDED: Final = frozenset({"ACCEPTED", "REJECTED", "MESSAGE_EXCHANGE_ERROR", "ERROR"})
"""Statuses after which a message of ours changes no more."""
UNSENT: Final = frozenset({"SCHEDULED", "SCHEDULED_FOR_RESEND"})
"""Statuses of messages of ours that the service has yet to send."""
ARRIVED: Final = frozenset({"NEW", "RETRIEVED", "RECEIPT_SENT"})
"""Statuses of messages to us."""

SIGNATURE: Final = "sdk.sig"
_CLASSES: Final = ("SV", "BV", "SIG")
DETAILS: Final = (
    "structure",
    "invariant",
    "security",
    "not-found",
    "not-supported",
    "too-long",
    "forbidden",
    "duplicate",
    "multiple-matches",
)
_TWICE: Final = (".duplicate", ".multiple-matches")
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({"MESSAGE_EXCHANGE_ERROR": "sdk.exchange_error"})
_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(400, 500)
_GONE: Final = frozenset({200, 202, 204})
_LATER: Final = frozenset({408, 425, 429})
_ADMINISTRATOR: Final = frozenset({401, 403})
_PROBLEM: Final = "urn:problem-type:sdk:"
"""How the types of the API's own problem documents begin."""
UNPROVEN: Final = Uncertain("sdk.not_found_unproven")
"""A 404 that may be the service's word about a message, and may be that of whatever stands in front of it."""


def of_sending(result: HttpAnswer | HttpFailure, message_id: str, now: datetime) -> Outcome:
    """Say what a POST led to."""
    code = code_in(document_of(result)) if isinstance(result, HttpAnswer) else ""
    if isinstance(result, HttpAnswer) and result.status in _CLIENT_ERRORS:
        if result.status == HTTPStatus.CONFLICT or says_twice(code):
            return Uncertain("sdk.duplicate")
        if result.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Rejected("sdk.bv.too-long")
    found = outcome_of(result, now=now, receipts_later=True, partner_id=message_id)
    match found:
        case Delivered():
            return Accepted(message_id)
        case Rejected() if isinstance(result, HttpAnswer) and code:
            return Rejected(code, f"the message service answered {result.status}")
        case Retry(code=why, after=after) if isinstance(result, HttpAnswer) and _undecided(result.status):
            return Uncertain(why, after)
    return found


def of_asking(result: HttpAnswer | HttpFailure, now: datetime) -> Uncertain | None:
    """Return that the service cannot be asked now, and when it can be asked again; None where it has answered."""
    if isinstance(result, HttpFailure):
        return Uncertain(result.code)
    if not _undecided(result.status) and result.status not in _ADMINISTRATOR:
        return None
    match outcome_of(result, now=now):
        case Retry(code=code, after=after) | Uncertain(code=code, after=after):
            return Uncertain(code, after)
    return None


def of_absence(answer: HttpAnswer, message_id: str) -> Uncertain | None:
    """Return why a 404 does not say by itself that the service never took a message, or None where it does.

    It does as one of the API's own problem documents (RFC 7807) whose `instance` is that messageId. The OpenAPI gives a 404 no body, so one
    without says it too, but so does a gateway: that one is for the caller to prove.
    """
    found = document_of(answer)
    if answer.truncated or (answer.body and found is None):
        return Uncertain("partner.unexpected_body")
    said = found if isinstance(found, Mapping) else {}
    own = str(said.get("type")).startswith(_PROBLEM) and said.get("status", HTTPStatus.NOT_FOUND) == HTTPStatus.NOT_FOUND
    return None if own and same(str(said.get("instance")), message_id) else UNPROVEN


def of_deleting(result: HttpAnswer | HttpFailure) -> str | None:
    """Return the code of what kept a message at the service, or None where it is gone."""
    if isinstance(result, HttpFailure):
        return result.code
    if result.status in _GONE:
        return None if not result.body or document_of(result) is not None else "partner.unexpected_body"
    if result.status in _ADMINISTRATOR:
        return "sdk.delete_forbidden"
    if result.status in _CLIENT_ERRORS and result.status not in _LATER:
        return "sdk.delete_refused"
    return f"partner.http_{result.status}"


def same(one: str, other: str) -> bool:
    """Say whether two texts are one UUID."""
    try:
        return uuid.UUID(one) == uuid.UUID(other)
    except ValueError:
        return False


def _undecided(status: int) -> bool:
    """Say whether a status leaves open what became of a request."""
    return status in _LATER or status in _SERVER_ERRORS


def of_status(attributes: Mapping[str, Any], message_id: str) -> Outcome:
    """Say what a message that the service has led to so far."""
    match attributes.get("messageStatus"):
        case "ACCEPTED":
            return Delivered(message_id)
        case "REJECTED" | "MESSAGE_EXCHANGE_ERROR" | "ERROR" if not says_twice(code_of(attributes)):
            return Rejected(code_of(attributes))
    return Accepted(message_id)


def code_of(attributes: Mapping[str, Any]) -> str:
    """Return the code for a message that did not get through."""
    found = code_in(attributes.get("events"))
    if attributes.get("messageStatus") == "REJECTED":
        return found if found not in {"", *_PLAIN.values()} else "sdk.rejected"
    return found or "sdk.exchange_error"


def code_in(events: object) -> str:
    """Return SDK's code in a problem document or a list of them: `sdk.bv.not-found`, `sdk.sig`, …; empty where there is none.

    An issue with a class (SV, BV, SIG) decides; a detail without a class is taken for a business rule.
    """
    words = [_words(issue) for issue in _issues(events)]
    plain = next((code for said in words for word, code in _PLAIN.items() if word in said), "")
    return deciding(code for said in words if (code := _code_said(said))) or plain


def _code_said(said: frozenset[str]) -> str:
    detail = next((name for name in DETAILS if name in said), "")
    kind = next((name.lower() for name in _CLASSES if name in said), "bv" if detail else "")
    return code_for(kind, detail) if kind else ""


def deciding(codes: Iterable[str]) -> str:
    """Return which of several codes decides what becomes of a message: the first that says more than that it is there; empty without any."""
    found = list(codes)
    return next((code for code in found if not says_twice(code)), next(iter(found), ""))


def says_twice(code: str) -> bool:
    """Say whether a code says no more than that somebody has this messageId already.

    The ids are ours and random, so it is an earlier copy of the very message that is there: nothing was lost, and nothing is to be sent
    again. Whether that copy was accepted is for its own receipt to say.
    """
    return code.endswith(_TWICE) and not code.startswith(SIGNATURE)


def code_for(kind: str, detail: str | None) -> str:
    """Return the code of one reason: its class, and its detail where that is one of SDK's words."""
    return f"sdk.{kind.lower()}.{detail}" if detail in DETAILS else f"sdk.{kind.lower()}"


def _issues(events: object) -> Iterator[Mapping[str, Any]]:
    for event in events if isinstance(events, list) else [events]:
        if isinstance(event, Mapping):
            issues = event.get("eventIssues")
            yield from (issue for issue in issues if isinstance(issue, Mapping)) if isinstance(issues, list) else ()
            yield event


def _words(issue: Mapping[str, Any]) -> frozenset[str]:
    """Return the words of an issue's coded fields; the OpenAPI does not say which of them carries which code."""
    said = (issue.get(name) for name in ("typeCode", "title", "detail"))
    return frozenset(word for text in said if isinstance(text, str) for word in re.findall(r"[A-Za-z_-]+", text[:500]))


def document_of(result: HttpAnswer) -> Any:
    """Return the JSON of an answer, or None where it is none, or too long to be whole."""
    if result.truncated:
        return None
    try:
        return json.loads(result.body)
    except (ValueError, RecursionError):
        return None


def attributes_of(entry: object) -> Mapping[str, Any] | None:
    """Return the attributes of one message object, or None where it is none."""
    attributes = entry.get("attributes") if isinstance(entry, Mapping) else None
    return attributes if isinstance(attributes, Mapping) and isinstance(attributes.get("messageId"), str) else None


def address_in(attributes: Mapping[str, Any], name: str) -> str:
    """Return the functional address in one side's attention; empty where there is none."""
    attention = attributes.get(name)
    function = attention.get("subOrganization") if isinstance(attention, Mapping) else None
    return str(function.get("extension", "")) if isinstance(function, Mapping) else ""
