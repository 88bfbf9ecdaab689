"""Filesets that OMERO uses where they are: which files are linked, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from omero_irods_bridge.model.errors import BridgeError, NotInPlace
from omero_irods_bridge.model.imports import LinkedFile
from omero_irods_bridge.packet.content_of_packet import ContentFileset, FilesetFile, PacketContent
from omero_irods_bridge.ports import Importer

Places = Mapping[str, PurePosixPath]
"""Where OMERO sees the members of a packet."""


def in_place_problems(content: PacketContent, places: Places, importer: Importer) -> Iterator[BridgeError]:
    """Why the filesets of a packet cannot be used where they are; looks at each file, and reads none."""
    files = [one for fileset in content.filesets for one in fileset.files]
    missing = [one.file.member for one in files if one.file.member not in places]
    if missing:
        more = f" and {len(missing) - 1:,} other files" if len(missing) > 1 else ""
        yield NotInPlace(
            f"OMERO sees {missing[0]}{more} nowhere: no path of [paths] holds a good replica.",
            hint="Add the resource and its vault to [paths], or load it without --in-place.",
        )
        return
    try:
        importer.check_in_place([_linked(one, places) for one in files])
    except NotInPlace as error:
        yield error


def linked_files(fileset: ContentFileset, places: Places) -> list[LinkedFile]:
    """The files of a fileset that has no problems."""
    return [_linked(one, places) for one in fileset.files]


def _linked(one: FilesetFile, places: Places) -> LinkedFile:
    """One without a hash of content from OMERO is compared with that of the manifest."""
    file = one.file
    sha256 = None if file.hash is not None and file.hash.proves_content else file.sha256
    return LinkedFile(one.client_path, places[file.member], file.hash, sha256, file.size)
