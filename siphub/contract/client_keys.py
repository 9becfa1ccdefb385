"""How a client shows a token server who it is: a secret, or an assertion signed with a key of its own (RFC 7523; SMART Backend Services).

Keys are an EC key on P-384 (ES384) or an RSA key of 2048 bits or more (RS384), the two that SMART servers have to take; as PEM, or as a
private JWK. It must never show a secret or a private key: only what signs with it leaves this module.
"""

from __future__ import annotations

import json
import warnings
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote_plus
from uuid import uuid4

from siphub.errors import SettingsError

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

ASSERTION_HOLDS: Final = timedelta(minutes=4)
"""SMART takes none that holds for more than five minutes from now; the fifth is left to a clock that is ahead."""
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEAST_BITS: Final = 2048


class Proof(Protocol):
    """How a client shows who it is, in one request for a token."""

    def shown(self, client_id: str, url: str, now: datetime) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the headers and the fields of the form that show it, to the token server at `url`, at `now` (UTC)."""


class ClientSecret:
    """A shared secret, in the header Authorization (`client_secret_basic`, RFC 6749, 2.3.1)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def shown(self, client_id: str, url: str, now: datetime) -> tuple[Mapping[str, str], Mapping[str, str]]:  # noqa: ARG002 - the same for every server and hour
        """Return the header."""
        pair = f"{quote_plus(client_id)}:{quote_plus(self._secret)}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}, {}


class ClientKey:
    """A private key that signs an assertion for each request (`private_key_jwt`).

    Args:
        text: PEM (not encrypted), or a private JWK as JSON.

    Raises:
        SettingsError: `settings.key_wrong`; it is none of the two kinds of key. Nothing of it is repeated.
    """

    def __init__(self, text: str) -> None:
        self._key, self.algorithm, self.kid = _read(text)

    def public(self) -> dict[str, Any]:
        """Return the public JWK, as the partner registers it: with `kid`, `alg` and `use`."""
        return {**self._key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def assertion(self, client_id: str, url: str, now: datetime) -> str:
        """Return a signed assertion for one request: issuer and subject are the client, the audience is the token server's address.

        Its `jti` is never used twice. It says no `iat`: a server whose clock is behind would refuse what was signed in its future.
        """
        from joserfc import jwt

        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": url,
            "exp": int((now + ASSERTION_HOLDS).timestamp()),
            "jti": str(uuid4()),
        }
        return jwt.encode({"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}, claims, self._key, algorithms=[self.algorithm])

    def shown(self, client_id: str, url: str, now: datetime) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the fields of the form that carry the assertion."""
        return {}, {"client_assertion_type": _ASSERTION, "client_assertion": self.assertion(client_id, url, now)}


def _read(text: str) -> tuple[ECKey | RSAKey, str, str]:
    """Return a key with its algorithm and its id: the one the JWK says, or its thumbprint (RFC 7638)."""
    from joserfc import jwk
    from joserfc.errors import JoseError

    try:
        given: Any = json.loads(text) if text.lstrip().startswith("{") else text
        kind = jwk.ECKey if _kind_of(given) == "EC" else jwk.RSAKey
        with warnings.catch_warnings(action="ignore"):  # of a short RSA key, which is refused below
            found: ECKey | RSAKey = kind.import_key(given)
        if found.is_private:
            algorithm = _algorithm(found)
            if algorithm:
                said = given.get("kid") if isinstance(given, dict) else None
                return found, algorithm, said if isinstance(said, str) and said else found.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # told below, outside the handler: an error of the library may quote the key
    raise SettingsError(
        "a client's key must be a private EC key on P-384 or a private RSA key of 2048 bits or more, as PEM without a password or as a JWK",
        code="settings.key_wrong",
    )


def _kind_of(given: Any) -> str:
    if isinstance(given, dict):
        return str(given["kty"])
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return "EC" if isinstance(load_pem_private_key(given.encode(), None), EllipticCurvePrivateKey) else "RSA"


def _algorithm(key: ECKey | RSAKey) -> str | None:
    from joserfc.jwk import ECKey

    if isinstance(key, ECKey):
        return "ES384" if key.curve_name == "P-384" else None
    return "RS384" if key.raw_value.key_size >= _LEAST_BITS else None
