"""A self-signed certificate, as ``omero certificates`` makes it (omero-wire.md, section 1)."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

PASSWORD: Final = "secret"  # noqa: S105  # the default of omero-certificates; the file's mode protects the key
_LIFE: Final = dt.timedelta(days=365)
_KEY_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Certificate:
    """``server.p12`` for the server, ``server.pem`` for clients that verify."""

    folder: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "server.p12"

    @property
    def authority(self) -> Path:
        return self.folder / "server.pem"


def certificate(folder: Path) -> Certificate:
    """The certificate kept in ``folder``, made there when missing; good for localhost and loopback."""
    found = Certificate(folder)
    if not (found.bundle.exists() and found.authority.exists()):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(found)
    return found


def _make(target: Certificate) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    made = _signed(key)
    # -keypbe aes-256-cbc -certpbe aes-256-cbc -macalg SHA256
    encryption = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(PASSWORD.encode())
    )
    _write_private(
        target.bundle, pkcs12.serialize_key_and_certificates(b"server", key, made, None, encryption)
    )
    target.authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.LOCALITY_NAME, "OMERO"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OMERO.server"),
            x509.NameAttribute(NameOID.COMMON_NAME, "localhost"),
        ]
    )
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day back: clocks of two machines are never the same.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
