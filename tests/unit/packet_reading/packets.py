"""Packets of ours, made of rows; a member has as many bytes as its row says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet.file_list import source_files
from omero_irods_bridge.packet.graph import Graph, GraphHeader, write_jsonl
from omero_irods_bridge.packet.manifest import FilesetPlace, Manifest, ManifestMember, SourceServer, dump
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, Packet, folder_packet
from tests.unit.packet.sources import Bytes

SERVER: Final = SourceServer("uuid-1", "omero.example.org", "5.6.16")
CREATED: Final = datetime(2026, 11, 28, tzinfo=UTC)


def ours(
    graph: Graph,
    *objects: str,
    figures: bool = False,
    change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    change_graph: Callable[[bytes], bytes] = lambda data: data,
) -> Packet:
    """``change`` what the manifest says, ``change_graph`` after its sum was taken."""
    members, data = [], {}
    places: Counter[int | None] = Counter()
    for one in source_files(graph, figures=figures).files:
        body = b"x" * (3 if one.size is None else one.size)
        place = None if one.fileset is None else FilesetPlace(one.fileset, places[one.fileset])
        places[one.fileset] += 1
        members.append(ManifestMember(one.member, len(body), _sum(body), one.role, one.id, one.hash, place))
        data[one.member] = body
    roots = parse_objects(objects)
    lines = b"".join(write_jsonl(graph, GraphHeader(SERVER.uuid, "5.6", "5.23", roots)))
    members.append(ManifestMember(GRAPH, len(lines), _sum(lines), FileRole.METADATA))
    manifest = change(Manifest(CREATED, "ours", SERVER, roots, "ann", tuple(members)))
    data |= {GRAPH: change_graph(lines), MANIFEST: dump(manifest)}
    return folder_packet({path: Bytes(body) for path, body in data.items()})


def without_member(path: str) -> Callable[[Manifest], Manifest]:
    """The manifest without a member."""
    return lambda manifest: replace(
        manifest, members=tuple(one for one in manifest.members if one.path != path)
    )


def _sum(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())
