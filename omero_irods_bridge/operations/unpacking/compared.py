"""Members of a packet that are compared with its manifest while OMERO gets them."""

from __future__ import annotations

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.operations.streaming.compared import ComparedSource
from omero_irods_bridge.ports import ByteSource


def compared_member(source: ByteSource, member: str, expected: Sha256) -> ComparedSource:
    """``source``, which raises ChecksumMismatch at its end when it is not what was packed."""
    hint = "Verify the snapshot with --data; another replica may be whole."
    return ComparedSource(source, member, expected, than="was packed", hint=hint)
