"""A self-signed certificate, as ``omero certificates`` makes it (omero-wire.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from omero_irods_sandbox.certificates import self_signed, write_private

PASSWORD: Final = "secret"  # noqa: S105  # the default of omero-certificates; the file's mode protects the key
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
    made = self_signed(key, organization="OMERO.server", locality="OMERO")
    # -keypbe aes-256-cbc -certpbe aes-256-cbc -macalg SHA256
    encryption = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(PASSWORD.encode())
    )
    write_private(
        target.bundle, pkcs12.serialize_key_and_certificates(b"server", key, made, None, encryption)
    )
    target.authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
