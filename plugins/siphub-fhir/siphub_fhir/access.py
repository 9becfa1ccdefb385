"""How a partner lets us in: a fixed token, an access token by OAuth2 client credentials, our certificate, or a certificate beside a token.

A directory entry names one by the option `secret` (a fixed token) or `access`. What that is stands with the administrator, not in the
directory: the setting `clients` says to which servers it may be shown and where its tokens come from, and files in the folder of secrets hold
what shows who we are. So a directory can send neither a key, a secret nor a token anywhere but to servers that the administrator has named for
it. It must never show a secret.

    NAME_key                     our private key: assertions are signed with it (SMART Backend Services, private_key_jwt)
    NAME_secret                  a client secret, where the token server wants that (client_secret_basic)
    NAME_certificate             our certificate for mutual TLS, PEM, the chain after it; shown to the token server too
    NAME_certificate_key         its private key, PEM without a password
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

from siphub.contract import (
    AccessTokens,
    Check,
    ClientCertificate,
    ClientKey,
    ClientSecret,
    Http,
    HttpAnswer,
    HttpFailure,
    NoToken,
    Origins,
    PluginContext,
    Problem,
    Recipient,
    SettingsError,
)
from siphub.contract.origins import REFUSED, refusal
from siphub_fhir.settings import FhirSettings, TokenEndpoint

_ENDINGS: Final = ("_certificate_key", "_certificate", "_key", "_secret")
_OF_A_CERTIFICATE: Final = ("_certificate_key", "_certificate")
Ask = Callable[[Http, Mapping[str, str]], HttpAnswer | HttpFailure]
"""Makes one request, with a client and the headers that let us in."""


class Door:
    """One way in, as the administrator has set it up.

    Raises:
        SettingsError: A key or a certificate cannot be used, or there is nothing that shows who we are.
    """

    def __init__(self, name: str, server: TokenEndpoint | None, origins: Origins, context: PluginContext, settings: FhirSettings) -> None:
        self.name = name
        secrets = {ending: context.secrets.get(f"{name}{ending}", "") for ending in _ENDINGS}
        self.certificate = _certificate(name, secrets)
        self.key = ClientKey(secrets["_key"]) if secrets["_key"] else None
        self._tokens: AccessTokens | None = None
        proof = self.key or (ClientSecret(secrets["_secret"]) if secrets["_secret"] else None)
        if server is not None and proof is None:
            raise SettingsError(f"there is neither {name}_key nor {name}_secret in the folder of secrets", code="settings.secret_missing")
        if server is None and proof is not None:
            raise SettingsError(f"fhir: the setting clients does not say where the tokens of {name} come from", code="settings.missing")
        self._own = context.http.showing(self.certificate) if self.certificate else None
        http = self._own or context.http
        self._http = http.within(origins)
        if server is not None and proof is not None:
            self._tokens = AccessTokens(
                http,
                context.clock,
                url=server.url,
                client_id=server.client_id,
                proof=proof,
                scopes=server.scopes,
                timeout=settings.timeout,
            )

    def through(self, ask: Ask) -> HttpAnswer | HttpFailure:
        """Make one request with what lets us in; where the partner does not take the token (401), once more with a new one.

        A 401 says that the partner has taken nothing. The second request asks for the permit again.

        Raises:
            NoToken: There is none to be had; nothing was sent.
            SettingsError: `address.origin_refused`: the address is not at a server that this is for; nothing was sent.
        """
        if self._tokens is None:
            return ask(self._http, {})
        token = self._tokens.header()
        answer = ask(self._http, token)
        if isinstance(answer, HttpAnswer) and answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.forget(token)
            answer = ask(self._http, self._tokens.header())
        return answer

    def check(self, now: datetime) -> Iterator[Check]:
        """Say until when our certificate holds, which key the partner must know, and whether there is a token to be had."""
        if self.certificate is not None:
            yield self.certificate.check(f"access {self.name}: our certificate", f"{self.name}_certificate", now)
        if self.key is not None:
            yield Check(ok=True, what=f"access {self.name}: assertions are signed with {self.key.algorithm}, kid {self.key.kid}")
        if self._tokens is not None:
            try:
                self._tokens.header()
            except NoToken as error:
                yield Check(ok=False, what=f"access {self.name}: no token: {error.detail} ({error.code})")
            else:
                yield Check(ok=True, what=f"access {self.name}: the token server gives a token")

    def close(self) -> None:
        """Close what is this door's own."""
        if self._own is not None:
            self._own.close()


class Doors:
    """Every way in, made at start; one that cannot be used keeps no other from being used."""

    def __init__(self, context: PluginContext, settings: FhirSettings) -> None:
        self._context = context
        self._origins = {name: client.origins for name, client in settings.clients.items()}
        self._doors: dict[str, Door] = {}
        self._broken: dict[str, SettingsError] = {}
        servers = {name: client.tokens for name, client in settings.clients.items() if client.tokens is not None}
        for name in sorted({*servers, *_named(context.secrets)}):
            try:
                self._doors[name] = Door(name, servers.get(name), self._origins.get(name, Origins()), context, settings)
            except SettingsError as error:
                self._broken[name] = error

    def through(self, recipient: Recipient, ask: Ask) -> HttpAnswer | HttpFailure:
        """Make one request by the way in that a directory entry names, or by none.

        Raises:
            SettingsError: The entry names two, or one that is not there, cannot be used or is not for this server; nothing was sent.
            NoToken: There is none to be had; nothing was sent.
        """
        door, secret = self.of(recipient)
        if door is not None:
            return door.through(ask)
        if not secret:
            return ask(self._context.http, {})
        bound = self._context.http.within(self._origins.get(recipient.options["secret"], Origins()))
        return ask(bound, {"Authorization": f"Bearer {secret}"})

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why what an entry names may not be shown at its endpoint, or None."""
        name = recipient.options.get("access") or recipient.options.get("secret")
        return refusal("fhir", self._origins, [name] if name else (), recipient.endpoint)

    def of(self, recipient: Recipient) -> tuple[Door | None, str]:
        """Return the way in that an entry names, or the fixed token, or neither.

        Raises:
            SettingsError: `settings.two_accesses`, `settings.access_missing`, `settings.secret_missing`, or what is wrong with it.
        """
        access, secret = recipient.options.get("access"), recipient.options.get("secret")
        if access and secret:
            raise SettingsError("the directory entry has both access and secret: leave one out", code="settings.two_accesses")
        if secret:
            found = self._context.secrets.get(secret)
            if not found:
                raise SettingsError("the directory entry names a secret that this plugin does not have", code="settings.secret_missing")
            return None, found
        if not access:
            return None, ""
        if access in self._broken:
            error = self._broken[access]
            raise SettingsError(error.detail, code=error.code)
        if access not in self._doors:
            raise SettingsError(
                "the directory entry names an access that neither the setting clients nor a secret speaks of",
                code="settings.access_missing",
            )
        return self._doors[access], ""

    def check(self, now: datetime) -> Iterator[Check]:
        """Say of each how it stands."""
        for name, error in self._broken.items():
            yield Check(ok=False, what=f"access {name}: {error.detail} ({error.code})")
        for door in self._doors.values():
            yield from door.check(now)
        for name in self._nowhere():
            yield Check(ok=False, what=f"{name}: the setting clients names no server for it, so that it is sent nowhere ({REFUSED})")

    def _nowhere(self) -> Iterator[str]:
        """Yield the ways in, and the fixed tokens, that may be shown to nobody."""
        for name in self._doors:
            if name not in self._origins:
                yield f"access {name}"
        for name, value in self._context.secrets.items():
            if value and name not in self._origins and not name.endswith(_ENDINGS):
                yield f"the secret {name}"

    def close(self) -> None:
        """Close the connections that are the doors' own."""
        for door in self._doors.values():
            door.close()


def _named(secrets: Mapping[str, str]) -> Iterator[str]:
    """Yield the accesses that there is a certificate for: they need no setting. Any other file may be a fixed token of any name."""
    for name in secrets:
        if name.endswith(_OF_A_CERTIFICATE):
            yield name.removesuffix("_key").removesuffix("_certificate")


def _certificate(name: str, secrets: Mapping[str, str]) -> ClientCertificate | None:
    chain, key = secrets["_certificate"], secrets["_certificate_key"]
    if bool(chain) != bool(key):
        missing = f"{name}_certificate_key" if chain else f"{name}_certificate"
        raise SettingsError(f"there is no {missing} in the folder of secrets", code="settings.secret_missing")
    return ClientCertificate(chain, key) if chain else None
