"""The sandbox as a program: one port on loopback, TLS, keep-alive, a path for each partner, and a path to ask for faults.

    POST   /<partner>/sip          a delivery, with Idempotency-Key: 200, or what the partner refuses it with
    GET    /<partner>/sip/<key>    200 where the partner has taken that key, else 404
    POST   /<partner>/fhir/$process-message   a message Bundle: 200 with an answering Bundle, or an OperationOutcome
    GET    /<partner>/fhir/metadata           its CapabilityStatement
    GET    /<partner>/answers      what it has for the hub: {"answers": [names]}; /<partner>/answers/<name> is one of them
    DELETE /<partner>/answers/<name>   the hub has taken it, or by `?refused=<code>` says why not
    PUT    /_answers/<partner>/<name>  put something there to be fetched
    GET    /_ledger/<partner>      the partner's book as JSON, without bodies
    PUT    /_fault/<partner>       let something go wrong: the fields of a Fault as JSON; DELETE clears

It listens on loopback only, because it lets anybody who reaches it ask for faults. It must never answer for a partner it does not have.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from siphub.sandbox.certificate import Certificates, make_certificates
from siphub.sandbox.faults import Fault
from siphub.sandbox.fhir import OPERATION
from siphub.sandbox.handler import Handler
from siphub.sandbox.ledger import Ledger
from siphub.sandbox.partner import Partner, partner_from

if TYPE_CHECKING:
    from siphub.contract.context import MappingPack

HOST = "127.0.0.1"
_PATIENCE = 5.0


class Sandbox:
    """Partner municipalities, started in a thread of this process. Use it as a context manager, or call `start` and `stop`.

    Args:
        partners: Their names; each is reached at `endpoint(name)`.
        pack: The mapping pack they read with; None is the newest `municipal-sip` that ships with siphub.
        folder: Where certificates and ledgers (`<partner>.jsonl`) are written; None is a folder of its own, taken away by `stop`.
        port: 0 is any that is free.
        api_keys: For partners that want one, by name.
    """

    def __init__(
        self,
        partners: Iterable[str],
        *,
        pack: MappingPack | None = None,
        folder: Path | None = None,
        port: int = 0,
        api_keys: Mapping[str, str] | None = None,
    ) -> None:
        pack = pack or shipped_pack()
        self.partners: Mapping[str, Partner] = {name: partner_from(name, pack, folder, (api_keys or {}).get(name)) for name in partners}
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="siphub-sandbox-")
        keep = folder or Path(self._own.name if self._own else "")
        keep.mkdir(parents=True, exist_ok=True)
        self.certificates: Certificates = make_certificates(keep)
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def ca_file(self) -> Path:
        """The CA that the hub has to trust."""
        return self.certificates.ca

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"https://{HOST}:{self._port}"

    def endpoint(self, partner: str) -> str:
        """Return the address that deliveries to a partner are sent to; raises KeyError for one that is not here."""
        return f"{self.url}/{self.partners[partner].name}/sip"

    def answers_at(self, partner: str) -> str:
        """Return where a partner's answers are fetched from; the same error."""
        return f"{self.url}/{self.partners[partner].name}/answers"

    def fhir_endpoint(self, partner: str) -> str:
        """Return the address that message Bundles for a partner are sent to; the same error."""
        return f"{self.url}/{self.partners[partner].name}/fhir/{OPERATION}"

    def ledger(self, partner: str) -> Ledger:
        """Return a partner's book; raises KeyError for one that is not here."""
        return self.partners[partner].ledger

    def fault(self, partner: str, fault: Fault) -> None:
        """Let something go wrong at a partner."""
        self.partners[partner].faults.add(fault)

    def clear(self, partner: str | None = None) -> None:
        """Let nothing go wrong any more, at one partner or at all."""
        for one in self.partners.values() if partner is None else (self.partners[partner],):
            one.faults.clear()

    def start(self) -> Self:
        """Listen, on the same port as before after a `stop_listening`."""
        if self._server is None:
            self._server = _Server(self._port, self.partners, self.certificates)
            self._port = self._server.server_port
            self._thread = threading.Thread(
                target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="siphub-sandbox", daemon=True
            )
            self._thread.start()
        return self

    def stop_listening(self) -> None:
        """Close the port and every connection: from now on connections are refused, until `start`. Ledgers and faults stay."""
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


def shipped_pack() -> MappingPack:
    """Return the newest `municipal-sip` that ships with siphub."""
    from siphub.contract.context import SystemClock
    from siphub.mappings import Mappings, shipped

    return Mappings([shipped()], SystemClock()).load("municipal-sip")


class _Server(ThreadingHTTPServer):
    """Accepts connections; the TLS handshake is made in the connection's own thread, so that a slow one holds nobody up."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 128

    def __init__(self, port: int, partners: Mapping[str, Partner], certificates: Certificates) -> None:
        self.partners = partners
        self.ending = threading.Event()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates.certificate, certificates.key)
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((HOST, port), Handler)

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
