"""How a municipality lets us in, as its directory entry says: an API key, a user with a password, our certificate, or a certificate beside one.

Among the entry's options:

    secret          the name of a secret: an API key, or the password of `user`
    user            its user name: then `Authorization: Basic`, else `Authorization: Bearer`
    header          the header that carries the key instead, such as `X-API-Key`
    certificate     the name of our certificate for mutual TLS

In the folder of secrets, as `plugin.municipal-xml.NAME`: the secret itself, and for a certificate `NAME_certificate` (PEM, the chain after
it) and `NAME_certificate_key` (PEM without a password). The setting `clients` says to which servers each may be shown, and a directory
cannot send it anywhere else. It must never log, repeat or put into an address what lets us in.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Final

from siphub.contract import Check, ClientCertificate, Http, Origins, PluginContext, Problem, Recipient, SettingsError
from siphub.contract.origins import REFUSED, refusal
from siphub_sftp import SECRETS

OPTIONS: Final = ("secret", "user", "header", "certificate")
OF_THE_HUB: Final = ("max_concurrent", "max_per_minute", "receipt_within")
"""What the hub itself reads of an entry's options."""
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_OURS: Final = frozenset({"content-type", "idempotency-key", "host", "content-length", "transfer-encoding", "connection"})


class Access:
    """The ways in of all municipalities; clients that show a certificate are made once for each, and closed with it."""

    def __init__(self, context: PluginContext, clients: Mapping[str, Origins]) -> None:
        self._context, self._origins = context, clients
        self._clients: dict[str, Http] = {}
        self._lock = Lock()

    def headers(self, options: Mapping[str, str]) -> dict[str, str]:
        """Return the header that lets us in, or none where the entry names no secret.

        Raises:
            SettingsError: `settings.secret_missing`, there is no such secret; `settings.header_wrong`, it cannot carry a key.
        """
        name, user, header = (options.get(word, "") for word in ("secret", "user", "header"))
        if not name:
            if user or header:
                raise SettingsError("the directory entry has a user or a header, and names no secret", code="settings.secret_missing")
            return {}
        secret = self._secret(name)
        if header:
            if user or not _HEADER.fullmatch(header) or header.lower() in _OURS:
                raise SettingsError("the directory entry's header cannot carry a key", code="settings.header_wrong")
            return {header: secret}
        return {"Authorization": f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}" if user else f"Bearer {secret}"}

    def client(self, options: Mapping[str, str]) -> Http:
        """Return the client: it shows our certificate where the entry names one, and sends to no server that what lets us in is not for.

        Raises:
            SettingsError: `settings.secret_missing`, or `http.certificate_wrong`.
        """
        name, named = options.get("certificate"), _named(options)
        http = self._showing(name) if name else self._context.http
        return http.within(Origins(frozenset.intersection(*map(self._servers, named)))) if named else http

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why what an entry names may not be shown at its endpoint, or None."""
        return refusal("municipal-xml", self._origins, _named(recipient.options), recipient.endpoint)

    def check(self, options: Mapping[str, str]) -> Iterator[Check]:
        """Say what of an entry's options cannot be used, and until when its certificate holds. Asks nobody."""
        try:
            self.headers(options)
            if options.get("certificate"):
                self.client(options)
                name = options["certificate"]
                yield self._certificate(name).check(f"our certificate {name}", f"{name}_certificate", self._context.clock.now())
        except SettingsError as error:
            yield Check(ok=False, what=f"{error.detail} ({error.code})")

    def close(self) -> None:
        """Close the connections on which certificates were shown; the hub owns the others."""
        for client in self._clients.values():
            client.close()

    def unnamed(self) -> Iterator[Check]:
        """Say of each secret and certificate that no server is named for."""
        named = [name for name, value in self._context.secrets.items() if value and not name.endswith(SECRETS)]
        for name in sorted({name.removesuffix("_key").removesuffix("_certificate") for name in named}):
            if name not in self._origins:
                yield Check(ok=False, what=f"{name}: the setting clients names no server for it, so that it is sent nowhere ({REFUSED})")

    def _servers(self, name: str) -> frozenset[str]:
        return self._origins.get(name, Origins()).named

    def _showing(self, name: str) -> Http:
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self._context.http.showing(self._certificate(name))
            return self._clients[name]

    def _secret(self, name: str) -> str:
        found = self._context.secrets.get(name)
        if not found:
            raise SettingsError("the directory entry names a secret that this plugin does not have", code="settings.secret_missing")
        return found

    def _certificate(self, name: str) -> ClientCertificate:
        return ClientCertificate(self._secret(f"{name}_certificate"), self._secret(f"{name}_certificate_key"))


def _named(options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of what an entry lets us in by."""
    return tuple(name for word in ("secret", "certificate") if (name := options.get(word)))
