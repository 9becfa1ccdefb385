"""The application: routes over one hub, every error as problem+json, and a description of it all at /openapi.json."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from siphub import __version__
from siphub.errors import Busy, Refused, SiphubError, StoreBusy
from siphub.hub import Hub
from siphub.observe import Log
from siphub.web import bells, health, messages, standard_doors
from siphub.web.describe import described
from siphub.web.doorkeeper import Doorkeeper
from siphub.web.metrics import Counts
from siphub.web.problems import broken, of_error, of_status

log = Log(worker="web")


def make_app(hub: Hub, *, takes_messages: bool = True) -> FastAPI:
    """Return the application over a hub that is built already; whoever built it starts and stops it.

    Args:
        hub: The hub.
        takes_messages: Whether it has the API; without it there are health and figures alone, for a process that only works.
    """
    app = FastAPI(title="siphub", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    counts = Counts(hub)
    if takes_messages:
        app.include_router(messages.router(hub, counts))
        app.include_router(bells.router(hub))
        app.include_router(standard_doors.router(hub, counts))
    app.include_router(health.router(hub, counts))
    app.add_exception_handler(SiphubError, _ours)
    app.add_exception_handler(HTTPException, _routers(hub if takes_messages else None))
    app.add_middleware(Doorkeeper)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description
    return app


async def _ours(_request: Request, error: Exception) -> Response:
    """Answer what siphub raised on purpose; what is not the caller's doing is logged."""
    if not isinstance(error, Refused | Busy | StoreBusy):
        log.error("request.failed", exc_info=error)
    return of_error(error) if isinstance(error, SiphubError) else broken()


def _routers(hub: Hub | None) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers for the router: below the doors of a hub in the words of their standards."""

    async def refused(request: Request, error: Exception) -> Response:
        found = error if isinstance(error, HTTPException) else HTTPException(500)
        at_door = standard_doors.of_status(hub, request, found) if hub is not None else None
        return at_door or of_status(found.status_code, found.headers)

    return refused
