"""One connection to the sandbox: reads requests, lets faults strike, and answers.

Bytes of a delivery are counted in the partner's ledger as they come, before anything is decided about them.
"""

from __future__ import annotations

import io
import json
import os
import socket
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from siphub.contract.xml import MAX_BYTES
from siphub.sandbox import fhir
from siphub.sandbox.faults import Fault, fault_from
from siphub.sandbox.partner import Partner, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from siphub.sandbox.server import _Server

_CHUNK = 65536
_ADMIN_LIMIT = 4096
_PAGE = b"<!doctype html><html><title>Log in</title><body><h1>Please log in</h1></body></html>"
_RESET = struct.pack("ii", 1, 0)
_DOORS = {("sip",): "sip", ("fhir", fhir.OPERATION): "fhir"}


class CutOffError(OSError):
    """The client went away in the middle of a body."""


class _Counted(io.BufferedIOBase):
    """Reads, and adds up how long the lines of a head are; a body is counted where it is read."""

    def __init__(self, inner: io.BufferedIOBase) -> None:
        self._inner = inner
        self.count = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._inner.readline(-1 if size is None else size)
        self.count += len(line)
        return line

    def read1(self, size: int = -1, /) -> bytes:
        return self._inner.read1(size)

    def close(self) -> None:
        self._inner.close()
        super().close()


class Handler(BaseHTTPRequestHandler):
    """Answers for the partners of its server."""

    protocol_version = "HTTP/1.1"
    server_version = "siphub-sandbox"
    sys_version = ""
    timeout = 30
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server
    rfile: _Counted

    def setup(self) -> None:
        """Make the TLS handshake; a client that does not trust us ends here, as an OSError."""
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        super().setup()
        self.rfile = _Counted(self.rfile)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: what came stands in the ledger."""

    def parse_request(self) -> bool:
        """Read the rest of the head; a partner that is down cuts the connection at the first line."""
        understood = super().parse_request()
        self._head, self.rfile.count = self.rfile.count, 0
        return understood

    def do_POST(self) -> None:
        """Take a delivery."""
        partner = self._partner()
        door = _DOORS.get(tuple(self._rest))
        if partner is None or door is None:
            self._skip_and_answer(HTTPStatus.NOT_FOUND, {"error": "no such partner"})
            return
        fault = partner.faults.take()
        partner.ledger.saw(self._head)
        if fault is not None and fault.kind == "down":
            self._reset()
            return
        request = self._request(partner, door)
        if request is not None:
            self._meet(partner, request, fault)

    def do_GET(self) -> None:
        """Say whether a key arrived, or show a ledger."""
        partner = self._partner()
        match self._rest:
            case ["_ledger"] if partner:
                self._answer(HTTPStatus.OK, _book(partner))
            case ["sip", key] if partner:
                self._confirm(partner, unquote(key))
            case ["answers", *name] if partner:
                self._from_tray(partner, "/".join(name))
            case ["fhir", "metadata"] if partner:
                self._answer(HTTPStatus.OK, fhir.metadata(partner.name), media_type=fhir.MEDIA_TYPE)
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "nothing here"})

    def do_PUT(self) -> None:
        """Ask for a fault, or put an answer there."""
        partner = self._partner()
        size = self._size()
        if partner is not None and self._rest[:1] == ["_answers"] and size is not None and size <= MAX_BYTES:
            self._into_tray(partner, "/".join(self._rest[1:]), self._body(size))
            return
        if partner is None or self._rest != ["_fault"] or size is None or size > _ADMIN_LIMIT:
            self._skip_and_answer(HTTPStatus.NOT_FOUND, {"error": "nothing here"})
            return
        try:
            values = json.loads(self._body(size))
            partner.faults.add(fault_from(values if isinstance(values, dict) else {}))
        except ValueError as error:
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)})
            return
        self._answer(HTTPStatus.OK, {"waiting": len(partner.faults.waiting())})

    def do_DELETE(self) -> None:
        """Clear the faults of a partner, or hear what became of an answer."""
        partner = self._partner()
        if partner is not None and self._rest[:1] == ["answers"]:
            self._told_of(partner, unquote("/".join(self._rest[1:])))
            return
        if partner is None or self._rest != ["_fault"]:
            self._skip_and_answer(HTTPStatus.NOT_FOUND, {"error": "nothing here"})
            return
        partner.faults.clear()
        self._answer(HTTPStatus.OK, {"waiting": 0})

    def _partner(self) -> Partner | None:
        """Split the path into the partner and the rest; the admin paths name the partner last."""
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[0].startswith("_"):
            parts = [*parts[1:2], parts[0], *parts[2:]]
        self._rest = parts[1:]
        return self.server.partners.get(parts[0])

    def _meet(self, partner: Partner, request: Request, fault: Fault | None) -> None:
        """Let a fault strike before or after the partner takes the message, or none at all."""
        if fault is not None and fault.when == "before" and not self._survives(partner, request, fault):
            return
        entry, values = partner.take(request)
        if fault is not None and fault.when == "after" and not self._survives(partner, None, fault):
            return
        self._answer(entry.status, values, media_type=fhir.MEDIA_TYPE if request.door == "fhir" else "application/json")

    def _survives(self, partner: Partner, request: Request | None, fault: Fault) -> bool:
        """Let the fault strike; say whether the request goes on. `request` is given where it has not been taken yet."""
        if fault.kind == "slow":
            return not self.server.ending.wait(fault.seconds)
        if request is not None and fault.kind != "reset":
            partner.refuse(request, fault.status if fault.kind == "status" else HTTPStatus.OK, f"fault.{fault.kind}")
        match fault.kind:
            case "status":
                more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                empty = fault.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
                self._answer(fault.status, None if empty else {"status": fault.status}, more)
            case "html":
                self._send(HTTPStatus.OK, _PAGE, "text/html; charset=utf-8", {})
            case _:
                self._reset()
        return False

    def _from_tray(self, partner: Partner, name: str) -> None:
        """Give the list of what lies there, or one of it."""
        fault = partner.faults.take()
        if fault is not None and not self._survives_question(fault):
            return
        found = partner.tray.get(unquote(name)) if name else partner.tray.listed()
        if not partner.lets_in(self.headers.get("Authorization", "")):
            self._answer(HTTPStatus.UNAUTHORIZED, {"error": "unauthorised"})
        elif found is None:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "nothing here"})
        else:
            self._send(HTTPStatus.OK, found, "application/octet-stream" if name else "application/json", {})

    def _told_of(self, partner: Partner, name: str) -> None:
        """List an answer no more."""
        if not partner.lets_in(self.headers.get("Authorization", "")):
            self._answer(HTTPStatus.UNAUTHORIZED, {"error": "unauthorised"})
            return
        refused = parse_qs(self.path.partition("?")[2]).get("refused")
        there = partner.tray.take(name, refused[0] if refused else None)
        self._answer(HTTPStatus.NO_CONTENT if there else HTTPStatus.NOT_FOUND, None if there else {"error": "nothing here"})

    def _into_tray(self, partner: Partner, name: str, body: bytes) -> None:
        try:
            partner.tray.put(name, body)
        except ValueError as error:
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)})
            return
        self._answer(HTTPStatus.OK, {"waiting": len(partner.tray.names())})

    def _confirm(self, partner: Partner, key: str) -> None:
        fault = partner.faults.take()
        if fault is not None and fault.kind == "down":
            self._reset()
        elif fault is None or self._survives_question(fault):
            found = partner.ledger.holds(key)
            self._answer(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, {"taken": found})

    def _survives_question(self, fault: Fault) -> bool:
        """Let a fault strike a question: there is nothing to take or to write down."""
        match fault.kind:
            case "slow":
                return not self.server.ending.wait(fault.seconds)
            case "status":
                self._answer(fault.status, {"status": fault.status})
            case "html":
                self._send(HTTPStatus.OK, _PAGE, "text/html; charset=utf-8", {})
            case _:
                self._reset()
        return False

    def _request(self, partner: Partner, door: str) -> Request | None:
        """Read a delivery, counting its bytes as they come; None where it was answered already, or cut off."""
        size = self._size()
        if size is None or size > MAX_BYTES:
            self.close_connection = True
            status = HTTPStatus.LENGTH_REQUIRED if size is None else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._answer(status, {"error": "length" if size is None else "too_large"})
            return None
        try:
            body = self._body(size, partner)
        except OSError:
            self.close_connection = True
            return None
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Request(self.headers.get("Idempotency-Key", ""), media_type, self.headers.get("Authorization", ""), body, door)

    def _size(self) -> int | None:
        text = self.headers.get("Content-Length", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and "Transfer-Encoding" not in self.headers else None  # noqa: PLR2004 - a length that needs more digits is no length

    def _body(self, size: int, partner: Partner | None = None) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            part = self.rfile.read1(min(size, _CHUNK))
            if not part:
                raise CutOffError
            if partner is not None:
                partner.ledger.saw(len(part))
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _skip_and_answer(self, status: int, values: dict[str, object]) -> None:
        """Answer without reading the body, and close: what follows on the connection would not be a request."""
        self.close_connection = True
        self._answer(status, values)

    def _answer(
        self, status: int, values: dict[str, object] | None, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
    ) -> None:
        body = b"" if values is None else json.dumps(values).encode()
        self._send(status, body, media_type, headers or {})

    def _send(self, status: int, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", media_type)
        if status != HTTPStatus.NO_CONTENT:
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


def _book(partner: Partner) -> dict[str, object]:
    ledger = partner.ledger
    return {"partner": partner.name, "bytes_seen": ledger.bytes_seen, "entries": [entry.to_json() for entry in ledger.entries()]}
