"""The addresses that standards prescribe, for every enabled reader that has one: `/fhir/$process-message` and `/fhir/metadata`.

Callers are let in as everywhere, before any body is read, and what is accepted is decided as everywhere; only the answers are the standard's
own, also where there is no such address below a door, or not with this method. They describe themselves, as their standard wants it, and are
not in /openapi.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from siphub.contract import StandardDoor, Submission
from siphub.errors import Busy, NotAcceptable, NotThere, Refused, SiphubError, StoreBusy, StoreLost, UnsupportedMedia
from siphub.flow.accept import accept_message
from siphub.flow.reading import read
from siphub.flow.used_ids import ids_of
from siphub.hub import Hub
from siphub.model import Caller
from siphub.observe import Log
from siphub.web.bodies import media_type_of, submission_of
from siphub.web.callers import caller_of
from siphub.web.messages import READ, REPEATED, SEND
from siphub.web.metrics import Counts
from siphub.web.problems import of_error, of_router

CHANNEL = "reader"
_HAND_IN = ("POST", "OPTIONS")
_DESCRIBE = ("GET", "HEAD", "OPTIONS")
_BROKEN = "something in the hub is broken; its log says what, and an administrator can look"

log = Log(worker="web")


def router(hub: Hub, counts: Counts) -> APIRouter:
    """Return the routes of every enabled reader that has a door of its own."""
    routes = APIRouter()
    for door in _doors(hub):
        _open(routes, hub, counts, door)
    return routes


def of_status(hub: Hub, request: Request, error: HTTPException) -> Response | None:
    """Return the answer for what the router itself refuses below a door's address; None where it is below none."""
    path = request.url.path
    door = next((one for one in _doors(hub) if path == f"/{one.door.path}" or path.startswith(f"/{one.door.path}/")), None)
    if door is None:
        return None
    try:
        wanted = _wanted(request, door.door.media_types)
    except NotAcceptable:  # who asks for a page with a browser is told all the same that there is none
        wanted = next(iter(door.door.media_types))
    refusal = of_router(error.status_code)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at this address; GET /{door.door.path}/{door.door.description} says what there is"
        refusal = NotThere(detail, code=refusal.code)
    answer = _refused(door, None, refusal, wanted)
    answer.headers.update(error.headers or {})
    return answer


def _doors(hub: Hub) -> list[StandardDoor]:
    return [reader for reader in hub.registry.readers.values() if isinstance(reader, StandardDoor)]


def _open(routes: APIRouter, hub: Hub, counts: Counts, door: StandardDoor) -> None:
    where = door.door

    @routes.api_route(f"/{where.path}/{where.operation}", methods=list(_HAND_IN), include_in_schema=False)
    async def hand_in(request: Request) -> Response:
        """Take one message, or refuse it, and answer as the standard says."""
        if request.method == "OPTIONS":
            return _methods(_HAND_IN)
        submission: Submission | None = None
        wanted = next(iter(where.media_types))
        try:
            caller = await run_in_threadpool(caller_of, hub, request, CHANNEL, SEND)
            wanted = _wanted(request, where.media_types)
            if media_type_of(request) not in where.media_types:
                raise UnsupportedMedia(f"this address takes {' and '.join(where.media_types)}")
            submission = await submission_of(hub, request)
            return await run_in_threadpool(_taken, hub, counts, door, submission, caller, wanted)
        except SiphubError as error:
            if isinstance(error, Refused):
                counts.refused(CHANNEL, error.code)
            return await run_in_threadpool(_refused, door, submission, error, wanted)

    @routes.api_route(f"/{where.path}/{where.description}", methods=list(_DESCRIBE), include_in_schema=False)
    def describe(request: Request) -> Response:
        """Say what the door takes and answers."""
        if request.method == "OPTIONS":
            return _methods(_DESCRIBE)
        wanted = next(iter(where.media_types))
        try:
            caller_of(hub, request, "api", READ)
            wanted = _wanted(request, where.media_types)
        except SiphubError as error:
            return _refused(door, None, error, wanted)
        address = f"{str(request.base_url).rstrip('/')}/{where.path}"
        return Response(door.described(address, wanted), HTTPStatus.OK, media_type=wanted)


def _methods(allowed: tuple[str, ...]) -> Response:
    """Say which methods an address takes: it is nothing that a key would be needed for."""
    return Response(b"", HTTPStatus.NO_CONTENT, {"Allow": ", ".join(allowed)})


def _taken(hub: Hub, counts: Counts, door: StandardDoor, submission: Submission, caller: Caller, wanted: str) -> Response:
    message = read(hub.ground, submission)
    ids = ids_of(hub.ground, door.info.name, door.ids(submission, message), message, caller)
    answer = accept_message(hub.ground, message, caller, ids)
    counts.accepted(CHANNEL, message.type)
    body = door.taken(submission, message, answer.document(), wanted)
    return Response(body, HTTPStatus.OK, {REPEATED: "yes"} if answer.repeated else {}, wanted)


def _refused(door: StandardDoor, submission: Submission | None, error: SiphubError, wanted: str) -> Response:
    """Answer an error with the status and headers it has everywhere, and the standard's body."""
    plain = of_error(error)
    if isinstance(error, Refused):
        refusal = error
    else:
        known = isinstance(error, Busy | StoreBusy | StoreLost)
        refusal = Refused(error.detail if known else _BROKEN, code=error.code if known else "hub.failed")
        refusal.status = plain.status_code
        if not known:
            log.error("request.failed", exc_info=error)
    kept = {name: plain.headers[name] for name in ("retry-after", "www-authenticate") if name in plain.headers}
    return Response(door.refused(submission, refusal, wanted), plain.status_code, kept, wanted)


def _wanted(request: Request, media_types: Mapping[str, frozenset[str]]) -> str:
    """Return which of a door's media types an answer is to have: `_format` decides, then Accept, then what was handed in.

    Raises:
        NotAcceptable: None that the caller takes.
    """
    named = {name: kind for kind, names in media_types.items() for name in {kind, *names}}
    first, handed_in = next(iter(media_types)), media_type_of(request)
    usual = handed_in if handed_in in media_types else first
    asked = request.query_params.get("_format")
    if asked is not None:
        asked = asked.replace(" ", "+").partition(";")[0].strip().lower()  # a plus sign in a query is a blank to whoever reads forms
        if asked in named:
            return named[asked]
    else:
        for one in _by_preference(",".join(request.headers.getlist("accept")) or "*/*"):
            if one in {"*/*", "application/*"}:
                return usual
            if one in named:
                return named[one]
    raise NotAcceptable(f"this address answers in {' and '.join(media_types)}")


def _by_preference(accept: str) -> list[str]:
    """Return the media ranges of an Accept header, the most wanted first; those of weight 0 are not wanted at all."""
    ranges: list[tuple[float, str]] = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            ranges.append((min(float(weight), 1.0), kind))
        except ValueError:
            ranges.append((0.0, kind))
    return [kind for weight, kind in sorted(ranges, key=lambda one: -one[0]) if weight > 0]
