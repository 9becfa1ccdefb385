"""uvicorn in a thread: bound before it starts, so that the port is known and a taken one is said at once."""

from __future__ import annotations

import socket
import threading
import time
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from siphub.errors import SettingsError, SiphubError
from siphub.hub import Hub
from siphub.web.app import make_app

PATIENCE = timedelta(seconds=10)
"""How long a start may take, and how long requests may go on when the server stops."""


class Server:
    """One application on one address, started and stopped by hand.

    Args:
        app: What answers.
        host: The address to listen on.
        port: The port; 0 lets the machine choose.

    Raises:
        SettingsError: `settings.address_taken`; nobody can listen there.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = _bound(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(PATIENCE.total_seconds()),
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="siphub-web", daemon=True)

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen; returns once requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise SiphubError("the HTTP server did not start; the log says why", code="web.not_started")
            time.sleep(0.005)

    def stop(self) -> None:
        """Take no more connections, finish what is being answered, and go. May be called twice."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=2 * PATIENCE.total_seconds())
        self._socket.close()


def serve(hub: Hub, host: str, port: int, *, takes_messages: bool = True) -> Server:
    """Start answering for a hub; `port` 0 lets the machine choose, and the server says which. Without `takes_messages`: health and figures."""
    server = Server(make_app(hub, takes_messages=takes_messages), host, port)
    server.start()
    return server


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio turns Nagle's algorithm off only where it sees TCP
    except OSError:
        raise SettingsError("host: no address of this machine", code="settings.address_taken") from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"nobody can listen on port {port} there ({error.strerror}); choose another with --port, or stop what has it",
            code="settings.address_taken",
        ) from None
    return bound
