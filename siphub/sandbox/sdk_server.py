"""The SDK message service as a program: TLS on loopback, OAuth2 in front, faults on request. What it thinks is in `siphub.sandbox.sdk`.

The address book is beside it (`siphub.sandbox.sdk_book`), for anybody to read; `PUT /_fault/addressbook` lets something go wrong with it.
A fault `reset` after the message was taken is the line that dies at the worst moment. It listens on loopback only.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import socket
import ssl
import struct
import sys
import tempfile
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from siphub.sandbox.access_point import PATH as ACCESS_POINT
from siphub.sandbox.access_point import AccessPoint
from siphub.sandbox.certificate import Certificates, make_certificates
from siphub.sandbox.faults import Fault, fault_from
from siphub.sandbox.sdk import DELETE, MessageService, Said
from siphub.sandbox.sdk_book import PATH as BOOK
from siphub.sandbox.sdk_book import AddressBookService
from siphub.sandbox.sdk_rules import MAX_BYTES

HOST = "127.0.0.1"
_CHUNK = 65536
_PATIENCE = 5.0
_RESET = struct.pack("ii", 1, 0)
_PAGE = b"<!doctype html><html><title>Log in</title><body><h1>Please log in</h1></body></html>"
_MESSAGES = ["v1", "sdk", "messages"]
_BOOK_FAULT = ["_fault", "addressbook"]


class SdkSandbox:
    """The message service with the agencies behind it, in a thread of this process. Use it as a context manager, or call `start` and `stop`.

    Args:
        folder: Where certificates and ledgers are written; None is a folder of its own, taken away by `stop`.
        certificates: Certificates made already, so that several sandboxes are trusted by one CA.
        port: 0 is any that is free.
    """

    def __init__(self, *, folder: Path | None = None, certificates: Certificates | None = None, port: int = 0) -> None:
        self._own = None if folder or certificates else tempfile.TemporaryDirectory(prefix="siphub-sdk-")
        keep = folder or Path(self._own.name if self._own else "")
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        self.certificates = certificates or make_certificates(keep)
        self.service = MessageService(folder)
        self.book = AddressBookService(folder)
        self.access_point = AccessPoint(folder)
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def ca_file(self) -> Path:
        """The CA that the hub has to trust."""
        return self.certificates.ca

    @property
    def url(self) -> str:
        """The base address of the SDK API: the plugin's setting `service`."""
        return f"https://{HOST}:{self._port}/v1"

    @property
    def token_url(self) -> str:
        """Where tokens are given: the plugin's setting `token_url`."""
        return f"https://{HOST}:{self._port}/token"

    @property
    def rest_backend(self) -> str:
        """The base address of the access point's REST back-end: the plugin's setting `submit_to`."""
        return f"https://{HOST}:{self._port}/{ACCESS_POINT[0]}"

    @property
    def address_book(self) -> str:
        """The base address of the address book: the plugin's setting `address_book`."""
        return f"https://{HOST}:{self._port}/{'/'.join(BOOK)}"

    def start(self) -> Self:
        """Listen, on the same port as before after a `stop_listening`."""
        if self._server is None:
            self._server = _Server(self._port, self.service, self.book, self.certificates)
            self._server.access_point = self.access_point
            self._port = self._server.server_port
            self.book.base = self.address_book
            serve = {"poll_interval": 0.05}
            self._thread = threading.Thread(target=self._server.serve_forever, kwargs=serve, name="siphub-sdk-sandbox", daemon=True)
            self._thread.start()
        return self

    def stop_listening(self) -> None:
        """Close the port and every connection, until `start`. What the service has stays."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    def stop(self) -> None:
        """Stop for good; ledgers can still be read. May be called twice."""
        self.stop_listening()
        if self._own is not None:
            self._own.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "siphub-sandbox"
    sys_version = ""
    timeout = 30
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Make the TLS handshake; a client that does not trust us ends here, as an OSError."""
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        super().setup()

    def parse_request(self) -> bool:
        """Keep what stands above the body."""
        whole = super().parse_request()
        if whole:
            self.server.service.heads.append(f"{self.requestline}\n{self.headers}")
        return whole

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: what came stands in the ledgers."""

    def do_POST(self) -> None:
        """Give a token, or take a new message."""
        match self._path():
            case ["token"]:
                self._token()
            case path if path == _MESSAGES:
                self._new_message()
            case path if tuple(path) == ACCESS_POINT:
                self._submitted()
            case _:
                self.close_connection = True
                self._answer(Said(HTTPStatus.NOT_FOUND))

    def do_GET(self) -> None:
        """Answer a question about messages, or give a page of the address book."""
        path = self._path()
        if path[:2] == BOOK and len(path) == len(BOOK) + 1:
            self._book_page(path[2])
            return
        self._asked(lambda rest: self.server.service.get(rest) if rest else self.server.service.listed(self._filters()))

    def do_PUT(self) -> None:
        """Let something go wrong with the address book."""
        body = self._body(counted=False)
        try:
            fault = fault_from(json.loads(body or b"")) if self._path() == _BOOK_FAULT else None
        except ValueError:
            fault = None
        if fault is not None:
            self.server.book.faults.add(fault)
        self._answer(Said(HTTPStatus.NO_CONTENT if fault is not None else HTTPStatus.BAD_REQUEST))

    def do_DELETE(self) -> None:
        """Take away a message, or the address book's faults."""
        if self._path() == _BOOK_FAULT:
            self.server.book.faults.clear()
            self._answer(Said(HTTPStatus.NO_CONTENT))
            return
        self._asked(self._deleted)

    def _deleted(self, message_id: str) -> Said:
        if not self.server.service.knows(self.headers.get("Authorization", ""), DELETE):
            return Said(HTTPStatus.FORBIDDEN)
        return self.server.service.delete(message_id) if message_id else Said(HTTPStatus.NOT_FOUND)

    def _asked(self, answer: Any) -> None:
        path, service = self._path(), self.server.service
        if path[:3] != _MESSAGES or len(path) > len(_MESSAGES) + 1:
            self._answer(Said(HTTPStatus.NOT_FOUND))
        elif not service.knows(self.headers.get("Authorization", "")):
            self._answer(Said(HTTPStatus.UNAUTHORIZED))
        elif self._survives(service.ask_faults.take()):
            self._answer(answer(path[3] if len(path) > len(_MESSAGES) else ""))

    def _book_page(self, resource: str) -> None:
        book = self.server.book
        if not self._survives(book.faults.take()):
            return
        asked = dict(parse_qsl(urlsplit(self.path).query)).get("page[number]", "1")
        number = int(asked) if re.fullmatch("[0-9]{1,6}", asked) else 0
        page = book.page(resource, number, self.headers.get("If-None-Match", ""), self.headers.get("If-Modified-Since", ""))
        self._send(page.status, page.body, page.media_type, page.headers)

    def _token(self) -> None:
        body = self._body(counted=False)
        if body is None or not self._survives(self.server.service.token_faults.take()):
            return
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            self._answer(Said(HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"}))
            return
        self._answer(self.server.service.token(*_credentials(self.headers.get("Authorization", "")), form.get("scope", "")))

    def _new_message(self) -> None:
        service, fault = self.server.service, self.server.service.faults.take()
        service.traffic.saw(len(self.requestline) + len(str(self.headers)))
        if fault is not None and fault.kind == "down":
            self._reset()
            return
        body = self._body(counted=True)
        if body is None or (fault is not None and fault.when == "before" and not self._survives(fault)):
            return
        if not service.knows(self.headers.get("Authorization", "")):
            self._answer(Said(HTTPStatus.UNAUTHORIZED))
            return
        said = service.take(body)
        if fault is None or fault.when == "before" or self._survives(fault):
            self._answer(said)

    def _submitted(self) -> None:
        point = self.server.access_point
        fault = point.faults.take()
        if fault is not None and fault.kind == "down":
            self._reset()
            return
        body = self._body(counted=True)
        if body is None or (fault is not None and fault.when == "before" and not self._survives(fault)):
            return
        said = Said(point.take({name.lower(): value for name, value in self.headers.items()}, body))
        if fault is None or fault.when == "before" or self._survives(fault):
            self._answer(said)

    def _survives(self, fault: Fault | None) -> bool:
        """Let a fault strike; say whether the request goes on."""
        if fault is None:
            return True
        match fault.kind:
            case "slow":
                return not self.server.ending.wait(fault.seconds)
            case "status":
                more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                self._send(fault.status, b"{}", "application/json", more)
            case "html":
                self._send(HTTPStatus.OK, _PAGE, "text/html; charset=utf-8", {})
            case _:
                self._reset()
        return False

    def _path(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

    def _filters(self) -> dict[str, str]:
        pairs = parse_qsl(urlsplit(self.path).query)
        return {found[1]: value for name, value in pairs if (found := re.fullmatch(r"filter\[([A-Za-z.]+)\]", name))}

    def _body(self, *, counted: bool) -> bytes | None:
        """Read the body, counting it as it comes; None where it was refused, or cut off."""
        text = self.headers.get("Content-Length", "")
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else MAX_BYTES * 2  # noqa: PLR2004 - longer is no length
        if size > MAX_BYTES * 4 // 3:
            self.close_connection = True
            self._answer(Said(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return None
        parts: list[bytes] = []
        while size > 0 and (part := self.rfile.read1(min(size, _CHUNK))):
            if counted:
                self.server.service.traffic.saw(len(part))
            parts.append(part)
            size -= len(part)
        if size:
            self.close_connection = True
            return None
        return b"".join(parts)

    def _answer(self, said: Said) -> None:
        body = b"" if said.document is None else json.dumps(said.document, ensure_ascii=False).encode()
        self._send(said.status, body, "application/json", {})

    def _send(self, status: int, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """Cut the connection so that the client gets a reset, not a tidy end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        os.close(self.connection.detach())


def _credentials(authorization: str) -> tuple[str, str]:
    """Return the client's id and secret of a Basic header; empty where there are none. Each is form-encoded (RFC 6749, 2.3.1) or plain."""
    try:
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)


class _Server(ThreadingHTTPServer):
    """Accepts connections; the TLS handshake is made in the connection's own thread."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 128
    access_point: AccessPoint

    def __init__(self, port: int, service: MessageService, book: AddressBookService, certificates: Certificates) -> None:
        self.service, self.book = service, book
        self.ending = threading.Event()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates.certificate, certificates.key)
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((HOST, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        wrapped = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self._open.add(wrapped)
        return wrapped, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def server_close(self) -> None:
        self.ending.set()
        super().server_close()
        with self._changed:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=_PATIENCE)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a connection that breaks: that is what this server is for. A bug is told as always."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)
