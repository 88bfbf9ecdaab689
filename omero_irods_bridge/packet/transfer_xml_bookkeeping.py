"""The annotations in which ``transfer.xml`` keeps where files are and where objects come from."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.packet.transfer_xml_nodes import SCHEMA_LOCATION, Node, node

NAMESPACE: Final = "openmicroscopy.org/cli/transfer"
SEVERAL_FILES: Final = "mock_folder"
"""The last part of a path that stands for all files in the folder; stock unpack takes it off."""

_SCHEMAS: Final = "https://raw.githubusercontent.com/ome/omero-cli-transfer/main/schemas"
_FIRST_ID: Final = 1 << 64


class Entry(IntEnum):
    """What a bookkeeping annotation tells, and of what."""

    IMAGE_ORIGIN = 0
    IMAGE_PATH = 1
    PLATE_ORIGIN = 2
    PLATE_PATH = 3
    FILE_PATH = 4


def entry_id(entry: Entry, number: int) -> int:
    """The id of a bookkeeping annotation of the object ``number``.

    Beyond the 64 bits that ids of OMERO have, so none of those is hit; stock takes random ones below.
    """
    return _FIRST_ID + (number << 3) + entry


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who packs what where; ``user`` and ``group`` count for objects of which the graph names none.

    ``packed_at`` is written as the local time of this machine, without a zone, as stock does.
    """

    host: str
    user: str
    group: str
    software: str
    version: str
    packed_at: datetime
    database_uuid: str | None = None


def path_node(entry: Entry, number: int, path: str, namespace: str = NAMESPACE) -> Node:
    """Where the file or files of an object are (``create_path_xml``)."""
    told = _told("CLITransferServerPath", "serverpath", [node("Path", text=path)])
    return _annotation(entry, number, namespace, told)


def origin_node(entry: Entry, number: int, provenance: Provenance, user: str, group: str) -> Node:
    """Where an object comes from (``create_provenance_metadata``, in its order).

    ``md5`` always has the word that stock unpack replaces by the hash of what it reads.
    """
    kind = "plate" if entry is Entry.PLATE_ORIGIN else "image"
    texts = {
        f"origin_{kind}_id": str(number),
        "packing_timestamp": provenance.packed_at.astimezone().strftime("%d/%m/%Y, %H:%M:%S"),
        "software": provenance.software,
        "version": provenance.version,
        "origin_hostname": provenance.host,
        "md5": "TBC",
        "original_user": user,
        "original_group": group,
        "database_id": provenance.database_uuid,
    }
    children = [node(name, text=text) for name, text in texts.items() if text is not None]
    return _annotation(entry, number, NAMESPACE, _told("CLITransferMetadata", "preparemetadata", children))


def _annotation(entry: Entry, number: int, namespace: str, told: Node) -> Node:
    attributes = {"ID": f"Annotation:{entry_id(entry, number)}", "Namespace": namespace}
    return node("XMLAnnotation", attributes, [node("Value", children=[told])])


def _told(tag: str, schema: str, children: Sequence[Node]) -> Node:
    return node(tag, {SCHEMA_LOCATION: f"{_SCHEMAS}/{schema}.xsd"}, children)


def fileset_paths(files: Iterable[SourceFile]) -> dict[int, str]:
    """What stands for the files of each fileset: the one there is, or what all of them have in common.

    Stock unpack imports the folder that all files are in, so this is right whatever lies below it.
    """
    members: dict[int, list[str]] = defaultdict(list)
    for file in files:
        if file.role is FileRole.ORIGINAL and file.fileset is not None:
            members[file.fileset].append(file.member)
    return {fileset: _path_of(paths) for fileset, paths in members.items()}


def _path_of(members: Sequence[str]) -> str:
    if len(members) == 1:
        return members[0]
    return posixpath.join(posixpath.commonpath([posixpath.dirname(one) for one in members]), SEVERAL_FILES)
