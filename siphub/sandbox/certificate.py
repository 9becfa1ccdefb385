"""A throw-away certificate authority and a certificate for this machine, so that even the sandbox speaks real TLS.

The CA's private key is never written down: when the sandbox ends, nobody can sign with it. It must never be trusted by anything
but the hub that was told to trust it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=7)
"""How long the certificates hold: a demo that is left running over a weekend still works."""
HERE = ("localhost", "127.0.0.1", "::1")
"""What this machine calls itself."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files lie: the CA to trust, and the server's certificate and private key. All PEM."""

    ca: Path
    certificate: Path
    key: Path


class Authority:
    """A certificate authority that lives as long as this object. Its private key is in memory only.

    Args:
        common: Its name.
    """

    def __init__(self, common: str = "siphub sandbox CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _authority(common, self._key)

    def trust(self, file: Path) -> Path:
        """Write what others have to trust, as PEM, and return the file."""
        file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return file

    def issue(self, certificate: Path, key: Path, common: str, names: Sequence[str] = (), ends: timedelta = LIFETIME) -> None:
        """Write a certificate and its private key, as PEM, over whatever is there.

        Args:
            certificate: The file of the certificate.
            key: The file of the key; only its owner may read it.
            common: Its common name: who logs in with it.
            names: Host names and addresses it serves under.
            ends: From now; below zero it has run out.
        """
        private = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        started = _started(_name(common), self._certificate.subject, private.public_key(), ends)
        if names:
            started = started.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        signed = (
            started.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        key.touch(mode=0o600)
        key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def make_certificates(folder: Path) -> Certificates:
    """Make a CA and a certificate for localhost, 127.0.0.1 and ::1, and write them to `folder`, which must exist."""
    made = Certificates(folder / "sandbox-ca.pem", folder / "sandbox.pem", folder / "sandbox.key")
    authority = Authority()
    authority.trust(made.ca)
    authority.issue(made.certificate, made.key, "localhost", HERE)
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _started(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(ends, timedelta(0)) - timedelta(hours=1))
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority(common: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name(common)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    started = _started(name, name, key.public_key(), LIFETIME).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return started.add_extension(usage, critical=True).sign(key, hashes.SHA256())
