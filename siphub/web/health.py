"""Whether the hub lives, whether it is ready, and its figures. Open to whoever reaches the port: there is nothing of a person in it."""

from __future__ import annotations

import json
from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from siphub.hub import Hub
from siphub.web.describe import HEALTH, METRICS, READY, READY_RESPONSES
from siphub.web.metrics import Counts

SWITCHES = frozenset({"sending"})
"""What an operator may have switched off on purpose: shown, and no reason to call the hub not ready, since it goes on accepting."""


def router(hub: Hub, counts: Counts) -> APIRouter:
    """Return the routes without a key."""
    routes = APIRouter()

    @routes.get("/health/live", openapi_extra=HEALTH, summary="Does the process answer?")
    async def live() -> Response:
        """Say that the process answers; nothing else is looked at."""
        return Response(b'{"live": true}', media_type="application/json")

    @routes.get("/health/ready", openapi_extra=READY, responses=READY_RESPONSES, summary="Does everything stand?")
    def ready() -> Response:
        """Say what stands: 200 where messages can be taken and sent on, else 503 with what does not stand."""
        found = hub.ready()
        stands = all(value for name, value in found.items() if name not in SWITCHES)
        body = json.dumps({"ready": stands, **found}).encode()
        return Response(body, HTTPStatus.OK if stands else HTTPStatus.SERVICE_UNAVAILABLE, media_type="application/json")

    @routes.get("/metrics", openapi_extra=METRICS, summary="Figures for Prometheus")
    def metrics() -> Response:
        """Return the figures as Prometheus text."""
        body, media_type = counts.render()
        return Response(body, headers={"Content-Type": media_type})

    return routes
