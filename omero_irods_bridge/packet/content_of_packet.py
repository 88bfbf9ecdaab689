"""What is in a packet, whoever packed it, and whether all of it is there: before OMERO is changed."""

from __future__ import annotations

from dataclasses import replace

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.packet.content_of_ours import load_ours
from omero_irods_bridge.packet.content_of_stock import load_stock
from omero_irods_bridge.packet.content_selection import select
from omero_irods_bridge.packet.content_values import (
    Attachment,
    ContentFile,
    ContentFileset,
    FilesetFile,
    PacketContent,
    PacketForm,
)
from omero_irods_bridge.packet.reading import MANIFEST, TRANSFER_XML, Packet

__all__ = [
    "Attachment",
    "ContentFile",
    "ContentFileset",
    "FilesetFile",
    "PacketContent",
    "PacketForm",
    "load_content",
    "select",
]


def load_content(packet: Packet, *, places: bool = True) -> PacketContent:
    """Read what a packet says of itself, and compare it with the members that are there.

    Of a packet that we made ``bridge/omero.jsonl`` counts, and ``transfer.xml`` is not looked at. ``places``
    also looks at the place of each member (``Packet.check_places``), a small read each: who leaves that out
    does it for the members that are read, before anything is changed. What is wrong with single objects is in
    ``problems``. 10,000 images take under 150 MB.

    Raises:
        BadPacket: it is no packet, damaged, hostile, newer than this program, or contradicts itself.
        ChecksumMismatch: what the packet says of itself is not what was packed.
    """
    if not packet.has_manifest and TRANSFER_XML not in packet.members:
        raise BadPacket(
            f"This is no packet: it has neither {TRANSFER_XML} nor {MANIFEST}.",
            hint="Name a packet that omero-irods or `omero transfer` made.",
        )
    if places:
        packet.check_places()
    content = load_ours(packet) if packet.has_manifest else load_stock(packet)
    return replace(content, notices=(*map(Notice, packet.notes), *content.notices))
