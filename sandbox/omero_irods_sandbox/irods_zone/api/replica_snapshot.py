"""What a replica was when a long operation began, to find out at its end whether that still holds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError


class ReplicaSnapshot:
    """Row and file of one replica.

    Reading a large file takes long, and no lock of the catalog is held
    meanwhile; so what was read of it is recorded only if nobody wrote it since.
    The catalog knows seconds only, the file's own time tells the rest.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._file_time = _file_time(replica)

    def require_unchanged(self, catalog: Catalog) -> None:
        """Return when the replica is what it was, but for its access time and checksum. In a transaction.

        Raises:
            ZoneError: LOCKED_DATA_OBJECT_ACCESS.
        """
        known = self._replica
        now = catalog.data_objects.replica(known.data_id, known.number)
        if now is not None:
            now = dataclasses.replace(now, access_time=known.access_time, checksum=known.checksum)
        if now != known or _file_time(known) != self._file_time:
            raise ZoneError(
                "LOCKED_DATA_OBJECT_ACCESS", f"{known.path} changed while it was read. Try again."
            )


def _file_time(replica: Replica) -> int | None:
    """When the file was written, in nanoseconds; None when it is not there."""
    try:
        return Path(replica.physical_path).stat().st_mtime_ns
    except OSError:
        return None
