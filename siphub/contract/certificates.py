"""Our certificate for mutual TLS, as text from the folder of secrets: how it gets into a TLS context, and until when it holds.

It must never lie on a disk on the way where the system can do without, and never appear in a repr or an error.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from siphub.contract.adapter import Check
from siphub.errors import SettingsError

SOON: Final = timedelta(days=30)
"""How long before it runs out a certificate should be renewed."""


@dataclass(frozen=True, slots=True, repr=False)
class ClientCertificate:
    """A certificate with its chain, and its private key: both PEM, the key without a password."""

    chain: str
    key: str

    def ends_at(self) -> datetime:
        """Return when the first of the chain to run out does, aware, UTC.

        Raises:
            SettingsError: `http.certificate_wrong`; there is no certificate in it.
        """
        from cryptography import x509

        try:
            return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(self.chain.encode()))
        except ValueError:
            pass  # told below, outside the handler
        raise _wrong()

    def check(self, said: str, renew: str, now: datetime) -> Check:
        """Say how long it holds; it is not well where it has run out, or is about to (`SOON`).

        Args:
            said: What it is called, such as `access journal: our certificate`.
            renew: The file to renew when it must be.
            now: The time, UTC.

        Raises:
            SettingsError: `http.certificate_wrong`; there is no certificate in it.
        """
        ends = self.ends_at()
        if ends - now >= SOON:
            return Check(ok=True, what=f"{said} holds until {ends:%Y-%m-%d}")
        when = f"ran out on {ends:%Y-%m-%d}" if ends <= now else f"runs out on {ends:%Y-%m-%d}"
        return Check(ok=False, what=f"{said} {when}: renew {renew} and its key")

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a TLS context show it.

        Raises:
            SettingsError: `http.certificate_wrong`; it is no PEM, or key and certificate do not belong together.
        """
        try:
            with _as_file(self.chain) as chain, _as_file(self.key) as key:
                context.load_cert_chain(chain, key, password="")
        except (OSError, ValueError):
            pass  # told below, outside the handler
        else:
            return
        raise _wrong()


def _wrong() -> SettingsError:
    return SettingsError(
        "a client certificate cannot be used: check that it and its key are PEM, that the key has no password, and that they belong together",
        code="http.certificate_wrong",
    )


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Give a text the name of a file, for the library takes nothing else: in memory on Linux, elsewhere a private file for a moment."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("siphub-tls")
        try:
            os.write(number, text.encode())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    with tempfile.TemporaryDirectory(prefix="siphub-tls-") as folder:
        file = Path(folder, "pem")
        file.touch(mode=0o600)
        file.write_text(text, "utf-8")
        yield str(file)
