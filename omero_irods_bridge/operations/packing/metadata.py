"""The members that say what the files of a packet are; the manifest is the last of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from omero_irods_bridge import __version__
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.operations.packing.copying import Copied
from omero_irods_bridge.operations.packing.planning import SOFTWARE, PackPlan
from omero_irods_bridge.packet.deflating import Deflated, deflate
from omero_irods_bridge.packet.graph import GraphHeader, write_jsonl
from omero_irods_bridge.packet.manifest import (
    FilesetPlace,
    Manifest,
    ManifestMember,
    SourceServer,
    dump_chunks,
)
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, TRANSFER_XML
from omero_irods_bridge.packet.transfer_xml import Provenance, write_transfer_xml


def metadata_members(plan: PackPlan, copied: Sequence[Copied]) -> Iterator[tuple[str, Deflated]]:
    """Name and content of each metadata member, in the order of writing; ``copied`` are all files."""
    members = list(_file_members(copied))
    for name, chunks in ((TRANSFER_XML, _transfer_xml(plan)), (GRAPH, _graph(plan))):
        content = deflate(chunks)
        members.append(ManifestMember(name, content.size, content.sha256, FileRole.METADATA))
        yield name, content
    yield MANIFEST, deflate(dump_chunks(_manifest(plan, tuple(members))))


def _transfer_xml(plan: PackPlan) -> Iterable[bytes]:
    identity = plan.identity
    provenance = Provenance(
        host=identity.host,
        user=identity.user,
        group=identity.group,
        software="omero-irods-bridge",
        version=__version__,
        packed_at=plan.moment,
        database_uuid=identity.uuid,
    )
    return write_transfer_xml(plan.graph, plan.request.objects, plan.listing, provenance)


def _graph(plan: PackPlan) -> Iterable[bytes]:
    header = GraphHeader(
        server=plan.identity.uuid,
        omero=plan.identity.version,
        omero_py=version("omero-py"),
        roots=plan.request.objects,
    )
    return write_jsonl(plan.graph, header)


def _manifest(plan: PackPlan, members: tuple[ManifestMember, ...]) -> Manifest:
    identity = plan.identity
    return Manifest(
        created=plan.moment,
        software=SOFTWARE,
        server=SourceServer(identity.uuid, identity.host, identity.version),
        objects=plan.request.objects,
        packed_by=identity.user,
        members=members,
        note=plan.request.note,
    )


def _file_members(copied: Iterable[Copied]) -> Iterator[ManifestMember]:
    positions: Counter[int] = Counter()
    for one in copied:
        fileset = one.file.fileset
        place = None
        if fileset is not None:
            place = FilesetPlace(fileset, positions[fileset])
            positions[fileset] += 1
        yield ManifestMember(
            one.file.member, one.size, one.sha256, one.file.role, one.file.id, one.file.hash, place
        )
