"""Which of the files of a fileset OMERO opens, where nobody says it: it has to come first.

1. A file that says by its ending that the others are parts of it (``_OPENERS``, in this order); of several
   the one nearest to the top, then the first by name.
2. Of OME-TIFFs the first by name, unless its description says that another one has the metadata
   (``BinaryOnly`` of the OME schema): then that one.
3. The first by name.

The others follow by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final

from omero_irods_bridge.packet.contents import Inflated
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.packet.tiff_description import tiff_description

_OPENERS: Final = (
    ".companion.ome",
    "/.zattrs",
    "/.zgroup",
    ".xdce",
    ".mvd2",
    ".vsi",
    ".oif",
    ".idx.xml",
    ".htd",
    ".mea",
    ".xlef",
    ".lei",
    ".mrxs",
    ".ndpis",
    ".afi",
    ".nd",
)
_OME_TIFFS: Final = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf")
_LOOKED_AT: Final = 8
"""OME-TIFFs whose descriptions are read at most."""
_FURTHEST_INFLATED: Final = 64 << 20
"""In bytes. What is before a description has to be inflated first."""
_BINARY_ONLY: Final = re.compile(rb"<(?:[A-Za-z]+:)?BinaryOnly\b[^>]*>")
_METADATA_FILE: Final = re.compile(rb"\bMetadataFile\s*=\s*[\"']([^\"']{1,1024})[\"']")


def in_order(packet: Packet, members: Sequence[str]) -> list[str]:
    """All of ``members``, the one that OMERO opens first. Reads little, and of OME-TIFFs alone."""
    by_name = sorted(members)
    if len(by_name) == 1:
        return by_name
    first = _opener(by_name) or _with_metadata(packet, by_name) or by_name[0]
    return [first, *(one for one in by_name if one != first)]


def _opener(members: Sequence[str]) -> str | None:
    ranked = [
        (rank, member.count("/"), member)
        for member in members
        for rank, ending in enumerate(_OPENERS)
        if f"/{member.lower()}".endswith(ending)
    ]
    return min(ranked)[2] if ranked else None


def _with_metadata(packet: Packet, members: Sequence[str]) -> str | None:
    """The first OME-TIFF that does not leave the metadata to another one, or that other one."""
    tiffs = [one for one in members if one.lower().endswith(_OME_TIFFS)]
    for member in tiffs[:_LOOKED_AT]:
        binary_only = _BINARY_ONLY.search(_description(packet, member))
        if binary_only is None:
            return member
        named = _METADATA_FILE.search(binary_only[0])
        if named:
            there = posixpath.join(posixpath.dirname(member), named[1].decode(errors="replace"))
            if there in members:
                return there
    return tiffs[0] if tiffs else None


def _description(packet: Packet, member: str) -> bytes:
    content = packet.member(member).open()
    furthest = _FURTHEST_INFLATED if isinstance(content, Inflated) else None
    return tiff_description(content.source(), furthest=furthest) or b""
