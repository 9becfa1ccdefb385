"""Errors as RFC 9457 problem+json: the one place where an error of ours becomes an HTTP answer.

A code of the reasons has its sentence in Swedish too, as `detail_sv`. What went wrong inside is told by a constant sentence and a code; an
exception's own text is said only where siphub raised it on purpose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus

from starlette.responses import Response

from siphub.errors import Busy, Problem, Refused, SiphubError, StoreBusy, StoreLost, Unauthenticated
from siphub.policy.reasons import REASONS

MEDIA_TYPE = "application/problem+json"
_ROUTER = {
    HTTPStatus.NOT_FOUND: Problem("route.not_there", "there is nothing at this address; /openapi.json lists what there is"),
    HTTPStatus.METHOD_NOT_ALLOWED: Problem("route.wrong_method", "this address does not take this method; the header Allow says which"),
}
_OTHER = Problem("request.refused", "this request cannot be answered")
STORE_BUSY_AFTER = 1
"""Seconds a caller is asked to wait when the database did not give its lock in time."""

STORE_LOST_AFTER = 5
"""The same when the database cannot be reached. Whoever asks again is told what became of it."""


def problem(status: int, detail: str, *, code: str, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong.

    Args:
        status: The HTTP status.
        detail: A sentence without personal data.
        code: The stable code.
        problems: Each thing that is wrong, with a pointer or a position.
        headers: Further headers.
    """
    document = {
        "type": f"urn:siphub:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "problems": [_wrong(one) for one in problems],
    }
    if code in REASONS:
        document["detail_sv"] = REASONS[code].sv
    return Response(json.dumps(document, ensure_ascii=False).encode(), status, dict(headers or {}), MEDIA_TYPE)


def _wrong(one: Problem) -> Mapping[str, str]:
    said = {name: value for name, value in asdict(one).items() if value is not None}
    reason = REASONS.get(one.code)
    return {**said, "detail_sv": reason.sv} if reason is not None and one.detail == reason.en else said


def of_error(error: SiphubError) -> Response:
    """Return the answer for an error of ours; what is not the caller's doing is answered without its text."""
    match error:
        case Unauthenticated():
            return problem(error.status, error.detail, code=error.code, headers={"WWW-Authenticate": 'Bearer realm="siphub"'})
        case Refused():
            return problem(error.status, error.detail, code=error.code, problems=error.problems)
        case Busy():
            return _later(error, math.ceil(error.retry_after.total_seconds()))
        case StoreBusy():
            return _later(error, STORE_BUSY_AFTER)
        case StoreLost():
            return _later(error, STORE_LOST_AFTER)
        case _:
            return broken()


def _later(error: SiphubError, seconds: int) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.detail, code=error.code, headers={"Retry-After": str(max(1, seconds))})


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer for what the router itself refuses: no such address, or not with this method."""
    said = of_router(status)
    return problem(status, said.detail, code=said.code, headers=headers)


def of_router(status: int) -> Refused:
    """Return what the router itself refuses as an error of ours, with that status."""
    said = _ROUTER.get(HTTPStatus(status), _OTHER)
    refusal = Refused(said.detail, code=said.code)
    refusal.status = status
    return refusal


def broken() -> Response:
    """Return the answer for what should not have happened: nothing of it is told but that it did."""
    detail = "something in the hub is broken; its log says what, and an administrator can look"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, code="hub.failed")
