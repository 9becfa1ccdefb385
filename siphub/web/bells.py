"""Ringing for an adapter: a partner's system says that answers lie ready, and says nothing else. Its body is never read."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from siphub.flow.partner_bell import ring
from siphub.hub import Hub
from siphub.web.callers import caller_of
from siphub.web.describe import CODES

RING: Final = ("ring",)


def router(hub: Hub) -> APIRouter:
    """Return the route, over one hub."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/receipts/{adapter}", status_code=HTTPStatus.ACCEPTED, responses=CODES["ring"], summary="Ring for answers")
    def rung(request: Request, adapter: str) -> Response:
        """Have the hub ask an adapter's partner for receipts and answers now: 202, whatever lies there. What is sent along is not read."""
        ring(hub.ground, adapter, caller_of(hub, request, "api", RING))
        return Response(status_code=HTTPStatus.ACCEPTED)

    return routes
