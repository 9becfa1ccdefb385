"""Handing in a message, and reading back what an organisation sent or was sent.

The header `X-Siphub-Door` only names the channel in the audit; no right depends on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from siphub.contract import Submission
from siphub.errors import NotThere, Refused
from siphub.flow import track
from siphub.flow.accept import accept_message
from siphub.flow.reading import read
from siphub.hub import Hub
from siphub.model import Caller
from siphub.policy.reasons import REASONS
from siphub.web.bodies import JSON_TYPES, media_type_of, submission_of
from siphub.web.callers import caller_of, canonical_id
from siphub.web.describe import CASE, CODES, HAND_IN, MESSAGE
from siphub.web.metrics import Counts

SEND: Final = ("send",)
READ: Final = ("send", "inbox")
DOOR = "X-Siphub-Door"
REPEATED = "X-Siphub-Repeated"


def router(hub: Hub, counts: Counts) -> APIRouter:
    """Return the routes of `/v1`, over one hub."""
    routes = APIRouter(prefix="/v1")

    @routes.post(
        "/messages", status_code=HTTPStatus.ACCEPTED, openapi_extra=HAND_IN, responses=CODES["hand_in"], summary="Hand in a message"
    )
    async def hand_in(request: Request) -> Response:
        """Take one message, or refuse it: 202 once it is stored, with what happens for each recipient. The same message gets the same answer."""
        door = _door(request)
        caller = await run_in_threadpool(caller_of, hub, request, door, SEND)
        try:
            submission = await submission_of(hub, request)
            return await run_in_threadpool(_accepted, hub, counts, submission, caller)
        except Refused as refused:
            counts.refused(door, refused.code)
            raise

    @routes.get("/messages/{message_id}", openapi_extra=MESSAGE, responses=CODES["read"], summary="Read a message")
    def read_message(request: Request, message_id: str) -> Response:
        """Return a message this organisation sent, whole with its deliveries, or what of it was addressed to this organisation."""
        caller = caller_of(hub, request, "api", READ)
        known = canonical_id(message_id, NotThere(REASONS["message.not_there"].en, code="message.not_there"))
        return _json(track.message(hub.ground, caller, known))

    @routes.get("/cases/{case_id}", openapi_extra=CASE, responses=CODES["read"], summary="Read a mailbox")
    def read_case(request: Request, case_id: str) -> Response:
        """Return this organisation's own mailbox of a case: what it sent and what was addressed to it, frozen as sent."""
        caller = caller_of(hub, request, "api", READ)
        known = canonical_id(case_id, NotThere(REASONS["case.not_there"].en))
        return _json(track.mailbox(hub.ground, caller, known))

    return routes


def _door(request: Request) -> str:
    if request.headers.get(DOOR) == "submit":
        return "submit"
    media_type = media_type_of(request)
    return "api" if media_type in JSON_TYPES or not media_type else "reader"


def _accepted(hub: Hub, counts: Counts, submission: Submission, caller: Caller) -> Response:
    message = read(hub.ground, submission)
    answer = accept_message(hub.ground, message, caller)
    counts.accepted(caller.channel, message.type)
    return _json(answer.document(), HTTPStatus.ACCEPTED, {REPEATED: "yes"} if answer.repeated else {})


def _json(document: Mapping[str, Any], status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(document, ensure_ascii=False).encode(), status, dict(headers or {}), "application/json")
