"""What iRODS has, held against what was sent."""

from __future__ import annotations

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import ChecksumMismatch
from omero_irods_bridge.ports import ObjectStore


def compare(store: ObjectStore, path: str, sent: Sha256) -> None:
    """Let iRODS read what it has at ``path``.

    Raises:
        ChecksumMismatch: it has other bytes than were sent.
    """
    found = store.compute_checksum(path)
    if found != sent:
        raise ChecksumMismatch(
            f"{path} is not what was sent: iRODS computed SHA-256 {found}, sent was {sent}.",
            hint="Nothing was sealed. Run the same command again; if it fails again, the storage resource "
            "damages data: tell the administrator of iRODS.",
        )
