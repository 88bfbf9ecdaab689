"""Which kind of packet some bytes are."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.contents import read_exactly
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, Limits, Packet
from omero_irods_bridge.packet.tar_reading import BLOCK, is_tar, tar_packet
from omero_irods_bridge.packet.zip_format import END_SIGNATURE, LOCAL_SIGNATURE
from omero_irods_bridge.packet.zip_reading import zip_packet
from omero_irods_bridge.ports import ByteSource

_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def open_packet(source: ByteSource, *, limits: Limits = DEFAULT_LIMITS) -> Packet:
    """Open a zip or a tar; what it is is told by its first bytes, not by its name.

    Raises:
        BadPacket: it is neither, damaged, or hostile.
        BadName: a name in it is unsafe, or two clash.
    """
    if source.size == 0:
        raise BadPacket("The packet is empty: 0 bytes.", hint="It was not written or copied to its end.")
    first = read_exactly(source, 0, min(BLOCK, source.size), "its first block")
    if first.startswith((LOCAL_SIGNATURE, END_SIGNATURE)):
        return zip_packet(source, limits=limits)
    for magic, name in _COMPRESSED.items():
        if first.startswith(magic):
            raise BadPacket(
                f"This is a file compressed by {name}: one image of it cannot be read without all before it.",
                hint=f"Decompress it ({name} -d) and use the plain tar.",
            )
    if is_tar(first):
        return tar_packet(source, limits=limits)
    raise BadPacket(
        "This is neither a zip nor a tar.", hint="Give a packet that `omero transfer` or we made."
    )
