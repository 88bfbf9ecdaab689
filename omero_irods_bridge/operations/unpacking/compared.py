"""Members of a packet that are compared with its manifest while OMERO gets them."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.operations.streaming.compared import ComparedSource
from omero_irods_bridge.ports import ByteSource

ANOTHER_REPLICA: Final = "Verify the snapshot with --data; another replica may be whole."


def compared_member(source: ByteSource, member: str, expected: Sha256) -> ComparedSource:
    """``source``, which raises ChecksumMismatch at its end when it is not what was packed."""
    return ComparedSource(source, member, expected, than="was packed", hint=ANOTHER_REPLICA)
