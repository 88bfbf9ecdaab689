"""A certificate for a zone that is asked to speak TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from omero_irods_sandbox.certificates import self_signed, write_private


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A context with the self-signed certificate kept in ``folder``, made there when it is missing.

    The certificate is good for ``localhost`` and the loopback addresses; clients
    trust it by naming the returned file as their CA certificate.
    """
    certificate, key = folder / "server.crt", folder / "server.key"
    if not (certificate.exists() and key.exists()):
        _make(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context, certificate


def _make(certificate: Path, key: Path) -> None:
    certificate.parent.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key, pem)
    certificate.write_bytes(self_signed(private).public_bytes(serialization.Encoding.PEM))
