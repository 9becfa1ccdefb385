"""Stands around every request: logs it by its route's name, keeps answers out of caches, and turns what was not foreseen into `hub.failed`.

It must never log a path, a query, a header or a body: only the route as it is written in the code.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from siphub.observe import Log
from siphub.web.problems import broken

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
GONE = 499
"""Logged as the status of a request whose client went away before it was answered."""

log = Log(worker="web")


class Doorkeeper:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *HEADERS]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = status or GONE
        except Exception as error:  # a bug of ours is logged, and its caller is told that it was not the caller's
            log.error("request.failed", route=_route(scope), exc_info=error)
            if status == 0:
                await broken()(scope, receive, sending)
        finally:
            seconds = round(time.monotonic() - started, 6)
            log.info(
                "request.done",
                method=_method(scope),
                route=_route(scope),
                status=status or HTTPStatus.INTERNAL_SERVER_ERROR,
                seconds=seconds,
            )


def _route(scope: Scope) -> str:
    """Return the route as it is written, `<name>` for what stands in its place; never the path itself."""
    path = getattr(scope.get("route"), "path", None)
    return path.replace("{", "<").replace("}", ">") if isinstance(path, str) else "none"


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"
