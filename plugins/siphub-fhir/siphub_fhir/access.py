"""How a partner lets us in: a fixed token, an access token by OAuth2 client credentials, our certificate, or a certificate beside a token.

A directory entry names one by the option `secret` (a fixed token) or `access`. What an `access` is stands with the administrator, not in the
directory: the setting `clients` says where its tokens come from, and files in the folder of secrets hold what shows who we are. So a directory
cannot send a key or a client secret anywhere; a token, though, goes to the endpoint of whatever entry names it. It must never show a secret.

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
    PluginContext,
    Recipient,
    SettingsError,
)
from siphub.contract.certificates import SOON
from siphub_fhir.settings import Client, FhirSettings

_ENDINGS: Final = ("_certificate_key", "_certificate", "_key", "_secret")
_OF_A_CERTIFICATE: Final = ("_certificate_key", "_certificate")
Ask = Callable[[Http, Mapping[str, str]], HttpAnswer | HttpFailure]
"""Makes one request, with a client and the headers that let us in."""


class Door:
    """One way in, as the administrator has set it up.

    Raises:
        SettingsError: A key or a certificate cannot be used, or there is nothing that shows who we are.
    """

    def __init__(self, name: str, client: Client | None, context: PluginContext, settings: FhirSettings) -> None:
        self.name, self._context = name, context
        secrets = {ending: context.secrets.get(f"{name}{ending}", "") for ending in _ENDINGS}
        self.certificate = _certificate(name, secrets)
        self.key = ClientKey(secrets["_key"]) if secrets["_key"] else None
        self._tokens: AccessTokens | None = None
        proof = self.key or (ClientSecret(secrets["_secret"]) if secrets["_secret"] else None)
        if client is not None and proof is None:
            raise SettingsError(f"there is neither {name}_key nor {name}_secret in the folder of secrets", code="settings.secret_missing")
        if client is None and proof is not None:
            raise SettingsError(f"fhir: the setting clients says nothing of {name}: where its tokens come from", code="settings.missing")
        self.http = context.http.showing(self.certificate) if self.certificate else context.http
        if client is not None and proof is not None:
            self._tokens = AccessTokens(
                self.http,
                context.clock,
                url=client.token_url,
                client_id=client.client_id,
                proof=proof,
                scopes=client.scopes,
                timeout=settings.timeout,
            )

    def through(self, ask: Ask) -> HttpAnswer | HttpFailure:
        """Make one request with what lets us in; where the partner does not take the token (401), once more with a new one.

        A 401 says that the partner has taken nothing. The second request asks for the permit again.

        Raises:
            NoToken: There is none to be had; nothing was sent.
        """
        if self._tokens is None:
            return ask(self.http, {})
        token = self._tokens.header()
        answer = ask(self.http, token)
        if isinstance(answer, HttpAnswer) and answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.forget(token)
            answer = ask(self.http, self._tokens.header())
        return answer

    def check(self, now: datetime) -> Iterator[Check]:
        """Say until when our certificate holds, which key the partner must know, and whether there is a token to be had."""
        if self.certificate is not None:
            yield _held(self.name, self.certificate.ends_at(), now)
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
        if self.http is not self._context.http:
            self.http.close()


class Doors:
    """Every way in, made at start; one that cannot be used keeps no other from being used."""

    def __init__(self, context: PluginContext, settings: FhirSettings) -> None:
        self._context = context
        self._doors: dict[str, Door] = {}
        self._broken: dict[str, SettingsError] = {}
        for name in sorted({*settings.clients, *_named(context.secrets)}):
            try:
                self._doors[name] = Door(name, settings.clients.get(name), context, settings)
            except SettingsError as error:
                self._broken[name] = error

    def through(self, recipient: Recipient, ask: Ask) -> HttpAnswer | HttpFailure:
        """Make one request by the way in that a directory entry names, or by none.

        Raises:
            SettingsError: The entry names two, or one that is not there or cannot be used; nothing was sent.
            NoToken: There is none to be had; nothing was sent.
        """
        door, secret = self.of(recipient)
        if door is not None:
            return door.through(ask)
        return ask(self._context.http, {"Authorization": f"Bearer {secret}"} if secret else {})

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


def _held(name: str, ends: datetime, now: datetime) -> Check:
    said = f"access {name}: our certificate"
    if ends <= now:
        return Check(ok=False, what=f"{said} ran out on {ends:%Y-%m-%d}: renew {name}_certificate and its key")
    if ends - now < SOON:
        return Check(ok=False, what=f"{said} runs out on {ends:%Y-%m-%d}: renew {name}_certificate and its key")
    return Check(ok=True, what=f"{said} holds until {ends:%Y-%m-%d}")
