"""Sealing: AES-256-GCM with a fresh data key per content, wrapped by the key of its case. See docs on security for the whole chain of keys.

    sealed = version ‖ nonce ‖ wrapped data key ‖ nonce ‖ ciphertext       (1 + 12 + 48 + 12 + n + 16 bytes)

What is sealed is bound to its place (table and row), so a row's content cannot be moved into another row.
It must never cache a data key, and never let a key reach a repr, a log or an error.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from siphub.errors import Sealed

VERSION = b"\x01"
KEY_BYTES = 32
_NONCE = 12
_TAG = 16
_WRAPPED = _NONCE + KEY_BYTES + _TAG
OVERHEAD = len(VERSION) + _WRAPPED + _NONCE + _TAG
"""How many bytes sealing adds."""


def place(table: str, row_id: str) -> bytes:
    """Return the place content belongs to, as it is bound to the seal."""
    return f"{table}\x00{row_id}".encode()


def wrap(key: bytes, aad: bytes, wrapping_key: bytes) -> bytes:
    """Return `key`, encrypted under another key and bound to `aad`: 12 bytes nonce, then the ciphertext and its tag."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(wrapping_key).encrypt(nonce, key, VERSION + aad)


def unwrap(wrapped: bytes, aad: bytes, wrapping_key: bytes) -> bytes:
    """Return the key that `wrap` hid.

    Raises:
        Sealed: Another wrapping key, another `aad`, or altered bytes.
    """
    try:
        return AESGCM(wrapping_key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], VERSION + aad)
    except (InvalidTag, ValueError):
        raise Sealed("a key cannot be unwrapped: the key above it is another, or its bytes were altered") from None


def seal(plaintext: bytes, aad: bytes, case_key: bytes) -> bytes:
    """Return `plaintext` sealed under a fresh data key, which is wrapped by `case_key`; both are bound to `aad` (see `place`)."""
    data_key = AESGCM.generate_key(KEY_BYTES * 8)
    nonce = os.urandom(_NONCE)
    return VERSION + wrap(data_key, aad, case_key) + nonce + AESGCM(data_key).encrypt(nonce, plaintext, VERSION + aad)


def open_(sealed: bytes, aad: bytes, case_key: bytes) -> bytes:
    """Return what `seal` sealed.

    Raises:
        Sealed: Another key, another place, a version we do not know, or altered bytes.
    """
    if len(sealed) < OVERHEAD or sealed[:1] != VERSION:
        raise Sealed("sealed content has a form this version does not know")
    body = sealed[1:]
    data_key = unwrap(body[:_WRAPPED], aad, case_key)
    nonce, ciphertext = body[_WRAPPED : _WRAPPED + _NONCE], body[_WRAPPED + _NONCE :]
    try:
        return AESGCM(data_key).decrypt(nonce, ciphertext, VERSION + aad)
    except InvalidTag:
        raise Sealed("sealed content cannot be opened: its bytes were altered, or it belongs to another row") from None


@dataclass(frozen=True, slots=True)
class Seal:
    """A key in use: seals and opens the rows of one case, or of one owner. Fetch it before the transaction, let go of it afterwards."""

    _key: bytes = field(repr=False)

    def seal(self, table: str, row_id: str, plaintext: bytes) -> bytes:
        """Return `plaintext` sealed for one row."""
        return seal(plaintext, place(table, row_id), self._key)

    def open(self, table: str, row_id: str, sealed: bytes) -> bytes:
        """Return what was sealed for that row.

        Raises:
            Sealed: Another key, another row, or altered bytes.
        """
        return open_(sealed, place(table, row_id), self._key)
